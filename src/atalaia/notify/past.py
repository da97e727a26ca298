"""What came before the messages that are written together: looked up once for all of them.

Of each alert: how its incident went on, and what its people were told of it. By that it is decided
what of a message is still to be told, and which thread it goes on with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import HeldAlert, Message, Status, key_of
from atalaia.domain.official import RULE
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence, is_held
from atalaia.domain.subscription import Person
from atalaia.notify.alert_log import AlertLog
from atalaia.notify.fanout import concerns, expires_at, follows
from atalaia.notify.held import held
from atalaia.notify.still import (
    EXPIRED,
    LEFT_OUT,
    NEWER,
    SILENCED,
    Facts,
    as_it_stands,
    has_failed,
    where_it_has_the_last_word,
    where_it_stands,
    why_not,
)
from atalaia.ports import Notice, Outbox


class Past:
    """All that is known of a batch of messages at `now` (Unix seconds).

    whole_of    a person with their own limits, by pseudonym
    silences    those that go on; seq: the newest entry that is certainly known of
    """

    def __init__(
        self,
        messages: Sequence[Message],
        log: AlertLog,
        outbox: Outbox,
        silences: Iterable[Silence],
        places: Places,
        whole_of: Callable[[str], Person | None],
        now: int,
    ) -> None:
        self.now = now
        self.seq = log.seq  # before anything is looked up: others follow the log meanwhile
        self._log = log
        self._places = places
        self._whole_of = whole_of
        self.silences = tuple(silences)
        # Most messages of a batch are of the same alerts, which are asked for together.
        batches = {m.seqs for m in messages}
        found = dict(log.entries([seq for seqs in batches for seq in seqs]))
        self._entries = {seqs: [(s, found[s]) for s in seqs if s in found] for seqs in batches}
        self._alerts = {seqs: [e for _, e in found] for seqs, found in self._entries.items()}
        self._incidents = {
            seqs: tuple(e.alert.incident for e in found) for seqs, found in self._alerts.items()
        }
        self._goes_on = {
            seqs: any(_goes_on(e) or log.may_go_on(e.alert.incident, s) for s, e in found)
            for seqs, found in self._entries.items()
        }
        asked = [m for m in messages if self._may_have_been_told(m)]
        self._has_past = {m.id for m in asked}
        self._told = self._told_to(asked, outbox)
        self._newest = self._gone_on()

    def _may_have_been_told(self, message: Message) -> bool:
        """Whether its person may have been told anything else of the same."""
        # A first alert that is new has nothing before it or after it, and most messages are that.
        is_tried = message.attempts or message.unknowns or message.escalate_at or message.left_out
        return bool(is_tried) or self._goes_on[message.seqs]

    def _told_to(
        self, messages: Sequence[Message], outbox: Outbox
    ) -> dict[tuple[str, str], list[Notice]]:
        """By person and incident."""
        told: dict[tuple[str, str], list[Notice]] = defaultdict(list)
        incidents = {
            key for m in messages for _, e in self._entries[m.seqs] for key in _thread_of(e)
        }
        if incidents:
            for one in outbox.told(sorted(incidents), sorted({m.person for m in messages})):
                told[one.person, one.incident].append(one)
        return told

    def _gone_on(self) -> dict[str, LogEntry]:
        """The newest entries of incidents that went on, by incident."""
        newest: dict[str, LogEntry] = {}
        for entries in self._entries.values():
            for seq, entry in entries:
                key = entry.alert.incident
                if key not in newest and self._log.may_go_on(key, seq):
                    newest[key] = self._log.newest(key)
        return newest

    def entries(self, message: Message) -> Sequence[LogEntry]:
        """Its alerts, but for those that the log has no more."""
        return self._alerts[message.seqs]

    def incidents(self, message: Message) -> tuple[str, ...]:
        """Those of its alerts."""
        return self._incidents[message.seqs]

    def still(self, message: Message, person: Person) -> tuple[Sequence[LogEntry], list[str], str]:
        """The alerts that are still to be told, those that are not, and why the last is not."""
        entries = self.entries(message)
        if message.id not in self._has_past and not self.silences and len(message.seqs) == 1:
            return entries, [], ""
        told, left_out, reason = [], [], ""
        for entry in entries:
            why = self._why_not(entry, message, person)
            now = entry if why else self._as_it_stands(entry)
            if now is not entry and not self._is_followed(now, person):
                why = NEWER
            if why:
                left_out.append(key_of(entry.alert.incident, entry.alert.version))
                reason = why
            else:
                told.append(now)
        return told, left_out, reason

    def _as_it_stands(self, entry: LogEntry) -> LogEntry:
        """A warning that is told late is told of those of its places of which it is still true."""
        newest = self._newest.get(entry.alert.incident, entry)
        if entry.alert.rule != RULE or newest.alert.version <= entry.alert.version:
            return entry
        return as_it_stands(entry, self._log.until(newest))

    def _is_followed(self, entry: LogEntry, person: Person) -> bool:
        whole = self._whole_of(person.pseudonym)
        return whole is not None and follows(whole, entry, self._places)

    def have_failed(
        self, entries: Sequence[LogEntry], message: Message, person: Person
    ) -> list[bool]:
        """Of each of these, whether its person was to be told of the incident before, and nothing
        reached them; none, where they were told nothing."""
        if message.id not in self._has_past:
            return []
        return [has_failed(self._facts(entry, message, person)) for entry in entries]

    def thread(self, message: Message, entries: Sequence[LogEntry]) -> list[Notice]:
        """What went out before it about its incidents, by the same channel. One that is linked to
        an incident about the same weather goes on in that one's thread."""
        if message.id not in self._has_past:
            return []
        return [
            one
            for entry in entries
            if _goes_on(entry)
            for key in reversed(_thread_of(entry))
            for one in self._told.get((message.person, key), ())
            if one.status == Status.SENT and one.channel == message.channel
            if one.message != message.id
            if key != entry.alert.incident or one.version < entry.alert.version
        ]

    def held(self, message: Message, entries: Sequence[LogEntry]) -> tuple[HeldAlert, ...]:
        """What stands by these for its person, and what does not because of them."""
        whole = self._whole_of(message.person)
        return held(entries, self._log.until, whole, self._places) if whole else ()

    def _why_not(self, entry: LogEntry, message: Message, person: Person) -> str:
        alert = entry.alert
        if message.unknowns and key_of(alert.incident, alert.version) in message.left_out:
            return LEFT_OUT
        if expires_at(entry) < min(self.now, message.expires_at):
            return EXPIRED
        if is_held(entry, self.silences, self.now):
            return SILENCED
        return why_not(self._facts(entry, message, person), message, person)

    def _facts(self, entry: LogEntry, message: Message, person: Person) -> Facts:
        key = entry.alert.incident
        newest = self._newest.get(key, entry)

        def is_news() -> bool:
            whole = self._whole_of(person.pseudonym)
            return whole is not None and concerns(whole, self._log.unheard(entry), self._places)

        return Facts(
            entry=entry,
            newest=newest,
            told=self._told.get((message.person, key), ()),
            is_concerned=is_news,
            is_still_followed=lambda: self._is_followed(where_it_stands(entry, newest), person),
            stands_besides=lambda: self._is_followed(
                where_it_has_the_last_word(entry, self._log.until(newest)), person
            ),
        )


def _goes_on(entry: LogEntry) -> bool:
    return entry.alert.version > 1 or bool(entry.linked)


def _thread_of(entry: LogEntry) -> tuple[str, ...]:
    """The incidents whose messages are one thread to a person: its own first."""
    return (entry.alert.incident, *entry.linked)
