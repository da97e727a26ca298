"""Seals what is personal with each person's own key.

A seal is AES-256-GCM with a random nonce of 96 bits and, as associated data, the pseudonym and
what it is for: moved to another person or another use it does not open.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.errors import StateConflict
from atalaia.ports import Keys

CACHED = 20_000
"""Keys kept at hand: about 1 kB each."""

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _NONCE_BYTES

_encode = msgspec.json.Encoder().encode


class Vault:
    """May be used from any thread. What it raises holds no personal data."""

    def __init__(self, keys: Keys, cached: int = CACHED) -> None:
        self._keys = keys
        self._cached = cached
        self._ciphers: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.Lock()

    def seal(self, pseudonym: str, purpose: str, plain: bytes) -> bytes:
        """`plain` so that it opens with this person's key, for this purpose, and not otherwise.

        Raises StateConflict where the key is gone.
        """
        cipher = self._cipher(pseudonym)
        if cipher is None:
            raise StateConflict(f"person {pseudonym} has no key: they were erased")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + cipher.encrypt(nonce, plain, _context(pseudonym, purpose))

    def open(self, pseudonym: str, purpose: str, sealed: bytes) -> bytes | None:
        """The inverse; None where the person's key is gone, and with it all that it sealed.

        Raises StateConflict for a seal that is damaged or was made for something else.
        """
        cipher = self._cipher(pseudonym)
        if cipher is None:
            return None
        nonce, rest = sealed[len(_FORMAT) : _HEAD_BYTES], sealed[_HEAD_BYTES:]
        try:
            return cipher.decrypt(nonce, rest, _context(pseudonym, purpose))
        except (InvalidTag, ValueError) as error:
            raise StateConflict(
                f"what is kept of person {pseudonym} ({purpose}) does not open: it is damaged, or "
                "the keys are another home's; restore both from backups of the same day"
            ) from error

    def fetch(self, pseudonyms: Sequence[str]) -> None:
        """Have the keys of these people at hand, read together."""
        with self._lock:
            new = [one for one in pseudonyms if one not in self._ciphers]
        found = {one: AESGCM(key) for one, key in self._keys.many(new).items()}
        with self._lock:
            self._ciphers |= found
            self._let_go()

    def make_key(self, pseudonym: str) -> None:
        """Give a new person their key, durably."""
        self._keys.make(pseudonym)

    def forget(self, pseudonym: str) -> None:
        """Keep this person's key at hand no longer: it was destroyed."""
        with self._lock:
            self._ciphers.pop(pseudonym, None)

    def _cipher(self, pseudonym: str) -> AESGCM | None:
        with self._lock:
            cipher = self._ciphers.get(pseudonym)
            if cipher is not None:
                self._ciphers.move_to_end(pseudonym)
                return cipher
        key = self._keys.get(pseudonym)
        if key is None:
            return None
        return self._keep(pseudonym, AESGCM(key))

    def _keep(self, pseudonym: str, cipher: AESGCM) -> AESGCM:
        with self._lock:
            self._ciphers[pseudonym] = cipher
            self._let_go()
        return cipher

    def _let_go(self) -> None:
        while len(self._ciphers) > self._cached:
            self._ciphers.popitem(last=False)


def _context(pseudonym: str, purpose: str) -> bytes:
    return _FORMAT + _encode([pseudonym, purpose])
