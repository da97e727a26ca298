"""A PMTiles archive (version 3) of vector tiles → the tiles of one zoom.

    header ─► directories ─► the deepest zoom that shows more than a step of `shapes.py` does

Whatever a file says, what is read and unpacked of it is bounded.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard

from atalaia.errors import AtalaiaError
from atalaia.page.mvt import Ints, varints

MAGIC = b"PMTiles"

DEEPEST = 10
"""A step in a tile of this zoom is 10 m; one of what is kept is 220 m."""

MOST_TILES = 50_000
MOST_UNPACKED = 512 << 20

_MOST_ENTRIES = 4_000_000
_MOST_DIRECTORIES = 50_000
_MOST_DIRECTORY = 4 << 20
_MOST_TILE = 8 << 20
_MOST_DEPTH = 4
_MOST_RUN = 1 << 40
_AT_ONCE = 1 << 20

_HEADER = 127
_MVT = 1
_IMAGES = {2: "PNG", 3: "JPEG", 4: "WebP", 5: "AVIF"}
_NONE, _GZIP, _ZSTD = 1, 2, 4
_BROKEN = (ValueError, zlib.error, zstandard.ZstdError)


class _Unreadable(ValueError):
    """What was packed is damaged, or too much. `unpacked` bytes were had of it."""

    def __init__(self, unpacked: int) -> None:
        super().__init__("damaged, or too much")
        self.unpacked = unpacked


@dataclass(frozen=True)
class Tile:
    """One tile. `body` is None where it could not be unpacked."""

    zoom: int
    x: int
    y: int
    body: bytes | None


@dataclass(frozen=True)
class _Header:
    root: tuple[int, int]
    leaves: tuple[int, int]
    tiles: tuple[int, int]
    packed: int
    tiles_packed: int


@dataclass(frozen=True)
class _Entries:
    """Tiles as directories list them. `run`: so many tiles in a row are the same; 0: a leaf."""

    id: Ints
    run: Ints
    length: Ints
    offset: Ints

    def take(self, where: Any) -> _Entries:
        return _Entries(self.id[where], self.run[where], self.length[where], self.offset[where])


def tiles_of(archive: bytes) -> Iterator[Tile]:
    """The tiles of one zoom. Raises AtalaiaError where it is no such archive, is cut short, has
    images, or is too large."""
    header = _header(archive)
    try:
        entries = _of_one_zoom(_entries(archive, header))
    except _BROKEN as error:
        raise AtalaiaError(
            "the directories of this PMTiles file are damaged; fetch it anew"
        ) from error
    unpacked = 0
    columns = (entries.id, entries.run, entries.length, entries.offset)
    for id_, run, length, offset in zip(*(one.tolist() for one in columns), strict=True):
        begins = header.tiles[0] + offset
        body: bytes | None
        try:
            body = _unpacked(archive[begins : begins + length], header.tiles_packed, _MOST_TILE)
            unpacked += len(body) * run
        except _Unreadable as error:
            body = None
            unpacked += error.unpacked
        if unpacked > MOST_UNPACKED:
            raise AtalaiaError(
                f"this file is larger than {MOST_UNPACKED >> 20} MB unpacked; bring fewer places"
            )
        for i in range(id_, id_ + run):
            yield Tile(*place_of(i), body)


def _header(body: bytes) -> _Header:
    if len(body) < _HEADER or body[7] != 3:
        raise AtalaiaError("not a PMTiles file of version 3; convert it (pmtiles convert)")
    at = [int.from_bytes(body[i : i + 8], "little") for i in range(8, 72, 8)]
    root, leaves, tiles = (at[0], at[1]), (at[4], at[5]), (at[6], at[7])
    whole = max(sum(part) for part in (root, leaves, tiles))
    if whole > len(body):
        raise AtalaiaError(
            f"this PMTiles file is cut short: {len(body)} of {whole} bytes; fetch it anew"
        )
    packed, tiles_packed, kind = body[97], body[98], body[99]
    if kind != _MVT:
        what = _IMAGES.get(kind, "other")
        raise AtalaiaError(f"its tiles are {what} and no polygons; bring vector tiles (MVT)")
    if not {packed, tiles_packed} <= {_NONE, _GZIP, _ZSTD}:
        raise AtalaiaError("it is packed neither by gzip nor by zstd; write it anew with gzip")
    return _Header(root, leaves, tiles, packed, tiles_packed)


def _unpacked(body: bytes, how: int, most: int) -> bytes:
    """What was packed, of at most so many bytes. Raises _Unreadable."""
    told = bytearray()
    try:
        for some in _pieces(body, how):
            told += some
            if len(told) > most:
                raise ValueError("too much")
    except _BROKEN as error:
        raise _Unreadable(len(told) + len(body)) from error
    return bytes(told)


def _pieces(body: bytes, how: int) -> Iterator[bytes]:
    """The same, some at a time: of what is damaged it is known how much was had."""
    if how == _GZIP:
        unpacking = zlib.decompressobj(wbits=31)
        while not unpacking.eof:
            some = unpacking.decompress(body, _AT_ONCE)
            body = unpacking.unconsumed_tail
            if not (some or body or unpacking.eof):
                raise ValueError("cut short")
            yield some
    elif how == _ZSTD:
        reader = zstandard.ZstdDecompressor().stream_reader(body)
        while some := reader.read(_AT_ONCE):
            yield some
    else:
        yield body


def _entries(body: bytes, header: _Header) -> _Entries:
    """Of all directories."""
    found: list[_Entries] = []
    count = directories = 0
    waiting = [(header.root, 1)]
    while waiting:
        directories += 1
        (begins, length), depth = waiting.pop()
        some = _directory(_unpacked(body[begins : begins + length], header.packed, _MOST_DIRECTORY))
        count += len(some.id)
        if count > _MOST_ENTRIES or depth > _MOST_DEPTH:
            raise ValueError("too much")
        found.append(some.take(some.run > 0))
        leaves = some.take(some.run == 0)
        if directories + len(waiting) + len(leaves.id) > _MOST_DIRECTORIES:
            raise ValueError("too many directories")
        waiting += [
            ((header.leaves[0] + at, n), depth + 1)
            for at, n in zip(leaves.offset.tolist(), leaves.length.tolist(), strict=True)
        ]
    columns = ("id", "run", "length", "offset")
    return _Entries(*(np.concatenate([getattr(one, name) for one in found]) for name in columns))


def _directory(body: bytes) -> _Entries:
    told = varints(body)
    n = int(told[0]) if len(told) else 0
    if len(told) != 1 + 4 * n:
        raise ValueError("a directory of another length")
    id_, run, length, offset = told[1:].reshape(4, n).astype(np.int64)
    ids = np.cumsum(id_)
    lowest = min(int(one.min(initial=0)) for one in (id_, run, length, offset, ids))
    if lowest < 0 or run.max(initial=0) > _MOST_RUN:
        raise ValueError("too large")
    at = offset - 1
    for i in np.flatnonzero(offset == 0).tolist():
        if i == 0:
            raise ValueError("the first follows none")
        at[i] = at[i - 1] + length[i - 1]
    return _Entries(ids, run, length, at)


def _of_one_zoom(entries: _Entries) -> _Entries:
    """The tiles of the deepest zoom that is of use, and not too many."""
    firsts = np.array([_first_of(zoom) for zoom in range(32)], np.int64)
    zooms = np.searchsorted(firsts, entries.id, "right") - 1
    there = sorted({*zooms.tolist()})
    fitting = [
        zoom
        for zoom in there
        if zoom <= max(DEEPEST, there[0]) and int(entries.run[zooms == zoom].sum()) <= MOST_TILES
    ]
    if there and not fitting:
        raise AtalaiaError(f"no zoom of it has at most {MOST_TILES} tiles; bring fewer places")
    return entries.take(zooms == fitting[-1]) if fitting else entries


def _first_of(zoom: int) -> int:
    return ((1 << (2 * zoom)) - 1) // 3


def place_of(tile: int) -> tuple[int, int, int]:
    """A tile's number on the Hilbert curve → zoom, column, row."""
    zoom = ((3 * tile + 1).bit_length() - 1) // 2
    at = tile - _first_of(zoom)
    x = y = 0
    side = 1
    while side < 1 << zoom:
        right, down = 1 & (at // 2), 1 & (at ^ (at // 2))
        if down == 0:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        x, y = x + side * right, y + side * down
        at //= 4
        side *= 2
    return zoom, x, y
