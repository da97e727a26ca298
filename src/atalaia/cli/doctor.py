"""What is wrong with an installation, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from atalaia.translated import translated

if TYPE_CHECKING:
    from atalaia.cli.signs import Sign

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
            mark = f"{'ok' if one.is_well else translated('WRONG'):5}"
            says, do_next = _in_words(one)
            typer.echo(f"{mark} {translated(f'{one.what}:')} {says}")
            if do_next:
                typer.echo(f"      → {do_next}")
    if not all(one.is_well for one in found):
        raise typer.Exit(1)


def _in_words(one: Sign) -> tuple[str, str]:
    """What is wrong and the next step, which are one sentence where the settings say them."""
    says, do_next = translated(one.says), translated(one.do_next)
    if do_next and one.says == says:
        says, _, do_next = translated(f"{one.says}; {one.do_next}").partition("; ")
    return says, do_next
