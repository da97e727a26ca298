"""The climate of a home's places, learnt from its GOLD or from recorded files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.batch.climate import LEAST_YEARS, Climate, climate_of
from atalaia.batch.spark import by_key
from atalaia.domain.payload import Reject
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.lake import gold
from atalaia.lake.climate import write_climate, years_of_climate
from atalaia.lake.history import History, from_gold, from_readings, rows_of
from atalaia.lake.merge import one_engine
from atalaia.ports import Lake
from atalaia.sources.recorded import read_files

if TYPE_CHECKING:
    from pyspark import SparkContext

_AT_ONCE = 8
"""Places whose histories are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of a place. `is_kept`: it was, and not passed over for a longer record."""

    place: Place
    climate: Climate
    is_kept: bool


def learn(
    lake: Lake,
    places: Places,
    least_years: int = LEAST_YEARS,
    progress: Callable[[int, int], None] = lambda _done, _places: None,
) -> list[Learnt]:
    """Compute each place's climate from GOLD.

    A place keeps what it has where that came of more years (of an imported history, say).
    `progress` is told how many places of how many are done.
    """
    learnt: list[Learnt] = []
    with one_engine():
        for start in range(0, len(places), _AT_ONCE):
            some = [place.id for place in list(places)[start : start + _AT_ONCE]]
            found = _each(from_gold(lake, some), places, least_years)
            for done, (place, climate) in enumerate(found, start + 1):
                learnt.append(_kept(lake, place, climate))
                progress(done, len(places))
            progress(start + len(some), len(places))  # of some there is no history
    return learnt


def _kept(lake: Lake, place: Place, climate: Climate) -> Learnt:
    """Keep it, unless what is there came of more years."""
    is_kept = climate.years >= years_of_climate(lake, place.id)
    if is_kept:
        write_climate(lake, place.id, climate.months, climate.levels)
    return Learnt(place, climate, is_kept)


def learn_on(
    spark: SparkContext,
    open_lake: Callable[[], Lake],
    places: Places,
    least_years: int = LEAST_YEARS,
) -> list[Learnt]:
    """`learn` on Spark: a file of GOLD is read by one task, a place's rows go to one other.

    `open_lake` opens the lake in a worker, and is picklable.
    """
    files = gold.partition_files(open_lake(), ["readings"])["readings"]
    work = partial(_learn_one, open_lake, places, least_years)
    return by_key(spark, partial(_rows, open_lake, places), files, work)


def _rows(
    open_lake: Callable[[], Lake], places: Places, files: Iterable[str]
) -> Iterator[tuple[str, tuple[str, Readings]]]:
    lake = open_lake()
    for key in files:
        for place_id, rows in rows_of(lake, key):
            if places.get(place_id) is not None:
                yield place_id, (key, rows)


def _learn_one(
    open_lake: Callable[[], Lake],
    places: Places,
    least_years: int,
    found: tuple[str, Iterable[tuple[str, Readings]]],
) -> list[Learnt]:
    place_id, parts = found
    lake, mine = open_lake(), Places([places[places.position[place_id]]])
    in_order = [rows for _, rows in sorted(parts, key=itemgetter(0))]
    histories = from_readings(lake, Readings.concat(in_order), mine)
    return [_kept(lake, place, climate) for place, climate in _each(histories, mine, least_years)]


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
