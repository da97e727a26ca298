"""Workers of a channel: so many at once, and others for those who are held up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from atalaia.notify.crew import SLOW_S, Crew, Worker
from patience import patient

AT_ONCE, MOST = 2, 5


class Pieces:
    """Work of a few kinds: what each worker does with its next piece is up to the test."""

    def __init__(self) -> None:
        self.left: deque[asyncio.Event] = deque()
        self.came = asyncio.Semaphore(0)
        self.working = self.most = self.workers = 0

    def put(self) -> asyncio.Event:
        """A piece that is done when this is set."""
        done = asyncio.Event()
        self.left.append(done)
        self.came.release()
        return done

    async def work(self, crew: Crew, worker: Worker) -> None:
        self.workers += 1
        goes_on = True
        while goes_on:
            await self.came.acquire()
            done = self.left.popleft()
            crew.begins(worker)
            self.working += 1
            self.most = max(self.most, self.working)
            await done.wait()
            self.working -= 1
            goes_on = crew.ends(worker)
        self.workers -= 1

    async def until_working(self, n: int) -> None:
        async with patient():
            while self.working != n:
                await asyncio.sleep(0.005)


def shift(tell) -> None:  # type: ignore[no-untyped-def]
    async def run() -> None:
        pieces = Pieces()
        async with asyncio.TaskGroup() as tasks:
            Crew(tasks, AT_ONCE, MOST, pieces.work)
            await tell(pieces)
            tasks.create_task(_end())

    async def _end() -> None:
        raise InterruptedError

    try:
        asyncio.run(run())
    except* InterruptedError:
        pass


def test_so_many_work_at_once_while_all_are_quick() -> None:
    async def tell(pieces: Pieces) -> None:
        for _ in range(20):
            done = [pieces.put() for _ in range(4)]
            await pieces.until_working(AT_ONCE)
            for one in done:
                one.set()
            await pieces.until_working(0)
        assert pieces.most == AT_ONCE
        assert pieces.workers == AT_ONCE

    shift(tell)


def test_who_is_held_up_is_replaced_until_there_are_too_many_and_all_are_as_before_then() -> None:
    async def tell(pieces: Pieces) -> None:
        began = asyncio.get_running_loop().time()
        slow = [pieces.put() for _ in range(MOST + 3)]
        await pieces.until_working(MOST)
        assert asyncio.get_running_loop().time() - began >= 2 * SLOW_S, "two after two, then one"
        await asyncio.sleep(SLOW_S * 1.2)
        assert pieces.working == MOST, "no more than that"
        for one in slow:
            one.set()
        await pieces.until_working(0)
        pieces.most = 0
        quick = [pieces.put() for _ in range(8)]
        await pieces.until_working(AT_ONCE)
        assert pieces.workers == AT_ONCE
        for one in quick:
            one.set()
        await pieces.until_working(0)
        assert pieces.most == AT_ONCE

    shift(tell)


def test_who_is_cancelled_in_a_try_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atalaia.notify.crew.SLOW_S", 0.02)
    faults: list[dict[str, Any]] = []

    async def crew(pieces: Pieces) -> None:
        async with asyncio.TaskGroup() as tasks:
            Crew(tasks, AT_ONCE, MOST, pieces.work)

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        pieces = Pieces()
        for _ in range(MOST):
            pieces.put()
        task = asyncio.create_task(crew(pieces))
        await pieces.until_working(AT_ONCE)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.05)  # by now the tries that were cancelled would have been too long

    asyncio.run(run())
    assert not faults
