"""What other rules would have told: one past under several rule sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.options import (
    FromOption,
    HomeOption,
    JsonOption,
    MinEventsOption,
    SettingsOption,
    TimezoneOption,
    ToOption,
    hazard_of,
    while_read,
    zone_of,
)
from atalaia.cli.trial import PlacesOption, ReadingsArgument, history_of

app = typer.Typer()


@app.command()
def backtest(
    rules: Annotated[
        list[str], typer.Option(help="A rule set; give it again for each to compare.")
    ],
    readings: ReadingsArgument = None,
    places: PlacesOption = None,
    events: Annotated[Path | None, typer.Option(help="Events to score against, as CSV.")] = None,
    hazard: Annotated[str | None, typer.Option(help="Only this hazard; else all.")] = None,
    min_events: MinEventsOption = 1,
    timezone: TimezoneOption = "UTC",
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay one past under several rule sets, side by side: messages, scores, what changed."""
    import msgspec

    from atalaia import rules as rule_sets
    from atalaia.batch.backtest import backtest as compare
    from atalaia.batch.doubts import outside_of_the_days
    from atalaia.batch.history import days_of, unjudged, watched
    from atalaia.batch.occurrences import read_events
    from atalaia.cli.scores import show_backtest, wide

    zone = zone_of(timezone)
    sets = [(name, rule_sets.load(name)) for name in rules]
    variables = frozenset[str]().union(*(rule_set.variables for _, rule_set in sets))
    rows, where, lake = history_of(readings, places, variables, settings, home)
    first, last = days_of(rows, zone)
    logs = [
        (name, [entry.alert for entry in watched(rows, rule_set, where, lake)])
        for name, rule_set in sets
    ]
    happened = read_events(events, zone) if events else []
    compared = compare(
        logs,
        happened,
        zone,
        since.date() if since else first,
        until.date() if until else last,
        hazard=hazard_of(hazard),
        min_events=min_events,
    )
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(compared))
        else:
            show_backtest(compared, wide())
    verified = compared[0].verified
    if verified and (nowhere := outside_of_the_days(verified, happened, zone)):
        print(nowhere, file=sys.stderr)
    for _, rule_set in sets:
        for line in unjudged(rule_set, where, lake):
            print(line, file=sys.stderr)
