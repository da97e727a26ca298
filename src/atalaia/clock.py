"""Time and chance as the world gives them, in one object: tests bring another."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def steady(now: Callable[[], float]) -> Callable[[], float]:
    """Seconds from no particular start that never go back, whatever is done to the clock: for how
    long something takes. A clock of a test's own is followed, but for its steps backwards."""
    return time.monotonic if now is time.time else _Forward(now)


class _Forward:
    """A clock that stands while the one it follows makes up for a step backwards."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = now()
        self._total = self._last

    def __call__(self) -> float:
        now = self._now()
        self._total += max(0.0, now - self._last)
        self._last = now
        return self._total


@dataclass(frozen=True)
class Clock:
    """What waits, and what draws lots, does so by this.

    now     Unix seconds, with fractions
    sleep   waits for so many seconds
    jitter  draws from 0 to 1, so that clients that failed together do not return together
    """

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def second(self) -> int:
        """Unix seconds, whole ones."""
        return int(self.now())
