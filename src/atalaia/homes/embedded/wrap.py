"""What people's keys are wrapped with: one master key in a file, or a service in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded.durable import create
from atalaia.wrap import KEY_BYTES, unwrapped, wrapped


class MasterKey:
    """Fills `Wrap` by AES-256-GCM under 32 bytes from a file, with a random nonce of 96 bits."""

    def __init__(self, key: bytes, file: Path) -> None:
        self._cipher = AESGCM(key)
        self._file = file

    def wrap(self, secret: bytes, name: str) -> bytes:
        return wrapped(self._cipher, secret, name)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        try:
            return unwrapped(self._cipher, wrapped, name)
        except ValueError as error:
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
