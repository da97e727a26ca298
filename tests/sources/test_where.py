"""Whether an answer is of another place: the first look finds what the distance says."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from atalaia.domain.geo import distance_km
from atalaia.domain.place import Place
from atalaia.sources.where import is_elsewhere


@given(
    st.floats(-90, 90), st.floats(-180, 180), st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 200)
)
@example(0.0, 0.0, 0.36, 0.0, 40.0)
@example(0.0, 179.9, 0.0, -359.8, 40.0)
def test_it_is_of_another_place_where_it_is_farther_away_than_may_be(
    latitude: float, longitude: float, north: float, east: float, within_km: float
) -> None:
    place = Place(id="a", name="A", latitude=latitude, longitude=longitude)
    told = (max(-90.0, min(90.0, latitude + north)), max(-180.0, min(180.0, longitude + east)))
    km = distance_km(latitude, longitude, *told)
    assert is_elsewhere(place, *told, within_km) == (km > within_km)


def test_without_coordinates_it_says_nothing_of_that() -> None:
    place = Place(id="a", name="A", latitude=0, longitude=0)
    assert not is_elsewhere(place, None, 50, 40)
    assert not is_elsewhere(place, True, 50, 40)
    assert not is_elsewhere(place, 95, 50, 40)
