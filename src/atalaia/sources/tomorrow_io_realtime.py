"""Tomorrow.io's ``/weather/realtime`` answers, a batch at a time: the hot path.

A struct that names only the wanted fields is made once for each set of variables, and msgspec skips
the rest of a body without making objects of it. What it makes of some hundred is packed into rows,
which become columns at once. Where one of these payloads cannot be read so, they are looked at one
by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import astuple
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Delay, Floats, Ints, Kind, Readings
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

_AT_ONCE = 256
"""Answers that are read before they are packed: their objects stay in the processor's cache."""

_BYTES_AT_ONCE = 1 << 20
"""Rows that are packed before they are read as columns."""

_pack = msgspec.msgpack.Encoder().encode
_TEXT_OF_20, _NUMBER, _NIL = 0xB4, 0xCB, 0xC0
"""What MessagePack writes before a text of twenty bytes, before a float64, and for None."""

_MOST_LAYOUTS = 16
"""Ways in which the rows of a batch may be packed; others are unpacked row by row."""

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
    numbers     by name: each field of the shape in its unit; `lat` and `lon`, where they say that
                they are of, in degrees. NaN where there is none; left out where no answer has it
    """

    valid_at: Ints
    numbers: dict[str, Floats]

    def number(self, name: str) -> Floats:
        """A column, whether any answer has it or not."""
        column = self.numbers.get(name)
        return np.full(len(self.valid_at), math.nan) if column is None else column

    @staticmethod
    def of(n: int) -> _Columns:
        """Of n answers of which nothing is known yet."""
        return _Columns(np.full(n, NO_TIME, np.int64), {})

    def room(self, name: str) -> Floats:
        """A column to write into."""
        column = self.numbers.get(name)
        if column is None:
            column = self.numbers[name] = np.full(len(self.valid_at), math.nan)
        return column

    def put(self, at: Ints | list[int] | slice, some: _Columns) -> None:
        """Take up what some of the answers say, of whose numbers nothing is known yet."""
        self.valid_at[at] = some.valid_at
        for name, column in some.numbers.items():
            self.room(name)[at] = column

    def first(self, n: int) -> _Columns:
        """What the first n of the answers say."""
        numbers = {name: column[:n] for name, column in self.numbers.items()}
        return _Columns(self.valid_at[:n], numbers)


class _Layout:
    """Where the parts of a packed row lie, for rows that lack the same numbers.

    MessagePack writes every number in nine bytes, and all names alike: such rows are of one size,
    and their parts in one place. Before each part stands a mark of what it is, and how long: where
    all marks are as they should be, so is all between them.
    """

    def __init__(
        self, marks: tuple[tuple[int, int], ...], numbers: tuple[tuple[str, int], ...], size: int
    ) -> None:
        self.size = size
        at, mark = zip(*marks, strict=True)
        self._at = np.array(at)
        self._marks = np.array(mark, np.uint8)[:, None]
        self._names = [name for name, _ in numbers]
        self._parts = np.dtype(
            {
                "names": ["time", *self._names],
                "formats": ["(20,)u1", *(">f8" for _ in numbers)],
                "offsets": [marks[0][0] + 1, *(at for _, at in numbers)],
                "itemsize": size,
            }
        )

    def fits(self, rows: NDArray[np.uint8]) -> Bools:
        """Which rows of this size are packed so; rows are of shape (n, size)."""
        fits: Bools = (rows.T[self._at] == self._marks).all(axis=0)
        return fits

    def read(self, rows: NDArray[np.uint8], said: _Columns, at: Ints | slice) -> None:
        """Write what rows that are packed so say to where they stand among the answers."""
        parts = rows.view(self._parts)[:, 0]
        said.valid_at[at] = utc_seconds_of_letters(parts["time"])
        for name in self._names:
            said.room(name)[at] = parts[name]


_layout = lru_cache(maxsize=256)(_Layout)


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
        self._unpack: Callable[[bytes], Any] = msgspec.msgpack.Decoder(self.body).decode
        self._names = [*(each.key for each in self.fields), "lat", "lon"]
        packed = _pack(self.body(self.data("0" * 20, self.values())))
        self._begin = packed[: packed.index(b"0") - 1]
        self._gaps = self._between()

    def _between(self) -> list[tuple[str, int]]:
        """The numbers of a row and its location, and how many bytes stand between the end of the
        part before each and its mark."""
        keys = [each.key for each in self.fields]
        before = len(_pack("values")) + (1 if len(keys) < 16 else 3)
        gaps = [(name, len(_pack(name))) for name in (*keys, "location", "lat", "lon")]
        return [(gaps[0][0], before + gaps[0][1]), *gaps[1:]]

    def rows(self, bodies: list[Any]) -> memoryview:
        """What they say, packed row by row."""
        n = len(bodies)
        # Before the rows stands how many they are.
        return memoryview(_pack(bodies))[1 if n < 16 else 3 if n < 1 << 16 else 5 :]

    def read(self, packed: memoryview, n: int, said: _Columns, at: int) -> None:
        """Write what n packed rows say to where they stand among the answers, from `at` on."""
        # Mostly all lack the same numbers, and lie in step.
        layout = self._layout(packed, 0) if n else None
        if layout is not None and len(packed) == n * layout.size:
            rows = np.frombuffer(packed, np.uint8).reshape(n, layout.size)
            if layout.fits(rows).all():
                layout.read(rows, said, slice(at, at + n))
                return
        self._read_by_layout(bytes(packed), said, at)

    def _read_by_layout(self, packed: bytes, said: _Columns, at: int) -> None:
        """The same of rows that are packed in several ways: those that are alike together."""
        # No text that is read holds what a row begins with: it is not UTF-8.
        size = np.array([len(row) for row in packed.split(self._begin)[1:]], np.intp)
        size += len(self._begin)
        start = np.cumsum(size) - size
        letters = np.frombuffer(packed, np.uint8)
        waiting = np.arange(len(size))
        odd: list[int] = []
        for _ in range(_MOST_LAYOUTS):
            if not len(waiting):
                break
            first = int(waiting[0])
            layout = self._layout(packed, int(start[first]))
            if layout is None:
                odd.append(first)
                waiting = waiting[1:]
                continue
            mine = waiting[size[waiting] == layout.size]
            rows = sliding_window_view(letters, layout.size)[start[mine]]
            fits = layout.fits(rows)
            layout.read(rows[fits], said, at + mine[fits])
            waiting = np.setdiff1d(waiting, mine[fits], assume_unique=True)
        for i in (*odd, *waiting.tolist()):
            said.put([at + i], self._one(self._unpack(packed[start[i] : start[i] + size[i]])))

    def _one(self, body: Any) -> _Columns:
        numbers = (*astuple(body.data.values), *astuple(body.location or _NOWHERE))
        column = (np.array([number], np.float64) for number in numbers)  # None becomes NaN
        return _Columns(utc_seconds([body.data.time]), dict(zip(self._names, column, strict=True)))

    def _layout(self, packed: bytes | memoryview, start: int) -> _Layout | None:
        """How the row that begins there is packed; None where its time is not of twenty bytes."""
        at = start + len(self._begin)
        if packed[at] != _TEXT_OF_20:
            return None
        marks, numbers = [(at - start, _TEXT_OF_20)], []
        at += 21
        for name, gap in self._gaps:
            at += gap
            marks.append((at - start, packed[at]))
            if packed[at] == _NUMBER:
                numbers.append((name, at - start + 1))
                at += 8
            at += 1
            if name == "location" and packed[at - 1] == _NIL:
                break
        return _layout(tuple(marks), tuple(numbers), at - start)


_shape = lru_cache(maxsize=64)(_Shape)


_rooms: list[bytearray] = []
"""Where rows have lain: what is asked of the system anew costs as much as reading it."""


def _room() -> bytearray:
    try:
        return _rooms.pop()  # no two threads get the same
    except IndexError:
        return bytearray(_BYTES_AT_ONCE)


class _Said:
    """What answers say, column by column, as they are read some after the other.

    Rows wait until they are many: of few, the calls would take longer than the work.
    """

    def __init__(self, shape: _Shape, most: int) -> None:
        self._shape = shape
        self._columns = _Columns.of(most)
        self._room = _room()
        self._lies = memoryview(self._room)
        self._n = self._n_waiting = self._n_bytes = 0

    def add(self, bodies: list[Any]) -> None:
        """Take up what was read."""
        rows = self._shape.rows(bodies)
        if self._n_bytes + len(rows) > len(self._room):
            self._read()
        self._n_waiting += len(bodies)
        if len(rows) > len(self._room):
            self._read_from(rows)
            return
        self._lies[self._n_bytes : self._n_bytes + len(rows)] = rows
        self._n_bytes += len(rows)

    def all(self) -> _Columns:
        """All that was added; nothing may be added any more."""
        self._read()
        _rooms.append(self._room)
        return self._columns.first(self._n)

    def _read(self) -> None:
        self._read_from(self._lies[: self._n_bytes])
        self._n_bytes = 0

    def _read_from(self, rows: memoryview) -> None:
        at, self._n = self._n, self._n + self._n_waiting
        if self._n > len(self._columns.valid_at):  # it was not known how many they are
            more = _Columns.of(2 * self._n)
            more.put(slice(at), self._columns.first(at))
            self._columns = more
        self._shape.read(rows, self._n_waiting, self._columns, at)
        self._n_waiting = 0


class _Read(NamedTuple):
    """Answers that could be read: which place each is of (-1: unclear), and when they came (Unix
    seconds), where all came live; one number where, as mostly, in one second."""

    answers: Sequence[Payload]
    place: Ints
    received_at: int | Ints | None

    @staticmethod
    def together(parts: Sequence[_Read]) -> _Read:
        """The answers of all parts; at least one."""
        if len(parts) == 1:
            return parts[0]
        answers = list(chain.from_iterable(each.answers for each in parts))
        are_live = all(each.received_at is not None for each in parts)
        place = np.concatenate([each.place for each in parts])
        return _Read(answers, place, _received_at(answers) if are_live else None)


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
        self._last: tuple[list[tuple[str, ...]], Ints] = ([], np.empty(0, np.int32))

    def decode(self, payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        """What answers of one content say."""
        shape = _shape(wanted)
        place = self._asked_for(payloads)
        rejects: list[Reject] = []
        said = _Said(shape, len(payloads))
        read: list[_Read] = []
        begin = 0  # all since then are as nearly always

        def plain(end: int) -> Iterator[_Read]:
            if begin < end:
                some = payloads[begin:end]
                yield _Read(some, place[begin:end], _received_at(some))

        for start in range(0, len(payloads), _AT_ONCE):
            some = payloads[start : start + _AT_ONCE]
            bodies = self._plainly(some, place[start : start + _AT_ONCE], shape)
            if bodies is None:
                read += plain(start)
                begin = start + len(some)
                careful, bodies = self._carefully(some, shape, rejects)
                read.append(careful)
            said.add(bodies)
            del bodies  # the next ones are to lie where these did
        read += plain(len(payloads))
        return self._decoded(_Read.together(read), said.all(), shape, rejects)

    def plain(self, lines: Lines, content: str, wanted: Wanted) -> Decoded | None:
        """The same of lines that are all as nearly always: of this content, of one place each that
        is watched, without error, and readable. None where one is not."""
        shape = _shape(wanted)
        position = self._places.position
        found: list[int] = []
        said = _Said(shape, 0)
        for told in lines.plain(content, shape.body):
            if told is None:
                return None
            found += [position.get(name, -1) for (name,) in told.places]
            said.add(told.bodies)
        place = np.array(found, np.int32)
        if lines.received_at is None or place.min() < 0:
            return None
        return self._decoded(_Read(lines, place, lines.received_at), said.all(), shape, [])

    def _asked_for(self, payloads: Sequence[Payload]) -> Ints:
        """Positions of the places, int32; -1 where an answer is not of one that is watched."""
        asked = [answer.places for answer in payloads]
        known, place = self._last
        if asked != known:  # a poll asks for the same places as the one before, in their order
            position = self._places.position
            found = [position.get(names[0], -1) if len(names) == 1 else -1 for names in asked]
            place = np.array(found, np.int32)
            self._last = asked, place
        return place

    def _plainly(self, payloads: Sequence[Payload], place: Ints, shape: _Shape) -> list[Any] | None:
        """Live answers, read, that are all as nearly always: of one place each that is watched,
        without error, and readable. None where one is not."""
        read = shape.decode
        try:
            bodies = [
                read(answer.body)
                for answer in payloads
                if answer.status < 300 and not answer.is_recorded
            ]
        except _UNREADABLE:
            return None
        if len(bodies) < len(payloads) or place.min() < 0:
            return None
        return bodies

    def _carefully(
        self, payloads: Sequence[Payload], shape: _Shape, rejects: list[Reject]
    ) -> tuple[_Read, list[Any]]:
        """Answers, whatever they are, and what is read of each."""
        rejects += [
            self._describe_error(payload)
            for payload in payloads
            if payload.failure is None and not is_answer(payload)
        ]
        answers, bodies = _readable(payloads, shape, self._describe_error, rejects)
        place = _positions(answers, self._places, self._locate, rejects)
        are_live = not any(answer.is_recorded for answer in answers)
        received_at = _received_at(answers) if are_live else None
        return _Read(answers, place, received_at), bodies

    def _decoded(
        self, read: _Read, said: _Columns, shape: _Shape, rejects: list[Reject]
    ) -> Decoded:
        answers, place, received_at = read
        for i in self._of_another_place(place, said):
            # Told, and put aside, as any answer of which the place is unclear.
            place[i] = _position(answers[i], self._places, self._locate, rejects)
        values = {
            each.variable: each.converted(column, self._system)
            for each in shape.fields
            if (column := said.numbers.get(each.key)) is not None
        }
        at = said.valid_at
        readings = Readings.build(
            place=place,
            source="tomorrow-io",
            kind=Kind.ANALYSIS,
            valid_at=at,
            known_at=_known_at(answers, at) if received_at is None else received_at,
            values=present(with_thunder(values, shape.wanted)),
        )
        good = _believable(readings, answers, shape, rejects)
        return good if received_at is None else replace(good, delays=_delays(readings))

    def _of_another_place(self, place: Ints, said: _Columns) -> list[int]:
        """Which answers say that they are of another place than the one that was asked for. This
        is the first look, by degrees; the few that it finds are looked at by themselves."""
        away = np.abs(said.number("lat") - self._latitude[place]) > _NEAR_DEGREES
        away |= np.abs(said.number("lon") - self._longitude[place]) > _NEAR_DEGREES
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
    data = shape.data(time=time if isinstance(time, str) else "", values=shape.values(**good))
    return shape.body(data, _spot(location))


def _time_of(answer: Payload, shape: _Shape) -> object:
    """What stands where an answer that could be read has its time."""
    try:
        return shape.decode(answer.body).data.time
    except _UNREADABLE:
        return read_json(answer.body, Rejects(answer.source))["data"].get("time")


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
    readings: Readings, answers: Sequence[Payload], shape: _Shape, rejects: list[Reject]
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
        found, time = Rejects(answers[i].source), _time_of(answers[i], shape)
        reason = "from the future" if ahead[i] > FUTURE_S else "clock ahead"
        found.add(
            reason if has_time[i] else fault(time),
            f"{', '.join(answers[i].places)}: {shown(time)}",
        )
        rejects += found.listed()
    if not is_good.all():
        readings = readings.take(is_good)
        readings = replace(readings, values=present(readings.values))
    return Decoded(readings, rejects)


def _delays(readings: Readings) -> list[Delay]:
    """How late live answers came, all together: their middle one."""
    late = readings.known_at - readings.valid_at
    late = late[readings.valid_at != NO_TIME]
    if not len(late):
        return []
    return [Delay("tomorrow-io", int(readings.known_at.max()), int(np.median(late)))]
