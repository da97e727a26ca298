"""Days of closed months, kept: what the view `daily` need not work out again.

```
gold/days/source=<source>/month=YYYY-MM/<made of>.parquet
```

A file has what the hours that begin in a UTC month add to the local days of the places. Its name
says all that it was made of: the files of readings on which these hours depend, each as it lay on
the disk, the SQL, and the release of the zones' rules. A file of readings that was written again,
by a late or a corrected row, by an erasure, in a query's own overlay, gives another name; so what
was made of it before is not found, and its hours are worked out from the readings. The zones of the
places stand within; where a place has another one now, the file does not count either.

A home whose files are not at hand (S3) has none: Athena cannot look whether a name is still right.
"""

# The SQL here is put together from GOLD's own names, and files are quoted.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import duckdb

from atalaia.domain.local import DAY_S
from atalaia.domain.place import Places
from atalaia.domain.variable import Variable
from atalaia.lake.damage import unreadable
from atalaia.lake.gold import DAYS, READINGS, current, is_month_closed, rows
from atalaia.lake.merge import PARQUET, Workshop, workshop
from atalaia.lake.views import (
    FROM_YEAR_1_S,
    SUMMARISED,
    hourly_of,
    make_clocks,
    parts_of_days,
    whole_days,
)
from atalaia.ports import Lake

MOST_ROWS = 5_000_000
"""Of more readings one call makes no days: what is left is for the next."""

_COLUMNS = (
    "place_id, kind, variable, unit, timezone, day, minimum, maximum, sum, total, counted, hours"
)

_ONE_DAY = timedelta(days=1)
_FOLDERS = re.compile(r"/source=([^/]+)/(?:date=(\d{4}-\d\d-\d\d)|month=(\d{4}-\d\d))/[^/]*$")


class Month(NamedTuple):
    """A UTC month of a source, as the folders have both."""

    source: str
    month: str

    @property
    def folder(self) -> str:
        """Where its days lie."""
        return f"{DAYS}source={self.source}/month={self.month}/"

    def days(self) -> tuple[date, date]:
        """Its first and its last."""
        first = date.fromisoformat(f"{self.month}-01")
        return first, (first + timedelta(days=31)).replace(day=1) - _ONE_DAY


def _days(file: Path | str) -> tuple[date, date]:
    """The first and the last day of which a file of readings, or of days, may have rows."""
    found = _FOLDERS.search(f"/{file}")
    if found is None:
        raise ValueError(f"{file} is no file of readings")
    return Month(found[1], found[3]).days() if found[3] else 2 * (date.fromisoformat(found[2]),)


def _months(file: Path | str) -> tuple[Month, set[Month]]:
    """The month of a file of readings or of days, and those in which hours may depend on it.

    An hour's sum depends on no row that is more than some hours away: a day is more than that.
    """
    found = _FOLDERS.search(f"/{file}")
    if found is None:
        raise ValueError(f"{file} is no file of readings")
    source = found[1]
    month = Month(source, found[3] or found[2][:7])
    first, last = _days(file)
    near = {Month(source, f"{day:%Y-%m}") for day in (first - _ONE_DAY, last + _ONE_DAY)}
    return month, near | {month}


def kept(lake: Lake, readings: Iterable[str]) -> list[str]:
    """The keys of the days that were made of just these files of readings."""
    if not _is_at_hand(lake):
        return []
    there = lake.keys(DAYS)
    months = _made_of(readings) if there else {}
    seen: dict[str, bytes] = {}
    right = {_key(lake, month, files, seen) for month, files in months.items()}
    return [key for key in there if key in right]


def keep_days(lake: Lake, places: Places, now: int) -> int:
    """Make the days of closed months that are missing, and remove what is right no more; return how
    many were made. One process at a time: hold the home's ``refine`` lock."""
    if not _is_at_hand(lake):
        return 0
    readings = current(lake.keys(READINGS))
    months = _made_of(readings)
    left = MOST_ROWS
    made = 0
    with workshop(lake) as shop:
        zones = [[place.id, place.timezone] for place in places]
        shop.con.execute("CREATE TABLE places (place_id VARCHAR, timezone VARCHAR)")
        if zones:
            shop.con.executemany("INSERT INTO places VALUES (?, ?)", zones)
        right = set(_right(shop, kept(lake, readings)))
        for month, files in sorted(months.items(), key=lambda item: item[0].month, reverse=True):
            key = _key(lake, month, files)
            if (
                left <= 0
                or key is None
                or key in right
                or not is_month_closed(month.folder[:-1], now)
            ):
                continue
            body, count = _make(shop, month, files)
            lake.write(key, body)
            right.add(key)
            left -= count
            made += 1
    lake.delete_all(key for key in lake.keys(DAYS) if key not in right)
    return made


