from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest

from atalaia.domain.geo import bearing_deg, distance_km
from atalaia.domain.hazard import Hazard
from atalaia.domain.hull import RADIUS_KM, middle_of, outline_of
from atalaia.domain.link import Spots
from atalaia.domain.linking import Neighbours
from atalaia.domain.official import Official
from atalaia.domain.place import Place, Places
from atalaia.domain.spells import FAMILIES, Telling, said_by
from atalaia.domain.systems import SystemLog, WeatherSystem
from atalaia.domain.whereabouts import Whereabouts, named
from contracts.state_contract import entry

HOUR = 3600
NOON = 1_714_478_400
COAST = Places(
    Place(id=id_, name=id_, latitude=latitude, longitude=longitude)
    for id_, latitude, longitude in (
        ("goiana", -7.56, -35.00),
        ("recife", -8.05, -34.88),
        ("caruaru", -8.28, -35.98),
        ("palmares", -8.68, -35.59),
        ("maceio", -9.67, -35.74),
        ("natal", -5.79, -35.21),
    )
)
NEAR = Neighbours(COAST)


def tells(
    place: str,
    at: float,
    *,
    key: str = "",
    version: int = 1,
    last: bool = False,
    hazard: str = "heavy_rain",
    level: str = "orange",
    ahead: float | None = None,
    lasts: float = 0.0,
    also: tuple[str, ...] = (),
) -> Telling:
    """At so many hours after noon it is told of `place`; `ahead`: forecast for so much later."""
    begins_at = NOON + (at + (ahead or 0)) * HOUR
    return Telling(
        incident=key or f"{place}-{hazard}",
        version=version,
        hazard=hazard,
        level=level,
        sent_at=NOON + int(at * HOUR),
        is_last=last,
        is_expired=False,
        is_measured=ahead is None,
        begins_at=int(begins_at),
        ends_at=int(begins_at + lasts * HOUR),
        places=(place, *also),
    )


def over(place: str, at: float, *, hazard: str = "heavy_rain") -> Telling:
    return tells(place, at, version=2, last=True, hazard=hazard)


def systems(*told: Telling) -> list[WeatherSystem]:
    log = SystemLog(COAST, NEAR)
    log.take(told)
    return log.systems()


def together(found: Sequence[WeatherSystem]) -> list[tuple[str, ...]]:
    return [one.places for one in found if one.status != "joined"]


def test_rain_at_places_that_are_near_is_one_system_and_far_rain_is_another() -> None:
    found = systems(tells("recife", 0), tells("goiana", 1), tells("maceio", 1))
    assert together(found) == [("goiana", "recife"), ("maceio",)]
    assert [one.system for one in found] == ["recife-heavy_rain", "maceio-heavy_rain"]


def test_what_lies_between_two_links_them() -> None:
    km = distance_km(-8.05, -34.88, -8.68, -35.59)
    assert 75 < km < 150
    apart = systems(tells("goiana", 0), tells("caruaru", 0))
    assert together(apart) == [("caruaru",), ("goiana",)]
    (line,) = systems(tells("palmares", 0), tells("caruaru", 0))
    assert line.places == ("caruaru", "palmares")


def test_the_wind_of_a_storm_is_of_it_and_the_heat_beside_it_is_not() -> None:
    found = systems(
        tells("recife", 0),
        tells("goiana", 0, hazard="wind"),
        tells("recife", 0, hazard="wind"),
        tells("goiana", 0, hazard="heat"),
    )
    assert [one.family for one in found] == ["heat", "storm"]
    assert found[1].hazards == ("wind", "heavy_rain")


def test_a_storm_that_goes_on_to_the_next_place_within_three_hours_is_the_same() -> None:
    goes_on = tells("recife", 0), over("recife", 1)
    assert len(systems(*goes_on, tells("goiana", 4))) == 1
    assert len(systems(*goes_on, tells("goiana", 4.01))) == 2


def test_the_rain_of_now_is_not_that_of_tomorrows_forecast() -> None:
    now = tells("recife", 0)
    assert len(systems(now, tells("goiana", 0, ahead=24))) == 2
    assert len(systems(now, tells("goiana", 0, ahead=2))) == 1
    # Tomorrow has come, and it still rains at the one as it now does at the other.
    met = systems(now, tells("goiana", 0, ahead=24), tells("goiana", 24, version=2))
    assert [(one.status, one.joined) for one in met] == [
        ("open", None),
        ("joined", "goiana-heavy_rain"),
    ]


def test_two_forecasts_of_one_night_are_one_system() -> None:
    assert len(systems(tells("recife", 0, ahead=20, lasts=2), tells("goiana", 3, ahead=22))) == 1
    assert len(systems(tells("recife", 0, ahead=20), tells("goiana", 3, ahead=22))) == 2


