"""Ctrl-C ends a command within a second, whatever is under way, with exit code 130 and no more.

Python tells the main thread of a signal between two of its own steps. A query of DuckDB, a long sum
of numpy or a thread that is waited for at the end would hold that up, for minutes. So what the
signal itself writes is read by a thread of its own, and where the command has not come to its end
by then, the process has. Nothing is lost by that: what is written is whole or not there (`make
crash` kills at any moment).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

CODE = 130
"""As a shell has it: 128 and the signal's number."""

GRACE_S = 0.7
"""So long a command may take to put itself in order: temporary folders, a query on AWS."""


@contextmanager
def ending_at_once() -> Iterator[None]:
    """For the time of a command. A watch listens to signals itself, and puts this aside."""
    if threading.current_thread() is not threading.main_thread():
        yield  # a test's, which no signal reaches
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    was_asked = threading.Event()
    threading.Thread(target=_wait, args=(reading, was_asked), daemon=True, name="Ctrl-C").start()
    try:
        yield
    except BaseException as error:
        # DuckDB, for one, says by an exception of its own that it was interrupted.
        if was_asked.is_set() or isinstance(error.__cause__, KeyboardInterrupt):
            raise SystemExit(CODE) from None
        raise
    finally:
        if not was_asked.is_set():  # else what is still to end has its time, and no more
            signal.set_wakeup_fd(before)
            os.close(writing)


def _wait(reading: int, was_asked: threading.Event) -> None:
    while told := os.read(reading, 64):
        if signal.SIGINT in told:
            was_asked.set()
            sleep(GRACE_S)
            os._exit(CODE)
    os.close(reading)
