"""Towns that somebody would be told of, and where nothing is watched."""

from __future__ import annotations

import sys

import typer

from atalaia.cli.opened import opened_people
from atalaia.cli.options import HomeOption, JsonOption, SettingsOption, as_line, while_read
from atalaia.translated import translated

app = typer.Typer()


@app.command()
def wishes(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """List towns that people asked to be told of and that have no watched place within reach."""
    from atalaia.people.wishes import TownWishes

    with opened_people(settings, home) as (loaded, opened, _):
        found = TownWishes(opened.state, loaded.places).all()
    with while_read():
        for one in found:
            if as_json:
                as_line(one)
            else:
                typer.echo(f"{one.count:5}  {one.label}  {one.latitude:.3f}, {one.longitude:.3f}")
    if not found:
        print(translated("nobody asked for a town that is not watched"), file=sys.stderr)
