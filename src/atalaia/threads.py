"""Threads for blocking work beside the event loop, which never hold up the end of the process."""

from __future__ import annotations

import _thread
import itertools
import time
import weakref
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
"""A call that has not begun by then gets another thread: the one that it was given may be dead."""

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
    is short it may die in its first lines, and who waited would wait for ever. A call that has not
    begun gets other threads until one of them begins it; where none can be had at all, it comes to
    StateConflict.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()
        self._not_begun: dict[int, tuple[float, _Call[Any]]] = {}
        self._idle: list[_Idle] = []
        self._is_kept = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it at once."""
        self._is_kept = self._is_kept or _started(_keep, weakref.ref(self))
        call: _Call[T] = _Call(partial(fn, *args, **kwargs))
        number = next(self._numbers)
        self._not_begun[number] = time.monotonic(), call
        try:
            self._idle.pop().put(number)
        except IndexError:
            if not _started(self._work, number):
                self._lacks_memory(number)
        return call

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Wait for nothing."""

    def _work(self, number: int) -> None:
        """Calls, one after the other, as long as there are any."""
        idle = _Idle()
        while True:
            # Whoever takes a call out has it: a thread that is too late finds nothing to do.
            _, call = self._not_begun.pop(number, (0.0, None))
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

    def begin_late(self) -> None:
        """Give what should have begun before now another thread."""
        now = time.monotonic()
        for number, (since, _) in list(self._not_begun.items()):
            if now >= since + _BEGINS_S:
                _started(self._work, number)

    def _lacks_memory(self, number: int) -> None:
        _, call = self._not_begun.pop(number, (0.0, None))
        if call is not None:
            call.lacks_memory()


def _started(work: Callable[..., None], *args: object) -> bool:
    """Whether there is a thread for it: its stack is memory, too."""
    try:
        _thread.start_new_thread(work, args)
    except (RuntimeError, MemoryError):
        return False
    return True


def _keep(threads: weakref.ref[DaemonThreads]) -> None:
    """Look after these threads for as long as anybody has them."""
    while True:
        with suppress(MemoryError, RuntimeError):  # also a dictionary that grew meanwhile
            time.sleep(_BEGINS_S)
            kept = threads()
            if kept is None:
                return
            kept.begin_late()
        kept = None


class _Call(Future[T]):
    """A call, and what it comes to. Where memory is short it comes to StateConflict, which was made
    before; whoever waits is told until they have heard it, and once."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self._work = work
        self._lack = StateConflict(_NO_MEMORY)

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        super().add_done_callback(_ToldOnce(fn))

    def run(self) -> None:
        try:
            if not self.set_running_or_notify_cancel():
                return
            result = self._work()
        except MemoryError:
            self._comes_to(self.set_exception, self._lack)
        except BaseException as error:  # handed to whoever waits
            self._comes_to(self.set_exception, error)
        else:
            self._comes_to(self.set_result, result)

    def lacks_memory(self) -> None:
        """It was not run."""
        if self.set_running_or_notify_cancel():
            self._comes_to(self.set_exception, self._lack)

    def _comes_to(self, settle: Callable[..., None], outcome: object) -> None:
        """Until there is the memory for it: who waits for it would wait for ever."""
        while True:
            with suppress(MemoryError):
                if not self.done():
                    settle(outcome)
                else:  # by a try before, which did not come to telling everybody
                    self._invoke_callbacks()  # type: ignore[attr-defined]
                break
            time.sleep(_AGAIN_S)


class _ToldOnce:
    """Who waits for a call. Telling it takes memory, too."""

    def __init__(self, tell: Callable[[Future[Any]], object]) -> None:
        self._tell = tell
        self._has_heard = False

    def __call__(self, call: Future[Any]) -> None:
        while not self._has_heard:
            with suppress(MemoryError):
                self._tell(call)
                self._has_heard = True
                break
            time.sleep(_AGAIN_S)
