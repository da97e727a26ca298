"""Makes the rule set `rio-flood` from Rio de Janeiro's gauges and flood occurrences.

    python tools/calibrate_rio.py DATA FOLDER [--splits 12] [--write RULES.toml]

DATA holds the files that tools/rio.py reads; FOLDER takes its readings, places and events. Printed
are what was chosen, its score on years that did not choose it, and the trade-off; with --write the
rule file is written, too. --splits repeats the search over other splits of the days.

An event is a day with 5 occurrences or more, as the city's record of single puddles is no flood.
Sought is the point of the trade-off with the highest strict CSI that still has POD 0.80 and a
median lead of an hour on years that did not choose it; that is the one for which POD 0.82 is asked.
What was fixed with sight of all four years, so that the cross-validated score does not account for
it:

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

from rich.console import Console

import rio
from atalaia.batch.calibrate import Calibration, Space, Wanted
from atalaia.batch.calibration import Search, calibrated
from atalaia.batch.history import recorded
from atalaia.batch.occurrences import read_events
from atalaia.cli.scores import show_calibration
from atalaia.domain.rule import Near

ZONE = ZoneInfo("America/Sao_Paulo")
FIRST, LAST = date(2015, 4, 11), date(2018, 12, 31)
MIN_EVENTS = 5
WANTED = Wanted(pod=0.82, lead_s=3600)
NORTH = Near(latitude=-22.86, longitude=-43.28, km=10)
SPACE = Space(
    circles=(NORTH,),
    triggers=(900, 1800, 2700, 3600),
    givens=(24 * 3600, 72 * 3600),
    wide=((1800, 2), (6 * 3600, 2)),
)


def search(folder: Path, space: Space = SPACE, splits: int = 0) -> tuple[Calibration, str]:
    """What is found in the three files of a folder, and the rule file's text."""
    rows, places = recorded([folder / "readings.csv"], folder / "places.csv")
    wanted = Search(
        hazard="flood",
        variable="rain_mm",
        area=rio.AREA,
        name="rio-flood",
        wanted=WANTED,
        space=space,
        min_events=MIN_EVENTS,
        first_day=FIRST,
        last_day=LAST,
        splits=splits,
    )
    return calibrated(rows, places, read_events(folder / "events.csv", ZONE), ZONE, wanted)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--splits", type=int, default=0)
    asked = parser.parse_args()
    rio.convert(asked.data, asked.folder)
    found, text = search(asked.folder, splits=asked.splits)
    show_calibration(found, Console(highlight=False, width=160))
    if asked.write:
        asked.write.write_text(text, "utf-8")
