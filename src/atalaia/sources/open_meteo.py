"""Open-Meteo: what its answers say, whichever of its APIs (`open_meteo_apis`) they come from.

Contents of payloads: ``forecast`` (an object for one place or an array for many) and ``archive``
(the same shape, of past days). A payload's source is its rows'. Units are read from each block's
own ``…_units`` and converted; a variable of an unknown unit is left out, the others are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Decode, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import fire_days, open_meteo_apis
from atalaia.sources.body import read_json
from atalaia.sources.columns import numbers, present
from atalaia.sources.decoding import (
    Wanted,
    by_content,
    is_wanted,
    plain_error,
    times_of_rows,
)
from atalaia.sources.open_meteo_apis import BY_DAY, FIRE_WEATHER, VARIABLES
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import local_seconds
from atalaia.sources.units import conversion
from atalaia.sources.where import is_elsewhere, nearest

_DAILY = "daily"
_PERIODS = {"current": 0, "minutely_15": 900, "hourly": 3600, _DAILY: 86_400}
"""The blocks that hold readings, with the seconds that a row's sums or means are of."""

NAME, FORECAST, ARCHIVE = open_meteo_apis.NAME, open_meteo_apis.CONTENT, "archive"

GRID_KM = 35.0
"""An answer carries its grid cell's centre, up to this far from the place asked for: the widest
cells, those of the global air quality, are 0.4° wide, so that a corner is 31.5 km away."""


def decoder(places: Places) -> Decode:
    """Open-Meteo's answers → readings of the watched places.

    `current` is ANALYSIS. `hourly`, `minutely_15` and `daily` are ANALYSIS up to the moment of
    receipt and FORECAST after it; in an ``archive`` all is ANALYSIS. Of `daily` only means of days
    are decoded (`open_meteo_apis.BY_DAY`), valid at the day's end.
    """
    read = partial(_read, places)
    burns = partial(_burns, places)
    return by_content({FORECAST: read, ARCHIVE: read, FIRE_WEATHER: burns}, _describe_error)


def is_archive(body: bytes) -> bool:
    """Whether these bytes look like an answer with values by the hour, or with means of days, as
    its archives give them."""
    start = body[:2_000].lstrip()
    has_rows = b'"hourly' in body or any(f'"{name}"'.encode() in body for name in BY_DAY)
    return start[:1] in (b"{", b"[") and b'"utc_offset_seconds"' in start and has_rows


def _describe_error(payload: Payload) -> Reject:
    try:
        body = msgspec.json.decode(payload.body)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return plain_error(payload)
    if not (isinstance(body, dict) and isinstance(body.get("reason"), str)):
        return plain_error(payload)
    rejects = Rejects(payload.source)
    rejects.add(f"error {payload.status}", body["reason"])
    return rejects.listed()[0]


