"""Which places a home was filled for: noted in the home, so that a query needs no settings."""

from __future__ import annotations

from atalaia.domain.place import Place, Places
from atalaia.notes import Note
from atalaia.ports import Notes


def note_places(notes: Notes, places: Places) -> None:
    """Keep the places with the home, those that were watched before included."""

    def joined(known: list[Place] | None) -> list[Place]:
        by_id = {place.id: place for place in known or []}
        return list((by_id | {place.id: place for place in places}).values())

    _note(notes).change(joined)


def places_of(notes: Notes) -> Places:
    """All places that the home was ever filled for."""
    return Places(_note(notes).get() or [])


def _note(notes: Notes) -> Note[list[Place]]:
    return Note(notes, "places", list[Place])
