"""Messages become letters: words from the alert log, an address from the vault, a thread.

This is the one place where what is said and to whom come together, for as long as a try takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from atalaia.clock import Clock
from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import ADDED, Letter, Message, Outcome, Status
from atalaia.domain.drill import drill_of, exercise
from atalaia.domain.hazard import Level
from atalaia.domain.message import Content, added, compose, confirmation
from atalaia.domain.place import Places
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.notify.drills import drill_in
from atalaia.notify.fanout import Profiles
from atalaia.notify.own_limit import own_limit
from atalaia.people.registry import Question
from atalaia.ports import Notice, Outbox, State

_ENTRIES_KEPT = 2_000


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


class Composer:
    """Writes letters, a batch at a time. Not for two threads at once.

    profiles    who is to be told, at hand; `people` opens what is sealed
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        places: Places,
        profiles: Profiles,
        people: Directory,
        clock: Clock,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._places = {place.id: place for place in places}
        self._profiles = profiles
        self._people = people
        self._clock = clock
        self._entries: dict[int, LogEntry] = {}

    def write(self, messages: Sequence[Message]) -> list[Letter | Outcome]:
        """A letter each; or what became of a message that can no longer be written."""
        entries = {m.id: [self._entry(seq) for seq in m.seqs] for m in messages}
        threads = self._threads(messages, entries)
        contents: dict[tuple[tuple[int, ...], str], Content] = {}
        return [
            self._written(m, [e for e in entries[m.id] if e], threads.get(m.id, []), contents)
            for m in messages
        ]

    def _written(
        self,
        message: Message,
        entries: Sequence[LogEntry],
        thread: Sequence[Notice],
        contents: dict[tuple[tuple[int, ...], str], Content],
    ) -> Letter | Outcome:
        try:
            return self._letter(message, entries, thread, contents)
        except StateConflict:  # what is kept of one person must not silence all others
            return Outcome("again", "what is kept of the person cannot be opened")

    def _letter(
        self,
        message: Message,
        entries: Sequence[LogEntry],
        thread: Sequence[Notice],
        contents: dict[tuple[tuple[int, ...], str], Content],
    ) -> Letter | Outcome:
        if message.kind == "confirm":
            return self._question(message)
        contact = self._people.contact(message.person, message.channel)
        person = self._profiles.get(message.person)
        if contact is None or person is None:
            return Outcome("never", "the person has no such address any more")
        if (id_ := drill_of(message.kind)) and (drill := drill_in(self._state, id_)):
            return Letter(
                id=message.id,
                contact=contact,
                content=exercise(drill, person.language),
                sent_at=drill.at,
                asks=message.rank == Level.RED,
            )
        kind, _, about = message.kind.partition(":")
        if kind == ADDED:
            return Letter(
                id=message.id,
                contact=contact,
                content=added(about, person.language),
                sent_at=message.due_at,
            )
        if not entries:
            return Outcome("never", "its alerts are no longer in the log")
        return Letter(
            id=message.id,
            contact=contact,
            content=self._content(message, entries, person, contents),
            sent_at=entries[0].alert.sent_at,
            reply_to=thread[-1].provider_id if thread else "",
            thread=tuple(dict.fromkeys(told.message for told in thread)),
            asks=message.rank == Level.RED,
            has_more=len(person.channels) > 1,
        )

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
        self,
        message: Message,
        entries: Sequence[LogEntry],
        person: Person,
        contents: dict[tuple[tuple[int, ...], str], Content],
    ) -> Content:
        """What it says; the same words for all who have no limit of their own in it."""
        own = self._own_limits(person, entries)
        key = (message.seqs, person.language)
        if any(own):
            return compose(entries, self._places, person.language, self._clock.second(), own)
        if key not in contents:
            contents[key] = compose(entries, self._places, person.language, self._clock.second())
        return contents[key]

    def _own_limits(self, person: Person, entries: Sequence[LogEntry]) -> list[str]:
        """By alert the limit of their own that it passed, if that is why they are told."""
        if not any(entry.moved for entry in entries):
            return []
        whole = self._people.person(person.pseudonym)
        return [own_limit(whole, entry) if whole else "" for entry in entries]

    def _threads(
        self, messages: Sequence[Message], entries: dict[str, list[LogEntry | None]]
    ) -> dict[str, list[Notice]]:
        """By message: what went out before it about its incidents, by the same channel."""
        # A first alert has nothing before it, and most messages are first alerts; one that is
        # linked to an incident about the same weather goes on in that one's thread.
        later = [m for m in messages if any(e and _goes_on(e) for e in entries[m.id])]
        if not later:
            return {}
        incidents = {key for m in later for e in entries[m.id] if e for key in _thread_of(e)}
        people = {m.person for m in later}
        told = defaultdict(list)
        for one in self._outbox.told(list(incidents), list(people)):
            if one.status == Status.SENT:
                told[one.person, one.channel, one.incident].append(one)
        threads = {}
        for message in later:
            before = [
                one
                for e in entries[message.id]
                if e
                for key in reversed(_thread_of(e))
                for one in told[message.person, message.channel, key]
                if one.message != message.id
                and (key != e.alert.incident or one.version < e.alert.version)
            ]
            threads[message.id] = before
        return threads

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


def _goes_on(entry: LogEntry) -> bool:
    return entry.alert.version > 1 or bool(entry.linked)


def _thread_of(entry: LogEntry) -> tuple[str, ...]:
    """The incidents whose messages are one thread to a person: its own first."""
    return (entry.alert.incident, *entry.linked)
