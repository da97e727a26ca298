"""Small files made into few: closed months of GOLD's readings, and closed days of RAW's alerts.

A month's file is written whole, and then its days' files are removed. In between, both are there
and only the month counts (`gold.current`); so whoever is killed here loses and doubles nothing,
and the next run removes what is left. One process at a time: hold the home's ``refine`` lock.
"""

# The SQL here is put together from GOLD's own names and files.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.lake.gold import (
    MONTH_ROWS,
    READING_COLUMNS,
    READINGS,
    is_day_closed,
    is_month_closed,
    month_of,
    rows,
)
from atalaia.lake.merge import PARQUET, Workshop, workshop
from atalaia.ports import Lake


def closed_months(lake: Lake, now: int) -> list[str]:
    """The keys of the months' files that GOLD's days of before this could go into."""
    months = {month for key in lake.keys(READINGS) if (month := month_of(key))}
    return sorted(month for month in months if is_month_closed(month, now))


def compact_months(lake: Lake, months: Iterable[str]) -> int:
    """Make one file of the days of each of these months; return how many were made."""
    wanted = set(months)
    days: dict[str, list[str]] = {}
    for key in lake.keys(READINGS) if wanted else ():
        month = month_of(key)
        if month in wanted:
            days.setdefault(str(month), []).append(key)
    made = 0
    with workshop(lake) as shop:
        for month, keys in sorted(days.items()):
            if not lake.keys(month):
                if not _write_month(shop, month, keys):
                    continue
                made += 1
            lake.delete_all(keys)
    return made


def _write_month(shop: Workshop, month: str, days: list[str]) -> bool:
    """Write the days' rows, in the order of the days, unless there are too many."""
    con, folder, lake = shop
    files = [lake.path(key) for key in days]
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    counted = con.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata([{listed}])")
    if int(counted.fetchall()[0][0]) > MONTH_ROWS:
        return False
    names = ", ".join(f'"{name}"' for name in [*READING_COLUMNS, "date"])
    out = folder / "out.parquet"
    con.execute(f"COPY (SELECT {names} FROM ({rows('readings', files)})) TO '{out}' {PARQUET}")
    lake.write(month, out.read_bytes())
    return True


def compact_alerts(lake: Lake, now: int, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Make one part of RAW's alerts of each closed day; return how many were made.

    The part lies in the day's folder, above those of its hours. A day with a damaged part stays
    as it is, so that what can be mended is not lost. `goes_on` is asked before each day.
    """
    by_day: dict[str, list[str]] = {}
    for key in lake.keys(raw.ALERTS):
        by_day.setdefault(key[: len(raw.ALERTS) + len("date=YYYY-MM-DD/")], []).append(key)
    made = 0
    for folder, keys in by_day.items():
        day = datetime.fromisoformat(folder[-11:-1]).replace(tzinfo=UTC)
        if len(keys) == 1 or not is_day_closed(day, now):
            continue
        if not goes_on():
            break
        try:
            entries = dict(entry for key in keys for entry in raw.read_alerts(lake.read(key)))
        except PayloadInvalid:
            continue
        whole = folder + raw.part_name(min(entries))
        lake.write(whole, raw.write_alerts(sorted(entries.items())))
        lake.delete_all(key for key in keys if key != whole)
        made += 1
    return made
