"""Asking the sources as a function, called by the clock every minute, with one at a time.

Each call is one round of `sources.rounds`: what is due is asked, and what comes is appended to the
stream; and the stream is told what time it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from atalaia.detect import near
from atalaia.domain.payload import Payload
from atalaia.domain.reading import Floats
from atalaia.run.aws import deployment
from atalaia.settings.plans import plans
from atalaia.sources import status
from atalaia.sources.ingest import clock_payload
from atalaia.sources.rounds import ask, hear
from atalaia.sources.session import open_session


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Ask what is due."""
    del event
    return deployment.loop().run_until_complete(_round())


async def _round() -> dict[str, Any]:
    settings, home, clock = deployment.settings(), deployment.home(), deployment.CLOCK
    metrics, state, places = deployment.figures().metrics, home.state, settings.places
    nearness = await asyncio.to_thread(_nearness, clock.second())
    before = await asyncio.to_thread(status.read, state)
    known = {told.source: told.health for told in before}
    n = 0

    async def keep(payloads: Sequence[Payload]) -> None:
        nonlocal n
        await asyncio.to_thread(home.stream.append, payloads)
        n += len(payloads)
        metrics.kept(payloads)

    async with open_session() as session:
        asked = [
            ask(
                plan,
                places,
                session,
                state,
                keep,
                clock,
                nearness=nearness,
                health=known.get(plan.name),
            )
            for plan in plans(settings)
        ]
        heard = [
            hear(feed.url, feed.interval_s, session, state, keep, clock, settings.places)
            for feed in settings.cap.feeds
        ]
        told = await asyncio.gather(*asked, *heard)
    await asyncio.to_thread(home.stream.append, [clock_payload(clock.second())])
    for one in told:
        for window, left in one.calls_left.items():
            metrics.budget_calls_left.labels(one.source, window).set(left)
    if told != before:
        await asyncio.to_thread(status.keep, state, told)
    deployment.figures().tell()
    return {"payloads": n}


def _nearness(now: int) -> Floats:
    """Of each place to a limit, as detect last told it."""
    home, places = deployment.home(), deployment.settings().places
    return near.read(home.state.load(near.PREFIX), places, home.config.lanes, now)
