"""How often an address was asked for a code, and how often somebody guessed at one.

Both are counted by an HMAC of the address, whoever asks and under whichever pseudonym, and outlive
the erasure of all of these: a stranger who begins anew begins with the same count. A count says
nothing of who has the address, and is let go of after 30 days.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.contact import Contact
from atalaia.errors import StateConflict
from atalaia.people.vault import Vault
from atalaia.ports import People

DAY_S, MONTH_S = 86_400, 30 * 86_400

CODES_A_DAY, CODES_A_MONTH = 3, 10
TRIES_A_CODE = 5
TRIES_A_DAY, TRIES_A_MONTH = CODES_A_DAY * TRIES_A_CODE, CODES_A_MONTH * TRIES_A_CODE
"""A guesser has one chance in 20,000 a month at an address, however they begin anew."""

_TRIES = 8


class Tally(msgspec.Struct):
    """When codes were asked for, and guessed at, in the last 30 days (Unix seconds)."""

    codes: list[int] = []
    tries: list[int] = []


def is_free(people: People, vault: Vault, contact: Contact, now: int) -> bool:
    """Whether this address may be sent another code today."""
    return _has_room(
        _read(people, _name(vault, contact), now).codes, CODES_A_DAY, CODES_A_MONTH, now
    )


def take_code(people: People, vault: Vault, contact: Contact, now: int) -> bool:
    """Count a code to this address; False, and nothing counted, where it had enough of them."""
    return _take(people, _name(vault, contact), "codes", CODES_A_DAY, CODES_A_MONTH, now)


def take_try(people: People, vault: Vault, contact: Contact, now: int) -> bool:
    """Count a guess at a code of this address; False where there were too many."""
    return _take(people, _name(vault, contact), "tries", TRIES_A_DAY, TRIES_A_MONTH, now)


def take_of_all(
    people: People, vault: Vault, what: str, most: int, window_s: int, now: int
) -> bool:
    """Count one of `what` that all who ask share: at most so many in any `window_s` seconds."""
    name = vault.lookup("of all", what)
    for _ in range(_TRIES):
        before = people.tally(name)
        times = [at for at in _decoded(before).codes if now - window_s < at <= now]
        if len(times) >= most:
            return False
        if people.set_tally(
            name, before, msgspec.msgpack.encode(Tally([*times, now])), now + window_s
        ):
            return True
    raise StateConflict("others count at the same time; try again")


def _take(people: People, name: bytes, what: str, a_day: int, a_month: int, now: int) -> bool:
    for _ in range(_TRIES):
        before = people.tally(name)
        tally = _since(_decoded(before), now)
        times: list[int] = getattr(tally, what)
        if not _has_room(times, a_day, a_month, now):
            return False
        times.append(now)
        if people.set_tally(name, before, msgspec.msgpack.encode(tally), now + MONTH_S):
            return True
    raise StateConflict("others count at the same time; try again")


def _has_room(times: list[int], a_day: int, a_month: int, now: int) -> bool:
    return len(times) < a_month and sum(at > now - DAY_S for at in times) < a_day


def _read(people: People, name: bytes, now: int) -> Tally:
    return _since(_decoded(people.tally(name)), now)


def _since(tally: Tally, now: int) -> Tally:
    """What is of the last 30 days. A clock that was set back must not lock an address out."""
    after = now - MONTH_S
    return Tally(
        [at for at in tally.codes if after < at <= now],
        [at for at in tally.tries if after < at <= now],
    )


def _decoded(value: bytes | None) -> Tally:
    return Tally([], []) if value is None else msgspec.msgpack.decode(value, type=Tally)


def _name(vault: Vault, contact: Contact) -> bytes:
    """The same for all ways of writing an address, also those that may be different addresses:
    mail servers deliver Ana@ and ana@ to one."""
    return vault.lookup("asked", contact.channel, contact.address.casefold())
