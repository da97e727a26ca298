"""BUFR messages, editions 2 to 4 → elements: numbers and texts by descriptor, subset by subset.

WMO-No. 306, Manual on Codes, volume I.2, FM 94. Nothing here knows weather: `observations` makes
rows of it. ecCodes reads the same numbers; it is the oracle in the tests and in
`bench/bench_bufr.py`, which also says why it is not used here: several times as long a message and
100 MB of memory. Above all it can end the whole process on a damaged message, so that it would
have to live in one of its own.

What arrives is not trusted. Bits are counted before they are read, and what a message may unfold
into is a multiple of its own length: a small one that claims millions of values is refused when
it has been given its due. Whatever is wrong raises `Damaged`, and nothing else is raised.

Not read, and refused: bitmaps that refer back to values (operators 223 to 225, 232), data that
are left out (221), repetition by count (031011, 031012) and IEEE floats (209). Quality information
(222) is read as what it is, further elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from atalaia.errors import PayloadInvalid
from atalaia.sources.bufr.tables import Element, Table, tables

Value: TypeAlias = int | float | str | None
"""A number in BUFR's units, a text without its padding, or nothing."""

Told: TypeAlias = tuple[int, Value]
"""(descriptor as a decimal number, value): (12101, 299.15)."""

LONGEST = 2_000_000
"""Octets a message may have; the largest of surface data seen had 14,000."""

_VALUES_AN_OCTET = 64
_VALUES_AT_LEAST = 20_000
_VALUES_AT_MOST = 500_000
"""A message may unfold into so many values. Compressed ones, in which one octet can stand for a
hundred equal values, stay well below; what claims more says nothing true. The largest message of
surface data seen had 20,000; half a million take some 60 MB and half a second."""

_DEEPEST = 12
"""Levels of replication within each other; templates in use have three."""

_LONGEST_TEMPLATE = 50_000
"""Descriptors a template may have when its sequences are written out."""


