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
from atalaia.domain.lanes import Lane
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats

PREFIX = "near:"

_STEPS = 200


class _Near(msgspec.Struct, frozen=True, array_like=True):
    """Of the places whose ids have this hash, in their order, at this time."""

    of: bytes
    at: int
    near: bytes


def pack(lane: Lane, closeness: Floats, at: int) -> bytes:
    """The item of a lane: how near its places are to a limit, of all places' nearness."""
    steps = np.rint(closeness[lane.mine] * _STEPS).astype(np.uint8)
    return msgspec.msgpack.encode(_Near(_hash_of(lane), at, steps.tobytes()))


def read(items: Mapping[str, bytes], places: Places, lanes: int, now: int) -> Floats:
    """Of each place, shape (places,); 0 where nothing is known of now."""
    closeness = np.zeros(len(places))
    for number in range(lanes):
        body = items.get(f"{PREFIX}{number}")
        if body is None:
            continue
        lane, found = Lane(places, number, lanes), msgspec.msgpack.decode(body, type=_Near)
        if found.of == _hash_of(lane) and now - found.at < NEWS_FOR_S:
            closeness[lane.mine] = np.frombuffer(found.near, np.uint8) / _STEPS
    return closeness


def _hash_of(lane: Lane) -> bytes:
    """Of a lane's places and their order: an item of others says nothing of these."""
    ids = msgspec.json.encode([lane.places[i].id for i in np.flatnonzero(lane.mine).tolist()])
    return hashlib.sha256(ids).digest()[:8]
