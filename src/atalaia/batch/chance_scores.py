"""Chances that the home told, scored against outside events: `verify`, where a home is at hand.

A case is a local day at a place, as in `verify`: the highest chance that was told of any of its
hours, so many days ahead, and whether the day was an event. Days on which something less than an
event happened count neither way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from atalaia.batch.chances import Reliability, reliability
from atalaia.batch.chances_told import ToldChances, by_chance, told_chances
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.score import TOO_FEW
from atalaia.batch.verify import BLOCK_DAYS, Calendar, Happened, Occurrences, Verified
from atalaia.detect.values import Usual
from atalaia.domain.hazard import Level
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Ints
from atalaia.domain.rule import RuleSet
from atalaia.lake.norms import norms_of
from atalaia.lake.places import places_of
from atalaia.ports import Home, Lake


class ChanceScore(msgspec.Struct, frozen=True):
    """What the chances of a rule's level are worth, told so many local days ahead (0: that day)."""

    rule: str
    level: str
    days_ahead: int
    reliability: Reliability


def scored_chances(
    home: Home,
    rules: RuleSet,
    events: Sequence[Occurrence],
    verified: Verified,
    zone: ZoneInfo,
    hazard: str | None,
) -> list[ChanceScore]:
    """Those of a home, of the days that were scored; by episode none are."""
    named = tuple(rule for rule in by_chance(rules).rules if hazard in (None, rule.hazard))
    if not named or verified.by != "day":
        return []
    chosen, places = RuleSet(rules.name, named), places_of(home.state)
    first, last = (date.fromisoformat(day) for day in (verified.first_day, verified.last_day))
    return chance_scores(
        home.lake,
        chosen,
        places,
        norms_of(home.lake, chosen, places),
        events,
        Calendar.of(first, last, zone),
        verified.min_events,
    )


def chance_scores(
    lake: Lake,
    rules: RuleSet,
    places: Places,
    norms: Usual,
    events: Sequence[Occurrence],
    calendar: Calendar,
    min_events: int,
) -> list[ChanceScore]:
    """By rule, level and days ahead, in this order; of fewer than TOO_FEW days none."""
    told = told_chances(lake, rules, places, norms, lambda _, hours: calendar.day(hours - 1))
    told = _last_of_each_day(told.take((told.group >= 0) & (told.group < len(calendar))), calendar)
    is_event, counts = _what_happened(told, places, Occurrences.of(events), calendar, min_events)
    ahead = told.group - calendar.day(told.known_at)
    found = []
    for number, rule in enumerate(by_chance(rules).rules):
        for level in np.unique(told.level[told.rule == number]).tolist():
            mine = (told.rule == number) & (told.level == level) & counts
            for days in np.unique(ahead[mine]).tolist():
                rows = mine & (ahead == days)
                if np.count_nonzero(rows) >= TOO_FEW:
                    worth = reliability(
                        told.chance[rows], is_event[rows], told.group[rows] // BLOCK_DAYS
                    )
                    found.append(ChanceScore(rule.name, Level(level).word, days, worth))
    return found


def _last_of_each_day(told: ToldChances, calendar: Calendar) -> ToldChances:
    """Of chances of one day that were told on one local day the last."""
    day = calendar.day(told.known_at)
    order = np.lexsort((told.known_at, day, told.group, told.place, told.level, told.rule))
    is_last = np.ones(len(order), bool)
    columns = (told.rule, told.level, told.place, told.group, day)
    is_last[:-1] = np.logical_or.reduce([np.diff(column[order]) != 0 for column in columns])
    keep = np.zeros(len(order), bool)
    keep[order[is_last]] = True
    return told.take(keep)


def _what_happened(
    told: ToldChances,
    places: Places,
    happened: Occurrences,
    calendar: Calendar,
    min_events: int,
) -> tuple[Bools, Bools]:
    """Of each chance whether its day was an event, and whether the day counts."""
    of_place: list[Ints] = []
    has_places = any(happened.place)
    for place in places:
        here = happened.place == (place.id if has_places else "")
        by_day = Happened.by_day(
            happened.started_at[here], happened.ended_at[here], calendar, min_events
        )
        is_event = by_day.begins != NO_TIME
        of_place.append(np.where(is_event, 1, np.where(by_day.count > 0, -1, 0)))
    what = np.array(of_place, np.int64).reshape(len(places), -1)[told.place, told.group]
    return what > 0, what >= 0
