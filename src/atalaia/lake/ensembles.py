"""Merging into GOLD what rules made of ensembles: one row a place, rule, hour and answer.

`RuleCounts` → the file of the UTC day on which the answer came → the table `ensembles`. What is
counted again takes its row's place, so that merging the same twice changes nothing; of two answers
of one second the one that came later counts.
"""

# The SQL here is put together from GOLD's own names, and ids are quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from atalaia.domain.place import Places
from atalaia.domain.rule_counts import QUANTILES, RuleCounts
from atalaia.lake.gold import ENSEMBLE_COLUMNS, ENSEMBLES, parquet
from atalaia.lake.merge import (
    PARQUET,
    Merged,
    RowRefused,
    UnreadableGold,
    Workshop,
    all_but,
    enum_of,
    workshop,
)
from atalaia.lake.raw import folder_name
from atalaia.ports import Lake

_WORDS = ("rule", "rule_hash", "variable")
_CHANCES = ("chance_yellow", "chance_orange", "chance_red")


def key_of(counts: RuleCounts) -> str:
    """The file that these rows are of. Raises ValueError for a time that is no date."""
    date = _date(counts.received_at)
    source = folder_name(counts.source)
    return f"{ENSEMBLES}source={source}/date={date:%Y-%m-%d}/ensembles.parquet"


def merge_ensembles(
    lake: Lake, parts: Sequence[RuleCounts], places: Places
) -> tuple[Merged, list[RowRefused]]:
    """Put what rules made of answers, in the order in which these came, into GOLD; set aside, and
    return, the rows that cannot be written."""

    def merge(some: list[RuleCounts]) -> Merged:
        return _merge(lake, some, places)

    done, refused = all_but([one for one in parts if len(one)], merge, _halves, _refused)
    return Merged.sum(done), refused


def _halves(parts: list[RuleCounts]) -> list[list[RuleCounts]]:
    if len(parts) > 1:
        half = len(parts) // 2
        return [parts[:half], parts[half:]]
    (one,) = parts
    half = len(one) // 2
    return [[one.take(slice(half))], [one.take(slice(half, None))]] if half else []


def _refused(parts: list[RuleCounts], error: Exception) -> RowRefused:
    one = parts[0]
    what = f"{one.rule}, valid at {int(one.valid_at[0])}"
    return RowRefused(one.source, f"{what}: {type(error).__name__}")


def _merge(lake: Lake, parts: list[RuleCounts], places: Places) -> Merged:
    if not parts:
        return Merged(0, 0)
    by_key: dict[str, list[RuleCounts]] = {}
    for one in parts:
        for at in (int(one.valid_at.min()), int(one.valid_at.max())):
            _date(at)  # what no calendar has could be written, and not read again
        by_key.setdefault(key_of(one), []).append(one)
    written, rows = {}, 0
    with workshop(lake) as shop:
        enum_of(shop.con, "place", np.array([place.id for place in places], object))
        for key, some in sorted(by_key.items()):
            body, count = _file(shop, key, some)
            if not lake.keys(key) or lake.read(key) != body:
                written[key] = body
                rows += count
        lake.write_all(written)
    return Merged(rows, len(written))


def _file(shop: Workshop, key: str, parts: list[RuleCounts]) -> tuple[bytes, int]:
    """The file of a key, and how many rows are in it: the new ones, and those that GOLD has."""
    con, folder, lake = shop
    for name in _WORDS:
        enum_of(con, f"known_{name}", sorted({getattr(one, name) for one in parts}))
    con.register("told", _columns(parts))
    con.execute(f"CREATE OR REPLACE TABLE new AS SELECT {_select()} FROM told")
    con.unregister("told")
    names = ", ".join(f'"{name}"' for name in ENSEMBLE_COLUMNS)
    rows = f"SELECT {names} FROM new"
    if lake.keys(key):
        try:
            con.execute(
                f"CREATE OR REPLACE TABLE held AS SELECT {names}"
                f" FROM {parquet('ensembles', [lake.path(key)])}"
                " ANTI JOIN new USING (place_id, rule, valid_at, received_at)"
            )
        except duckdb.Error as error:
            raise UnreadableGold(str(error)) from error
        rows += f" UNION ALL SELECT {names} FROM held"
    out = folder / "out.parquet"
    copied = con.execute(
        f"COPY (SELECT {names} FROM ({rows})"
        f" ORDER BY place_id, rule, received_at, valid_at) TO '{out}' {PARQUET}"
    )
    return out.read_bytes(), int(copied.fetchall()[0][0])


def _columns(parts: Sequence[RuleCounts]) -> dict[str, NDArray[Any]]:
    """As DuckDB reads them in place, the last row of each key; words by their number. It takes NaN
    as NULL."""
    sizes = [len(one) for one in parts]

    def repeated(values: Iterable[int]) -> NDArray[Any]:
        return np.repeat(np.fromiter(values, np.int64, len(parts)), sizes)

    words = {}
    for name in _WORDS:
        known = sorted({getattr(one, name) for one in parts})
        words[name] = repeated(known.index(getattr(one, name)) for one in parts)
    quantiles = np.concatenate([one.quantiles for one in parts], axis=1)
    chances = np.concatenate([one.chances for one in parts], axis=1)
    columns = {
        **words,
        "window_s": repeated(one.window_s for one in parts),
        "received_at": repeated(one.received_at for one in parts),
        "place": np.concatenate([one.place for one in parts]).astype(np.int64),
        "valid_at": np.concatenate([one.valid_at for one in parts]),
        "runs": np.concatenate([one.runs for one in parts]),
        **{f"q{each}": quantiles[i] for i, each in enumerate(QUANTILES)},
        **{name: chances[i] for i, name in enumerate(_CHANCES)},
    }
    # Not by a window in SQL: that holds all rows of the file in memory at once.
    keys = [columns[name] for name in ("valid_at", "received_at", "rule", "place")]
    order = np.lexsort(keys)  # stable: of one key as they came
    is_last = np.ones(len(order), bool)
    is_last[:-1] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    last = np.sort(order[is_last])
    return {name: np.ascontiguousarray(column[last]) for name, column in columns.items()}


def _select() -> str:
    """GOLD's columns from `_columns`."""
    expressions = {
        "place_id": "enum_range(NULL::place)[place + 1]::VARCHAR",
        "valid_at": "make_timestamptz(valid_at * 1000000)",
        "received_at": "make_timestamptz(received_at * 1000000)",
        **{name: f"enum_range(NULL::known_{name})[{name} + 1]::VARCHAR" for name in _WORDS},
    }
    return ", ".join(
        f'{expressions.get(name, name)}::{kind} AS "{name}"'
        for name, kind in ENSEMBLE_COLUMNS.items()
    )


def _date(at: int) -> datetime:
    """Unix seconds as a date. Raises ValueError for one that no calendar here has."""
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at} s since 1970 are no date") from error
