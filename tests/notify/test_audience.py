"""Whom an alert concerns, against a search through everybody."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from atalaia.domain import grid as cells
from atalaia.domain.alert import Moved
from atalaia.domain.geo import EARTH_KM
from atalaia.domain.grid import Grid
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.outline import outline
from atalaia.domain.subscription import Circle, Person, Polygon, Subscription, Threshold
from atalaia.notify import audience as module
from atalaia.notify.audience import Audience, Circles, Event

RAIN = ("rain_mm", 3600)
DRY = ("relative_humidity_pct", 0)
RECIFE = (-8.054, -34.881)
OLINDA = (-8.009, -34.855)


def person(
    name: str,
    *where: Circle | Polygon,
    hazards: dict[str, str] | None = None,
    limits: Sequence[Threshold] = (),
) -> Person:
    wish = Subscription(id="s", where=where, hazards=hazards or {}, thresholds=tuple(limits))
    return Person(pseudonym=name, language="en", channels=("inbox",), subscriptions=(wish,))


def circle(latitude: float, longitude: float, radius_km: float = 25.0) -> Circle:
    return Circle(name="home", latitude=latitude, longitude=longitude, radius_km=radius_km)


def square(west: float, south: float, east: float, north: float) -> Polygon:
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return Polygon(name="field", rings=(ring,))


def rain(limit: float) -> Threshold:
    return Threshold(*RAIN, limit, "heavy_rain")


def dry(limit: float) -> Threshold:
    return Threshold(*DRY, limit, "dry_air")


def rained(low: float | None, high: float) -> Moved:
    return Moved(*RAIN, False, low, high)


def dried(low: float | None, high: float) -> Moved:
    return Moved(*DRY, True, low, high)


def at(
    point: tuple[float, float],
    level: str = "none",
    *moved: Moved,
    hazard: str = "heavy_rain",
    is_step: bool = False,
) -> Event:
    return Event(
        hazard=hazard,
        level=LEVEL_OF[level],
        latitudes=(point[0],),
        longitudes=(point[1],),
        moved=moved,
        is_step=is_step,
    )


def told(audience: Audience, *events: Event) -> list[tuple[int, str, float | None]]:
    """(event, pseudonym, limit or None), sorted."""
    concern = audience.concerned(events)
    assert (concern.event.dtype, concern.person.dtype) == (np.int32, np.int32)
    rows = zip(concern.event.tolist(), concern.person.tolist(), concern.limit.tolist(), strict=True)
    found = [(e, audience.names[p], None if math.isnan(x) else x) for e, p, x in rows]
    assert len({row[:2] for row in found}) == len(found), "one row an event and person"
    return sorted(found, key=lambda row: row[:2])


def everybody(*people: Person) -> Audience:
    audience = Audience()
    audience.put_all(people)
    return audience


# Levels and limits


def test_a_level_concerns_whoever_asked_for_it_or_less() -> None:
    audience = everybody(
        person("any", circle(*RECIFE), hazards={"heavy_rain": "yellow"}),
        person("bad", circle(*RECIFE), hazards={"heavy_rain": "red"}),
        person("wind", circle(*RECIFE), hazards={"wind": "yellow"}),
    )
    assert told(audience, at(RECIFE, "yellow")) == [(0, "any", None)]
    assert told(audience, at(RECIFE, "red")) == [(0, "any", None), (0, "bad", None)]


def test_watch_is_for_nobody_who_did_not_ask_for_it() -> None:
    audience = everybody(
        person("asked", circle(*RECIFE), hazards={"heavy_rain": "watch"}),
        person("did not", circle(*RECIFE), hazards={"heavy_rain": "yellow"}),
        person("own limit", circle(*RECIFE), limits=[rain(35)]),
    )
    assert told(audience, at(RECIFE, "watch", rained(None, 15))) == [(0, "asked", None)]


def test_an_own_limit_is_told_once_when_the_peak_comes_through_it() -> None:
    audience = everybody(person("own", circle(*RECIFE), limits=[rain(35)]))
    assert told(audience, at(RECIFE, "red")) == []
    assert told(audience, at(RECIFE, "orange", rained(None, 34.9))) == []
    assert told(audience, at(RECIFE, "orange", rained(30, 35))) == [(0, "own", 35)]
    assert told(audience, at(RECIFE, "orange", rained(None, 90))) == [(0, "own", 35)]
    assert told(audience, at(RECIFE, "red", rained(35, 70))) == []


def test_where_small_values_are_dangerous_the_peak_comes_down_through_it() -> None:
    audience = everybody(person("own", circle(*RECIFE), limits=[dry(25)]))
    for moved, is_told in [
        (dried(None, 24), True),
        (dried(28, 25), True),
        (dried(25, 20), False),
        (dried(28, 26), False),
    ]:
        found = told(audience, at(RECIFE, "yellow", moved, hazard="dry_air"))
        assert found == ([(0, "own", 25)] if is_told else [])


def test_a_step_is_for_those_alone_whose_limit_it_passed() -> None:
    audience = everybody(
        person("level", circle(*RECIFE), hazards={"heavy_rain": "watch"}),
        person("own", circle(*RECIFE), hazards={"heavy_rain": "watch"}, limits=[rain(35)]),
    )
    assert told(audience, at(RECIFE, "orange", rained(30, 40), is_step=True)) == [(0, "own", 35)]


def test_limits_of_another_window_or_hazard_are_not_passed() -> None:
    audience = everybody(
        person("day", circle(*RECIFE), limits=[Threshold("rain_mm", 86400, 35, "heavy_rain")]),
        person("flood", circle(*RECIFE), limits=[Threshold("rain_mm", 3600, 35, "flood")]),
    )
    assert told(audience, at(RECIFE, "red", rained(None, 90))) == []


def test_who_matches_often_is_told_once_and_of_the_most_extreme_limit() -> None:
    audience = everybody(
        person(
            "p",
            circle(*RECIFE),
            circle(*OLINDA),
            square(-36, -9, -34, -7),
            hazards={"heavy_rain": "yellow"},
            limits=[rain(35), rain(50), rain(80)],
        )
    )
    assert told(audience, at(RECIFE, "red", rained(30, 70))) == [(0, "p", 50)]
    area = Event(
        hazard="heavy_rain",
        level=4,
        latitudes=np.array([RECIFE[0], OLINDA[0]]),
        longitudes=np.array([RECIFE[1], OLINDA[1]]),
    )
    assert told(audience, area) == [(0, "p", None)]


def test_an_event_without_a_known_place_concerns_nobody() -> None:
    audience = everybody(person("p", circle(*RECIFE), hazards={"heavy_rain": "watch"}))
    assert told(audience, Event(hazard="heavy_rain", level=4)) == []
    assert told(audience) == []
    assert told(Audience(), at(RECIFE, "red")) == []


# Places


@pytest.mark.parametrize(
    ("centre", "point", "is_told"),
    [
        ((0.0, 179.9), (0.0, -179.9), True),
        ((0.0, 179.8), (0.0, -179.9), False),
        ((0.0, -179.9), (0.0, 179.9), True),
        ((89.95, 0.0), (89.95, 180.0), True),
        ((-89.9, 10.0), (-89.9, -80.0), True),
        ((-89.8, 10.0), (-89.8, -170.0), False),
        ((90.0, 0.0), (89.8, 77.0), True),
        ((0.0, 180.0), (0.0, -180.0), True),
    ],
)
def test_circles_reach_over_the_antimeridian_and_the_poles(
    centre: tuple[float, float], point: tuple[float, float], is_told: bool
) -> None:
    audience = everybody(person("p", circle(*centre), hazards={"heavy_rain": "yellow"}))
    assert bool(told(audience, at(point, "red"))) is is_told


FIJI = ((177.0, -19.0), (-178.0, -19.0), (-178.0, -16.0), (177.0, -16.0), (177.0, -19.0))
ICE = ((0.0, -70.0), (90.0, -70.0), (180.0, -70.0), (-90.0, -70.0), (0.0, -70.0))
RING = (
    ((-40.0, -10.0), (-30.0, -10.0), (-30.0, 0.0), (-40.0, 0.0), (-40.0, -10.0)),
    ((-36.0, -6.0), (-34.0, -6.0), (-34.0, -4.0), (-36.0, -4.0), (-36.0, -6.0)),
)
TWO = (
    ((177.0, -19.0), (180.0, -19.0), (180.0, -16.0), (177.0, -16.0), (177.0, -19.0)),
    ((-180.0, -19.0), (-178.0, -19.0), (-178.0, -16.0), (-180.0, -16.0), (-180.0, -19.0)),
)
WORLD = ((-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, -90.0))


@pytest.mark.parametrize(
    ("rings", "inside", "outside"),
    [
        (
            (FIJI,),
            [(-17, 178), (-17, 179.99), (-17, -179), (-18.9, -178.1)],
            [(-17, 0), (-17, 176)],
        ),
        ((ICE,), [(-89, 12), (-71, -135), (-71, 179)], [(-69, 12), (60, 0)]),
        (RING, [(-1, -35), (-5, -37), (-7, -35)], [(-5, -35), (1, -35)]),
        (TWO, [(-17, 178), (-17, -179)], [(-17, -177), (-17, 176), (-17, 0)]),
        ((WORLD,), [(0, 0), (80, 170), (-80, -170)], []),
    ],
)
def test_outlines_may_go_over_the_antimeridian_round_a_pole_and_have_holes(
    rings: tuple[tuple[tuple[float, float], ...], ...],
    inside: list[tuple[float, float]],
    outside: list[tuple[float, float]],
) -> None:
    field = Polygon(name="field", rings=rings)
    mine = everybody(person("p", field, hazards={"heavy_rain": "yellow"}))
    warning = Event(hazard="heavy_rain", level=4, polygon=rings)
    for point in (*inside, *outside):
        expected = [(0, "p", None)] if point in inside else []
        assert told(mine, at(point, "red")) == expected
        theirs = everybody(person("p", circle(*point, 1.0), hazards={"heavy_rain": "yellow"}))
        assert told(theirs, warning) == expected


CORNERED = (((170.0, 10.0), (-170.0, 10.0), (-170.0, 20.0), (170.0, 20.0), (170.0, 10.0)),)
BOUNDED = (
    *((10.0, x) for x in (170.0, 175.0, 180.0, -180.0, -170.0)),
    *((20.0, x) for x in (170.0, -175.0)),
    (15.0, 170.0),
    (15.0, -170.0),
)
"""On its edges, its corners, and where it meets the antimeridian."""


@pytest.mark.parametrize("point", BOUNDED)
def test_a_point_on_any_edge_is_inside(point: tuple[float, float]) -> None:
    mine = everybody(
        person("p", Polygon(name="field", rings=CORNERED), hazards={"heavy_rain": "yellow"})
    )
    assert told(mine, at(point, "red")) == [(0, "p", None)]
    theirs = everybody(person("p", circle(*point, 1.0), hazards={"heavy_rain": "yellow"}))
    warning = Event(hazard="heavy_rain", level=4, polygon=CORNERED)
    assert told(theirs, warning) == [(0, "p", None)]


@pytest.mark.parametrize(
    ("mine", "is_told"),
    [
        (square(-34, -4, -20, 5), True),  # a corner in common
        (square(-50, -4, -20, -3), True),  # right through it: no corner of one in the other
        (square(-39, -9, -38, -8), True),  # within
        (square(-60, -30, -20, 20), True),  # round it
        (square(-35.5, -5.5, -34.5, -4.5), False),  # in its hole
        (square(-29, -10, -20, 0), False),  # beside it
        (square(320, -9, 321, -8), True),  # the same place, counted on eastwards
    ],
)
def test_a_polygon_is_concerned_where_it_overlaps_a_warning(mine: Polygon, is_told: bool) -> None:
    audience = everybody(person("p", mine, hazards={"heavy_rain": "yellow"}))
    warning = Event(hazard="heavy_rain", level=2, polygon=RING)
    assert bool(told(audience, warning)) is is_told


# Coming and going


def test_who_is_put_again_is_known_by_what_they_asked_last() -> None:
    audience = everybody(person("p", circle(*RECIFE), hazards={"heavy_rain": "yellow"}))
    assert told(audience, at(RECIFE, "red"))
    audience.put(person("p", circle(0, 0), hazards={"heavy_rain": "yellow"}))
    assert len(audience) == 1
    assert told(audience, at(RECIFE, "red"), at((0, 0), "red")) == [(1, "p", None)]


def test_who_is_removed_is_told_nothing_and_named_nowhere() -> None:
    audience = everybody(
        person("p", circle(*RECIFE), hazards={"heavy_rain": "yellow"}),
        person("q", circle(*RECIFE), hazards={"heavy_rain": "yellow"}),
    )
    audience.remove("p")
    audience.remove("unknown")
    assert told(audience, at(RECIFE, "red")) == [(0, "q", None)]
    assert "p" not in audience.names
    assert len(audience) == 1


def test_limits_at_a_point_are_those_of_all_who_cover_it() -> None:
    audience = everybody(
        person("a", circle(*RECIFE), limits=[rain(35), dry(25)]),
        person("b", circle(*OLINDA), limits=[rain(50), rain(35)]),
        person("c", square(-35, -9, -34, -8), limits=[rain(42.5)]),
        person("d", circle(0, 0), limits=[rain(1)]),
        person("e", circle(*RECIFE), limits=[rain(99)]),
        person("f", circle(*RECIFE), hazards={"heavy_rain": "red"}),
    )
    audience.remove("e")
    found = audience.limits_at(*RECIFE)
    assert {key: limits.tolist() for key, limits in found.items()} == {
        RAIN: [35, 42.5, 50],
        DRY: [25],
    }
    assert audience.limits_at(50, 50) == {}


# Against a search through everybody

HAZARDS = ("heavy_rain", "dry_air")
PLACES = (RECIFE, OLINDA, (0.0, 179.9), (-17.0, -179.95), (89.9, 30.0), (-89.99, -100.0))
"""Where people and events are near to each other, and where the globe is awkward."""


@st.composite
def points(draw: st.DrawFn) -> tuple[float, float]:
    if draw(st.booleans()):
        latitude, longitude = draw(st.sampled_from(PLACES))
        spread = draw(st.sampled_from([0.02, 0.3, 3.0]))
        latitude += draw(st.floats(-spread, spread))
        longitude += draw(st.floats(-spread, spread))
    else:
        latitude, longitude = draw(st.floats(-90, 90)), draw(st.floats(-180, 180))
    return max(-90.0, min(90.0, latitude)), (longitude + 180) % 360 - 180


@st.composite
def stars(draw: st.DrawFn) -> Polygon:
    """A ring round a point, with corners near and far: seldom convex."""
    latitude, longitude = draw(points())
    latitude = max(-80.0, min(80.0, latitude))
    n = draw(st.integers(3, 9))
    size = draw(st.sampled_from([0.05, 0.5, 9.0]))
    ring = [
        (
            (longitude + size * far * math.cos(i / n * math.tau) + 180) % 360 - 180,
            latitude + size * far * math.sin(i / n * math.tau),
        )
        for i in range(n)
        for far in [draw(st.floats(0.2, 1.0))]
    ]
    return Polygon(name="star", rings=((*ring, ring[0]),))


thresholds = st.one_of(
    st.integers(10, 60).map(lambda x: rain(float(x))),
    st.integers(5, 40).map(lambda x: dry(float(x))),
)
subscriptions = st.builds(
    Subscription,
    id=st.just("s"),
    where=st.lists(
        st.one_of(
            st.builds(
                lambda point, radius: circle(*point, radius),
                points(),
                st.sampled_from([0.5, 5.0, 25.0, 26.0, 90.0, 400.0, 3000.0, 15_000.0, 25_000.0]),
            ),
            stars(),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    hazards=st.dictionaries(
        st.sampled_from(HAZARDS), st.sampled_from(["watch", "yellow", "orange", "red"])
    ),
    thresholds=st.lists(thresholds, max_size=3).map(tuple),
)
moves = st.one_of(
    st.builds(rained, st.one_of(st.none(), st.integers(0, 30)), st.integers(30, 70)),
    st.builds(dried, st.one_of(st.none(), st.integers(25, 60)), st.integers(0, 25)),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    where = draw(st.lists(points(), min_size=1, max_size=3))
    return Event(
        hazard=draw(st.sampled_from(HAZARDS)),
        level=draw(st.integers(0, 4)),
        latitudes=np.array([point[0] for point in where]),
        longitudes=np.array([point[1] for point in where]),
        polygon=draw(stars()).rings if draw(st.integers(0, 2)) == 0 else None,
        moved=tuple(draw(st.lists(moves, max_size=2))),
        is_step=draw(st.integers(0, 4)) == 0,
    )


def away_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """By the haversine formula."""
    (y1, x1), (y2, x2) = ((math.radians(v) for v in point) for point in (a, b))
    h = math.sin((y2 - y1) / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin((x2 - x1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def is_within(point: tuple[float, float], polygon: Sequence[Sequence[tuple[float, float]]]) -> bool:
    """By even-odd with longitudes relative to the point; a star is under 20 degrees wide."""
    y, x = point
    odd = False
    for ring in polygon:
        seen = [((rx - x + 180) % 360 - 180, ry) for rx, ry in ring]
        if any(abs(far) > 90 for far, _ in seen):
            return False
        for (x1, y1), (x2, y2) in itertools.pairwise(seen):
            if (y1 > y) != (y2 > y):
                odd ^= x1 + (y - y1) / (y2 - y1) * (x2 - x1) > 0
    return odd


def touches(shape: Circle | Polygon, event: Event) -> bool | None:
    """None where it is too close to say, or where two polygons meet."""
    where = list(zip(event.latitudes, event.longitudes, strict=True))
    if isinstance(shape, Polygon):
        if event.polygon is not None:
            return outline(shape.rings).overlaps(outline(event.polygon))
        return any(is_within(point, shape.rings) for point in where)
    centre = (shape.latitude, shape.longitude)
    if event.polygon is not None:
        return is_within(centre, event.polygon)
    off = [away_km(centre, point) - shape.radius_km for point in where]
    if any(abs(one) < 1e-6 for one in off):
        return None
    return any(one < 0 for one in off)


def expected(people: Sequence[Person], event: Event) -> dict[str, float | None] | None:
    found: dict[str, float | None] = {}
    for one in people:
        passed: list[tuple[int, float]] = []
        is_told = False
        for wish in one.subscriptions:
            touched = [touches(shape, event) for shape in wish.where]
            if None in touched:
                return None
            if not any(touched):
                continue
            level = wish.hazards.get(event.hazard)
            is_told |= level is not None and event.level >= LEVEL_OF[level] and not event.is_step
            for i, moved in enumerate(event.moved):
                sign = -1 if moved.is_below else 1
                low = -math.inf if moved.low is None else sign * moved.low
                passed += [
                    (i, -sign * own.limit)
                    for own in wish.thresholds
                    if (own.variable, own.window_s, own.hazard)
                    == (moved.variable, moved.window_s, event.hazard)
                    and low < sign * own.limit <= sign * moved.high
                ]
        if passed:
            which, extreme = min(passed)
            found[one.pseudonym] = -extreme * (-1 if event.moved[which].is_below else 1)
        elif is_told:
            found[one.pseudonym] = None
    return found


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    st.lists(st.lists(subscriptions, max_size=3), max_size=12),
    st.lists(events(), min_size=1, max_size=5),
    st.integers(0, 12),
)
def test_it_finds_whom_a_search_through_everybody_finds(
    wishes: list[list[Subscription]], asked: list[Event], first: int
) -> None:
    people = [
        Person(pseudonym=f"p_{i}", language="en", channels=(), subscriptions=tuple(each))
        for i, each in enumerate(wishes)
    ]
    audience = everybody(*people[:first])
    audience.concerned(asked)
    audience.put_all(people[first:])
    found = told(audience, *asked)
    for i, event in enumerate(asked):
        right = expected(people, event)
        assume(right is not None)
        assert {name: limit for e, name, limit in found if e == i} == right


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_whoever_comes_and_goes_the_answers_are_those_of_a_new_audience(
    data: st.DataObject,
) -> None:
    chance = np.random.default_rng(data.draw(st.integers(0, 1000)))
    kept: dict[str, Person] = {}
    audience = Audience()
    asked = [
        at(RECIFE, "orange", rained(None, 40)),
        Event(hazard="heavy_rain", level=2, polygon=RING),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_YOUNG_MOST", int(chance.integers(1, 12)))
        for _ in range(30):
            name = f"p_{chance.integers(12)}"
            if chance.random() < 0.3:
                audience.remove(name)
                kept.pop(name, None)
            else:
                y, x = RECIFE[0] + chance.normal(0, 0.2), RECIFE[1] + chance.normal(0, 0.2)
                where = circle(y, x) if chance.random() < 0.7 else square(x, y, x + 1, y + 1)
                kept[name] = person(
                    name, where, hazards={"heavy_rain": "orange"}, limits=[rain(35), rain(45)]
                )
                audience.put(kept[name])
            if chance.random() < 0.2:
                numbers, *columns = audience.taken()
                assert [audience.names[number] for number in numbers.tolist()] == [
                    text.decode() for text in columns[0].tolist()
                ]
                audience = Audience.of(*columns)
            if chance.random() < 0.4:
                assert told(audience, *asked) == told(everybody(*kept.values()), *asked)
    assert len(audience) == len(kept)
    assert {name for name in audience.names if name} == set(kept)


def test_columns_and_people_make_the_same_audience() -> None:
    chance = np.random.default_rng(3)
    n = 2_000
    latitude, longitude = chance.normal(-8, 0.5, n), chance.normal(-35, 0.5, n)
    limit = chance.integers(10, 60, n).astype(float)
    key = chance.integers(-1, 1, n)
    wish = chance.integers(0, 3, n)
    wishes = ({}, {"heavy_rain": "yellow"}, {"heavy_rain": "red", "wind": "watch"})
    owner = np.minimum(np.arange(n), n - 5)
    names = [f"p_{i}" for i in range(n - 4)]
    bulk = Audience.of(
        names,
        Circles(
            person=owner,
            latitude=latitude,
            longitude=longitude,
            radius_km=np.full(n, 25.0),
            wish=wish,
            key=key,
            limit=limit,
            wishes=wishes,
            keys=[("heavy_rain", *RAIN)],
        ),
    )
    single = Audience()
    for i, name in enumerate(names):
        single.put(
            Person(
                pseudonym=name,
                language="en",
                channels=(),
                subscriptions=tuple(
                    Subscription(
                        id=str(j),
                        where=(circle(latitude[j], longitude[j]),),
                        hazards=wishes[wish[j]],
                        thresholds=(rain(limit[j]),) if key[j] >= 0 else (),
                    )
                    for j in np.flatnonzero(owner == i)
                ),
            )
        )
    asked = [at(RECIFE, "orange", rained(20, 40)), at(OLINDA, "red"), at((-7.5, -35.2), "watch")]
    assert told(bulk, *asked) == told(single, *asked)
    assert len(told(bulk, *asked)) > 100
    bulk.put(person("p_7", circle(0, 0), hazards={}))
    single.remove("p_7")
    assert told(bulk, *asked) == told(single, *asked)


# The grid alone, with many rows a cell


@pytest.fixture(params=[0, 1 << 30], ids=["searched", "by bits"])
def words_a_cell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cells lie is told in both ways."""
    monkeypatch.setattr(cells, "_WORDS_A_CELL", request.param)


