"""From a request to somebody who is told: asked for, confirmed, agreed to.

A request for an address makes a pseudonym of its own, whoever may have that address already, and
asks the address for a code. Only who gives the code (or shows other proof) is joined to what the
address had: so nobody can find out, or change, by asking, what somebody else receives.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

import msgspec
import structlog

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Message, message_id
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.people.codes import MOST_WAITING, is_code, lookup_of, waiting_lookups
from atalaia.people.consent import agreed, shown_words
from atalaia.people.erase import erase
from atalaia.people.registry import (
    Entry,
    Held,
    PersonChange,
    Registry,
    new_subscription,
    with_channels,
    with_subscriptions,
)
from atalaia.people.request import Request, check
from atalaia.people.retention import DAY_S
from atalaia.people.rows import (
    CONFIRMED,
    PENDING,
    STOPPED,
    Address,
    Kept,
    contact_row,
    new_pseudonym,
    stopped,
)
from atalaia.ports import Consent, ContactRow, PersonRow

MOST_TRIES = 5
"""Wrong codes a contact: a guesser has one chance in 200,000."""

GIVES_WAY_S = DAY_S
"""A request that waited so long for an address gives way to a newer one, if too many wait."""

INBOX, WEBHOOK = "inbox", "webhook"

log = structlog.get_logger()


class Enrolled(msgspec.Struct, frozen=True):
    """What a request came to.

    confirmed    channels that are told from now on
    asks         messages for the outbox, which ask the other contacts for their codes
    secrets      by channel: what a webhook's messages are signed with; shown this once
    """

    pseudonym: str
    confirmed: tuple[str, ...]
    asks: tuple[Message, ...]
    secrets: dict[str, str]

    def __repr__(self) -> str:
        return f"Subscribed({self.pseudonym!r}, {self.confirmed}, '***')"


class Confirmation(msgspec.Struct, frozen=True):
    """Who confirmed, and by which channel. The pseudonym may be one that they had before; `asks`
    are for contacts that went with them to it."""

    pseudonym: str
    channel: str
    asks: tuple[Message, ...] = ()


def subscribe(registry: Registry, request: Request, now: int) -> Enrolled:
    """Keep a request. What needs no code is told from now on; the rest once it is confirmed.

    Raises ValueError, with the next step and without any address, for what cannot be kept.
    """
    check(request)
    contacts = [_with_secret(contact) for contact in request.contacts]
    proven = [contact for contact in contacts if _is_proven(registry, request, contact)]
    owners = (registry.find(contact) for contact in proven if contact.channel != INBOX)
    owner = next((pseudonym for pseudonym in owners if pseudonym), None)
    pseudonym = owner or new_pseudonym()
    registry.vault.make_key(pseudonym)

    def edit(held: Held) -> PersonChange:
        rows = [
            _row(registry, pseudonym, request, contact, now, is_proven=contact in proven)
            for contact in contacts
        ]
        how = f"{request.how}: {request.proof}" if request.proof else request.how
        words = shown_words(request.shown, registry.words(request.language))
        consents = [
            agreed(pseudonym, row.channel, words, how, now)
            for row in rows
            if row.status == CONFIRMED
        ]
        return _joined(registry, held, _wish(request, pseudonym, now), rows, consents, now)

    _, change = registry.change(pseudonym, edit, _nobody(request, pseudonym, now))
    new = [row for row in change.contacts if row.status != STOPPED]
    return Enrolled(
        pseudonym=pseudonym,
        confirmed=tuple(row.channel for row in new if row.status == CONFIRMED),
        asks=_asks(registry, new),
        secrets={c.channel: c.secret for c in contacts if c.secret},
    )


def confirm(registry: Registry, pseudonym: str, code: str, now: int) -> Confirmation | None:
    """Take a code for any of a person's contacts that wait for one.

    None: it is not theirs, has run out, or too many were tried; which of these is not said. A
    try is counted before the code is looked at, so that many at once are no more than five.
    """
    found = _guessed(registry, pseudonym, code, now)
    if found is None or found.address.contact is None:
        return None
    owner = registry.find(found.address.contact)
    if owner not in (None, pseudonym):
        return _merged(registry, pseudonym, found, owner, now)
    _settle(registry, pseudonym, found, found.address.contact, now)
    return Confirmation(pseudonym, found.row.channel)


def confirm_contact(
    registry: Registry, contact: Contact, code: str, now: int
) -> Confirmation | None:
    """The same for who knows their address, and not their pseudonym."""
    found = (
        registry.people.find(contact.channel, look)
        for look in waiting_lookups(registry.vault, contact)
    )
    people = dict.fromkeys(row.pseudonym for row in found if row is not None)
    confirmed = (confirm(registry, pseudonym, code, now) for pseudonym in people)
    return next((one for one in confirmed if one is not None), None)


def _guessed(registry: Registry, pseudonym: str, code: str, now: int) -> Entry | None:
    def waiting(held: Held) -> list[Entry]:
        return [e for e in registry.waiting(held, now) if e.row.tries < MOST_TRIES]

    def count(held: Held) -> PersonChange:
        rows = [e.row for e in waiting(held)]
        return PersonChange(
            held.kept, [msgspec.structs.replace(row, tries=row.tries + 1) for row in rows]
        )

    held = registry.held(pseudonym)
    if held is None or not waiting(held):
        return None
    before, _ = registry.change(pseudonym, count)
    return next((e for e in waiting(before) if is_code(registry.vault, e.row, code)), None)


def _settle(registry: Registry, pseudonym: str, found: Entry, contact: Contact, now: int) -> None:
    """A contact is confirmed: it can be found from now on, and is told."""
    address = msgspec.structs.replace(
        found.address, lookup=lookup_of(registry.vault, contact), how=f"{found.address.how}, code"
    )

    def edit(held: Held) -> PersonChange:
        rows = [
            stopped(registry.vault, found.row, now),
            contact_row(registry.vault, pseudonym, contact.channel, address, CONFIRMED, now),
        ]
        consent = agreed(pseudonym, contact.channel, address.words, address.how, now)
        return _joined(registry, held, held.kept, rows, [consent], now)

    registry.change(pseudonym, edit)


def _merged(
    registry: Registry, pseudonym: str, found: Entry, owner: str, now: int
) -> Confirmation | None:
    """Who confirmed has a pseudonym already: all that they asked for goes there.

    A crash between the steps loses at most what the request's other contacts were; they can be
    subscribed again.
    """
    leaving = registry.held(pseudonym)
    if leaving is None:
        return None
    channel = found.row.channel

    def take_wish(held: Held) -> PersonChange:
        how = f"{found.address.how}, code"
        consent = agreed(owner, channel, found.address.words, how, now)
        return _joined(registry, held, leaving.kept, [], [consent], now)

    registry.change(owner, take_wish)
    others = [
        entry
        for entry in (*registry.waiting(leaving, now), *leaving.with_status(CONFIRMED))
        if entry.row.lookup != found.row.lookup and entry.row.channel != INBOX
    ]
    standing = [c for c in registry.people.consents(pseudonym) if not c.withdrawn_at]
    try:
        erase(registry.people, registry.keys, pseudonym, now)
    except StateConflict as error:
        log.warning("older pages are still in the log", reason=str(error))
    registry.vault.forget(pseudonym)

    def take_contacts(held: Held) -> PersonChange:
        rows = [
            contact_row(registry.vault, owner, e.row.channel, e.address, e.row.status, e.row.since)
            for e in others
        ]
        names = {row.channel for row in rows}
        consents = [
            msgspec.structs.replace(c, pseudonym=owner) for c in standing if c.channel in names
        ]
        return _joined(registry, held, held.kept, rows, consents, now)

    if not others:
        return Confirmation(owner, channel)
    _, change = registry.change(owner, take_contacts)
    return Confirmation(owner, channel, _asks(registry, change.contacts))


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
    kept = with_subscriptions(Kept(person, wanted), asked.subscriptions)
    confirmed = (*(entry.row.channel for entry in have), *new)
    return PersonChange(with_channels(kept, confirmed), [*replaced, *rows], consents)


def _row(
    registry: Registry,
    pseudonym: str,
    request: Request,
    contact: Contact,
    now: int,
    *,
    is_proven: bool,
) -> ContactRow:
    """A contact's row: confirmed where that is proven and it is nobody else's, or waiting."""
    is_inbox = contact.channel == INBOX
    is_confirmed = is_proven and (is_inbox or registry.find(contact) in (None, pseudonym))
    if is_inbox:
        lookup = registry.vault.lookup(INBOX, pseudonym)
    elif is_confirmed:
        lookup = lookup_of(registry.vault, contact)
    else:
        lookup = _free_lookup(registry, contact, now)
    words = shown_words(request.shown, registry.words(request.language))
    address = Address(
        lookup=lookup,
        contact=contact,
        how=request.how,
        text_hash=words.digest,
        version=words.version,
    )
    status = CONFIRMED if is_confirmed else PENDING
    return contact_row(registry.vault, pseudonym, contact.channel, address, status, now)


def _free_lookup(registry: Registry, contact: Contact, now: int) -> bytes:
    """One of the few look-ups under which a request may wait for this address."""
    taken: list[ContactRow] = []
    for lookup in waiting_lookups(registry.vault, contact):
        row = registry.people.find(contact.channel, lookup)
        if row is None or row.status == STOPPED:
            return lookup
        taken.append(row)
    oldest = min(taken, key=lambda row: row.since)
    if oldest.since + GIVES_WAY_S > now:
        raise ValueError(
            f"{contact.channel}: {MOST_WAITING} requests wait for this address already; confirm "
            "one of them, or ask again tomorrow"
        )

    def give_way(held: Held) -> PersonChange:
        return PersonChange(held.kept, [stopped(registry.vault, oldest, now)])

    registry.change(oldest.pseudonym, give_way)
    return oldest.lookup


def _is_proven(registry: Registry, request: Request, contact: Contact) -> bool:
    """Whether no code is needed. Somebody's paper is no proof for who has stopped since."""
    if contact.channel == INBOX or request.is_own:
        return True
    row = registry.people.find(contact.channel, lookup_of(registry.vault, contact))
    return bool(request.proof) and not (row and row.status == STOPPED)


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


def _asks(registry: Registry, rows: Sequence[ContactRow]) -> tuple[Message, ...]:
    """Messages that ask these contacts, where they wait, for their codes."""
    return tuple(
        Message(
            id=message_id(row.pseudonym, row.channel, f"confirm {row.lookup.hex()} {row.since}"),
            person=row.pseudonym,
            channel=row.channel,
            order_key=row.pseudonym,
            kind="confirm",
            due_at=row.since,
            expires_at=row.since + registry.keep.pending_s,
        )
        for row in rows
        if row.status == PENDING
    )
