"""Units: what each provider writes gives the catalogue's, and an unknown one gives nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.place import Place
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.units import conversion
from atalaia.sources.where import distance_km, nearest


@pytest.mark.parametrize(
    ("variable", "unit", "given_value", "expected"),
    [
        ("temperature_c", "°C", 21.5, 21.5),
        ("temperature_c", "°F", 212, 100),
        ("temperature_c", "°F", 32, 0),
        ("temperature_c", "°F", -40, -40),
        ("wind_gust_m_s", "km/h", 36, 10),
        ("wind_gust_m_s", "mph", 100, 44.704),
        ("wind_gust_m_s", "mp/h", 100, 44.704),
        ("wind_gust_m_s", "kn", 100, 51.4444),
        ("rain_mm", "inch", 1, 25.4),
        ("rain_mm", "cm", 1.5, 15),
        ("rain_mm", "mm", 3, 3),
    ],
)
def test_each_unit_gives_what_tables_of_units_say(
    variable: str, unit: str, given_value: float, expected: float
) -> None:
    found = conversion(unit, variable)
    assert found is not None
    scale, offset = found
    assert scale * given_value + offset == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("unit", ["", "furlong/fortnight", "KM/H", "km/h ", None, 3, ["mm"]])
def test_a_unit_that_is_not_known_is_no_guess(unit: object) -> None:
    assert conversion(unit, "wind_gust_m_s") is None


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_variable_of_the_catalogue_is_known_in_its_own_unit(name: str) -> None:
    assert conversion(CATALOGUE[name].unit, name) == (1.0, 0.0)


# Which place an answer speaks of

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_the_same_both_ways_and_at_most_half_the_earth(
    lat_a: float, lon_a: float, lat_b: float, lon_b: float
) -> None:
    there = distance_km(lat_a, lon_a, lat_b, lon_b)
    assert there == pytest.approx(distance_km(lat_b, lon_b, lat_a, lon_a), abs=1e-6)
    assert 0 <= there <= math.pi * 6372


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((-8.05, -34.88), (-8.05, -34.88), 0),
        ((-23.55, -46.63), (-22.91, -43.17), 361),  # São Paulo to Rio de Janeiro
        ((40.64, -73.78), (51.47, -0.46), 5540),  # Kennedy to Heathrow
        ((0, 179.5), (0, -179.5), 111.2),
        ((90, 0), (90, 120), 0),
        ((-16.5, 179.9), (-16.5, -179.9), 21.3),
    ],
)
def test_distances_are_those_of_maps(
    a: tuple[float, float], b: tuple[float, float], km: float
) -> None:
    assert distance_km(*a, *b) == pytest.approx(km, rel=0.01, abs=0.1)


def place(name: str, latitude: float, longitude: float = 0) -> Place:
    return Place(id=name, name=name, latitude=latitude, longitude=longitude)


PLACES = [place("south", -1), place("equator", 0), place("north", 1)]


@pytest.mark.parametrize(
    ("latitude", "longitude", "within_km", "expected"),
    [
        (0.1, 0, 50, "equator"),
        (0.6, 0, 50, "north"),
        (-5, 0, 50, None),
        (-5, 0, 500, "south"),
        (0, 0, 0, "equator"),
        ("0", 0, 50, None),
        (None, None, 50, None),
        (True, 0, 500, None),
        (math.nan, 0, 500, None),
        (91, 0, 50_000, None),
        (0, 181, 50_000, None),
        (0, -180, 50_000, "south"),  # all are as far: the first is as good as any
    ],
)
def test_the_nearest_place_within_reach_is_meant_and_else_none(
    latitude: object, longitude: object, within_km: float, expected: str | None
) -> None:
    found = nearest(PLACES, latitude, longitude, within_km)
    assert (found.id if found else None) == expected


@given(LATITUDES, LONGITUDES)
def test_the_nearest_is_nearer_than_every_other(latitude: float, longitude: float) -> None:
    found = nearest(PLACES, latitude, longitude, 30_000)
    assert found is not None
    far = distance_km(found.latitude, found.longitude, latitude, longitude)
    assert all(far <= distance_km(p.latitude, p.longitude, latitude, longitude) for p in PLACES)


def test_of_no_places_none_is_nearest() -> None:
    assert nearest([], 0, 0, 99_999) is None