@pytest.mark.usefixtures("words_a_cell")
@pytest.mark.parametrize("radius_km", [3.0, 25.0, 700.0])
@pytest.mark.parametrize("centre", [(-23.5, -46.6), (64.0, 179.9), (89.9, 0.0), (-90.0, 0.0)])
def test_a_grid_finds_all_circles_round_a_point(
    centre: tuple[float, float], radius_km: float
) -> None:
    chance = np.random.default_rng(5)
    latitude = np.clip(centre[0] + chance.normal(0, 0.4, 20_000), -90, 90)
    longitude = centre[1] + chance.normal(0, 0.4, 20_000)
    radius = radius_km * chance.uniform(0.5, 1.0, 20_000)
    grid = Grid(latitude, longitude, radius)
    for _ in range(5):
        y = float(np.clip(centre[0] + chance.normal(0, 0.3), -90, 90))
        x = float(centre[1] + chance.normal(0, 0.3))
        p, q = np.radians(latitude), np.radians(y)
        h = np.sin((p - q) / 2) ** 2 + np.cos(p) * np.cos(q) * (
            np.sin(np.radians(longitude - x) / 2) ** 2
        )
        (found,) = grid.around(np.array([y]), np.array([x]))
        right = np.flatnonzero(2 * EARTH_KM * np.arcsin(np.sqrt(h)) <= radius)
        assert sorted(grid.order[found].tolist()) == right.tolist()


