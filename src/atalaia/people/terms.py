"""What somebody is told before they ask: what they agree to, who answers for it, by which ways they
can be told; and the key that a browser subscribes by."""

from __future__ import annotations

import msgspec

from atalaia.channels.vapid import Vapid
from atalaia.people.registry import Registry
from atalaia.settings import Settings

OPEN_CHANNELS = ("webpush", "telegram", "whatsapp", "sms", "email", "webhook")
"""By which anybody may subscribe without a key: those that are asked to confirm."""


class OpenTerms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms somebody subscribes here.

    consent     the words that they agree to, with who answers for it
    channels    by which they can be told
    push_key    the public key of P-256 that a browser subscribes by, URL-safe base64; empty: none
    """

    consent: str
    channels: tuple[str, ...]
    push_key: str


def open_channels(settings: Settings) -> tuple[str, ...]:
    """Those of `OPEN_CHANNELS` that are switched on; none before somebody answers for addresses."""
    if not settings.people.is_answered_for:
        return ()
    return tuple(name for name in OPEN_CHANNELS if name in settings.channels.names)


def terms(registry: Registry, settings: Settings, language: str) -> OpenTerms:
    """Those of this home, in this language. Raises ValueError for one that it does not speak."""
    webpush = settings.channels.webpush
    return OpenTerms(
        consent=registry.words(language).text,
        channels=open_channels(settings),
        push_key=Vapid(registry.keys.vapid_key(), webpush.subject).public if webpush else "",
    )
