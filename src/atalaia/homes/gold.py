"""GOLD: typed, de-duplicated Parquet. The same keys, columns and merging in every home.

```
gold/readings/source=<source>/date=YYYY-MM-DD/readings.parquet     UTC day of valid_at
gold/alerts/date=YYYY-MM-DD/alerts.parquet                         UTC day of sent_at
```

A partition is exactly one file, and is replaced as a whole: whoever lists the files sees each
partition as it was or as it is, and needs no manifest. `homes.merge` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atalaia.domain.variable import CATALOGUE
from atalaia.homes.ports import Lake

REFINED = "refine"
"""The consumer whose offset is the first offset of the last part of RAW that GOLD holds."""

ALERTS_REFINED = "refine-alerts"
"""The consumer whose offset is the number of the last alert that GOLD holds."""

UNREFINED = "part:"
"""State items under this prefix are the parts of RAW that GOLD does not hold yet: their keys."""

READINGS = "gold/readings/"
ALERTS = "gold/alerts/"

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

ALERT_COLUMNS: dict[str, str] = {
    "incident": "VARCHAR",
    "version": "INTEGER",
    "type": "VARCHAR",
    "place_id": "VARCHAR",
    "hazard": "VARCHAR",
    "level": "VARCHAR",
    "severity": "VARCHAR",
    "urgency": "VARCHAR",
    "certainty": "VARCHAR",
    "sent_at": "TIMESTAMPTZ",
    "onset_at": "TIMESTAMPTZ",
    "expires_at": "TIMESTAMPTZ",
    "evidence": "VARCHAR",
    "source": "VARCHAR",
    "valid_at": "TIMESTAMPTZ",
    "variable": "VARCHAR",
    "window_s": "INTEGER",
    "value": "DOUBLE",
    "unit": "VARCHAR",
    "limit": "DOUBLE",
    "rule": "VARCHAR",
    "reason": "VARCHAR",
    "text_pt_br": "VARCHAR",
    "text_en": "VARCHAR",
    "text_es": "VARCHAR",
    "places": "VARCHAR[]",
    "opened_at": "TIMESTAMPTZ",
    "rule_hash": "VARCHAR",
    "peak_level": "VARCHAR",
    "peak": "DOUBLE",
    "peak_at": "TIMESTAMPTZ",
}
"""Columns of a file of alerts, in order."""

DATASETS: dict[str, dict[str, str]] = {
    "readings": {
        "place_id": "VARCHAR",
        "source": "VARCHAR",
        **{name: kind for name, kind in READING_COLUMNS.items() if name != "place_id"},
        "date": "DATE",
    },
    "alerts": {**ALERT_COLUMNS, "date": "DATE"},
}
"""Columns of each dataset as queries see them: with what the folders say, in this order."""

INCIDENTS = """
SELECT
    incident,
    arg_max(hazard, version) AS hazard,
    arg_max(place_id, version) AS place_id,
    arg_max(opened_at, version) AS opened_at,
    arg_max(level, version) AS level,
    arg_max(peak_level, version) AS peak_level,
    arg_max(peak, version) AS peak_value,
    arg_max(unit, version) AS unit,
    arg_max(peak_at, version) AS peak_at,
    arg_max(onset_at, version) AS onset_at,
    arg_max(sent_at, version) AS last_sent_at,
    CASE WHEN arg_max(type, version) IN ('end', 'cancel') THEN arg_max(sent_at, version) END
        AS ended_at,
    CASE
        WHEN arg_max(reason, version) = 'expired' THEN 'expired'
        WHEN arg_max(type, version) = 'end' THEN 'ended'
        WHEN arg_max(type, version) = 'cancel' THEN 'cancelled'
        ELSE 'open'
    END AS status,
    max(version) AS versions
FROM alerts
GROUP BY incident
"""
"""One row an incident, from the view `alerts`."""


def parquet(dataset: str, files: Sequence[Path | str]) -> str:
    """A call of DuckDB's Parquet reader over files of a dataset, with their folders' columns."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    folders = "{'date': DATE}" if dataset == "alerts" else "{'source': VARCHAR, 'date': DATE}"
    return (
        f"read_parquet([{listed}], union_by_name=true,"
        f" hive_partitioning=true, hive_types={folders})"
    )


def partition_files(lake: Lake) -> dict[str, list[str]]:
    """The keys of GOLD's files by dataset."""
    return {"readings": lake.keys(READINGS), "alerts": lake.keys(ALERTS)}
