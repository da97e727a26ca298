"""Data that are still to be fetched, kept in a note as offsets of the stream: an end at any moment
loses none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import msgspec

from atalaia.notes import Note
from atalaia.ports import Notes

MOST_OWED = 5000
"""The oldest go first where a server is down for long: they are of the past."""

TRIES = 6
"""The last one comes an hour after the first."""


class OwedData(msgspec.Struct):
    """Data to be fetched, of the notification at this offset; not before `due_at`, Unix seconds."""

    offset: int
    tries: int = 0
    due_at: int = 0


class Owed:
    """What is to be fetched, kept in a note. May be used from any thread."""

    def __init__(self, notes: Notes) -> None:
        # Spare: of another version, what was owed then is not fetched.
        self._note = Note(notes, "wis2 owed", list[OwedData], is_spare=True)
        self._lock = threading.Lock()
        self._owed: dict[int, OwedData] = {}
        self.dropped = 0

    def load(self) -> None:
        """As the note has it."""
        with self._lock:
            self._owed = {one.offset: one for one in self._note.get() or []}

    def __len__(self) -> int:
        return len(self._owed)

    def add(self, offsets: Sequence[int]) -> None:
        """Owe these, too. Raises StateConflict."""
        if not offsets:
            return
        with self._lock:
            self._owed |= {offset: OwedData(offset) for offset in offsets}
            while len(self._owed) > MOST_OWED:
                del self._owed[next(iter(self._owed))]
                self.dropped += 1
            self._put()

    def due(self, now: int, but: Iterable[int]) -> list[OwedData]:
        """What may be fetched now, the newest first: it is of the present."""
        busy = set(but)
        with self._lock:
            found = [one for one in self._owed.values() if one.due_at <= now]
        return [one for one in reversed(found) if one.offset not in busy]

    def settle(self, one: OwedData, again_at: int | None) -> None:
        """It was tried: owed no more, or again from then on. Raises StateConflict."""
        with self._lock:
            if again_at is None or one.tries + 1 >= TRIES:
                self._owed.pop(one.offset, None)
            else:
                self._owed[one.offset] = OwedData(one.offset, one.tries + 1, again_at)
            self._put()

    def _put(self) -> None:
        self._note.put(list(self._owed.values()))
