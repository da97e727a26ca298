"""Deadlines of many things that are each given the same time: one timer for all of them.

A timer for each would cost more than most of what is timed here, and hardly one of them ever rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """What has begun and not ended, in that order. To be used on one event loop.

    within_s  how long each may take
    on_over   told of what took longer, once; it counts as ended
    """

    def __init__(self, within_s: float, on_over: Callable[[T], None]) -> None:
        self._within_s = within_s
        self._on_over = on_over
        self._until: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, one: T) -> None:
        """From now on its time runs."""
        loop = asyncio.get_running_loop()
        self._until[one] = until = loop.time() + self._within_s
        if self._timer is None:
            self._timer = loop.call_at(until, self._ring, loop)

    def end(self, one: T) -> None:
        """It has ended; or it has not begun, or its time was over, and nothing happens."""
        self._until.pop(one, None)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._until:
            one, until = next(iter(self._until.items()))
            if until > loop.time():
                self._timer = loop.call_at(until, self._ring, loop)
                return
            del self._until[one]
            self._on_over(one)
