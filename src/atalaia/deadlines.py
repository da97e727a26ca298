"""Deadlines of many things that are each given the same time: one timer for all of them.

A timer for each, and a look for the running loop, cost more than most of what is timed here, and
hardly one of them ever rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """What has begun and not ended, in that order. Made on the event loop that it is used on.

    within_s  how long each may take
    on_over   told of what took longer, once; it counts as ended
    """

    def __init__(self, within_s: float, on_over: Callable[[T], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._within_s = within_s
        self._on_over = on_over
        self._until: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, one: T) -> None:
        """From now on its time runs."""
        self._until[one] = until = self._now() + self._within_s
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._ring)

    def end(self, one: T) -> None:
        """It has ended; or it has not begun, or its time was over, and nothing happens."""
        self._until.pop(one, None)

    def _ring(self) -> None:
        self._timer = None
        while self._until:
            one, until = next(iter(self._until.items()))
            if until > self._now():
                self._timer = self._loop.call_at(until, self._ring)
                return
            del self._until[one]
            self._on_over(one)


class Timeout:
    """As `asyncio.timeout`, for many that may each take as long, on the loop that it is made on."""

    def __init__(self, within_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines: Deadlines[asyncio.Task[object]] = Deadlines(within_s, self._cut_off)
        self._cut: set[asyncio.Task[object]] = set()

    async def within(self, work: Awaitable[T]) -> T:
        """What comes of the work. Raises TimeoutError where it takes longer."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task can be given a time")
        cancelled = task.cancelling()
        self._deadlines.begin(task)
        try:
            return await work
        except asyncio.CancelledError as error:
            if task in self._cut and task.cancelling() <= cancelled + 1:
                raise TimeoutError from error
            raise  # somebody else ends it
        finally:
            self._deadlines.end(task)
            if task in self._cut:
                self._cut.discard(task)
                task.uncancel()

    def _cut_off(self, task: asyncio.Task[object]) -> None:
        self._cut.add(task)
        task.cancel()
