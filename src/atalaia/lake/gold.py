"""GOLD: typed, de-duplicated Parquet. The same keys and columns in every home.

```
gold/readings/source=<source>/date=YYYY-MM-DD/readings.parquet     UTC day of valid_at
gold/readings/source=<source>/month=YYYY-MM/readings.parquet       a closed month, in one file
gold/days/source=<source>/month=YYYY-MM/<made of>.parquet          what `daily` has of it
gold/alerts/date=YYYY-MM-DD/alerts.parquet                         UTC day of sent_at
gold/deliveries/date=YYYY-MM-DD/deliveries.parquet                 UTC day of the alert's sent_at
gold/answers/date=YYYY-MM-DD/answers.parquet                       UTC day of received_at
gold/ensembles/source=<source>/date=YYYY-MM-DD/ensembles.parquet   UTC day of received_at
gold/systems/date=YYYY-MM-DD/systems.parquet                       UTC day of started_at
gold/system_log/known.msgpack.zst                                  what those that may change are of
gold/places/places.parquet
gold/stations/stations.parquet
gold/station_readings/network=<network>/date=YYYY-MM-DD/station_readings.parquet
gold/station_reports/network=<network>/…   the same as each report said it, and what was withdrawn
gold/climate/place=<id>/climate.parquet
gold/return_levels/place=<id>/return_levels.parquet
```

A partition is exactly one file, and is replaced as a whole: whoever lists the files sees each
partition as it was or as it is, and needs no manifest. Where a month has its file, what is left of
its days' files does not count (`partition_files`). `lake.merge` writes readings and alerts,
`lake.ensembles` what rules make of ensembles, `lake.systems` which of alerts are one weather,
`lake.compact` the months, `lake.days` what is kept of days, `lake.climate` the climate,
`lake.stations` what is of stations (a network is what stands before a source's colon); `lake.views`
has what is made of them.
"""

# The SQL here is put together from GOLD's own names and files.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from atalaia.domain.variable import CATALOGUE
from atalaia.lake.alert_rows import ALERT_COLUMNS
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Lake, Notes

log = Logger()

REFINED = "refine"
"""The consumer whose offset is the first offset of the last part of RAW that GOLD holds."""

ALERTS_REFINED = "refine-alerts"
"""The consumer whose offset is the number of the last alert that GOLD holds."""

DELIVERIES_REFINED = "refine-deliveries"
"""The consumer whose offset is the number of the last settled delivery that GOLD holds."""

UNREFINED = "part:"
"""State items under this prefix are the parts of RAW that GOLD does not hold yet: their keys."""

READINGS = "gold/readings/"
DAYS = "gold/days/"
ALERTS = "gold/alerts/"
DELIVERIES = "gold/deliveries/"
ANSWERS = "gold/answers/"
ENSEMBLES = "gold/ensembles/"
SYSTEMS = "gold/systems/"
SYSTEM_LOG = "gold/system_log/"
PLACES = "gold/places/"
STATIONS = "gold/stations/"
STATION_READINGS = "gold/station_readings/"
STATION_REPORTS = "gold/station_reports/"
CLIMATE = "gold/climate/"
RETURN_LEVELS = "gold/return_levels/"

REBUILT = (
    READINGS,
    STATIONS,
    STATION_READINGS,
    STATION_REPORTS,
    ALERTS,
    SYSTEMS,
    SYSTEM_LOG,
    ENSEMBLES,
    ANSWERS,
    DELIVERIES,
)
"""What RAW has all of. (A climate may come from a history that was never in RAW.)"""

READING_COLUMNS: dict[str, str] = {
    "place_id": "VARCHAR",
    "valid_at": "TIMESTAMPTZ",
    "kind": "VARCHAR",
    "issued_at": "TIMESTAMPTZ",
    "has_run_time": "BOOLEAN",
    "received_at": "TIMESTAMPTZ",
    "period_s": "INTEGER",
    **dict.fromkeys(CATALOGUE, "DOUBLE"),
}
"""Columns of a file of readings, in order. Every file has all of them."""

DELIVERY_COLUMNS: dict[str, str] = {
    "person": "VARCHAR",
    "channel": "VARCHAR",
    "message": "VARCHAR",
    "incident": "VARCHAR",
    "version": "INTEGER",
    "place_id": "VARCHAR",
    "hazard": "VARCHAR",
    "level": "VARCHAR",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "attempts": "INTEGER",
    "sent_at": "TIMESTAMPTZ",
    "settled_at": "TIMESTAMPTZ",
    "number": "BIGINT",
    "letter": "VARCHAR",
}
"""Columns of a file of deliveries, in order."""

ANSWER_COLUMNS: dict[str, str] = {
    "source": "VARCHAR",
    "first_offset": "BIGINT",
    "first_received_at": "TIMESTAMPTZ",
    "last_received_at": "TIMESTAMPTZ",
    "answers": "INTEGER",
    "errors": "INTEGER",
    "failures": "INTEGER",
    "rejects": "INTEGER",
    "last_answer_at": "TIMESTAMPTZ",
    "last_fault_at": "TIMESTAMPTZ",
    "last_fault": "VARCHAR",
}
"""Columns of a file of answers, in order: one row a part of RAW."""

