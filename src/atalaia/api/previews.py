"""What somebody would have had in the past days, for who asks over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from atalaia.api.problem import Problem
from atalaia.domain.place import Places
from atalaia.notify import preview
from atalaia.people.request import Request, check
from atalaia.ports import State

Preview = Callable[[Request, int], preview.Preview]
"""What is wanted, and how many days back → what would have been told. It blocks."""

_AT_ONCE, _WAIT_S = 2, 5.0
"""Each goes through a month of alerts: two at a time leave the machine to the watch."""


def previews(state: State, places: Places, now: Callable[[], float]) -> Preview:
    """A preview raises ValueError for what cannot be asked for, and a Problem (503) where too many
    ask at once."""
    turns = BoundedSemaphore(_AT_ONCE)

    def previewed(wanted: Request, days: int) -> preview.Preview:
        check(wanted)
        if not turns.acquire(timeout=_WAIT_S):
            raise Problem(
                503, "too many ask for a preview at once; come again", headers={"Retry-After": "5"}
            )
        try:
            who = preview.stranger(wanted)
            return preview.previewed(state, who, places, days, int(now()))
        finally:
            turns.release()

    return previewed
