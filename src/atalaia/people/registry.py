"""Who stands behind a pseudonym: where to reach them, what they want, and what they change.

All of it is read from the store and opened when asked for, and nothing but keys is held. A change
is written against what was read: of two at a time the second is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import (
    Circle,
    Person,
    Polygon,
    Subscription,
    Threshold,
    has_limits,
)
from atalaia.errors import Overtaken, StateConflict
from atalaia.logs import Logger
from atalaia.people import request as asked
from atalaia.people.codes import LASTS_S, code_of, row_of, rows_waiting
from atalaia.people.consent import UNNAMED, Controller, Words, consent_words
from atalaia.people.erase import erase
from atalaia.people.lookups import Lookups
from atalaia.people.retention import RETENTION, Retention, retention_of
from atalaia.people.rows import (
    CONFIRMED,
    INBOX,
    KEY,
    PENDING,
    Address,
    Kept,
    contact_in,
    open_contact,
    open_person,
    random_name,
    seal_person,
    stopped,
)
from atalaia.people.vault import Vault
from atalaia.ports import Consent, ContactRow, Home, Keys, People, PersonRow
from atalaia.settings import Settings

MOST_SUBSCRIPTIONS = 100
_TRIES = 8
_PAGE = 1_000

log = Logger()


class Changed(NamedTuple):
    """Somebody who changed, under a number that grows.

    person    as they are told now; None: not any more, or not yet
    is_known  False: whether they are to be told cannot be said, as what is kept of them does not
              open now
    """

    number: int
    pseudonym: str
    person: Person | None
    is_known: bool = True


class Entry(NamedTuple):
    """A contact of a person: its row, and what is sealed in it."""

    row: ContactRow
    address: Address


@dataclass(frozen=True)
class Held:
    """A person as they were read."""

    row: PersonRow
    kept: Kept
    contacts: list[Entry]

    def with_status(self, status: str) -> list[Entry]:
        """Their contacts of this status, keys of their own aside."""
        return [e for e in self.contacts if e.row.status == status and e.row.channel != KEY]

    def has_confirmed(self, contact: Contact) -> bool:
        """Whether it is a confirmed contact of theirs."""
        return any(entry.address.contact == contact for entry in self.with_status(CONFIRMED))


def is_somebody(held: Held) -> bool:
    """Whether anybody has proved to be this person: by an address, or a key of their own."""
    return any(e.row.status == CONFIRMED and e.row.channel != INBOX for e in held.contacts)


May: TypeAlias = Callable[[Held], bool]
"""Whether something may be done to a person: asked of them as they are when it is written, as what
was looked up before may be true no more."""


class Nobody(ValueError):
    """There is nobody of this name (any more)."""


@dataclass(frozen=True)
class PersonChange:
    """What becomes of a person: contacts and consents are those that are new or changed, and
    contacts that are `gone` are kept no longer."""

    kept: Kept
    contacts: Sequence[ContactRow] = field(default=())
    consents: Sequence[Consent] = field(default=())
    gone: Sequence[ContactRow] = field(default=())


class Question(msgspec.Struct, frozen=True):
    """What a contact is asked to confirm, and in which words; where it `is_added`, beside others of
    theirs. Not to be kept or shown."""

    contact: Contact
    code: str
    language: str
    terms: str = ""
    is_added: bool = False

    def __repr__(self) -> str:
        return "Question('***')"


class Registry:
    """People behind their pseudonyms. Times are Unix seconds. May be used from any thread.

    Its methods raise StateConflict where the store cannot be used, or what is kept does not open,
    and ValueError, with the next step, for what cannot be asked for.

    is_open    somebody is named who answers for people's data: addresses may be taken
    """

    def __init__(
        self,
        people: People,
        keys: Keys,
        controller: Controller = UNNAMED,
        keep: Retention = RETENTION,
    ) -> None:
        self.people = people
        self.keys = keys
        self.vault = Vault(keys)
        self.lookups = Lookups(people, keys)
        self.keep = keep
        self._controller = controller
        self.is_open = controller.is_named

    def words(self, language: str) -> Words:
        """What somebody agrees to."""
        asked.check_language(language)
        return consent_words(language, self._controller, self.keep)

    # Reading

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        """Who is told under this pseudonym; None: erased, stopped, or nothing confirmed yet; or,
        if that is asked for, without a limit of their own."""
        row = self.people.person(pseudonym)
        found = None if row is None else self.told(row)
        return None if found and if_limited and not has_limits(found) else found

    def load(self, after: int = 0) -> Iterator[Changed]:
        """Everybody who changed since the number `after`."""
        while rows := self.people.changes(after, _PAGE):
            yield from _changes(self.vault, rows)
            after = rows[-1].changed

    def read(self, pseudonyms: Sequence[str]) -> Iterator[Changed]:
        """These people, as `load` gives them; who is erased does not come."""
        for i in range(0, len(pseudonyms), _PAGE):
            yield from _changes(self.vault, self.people.some(pseudonyms[i : i + _PAGE]))

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        """Their confirmed address of this channel; None if there is none (any more)."""
        return contact_in(self.vault, self.people.contacts(pseudonym), channel)

    def question(self, pseudonym: str, channel: str, now: int) -> Question | None:
        """What to ask their newest unconfirmed address of this channel; None: nothing (any more).

        This is the one way to an address that nobody confirmed yet.
        """
        held = self.held(pseudonym)
        waiting = [e for e in self.waiting(held, now) if e.row.channel == channel] if held else []
        if held is None or not waiting:
            return None
        row, address = max(waiting, key=lambda entry: entry.row.since)
        if address.contact is None:
            return None
        language = held.kept.person.language
        code = code_of(row, address)
        terms = self.words(language).text
        return Question(address.contact, code, language, terms, is_added=address.is_added)

    def find(self, contact: Contact) -> str | None:
        """Whose confirmed contact this is; None: nobody's."""
        row = row_of(self.lookups, contact)
        return row.pseudonym if row and row.status == CONFIRMED else None

    def holders(self, contact: Contact) -> list[str]:
        """All under whom anything of this contact is kept: confirmed, stopped or waiting."""
        rows = (row_of(self.lookups, contact), *rows_waiting(self.lookups, contact))
        return list(dict.fromkeys(row.pseudonym for row in rows if row is not None))

    # Changing

    def stop(self, pseudonym: str, channel: str | None, now: int, may: May | None = None) -> bool:
        """Tell them no more by this channel (None: by any), and withdraw their consent to it.

        Addresses go at once, subscriptions with the last channel, and all the rest when
        retention comes to it, unless they begin anew; the epoch grows by one. False: they were not
        told that way, or it may not be.
        """
        return self._end(pseudonym, channel, now, is_withdrawn=True, may=may)

    def gone(self, pseudonym: str, channel: str, now: int) -> bool:
        """The same when it is the channel that says that this address is of no more use."""
        return self._end(pseudonym, channel, now, is_withdrawn=False)

    def leave(self, pseudonym: str, contact: Contact, now: int) -> bool:
        """Forget this address where it waits beside what is somebody else's. False: it does not."""

        def edit(held: Held) -> PersonChange:
            mine = [e.row for e in held.with_status(PENDING) if e.address.contact == contact]
            return PersonChange(held.kept, [stopped(self.vault, row, now) for row in mine])

        try:
            _, change = self.change(pseudonym, edit)
        except Nobody:
            return False
        return bool(change.contacts)

    def erase(self, pseudonym: str, now: int, may: May | None = None) -> bool:
        """Forget them: see `erase.erase`. False: nobody is kept under this name, or it may not
        be."""
        if may is not None and not self._close(pseudonym, now, may):
            return False
        if self.people.person(pseudonym) is None:
            return False
        erase(self.people, self.keys, pseudonym, now)
        self.vault.forget(pseudonym)
        return True

    # For the neighbours in this room

    def held(self, pseudonym: str) -> Held | None:
        """A person with all that is kept of them; None: unknown or erased."""
        row = self.people.person(pseudonym)
        if row is None or row.sealed is None:
            return None
        kept = open_person(self.vault, pseudonym, row.sealed)
        if kept is None:
            return None
        rows = self.people.contacts(pseudonym)
        opened = ((row, open_contact(self.vault, row)) for row in rows)
        return Held(row, kept, [Entry(row, a) for row, a in opened if a is not None])

    def change(
        self, pseudonym: str, edit: Callable[[Held], PersonChange], new: Held | None = None
    ) -> tuple[Held, PersonChange]:
        """Write what `edit` makes of a person; return them as they were, and what became of them.

        `edit` is called again where somebody else changed them, or took a look-up, in between.
        `new` is somebody who is not kept yet. Raises Nobody where there is none, and whatever
        `edit` does.
        """
        conflict: StateConflict | None = None
        for _ in range(_TRIES):
            held = self.held(pseudonym) or new
            if held is None:
                raise Nobody(f"nobody is kept under {pseudonym}; they may have been erased")
            change = edit(held)
            try:
                self._put(held.row, change)
            except StateConflict as error:
                conflict = error
            else:
                return held, change
        assert conflict is not None  # noqa: S101  the loop ran
        raise conflict

    def _put(self, row: PersonRow, change: PersonChange) -> None:
        """Write a person, if they still are as they were read."""
        person = change.kept.person
        self.people.put(
            msgspec.structs.replace(
                row,
                sealed=seal_person(self.vault, change.kept),
                confirmed_at=(row.confirmed_at or person.since) if person.channels else 0,
            ),
            change.contacts,
            change.consents,
            change.gone,
        )

    def waiting(self, held: Held, now: int) -> list[Entry]:
        """Contacts of theirs that can still be confirmed."""
        after = now - LASTS_S
        return [entry for entry in held.with_status(PENDING) if entry.row.since > after]

    def told(self, row: PersonRow) -> Person | None:
        """Who is told, of a row; None: nobody (any more), or it does not open."""
        return _changed(self.vault, row).person

    def _close(self, pseudonym: str, now: int, may: May) -> bool:
        """Let nothing more come of what waits for them, nor of their links; False: it may not be.

        An erasure is no one write: nobody may confirm anything while it goes on.
        """

        def edit(held: Held) -> PersonChange:
            if not may(held):
                raise Overtaken(f"person {pseudonym} was changed in between")
            rows = [e.row for e in (*held.with_status(CONFIRMED), *held.with_status(PENDING))]
            kept = Kept(held.kept.person, (), held.kept.epoch + 1)
            return PersonChange(
                with_channels(kept, ()), [stopped(self.vault, r, now) for r in rows]
            )

        try:
            self.change(pseudonym, edit)
        except (Overtaken, Nobody):
            return False
        return True

    def _end(
        self,
        pseudonym: str,
        channel: str | None,
        now: int,
        *,
        is_withdrawn: bool,
        may: May | None = None,
    ) -> bool:
        def edit(held: Held) -> PersonChange:
            ended = [
                entry.row
                for entry in (*held.with_status(CONFIRMED), *held.with_status(PENDING))
                if channel in (None, entry.row.channel)
            ]
            if not ended or (may is not None and not may(held)):
                raise Overtaken(f"person {pseudonym} was changed in between")
            names = {row.channel for row in ended}
            left = tuple(name for name in held.kept.person.channels if name not in names)
            wanted = tuple(name for name in held.kept.wanted if name not in names)
            kept = Kept(held.kept.person, wanted, held.kept.epoch + 1)
            kept = with_channels(kept, left)
            if not left and is_withdrawn:
                person = msgspec.structs.replace(kept.person, subscriptions=())
                kept = msgspec.structs.replace(kept, person=person)
            consents = [
                msgspec.structs.replace(consent, withdrawn_at=now)
                for consent in self.people.consents(pseudonym)
                if is_withdrawn and consent.channel in names and not consent.withdrawn_at
            ]
            return PersonChange(kept, [stopped(self.vault, row, now) for row in ended], consents)

        try:
            before, _ = self.change(pseudonym, edit)
        except (Overtaken, Nobody):
            return False
        names = {entry.row.channel for entry in before.with_status(CONFIRMED)}
        ended = names if channel is None else names & {channel}
        if is_withdrawn:
            _note_stops(self.keys, pseudonym, ended, now)
        return bool(ended)


