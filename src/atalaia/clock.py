"""Time and chance as the world gives them, in one object: tests bring another."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


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
