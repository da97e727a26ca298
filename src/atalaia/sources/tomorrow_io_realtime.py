"""Tomorrow.io's ``/weather/realtime`` answers, a batch at a time: the hot path.

A struct that names only the wanted fields is made once for each set of variables; msgspec skips
the rest of a body without making objects of it, and a batch becomes columns with one comparison a
payload. Only payloads that this cannot read are looked at one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Decoded, Delay, Floats, Ints, Kind, Readings
from atalaia.sources.body import read_json
from atalaia.sources.columns import numbers, present
from atalaia.sources.decoding import FUTURE_S, TOLD_AHEAD_S, Wanted, is_answer, is_wanted
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import fault, utc_seconds, utc_seconds_of_letters
from atalaia.sources.tomorrow_io_fields import (
    FIELDS,
    ONLY_IN_SERIES,
    System,
    with_codes,
    with_thunder,
)

Locate: TypeAlias = Callable[[Payload, Any, Places, Rejects], int | None]
DescribeError: TypeAlias = Callable[[Payload], Reject]

_pack = msgspec.msgpack.Encoder().encode
_TEXT_OF_20, _NUMBER = 0xB4, 0xCB
"""What MessagePack writes before a text of twenty bytes, and before a float64."""

_UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for bytes that are no such body."""


class _Spot(msgspec.Struct, frozen=True, gc=False):
    """Where an answer says that it is of, in degrees; NaN: it does not say."""

    lat: float = math.nan
    lon: float = math.nan


