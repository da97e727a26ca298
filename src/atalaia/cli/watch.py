"""The watch itself: live, and over recorded readings."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli import doctor
from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    answers,
    as_line,
    existing,
    progress_bar,
    settings_of,
    slow,
    while_read,
)
from atalaia.errors import AtalaiaError
from atalaia.translated import spoken, translated

if TYPE_CHECKING:
    from atalaia.domain.place import Places
    from atalaia.domain.rule import RuleSet
    from atalaia.replay.readings import Replayed

app = typer.Typer()
app.add_typer(doctor.app)


@app.command()
def run(
    home: HomeOption = None,
    port: Annotated[int | None, typer.Option(help="Port of the API on 127.0.0.1.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Watch live: poll the sources, detect, tell, keep. Stops on Ctrl-C."""
    from atalaia.run.local import run as run_live

    raise typer.Exit(run_live(settings_of(settings, home), port=port))


@app.command()
def replay(
    readings: Annotated[
        list[Path] | None,
        typer.Argument(help="Readings CSV, INMET station files, Open-Meteo archives."),
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="CSV: place_id,name,latitude,longitude,timezone[,area].")
    ] = None,
    payloads: Annotated[
        list[Path] | None,
        typer.Option("--payloads", help="Payloads as they arrived: NDJSON, or parts of RAW."),
    ] = None,
    from_stream: Annotated[
        Path | None,
        typer.Option("--from-stream", help="A live home: its payloads as they arrived."),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(
            help="A shipped rule set or a TOML file; default inmet, of a live home its own."
        ),
    ] = None,
    alerts: Annotated[
        str | None, typer.Option(help="Write the alerts as NDJSON; - is stdout.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", help="Keep the home here; else it is temporary.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay recorded readings in event time, or what arrived, as it arrived."""
    from atalaia.domain.alert import entry_line
    from atalaia.replay.readings import write_alerts

    if alerts not in (None, "-") and not Path(alerts or "").parent.is_dir():
        # Said now, not when all is done.
        raise AtalaiaError(f"alerts {alerts}: its folder is not there; make it first")
    if from_stream is not None:
        if readings or places or payloads:
            raise typer.BadParameter("it has payloads and places", param_hint="--from-stream")
        done, where, rule_set = _replay_stream(from_stream, rules, home)
    elif bool(readings) == bool(payloads) or (readings and places is None):
        raise typer.BadParameter("give --places and readings, or --payloads, or --from-stream")
    else:
        where, rule_set = _places_and_rules(places, rules or "inmet")
        done = _replay_files(readings or [], payloads or [], where, rule_set, home)
    if alerts == "-":
        with while_read():
            for entry in done.entries:
                sys.stdout.buffer.write(entry_line(entry) + b"\n")
    elif alerts is not None:
        write_alerts(done.entries, Path(alerts))
    _tell_replay(done, where, rule_set.name, to_stdout=alerts != "-", as_json=as_json)
    for line in done.unjudged:
        print(translated(line), file=sys.stderr)
    if any(rule.places for rule in rule_set.rules) and not where.areas:
        said = f"no place has an area: the area rules of {rule_set.name} judge none"
        print(translated(said), file=sys.stderr)
    if not done.readings and not done.entries:
        first = done.rejected[0] if done.rejected else None
        why = f"{first.reason}: {first.detail}" if first else "nothing came"
        raise AtalaiaError(
            f"no reading could be read ({why}); give payloads, places or a home that have some"
        )


_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@app.command()
@slow
def cut(
    folder: Annotated[Path, typer.Argument(help="Where payloads.ndjson and places.csv go.")],
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="From this instant (UTC) on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_TIMES, help="Up to this instant (UTC).")
    ] = None,
    source: Annotated[str | None, typer.Option(help="What one source answered alone.")] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut a piece of a home's past for `replay --payloads`, without anybody's data."""
    from atalaia.homes.embedded import open_home
    from atalaia.replay.cut import cut as cut_home

    first = int(since.replace(tzinfo=UTC).timestamp()) if since else 0
    last = int(until.replace(tzinfo=UTC).timestamp()) if until else 2**62
    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        written = cut_home(opened, folder, first, last, source)
    answers()
    if as_json:
        as_line({"payloads": written, "folder": str(folder)})
    print(translated(f"{written} payloads in {folder}"), file=sys.stderr)


def _places_and_rules(places: Path | None, rules: str) -> tuple[Places, RuleSet]:
    from atalaia import rules as rule_sets
    from atalaia.domain.place import Places
    from atalaia.sources.recorded import read_places

    return Places(read_places(places) if places else ()), rule_sets.load(rules)


def _replay_files(
    readings: list[Path], payloads: list[Path], places: Places, rules: RuleSet, home: Path | None
) -> Replayed:
    with progress_bar() as progress:
        if payloads:
            from atalaia.cli.replays import replay_payloads

            return replay_payloads(places, payloads, rules, home=home, progress=progress)
        from atalaia.cli.replays import replay as replay_files

        return replay_files(places, readings, rules, home=home, progress=progress)


def _replay_stream(
    source: Path, rules: str | None, home: Path | None
) -> tuple[Replayed, Places, RuleSet]:
    from atalaia import rules as rule_sets
    from atalaia.cli.replays import replay_stream

    rule_set = None if rules is None else rule_sets.load(rules)
    with progress_bar() as progress:
        return replay_stream(existing(source), rule_set, home=home, progress=progress)


def _tell_replay(
    done: Replayed, places: Places, rule_set: str, *, to_stdout: bool, as_json: bool
) -> None:
    """The summary: for programs on stdout as JSON, for people as a table and a few lines."""
    from collections import Counter

    import msgspec
    from rich.console import Console

    from atalaia.replay.summary import counts, not_read, quiet, show, stories

    if as_json:
        summary = {
            "readings": done.readings,
            "alerts": sum(e.alert.type == "alert" for e in done.entries),
            "messages": len(done.entries),
            "rejected": Counter(reject.reason for reject in done.rejected),
            "places_without_readings": done.silent,
            "raw": str(done.raw) if done.raw else None,
            "gold": str(done.gold) if done.gold else None,
            "unjudged": done.unjudged,
            "variables_without_values": done.unseen,
            "as_live": done.as_live,
            "incidents": stories(done.entries),
        }
        print(msgspec.json.encode(summary).decode(), file=sys.stdout if to_stdout else sys.stderr)
        return
    told = stories(done.entries, spoken())
    # What files say is told as it stands there, brackets and all.
    console = Console(stderr=not to_stdout, highlight=False, markup=False, soft_wrap=False)
    show(told, places, console, quiet(done))
    console.print()
    console.print(translated(f"readings {done.readings}"))
    alerts = sum(e.alert.type == "alert" for e in done.entries)
    console.print(translated(f"alerts {alerts}"))
    console.print(translated(f"messages {len(done.entries)}"))
    console.print(translated(f"incidents {counts(told)}"))
    console.print(translated(f"rules {rule_set}"))
    if done.as_live is not None:
        said = "live the same entries" if done.as_live else "live not the same entries"
        console.print(translated(said))
    for reason, n, example in done.reasons:
        console.print(translated(f"rejected {n}: {reason} (first: {example})"))
    for line in not_read(done):
        console.print(translated(line))
    if done.raw and done.gold:
        console.print(f"RAW {done.raw}")
        console.print(f"GOLD {done.gold}")
