"""What other rules would have told: one past under several rule sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.options import as_lines, aside, hazard_of, slow, while_read
from atalaia.cli.scored import Scoring, scored
from atalaia.cli.trial import PlacesOption, ReadingsArgument, history_of
from atalaia.translated import translated

app = typer.Typer()


@app.command()
@slow
@scored
def backtest(
    asked: Scoring,
    rules: Annotated[
        list[str], typer.Option(help="A rule set; give it again for each to compare.")
    ],
    readings: ReadingsArgument = None,
    places: PlacesOption = None,
    events: Annotated[Path | None, typer.Option(help="Events to score against, as CSV.")] = None,
    hazard: Annotated[str | None, typer.Option(help="Only this hazard; else all.")] = None,
) -> None:
    """Replay one past under several rule sets, side by side: messages, scores, what changed."""

    from atalaia import rules as rule_sets
    from atalaia.batch.backtest import backtest as compare
    from atalaia.batch.doubts import outside_of_the_days
    from atalaia.batch.history import ROWS_AT_ONCE, days_between, lived, unjudged
    from atalaia.batch.occurrences import read_events
    from atalaia.cli.scores import show_backtest, wide
    from atalaia.domain.rule import unseen_in_words

    zone = asked.zone
    sets = [(name, rule_sets.load(name)) for name in rules]
    variables = frozenset[str]().union(*(rule_set.variables for _, rule_set in sets))
    with history_of(readings, places, variables, asked.settings, asked.home) as (rows, where, lake):
        first, last = days_between(*rows.valid, zone)
        seen = rows.variables
        judged = lived(rows.parts(ROWS_AT_ONCE), [some for _, some in sets], where, lake)
    logs = [(name, [entry.alert for entry in log]) for name, log in zip(rules, judged, strict=True)]
    happened = read_events(events, zone) if events else []
    compared = compare(
        logs,
        happened,
        zone,
        asked.first_day or first,
        asked.last_day or last,
        hazard=hazard_of(hazard),
        min_events=asked.min_events,
    )
    with while_read():
        if asked.as_json:
            as_lines(compared)
        else:
            show_backtest(compared, wide())
    verified = compared[0].verified
    if verified and (nowhere := outside_of_the_days(verified, happened, zone)):
        print(translated(nowhere), file=sys.stderr)
    for name, rule_set in sets:
        for line in unjudged(rule_set, where, lake):
            print(translated(line), file=sys.stderr)
        if missing := rule_set.unseen(seen):
            aside(f"{name}: {unseen_in_words(missing)}")