def _read(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    body = read_json(payload.body, rejects)
    if isinstance(body, dict) and body.get("error"):
        raise Unreadable("error in the answer", str(body.get("reason")))
    elements = body if isinstance(body, list) else [body]
    parts = [
        _element(element, position, payload, wanted, rejects)
        for element, position in _placed(elements, payload, places, rejects)
    ]
    return Readings.concat(parts)


def _burns(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    """A season of hours, of which nothing is told but what they mean for fires."""
    if not is_wanted(fire_days.VARIABLE, wanted):
        return Readings.empty()
    return fire_days.of_hours(_read(places, payload, None, rejects), places, rejects)


def _placed(
    elements: list[Any], payload: Payload, places: Places, rejects: Rejects
) -> list[tuple[dict[str, Any], int]]:
    """Each element with the position of its place: by order, or else by coordinates."""
    in_order = len(elements) == len(payload.places)
    left = [place for name in payload.places if (place := places.get(name))]
    if not payload.places:
        left = list(places)
    placed = []
    for i, element in enumerate(elements):
        if not isinstance(element, dict):
            rejects.add("not an object", f"element {i} is a {type(element).__name__}")
            continue
        place = (
            places.get(payload.places[i])
            if in_order
            else nearest(left, element.get("latitude"), element.get("longitude"), GRID_KM)
        )
        if place is None:
            name = shown(payload.places[i]) if in_order else f"element {i} of {len(elements)}"
            at = f"{element.get('latitude')}, {element.get('longitude')}"
            rejects.add("unknown place", f"{name} at {at} is none of the places asked for")
            continue
        where = (element.get("latitude"), element.get("longitude"))
        if is_elsewhere(place, *where, GRID_KM):
            asked = f"{place.id} at {place.latitude}, {place.longitude}"
            rejects.add("another place", f"asked for {asked}, answered for {where[0]}, {where[1]}")
            continue
        if not in_order:
            left.remove(place)
        placed.append((element, places.position[place.id]))
    return placed


@dataclass(frozen=True, slots=True)
class _Block:
    """One block of one place: its columns by field, all of one length, and their units.

    `has_rate` says whether its sums are told as rates too: over an hour a mean hides the peak.
    """

    name: str
    columns: dict[str, Any]
    units: dict[str, Any]
    valid_at: Ints
    period_s: int
    has_rate: bool


def _element(
    element: dict[str, Any], position: int, payload: Payload, wanted: Wanted, rejects: Rejects
) -> Readings:
    """One place's blocks as rows."""
    parts = []
    for block in _blocks(element, rejects):
        can_be_later = payload.content != ARCHIVE and block.name != "current"
        is_later = (block.valid_at > payload.received_at) & can_be_later
        kind = np.where(is_later, np.int8(Kind.FORECAST), np.int8(Kind.ANALYSIS))
        issued_at, known_at = times_of_rows(payload, kind, block.valid_at)
        readings = Readings.build(
            place=np.full(len(kind), position, np.int32),
            source=payload.source,
            kind=kind,
            valid_at=block.valid_at,
            issued_at=issued_at,
            known_at=known_at,
            period_s=block.period_s,
            values=_values(block, wanted, rejects),
        )
        parts.append(readings.take(block.valid_at != NO_TIME))
    return Readings.concat(parts)


def _blocks(element: dict[str, Any], rejects: Rejects) -> list[_Block]:
    """The blocks that hold readings, their single values as columns of one row."""
    blocks = []
    for name, period_s in _PERIODS.items():
        columns = element.get(name)
        if not isinstance(columns, dict) or (name == _DAILY and not BY_DAY.keys() & columns.keys()):
            continue
        is_current = name == "current"
        period = _interval(columns, rejects) if is_current else period_s
        if is_current:
            columns = {key: [value] for key, value in columns.items()}
        units = element.get(f"{name}_units")
        blocks.append(
            _Block(
                name=name,
                columns=columns,
                units=units if isinstance(units, dict) else {},
                valid_at=_times(name, columns.get("time"), element, rejects),
                period_s=period,
                has_rate=name in ("current", "minutely_15"),
            )
        )
    if not blocks:
        rejects.add("no known block", f"only {', '.join(sorted(map(str, element)))}")
    return blocks


def _interval(current: dict[str, Any], rejects: Rejects) -> int:
    """Seconds that the current block's sums cover; 0, and a reject, if it does not say."""
    interval: Any = current.get("interval")
    if type(interval) in (int, float) and 1 <= interval <= 86_400:
        return int(interval)
    rejects.add("no interval", f"current: interval is {shown(interval)}; its sums are left out")
    return 0


def _times(name: str, times: Any, element: dict[str, Any], rejects: Rejects) -> Ints:
    """Unix seconds of a block's rows; NO_TIME, and a reject, where a time cannot be read."""
    offset = element.get("utc_offset_seconds")
    if not isinstance(times, list):
        rejects.add("not a time", f"{name}: no list of times")
        return np.empty(0, np.int64)
    if type(offset) is not int or abs(offset) > 86_400:
        rejects.add("time without offset", f"{name}: utc_offset_seconds is {shown(offset)}")
        return np.empty(0, np.int64)
    seconds = local_seconds(times, offset)
    for i in np.flatnonzero(seconds == NO_TIME):
        rejects.add("not a time", f"{name}: {shown(times[int(i)])}")
    if name == _DAILY:  # a day is named by its beginning, and told at its end
        return np.where(seconds == NO_TIME, NO_TIME, seconds + _PERIODS[_DAILY])
    return seconds


def _values(block: _Block, wanted: Wanted, rejects: Rejects) -> dict[str, Floats]:
    """The block's wanted variables in the catalogue's units, each of shape (rows,)."""
    values: dict[str, Floats] = {}
    if not len(block.valid_at):
        return values
    fields = BY_DAY if block.name == _DAILY else VARIABLES
    for key, variable in fields.items():
        told = {
            name: factor
            for name, factor in _told_as(variable, block).items()
            if is_wanted(name, wanted)
        }
        column = _column(block, key, variable, rejects) if told and key in block.columns else None
        if column is None:
            continue
        for name, factor in told.items():
            earlier = values.get(name)
            scaled = column * factor
            values[name] = scaled if earlier is None else _filled(earlier, scaled)
    return present(values)


def _told_as(variable: str, block: _Block) -> dict[str, float]:
    """The variables that one field gives, each with its factor: rain also as a rate."""
    if not CATALOGUE[variable].is_sum:
        return {variable: 1.0}
    if block.period_s == 0:  # a sum over an unknown time says nothing
        return {}
    if variable == "rain_mm" and block.has_rate:
        return {variable: 1.0, "rain_rate_mm_h": 3600 / block.period_s}
    return {variable: 1.0}


def _filled(first: Floats, second: Floats) -> Floats:
    return np.where(np.isnan(first), second, first)


def _column(block: _Block, key: str, variable: str, rejects: Rejects) -> Floats | None:
    """One field in the catalogue's unit, shape (rows,); None, and a reject, if it is unusable."""
    column, unit = block.columns[key], block.units.get(key)
    label = f"{block.name}: {key}"
    if not isinstance(column, list) or len(column) != len(block.valid_at):
        rejects.add("wrong length", f"{label}: not {len(block.valid_at)} values, one a time")
        return None
    known = conversion(unit, variable)
    if known is None:  # "undefined" is what the provider says of a variable that it does not have
        rejects.add("unknown unit", f"{label}: unit {shown(unit)} is not known for {variable}")
        return None
    values, faults = numbers(column)
    for i, reason in faults:
        rejects.add(reason, f"{label}, value {i} is {shown(column[i])}")
    scale, offset = known
    return values * scale + offset
