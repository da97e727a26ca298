"""Gathers what a report shows from a home: the storm, the calendar, the places, the scores."""

# The SQL here is put together from our own words; a person's key is checked before it is.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from atalaia.batch.kept import told_by
from atalaia.batch.told import Stretches, stretches
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError
from atalaia.ports import Home
from atalaia.report.asked import DAY_S, AskedHome, newest_of
from atalaia.report.days import blind_of, days_of, last_days
from atalaia.report.incident import storm_of
from atalaia.report.reported import (
    Report,
    Source,
    Spot,
)
from atalaia.report.scored import Truth, forecasts_of, foretold, scored, sources_scored

_KEY = re.compile(r"[0-9a-f]{4,64}")


def report_of(
    home: Home,
    rules: RuleSet,
    *,
    now: int,
    days: int = 365,
    incident: str | None = None,
    truth: Truth | None = None,
) -> Report:
    """What a page shows of the last `days` that the home heard of.

    The storm is `incident`, or the gravest of those days. Raises AtalaiaError where there is no
    such incident, PayloadInvalid where the home is empty.
    """
    if incident is not None and not _KEY.fullmatch(incident):
        raise AtalaiaError(_no_such(incident))
    asked = AskedHome(home)
    ends = newest_of(asked)
    begins = ends - days * DAY_S
    log = told_by(home)
    lived = [entry for entry in log if begins <= entry.sent_at <= ends]
    every = stretches(log)
    held = _within(every, begins, ends)
    blind = blind_of(log, begins, ends)
    record = forecasts_of(home, rules, log)
    key = incident or gravest(asked, begins)
    storm = storm_of(home, rules, asked.log(f"incident = '{key}'") if key else [], every)
    if incident and storm is None:
        raise AtalaiaError(_no_such(incident))
    return Report(
        home=Path(home.name).resolve().name,
        made_at=now,
        begins=begins,
        ends=ends,
        levels=by_level(held),
        alerts=sum(entry.hazard != Hazard.CANNOT_SEE for entry in lived),
        storm=storm,
        days=tuple(days_of(asked, held, blind, *last_days(asked, begins, ends))),
        spots=tuple(spots_of(asked.places, held, _places_with_data(asked, begins))),
        foretold=tuple(foretold(record)),
        sources_scored=tuple(sources_scored(record)),
        scored=scored(log, truth) if truth else None,
        sources=tuple(_sources(asked)),
    )


def _no_such(incident: str) -> str:
    return (
        f'there is no incident {incident!r}; `atalaia sql "SELECT incident, hazard, place_id, '
        'opened_at FROM incidents"` lists them'
    )


def gravest(asked: AskedHome, since: int, among: str = "true") -> str | None:
    """The incident of the highest level; of these the one furthest beyond what raised it.

    The running peak may be of another rule than the limit beside it, so it counts only where one
    rule alone had a say. `among` is a condition on the entries, as SQL.
    """
    found = asked(f"""
        SELECT incident,
            arg_max(peak_level, version) AS level,
            max(abs(value - "limit") / nullif(abs("limit"), 0)) FILTER (type <> 'end') AS told,
            arg_max(peak, version) AS peak,
            any_value("limit") FILTER (version = 1) AS first_limit,
            count(DISTINCT rule) AS rules,
            max(sent_at) AS last_at
        FROM alerts
        WHERE hazard <> '{Hazard.CANNOT_SEE}' AND rule <> 'official' AND ({among})
        GROUP BY incident
        HAVING epoch(max(sent_at)) >= {since}
        ORDER BY incident
    """)
    return str(max(found, key=_gravity)[0]) if found else None


def _gravity(row: tuple[Any, ...]) -> tuple[float, ...]:
    _, level, excess, peak, limit, rules, last_at = row
    if rules == 1 and peak is not None and limit:
        excess = abs(peak - limit) / abs(limit)
    return LEVEL_OF.get(level, Level.NONE), excess or 0.0, last_at.timestamp()


def _within(held: Stretches, begins: int, ends: int) -> Stretches:
    return held.take((held.ends >= begins) & (held.begins <= ends))


def by_level(held: Stretches) -> tuple[int, int, int, int]:
    """How many incidents came to which level at most, from WATCH to RED."""
    highest: dict[str, int] = {}
    for key, level in zip(held.incident, held.level.tolist(), strict=True):
        highest[key] = max(highest.get(key, 0), level)
    count = Counter(highest.values())
    return count[Level.WATCH], count[Level.YELLOW], count[Level.ORANGE], count[Level.RED]


def _places_with_data(asked: AskedHome, begins: int) -> set[str]:
    """The places of which there is a reading of these days, and their areas."""
    first = datetime.fromtimestamp(begins, UTC).date()
    known = {
        place
        for (place,) in asked(f"SELECT DISTINCT place_id FROM readings WHERE date >= '{first}'")
    }
    return known | {place.area for place in asked.places if place.id in known and place.area}


def spots_of(places: Places, held: Stretches, known: set[str]) -> Iterable[Spot]:
    """Each place, and each area that had incidents of its own; `known` has those with readings."""
    for place in [*places, *_areas(places, set(held.place))]:
        mine = held.take(np.asarray(held.place == place.id, bool))
        hazards = dict(zip(mine.incident, mine.hazard, strict=True))
        counts = Counter(hazards.values())
        yield Spot(
            place=place,
            level=int(mine.level.max(initial=0)),
            has_data=place.id in known,
            incidents=len(hazards),
            counts=tuple(counts.most_common()),
        )


def _areas(places: Places, told: set[str]) -> Iterable[Place]:
    """Areas that had incidents of their own, at the middle of their places."""
    for name, members in places.areas.items():
        if name in told and places.get(name) is None:
            some = [places[i] for i in members]
            yield Place(
                id=name,
                name=name,
                latitude=sum(place.latitude for place in some) / len(some),
                longitude=sum(place.longitude for place in some) / len(some),
                timezone=some[0].timezone,
            )


def _sources(asked: AskedHome) -> Iterable[Source]:
    rows = asked(
        "SELECT source, coalesce(readings, 0), coalesce(places, 0), coalesce(answers, 0),"
        " coalesce(errors, 0) + coalesce(failures, 0), epoch(last_reading_at)"
        " FROM sources ORDER BY source"
    )
    for source, readings, places, answers, faults, last in rows:
        yield Source(source, readings, places, answers, faults, None if last is None else int(last))
