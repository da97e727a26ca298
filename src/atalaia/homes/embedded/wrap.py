"""What people's keys are wrapped with: one master key in a file, or a service in its place."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded.durable import create

KEY_BYTES = 32
_NONCE_BYTES = 12


class Wrap(Protocol):
    """Encrypts short secrets under a key that never leaves it. `name` goes in as context: what
    was wrapped under one name is not unwrapped under another."""

    def wrap(self, secret: bytes, name: str) -> bytes:
        """The secret, unreadable without this key."""
        ...

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """The inverse. Raises StateConflict for what this key did not wrap under this name."""
        ...


class MasterKey:
    """Fills `Wrap` by AES-256-GCM under 32 bytes from a file, with a random nonce of 96 bits."""

    def __init__(self, key: bytes, file: Path) -> None:
        self._cipher = AESGCM(key)
        self._file = file

    def wrap(self, secret: bytes, name: str) -> bytes:
        """See `Wrap.wrap`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """See `Wrap.unwrap`."""
        nonce, rest = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, name.encode())
        except (InvalidTag, ValueError) as error:
            raise StateConflict(
                f"master key {self._file} does not open the key of {name}: it is another "
                "master key, or that file is damaged; put both back from one backup of the keys"
            ) from error


def read_master_key(file: Path) -> MasterKey:
    """The master key in this file: 32 bytes, for its owner alone. Raises SettingsInvalid."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        key = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(
            [f"master key {file}: {error.strerror}; name a file of {KEY_BYTES} random bytes"]
        ) from error
    if mode & 0o027:  # a group may read: so some hand secrets to services
        raise SettingsInvalid([f"master key {file}: others may use it; run chmod 600 on it"])
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(
            [
                f"master key {file}: it has {len(key)} bytes, not {KEY_BYTES}; "
                f"make one with: head -c {KEY_BYTES} /dev/urandom"
            ]
        )
    return MasterKey(key, file)


def make_master_key(file: Path) -> None:
    """Put 32 new random bytes there, durably, unless there is a file."""
    create(file, os.urandom(KEY_BYTES))