class Damaged(PayloadInvalid):
    """A message that cannot be read. `reason` can be counted, `detail` says where."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class BufrFound(NamedTuple):
    """A stretch of a file that begins with ``BUFR``.

    body     the message, from ``BUFR`` to ``7777``; None if `fault` says what is wrong with it
    heading  the line before it (``ISMD02 LIIB 210600 CCA``); empty where there is none
    """

    body: bytes | None
    heading: str
    fault: Damaged | None


class Section1(NamedTuple):
    """Who sent a message, and what it is. `time` is its own, never that of an observation.

    category  table A: 0 surface data of land, 1 of sea, 2 and more something else
    update    0 as first sent; 1 and more: corrected so many times
    """

    edition: int
    centre: int
    office: int
    update: int
    category: int
    local_table: int
    time: tuple[int, ...]
    has_section_2: bool


@dataclass(frozen=True, slots=True)
class BufrMessage:
    """A whole message. `subsets` are its elements in order, missing ones too (None)."""

    section1: Section1
    is_compressed: bool
    descriptors: tuple[int, ...]
    subsets: list[list[Told]]


def find(data: bytes) -> Iterator[BufrFound]:
    """The messages in a file, with or without the headings of the GTS around them."""
    at, done = data.find(b"BUFR"), 0
    while at >= 0:
        heading = _heading(data[max(done, at - 64) : at])
        length = int.from_bytes(data[at + 4 : at + 7], "big")
        body = data[at : at + length]
        if len(data) < at + 8 or len(body) < length:
            yield BufrFound(
                None, heading, Damaged("BUFR cut short", f"{len(data) - at} of {length}")
            )
        elif length > LONGEST:
            yield BufrFound(None, heading, Damaged("BUFR too long", f"{length} octets"))
        elif body[-4:] != b"7777":
            yield BufrFound(None, heading, Damaged("BUFR without its end", f"{length} octets"))
        else:
            yield BufrFound(body, heading, None)
        done = at + (length if body[-4:] == b"7777" and len(body) >= 8 else 4)
        at = data.find(b"BUFR", done)


def _heading(before: bytes) -> str:
    lines = before.decode("latin-1").split("\n")
    texts = [line.strip("\r\x01\x03 ") for line in lines if line.strip("\r\x01\x03 ")]
    last = texts[-1] if texts else ""
    return last if 18 <= len(last) <= 24 and last.isascii() and last.isprintable() else ""


def read(body: bytes) -> BufrMessage:
    """One message, from ``BUFR`` to ``7777``. Raises Damaged."""
    try:
        return _read(body)
    except (IndexError, OverflowError, ValueError, RecursionError) as error:
        # No such fault is known. Should there be one, it costs this message and no other.
        raise Damaged("BUFR not understood", repr(error)) from error


def _read(body: bytes) -> BufrMessage:
    if len(body) > LONGEST:
        raise Damaged("BUFR too long", f"{len(body)} octets")
    if body[:4] != b"BUFR" or body[-4:] != b"7777":
        raise Damaged("BUFR without its end", f"{len(body)} octets")
    edition = body[7]
    if edition not in (2, 3, 4):
        raise Damaged("unknown edition of BUFR", str(edition))
    one, end = _section(body, 8, 22 if edition == 4 else 17)
    section1 = _section1(one, edition)
    if section1.has_section_2:
        _, end = _section(body, end, 4)
    three, end = _section(body, end, 7)
    four, _ = _section(body, end, 4)
    n_subsets, flags = int.from_bytes(three[4:6], "big"), three[6]
    # A fill octet at the end stands alone; a descriptor has two.
    codes = tuple(_decimal(three[i], three[i + 1]) for i in range(7, len(three) - 1, 2))
    table = tables(section1.centre, section1.office, section1.local_table)
    steps = _template(codes, section1.centre, section1.office, section1.local_table, table)
    values = max(_VALUES_AT_LEAST, _VALUES_AN_OCTET * len(four))
    bits = _Bits(four[4:], min(values, _VALUES_AT_MOST))
    bits.spend(n_subsets)
    is_compressed = bool(flags & 0x40)
    subsets = (
        _Columns(bits, n_subsets).rows(steps)
        if is_compressed
        else [_Row(bits).read(steps) for _ in range(n_subsets)]
    )
    return BufrMessage(section1, is_compressed, codes, subsets)


def _section(body: bytes, start: int, at_least: int) -> tuple[bytes, int]:
    length = int.from_bytes(body[start : start + 3], "big")
    end = start + length
    if length < at_least or end > len(body) - 4:
        raise Damaged("BUFR section of a wrong length", f"{length} octets at {start}")
    return body[start:end], end


def _section1(one: bytes, edition: int) -> Section1:
    if edition == 4:
        year = int.from_bytes(one[15:17], "big")
        return Section1(
            edition, int.from_bytes(one[4:6], "big"), int.from_bytes(one[6:8], "big"),
            one[8], one[10], one[14], (year, *one[17:22]), bool(one[9] & 0x80),
        )  # fmt: skip
    return Section1(
        edition, one[5], one[4], one[6], one[8], one[11], (*one[12:17], 0),
        bool(one[7] & 0x80),
    )  # fmt: skip


def _decimal(high: int, low: int) -> int:
    return (high >> 6) * 100_000 + (high & 0x3F) * 1000 + low


# A template, written out: what to do, step by step


class _Repeat(NamedTuple):
    """Steps that are taken `times` times; 0: as often as the element `factor` says."""

    times: int
    factor: Element
    body: tuple[Any, ...]


class _Operator(NamedTuple):
    x: int
    y: int


class _Read(NamedTuple):
    """An element to be read. `power` is 10 ** scale, for scales above 0."""

    code: int
    kind: str
    scale: int
    reference: int
    width: int
    power: int


class _Field(NamedTuple):
    """An element of a run: its bits, moved down by `shift`, are those of `mask`.

    missing  the number that says that there is no value; -1: none does
    power    10 ** scale of scales above 0, by which is divided; 1 for all others
    times    10 ** -scale of these
    """

    code: int
    shift: int
    mask: int
    missing: int
    is_text: bool
    reference: int
    power: int
    times: int


class _Run(NamedTuple):
    """Elements that follow each other: while no operator is in force they are one number of bits,
    and where all of these are set, nothing is told at all.

    elements  the same one by one
    width     bits of all of them
    missing   as in a field
    nothing   what is told then
    """

    elements: tuple[_Read, ...]
    fields: tuple[_Field, ...]
    width: int
    missing: int
    nothing: tuple[Told, ...]


_Step: TypeAlias = _Read | _Run | _Operator | _Repeat
_Steps: TypeAlias = tuple[_Step, ...]

_LONGEST_RUN = 48
"""Elements. To take one out of a long number costs as much as that is long."""

_NO_FACTOR = Element("number", 0, 0, 0)
_REPETITIONS = (31_011, 31_012)


def _template(
    codes: tuple[int, ...], centre: int, office: int, local_version: int, table: Table
) -> _Steps:
    """The steps of a template; those of templates in use are made once."""
    if len(codes) <= 200:
        return _known_template(codes, centre, office, local_version)
    return _Unfolding(table).steps(codes, 0)


@lru_cache(256)
def _known_template(codes: tuple[int, ...], centre: int, office: int, local_version: int) -> _Steps:
    return _Unfolding(tables(centre, office, local_version)).steps(codes, 0)


class _Unfolding:
    """Writes a template out, and counts what it has written."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._written = 0

    def steps(self, codes: Sequence[int], depth: int) -> _Steps:
        return _in_runs(self._written_out(codes, depth))

    def _written_out(self, codes: Sequence[int], depth: int) -> list[_Step]:
        if depth > _DEEPEST:
            raise Damaged("BUFR template nested too deeply")
        steps: list[_Step] = []
        at = 0
        while at < len(codes):
            code = codes[at]
            f, x, y = code // 100_000, code // 1000 % 100, code % 1000
            at += 1
            self._written += 1
            if self._written > _LONGEST_TEMPLATE:
                raise Damaged("BUFR template too long")
            if f == 0:
                steps.append(self._element(code))
            elif f == 1:
                factor = _NO_FACTOR
                if y == 0:
                    factor, at = self._factor(codes, at), at + 1
                if len(codes) < at + x or x == 0:
                    raise Damaged("BUFR replication of what is not there", f"{code:06d}")
                steps.append(_Repeat(y, factor, self.steps(codes[at : at + x], depth + 1)))
                at += x
            elif f == 2:
                self._allow(x, y)
                steps.append(_Operator(x, y))
            else:
                steps.extend(self._written_out(self._sequence(code), depth + 1))
        return steps

    def _factor(self, codes: Sequence[int], at: int) -> Element:
        code = codes[at] if at < len(codes) else 0
        if code // 1000 != 31 or code in _REPETITIONS:
            raise Damaged("BUFR replication without a factor", f"{code:06d}")
        return self._table.elements[code] if code in self._table.elements else self._none(code)

    def _element(self, code: int) -> _Read:
        element = self._table.elements.get(code)
        if element is None:
            # Only an operator that gives its width (206) can pass over what no table knows.
            return _Read(code, "unknown", 0, 0, 0, 1)
        return _Read(code, *_fields(element), 10 ** max(element.scale, 0))

    def _sequence(self, code: int) -> Sequence[int]:
        members = self._table.sequences.get(code)
        return self._none(code) if members is None else members

    def _none(self, code: int) -> Any:
        raise Damaged("unknown descriptor in BUFR", f"{code:06d}")

    def _allow(self, x: int, y: int) -> None:
        is_bitmap_of_quality = x in (22, 35, 36, 37)
        if not (1 <= x <= 8 or is_bitmap_of_quality):
            raise Damaged("operator of BUFR that is not read", f"2{x:02d}{y:03d}")


