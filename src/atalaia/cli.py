"""The command ``atalaia``. Data go to stdout, all else to stderr; exit codes are 0, 1 and 2.

Heavy modules are imported inside the commands, so that ``--version`` and ``--help`` answer at
once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atalaia import __version__
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.app.replay import Replayed
    from atalaia.domain.place import Places
    from atalaia.settings import Settings

app = typer.Typer(
    name="atalaia",
    help="A watch over extreme weather: right, once, explained, in time, private.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
config = typer.Typer(help="The settings file.", no_args_is_help=True)
app.add_typer(config, name="config")

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The home's folder; else the settings' (ATALAIA_HOME)."),
]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="Settings file (TOML); else ./atalaia.toml.")
]
Form = Literal["table", "csv", "json"]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer for programs.")]


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
        typer.echo(f"atalaia {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def run(
    home: HomeOption = None,
    port: Annotated[int | None, typer.Option(help="Port of the API on 127.0.0.1.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Watch live: poll the sources, detect, tell, keep. Stops on Ctrl-C."""
    from atalaia.app.live import run as run_live

    raise typer.Exit(run_live(_settings(settings, home), port=port))


@app.command()
def replay(
    readings: Annotated[list[Path], typer.Argument(help="Readings CSV or INMET station files.")],
    places: Annotated[
        Path, typer.Option(help="CSV: place_id,name,latitude,longitude,timezone[,area].")
    ],
    rules: Annotated[
        str, typer.Option(help="A shipped rule set (inmet, basic) or a TOML file.")
    ] = "inmet",
    alerts: Annotated[
        str | None, typer.Option(help="Write the alerts as NDJSON; - is stdout.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", help="Keep the home here; else it is temporary.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay recorded readings through the same path as live ones, in event time."""
    from atalaia import rules as rule_sets
    from atalaia.app.replay import replay as replay_files
    from atalaia.app.replay import write_alerts
    from atalaia.domain.alert import to_line
    from atalaia.domain.place import Places
    from atalaia.sources.recorded import read_places

    where = Places(read_places(places))
    rule_set = rule_sets.load(rules)
    if alerts not in (None, "-") and not Path(alerts or "").parent.is_dir():
        # Said now, not when all is done.
        raise AtalaiaError(f"alerts {alerts}: its folder is not there; make it first")
    with _progress() as progress:
        done = replay_files(where, readings, rule_set, home=home, progress=progress)
    if alerts == "-":
        with _while_read():
            for entry in done.entries:
                sys.stdout.buffer.write(to_line(entry.alert) + b"\n")
    elif alerts is not None:
        write_alerts(done.entries, Path(alerts))
    _tell_replay(done, where, rule_set.name, to_stdout=alerts != "-", as_json=as_json)
    if any(rule.places for rule in rule_set.rules) and not where.areas:
        print(
            f"no place has an area: the area rules of {rule_set.name} judge none", file=sys.stderr
        )
    if not done.readings:
        first = done.rejected[0] if done.rejected else None
        why = f"{first.reason}: {first.detail}" if first else "the files have no rows"
        raise AtalaiaError(f"no reading could be read ({why})")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL over readings, alerts, incidents.")],
    form: Annotated[Form, typer.Option("--format", help="How the answer is written.")] = "table",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask GOLD, and what is newer than GOLD, in one answer. `atalaia tables` lists the columns."""
    from atalaia.app.places import places_of
    from atalaia.homes.embedded import open_home
    from atalaia.serving.query import query as ask
    from atalaia.serving.render import render
    from atalaia.sources import decode_all

    kept = _settings(settings, home)
    with open_home(_existing(kept.home), exclusive=False) as opened:
        places = places_of(opened.state)
        answer = ask(opened, decode_all(places), places, query)
        with _while_read():
            render(answer, "json" if as_json else form, sys.stdout)


@app.command()
def tables(as_json: JsonOption = False) -> None:
    """The tables that `atalaia sql` knows, with each column's type and unit."""
    import msgspec

    from atalaia.serving.query import tables as known

    if as_json:
        typer.echo(msgspec.json.encode(known()))
        return
    for table, columns in known().items():
        typer.echo(table)
        for column, meaning in columns.items():
            typer.echo(f"  {column:32} {meaning}")


@app.command()
def alerts(
    last: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 20,
    language: Annotated[str, typer.Option(help="pt-BR, en or es.")] = "pt-BR",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """The inbox: what the watch has told, newest last."""
    from atalaia.domain.alert import to_line
    from atalaia.domain.words import LANGUAGES
    from atalaia.homes.embedded import open_home

    if language not in LANGUAGES:
        raise typer.BadParameter(f"give one of {', '.join(LANGUAGES)}", param_hint="--language")
    with open_home(_existing(_settings(settings, home).home), exclusive=False) as opened:
        newest = [entry.alert for _, entry in opened.state.alerts()][-last:]
    with _while_read():
        for alert in newest:
            typer.echo(to_line(alert) if as_json else f"{alert.sent_at}  {alert.text[language]}")
    if not newest:
        print("nothing has been told yet", file=sys.stderr)


@app.command()
def refine(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Derive all of GOLD again from RAW.")
    ] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring GOLD up to date with RAW, or derive all of it again."""
    import msgspec

    from atalaia.app.places import places_of
    from atalaia.batch import refine as batch
    from atalaia.homes.embedded import open_home
    from atalaia.sources import decode_all

    kept = _settings(settings, home)
    with open_home(_existing(kept.home), exclusive=False) as opened, opened.hold("refine"):
        places = places_of(opened.state)
        work = batch.rebuild if rebuild else batch.refine
        report = work(opened.state, opened.lake, decode_all(places), places)
    if as_json:
        typer.echo(msgspec.json.encode(report._asdict()))
    else:
        typer.echo(
            f"{report.rows} rows in {report.partitions} partitions, "
            f"{report.rejects} rejects, {report.seconds:.1f} s"
        )


@app.command()
def variables(as_json: JsonOption = False) -> None:
    """The catalogue: every variable, its unit and plausible limits."""
    import msgspec

    from atalaia.domain.rule import INDICES
    from atalaia.domain.variable import CATALOGUE

    if as_json:
        typer.echo(msgspec.json.encode(list(CATALOGUE.values())))
        return
    for variable in CATALOGUE.values():
        limits = f"{variable.lowest:g} … {variable.highest:g} {variable.unit}"
        typer.echo(f"{variable.name:32} {limits:28} {variable.because}")
    for name, (unit, inputs) in INDICES.items():
        typer.echo(f"{name:32} {'index, ' + unit:28} from {' and '.join(inputs)}")


@app.command()
def rules(
    name: Annotated[str, typer.Argument(help="A shipped rule set or a TOML file.")] = "inmet",
    as_json: JsonOption = False,
) -> None:
    """Check a rule set and show its limits."""
    import msgspec

    from atalaia import rules as rule_sets

    rule_set = rule_sets.load(name)
    if as_json:
        typer.echo(msgspec.json.encode(rule_set))
        return
    typer.echo(
        f"{rule_set.name}: {len(rule_set.rules)} rules; shipped: {', '.join(rule_sets.SHIPPED)}"
    )
    for rule in rule_set.rules:
        typer.echo(f"{rule.name:20} {rule.hazard:14} {rule.in_words()}")


@config.command("check")
def config_check(
    file: Annotated[Path | None, typer.Argument(help="Settings file; else ./atalaia.toml.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Name every problem of the settings, and show the arithmetic of the sources' calls."""
    import msgspec

    from atalaia.settings import describe

    lines = describe(_settings(file, None))
    typer.echo(msgspec.json.encode(lines) if as_json else "\n".join(lines))


def _settings(file: Path | None, home: Path | None) -> Settings:
    """The settings in force: options over environment over file over defaults."""
    import msgspec

    from atalaia.settings import load

    settings = load(file, os.environ)
    return msgspec.structs.replace(settings, home=home) if home is not None else settings


def _existing(home: Path) -> Path:
    if not (home / "atalaia.sqlite3").exists():
        raise AtalaiaError(
            f"no home at {home}; give --home, or make one with `atalaia run` "
            "or `atalaia replay --home`"
        )
    return home


@contextmanager
def _while_read() -> Iterator[None]:
    """Write to stdout; that its reader has gone (`atalaia … | head`) is no error of ours."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A live bar on stderr where a person watches; else nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _what, _done, _total: None
        return
    bar = Progress(
        TextColumn("{task.description:>10}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield progress


def _tell_replay(
    done: Replayed, places: Places, rule_set: str, *, to_stdout: bool, as_json: bool
) -> None:
    """The summary: for programs on stdout as JSON, for people as a table and a few lines."""
    from collections import Counter

    import msgspec
    from rich.console import Console

    from atalaia.serving.summary import counts, show, stories

    told = stories(done.entries)
    if as_json:
        summary = {
            "readings": done.readings,
            "alerts": sum(e.alert.type == "alert" for e in done.entries),
            "messages": len(done.entries),
            "rejected": Counter(reject.reason for reject in done.rejected),
            "places_without_readings": done.silent,
            "raw": str(done.raw) if done.raw else None,
            "gold": str(done.gold) if done.gold else None,
            "incidents": told,
        }
        print(msgspec.json.encode(summary).decode(), file=sys.stdout if to_stdout else sys.stderr)
        return
    console = Console(stderr=not to_stdout, highlight=False, soft_wrap=False)
    show(told, places, console)
    console.print()
    console.print(f"readings {done.readings}")
    console.print(f"alerts {sum(e.alert.type == 'alert' for e in done.entries)}")
    console.print(f"messages {len(done.entries)}")
    console.print(f"incidents {counts(told)}")
    console.print(f"rules {rule_set}")
    for reason, n in Counter(reject.reason for reject in done.rejected).most_common():
        example = next(r.detail for r in done.rejected if r.reason == reason)
        console.print(f"rejected {n}: {reason} (first: {example})")
    if done.silent:
        console.print(f"no readings at all for: {', '.join(done.silent[:10])}")
    if done.raw and done.gold:
        console.print(f"RAW {done.raw}")
        console.print(f"GOLD {done.gold}")
