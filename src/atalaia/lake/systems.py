"""Systems in GOLD: which incidents are one weather, brought up to what the alert log says.

Alert log → `domain.systems` → here → the table `systems`. One row a system, in the file of the UTC
day on which it began. What systems that may change are made of is kept beside them, as entries of
the log; it is derived, as all of GOLD: where it is lost, `atalaia rebuild` makes it again. Taking
the same entries twice changes nothing.
"""

# The SQL here is put together from GOLD's own names, and ids are quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import zstandard

from atalaia.domain.alert import LogEntry, iso_fields
from atalaia.domain.fold import DAY_S
from atalaia.domain.hull import outline_of
from atalaia.domain.link import Spots
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Places
from atalaia.domain.spells import Telling, said_by
from atalaia.domain.systems import SystemLog, WeatherSystem
from atalaia.domain.whereabouts import named
from atalaia.errors import StateConflict
from atalaia.lake.day_files import day_files
from atalaia.lake.gold import SYSTEM_COLUMNS, SYSTEM_LOG, SYSTEMS, parquet
from atalaia.lake.merge import PARQUET, Workshop, from_rows, workshop
from atalaia.ports import Lake
from atalaia.sources.regions import Regions

_KNOWN = f"{SYSTEM_LOG}known.msgpack.zst"

_AT_ONCE = 5_000
"""Entries after which is let go of what can change no more."""

_decode = msgspec.msgpack.Decoder(list[Telling]).decode


def merge_systems(lake: Lake, entries: Iterable[LogEntry], places: Places) -> int:
    """Take up entries of the alert log, in its order; return the partitions written.

    Raises StateConflict where what is kept between two calls is damaged.
    """
    new = [one for entry in entries if (one := said_by(entry)) is not None]
    if not new:
        return 0
    told = _in_order({(one.incident, one.version): one for one in (*_known(lake), *new)}.values())
    log = SystemLog(places, Neighbours(places))
    found: dict[str, WeatherSystem] = {}
    for i in range(0, len(told), _AT_ONCE):
        log.take(told[i : i + _AT_ONCE])
        # One that is known, and is no more by its own id, met another within the second in which
        # it began. One that is not known any more changes no more.
        known = log.incidents()
        found = {key: one for key, one in found.items() if key not in known}
        found |= {one.system: one for one in log.systems()}
        log.forget()
    written = _write(lake, told, found, places)
    known = log.incidents()
    kept = msgspec.msgpack.encode([one for one in told if one.incident in known])
    lake.write(_KNOWN, zstandard.compress(kept))
    return written


def _known(lake: Lake) -> list[Telling]:
    if not lake.keys(_KNOWN):
        return []
    try:
        return _decode(zstandard.decompress(lake.read(_KNOWN)))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise StateConflict(
            f"{_KNOWN} is damaged; `atalaia refine --rebuild` makes it again from RAW"
        ) from error


def _in_order(told: Iterable[Telling]) -> list[Telling]:
    """By time; those of one incident by their versions, whatever a clock was set to."""
    at: dict[str, int] = {}
    timed = []
    for one in sorted(told, key=lambda each: each.version):
        at[one.incident] = max(one.sent_at, at.get(one.incident, one.sent_at))
        timed.append((at[one.incident], one))
    timed.sort(key=lambda each: each[0])
    return [one for _, one in timed]


def _write(
    lake: Lake, told: Sequence[Telling], found: Mapping[str, WeatherSystem], places: Places
) -> int:
    """Put the systems in place of all that GOLD has of these incidents."""
    regions = Regions()
    days = {one.sent_at // DAY_S for one in told}
    with workshop(lake) as shop:
        keys = [{"system": key} for key in {one.incident for one in told}]
        source = from_rows(shop, {"system": "VARCHAR"}, keys)
        shop.con.execute(f"CREATE TABLE told AS SELECT * FROM {source}")
        outlines = _Outlines(places)
        regions.learn(places.of(dict.fromkeys(id_ for one in found.values() for id_ in one.places)))
        rows = [_row(one, places, regions, outlines) for one in found.values()]
        source = from_rows(shop, SYSTEM_COLUMNS, rows)
        shop.con.execute(f"CREATE TABLE new AS SELECT * FROM {source}")
        return _write_days(shop, [datetime.fromtimestamp(day * DAY_S, UTC).date() for day in days])


def _write_days(shop: Workshop, dates: Iterable[date]) -> int:
    """The files of the systems that began on these dates; how many are others than before."""
    con, folder, lake = shop
    key_of = {day: f"{SYSTEMS}date={day}/systems.parquet" for day in sorted(dates)}
    names = ", ".join(SYSTEM_COLUMNS)
    rows = f"SELECT {names}, started_at::DATE AS date FROM new"
    there = {day: key for day, key in key_of.items() if lake.keys(key)}
    if there:
        before = parquet("systems", [lake.path(key) for key in there.values()])
        rows += f" UNION ALL SELECT {names}, date FROM {before} ANTI JOIN told USING (system)"
    con.execute(f"CREATE TABLE merged AS {rows}")
    bodies = {
        file.date: file.body
        for file in day_files(con, folder, "merged", SYSTEM_COLUMNS, "started_at, system")
        if file.date in key_of
    }
    if len(there.keys() - bodies.keys()):  # all that began there met another
        out = folder / "out.parquet"
        con.execute(f"COPY (SELECT {names} FROM merged WHERE false) TO '{out}' {PARQUET}")
        bodies = dict.fromkeys(there.keys() - bodies.keys(), out.read_bytes()) | bodies
    changed = {
        key_of[day]: body
        for day, body in bodies.items()
        if day not in there or lake.read(key_of[day]) != body
    }
    lake.write_all(changed)
    return len(changed)


class _Outlines(dict[tuple[str, ...], str]):
    """Outlines of places, by their ids, as JSON: of a past of years many are of the same."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def __missing__(self, ids: tuple[str, ...]) -> str:
        outline = outline_of(Spots.of(self._places.of(ids)))
        told = self[ids] = msgspec.json.encode(outline).decode()
        return told


def _row(
    one: WeatherSystem, places: Places, regions: Regions, outlines: _Outlines
) -> dict[str, Any]:
    """A system by its columns; instants in ISO 8601."""
    row = iso_fields(one) | {"outline": outlines[one.standing or one.places]}
    name = named(one.hazards, regions.of(places.of(one.places)))
    return row | {f"name_{key.lower().replace('-', '_')}": text for key, text in name.items()}
