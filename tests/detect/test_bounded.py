"""What is accepted is judged in bounded time, however its periods overlap. Measured is the CPU time
of the thread, not the wall's: limits are several times what it takes."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np

from atalaia.domain.reading import Kind, Readings
from atalaia.rules import load
from stories import HOUR, T0, Shift, of_hazard, places, rows

MINUTE = 60
ROWS = 20_000
"""Of one push: a fortnight's minutes."""


def rolling_hours(place: int, minutes: range, heavy_at: int = -1) -> Readings:
    """The rain of the last hour, told every minute; from `heavy_at` on it is heavy for an hour."""
    at = np.array(minutes)
    amount = np.where((at >= heavy_at) & (at < heavy_at + 60) & (heavy_at >= 0), 60.0, 0.2)
    return Readings.build(
        place=np.full(len(at), place),
        source=f"roof-{place}",
        kind=Kind.OBSERVED,
        valid_at=T0 + at * MINUTE,
        period_s=HOUR,
        values={"rain_mm": amount, "temperature_c": np.full(len(at), 20.0) + at % 7 / 10},
    )


def spent(do: object) -> float:
    began = time.thread_time()
    do()  # type: ignore[operator]
    return time.thread_time() - began


def test_a_push_of_a_fortnight_of_overlapping_rows_is_judged_in_two_seconds() -> None:
    """Their day's sums have 1,440 periods in each window: with a loop over pairs, 20,000 rows took
    two minutes, in which nothing else was judged."""
    shift = Shift(load("inmet"), places(1))
    told = rolling_hours(0, range(ROWS), heavy_at=ROWS - 100)
    now = int(told.valid_at[-1])
    came = replace(told, known_at=np.full(ROWS, now))
    assert spent(lambda: shift.live(came, received_at=now)) < 2.0
    assert of_hazard(shift.log, "heavy_rain"), "it is judged, and not put aside"


def test_a_minute_of_27_stations_that_tell_a_rolling_hour_is_judged_in_half_a_second() -> None:
    shift = Shift(load("inmet"), places(27))
    before = 24 * 60 if os.environ.get("ATALAIA_ORACLES") else 90
    shift.live(rows(*(rolling_hours(place, range(before)) for place in range(27))))
    worst = 0.0
    for minute in range(before, before + 3):
        news = rows(*(rolling_hours(i, range(minute, minute + 1), before) for i in range(27)))
        worst = max(worst, spent(lambda news=news: shift.live(news)))
    assert worst < 0.5
    assert len({e.alert.place_id for e in of_hazard(shift.log, "heavy_rain")}) == 27
