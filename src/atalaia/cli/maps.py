"""What the map shows beside what comes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.options import HomeOption, JsonOption, SettingsOption, as_line, settings_of, slow
from atalaia.errors import AtalaiaError

maps = typer.Typer(help="What the map shows.", no_args_is_help=True)


@maps.command("import")
@slow
def import_shapes(
    file: Annotated[Path, typer.Argument(help="Polygons as GeoJSON, in WGS 84 degrees.")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give places the polygons of a file, by their codes or where they lie; filled by level.

    What was imported before is replaced. The page shows them from the next start on.
    """
    import msgspec

    from atalaia.page.shapes import FILE, MOST_BYTES, imported

    chosen = settings_of(settings, home)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise AtalaiaError(f"{file} is larger than {MOST_BYTES >> 20} MB; take a coarser mesh")
        body = file.read_bytes()
    except OSError as error:
        raise AtalaiaError(f"{file} cannot be read: {error.strerror}; give another file") from error
    shapes, told = imported(body, chosen.places)
    if not shapes.shapes:
        raise AtalaiaError(
            f"{file} has no polygon of a watched place: {told.unused} of others, {told.refused} "
            "that are no polygons in degrees; nothing was changed"
        )
    target = chosen.home / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(shapes))
    new.replace(target)
    if as_json:
        as_line(msgspec.to_builtins(told))
        return
    typer.echo(
        f"{len(shapes.shapes)} places have a polygon: {len(told.by_code)} by code, "
        f"{len(told.by_point)} by where they lie"
    )
    if told.without:
        shown = ", ".join(told.without[:10]) + (" …" if len(told.without) > 10 else "")
        typer.echo(f"{len(told.without)} have none, and stay dots: {shown}")
    if told.unused or told.refused:
        typer.echo(
            f"not used: {told.unused} of other places, {told.refused} no polygons in degrees"
        )
    typer.echo("the page shows them from the next start on")
