"""Until when each place can be seen: what tells "no data" from calm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.detect.series import SeriesTable
from atalaia.domain.reading import NO_TIME, Bools, Ints
from atalaia.domain.track import BLIND_AFTER


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of each place; both have the shape (places,), in Unix seconds.

    newest_at  valid time of its newest usable value, of any source; NO_TIME: it never had one
    until      up to when a value of its sources is younger than `BLIND_AFTER` of their intervals,
               each learned of its source there; NO_TIME: it never had one
    """

    newest_at: Ints
    until: Ints

    @staticmethod
    def none(places: int) -> Sight:
        """Nothing was ever heard."""
        never = np.full(places, NO_TIME, np.int64)
        return Sight(never, never)

    def has_data(self, now: int) -> Bools:
        """Of which places there is data at an instant. Of the others nothing is known: not calm."""
        known: Bools = self.until >= now
        return known

    @property
    def has_answered(self) -> Bools:
        """Of which places there ever was a value."""
        ever: Bools = self.newest_at != NO_TIME
        return ever


def sight(table: SeriesTable) -> Sight:
    """Over all sources of each place: one that goes on is enough."""
    found = Sight.none(len(table.places))
    newest_at, until = found.newest_at.copy(), found.until.copy()
    n = table.count
    heard = np.flatnonzero(table.news_at[:n] != NO_TIME)
    news_at, where = table.news_at[heard], table.place[heard]
    np.maximum.at(newest_at, where, news_at)
    np.maximum.at(until, where, news_at + BLIND_AFTER * table.expected_s[heard])
    return Sight(newest_at, until)