@pytest.mark.usefixtures("words_a_cell")
@pytest.mark.parametrize("size", [0.02, 0.3, 3.0])
@pytest.mark.parametrize("centre", [(-23.5, -46.6), (64.0, 179.9), (10.0, -180.0)])
def test_a_grid_finds_all_points_within_an_outline(
    centre: tuple[float, float], size: float
) -> None:
    chance = np.random.default_rng(6)
    latitude = centre[0] + chance.normal(0, size, 20_000)
    longitude = centre[1] + chance.normal(0, size, 20_000)
    grid = Grid(latitude, longitude, np.full(20_000, 25.0))
    for n in (3, 7, 60, 800):
        angle = np.arange(n) / n * math.tau
        far = size * chance.uniform(0.3, 2.0, n)
        x, y = centre[1] + far * np.cos(angle), centre[0] + far * np.sin(angle)
        ring = [*zip(x, y, strict=True), (x[0], y[0])]
        shape = outline([ring])
        by = round((centre[1] - float(shape.x1[0])) / 360) * 360
        right = np.flatnonzero(shape.turned(by).holds(longitude, latitude))
        assert len(right)
        assert sorted(grid.order[grid.within(shape)].tolist()) == right.tolist()


def test_bits_tell_where_any_key_lies_as_a_search_does() -> None:
    chance = np.random.default_rng(8)
    for n, n_keys in ((1, 1), (1, 64), (64, 64), (500, 2_000), (300, 100_000)):
        occupied = np.sort(chance.choice(n_keys, n, replace=False)).astype(np.int32)
        ranks = cells._Ranks.of(occupied, n_keys)
        keys = np.arange(n_keys + 1)
        if ranks is None:
            assert n_keys > 4 * 64 * n
            continue
        assert ranks.before(keys).tolist() == np.searchsorted(occupied, keys).tolist()


