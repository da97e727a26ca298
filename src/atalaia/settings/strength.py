"""What is set and cannot be served with, and what works and is weaker than it should be: refused,
or said at each start."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from atalaia.channels import amazon, apprise
from atalaia.errors import SettingsInvalid
from atalaia.open_files import is_open_to_others
from atalaia.settings import KEYS, Settings
from atalaia.settings.document import Secret

LEAST_LETTERS, LEAST_BITS = 20, 60
"""Of a secret that people choose: 128 random bits are 22 letters of base 64."""

SECRETS = tuple(key for key in KEYS if f"{key}_file" in KEYS)
"""Keys of settings that are secrets: each may stand in a file of its own."""


def weaknesses(settings: Settings) -> Iterator[str]:
    """What works and is not as safe as it may have to be, or does not work and stops nothing else:
    a line each, with the next step."""
    yield from settings.broken_plugins
    if not settings.api.is_loopback:
        yield (
            f"api.host {settings.api.host}: others reach it, and it speaks no TLS: keys and "
            "addresses can be read on the way; put a proxy with TLS before it, and set api.hosts"
        )


def checked(settings: Settings, *, is_shared: bool = True) -> Settings:
    """The same, by which the API may be served. Raises SettingsInvalid.

    is_shared    others may be on this machine, and read its files; a function's is its own
    """
    if found := [*(refusals(settings) if is_shared else _guessable(settings))]:
        raise SettingsInvalid(found)
    return settings


def refusals(settings: Settings) -> Iterator[str]:
    """What nothing is served with: secrets that can be guessed, or that others on this
    machine may read, and channels whose package is not installed. One line each, with the next
    step and without any secret in it."""
    yield from _guessable(settings)
    yield from _not_installed(settings)
    if settings.file is not None and is_open_to_others(settings.file):
        secrets = (*SECRETS, *settings.described.secrets, *settings.channels.secrets)
        held = [key for key in secrets if _stands_in(settings.file, key)]
        if held:
            yield f"{settings.file}: others may read {held[0]} in it; run chmod 600 on it"


def _guessable(settings: Settings) -> Iterator[str]:
    for key, secret in _chosen(settings):
        if secret is not None and not is_strong(secret.reveal()):
            yield (
                f"{key}: it can be guessed; make one with: head -c 32 /dev/urandom | base64 | "
                "tr -d '=+/\\n'"
            )


def _not_installed(settings: Settings) -> Iterator[str]:
    chosen = settings.channels
    if chosen.apprise and find_spec("apprise") is None:
        yield from apprise.not_installed().problems
    by_amazon = {
        "email": chosen.email is not None and chosen.email.via == "ses",
        "sms": chosen.sms is not None,
    }
    if any(by_amazon.values()) and find_spec("boto3") is None:
        for name in (name for name, is_on in by_amazon.items() if is_on):
            yield from amazon.not_installed(name).problems


def is_strong(secret: str) -> bool:
    """Whether it is long enough, and its letters vary, as random ones do."""
    counts = Counter(secret).values()
    bits = -sum(n * math.log2(n / len(secret)) for n in counts) if secret else 0.0
    return len(secret) >= LEAST_LETTERS and bits >= LEAST_BITS


def _chosen(settings: Settings) -> Iterator[tuple[str, Secret | None]]:
    """Secrets that are ours to choose; those of providers are theirs."""
    yield "api.key", settings.api.key
    if (whatsapp := settings.channels.whatsapp) is not None:
        yield "channels.whatsapp.verify_token", whatsapp.verify_token
    if (telegram := settings.channels.telegram) is not None:
        yield "channels.telegram.webhook_secret", telegram.webhook_secret


def _stands_in(file: Path, key: str) -> bool:
    """Whether a settings file, which was read before, gives this key itself."""
    found: Any = tomllib.loads(file.read_text("utf-8-sig"))
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return bool(found)
