"""What a contact is found by, and the six digits that confirm it: they follow from the home's
look-up key and a random word that is sealed in the contact's row."""

from __future__ import annotations

import hmac

from atalaia.domain.contact import Contact
from atalaia.people.rows import PENDING, Address
from atalaia.people.vault import Vault
from atalaia.ports import ContactRow

LASTS_S = 1800
"""A code is good for so long from when it was asked for."""

MOST_WAITING = 3
"""So many requests may wait for one address to confirm them."""


def lookup_of(vault: Vault, contact: Contact) -> bytes:
    """What a confirmed contact is found by."""
    return vault.lookup(contact.channel, contact.address)


def waiting_lookups(vault: Vault, contact: Contact) -> list[bytes]:
    """What an unconfirmed contact may be found by: as many as requests may wait for it.

    They are apart from the confirmed one's, so that a request for an address goes the same
    way whether somebody has that address or not.
    """
    slots = map(str, range(MOST_WAITING))
    return [vault.lookup(PENDING, s, contact.channel, contact.address) for s in slots]


def code_of(vault: Vault, row: ContactRow, address: Address) -> str:
    """Six digits that confirm this contact."""
    digest = vault.lookup("code", row.channel, row.lookup.hex(), str(row.since), address.nonce)
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def is_code(vault: Vault, row: ContactRow, address: Address, code: str) -> bool:
    """Whether these digits, with or without blanks, confirm this contact."""
    digits = "".join(code.split())
    is_right = hmac.compare_digest(code_of(vault, row, address).encode(), digits.encode())
    return is_right and bool(address.nonce)
