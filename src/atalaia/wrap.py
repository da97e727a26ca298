"""Short secrets under a key: AES-256-GCM with a random nonce of 96 bits, and a name as context.

What was wrapped under one name is not unwrapped under another.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class Wrap(Protocol):
    """Encrypts short secrets under a key that never leaves it; `name` goes in as context."""

    def wrap(self, secret: bytes, name: str) -> bytes:
        """The secret, unreadable without this key."""
        ...

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """The inverse. Raises StateConflict for what this key did not wrap under this name."""
        ...


def wrapped(cipher: AESGCM, secret: bytes, name: str) -> bytes:
    """The nonce, and the secret behind it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, name.encode())


def unwrapped(cipher: AESGCM, said: bytes | memoryview, name: str) -> bytes:
    """The inverse of `wrapped`. Raises ValueError for what does not open."""
    try:
        return cipher.decrypt(said[:_NONCE_BYTES], said[_NONCE_BYTES:], name.encode())
    except InvalidTag as error:
        raise ValueError("not wrapped by this key under this name, or damaged") from error