def _fields(element: Element) -> tuple[str, int, int, int]:
    return element.kind, element.scale, element.reference, element.width


def _in_runs(steps: Sequence[_Step]) -> _Steps:
    """The same steps, with elements that follow each other as runs."""
    found: list[_Step] = []
    waiting: list[_Read] = []

    def end_run() -> None:
        if waiting:
            found.append(_run(waiting))
            waiting.clear()

    for step in steps:
        if isinstance(step, _Read) and step.kind != "unknown":
            waiting.append(step)
            if len(waiting) == _LONGEST_RUN:
                end_run()
        else:
            end_run()
            found.append(step)
    end_run()
    return tuple(found)


def _run(elements: Sequence[_Read]) -> _Run:
    width = sum(each.width for each in elements)
    fields, left = [], width
    for code, kind, scale, reference, bits, power in elements:
        left -= bits
        mask = (1 << bits) - 1
        missing = -1 if _steers(code) else mask
        is_text = kind == "text"
        fields.append(
            _Field(code, left, mask, missing, is_text, reference, power, 10 ** max(-scale, 0))
        )
    is_told = any(each.missing < 0 for each in fields)
    nothing = tuple((each.code, None) for each in fields)
    return _Run(tuple(elements), tuple(fields), width, -1 if is_told else (1 << width) - 1, nothing)


