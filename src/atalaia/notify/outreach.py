"""The second half of the speed layer, put together: alert log → audience → outbox → channels.

    alert log ─► fan-out ─► outbox ─► delivery ─► channels ─► people
                    ▲                    │            │
                  recipients ◄─ registry ◄─ gone, stop ◄── bots

Every part is a loop of its own; what one leaves undone the next run takes up from the outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress

import msgspec
import structlog

from atalaia.channels.off import Off
from atalaia.domain.delivery import Channel, Message, Sent, Status, message_id
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence
from atalaia.errors import StateConflict
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.fanout import Fan, deliveries_of, lane_of
from atalaia.notify.pace import takes, takes_in_words
from atalaia.notify.recipients import Recipients
from atalaia.people.registry import Registry
from atalaia.ports import Outbox, State, Told

_LOOK_S = 1.0
_ESCALATE_S = 5.0
_FAULT_S = 5.0
_LONG_S = 60.0
"""A send that will take longer is told before it begins."""

_AT_ONCE = 500

log = structlog.get_logger()


class Outreach:
    """Everybody who asked is told. Its parts run until they are cancelled.

    silences   what is told to nobody
    off        channels that others may believe to be on: what is for them goes by the next one
    on_recipients    called when people changed, from a thread
    on_sent    told of every try, once it is kept
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        registry: Registry,
        channels: Mapping[str, Channel],
        places: Places,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        silences: Callable[[], Sequence[Silence]] = tuple,
        off: Collection[str] = (),
        on_recipients: Callable[[Recipients], None] = lambda _: None,
        on_sent: Callable[[Sequence[Sent]], None] = lambda _: None,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._registry = registry
        self._channels = channels
        self._now, self._sleep = now, sleep
        self._on_roll, self._on_sent = on_recipients, on_sent
        self._news = asyncio.Event()
        self._gone: list[tuple[str, str]] = []
        self.recipients = Recipients(registry.load, channels)
        self._fan = Fan(
            state, outbox, self.recipients.audience, self.recipients, places, silences=silences
        )
        composer = Composer(state, outbox, places, self.recipients, registry, now)
        self.deliverer = Deliverer(
            outbox,
            state,
            {**channels, **{name: Off(name) for name in off}},
            composer.write,
            now=now,
            sleep=sleep,
            on_sent=self._after_tries,
        )

    def parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The loops by name."""
        return {
            "fan-out": self._fan_out,
            "delivery": self.deliverer.run,
            "escalation": self._escalate,
        }

    @property
    def done(self) -> int:
        """The number of the last entry of the alert log that is fanned out."""
        return self._fan.done

    def wake(self) -> None:
        """The alert log has something new, or somebody has just subscribed."""
        self._news.set()
        self.deliverer.wake()

    async def close(self, within_s: float) -> None:
        """Let what is under way come to its outcome."""
        await self.deliverer.close(within_s)

    def step(self) -> bool:
        """Take up who changed, and fan out the next people; whether there was anything to do."""
        if self.recipients.refresh():
            self._on_roll(self.recipients)
        fanned = self._fan.step(int(self._now()))
        if fanned is None:
            return False
        for channel, n in fanned.messages.items():
            self._tell_long(channel, n)
        return True

    # Loops

    async def _fan_out(self) -> None:
        while True:
            self._news.clear()
            try:
                has_more = await asyncio.to_thread(self.step)
            except StateConflict as error:
                log.warning("fan-out failed; it is tried again", reason=str(error))
                await self._sleep(_FAULT_S)
                continue
            if has_more:
                self.deliverer.wake()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()

    async def _escalate(self) -> None:
        while True:
            try:
                n = await asyncio.to_thread(self.hand_on)
            except StateConflict as error:
                log.warning("escalation failed; it is tried again", reason=str(error))
                n = 0
            if n:
                self.deliverer.wake()
            await self._sleep(_ESCALATE_S)

    def hand_on(self) -> int:
        """Give to the next channel what is dead, or red and not acknowledged; return how many."""
        while self._gone:
            person, channel = self._gone[0]
            with suppress(ValueError):  # erased meanwhile
                self._registry.gone(person, channel, int(self._now()))
            del self._gone[0]
        waiting = self._outbox.unanswered(int(self._now()), _AT_ONCE)
        handed = sum(self._hand_on(message) for message in waiting)
        if waiting:
            self._outbox.handed_on([message.id for message in waiting])
        return handed

    def _hand_on(self, message: Message) -> bool:
        person = self.recipients.get(message.person)
        now = int(self._now())
        if person is None or now > message.expires_at:
            return False
        found = (next(self._state.alerts(seq - 1, limit=1), None) for seq in message.seqs)
        alerts = [one for one in found if one is not None]
        if not alerts:
            return False
        told = self._outbox.told([e.alert.incident for _, e in alerts], [message.person])
        versions = {(e.alert.incident, e.alert.version) for _, e in alerts}
        if self._is_over(versions, told):
            return False
        tried = {one.channel for one in told if (one.incident, one.version) in versions}
        channel = next((name for name in person.channels if name not in tried), None)
        if channel is None:
            return False
        has_more = any(name not in tried | {channel} for name in person.channels)
        escalates = message.escalate_at and has_more
        new = msgspec.structs.replace(
            message,
            id=message_id(message.person, channel, str(message.seqs[0])),
            channel=channel,
            lane=lane_of(message.person, channel, alerts[0][1].alert.incident),
            status=Status.DUE,
            due_at=now,
            attempts=0,
            unknowns=0,
            lease_until=0,
            settled_at=0,
            reason="",
            provider_id="",
            escalate_at=now + person.escalate_after_s if escalates else 0,
        )
        return self._outbox.put(new, deliveries_of(new, alerts))

    def _is_over(self, versions: Set[tuple[str, int]], told: Sequence[Told]) -> bool:
        """Whether the person was told since then that all these incidents are over."""
        latest = dict(versions)
        later = {one.message for one in told if one.version > latest[one.incident]}
        ended = set()
        for message in map(self._outbox.message, later):
            for seq in message.seqs if message else ():
                for _, entry in self._state.alerts(seq - 1, limit=1):
                    if entry.alert.type in ("end", "cancel"):
                        ended.add(entry.alert.incident)
        return ended >= latest.keys()

    # News

    def _after_tries(self, tries: Sequence[Sent]) -> None:
        self._gone += [(t.message.person, t.message.channel) for t in tries if t.outcome.is_gone]
        self._on_sent(tries)

    def _tell_long(self, channel: str, messages: int) -> None:
        limits = self._channels[channel].limits if channel in self._channels else None
        if limits is not None and (
            takes(messages, limits) > _LONG_S or 0 < limits.a_day < messages
        ):
            log.warning("a long send", takes=takes_in_words(messages, channel, limits))
