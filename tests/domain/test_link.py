from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.geo import EARTH_KM
from atalaia.domain.link import (
    REACHES,
    Links,
    Spots,
    at_place,
    links,
    reach_of,
)
from atalaia.domain.variable import CATALOGUE


def spots(points: list[tuple[float, float]], elevation_m: float = np.nan) -> Spots:
    latitude, longitude = np.array(points, float).reshape(-1, 2).T
    return Spots(latitude, longitude, np.full(len(latitude), elevation_m))


def brute_force(places: Spots, stations: Spots, within_km: float) -> set[tuple[int, int]]:
    """By the haversine formula, each pair."""
    found = set()
    for i in range(len(places)):
        a, b = np.radians(places.latitude[i]), np.radians(stations.latitude)
        turn = np.radians(stations.longitude - places.longitude[i])
        half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(turn / 2) ** 2
        km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))
        # A pair on the very edge may fall on either side by rounding.
        assert not (np.abs(km - within_km) < 1e-7).any()
        found |= {(i, int(j)) for j in np.flatnonzero(km <= within_km)}
    return found


def pairs(found: Links) -> set[tuple[int, int]]:
    return set(zip(found.place.tolist(), found.station.tolist(), strict=True))


COORDINATES = st.tuples(
    st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 89.95, 90.0, 0.0, 0.0999999])),
    st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 179.999, 180.0, 0.0])),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(COORDINATES, min_size=1, max_size=12),
    st.lists(COORDINATES, max_size=40),
    st.sampled_from([5.1234567, 50.0001234, 777.1234567, 9000.1234567, 20_100.0]),
)
def test_links_are_what_brute_force_finds(
    here: list[tuple[float, float]], there: list[tuple[float, float]], within_km: float
) -> None:
    places, stations = spots(here), spots([*there, *here])
    assert pairs(links(places, stations, within_km)) == brute_force(places, stations, within_km)


def test_dense_towns_are_linked_as_brute_force_does() -> None:
    random = np.random.default_rng(5)
    towns = random.uniform([-60, -180], [70, 180], (40, 2))
    places = spots(towns.tolist())
    scattered = towns[random.integers(0, 40, 4000)] + random.normal(0, 0.3, (4000, 2))
    stations = spots(scattered.tolist())
    found = links(places, stations)
    assert pairs(found) == brute_force(places, stations, 50)
    for i in range(len(places)):
        rows = found.of_place(i)
        assert (found.place[rows] == i).all()
        assert (np.diff(found.km[rows]) >= 0).all()


def test_nothing_is_linked_to_nothing() -> None:
    none = spots([])
    one = spots([(0, 0)])
    assert len(links(none, one)) == len(links(one, none)) == len(links(none, none)) == 0


def test_a_station_whose_position_is_not_known_is_linked_to_nothing() -> None:
    found = links(spots([(10, 10)]), spots([(np.nan, 10), (10, 10.01), (10, np.nan)]))
    assert pairs(found) == {(0, 1)}


def near(*kms: float, height_m: float = np.nan) -> Links:
    """One place at the equator, and stations so many kilometres east of it."""
    degrees = [(0.0, np.degrees(km / EARTH_KM)) for km in kms]
    stations = spots(degrees, height_m)
    return links(spots([(0, 0)], 0.0), stations)


def heard(found: Links, variable: str, over_s: int = 0) -> list[int]:
    everyone = np.ones(found.station.max(initial=-1) + 1, bool)
    return sorted(found.station[found.speaks(variable, over_s, everyone)].tolist())


def test_the_hours_rain_is_heard_within_5_km() -> None:
    assert heard(near(4.9, 5.1, 9.9), "rain_mm", 3600) == [0]


def test_without_a_nearer_gauge_the_hours_rain_is_heard_within_10_km() -> None:
    assert heard(near(5.1, 9.9, 10.1), "rain_mm", 3600) == [0, 1]


def test_a_near_station_without_a_gauge_does_not_keep_a_farther_gauge_from_speaking() -> None:
    found = near(2.0, 8.0)
    spoken = found.speaks("rain_mm", 3600, np.array([False, True]))
    assert found.station[spoken].tolist() == [1]


def test_the_days_rain_is_heard_farther_than_the_hours() -> None:
    assert heard(near(4.0, 9.0, 19.9, 20.1), "rain_mm", 21_600) == [0, 1]
    assert heard(near(4.0, 9.0, 19.9, 20.1), "rain_mm", 86_400) == [0, 1, 2]


@pytest.mark.parametrize(
    ("variable", "km", "height_m"),
    [("wind_gust_m_s", 15, 150), ("temperature_c", 25, 300), ("visibility_m", 5, None)],
)
def test_beyond_its_reach_a_station_is_no_evidence(
    variable: str, km: float, height_m: float | None
) -> None:
    assert heard(near(km - 0.1), variable) == [0]
    assert heard(near(km + 0.1), variable) == []
    if height_m is not None:
        assert heard(near(1, height_m=height_m), variable) == [0]
        assert heard(near(1, height_m=height_m + 1), variable) == []
        assert heard(near(1, height_m=-height_m - 1), variable) == []


def test_pressure_speaks_at_sea_level_only() -> None:
    assert heard(near(49.9), "pressure_sea_level_hpa") == [0]
    assert heard(near(0.1), "pressure_hpa") == []


def test_every_reach_names_variables_of_the_catalogue_and_says_why() -> None:
    for reach in REACHES:
        assert set(reach.variables) <= CATALOGUE.keys()
        assert reach.because
    assert reach_of("cape_j_kg") is None


def test_temperature_is_carried_down_by_the_standard_lapse_rate() -> None:
    value, height = np.array([10.0, 10.0, 10.0]), np.array([200.0, -100.0, np.nan])
    assert at_place("temperature_c", value, height).tolist() == pytest.approx([11.3, 9.35, 10.0])
    assert at_place("rain_mm", value, height).tolist() == [10.0, 10.0, 10.0]
