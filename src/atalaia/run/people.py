"""The people of a home, opened: their store, their keys, and the decoder for what they pushed."""

from __future__ import annotations

from pathlib import Path

from atalaia.domain.reading import Decode
from atalaia.homes.embedded import EmbeddedHome
from atalaia.homes.embedded.keys import default_folder, open_keys
from atalaia.people.bodies import unsealed
from atalaia.people.consent import Controller
from atalaia.people.erase import finish_erasures
from atalaia.people.registry import Registry
from atalaia.people.retention import RETENTION, Retention
from atalaia.people.vault import Vault
from atalaia.settings import Settings


def open_registry(home: EmbeddedHome, settings: Settings) -> Registry:
    """Everybody of this home. What a crash left of an erasure is erased first.

    Raises SettingsInvalid where the keys cannot be used.
    """
    asked = settings.people
    keys = open_keys(home.path, asked.keys, asked.master_key_file)
    finish_erasures(home.people, keys)
    controller = Controller(asked.controller, asked.contact)
    return Registry(home.people, keys, controller, retention(settings))


def retention(settings: Settings) -> Retention:
    """How long what is kept of people is kept, by the settings."""
    return Retention(
        pending_s=RETENTION.pending_s,
        messages_s=settings.channels.keep_s,
        consents_s=RETENTION.consents_s,
    )


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
