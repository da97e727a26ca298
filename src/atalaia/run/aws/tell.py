"""People are told: fan-out, woken by the alert log, and delivery, woken by a queue or the clock.

What wakes them says nothing: both look into the tables, so that a wake-up that is lost or comes
twice changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import structlog

from atalaia.domain.contact import CHANNELS
from atalaia.domain.delivery import Message
from atalaia.domain.hazard import Level
from atalaia.errors import StateConflict
from atalaia.notify.outreach import Outreach
from atalaia.notify.silences import Silences
from atalaia.people.registry import registry_of
from atalaia.ports import FanOut, Outbox
from atalaia.run.aws import deployment, figures
from atalaia.run.channels import open_channels
from atalaia.sources.session import open_session

_MARGIN_S = 20.0
"""So long before the function's time is over nothing more is begun, and what is under way comes to
its outcome."""

_END_S = 2.0
"""Before it is over: what has no outcome by then is left to its lease."""

log = structlog.get_logger()


class _Watched:
    """An outbox that says when nothing is due any more, and wakes delivery for what is new."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._claiming, self._counting = Lock(), Lock()
        self._under_way = 0
        self._is_over = False
        self.is_dry = False

    def begin(self) -> None:
        """A new call."""
        self._under_way, self._is_over, self.is_dry = 0, False, False

    def rest(self, *, is_late: bool) -> bool:
        """End the call, if nothing is under way; `is_late`: nothing more is claimed in any case.

        A claim that is just being made is waited for. One that outlived its call would hold
        messages that nobody sends, until their leases end.
        """
        with self._claiming:
            self._is_over = is_late or self._under_way <= 0
            return self._under_way <= 0

    def claim(self, now: int, lease_until: int, room: Mapping[str, int]) -> list[Message]:
        """See `ports.Outbox.claim`."""
        with self._claiming:
            if self._is_over:
                return []
            claimed = self._outbox.claim(now, lease_until, room)
            with self._counting:
                self._under_way += len(claimed)
                self.is_dry = not claimed and self._under_way <= 0
            return claimed

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        """See `ports.Outbox.settle`."""
        n = self._outbox.settle(pairs)
        with self._counting:
            self._under_way -= len(pairs)
        return n

    def fan_out(self, step: FanOut) -> int:
        """See `ports.Outbox.fan_out`."""
        new = self._outbox.fan_out(step)
        ranks = [message.rank for message in step.messages]
        if any(rank >= Level.RED for rank in ranks):
            deployment.home().wake("urgent")
        if any(rank < Level.RED for rank in ranks):
            deployment.home().wake("normal")
        return new

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


class _Told:
    """What both functions have of people and channels, once a container."""

    def __init__(self) -> None:
        settings, home = deployment.settings(), deployment.home()
        self.registry = registry_of(home, settings)
        self.outbox = _Watched(home.outbox)
        self.session = open_session()
        outbox: Any = self.outbox
        channels = open_channels(settings, self.session)
        self.outreach = Outreach(
            home.state,
            outbox,
            self.registry,
            channels,
            settings.places,
            now=time.time,
            silences=Silences(home.state).all,
            off=[name for name in CHANNELS if name not in channels],
            on_sent=figures.figures().metrics.tried,
        )


@lru_cache(1)
def _told() -> _Told:
    return _Told()


def forget() -> None:
    """Hold nothing, as a new container does."""
    _told.cache_clear()


def fan_out(event: dict[str, Any]) -> dict[str, Any]:
    """Woken by the log's change stream. All that is new is fanned out, in bounded steps."""
    del event

    async def run() -> int:
        outreach = _told().outreach
        steps = 0
        while outreach.step():
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
    told = _told()
    told.outbox.begin()
    outreach = told.outreach
    await asyncio.to_thread(outreach.recipients.refresh)
    handed = await asyncio.to_thread(outreach.hand_on)
    began = time.monotonic()
    sending = asyncio.create_task(outreach.deliverer.run())
    try:
        while not sending.done() and time.monotonic() < began + left_s - _END_S:
            is_late = time.monotonic() > began + left_s - _MARGIN_S
            may_rest = told.outbox.is_dry or is_late
            if may_rest and await asyncio.to_thread(told.outbox.rest, is_late=is_late):
                break
            await asyncio.sleep(0.02)
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    figures.tell()
    return {"handed_on": handed}
