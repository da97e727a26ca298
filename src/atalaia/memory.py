"""Memory that is let go goes back to the machine, in a process that runs for weeks."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Of `mallopt` in glibc."""

_APART_BYTES = 1 << 19
"""More than what an event loop makes ready for each piece that it receives (256 KB)."""

_AT_HAND_BYTES = 8 << 20
"""So much of what is small is kept for what comes next: the columns of a poll of 8,000 places."""

_ARENAS = 2

_YOUNG = 5_000
"""So many objects more than there were are looked through for rings of garbage, in place of 700:
what waits to be sent lives longer than that, and was looked through again and again."""


def give_back() -> None:
    """From now on what is large lies apart, and its memory is the machine's again once it is freed.

    glibc lays by itself what is as large as anything that was ever freed, up to 32 MB, among what
    is small, where it stays; and lets each thread have an arena of its own. A million people who
    are read at a start then hold 1.6 times what they need. Without glibc nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(_MMAP_THRESHOLD, _APART_BYTES)
            libc.mallopt(_TRIM_THRESHOLD, _AT_HAND_BYTES)
            libc.mallopt(_ARENA_MAX, _ARENAS)


def settle() -> None:
    """All that there is by now stays: who looks for rings of garbage looks no more at it, which
    where thousands of places are watched held up everything for 90 ms, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


@contextmanager
def uncollected() -> Iterator[None]:
    """Meanwhile nobody looks for rings of garbage. For what makes objects by the ten thousand, none
    of them in rings, and lets them go: to look through them all was half of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
