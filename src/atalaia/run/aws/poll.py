"""Asking the sources as a function, called by the clock every minute, with one at a time.

Each call is one round of `sources.poller`: what is due is asked, and what comes is appended to the
stream. When each place was asked, how many calls are left, and how each source is doing, is kept in
notes between rounds.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec

from atalaia.domain.payload import Payload
from atalaia.domain.reading import Floats
from atalaia.run.aws import deployment, figures, near, sources
from atalaia.run.aws.official import hear
from atalaia.settings.plans import plans
from atalaia.sources import CLOCK
from atalaia.sources.health import Health
from atalaia.sources.plan import Plan
from atalaia.sources.poller import Poller
from atalaia.sources.session import open_session


class _RoundIsOver(Exception):
    """Nothing is due any more, and nothing is under way."""


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Ask what is due; and tell the stream what time it is."""
    del event
    return deployment.loop().run_until_complete(_round())


async def _round() -> dict[str, Any]:
    settings, home = deployment.settings(), deployment.home()
    now = time.time()
    closeness = await asyncio.to_thread(_nearness, int(now))
    before = await asyncio.to_thread(sources.read, home.state)
    known = {told.source: told.health for told in before}
    async with open_session() as session:
        came = _Came()
        asked = [_ask(plan, session, closeness, known, came) for plan in plans(settings)]
        heard = [hear(feed, home.state, session, came.keep) for feed in settings.cap.feeds]
        told = await asyncio.gather(*asked, *heard)
    tick = Payload(source=CLOCK, content="tick", received_at=int(time.time()), body=b"")
    await asyncio.to_thread(home.stream.append, [tick])
    if told != before:
        await asyncio.to_thread(sources.keep, home.state, told)
    figures.tell()
    return {"payloads": came.n}


class _Came:
    """Puts what comes into the stream, and counts it."""

    n = 0

    async def keep(self, payloads: list[Payload]) -> None:
        await asyncio.to_thread(deployment.home().stream.append, payloads)
        self.n += len(payloads)
        figures.figures().metrics.kept(payloads)


async def _ask(
    plan: Plan,
    session: aiohttp.ClientSession,
    closeness: Floats,
    known: Mapping[str, Health],
    came: _Came,
) -> sources.Told:
    """One round of one source, known to do so well; return how it is doing."""
    state = deployment.home().state
    metrics = figures.figures().metrics

    async def wait(_: float) -> None:
        name = f"ask {plan.name}"
        asking = [task for task in asyncio.all_tasks() if task.get_name() == name]
        if not asking:
            raise _RoundIsOver
        await asyncio.wait(asking)

    poller = Poller(
        plan,
        deployment.places(),
        session,
        came.keep,
        nearness=lambda: closeness,
        get_note=lambda key: asyncio.to_thread(state.note, key),
        set_note=lambda key, text: asyncio.to_thread(state.set_note, key, text),
        now=time.time,
        sleep=wait,
        jitter=random.random,
    )
    if plan.name in known:
        poller.health = msgspec.structs.replace(known[plan.name])
    with suppress(_RoundIsOver):
        await poller.run()
    calls_left = poller.budget.left(time.time())
    for window, left in calls_left.items():
        metrics.budget_calls_left.labels(plan.name, window).set(left)
    return sources.Told(plan.name, plan.expected_s, poller.health, calls_left)


def _nearness(now: int) -> Floats:
    """Of each place to a limit, as detect last told it."""
    home = deployment.home()
    items = home.state.load(near.PREFIX)
    return near.read(items, deployment.places(), home.config.lanes, now)
