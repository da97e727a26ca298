"""Threads for blocking work, which never hold up the end of the process."""

from __future__ import annotations

import _thread
import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest

from atalaia.errors import StateConflict
from atalaia.threads import DaemonThreads
from patience import wait_until


def test_calls_run_beside_each_other_and_their_results_and_errors_come_back() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        both = threading.Barrier(20)
        waits = [asyncio.to_thread(both.wait, 60) for _ in range(20)]
        assert sorted(await asyncio.gather(*waits)) == list(range(20)), "each has a thread"

        def fails() -> None:
            raise LookupError("no row")

        with pytest.raises(LookupError, match="no row"):
            await asyncio.to_thread(fails)

    asyncio.run(run())


def test_a_call_that_hangs_holds_up_neither_the_loop_nor_the_end_of_the_process() -> None:
    program = """
import asyncio, threading
from atalaia.threads import DaemonThreads
async def run():
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    asyncio.ensure_future(asyncio.to_thread(threading.Event().wait))
    await asyncio.sleep(0)
asyncio.run(run())
print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "ended\n"


def test_a_call_that_was_cancelled_before_it_began_does_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = threading.Event()
    waiting = held_up(monkeypatch)
    future = DaemonThreads().submit(ran.set)
    assert future.cancel()
    waiting.pop()()
    assert not ran.is_set()


def test_where_memory_is_short_who_waits_tries_again_and_does_not_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hungry() -> None:
        raise MemoryError

    with pytest.raises(StateConflict, match="no more memory"):
        DaemonThreads().submit(hungry).result(60)

    def no_stack(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", no_stack)
    with pytest.raises(StateConflict, match="no more memory"):
        DaemonThreads().submit(print).result(60)


@pytest.mark.parametrize("deaths", [1, 2, 5])
def test_nobody_waits_for_a_thread_that_dies_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """The call gets another, whether others are handed in or not, and runs once."""
    monkeypatch.setattr("atalaia.threads._BEGINS_S", 0.01)
    threads = DaemonThreads()
    threads.submit(print).result(60)
    threads._idle.clear()
    start = _thread.start_new_thread
    dead: list[tuple[Any, ...]] = []

    def dies(*args: Any) -> int:
        if len(dead) < deaths:
            dead.append(args)
            return 1
        return start(*args)

    monkeypatch.setattr(_thread, "start_new_thread", dies)
    ran: list[int] = []
    threads.submit(ran.append, 1).result(60)
    for work, args in dead:  # they were slow, and not dead
        monkeypatch.setattr("atalaia.threads._IDLE_S", 0.0)
        work(*args)
    assert ran == [1]
    assert len(dead) == deaths


def test_a_thread_that_died_as_it_waited_keeps_no_call() -> None:
    threads = DaemonThreads()
    threads._idle.append(SimpleQueue())  # nobody is behind it
    assert threads.submit(int, 7).result(60) == 7


def test_nobody_looks_after_threads_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atalaia.threads._BEGINS_S", 0.01)
    monkeypatch.setattr("atalaia.threads._IDLE_S", 0.01)
    before = _thread._count()
    for _ in range(20):
        DaemonThreads().submit(print).result(60)
    gc.collect()
    wait_until(lambda: _thread._count() <= before)


@pytest.mark.parametrize("starved", [1, 3])
def test_what_was_settled_by_half_is_told_all_the_same_and_once(
    monkeypatch: pytest.MonkeyPatch, starved: int
) -> None:
    """Memory runs out between the result and those who wait for it."""
    left = [starved]
    invoke = Future._invoke_callbacks  # type: ignore[attr-defined]

    def hungry(self: Future[Any]) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise MemoryError
        invoke(self)
        if left == [0]:
            left[0] = -1  # told, and then again out of memory
            raise MemoryError

    heard: list[Future[int]] = []
    go = threading.Event()

    def waits() -> int:
        go.wait(60)
        return 7

    call = DaemonThreads().submit(waits)
    call.add_done_callback(heard.append)
    monkeypatch.setattr(Future, "_invoke_callbacks", hungry)
    go.set()
    wait_until(lambda: bool(heard) and left[0] < 0)
    assert call.result(60) == 7
    assert heard == [call]


def test_a_result_is_said_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling the loop takes memory, too; what it was not told it would wait for for ever."""
    tries = 0

    async def run() -> tuple[list[str], int]:
        nonlocal tries
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        tell = loop.call_soon_threadsafe

        def starved(*args: Any, **kwargs: Any) -> asyncio.Handle:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise MemoryError
            return tell(*args, **kwargs)

        monkeypatch.setattr(loop, "call_soon_threadsafe", starved)
        return await asyncio.to_thread(lambda: ["done"]), tries

    assert asyncio.run(asyncio.wait_for(run(), 60)) == (["done"], 4)


def test_a_thread_without_work_takes_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that where memory is short, and there would be no other, what is needed most goes on."""
    threads = DaemonThreads()
    threads.submit(print).result(60)
    wait_until(lambda: len(threads._idle) == 1)

    def no_stack(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", no_stack)
    for n in range(100):
        assert threads.submit(int, n).result(60) == n
        wait_until(lambda: len(threads._idle) == 1)


@pytest.mark.parametrize("idle_s", [0.0, 0.0001, 0.002])
def test_no_call_is_lost_to_a_thread_that_is_about_to_end(
    monkeypatch: pytest.MonkeyPatch, idle_s: float
) -> None:
    monkeypatch.setattr("atalaia.threads._IDLE_S", idle_s)
    threads = DaemonThreads()
    for n in range(500):
        both = [threads.submit(int, n), threads.submit(int, -n)]
        assert [one.result(60) for one in both] == [n, -n]
    wait_until(lambda: not threads._idle)


def held_up(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Threads that do not begin until they are called; each does one call and ends."""
    waiting: list[Callable[[], None]] = []

    def start(work: Callable[..., None], args: tuple[Any, ...]) -> int:
        waiting.append(partial(work, *args))
        return 1

    monkeypatch.setattr(_thread, "start_new_thread", start)
    monkeypatch.setattr("atalaia.threads._IDLE_S", 0.0)
    return waiting
