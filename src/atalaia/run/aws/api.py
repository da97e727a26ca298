"""The API, the page and the bots' webhooks as a function behind an HTTP API.

Before each request the container takes up what the alert log has new. Readings are those of GOLD,
which is minutes behind; forecasts are as detect has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from atalaia.api.edge import Edge
from atalaia.api.gateway import respond
from atalaia.api.gold_history import ANSWER_S, GoldHistory
from atalaia.api.standing import NotedStanding
from atalaia.batch.archive import SHARD_NEWEST
from atalaia.detect.lanes import NEWEST
from atalaia.detect.near import FollowedSight
from atalaia.domain.payload import Payload
from atalaia.homes.aws.secrets import edge_words
from atalaia.homes.aws.sql import AthenaSql, Cost
from atalaia.lake.laid import Followed
from atalaia.logs import Logger
from atalaia.run.aws import deployment
from atalaia.settings.strength import checked

_MARGIN_S = 2.0

log = Logger()


async def _accept(payloads: Sequence[Payload]) -> int:
    return await asyncio.to_thread(deployment.home().stream.append, payloads)


def _note_cost(cost: Cost) -> None:
    log.info("Athena was asked", query=cost.query, cost=cost.in_words())


@lru_cache(1)
def _app() -> Any:
    """The application of one container. To be made on its event loop."""
    settings, home = checked(deployment.settings(), is_shared=False), deployment.home()
    config, places, now = home.config, settings.places, deployment.CLOCK.now
    sql = AthenaSql(
        home.clients, config.workgroup, config.database, on_cost=_note_cost, timeout_s=ANSWER_S
    )
    history = GoldHistory(sql, places, now, home.state.item, settings.rules)
    sight = FollowedSight(home.state, places, config.lanes, now)
    norms = partial(Followed(settings.rules, places).latest, home.state, home.lake)
    services = deployment.services()
    standing = NotedStanding(
        home,
        deployment.CLOCK,
        services.metrics,
        lived=NEWEST,
        archived=SHARD_NEWEST,
        shown=lambda: services.follower.view.seq,
    )
    words = edge_words(home.clients, config.edge)
    return Edge(services.api(_accept, history, standing, sight, norms), words)


def forget() -> None:
    """Hold nothing, as a new container does."""
    _app.cache_clear()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A request of the HTTP API."""
    left_s = context.get_remaining_time_in_millis() / 1000

    async def run() -> dict[str, Any]:
        app = _app()
        await deployment.services().follower.catch_up()
        return await respond(app, event, max(1.0, left_s - _MARGIN_S))

    return deployment.loop().run_until_complete(run())
