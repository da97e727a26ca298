"""Days in a row, counted on the fingers: for each row all that was said up to it, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Told = tuple[int, float]
"""(valid_at, value), the earliest first."""


def day_of(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date()


def days_in_a_row(told: Sequence[Told], i: int, zone: str, limit: float) -> tuple[int, float]:
    """Of the row `i`: how many local days in a row passed for certain, and how many may have.

    A day passes if any of its values does; today only by what was said so far. A day of which 18
    hours were told is known not to have passed; one that was seen less may have.
    """
    today = day_of(told[i][0], zone)
    first = day_of(told[0][0], zone)

    def of(day: date) -> list[Told]:
        rows = told[: i + 1] if day == today else told
        return [row for row in rows if day_of(row[0], zone) == day]

    def passes(day: date) -> bool:
        return any(value >= limit for _, value in of(day))

    run, day = int(passes(today)), today - timedelta(days=1)
    while passes(day):
        run, day = run + 1, day - timedelta(days=1)
    hours = {at // 3600 for at, _ in of(day)}
    if len(hours) < 18 and day >= first:
        return run, float("inf")
    return run, run + int(run > 0 and not passes(today))
