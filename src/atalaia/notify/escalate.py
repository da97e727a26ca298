"""What nobody read goes to a next channel: dead messages, and red ones that nobody answered."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress

import msgspec

from atalaia.clock import Clock
from atalaia.domain.delivery import Message, Sent, Status, message_id
from atalaia.notify.fanout import deliveries_of, order_key_of
from atalaia.notify.recipients import Recipients
from atalaia.people.registry import Registry
from atalaia.ports import Notice, Outbox, State

_AT_ONCE = 500


class Escalation:
    """Hands messages on. `hear` of every try: an address that is gone is stopped before that."""

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        registry: Registry,
        recipients: Recipients,
        clock: Clock,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._registry = registry
        self._recipients = recipients
        self._clock = clock
        self._gone: list[tuple[str, str]] = []

    def hear(self, tries: Sequence[Sent]) -> None:
        """Take note of addresses that are no more."""
        self._gone += [(t.message.person, t.message.channel) for t in tries if t.outcome.is_gone]

    def hand_on(self) -> int:
        """Give to the next channel what is dead, or red and not acknowledged; return how many."""
        while self._gone:
            person, channel = self._gone[0]
            with suppress(ValueError):  # erased meanwhile
                self._registry.gone(person, channel, self._clock.second())
            del self._gone[0]
        waiting = self._outbox.unanswered(self._clock.second(), _AT_ONCE)
        handed = sum(self._hand_on(message) for message in waiting)
        if waiting:
            self._outbox.handed_on([message.id for message in waiting])
        return handed

    def _hand_on(self, message: Message) -> bool:
        person = self._recipients.get(message.person)
        now = self._clock.second()
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
            order_key=order_key_of(message.person, channel, alerts[0][1].alert.incident),
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

    def _is_over(self, versions: Set[tuple[str, int]], told: Sequence[Notice]) -> bool:
        """Whether the person was told since then that all these incidents are over."""
        latest = dict(versions)
        later = {one.message for one in told if one.version > latest[one.incident]}
        ended = set()
        for message in map(self._outbox.message, later):
            for seq in message.seqs if message else ():
                for _, entry in self._state.alerts(seq - 1, limit=1):
                    if entry.is_over:
                        ended.add(entry.alert.incident)
        return ended >= latest.keys()
