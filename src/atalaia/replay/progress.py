"""How far a replay has come, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""(what is being done, done, of how many)"""


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""
