"""Gathers what a report shows from a home: the storm, the calendar, the places, the scores."""

# The SQL here is put together from our own words; a person's key is checked before it is.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.batch.history import told_by
from atalaia.batch.told import Stretches, stretches
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.local import local_day
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError, PayloadInvalid
from atalaia.lake.places import places_of
from atalaia.lake.query import query
from atalaia.ports import Home
from atalaia.report.incident import storm_of
from atalaia.report.reported import (
    Day,
    Report,
    Source,
    Spot,
)
from atalaia.report.scored import Truth, forecasts_of, foretold, scored, sources_scored
from atalaia.sources import decode_all

DAY_S = 86_400
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
    asked = _Asked(home)
    ends = _newest(asked)
    begins = ends - days * DAY_S
    log = told_by(home)
    lived = [entry for entry in log if begins <= entry.sent_at <= ends]
    held = _within(stretches(log), begins, ends)
    record = forecasts_of(home, rules)
    key = incident or _gravest(asked, begins)
    storm = storm_of(home, rules, key, stretches(log)) if key else None
    if incident and storm is None:
        raise AtalaiaError(_no_such(incident))
    return Report(
        home=Path(home.name).resolve().name,
        made_at=now,
        begins=begins,
        ends=ends,
        levels=_by_level(held),
        alerts=sum(entry.hazard != Hazard.CANNOT_SEE for entry in lived),
        storm=storm,
        days=tuple(_days(asked, held, _blind(log, begins, ends), begins, ends)),
        spots=tuple(_spots(asked.places, held, _places_with_data(asked, begins))),
        foretold=tuple(foretold(record)),
        sources_scored=tuple(sources_scored(record)),
        scored=scored(home, truth) if truth else None,
        sources=tuple(_sources(asked)),
    )


class _Asked:
    """A home that is asked several questions."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.places = places_of(home.state)

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        return list(query(self.home, decode_all(self.places), self.places, sql).rows)

    def zone(self, place_id: str) -> ZoneInfo:
        """Of a place, or of an area's first place; UTC where neither is known."""
        place = self.places.get(place_id)
        if place is None and place_id in self.places.areas:
            place = self.places[self.places.areas[place_id][0]]
        return ZoneInfo(place.timezone if place else "UTC")


def _no_such(incident: str) -> str:
    return (
        f'there is no incident {incident!r}; `atalaia sql "SELECT incident, hazard, place_id, '
        'opened_at FROM incidents"` lists them'
    )


def _newest(asked: _Asked) -> int:
    """When the newest answer came. In a home that was replayed that is long ago."""
    told = [
        asked("SELECT CAST(epoch(max(last_received_at)) AS BIGINT) FROM answers"),
        asked("SELECT CAST(epoch(max(sent_at)) AS BIGINT) FROM alerts"),
    ]
    newest = [int(at) for ((at,),) in told if at is not None]
    if not newest:
        raise PayloadInvalid(
            f"home {asked.home.name} has nothing to report; let the watch run, or replay into it"
        )
    return max(newest)


def _gravest(asked: _Asked, since: int) -> str | None:
    """The incident of the highest level; of these the one furthest beyond what raised it.

    The running peak may be of another rule than the limit beside it, so it counts only where one
    rule alone had a say.
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
        WHERE hazard <> '{Hazard.CANNOT_SEE}' AND rule <> 'official'
        GROUP BY incident
        HAVING epoch(max(sent_at)) >= {since}
    """)
    return str(max(found, key=_gravity)[0]) if found else None


def _gravity(row: tuple[Any, ...]) -> tuple[float, ...]:
    _, level, excess, peak, limit, rules, last_at = row
    if rules == 1 and peak is not None and limit:
        excess = abs(peak - limit) / abs(limit)
    return LEVEL_OF.get(level, Level.NONE), excess or 0.0, last_at.timestamp()


def _within(held: Stretches, begins: int, ends: int) -> Stretches:
    return held.take((held.ends >= begins) & (held.begins <= ends))


def _by_level(held: Stretches) -> tuple[int, int, int, int]:
    highest: dict[str, int] = {}
    for key, level in zip(held.incident, held.level.tolist(), strict=True):
        highest[key] = max(highest.get(key, 0), level)
    count = Counter(highest.values())
    return count[Level.WATCH], count[Level.YELLOW], count[Level.ORANGE], count[Level.RED]


