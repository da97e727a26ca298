"""People and contacts as the store has them: rows whose content is sealed with their own key."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Person
from atalaia.people.consent import Words
from atalaia.people.lookups import Lookup
from atalaia.people.vault import Vault
from atalaia.ports import ContactRow

PENDING, CONFIRMED, STOPPED = "pending", "confirmed", "stopped"
INBOX = "inbox"
KEY = "key"
"""The channel of a person's own key: nothing goes out by it, somebody comes in."""

_PERSON, _CONTACT = "person", "contact"

_encode = msgspec.msgpack.Encoder().encode


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A person as they are kept. `wanted` has all their channels in order, confirmed or not.

    epoch    grows when a contact is confirmed or stopped, and when somebody else's request comes
             to them: a signed link of an earlier epoch opens nothing
    """

    person: Person
    wanted: tuple[str, ...]
    epoch: int = 0


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A contact as it is kept.

    lookup    the same as the row's, so that a row without it (as in a backup) can be mended
    contact   None once it is stopped: its address is not needed any more
    how       by which way it was asked for
    text_hash, version, text, language    of the words to be agreed to; the text while it waits
    nonce     random letters that go into the code, while it waits
    wish      what was asked for together with it, while it waits: nothing else comes with it. One
              of nothing: it is to come beside other contacts of who asked
    """

    lookup: bytes = b""
    contact: Contact | None = None
    how: str = ""
    text_hash: str = ""
    version: str = ""
    nonce: str = ""
    wish: Person | None = None
    text: str = ""
    language: str = ""

    @property
    def is_added(self) -> bool:
        """Whether it waits to come beside other contacts, with no wish of its own."""
        return self.wish is not None and not self.wish.subscriptions

    @property
    def words(self) -> Words:
        """What was, or is to be, agreed to."""
        return Words(self.text, self.text_hash, self.version, self.language)


_kept = msgspec.msgpack.Decoder(Kept)
_address = msgspec.msgpack.Decoder(Address)


def new_pseudonym() -> str:
    """``p_`` and 16 letters or digits that say nothing."""
    return "p_" + random_name(10)


def random_name(size: int) -> str:
    """So many random bytes as lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()


def seal_person(vault: Vault, kept: Kept) -> bytes:
    """As `PersonRow.sealed`."""
    return vault.seal(kept.person.pseudonym, _PERSON, _encode(kept))


def open_person(vault: Vault, pseudonym: str, sealed: bytes) -> Kept | None:
    """The inverse; None where the key is gone."""
    plain = vault.open(pseudonym, _PERSON, sealed)
    return None if plain is None else _kept.decode(plain)


def contact_row(
    vault: Vault,
    pseudonym: str,
    channel: str,
    lookup: Lookup,
    address: Address,
    status: str,
    since: int,
) -> ContactRow:
    """A contact's row, found by `lookup`, which is sealed in it, too."""
    address = msgspec.structs.replace(address, lookup=lookup.digest)
    return ContactRow(
        pseudonym=pseudonym,
        channel=channel,
        lookup=lookup.digest,
        sealed=vault.seal(pseudonym, f"{_CONTACT} {channel}", _encode(address)),
        status=status,
        since=since,
        key=lookup.key,
        others=lookup.others,
    )


def open_contact(vault: Vault, row: ContactRow) -> Address | None:
    """What a contact's row holds; None where the key is gone."""
    return open_address(vault, row.pseudonym, row.channel, row.sealed)


def contact_in(vault: Vault, rows: Iterable[ContactRow], channel: str) -> Contact | None:
    """The confirmed address of this channel in a person's rows; None if there is none."""
    for row in rows:
        if row.channel == channel and row.status == CONFIRMED:
            address = open_contact(vault, row)
            return address.contact if address else None
    return None


def open_address(vault: Vault, pseudonym: str, channel: str, sealed: bytes) -> Address | None:
    """The same of what is sealed in it."""
    plain = vault.open(pseudonym, f"{_CONTACT} {channel}", sealed)
    return None if plain is None else _address.decode(plain)


def stopped(vault: Vault, row: ContactRow, now: int) -> ContactRow:
    """The row of a contact that is told no more: its address is gone from it."""
    lookup = Lookup(row.lookup, row.key)
    return contact_row(vault, row.pseudonym, row.channel, lookup, Address(), STOPPED, now)
