"""What is set and works, and is weaker than it should be: said at each start."""

from __future__ import annotations

import math
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from atalaia.settings import Settings
from atalaia.settings.document import Secret

LEAST_LETTERS, LEAST_BITS = 20, 60
"""Of a secret that people choose: 128 random bits are 22 letters of base 64."""


def weaknesses(settings: Settings) -> Iterator[str]:
    """One line each, with the next step and without any secret in it."""
    if not settings.api.is_loopback:
        yield (
            f"api.host {settings.api.host}: others reach it, and it speaks no TLS: keys and "
            "addresses can be read on the way; put a proxy with TLS before it, and set api.hosts"
        )
    for key, secret in _chosen(settings):
        if secret is not None and not is_strong(secret.reveal()):
            yield (
                f"{key}: it can be guessed; make one with: head -c 32 /dev/urandom | base64 | "
                "tr -d '=\\n'"
            )
    if settings.file is not None and _is_open(settings.file) and _has_secrets(settings.file):
        yield f"{settings.file}: others may read the secrets in it; run chmod 600 on it"


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


def _is_open(file: Path) -> bool:
    return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


def _has_secrets(file: Path) -> bool:
    names = ("key", "token", "password", "app_secret", "verify_token", "webhook_secret")
    lines = file.read_text("utf-8", "replace").splitlines()
    return any(line.split("=")[0].strip() in names for line in lines if "=" in line)
