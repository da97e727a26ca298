"""Half-done talks where no single process hears all of one: sealed, and good for an hour.

A talk is sealed with a key that is made of the contact and the key of look-ups, under a name that
says nothing of it: who has the store alone can neither read it nor tell whose it is.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.domain.contact import Contact
from atalaia.homes.wrap import unwrapped, wrapped
from atalaia.people.vault import Vault

KEEP_S = 3600
"""A talk that rested for so long is over: the next thing said begins anew."""


class TalkStore(Protocol):
    """Bytes by name, each until a time (Unix seconds)."""

    def get(self, name: str) -> tuple[bytes, int] | None:
        """What is kept under the name, and until when; None: nothing."""
        ...

    def put(self, name: str, sealed: bytes, until: int) -> None:
        """Keep it, in place of what was there."""
        ...

    def remove(self, name: str) -> None:
        """Keep it no longer."""
        ...


class Talks:
    """What talks have come to, by contact. Raises what the store raises."""

    def __init__(self, vault: Vault, store: TalkStore) -> None:
        self._vault = vault
        self._store = store

    def get(self, contact: Contact, now: int) -> bytes:
        """What was kept of a talk; empty: nothing, or it rested too long."""
        name = self._name(contact)
        found = self._store.get(name)
        if found is None or found[1] <= now:
            return b""
        try:
            return unwrapped(self._cipher(contact), found[0], name)
        except ValueError:
            return b""  # the talk begins anew

    def put(self, contact: Contact, held: bytes, now: int) -> None:
        """Keep it, or with nothing in it keep it no longer."""
        name = self._name(contact)
        if not held:
            self._store.remove(name)
            return
        self._store.put(name, wrapped(self._cipher(contact), held, name), now + KEEP_S)

    def _name(self, contact: Contact) -> str:
        return self._vault.lookup("talk", contact.channel, contact.address).hex()

    def _cipher(self, contact: Contact) -> AESGCM:
        return AESGCM(self._vault.lookup("talk's key", contact.channel, contact.address))