msgspec.json.Decoder(_Spot)  # looked at before any thread reads one (tests/test_house.py)
_NOWHERE = _Spot()
_NEAR_DEGREES = 0.05
"""Nearer than this in both coordinates is near enough everywhere on the globe."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """What n answers say.

    valid_at    Unix seconds; NO_TIME: no time that can be
    latitude, longitude    where they say that they are of, in degrees; NaN: they do not say
    values      of each field of the shape, in its unit; NaN where there is none
    """

    valid_at: Ints
    latitude: Floats
    longitude: Floats
    values: list[Floats]


class _Shape:
    """The struct for one set of wanted variables, its decoder, and its columns."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        read = with_codes(wanted)
        self.fields = sorted(
            (
                each
                for each in FIELDS
                if each.key not in ONLY_IN_SERIES and is_wanted(each.variable, read)
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
        self._record = self._whole()

    def columns(self, bodies: list[Any]) -> _Columns:
        """What the bodies say, column by column."""
        whole = self._records(bodies)
        if whole is not None:
            return _Columns(
                utc_seconds_of_letters(whole["time"]),
                whole["lat"].astype(np.float64),
                whole["lon"].astype(np.float64),
                [whole[each.key].astype(np.float64) for each in self.fields],
            )
        spots = [body.location or _NOWHERE for body in bodies]
        # None becomes NaN; msgspec lets no text, boolean or infinity pass for a float.
        flat = chain.from_iterable(map(astuple, [body.data.values for body in bodies]))
        matrix = np.fromiter(flat, np.float64, len(bodies) * len(self.fields))
        return _Columns(
            utc_seconds([body.data.time for body in bodies]),
            np.array([spot.lat for spot in spots], np.float64),
            np.array([spot.lon for spot in spots], np.float64),
            list(matrix.reshape(len(bodies), len(self.fields)).T.copy()),
        )

    def _records(self, bodies: list[Any]) -> NDArray[Any] | None:
        """All that was read as one array; None where a value is missing, or a time is of another
        length.

        MessagePack writes every number in nine bytes, and all names alike: packed at once, rows are
        of one length, and their parts in one place. Before each part stands a mark of what it is,
        and how long: where all marks are as they should be, so is all between them.
        """
        packed, n = _pack(bodies), len(bodies)
        begin = 1 if n < 16 else 3 if n < 1 << 16 else 5  # before the rows stands how many they are
        if not n or len(packed) != begin + n * self._record.itemsize:
            return None
        records = np.frombuffer(packed, self._record, offset=begin)
        is_whole = (records["time mark"] == _TEXT_OF_20).all() and all(
            (records[f"{key} mark"] == _NUMBER).all() for key in self._numbers()
        )
        return records if is_whole else None

    def _numbers(self) -> Iterator[str]:
        yield from (each.key for each in self.fields)
        yield from ("lat", "lon")

    def _whole(self) -> np.dtype[Any]:
        """How a row without gaps is packed."""
        values = self.values(**{each.key: 0.0 for each in self.fields})
        packed = _pack(self.body(self.data("0" * 20, values), _Spot(0.0, 0.0)))
        names, formats, offsets = [], [], []
        for key, kind in (("time", "(20,)u1"), *((key, ">f8") for key in self._numbers())):
            mark = packed.index(_pack(key)) + len(_pack(key))
            names += [f"{key} mark", key]
            formats += ["u1", kind]
            offsets += [mark, mark + 1]
        return np.dtype(
            {"names": names, "formats": formats, "offsets": offsets, "itemsize": len(packed)}
        )


_shape = lru_cache(maxsize=64)(_Shape)


class Realtime:
    """A decoder for realtime answers in one system of units: ANALYSIS rows, period 0."""

    def __init__(
        self, places: Places, system: System, locate: Locate, describe_error: DescribeError
    ) -> None:
        self._places = places
        self._system = system
        self._locate = locate
        self._describe_error = describe_error
        self._latitude = np.array([place.latitude for place in places], np.float64)
        self._longitude = np.array([place.longitude for place in places], np.float64)

    def at_once(self, payloads: Sequence[Payload], wanted: Wanted) -> Decoded | None:
        """Of live answers that are all as nearly always: of one content and one place each that is
        watched, without error, and readable. None where one is not: then they are looked at in
        turn."""
        content, position = payloads[0].content, self._places.position
        shape = _shape(wanted)
        read = shape.decode
        try:
            place = [
                position[name]
                for answer in payloads
                for (name,) in (answer.places,)
                if answer.status < 300 and answer.content == content and not answer.is_recorded
            ]
            if len(place) < len(payloads):
                return None
            bodies = [read(answer.body) for answer in payloads]
        except (KeyError, *_UNREADABLE):
            return None
        return self._decoded(payloads, np.array(place, np.int32), bodies, shape, [], are_live=True)

    def in_turn(self, payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        """Of answers of one content, whatever they are."""
        shape = _shape(wanted)
        rejects = [
            self._describe_error(payload)
            for payload in payloads
            if payload.failure is None and not is_answer(payload)
        ]
        answers, bodies = _readable(payloads, shape, self._describe_error, rejects)
        place = _positions(answers, self._places, self._locate, rejects)
        are_live = not any(answer.is_recorded for answer in answers)
        return self._decoded(answers, place, bodies, shape, rejects, are_live=are_live)

    def _decoded(
        self,
        answers: Sequence[Payload],
        place: Ints,
        bodies: list[Any],
        shape: _Shape,
        rejects: list[Reject],
        *,
        are_live: bool,
    ) -> Decoded:
        said = shape.columns(bodies)
        for i in self._of_another_place(place, said):
            # Told, and put aside, as any answer of which the place is unclear.
            place[i] = _position(answers[i], self._places, self._locate, rejects)
        values = {
            each.variable: each.converted(column, self._system)
            for each, column in zip(shape.fields, said.values, strict=True)
        }
        at = said.valid_at
        readings = Readings.build(
            place=place,
            source="tomorrow-io",
            kind=Kind.ANALYSIS,
            valid_at=at,
            known_at=_received_at(answers) if are_live else _known_at(answers, at),
            values=present(with_thunder(values, shape.wanted)),
        )
        good = _believable(readings, answers, bodies, rejects)
        return replace(good, delays=_delays(readings)) if are_live else good

    def _of_another_place(self, place: Ints, said: _Columns) -> list[int]:
        """Which answers say that they are of another place than the one that was asked for. This
        is the first look, by degrees; the few that it finds are looked at by themselves."""
        away = np.abs(said.latitude - self._latitude[place]) > _NEAR_DEGREES
        away |= np.abs(said.longitude - self._longitude[place]) > _NEAR_DEGREES
        return np.flatnonzero(away & (place >= 0)).tolist() if away.any() else []


def _readable(
    payloads: Sequence[Payload],
    shape: _Shape,
    describe_error: DescribeError,
    rejects: list[Reject],
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


def _positions(
    payloads: list[Payload], places: Places, locate: Locate, rejects: list[Reject]
) -> Ints:
    """Positions of the places, int32; -1 where it is unclear which place is meant."""
    position = places.position
    try:
        found = [position[name] for payload in payloads for (name,) in (payload.places,)]
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


def _received_at(answers: Sequence[Payload]) -> int | Ints:
    """When each came; one number where, as mostly, all came in one second."""
    seconds = {answer.received_at for answer in answers}
    if len(seconds) == 1:
        return seconds.pop()
    return np.array([answer.received_at for answer in answers], np.int64)


def _known_at(answers: Sequence[Payload], valid_at: Ints) -> Ints:
    """When each row became known, where some are recorded."""
    return np.array(
        [
            at if answer.is_recorded else answer.received_at
            for answer, at in zip(answers, valid_at.tolist(), strict=True)
        ],
        np.int64,
    )


def _believable(
    readings: Readings, answers: Sequence[Payload], bodies: list[Any], rejects: list[Reject]
) -> Decoded:
    """The rows with a place and a time that can be; reasons for the others."""
    has_time = readings.valid_at != NO_TIME
    # known_at of a recorded row is its valid_at: never ahead of itself.
    ahead = np.where(has_time, readings.valid_at - readings.known_at, 0)
    is_good = has_time & (readings.place >= 0)
    if (ahead > 0).any():
        late = np.where(ahead <= FUTURE_S, np.maximum(ahead, 0), 0)
        readings = replace(readings, valid_at=readings.valid_at - late)
        is_good &= ahead <= FUTURE_S
    for i in np.flatnonzero(~has_time | (ahead > TOLD_AHEAD_S)).tolist():
        found, time = Rejects(answers[i].source), bodies[i].data.time
        reason = "from the future" if ahead[i] > FUTURE_S else "clock ahead"
        found.add(
            reason if has_time[i] else fault(time),
            f"{', '.join(answers[i].places)}: {shown(time)}",
        )
        rejects += found.listed()
    return Decoded(readings if is_good.all() else readings.take(is_good), rejects)


def _delays(readings: Readings) -> list[Delay]:
    """How late live answers came, all together: their middle one."""
    late = readings.known_at - readings.valid_at
    late = late[readings.valid_at != NO_TIME]
    if not len(late):
        return []
    return [Delay("tomorrow-io", int(readings.known_at.max()), int(np.median(late)))]
