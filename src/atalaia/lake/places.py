"""Which places a home was filled for: noted in the home, so that a query needs no settings."""

from __future__ import annotations

import msgspec

from atalaia.domain.place import Place, Places
from atalaia.ports import State

_NOTE = "places"


def note_places(state: State, places: Places) -> None:
    """Keep the places with the home, those that were watched before included."""
    known = {place.id: place for place in _noted(state)}
    known |= {place.id: place for place in places}
    state.set_note(_NOTE, msgspec.json.encode(list(known.values())).decode())


def places_of(state: State) -> Places:
    """All places that the home was ever filled for."""
    return Places(_noted(state))


def _noted(state: State) -> list[Place]:
    text = state.note(_NOTE)
    return msgspec.json.decode(text, type=list[Place]) if text else []
