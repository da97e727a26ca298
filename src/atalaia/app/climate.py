"""The climate of a home's places, learnt from its GOLD or from recorded files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from atalaia.batch.climate import LEAST_YEARS, Climate, climate_of
from atalaia.domain.payload import Reject
from atalaia.domain.place import Place, Places
from atalaia.homes.climate import read_climate, write_climate
from atalaia.homes.history import History, from_gold, from_readings
from atalaia.homes.ports import Lake
from atalaia.sources.recorded import read_files

_AT_ONCE = 8
"""Places whose histories are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of a place. `is_kept`: it was, and not passed over for a longer record."""

    place: Place
    climate: Climate
    is_kept: bool


def learn(lake: Lake, places: Places, least_years: int = LEAST_YEARS) -> list[Learnt]:
    """Compute each place's climate from GOLD.

    A place keeps what it has where that came of more years (of an imported history, say).
    """
    learnt: list[Learnt] = []
    for start in range(0, len(places), _AT_ONCE):
        some = [place.id for place in list(places)[start : start + _AT_ONCE]]
        for place, climate in _each(from_gold(lake, some), places, least_years):
            before = Climate(*read_climate(lake, place.id))
            is_kept = climate.years >= before.years
            if is_kept:
                write_climate(lake, place.id, climate.months, climate.levels)
            learnt.append(Learnt(place, climate, is_kept))
    return learnt


def learn_from(
    lake: Lake, places: Places, files: Sequence[Path], least_years: int = LEAST_YEARS
) -> tuple[list[Learnt], list[Reject]]:
    """Compute the climate of the places that recorded files speak of, and keep it.

    Returns what was learnt, and what could not be read. Raises PayloadInvalid as `read_files`.
    """
    decoded = read_files(files, places)
    learnt = []
    for place, climate in _each(from_readings(lake, decoded.readings, places), places, least_years):
        write_climate(lake, place.id, climate.months, climate.levels)
        learnt.append(Learnt(place, climate, is_kept=True))
    return learnt, decoded.rejects


def _each(
    histories: Iterable[History], places: Places, least_years: int
) -> Iterable[tuple[Place, Climate]]:
    by_place = sorted(histories, key=attrgetter("place_id"))
    for place_id, mine in groupby(by_place, key=attrgetter("place_id")):
        place = places.get(place_id)
        if place is not None:
            yield place, climate_of(place, mine, least_years)
