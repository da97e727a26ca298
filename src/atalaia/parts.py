"""The parts of a running program, each a task that is started again if it breaks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

from atalaia.logs import Logger
from atalaia.threads import DaemonThreads

STOP_S = 2.0
"""What has not come to its end so long after it was asked to is left."""

_AFTER_FAULT_S = 5.0

_ENDS = (
    b"no more memory: something may wait for ever for what was lost, so this ends; start it again\n"
)

log = Logger()


class Parts(AsyncExitStack):
    """What is started last is stopped first."""

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run it until the end, and again where it breaks."""

        async def once() -> None:
            try:
                await run()
            except Exception as error:
                log.exception("a part broke; it is started again", part=name, error=repr(error))
            await asyncio.sleep(_AFTER_FAULT_S)

        async def always() -> None:
            while True:
                with suppress(MemoryError):  # also for what is done about a fault
                    await once()

        self.push_async_callback(cancelled, asyncio.create_task(always(), name=name))

    def at_the_end(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do this as well, in its turn, for as long as a stop may take."""

        async def within() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await do()

        self.push_async_callback(within)


def begin(loop: asyncio.AbstractEventLoop) -> None:
    """Make a loop ready for parts. Blocking work goes to threads that hold up nothing. And where
    the memory for waking a task is missing the process ends with 1, to be started again: the task
    would stand for ever, and what is acknowledged is kept whenever a process ends."""
    loop.set_default_executor(DaemonThreads())
    loop.set_exception_handler(_judged)


def _judged(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if isinstance(context.get("exception"), MemoryError) and _is_once(context.get("handle")):
        os.write(2, _ENDS)
        os._exit(1)
    loop.default_exception_handler(context)


def _is_once(handle: object) -> bool:
    """Whether nobody calls it again. What reads from a socket is called as long as there is
    something to read."""
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return handle is not None and not isinstance(
        owner, (asyncio.BaseTransport, asyncio.AbstractEventLoop)
    )


class Stop(asyncio.Event):
    """Set where the program is asked to stop. `code`: what it then ends with, as a shell has it:
    130 after Ctrl-C, 0 where whoever started it asks."""

    code = 0

    def ask(self, code: int) -> None:
        """Stop, and end with this."""
        self.code = code
        self.set()


def asked_to_stop() -> Stop:
    """What SIGINT and SIGTERM set, of the running loop."""
    stop = Stop()
    for each, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        asyncio.get_running_loop().add_signal_handler(each, stop.ask, code)
    return stop


async def ended(task: asyncio.Task[None]) -> None:
    """Wait until a task has come to its end, and cancel what does not."""
    await asyncio.wait([task], timeout=STOP_S)
    task.cancel()


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it has come to its end."""
    task.cancel()
    await ended(task)
