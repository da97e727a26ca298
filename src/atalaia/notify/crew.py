"""Who sends the letters of one channel: so many at once, and others for those who are held up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from atalaia.deadlines import Deadlines

SLOW_S = 1.0
"""Whom a try keeps for longer counts no more: another takes the next letter in their place."""


MOST_SLOW = 8
"""So many times as many as usual there may be with those who are held up."""


class Worker:
    """One who sends a letter at a time. `is_held_up`: by a try, for longer than `SLOW_S`."""

    is_held_up = False


class Crew:
    """The workers of a channel. For one event loop, and one run of it.

    at_once  how many work, besides those who are held up
    most     how many there are with these
    work     takes letters until it is told that others have taken its place
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        at_once: int,
        most: int,
        work: Callable[[Crew, Worker], Awaitable[None]],
    ) -> None:
        self._tasks = tasks
        self._at_once = at_once
        self._most = most
        self._work = work
        self._under_way: Deadlines[Worker] = Deadlines(SLOW_S, self._hold_up)
        self._n = self._n_held_up = 0
        for _ in range(at_once):
            self._add()

    def begins(self, worker: Worker) -> None:
        """A try."""
        self._under_way.begin(worker)

    def ends(self, worker: Worker) -> bool:
        """The try is over; whether the worker takes another letter."""
        if not worker.is_held_up:
            self._under_way.end(worker)
            return True
        worker.is_held_up = False
        self._n_held_up -= 1
        goes_on = self._n - self._n_held_up <= self._at_once
        self._n -= not goes_on
        return goes_on

    def _add(self) -> None:
        self._n += 1
        self._tasks.create_task(self._run(Worker()))

    async def _run(self, worker: Worker) -> None:
        try:
            await self._work(self, worker)
        finally:
            # Also cancelled in a try: nobody takes its place any more.
            self._under_way.end(worker)

    def _hold_up(self, worker: Worker) -> None:
        worker.is_held_up = True
        self._n_held_up += 1
        if self._n < self._most:
            self._add()