@pytest.mark.parametrize("at_once", [1, 100])
def test_many_are_asked_about_at_once_as_one_by_one(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(7)
    y, x = chance.uniform(-90, 90, 20_000), chance.uniform(-180, 180, 20_000)
    y[:9_000], x[:9_000] = chance.normal(-17, 1, 9_000), 180 + chance.normal(0, 1, 9_000)
    grid = Grid(y, x, chance.uniform(0, 400, 20_000))
    points = np.array([(-17, 179.9), (-17, -179.9), (90, 0), (0, 0), (-18, 178), (-90, 9)])
    shapes = [outline(rings) for rings in (CORNERED, (FIJI,), TWO, (ICE,), RING, (WORLD,))]
    around = [next(grid.around(*point.reshape(2, 1))) for point in points]
    within = [grid.within(shape) for shape in shapes]
    assert min(map(len, (*around[:2], *within))) > 10
    for name in (
        "_ROWS_AT_ONCE",
        "_ROWS_OF_POINTS",
        "_CELLS_AT_ONCE",
        "_PAIRS_AT_ONCE",
        "_AT_ONCE",
    ):
        monkeypatch.setattr(cells, name, at_once)
    for alone, found in (
        (around, grid.around(points[:, 0], points[:, 1])),
        (within, (rows for some in grid.within_all(shapes) for rows in some.each())),
    ):
        assert [sorted(one.tolist()) for one in alone] == [sorted(one.tolist()) for one in found]
