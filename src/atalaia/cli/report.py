"""Pictures of what was seen and said: one page that can be kept, sent and printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.maps import maps
from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    LanguageOption,
    SettingsOption,
    answers,
    as_line,
    existing,
    hazard_of,
    settings_of,
    slow,
    spoken,
    zone_of,
)
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

app = typer.Typer()
app.add_typer(maps, name="map")


@app.command()
@slow
def report(
    out: Annotated[Path, typer.Option(help="The page to write; - is stdout.")] = Path(
        "report.html"
    ),
    language: LanguageOption = None,
    days: Annotated[int, typer.Option(min=1, help="How far back, from the newest answer.")] = 365,
    incident: Annotated[
        str | None, typer.Option(help="Key of the storm to show; else the gravest.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="Events to score the alerts against, as CSV.")
    ] = None,
    hazard: Annotated[str | None, typer.Option(help="Score alerts of this hazard only.")] = None,
    min_events: Annotated[
        int, typer.Option("--min-events", min=1, help="So many occurrences make an event.")
    ] = 1,
    timezone: Annotated[str, typer.Option(help="IANA zone whose days are scored.")] = "UTC",
    rules: Annotated[
        str | None, typer.Option(help="The rules that the home went by; else the settings'.")
    ] = None,
    colours: Annotated[
        str, typer.Option(help="ordinary or colour-blind; on paper each has its own.")
    ] = "ordinary",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one page of pictures: the gravest storm, a calendar, the places, how right it was."""
    import time

    from atalaia import rules as rule_sets
    from atalaia.domain.signs import VERSIONS
    from atalaia.homes.embedded import open_home
    from atalaia.report.gather import report_of
    from atalaia.report.render import page
    from atalaia.report.scored import Truth

    kept = settings_of(settings, home)
    words = spoken(language or kept.language)
    if colours not in VERSIONS:
        raise typer.BadParameter(f"give one of {', '.join(VERSIONS)}", param_hint="--colours")
    scored = hazard_of(hazard)
    truth = Truth(events, zone_of(timezone), min_events, scored) if events else None
    if scored and truth is None:
        raise typer.BadParameter(
            "there is nothing to score without --events", param_hint="--hazard"
        )
    with open_home(existing(kept.home), exclusive=False) as opened:
        told = report_of(
            opened,
            rule_sets.load(rules) if rules else kept.rules,
            now=int(time.time()),
            days=days,
            incident=incident,
            truth=truth,
        )
    text = page(told, words, colours)
    answers()
    if str(out) == "-":
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise AtalaiaError(
            f"{out} cannot be written: {error.strerror}; give another --out"
        ) from error
    if as_json:
        as_line({"written": str(out)})
    print(translated(f"written: {out}"), file=sys.stderr)
