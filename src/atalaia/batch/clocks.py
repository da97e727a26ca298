"""The local clock as evidence: hours of the day, and months of the year, in which rain is worse.

Instants → 1 where the clock stands in a span, else 0 → `batch.amounts`. A span goes round midnight,
or the turn of the year, as a rule's term does (`domain.score.Term`), by the clock of the place,
summer time and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from atalaia.domain.local import local_month_and_hour
from atalaia.domain.reading import Floats, Ints
from atalaia.domain.score import Clock, Term

HOURS, HOURS_APART = (6, 12), 3
"""Parts of the day that are tried: so long, and from every third hour on. Shorter ones have too few
events."""

MONTHS = (3, 6)
"""Parts of the year that are tried, from every month on."""


class ClockSpan(msgspec.Struct, frozen=True):
    """From the local hour `first` to before `last`, or in the months from `first` to `last`."""

    clock: Clock
    first: int
    last: int
    is_against: ClassVar[bool] = False


def spans() -> Iterator[ClockSpan]:
    """All that are tried."""
    for length in HOURS:
        for first in range(0, 24, HOURS_APART):
            yield ClockSpan("hour", first, (first + length - 1) % 24 + 1)
    for length in MONTHS:
        for first in range(1, 13):
            yield ClockSpan("month", first, (first + length - 2) % 12 + 1)


def of_clock(at: Ints, zone: str) -> Iterator[tuple[ClockSpan, Floats]]:
    """Each span, and in which of the instants the clock of the zone is in it."""
    month, hour = (part.astype(float) for part in local_month_and_hour(at, zone))
    for span in spans():
        term = Term(1.0, clock=span.clock, first=span.first, last=span.last)
        yield span, term.is_time(month + 1, hour)
