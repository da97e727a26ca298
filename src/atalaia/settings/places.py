"""Where the watch looks: tables, a file, the capitals, or towns by their names."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from atalaia.domain.place import Place, Places
from atalaia.given import meant
from atalaia.settings.document import Document, text_of

CAPITALS = "capitals"
"""What `places` says for the shipped 27 state capitals of Brazil, beside which others may stand."""

_PLACE_KEYS = ("id", "name", "latitude", "longitude", "timezone", "area", "elevation_m")
_NEEDED = ("id", "name", "latitude", "longitude")


def read_places(document: Document) -> Places:
    """The watched places of a settings file; problems are noted in the document."""
    tables, named = document.document.get("place", []), document.raw("places")
    if named is not None and named != CAPITALS:
        if tables and not document.is_from_env("places"):
            document.add("places", "a file and [[place]] cannot go together; keep one of them")
        return document.get("places", partial(_places_file, document), Places([]))
    if not isinstance(tables, list):
        document.add("place", "not a list of places; write [[place]] above each")
        return Places([])
    if "place" in document.document and not tables:
        document.add("place", "no place in it; add a [[place]], or leave it out for the capitals")
    own = _listed(document, tables)
    if named is None and tables:
        return Places(own.values())
    # What is said of a capital here goes before what is shipped.
    return Places((_listed(document, _capitals()) | own).values())


def _listed(document: Document, tables: list[Any]) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for i, table in enumerate(tables):
        place = _place(document, i, table)
        if place is None:
            continue
        if place.id in found:
            document.add(("place", i), f"place {place.id} is there twice; give each its own id")
        found[place.id] = place
    return found


def _places_file(document: Document, value: Any) -> Places:
    # With all that reads recorded files: few name one.
    from atalaia.sources.recorded import read_places as listed_in  # noqa: PLC0415

    path = Path(text_of(value)).expanduser()
    return Places(listed_in(path if document.is_from_env("places") else document.base / path))


def _place(document: Document, i: int, table: Any) -> Place | None:
    if not isinstance(table, dict):
        document.add(("place", i), 'not a table; write for example name = "Recife, PE"')
        return None
    name = table.get("id", i + 1)
    try:
        table = _of_a_town(table)
    except ValueError as error:
        key = "name" if "name" in table else "id"
        document.add(("place", i, key), f"place {name}: {error}")
        return None
    faults = [(key, f"place {name}: {problem}") for key, problem in _faults_of_place(table)]
    for key, problem in faults:
        document.add(("place", i, key), problem)
    if faults:
        return None
    place = Place(
        id=table["id"],
        name=table["name"],
        latitude=float(table["latitude"]),
        longitude=float(table["longitude"]),
        timezone=table.get("timezone", "UTC"),
        area=table.get("area"),
        elevation_m=table.get("elevation_m"),
    )
    wrong = place.faults()
    for fault in wrong:
        keys = (key for key in _PLACE_KEYS[2:5] if key.replace("zone", " zone") in fault)
        document.add(("place", i, next(keys, "id")), f"{fault}; mend it")
    return None if wrong else place


def _of_a_town(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a place, with what is known of a town that has this name, or without a name this
    official code as its id, and no position. Raises ValueError where it is no town's, or several
    have it."""
    name = table.get("name", table.get("id"))
    if "latitude" in table or "longitude" in table or not isinstance(name, str) or not name:
        return table
    from atalaia.sources.municipalities import find_town, is_code  # noqa: PLC0415

    if "name" not in table and not is_code(name):
        return table
    town = find_town(name)
    known = {"id": town.slug, "timezone": town.timezone}
    return (
        known
        | table
        | {
            "name": town.name,
            "latitude": town.latitude,
            "longitude": town.longitude,
        }
    )


def _capitals() -> list[Any]:
    """The tables of the shipped places."""
    shipped = (files("atalaia") / "data" / "capitals.toml").read_text("utf-8")
    places: list[Any] = tomllib.loads(shipped)["place"]
    return places


def _faults_of_place(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, problem) of a ``[[place]]`` table that can be no place."""
    for key in table.keys() - set(_PLACE_KEYS):
        yield key, f"unknown key {key}{meant(key, _PLACE_KEYS)}; remove it"
    for key in _NEEDED:
        if key not in table:
            yield key, f"{key} is missing; add it"
    for key in _PLACE_KEYS:
        value = table.get(key)
        if value is None:
            continue
        is_degrees = key in ("latitude", "longitude", "elevation_m")
        if is_degrees and (type(value) not in (int, float) or not math.isfinite(value)):
            yield key, f"{key} is not a number; write one, for example -30.03"
        elif not is_degrees and (not isinstance(value, str) or not value):
            yield key, f"{key} is not a text; put it in quotes"
