"""Links by which who has a message leaves the channel that it came by, with one click.

A token names a person, and holds, sealed with their own key, a channel and since when its contact
is as it is; nothing of it is kept. It does not run out, as a mail may be read late; when the
address is confirmed anew, or given up, those of before end, and with an erasure all. It stops this
one channel and opens nothing.

Reference: RFC 8058 (one-click unsubscribing).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from atalaia.errors import StateConflict
from atalaia.people.registry import Registry
from atalaia.people.rows import CONFIRMED, PENDING
from atalaia.people.vault import Vault
from atalaia.ports import ContactRow

PATH = "/v1/leave/"
_TOKEN = re.compile(r"atl_(p_[A-Za-z0-9_-]{1,62})\.([A-Za-z0-9_-]{40,120})")
_PURPOSE = "leave"
_BY = ("email",)
"""Channels whose messages carry a link."""


def link_of(base: str, vault: Vault, contacts: Sequence[ContactRow], channel: str) -> str:
    """Where to leave this channel, below the address of the API, of who has these contacts; empty:
    there is no such link."""
    if not base or channel not in _BY:
        return ""
    rows = [one for one in contacts if one.channel == channel]
    mine = [one for one in rows if one.status == CONFIRMED]
    mine += [one for one in rows if one.status == PENDING]
    return f"{base.rstrip('/')}{PATH}{_token(vault, mine[0])}" if mine else ""


def leave(registry: Registry, token: str, now: int) -> bool:
    """Tell them no more by that channel, or ask nothing more of an address that waits. It may be
    done before, or the person be erased. False: the token is none of ours."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return False
    pseudonym, text = found.groups()
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        plain = registry.vault.open(pseudonym, _PURPOSE, sealed)
    except (binascii.Error, StateConflict):
        return False
    held = registry.held(pseudonym)
    for row, address in held.contacts if held else ():
        if plain != _plain(row):
            continue
        if row.status == CONFIRMED:
            registry.stop(pseudonym, row.channel, now)
        elif row.status == PENDING and address.contact is not None:
            # It alone: who waits beside somebody's contacts has nothing to say of these.
            registry.leave(pseudonym, address.contact, now)
    return True


def _token(vault: Vault, row: ContactRow) -> str:
    sealed = vault.seal(row.pseudonym, _PURPOSE, _plain(row))
    return f"atl_{row.pseudonym}.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"


def _plain(row: ContactRow) -> bytes:
    which = f" {row.lookup[:8].hex()}" if row.status == PENDING else ""
    return f"{row.channel} {row.since}{which}".encode()
