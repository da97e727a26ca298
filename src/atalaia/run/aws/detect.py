"""The speed layer as a function: records of a shard, lived through by lane, and committed."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from atalaia.detect.consumer import Consumer, Lived, Taken
from atalaia.detect.lanes import Lanes, began_at, items_of
from atalaia.detect.watch import CONSUMER
from atalaia.domain.lanes import Lane
from atalaia.homes.aws import records
from atalaia.lake.laid import Followed
from atalaia.run.aws import deployment


@lru_cache(1)
def _followed() -> Followed:
    settings = deployment.settings()
    return Followed(settings.rules, settings.places)


@lru_cache(1)
def _lanes() -> Lanes:
    return Lanes(_consumer, deployment.home().state, _judged)


def forget() -> None:
    """Hold nothing, as a new container does."""
    _lanes.cache_clear()
    _followed.cache_clear()


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Records of one shard of Kinesis. What cannot be read goes to a queue, and stops nothing."""
    home = deployment.home()
    if _followed().is_new(home.state):
        _lanes().begin_anew()  # all of them, between two batches
    batch = records.read(event)
    by_lane: dict[int, list[Taken]] = {}
    for one in batch.came:
        taken = Taken(one.sequence, one.record, one.carried.is_copy)
        by_lane.setdefault(one.carried.lane, []).append(taken)
    undone = _lanes().live(by_lane)
    records.set_aside(home, batch)
    deployment.figures().tell()
    return records.failed([one for one in batch.came if one.carried.lane in undone])


def _judged(lived: Lived) -> None:
    metrics = deployment.figures().metrics
    metrics.judged(lived.readings, lived.rejects, lived.entries, lived.seconds)


def _consumer(number: int) -> Consumer:
    lane = Lane(deployment.settings().places, number, deployment.home().config.lanes)
    return deployment.services().consumer(
        lambda: _followed().norms(deployment.home().lake),
        began_at,
        lane=number,
        name=f"{CONSUMER}/lane-{number}",
        items_of=partial(items_of, lane),
    )
