"""Signed tokens by which people manage what is theirs from a link, without a password.

A token names a pseudonym, the channels whose contacts earned it, the person's epoch, and says
until when; only who has the home's look-up key can make one, and nothing of it is kept. Each time
a contact of theirs is confirmed or stopped the epoch grows, and all links of before end.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from typing import NamedTuple

from atalaia.people.registry import INBOX, Held, Registry
from atalaia.people.rows import CONFIRMED

LASTS_S = 7 * 86_400

_PREFIX = "atm_"
_TOKEN = re.compile(
    r"atm_(p_[A-Za-z0-9_-]{1,62})\.([0-9a-f]{1,8})\.([a-z-]{0,60})\.([0-9a-f]{1,12})"
    r"\.([A-Za-z0-9_-]{43})"
)


class Signed(NamedTuple):
    """Whose token it is, and by which channels' contacts it was earned."""

    pseudonym: str
    channels: tuple[str, ...]


def sign(registry: Registry, pseudonym: str, channels: Sequence[str], now: int) -> str:
    """A token for this person, for seven days from `now`, earned by these channels' contacts. Not
    to be kept or logged. Raises ValueError for nobody."""
    held = registry.held(pseudonym)
    if held is None:
        raise ValueError(f"nobody is kept under {pseudonym}; they may have been erased")
    parts = (pseudonym, f"{held.kept.epoch:x}", "-".join(sorted(channels)), f"{now + LASTS_S:x}")
    return f"{_PREFIX}{'.'.join(parts)}.{_mac(registry, *parts)}"


def whose(registry: Registry, token: str, now: int) -> Signed | None:
    """Whose token this is; None: it is none of ours, has run out, or is of no more use."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    pseudonym, epoch, channels, until, mac = found.groups()
    if not hmac.compare_digest(_mac(registry, pseudonym, epoch, channels, until), mac):
        return None
    if int(until, 16) <= now:
        return None
    held = registry.held(pseudonym)
    if held is None or held.kept.epoch != int(epoch, 16):
        return None
    return Signed(pseudonym, tuple(filter(None, channels.split("-"))))


def is_whole(held: Held, channels: Sequence[str]) -> bool:
    """Whether these channels' contacts are all that a person confirmed: they may speak for all."""
    return {e.row.channel for e in held.with_status(CONFIRMED)} <= {*channels, INBOX}


def _mac(registry: Registry, *parts: str) -> str:
    digest = registry.vault.lookup("manage", *parts)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
