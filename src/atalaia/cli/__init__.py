"""The command ``atalaia``. Data go to stdout, all else to stderr; exit codes are 0, 1 and 2.

One file a group of commands. Heavy modules are imported inside the commands, so that
``--version`` and ``--help`` answer at once.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from atalaia import __version__
from atalaia.cli import (
    ask,
    backtest,
    backup,
    calibrate,
    climate,
    deliveries,
    in_force,
    keys,
    people,
    refine,
    report,
    verify,
    watch,
)
from atalaia.errors import AtalaiaError

app = typer.Typer(
    name="atalaia",
    help="A watch over extreme weather: right, once, explained, in time, private.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    *(watch, ask, refine, in_force, people, backup, deliveries, keys),
    *(verify, backtest, calibrate, climate, report),
):
    app.add_typer(group.app)


def main() -> None:
    """The entry point: errors that people can mend are told without a traceback."""
    try:
        app()
    except AtalaiaError as error:
        print(f"atalaia: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"atalaia {__version__} (time zones: tzdata {version('tzdata')})")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command."""