def _steers(code: int) -> bool:
    """Whether it steers the reading itself: all bits set is a number then, and not "missing"."""
    return code // 1000 == 31


# The bits


class _Bits:
    """Section 4, read from its beginning; also counts what has been made of it."""

    def __init__(self, data: bytes, values: int) -> None:
        self._data = data
        self._at = 0
        self._end = 8 * len(data)
        self._left = values

    def take(self, width: int) -> int:
        """The next bits as a number."""
        at = self._at
        end = at + width
        if end > self._end:
            raise Damaged("BUFR data end early", f"at bit {at} of {self._end}")
        self._at = end
        number = int.from_bytes(self._data[at >> 3 : (end + 7) >> 3], "big")
        return number >> (-end & 7) & ((1 << width) - 1)

    def column(self, width: int, n: int) -> np.ndarray[Any, Any]:
        """The next n numbers of this width (at most 62), int64."""
        at = self._at
        end = at + width * n
        if end > self._end:
            raise Damaged("BUFR data end early", f"at bit {at} of {self._end}")
        self._at = end
        octets = np.frombuffer(self._data, np.uint8, ((end + 7) >> 3) - (at >> 3), at >> 3)
        bits = np.unpackbits(octets)[at & 7 :][: width * n].reshape(n, width)
        return bits @ (1 << np.arange(width - 1, -1, -1, dtype=np.int64))

    def spend(self, values: int) -> None:
        """Counts values against what the message's length allows."""
        self._left -= values
        if self._left < 0:
            raise Damaged("BUFR unfolds into too much")