def remove_damaged(lake: Lake) -> bool:
    """Remove days that cannot be read; return whether there were any. Refine makes them again."""
    damaged = unreadable(lake, lake.keys(DAYS)) if _is_at_hand(lake) else []
    lake.delete_all(damaged)
    return bool(damaged)


def make_daily(
    con: duckdb.DuckDBPyConnection,
    readings: Sequence[Path | str],
    days: Sequence[Path | str],
    variables: Iterable[Variable],
) -> None:
    """Make the view `daily` of these files, of these variables alone, from the view `places`.

    days    as `kept` has found them; what they have is not worked out from the readings
    """
    right = of_these_zones(con, days)
    covered = {_months(file)[0] for file in right}
    newer = [file for file in readings if not _months(file)[1] <= covered]
    con.execute("CREATE SCHEMA kept")
    con.execute(f"CREATE VIEW kept.newer AS {rows('readings', newer)}")
    con.execute("CREATE TABLE kept.covered (source VARCHAR, utc_day BIGINT)")
    if covered:  # as words of SQL: lists that are handed over cost a hundred times as much
        each = ((_quoted(unquote(month.source)), *_numbers(month)) for month in covered)
        told = ", ".join(f"({source}, {first}, {after})" for source, first, after in each)
        con.execute(
            "INSERT INTO kept.covered SELECT source, unnest(range(first, after))"
            f" FROM (VALUES {told}) AS months(source, first, after)"
        )
    make_clocks(con, _dates(newer))
    is_newer = (
        "NOT EXISTS (FROM kept.covered AS covered"
        " WHERE covered.source = told.source AND covered.utc_day = told.utc_day)"
    )
    parts = parts_of_days(f"({hourly_of(variables, 'kept.newer')})", is_newer)
    if right:
        names = f"source, {_COLUMNS}"
        parts = (
            f"SELECT {names} FROM {_reader(right)} WHERE variable IS NOT NULL"
            f" UNION ALL BY NAME ({parts})"
        )
    con.execute(f"CREATE VIEW daily AS {whole_days(parts)}")


_Zones = frozenset[tuple[str, str]]
"""Places, each with its time zone."""

_MOST_KNOWN = 10_000

_known: dict[tuple[str, int, int, int], _Zones] = {}
"""By which zones days are, of files that were looked at: a file is never changed."""


def of_these_zones(con: duckdb.DuckDBPyConnection, days: Sequence[Path | str]) -> list[Path | str]:
    """Those files of days whose places all have the zones that the table `places` says."""
    if not days:
        return []
    there = dict(con.execute("SELECT place_id, timezone FROM places").fetchall())
    right: dict[_Zones, bool] = {}
    found = []
    for file, zones in _zones(con, days):
        if zones not in right:
            right[zones] = all((there.get(place) or "UTC") == zone for place, zone in zones)
        if right[zones]:
            found.append(file)
    return found


def _zones(
    con: duckdb.DuckDBPyConnection, days: Sequence[Path | str]
) -> list[tuple[Path | str, _Zones]]:
    """Each file, with the zones that its days are by."""
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    names = {file: _identity(file) for file in days}
    new = [file for file, name in names.items() if name not in _known]
    if new:
        told: dict[str, list[tuple[str, str]]] = {str(file): [] for file in new}
        for file, place, zone in con.execute(
            f"SELECT filename, place_id, timezone FROM {_reader(new)} WHERE variable IS NULL"
        ).fetchall():
            told[file].append((place, zone))
        # A copy: other threads ask at the same time, and add to it.
        same = {zones: zones for zones in list(_known.values())}
        for file in new:
            zones = frozenset(told[str(file)])
            _known[names[file]] = same.setdefault(zones, zones)
    return [(file, _known[name]) for file, name in names.items() if name in _known]


def _identity(file: Path | str) -> tuple[str, int, int, int]:
    try:
        seen = Path(file).stat()
    except FileNotFoundError:  # the engine says so
        return str(file), -1, -1, -1
    return str(file), seen.st_ino, seen.st_size, seen.st_mtime_ns