BETWEEN = tells("caruaru", 4, key="between", hazard="wind", also=("recife",))


def test_of_two_that_meet_the_older_goes_on_and_the_younger_says_so() -> None:
    told = [tells("goiana", 0), tells("caruaru", 1), tells("palmares", 2), tells("recife", 3)]
    assert together(systems(*told)) == [("goiana", "recife"), ("caruaru", "palmares")]
    whole, younger = systems(*told, BETWEEN)
    assert whole.system == "goiana-heavy_rain"
    assert whole.joined_by == ("caruaru-heavy_rain",)
    assert len(whole.incidents) == 5
    assert younger.system == "caruaru-heavy_rain"
    assert (younger.status, younger.joined) == ("joined", whole.system)
    assert younger.ended_at == NOON + 4 * HOUR
    assert younger.incidents == ("caruaru-heavy_rain", "palmares-heavy_rain")


def test_a_system_is_over_when_the_last_of_it_is() -> None:
    told = [tells("recife", 0), tells("goiana", 1), over("recife", 2)]
    (open_one,) = systems(*told)
    assert (open_one.status, open_one.ended_at, open_one.standing) == ("open", None, ("goiana",))
    (ended,) = systems(*told, over("goiana", 5))
    assert (ended.status, ended.ended_at, ended.standing) == ("over", NOON + 5 * HOUR, ("goiana",))
    assert ended.places == ("goiana", "recife")


def test_what_never_came_to_yellow_is_of_no_system_and_no_bridge() -> None:
    watch = tells("recife", 0, level="watch")
    assert systems(watch) == []
    (one,) = systems(watch, tells("recife", 2, version=2, level="yellow"))
    assert one.started_at == NOON + 2 * HOUR


def test_levels_are_the_highest_that_stands_and_that_ever_stood() -> None:
    (one,) = systems(
        tells("recife", 0, level="red"),
        tells("goiana", 0, level="yellow"),
        over("recife", 1),
    )
    assert (one.level, one.peak_level) == ("yellow", "red")


def test_growth_and_movement_are_those_of_three_hours() -> None:
    (one,) = systems(
        tells("palmares", 1), tells("caruaru", 2), over("palmares", 3), BETWEEN, tells("goiana", 4)
    )
    assert (one.standing, one.standing_before) == (("goiana", "recife", "caruaru"), 1)
    assert one.moved_km is not None
    assert 30 < one.moved_km < 120
    assert one.bearing_deg is not None
    assert 0 < one.bearing_deg < 90, "to the northeast"


def test_an_official_warning_is_of_no_system() -> None:
    own = entry("i")
    official = Official(identifier="1", sender="met", issuer="Met", type="Alert", sent_at=NOON)
    told = said_by(own)
    assert told is not None
    assert (told.incident, told.sent_at, told.places) == ("i", own.alert.sent_at, ("poa",))
    assert said_by(msgspec.structs.replace(own, official=official)) is None


def test_each_hazard_of_the_weather_is_of_one_family() -> None:
    hazards = [hazard for some in FAMILIES.values() for hazard in some]
    assert sorted([*hazards, Hazard.CANNOT_SEE]) == sorted(Hazard)


# The outline


def spots(*points: tuple[float, float]) -> Spots:
    return Spots.of(
        Place(id=str(i), name="", latitude=latitude, longitude=longitude)
        for i, (latitude, longitude) in enumerate(points)
    )


def rings_of(*points: tuple[float, float]) -> list[list[tuple[float, float]]]:
    found = outline_of(spots(*points))
    polygons = found["coordinates"]
    return [ring for (ring,) in ([polygons] if found["type"] == "Polygon" else polygons)]


