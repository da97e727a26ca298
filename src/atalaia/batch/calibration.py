"""From readings and events to a rule file: the search of `batch.calibrate`, put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.batch.calibrate import Calibration, Space, Wanted, calibrate, on_grid
from atalaia.batch.events import Event
from atalaia.batch.history import days_of
from atalaia.batch.rule_file import rule_file
from atalaia.batch.verify import Calendar
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import parse
from atalaia.errors import SettingsInvalid


def calibrated(
    rows: Readings,
    places: Places,
    events: Sequence[Event],
    zone: ZoneInfo,
    *,
    hazard: str,
    variable: str,
    area: str | None,
    name: str,
    wanted: Wanted,
    space: Space,
    min_events: int,
    first_day: date | None = None,
    last_day: date | None = None,
    splits: int = 0,
) -> tuple[Calibration, str]:
    """What was found, and the text of a rule file that can be loaded. Only observed rows count.

    Days left out: those that the readings speak of. Raises SettingsInvalid where nothing is found.
    """
    observed = rows.take(rows.kind == Kind.OBSERVED)
    where = _area(places, area)
    sums = on_grid(observed, variable, places, where)
    first, last = days_of(observed, zone)
    calendar = Calendar.of(first_day or first, last_day or last, zone)
    started_at = np.sort(np.array([event.started_at for event in events], np.int64))
    found = calibrate(sums, places, started_at, calendar, min_events, wanted, space, splits)
    description = f"{hazard} in {where}, from {calendar.first} to {calendar.dates()[-1]}:"
    text = rule_file(found, name, hazard, variable, sums.step_s, description)
    parse(text, name)
    return found, text


def _area(places: Places, named: str | None) -> str:
    known = list(places.areas)
    if named is None and len(known) == 1:
        return known[0]
    if named not in known:
        there = ", ".join(known) or "none: write the column area in PLACES.csv"
        raise SettingsInvalid([f"there is no area {named!r}; give --area one of: {there}"])
    return named
