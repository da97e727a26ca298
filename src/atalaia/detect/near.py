"""How near each place is to a limit, and until when it can be seen, in one small item a lane.

detect writes it with each commit; poll reads the first of it each minute, the API the second: some
bytes a place, and not the whole state. It neither raises nor ends anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from atalaia.detect.nearness import NEWS_FOR_S
from atalaia.detect.sight import Sight
from atalaia.domain.lanes import Lane
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Ints
from atalaia.ports import State
from atalaia.sources.schedule import Nearness

PREFIX = "near:"

_STEPS = 200


class _Near(msgspec.Struct, frozen=True, array_like=True):
    """Of the places whose ids have this hash, in their order, at this time.

    ahead               as `near`, of what is to come. Empty in what an earlier Atalaia wrote
    newest_at, until    as `Sight` has them, in seconds before `at` and after it; a place that
                        never had a value has `_NEVER`. Empty in what an earlier Atalaia wrote
    """

    of: bytes
    at: int
    near: bytes
    newest_at: bytes = b""
    until: bytes = b""
    ahead: bytes = b""


_decode_near = msgspec.msgpack.Decoder(_Near).decode


_AGE = np.dtype("<i4")
_NEVER = np.iinfo(_AGE).min


def pack(lane: Lane, closeness: Nearness, seen: Sight, at: int) -> bytes:
    """The item of a lane, of all places' nearness and sight."""
    steps, ahead = (
        np.rint(column[lane.mine] * _STEPS).astype(np.uint8).tobytes()
        for column in (closeness.now, closeness.ahead)
    )
    newest_at, until = (_aged(column[lane.mine], at) for column in (seen.newest_at, seen.until))
    return msgspec.msgpack.encode(_Near(_hash_of(lane), at, steps, newest_at, until, ahead))


def read(items: Mapping[str, bytes], places: Places, lanes: int, now: int) -> Nearness:
    """Of each place, as far as it was told lately."""
    closeness = Nearness.unknown(len(places))
    for lane, found in _found(items, places, lanes):
        if now - found.at < NEWS_FOR_S:
            closeness.now[lane.mine] = np.frombuffer(found.near, np.uint8) / _STEPS
            if found.ahead:
                closeness.ahead[lane.mine] = np.frombuffer(found.ahead, np.uint8) / _STEPS
    return closeness


def read_sight(items: Mapping[str, bytes], places: Places, lanes: int) -> Sight:
    """Of all places; of those of a lane that has told nothing yet none was ever heard."""
    newest_at, until = (np.full(len(places), NO_TIME, np.int64) for _ in range(2))
    for lane, found in _found(items, places, lanes):
        if found.until:
            newest_at[lane.mine] = _instants(found.newest_at, found.at)
            until[lane.mine] = _instants(found.until, found.at)
    return Sight(newest_at, until)


class FollowedSight:
    """Until when each place can be seen, as detect last told it: looked at every few seconds, for
    an answer asks several times. `now` in Unix seconds."""

    _LOOK_S = 10.0

    def __init__(self, state: State, places: Places, lanes: int, now: Callable[[], float]) -> None:
        self._state, self._places, self._lanes, self._now = state, places, lanes, now
        self._looked_at = float("-inf")

    def __call__(self) -> Sight:
        """As of the last look. Raises StateConflict where the state cannot be read."""
        if self._now() >= self._looked_at + self._LOOK_S:
            self._seen = read_sight(self._state.load(PREFIX), self._places, self._lanes)
            self._looked_at = self._now()
        return self._seen


def _found(items: Mapping[str, bytes], places: Places, lanes: int) -> Iterator[tuple[Lane, _Near]]:
    """The items that are of these places."""
    for number in range(lanes):
        body = items.get(f"{PREFIX}{number}")
        if body is None:
            continue
        lane, found = Lane(places, number, lanes), _decode_near(body)
        if found.of == _hash_of(lane):
            yield lane, found


def _aged(instants: Ints, at: int) -> bytes:
    ages = np.where(instants == NO_TIME, _NEVER, np.clip(instants - at, _NEVER + 1, -(_NEVER + 1)))
    return ages.astype(_AGE).tobytes()


def _instants(ages: bytes, at: int) -> Any:
    found = np.frombuffer(ages, _AGE).astype(np.int64)
    return np.where(found == _NEVER, NO_TIME, found + at)


def _hash_of(lane: Lane) -> bytes:
    """Of a lane's places and their order: an item of others says nothing of these."""
    ids = msgspec.json.encode([lane.places[i].id for i in np.flatnonzero(lane.mine).tolist()])
    return hashlib.sha256(ids).digest()[:8]
