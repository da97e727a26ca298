"""Local time where it counts: days and hours as the clock of a place has them, on columns."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.domain.reading import Ints


@lru_cache(maxsize=65536)
def _offset_s(zone: str, hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def local_seconds(at: Ints, zone: str) -> Ints:
    """Each instant (Unix seconds) as seconds of the local clock since 1970-01-01 00:00."""
    days, back = np.unique(at // 86400, return_inverse=True)
    begins, ends = (
        np.array([_offset_s(zone, int(day) * 24 + hours) for day in days], np.int64)
        for hours in (0, 24)
    )
    offsets = begins[back]
    # Hours are looked at singly only on days on which the clocks are changed.
    for row in np.flatnonzero((begins != ends)[back]):
        offsets[row] = _offset_s(zone, int(at[row] // 3600))
    seconds: Ints = at + offsets
    return seconds


def local_day(at: Ints, zone: str) -> Ints:
    """The local calendar day of each instant, as days since 1970-01-01."""
    days: Ints = local_seconds(at, zone) // 86400
    return days


def local_month_and_hour(at: Ints, zone: str) -> tuple[Ints, Ints]:
    """Month (0 … 11) and hour (0 … 23) of the local hour that each instant is in, or closes.

    What is valid at 13:00 is of the hour from 12:00 to 13:00, as a sum is.
    """
    seconds = local_seconds(at - 1, zone)
    months = (seconds // 86400).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months % 12, seconds // 3600 % 24