ENSEMBLE_COLUMNS: dict[str, str] = {
    "place_id": "VARCHAR",
    "rule": "VARCHAR",
    "valid_at": "TIMESTAMPTZ",
    "received_at": "TIMESTAMPTZ",
    "variable": "VARCHAR",
    "window_s": "INTEGER",
    "runs": "INTEGER",
    "q10": "DOUBLE",
    "q25": "DOUBLE",
    "q50": "DOUBLE",
    "q75": "DOUBLE",
    "q90": "DOUBLE",
    "chance_yellow": "DOUBLE",
    "chance_orange": "DOUBLE",
    "chance_red": "DOUBLE",
    "rule_hash": "VARCHAR",
}
"""Columns of a file of ensembles, in order: one row a place, rule, hour and answer."""

SYSTEM_COLUMNS: dict[str, str] = {
    "system": "VARCHAR",
    "family": "VARCHAR",
    "hazards": "VARCHAR[]",
    "name_pt_br": "VARCHAR",
    "name_en": "VARCHAR",
    "name_es": "VARCHAR",
    "status": "VARCHAR",
    "joined": "VARCHAR",
    "joined_by": "VARCHAR[]",
    "started_at": "TIMESTAMPTZ",
    "last_sent_at": "TIMESTAMPTZ",
    "ended_at": "TIMESTAMPTZ",
    "level": "VARCHAR",
    "peak_level": "VARCHAR",
    "incidents": "VARCHAR[]",
    "places": "VARCHAR[]",
    "standing": "VARCHAR[]",
    "standing_before": "INTEGER",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "moved_km": "DOUBLE",
    "bearing_deg": "DOUBLE",
    "outline": "VARCHAR",
}
"""Columns of a file of systems, in order."""

PLACE_COLUMNS: dict[str, str] = {
    "place_id": "VARCHAR",
    "name": "VARCHAR",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "timezone": "VARCHAR",
    "area": "VARCHAR",
}
"""Columns of the file of places, in order."""

STATION_COLUMNS: dict[str, str] = {
    "station_id": "VARCHAR",
    "wigos_id": "VARCHAR",
    "name": "VARCHAR",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "elevation_m": "DOUBLE",
    "kind": "VARCHAR",
    "interval_s": "INTEGER",
    "clock_offset_s": "INTEGER",
    "last_valid_at": "TIMESTAMPTZ",
}
"""Columns of the file of stations, in order. The file has one more: all that is known, as JSON."""

STATION_READING_COLUMNS: dict[str, str] = {
    "station_id": "VARCHAR",
    "source": "VARCHAR",
    "valid_at": "TIMESTAMPTZ",
    "period_s": "INTEGER",
    **dict.fromkeys(CATALOGUE, "DOUBLE"),
}
"""Columns of a file of stations' readings, in order."""

CLIMATE_COLUMNS: dict[str, str] = {
    "place_id": "VARCHAR",
    "variable": "VARCHAR",
    "unit": "VARCHAR",
    "month": "INTEGER",
    "hour": "INTEGER",
    "source": "VARCHAR",
    "kind": "VARCHAR",
    "first_year": "INTEGER",
    "last_year": "INTEGER",
    "years": "INTEGER",
    "hours": "INTEGER",
    "is_norm": "BOOLEAN",
    "mean": "DOUBLE",
    "mean_minimum": "DOUBLE",
    "mean_maximum": "DOUBLE",
    "percentiles": "DOUBLE[]",
}
"""Columns of a file of climate, in order: one row a variable, month and hour."""

RETURN_LEVEL_COLUMNS: dict[str, str] = {
    "place_id": "VARCHAR",
    "variable": "VARCHAR",
    "unit": "VARCHAR",
    "window_s": "INTEGER",
    "extreme": "VARCHAR",
    "return_years": "INTEGER",
    "source": "VARCHAR",
    "kind": "VARCHAR",
    "first_year": "INTEGER",
    "last_year": "INTEGER",
    "years": "INTEGER",
    "level": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "refusal": "VARCHAR",
}
"""Columns of a file of return levels, in order: one row a variable, window and return period."""

DATASETS: dict[str, dict[str, str]] = {
    "readings": {
        "place_id": "VARCHAR",
        "source": "VARCHAR",
        **{name: kind for name, kind in READING_COLUMNS.items() if name != "place_id"},
        "date": "DATE",
    },
    "alerts": {**ALERT_COLUMNS, "date": "DATE"},
    "deliveries": {**DELIVERY_COLUMNS, "date": "DATE"},
    "answers": {**ANSWER_COLUMNS, "date": "DATE"},
    "ensembles": {
        "place_id": "VARCHAR",
        "source": "VARCHAR",
        **{name: kind for name, kind in ENSEMBLE_COLUMNS.items() if name != "place_id"},
        "date": "DATE",
    },
    "systems": {**SYSTEM_COLUMNS, "date": "DATE"},
    "places": PLACE_COLUMNS,
    "stations": STATION_COLUMNS,
    "station_readings": {**STATION_READING_COLUMNS, "date": "DATE"},
    "climate": CLIMATE_COLUMNS,
    "return_levels": RETURN_LEVEL_COLUMNS,
}
"""Columns of each dataset as queries see them: with what the folders say, in this order."""

