"""The speed layer as a function: records of a shard, lived through by lane, and committed.

A container holds each lane's watch between two batches. What it holds is what was committed: each
commit is held to the offset that the lane had, and where another container went on meanwhile, the
lane is loaded again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import structlog

from atalaia.detect.nearness import nearness
from atalaia.detect.values import Norm
from atalaia.detect.watch import CONSUMER, Watch, no_officials
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import NO_TIME, Decode, Decoded
from atalaia.errors import StateConflict
from atalaia.homes.aws import AwsHome
from atalaia.homes.aws.state import DynamoState
from atalaia.homes.aws.stream import lane_of, lanes_of
from atalaia.lake.norms import names_norms
from atalaia.ports import Commit
from atalaia.run.aws import deployment, figures, near, norms, records
from atalaia.run.aws.opened import opened
from atalaia.run.aws.records import Came
from atalaia.settings import Settings
from atalaia.settings.plans import plans
from atalaia.sources import cap

FAULT = "fault in the watch"

NEWEST = "lane:"
"""Items with the number of the newest record that each lane has lived through."""

_OFFICIAL = 0
"""The lane that tells official warnings, of all places: one of them is one incident."""

_TRIES = 5
_LOOK_S = 300.0
_BEGAN = "began"

log = structlog.get_logger()


class Lane:
    """One lane's watch, with what it has committed. `offset` is of its last record."""

    def __init__(self, home: AwsHome, settings: Settings, norms: Norm, lane: int) -> None:
        self.lane = lane
        self._home = home
        self._settings = settings
        self._norms = norms
        self._consumer = f"{CONSUMER}/lane-{lane}"
        self._load()

    def advance(self, came: Sequence[Came]) -> int:
        """Live through the records that are new; return how many entries were told.

        Raises StateConflict where the state cannot be written.
        """
        for _ in range(_TRIES):
            new = [one for one in came if one.sequence > self.offset]
            if not new:
                return 0
            try:
                return self._live(new)
            except StateConflict as error:
                log.info("a lane is loaded again", lane=self.lane, reason=str(error))
                reason = error
                self._load()
            except Exception as error:
                # What is held in memory may be half of a step.
                self._load()
                if len(new) > 1:
                    return sum(self.advance([one]) for one in new)
                self._put_aside(new[0], error)
                return 0
        raise reason

    def _live(self, new: Sequence[Came]) -> int:
        began = time.perf_counter()
        step, commit = self._watch.step([one.record for one in new])
        # Of a payload for several lanes one tells what could not be read of it.
        copies = {one.carried.number for one in new if one.carried.is_copy}
        rejects = [one for one in commit.rejects if one[0] not in copies]
        items = dict(commit.items)
        items[f"{NEWEST}{self.lane}"] = b"%d" % new[-1].carried.number
        if step.now:
            items[f"{near.PREFIX}{self.lane}"] = self._near(step.now)
        self._commit(
            msgspec.structs.replace(
                commit,
                consumer=self._consumer,
                offset=new[-1].sequence,
                items=items,
                rejects=rejects,
            )
        )
        unread = [reject for _, reject in rejects]
        seconds = time.perf_counter() - began
        figures.figures().metrics.judged(step.rows, unread, step.entries, seconds)
        return len(step.entries)

    def _near(self, now: int) -> bytes:
        watch = self._watch
        closeness = nearness(watch.rules, watch.table, watch.incidents, now)
        return near.pack(closeness[self._mine], now, self._of_mine)

    def _put_aside(self, one: Came, error: Exception) -> None:
        log.exception(FAULT, lane=self.lane, sequence=one.text, error=repr(error))
        reject = Reject(
            source=one.carried.payload.source,
            reason=FAULT,
            detail=f"{type(error).__name__}; please report it with this payload",
        )
        rejects = [(one.carried.number, reject)]
        self._commit(Commit(self._consumer, one.sequence, rejects=rejects))

    def _commit(self, commit: Commit) -> None:
        if not self._state.commit(commit):
            raise StateConflict(f"lane {self.lane} went on in another container")
        self.offset = commit.offset

    def _load(self) -> None:
        """Take up what the home has kept."""
        settings, places = self._settings, self._settings.places
        self._state = self._home.state
        self.offset = self._state.offset(self._consumer)
        lanes = self._home.config.lanes
        of_place = lanes_of(places, lanes)
        mine = np.array([of_place[place.id] == self.lane for place in places], bool)
        self._mine = np.flatnonzero(mine)
        self._of_mine = near.hash_of(places, self._mine)
        decode, expected_s = opened(self._home, places), _expected_s(settings)
        self._watch = Watch(
            settings.rules,
            places,
            _only(decode, mine) if lanes > 1 else decode,
            self._norms,
            expected_s=expected_s,
            read_officials=cap.read_officials if self.lane == _OFFICIAL else no_officials,
        )
        areas = {name for name in places.areas if lane_of(name, lanes) == self.lane}
        ids = {place.id for place in places if of_place[place.id] == self.lane}
        self._watch.load(_OfLane(self._state, ids, areas, is_official=self.lane == _OFFICIAL))
        for source, seconds in expected_s.items():
            self._expect(source, seconds, mine)

    def _expect(self, source: str, expected_s: int, mine: Any) -> None:
        """As `Watch.expect`, of the lane's own places; since the deployment's first batch."""
        table = self._watch.table
        place = np.flatnonzero(mine).astype(np.int32)
        code = table.source_codes([source])
        numbers = table.numbers(place, np.repeat(code, len(place)))
        new = numbers[table.usable_at[numbers] == NO_TIME]
        table.usable_at[new] = int(self._state.note(_BEGAN) or 0)
        table.expected_s[new] = expected_s


