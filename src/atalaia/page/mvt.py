"""One vector tile (MVT 2.1, which is a message of protobuf) → its features.

Raises one of `BROKEN` where it is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BROKEN = (ValueError, IndexError, OverflowError, TypeError, AttributeError)
"""What comes of bytes that are not what they should be."""

_POLYGON = 3
_MOVE, _LINE, _CLOSE = 1, 2, 7
_VARINT, _LONG, _BYTES, _SHORT = 0, 1, 2, 5
_LONGEST_VARINT = 10
_MOST_STEPS = 1 << 16


@dataclass(frozen=True)
class TileFeature:
    """A feature, or the part of it that a tile has.

    id          None: it has none
    properties  (name, value), sorted
    rings       shape (n, 2) of each, in the tile's steps, from its northwest corner; None: it is no
                polygon
    extent      so many steps a tile has
    """

    layer: str
    id: int | None
    properties: tuple[tuple[str, Any], ...]
    rings: list[Ints] | None
    extent: int


def features(tile: bytes) -> Iterator[TileFeature]:
    """All features of all layers."""
    for number, kind, layer in _fields(tile):
        if (number, kind) == (3, _BYTES):
            yield from _layer(layer)


def _layer(layer: bytes) -> Iterator[TileFeature]:
    told: dict[int, list[Any]] = {number: [] for number in range(1, 6)}
    for number, _, one in _fields(layer):
        if number in told:
            told[number].append(one)
    [name] = told[1]
    names, values = [one.decode() for one in told[3]], [_value(one) for one in told[4]]
    [extent] = told[5] or [4096]
    if not 1 <= extent <= _MOST_STEPS:
        raise ValueError("no extent")
    for feature in told[2]:
        parts = {number: one for number, _, one in _fields(feature)}
        pairs = varints(parts.get(2, b"")).reshape(-1, 2).tolist()
        properties = {names[key]: values[value] for key, value in pairs}
        rings = _rings(parts.get(4, b"")) if parts.get(3) == _POLYGON else None
        yield TileFeature(
            name.decode(), parts.get(1), tuple(sorted(properties.items())), rings, extent
        )


def _fields(body: bytes) -> Iterator[tuple[int, int, Any]]:
    """A message of protobuf: number, kind, and an int or bytes of each field."""
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(body, at)
            yield tag >> 3, kind, value
            continue
        if kind == _BYTES:
            length, at = _varint(body, at)
        elif kind in (_LONG, _SHORT):
            length = 8 if kind == _LONG else 4
        else:
            raise ValueError("no field")
        if at + length > len(body):
            raise ValueError("cut short")
        yield tag >> 3, kind, body[at : at + length]
        at += length


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(_LONGEST_VARINT):
        byte = body[at + i]
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, at + i + 1
    raise ValueError("no number")


def varints(body: bytes) -> NDArray[np.uint64]:
    """All of what is nothing but varints."""
    told = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(told < 128)
    if len(told) and (not len(ends) or ends[-1] != len(told) - 1):
        raise ValueError("cut short")
    begins = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    lengths = ends - begins + 1
    longest = int(lengths.max(initial=0))
    if longest > _LONGEST_VARINT:
        raise ValueError("no number")
    values = np.zeros(len(ends), np.uint64)
    for i in range(longest):
        has = lengths > i
        part = (told[begins[has] + i] & 127).astype(np.uint64)
        values[has] |= part << np.uint64(7 * i)
    return values


def _value(body: bytes) -> Any:
    for number, _, told in _fields(body):
        if number == 1:
            return told.decode()
        if number in (2, 3):
            value = float(np.frombuffer(told, "<f4" if number == 2 else "<f8")[0])
            return int(value) if value.is_integer() else value
        if number == 6:
            return (told >> 1) ^ -(told & 1)
        if number == 7:
            return bool(told)
        return told - (1 << 64) if number == 4 and told >> 63 else told
    raise ValueError("no value")


def _rings(drawn: bytes) -> list[Ints]:
    """Commands of a polygon → shape (n, 2) of each ring."""
    told = varints(drawn)
    steps = (told >> np.uint64(1)).astype(np.int64) ^ -(told & np.uint64(1)).astype(np.int64)
    rings: list[Ints] = []
    ring: list[Ints] = []
    here = np.zeros(2, np.int64)
    i = 0
    while i < len(told):
        command, count = int(told[i]) & 7, int(told[i]) >> 3
        i += 1
        if command == _CLOSE:
            if ring:
                rings.append(np.concatenate(ring))
            ring = []
            continue
        if command not in (_MOVE, _LINE) or i + 2 * count > len(told):
            raise ValueError("no command")
        points = here + np.cumsum(steps[i : i + 2 * count].reshape(-1, 2), 0)
        here = points[-1] if count else here
        if command == _MOVE:
            ring = []
        ring.append(points)
        i += 2 * count
    return rings
