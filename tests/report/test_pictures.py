"""Pictures say what the data say: where a mark lies, how large it is, and what it is called."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.hazard import Level
from atalaia.domain.place import Place
from atalaia.domain.signs import SIGNS
from atalaia.domain.words import LANGUAGES
from atalaia.report.pictures import timeline as of_time
from atalaia.report.pictures.calendar import day_in_words, months
from atalaia.report.pictures.places import places_map
from atalaia.report.pictures.skill import key_mark, performance, point_name, reliability
from atalaia.report.pictures.timeline import NARROW, WIDE, timeline
from atalaia.report.reported import (
    AlertEntry,
    Bar,
    Day,
    IncidentReport,
    LeadTimeScore,
    LevelTrack,
    Limit,
    Line,
    ScorePoint,
    Spot,
    Stretch,
)
from atalaia.report.svg import Numbers
from atalaia.report.words import Say
from stories import DAY, HOUR, T0

EN, PT = Say("en"), Say("pt-BR")
FEW = settings(max_examples=25)


def drawn(markup: str) -> ElementTree.Element:
    """The picture; nothing in it lies at a place that is no number."""
    assert "nan" not in markup
    assert "inf" not in re.sub(r">[^<]*<", "><", markup)
    return ElementTree.fromstring(markup)


def texts(picture: ElementTree.Element, class_: str = "") -> list[str]:
    found = [e for e in picture.iter("text") if class_ in (e.get("class") or "")]
    return ["".join(e.itertext()) for e in found]


def marks(picture: ElementTree.Element) -> Iterator[tuple[float, float, str, str]]:
    """Middle, class and title of each mark of a level."""
    for e in picture.iter():
        class_ = e.get("class") or ""
        if not re.fullmatch(r"m l\d", class_):
            continue
        title = e.find("title")
        said = (title.text or "") if title is not None else ""
        if e.tag == "circle":
            yield number(e, "cx"), number(e, "cy"), class_, said
        elif e.tag == "rect":  # a flag
            yield (
                number(e, "x") + number(e, "width") / 2,
                number(e, "y") + number(e, "height") / 2,
                class_,
                said,
            )
        else:
            points = points_of(e)
            own = SIGNS[Level(int(class_[-1]))].corners
            wide = max(x for x, _ in points) - min(x for x, _ in points)
            scale = wide / (max(x for x, _ in own) - min(x for x, _ in own))
            yield (
                sum(x - scale * to_x for (x, _), (to_x, _) in zip(points, own, strict=True))
                / len(points),
                sum(y - scale * to_y for (_, y), (_, to_y) in zip(points, own, strict=True))
                / len(points),
                class_,
                said,
            )


def number(element: ElementTree.Element, name: str) -> float:
    value = element.get(name)
    assert value is not None
    return float(value)


def points_of(element: ElementTree.Element) -> list[tuple[float, float]]:
    found = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d") or "")
    return [(float(x), float(y)) for x, y in found]


def of_class(picture: ElementTree.Element, class_: str) -> list[ElementTree.Element]:
    return [e for e in picture.iter() if (e.get("class") or "") == class_]


# The calendar


def day(date: str, level: int = 0, **more: Any) -> Day:
    base: dict[str, Any] = {
        "incidents": int(level > 0),
        "hazards": ("wind",) if level else (),
        "is_blind": False,
        "has_data": True,
    }
    return Day(date=date, level=level, **(base | more))


@pytest.mark.parametrize(
    ("one", "english", "portuguese"),
    [
        (day("2024-05-01"), "calm", "calmo"),
        (day("2024-05-01", has_data=False), "no data", "sem dados"),
        (day("2024-05-01", is_blind=True), "a source was silent", "uma fonte sem dados"),
        (
            day("2024-05-01", 4, incidents=3, hazards=("heavy_rain", "wind")),
            "Red; 3 incidents: heavy rain, strong wind",
            "Vermelho; 3 incidentes: chuva forte, vento forte",
        ),
        (
            day("2024-05-01", 2, is_blind=True),
            "Yellow; 1 incidents: strong wind; a source was silent",
            "Amarelo; 1 incidentes: vento forte; uma fonte sem dados",
        ),
    ],
)
def test_a_day_is_told_in_words(one: Day, english: str, portuguese: str) -> None:
    fields = {f: getattr(one, f) for f in Day.__struct_fields__}
    assert day_in_words(Day(**fields), EN) == f"2024-05-01: {english}"
    assert day_in_words(one, PT).startswith("2024-05-01: ")
    assert day_in_words(one, PT).lower() == f"2024-05-01: {portuguese}".lower()


@pytest.mark.parametrize(
    ("month", "days", "first_column", "rows"),
    [
        ("2024-02", 29, 3, 5),  # a Thursday
        ("2021-02", 28, 0, 4),  # from a Monday to a Sunday
        ("2024-09", 30, 6, 6),  # a Sunday: six weeks
    ],
)
def test_a_month_has_a_column_a_weekday_and_a_row_a_week(
    month: str, days: int, first_column: int, rows: int
) -> None:
    (markup,) = months([day(f"{month}-{i:02}", 2) for i in range(1, days + 1)], EN, Numbers())
    found = [(round(x), round(y)) for x, y, _, _ in marks(drawn(markup))]
    columns, lines = sorted({x for x, _ in found}), sorted({y for _, y in found})
    assert (len(columns), len(lines)) == (7, rows)
    assert columns.index(found[0][0]) == first_column
    assert len(set(found)) == days
    height = float((drawn(markup).get("viewBox") or "").split()[3])
    assert max(lines) < height


def test_months_follow_each_other_and_each_says_how_many_days_had_something() -> None:
    days = [day("2023-12-31", 2), day("2024-01-01"), day("2024-01-02", 4)]
    first, second = (drawn(one) for one in months(days, EN, Numbers()))
    assert [e.findtext("title") for e in (first, second)] == [
        "Dec 2023: 1 day with incidents, of 1",
        "Jan 2024: 1 day with incidents, of 2",
    ]
    assert first.get("aria-labelledby") != second.get("aria-labelledby")


def test_a_day_of_which_nothing_is_known_has_no_tile() -> None:
    days = [day("2024-01-01"), day("2024-01-02", has_data=False), day("2024-01-03", is_blind=True)]
    (markup,) = months(days, EN, Numbers())
    picture = drawn(markup)
    assert len(of_class(picture, "tile")) == len(of_class(picture, "tile blind")) == 1
    assert texts(picture, "tiny")[-3:] == ["1", "2", "3"], "its number stands there all the same"


# The map


def spot(name: str, latitude: float, longitude: float, n: int = 1, level: int = 2) -> Spot:
    where = Place(id=name, name=name, latitude=latitude, longitude=longitude)
    return Spot(place=where, level=level, has_data=True, incidents=n, counts=())


PLACES = st.lists(
    st.tuples(st.floats(-85, 85), st.floats(-180, 180), st.integers(0, 500)),
    min_size=1,
    max_size=8,
)


@FEW
@given(PLACES)
def test_every_place_lies_inside_the_map_and_north_of_what_is_south(
    where: list[tuple[float, float, int]],
) -> None:
    spots = [spot(f"s{i}", y, x, n) for i, (y, x, n) in enumerate(where)]
    picture = drawn(places_map(spots, EN, "m"))
    _, _, width, height = map(float, (picture.get("viewBox") or "").split())
    at = {said.partition(":")[0]: (x, y) for x, y, _, said in marks(picture)}
    assert at.keys() == {one.place.name for one in spots}
    assert all(0 <= x <= width and 0 <= y <= height for x, y in at.values())
    for a, b in pairwise(sorted(spots, key=lambda one: -one.place.latitude)):
        assert at[a.place.name][1] <= at[b.place.name][1] + 0.1


def test_east_is_right_and_a_degree_is_as_wide_as_it_is_there() -> None:
    spots = [spot("a", 60.0, 10.0), spot("b", 60.0, 12.0), spot("c", 61.0, 10.0)]
    at = {said[0]: (x, y) for x, y, _, said in marks(drawn(places_map(spots, EN, "m")))}
    east, north = at["b"][0] - at["a"][0], at["a"][1] - at["c"][1]
    # At 60.5° two degrees of longitude are 2 · cos 60.5° = 0.985 of one of latitude.
    assert east / north == pytest.approx(2 * math.cos(math.radians(60.5)), rel=0.02)


def test_neighbours_over_the_date_line_are_neighbours() -> None:
    spots = [spot("Suva", -18.1, 178.4), spot("Apia", -13.8, -171.8)]
    picture = drawn(places_map(spots, EN, "m"))
    at = {said[:4]: x for x, _, _, said in marks(picture)}
    assert 0 < at["Apia"] - at["Suva"] < 440
    east = [one for one in texts(picture, "tiny") if one.endswith(("°E", "°W"))]
    degrees = [float(one[:-2]) * (1 if one.endswith("E") else -1) % 360 for one in east]
    assert degrees == sorted(degrees), "they go on counting over 180°"
    assert degrees[0] < 188.2 < degrees[-1] + 10


@pytest.mark.parametrize(("say", "letters"), [(EN, "NSEW"), (PT, "NSEO"), (Say("es"), "NSEO")])
def test_directions_have_the_letters_of_the_language(say: Say, letters: str) -> None:
    corners = [spot("a", 40.0, -40.0), spot("b", -40.0, 40.0)]
    said = " ".join(texts(drawn(places_map(corners, say, "m")), "tiny"))
    assert set(re.findall(r"°([A-Z])", said)) == set(letters)
    assert re.search(r"(^| )0°( |$)", said), "the equator is neither"


def test_the_largest_lies_undermost_and_size_goes_by_area() -> None:
    spots = [spot("small", 0, 0, 25), spot("large", 0.01, 0.01, 100), spot("none", 0.02, 0, 0)]
    picture = drawn(places_map(spots, EN, "m"))
    found = [(e, e.findtext("title") or "") for e in of_class(picture, "m l2")]
    assert [said.partition(":")[0] for _, said in found] == ["large", "small", "none"]
    wide = [max(x for x, _ in points_of(e)) - min(x for x, _ in points_of(e)) for e, _ in found]
    size = [one / 2 / 1.1 / 1.02 for one in wide]  # of a triangle as wide as its table says
    assert [one - 3 for one in size] == pytest.approx([11, 5.5, 0], abs=0.1)
    assert found[0][1] == "large: 100 incidents, Yellow"


def test_names_do_not_lie_on_each_other_and_the_most_concerned_has_its_own() -> None:
    crowd = [spot(f"Place number {i}", i / 1000, i / 1000, 30 - i) for i in range(30)]
    said = texts(drawn(places_map(crowd, EN, "m")), "halo")
    assert "Place number 0" in said
    assert len(said) < 30


def test_the_scale_is_as_long_as_it_says() -> None:
    """Two places a degree of latitude apart: 111 km."""
    picture = drawn(places_map([spot("a", 0, 0), spot("b", 1, 0)], EN, "m"))
    at = {said[0]: y for _, y, _, said in marks(picture)}
    (km,) = [float(one.removesuffix(" km")) for one in texts(picture) if one.endswith(" km")]
    bar = next(e for e in picture.iter("line") if e.get("class") == "axis")
    length = number(bar, "x2") - number(bar, "x1")
    assert length / (at["a"] - at["b"]) == pytest.approx(km / 111.195, rel=0.01)


# How right


def score(of: str = "all", group: str = "all", pod: float | None = 0.8, far: float | None = 0.25,
          **more: Any) -> ScorePoint:  # fmt: skip
    return ScorePoint(of, group, 8, 2, 2, pod, far, 0.6, 1.0, **more)


def unit(picture: ElementTree.Element) -> tuple[float, float, float]:
    """x of success ratio 0, y of POD 0, and the length of 1."""
    (axis,) = of_class(picture, "axis")
    (left, top), (_, foot), (right, _) = points_of(axis)
    assert foot - top == pytest.approx(right - left)
    return left, foot, right - left


def test_a_point_lies_at_its_success_ratio_and_pod() -> None:
    picture = drawn(performance([score(far_interval=(0.1, 0.4), pod_interval=(0.6, 0.9))], EN, "p"))
    left, foot, one = unit(picture)
    (circle,) = of_class(picture, "point c0")
    assert number(circle, "cx") == pytest.approx(left + 0.75 * one)
    assert number(circle, "cy") == pytest.approx(foot - 0.8 * one)
    upright, level = of_class(picture, "whisker c0")
    assert [number(upright, "y1"), number(upright, "y2")] == pytest.approx(
        [foot - 0.6 * one, foot - 0.9 * one]
    )
    assert [number(level, "x1"), number(level, "x2")] == pytest.approx(
        [left + 0.9 * one, left + 0.6 * one]
    )


def test_curves_are_those_of_their_csi() -> None:
    """Roebber 2009, equation 1: 1 / CSI = 1 / SR + 1 / POD - 1."""
    picture = drawn(performance([], EN, "p"))
    left, foot, one = unit(picture)
    curves = of_class(picture, "csi")
    for csi, curve in zip((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), curves, strict=True):
        for x, y in points_of(curve):
            ratio, pod = (x - left) / one, (foot - y) / one
            assert 1 / (1 / ratio + 1 / pod - 1) == pytest.approx(csi, abs=0.01)


def test_rays_are_those_of_their_bias() -> None:
    """POD over success ratio: more warnings than events above the diagonal."""
    picture = drawn(performance([], EN, "p"))
    left, foot, one = unit(picture)
    biases = [
        (foot - number(ray, "y2")) / (number(ray, "x2") - left) for ray in of_class(picture, "ray")
    ]
    assert biases == pytest.approx([0.3, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0], rel=0.01)
    for ray in of_class(picture, "ray"):
        assert max((number(ray, "x2") - left) / one, (foot - number(ray, "y2")) / one) <= 1.001


def test_what_cannot_be_scored_has_no_point_and_the_others_keep_their_order() -> None:
    scores = [
        score("red", "level"),
        score("mute", "source", pod=None),
        score("wind", "hazard", 0.1),
    ]
    markup = performance(scores, EN, "p")
    assert (drawn(markup).findtext("title") or "").endswith(
        "≥ Red POD 0.80, FAR 0.25; strong wind POD 0.10, FAR 0.25"
    )
    assert len(of_class(drawn(markup), "point c0")) == len(of_class(drawn(markup), "point c1")) == 1
    assert not of_class(drawn(markup), "point c2")


@pytest.mark.parametrize(
    ("of", "group", "said"),
    [("all", "all", "all"), ("wind", "hazard", "vento forte"), ("orange", "level", "≥ Laranja"),
     ("open-meteo", "source", "open-meteo")],
)  # fmt: skip
def test_a_point_is_named_in_words(of: str, group: str, said: str) -> None:
    named = point_name(score(of, group), PT)
    assert named == (PT("all") if group == "all" else said)


def test_five_points_have_five_shapes() -> None:
    shapes = set()
    for i in range(5):
        (element,) = of_class(drawn(key_mark(i, f"k{i}")), f"point c{i}")
        corners = [(round(x), round(y)) for x, y in points_of(element)]
        shapes.add((element.tag, tuple(corners)))
    assert len(shapes) == 5
    assert drawn(key_mark(5, "k")).find("circle") is not None, "then they begin anew"


def lead(source: str, ratio: float | None, n: int = 8, of: int = 10, **more: Any) -> LeadTimeScore:
    base = {"lead": "3 to 6 h", "told": of, "not_verifiable": 0, "interval": (0.5, 0.9)}
    return LeadTimeScore(
        source=source, came_true=n, false_alarms=of - n, ratio=ratio,
        **(base | more),  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_share_that_came_true_lies_between_none_and_all() -> None:
    rows = [lead("a", 0.0, 0), lead("a", 0.5, 5), lead("b", 1.0, 10)]
    picture = drawn(reliability(rows, EN, "r"))
    x = [number(e, "cx") for e in of_class(picture, "point c0")]
    track = of_class(picture, "track")[0]
    assert x[0] == number(track, "x1")
    assert x[2] == number(track, "x2")
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)
    assert texts(picture, "tick b") == ["a", "b"], "each source once, above its rows"
    assert [t for t in texts(picture) if " of " in t] == ["0 of 10", "5 of 10", "10 of 10"]


def test_what_could_not_be_verified_says_so_and_has_no_point() -> None:
    picture = drawn(reliability([lead("a", None, 0, 0, interval=None)], EN, "r"))
    assert not of_class(picture, "point c0")
    assert EN("not_verifiable") in texts(picture)


# A storm over time


def entry(version: int, at: int, level: int = 3, type_: str = "", **more: Any) -> AlertEntry:
    base = {
        "type": type_ or ("alert" if version == 1 else "update"), "reason": "onset",
        "valid_at": at, "value": 20.0, "limit": 15.0, "is_forecast": False, "source": "station",
        "text": tuple(f"text {version} {language}" for language in LANGUAGES), "measure": "value",
    }  # fmt: skip
    return AlertEntry(version=version, level=level, sent_at=at, **(base | more))


def storm(**changes: Any) -> IncidentReport:
    at = [T0 + i * HOUR for i in range(13)]
    base: dict[str, Any] = {
        "incident": "abc", "hazard": "wind", "place": "Recife <Sul>", "zone": "America/Recife",
        "status": "ended", "level": 3, "begins": T0, "ends": T0 + 12 * HOUR,
        "opened_at": T0 + 3 * HOUR, "ended_at": T0 + 9 * HOUR, "peak": 25.0,
        "peak_at": T0 + 6 * HOUR, "variable": "wind_gust_m_s", "measure": "value",
        "is_below": False, "window_s": 0, "unit": "m/s",
        "lines": (Line("station", tuple(at), tuple(5.0 + i for i in range(13))),),
        "limits": (Limit(2, Line("", (at[0], at[-1]), (10.0, 10.0))),
                   Limit(3, Line("", (at[0], at[-1]), (15.0, 15.0)))),
        "bars": (), "is_same_rule": True,
        "entries": (entry(1, T0 + 3 * HOUR), entry(2, T0 + 9 * HOUR, type_="end")),
        "lanes": (LevelTrack("abc", "wind", "Recife", (Stretch(at[3], at[9], 3),)),),
    }  # fmt: skip
    return IncidentReport(**(base | changes))


def plotted(told: IncidentReport, width: int = WIDE) -> ElementTree.Element:
    return drawn(timeline(told, EN, width, "t"))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_course_begins_at_the_left_and_ends_at_the_right_and_rises_as_it_did(width: int) -> None:
    picture = plotted(storm(), width)
    (course,) = of_class(picture, "course s0")
    points = points_of(course)
    assert len(points) == 13
    (axis,) = of_class(picture, "axis")
    assert points[0][0] == pytest.approx(number(axis, "x1"), abs=0.1)
    assert points[-1][0] == pytest.approx(number(axis, "x2"), abs=0.1)
    steps = [(b[0] - a[0], a[1] - b[1]) for a, b in pairwise(points)]
    assert len({round(x) for x, _ in steps}) <= 2
    assert all(y > 0 for _, y in steps), "up is more"


def test_a_value_at_its_limit_touches_the_limits_line() -> None:
    """Both are drawn on one scale."""
    picture = plotted(storm())
    (course,), (limit,) = of_class(picture, "course s0"), of_class(picture, "limit l3")
    assert points_of(course)[10][1] == pytest.approx(points_of(limit)[0][1], abs=0.1)


def test_labels_of_limits_do_not_lie_on_each_other() -> None:
    close = tuple(
        Limit(n, Line("", (T0, T0 + HOUR), (v, v))) for n, v in ((2, 10), (3, 10.1), (4, 10.2))
    )
    found = [y for x, y, _, said in marks(plotted(storm(limits=close, entries=()))) if not said]
    assert all(b - a >= 16.9 for a, b in pairwise(sorted(found)))
    assert len(found) == 3


def test_each_alert_is_a_flag_where_it_was_sent_with_the_text_of_the_language() -> None:
    said = [title for _, _, _, title in marks(plotted(storm())) if "text" in title]
    assert said == [
        "1 Jan 00:00: text 1 en",  # the flag
        "1 Jan 00:00: text 1 en",  # the value that decided
        "1 Jan 06:00: text 2 en",
    ]
    assert {"1", "2"} <= set(texts(plotted(storm()), "flag"))


def test_alerts_in_quick_succession_stand_in_two_rows() -> None:
    many = tuple(entry(i + 1, T0 + 3 * HOUR + i * 60) for i in range(4))
    rows = {e.get("y") for e in plotted(storm(entries=many)).iter("text")
            if "flag" in (e.get("class") or "")}  # fmt: skip
    assert len(rows) >= 2


def test_a_gap_breaks_a_course_and_a_lonely_value_is_a_dot() -> None:
    at = tuple(T0 + i * HOUR for i in (0, 1, 2, 7, 12, 13))
    picture = plotted(storm(lines=(Line("station", at, (5.0, 6.0, 7.0, 8.0, 9.0, 8.0)),)))
    assert [len(points_of(e)) for e in of_class(picture, "course s0")] == [3, 2]
    assert len(of_class(picture, "dot s0")) == 1


@FEW
@given(st.lists(st.integers(60, 40_000), min_size=1, max_size=30))
def test_parts_of_a_course_are_all_of_it_in_order_and_none_spans_a_gap(
    steps: Sequence[int],
) -> None:
    at = [T0]
    for step in steps:
        at.append(at[-1] + step)
    course = Line("x", tuple(at), tuple(float(i) for i in range(len(at))))
    parts = list(of_time._unbroken(course))
    assert [one for part in parts for one in part] == list(
        zip(course.at, course.value, strict=True)
    )
    widest = max(3 * HOUR, 4 * sorted(steps)[len(steps) // 2])
    for part in parts:
        assert all(b[0] - a[0] <= widest for a, b in pairwise(part))
    for before, after in pairwise(parts):
        assert after[0][0] - before[-1][0] > widest


def test_amounts_are_bars_that_begin_and_end_when_they_fell_within_the_picture() -> None:
    bars = (Bar(T0 - HOUR, T0 + HOUR, 4.0), Bar(T0 + HOUR, T0 + 2 * HOUR, 8.0),
            Bar(T0 + 2 * HOUR, T0 + 3 * HOUR, 0.0))  # fmt: skip
    found = of_class(plotted(storm(lines=(), bars=bars)), "bar")
    assert len(found) == 2, "of nothing nothing is drawn"
    first, second = found
    assert number(first, "x") >= 51
    assert number(second, "height") == pytest.approx(2 * number(first, "height"), abs=0.1)
    assert number(second, "width") == pytest.approx(number(first, "width"), abs=1.1)


def test_several_sources_have_a_key_and_one_has_none() -> None:
    two = tuple(Line(f"source <{i}>", (T0, T0 + HOUR), (1.0, 2.0)) for i in range(2))
    assert [t for t in texts(plotted(storm(lines=two))) if t.startswith("source")] == [
        "source <0>",
        "source <1>",
    ]
    assert "station" not in texts(plotted(storm()))


def test_where_nothing_was_measured_what_was_told_is_drawn_all_the_same() -> None:
    picture = plotted(storm(lines=(), limits=(), variable=None, unit="", peak=None, peak_at=None))
    assert not of_class(picture, "axis")
    assert {"1", "2"} <= set(texts(picture, "flag"))


def test_a_level_is_a_bar_as_thick_as_it_is_grave_within_the_picture() -> None:
    stretches = (Stretch(T0 - DAY, T0 + 4 * HOUR, 2), Stretch(T0 + 4 * HOUR, T0 + 9 * DAY, 4))
    lanes = (LevelTrack("abc", "wind", "Recife", stretches),)
    bars = [e for e in plotted(storm(lanes=lanes, entries=(), limits=())).iter("rect")
            if (e.get("class") or "").startswith("m l")]  # fmt: skip
    assert [number(e, "height") for e in bars] == [11, 17]
    assert number(bars[0], "x") >= 51
    assert number(bars[1], "x") + number(bars[1], "width") <= WIDE
    assert [e.findtext("title") for e in bars] == [
        "strong wind · Recife: Yellow",
        "strong wind · Recife: Red",
    ]


@pytest.mark.parametrize(
    ("zone", "first"), [("UTC", "1 Jan"), ("America/Recife", "1 Jan"), ("Asia/Kathmandu", "2 Jan")]
)
def test_midnights_are_those_of_the_place(zone: str, first: str) -> None:
    told = storm(zone=zone, begins=T0, ends=T0 + 3 * DAY)
    picture = plotted(told)
    assert texts(picture, "tick b")[0] == first
    day_lines = of_class(picture, "grid day")
    assert len(day_lines) == 3 if zone != "UTC" else 4
    (axis,) = of_class(picture, "axis")
    width = number(axis, "x2") - number(axis, "x1")
    offset = {"UTC": 24.0, "America/Recife": 3.0, "Asia/Kathmandu": 18.25}[zone]
    at = [number(e, "x1") - number(axis, "x1") for e in day_lines]
    assert min(x for x in at if x > 1) == pytest.approx(width * (offset % 24 or 24) / 72, abs=0.5)


@pytest.mark.parametrize("days", [1, 3, 10, 30])
def test_hours_are_named_as_many_as_there_is_room_for(days: int) -> None:
    for width in (WIDE, NARROW):
        picture = plotted(storm(ends=T0 + days * DAY, entries=(), lanes=()), width)
        upright = [e for e in picture.iter("line") if e.get("x1") == e.get("x2")]
        grid = [e for e in upright if (e.get("class") or "").startswith("grid")]
        assert 2 <= len(grid) <= width / 40


def test_a_storm_of_no_length_is_drawn() -> None:
    picture = plotted(storm(begins=T0, ends=T0))
    assert (picture.findtext("title") or "").startswith("strong wind at Recife <Sul>: gust from ")


@pytest.mark.parametrize("low", [-12.0, 0.0, 1000.0])
def test_a_calm_course_is_not_blown_up_to_nothing(low: float) -> None:
    """All values alike: there is a scale all the same."""
    flat = Line("station", (T0, T0 + HOUR), (low, low))
    picture = plotted(storm(lines=(flat,), limits=(), entries=()))
    (course,) = of_class(picture, "course s0")
    assert len({y for _, y in points_of(course)}) == 1