class _OfLane:
    """A state of which a lane loads its own places and areas, and one the official warnings."""

    def __init__(
        self, state: DynamoState, places: set[str], areas: set[str], *, is_official: bool
    ) -> None:
        self._state = state
        self._is_official = is_official
        self._mine = {f"place:{name}" for name in places} | {f"area:{name}" for name in areas}

    def load(self, prefix: str = "") -> dict[str, bytes]:
        """See `ports.State.load`."""
        if prefix == "official:" and not self._is_official:
            return {}
        found = self._state.load(prefix)
        if prefix not in ("place:", "area:"):
            return found
        return {key: body for key, body in found.items() if key in self._mine}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Records of one shard of Kinesis. What cannot be read goes to a queue, and stops nothing."""
    home = deployment.home()
    _look_at_norms(home)
    batch = records.read(event)
    by_lane: dict[int, list[Came]] = {}
    for one in batch.came:
        by_lane.setdefault(one.carried.lane, []).append(one)
    undone: list[Came] = []
    told = 0
    for lane, came in by_lane.items():
        try:
            told += _lane(lane, came).advance(came)
        except StateConflict as error:
            log.warning("a lane cannot go on", lane=lane, reason=str(error))
            undone += came
    records.set_aside(home, batch)
    figures.tell()
    return records.failed(undone)


_lanes: dict[int, Lane] = {}
_looked: list[tuple[float, norms.Laid]] = []
"""When it was last looked which norms are laid down, and what lay there: the lanes go by it."""


def forget() -> None:
    """Hold nothing, as a new container does."""
    _lanes.clear()
    _looked.clear()


def _look_at_norms(home: AwsHome, every_s: float = _LOOK_S) -> None:
    """Take up, between two batches, norms that are new: all lanes are loaded again with them."""
    now = time.monotonic()
    if not names_norms(deployment.settings().rules) or (_looked and now < _looked[0][0] + every_s):
        return
    found = norms.laid(home.state)
    if _looked and found != _looked[0][1]:
        log.info("new norms are taken up", norms=found.name)
        _lanes.clear()
    _looked[:] = [(now, found)]


def _lane(lane: int, came: Sequence[Came]) -> Lane:
    if lane not in _lanes:
        home = deployment.home()
        if home.state.note(_BEGAN) is None:
            home.state.set_note(_BEGAN, str(came[0].carried.payload.received_at))
        _lanes[lane] = Lane(home, deployment.settings(), _norms(home), lane)
    return _lanes[lane]


def _norms(home: AwsHome) -> Norm:
    at = _looked[0][1] if _looked else norms.Laid()
    return norms.read(home.lake, at, deployment.settings())


def _expected_s(settings: Settings) -> dict[str, int]:
    if not (settings.open_meteo.enabled or settings.tomorrow_io.enabled):
        return {}
    return {plan.name: plan.expected_s for plan in plans(settings)}


def _only(decode: Decode, mine: Any) -> Decode:
    """The decoder for the places of one lane."""

    def narrowed(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        decoded = decode(payloads, wanted)
        return Decoded(decoded.readings.take(mine[decoded.readings.place]), decoded.rejects)

    return narrowed
