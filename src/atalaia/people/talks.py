"""Half-done talks, as a home keeps them for whoever hears the next thing said: sealed, and good for
an hour.

A talk is sealed with a key that is made of the contact and the key of look-ups, under a name that
says nothing of it: who has the store alone can neither read it nor tell whose it is. When that key
is replaced, talks begin anew.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.domain.contact import Contact
from atalaia.people.lookups import Lookups
from atalaia.ports import Talks
from atalaia.wrap import unwrapped, wrapped

KEEP_S = 3600
"""A talk that rested for so long is over: the next thing said begins anew."""


class SealedTalks:
    """What talks have come to, by contact. Raises what the store raises."""

    def __init__(self, lookups: Lookups, store: Talks) -> None:
        self._lookups = lookups
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
        return self._lookups.of("talk", contact.channel, contact.address).digest.hex()

    def _cipher(self, contact: Contact) -> AESGCM:
        return AESGCM(self._lookups.of("talk's key", contact.channel, contact.address).digest)
