"""Each kind of letter: its words, the address that it goes to, and its thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Message, Outcome, letter_of
from atalaia.domain.drill import Drill, exercise
from atalaia.domain.hazard import Level
from atalaia.domain.message import LINK, NOTICES, Content, compose, confirmation, notice
from atalaia.domain.place import Place
from atalaia.domain.subscription import Person
from atalaia.notify.fanout import rank_of
from atalaia.notify.held import HOLDERS
from atalaia.notify.own_limit import own_limit
from atalaia.notify.past import Past
from atalaia.people.answering import WaysOf
from atalaia.people.registry import Question

NO_ADDRESS = Outcome("never", "the person has no such address any more")
_NOBODY = Outcome("dropped", "nobody is told at this address")


def unaddressed(message: Message) -> Outcome:
    """What becomes of one to nobody. A link is asked for by whoever gives an address, which may be
    nobody's."""
    return _NOBODY if message.kind == LINK else NO_ADDRESS


class Directory(Protocol):
    """Where people are reached. `people.registry.Registry` is one."""

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        """All that they asked for, with their own limits; or only if there are such."""
        ...

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        """Their confirmed address."""
        ...

    def question(self, pseudonym: str, channel: str, now: int) -> Question | None:
        """What to ask an address that waits to be confirmed."""
        ...


class Letters:
    """Writes the letters of one batch: a letter each, or why there can be none."""

    def __init__(
        self, people: Directory, places: dict[str, Place], past: Past, ways: WaysOf
    ) -> None:
        self._people = people
        self._ways = ways
        self._places = places
        self._past = past
        self._contents: dict[tuple[tuple[int, ...], str], Content] = {}

    def question(self, message: Message, now: int) -> Letter | Outcome:
        """Whether the person wants these messages at all."""
        asked = self._people.question(message.person, message.channel, now)
        if asked is None:
            return Outcome("never", "there is nothing left to confirm")
        return Letter(
            id=letter_of(message),
            contact=asked.contact,
            content=confirmation(asked.code, asked.language, asked.terms, is_added=asked.is_added),
            sent_at=message.due_at,
            expires_at=message.expires_at,
            **self._ways_by(message),
        )

    def notice(self, message: Message, person: Person) -> Letter | Outcome | None:
        """What was done with another address of theirs; None: it is another kind of message."""
        kind, _, channel = message.kind.partition(":")
        if kind not in NOTICES:
            return None
        return self._apart(message, notice(kind, channel, person.language), message.due_at)

    def drill(self, message: Message, drill: Drill, person: Person) -> Letter | Outcome:
        """An alert that is none."""
        content = exercise(drill, person.language)
        return self._apart(message, content, drill.at, asks=drill.rank == Level.RED)

    def _apart(
        self, message: Message, content: Content, sent_at: int, *, asks: bool = False
    ) -> Letter | Outcome:
        """What belongs to no incident's thread."""
        contact = self._people.contact(message.person, message.channel)
        if contact is None:
            return NO_ADDRESS
        return Letter(
            id=letter_of(message),
            contact=contact,
            content=content,
            sent_at=sent_at,
            expires_at=message.expires_at,
            asks=asks,
            **self._ways_by(message),
        )

    def alert(
        self, message: Message, told: Sequence[LogEntry], left_out: Sequence[str], person: Person
    ) -> Letter | Outcome:
        """The alerts of it that are still to be told."""
        contact = self._people.contact(message.person, message.channel)
        if contact is None:
            return msgspec.structs.replace(NO_ADDRESS, left_out=tuple(left_out))
        thread = self._past.thread(message, told)
        return Letter(
            id=letter_of(message),
            contact=contact,
            content=self._content(message, told, person),
            sent_at=told[0].alert.sent_at,
            expires_at=message.expires_at,
            reply_to=thread[-1].provider_id if thread else "",
            thread=tuple(dict.fromkeys(one.letter or one.message for one in thread)),
            asks=max(map(rank_of, told)) == Level.RED,
            left_out=tuple(left_out),
            held=self._past.held(message, told) if message.channel in HOLDERS else (),
            has_more=len(person.channels) > 1,
            **self._ways_by(message),
        )

    def _ways_by(self, message: Message) -> dict[str, Any]:
        """Of the letter that it goes in."""
        by = msgspec.structs.replace(message, id=letter_of(message)) if message.letter else message
        return self._ways(by)._asdict()

    def _content(self, message: Message, entries: Sequence[LogEntry], person: Person) -> Content:
        """What it says; the same words for all who have no limit of their own in it."""
        own = self._own_limits(person, entries)
        failed = self._past.have_failed(entries, message, person)
        now = self._past.now
        if any(own) or any(failed) or len(entries) < len(message.seqs):
            return compose(entries, self._places, person.language, now, own, failed)
        key = (message.seqs, person.language)
        content = self._contents.get(key)
        if content is None:
            content = compose(entries, self._places, person.language, now)
            self._contents[key] = content
        return content

    def _own_limits(self, person: Person, entries: Sequence[LogEntry]) -> list[str]:
        """By alert the limit of their own that it passed, if that is why they are told."""
        for entry in entries:
            if entry.moved:
                break
        else:
            return []
        whole = self._people.person(person.pseudonym, if_limited=True)
        return [own_limit(whole, entry) for entry in entries] if whole else []
