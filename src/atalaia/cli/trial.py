"""The past that rules are tried on: of files, or of a home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import aside, existing, settings_of
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.domain.place import Places
    from atalaia.ports import Lake
    from atalaia.sources.by_time import RowsByTime

ReadingsArgument = Annotated[
    list[Path] | None, typer.Argument(help="Readings CSV or INMET station files; else the home's.")
]
PlacesOption = Annotated[
    Path | None, typer.Option(help="CSV: place_id,name,latitude,longitude,timezone[,area].")
]


@contextmanager
def history_of(
    readings: list[Path] | None,
    places: Path | None,
    variables: frozenset[str],
    settings: Path | None,
    home: Path | None,
) -> Iterator[tuple[RowsByTime, Places, Lake | None]]:
    """The rows of the files, or else of the home, with its lake. What of the files could not be
    read is told; AtalaiaError where they have none of the variables."""
    from atalaia.domain.payload import by_reason
    from atalaia.domain.place import Places
    from atalaia.sources.by_time import RowsByTime
    from atalaia.sources.recorded import read_by_time, read_places

    if not readings:
        from atalaia.batch.kept import kept_parts
        from atalaia.homes.embedded import open_home
        from atalaia.lake.places import places_of

        with (
            open_home(existing(settings_of(settings, home).home), exclusive=False) as opened,
            RowsByTime(variables) as rows,
        ):
            where = places_of(opened.state)
            rows.add_all(kept_parts(opened, where, variables))
            yield rows, where, opened.lake
        return
    if places is None:
        raise typer.BadParameter("files of readings need their places", param_hint="--places")
    where = Places(read_places(places))
    with read_by_time(readings, where, variables) as (rows, rejects):
        for reason, n, example in by_reason(rejects):
            aside(f"rejected {n}: {reason} (first: {example})")
        if not rows.variables:
            names = " or ".join(sorted(variables))
            raise AtalaiaError(f"the files have no value of {names}; give files that have some")
        yield rows, where, None
