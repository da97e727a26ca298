"""In which state places lie: by the town that is nearest, looked for among few."""

from __future__ import annotations

import numpy as np
import pytest

from atalaia.domain.geo import distances_km
from atalaia.domain.place import Place
from atalaia.sources.gazetteer import table
from atalaia.sources.regions import WITHIN_KM, Regions


def placed(latitude: float, longitude: float, name: str) -> Place:
    return Place(id=name, name=name, latitude=latitude, longitude=longitude, timezone="UTC")


@pytest.mark.parametrize("at_once", [1, 7, 60])
def test_the_nearest_town_is_found_however_many_are_asked_for_at_once(at_once: int) -> None:
    chance, towns = np.random.default_rng(at_once), table()
    some = chance.choice(len(towns.id), 50, replace=False)
    near = [
        (towns.latitude[i] + chance.uniform(-0.4, 0.4), towns.longitude[i] + chance.uniform(-1, 1))
        for i in some
    ]
    ends = [(90, 0), (-90, 0), (0, 180), (0, -180), (-16.8, 179.99), (65.0, -179.99)]
    every = [
        placed(float(min(a, 90)), float((b + 180) % 360 - 180), str(i))
        for i, (a, b) in enumerate([*near, *ends])
    ]
    regions = Regions()
    for i in range(0, len(every), at_once):
        regions.learn(every[i : i + at_once])
    has_any = 0
    for place in every:
        km = distances_km(place.latitude, place.longitude, towns.latitude, towns.longitude)
        found = regions._town[place.id]
        has_any += found >= 0
        if found < 0:
            assert km.min() > WITHIN_KM
        else:
            assert km[found] == pytest.approx(km.min(), abs=1e-6)
            assert km[found] <= WITHIN_KM
    assert 10 < has_any < len(every)
