"""Tomorrow.io's ``/weather/realtime`` answers, a batch at a time: the hot path.

A struct that names only the wanted fields is made once for each set of variables; msgspec skips
the rest of a body without making objects of it, and a batch becomes columns with one comparison a
payload. Only payloads that this cannot read are looked at one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import astuple

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Decode, Decoded, Delay, Floats, Ints, Kind, Readings
from atalaia.sources.body import read_json
from atalaia.sources.columns import numbers, present
from atalaia.sources.decoding import FUTURE_S, TOLD_AHEAD_S, Wanted, is_answer, is_wanted
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import fault, utc_seconds
from atalaia.sources.tomorrow_io_fields import FIELDS, ONLY_IN_SERIES, Field, System

Locate: TypeAlias = Callable[[Payload, Any, Places, Rejects], int | None]
DescribeError: TypeAlias = Callable[[Payload], Reject]

_UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for bytes that are no such body."""

_received_at = attrgetter("received_at")
_time, _values_of = attrgetter("time"), attrgetter("values")
_is_recorded = attrgetter("is_recorded")
_data = attrgetter("data")


class _Spot(msgspec.Struct, frozen=True, gc=False):
    """Where an answer says that it is of, in degrees; NaN: it does not say."""

    lat: float = math.nan
    lon: float = math.nan


_NOWHERE = _Spot()
_NEAR_DEGREES = 0.05
"""Nearer than this in both coordinates is near enough everywhere on the globe."""


class _Shape:
    """The struct for one set of wanted variables, and its decoder."""

    def __init__(self, wanted: Wanted) -> None:
        self.fields = sorted(
            (
                each
                for each in FIELDS
                if each.key not in ONLY_IN_SERIES and is_wanted(each.variable, wanted)
            ),
            # As the answers have them: msgspec looks for a key next after the last that it found.
            key=attrgetter("key"),
        )
        self.values = msgspec.defstruct(
            "Values", [(each.key, float | None, None) for each in self.fields], gc=False
        )
        # A dynamic struct has no static type.
        self.data: Any = msgspec.defstruct(
            "Data", [("time", str), ("values", self.values)], gc=False
        )
        self.body: Any = msgspec.defstruct(
            "Body", [("data", self.data), ("location", _Spot | None, None)], gc=False
        )
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(self.body).decode


_shape = lru_cache(maxsize=64)(_Shape)


def reader(places: Places, system: System, locate: Locate, describe_error: DescribeError) -> Decode:
    """A decoder for realtime answers in one system of units: ANALYSIS rows, period 0."""

    is_of_another_place = _Elsewhere(places)

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        shape = _shape(wanted)
        rejects: list[Reject] = []
        answers = list(payloads)
        # A set of them is made faster than `is_answer` can be called for each. What did not come
        # at all has an empty body, and is sorted out with what cannot be read.
        if max({payload.status for payload in answers}, default=0) >= 300:
            rejects += _errors(payloads, describe_error)
            answers = [payload for payload in payloads if is_answer(payload)]
        try:
            read = shape.decode
            bodies = [read(payload.body) for payload in answers]
        except _UNREADABLE:
            answers, bodies = _one_by_one(answers, shape, describe_error, rejects)
        datas = list(map(_data, bodies))
        valid_at = utc_seconds(list(map(_time, datas)))
        place = _positions(answers, places, locate, rejects)
        for i in is_of_another_place(place, bodies):
            # Told, and put aside, as any answer of which the place is unclear.
            place[i] = _position(answers[i], places, locate, rejects)
        readings = Readings.build(
            place=place,
            source="tomorrow-io",
            kind=Kind.ANALYSIS,
            valid_at=valid_at,
            known_at=_known_at(answers, valid_at),
            values=_values(datas, shape.fields, system),
        )
        return _believable(readings, answers, datas, rejects)

    return decode


def _errors(payloads: Sequence[Payload], describe_error: DescribeError) -> list[Reject]:
    return [
        describe_error(payload)
        for payload in payloads
        if payload.failure is None and not is_answer(payload)
    ]


def _one_by_one(
    payloads: list[Payload], shape: _Shape, describe_error: DescribeError, rejects: list[Reject]
) -> tuple[list[Payload], list[Any]]:
    """The payloads that can be read at all, with what is in them; reasons for the others."""
    kept, bodies = [], []
    for payload in filter(is_answer, payloads):
        try:
            body = shape.decode(payload.body)
        except _UNREADABLE:
            found = Rejects(payload.source)
            body = _salvaged(payload, shape, describe_error, found)
            rejects += found.listed()
        if body is not None:
            kept.append(payload)
            bodies.append(body)
    return kept, bodies


def _salvaged(
    payload: Payload, shape: _Shape, describe_error: DescribeError, rejects: Rejects
) -> Any:
    """The same struct from the fields that are good; None if nothing is."""
    name = ", ".join(payload.places)
    try:
        body = read_json(payload.body, rejects)
    except Unreadable as error:
        rejects.add(error.reason, f"{name}: {error.detail}")
        return None
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(body, dict) and data is None and "code" in body:
        error_found = describe_error(payload)
        rejects.add(error_found.reason, error_found.detail)
        return None
    values = data.get("values") if isinstance(data, dict) else None
    if not isinstance(values, dict):
        rejects.add("no values", f"{name}: the answer has no object `data.values`")
        return None
    good = {}
    for each in shape.fields:
        column, faults = numbers([values.get(each.key)])
        for _, reason in faults:
            rejects.add(reason, f"{name}: {each.key} is {shown(values[each.key])}")
        good[each.key] = None if np.isnan(column[0]) else float(column[0])
    time = data.get("time") if isinstance(data, dict) else None
    location = body.get("location") if isinstance(body, dict) else None
    return shape.body(shape.data(time=time, values=shape.values(**good)), _spot(location))


