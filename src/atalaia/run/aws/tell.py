"""People are told: fan-out, woken by the alert log, and delivery, woken by a queue or the clock.

What wakes them says nothing: both look into the tables, so that a wake-up that is lost or comes
twice changes nothing.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import structlog

from atalaia.domain.contact import CHANNELS
from atalaia.errors import StateConflict
from atalaia.notify.notifier import Notifier
from atalaia.run.aws import deployment

_MARGIN_S = 20.0
"""So long before the function's time is over nothing more is begun, and what is under way comes to
its outcome."""

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
        return {"steps": deployment.loop().run_until_complete(run())}
    except StateConflict as error:
        # Another fans out; what it leaves, the next call does.
        log.info("fan-out is left to another", reason=str(error))
        return {"steps": 0}


def deliver(event: dict[str, Any], left_s: float) -> dict[str, Any]:
    """Woken by a queue or the clock: sends until nothing is due, or its time is over."""
    del event
    return deployment.loop().run_until_complete(_deliver(left_s))


async def _deliver(left_s: float) -> dict[str, Any]:
    notifier = _notifier()
    await asyncio.to_thread(notifier.stand)
    handed = await asyncio.to_thread(notifier.escalation.hand_on)
    await notifier.deliverer.run_dry(left_s - _END_S, _MARGIN_S - _END_S)
    deployment.figures().tell()
    return {"handed_on": handed}
