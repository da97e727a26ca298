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
from typing import NamedTuple, TypeAlias

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Message, message_id, notice
from atalaia.domain.message import ADDED
from atalaia.domain.subscription import Person
from atalaia.errors import Overtaken, StateConflict
from atalaia.logs import Logger
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
    Nobody,
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
_TRIES = 8

log = Logger()


class Enrolled(msgspec.Struct, frozen=True):
    """What a request came to.

    confirmed    channels that are told from now on
    asks         messages for the outbox, which ask the other contacts for their codes
    secrets      by channel: what a webhook's messages are signed with; shown this once
    epoch        the person's, from this on: links are signed for it, whatever comes next
    notices      messages for the outbox, which tell contacts that others were added
    language     in which they are told
    """

    pseudonym: str
    epoch: int
    confirmed: tuple[str, ...]
    asks: tuple[Message, ...]
    secrets: dict[str, str]
    notices: tuple[Message, ...] = ()
    language: str = ""

    def __repr__(self) -> str:
        return f"Subscribed({self.pseudonym!r}, {self.confirmed}, '***')"


class Confirmation(msgspec.Struct, frozen=True):
    """Who confirmed, and by which channel. The pseudonym may be one that they had before, or a new
    one; `epoch` is theirs from this on; `notices` tell their other contacts."""

    pseudonym: str
    epoch: int
    channel: str
    notices: tuple[Message, ...] = ()


Admit: TypeAlias = Callable[[Request, Sequence[Contact], int], None]

Joins: TypeAlias = Callable[[Held, str], bool]
"""Whether who gives a code has shown to be this person, and may have its contact, of this channel,
beside or in place of theirs: asked of them as they are when it is written."""

WentOut: TypeAlias = Callable[[str], bool]
"""Whether the message of this id, which asks for a code, may have reached somebody."""


def subscribe(registry: Registry, request: Request, now: int, admit: Admit) -> Enrolled:
    """Keep a request. What needs no code is told from now on; the rest once it is confirmed.

    admit    asked whether codes may go to these contacts; raises ValueError

    Raises ValueError, with the next step and without any address, for what cannot be kept.
    """
    check(request)
    contacts = tuple(_with_secret(contact) for contact in request.contacts)
    asked: set[Contact] = set()
    for _ in range(_TRIES):
        standing = _standing(registry, request, contacts)
        new = [one for one in contacts if one not in {*standing.proven, *asked}]
        admit(request, new, now)
        asked.update(new)
        pseudonym = standing.owner or new_pseudonym()
        if standing.owner is None:
            registry.vault.make_key(pseudonym)
        try:
            return _enrolled(registry, request, contacts, standing, pseudonym, now)
        except Overtaken:
            if standing.owner is None:
                _forget(registry, pseudonym, now)
    raise StateConflict("others ask for the same addresses at the same time; try again")


class _Standing(NamedTuple):
    """How the contacts of a request stand.

    proven    of which no code is needed
    free      those of them that are nobody else's than the owner's
    owner     who has the first of the proven ones that anybody has
    """

    proven: tuple[Contact, ...]
    free: tuple[Contact, ...]
    owner: str | None


def _standing(registry: Registry, request: Request, contacts: Sequence[Contact]) -> _Standing:
    rows = {c: row_of(registry.lookups, c) for c in contacts if c.channel != INBOX}
    proven = tuple(c for c in contacts if _is_proven(request, c, rows.get(c)))
    whose = {c: row.pseudonym for c, row in rows.items() if row and row.status == CONFIRMED}
    owner = next((whose[c] for c in proven if c in whose), None)
    return _Standing(proven, tuple(c for c in proven if whose.get(c, owner) == owner), owner)


def _enrolled(
    registry: Registry,
    request: Request,
    contacts: Sequence[Contact],
    standing: _Standing,
    pseudonym: str,
    now: int,
) -> Enrolled:
    """Keep it of this person. Raises Overtaken where the contacts do not stand so any more."""
    wish = _wish(request, pseudonym, now)

    def edit(held: Held) -> PersonChange:
        if _standing(registry, request, contacts) != standing:
            raise Overtaken("a contact became somebody's, or nobody's, in between")
        rows = [
            _row(registry, wish.person, request, one, now, is_confirmed=one in standing.free)
            for one in contacts
        ]
        how = f"{request.how}: {request.proof}" if request.proof else request.how
        words = shown_words(request.shown, registry.words(request.language))
        consents = [
            agreed(pseudonym, row.channel, words, how, now)
            for row in rows
            if row.status == CONFIRMED
        ]
        return _joined(registry, held, wish, rows, consents, now)

    before, change = registry.change(pseudonym, edit, _nobody(pseudonym, request.language, now))
    new = [row for row in change.contacts if row.status != STOPPED]
    return Enrolled(
        pseudonym=pseudonym,
        epoch=change.kept.epoch,
        confirmed=tuple(row.channel for row in new if row.status == CONFIRMED),
        asks=_asks(new),
        secrets={c.channel: c.secret for c in contacts if c.secret},
        notices=_notices(before, change.contacts, now),
        language=change.kept.person.language,
    )


