"""What detect tells poll of how near places are to a limit."""

from __future__ import annotations

import numpy as np

from atalaia.detect import near
from atalaia.detect.nearness import NEWS_FOR_S
from atalaia.domain.lanes import Lane
from atalaia.domain.place import Place, Places

NOW = 1_768_046_400


def some(n: int) -> Places:
    return Places(Place(id=f"p{i}", name="", latitude=0, longitude=0) for i in range(n))


def items(places: Places, closeness: np.ndarray, lanes: int) -> dict[str, bytes]:
    return {
        f"{near.PREFIX}{lane}": near.pack(Lane(places, lane, lanes), closeness, NOW)
        for lane in range(lanes)
    }


def test_each_lane_tells_of_its_own_places_in_a_byte_each() -> None:
    places = some(5_571)
    closeness = np.random.default_rng(1).random(len(places))
    for lanes in (1, 4):
        told = items(places, closeness, lanes)
        assert sum(map(len, told.values())) < len(places) + 32 * lanes
        found = near.read(told, places, lanes, NOW + 60)
        assert np.abs(found - closeness).max() <= 0.0025


def test_what_is_old_or_of_other_places_or_not_there_says_nothing() -> None:
    places = some(3)
    told = items(places, np.ones(3), 1)
    assert near.read(told, places, 1, NOW + NEWS_FOR_S).tolist() == [0, 0, 0]
    assert near.read(told, some(4), 1, NOW).tolist() == [0, 0, 0, 0]
    assert near.read({}, places, 1, NOW).tolist() == [0, 0, 0]
