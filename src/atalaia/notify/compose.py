"""Messages become letters: words from the alert log, an address from the vault, a thread.

This is the one place where what is said and to whom come together, for as long as a try takes. What
is said is decided here, and not before: by what the person has heard, and what the log has since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import NamedTuple, Protocol

import msgspec

from atalaia.clock import Clock
from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import ADDED, Letter, Message, Outcome, Status, key_of
from atalaia.domain.drill import Drill, drill_of, exercise
from atalaia.domain.hazard import Level
from atalaia.domain.message import Content, added, compose, confirmation
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence, is_held
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.notify.drills import drill_in
from atalaia.notify.fanout import Profiles, concerns, expires_at, rank_of
from atalaia.notify.own_limit import own_limit
from atalaia.notify.still import EXPIRED, SILENCED, Facts, has_failed, why_not
from atalaia.people.registry import Question
from atalaia.ports import Notice, Outbox, State

_ENTRIES_KEPT = 2_000
_DRAFTS_KEPT = _INCIDENTS_KEPT = 100_000
_NO_ADDRESS = "the person has no such address any more"


class Directory(Protocol):
    """Where people are reached. `people.registry.Registry` is one."""

    def person(self, pseudonym: str) -> Person | None:
        """All that they asked for, with their own limits."""
        ...

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        """Their confirmed address."""
        ...

    def question(self, pseudonym: str, channel: str, now: int) -> Question | None:
        """What to ask an address that waits to be confirmed."""
        ...


class _Draft(NamedTuple):
    """What a letter was written by: it is looked at again where any of this has changed.

    person    as they then were; seq: of the newest entry of the log
    """

    person: Person | None
    seq: int
    incidents: tuple[str, ...]


class _Batch(msgspec.Struct):
    """What is looked up once for all messages that are written together."""

    now: int
    entries: dict[str, list[tuple[int, LogEntry]]]
    told: dict[tuple[str, str], list[Notice]]  # by person and incident
    newest: dict[str, LogEntry]  # by incident, where it went on
    silences: Sequence[Silence]
    has_past: set[str]  # ids of messages whose people may have been told anything of the same
    contents: dict[tuple[tuple[int, ...], str], Content] = {}


class Composer:
    """Writes letters, a batch at a time. Threads take turns by a lock.

    profiles    who is to be told, at hand; `people` opens what is sealed
    silences    what is told to nobody
    refresh     takes up who changed, for `profiles`
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        places: Places,
        profiles: Profiles,
        people: Directory,
        clock: Clock,
        *,
        silences: Callable[[], Iterable[Silence]] = tuple,
        refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._at = places
        self._places = {place.id: place for place in places}
        self._profiles = profiles
        self._people = people
        self._clock = clock
        self._silences = silences
        self._refresh = refresh
        self._lock = Lock()
        self._entries: dict[int, LogEntry] = {}
        self._log = _Follower(state)
        self._drafts: dict[str, _Draft] = {}

    def write(self, messages: Sequence[Message]) -> list[Letter | Outcome]:
        """A letter each; or what became of a message that can no longer be written, or tells
        nothing that is news, or has to wait for the end of quiet hours."""
        if not messages:
            return []
        with self._lock:
            self._log.follow()
            batch = self._batch(messages)
            return [self._written(message, batch) for message in messages]

    def look(self) -> None:
        """Take up who changed, and what the log has since."""
        self._refresh()
        self._log.follow()

    def is_stale(self, message: Message) -> bool:
        """Whether its letter was written by what is so no more: it is to be written anew."""
        if message.kind == "confirm":
            return False
        draft, now = self._drafts.pop(message.id, None), self._clock.second()
        if draft is None or self._profiles.get(message.person) is not draft.person:
            return True
        is_quiet = _waits_until(draft.person, message.rank, now) is not None
        return is_quiet or self._log.has_newer(draft.incidents, draft.seq)

    def _batch(self, messages: Sequence[Message]) -> _Batch:
        entries = {m.id: self._entries_of(m) for m in messages}
        told: dict[tuple[str, str], list[Notice]] = defaultdict(list)
        asked = [m for m in messages if self._has_past(m, entries[m.id])]
        incidents = {key for m in asked for _, e in entries[m.id] for key in _thread_of(e)}
        if incidents:
            for one in self._outbox.told(sorted(incidents), sorted({m.person for m in asked})):
                told[one.person, one.incident].append(one)
        newest: dict[str, LogEntry] = {}
        for m in messages:
            for seq, entry in entries[m.id]:
                key = entry.alert.incident
                if key not in newest and self._log.may_go_on(key, seq):
                    newest[key] = self._state.life(key)[-1][1]
        return _Batch(
            self._clock.second(),
            entries,
            told,
            newest,
            tuple(self._silences()),
            {m.id for m in asked},
        )

    def _entries_of(self, message: Message) -> list[tuple[int, LogEntry]]:
        found = ((seq, self._entry(seq)) for seq in message.seqs)
        return [(seq, entry) for seq, entry in found if entry is not None]

    def _has_past(self, message: Message, entries: Sequence[tuple[int, LogEntry]]) -> bool:
        """Whether its person may have been told anything else of the same."""
        # A first alert that is new has nothing before it or after it, and most messages are that.
        is_tried = message.attempts or message.unknowns or message.escalate_at
        return bool(is_tried) or any(
            _goes_on(entry) or self._log.may_go_on(entry.alert.incident, seq)
            for seq, entry in entries
        )

    def _written(self, message: Message, batch: _Batch) -> Letter | Outcome:
        try:
            return self._letter(message, batch)
        except StateConflict:  # what is kept of one person must not silence all others
            return Outcome("again", "what is kept of the person cannot be opened")

    def _letter(self, message: Message, batch: _Batch) -> Letter | Outcome:
        if message.kind == "confirm":
            return self._question(message)
        person = self._profiles.get(message.person)
        entries = batch.entries[message.id]
        self._note_draft(message, person, entries)
        if person is None:
            return Outcome("never", _NO_ADDRESS)
        if (id_ := drill_of(message.kind)) and (drill := drill_in(self._state, id_)):
            letter = self._drill(message, drill, person)
            return self._when_awake(message.rank, person, batch.now) or letter
        kind, _, about = message.kind.partition(":")
        if kind == ADDED:
            return self._added(message, about, person)
        return self._news(message, person, batch)

    def _news(self, message: Message, person: Person, batch: _Batch) -> Letter | Outcome:
        if not batch.entries[message.id]:
            return Outcome("never", "its alerts are no longer in the log")
        told, left_out, reason = self._still(message, person, batch)
        if not told:
            return Outcome("dropped", reason)
        rank = max(map(rank_of, told))
        return self._when_awake(rank, person, batch.now) or self._alert(
            message, told, left_out, person, batch
        )

    def _note_draft(
        self, message: Message, person: Person | None, entries: Sequence[tuple[int, LogEntry]]
    ) -> None:
        if len(self._drafts) >= _DRAFTS_KEPT:  # those of messages that others sent
            self._drafts.clear()
        incidents = tuple(entry.alert.incident for _, entry in entries)
        self._drafts[message.id] = _Draft(person, self._log.seq, incidents)

    def _when_awake(self, rank: int, person: Person, now: int) -> Outcome | None:
        until = _waits_until(person, rank, now)
        return None if until is None else Outcome("waits", "quiet hours", after_s=until - now)

    def _added(self, message: Message, channel: str, person: Person) -> Letter | Outcome:
        contact = self._people.contact(message.person, message.channel)
        if contact is None:
            return Outcome("never", _NO_ADDRESS)
        return Letter(
            id=message.id,
            contact=contact,
            content=added(channel, person.language),
            sent_at=message.due_at,
        )

    def _drill(self, message: Message, drill: Drill, person: Person) -> Letter | Outcome:
        contact = self._people.contact(message.person, message.channel)
        if contact is None:
            return Outcome("never", _NO_ADDRESS)
        return Letter(
            id=message.id,
            contact=contact,
            content=exercise(drill, person.language),
            sent_at=drill.at,
            asks=message.rank == Level.RED,
        )

    def _alert(
        self,
        message: Message,
        told: Sequence[LogEntry],
        left_out: Sequence[str],
        person: Person,
        batch: _Batch,
    ) -> Letter | Outcome:
        contact = self._people.contact(message.person, message.channel)
        if contact is None:
            return Outcome("never", _NO_ADDRESS)
        thread = self._thread(message, told, batch)
        return Letter(
            id=message.id,
            contact=contact,
            content=self._content(message, told, person, batch),
            sent_at=told[0].alert.sent_at,
            reply_to=thread[-1].provider_id if thread else "",
            thread=tuple(dict.fromkeys(one.message for one in thread)),
            asks=max(map(rank_of, told)) == Level.RED,
            left_out=tuple(left_out),
            has_more=len(person.channels) > 1,
        )

    def _still(
        self, message: Message, person: Person, batch: _Batch
    ) -> tuple[list[LogEntry], list[str], str]:
        """The alerts that are still to be told, those that are not, and why the last is not."""
        if message.id not in batch.has_past and not batch.silences and len(message.seqs) == 1:
            return [entry for _, entry in batch.entries[message.id]], [], ""
        told, left_out, reason = [], [], ""
        for _, entry in batch.entries[message.id]:
            why = self._why_not(entry, message, person, batch)
            if why:
                left_out.append(key_of(entry.alert.incident, entry.alert.version))
                reason = why
            else:
                told.append(entry)
        return told, left_out, reason

    def _why_not(self, entry: LogEntry, message: Message, person: Person, batch: _Batch) -> str:
        if expires_at(entry) < min(batch.now, message.expires_at):
            return EXPIRED
        if is_held(entry, batch.silences, batch.now):
            return SILENCED
        return why_not(self._facts(entry, message, person, batch), message, person)

    def _facts(self, entry: LogEntry, message: Message, person: Person, batch: _Batch) -> Facts:
        key = entry.alert.incident
        newest = batch.newest.get(key, entry)

        def is_concerned() -> bool:
            whole = self._people.person(person.pseudonym)
            return whole is not None and concerns(whole, self._unheard(entry), self._at)

        told = batch.told.get((message.person, key), ())
        return Facts(entry=entry, newest=newest, told=told, is_concerned=is_concerned)

    def _unheard(self, entry: LogEntry) -> LogEntry:
        """An entry with all that its incident's peaks came through so far."""
        life = [one for _, one in self._state.life(entry.alert.incident)]
        so_far = [one for one in life if one.alert.version <= entry.alert.version]
        return msgspec.structs.replace(entry, moved=tuple(m for one in so_far for m in one.moved))

    def _question(self, message: Message) -> Letter | Outcome:
        asked = self._people.question(message.person, message.channel, self._clock.second())
        if asked is None:
            return Outcome("never", "there is nothing left to confirm")
        return Letter(
            id=message.id,
            contact=asked.contact,
            content=confirmation(asked.code, asked.language, asked.terms),
            sent_at=message.due_at,
        )

    def _content(
        self, message: Message, entries: Sequence[LogEntry], person: Person, batch: _Batch
    ) -> Content:
        """What it says; the same words for all who have no limit of their own in it."""
        own = self._own_limits(person, entries)
        failed = [
            message.id in batch.has_past and has_failed(self._facts(one, message, person, batch))
            for one in entries
        ]
        if any(own) or any(failed) or len(entries) < len(message.seqs):
            return compose(entries, self._places, person.language, batch.now, own, failed)
        key = (message.seqs, person.language)
        if key not in batch.contents:
            batch.contents[key] = compose(entries, self._places, person.language, batch.now)
        return batch.contents[key]

    def _own_limits(self, person: Person, entries: Sequence[LogEntry]) -> list[str]:
        """By alert the limit of their own that it passed, if that is why they are told."""
        if not any(entry.moved for entry in entries):
            return []
        whole = self._people.person(person.pseudonym)
        return [own_limit(whole, entry) if whole else "" for entry in entries]

    def _thread(self, message: Message, entries: Sequence[LogEntry], batch: _Batch) -> list[Notice]:
        """What went out before it about its incidents, by the same channel. One that is linked to
        an incident about the same weather goes on in that one's thread."""
        return [
            one
            for entry in entries
            if _goes_on(entry)
            for key in reversed(_thread_of(entry))
            for one in batch.told.get((message.person, key), ())
            if one.status == Status.SENT and one.channel == message.channel
            if one.message != message.id
            if key != entry.alert.incident or one.version < entry.alert.version
        ]

    def _entry(self, seq: int) -> LogEntry | None:
        """An entry of the alert log; those lately asked for are remembered."""
        found = self._entries.get(seq)
        if found is None:
            number_, found = next(self._state.alerts(seq - 1, limit=1), (0, None))
            if number_ != seq or found is None:
                return None
            if len(self._entries) >= _ENTRIES_KEPT:
                self._entries.clear()
            self._entries[seq] = found
        return found