class _Operators:
    """The operators in force, and what they make of an element."""

    def __init__(self) -> None:
        self.more_width = 0
        self.more_scale = 0
        self.increase = 0
        self.letters = 0
        self.associated: list[int] = []
        self.local_width = 0
        self.new_reference = 0
        self.references: dict[int, int] = {}
        self.is_plain = True

    def apply(self, operator: _Operator) -> int:
        """Puts an operator in force; returns bits to be passed over at once (205)."""
        x, y = operator
        if x == 1:
            self.more_width = y - 128 if y else 0
        elif x == 2:
            self.more_scale = y - 128 if y else 0
        elif x == 3:
            self.new_reference = 0 if y == 255 else y
            if y == 0:
                self.references.clear()
        elif x == 4:
            self._associate(y)
        elif x == 5:
            return 8 * y
        elif x == 6:
            self.local_width = y
        elif x == 7:
            self.increase = y
        elif x == 8:
            self.letters = y
        self.is_plain = not (
            self.more_width or self.more_scale or self.increase or self.letters or self.associated
            or self.local_width or self.new_reference or self.references
        )  # fmt: skip
        return 0

    def _associate(self, width: int) -> None:
        if width:
            self.associated.append(width)
        elif self.associated:
            self.associated.pop()

    def local(self) -> int:
        """The width that 206 gives to this one element; 0: none does."""
        width, self.local_width = self.local_width, 0
        return width

    def changed(self, step: _Read) -> _Read:
        """The element as the operators make it."""
        if step.kind == "text":
            return step._replace(width=8 * self.letters) if self.letters else step
        if step.kind != "number" or _steers(step.code):
            return step
        scale = step.scale + self.more_scale + self.increase
        reference = self.references.get(step.code, step.reference) * 10**self.increase
        width = step.width + self.more_width + (10 * self.increase + 2) // 3
        if not (0 < width <= 256 and abs(scale) <= 300):
            raise Damaged("element of BUFR with an impossible width", f"{step.code:06d}: {width}")
        return step._replace(
            scale=scale, reference=reference, width=width, power=10 ** max(scale, 0)
        )


def _number(step: _Read, bits: int) -> float:
    if step.scale > 0:
        return (bits + step.reference) / step.power
    whole: int = (bits + step.reference) * 10**-step.scale
    return whole


def _text(octets: bytes) -> str | None:
    """A text of Latin-1 without its padding; None if every bit is set."""
    if octets.count(0xFF) == len(octets):
        return None
    return octets.decode("latin-1").strip("\0 ")


def _signed(bits: int, width: int) -> int:
    """A new reference value: its first bit is the sign."""
    sign = 1 << (width - 1)
    return -(bits ^ sign) if bits & sign else bits


class _Row:
    """Reads one subset that is not compressed."""

    def __init__(self, bits: _Bits) -> None:
        self._bits = bits
        self._operators = _Operators()
        self._told: list[Told] = []

    def read(self, steps: _Steps) -> list[Told]:
        self._walk(steps)
        return self._told

    def _walk(self, steps: _Steps) -> None:
        self._bits.spend(len(steps))
        for step in steps:
            if isinstance(step, _Run):
                self._run(step)
            elif isinstance(step, _Operator):
                self._skip(self._operators.apply(step))
            elif isinstance(step, _Repeat):
                self._repeat(step)
            else:
                self._special(step)

    def _run(self, run: _Run) -> None:
        self._bits.spend(len(run.elements) - 1)
        if not self._operators.is_plain:
            for each in run.elements:
                self._special(each)
            return
        bits = self._bits.take(run.width)
        if bits == run.missing:
            self._told.extend(run.nothing)
            return
        tell = self._told.append
        for code, shift, mask, missing, is_text, reference, power, times in run.fields:
            number = bits >> shift & mask
            if number == missing:
                tell((code, None))
            elif power > 1:
                tell((code, (number + reference) / power))
            elif is_text:
                tell((code, _text(number.to_bytes(mask.bit_length() >> 3, "big"))))
            else:
                tell((code, (number + reference) * times))

    def _skip(self, width: int) -> None:
        if width:
            self._bits.take(width)

    def _repeat(self, step: _Repeat) -> None:
        for _ in range(step.times or self._bits.take(step.factor.width)):
            self._walk(step.body)

    def _special(self, step: _Read) -> None:
        """An element while operators are in force."""
        take, operators = self._bits.take, self._operators
        local = operators.local()
        if local:
            take(local)
            self._told.append((step.code, None))
            operators.apply(_Operator(6, 0))
            return
        if step.kind == "unknown":
            raise Damaged("unknown descriptor in BUFR", f"{step.code:06d}")
        if operators.new_reference:
            width = operators.new_reference
            operators.references[step.code] = _signed(take(width), width)
            return
        if not _steers(step.code):
            for width in operators.associated:
                take(width)
        step = operators.changed(step)
        number = take(step.width)
        if step.kind == "text":
            self._told.append((step.code, _text(number.to_bytes(step.width >> 3, "big"))))
        elif number == (1 << step.width) - 1 and not _steers(step.code):
            self._told.append((step.code, None))
        else:
            self._told.append((step.code, _number(step, number)))


