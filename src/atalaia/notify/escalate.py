"""What nobody read goes to a next channel: what died, came too late or was put off for long, and
red ones that nobody answered. What goes there is what is true by then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from typing import NamedTuple

import msgspec

from atalaia.clock import Clock
from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Message, Sent, Status
from atalaia.domain.hazard import Level
from atalaia.domain.in_part import parts_of
from atalaia.domain.official import RULE
from atalaia.domain.subscription import Person
from atalaia.notify.fanout import Profiles, deliveries_of, expires_at, message_of, rank_of
from atalaia.people.registry import Registry
from atalaia.ports import Notice, Outbox, State

_AT_ONCE = 500


class Handed(NamedTuple):
    """Messages that were looked at, and those that were made of them for a next channel."""

    looked_at: int
    made: int


class Escalation:
    """Hands messages on. `hear` of every try: an address that is gone is stopped before that.

    refresh    takes up who changed, for `profiles`, where anything is to be handed on
    fetch      has these people at hand for `profiles`, read together
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        registry: Registry,
        profiles: Profiles,
        clock: Clock,
        *,
        refresh: Callable[[], object] = lambda: None,
        fetch: Callable[[Iterable[str]], object] = lambda _: None,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._registry = registry
        self._profiles = profiles
        self._clock = clock
        self._refresh = refresh
        self._fetch = fetch
        self._gone: list[tuple[str, str]] = []

    def hear(self, tries: Sequence[Sent]) -> None:
        """Take note of addresses that are no more."""
        self._gone += [(t.message.person, t.message.channel) for t in tries if t.outcome.is_gone]

    def hand_on(self) -> int:
        """Give to the next channel what has its turn there; return how many messages."""
        return self.hand_some_on(_AT_ONCE).made

    def hand_some_on(self, most: int) -> Handed:
        """The same for so many messages at most, each marked as it is done."""
        while self._gone:
            person, channel = self._gone[0]
            with suppress(ValueError):  # erased meanwhile
                self._registry.gone(person, channel, self._clock.second())
            del self._gone[0]
        now = self._clock.second()
        waiting = self._outbox.unanswered(now, most)
        if waiting:
            self._refresh()
            self._fetch(message.person for message in waiting)
        return Handed(len(waiting), sum(self._hand_on(m, now) for m in waiting))

    def _hand_on(self, message: Message, now: int) -> bool:
        person = self._profiles.get(message.person)
        new, alerts = self._next(message, person, now) if person else (None, [])
        deliveries = deliveries_of(new, alerts) if new else ()
        return self._outbox.hand_on(message.id, new, deliveries) and new is not None

    def _next(
        self, message: Message, person: Person, now: int
    ) -> tuple[Message | None, list[tuple[int, LogEntry]]]:
        """What goes by the next channel, and what of it that channel lacks; None: nothing does."""
        found = sorted(self._state.entries(message.seqs).items())
        incidents = [entry.alert.incident for _, entry in found]
        told = self._outbox.told(incidents, [message.person]) if found else []
        was_sent = message.status in (Status.SENT, Status.UNKNOWN)
        course = self._as_it_stands if was_sent else _unless_newer
        standing = {  # by number: what is newer took the place of some, or of several
            one[0]: one
            for seq, entry in found
            if (one := course(seq, entry, told)) and expires_at(one[1]) >= now
        }
        alerts = [one for _, one in sorted(standing.items())]
        tried = {(one.incident, one.version, one.channel) for one in told}
        lacking = {
            name: some
            for name in person.channels
            if name != message.channel and (some := _lacking(alerts, name, tried))
        }
        left = list(lacking)
        if not left:
            return None, []
        # What that channel has already is left out there, and goes on with the others from there.
        some = lacking[left[0]]
        why = message.id if len(some) < len(alerts) else ""
        new = message_of(person, left[0], alerts, now, why)
        escalates = new.rank == Level.RED and person.escalate_after_s and left[1:]
        escalate_at = now + person.escalate_after_s if escalates else 0
        return msgspec.structs.replace(new, due_at=now, escalate_at=escalate_at), some

    def _as_it_stands(
        self, seq: int, entry: LogEntry, told: Sequence[Notice]
    ) -> tuple[int, LogEntry] | None:
        """The newest that the person was told of the incident and that still stands, where it is
        red; None: nobody has to answer any more. Where a warning stands the last look decides."""
        alert = entry.alert
        mine = {one.version for one in told if one.incident == alert.incident} or {alert.version}
        life = [(seq, entry)]
        if max(mine) > alert.version:
            known = self._state.life(alert.incident)
            life = [one for one in known if one[1].alert.version <= max(mine)]
        stands = {number for number, _ in parts_of(life)}
        red = [
            one
            for one in life
            if one[0] in stands and one[1].alert.version in mine and rank_of(one[1]) == Level.RED
        ]
        return red[-1] if red else None


def _lacking(
    alerts: Sequence[tuple[int, LogEntry]], channel: str, tried: Set[tuple[str, int, str]]
) -> list[tuple[int, LogEntry]]:
    """What was not to go by this channel yet."""
    return [
        one for one in alerts if (one[1].alert.incident, one[1].alert.version, channel) not in tried
    ]


def _unless_newer(seq: int, entry: LogEntry, told: Sequence[Notice]) -> tuple[int, LogEntry] | None:
    """What did not go, unless something newer goes its own way. What is newer of a warning may
    speak of other places: there the last look decides."""
    alert = entry.alert
    if alert.rule == RULE:
        return seq, entry
    mine = (one for one in told if one.incident == alert.incident)
    return None if any(one.version > alert.version for one in mine) else (seq, entry)