class _Follower:
    """Which incidents went on in the log since this was made."""

    def __init__(self, state: State) -> None:
        self._state = state
        newest = state.latest(1)
        self._first = self.seq = newest[-1][0] if newest else 0
        self._last: dict[str, int] = {}
        self._lock = Lock()

    def follow(self) -> None:
        with self._lock:
            for seq, entry in self._state.alerts(self.seq):
                self._last[entry.alert.incident] = self.seq = seq
            if len(self._last) >= _INCIDENTS_KEPT:
                self._last.clear()
                self._first = self.seq

    def has_newer(self, incidents: Iterable[str], seq: int) -> bool:
        """Whether any of them has an entry after this number, which lies in what was followed."""
        return seq < self._first or any(self._last.get(one, 0) > seq for one in incidents)

    def may_go_on(self, incident: str, seq: int) -> bool:
        """Whether it may have an entry after this number."""
        return seq < self._first or self._last.get(incident, 0) > seq


def _waits_until(person: Person | None, rank: int, now: int) -> int | None:
    """When the quiet hours end for which a message of this rank has to wait; None: it may go."""
    if person is None or person.quiet is None or rank >= Level.RED:
        return None
    return person.quiet.ends_at(now)


def _goes_on(entry: LogEntry) -> bool:
    return entry.alert.version > 1 or bool(entry.linked)


def _thread_of(entry: LogEntry) -> tuple[str, ...]:
    """The incidents whose messages are one thread to a person: its own first."""
    return (entry.alert.incident, *entry.linked)
