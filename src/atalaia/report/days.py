"""A report's calendar: each local day with what was warned of, and what nobody could see."""

# The SQL here is put together from our own words.
# ruff: noqa: S608

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.batch.told import Stretches
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import Hazard
from atalaia.domain.local import local_day
from atalaia.report.asked import DAY_S, AskedHome
from atalaia.report.reported import Day


def blind_of(log: Iterable[Alert], begins: int, ends: int) -> list[tuple[int, int, str]]:
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


def last_days(asked: AskedHome, begins: int, ends: int) -> tuple[date, date]:
    """The first and the last of the days up to an instant, by the place whose day begins first."""
    zones = {place.timezone for place in asked.places} or {"UTC"}
    last = max(day for zone in zones for day in local_days(ends, ends, ZoneInfo(zone)))
    return last - timedelta(days=round((ends - begins) / DAY_S) - 1), last


def days_of(
    asked: AskedHome,
    held: Stretches,
    blind: Iterable[tuple[int, int, str]],
    first: date,
    last: date,
    among: str = "true",
) -> Iterable[Day]:
    """The days from `first` to `last`; `among` is a condition on the readings that count."""
    level: Counter[date] = Counter()
    incidents: dict[date, dict[str, str]] = {}
    for i in range(len(held)):
        zone = asked.zone(held.place[i])
        for day in local_days(int(held.begins[i]), int(held.ends[i]), zone):
            level[day] = max(level[day], int(held.level[i]))
            incidents.setdefault(day, {})[held.incident[i]] = held.hazard[i]
    unseen = {
        day for first, last, place in blind for day in local_days(first, last, asked.zone(place))
    }
    known = set(_days_with_data(asked, first, among))
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


def _days_with_data(asked: AskedHome, first: date, among: str) -> Iterable[date]:
    """The local days of which there is a reading, from a day on."""
    rows = asked(f"""
        SELECT coalesce(timezone, 'UTC') AS zone, epoch(min(valid_at)), epoch(max(valid_at))
        FROM readings LEFT JOIN places USING (place_id)
        WHERE date >= DATE '{first}' - 1 AND ({among})
        GROUP BY zone, date_trunc('hour', valid_at)
    """)
    for zone in {row[0] for row in rows}:
        at = np.array([ends for row in rows if row[0] == zone for ends in row[1:]], np.int64)
        for day in np.unique(local_day(at, zone)).tolist():
            yield date(1970, 1, 1) + timedelta(days=day)


def local_days(begins: int, ends: int, zone: ZoneInfo) -> Iterable[date]:
    """The days of a zone that a half-open stretch of time touches."""
    first, last = (
        datetime.fromtimestamp(at, UTC).astimezone(zone).date()
        for at in (begins, max(begins, ends - 1))
    )
    for i in range((last - first).days + 1):
        yield first + timedelta(days=i)
