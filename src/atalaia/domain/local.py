"""Local time where it counts: days and hours as the clock of a place has them, on columns.

All of Atalaia goes by the rules of one release of the tz database, that of the package tzdata:
Python here (`atalaia.__init__` puts the system's aside), and SQL by `clock_days`, as the engine has
rules of its own that are of another release.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.domain.reading import Ints

DAY_S = 86_400

_STEP_S = 3 * DAY_S
"""What both ends agree on held between: no clock was put on and back within less than a week
(Recife's in October 2000 was)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockDays(NamedTuple):
    """The clock of a zone on n UTC days. Every column has shape (n,).

    day          days since 1970
    offset_s     ahead of UTC as the day begins
    changes_at   Unix seconds at which the clock is put on that day; the day's end where it is not
    then_s       ahead of UTC from that instant on
    """

    day: Ints
    offset_s: Ints
    changes_at: Ints
    then_s: Ints


def local_seconds(at: Ints, zone: str) -> Ints:
    """Each instant (Unix seconds) as seconds of the local clock since 1970-01-01 00:00."""
    if not len(at):
        return at
    moments, offsets = _clock(zone, int(at.min()), int(at.max()))
    seconds: Ints = at + offsets[np.searchsorted(moments, at, side="right") - 1]
    return seconds


def local_day(at: Ints, zone: str) -> Ints:
    """The local calendar day of each instant, as days since 1970-01-01."""
    days: Ints = local_seconds(at, zone) // DAY_S
    return days


def local_month_and_hour(at: Ints, zone: str) -> tuple[Ints, Ints]:
    """Month (0 … 11) and hour (0 … 23) of the local hour that each instant is in, or closes.

    What is valid at 13:00 is of the hour from 12:00 to 13:00, as a sum is.
    """
    seconds = local_seconds(at - 1, zone)
    months = (seconds // DAY_S).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months % 12, seconds // 3600 % 24


def clock_days(zone: str, first: int, last: int) -> ClockDays:
    """The clock on each UTC day from first to last, both included, as days since 1970."""
    day = np.arange(first, last + 1, dtype=np.int64)
    moments, offsets = _clock(zone, first * DAY_S, (last + 1) * DAY_S)
    at = np.searchsorted(moments, day * DAY_S, side="right") - 1
    then = np.searchsorted(moments, (day + 1) * DAY_S, side="left") - 1
    return ClockDays(
        day,
        offsets[at],
        np.where(then > at, moments[then], (day + 1) * DAY_S),
        offsets[then],
    )


def _clock(zone: str, first: int, last: int) -> tuple[Ints, Ints]:
    """From which instants on the clock was so far ahead of UTC; the first is not after `first`."""
    begins, ends = _year(first), _year(last)
    moments, offsets = [_begin(begins)], [_offset_s(zone, _begin(begins))]
    for year in range(begins, ends + 1):
        for moment, offset in _changes(zone, year):
            moments.append(moment)
            offsets.append(offset)
    return np.array(moments, np.int64), np.array(offsets, np.int64)


@lru_cache(maxsize=65_536)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """The instants of a UTC year at which the clock was put, and how far it was ahead then."""
    found = []
    ends = _begin(year + 1)
    at, offset = _begin(year) - 1, _offset_s(zone, _begin(year) - 1)
    while at < ends - 1:
        later = min(at + _STEP_S, ends - 1)
        then = _offset_s(zone, later)
        if then == offset:
            at = later
            continue
        while later - at > 1:
            middle = (at + later) // 2
            if _offset_s(zone, middle) == offset:
                at = middle
            else:
                later = middle
        at, offset = later, _offset_s(zone, later)
        found.append((at, offset))
    return tuple(found)


def _offset_s(zone: str, at: int) -> int:
    offset = (_EPOCH + timedelta(seconds=at)).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _year(at: int) -> int:
    return (_EPOCH + timedelta(seconds=at)).year


def _begin(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
