"""A small encoder of BUFR, for tests: what it writes must come out of the reader again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from atalaia.sources.bufr.tables import Element, tables


class Writer:
    def __init__(self) -> None:
        self.bits: list[str] = []

    def put(self, number: int, width: int) -> None:
        assert 0 <= number < 1 << width, f"{number} in {width} bits"
        self.bits.append(f"{number:0{width}b}" if width else "")

    def octets(self) -> bytes:
        text = "".join(self.bits)
        text += "0" * (-len(text) % 16)
        return int(f"1{text}", 2).to_bytes(len(text) // 8 + 1, "big")[1:]


class Encoder:
    """Writes one subset; `value_of` is asked for each element and delayed factor, in order."""

    def __init__(
        self, writer: Writer, value_of: Callable[[int], Any], centre: int, local: int
    ) -> None:
        self.writer = writer
        self.value_of = value_of
        self.table = tables(centre, 0, local)
        self.width = self.scale = self.increase = self.letters = 0
        self.associated: list[int] = []

    def walk(self, codes: Sequence[int]) -> None:
        at = 0
        while at < len(codes):
            code = codes[at]
            f, x, y = code // 100_000, code // 1000 % 100, code % 1000
            at += 1
            if f == 0:
                self.element(code)
            elif f == 1:
                count = y
                if y == 0:
                    count = self.value_of(codes[at])
                    self.writer.put(count, self.table.elements[codes[at]].width)
                    at += 1
                for _ in range(count):
                    self.walk(codes[at : at + x])
                at += x
            elif f == 2:
                self.operator(x, y)
            else:
                self.walk(self.table.sequences[code])

    def operator(self, x: int, y: int) -> None:
        if x == 1:
            self.width = y - 128 if y else 0
        elif x == 2:
            self.scale = y - 128 if y else 0
        elif x == 4:
            self.associated = [*self.associated, y] if y else self.associated[:-1]
        elif x == 7:
            self.increase = y
        elif x == 8:
            self.letters = y
        else:
            raise AssertionError(f"operator 2{x:02d}{y:03d}")

    def element(self, code: int) -> None:
        if code // 1000 != 31:
            for width in self.associated:
                self.writer.put(0, width)
        element = self.changed(self.table.elements[code], code)
        value = self.value_of(code)
        if value is None:
            self.writer.put((1 << element.width) - 1, element.width)
        elif isinstance(value, str):
            octets = value.encode("latin-1").ljust(element.width // 8)
            self.writer.put(int.from_bytes(octets, "big"), element.width)
        else:
            number = round(value * 10**element.scale) - element.reference
            self.writer.put(number, element.width)

    def changed(self, element: Element, code: int) -> Element:
        if element.kind == "text":
            return Element("text", 0, 0, 8 * self.letters) if self.letters else element
        if element.kind == "code" or code // 1000 == 31:
            return element
        return Element(
            "number",
            element.scale + self.scale + self.increase,
            element.reference * 10**self.increase,
            element.width + self.width + (10 * self.increase + 2) // 3,
        )


Subset = Sequence[Any] | Mapping[int, Sequence[Any]]
"""All values in order; or those of some elements, each time they are asked for. What is not given
then is missing, and what may be repeated stands once."""


def _asked(values: Subset) -> tuple[Callable[[int], Any], Iterator[Any]]:
    if isinstance(values, Mapping):
        given = {code: iter(each) for code, each in values.items()}
        none: Iterator[Any] = iter(())
        return lambda code: next(given.get(code, none), 1 if code // 1000 == 31 else None), none
    left = iter(values)
    return lambda code: next(left), left


def inmet(*, station: str = "5218003000000581", **told: float | None) -> bytes:
    """A report in the form in which INMET sends its stations: 301150 with 307091.

    told: values of elements, ``b12101=299.15``, in place of those of a fine day. `day`, `hour`,
    `minute` and `rain_minutes` are the report's time and the displacement before its rain.
    """
    day: dict[str, Any] = {
        "b10004": 97_400, "b10051": 101_570, "b12101": 299.15, "b12103": 282.95, "b13003": 36,
        "b11001": 106, "b11002": 1.2, "b11041": 7.7, "b13011": 0.0,
        "b5001": -13.30944, "b6001": -49.1175, "b7030": 365.0,
        "minute": 0, "hour": 10, "day": 11, "update": 1, "rain_minutes": -60,
    }  # fmt: skip
    day.update(told)
    values: dict[int, Sequence[Any]] = {
        int(name[1:]): [day[name]] for name in day if name.startswith("b")
    }
    values |= {
        1125: [0], 1126: [76], 1127: [0], 1128: [station],
        1001: [86], 1002: [669 if station == "5218003000000581" else None],
        1015: ["PORANGATU"], 4001: [2026], 4002: [8], 4003: [day["day"]], 4004: [day["hour"]],
        4005: [day["minute"]], 11041: [None, day["b11041"]], 8021: [None, None, 2],
        4025: [-60, -60, -60, -10, -10, -60, -10, -60, -60, day["rain_minutes"]],
        7032: [1.5, *[10.0] * 10],
    }  # fmt: skip
    return message([301150, 307091], [values], update=day["update"])


def message(
    descriptors: Sequence[int],
    subsets: Sequence[Subset],
    *,
    edition: int = 4,
    centre: int = 43,
    update: int = 0,
    category: int = 0,
    local: int = 0,
    flags: int = 0x80,
    data: bytes | None = None,
    section_2: bytes = b"",
) -> bytes:
    """A whole message. `data`, if given, is section 4 as it is to be."""
    writer = Writer()
    for values in subsets:
        value_of, left = _asked(values)
        Encoder(writer, value_of, centre, local).walk(descriptors)
        assert next(left, "none") == "none", "values left over"
    has_2 = 0x80 if section_2 else 0
    if edition == 4:
        one = (
            b"\x00" + centre.to_bytes(2, "big") + b"\x00\x00"
            + bytes([update, has_2, category, 0, 0, 33, local]) + (2026).to_bytes(2, "big")
            + bytes([8, 11, 10, 0, 0])
        )  # fmt: skip
    else:
        one = bytes([0, 0, centre, update, has_2, category, 0, 33, local, 26, 8, 11, 10, 0, 0])
    packed = b"".join(
        ((each // 100_000) << 14 | (each // 1000 % 100) << 8 | each % 1000).to_bytes(2, "big")
        for each in descriptors
    )
    three = b"\x00" + len(subsets).to_bytes(2, "big") + bytes([flags]) + packed
    four = b"\x00" + (writer.octets() if data is None else data)
    sections = [one, *([b"\x00" + section_2] if section_2 else []), three, four]
    body = b"".join((len(each) + 3).to_bytes(3, "big") + each for each in sections)
    return b"BUFR" + (len(body) + 12).to_bytes(3, "big") + bytes([edition]) + body + b"7777"
