"""Where an incident stands, and as what, where its newest entry speaks of some of its places alone.

An official warning lives at each of its places by itself: where an entry speaks of it is over, or
at another level, and elsewhere (`LogEntry.still`) it stands as entries before it said. Of a source
that cannot see an entry names the places that changed (`LogEntry.still_blind` has the others).
Alert log → here → lists, feeds and who is told of what goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard

Numbered: TypeAlias = tuple[int, LogEntry]
"""An entry of the log with its number."""


def parts_after(parts: Sequence[Numbered], newest: Numbered) -> tuple[Numbered, ...]:
    """What stands of an incident once its newest entry was told: entries, the oldest first, each
    with those places alone over which it stands, and with all others of the incident as `still`.

    parts   what stood before it; of places of which none of these speaks nothing is known
    """
    seq, entry = newest
    if not entry.still:
        return () if entry.alert.is_over else (newest,)
    still = set(entry.still)
    rest = [(n, one, tuple(p for p in one.places if p in still)) for n, one in parts]
    stands = [part for part in rest if part[2]]
    under = entry.still
    if not entry.alert.is_over:
        stands.append((seq, entry, entry.places))
        under = entry.places + entry.still
    return tuple((n, _at(one, places, under)) for n, one, places in stands)


def parts_of(life: Iterable[Numbered]) -> tuple[Numbered, ...]:
    """The same of all entries of an incident, the oldest first."""
    parts: tuple[Numbered, ...] = ()
    for numbered in life:
        parts = parts_after(parts, numbered)
    return parts


def places_under(entry: LogEntry) -> tuple[str, ...]:
    """Ids of the places that an incident concerns by its newest entry; of one that is over, those
    at which it was."""
    if entry.alert.hazard == Hazard.CANNOT_SEE and not entry.alert.is_over:
        seen_again = entry.alert.reason == "eased"
        return entry.still_blind if seen_again else entry.places + entry.still_blind
    if entry.alert.is_over:
        return entry.still or entry.places
    return entry.places + entry.still


def gravest(parts: Sequence[Numbered]) -> LogEntry:
    """By which of its parts an incident is shown as one: that of the highest level, of several the
    newest. There is one at least."""
    return max(parts, key=lambda one: (LEVEL_OF[one[1].alert.level], one[0]))[1]


def _at(entry: LogEntry, places: tuple[str, ...], under: tuple[str, ...]) -> LogEntry:
    mine = set(places)
    others = tuple(place for place in under if place not in mine)
    if (places, others) == (entry.places, entry.still):
        return entry
    return msgspec.structs.replace(entry, places=places, still=others)
