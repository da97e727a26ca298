"""How a watch in one process stands, for those who ask: from memory, and from the home."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from atalaia.api.operator import LagItem
from atalaia.api.read_models import SourceItem
from atalaia.domain.delivery import UNSENT
from atalaia.errors import StateConflict
from atalaia.metrics import Metrics

if TYPE_CHECKING:
    from atalaia.run.local import Live

_PROBE_S = 2.0


class LocalStanding:
    """Fills `api.app.Standing`.

    step_s  seconds from reading the newest batch to its commit
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._probing: asyncio.Task[None] | None = None
        self.step_s: float | None = None

    def sources(self) -> list[SourceItem]:
        """See `Standing.sources`."""
        now = self._live.clock.second()
        polled = [
            SourceItem(
                source=poller.plan.name,
                calls_left={k: int(v) for k, v in poller.budget.left(now).items()},
                **poller.health.shown(poller.plan.expected_s, now),
            )
            for poller in self._live.pollers
        ]
        official = [
            SourceItem(source=warnings.name, calls_left={}, **warnings.shown())
            for warnings in self._live.warnings
        ]
        return polled + official

    def lag(self) -> LagItem:
        """See `Standing.lag`."""
        live, home = self._live, self._live.home
        counts = home.outbox.counts()
        newest = home.state.latest(1)
        seq = newest[0][0] if newest else 0
        return LagItem(
            stream_offset=live.watching.offset,
            speed=live.watching.behind,
            archive=live.watching.offset - live.upkeep.archived,
            board=seq - live.services.incidents.seq,
            fan_out=seq - live.notifier.done,
            step_s=self.step_s,
            deliveries=sum(n for (_, status), n in counts.items() if status in UNSENT),
        )

    def metrics(self) -> bytes:
        """See `Standing.metrics`."""
        return self._live.metrics.before_reading(self._set_gauges)

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """See `Standing.readiness`."""
        live = self._live
        fault = live.ingest.fault or await self._write_fault()
        now = live.clock.second()
        state: dict[str, Any] = {
            "ready": fault is None,
            "store": {"writable": fault is None, "fault": fault},
            "stream_offset": live.watching.offset,
            "lag": live.watching.behind,
            "sources": {
                poller.plan.name: poller.health.shown(poller.plan.expected_s, now)
                for poller in live.pollers
            }
            | {warnings.name: warnings.shown() for warnings in live.warnings},
        }
        return fault is None, state

    def _set_gauges(self, metrics: Metrics) -> None:
        live = self._live
        metrics.stream_offset.set(live.watching.offset)
        metrics.outbox_now(live.home.outbox.counts())
        metrics.consumer_lag.labels("speed").set(live.watching.behind)
        metrics.consumer_lag.labels("archive").set(live.watching.offset - live.upkeep.archived)
        now = live.clock.now()
        for poller in live.pollers:
            for window, left in poller.budget.left(now).items():
                metrics.budget_calls_left.labels(poller.plan.name, window).set(left)

    async def _write_fault(self) -> str | None:
        """Why nothing can be written now, found out by writing; None: it can be."""
        if self._probing is None or self._probing.done():
            at = str(self._live.clock.second())
            probe = asyncio.to_thread(self._live.home.state.set_note, "ready", at)
            self._probing = asyncio.create_task(probe)
        try:
            await asyncio.wait_for(asyncio.shield(self._probing), _PROBE_S)
        except TimeoutError:
            return "the store is busy"
        except StateConflict as error:
            return str(error)
        return None
