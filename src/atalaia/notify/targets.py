"""Shares and breakers of a channel whose addresses are servers of their own, as webhooks are.

One that hangs, or fifty, must not hold up the others. Each has a share of what is tried at once,
which begins with one and grows as it answers; what is beyond it waits apart, a little of it, and
the rest is given back. Who does not answer twice in a row is left alone for a while, longer the
longer that goes on: then one try finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from atalaia.notify.claimed import Row

_FAILURES = 2
_FIRST_REST_S, _LONGEST_REST_S = 10.0, 600.0
_WAITING = 2
"""Letters that wait here for a share of one; who has answered may have many."""

_LEAST_LATER_S, _MOST_LATER_S = 2.0, 10.0
"""What is beyond that comes back after as long as its target's try has taken by then, within these.

So one slow answer, which after a start may well be the first, delays what comes after it by little
more than itself. The longest for a webhook: 15 s until it answers at last, 10 s for what was put
off just before, 0.5 s of rounding and 1 s until the outbox is looked into again: 26.5 s. Leases add
nothing where one process sends: it takes what the one before held, and what that had put off, as it
begins (`Outbox.begin`)."""


@dataclass(slots=True, eq=False)
class _Target:
    share: int = 1
    under_way: int = 0
    failures: int = 0
    closed_until: float = 0.0
    began_at: float = 0.0
    waiting: list[Row] = field(default_factory=list)  # a few at most


class Targets:
    """Those of one channel. `tick` gives seconds that nobody sets back."""

    def __init__(self, at_once: int, tick: Callable[[], float]) -> None:
        self._largest = max(1, at_once // 8)
        self._tick = tick
        self._targets: dict[str, _Target] = {}

    def put_off_s(self, target: str, row: Row) -> float | None:
        """What is to be done with letters for it: 0: try them now; seconds: give them back for so
        long; None: they wait here, until `more`."""
        one = self._targets.get(target)
        if one is None:
            one = self._targets[target] = _Target()
        elif closed_s := self.closed_for(target):
            return closed_s
        if one.under_way < one.share:
            one.under_way += 1
            one.began_at = self._tick()
            return 0.0
        if len(one.waiting) >= _WAITING * (one.share * one.share):
            return min(_MOST_LATER_S, max(_LEAST_LATER_S, self._tick() - one.began_at))
        one.waiting.append(row)
        return None

    def closed_for(self, target: str) -> float:
        """Seconds for which it is left alone; 0: it is not."""
        one = self._targets.get(target)
        return max(0.0, one.closed_until - self._tick()) if one else 0.0

    def note(self, target: str, *, has_answered: bool) -> None:
        """How a try ended."""
        one = self._targets[target]
        if has_answered:
            one.failures = 0
            one.share = min(self._largest, one.share * 2)
            return
        one.failures += 1
        one.share = 1
        if one.failures >= _FAILURES:
            rest_s = _FIRST_REST_S * 2.0 ** min(one.failures - _FAILURES, 10)
            one.closed_until = self._tick() + min(_LONGEST_REST_S, rest_s)

    def more(self, target: str) -> list[Row]:
        """After a try: what waits for it and may be asked for anew, as far as its share goes; and
        all where it is closed."""
        one = self._targets[target]
        one.under_way -= 1
        if not one.waiting:
            if not one.under_way and not one.failures:
                del self._targets[target]  # as one that was never heard of
            return []
        n = len(one.waiting) if self.closed_for(target) else max(0, one.share - one.under_way)
        rows, one.waiting = one.waiting[:n], one.waiting[n:]
        return rows
