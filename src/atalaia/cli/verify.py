"""What alerts were worth: scored against what happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atalaia.cli.options import (
    EventsOption,
    HomeOption,
    JsonOption,
    SettingsOption,
    aside,
    existing,
    hazard_of,
    settings_of,
    slow,
    while_read,
)
from atalaia.cli.scored import Scoring, scored

if TYPE_CHECKING:
    from atalaia.batch.chance_scores import ChanceScore
    from atalaia.batch.occurrences import Occurrence
    from atalaia.batch.verify import Verified
    from atalaia.domain.alert import Alert

app = typer.Typer()

By = Literal["day", "episode"]


@app.command()
@slow
@scored
def verify(
    asked: Scoring,
    alerts: Annotated[str, typer.Option(help="An alerts file, or gold: the home's own.")],
    events: EventsOption,
    hazard: Annotated[str | None, typer.Option(help="Only this hazard; else all.")] = None,
    by: Annotated[By, typer.Option(help="Score local days, or episodes.")] = "day",
) -> None:
    """Score alerts against outside events: POD, FAR, CSI, bias, lead; and a home's chances."""
    import msgspec

    from atalaia.batch.doubts import doubts
    from atalaia.batch.occurrences import read_events
    from atalaia.batch.verify import verify as score
    from atalaia.cli.scores import show_verified, wide
    from atalaia.cli.scores_chances import show_chances
    from atalaia.domain.official import RULE as OFFICIAL

    zone = asked.zone
    told, happened = _told(alerts, asked.settings, asked.home), read_events(events, zone)
    verified = score(
        told,
        happened,
        zone,
        hazard=hazard_of(hazard),
        by=by,
        min_events=asked.min_events,
        first_day=asked.first_day,
        last_day=asked.last_day,
    )
    chances = _chances(asked, verified, happened, hazard) if alerts == "gold" else []
    with while_read():
        if asked.as_json:
            typer.echo(msgspec.json.encode(msgspec.structs.asdict(verified) | {"chances": chances}))
        else:
            show_verified(verified, wide())
            if chances:
                print()
                show_chances(chances, wide())
    official = {entry.incident for entry in told if entry.rule == OFFICIAL}
    if official:
        said = (
            f"{len(official)} official warnings were passed on and are not scored: no rule decided "
            "them (nor is a drill, which is in no log)"
        )
        aside(said)
    notes = doubts(verified, told, happened, zone, hazard)
    for note in notes:
        aside(note)
    if verified.outside and not notes:
        said = (
            f"{verified.outside} warned days lie before the first or after the last occurrence; "
            "if nothing was recorded then, leave them out with --from and --to"
        )
        aside(said)


@app.command()
@slow
def record(
    rules: Annotated[
        str | None, typer.Option(help="What counts as an event: a rule set; else the settings'.")
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every forecast alert ever sent against what an instrument observed there later."""
    import msgspec

    from atalaia import rules as rule_sets
    from atalaia.batch.recorded import record_of
    from atalaia.cli.scores import show_record, wide
    from atalaia.homes.embedded import open_home

    kept = settings_of(settings, home)
    rule_set = rule_sets.load(rules) if rules else kept.rules
    with open_home(existing(kept.home), exclusive=False) as opened:
        found = record_of(opened, rule_set)
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(found))
        else:
            show_record(found, wide())


def _told(alerts: str, settings: Path | None, home: Path | None) -> list[Alert]:
    from atalaia.batch.told import read_alerts

    if alerts != "gold":
        return read_alerts(Path(alerts))
    from atalaia.batch.kept import told_by
    from atalaia.homes.embedded import open_home

    kept = settings_of(settings, home)
    with open_home(existing(kept.home), exclusive=False) as opened:
        return told_by(opened, has_official=True)


def _chances(
    asked: Scoring, verified: Verified, events: list[Occurrence], hazard: str | None
) -> list[ChanceScore]:
    """What the chances are worth that the home's ensemble told, of the days scored."""
    from atalaia.batch.chance_scores import scored_chances
    from atalaia.homes.embedded import open_home

    kept = settings_of(asked.settings, asked.home)
    with open_home(existing(kept.home), exclusive=False) as opened:
        return scored_chances(opened, kept.rules, events, verified, asked.zone, hazard)
