"""Threads for blocking work beside the event loop, which never hold up the end of the process."""

from __future__ import annotations

import _thread
import itertools
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from atalaia.errors import StateConflict

P = ParamSpec("P")
T = TypeVar("T")

_NO_MEMORY = "this process has no more memory; give it more"

_BEGINS_S = 1.0
"""A call that has not begun by then never will, as its thread died before, if one that was handed
in after it has."""

_IDLE_S = 10.0
"""A thread without work stays for so long: where memory is short there would not be another."""

_AGAIN_S = 0.05

_Idle = SimpleQueue[int]
"""What a thread without work waits at, for the number of its next call."""


class DaemonThreads(ThreadPoolExecutor):
    """An executor for an event loop: each call has a thread to itself, and nobody joins it.

    The usual one is waited for when the loop ends and again when the interpreter does. A stop
    within seconds must not wait for a slow disk or for a name server that does not answer; all
    that runs here is a transaction, or can be done again.

    Nor does anybody wait until a thread has begun, as `threading.Thread.start` does: where memory
    is short it may die in its first lines, and who waited would wait for ever. Such a call comes
    to StateConflict when others have begun since, and one is handed in a second later.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()
        self._not_begun: dict[int, tuple[float, _Call[Any]]] = {}
        self._idle: list[_Idle] = []
        self._newest_begun = -1

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it at once."""
        self._settle_dead()
        call: _Call[T] = _Call(partial(fn, *args, **kwargs))
        number = next(self._numbers)
        self._not_begun[number] = time.monotonic(), call
        try:
            self._idle.pop().put(number)
        except IndexError:
            try:
                _thread.start_new_thread(self._work, (number,))
            except (RuntimeError, MemoryError):  # its stack is memory, too
                self._settle(number)
        return call

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Wait for nothing."""

    def _work(self, number: int) -> None:
        """Calls, one after the other, as long as there are any."""
        idle = _Idle()
        while True:
            # Whoever takes a call out has it: a thread that is too late finds nothing to do.
            _, call = self._not_begun.pop(number, (0.0, None))
            self._newest_begun = max(self._newest_begun, number)
            if call is not None:
                call.run()
            del call  # with all that it came to
            self._idle.append(idle)
            try:
                number = idle.get(timeout=_IDLE_S)
            except Empty:
                try:
                    self._idle.remove(idle)
                except ValueError:  # somebody has found it there, just now
                    number = idle.get()
                else:
                    return

    def _settle_dead(self) -> None:
        """What was handed in so long ago and not begun was lost. Oldest first, so few are seen."""
        now = time.monotonic()
        while self._not_begun:
            try:
                number, (since, _) = next(iter(self._not_begun.items()))
            except (RuntimeError, StopIteration):  # a call has begun meanwhile
                continue
            if now < since + _BEGINS_S or number > self._newest_begun:
                break
            self._settle(number)

    def _settle(self, number: int) -> None:
        _, call = self._not_begun.pop(number, (0.0, None))
        if call is not None:
            call.lacks_memory()


class _Call(Future[T]):
    """A call, and what it comes to. Where memory is short it comes to StateConflict; what says so
    was made before, and is said again until it is heard."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self._work = work
        self._lack = StateConflict(_NO_MEMORY)

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        super().add_done_callback(partial(_insist, fn))

    def run(self) -> None:
        try:
            if not self.set_running_or_notify_cancel():
                return
            result = self._work()
        except MemoryError:
            _insist(self.set_exception, self._lack)
        except BaseException as error:  # handed to whoever waits
            _insist(self.set_exception, error)
        else:
            _insist(self.set_result, result)

    def lacks_memory(self) -> None:
        """It was not run."""
        if self.set_running_or_notify_cancel():
            self.set_exception(self._lack)


def _insist(fn: Callable[..., object], *args: object) -> None:
    """Call it until there is the memory for it: who waits for what it says would wait for ever."""
    while True:
        with suppress(MemoryError):
            fn(*args)
            break
        time.sleep(_AGAIN_S)
