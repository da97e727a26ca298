"""Data that are still to be fetched, kept in a note: an end at any moment loses none of it.

A notification is named by its offset. Where the stream cannot be asked for an offset, the note has
the notification itself, and has room for fewer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import msgspec

from atalaia.domain.payload import Payload
from atalaia.notes import Note
from atalaia.ports import Notes

MOST_OWED = 5000
"""The oldest go first where a server is down for long: they are of the past."""

MOST_BYTES = 200_000
"""Octets of notifications that are kept here themselves: a note of DynamoDB has 400 kB."""

TRIES = 6
"""The last one comes an hour after the first."""


class OwedData(msgspec.Struct):
    """Data to be fetched, of the notification at this offset; not before `due_at`, Unix seconds.

    told  the notification; None: the stream has it at its offset
    """

    offset: int
    tries: int = 0
    due_at: int = 0
    told: Payload | None = None

    @property
    def size(self) -> int:
        """Octets of the notification that is kept here."""
        return len(self.told.body) if self.told else 0


class Owed:
    """What is to be fetched, kept in a note. May be used from any thread.

    What is new is in the note when `add` returns; what came of it once `keep` was called: the note
    has all that is owed, and what was fetched since then is fetched again after an end.
    """

    def __init__(self, notes: Notes) -> None:
        # Spare: of another version, what was owed then is not fetched.
        self._note = Note(notes, "wis2 owed", list[OwedData], is_spare=True)
        self._lock = threading.Lock()
        self._owed: dict[int, OwedData] = {}
        self._is_settled = False
        self.dropped = 0

    def load(self) -> None:
        """As the note has it."""
        with self._lock:
            self._owed = {one.offset: one for one in self._note.get() or []}

    def __len__(self) -> int:
        return len(self._owed)

    def add(self, more: Sequence[OwedData]) -> None:
        """Owe these, too. Raises StateConflict."""
        if not more:
            return
        with self._lock:
            self._owed |= {one.offset: one for one in more}
            size = sum(one.size for one in self._owed.values())
            while len(self._owed) > MOST_OWED or size > MOST_BYTES:
                size -= self._owed.pop(next(iter(self._owed))).size
                self.dropped += 1
            self._put()

    def due(self, now: int, but: Iterable[int]) -> list[OwedData]:
        """What may be fetched now, the newest first: it is of the present."""
        busy = set(but)
        with self._lock:
            found = [one for one in self._owed.values() if one.due_at <= now]
        return [one for one in reversed(found) if one.offset not in busy]

    def settle(self, one: OwedData, again_at: int | None) -> None:
        """It was tried: owed no more, or again from then on."""
        with self._lock:
            if again_at is None or one.tries + 1 >= TRIES:
                self._owed.pop(one.offset, None)
            else:
                self._owed[one.offset] = msgspec.structs.replace(
                    one, tries=one.tries + 1, due_at=again_at
                )
            self._is_settled = True

    def keep(self) -> None:
        """Put into the note what was settled. Raises StateConflict."""
        with self._lock:
            if self._is_settled:
                self._put()

    def _put(self) -> None:
        self._note.put(list(self._owed.values()))
        self._is_settled = False
