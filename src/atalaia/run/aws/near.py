"""How near each place is to a limit, in one small item a lane.

detect writes it with each commit, poll reads it each minute: a byte a place, and not the whole
state. It is for the schedule alone: neither raises nor ends anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
import numpy as np

from atalaia.detect.nearness import NEWS_FOR_S
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints
from atalaia.homes.aws.stream import lanes_of

PREFIX = "near:"

_STEPS = 200


class _Near(msgspec.Struct, frozen=True, array_like=True):
    """Of the places whose ids have this hash, in their order, at this time."""

    of: bytes
    at: int
    near: bytes


def positions(places: Places, lanes: int) -> list[Ints]:
    """By lane: the positions of its places."""
    of_place = lanes_of(places, lanes)
    lane = np.array([of_place[place.id] for place in places], np.int64)
    return [np.flatnonzero(lane == number) for number in range(lanes)]


def pack(closeness: Floats, at: int, of: bytes) -> bytes:
    """The item of a lane: how near its places, whose `hash_of` this is, were at this time."""
    steps = np.rint(closeness * _STEPS).astype(np.uint8)
    return msgspec.msgpack.encode(_Near(of, at, steps.tobytes()))


def read(items: Mapping[str, bytes], places: Places, lanes: int, now: int) -> Floats:
    """Of each place, shape (places,); 0 where nothing is known of now."""
    closeness = np.zeros(len(places))
    for lane, mine in enumerate(positions(places, lanes)):
        body = items.get(f"{PREFIX}{lane}")
        if body is None:
            continue
        found = msgspec.msgpack.decode(body, type=_Near)
        if found.of == hash_of(places, mine) and now - found.at < NEWS_FOR_S:
            closeness[mine] = np.frombuffer(found.near, np.uint8) / _STEPS
    return closeness


def hash_of(places: Places, mine: Ints) -> bytes:
    """Of a lane's places and their order: an item of others says nothing of these."""
    ids = msgspec.json.encode([places[i].id for i in mine.tolist()])
    return hashlib.sha256(ids).digest()[:8]
