"""What takes longer than a second says so where a person watches, and how long it has taken; what
can be counted, how much of it is done.

It is a line on stderr that is written over, and is gone before the command answers. Programs, files
and pipes see nothing of it. Without colours, and without words that have to be translated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Event, Thread
from typing import ParamSpec

P = ParamSpec("P")

SLOW_S = 1.0
"""From when on; to load what a command is made of takes up to another second."""
_AGAIN_S = 1.0
_CLEAR = "\r\x1b[K"

_under_way: list[Callable[[], None]] = []
_done: dict[str, int] = {}


def slow(command: Callable[P, None]) -> Callable[P, None]:
    """A command that may take so long."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        with _waiting():
            command(*args, **kwargs)

    told.is_slow = True  # type: ignore[attr-defined]
    return told


def answers() -> None:
    """The command has something to say: what was shown meanwhile is gone."""
    while _under_way:
        _under_way.pop()()


def so_far(done: int, total: int) -> None:
    """So many of so many are done: it stands in the line from now on."""
    _done.update(done=done, total=total)


@contextmanager
def _waiting() -> Iterator[None]:
    screen = sys.stderr
    if not screen.isatty():
        yield
        return
    began, is_done = time.monotonic(), Event()
    _done.clear()

    def show() -> None:
        counted = "  {done}/{total}".format_map(_done) if _done else ""
        screen.write(f"{_CLEAR}… {time.monotonic() - began:.0f} s{counted}")
        screen.flush()

    def wait() -> None:
        next_s = SLOW_S
        while not is_done.wait(next_s):
            show()
            next_s = _AGAIN_S

    def end() -> None:
        is_done.set()
        shown.join()
        if time.monotonic() - began >= SLOW_S:
            screen.write(_CLEAR)
            screen.flush()

    shown = Thread(target=wait, daemon=True, name="waiting")
    shown.start()
    _under_way.append(end)
    try:
        yield
    finally:
        answers()