def _dates(files: Sequence[Path | str]) -> tuple[date | None, date | None]:
    """From which to which day these files of readings may have rows."""
    days = [day for file in files for day in _days(file)]
    return min(days, default=None), max(days, default=None)


def _right(shop: Workshop, keys: Sequence[str]) -> list[str]:
    """Those of these days that are of the places' zones, and can be read."""
    files = {shop.lake.path(key): key for key in keys}
    try:
        return [files[file] for file in of_these_zones(shop.con, list(files))]
    except duckdb.Error:  # one is damaged: all are made again, in their turn
        return []


def _is_at_hand(lake: Lake) -> bool:
    return isinstance(lake.path(READINGS.rstrip("/")), Path)


def _made_of(readings: Iterable[str]) -> dict[Month, list[str]]:
    """Of each month that has readings, the files on which its hours depend, in order."""
    own: set[Month] = set()
    near: dict[Month, list[str]] = {}
    for key in sorted(readings):
        month, others = _months(key)
        own.add(month)
        for each in others:
            near.setdefault(each, []).append(key)
    return {month: near[month] for month in own}


def _key(
    lake: Lake, month: Month, files: Sequence[str], seen: dict[str, bytes] | None = None
) -> str | None:
    """Where its days lie, made of these files as they are now; None: one is there no more.

    No file replaces another on the disk with the other's inode, size and time of change: as it is
    written beside it, their inodes differ. `seen` are files that were looked at a moment ago: each
    has a part in three months.
    """
    told = _recipe().copy()
    seen = {} if seen is None else seen
    try:
        for key in files:
            if key not in seen:
                now = Path(lake.path(key)).stat()
                seen[key] = f"{key} {now.st_ino} {now.st_size} {now.st_ctime_ns}\n".encode()
            told.update(seen[key])
    except FileNotFoundError:  # made into a month meanwhile
        return None
    return f"{month.folder}{told.hexdigest()[:32]}.parquet"


def _make(shop: Workshop, month: Month, files: Sequence[str]) -> tuple[bytes, int]:
    """The file of a month's days, and of how many readings it was made."""
    con, folder, lake = shop
    told = rows("readings", [lake.path(key) for key in files])
    opens, closes = month.days()
    con.execute(
        f"CREATE OR REPLACE VIEW readings AS SELECT * FROM ({told})"
        f" WHERE date BETWEEN '{opens - _ONE_DAY}' AND '{closes + _ONE_DAY}'"
    )
    counts = ", ".join(f"count({one.name})" for one in SUMMARISED)
    count, *of_each = con.execute(f"SELECT count(*), {counts} FROM readings").fetchall()[0]
    there = [one for one, values in zip(SUMMARISED, of_each, strict=True) if values]
    make_clocks(con)
    first, end = _numbers(month)
    is_of_month = f"told.utc_day >= {first} AND told.utc_day < {end}"
    parts = parts_of_days(f"({hourly_of(there or SUMMARISED[:1])})", is_of_month)
    out = folder / "days.parquet"
    con.execute(f"CREATE OR REPLACE TABLE parts AS {parts}")
    # The rows without a variable say by which zones the places' days are.
    con.execute(
        f"COPY (SELECT {_COLUMNS} FROM (FROM parts UNION ALL BY NAME"
        " SELECT DISTINCT place_id, timezone FROM parts)"
        f" ORDER BY variable NULLS FIRST, place_id, kind, day) TO '{out}' {PARQUET}"
    )
    return out.read_bytes(), int(count)


def _numbers(month: Month) -> tuple[int, int]:
    """Its first day and the one after its last, counted from the year 1 as SQL's are."""
    first, last = ((day - date(1970, 1, 1)).days + FROM_YEAR_1_S // DAY_S for day in month.days())
    return first, last + 1


def _reader(files: Sequence[Path | str]) -> str:
    listed = ", ".join(map(_quoted, files))
    types = "{'source': VARCHAR, 'month': VARCHAR}"
    return f"read_parquet([{listed}], filename=true, hive_partitioning=true, hive_types={types})"


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


@cache
def _recipe() -> hashlib._Hash:
    """What makes days of readings: another one gives other names."""
    made = f"{version('tzdata')} {parts_of_days(hourly_of(SUMMARISED))} {_COLUMNS}"
    return hashlib.sha256(made.encode())
