"""A task held for longer than a function runs: prolonged again and again, by a thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from atalaia.errors import HeldByAnother, StateConflict
from atalaia.homes.aws import HOLD_S, AwsHome
from atalaia.logs import Logger

_WAIT_S = 10.0
_PROLONG_S = HOLD_S / 5

log = Logger()


@contextmanager
def held_for_long(
    home: AwsHome, task: str, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Keep others from a task for as long as the block takes; wait for one that is under way.

    Raises HeldByAnother where another has it and keeps it.
    """
    with ExitStack() as stack:
        for left in range(int(HOLD_S / _WAIT_S), -1, -1):
            try:
                prolong = stack.enter_context(home.hold(task))
                break
            except HeldByAnother:
                if not left:
                    raise
                sleep(_WAIT_S)
        done = threading.Event()
        keeping = threading.Thread(target=_keep, args=(prolong, done), daemon=True)
        keeping.start()
        stack.callback(keeping.join)
        stack.callback(done.set)
        yield


def _keep(
    prolong: Callable[[], bool],
    done: threading.Event,
    every_s: float = _PROLONG_S,
    stop: Callable[[int], object] = os._exit,
) -> None:
    """Prolong the hold until all is done. Who has lost it must not write on: the process ends."""
    held_until = time.monotonic() + HOLD_S
    while not done.wait(every_s):
        is_held = time.monotonic() < held_until - every_s
        with suppress(StateConflict):  # AWS does not answer: what is held is held for a while
            is_held = prolong()
            held_until = time.monotonic() + HOLD_S
        if not is_held:
            log.error("what was held was taken by another; start the job again")
            stop(1)
            return
