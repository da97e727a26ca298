"""Pairs of a trigger and a choice of wide rules, counted on days, and the best of them first.

    by day who raises ──► those alike as one ──► pairs: warned days ──► ranked by their score

There are millions of pairs, and few different ones: limits that lie close together raise on the
same days. And what a pair scores is told by two small numbers, its hits and its false alarms, of
which there are some thousand different ones: these are put in order, and not the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools, Ints

Flags = NDArray[np.float32]

_MOST_AT_ONCE = 50_000


class _Alike:
    """Rows of days, those that are the same as one: `days` has shape (different, days), and
    `rows` where each of these stands among all."""

    def __init__(self, raised: Bools) -> None:
        where: dict[bytes, list[int]] = {}
        for row, days in enumerate(np.packbits(raised, axis=1)):
            where.setdefault(days.tobytes(), []).append(row)
        self.rows = list(where.values())
        self.days = raised[[rows[0] for rows in self.rows]]


class Pairs:
    """All pairs of a row of `triggers` and one of `wides`, each of shape (rows, days)."""

    def __init__(self, triggers: Bools, wides: Bools) -> None:
        self._triggers, self._wides = _Alike(triggers), _Alike(wides)

    def warned(self, days: Bools) -> Flags:
        """On how many of these days either of a pair raised: of each different pair, shape (n,).
        Whole numbers."""
        one = self._triggers.days[:, days].astype(np.float32)
        other = self._wides.days[:, days].astype(np.float32)
        both = other.any(axis=0)
        either: Flags = one[:, both] @ other[:, both].T
        np.subtract(one.sum(axis=1)[:, None], either, out=either)
        either += other.sum(axis=1)
        return either.ravel()

    def of(self, numbers: Ints) -> Iterator[tuple[int, int, int]]:
        """The pairs of rows that some of the different ones stand for: (position among `numbers`,
        trigger, wide)."""
        triggers, wides = np.divmod(numbers, len(self._wides.rows))
        for i, (one, other) in enumerate(zip(triggers.tolist(), wides.tolist(), strict=True)):
            for row in self._triggers.rows[one]:
                for second in self._wides.rows[other]:
                    yield i, row, second


class Ranked:
    """Some of the different pairs by their score: the more hits of so many events, and the fewer
    false alarms, the better.

    numbers               which they are, shape (n,)
    hits, false_alarms    of each, whole numbers, shape (n,)
    """

    def __init__(
        self, pairs: Pairs, numbers: Ints, events: int, hits: Flags, false_alarms: Flags
    ) -> None:
        self._pairs, self._numbers = pairs, numbers
        width = int(false_alarms.max(initial=0)) + 1
        self._outcome = hits.astype(np.int64) * width + false_alarms.astype(np.int64)
        count = np.bincount(self._outcome)
        outcomes = np.flatnonzero(count)
        its_hits, its_false = np.divmod(outcomes, width)
        # Equal shares of whole numbers are equal floats, and others are not.
        _, rank = np.unique(-its_hits / (events + its_false), return_inverse=True)
        order = np.argsort(rank, kind="stable")
        self._outcomes, self._hits, self._rank = outcomes[order], its_hits[order], rank[order]
        self._count = count[self._outcomes]

    def best_first(self, least_hits: int) -> Iterator[tuple[int, int]]:
        """Pairs of rows that hit so often, those of one score in the order of rows."""
        able = self._hits >= least_hits
        outcomes, rank, count = self._outcomes[able], self._rank[able], self._count[able]
        start, at_once = 0, 1
        while start < len(outcomes):
            # No score is cut in two. Nearly always the first is taken.
            enough = int(np.searchsorted(np.cumsum(count[start:]), at_once)) + start
            last = rank[min(enough, len(rank) - 1)]
            stop = int(np.searchsorted(rank, last, "right"))
            yield from self._with(outcomes[start:stop], rank[start:stop])
            start, at_once = stop, min(8 * at_once, _MOST_AT_ONCE)

    def _with(self, outcomes: Ints, rank: Ints) -> Iterator[tuple[int, int]]:
        ranks = np.full(int(self._outcome.max()) + 1, -1)
        ranks[outcomes] = rank
        theirs = ranks[self._outcome]
        here = np.flatnonzero(theirs >= 0)
        its_rank = theirs[here].tolist()
        found = [(its_rank[i], *pair) for i, *pair in self._pairs.of(self._numbers[here])]
        yield from ((one, other) for _, one, other in sorted(found))
