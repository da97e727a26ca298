"""What a contact is found by, and the six digits that confirm it: both follow from the home's
look-up key, and need no keeping."""

from __future__ import annotations

import hmac

from atalaia.domain.contact import Contact
from atalaia.people.rows import PENDING
from atalaia.people.vault import Vault
from atalaia.ports import ContactRow

MOST_WAITING = 3
"""So many requests may wait for one address to confirm them, so that nobody can be flooded."""


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


def code_of(vault: Vault, row: ContactRow) -> str:
    """Six digits that confirm this contact."""
    digest = vault.lookup("code", row.channel, row.lookup.hex(), str(row.since))
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def is_code(vault: Vault, row: ContactRow, code: str) -> bool:
    """Whether these digits, with or without blanks, confirm this contact."""
    digits = "".join(code.split())
    return hmac.compare_digest(code_of(vault, row).encode(), digits.encode())
