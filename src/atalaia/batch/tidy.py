"""What is done to the lake every six hours: letting go, and few files of RAW's many."""

from __future__ import annotations

from collections.abc import Callable

from atalaia.batch.sweep import is_due, sweep
from atalaia.lake.compact import compact_alerts
from atalaia.lake.raw_days import compact_days
from atalaia.ports import Keys, Lake, State, Stream


def tidy(
    state: State,
    lake: Lake,
    keys: Keys | None,
    stream: Stream | None,
    now: int,
    keep_s: int,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Sweep, and make few files of closed days, if it is time; hold the home's ``refine`` lock.

    In this order: who was erased is not copied once more, and the alert log is small. For the
    parameters see `sweep` and `compact_days`.
    """
    if is_due(state, now):
        sweep(state, lake, keys, now, keep_s)
        compact_alerts(lake, now, goes_on)
        compact_days(state, lake, stream, now, goes_on)
