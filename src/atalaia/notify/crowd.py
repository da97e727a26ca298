"""Everybody who is told, as columns: what fan-out asks of people, and nothing else of them.

No address, no name of a place, no words: what only sending needs is read when there is something to
send.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
import numpy as np
import zstandard

from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.outline import Outline
from atalaia.domain.reading import Ints
from atalaia.domain.subscription import Person
from atalaia.notify.asks import NO_KEY
from atalaia.notify.audience import Circles, Key, Polygons
from atalaia.notify.names import Texts

_EDGES = ("x1", "y1", "x2", "y2")

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A row a person.

    names     pseudonyms, each once
    kind      position in `kinds`: people without pseudonym, subscriptions and time
    since     Unix seconds: alerts sent from then on are for them
    asked     Unix seconds: the newest of that and of their subscriptions
    circles, polygons    what they asked for; `person` is a row of `names`
    """

    names: Texts
    kind: Ints
    since: Ints
    asked: Ints
    kinds: Sequence[Person]
    circles: Circles
    polygons: Polygons

    def __len__(self) -> int:
        return len(self.names)


class _Packed(msgspec.Struct):
    """A crowd without its names, as bytes: columns are little-endian."""

    people: tuple[bytes, ...]
    kinds: list[Person]
    circles: tuple[bytes, ...]
    polygons: tuple[bytes, ...]
    edges: tuple[bytes, ...]
    edges_each: bytes
    wishes: list[dict[str, str]]
    keys: list[Key]


_decode = msgspec.msgpack.Decoder(_Packed).decode

SHAPE = hashlib.sha256(msgspec.json.encode(msgspec.json.schema(_Packed))).hexdigest()[:16]
"""Of what is packed: another version of Atalaia may have other fields, and reads none of these."""


def packed(crowd: Crowd) -> bytes:
    """All of it but the names."""
    circles, polygons, outlines = crowd.circles, crowd.polygons, crowd.polygons.outlines
    whole = _Packed(
        people=(_ints(crowd.kind), _longs(crowd.since), _longs(crowd.asked)),
        kinds=list(crowd.kinds),
        circles=(
            *(_ints(one) for one in (circles.person, circles.wish, circles.key)),
            *(
                _floats(one)
                for one in (circles.limit, circles.latitude, circles.longitude, circles.radius_km)
            ),
        ),
        polygons=(
            *(_ints(one) for one in (polygons.person, polygons.wish, polygons.key)),
            _floats(polygons.limit),
            _ints(polygons.which),
        ),
        edges=tuple(b"".join(_floats(getattr(one, name)) for one in outlines) for name in _EDGES),
        edges_each=_ints([len(one.x1) for one in outlines]),
        wishes=list(circles.wishes),
        keys=list(circles.keys),
    )
    return zstandard.compress(_encode(whole), 1)


