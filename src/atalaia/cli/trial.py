"""The past that rules are tried on: of files, or of a home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import aside, existing, settings_of
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.domain.place import Places
    from atalaia.domain.reading import Readings
    from atalaia.ports import Lake

ReadingsArgument = Annotated[
    list[Path] | None, typer.Argument(help="Readings CSV or INMET station files; else the home's.")
]
PlacesOption = Annotated[
    Path | None, typer.Option(help="CSV: place_id,name,latitude,longitude,timezone[,area].")
]


def history_of(
    readings: list[Path] | None,
    places: Path | None,
    variables: frozenset[str],
    settings: Path | None,
    home: Path | None,
) -> tuple[Readings, Places, Lake | None]:
    """The rows of the files, or else of the home, with its lake. What of the files could not be
    read is told; AtalaiaError where they have none of the variables."""
    from atalaia.batch.history import kept
    from atalaia.domain.payload import by_reason
    from atalaia.domain.place import Places
    from atalaia.homes.embedded import open_home
    from atalaia.sources.recorded import read_files, read_places

    if readings:
        if places is None:
            raise typer.BadParameter("files of readings need their places", param_hint="--places")
        where = Places(read_places(places))
        decoded = read_files(readings, where)
        for reason, n, example in by_reason(decoded.rejects):
            aside(f"rejected {n}: {reason} (first: {example})")
        rows = decoded.readings.in_order()
        if not variables & rows.known():
            names = " or ".join(sorted(variables))
            raise AtalaiaError(f"the files have no value of {names}; give files that have some")
        return rows, where, None
    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        return *kept(opened, variables), opened.lake
