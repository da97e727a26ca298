"""Of which place or system a report is, and from which local midnight to which."""

# The SQL here is put together from our own words, and from a key that is checked before.
# ruff: noqa: S608

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from atalaia.errors import AtalaiaError
from atalaia.lake.places import named_place
from atalaia.report.asked import AskedHome, newest_of
from atalaia.report.reported import ReportScope
from atalaia.report.wish import ReportWish

MOST_DAYS = 3660
"""Ten years: a page of more would not be read."""

_FIRST, _LAST = date(1700, 1, 1), date(2300, 1, 1)
"""No reading is older or newer, and clocks of all zones reach as far."""

_KEY = re.compile(r"[0-9A-Za-z_-]{1,64}")


def scope_of(asked: AskedHome, wanted: ReportWish) -> ReportScope:
    """The scope of a report. Raises AtalaiaError where there is none, and says what there is;
    PayloadInvalid where the home is empty."""
    newest = newest_of(asked)
    if wanted.system is not None:
        return _of_system(asked, wanted.system, wanted)
    if wanted.place is not None:
        place = named_place(asked.places, wanted.place)
        begins, ends = _bounds(wanted, place.timezone, newest, None)
        name = (place.name,) * 3
        return _scope("place", place.id, name, (place.id,), None, place.timezone, begins, ends)
    begins, ends = _bounds(wanted, wanted.zone, newest, None)
    every = tuple(place.id for place in asked.places)
    return _scope("all", "", (), every, None, wanted.zone, begins, ends)


def midnight(day: date, zone: str) -> int:
    """When a local day begins, in Unix seconds: where midnight is left out, with what is next."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def _of_system(asked: AskedHome, key: str, wanted: ReportWish) -> ReportScope:
    names = "name_pt_br, name_en, name_es"
    columns = f"status, joined, {names}, places, incidents, epoch(started_at), epoch(last_sent_at)"
    found = _KEY.fullmatch(key) and asked(f"SELECT {columns} FROM systems WHERE system = '{key}'")
    if not found:
        raise AtalaiaError(
            f'there is no system {key!r}; `atalaia sql "SELECT system, name_en, started_at FROM '
            'systems"` lists them'
        )
    status, joined, *name, places, incidents, started_at, last_at = found[0]
    if status == "joined":
        raise AtalaiaError(f"system {key} joined another, in which it goes on: --system {joined}")
    known = [place for id_ in places if (place := asked.places.get(id_)) is not None]
    zone = known[0].timezone if known else "UTC"
    begins, ends = _bounds(wanted, zone, int(last_at), int(started_at))
    ids, keys = tuple(places), tuple(incidents)
    return _scope("system", key, tuple(name), ids, keys, zone, begins, ends)


def _scope(
    kind: str,
    id_: str,
    name: tuple[str, ...],
    places: tuple[str, ...],
    incidents: tuple[str, ...] | None,
    zone: str,
    begins: int,
    ends: int,
) -> ReportScope:
    return ReportScope(
        kind=kind,
        id=id_,
        name=name,
        places=places,
        incidents=incidents,
        zone=zone,
        begins=begins,
        ends=ends,
    )


def _bounds(wanted: ReportWish, zone: str, last_at: int, first_at: int | None) -> tuple[int, int]:
    """Two midnights of a zone. What is not given is all from `first_at` (None: so many days) to
    `last_at`."""
    for day in (wanted.first, wanted.until):
        if day is not None and not _FIRST <= day <= _LAST:
            raise AtalaiaError(f"{day} is not from {_FIRST} to {_LAST}; give a day that is")
    until = wanted.until or _day(last_at, zone) + timedelta(days=1)
    first = wanted.first
    if first is None:
        first = until - timedelta(days=wanted.days) if first_at is None else _day(first_at, zone)
    if first >= until:
        raise AtalaiaError(
            f"from {first} to {until} there is no day: the last one is left out; give a later --to"
        )
    if (until - first).days > MOST_DAYS:
        raise AtalaiaError(f"from {first} to {until} are more than {MOST_DAYS} days; give fewer")
    return midnight(first, zone), midnight(until, zone)


def _day(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date()
