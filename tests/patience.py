"""How long tests wait: for a condition and never for a time. The limits are for a machine that has
ten times as much to do; where all is well they are never reached."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

LIMIT_S = 120.0


def patient() -> asyncio.Timeout:
    """``async with patient():`` around a wait that ends by itself where nothing is wrong."""
    return asyncio.timeout(LIMIT_S)


async def until(is_so: Callable[[], object], meanwhile: Callable[[], object] | None = None) -> None:
    """Wait on the event loop; `meanwhile` is done before each look, such as letting time pass."""
    async with patient():
        while True:
            if meanwhile is not None:
                meanwhile()
            if is_so():
                return
            await asyncio.sleep(0.002)


def wait_until(is_so: Callable[[], object]) -> None:
    """The same without an event loop. An OSError of what is asked (nobody listens yet) is a no."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            if is_so():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"it did not happen within {LIMIT_S:g} s"
        time.sleep(0.02)


def slowness() -> float:
    """How many times longer than alone a process takes now, by what else wants to run (1 or more).

    Where that is not known (no /proc) it is 1.
    """
    try:
        last_minute, _, _, running, _ = Path("/proc/loadavg").read_text("ascii").split()
    except OSError:
        return 1.0
    wanting = max(float(last_minute), float(running.partition("/")[0]))
    return max(1.0, wanting / (os.cpu_count() or 1))


def brief() -> float:
    """Seconds that a test waits out where nobody answers: the longer, the more else wants to run,
    so that what goes before the silence (a connection, a first answer) stays within them."""
    return 0.3 * slowness()
