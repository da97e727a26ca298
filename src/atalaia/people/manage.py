"""Signed tokens by which people manage what is theirs from a link, without a password.

A token names a pseudonym and says until when; only who has the home's look-up key can make one,
and nothing of it is kept. One made before any contact was confirmed ends with the confirmation:
who asked for an address need not be the one who has it.
"""

from __future__ import annotations

import base64
import hmac
import re

from atalaia.people.registry import Registry

LASTS_S = 7 * 86_400

_PREFIX = "atm_"
_TOKEN = re.compile(r"atm_(p_[A-Za-z0-9_-]{1,62})\.([wc])\.([0-9a-f]{1,12})\.([A-Za-z0-9_-]{43})")
_WAITING, _CONFIRMED = "w", "c"


def sign(registry: Registry, pseudonym: str, now: int) -> str:
    """A token for this person, for seven days from `now`. Not to be kept or logged."""
    kind = _kind(registry, pseudonym)
    until = f"{now + LASTS_S:x}"
    return f"{_PREFIX}{pseudonym}.{kind}.{until}.{_mac(registry, pseudonym, kind, until)}"


def whose(registry: Registry, token: str, now: int) -> str | None:
    """Whose token this is; None: it is none of ours, has run out, or is of no more use."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    pseudonym, kind, until, mac = found.groups()
    if not hmac.compare_digest(_mac(registry, pseudonym, kind, until), mac):
        return None
    if int(until, 16) <= now:
        return None
    row = registry.people.person(pseudonym)
    if row is None or row.sealed is None:
        return None
    is_outlived = kind == _WAITING and _kind(registry, pseudonym) == _CONFIRMED
    return None if is_outlived else pseudonym


def _kind(registry: Registry, pseudonym: str) -> str:
    # Consents outlive contacts: somebody who stopped was confirmed all the same.
    return _CONFIRMED if registry.people.consents(pseudonym) else _WAITING


def _mac(registry: Registry, pseudonym: str, kind: str, until: str) -> str:
    digest = registry.vault.lookup("manage", pseudonym, kind, until)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
