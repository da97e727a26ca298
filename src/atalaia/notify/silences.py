"""Silences, kept with the home in one note: a few at a time, and forgotten a month after.

Every process that shares the home adds to the same note, and reads it anew each time: a silence
holds wherever people are told, from the next group of alerts on.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from atalaia.domain.silence import LONGEST_S, Silence
from atalaia.notes import Note
from atalaia.ports import Notes

_KEEP_S = 30 * 86_400
MOST = 200


class Silences:
    """All silences of a home. May be used from any thread, and blocks."""

    def __init__(self, notes: Notes) -> None:
        # Spare: where silences cannot be read, people are told what they need not be.
        self._note = Note(notes, "silences", tuple[Silence, ...], is_spare=True)

    def all(self) -> Sequence[Silence]:
        """Those that are going on, and were, oldest first. Raises StateConflict."""
        return self._note.get() or ()

    def add(
        self, hazard: str | None, place: str | None, seconds: int, reason: str, by: str, now: int
    ) -> Silence:
        """A new one from `now` on. Raises ValueError, with the next step, and StateConflict."""
        if hazard is None and place is None:
            raise ValueError("name a hazard, a place, or both: all of it cannot be silenced")
        if not 0 < seconds <= LONGEST_S:
            raise ValueError(f"give 1 to {LONGEST_S} seconds; silence again when it has ended")
        new = Silence(
            id="sil_" + secrets.token_hex(6),
            hazard=hazard,
            place=place,
            since=now,
            until=now + seconds,
            reason=reason,
            by=by,
        )

        def added(known: tuple[Silence, ...] | None) -> tuple[Silence, ...]:
            kept = [one for one in known or () if one.until > now - _KEEP_S]
            if sum(one.until > now for one in kept) >= MOST:
                raise ValueError(f"{MOST} silences are going on already; end some first")
            return (*kept[-MOST * 5 :], new)

        self._note.change(added)
        return new

    def end(self, id_: str, now: int) -> bool:
        """End one now; False: no such is going on. Raises StateConflict."""

        def ended(known: tuple[Silence, ...] | None) -> tuple[Silence, ...]:
            going_on = {one.id: one for one in known or () if one.until > now}
            over = msgspec.structs.replace(going_on[id_], until=now)
            return tuple(over if one.id == id_ else one for one in known or ())

        try:
            self._note.change(ended)
        except KeyError:
            return False
        return True
