"""The embedded home of some settings, opened with people's keys where the settings say they lie."""

from __future__ import annotations

from atalaia.homes.embedded import EmbeddedHome, KeyFiles, open_home
from atalaia.settings import Settings


def home_of(settings: Settings, *, exclusive: bool) -> EmbeddedHome:
    """See `homes.embedded.open_home`."""
    return open_home(settings.home, exclusive=exclusive, keys=key_files(settings))


def key_files(settings: Settings) -> KeyFiles:
    """Where people's keys lie, by the settings."""
    return KeyFiles(settings.people.keys, settings.people.master_key_file)
