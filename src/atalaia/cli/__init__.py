"""The command ``atalaia``. Data go to stdout, all else to stderr; exit codes are 0, 1 and
2, and 130 after Ctrl-C (`interrupt`).

One file a group of commands. Heavy modules are imported inside the commands, so that
``--version`` and ``--help`` answer at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    language,
    people,
    refine,
    report,
    verify,
    watch,
)

_FILES = (
    *(watch, ask, refine, in_force, people, backup, deliveries, keys),
    *(verify, backtest, calibrate, climate, report),
)


def program(asked: Sequence[str] = ()) -> typer.Typer:
    """The command, with all that it can; `asked` for one of them, with what stands in its file.

    Typer works out the options of each command that is there, which for all of them takes longer
    than most answers.
    """
    files = [file for file in _FILES if set(asked[:1]) & set(_commands(file.app))]
    app = typer.Typer(
        name="atalaia",
        help="A watch over extreme weather: right, once, explained, in time, private.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for file in files or _FILES:
        app.add_typer(file.app)
    return app


def _commands(app: typer.Typer) -> Iterator[str]:
    """How the commands and groups of commands are called that one adds to the program."""
    for command in app.registered_commands:
        yield command.name or getattr(command.callback, "__name__", "").replace("_", "-")
    for group in app.registered_groups:
        if isinstance(group.name, str):
            yield group.name
        elif group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def main() -> None:
    """The entry point, in the language of who types."""
    language.main(program)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"atalaia {__version__} (time zones: tzdata {version('tzdata')})")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command."""


app = program()
