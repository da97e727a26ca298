"""Makes the rule sets `rio-flood` and `rio-flood-limits` from Rio de Janeiro's gauges and the
city's record of floods.

    python tools/calibrate_rio.py DATA FOLDER [--form score] [--write RULES.toml]
    python tools/calibrate_rio.py DATA FOLDER --form limits [--splits 12] [--write RULES.toml]

DATA holds the files that tools/rio.py reads; FOLDER takes its readings, places and events. Printed
are what was chosen, its score on years that did not choose it, and the trade-off; with --write the
rule file is written, too. --splits repeats the search of limits over other splits of the days,
--update yearly tells each year by those before it.

An event is a day with 5 occurrences or more, as the city's record of single puddles is no flood.

`rio-flood` adds up what is said of a flood, and warns by the chance that it stands for. What was
fixed with sight of all four years, so that the cross-validated score does not account for it:

- the circle: the gauges to which 98 in 100 of the occurrences with coordinates are nearest. Those
  of the far west, Guaratiba and Santa Cruz, have the other two;
- the space: logarithms of sums over 15 minutes to 24 h, at the gauge with the most and on average;
- that a dew point is made of temperature and humidity. Which of the five variables that are
  measured beside rain are used, and of which days, is chosen by years; so is whether hour, season
  or the pressure's tendency count (none does).

`rio-flood-limits` is limits that a person can read. Sought is the point of the trade-off with the
highest strict CSI that still has POD 0.80 and a median lead of an hour on years that did not choose
it; that is the one for which POD 0.82 is asked, of both. Fixed with sight of all four years were:

- that point of the trade-off;
- the circle: São Cristóvão and Irajá, the lowland of the North Zone, to which three in five of the
  occurrences with coordinates are nearest of all gauges;
- the two kinds of wide rules: two gauges at once within half an hour, and within six hours.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

import rio
from atalaia.batch.adding_up import AddingUp
from atalaia.batch.amounts import AmountSpace
from atalaia.batch.calibrate import Calibration, Wanted
from atalaia.batch.calibration import Search, calibrated, learned
from atalaia.batch.history import recorded
from atalaia.batch.occurrences import read_events
from atalaia.batch.raised import Space
from atalaia.cli.scores import show_calibration
from atalaia.cli.scores_added import show_learned
from atalaia.domain.rule import Near

ZONE = ZoneInfo("America/Sao_Paulo")
FIRST, LAST = date(2015, 4, 11), date(2018, 12, 31)
MIN_EVENTS = 5
WANTED = Wanted(pod=0.82, lead_s=3600)
NORTH = Near(latitude=-22.86, longitude=-43.28, km=10)
CITY = Near(latitude=-22.91, longitude=-43.3, km=15)
SPACE = Space(
    circles=(NORTH,),
    triggers=(900, 1800, 2700, 3600),
    givens=(24 * 3600, 72 * 3600),
    wide=((1800, 2), (6 * 3600, 2)),
)
EVIDENCE = AmountSpace(
    windows=(900, 1800, 3600, 3 * 3600, 6 * 3600, 24 * 3600),
    ranks=(1, 0),
    shapes=("log1p",),
    beside=rio.WEATHER,
    clock=True,
    tendency=True,
    near=CITY,
)
SEARCH = Search(
    hazard="flood",
    variable="rain_mm",
    area=rio.AREA,
    name="rio-flood",
    wanted=WANTED,
    evidence=EVIDENCE,
    min_events=MIN_EVENTS,
    first_day=FIRST,
    last_day=LAST,
)


def search(folder: Path, space: Space = SPACE, splits: int = 0) -> tuple[Calibration, str]:
    """What limits are found in the three files of a folder, and the rule file's text."""
    rows, places = recorded([folder / "readings.csv"], folder / "places.csv")
    wanted = msgspec.structs.replace(SEARCH, name="rio-flood-limits", space=space, splits=splits)
    return calibrated(rows, places, read_events(folder / "events.csv", ZONE), ZONE, wanted)


def score(
    folder: Path, *, pod: float = WANTED.pod, is_forward: bool = False
) -> tuple[AddingUp, str]:
    """What adds up in the three files of a folder, and the rule file's text."""
    rows, places = recorded([folder / "readings.csv"], folder / "places.csv")
    wanted = msgspec.structs.replace(SEARCH, wanted=Wanted(pod, 0), is_forward=is_forward)
    return learned(rows, places, read_events(folder / "events.csv", ZONE), ZONE, wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", choices=("score", "limits"), default="score")
    parser.add_argument("--update", choices=("yearly",))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--splits", type=int, default=0)
    asked = parser.parse_args()
    rio.convert(asked.data, asked.folder)
    console = Console(highlight=False, width=160)
    if asked.form == "limits":
        limits, text = search(asked.folder, splits=asked.splits)
        show_calibration(limits, console)
    else:
        found, text = score(asked.folder, is_forward=asked.update == "yearly")
        show_learned(found, console)
    if asked.write:
        asked.write.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
