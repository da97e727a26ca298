"""Everybody who asked is told, for as long as the watch runs.

    alert log ─► fan-out ─► outbox ─► delivery ─► channels ─► people
                    ▲                    │            │
             recipients ◄─ registry ◄─ gone, stop ◄── bots

Every stage is a loop of its own; what one leaves undone the next run takes up from the outbox.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from atalaia.clock import Clock
from atalaia.domain.delivery import Channel
from atalaia.domain.hazard import Level
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notify.deliver import Deliverer
from atalaia.notify.escalate import Escalation
from atalaia.notify.fanout import Fan, Fanned
from atalaia.notify.pace import takes, takes_in_words
from atalaia.notify.recipients import Recipients
from atalaia.notify.standing import Standing

_LOOK_S = 1.0
_ASIDE_S = 0.02
"""Where a step had all that the log held when it began, the next one waits for so long, unless the
log has more: what it would look through is in the way of the letters that were just made."""

_ESCALATE_S = 5.0
_FAULT_S = 5.0
_KEEP_S = 30.0
_TELL_S = 600
"""What is made of recipients is looked through so often also where nobody has changed: it may have
been lost, or made by one that knew less."""

_REST, _REST_MOST_S = 10, 45.0
"""It is made anew after so many times as long as it took, and not later than this, also while much
is fanned out: who is called every minute does it each time."""

_LONG_S = 60.0
"""A send that will take longer is told before it begins."""

log = Logger()


class Notifier:
    """The stages of telling people, run together.

    standing    what stands is told by it, if given
    wake        who sends is woken with it: ``urgent``, ``normal``
    on_changed  called when recipients changed, and every ten minutes, from a thread; called again
                where it raises StateConflict, which holds up nothing
    """

    def __init__(
        self,
        recipients: Recipients,
        fan: Fan,
        deliverer: Deliverer,
        escalation: Escalation,
        channels: Mapping[str, Channel],
        *,
        clock: Clock,
        wake: Callable[[str], None],
        standing: Standing | None = None,
        on_changed: Callable[[Recipients], None] = lambda _: None,
    ) -> None:
        self.recipients = recipients
        self.deliverer = deliverer
        self.escalation = escalation
        self._fan = fan
        self._standing = standing
        self._channels = channels
        self._clock = clock
        self._wake = wake
        self._on_changed = on_changed
        self._news = asyncio.Event()
        self._has_heard = False
        self._changed, self._told_at, self._rest_s = -1, 0, 0.0
        self._came: set[str] = set()
        self._quiet: set[str] = set()

    def parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The loops by name."""
        return {
            "fan-out": self._fan_out,
            "delivery": self.deliverer.run,
            "escalation": self._escalate,
            "snapshots": self._keep,
        }

    @property
    def done(self) -> int:
        """The number of the last entry of the alert log that is fanned out."""
        return self._fan.done

    @property
    def reached(self) -> int:
        """See `Fan.reached`."""
        return self._fan.reached

    def hear(self) -> None:
        """The alert log has something new, of which nobody has a message yet. On the event loop."""
        self._news.set()
        self._has_heard = True

    def wake(self) -> None:
        """Something has become due, or somebody has just subscribed. On the event loop."""
        self._news.set()
        self.deliverer.wake()

    async def close(self, within_s: float) -> None:
        """Let what is under way come to its outcome."""
        await self.deliverer.close(within_s)

    def step(self) -> bool:
        """Take up who changed, and fan out the next people; whether there was anything to do."""
        self._take_up()
        now = self._clock.second()
        fanned = self._fan.step(now)
        if fanned is not None:
            for channel, n in fanned.messages.items():
                self._tell_long(channel, n)
            self._wake_for(fanned)
        if fanned is None or now - self._told_at >= _REST_MOST_S:
            self._tell_changed(now)
        if fanned is None:
            self.stand()
        return fanned is not None

    def stand(self) -> None:
        """Tell who came what stands, and what a silence that has ended kept back; wake what waits
        for quiet hours that are others now. Of those who were taken up: who came since is next."""
        if self._standing is None:
            return
        now = self._clock.second()
        while self._quiet:
            pseudonym = next(iter(self._quiet))
            self._standing.rouse(pseudonym, now)
            self._quiet.discard(pseudonym)
        came = set(self._came)
        if self._standing.step(came, now):
            self._wake("normal")
        self._came -= came

    def keep(self) -> None:
        """Keep who is told for who begins next, where it is time."""
        self.recipients.keep(self._clock.second())

    def _take_up(self) -> None:
        """Who changed, whoever has refreshed."""
        self.recipients.refresh()
        news = self.recipients.news()
        self._came |= news.came
        self._quiet |= news.quiet

    def _tell_changed(self, now: int) -> None:
        """Going through everybody takes seconds where many places are watched: most of the time is
        for others."""
        changed, age_s = self.recipients.changed, now - self._told_at
        if 0 <= age_s < (_TELL_S if changed == self._changed else self._rest_s):
            return
        began = time.perf_counter()
        try:
            self._on_changed(self.recipients)
            self._changed, least_s = changed, 0.0
        except StateConflict as error:
            log.warning("people's own limits are not told; it is tried again", reason=str(error))
            self._changed, least_s = -1, _FAULT_S
        self._told_at = now
        self._rest_s = min(_REST_MOST_S, max(least_s, _REST * (time.perf_counter() - began)))

    async def _fan_out(self) -> None:
        is_begun = False
        while True:
            self._news.clear()
            self._has_heard = False
            try:
                has_more = await asyncio.to_thread(self.step)
                if not is_begun and self._standing is not None:
                    await asyncio.to_thread(self._standing.rouse_changed, self._clock.second())
                    is_begun = True
            except StateConflict as error:
                log.warning("fan-out failed; it is tried again", reason=str(error))
                await self._clock.sleep(_FAULT_S)
                continue
            is_aside = has_more and not self._fan.has_more and not self._has_heard
            if is_aside:
                self._news.clear()  # it was woken by what it has just made
            if is_aside or not has_more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ASIDE_S if is_aside else _LOOK_S):
                        await self._news.wait()

    async def _escalate(self) -> None:
        while True:
            try:
                n = await asyncio.to_thread(self.escalation.hand_on)
            except StateConflict as error:
                log.warning("escalation failed; it is tried again", reason=str(error))
                n = 0
            if n:
                self.deliverer.wake()
            await self._clock.sleep(_ESCALATE_S)

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(_KEEP_S)
            try:
                await asyncio.to_thread(self.keep)
            except StateConflict as error:
                log.warning("who is told is not kept; it is tried again", reason=str(error))

    def _wake_for(self, fanned: Fanned) -> None:
        if any(rank >= Level.RED for rank in fanned.ranks):
            self._wake("urgent")
        if any(rank < Level.RED for rank in fanned.ranks):
            self._wake("normal")

    def _tell_long(self, channel: str, messages: int) -> None:
        limits = self._channels[channel].limits if channel in self._channels else None
        if limits is not None and (
            takes(messages, limits) > _LONG_S or 0 < limits.a_day < messages
        ):
            log.warning("a long send", takes=takes_in_words(messages, channel, limits))
