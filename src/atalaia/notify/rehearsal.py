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
from atalaia.notify.fanout import Fan, Position, concerns, follows, written
from atalaia.notify.still import Facts, where_it_has_the_last_word, where_it_stands, why_not
from atalaia.ports import FanOut, Notice, State


def rehearse(
    state: State, person: Person, places: Places, after: int = 0
) -> Iterator[tuple[Message, list[LogEntry]]]:
    """The messages that the person would have had from the entries after number `after`.

    In the order in which they would have gone; with what each tells, by the same decision as a
    letter's: what quiet hours would have put off and something else have overtaken is left out.
    """
    audience = Audience()
    audience.put(person)
    outbox = _Ledger(state, after)
    profile = {person.pseudonym: msgspec.structs.replace(person, since=0)}
    fan = Fan(outbox, outbox, audience, profile, places)
    while fan.step(None) is not None:
        pass
    gone = [m for m in outbox.messages.values() if m.status != Status.DROPPED]
    for message in sorted(gone, key=lambda m: (m.due_at, m.seqs)):
        if told := outbox.still(message, person, places):
            yield message, told


class _Ledger:
    """An outbox in memory, where everything goes out at once when it is due.

    Its clock is the log's own: it stands at the group that is looked at.
    """

    def __init__(self, state: State, after: int) -> None:
        self._state = state
        self._after = after
        self._now = 0
        self.messages: dict[str, Message] = {}
        self._position = written(Position(done=after))
        self._told: dict[str, list[Notice]] = defaultdict(list)
        self._entries: dict[int, LogEntry] = {}
        self._lives: dict[str, dict[int, LogEntry]] = defaultdict(dict)
        self._left_out: set[tuple[str, str, int]] = set()

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        for i, (seq, entry) in enumerate(self._state.alerts(max(after, self._after), limit)):
            if i == 0:
                self._now = entry.alert.sent_at
            self._entries[seq] = entry
            self._lives[entry.alert.incident][entry.alert.version] = entry
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
        return [msgspec.structs.replace(one, status=self._status(one)) for one in found]

    def still(self, message: Message, person: Person, places: Places) -> list[LogEntry]:
        """What a letter tells that is written when the message is due. To be asked of one after
        the other, in the order in which they go."""
        self._now = message.due_at
        told = []
        for seq in message.seqs:
            entry = self._entries[seq]
            if why_not(self._facts(entry, person, places), message, person):
                self._left_out.add((message.id, entry.alert.incident, entry.alert.version))
            else:
                told.append(entry)
        return told

    def _facts(self, entry: LogEntry, person: Person, places: Places) -> Facts:
        incident = entry.alert.incident
        life = [e for e in self._lives[incident].values() if e.alert.sent_at <= self._now]
        moved = tuple(m for e in life if e.alert.version <= entry.alert.version for m in e.moved)
        unheard = msgspec.structs.replace(entry, moved=moved)
        versions = {e.alert.version for e in life}
        return Facts(
            entry=entry,
            newest=life[-1],
            told=[one for one in self.told([incident]) if one.version in versions],
            is_concerned=lambda: concerns(person, unheard, places),
            is_still_followed=lambda: follows(person, where_it_stands(entry, life[-1]), places),
            stands_besides=lambda: follows(person, where_it_has_the_last_word(entry, life), places),
        )

    def _status(self, one: Notice) -> Status:
        if (one.message, one.incident, one.version) in self._left_out:
            return Status.DROPPED
        known = self.messages[one.message]
        is_out = known.status == Status.WAITING and known.due_at <= self._now
        return Status.SENT if is_out or known.status == Status.DUE else known.status
