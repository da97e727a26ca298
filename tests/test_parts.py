"""Parts of a program: none ends by a fault, and the last that was started is stopped first."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from atalaia import parts
from atalaia.parts import Parts
from patience import LIMIT_S


@pytest.mark.parametrize("fault", [RuntimeError("broken"), MemoryError()])
@pytest.mark.parametrize("is_said", [True, False])
def test_a_part_that_breaks_is_started_again(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, is_said: bool
) -> None:
    """Also where nobody can say so: where memory is short, what is done about it fails, too."""
    monkeypatch.setattr(parts, "_AFTER_FAULT_S", 0.0)
    begun = 0

    def starved(*_: object, **__: object) -> None:
        raise MemoryError

    if not is_said:
        monkeypatch.setattr(parts.log, "exception", starved)

    async def main() -> None:
        again = asyncio.Event()

        async def breaks() -> None:
            nonlocal begun
            begun += 1
            if begun < 3:
                raise fault
            again.set()
            await asyncio.Event().wait()

        async with Parts() as running:
            running.start("fragile", breaks)
            await asyncio.wait_for(again.wait(), LIMIT_S)

    asyncio.run(main())
    assert begun == 3


def test_what_is_started_last_is_stopped_first() -> None:
    told: list[str] = []

    async def main() -> None:
        async with Parts() as running:
            for name in ("first", "second"):

                async def part(name: str = name) -> None:
                    try:
                        await asyncio.Event().wait()
                    finally:
                        told.append(name)

                running.start(name, part)

                async def last(name: str = name) -> None:
                    told.append(f"after {name}")

                running.at_the_end(last)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert told == ["after second", "second", "after first", "first"]


def test_a_stop_waits_for_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "STOP_S", 0.01)
    held = asyncio.Event()

    async def main() -> None:
        async def stays() -> None:
            while not held.is_set():
                try:
                    await held.wait()
                except asyncio.CancelledError:
                    continue

        async with Parts() as running:
            running.start("stubborn", stays)
            running.at_the_end(held.wait)
            await asyncio.sleep(0)
        held.set()

    asyncio.run(main())
    assert held.is_set(), "the stop came to its end first"


_LOST = """
import asyncio
from atalaia.parts import begin

async def main():
    loop = asyncio.get_running_loop()
    begin(loop)
    tries = []

    class Reads(asyncio.Protocol):
        def data_received(self, data):
            tries.append(data)
            raise MemoryError

    ours, theirs = socket.socketpair()
    await loop.connect_accepted_socket(Reads, ours)
    theirs.send(b"x")
    while not tries:
        await asyncio.sleep(0.01)
    print("a connection is lost, and nothing else", flush=True)
    loop.call_soon({lost})
    await asyncio.sleep(60)

import socket
asyncio.run(main())
"""


@pytest.mark.parametrize("is_memory", [True, False])
def test_where_what_wakes_a_task_finds_no_memory_the_process_ends(*, is_memory: bool) -> None:
    """A connection may break for it: who is behind it tries again."""
    program = _LOST.replace("{lost}", "bytes, 1 << 62" if is_memory else "int, 'none'")
    done = subprocess.run(
        [sys.executable, "-c", program.replace("sleep(60)", "sleep(0.2)")],
        capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert "a connection is lost, and nothing else" in done.stdout
    assert done.returncode == int(is_memory), done.stderr
    assert ("so this ends; start it again" in done.stderr) is is_memory
