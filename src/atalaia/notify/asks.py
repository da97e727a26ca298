"""What people ask to be told of, and what of it an alert answers.

Many ask for the same, so that is kept once, and an alert is compared with each different wish, not
with each person's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from atalaia.domain.alert import Moved
from atalaia.domain.reading import Bools, Floats, Ints

NEVER = 127
"""Above every level, and after every peak."""

NO_KEY = -1


class Asks(NamedTuple):
    """What is asked for: equal-length columns, of rows or of each different thing.

    wish     from which levels; key, limit    and which limit of one's own; numbers of `audience`
    """

    wish: Ints
    key: Ints
    limit: Floats

    def take(self, which: Ints) -> Asks:
        """These of them."""
        return Asks(self.wish.take(which), self.key.take(which), self.limit.take(which))

    def different(self) -> tuple[Asks, Ints]:
        """Each once, and which of these each is."""
        limits = np.unique(self.limit)
        # By search, which is quick where they are few: an inverse would have to sort all.
        code = self.wish.astype(np.int64) * (int(self.key.max(initial=0)) + 2) + self.key + 1
        code = code * len(limits) + np.searchsorted(limits, self.limit)
        codes, first = np.unique(code, return_index=True)
        which = np.searchsorted(codes, code)
        return self.take(first), which.astype(np.min_scalar_type(len(codes)))


class Askers(NamedTuple):
    """Who asks for what: equal-length columns.

    person   int32
    ask      unsigned, as narrow as can be, position in `asked`: many people ask for the same, so
             that few bytes are read and nothing is compared of each
    """

    person: Ints
    ask: Ints
    asked: Asks

    @classmethod
    def of(cls, person: Ints, asked: Asks) -> Askers:
        """Of columns."""
        different, ask = asked.different()
        return cls(np.asarray(person, np.int32), ask, different)

    def taken(self, rows: Ints | Bools) -> Askers:
        """These of them."""
        return self._replace(person=self.person[rows], ask=self.ask[rows])

    @staticmethod
    def joined(parts: Sequence[Askers]) -> Askers:
        """All of them, in this order."""
        each = [one.asked.take(one.ask) for one in parts]
        return Askers.of(
            np.concatenate([np.zeros(0, np.int32), *(one.person for one in parts)]),
            Asks(*(np.concatenate(some) for some in zip(NOTHING, *each, strict=True))),
        )


NOTHING = Asks(np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(0))


class Verdict(NamedTuple):
    """What an alert is to what is asked for: equal-length columns.

    is_told   whether who asks for it is told
    limit     their own limit that was passed; NaN: none was
    which     of the peaks, the first that passed it; `NEVER`: none did
    """

    is_told: Bools
    limit: Floats
    which: Ints


Peaks = Sequence[tuple[int | None, Moved]]
"""How far an incident's peaks came, each with the key of limits on it; None: nobody has one."""


def judged(asked: Asks, by_level: Bools, peaks: Peaks) -> Verdict:
    """`by_level`: of each wish, whether the alert's level alone is enough."""
    limit = np.full(len(asked.limit), np.nan)
    which = np.full(len(asked.limit), NEVER, np.int8)
    for i, (key, moved) in enumerate(peaks):
        if key is not None:
            is_first = (asked.key == key) & (which == NEVER)
            here = np.flatnonzero(is_first & _is_passed(asked.limit, moved))
            limit[here], which[here] = asked.limit[here], i
    return Verdict(by_level[asked.wish] | (which != NEVER), limit, which)


def _is_passed(limit: Floats, moved: Moved) -> Bools:
    """Whether each limit lies in what the peak came through: the new peak belongs to it."""
    if moved.is_below:
        passed: Bools = limit >= moved.high
        return passed if moved.low is None else passed & (limit < moved.low)
    passed = limit <= moved.high
    return passed if moved.low is None else passed & (limit > moved.low)