def area(ring: Sequence[tuple[float, float]]) -> float:
    """Shoelace; positive: counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def test_an_outline_is_a_closed_ring_ten_kilometres_round_its_places() -> None:
    (ring,) = rings_of((-8.05, -34.88))
    assert ring[0] == ring[-1]
    assert area(ring) > 0, "counter-clockwise, as RFC 7946 wants it"
    for longitude, latitude in ring:
        assert distance_km(-8.05, -34.88, latitude, longitude) == pytest.approx(RADIUS_KM, rel=0.02)


def test_an_outline_holds_all_its_places_and_is_convex() -> None:
    points = [(-8.0 + 0.1 * (i * 7 % 11), -35.0 + 0.13 * (i * 5 % 9)) for i in range(40)]
    (ring,) = rings_of(*points)
    for a, b in pairwise(ring):
        for latitude, longitude in points:
            assert (b[0] - a[0]) * (latitude - a[1]) - (b[1] - a[1]) * (longitude - a[0]) > 0


def test_an_outline_over_the_antimeridian_is_cut_there() -> None:
    rings = rings_of((-17.0, 179.9), (-17.2, -179.8))
    assert len(rings) == 2
    assert all(-180 <= x <= 180 for ring in rings for x, _ in ring)
    whole = area(rings_of((-17.0, 9.9), (-17.2, 10.2))[0])
    assert sum(map(area, rings)) == pytest.approx(whole, rel=1e-3)


def test_the_middle_of_places_on_both_sides_of_the_antimeridian_is_there() -> None:
    latitude, longitude = middle_of(spots((-17.0, 179.0), (-17.0, -178.0)))
    assert (latitude, longitude) == pytest.approx((-17.0, -179.5))


def test_a_bearing_is_clockwise_from_north() -> None:
    ways = [bearing_deg(0, 0, *there) for there in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    assert ways == pytest.approx([0, 90, 180, 270])
    assert bearing_deg(60, -30, 60, -30) == 0
    assert math.isclose(bearing_deg(0, 179.5, 0, -179.5), 90)


# The name


def whereabouts(
    n: int = 31, *regions: str, place: str = "", part: str = "", town: str = ""
) -> Whereabouts:
    return Whereabouts(n, place, regions, part, town)


@pytest.mark.parametrize(
    ("where", "portuguese", "english", "spanish"),
    [
        (
            whereabouts(31, "Pernambuco", part="e"),
            "chuva forte no leste de Pernambuco, 31 lugares",
            "heavy rain over the east of Pernambuco, 31 places",
            "lluvia fuerte en el este de Pernambuco, 31 lugares",
        ),
        (
            whereabouts(5, "Bahia", part="sw"),
            "chuva forte no sudoeste da Bahia, 5 lugares",
            "heavy rain over the southwest of Bahia, 5 places",
            "lluvia fuerte en el suroeste de Bahia, 5 lugares",
        ),
        (
            whereabouts(9, "Paraíba", "Ceará", "Alagoas"),
            "chuva forte na Paraíba, no Ceará e em Alagoas, 9 lugares",
            "heavy rain over Paraíba, Ceará and Alagoas, 9 places",
            "lluvia fuerte en Paraíba, Ceará y Alagoas, 9 lugares",
        ),
        (
            whereabouts(90, "Bahia", "Sergipe", "Goiás", "Tocantins"),
            "chuva forte na Bahia, em Sergipe e mais 2 estados, 90 lugares",
            "heavy rain over Bahia, Sergipe and 2 more states, 90 places",
            "lluvia fuerte en Bahia, Sergipe y otros 2 estados, 90 lugares",
        ),
        (
            whereabouts(1, "Pernambuco", place="Recife"),
            "chuva forte em Recife",
            "heavy rain in Recife",
            "lluvia fuerte en Recife",
        ),
        (
            whereabouts(3, town="Lisboa"),
            "chuva forte perto de Lisboa, 3 lugares",
            "heavy rain around Lisboa, 3 places",
            "lluvia fuerte cerca de Lisboa, 3 lugares",
        ),
        (
            whereabouts(2),
            "chuva forte, 2 lugares",
            "heavy rain, 2 places",
            "lluvia fuerte, 2 lugares",
        ),
    ],
)
def test_a_system_is_called_by_what_it_is_and_where(
    where: Whereabouts, portuguese: str, english: str, spanish: str
) -> None:
    assert named(["heavy_rain"], where) == {"pt-BR": portuguese, "en": english, "es": spanish}


def test_a_name_has_the_hazards_the_most_frequent_first() -> None:
    name = named(["heavy_rain", "wind"], whereabouts(2, "Sergipe"))
    assert name["en"] == "heavy rain and strong wind over Sergipe, 2 places"
    assert name["pt-BR"] == "chuva forte e vento forte em Sergipe, 2 lugares"


def test_a_history_has_each_change_of_where_it_stood() -> None:
    log = SystemLog(COAST, NEAR)
    log.take([tells("goiana", 0), tells("recife", 1), over("goiana", 2), tells("natal", 2)])
    steps = log.history("goiana-heavy_rain", 48)
    assert [((one.at - NOON) / HOUR, one.standing) for one in steps] == [
        (0, ("goiana",)),
        (1, ("goiana", "recife")),
        (2, ("recife",)),
    ]
    assert log.history("recife-heavy_rain", 48) == [], "it is of the other's"
    assert log.history("none", 48) == []


@pytest.mark.parametrize("most", [2, 5, 48])
def test_a_history_has_at_most_so_many_steps_and_ends_as_it_stands(most: int) -> None:
    log = SystemLog(COAST, NEAR)
    places = ("goiana", "recife")
    log.take(tells(places[i % 2], i / 4, key=f"{i}", version=1) for i in range(40))
    steps = log.history("0", most)
    assert 1 <= len(steps) <= most
    assert [one.at for one in steps] == sorted({one.at for one in steps})
    [system] = log.systems()
    assert steps[-1].standing == system.standing
