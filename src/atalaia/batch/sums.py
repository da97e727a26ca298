"""Amounts of the places of an area on a regular grid, and what has fallen in windows of it.

Rows of a past → here → `batch.raised`, whose limits they pass, and `batch.amounts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints, Readings
from atalaia.errors import SettingsInvalid


@dataclass(frozen=True, slots=True)
class Sums:
    """Amounts of the places of one area on a regular grid.

    at       Unix seconds, shape (t,): ends of periods of `step_s`, on the clock
    amount   shape (t, n), in the variable's unit; NaN is missing
    places   the n places' positions
    left_out   rows that are not on it, as their period is another
    """

    at: Ints
    amount: Floats
    step_s: int
    places: tuple[int, ...]
    left_out: int = 0


def on_grid(rows: Readings, variable: str, places: Places, area: str) -> Sums:
    """The grid of one area's observed amounts; of several sources at one place the larger counts.

    Its step is the period that most rows have. A gauge that is off the clock is placed at the next
    stroke, when what it told was known: one by seconds (a twentieth of the period) at its own.
    Raises SettingsInvalid where there are none.
    """
    members = places.areas.get(area, ())
    amount = rows.value(variable)
    mine = np.isin(rows.place, members) & ~np.isnan(amount) & (rows.period_s > 0)
    if not mine.any():
        raise SettingsInvalid([f"area {area}: no {variable} with a period; name another --area"])
    steps, counts = np.unique(rows.period_s[mine], return_counts=True)
    step_s = int(steps[counts.argmax()])
    left_out = int((mine & (rows.period_s != step_s)).sum())
    mine &= rows.period_s == step_s
    stroke = -((step_s // 20 - rows.valid_at[mine]) // step_s)
    first, last = int(stroke.min()), int(stroke.max())
    at = np.arange(first, last + 1, dtype=np.int64) * step_s
    grid = np.full((len(at), len(members)), np.nan)
    slot = stroke - first
    column = np.searchsorted(np.array(members), rows.place[mine])
    np.fmax.at(grid, (slot, column), amount[mine])
    return Sums(at, grid, step_s, members, left_out)


def fallen(sums: Sums, window_s: int) -> Floats:
    """What is known to have fallen at each place in the window that ends at each instant."""
    amounts: Floats = np.ascontiguousarray(within(totals(sums), window_s // sums.step_s).T) / 1000
    return amounts


def totals(sums: Sums) -> Ints:
    """What is known to have fallen at each place before each instant, and up to the last one, in
    thousandths: shape (n, t + 1)."""
    known = np.round(np.nan_to_num(sums.amount.T) * 1000).astype(np.int64)
    total = np.zeros((len(known), len(sums.at) + 1), np.int64)
    np.cumsum(known, axis=1, out=total[:, 1:])
    return total


def within(total: Ints, steps: int) -> Ints:
    """Of such totals what fell in the last steps up to each instant, in thousandths: shape (n, t).
    Before the first instant nothing is known."""
    amount = total[:, 1:].copy()
    amount[:, steps:] -= total[:, 1 : max(total.shape[1] - steps, 1)]
    return amount
