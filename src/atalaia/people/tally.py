"""How often an address was asked for a code, and how often somebody guessed at one.

Both are counted by an HMAC of the address, whoever asks and under whichever pseudonym, and outlive
the erasure of all of these: a stranger who begins anew begins with the same count. A count says
nothing of who has the address, and is let go of after 30 days. So it cannot be named anew when the
key of look-ups is replaced: what is counted from then on begins with what the old name has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from atalaia.domain.contact import Contact
from atalaia.errors import StateConflict
from atalaia.people.lookups import Lookup, Lookups
from atalaia.ports import People

DAY_S, MONTH_S = 86_400, 30 * 86_400

CODES_A_DAY, CODES_A_MONTH = 3, 10
TRIES_A_CODE = 5
TRIES_A_DAY, TRIES_A_MONTH = CODES_A_DAY * TRIES_A_CODE, CODES_A_MONTH * TRIES_A_CODE
"""A guesser has one chance in 20,000 a month at an address, however they begin anew."""

_TRIES = 8
_WITHOUT_DOTS = ("gmail.com", "googlemail.com")


class Tally(msgspec.Struct):
    """When codes were asked for, and guessed at, in the last 30 days (Unix seconds)."""

    codes: list[int] = []
    tries: list[int] = []


_decode_tally = msgspec.msgpack.Decoder(Tally).decode


def is_free(people: People, lookups: Lookups, contact: Contact, now: int) -> bool:
    """Whether this address may be sent another code today."""
    tally = _since(_read(people, _name(lookups, contact)).tally, now)
    return _has_room(tally.codes, CODES_A_DAY, CODES_A_MONTH, now)


def take_code(people: People, lookups: Lookups, contact: Contact, now: int) -> bool:
    """Count a code to this address; False, and nothing counted, where it had enough of them."""
    return _take(people, lookups, contact, "codes", (CODES_A_DAY, CODES_A_MONTH), now)


def take_try(people: People, lookups: Lookups, contact: Contact, now: int) -> bool:
    """Count a guess at a code of this address; False where there were too many."""
    return _take(people, lookups, contact, "tries", (TRIES_A_DAY, TRIES_A_MONTH), now)


def take_of_all(
    people: People, lookups: Lookups, what: str, most: int, window_s: int, now: int
) -> bool:
    """Count one of `what` that all who ask share: at most so many in any `window_s` seconds."""

    def counted(tally: Tally) -> Tally | None:
        times = [at for at in tally.codes if now - window_s < at <= now]
        return Tally([*times, now]) if len(times) < most else None

    return _count(people, lambda: lookups.of("of all", what), counted, now + window_s)


def _take(
    people: People,
    lookups: Lookups,
    contact: Contact,
    what: str,
    most: tuple[int, int],
    now: int,
) -> bool:
    def counted(tally: Tally) -> Tally | None:
        tally = _since(tally, now)
        times: list[int] = getattr(tally, what)
        if not _has_room(times, *most, now):
            return None
        times.append(now)
        return tally

    return _count(people, lambda: _name(lookups, contact), counted, now + MONTH_S)


def _count(
    people: People,
    name_of: Callable[[], Lookup],
    counted: Callable[[Tally], Tally | None],
    until: int,
) -> bool:
    """Put what `counted` makes of a tally in its place; None: there is no room in it."""
    for _ in range(_TRIES):
        name = name_of()
        read = _read(people, name)
        tally = counted(read.tally)
        if tally is None:
            return False
        value = msgspec.msgpack.encode(tally)
        if people.set_tally(name.digest, read.before, value, until, name.key):
            return True
    raise StateConflict("others count at the same time; try again")


class _Read(NamedTuple):
    """A tally, and what is kept under its current name (None: nothing yet)."""

    tally: Tally
    before: bytes | None


def _read(people: People, name: Lookup) -> _Read:
    before = people.tally(name.digest)
    older = (people.tally(other) for other in name.others) if before is None else ()
    value = before if before is not None else next((v for v in older if v is not None), None)
    return _Read(_decoded(value), before)


def _has_room(times: list[int], a_day: int, a_month: int, now: int) -> bool:
    return len(times) < a_month and sum(at > now - DAY_S for at in times) < a_day


def _since(tally: Tally, now: int) -> Tally:
    """What is of the last 30 days. A clock that was set back must not lock an address out."""
    after = now - MONTH_S
    return Tally(
        [at for at in tally.codes if after < at <= now],
        [at for at in tally.tries if after < at <= now],
    )


def _decoded(value: bytes | None) -> Tally:
    return Tally([], []) if value is None else _decode_tally(value)


def _name(lookups: Lookups, contact: Contact) -> Lookup:
    """The same for all ways of writing an address, also those that may be different addresses:
    what counts is whose inbox it comes to."""
    address = unicodedata.normalize("NFKC", contact.address).casefold()
    if contact.channel == "email":
        address = _inbox_of(address)
    return lookups.of("asked", contact.channel, address)


def _inbox_of(email: str) -> str:
    """Mail servers deliver Ana@, ana@ and ana+rain@ to one; Google's a.na@, too."""
    local, _, domain = email.rpartition("@")
    inbox = local.partition("+")[0] or local
    if domain in _WITHOUT_DOTS:
        inbox, domain = inbox.replace(".", "") or inbox, _WITHOUT_DOTS[0]
    return f"{inbox}@{domain}"
