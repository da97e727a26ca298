"""INMET's levels at one station as chances that another one, some km away, reaches them that day.

    python tools/levels_as_chances.py PLACES.csv HERE.csv,… THERE.csv,… [--timezone TZ]

HERE and THERE are INMET's station files of two stations, PLACES.csv has both, in that order. The
rules `inmet` live through each by itself. Of each hazard and level are printed: the local days on
which HERE stood at it or at a higher one, on how many of these THERE did, what chance that is, with
its interval of 95 %, and on how many of THERE's days HERE did (POD). Nothing was tuned on either.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from atalaia import rules
from atalaia.batch.history import days_of, recorded, watched
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.told import stretches
from atalaia.batch.verify import verify
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.reading import Readings

LEVELS = ("yellow", "orange", "red")
FEWEST_DAYS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", type=Path)
    parser.add_argument("here", type=lambda text: [Path(one) for one in text.split(",")])
    parser.add_argument("there", type=lambda text: [Path(one) for one in text.split(",")])
    parser.add_argument("--timezone", type=ZoneInfo, default=ZoneInfo("America/Sao_Paulo"))
    asked = parser.parse_args()
    here, rows = lived(asked.here, asked.places)
    there, _ = lived(asked.there, asked.places)
    first, last = days_of(rows, asked.timezone)
    print(f"{'hazard':12} {'at least':8} {'days':>5} {'there, too':>10} {'chance':>22} {'POD':>5}")
    for hazard in sorted({alert.hazard for alert in here} - {"cannot_see"}):
        for level in LEVELS:
            events = reached(there, hazard, level)
            if not events:
                continue
            told = [alert for alert in here if alert.hazard == hazard]
            scores = verify(told, events, asked.timezone, first_day=first, last_day=last).groups
            found = scores["level"].get(level)
            if found is None or found.far is None:
                continue
            days = found.hits + found.false_alarms
            if days < FEWEST_DAYS:
                continue
            span = found.intervals.get("far")
            of = f" ({100 - 100 * span[1]:.0f} to {100 - 100 * span[0]:.0f})" if span else ""
            chance = f"{100 - 100 * found.far:.0f} %{of}"
            pod = "–" if found.pod is None else f"{found.pod:.2f}"
            print(f"{hazard:12} {level:8} {days:5} {found.hits:10} {chance:>22} {pod:>5}")


def lived(files: Sequence[Path], places: Path) -> tuple[list[Alert], Readings]:
    """What the rules `inmet` said of a station's files."""
    rows, where = recorded(files, places)
    return [entry.alert for entry in watched(rows, rules.load("inmet"), where)], rows


def reached(alerts: Sequence[Alert], hazard: str, level: str) -> list[Occurrence]:
    """The stretches in which a hazard stood at a level, or at a higher one."""
    found = stretches(alert for alert in alerts if alert.hazard == hazard)
    found = found.take(found.level >= LEVEL_OF[level])
    return [
        Occurrence(begins, ends)
        for begins, ends in zip(found.begins.tolist(), found.ends.tolist(), strict=True)
    ]


if __name__ == "__main__":
    main()
