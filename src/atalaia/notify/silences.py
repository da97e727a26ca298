"""Silences, kept with the home in one note: a few at a time, and forgotten a month after."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from threading import Lock

import msgspec

from atalaia.domain.silence import LONGEST_S, Silence
from atalaia.ports import State

_NOTE = "silences"
_KEEP_S = 30 * 86_400
MOST = 200


class Silences:
    """All silences of a home. One process has them; may be used from any thread."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = Lock()
        text = state.note(_NOTE)
        self._all = msgspec.json.decode(text, type=tuple[Silence, ...]) if text else ()

    def all(self) -> Sequence[Silence]:
        """Those that are going on, and were, oldest first."""
        return self._all

    def add(
        self, hazard: str | None, place: str | None, seconds: int, reason: str, by: str, now: int
    ) -> Silence:
        """A new one from `now` on. Raises ValueError, with the next step."""
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
        with self._lock:
            kept = [one for one in self._all if one.until > now - _KEEP_S]
            if sum(one.until > now for one in kept) >= MOST:
                raise ValueError(f"{MOST} silences are going on already; end some first")
            self._keep((*kept[-MOST * 5 :], new))
        return new

    def end(self, id_: str, now: int) -> bool:
        """End one now; False: no such is going on."""
        with self._lock:
            found = [one for one in self._all if one.id == id_ and one.until > now]
            if not found:
                return False
            ended = msgspec.structs.replace(found[0], until=now)
            self._keep(tuple(ended if one.id == id_ else one for one in self._all))
        return True

    def _keep(self, silences: tuple[Silence, ...]) -> None:
        self._state.set_note(_NOTE, msgspec.json.encode(silences).decode())
        self._all = silences
