"""Threads for blocking work, which never hold up the end of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from atalaia.errors import StateConflict
from atalaia.threads import DaemonThreads


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


def test_a_call_that_was_cancelled_before_it_began_does_not_run() -> None:
    ran = threading.Event()
    started: list[Any] = []

    class Late(threading.Thread):
        def start(self) -> None:
            started.append(self)

    original = threading.Thread
    threading.Thread = Late  # type: ignore[misc]
    try:
        future = DaemonThreads().submit(ran.set)
    finally:
        threading.Thread = original  # type: ignore[misc]
    assert future.cancel()
    started[0].run()
    assert not ran.is_set()


def test_where_memory_is_short_who_waits_tries_again_and_does_not_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hungry() -> None:
        raise MemoryError

    with pytest.raises(StateConflict, match="no more memory"):
        DaemonThreads().submit(hungry).result(60)

    def no_stack(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_stack)
    with pytest.raises(StateConflict, match="no more memory"):
        DaemonThreads().submit(print).result(60)