def add(
    registry: Registry, pseudonym: str, request: Request, now: int, admit: Admit, joins: Joins
) -> Enrolled:
    """Ask another contact of somebody who is told for its code. Given together with what showed
    who they are, it is told beside the others; without that it comes to nothing.

    request    its one contact, and how it was asked; its wish is not looked at

    Raises ValueError, and Overtaken where it may not be, or is nobody.
    """
    contact = _with_secret(request.contacts[0])
    admit(request, [contact], now)

    def edit(held: Held) -> PersonChange:
        if not (held.kept.person.channels and joins(held, contact.channel)):
            raise Overtaken(f"person {pseudonym} was changed in between")
        nothing = msgspec.structs.replace(held.kept.person, channels=(), subscriptions=())
        asked = msgspec.structs.replace(request, language=nothing.language)
        row = _row(registry, nothing, asked, contact, now, is_confirmed=False)
        return PersonChange(held.kept, [row])

    _, change = registry.change(pseudonym, edit)
    return Enrolled(
        pseudonym=pseudonym,
        epoch=change.kept.epoch,
        confirmed=(),
        asks=_asks(change.contacts),
        secrets={contact.channel: contact.secret} if contact.secret else {},
        language=change.kept.person.language,
    )


def _nobodys(_: Held, __: str) -> bool:
    return False


def confirm(
    registry: Registry,
    pseudonym: str,
    code: str,
    now: int,
    went_out: WentOut,
    *,
    is_theirs: Joins = _nobodys,
) -> Confirmation | None:
    """Take a code for any of a person's contacts that wait for one.

    A code proves an address, and nothing about the request's other addresses. So the contact is
    joined to this person where nobody else was confirmed under the name before, or who gives the
    code has shown to be them (`is_theirs`); where somebody has the address already the wish goes
    to them; and else it begins a person of its own. The wish of the request is all that comes
    with it.

    None: it is not theirs, has run out, was never sent, or too many were tried; which of these is
    not said. A try is counted before the code is looked at, so that many at once are no more than
    five; and the code is spent in one write with what it brings to this person, or takes from them.
    """
    found = _guessed(registry, pseudonym, code, now, went_out)
    if found is None:
        return None
    is_here, owner = False, None

    def spend(held: Held) -> PersonChange:
        nonlocal is_here, owner
        if found.row.lookup not in {e.row.lookup for e in registry.waiting(held, now)}:
            raise Overtaken("it was confirmed, or stopped, in between")
        owner = registry.find(found.contact)
        is_shown, is_added = is_theirs(held, found.row.channel), found.address.is_added
        is_free = (
            (is_shown and bool(held.kept.person.channels))
            if is_added
            else (is_shown or not is_somebody(held))
        )
        is_here = owner == pseudonym or (owner is None and is_free)
        if is_added and owner is None and not is_here:
            raise Overtaken("it was to come beside theirs, and they are not who gives the code")
        end = stopped(registry.vault, found.row, now)
        if is_here:
            return _settled(registry, held, found, now, [end])
        wanted = tuple(name for name in held.kept.wanted if name != found.row.channel)
        return PersonChange(Kept(held.kept.person, wanted, held.kept.epoch + 1), [end])

    try:
        before, change = registry.change(pseudonym, spend)
    except (Overtaken, Nobody):
        return None
    if is_here:
        return _confirmation(before, change, found, now)
    done = _begun(registry, found, owner, now)

    def is_over(held: Held) -> bool:
        return not (held.kept.person.channels or registry.waiting(held, now))

    held = registry.held(pseudonym)
    if held is not None and is_over(held):
        try:
            registry.erase(pseudonym, now, is_over)  # somebody may confirm under it just now
        except StateConflict as error:
            log.warning("older pages are still in the log", reason=str(error))
    return done


def confirm_contact(
    registry: Registry, contact: Contact, code: str, now: int, went_out: WentOut
) -> Confirmation | None:
    """The same for who knows their address, and not their pseudonym."""
    people = dict.fromkeys(row.pseudonym for row in rows_waiting(registry.lookups, contact))
    confirmed = (confirm(registry, pseudonym, code, now, went_out) for pseudonym in people)
    return next((one for one in confirmed if one is not None), None)


class _Asked(NamedTuple):
    """A contact whose code was given, and what was wished with it."""

    row: ContactRow
    address: Address
    contact: Contact
    wish: Person


def _guessed(
    registry: Registry, pseudonym: str, code: str, now: int, went_out: WentOut
) -> _Asked | None:
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
    try:
        before, _ = registry.change(pseudonym, count)
    except Nobody:
        return None
    counted = (
        _Asked(row, address, address.contact, address.wish)
        for row, address in waiting(before)
        if address.contact and address.wish
    )
    tried = [e for e in counted if take_try(registry.people, registry.lookups, e.contact, now)]
    return next((e for e in tried if is_code(e.row, e.address, code)), None)


