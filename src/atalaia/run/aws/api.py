"""The API, the page and the bots' webhooks as a function behind an HTTP API.

Before each request the container takes up what the alert log has new. Readings are those of GOLD,
which is minutes behind; forecasts are as detect has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from atalaia.api.gateway import respond
from atalaia.api.operator import LagItem
from atalaia.api.past import ANSWER_S, GoldHistory
from atalaia.api.read_models import SourceItem
from atalaia.domain.delivery import UNSENT
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.aws.sql import AthenaSql, Cost
from atalaia.notify.fanout import Position
from atalaia.run.aws import archive, deployment, detect
from atalaia.sources import status

_MARGIN_S = 2.0

log = structlog.get_logger()


class AwsStanding:
    """Fills `api.app.Standing` from what the functions have noted."""

    def sources(self) -> list[SourceItem]:
        """See `Standing.sources`."""
        # For the page this is on the event loop: a container has one request at a time.
        now = deployment.CLOCK.second()
        return [
            SourceItem(
                source=told.source,
                calls_left=told.calls_left,
                **told.health.shown(told.expected_s, now),
            )
            for told in status.read(deployment.home().state)
        ]

    def lag(self) -> LagItem:
        """See `Standing.lag`."""
        home, services = deployment.home(), deployment.services()
        state, outbox = home.state, home.outbox
        newest = state.latest(1)
        seq = newest[0][0] if newest else 0
        offset = home.stream.last_offset()
        lived = [int(body) for body in state.load(detect.NEWEST).values()]
        archived = [int(body) for body in state.load(archive.NEWEST).values()]
        return LagItem(
            stream_offset=offset,
            speed=offset - min(lived, default=0),
            archive=offset - max(archived, default=0),  # shards that were closed stay behind
            board=seq - services.incidents.seq,
            fan_out=seq - msgspec.json.decode(outbox.position() or "{}", type=Position).done,
            step_s=None,
            deliveries=sum(n for (_, status), n in outbox.counts().items() if status in UNSENT),
        )

    def metrics(self) -> bytes:
        """See `Standing.metrics`: of this container; CloudWatch has those of all."""
        return deployment.figures().metrics.before_reading(lambda _: None)

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """See `Standing.readiness`."""
        try:
            told = await asyncio.to_thread(self.sources)
        except StateConflict as error:
            return False, {"ready": False, "store": {"writable": False, "fault": str(error)}}
        sources = {one.source: one.model_dump(exclude={"source", "calls_left"}) for one in told}
        store = {"writable": True, "fault": None}
        return True, {"ready": True, "store": store, "sources": sources}


async def _accept(payloads: Sequence[Payload]) -> int:
    return await asyncio.to_thread(deployment.home().stream.append, payloads)


def _note_cost(cost: Cost) -> None:
    log.info("Athena was asked", query=cost.query, cost=cost.in_words())


@lru_cache(1)
def _app() -> Any:
    """The application of one container. To be made on its event loop."""
    home, settings = deployment.home(), deployment.settings()
    config = home.config
    sql = AthenaSql(
        home.clients, config.workgroup, config.database, on_cost=_note_cost, timeout_s=ANSWER_S
    )
    history = GoldHistory(sql, settings.places, deployment.CLOCK.now, home.state.item)
    return deployment.services().api(_accept, history, AwsStanding())


def forget() -> None:
    """Hold nothing, as a new container does."""
    _app.cache_clear()


def handle(event: dict[str, Any], left_s: float) -> dict[str, Any]:
    """A request of the HTTP API."""

    async def run() -> dict[str, Any]:
        app = _app()
        await deployment.services().feeds.catch_up()
        return await respond(app, event, max(1.0, left_s - _MARGIN_S))

    return deployment.loop().run_until_complete(run())