def _spot(location: Any) -> _Spot | None:
    try:
        return msgspec.convert(location, _Spot)
    except msgspec.ValidationError:
        return None


class _Elsewhere:
    """Finds answers that say that they are of another place than the one that was asked for.

    This is the first look, by degrees; the few that it finds are looked at by themselves.
    """

    def __init__(self, places: Places) -> None:
        self.latitude = np.array([place.latitude for place in places], np.float64)
        self.longitude = np.array([place.longitude for place in places], np.float64)

    def __call__(self, place: Ints, bodies: list[Any]) -> list[int]:
        spots = [body.location for body in bodies]
        if None in spots:
            spots = [spot or _NOWHERE for spot in spots]
        latitude = np.array([spot.lat for spot in spots], np.float64)
        longitude = np.array([spot.lon for spot in spots], np.float64)
        away = np.abs(latitude - self.latitude[place]) > _NEAR_DEGREES
        away |= np.abs(longitude - self.longitude[place]) > _NEAR_DEGREES
        return np.flatnonzero(away & (place >= 0)).tolist()


def _positions(
    payloads: list[Payload], places: Places, locate: Locate, rejects: list[Reject]
) -> Ints:
    """Positions of the places, int32; -1 where it is unclear which place is meant."""
    position = places.position
    try:
        quick = [position[place] for payload in payloads for (place,) in (payload.places,)]
        return np.array(quick, np.int32)
    except (KeyError, ValueError):
        found = [_position(payload, places, locate, rejects) for payload in payloads]
        return np.array(found, np.int32)


def _position(payload: Payload, places: Places, locate: Locate, rejects: list[Reject]) -> int:
    found = Rejects(payload.source)
    try:
        body = read_json(payload.body, Rejects(payload.source))
    except Unreadable:  # damaged behind the data: they were read, the location cannot be
        body = None
    location = body.get("location") if isinstance(body, dict) else None
    where = locate(payload, location, places, found)
    rejects += found.listed()
    return -1 if where is None else where


def _known_at(payloads: list[Payload], valid_at: Ints) -> int | Ints:
    """When each row became known; one number where, as mostly, all came in one second."""
    recorded = {payload.is_recorded for payload in payloads}
    if recorded == {True}:
        return valid_at
    seconds = {payload.received_at for payload in payloads}
    if recorded == {False} and len(seconds) == 1:
        return seconds.pop()
    received = np.fromiter(map(_received_at, payloads), np.int64, len(payloads))
    is_recorded = np.fromiter(map(_is_recorded, payloads), np.bool_, len(payloads))
    return np.where(is_recorded, valid_at, received)


def _values(datas: list[Any], fields: Sequence[Field], system: System) -> dict[str, Floats]:
    # None becomes NaN; msgspec lets no text, boolean or infinity pass for a float.
    flat = chain.from_iterable(map(astuple, map(_values_of, datas)))
    matrix = np.fromiter(flat, np.float64, len(datas) * len(fields))
    columns = matrix.reshape(len(datas), len(fields)).T.copy()
    return present(
        {each.variable: each.converted(columns[i], system) for i, each in enumerate(fields)}
    )


def _believable(
    readings: Readings, payloads: list[Payload], datas: list[Any], rejects: list[Reject]
) -> Decoded:
    """The rows with a place and a time that can be; reasons for the others."""
    has_time = readings.valid_at != NO_TIME
    # known_at of a recorded row is its valid_at: never ahead of itself.
    ahead = np.where(has_time, readings.valid_at - readings.known_at, 0)
    delays = _delays(payloads, ahead[has_time])
    if (ahead > 0).any():
        late = np.where(ahead <= FUTURE_S, np.maximum(ahead, 0), 0)
        readings = replace(readings, valid_at=readings.valid_at - late)
    is_future = ahead > FUTURE_S
    is_good = has_time & ~is_future & (readings.place >= 0)
    for i in np.flatnonzero(~has_time | (ahead > TOLD_AHEAD_S)):
        found = Rejects(payloads[i].source)
        reason = "from the future" if is_future[i] else "clock ahead"
        found.add(
            reason if has_time[i] else fault(datas[i].time),
            f"{', '.join(payloads[i].places)}: {shown(datas[i].time)}",
        )
        rejects += found.listed()
    good = readings if is_good.all() else readings.take(is_good)
    return Decoded(good, rejects, delays=delays)


def _delays(payloads: list[Payload], ahead: Ints) -> list[Delay]:
    """How late live answers came, all together: their middle one."""
    if len(ahead) == 0 or any(map(_is_recorded, payloads)):
        return []
    at = max(map(_received_at, payloads))
    return [Delay("tomorrow-io", at, -int(np.median(ahead)))]
