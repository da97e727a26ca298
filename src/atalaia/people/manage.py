"""What opens to people what is theirs, without a password: a signed token in a link; a key of their
own, for programs.

A token names a pseudonym, the channels whose contacts earned it, the person's epoch, and says
until when; only who has the home's look-up key can make one, and nothing of it is kept. Each time
a contact of theirs is confirmed or stopped the epoch grows, and all links of before end. So do all
links of a look-up key that was replaced: who had that key could sign for anybody.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from atalaia.people.lookups import of_secret
from atalaia.people.registry import Held, PersonChange, Registry
from atalaia.people.rows import (
    CONFIRMED,
    INBOX,
    KEY,
    Address,
    contact_row,
    random_name,
    stopped,
)
from atalaia.ports import ContactRow

LASTS_S = 7 * 86_400

_PREFIX = "atm_"
_TOKEN = re.compile(
    r"atm_(p_[A-Za-z0-9_-]{1,62})\.([0-9a-f]{1,8})\.([a-z-]{0,60})\.([0-9a-f]{1,12})"
    r"\.([A-Za-z0-9_-]{43})"
)


class Signed(NamedTuple):
    """What a token says: whose it is, by which channels' contacts it was earned, and the epoch that
    the person was in when it was."""

    pseudonym: str
    channels: tuple[str, ...]
    epoch: int

    def is_good(self, held: Held) -> bool:
        """Whether nothing was confirmed or stopped since: to be asked in the write that it is to
        allow."""
        return (held.row.pseudonym, held.kept.epoch) == (self.pseudonym, self.epoch)


def sign(registry: Registry, link: Signed, now: int) -> str:
    """The token of this link, for seven days from `now`. Not to be kept or logged."""
    channels = "-".join(sorted(link.channels))
    parts = (link.pseudonym, f"{link.epoch:x}", channels, f"{now + LASTS_S:x}")
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
    link = Signed(pseudonym, tuple(filter(None, channels.split("-"))), int(epoch, 16))
    held = registry.held(pseudonym)
    return link if held is not None and link.is_good(held) else None


def joins(is_theirs: bool | Signed) -> Callable[[Held, str], bool]:
    """As `subscribe.Joins`: a link adds to what is there, and puts something in the place of what
    earned it alone; who has shown to be them otherwise may both."""

    def may(held: Held, channel: str) -> bool:
        if not isinstance(is_theirs, Signed):
            return is_theirs
        has = any(e.row.channel == channel for e in held.with_status(CONFIRMED))
        return is_theirs.is_good(held) and (not has or channel in is_theirs.channels)

    return may


def is_whole(held: Held, channels: Sequence[str]) -> bool:
    """Whether these channels' contacts are all that a person confirmed: they may speak for all."""
    return {e.row.channel for e in held.with_status(CONFIRMED)} <= {*channels, INBOX}


def make_key(registry: Registry, pseudonym: str, now: int) -> str:
    """A new key of their own, by which programs act for them: random, and kept as its hash alone.
    It is shown this once; an older one ends.

    Raises ValueError for nobody.
    """
    key = "atk_" + random_name(32)

    def edit(held: Held) -> PersonChange:
        old = [e.row for e in held.contacts if e.row.channel == KEY]
        ended = [stopped(registry.vault, row, now) for row in old if row.status == CONFIRMED]
        return PersonChange(held.kept, [*ended, _key_row(registry, pseudonym, key, now)])

    registry.change(pseudonym, edit)
    return key


def who(registry: Registry, key: str) -> str | None:
    """Whose own key this is; None: nobody's (any more)."""
    row = registry.people.find(KEY, of_secret(key).digest)
    if row is None:  # it was made when keys were looked up as addresses are
        row = registry.lookups.row(KEY, registry.lookups.of(KEY, key))
        if row is not None and row.status == CONFIRMED:
            _rename(registry, row, key)
    return row.pseudonym if row and row.status == CONFIRMED else None


def _rename(registry: Registry, row: ContactRow, key: str) -> None:
    """Find it by its hash from now on, whatever look-up keys are replaced."""

    def edit(held: Held) -> PersonChange:
        rows = (entry.row for entry in held.contacts)
        live = [r for r in rows if (r.lookup, r.status) == (row.lookup, CONFIRMED)]
        new = [_key_row(registry, row.pseudonym, key, row.since)] if live else []
        return PersonChange(held.kept, new, gone=live)

    registry.change(row.pseudonym, edit)


def _key_row(registry: Registry, pseudonym: str, key: str, since: int) -> ContactRow:
    lookup = of_secret(key)
    return contact_row(registry.vault, pseudonym, KEY, lookup, Address(), CONFIRMED, since)


def _mac(registry: Registry, *parts: str) -> str:
    digest = registry.lookups.of("manage", *parts).digest
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
