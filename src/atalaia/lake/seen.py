"""In which hours each place was seen, by what GOLD has of it: a row a place and source, a bit an
hour.

Whoever was not running, or not answered, has no rows of these hours: nothing is known of them. A
row that came hours after its time helps nobody to see, and counts for nothing; nor does a forecast.
"""

# The SQL here is put together from numbers and names of GOLD alone.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from atalaia.domain.reading import Bools
from atalaia.domain.track import BLIND_AFTER

HOUR_S = 3600
MOST_REACH = 12
"""Hours for which one value can stand, however seldom its source speaks."""

_LATE_H = 2
_IS_SEEN = "kind IN ('observed', 'analysis')"
"""A forecast is not, and nor is what is of a kind that is none."""

_A_COLUMN = 48
"""Bits that a sum of doubles holds exactly, with room."""


def reach_of(expected_s: Mapping[str, int]) -> dict[str, int]:
    """By source, for how many hours one of its values stands, of how often it is polled."""
    return {name: -(-BLIND_AFTER * every // HOUR_S) for name, every in expected_s.items()}


def seen_sql(rows: str, epoch: str, since: int, hours: int) -> str:
    """Of which hours GOLD has a row: place_id, source, and bits by hour, `_A_COLUMN` a column.

    rows    what stands after FROM; it has kind, valid_at and received_at
    epoch   what makes Unix seconds of a time in this engine
    since   Unix seconds of the first instant that `seen_at` is asked for; `MOST_REACH` hours before
            it are looked at, too
    """
    first = since - MOST_REACH * HOUR_S
    bits = ", ".join(
        f"sum(DISTINCT CASE WHEN hour >= {low} AND hour < {low + _A_COLUMN} THEN bit END)"
        for low in range(0, hours + MOST_REACH, _A_COLUMN)
    )
    hour = f"CAST(floor(({epoch}(valid_at) - 1 - {first}) / {HOUR_S}) AS BIGINT)"
    return (
        f"SELECT place_id, source, {bits} FROM ("
        f"SELECT place_id, source, hour, power(2, hour % {_A_COLUMN}) AS bit FROM ("
        f"SELECT place_id, source, {hour} AS hour FROM {rows} AS told WHERE {_IS_SEEN} "
        f"AND received_at <= valid_at + INTERVAL '{_LATE_H}' HOUR) AS numbered "
        f"WHERE hour >= 0) AS bits GROUP BY place_id, source"
    )


def seen_at(
    rows: Iterable[Sequence[Any]],
    positions: Mapping[str, int],
    reach: Mapping[str, int],
    hours: int,
) -> Bools:
    """What `seen_sql` found → shape (places, hours): whether a place was seen at each full hour.

    reach   by source, for how many hours one value stands; 1 where it is not named
    """
    found = np.zeros((len(positions), hours), bool)
    for place_id, source, *columns in rows:
        place = positions.get(place_id)
        if place is None:
            continue
        told = np.concatenate([_bits(column) for column in columns])
        for back in range(min(reach.get(source, 1), MOST_REACH)):
            # What falls on a full hour belongs to the hour that it ends.
            last = MOST_REACH - 1 - back
            found[place] |= told[last : last + hours]
    return found


def _bits(column: Any) -> Bools:
    bits: Bools = (int(column or 0) >> np.arange(_A_COLUMN)) & 1 == 1
    return bits
