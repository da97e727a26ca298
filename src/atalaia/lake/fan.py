"""The newest answers of ensembles at one place, from GOLD: what the place's page draws as a fan.

`lake.ensembles` → the table `ensembles` → `newest_runs` → /v1/places/{id}/chances

It is as far behind as `refine` is: minutes, of answers that come every few hours.
"""

# The SQL here is put together from GOLD's own names, quoted ids and instants.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from urllib.parse import unquote

import numpy as np

from atalaia.domain.reading import Floats
from atalaia.domain.rule_counts import QUANTILES, RuleCounts
from atalaia.lake import gold
from atalaia.ports import Lake, Sql

OLDEST_S = 2 * 86_400
"""An answer that came longer ago is not shown: models have run many times since."""

LEVELS = ("yellow", "orange", "red")
"""By which `RuleCounts.chances` go."""

_COLUMNS = (
    *("received_at", "valid_at", "source", "rule", "rule_hash", "variable", "window_s", "runs"),
    *(f"q{each}" for each in QUANTILES),
    *(f"chance_{level}" for level in LEVELS),
)
_DATE = re.compile(r"/date=(\d{4}-\d\d-\d\d)/")


def newest_runs(
    lake: Lake, sql: Sql, place_id: str, place: int, rules: Iterable[str], now: int
) -> list[RuleCounts]:
    """Of each of these rules (by hash) and each source the newest answer at a place, and of it the
    hours to come, oldest first. It blocks, and reads the files of a few days. Raises QueryInvalid.
    """
    first = _day(now - OLDEST_S)
    keys = gold.partition_files(lake, ("ensembles",))["ensembles"]
    files = [key for key in keys if (found := _DATE.search(key)) and found[1] >= first]
    hashes = sorted(rules)
    if not files or not hashes:
        return []
    paths = {"ensembles": [lake.path(key) for key in files]}
    return counts_of(sql.run(runs_sql(place_id, hashes, now), paths).rows, place)


def runs_sql(place_id: str, rules: Sequence[str], now: int) -> str:
    """The rows of `newest_runs`, for DuckDB and for Athena."""
    hashes = ", ".join(map(_quoted, rules))
    return (
        f"SELECT {', '.join(_COLUMNS)} FROM ("
        "SELECT *, max(received_at) OVER (PARTITION BY source, rule_hash) AS newest_at"
        f" FROM ensembles WHERE place_id = {_quoted(place_id)} AND rule_hash IN ({hashes})"
        f" AND date >= DATE '{_day(now - OLDEST_S)}'"
        f") AS told WHERE received_at = newest_at AND received_at > {_moment(now - OLDEST_S)}"
        f" AND valid_at > {_moment(now)} ORDER BY source, rule_hash, valid_at"
    )


def counts_of(rows: Iterable[Sequence[Any]], place: int) -> list[RuleCounts]:
    """What `runs_sql` found, each answer as it was counted, of the place at a position."""
    return [_counts([*some], place) for _, some in groupby(rows, lambda row: (row[2], row[4]))]


def _counts(rows: list[Sequence[Any]], place: int) -> RuleCounts:
    received_at, valid_at, source, rule, rule_hash, variable, window_s, runs, *shares = zip(
        *rows, strict=True
    )
    told: Floats = np.array(shares, float)  # None: NaN
    return RuleCounts(
        source=unquote(source[0]),  # Athena calls it as its folder
        received_at=int(received_at[0].timestamp()),
        rule=rule[0],
        rule_hash=rule_hash[0],
        variable=variable[0],
        window_s=window_s[0],
        place=np.full(len(rows), place, np.int32),
        valid_at=np.array([int(at.timestamp()) for at in valid_at], np.int64),
        runs=np.array(runs, np.int32),
        quantiles=told[: len(QUANTILES)],
        chances=told[len(QUANTILES) :],
    )


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _moment(at: int) -> str:
    # Both engines compare it with what has a zone as UTC (`homes/embedded/sql.py` sets it).
    return f"TIMESTAMP '{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
