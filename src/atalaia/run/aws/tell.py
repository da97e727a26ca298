"""People are told: fan-out, woken by the alert log, and delivery, woken by a queue or the clock.

What wakes them says nothing: both look into the tables, so that a wake-up that is lost or comes
twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import lru_cache
from typing import Any

import structlog

from atalaia.domain.contact import CHANNELS
from atalaia.errors import HeldByAnother, Overtaken, StateConflict
from atalaia.notify.fanout import position
from atalaia.notify.notifier import Notifier
from atalaia.run.aws import deployment

_MARGIN_S = 20.0
"""So long before the function's time is over nothing more is begun, and what is under way comes to
its outcome."""

_HANDED_AT_ONCE = 25

_END_S = 2.0
"""Before it is over: what has no outcome by then is left to its lease."""

log = structlog.get_logger()


@lru_cache(1)
def _notifier() -> Notifier:
    """What both functions have of people and channels, once a container."""
    services = deployment.services()
    return services.notifier(off=[name for name in CHANNELS if name not in services.channels])


def forget() -> None:
    """Hold nothing, as a new container does."""
    _notifier.cache_clear()


def fan_out(event: dict[str, Any]) -> dict[str, Any]:
    """Woken by the log's change stream. All that is new is fanned out, in bounded steps."""
    del event

    async def run() -> int:
        steps = 0
        while _notifier().step():
            steps += 1
        return steps

    try:
        return {"steps": _stepped(run)}
    finally:
        _tell_lag()


def _stepped(run: Callable[[], Coroutine[Any, Any, int]]) -> int:
    for _ in deployment.clients().tries():
        try:
            return deployment.loop().run_until_complete(run())
        except Overtaken:  # a message went out while a step was made that drops it
            continue
        except HeldByAnother as error:
            # What the other leaves, the next call does.
            log.info("fan-out is left to another", reason=str(error))
            return 0
    raise StateConflict("messages go out all the time while fan-out drops them; it is tried again")


def _tell_lag() -> None:
    """How far fan-out is behind the log, and delivery behind fan-out: also where they fail, for
    that is when it counts. Whoever cannot look tells nothing, which is an alarm as well."""
    home, metrics, now = deployment.home(), deployment.figures().metrics, deployment.CLOCK.second()
    metrics.waits_unknown()
    with suppress(StateConflict):
        newest = [number for number, _ in home.state.latest(1)]
        done = position(home.outbox).done
        waiting = next(home.state.alerts(done, limit=1), None)
        lag = max(0, newest[0] - done) if newest else 0
        metrics.consumer_lag.labels("fan-out").set(lag)
        metrics.waits("entry", waiting[1].alert.sent_at if waiting else None, now)
        metrics.waits("message", home.outbox.oldest_due(now), now)
    deployment.figures().tell()


def deliver(event: dict[str, Any], left_s: float) -> dict[str, Any]:
    """Woken by a queue or the clock: sends until nothing is due, or its time is over."""
    del event
    return deployment.loop().run_until_complete(_deliver(left_s))


async def _deliver(left_s: float) -> dict[str, Any]:
    notifier = _notifier()
    tick = asyncio.get_running_loop().time
    until = tick() + left_s
    handing = asyncio.create_task(_hand_on(notifier, until - _MARGIN_S))
    try:
        await notifier.deliverer.run_dry(left_s - _END_S, _MARGIN_S - _END_S)
    finally:
        handed = await handing
    if handed and (left_s := until - tick()) > _MARGIN_S:
        await notifier.deliverer.run_dry(left_s - _END_S, _MARGIN_S - _END_S)
    deployment.figures().tell()
    return {"handed_on": handed}


async def _hand_on(notifier: Notifier, until: float) -> int:
    """What nobody read goes on beside the sending, some at a time, as long as there is time."""
    made = 0
    while asyncio.get_running_loop().time() < until:
        some = await asyncio.to_thread(notifier.escalation.hand_some_on, _HANDED_AT_ONCE)
        made += some.made
        if some.made:
            notifier.deliverer.wake()
        if some.looked_at < _HANDED_AT_ONCE:
            break
    return made