_PREFIXES = {
    "readings": READINGS,
    "alerts": ALERTS,
    "deliveries": DELIVERIES,
    "answers": ANSWERS,
    "ensembles": ENSEMBLES,
    "systems": SYSTEMS,
    "places": PLACES,
    "stations": STATIONS,
    "station_readings": STATION_READINGS,
    "climate": CLIMATE,
    "return_levels": RETURN_LEVELS,
}

_FOLDERS = {
    "readings": "'source': VARCHAR, 'date': DATE",
    "alerts": "'date': DATE",
    "deliveries": "'date': DATE",
    "answers": "'date': DATE",
    "ensembles": "'source': VARCHAR, 'date': DATE",
    "systems": "'date': DATE",
    "station_readings": "'network': VARCHAR, 'date': DATE",
}
"""What the folders of a dataset say besides its files. (A month's file has `date` in it.)"""

MONTH_ROWS = 2_000_000
"""A month of a source with more rows stays in days: its files are not small, and a late row
rewrites its whole partition."""

_CLOSED_AFTER_S = 7 * 86_400
"""A month or day is closed so long after it ended: late rows mostly came by then."""

_DAY = re.compile(r"/date=(\d{4}-\d\d)-\d\d/[^/]*$")
_MONTH = re.compile(r"/month=\d{4}-\d\d/[^/]*$")


def parquet(dataset: str, files: Sequence[Path | str]) -> str:
    """What stands after FROM for these files of a dataset: a call of DuckDB's Parquet reader.

    Columns that a file lacks, as it was written by an earlier Atalaia, are NULL in its rows.
    """
    days = [file for file in files if not _MONTH.search(str(file))]
    months = [file for file in files if _MONTH.search(str(file))]
    if not months:
        return _reader(days, _FOLDERS.get(dataset, ""))
    read_months = _reader(months, "'source': VARCHAR, 'month': VARCHAR")
    if not days:
        return read_months
    read_days = _reader(days, _FOLDERS[dataset])
    return f"(FROM {read_days} UNION ALL BY NAME FROM {read_months})"


def _reader(files: Sequence[Path | str], folders: str) -> str:
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    hive = f"true, hive_types={{{folders}}}" if folders else "false"
    return f"read_parquet([{listed}], union_by_name=true, hive_partitioning={hive})"


def rows(dataset: str, files: Sequence[Path | str]) -> str:
    """A SELECT of all rows in these files, with the dataset's columns as they are today."""
    columns = DATASETS[dataset]
    # The empty rows come first: they give every column, also one that no file has yet.
    typed = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    empty = f"SELECT {typed} WHERE false"
    if not files:
        return empty
    names = ", ".join(f'"{name}"' for name in columns)
    return f"SELECT {names} FROM ({empty} UNION ALL BY NAME FROM {parquet(dataset, files)})"


def partition_files(lake: Lake, wanted: Iterable[str] = tuple(DATASETS)) -> dict[str, list[str]]:
    """The keys of GOLD's files by dataset, those that count, of the datasets that are wanted."""
    return {
        dataset: current(lake.keys(_PREFIXES[dataset]))
        for dataset in wanted
        if dataset in _PREFIXES
    }


def current(keys: Iterable[str]) -> list[str]:
    """The keys without those of days whose month has a file of its own."""
    keys = list(keys)
    months = {key for key in keys if _MONTH.search(key)}
    return [key for key in keys if not months or month_of(key) not in months]


def month_of(key: str) -> str | None:
    """The key of the month's file into which the file of a day goes; None: it is none of a day."""
    match = _DAY.search(key)
    return f"{key[: match.start()]}/month={match[1]}/readings.parquet" if match else None


def is_month_closed(month: str, now: int) -> bool:
    """Whether the month of a month's file was over long enough at `now`, in Unix seconds."""
    text = month.rpartition("/month=")[2][:7]
    first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    after = (first + timedelta(days=31)).replace(day=1)
    return int(after.timestamp()) + _CLOSED_AFTER_S <= now


def is_day_closed(day: datetime, now: int) -> bool:
    """The same of the UTC day that begins then."""
    return day.timestamp() + 86_400 + _CLOSED_AFTER_S <= now


def count_refused(notes: Notes, count: int) -> None:
    """Count rows that cannot be written to GOLD and were set aside, and say so; none: nothing."""
    if count:
        log.warning("rows cannot be written to GOLD, and are set aside", rows=count)
        _refused(notes).change(lambda before: (before or 0) + count)


def refused_rows(notes: Notes) -> int:
    """How many these are so far; each is among the rejects, and in RAW."""
    return _refused(notes).get() or 0


def _refused(notes: Notes) -> Note[int]:
    return Note(notes, "gold-refused", int, is_spare=True)
