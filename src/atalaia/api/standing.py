"""How the running program stands, for those who ask.

Where all of it is one process that is told from memory; where it is many functions, from what they
have noted in the home.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from atalaia.api.operator import LagItem
from atalaia.api.probes import Listening, ProgramStanding
from atalaia.api.read_models import SourceItem
from atalaia.batch.upkeep import Upkeep
from atalaia.clock import Clock
from atalaia.detect.watching import Watching
from atalaia.domain.delivery import UNSENT
from atalaia.errors import StateConflict
from atalaia.metrics import Metrics
from atalaia.notify.fanout import position
from atalaia.ports import Home
from atalaia.sources import status
from atalaia.sources.feed import FeedPoller
from atalaia.sources.ingest import Ingest
from atalaia.sources.poller import Poller

_PROBE_S = 2.0
_NOT_OF_A_PROBE = {"source", "calls_left", "in_words"}


class Folder(Home, Protocol):
    """A home on a disk of this machine."""

    def probe(self, now: int) -> None:
        """See whether anything can be kept. May block. Raises StateConflict."""
        ...


class LocalStanding(ProgramStanding):
    """That of a program beside the watch, in one process.

    pollers, warnings, subscribers   those that run; the lists may grow
    shown, fanned_out   numbers of the last entries that the API has, that everybody was told
    clocks              what the sources' times say of theirs and of ours
    step_s              seconds from reading the newest batch to its commit
    """

    def __init__(
        self,
        home: Folder,
        clock: Clock,
        metrics: Metrics,
        *,
        ingest: Ingest,
        watching: Watching,
        upkeep: Upkeep,
        pollers: Sequence[Poller],
        warnings: Sequence[FeedPoller],
        subscribers: Sequence[Listening],
        shown: Callable[[], int],
        fanned_out: Callable[[], int],
        clocks: Callable[[], dict[str, Any]],
    ) -> None:
        self._home = home
        self._clock = clock
        self._metrics = metrics
        self._ingest = ingest
        self._watching = watching
        self._upkeep = upkeep
        self._pollers, self._warnings, self._subscribers = pollers, warnings, subscribers
        self._shown, self._fanned_out = shown, fanned_out
        self._clocks = clocks
        self._probing: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[tuple[dict[tuple[str, str], int], int | None]] | None = None
        self.step_s: float | None = None

    def sources(self) -> list[SourceItem]:
        now = self._clock.second()
        polled = [
            SourceItem(
                source=poller.plan.name,
                calls_left={k: int(v) for k, v in poller.budget.left(now).items()},
                **poller.health.shown(poller.plan.expected_s, now),
            )
            for poller in self._pollers
        ]
        official = [
            SourceItem(source=warnings.name, calls_left={}, **warnings.shown())
            for warnings in self._warnings
        ]
        return polled + official

    def lag(self) -> LagItem:
        counts = self._home.outbox.counts(UNSENT)
        newest = self._home.state.latest(1)
        seq = newest[0][0] if newest else 0
        return LagItem(
            stream_offset=self._watching.offset,
            speed=self._watching.behind,
            speed_s=self._watching.lag_s,
            archive=self._watching.offset - self._upkeep.archived,
            board=seq - self._shown(),
            fan_out=seq - self._fanned_out(),
            step_s=self.step_s,
            deliveries=sum(counts.values()),
        )

    async def metrics(self) -> bytes:
        """Of a store that does not answer soon, the figures of before."""
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(asyncio.to_thread(self._outbox_now))
        with suppress(TimeoutError, StateConflict):
            counts, oldest = await asyncio.wait_for(asyncio.shield(self._counting), _PROBE_S)
            self._metrics.outbox_now(counts)
            self._metrics.waits("message", oldest, self._clock.second())
        return self._metrics.before_reading(self._set_gauges)

    def _outbox_now(self) -> tuple[dict[tuple[str, str], int], int | None]:
        """How many messages there are, and since when the oldest is due; asked in a thread."""
        outbox = self._home.outbox
        return outbox.counts(), outbox.oldest_due(self._clock.second())

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        fault = self._ingest.fault or await self._write_fault()
        now = self._clock.second()
        state: dict[str, Any] = {
            "ready": fault is None,
            "store": {"writable": fault is None, "fault": fault},
            "stream_offset": self._watching.offset,
            "lag": self._watching.behind,
            "lag_s": self._watching.lag_s,
            "clock": self._clocks(),
            "gold": {"refused": self._upkeep.refused},
            "sources": {
                poller.plan.name: poller.health.shown(poller.plan.expected_s, now)
                for poller in self._pollers
            }
            | {warnings.name: warnings.shown() for warnings in self._warnings},
            "subscriptions": {each.name: each.shown() for each in self._subscribers},
        }
        return fault is None, state

    def _set_gauges(self, metrics: Metrics) -> None:
        metrics.stream_offset.set(self._watching.offset)
        metrics.gold_refused.set(self._upkeep.refused)
        metrics.consumer_lag.labels("speed").set(self._watching.behind)
        metrics.lag_seconds.set(self._watching.lag_s)
        metrics.consumer_lag.labels("archive").set(self._watching.offset - self._upkeep.archived)
        now = self._clock.now()
        for poller in self._pollers:
            metrics.left(poller.plan.name, poller.budget.left(now))
        for subscriber in self._subscribers:
            subscriber.set_gauges(metrics)

    async def _write_fault(self) -> str | None:
        """Why nothing can be written now, found out by writing; None: it can be."""
        if self._probing is None or self._probing.done():
            probe = asyncio.to_thread(self._home.probe, self._clock.second())
            self._probing = asyncio.create_task(probe)
        try:
            await asyncio.wait_for(asyncio.shield(self._probing), _PROBE_S)
        except TimeoutError:
            return "the store is busy"
        except StateConflict as error:
            return str(error)
        return None


class NotedStanding(ProgramStanding):
    """That of a deployment, from what functions have noted.

    lived, archived    prefixes of the items with the newest numbers that were lived through and
                       archived, by lane and by shard
    shown              number of the last entry that the API has
    """

    def __init__(
        self,
        home: Home,
        clock: Clock,
        metrics: Metrics,
        *,
        lived: str,
        archived: str,
        shown: Callable[[], int],
    ) -> None:
        self._home = home
        self._clock = clock
        self._metrics = metrics
        self._lived, self._archived = lived, archived
        self._shown = shown

    def sources(self) -> list[SourceItem]:
        # For the page this is on the event loop: a container has one request at a time.
        now = self._clock.second()
        return [
            SourceItem(
                source=told.source,
                calls_left=told.calls_left,
                **told.health.shown(told.expected_s, now),
            )
            for told in status.read(self._home.state)
        ]

    def lag(self) -> LagItem:
        home = self._home
        state, outbox = home.state, home.outbox
        newest = state.latest(1)
        seq = newest[0][0] if newest else 0
        offset = home.stream.last_offset()
        lived = [int(body) for body in state.load(self._lived).values()]
        archived = [int(body) for body in state.load(self._archived).values()]
        return LagItem(
            stream_offset=offset,
            speed=offset - min(lived, default=0),
            speed_s=None,  # the shards' iterator age, which CloudWatch has
            archive=offset - max(archived, default=0),  # shards that were closed stay behind
            board=seq - self._shown(),
            fan_out=seq - position(outbox).done,
            step_s=None,
            deliveries=sum(outbox.counts(UNSENT).values()),
        )

    async def metrics(self) -> bytes:
        """Of this container; CloudWatch has those of all."""
        return self._metrics.before_reading(lambda _: None)

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        try:
            told = await asyncio.to_thread(self.sources)
        except StateConflict as error:
            return False, {"ready": False, "store": {"writable": False, "fault": str(error)}}
        sources = {one.source: one.model_dump(exclude=_NOT_OF_A_PROBE) for one in told}
        store = {"writable": True, "fault": None}
        return True, {"ready": True, "store": store, "sources": sources}