def _note_stops(keys: Keys, pseudonym: str, channels: Iterable[str], now: int) -> None:
    """For who restores a copy of before: in it they are told."""
    try:
        for channel in sorted(channels):
            keys.note_stop(pseudonym, channel, now)
    except StateConflict as error:
        log.warning("a stop is not in the list for restores", reason=str(error))


def stop_again(registry: Registry, stops: Iterable[tuple[str, str, int]]) -> int:
    """Stop, in a home that was made of a copy, what was stopped since the copy was made; return how
    many contacts. `stops`: pseudonym, channel, and when."""
    n = 0
    for pseudonym, channel, at in stops:
        held = registry.held(pseudonym)
        confirmed = held.with_status(CONFIRMED) if held else []
        if any(entry.row.channel == channel and entry.row.since <= at for entry in confirmed):
            n += registry.stop(pseudonym, channel, at)
    return n


def _changes(vault: Vault, rows: Sequence[PersonRow]) -> Iterator[Changed]:
    vault.fetch([row.pseudonym for row in rows if row.sealed is not None])
    return (_changed(vault, row) for row in rows)


def _changed(vault: Vault, row: PersonRow) -> Changed:
    number, name = row.changed, row.pseudonym
    if row.sealed is None:
        vault.forget(name)
        return Changed(number, name, None)
    try:
        kept = open_person(vault, name, row.sealed)
    except StateConflict as error:  # one damaged row must not silence all others
        log.error("a person cannot be told", person=name, reason=str(error))  # noqa: TRY400
        kept = None
    if kept is None:
        return Changed(number, name, None, is_known=False)
    return Changed(number, name, kept.person if kept.person.channels else None)


