"""Answers of described sources → readings of places, or of stations.

Payloads: source ``http:NAME``, content ``places`` or ``stations``; the body is the description and
then the answer (`description`). In `places` stands the id of the place that was asked for, if one
was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Ints, Readings
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.decoding import Wanted, by_content, plain_error
from atalaia.sources.described.description import (
    NAME,
    PLACES,
    STATIONS,
    DescribedStation,
    Description,
    parted,
)
from atalaia.sources.described.table import DescribedRows, rows_of
from atalaia.sources.described.times import seconds_of
from atalaia.sources.described.values import column_of, columns_of, number_of
from atalaia.sources.instruments import StationsTold, of_stations
from atalaia.sources.instruments import by_content as stations_by_content
from atalaia.sources.rejects import Rejects, shown
from atalaia.sources.told import positions_of, rows_told

__all__ = ["NAME", "decoder"]


def decoder(places: Places) -> Decode:
    """What was asked, by what stands in each payload."""
    of_places = by_content({PLACES: partial(_read_places, places)}, plain_error)
    at_stations = of_stations(stations_by_content({STATIONS: _read_stations}))

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        of_these = [payload for payload in payloads if payload.content == STATIONS]
        others = [payload for payload in payloads if payload.content != STATIONS]
        parts = [at_stations(of_these, wanted)] if of_these else []
        return Decoded.together([*parts, of_places(others, wanted)] if others else parts)

    return decode


def _read_places(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    description, answer = parted(payload.body)
    rows = rows_of(description, answer, rejects)
    place = _place_of_rows(description, rows, payload, places, rejects)
    valid_at = _times(description, rows, payload.received_at, rejects)
    is_good = (place >= 0) & (valid_at != NO_TIME)
    values = columns_of(description, rows, wanted, rejects)
    sums = (each.period_s for name, each in description.values.items() if CATALOGUE[name].is_sum)
    rows_of_places = rows_told(payload, place, description.kind, valid_at, values, next(sums, 0))
    return rows_of_places.take(is_good)


def _place_of_rows(
    description: Description,
    rows: DescribedRows,
    payload: Payload,
    places: Places,
    rejects: Rejects,
) -> Ints:
    """Each row's position among the places, int32, shape (n,); -1 where none of them is meant."""
    n = len(rows.numbers)
    asked = [places.position[name] for name in payload.places if name in places.position]
    if not description.place:
        if len(asked) != 1:
            named = ", ".join(payload.places)
            rejects.add("unknown place", f"{shown(named)} is not watched ({n} rows of it)")
        return np.full(n, asked[0] if len(asked) == 1 else -1, np.int32)
    return positions_of(rows.column(description.place), places, rejects)


def _read_stations(payload: Payload, rejects: Rejects) -> StationsTold:
    description, answer = parted(payload.body)
    rows = rows_of(description, answer, rejects)
    told = description.station or DescribedStation()
    valid_at = _times(description, rows, payload.received_at, rejects).tolist()
    columns = [
        (name, each.period_s, column_of(name, each, description, rows, rejects).tolist())
        for name, each in description.values.items()
    ]
    facts = {key: _said(getattr(told, key), rows) for key in ("latitude", "longitude")}
    facts["elevation_m"] = _said(told.elevation_m, rows)
    names = rows.column(told.name) if told.name else [""] * len(valid_at)
    stations: dict[str, Station] = {}
    reports: dict[str, list[Value]] = {}
    for i, own in enumerate(_ids(told, payload.source, rows, rejects)):
        if own is None or valid_at[i] == NO_TIME:
            continue
        stations[own] = Station(
            id=own,
            kind=told.owner,
            name=names[i][:60] if isinstance(names[i], str) and names[i].isprintable() else "",
            latitude=_within(facts["latitude"][i], 90),
            longitude=_within(facts["longitude"][i], 180),
            elevation_m=_within(facts["elevation_m"][i], 9000),
        )
        reports.setdefault(own, []).extend(
            Value(valid_at[i], period_s, name, column[i])
            for name, period_s, column in columns
            if not math.isnan(column[i])
        )
    return StationsTold(
        [
            StationReport(own, payload.source, values, payload.received_at)
            for own, values in reports.items()
        ],
        [*stations.values()],
    )


def _ids(
    told: DescribedStation, source: str, rows: DescribedRows, rejects: Rejects
) -> list[str | None]:
    """Each row's station; None, and a reject, where it does not say which."""
    if not told.id:
        return [source] * len(rows.numbers)
    found: list[str | None] = []
    for number, each in zip(rows.numbers, rows.column(told.id), strict=True):
        text = str(each) if type(each) in (str, int) else ""
        is_one = 0 < len(text) <= 60 and text.isprintable()
        if not is_one:
            rejects.add("no station", f"row {number}: {told.id} is {shown(each)}")
        found.append(f"{source}:{text}" if is_one else None)
    return found


def _said(value: float | str, rows: DescribedRows) -> list[Any]:
    """What stands there in each row, as a number where it is one; None where nothing does."""
    if not isinstance(value, str):
        return [value] * len(rows.numbers)
    found = rows.column(value) if value else [None] * len(rows.numbers)
    return [number_of(each) for each in found]


def _within(value: float | None, limit: float) -> float | None:
    return value if value is not None and -limit <= value <= limit else None


def _times(
    description: Description, rows: DescribedRows, received_at: int, rejects: Rejects
) -> Ints:
    if not description.time:
        return np.full(len(rows.numbers), received_at, np.int64)
    return seconds_of(rows.column(description.time), rows.numbers, description, rejects)