def _blind(log: Iterable[Alert], begins: int, ends: int) -> list[tuple[int, int, str]]:
    """When a source could not be seen, and the place or source that this was told of."""
    since: dict[str, tuple[int, str]] = {}
    found = []
    for entry in sorted(log, key=lambda one: (one.sent_at, one.version)):
        if entry.hazard != Hazard.CANNOT_SEE:
            continue
        at = entry.sent_at
        if entry.is_over:
            first, place = since.pop(entry.incident, (at, entry.place_id))
            found.append((first, at, place))
        else:
            since.setdefault(entry.incident, (at, entry.place_id))
    found += [(first, ends, place) for first, place in since.values()]
    return [one for one in found if one[1] >= begins and one[0] <= ends]


def _days(
    asked: _Asked, held: Stretches, blind: Sequence[tuple[int, int, str]], begins: int, ends: int
) -> Iterable[Day]:
    level: Counter[date] = Counter()
    incidents: dict[date, dict[str, str]] = {}
    for i in range(len(held)):
        zone = asked.zone(held.place[i])
        for day in _local_days(int(held.begins[i]), int(held.ends[i]), zone):
            level[day] = max(level[day], int(held.level[i]))
            incidents.setdefault(day, {})[held.incident[i]] = held.hazard[i]
    unseen = {
        day for first, last, place in blind for day in _local_days(first, last, asked.zone(place))
    }
    # The newest day is that of the place whose day begins first.
    zones = {place.timezone for place in asked.places} or {"UTC"}
    last = max(day for zone in zones for day in _local_days(ends, ends, ZoneInfo(zone)))
    first = last - timedelta(days=round((ends - begins) / DAY_S) - 1)
    known = set(_days_with_data(asked, first))
    for i in range((last - first).days + 1):
        day = first + timedelta(days=i)
        hazards = Counter(incidents.get(day, {}).values())
        yield Day(
            date=day.isoformat(),
            level=level[day],
            incidents=hazards.total(),
            hazards=tuple(hazard for hazard, _ in hazards.most_common()),
            is_blind=day in unseen,
            has_data=day in known,
        )


def _days_with_data(asked: _Asked, first: date) -> Iterable[date]:
    """The local days of which there is a reading, from a day on."""
    rows = asked(f"""
        SELECT coalesce(timezone, 'UTC') AS zone, epoch(min(valid_at)), epoch(max(valid_at))
        FROM readings LEFT JOIN places USING (place_id)
        WHERE date >= DATE '{first}' - 1
        GROUP BY zone, date_trunc('hour', valid_at)
    """)
    for zone in {row[0] for row in rows}:
        at = np.array([ends for row in rows if row[0] == zone for ends in row[1:]], np.int64)
        for day in np.unique(local_day(at, zone)).tolist():
            yield date(1970, 1, 1) + timedelta(days=day)


def _local_days(begins: int, ends: int, zone: ZoneInfo) -> Iterable[date]:
    first, last = (
        datetime.fromtimestamp(at, UTC).astimezone(zone).date()
        for at in (begins, max(begins, ends - 1))
    )
    for i in range((last - first).days + 1):
        yield first + timedelta(days=i)


def _places_with_data(asked: _Asked, begins: int) -> set[str]:
    """The places of which there is a reading of these days, and their areas."""
    first = datetime.fromtimestamp(begins, UTC).date()
    known = {
        place
        for (place,) in asked(f"SELECT DISTINCT place_id FROM readings WHERE date >= '{first}'")
    }
    return known | {place.area for place in asked.places if place.id in known and place.area}


def _spots(places: Places, held: Stretches, known: set[str]) -> Iterable[Spot]:
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


def _sources(asked: _Asked) -> Iterable[Source]:
    rows = asked(
        "SELECT source, coalesce(readings, 0), coalesce(places, 0), coalesce(answers, 0),"
        " coalesce(errors, 0) + coalesce(failures, 0), epoch(last_reading_at)"
        " FROM sources ORDER BY source"
    )
    for source, readings, places, answers, faults, last in rows:
        yield Source(source, readings, places, answers, faults, None if last is None else int(last))
