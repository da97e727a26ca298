"""What people's keys are wrapped with: one master key in a file, or a service in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded.durable import create
from atalaia.open_files import is_open_to_others
from atalaia.wrap import KEY_BYTES, unwrapped, wrapped


class MasterKey:
    """Fills `Wrap` by AES-256-GCM under 32 bytes from a file, with a random nonce of 96 bits.

    The file may be replaced by another process at any time (`rotate`). So what is wrapped is
    wrapped by what the file has at that moment; and what does not open with the keys at hand is
    tried with those that are there now, of which the old one is beside the file while it is needed.

    file, old    Raises SettingsInvalid where `file` is no master key
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.old = file.with_name(f"{file.name}.old")
        self._ciphers = self._read()

    def wrap(self, secret: bytes, name: str) -> bytes:
        self._ciphers = self._read()
        return wrapped(self._ciphers[0], secret, name)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        secret = _opened(self._ciphers, wrapped, name)
        if secret is None:
            self._ciphers = self._read()
            secret = _opened(self._ciphers, wrapped, name)
        if secret is None:
            raise StateConflict(
                f"master key {self.file} does not open the key of {name}: it is another "
                "master key, or that file is damaged; put both back from one backup of the keys"
            )
        return secret

    def wrapped_anew(self, wrapped: bytes, name: str) -> bytes | None:
        """What another master key wrapped, wrapped by the one in the file; None: it is already."""
        self._ciphers = self._read()
        if _opened(self._ciphers[:1], wrapped, name) is not None:
            return None
        return self.wrap(self.unwrap(wrapped, name), name)

    def _read(self) -> list[AESGCM]:
        """The ciphers of the keys that are there now, the one to wrap with first."""
        ciphers = [AESGCM(_read_key(self.file))]
        if self.old.exists():
            ciphers.append(AESGCM(_read_key(self.old)))
        return ciphers


def _opened(ciphers: Sequence[AESGCM], wrapped: bytes, name: str) -> bytes | None:
    for cipher in ciphers:
        with suppress(ValueError):
            return unwrapped(cipher, wrapped, name)
    return None


def _read_key(file: Path) -> bytes:
    """32 bytes of a file that is its owner's alone. Raises SettingsInvalid."""
    try:
        is_open = is_open_to_others(file)
        key = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(
            [f"master key {file}: {error.strerror}; name a file of {KEY_BYTES} random bytes"]
        ) from error
    if is_open:
        raise SettingsInvalid([f"master key {file}: others may use it; run chmod 600 on it"])
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(
            [
                f"master key {file}: it has {len(key)} bytes, not {KEY_BYTES}; "
                f"make one with: head -c {KEY_BYTES} /dev/urandom"
            ]
        )
    return key


def make_master_key(file: Path) -> None:
    """Put 32 new random bytes there, durably, unless there is a file."""
    create(file, os.urandom(KEY_BYTES))
