"""Turns addresses into look-ups: HMACs with a key that all share. A look-up finds a contact, and
nobody without that key can try addresses on it.

The key can be replaced (`rotation`). The store says which one is current, so that all processes
go from one to the next at the same moment; for a while what older ones made is found, too. So an
address has one look-up that it is kept under, and others by which it may still be found.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from typing import NamedTuple

import msgspec

from atalaia.errors import StateConflict
from atalaia.ports import ContactRow, Keys, LookupKeys, People

_encode = msgspec.json.Encoder().encode


class Lookup(NamedTuple):
    """What some words are found by.

    digest    32 bytes, the same for the same words: by the current key
    key       its number; 0: made without one
    others    the same words by older keys, the newest first
    """

    digest: bytes
    key: int
    others: tuple[bytes, ...] = ()

    @property
    def every(self) -> tuple[bytes, ...]:
        """All that they may be found by, the current one first."""
        return (self.digest, *self.others)


class Lookups:
    """May be used from any thread. Which key is current is asked of the store each time."""

    def __init__(self, people: People, keys: Keys) -> None:
        self._people = people
        self._keys = keys
        self._held: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def of(self, *parts: str) -> Lookup:
        """An HMAC-SHA256 of these words: the same for the same words, and says nothing of them.

        Raises StateConflict where a key is not there.
        """
        known, keys = self._now()
        words = _encode(parts)
        digest, *others = (hmac.digest(key, words, "sha256") for key in keys)
        return Lookup(digest, known.current, tuple(others))

    def row(self, channel: str, lookup: Lookup) -> ContactRow | None:
        """What is found by it, by the newest key that finds it."""
        return next(iter(self.rows(channel, lookup)), None)

    def rows(self, channel: str, lookup: Lookup) -> list[ContactRow]:
        """All that is found by it, by the newest key first."""
        rows = (self._people.find(channel, digest) for digest in lookup.every)
        return [row for row in rows if row is not None]

    def _now(self) -> tuple[LookupKeys, list[bytes]]:
        """Which are known, and they themselves. One that went after the store was asked is no
        longer known: then it is asked again."""
        known = self._people.lookup_keys()
        while True:
            try:
                return known, self._of(known)
            except StateConflict:
                asked, known = known, self._people.lookup_keys()
                if known == asked:
                    raise

    def _of(self, known: LookupKeys) -> list[bytes]:
        """The keys that are known now; what was known before is held no longer."""
        numbers = [known.current, *sorted(known.old, reverse=True)]
        with self._lock:
            self._held = {n: self._held.get(n) or self._keys.lookup_key(n) for n in numbers}
            return [self._held[n] for n in numbers]


def of_secret(secret: str) -> Lookup:
    """What a secret of 128 random bits or more is found by: nobody can try what it might be, so
    that no key is needed."""
    return Lookup(hashlib.sha256(_encode(("secret", secret))).digest(), 0)
