"""What would somebody have received? The alert log of the past, through the very same fan-out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Message, Status
from atalaia.domain.place import Places
from atalaia.domain.subscription import Person
from atalaia.notify.audience import Audience
from atalaia.notify.fanout import Fan, Position, written
from atalaia.ports import FanOut, Notice, State


def rehearse(
    state: State, person: Person, places: Places, after: int = 0
) -> Iterator[tuple[Message, list[LogEntry]]]:
    """The messages that the person would have had from the entries after number `after`.

    In the order in which they would have gone; with what each tells. What quiet hours would have
    put off and an end have overtaken is left out.
    """
    audience = Audience()
    audience.put(person)
    outbox = _Ledger(state, written(Position(done=after)))
    profile = {person.pseudonym: msgspec.structs.replace(person, since=0)}
    fan = Fan(outbox, outbox, audience, profile, places)
    while fan.step(None) is not None:
        pass
    gone = [m for m in outbox.messages.values() if m.status != Status.DROPPED]
    for message in sorted(gone, key=lambda m: (m.due_at, m.seqs)):
        entries = [next(state.alerts(seq - 1, limit=1))[1] for seq in message.seqs]
        yield message, entries


class _Ledger:
    """An outbox in memory, where everything goes out at once when it is due.

    Its clock is the log's own: it stands at the group that is looked at.
    """

    def __init__(self, state: State, position: str) -> None:
        self._state = state
        self._now = 0
        self.messages: dict[str, Message] = {}
        self._position = position
        self._told: dict[str, list[Notice]] = defaultdict(list)

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        for i, (seq, entry) in enumerate(self._state.alerts(after, limit)):
            if i == 0:
                self._now = entry.alert.sent_at
            yield seq, entry

    def position(self) -> str:
        return self._position

    def fan_out(self, step: FanOut) -> int:
        self._position = step.position
        for name in step.dropped:
            dropped = msgspec.structs.replace(self.messages[name], status=Status.DROPPED)
            self.messages[name] = dropped
        for message in step.messages:
            self.messages[message.id] = message
        for delivery in step.deliveries:
            self._told[delivery.incident].append(
                Notice(
                    person=delivery.person,
                    incident=delivery.incident,
                    version=delivery.version,
                    channel=delivery.channel,
                    message=delivery.message,
                    status=Status.DUE,
                    attempts=0,
                    size=len(self.messages[delivery.message].seqs),
                    provider_id="",
                )
            )
        return len(step.messages)

    def told(self, incidents: Sequence[str]) -> list[Notice]:
        found = [one for incident in incidents for one in self._told.get(incident, ())]
        return [msgspec.structs.replace(one, status=self._status(one.message)) for one in found]

    def _status(self, message: str) -> Status:
        known = self.messages[message]
        is_out = known.status == Status.WAITING and known.due_at <= self._now
        return Status.SENT if is_out or known.status == Status.DUE else known.status
