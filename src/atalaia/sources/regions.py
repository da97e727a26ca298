"""In which state places lie, and in which half of it: what the towns of the gazetteer tell.

A place is in the state of the town that is nearest to it. Of countries whose states the gazetteer
does not know (all but Brazil and the United States) the largest town has to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from atalaia.domain.link import Spots, links
from atalaia.domain.place import Place
from atalaia.domain.reading import Floats
from atalaia.domain.whereabouts import Whereabouts
from atalaia.sources import gazetteer

WITHIN_KM = 30.0
"""A town farther away says nothing of a place."""

_BAND_DEG = 0.3
"""Degrees of latitude that are more than `WITHIN_KM`."""

_SHARE = 10
"""A region with less than a tenth of the places is not named: its border runs past a town."""


class Regions:
    """Knows the town nearest to each place that it was asked for."""

    def __init__(self) -> None:
        self._town: dict[str, int] = {}

    def of(self, places: Sequence[Place]) -> Whereabouts:
        """Where one place or more are."""
        self.learn(places)
        one = places[0].name if len(places) == 1 else ""
        every = gazetteer.table()
        towns = [number for place in places if (number := self._town[place.id]) >= 0]
        counted = Counter(int(every.region[number]) for number in towns)
        regions = [
            region
            for region, count in counted.most_common()
            if every.regions[region][2] and count * _SHARE >= len(towns)
        ]
        # The table has the largest first.
        town = every.names[min(towns)] if towns and not regions else ""
        return Whereabouts(
            places=len(places),
            place=one,
            regions=tuple(every.regions[region][2] for region in regions),
            part=_part(places, regions[0]) if len(regions) == 1 else "",
            town=town,
        )

    def learn(self, places: Sequence[Place]) -> None:
        """Look for the towns of places, of all at once; of those that are known it is none."""
        new = [place for place in places if place.id not in self._town]
        if not new:
            return
        every, here = gazetteer.table(), Spots.of(new)
        # To lay out all towns of the world takes many times as long as those near a few places.
        lowest, highest = here.latitude.min() - _BAND_DEG, here.latitude.max() + _BAND_DEG
        number = np.flatnonzero((every.latitude >= lowest) & (every.latitude <= highest))
        nowhere = np.full(len(number), np.nan)
        towns = Spots(every.latitude[number], every.longitude[number], nowhere)
        found = links(here, towns, WITHIN_KM)
        for i, place in enumerate(new):
            near = found.station[found.of_place(i)]
            self._town[place.id] = int(number[near[0]]) if len(near) else -1


def _part(places: Sequence[Place], region: int) -> str:
    """The half of a region's towns that all the places are in; empty: none."""
    every = gazetteer.table()
    is_here = every.region == region
    here = Spots.of(places)
    return _half(every.latitude[is_here], here.latitude, "s", "n") + _half(
        every.longitude[is_here], here.longitude, "w", "e"
    )


def _half(towns: Floats, places: Floats, below: str, above: str) -> str:
    middle = float(np.median(towns))
    if places.max() < middle:
        return below
    return above if places.min() > middle else ""
