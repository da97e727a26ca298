"""The people of an embedded home: where their keys lie, and the decoder for what they pushed."""

from __future__ import annotations

from pathlib import Path

from atalaia.domain.reading import Decode
from atalaia.homes.embedded import KeyFiles
from atalaia.homes.embedded.keys import default_folder, open_keys
from atalaia.people.bodies import unsealed
from atalaia.people.vault import Vault
from atalaia.settings import Settings


def key_files(settings: Settings) -> KeyFiles:
    """Where people's keys lie, by the settings."""
    return KeyFiles(settings.people.keys, settings.people.master_key_file)


def opening(decode: Decode, home: Path, settings: Settings) -> Decode:
    """The decoder for a home of which some payloads may be sealed by those who pushed them.

    Where no keys were ever made nothing is sealed, and none are made for that.
    """
    asked = settings.people
    return opening_with(decode, home, asked.keys or default_folder(home), asked.master_key_file)


def opening_with(decode: Decode, home: Path, folder: Path, master_key_file: Path | None) -> Decode:
    """The same, for who has no settings but knows where the keys lie."""
    if not folder.is_dir():
        return decode
    return unsealed(decode, Vault(open_keys(home, folder, master_key_file)))
