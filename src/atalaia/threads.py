"""Threads for blocking work beside the event loop, which never hold up the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from atalaia.errors import StateConflict

P = ParamSpec("P")
T = TypeVar("T")

_NO_MEMORY = "this process has no more memory; give it more"


class DaemonThreads(ThreadPoolExecutor):
    """An executor for an event loop: each call has a thread of its own, and nobody joins it.

    The usual one is waited for when the loop ends and again when the interpreter does. A stop
    within seconds must not wait for a slow disk or for a name server that does not answer; all
    that runs here is a transaction, or can be done again.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it at once."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except MemoryError:
                future.set_exception(StateConflict(_NO_MEMORY))
            except BaseException as error:  # handed to whoever waits
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            threading.Thread(target=work, daemon=True, name="atalaia-work").start()
        except (RuntimeError, MemoryError):  # its stack is memory, too
            future.set_exception(StateConflict(_NO_MEMORY))
        return future

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Wait for nothing."""
