"""How often one may ask, whichever container answers: a counter a window in the table of the state.

```
state   #rate/<HMAC>   -    the tokens that were asked for of one name in one window, and until when
                            the row is kept (TTL)
```

A row says nothing of whose it is, nor of which row was theirs a window before. Windows begin when
the clock's seconds divide by their length.

**Few calls.** In each window a container lets `slack` tokens of a name through unasked, and then
asks for as many at a time: who reads now and then costs no write, who asks all the time costs one
in sixty (of 1,200 a minute), and who is over the limit costs none.

**Bounded.** What containers ask for is added to in one place, and no more than the limit is given
out; so in a window all of them let through the limit and `slack` each, at most. And nobody is
refused who has not made as many requests as the limit: what a container was given and has not
used is no more than what it let through unasked. (A window of any other beginning may see twice
as many, as it may where tokens come back evenly.)
"""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from atalaia.domain.rate import Allowance, Rate
from atalaia.errors import StateConflict
from atalaia.homes.aws.dynamo import DynamoTable
from atalaia.logs import Logger
from atalaia.ports import Keys, Meter, People

SHARES = 20
"""A share is this part of a limit."""

_KEPT_S = 60
_MOST = 10_000

_encode = msgspec.json.Encoder().encode

log = Logger()


class _Key(NamedTuple):
    """A key of look-ups, its number, and the window in which that was asked."""

    window: int
    number: int
    key: bytes


@dataclass(slots=True)
class _Mine:
    """What a container has of a name, in one window.

    unasked   tokens left that it may let through without asking
    held      tokens left of those that it was given
    asked     what was asked for by all, when it last asked
    """

    window: int
    unasked: int
    held: int = 0
    asked: int = 0


@dataclass(frozen=True, slots=True)
class DynamoMeters:
    """A meter for each rate.

    people, keys    tell the key that names are hidden by, which is that of look-ups
    """

    table: DynamoTable
    people: People
    keys: Callable[[], Keys]

    def __call__(self, rate: Rate, now: Callable[[], float] = time.time) -> DynamoMeter:
        """Of what one container answers; `now` in Unix seconds."""
        return DynamoMeter(rate, self, now)


class DynamoMeter(Meter):
    """Fills `ports.Meter`: that of one container, which answers one request at a time.

    Where the table cannot be used, the container goes by what it has counted itself. Memory is
    bounded: the names unused for longest are forgotten, and begin anew.

    now    Unix seconds
    """

    def __init__(self, rate: Rate, of: DynamoMeters, now: Callable[[], float]) -> None:
        self.slack = 0 if rate.is_exact else rate.limit // SHARES
        self._rate = rate
        self._of_all = of
        self._now = now
        self._hidden_by = _Key(-1, 0, b"")
        self._known: OrderedDict[str, _Mine] = OrderedDict()

    def at_hand(self, name: str, cost: int) -> Allowance | None:
        mine, cost = self._of(name), min(cost, self._rate.limit)
        return None if self._short_by(mine, cost) else self._taken(mine, cost)

    def take(self, name: str, cost: int) -> Allowance:
        mine, cost = self._of(name), min(cost, self._rate.limit)
        if short := self._short_by(mine, cost):
            self._ask(name, mine, max(short, self.slack))
        return self._taken(mine, cost)

    def _short_by(self, mine: _Mine, cost: int) -> int:
        """How many tokens there are too few, of which others may have left some."""
        may_be_left = mine.asked < self._rate.limit
        return max(0, cost - mine.unasked - mine.held) if may_be_left else 0

    def _taken(self, mine: _Mine, cost: int) -> Allowance:
        is_allowed = cost <= mine.unasked + mine.held
        if is_allowed:
            unasked = min(cost, mine.unasked)
            mine.unasked -= unasked
            mine.held -= cost - unasked
        rate = self._rate
        left = mine.unasked + mine.held + max(0, rate.limit - mine.asked)
        until_s = math.ceil((mine.window + 1) * rate.window_s - self._now())
        return Allowance(is_allowed, min(left, rate.limit), until_s, 0 if is_allowed else until_s)

    def _of(self, name: str) -> _Mine:
        window = int(self._now() // self._rate.window_s)
        mine = self._known.get(name)
        if mine is None or mine.window != window:
            mine = self._known[name] = _Mine(window, self.slack)
        self._known.move_to_end(name)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return mine

    def _ask(self, name: str, mine: _Mine, n: int) -> None:
        """Have so many more, or as many as are left."""
        before = mine.asked
        try:
            before = self._counted(name, mine.window, n) - n
        except StateConflict as error:
            log.warning("others' requests are not counted", reason=str(error))
        mine.asked = before + n
        mine.held += max(0, min(n, self._rate.limit - before))

    def _counted(self, name: str, window: int, n: int) -> int:
        words = _encode(("rate", self._rate.what, window, name))
        digest = hmac.digest(self._key(window), words, "sha256").hex()
        until = (window + 1) * self._rate.window_s + _KEPT_S
        return self._of_all.table.add((f"#rate/{digest}", "-"), n, until)

    def _key(self, window: int) -> bytes:
        """Which one is current is asked once a window."""
        if self._hidden_by.window != window:
            of, known = self._of_all, self._hidden_by
            number = of.people.lookup_keys().current
            key = known.key if known.number == number else of.keys().lookup_key(number)
            self._hidden_by = _Key(window, number, key)
        return self._hidden_by.key
