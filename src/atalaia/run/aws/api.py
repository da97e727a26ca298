"""The API, the page and the bots' webhooks as a function behind an HTTP API.

Before each request the container takes up what the alert log has new. Readings are those of GOLD,
which is minutes behind; forecasts are as detect has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import structlog

from atalaia.api.gateway import respond
from atalaia.api.gold_history import ANSWER_S, GoldHistory
from atalaia.api.standing import NotedStanding
from atalaia.batch.archive import SHARD_NEWEST
from atalaia.detect import near
from atalaia.detect.lanes import NEWEST
from atalaia.detect.sight import Sight
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.homes.aws.sql import AthenaSql, Cost
from atalaia.lake import laid
from atalaia.run.aws import deployment

_MARGIN_S = 2.0

_SIGHT_S, _NORMS_S = 10, 300
"""One look for all that is asked in so many seconds: an answer asks several times."""

log = structlog.get_logger()


async def _accept(payloads: Sequence[Payload]) -> int:
    return await asyncio.to_thread(deployment.home().stream.append, payloads)


def _note_cost(cost: Cost) -> None:
    log.info("Athena was asked", query=cost.query, cost=cost.in_words())


def _sight() -> Sight:
    """Until when each place can be seen, as detect last told it."""
    return _sight_at(int(deployment.CLOCK.now() // _SIGHT_S))


def _norms() -> Norms:
    """As they are laid down for detect."""
    return _norms_at(int(deployment.CLOCK.now() // _NORMS_S))


@lru_cache(1)
def _norms_at(_turn: int) -> Norms:
    home, settings = deployment.home(), deployment.settings()
    return laid.read(home.lake, laid.laid(home.state), settings.rules, settings.places)


@lru_cache(1)
def _sight_at(_turn: int) -> Sight:
    home, places = deployment.home(), deployment.settings().places
    return near.read_sight(home.state.load(near.PREFIX), places, home.config.lanes)


@lru_cache(1)
def _app() -> Any:
    """The application of one container. To be made on its event loop."""
    home, settings = deployment.home(), deployment.settings()
    config = home.config
    sql = AthenaSql(
        home.clients, config.workgroup, config.database, on_cost=_note_cost, timeout_s=ANSWER_S
    )
    history = GoldHistory(sql, settings.places, deployment.CLOCK.now, home.state.item)
    services = deployment.services()
    standing = NotedStanding(
        home,
        deployment.CLOCK,
        services.metrics,
        lived=NEWEST,
        archived=SHARD_NEWEST,
        shown=lambda: services.follower.view.seq,
    )
    return services.api(_accept, history, standing, _sight, _norms)


def forget() -> None:
    """Hold nothing, as a new container does."""
    _app.cache_clear()
    _sight_at.cache_clear()
    _norms_at.cache_clear()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A request of the HTTP API."""
    left_s = context.get_remaining_time_in_millis() / 1000

    async def run() -> dict[str, Any]:
        app = _app()
        await deployment.services().follower.catch_up()
        return await respond(app, event, max(1.0, left_s - _MARGIN_S))

    return deployment.loop().run_until_complete(run())
