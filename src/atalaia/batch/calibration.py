"""From readings and events to a rule file: the search of `batch.calibrate`, put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from atalaia.batch.adding_up import AddingUp, learn
from atalaia.batch.amounts import AmountSpace, AmountTable
from atalaia.batch.beside import PRESSURES
from atalaia.batch.calibrate import Calibration, Wanted, calibrate
from atalaia.batch.history import days_of
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.raised import Space
from atalaia.batch.rule_file import duration, rule_file, score_file
from atalaia.batch.sums import Sums, on_grid
from atalaia.batch.verify import Calendar, Happened, Occurrences
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a calibration looks for, and among what.

    hazard, variable    what the rules will warn of, and the amount that is summed
    name                of the rule set
    area                where; None: in the only area that there is
    wanted, space       what the limits must come to, and which are tried
    circles             where triggers are tried as well, beside those of the space
    min_events          fewer events than this are not calibrated by
    first_day, last_day    the days that count; None: as far as the readings speak of them
    splits              over so many other splits of the days the search is repeated
    evidence            of a rule that adds up: what is tried
    is_forward          of a rule that adds up: years are told by those before them alone
    """

    hazard: str
    variable: str
    name: str
    area: str | None = None
    wanted: Wanted
    space: Space = Space()
    circles: tuple[Near, ...] = ()
    min_events: int = 1
    first_day: date | None = None
    last_day: date | None = None
    splits: int = 0
    evidence: AmountSpace = AmountSpace()
    is_forward: bool = False


def looked_at(variable: str, beside: Sequence[str], *, is_score: bool) -> frozenset[str]:
    """The variables that are needed of the past; a score may go by the pressure's tendency."""
    return frozenset({variable, *beside, *(PRESSURES if is_score else ())})


def calibrated(
    rows: Readings, places: Places, events: Sequence[Occurrence], zone: ZoneInfo, search: Search
) -> tuple[Calibration, str]:
    """What was found, and the text of a rule file that can be loaded. Only observed rows count.

    Days left out: those that the readings speak of. Raises SettingsInvalid where nothing is found.
    """
    sums, calendar, description = _given(rows, places, zone, search)
    space = msgspec.structs.replace(search.space, circles=search.space.circles + search.circles)
    found = calibrate(
        sums,
        places,
        Occurrences.of(events),
        calendar,
        search.min_events,
        search.wanted,
        space,
        search.splits,
    )
    text = rule_file(found, search.name, search.hazard, search.variable, sums.step_s, description)
    parse(text, search.name)
    return found, text


def learned(
    rows: Readings, places: Places, events: Sequence[Occurrence], zone: ZoneInfo, search: Search
) -> tuple[AddingUp, str]:
    """The same of a rule that adds up; of what is wanted the POD counts alone."""
    sums, calendar, description = _given(rows, places, zone, search)
    happened = Occurrences.of(events)
    by_day = Happened.by_day(happened.started_at, happened.ended_at, calendar, search.min_events)
    observed = rows.take(rows.kind == Kind.OBSERVED)
    table = AmountTable.of(sums, observed, places, search.variable, calendar, search.evidence)
    found = learn(
        table,
        by_day,
        calendar,
        search.min_events,
        search.wanted.pod,
        duration,
        is_forward=search.is_forward,
    )
    found = msgspec.structs.replace(found, left_out=sums.left_out)
    text = score_file(
        found,
        search.name,
        search.hazard,
        search.evidence.near,
        sums.step_s,
        search.min_events,
        description,
    )
    parse(text, search.name)
    return found, text


def _given(
    rows: Readings, places: Places, zone: ZoneInfo, search: Search
) -> tuple[Sums, Calendar, str]:
    """What is searched, on which days, and what it is, in words."""
    observed = rows.take(rows.kind == Kind.OBSERVED)
    where = _area(places, search.area)
    sums = on_grid(observed, search.variable, places, where)
    first, last = days_of(observed, zone)
    calendar = Calendar.of(search.first_day or first, search.last_day or last, zone)
    description = f"{search.hazard} in {where}, from {calendar.first} to {calendar.dates()[-1]}:"
    return sums, calendar, description


def _area(places: Places, named: str | None) -> str:
    known = list(places.areas)
    if named is None and len(known) == 1:
        return known[0]
    if named not in known:
        there = ", ".join(known) or "none: write the column area in PLACES.csv"
        raise SettingsInvalid([f"there is no area {named!r}; give --area one of: {there}"])
    return named
