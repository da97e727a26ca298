"""What is wrong with an installation, and what to do next."""

from __future__ import annotations

from typing import Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    answers,
    as_lines,
    settings_of,
    slow,
)

app = typer.Typer()


@app.command()
@slow
def doctor(
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not read all of the store and of GOLD.")
    ] = False,
) -> None:
    """Say what is wrong here and what to do next, also beside a running watch (exit code 1)."""
    import time

    from atalaia.cli.examination import examine

    found = list(examine(settings_of(settings, home), int(time.time()), is_quick=quick))
    if as_json:
        as_lines(found)
    else:
        answers()
        for one in found:
            typer.echo(f"{'ok   ' if one.is_well else 'WRONG'} {one.what}: {one.says}")
            if one.do_next:
                typer.echo(f"      → {one.do_next}")
    if not all(one.is_well for one in found):
        raise typer.Exit(1)
