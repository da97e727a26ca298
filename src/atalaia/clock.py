"""Time and chance as the world gives them, in one object: tests bring another."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from atalaia.logs import Logger

MOST_BACK_S = 3600.0
"""A step back by more is not made up for: until then nothing that comes would be of the present."""

ANEW = -1
"""What a program ends with that is to begin anew."""

_TOLD_S = 5.0
_LOOK_S = 1.0
_CATCHING_UP = 0.5

log = Logger()


class Onward:
    """Unix seconds that never go back, from a clock that may be set back.

    After a step back time goes on at half its pace, until the clock has made up for it: what is
    due every so often goes on being asked, what is late is late, and a record is never older than
    the one before it. A step forward is believed at once: a computer may have slept. By how much
    time is ahead of the clock is `behind_s`; where that is too much, who lives by it begins anew.

    wall  the clock; `tick` seconds from no particular start that nobody sets
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tick = tick
        self._wall = wall
        self._lock = threading.Lock()
        self._now, self._ticked = wall(), tick()
        self._is_behind = False
        self.behind_s = 0.0

    def begin_anew(self) -> None:
        """Believe the clock as it is now."""
        with self._lock:
            self._now, self._ticked = self._wall(), self.tick()
            self._is_behind, self.behind_s = False, 0.0

    def __call__(self) -> float:
        """Now."""
        with self._lock:
            wall, tick = self._wall(), self.tick()
            at_least = self._now + _CATCHING_UP * (tick - self._ticked)
            self._ticked = tick
            if wall >= at_least and not self._is_behind:  # as nearly always
                self._now, self.behind_s = wall, 0.0
                return wall
            self._now = max(wall, at_least)
            self.behind_s = behind_s = self._now - wall
            is_news = behind_s > _TOLD_S and not self._is_behind
            self._is_behind = behind_s > 0 and (self._is_behind or is_news)
            now = self._now
        if is_news:
            log.warning(
                "the clock was set back; time goes on at half its pace", by_s=round(behind_s)
            )
        return now


def steady(now: Callable[[], float]) -> Callable[[], float]:
    """Seconds from no particular start that never go back, whatever is done to the clock: for how
    long something takes. A clock of a test's own is followed, but for its steps backwards."""
    return now.tick if isinstance(now, Onward) else _Forward(now)


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


_ONWARD = Onward()
"""That of the process: its parts agree on what time it is."""


@dataclass(frozen=True)
class Clock:
    """What waits, and what draws lots, does so by this.

    now     Unix seconds, with fractions, that never go back
    sleep   waits for so many seconds
    jitter  draws from 0 to 1, so that clients that failed together do not return together
    """

    now: Callable[[], float] = _ONWARD
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def second(self) -> int:
        """Unix seconds, whole ones."""
        return int(self.now())


async def look_back(clock: Clock, ask: Callable[[int], None]) -> None:
    """Ask the program to begin anew (`ANEW`) where its clock was set back too far."""
    now = clock.now
    while isinstance(now, Onward):
        await asyncio.sleep(_LOOK_S)
        now()
        if now.behind_s > MOST_BACK_S:
            log.error("the clock was set back by hours; the watch begins anew by it")
            ask(ANEW)
            return


def until_done(once: Callable[[], int]) -> int:
    """Do it, and anew by the clock as it is then for as long as it asks for that; return what it
    came to."""
    while (code := once()) == ANEW:
        _ONWARD.begin_anew()
    return code


async def sleep_unless(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Wait so long, or until the event is set."""
    waits = [
        asyncio.ensure_future(clock.sleep(seconds)),
        asyncio.ensure_future(event.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
