"""Explains alerts of `rio-flood`: what added up to them, and what the city logged that day.

    python tools/explain_rio.py FOLDER rio.ndjson 2016-02-16T18:00 2016-04-01T14:00

FOLDER has what tools/rio.py writes, rio.ndjson is what `atalaia replay --rules rio-flood --alerts`
wrote of it, and times are Rio's clock. Of each time are printed the alert as people read it, each
term with its amount, its weight and what it adds to the score, the chance that the score stands
for, and when that day's floods were logged.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import numpy as np

from atalaia import rules
from atalaia.batch.amounts import AmountTable
from atalaia.batch.beside import AreaAmount
from atalaia.batch.history import recorded
from atalaia.batch.occurrences import read_events
from atalaia.batch.rule_file import duration
from atalaia.batch.sums import on_grid
from atalaia.batch.told import read_alerts
from atalaia.batch.verify import Calendar
from atalaia.domain.score import AddedUp, Amount, Term
from calibrate_rio import EVIDENCE, FIRST, LAST, MIN_EVENTS, SEARCH, ZONE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("alerts", type=Path)
    parser.add_argument("times", nargs="+", help="Rio's clock: 2016-02-16T18:00")
    asked = parser.parse_args()
    rows, places = recorded([asked.folder / "readings.csv"], asked.folder / "places.csv")
    (rule,) = rules.load("rio-flood").rules
    sums = on_grid(rows, "rain_mm", places, SEARCH.area or "")
    calendar = Calendar.of(FIRST, LAST, ZONE)
    table = AmountTable.of(sums, rows, places, "rain_mm", calendar, EVIDENCE)
    texts = {alert.sent_at: alert.text["en"] for alert in read_alerts(asked.alerts)}
    logged = [event.started_at for event in read_events(asked.folder / "events.csv", ZONE)]
    assert rule.score is not None, "rio-flood adds up"
    for time in asked.times:
        at = int(datetime.fromisoformat(time).replace(tzinfo=ZONE).timestamp())
        print(texts.get(at, f"{time}: no alert was sent then"))
        explain(table, rule.score, at)
        day = int(calendar.day(np.array([at]))[0])
        midnight, next_one = calendar.midnights[day : day + 2].tolist()
        clock = [_clock(each) for each in logged if midnight <= each < next_one]
        event = "an event" if len(clock) >= MIN_EVENTS else "no event"
        print(f"logged that day: {len(clock)} floods, {event}: {', '.join(clock) or 'none'}\n")


def explain(table: AmountTable, score: AddedUp, at: int) -> None:
    """Each term at an instant, and what they come to."""
    row = int(np.searchsorted(table.at, at))
    total = score.intercept
    print(f"  {'always':34} {score.intercept:25.2f}")
    for term in score.terms:
        amount = score.amounts[term.amount]
        shaped = float(table.amount[row, _column(table, term, amount)])
        where = "on average" if term.of == 0 else "at the wettest gauge"
        name = f"{amount.measure} {amount.variable} {duration(amount.window_s)} {where}"
        of = {
            "log1p": f"log(1 + {np.expm1(shaped):.1f})",
            "hinge": f"{shaped:.1f} above {term.knot:g}",
        }
        total += term.weight * shaped
        print(f"  {name:44} {of[term.shape]:>16} × {term.weight:.2f} = {term.weight * shaped:.2f}")
    chance = score.judged(np.array([total]))[0]
    print(f"  score {total:.2f}: a chance of {chance:.0f} % of {MIN_EVENTS} floods or more")


def _column(table: AmountTable, term: Term, amount: Amount) -> int:
    """Where the table has what a term weighs."""
    wanted = (amount.variable, amount.measure, amount.window_s, term.of, term.shape)
    return next(
        i
        for i, one in enumerate(table.columns)
        if isinstance(one, AreaAmount)
        and (one.variable, one.measure, one.window_s, one.of, one.shape) == wanted
    )


def _clock(at: int) -> str:
    return f"{datetime.fromtimestamp(at, ZONE):%H:%M}"


if __name__ == "__main__":
    main()
