"""The speed layer as a function: records of a shard, lived through by lane, and committed.

A container holds each lane's consumer between two batches. What it holds is what was committed:
where another container went on meanwhile, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import structlog

from atalaia.detect import near
from atalaia.detect.consumer import Consumer, Taken
from atalaia.detect.sight import Sight
from atalaia.detect.watch import CONSUMER, Step
from atalaia.domain.lanes import Lane
from atalaia.domain.reading import Floats
from atalaia.errors import StateConflict
from atalaia.homes.aws import records
from atalaia.homes.aws.records import Came
from atalaia.lake.laid import Followed
from atalaia.notes import Note
from atalaia.ports import Notes, State
from atalaia.run.aws import deployment

NEWEST = "lane:"
"""Items with the number of the newest record that each lane has lived through."""

_TRIES = 5

log = structlog.get_logger()

_lanes: dict[int, Consumer] = {}


@lru_cache(1)
def _followed() -> Followed:
    settings = deployment.settings()
    return Followed(settings.rules, settings.places)


def forget() -> None:
    """Hold nothing, as a new container does."""
    _lanes.clear()
    _followed.cache_clear()


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Records of one shard of Kinesis. What cannot be read goes to a queue, and stops nothing."""
    home = deployment.home()
    if _followed().is_new(home.state):
        _lanes.clear()  # all begin anew, between two batches
    batch = records.read(event)
    by_lane: dict[int, list[Came]] = {}
    for one in batch.came:
        by_lane.setdefault(one.carried.lane, []).append(one)
    undone: list[Came] = []
    for lane, came in by_lane.items():
        try:
            _live(lane, came)
        except StateConflict as error:
            log.warning("a lane cannot go on", lane=lane, reason=str(error))
            undone += came
    records.set_aside(home, batch)
    deployment.figures().tell()
    return records.failed(undone)


def _live(lane: int, came: Sequence[Came]) -> None:
    """Live through all that is new. Raises StateConflict where the state cannot be written."""
    if lane not in _lanes:
        _lanes[lane] = _consumer(lane, came[0].carried.payload.received_at)
    taken = [Taken(one.sequence, one.record, one.carried.is_copy) for one in came]
    metrics = deployment.figures().metrics
    for left in reversed(range(_TRIES)):
        try:
            while lived := _lanes[lane].live(taken):
                metrics.judged(lived.readings, lived.rejects, lived.entries, lived.seconds)
        except StateConflict as error:
            if not left:
                raise
            log.info("a lane goes on from what is kept", lane=lane, reason=str(error))
        else:
            return


def _began(notes: Notes) -> Note[int]:
    """When the deployment's first batch came, Unix seconds."""
    return Note(notes, "began", int)


def _consumer(number: int, now: int) -> Consumer:
    settings, state = deployment.settings(), deployment.home().state
    lane = Lane(settings.places, number, deployment.home().config.lanes)
    _began(state).change(lambda known: now if known is None else known)

    def items_of(
        step: Step, nearness: Floats, sight: Sight, taken: Sequence[Taken]
    ) -> Mapping[str, bytes]:
        items = {f"{NEWEST}{number}": b"%d" % taken[-1].record.offset}
        if step.now:
            items[f"{near.PREFIX}{number}"] = near.pack(lane, nearness, sight, step.now)
        return items

    def since(state: State) -> int:
        return _began(state).get() or 0

    return deployment.services().consumer(
        lambda: _followed().norms(deployment.home().lake),
        since,
        lane=number,
        name=f"{CONSUMER}/lane-{number}",
        items_of=items_of,
    )
