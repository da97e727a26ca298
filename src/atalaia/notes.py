"""A typed note of a home: a small fact that outlives the process, read and changed as a value.

Processes that share a home share its notes. Who replaces a whole note uses `put`; who adds to what
others may have written meanwhile uses `change`, which loses nothing of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

import msgspec

from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.ports import Notes

_TRIES = 50
"""Of a change, each after another writer's: of writers that meet, one gets through each time."""

_LOCK = Lock()
"""Two threads that are the first to read a type end the process: msgspec takes note of it."""

T = TypeVar("T")

log = Logger()


class Note(Generic[T]):
    """One note, kept as JSON. May be used from any thread; every call reads or writes the home.

    kind        what is kept, as msgspec knows types
    is_spare    where it cannot be read, the reader does without, and a warning says so. It is never
                changed unread
    """

    def __init__(self, notes: Notes, key: str, kind: type[T], *, is_spare: bool = False) -> None:
        self._notes = notes
        self._key = key
        with _LOCK:
            self._decoder = msgspec.json.Decoder(kind)
        self._is_spare = is_spare

    def get(self) -> T | None:
        """As it is kept now; None: nothing is. Raises StateConflict."""
        text = self._notes.note(self._key)
        try:
            return self._read(text)
        except StateConflict as error:
            if not self._is_spare:
                raise
            log.warning("a note is passed over", reason=str(error))
            return None

    def put(self, value: T) -> None:
        """Keep this, whatever was there. Raises StateConflict."""
        self._notes.set_note(self._key, _text(value))

    def change(self, change: Callable[[T | None], T]) -> T:
        """Keep what `change` makes of what is kept, and return it.

        It is called again where another writer was quicker, and what it raises leaves the note as
        it is. Raises StateConflict.
        """
        for _ in range(_TRIES):
            before = self._notes.note(self._key)
            after = change(self._read(before))
            text = _text(after)
            if text == before or self._notes.swap_note(self._key, before, text):
                return after
        raise StateConflict(f"note {self._key}: others change it all the time; try again")

    def _read(self, text: str | None) -> T | None:
        if text is None:
            return None
        try:
            return self._decoder.decode(text)
        except msgspec.MsgspecError as error:
            raise StateConflict(
                f"note {self._key} cannot be read ({error}): another version of Atalaia wrote it; "
                "use that version or a newer one, or restore a backup"
            ) from error


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
