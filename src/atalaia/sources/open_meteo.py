"""Open-Meteo: what its answers say, whichever of its APIs (`open_meteo_apis`) they come from.

Contents of payloads: ``forecast`` (an object for one place or an array for many) and ``archive``
(the same shape, of past days). A payload's source is its rows'. Units are read from each block's
own ``…_units`` and converted; a variable of an unknown unit is left out, the others are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.decoded import Decode
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import Ints, Readings
from atalaia.sources import fire_days, open_meteo_apis, storms
from atalaia.sources.body import read_json
from atalaia.sources.decoding import (
    ReadMany,
    Wanted,
    at_once_by_content,
    is_wanted,
    one_by_one,
    plain_error,
)
from atalaia.sources.open_meteo_apis import BY_DAY, ENSEMBLE, FIRE_WEATHER, STORMS
from atalaia.sources.open_meteo_blocks import PlaceBlock, Whose, blocks_of, hours_of_runs, rows_of
from atalaia.sources.open_meteo_plain import blocks_of_plain
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.runs import of_hours
from atalaia.sources.where import is_elsewhere, nearest

NAME, FORECAST, ARCHIVE = open_meteo_apis.NAME, open_meteo_apis.CONTENT, open_meteo_apis.ARCHIVE

_BYTES_AT_ONCE = 4_000_000
"""Of answers that are read together: as objects of Python they are some ten times as large."""

GRID_KM = 40.0
"""An answer carries its grid cell's centre, up to this far from the place asked for: the widest
cells, those of Canada's ensemble, are 0.5° wide, so that a corner is 39.3 km away."""


def decoder(places: Places) -> Decode:
    """Open-Meteo's answers → readings of the watched places.

    `current` is ANALYSIS. `hourly`, `minutely_15` and `daily` are ANALYSIS up to the moment of
    receipt and FORECAST after it; in an ``archive`` all is ANALYSIS. Of `daily` only means of days
    are decoded (`open_meteo_apis.BY_DAY`), valid at the day's end.
    """
    read = partial(_read, places)
    burns = one_by_one(partial(_burns, places))
    contents: dict[str, ReadMany] = {FORECAST: read, ARCHIVE: read, FIRE_WEATHER: burns}
    contents[STORMS] = one_by_one(partial(_storms, places))
    runs = {ENSEMBLE: partial(_runs, places)}
    return at_once_by_content(contents, _describe_error, runs)


def is_archive(body: bytes) -> bool:
    """Whether these bytes look like an answer with values by the hour, or with means of days, as
    its archives give them."""
    start = body[:2_000].lstrip()
    if start[:1] not in (b"{", b"[") or b'"utc_offset_seconds"' not in start:
        return False
    return b'"hourly' in body or any(f'"{name}"'.encode() in body for name in BY_DAY)


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


def _read(
    places: Places, payloads: Sequence[Payload], wanted: Wanted, rejects: Sequence[Rejects]
) -> tuple[Readings, Ints]:
    parts = []
    for some in _of_some_bytes(payloads):
        blocks: list[PlaceBlock] = []
        for number in some:
            plain = blocks_of_plain(payloads[number], number, places, GRID_KM)
            if plain is not None:
                blocks += plain
                continue
            try:
                blocks += _blocks(payloads[number], number, places, rejects[number])
            except Unreadable as error:
                rejects[number].add_unreadable(error)
        parts.append(rows_of(blocks, wanted, rejects))
    return Readings.concat(rows for rows, _ in parts), np.concatenate([of for _, of in parts])


def _of_some_bytes(payloads: Sequence[Payload]) -> Iterator[list[int]]:
    """The payloads' numbers, so many at a time that what is made of them fits into memory."""
    some: list[int] = []
    size = 0
    for number, payload in enumerate(payloads):
        if some and size + len(payload.body) > _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(number)
        size += len(payload.body)
    yield some


def _blocks(
    payload: Payload, number: int, places: Places, rejects: Rejects
) -> Iterator[PlaceBlock]:
    body = read_json(payload.body, rejects)
    if isinstance(body, dict) and body.get("error"):
        raise Unreadable("error in the answer", str(body.get("reason")))
    elements = body if isinstance(body, list) else [body]
    for element, position in _placed(elements, payload, places, rejects):
        yield from blocks_of(element, Whose(payload, number, position), rejects)


def _burns(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    """A season of hours, of which nothing is told but what they mean for fires."""
    if not is_wanted(fire_days.VARIABLE, wanted):
        return Readings.empty()
    hours, _ = _read(places, [payload], None, [rejects])
    return fire_days.of_hours(hours, places, rejects)


def _storms(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    """Hours at the ground and aloft, of which nothing is told but what they mean for storms."""
    if not is_wanted(storms.VARIABLE, wanted):
        return Readings.empty()
    blocks = [*_blocks(payload, 0, places, rejects)]
    ground, _ = rows_of(blocks, None, [rejects])
    # The same machinery reads the wind aloft, under the names that it has at the ground.
    aloft, _ = rows_of([_aloft(block) for block in blocks], None, [Rejects(payload.source)])
    return storms.of_hours(ground, aloft)


def _aloft(block: PlaceBlock) -> PlaceBlock:
    columns = {
        name: block.columns[key] for key, name in storms.ALOFT.items() if key in block.columns
    }
    units = {name: block.units.get(key) for key, name in storms.ALOFT.items()}
    return block._replace(columns=columns, units=units)


def _runs(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Ensemble:
    """Many runs by the hour."""
    told = [hours_of_runs(block, wanted, rejects) for block in _blocks(payload, 0, places, rejects)]
    return of_hours(payload.source, payload.received_at, told, rejects)


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