class _Columns:
    """Reads all subsets of a compressed message at once, element by element."""

    def __init__(self, bits: _Bits, n: int) -> None:
        self._bits = bits
        self._n = n
        self._operators = _Operators()
        self._codes: list[int] = []
        self._columns: list[list[Value]] = []

    def rows(self, steps: _Steps) -> list[list[Told]]:
        self._walk(steps)
        codes = self._codes
        if not codes:
            return [[] for _ in range(self._n)]
        return [
            list(zip(codes, values, strict=True)) for values in zip(*self._columns, strict=True)
        ]

    def _walk(self, steps: _Steps) -> None:
        self._bits.spend(len(steps))
        for step in steps:
            if isinstance(step, _Run):
                self._bits.spend(len(step.elements) - 1)
                for each in step.elements:
                    self._element(each)
            elif isinstance(step, _Operator):
                skipped = self._operators.apply(step)
                if skipped:
                    self._text_column(skipped)
            elif isinstance(step, _Repeat):
                for _ in range(step.times or self._constant(step.factor.width)):
                    self._walk(step.body)
            else:
                self._element(step)

    def _constant(self, width: int) -> int:
        """What must be the same in all subsets: how often something is repeated."""
        number = self._bits.take(width)
        if self._bits.take(6):
            raise Damaged("BUFR replication that differs between compressed subsets")
        return number

    def _element(self, step: _Read) -> None:
        operators = self._operators
        local = operators.local()
        if local:
            self._numbers(local)
            self._tell(step.code, [None] * self._n)
            operators.apply(_Operator(6, 0))
            return
        if step.kind == "unknown":
            raise Damaged("unknown descriptor in BUFR", f"{step.code:06d}")
        if operators.new_reference:
            width = operators.new_reference
            operators.references[step.code] = _signed(self._constant(width), width)
            return
        if not _steers(step.code):
            for width in operators.associated:
                self._numbers(width)
        step = operators.changed(step)
        if step.kind == "text":
            self._tell(step.code, self._text_column(step.width))
        else:
            self._tell(step.code, self._number_column(step))

    def _tell(self, code: int, column: list[Value]) -> None:
        self._bits.spend(self._n)
        self._codes.append(code)
        self._columns.append(column)

    def _numbers(self, width: int) -> list[int | None]:
        """Base and differences; None where the bits say that a value is missing."""
        base, more = self._bits.take(width), self._bits.take(6)
        self._bits.spend(self._n)
        if more == 0:
            return [None if base == (1 << width) - 1 else base] * self._n
        if more > 62:
            raise Damaged("compressed BUFR with an impossible width", f"{more} bits")
        missing = (1 << more) - 1
        return [
            None if each == missing else base + each
            for each in self._bits.column(more, self._n).tolist()
        ]

    def _number_column(self, step: _Read) -> list[Value]:
        return [None if each is None else _number(step, each) for each in self._numbers(step.width)]

    def _text_column(self, width: int) -> list[Value]:
        # Where texts differ, the base says nothing: each is told whole.
        base, letters = self._bits.take(width), self._bits.take(6)
        self._bits.spend(self._n)
        if letters == 0:
            return [_text(base.to_bytes(width >> 3, "big"))] * self._n
        return [
            _text(self._bits.take(8 * letters).to_bytes(letters, "big")) for _ in range(self._n)
        ]