def registry_of(home: Home, settings: Settings) -> Registry:
    """Everybody of a home. Raises SettingsInvalid where its keys cannot be used."""
    asked = settings.people
    controller = Controller(asked.controller, asked.contact)
    return Registry(home.people, home.keys, controller, retention_of(settings))


def with_channels(kept: Kept, confirmed: Sequence[str]) -> Kept:
    """The same person, told by these channels, in the order that they want."""
    order = (*kept.wanted, *(name for name in confirmed if name not in kept.wanted))
    channels = tuple(name for name in order if name in confirmed)
    return Kept(msgspec.structs.replace(kept.person, channels=channels), order, kept.epoch)


def with_subscriptions(kept: Kept, new: Sequence[Subscription]) -> Kept:
    """The same person with these wishes, too; those that they have already are not doubled."""
    person = kept.person
    have = [_wish(one) for one in person.subscriptions]
    added = tuple(one for one in new if _wish(one) not in have)
    every = (*person.subscriptions, *added)
    if len(every) > MOST_SUBSCRIPTIONS:
        raise ValueError(f"more than {MOST_SUBSCRIPTIONS} subscriptions; remove some first")
    return Kept(msgspec.structs.replace(person, subscriptions=every), kept.wanted, kept.epoch)


def new_subscription(
    where: Sequence[Circle | Polygon],
    hazards: dict[str, str],
    thresholds: Sequence[Threshold],
    now: int,
) -> Subscription:
    """A wish with an id of its own."""
    return Subscription(
        id="s_" + random_name(5),
        where=tuple(where),
        hazards=hazards,
        thresholds=tuple(thresholds),
        since=now,
    )


def _wish(subscription: Subscription) -> tuple[object, ...]:
    return subscription.where, subscription.hazards, subscription.thresholds
