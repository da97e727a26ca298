"""What the commands share: options, the settings in force, and writing to a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia import translated as speech
from atalaia.cli import waiting
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from atalaia.settings import Settings

slow, answers, so_far = waiting.slow, waiting.answers, waiting.so_far

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The home's folder; else the settings' (ATALAIA_HOME)."),
]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="Settings file (TOML); else ./atalaia.toml.")
]
OnOption = Annotated[
    str | None,
    typer.Option("--on", help="Spark's master: local[2], spark://host:7077; else this process."),
]
_YES = {"y", "yes", "s", "sim", "sí", "si"}
LanguageOption = Annotated[
    str | None,
    typer.Option("--language", help="pt-BR, en or es; else the settings', or the system's."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer for programs.")]
EventsOption = Annotated[
    Path, typer.Option(help="CSV: started_at,ended_at,latitude,longitude,place_id,severity.")
]
MinEventsOption = Annotated[
    int, typer.Option("--min-events", min=1, help="So many occurrences make an event.")
]
TimezoneOption = Annotated[str, typer.Option(help="IANA zone whose days are counted.")]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First local day; else the first on record."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day; else the last on record."),
]


def settings_of(file: Path | None, home: Path | None) -> Settings:
    """The settings in force: options over environment over file over defaults."""
    import msgspec

    from atalaia.settings import load

    settings = load(file, os.environ)
    return msgspec.structs.replace(settings, home=home) if home is not None else settings


def existing(home: Path) -> Path:
    """The home, if there is one; AtalaiaError with the next step if not."""
    if not (home / "atalaia.sqlite3").exists():
        raise AtalaiaError(
            f"no home at {home}; give --home, or make one with `atalaia run` "
            "or `atalaia replay --home`"
        )
    return home


@contextmanager
def while_read() -> Iterator[None]:
    """Write to stdout; that its reader has gone (`atalaia … | head`) is no error of ours."""
    answers()
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


def as_line(value: object) -> None:
    """Print it as one line of JSON, for programs."""
    as_lines([value])


def as_lines(values: Iterable[object]) -> None:
    """Print each as one line of JSON, for programs: the one form of all lists (NDJSON)."""
    import msgspec

    with while_read():
        for value in values:
            typer.echo(msgspec.json.encode(value).decode())


def answer(value: dict[str, object], words: str, *, as_json: bool) -> None:
    """What was done: for programs, or in words for people."""
    if as_json:
        as_line(value)
    else:
        answers()
        typer.echo(translated(words))


def aside(text: str) -> None:
    """What is said beside an answer, on stderr, in the language of who asked."""
    print(translated(text), file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A live bar on stderr where a person watches; else nothing."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    # A tenth of a replay of years, which a script need not wait for.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description:>10}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=translated(what), completed=done, total=total)

        yield progress


def sure(question: str) -> None:
    """Ask before what cannot be undone; whatever is no yes, in any language, ends the command."""
    asks = f"{translated(question)} {translated('[y/N]')}"
    said = typer.prompt(asks, default="", show_default=False, err=True)
    if said.strip().casefold() not in _YES:
        raise typer.Abort


def of_others() -> str:
    """What others speak, of whom nothing is said: Portuguese, or Spanish where the command does."""
    return spoken(None, speech.OTHERS[0])


def spoken(language: str | None, otherwise: str) -> str:
    """The language of --language, if there is such; without it what the command speaks, if that is
    not English; else that of the settings."""
    from atalaia.domain.words import LANGUAGES

    if language is None:
        return speech.spoken() if speech.spoken() in speech.OTHERS else otherwise
    if language not in LANGUAGES:
        raise typer.BadParameter(f"give one of {', '.join(LANGUAGES)}", param_hint="--language")
    return language


def zone_of(name: str) -> ZoneInfo:
    """The time zone of --timezone."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(
            f"no time zone is called {name!r}; use an IANA name", param_hint="--timezone"
        ) from None


def hazard_of(word: str | None) -> str | None:
    """The weather hazard of --hazard; None: all."""
    from atalaia.domain.hazard import Hazard

    if word is not None and (word not in set(Hazard) or word == Hazard.CANNOT_SEE):
        known = ", ".join(h for h in Hazard if h is not Hazard.CANNOT_SEE)
        raise typer.BadParameter(f"give one of {known}", param_hint="--hazard")
    return word