def _settled(
    registry: Registry, held: Held, found: _Asked, now: int, ended: Sequence[ContactRow] = ()
) -> PersonChange:
    """A contact is confirmed for this person: it is found from now on, and told."""
    pseudonym, channel, address = held.row.pseudonym, found.row.channel, found.address
    how = f"{address.how}, code"
    lookup = lookup_of(registry.lookups, found.contact)
    told = msgspec.structs.replace(address, how=how, nonce="", wish=None, text="")
    row = contact_row(registry.vault, pseudonym, channel, lookup, told, CONFIRMED, now)
    consent = agreed(pseudonym, channel, address.words, how, now)
    wish = Kept(msgspec.structs.replace(found.wish, pseudonym=pseudonym), (channel,))
    return _joined(registry, held, wish, [row, *ended], [consent], now)


def _begun(registry: Registry, found: _Asked, owner: str | None, now: int) -> Confirmation | None:
    """The same for who has the contact already, or for somebody new. A crash before this leaves a
    code that is spent, and has to be asked for anew; so does an owner who ends it meanwhile (None).
    """
    for _ in range(_TRIES):
        before_it, owner = owner, registry.find(found.contact)
        if before_it is not None and owner is None:
            return None
        pseudonym = owner or new_pseudonym()
        if owner is None:
            registry.vault.make_key(pseudonym)

        def edit(held: Held, owner: str | None = owner) -> PersonChange:
            if registry.find(found.contact) != owner:
                raise Overtaken("the contact became somebody's, or nobody's, in between")
            return _settled(registry, held, found, now)

        new = None if owner else _nobody(pseudonym, found.wish.language, now)
        try:
            before, change = registry.change(pseudonym, edit, new)
        except (Overtaken, Nobody):
            if owner is None:
                _forget(registry, pseudonym, now)
            continue
        return _confirmation(before, change, found, now)
    raise StateConflict("others change the same contact at the same time; ask for a new code")


def _confirmation(before: Held, change: PersonChange, found: _Asked, now: int) -> Confirmation:
    return Confirmation(
        pseudonym=before.row.pseudonym,
        epoch=change.kept.epoch,
        channel=found.row.channel,
        notices=_notices(before, change.contacts, now),
    )


def _forget(registry: Registry, pseudonym: str, now: int) -> None:
    """Nothing came of this name."""
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
    # A contact that comes beside others changes nothing of what is told.
    old = held.kept.person
    asked = wish.person if wish.person.subscriptions else old
    replaced = [
        stopped(registry.vault, entry.row, now)
        for entry in have
        if entry.row.channel in new and entry.row.lookup != new[entry.row.channel]
    ]
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
    is_confirmed: bool,
) -> ContactRow:
    """A contact's row, confirmed or waiting."""
    pseudonym = wish.pseudonym
    if contact.channel == INBOX:
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


def _is_proven(request: Request, contact: Contact, row: ContactRow | None) -> bool:
    """Whether no code is needed. Somebody's paper is no proof for who has stopped since, and adds
    nothing to who is known already, unless the operator shows it.

    row    what is kept of the contact as somebody's own
    """
    if contact.channel == INBOX or request.is_own:
        return True
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


def _nobody(pseudonym: str, language: str, now: int) -> Held:
    """Somebody who is not kept yet."""
    person = Person(pseudonym=pseudonym, language=language, channels=())
    return Held(PersonRow(pseudonym=pseudonym, created_at=now), Kept(person, ()), [])


def ask_id(row: ContactRow) -> str:
    """The id of the message that asks this contact for its code."""
    return message_id(row.pseudonym, row.channel, _asking(row))


def _asking(row: ContactRow) -> str:
    return f"confirm {row.lookup.hex()} {row.since}"


def _asks(rows: Sequence[ContactRow]) -> tuple[Message, ...]:
    """Messages that ask these contacts, where they wait, for their codes."""
    return tuple(
        notice(row.pseudonym, row.channel, _asking(row), "confirm", row.since, LASTS_S)
        for row in rows
        if row.status == PENDING
    )


def _notices(before: Held, rows: Sequence[ContactRow], now: int) -> tuple[Message, ...]:
    """Messages that tell the contacts that a person had of those among `rows` that were added, or
    took the place of another of their channel."""
    had = [e.row for e in before.with_status(CONFIRMED) if e.row.channel != INBOX]
    known = {row.lookup for row in had}
    new = [
        row.channel
        for row in rows
        if row.status == CONFIRMED
        and row.channel != INBOX
        and known.isdisjoint((row.lookup, *row.others))
    ]
    return tuple(
        notice(row.pseudonym, row.channel, f"added {name} {now}", f"{ADDED}:{name}", now, DAY_S)
        for row in had
        for name in new
        if row.channel != name
    )
