"""Silences: for a while, news of a hazard or of a place are told to nobody.

Alerts are recorded all the same. That something is over is still told to those who were told that
it began; and what goes on when a silence ends is told then, with its age.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from atalaia.domain.alert import LogEntry

LONGEST_S = 7 * 86_400


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """What is not told, from when until when (Unix seconds).

    hazard, place    None: any; one of them at least is named
    reason           for those who ask later why nobody was told
    by               whose key asked for it
    """

    id: str
    hazard: str | None
    place: str | None
    since: int
    until: int
    reason: str
    by: str

    def mutes(self, entry: LogEntry) -> bool:
        """Whether this entry is told to nobody."""
        alert = entry.alert
        if alert.is_over:
            return False
        return self.since <= alert.sent_at < self.until and self.covers(entry)

    def covers(self, entry: LogEntry) -> bool:
        """Whether it is about this entry's hazard and places, whenever that was sent."""
        # An entry that concerns other places, too, is told: they are not silenced.
        places = set(entry.places) or {entry.alert.place_id}
        is_here = self.place is None or places == {self.place}
        return is_here and self.hazard in (None, entry.alert.hazard)


def is_muted(entry: LogEntry, silences: Iterable[Silence]) -> bool:
    """Whether any of them keeps this entry from people."""
    return any(silence.mutes(entry) for silence in silences)


def is_held(entry: LogEntry, silences: Iterable[Silence], now: int) -> bool:
    """Whether any that goes on at `now` keeps this entry from people, whenever it was sent."""
    return not entry.alert.is_over and any(
        silence.since <= now < silence.until and silence.covers(entry) for silence in silences
    )
