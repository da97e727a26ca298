"""From a request to somebody who is told: asked for, confirmed, agreed to.

A request for an address makes a pseudonym of its own, whoever may have that address already, and
asks the address for a code. A code proves one address: what was wished with it goes to who has the
address, and nothing else does. So nobody can find out, or change, by asking, what somebody else
receives, nor get an address of their own in beside another's.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import structlog

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import ADDED, Message, message_id
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.people.codes import (
    LASTS_S,
    is_code,
    lookup_of,
    row_of,
    rows_waiting,
    waiting_lookups,
)
from atalaia.people.consent import agreed, shown_words
from atalaia.people.erase import erase
from atalaia.people.lookups import Lookup
from atalaia.people.registry import (
    Entry,
    Held,
    PersonChange,
    Registry,
    is_somebody,
    new_subscription,
    with_channels,
    with_subscriptions,
)
from atalaia.people.request import Request, check
from atalaia.people.retention import DAY_S
from atalaia.people.rows import (
    CONFIRMED,
    INBOX,
    PENDING,
    STOPPED,
    Address,
    Kept,
    contact_row,
    new_pseudonym,
    stopped,
)
from atalaia.people.tally import TRIES_A_CODE, take_try
from atalaia.ports import Consent, ContactRow, PersonRow

WEBHOOK = "webhook"

log = structlog.get_logger()


class Enrolled(msgspec.Struct, frozen=True):
    """What a request came to.

    confirmed    channels that are told from now on
    asks         messages for the outbox, which ask the other contacts for their codes
    secrets      by channel: what a webhook's messages are signed with; shown this once
    notices      messages for the outbox, which tell contacts that others were added
    """

    pseudonym: str
    confirmed: tuple[str, ...]
    asks: tuple[Message, ...]
    secrets: dict[str, str]
    notices: tuple[Message, ...] = ()

    def __repr__(self) -> str:
        return f"Subscribed({self.pseudonym!r}, {self.confirmed}, '***')"


class Confirmation(msgspec.Struct, frozen=True):
    """Who confirmed, and by which channel. The pseudonym may be one that they had before, or a new
    one; `notices` tell their other contacts."""

    pseudonym: str
    channel: str
    notices: tuple[Message, ...] = ()


Admit: TypeAlias = Callable[[Request, Sequence[Contact], int], None]

WentOut: TypeAlias = Callable[[str], bool]
"""Whether the message of this id, which asks for a code, may have reached somebody."""


def subscribe(registry: Registry, request: Request, now: int, admit: Admit) -> Enrolled:
    """Keep a request. What needs no code is told from now on; the rest once it is confirmed.

    admit    asked whether codes may go to these contacts; raises ValueError

    Raises ValueError, with the next step and without any address, for what cannot be kept.
    """
    check(request)
    contacts = [_with_secret(contact) for contact in request.contacts]
    proven = [contact for contact in contacts if _is_proven(registry, request, contact)]
    admit(request, [contact for contact in contacts if contact not in proven], now)
    owners = (registry.find(contact) for contact in proven if contact.channel != INBOX)
    owner = next((pseudonym for pseudonym in owners if pseudonym), None)
    pseudonym = owner or new_pseudonym()
    registry.vault.make_key(pseudonym)

    wish = _wish(request, pseudonym, now)

    def edit(held: Held) -> PersonChange:
        rows = [
            _row(registry, wish.person, request, contact, now, is_proven=contact in proven)
            for contact in contacts
        ]
        how = f"{request.how}: {request.proof}" if request.proof else request.how
        words = shown_words(request.shown, registry.words(request.language))
        consents = [
            agreed(pseudonym, row.channel, words, how, now)
            for row in rows
            if row.status == CONFIRMED
        ]
        return _joined(registry, held, wish, rows, consents, now)

    before, change = registry.change(pseudonym, edit, _nobody(request, pseudonym, now))
    new = [row for row in change.contacts if row.status != STOPPED]
    added = [row.channel for row in new if row.status == CONFIRMED and row.channel != INBOX]
    return Enrolled(
        pseudonym=pseudonym,
        confirmed=tuple(row.channel for row in new if row.status == CONFIRMED),
        asks=_asks(new),
        secrets={c.channel: c.secret for c in contacts if c.secret},
        notices=_notices(before, added, now),
    )


def confirm(
    registry: Registry,
    pseudonym: str,
    code: str,
    now: int,
    went_out: WentOut,
    *,
    is_theirs: bool = False,
) -> Confirmation | None:
    """Take a code for any of a person's contacts that wait for one.

    A code proves an address, and nothing about the request's other addresses. So the contact is
    joined to this person where nobody else was confirmed under the name before, or who gives the
    code has shown to be them (`is_theirs`); where somebody has the address already the wish goes
    to them; and else it begins a person of its own. The wish of the request is all that comes
    with it.

    None: it is not theirs, has run out, was never sent, or too many were tried; which of these is
    not said. A try is counted before the code is looked at, so that many at once are no more than
    five.
    """
    found = _guessed(registry, pseudonym, code, now, went_out)
    if found is None or found.address.contact is None or found.address.wish is None:
        return None
    owner = registry.find(found.address.contact)
    if owner not in (None, pseudonym):
        _settle(registry, owner, found, now)
        _leave(registry, pseudonym, found, now)
        return Confirmation(owner, found.row.channel)
    held = registry.held(pseudonym)
    if held is None:
        return None
    if is_theirs or not is_somebody(held):
        return Confirmation(
            pseudonym, found.row.channel, _settle(registry, pseudonym, found, now, held)
        )
    alone = new_pseudonym()
    registry.vault.make_key(alone)
    _settle(registry, alone, found, now)
    _leave(registry, pseudonym, found, now)
    return Confirmation(alone, found.row.channel)


def confirm_contact(
    registry: Registry, contact: Contact, code: str, now: int, went_out: WentOut
) -> Confirmation | None:
    """The same for who knows their address, and not their pseudonym."""
    people = dict.fromkeys(row.pseudonym for row in rows_waiting(registry.lookups, contact))
    confirmed = (confirm(registry, pseudonym, code, now, went_out) for pseudonym in people)
    return next((one for one in confirmed if one is not None), None)


def _guessed(
    registry: Registry, pseudonym: str, code: str, now: int, went_out: WentOut
) -> Entry | None:
    def waiting(held: Held) -> list[Entry]:
        return [
            e
            for e in registry.waiting(held, now)
            if e.row.tries < TRIES_A_CODE and went_out(ask_id(e.row))
        ]

    def count(held: Held) -> PersonChange:
        rows = [e.row for e in waiting(held)]
        return PersonChange(
            held.kept, [msgspec.structs.replace(row, tries=row.tries + 1) for row in rows]
        )

    held = registry.held(pseudonym)
    if held is None or not waiting(held):
        return None
    before, _ = registry.change(pseudonym, count)
    counted = [
        e
        for e in waiting(before)
        if e.address.contact and take_try(registry.people, registry.lookups, e.address.contact, now)
    ]
    right = (e for e in counted if is_code(e.row, e.address, code))
    return next(right, None)


def _settle(
    registry: Registry, pseudonym: str, found: Entry, now: int, asked: Held | None = None
) -> tuple[Message, ...]:
    """A contact is confirmed for this person: it is found from now on, and told. Return messages
    that tell their other contacts so.

    asked    who asked for it, if it is this person
    """
    contact, wish = found.address.contact, found.address.wish
    assert contact is not None and wish is not None  # noqa: S101, PT018  it could be confirmed
    channel, how = found.row.channel, f"{found.address.how}, code"
    address = msgspec.structs.replace(
        found.address,
        how=how,
        nonce="",
        wish=None,
        text="",
    )

    def edit(held: Held) -> PersonChange:
        lookup = lookup_of(registry.lookups, contact)
        rows = [contact_row(registry.vault, pseudonym, channel, lookup, address, CONFIRMED, now)]
        if asked is not None:
            rows.append(stopped(registry.vault, found.row, now))
        consent = agreed(pseudonym, channel, found.address.words, how, now)
        asks = Kept(msgspec.structs.replace(wish, pseudonym=pseudonym), (channel,))
        return _joined(registry, held, asks, rows, [consent], now)

    nobody = Person(pseudonym=pseudonym, language=wish.language, channels=())
    new = Held(PersonRow(pseudonym=pseudonym, created_at=now), Kept(nobody, ()), [])
    before, _ = registry.change(pseudonym, edit, None if asked else new)
    return _notices(before, (channel,), now)


def _leave(registry: Registry, pseudonym: str, found: Entry, now: int) -> None:
    """A contact went elsewhere with its wish: the request's others go on without it, if any are
    left. A crash before this leaves a request that comes to nothing."""

    def edit(held: Held) -> PersonChange:
        wanted = tuple(name for name in held.kept.wanted if name != found.row.channel)
        kept = Kept(held.kept.person, wanted, held.kept.epoch + 1)
        return PersonChange(kept, [stopped(registry.vault, found.row, now)])

    _, change = registry.change(pseudonym, edit)
    held = registry.held(pseudonym)
    if held is None or registry.waiting(held, now) or change.kept.person.channels:
        return
    try:
        erase(registry.people, registry.keys, pseudonym, now)
    except StateConflict as error:
        log.warning("older pages are still in the log", reason=str(error))
    registry.vault.forget(pseudonym)


def _joined(
    registry: Registry,
    held: Held,
    wish: Kept,
    rows: Sequence[ContactRow],
    consents: Sequence[Consent],
    now: int,
) -> PersonChange:
    """A person with what they newly wish, and these rows of contacts.

    A newly confirmed contact takes the place of an older one of its channel.
    """
    new = {row.channel: row.lookup for row in rows if row.status == CONFIRMED}
    have = held.with_status(CONFIRMED)
    replaced = [
        stopped(registry.vault, entry.row, now)
        for entry in have
        if entry.row.channel in new and entry.row.lookup != new[entry.row.channel]
    ]
    old, asked = held.kept.person, wish.person
    person = msgspec.structs.replace(
        old,
        language=asked.language,
        quiet=asked.quiet or old.quiet,
        is_organisation=asked.is_organisation,
        escalate_after_s=asked.escalate_after_s,
        since=old.since if old.channels else now,
    )
    wanted = tuple(dict.fromkeys((*held.kept.wanted, *wish.wanted)))
    kept = with_subscriptions(Kept(person, wanted, held.kept.epoch + 1), asked.subscriptions)
    confirmed = (*(entry.row.channel for entry in have), *new)
    return PersonChange(with_channels(kept, confirmed), [*replaced, *rows], consents)


def _row(
    registry: Registry,
    wish: Person,
    request: Request,
    contact: Contact,
    now: int,
    *,
    is_proven: bool,
) -> ContactRow:
    """A contact's row: confirmed where that is proven and it is nobody else's, or waiting."""
    pseudonym, is_inbox = wish.pseudonym, contact.channel == INBOX
    is_confirmed = is_proven and (is_inbox or registry.find(contact) in (None, pseudonym))
    if is_inbox:
        lookup = registry.lookups.of(INBOX, pseudonym)
    elif is_confirmed:
        lookup = lookup_of(registry.lookups, contact)
    else:
        lookup = _free_lookup(registry, contact, now)
    words = shown_words(request.shown, registry.words(request.language))
    address = Address(
        contact=contact,
        how=request.how,
        text_hash=words.digest,
        version=words.version,
        language=words.language,
        text="" if is_confirmed else words.text,
        nonce="" if is_confirmed else secrets.token_urlsafe(16),
        wish=None if is_confirmed else wish,
    )
    status = CONFIRMED if is_confirmed else PENDING
    return contact_row(registry.vault, pseudonym, contact.channel, lookup, address, status, now)


def _free_lookup(registry: Registry, contact: Contact, now: int) -> Lookup:
    """One of the few look-ups under which a request may wait for this address."""
    taken: list[tuple[ContactRow, Lookup]] = []
    for lookup in waiting_lookups(registry.lookups, contact):
        rows = registry.lookups.rows(contact.channel, lookup)
        row = next((row for row in rows if row.status != STOPPED), None)
        if row is None:
            return lookup
        taken.append((row, lookup))
    # Of three at a time there are never more than three codes a day: its own has run out.
    oldest, lookup = min(taken, key=lambda one: one[0].since)

    def give_way(held: Held) -> PersonChange:
        return PersonChange(held.kept, [stopped(registry.vault, oldest, now)])

    registry.change(oldest.pseudonym, give_way)
    return lookup


def _is_proven(registry: Registry, request: Request, contact: Contact) -> bool:
    """Whether no code is needed. Somebody's paper is no proof for who has stopped since, and adds
    nothing to who is known already, unless the operator shows it."""
    if contact.channel == INBOX or request.is_own:
        return True
    row = row_of(registry.lookups, contact)
    if not request.proof or (row and row.status == STOPPED):
        return False
    return request.is_operators or row is None


def _with_secret(contact: Contact) -> Contact:
    if contact.channel != WEBHOOK or contact.secret:
        return contact
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return msgspec.structs.replace(contact, secret=secret)


def _wish(request: Request, pseudonym: str, now: int) -> Kept:
    subscription = new_subscription(request.where, request.levels, request.thresholds, now)
    person = Person(
        pseudonym=pseudonym,
        language=request.language,
        channels=(),
        quiet=request.quiet,
        is_organisation=request.is_organisation,
        escalate_after_s=request.escalate_after_s,
        subscriptions=(subscription,),
    )
    return Kept(person, tuple(contact.channel for contact in request.contacts))


def _nobody(request: Request, pseudonym: str, now: int) -> Held:
    """Somebody who is not kept yet."""
    person = Person(pseudonym=pseudonym, language=request.language, channels=())
    return Held(PersonRow(pseudonym=pseudonym, created_at=now), Kept(person, ()), [])


def ask_id(row: ContactRow) -> str:
    """The id of the message that asks this contact for its code."""
    return message_id(row.pseudonym, row.channel, f"confirm {row.lookup.hex()} {row.since}")


def _asks(rows: Sequence[ContactRow]) -> tuple[Message, ...]:
    """Messages that ask these contacts, where they wait, for their codes."""
    return tuple(
        Message(
            id=ask_id(row),
            person=row.pseudonym,
            channel=row.channel,
            order_key=row.pseudonym,
            kind="confirm",
            due_at=row.since,
            expires_at=row.since + LASTS_S,
        )
        for row in rows
        if row.status == PENDING
    )


def _notices(before: Held, added: Sequence[str], now: int) -> tuple[Message, ...]:
    """Messages that tell the contacts that a person had that others were added."""
    had = [e.row for e in before.with_status(CONFIRMED) if e.row.channel != INBOX]
    new = [name for name in added if name not in {row.channel for row in had}]
    return tuple(
        Message(
            id=message_id(row.pseudonym, row.channel, f"added {name} {now}"),
            person=row.pseudonym,
            channel=row.channel,
            order_key=row.pseudonym,
            kind=f"{ADDED}:{name}",
            due_at=now,
            expires_at=now + DAY_S,
        )
        for row in had
        for name in new
    )
