"""Which places a home was filled for: noted in the home, so that a query needs no settings."""

from __future__ import annotations

from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError
from atalaia.notes import Note
from atalaia.ports import Notes

_MOST_NAMED = 10


def note_places(notes: Notes, places: Places) -> None:
    """Keep the places with the home, those that were watched before included."""

    def joined(known: list[Place] | None) -> list[Place]:
        by_id = {place.id: place for place in known or []}
        return list((by_id | {place.id: place for place in places}).values())

    _note(notes).change(joined)


def places_of(notes: Notes) -> Places:
    """All places that the home was ever filled for."""
    return Places(_note(notes).get() or [])


def named_place(places: Places, given: str) -> Place:
    """The place with this id, else the one that this names, its id or its name, whatever the case.

    Raises AtalaiaError where there is none, or several: it says which.
    """
    found = places.get(given)
    if found is not None:
        return found
    wanted = given.casefold()
    named = [one for one in places if wanted in (one.id.casefold(), one.name.casefold())]
    if len(named) == 1:
        return named[0]
    if named:
        some = ", ".join(f"{one.id} ({one.name})" for one in named[:_MOST_NAMED])
        more = ", …" if len(named) > _MOST_NAMED else ""
        raise AtalaiaError(f"{len(named)} places are called {given!r}; give an id: {some}{more}")
    raise AtalaiaError(
        f"there is no place {given!r}; "  # noqa: S608  words for a person
        '`atalaia sql "SELECT place_id, name FROM places"` lists them'
    )


def _note(notes: Notes) -> Note[list[Place]]:
    return Note(notes, "places", list[Place])