def unpacked(names: Texts, body: bytes) -> Crowd:
    """The inverse. Raises ValueError for what is no crowd of these people."""
    try:
        whole = _decode(zstandard.decompress(body))
    except (msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ValueError(f"no crowd: {error}") from error
    kind, since, asked = _read(whole.people, "<i4", "<i8", "<i8")
    person, wish, key, limit, latitude, longitude, radius_km = _read(
        whole.circles, *("<i4",) * 3, *("<f8",) * 4
    )
    circles = Circles(
        person=person,
        latitude=latitude,
        longitude=longitude,
        radius_km=radius_km,
        wish=wish,
        key=key,
        limit=limit,
        wishes=whole.wishes,
        keys=whole.keys,
    )
    person, wish, key, limit, which = _read(whole.polygons, *("<i4",) * 3, "<f8", "<i4")
    [each] = _read((whole.edges_each,), "<i4")
    ends = np.concatenate([[0], np.cumsum(each)]).tolist()
    edges = _read(whole.edges, *("<f8",) * 4)
    outlines = [Outline(*(one[a:b] for one in edges)) for a, b in pairwise(ends)]
    polygons = Polygons(
        person=person, wish=wish, key=key, limit=limit, which=which, outlines=outlines
    )
    if len(kind) != len(names):
        raise ValueError(f"{len(kind)} people, and {len(names)} names")
    for asks in whole.wishes:
        if asks.keys() - set(Hazard) or set(asks.values()) - LEVEL_OF.keys():
            raise ValueError("a hazard or a level that is not known here")
    return Crowd(
        names=names,
        kind=kind,
        since=since,
        asked=asked,
        kinds=whole.kinds,
        circles=circles,
        polygons=polygons,
    )


def parted(crowd: Crowd, part: Ints, n: int) -> list[Crowd]:
    """In `n` parts; `part` says for each person in which."""
    parts = _rows_by_part(part, n)
    new = np.empty(len(crowd), np.int32)  # the row of each in their part
    for people in parts:
        new[people] = np.arange(len(people))
    rounds, shapes = (_rows_by_part(part[of.person], n) for of in (crowd.circles, crowd.polygons))
    found = []
    for people, row, shape in zip(parts, rounds, shapes, strict=True):
        kinds, kind = _some(crowd.kinds, crowd.kind[people])
        circles, polygons = _few(crowd, row, shape, new)
        found.append(
            Crowd(
                names=crowd.names[people],
                kind=kind,
                since=crowd.since[people],
                asked=crowd.asked[people],
                kinds=kinds,
                circles=circles,
                polygons=polygons,
            )
        )
    return found


def joined(parts: Sequence[Crowd]) -> Crowd:
    """All of them, one after the other; nobody is in two."""
    first = np.cumsum([0, *(len(one) for one in parts)])
    kinds: dict[Any, int] = {}
    wishes: dict[Any, int] = {}
    keys: dict[Any, int] = {}
    kind, circles, polygons = [], [], []
    outlines: list[Outline] = []
    n = 0
    for by, one in zip(first.tolist(), parts, strict=False):
        kind.append(_numbers(kinds, one.kinds)[one.kind])
        asks = [tuple(sorted(wish.items())) for wish in one.circles.wishes]
        wish = _numbers(wishes, asks)
        key = np.append(_numbers(keys, one.circles.keys), NO_KEY)  # -1 finds the last
        a, b = one.circles, one.polygons
        circles.append((a.person + by, wish[a.wish], key[a.key]))
        polygons.append((b.person + by, wish[b.wish], key[b.key], b.which + n))
        outlines += b.outlines
        n += len(b.outlines)
    person, wish, key = (_all(column, np.int32) for column in _columns(circles, 3))
    told, asked, owned, which = (_all(column, np.int32) for column in _columns(polygons, 4))
    return Crowd(
        names=np.concatenate([np.zeros(0, "S1"), *(one.names for one in parts)]),
        kind=_all(kind, np.int32),
        since=_all([one.since for one in parts], np.int64),
        asked=_all([one.asked for one in parts], np.int64),
        kinds=list(kinds),
        circles=Circles(
            person=person,
            latitude=_all([one.circles.latitude for one in parts], np.float64),
            longitude=_all([one.circles.longitude for one in parts], np.float64),
            radius_km=_all([one.circles.radius_km for one in parts], np.float64),
            wish=wish,
            key=key,
            limit=_all([one.circles.limit for one in parts], np.float64),
            wishes=[dict(asks) for asks in wishes],
            keys=list(keys),
        ),
        polygons=Polygons(
            person=told,
            which=which,
            wish=asked,
            key=owned,
            limit=_all([one.polygons.limit for one in parts], np.float64),
            outlines=outlines,
        ),
    )


def _few(crowd: Crowd, row: Ints, shape: Ints, new: Ints) -> tuple[Circles, Polygons]:
    """These rows, of people who have new numbers, with the wishes and keys that are in them."""
    a, b = crowd.circles, crowd.polygons
    wishes, wish = _some(a.wishes, np.concatenate([a.wish[row], b.wish[shape]]))
    key = np.concatenate([a.key[row], b.key[shape]])
    has = key != NO_KEY
    keys, key[has] = _some(a.keys, key[has])
    outlines, which = _some(b.outlines, b.which[shape])
    n = len(row)
    return (
        Circles(
            person=new[a.person[row]],
            latitude=a.latitude[row],
            longitude=a.longitude[row],
            radius_km=a.radius_km[row],
            wish=wish[:n],
            key=key[:n],
            limit=a.limit[row],
            wishes=wishes,
            keys=keys,
        ),
        Polygons(
            person=new[b.person[shape]],
            which=which,
            wish=wish[n:],
            key=key[n:],
            limit=b.limit[shape],
            outlines=outlines,
        ),
    )


def _rows_by_part(part: Ints, n: int) -> list[Ints]:
    order = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[order], np.arange(n + 1)).tolist()
    return [order[a:b] for a, b in pairwise(bounds)]


def _some(of: Sequence[T], which: Ints) -> tuple[list[T], Ints]:
    """Those that are named, and for each name the position among them."""
    each, position = np.unique(which, return_inverse=True)
    return [of[i] for i in each.tolist()], position


def _numbers(known: dict[Any, int], more: Sequence[Any]) -> Ints:
    """For each, its number among those that are known: new ones get the next."""
    return np.array([known.setdefault(one, len(known)) for one in more], np.int32)


def _columns(rows: Sequence[tuple[Ints, ...]], n: int) -> list[list[Ints]]:
    return [[row[i] for row in rows] for i in range(n)]


def _all(parts: Sequence[Any], dtype: type) -> Any:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype, copy=False)


def _ints(column: Any) -> bytes:
    return np.asarray(column, "<i4").tobytes()


def _longs(column: Ints) -> bytes:
    return np.asarray(column, "<i8").tobytes()


def _floats(column: Any) -> bytes:
    return np.asarray(column, "<f8").tobytes()


def _read(columns: Sequence[bytes], *dtypes: str) -> list[Any]:
    return [np.frombuffer(one, dtype) for one, dtype in zip(columns, dtypes, strict=True)]
