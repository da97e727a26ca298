"""Pictures of what was seen and said: one page that can be kept, sent and printed."""

from __future__ import annotations

import sys
from datetime import datetime
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

_DAYS = ["%Y-%m-%d"]

app = typer.Typer()
app.add_typer(maps, name="map")


@app.command()
@slow
def report(
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; - is stdout.", show_default="report.html"),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="html, png or pdf; the last two need an extra.")
    ] = "html",
    place: Annotated[
        str | None, typer.Option(help="Of this place alone, by its id or its name.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="Of this system alone, by its id.")] = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAYS, help="First local day; else --days before --to."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAYS, help="Local day that is left out; else the next."),
    ] = None,
    language: LanguageOption = None,
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="How far back, from the newest answer.")
    ] = 365,
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
    timezone: Annotated[
        str, typer.Option(help="IANA zone whose days are scored, and bound --from and --to of all.")
    ] = "UTC",
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
    """Write one page of pictures: the gravest storm, a calendar, the places, how right it was.

    With --place, --system, --from or --to of that alone.
    """
    import time

    from atalaia import rules as rule_sets
    from atalaia.domain.signs import VERSIONS
    from atalaia.homes.embedded import open_home
    from atalaia.report.gather import report_of
    from atalaia.report.printed import printed
    from atalaia.report.ranged import ranged_report
    from atalaia.report.render import page
    from atalaia.report.scored import Truth
    from atalaia.report.wish import ReportWish

    kept = settings_of(settings, home)
    words = spoken(language, kept.language)
    if format_ not in ("html", "png", "pdf"):
        raise typer.BadParameter("give html, png or pdf", param_hint="--format")
    out = out or Path(f"report.{format_}")
    if place and system:
        raise typer.BadParameter("give --place or --system", param_hint="--system")
    wanted = ReportWish(
        place=place,
        system=system,
        first=from_.date() if from_ else None,
        until=to.date() if to else None,
        days=days,
        zone=zone_of(timezone).key,
    )
    if not wanted.is_of_all and (incident or events):
        hint = "--incident" if incident else "--events"
        raise typer.BadParameter("is of all places and the last --days alone", param_hint=hint)
    if colours not in VERSIONS:
        raise typer.BadParameter(f"give one of {', '.join(VERSIONS)}", param_hint="--colours")
    scored = hazard_of(hazard)
    truth = Truth(events, zone_of(timezone), min_events, scored) if events else None
    if scored and truth is None:
        raise typer.BadParameter(
            "there is nothing to score without --events", param_hint="--hazard"
        )
    with open_home(existing(kept.home), exclusive=False) as opened:
        by, now = rule_sets.load(rules) if rules else kept.rules, int(time.time())
        if wanted.is_of_all:
            told = report_of(opened, by, now=now, days=days, incident=incident, truth=truth)
        else:
            told = ranged_report(opened, by, wanted, now)
    if format_ == "html":
        body = page(told, words, colours).encode()
    else:
        body = printed(told, words, "png" if format_ == "png" else "pdf", colours)
    answers()
    if str(out) == "-":
        typer.echo(body, nl=False)
        return
    try:
        out.write_bytes(body)
    except OSError as error:
        raise AtalaiaError(
            f"{out} cannot be written: {error.strerror}; give another --out"
        ) from error
    if as_json:
        as_line({"written": str(out)})
    print(translated(f"written: {out}"), file=sys.stderr)
