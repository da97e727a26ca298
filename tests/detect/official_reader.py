"""A plain reader of official warnings: what stands over a place, by all messages so far.

It keeps every message, and each time reads all of them anew. Nothing of it is shared with the
watch but how long a place that an Update leaves out is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atalaia.detect.official import SPLIT_S


@dataclass(frozen=True)
class Note:
    """A message as a reader notes it down: of one part.

    covers   the watched places in its area; None: an end without an area, which speaks of all
    refers   names of the messages that it refers to
    content  what it says
    """

    name: str
    sent_at: int
    is_end: bool
    covers: frozenset[str] | None
    refers: frozenset[str]
    ends_at: int
    content: tuple[object, ...]

    def speaks_of(self, place: str) -> bool:
        return self.covers is None or place in self.covers


def standing(
    place: str, heard: Sequence[tuple[int, Note]], now: int
) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    """What stands over a place for certain, and what may stand still: an Update left it out, or
    joined what was not known to belong together, within the last `SPLIT_S`."""
    surely, perhaps = set(), set()
    notes = {note.name: (at, note) for at, note in reversed(heard)}  # the first hearing counts
    for at, note in notes.values():
        if note.is_end or not note.speaks_of(place) or note.ends_at <= now:
            continue
        mine = _line(note, notes)
        newer = [
            (when, one)
            for when, one in notes.values()
            if _is_newer(one, note) and not mine.isdisjoint(_line(one, notes))
        ]
        updates = [when for when, one in newer if note.name in one.refers and not one.is_end]
        was_late = any(when < at for when in updates)
        is_decided = any(one.speaks_of(place) for _, one in newer)
        is_let_go = bool(updates) and now >= max(min(updates), at) + SPLIT_S
        if not (is_decided or was_late or updates):
            surely.add(note.content)
        elif not is_let_go and any(now < when + SPLIT_S for when, _ in newer):
            perhaps.add(note.content)
    return surely, perhaps


def _line(note: Note, notes: Mapping[str, tuple[int, Note]]) -> set[str]:
    """The names of a message and of all that it refers to, directly or through others that were
    heard. Messages that have one of these in common are of one warning."""
    line, ahead = {note.name}, set(note.refers)
    while ahead := ahead - line:
        line |= ahead
        ahead = {name for one in ahead if one in notes for name in notes[one][1].refers}
    return line


def _is_newer(one: Note, other: Note) -> bool:
    """Of one second, what goes on is newer than an end, unless the end refers to it."""
    if one.sent_at == other.sent_at and other.name in one.refers:
        return True
    if one.sent_at == other.sent_at and one.name in other.refers:
        return False
    return (one.sent_at, not one.is_end, one.name) > (other.sent_at, not other.is_end, other.name)
