"""How often one may ask, in memory: there is one process, and a new one begins anew."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from atalaia.domain.rate import Allowance, Rate
from atalaia.ports import Meter

_MOST = 10_000


class MemoryMeter(Meter):
    """Fills `ports.Meter`: a bucket of tokens a name, which come back evenly. Memory is bounded:
    the buckets unused for longest are forgotten, and begin full. For one thread."""

    slack = 0

    def __init__(
        self, rate: Rate, now: Callable[[], float] = time.monotonic, most: int = _MOST
    ) -> None:
        self._rate = rate
        self._now = now
        self._most = most
        # The instant at which a bucket is full: all that has to be kept of it.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def at_hand(self, name: str, cost: int) -> Allowance:
        return self.take(name, cost)

    def take(self, name: str, cost: int) -> Allowance:
        rate, now = self._rate, self._now()
        a_token = rate.window_s / rate.limit
        full_at = max(self._full_at.get(name, now), now)
        after = full_at + min(cost, rate.limit) * a_token
        # A hair's breadth, for sums of fractions: the last of the tokens is there.
        is_allowed = after - now <= rate.window_s + 1e-6
        if is_allowed:
            full_at = after
            self._full_at[name] = after
            self._full_at.move_to_end(name)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        left = int((rate.window_s - (full_at - now)) / a_token + 1e-6)
        return Allowance(
            is_allowed,
            max(left, 0),
            math.ceil(full_at - now),
            0 if is_allowed else math.ceil(after - now - rate.window_s),
        )
