"""What a contact is found by, and the six digits that confirm it: they follow from a random word
that is sealed in the contact's row."""

from __future__ import annotations

import hmac

import msgspec

from atalaia.domain.contact import Contact
from atalaia.people.lookups import Lookup, Lookups
from atalaia.people.rows import INBOX, PENDING, Address
from atalaia.ports import ContactRow

LASTS_S = 1800
"""A code is good for so long from when it was asked for."""

MOST_WAITING = 3
"""So many requests may wait for one address to confirm them."""

_encode = msgspec.json.Encoder().encode


def lookup_of(lookups: Lookups, contact: Contact) -> Lookup:
    """What a confirmed contact is found by."""
    return lookups.of(contact.channel, contact.address)


def lookup_for(lookups: Lookups, pseudonym: str, channel: str, address: Address) -> Lookup | None:
    """The same of what is kept of a confirmed contact; None where its address is not kept."""
    if channel == INBOX:
        return lookups.of(INBOX, pseudonym)
    return None if address.contact is None else lookup_of(lookups, address.contact)


def waiting_lookups(lookups: Lookups, contact: Contact) -> list[Lookup]:
    """What an unconfirmed contact may be found by: as many as requests may wait for it.

    They are apart from the confirmed one's, so that a request for an address goes the same
    way whether somebody has that address or not.
    """
    slots = map(str, range(MOST_WAITING))
    return [lookups.of(PENDING, s, contact.channel, contact.address) for s in slots]


def row_of(lookups: Lookups, contact: Contact) -> ContactRow | None:
    """The row of this contact as somebody's own: confirmed, or stopped since."""
    return lookups.row(contact.channel, lookup_of(lookups, contact))


def rows_waiting(lookups: Lookups, contact: Contact) -> list[ContactRow]:
    """The rows of requests that wait, or waited, for this contact to confirm them."""
    found = [lookups.rows(contact.channel, one) for one in waiting_lookups(lookups, contact)]
    return [row for rows in found for row in rows]


def code_of(row: ContactRow, address: Address) -> str:
    """Six digits that confirm this contact."""
    words = _encode(("code", row.channel, row.lookup.hex(), row.since))
    digest = hmac.digest(address.nonce.encode(), words, "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def is_code(row: ContactRow, address: Address, code: str) -> bool:
    """Whether these digits, with or without blanks, confirm this contact."""
    digits = "".join(code.split())
    is_right = hmac.compare_digest(code_of(row, address).encode(), digits.encode())
    return is_right and bool(address.nonce)
