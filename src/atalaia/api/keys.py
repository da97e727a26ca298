"""Whose a key is; and the keys of programs: each has a role, and of each only a hash is kept, with
the home.

They are 256 random bits, so a plain SHA-256 is enough: there is nothing to guess. A key is shown
once, when it is made.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence

import msgspec

from atalaia.api.access import OPERATOR, OWN_KEY, SCOPES, SIGNED_LINK, Caller, Gate, Role, Who
from atalaia.domain.place import Places
from atalaia.notes import Note
from atalaia.people.bodies import own_source
from atalaia.people.manage import Signed
from atalaia.people.service import PeopleService
from atalaia.ports import Notes
from atalaia.settings import Settings
from atalaia.sources import decoders
from atalaia.sources.readings_csv import LONGEST_SOURCE, STATION, is_name

_PREFIX = "atp_"
_LONGEST_LABEL = 60
_PROVIDERS = frozenset(decoders(Places([]))) - {STATION}


class ApiKey(msgspec.Struct, frozen=True):
    """A key as it is kept. `digest`: SHA-256, hex; `made_at`: Unix seconds.

    source, places    of a station's: what all that it pushes is called (empty: its label, or its
                      id), and ids of the places that it may push for (none: all)
    """

    id: str
    role: Role
    label: str
    digest: str
    made_at: int
    source: str = ""
    places: tuple[str, ...] = ()

    @property
    def pushes_as(self) -> str:
        """The source of what it pushes: never a provider's, which others believe."""
        named = (self.source, self.label, self.id)
        return next(name for name in named if is_name(name) and not _is_provider(name))


def _is_provider(name: str) -> bool:
    """Whether a name is a provider's, or one of its feeds'."""
    return name.lower().partition(":")[0] in _PROVIDERS


def add_key(
    notes: Notes,
    role: Role,
    label: str,
    now: int,
    *,
    source: str = "",
    places: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """A new key, and the text of it, which is not kept. Raises ValueError for a label too long,
    and for a source that is a provider's or can be no name."""
    if source and not is_name(source):
        raise ValueError(f"source: give 1 to {LONGEST_SOURCE} printable letters")
    if _is_provider(source):
        raise ValueError(f"source: {source} is a provider; give the station a name of its own")
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        raise ValueError(f"label: give at most {_LONGEST_LABEL} printable letters")
    text = _PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        "k_" + secrets.token_hex(4), role, label, _digest(text), now, source, tuple(places)
    )
    _note(notes).change(lambda known: [*(known or []), key])
    return key, text


def keys_of(notes: Notes) -> list[ApiKey]:
    """All keys, the oldest first."""
    return _note(notes).get() or []


def remove_key(notes: Notes, id_: str) -> bool:
    """End a key; False: there is none of this id."""

    def left(known: list[ApiKey] | None) -> list[ApiKey]:
        keys = {key.id: key for key in known or []}
        del keys[id_]
        return list(keys.values())

    try:
        _note(notes).change(left)
    except KeyError:
        return False
    return True


def gate_of(
    settings: Settings, notes: Notes, people: PeopleService, now: Callable[[], float]
) -> Gate:
    """Lets in the operator, programs and people, each by their key."""
    who = who_has(settings, notes, people, now)
    return Gate(who, is_public=settings.api.is_public, at_once=operator_has(settings))


def operator_has(settings: Settings) -> Who:
    """Whether this key is the operator's, which is among the settings: nothing is read for it."""
    operators = settings.api.key

    def who(key: str) -> Caller | None:
        if operators is None or not hmac.compare_digest(_digest(key), _digest(operators.reveal())):
            return None
        return Caller(OPERATOR, SCOPES[Role.OPERATOR])

    return who


def who_has(
    settings: Settings, notes: Notes, people: PeopleService, now: Callable[[], float]
) -> Who:
    """Whose key this is: the operator's, a program's, a person's, or nobody's."""
    operator = operator_has(settings)

    def who(key: str) -> Caller | None:
        program = operator(key) or caller_of(notes, key)
        if program is not None:
            return program
        found = people.whose(key, int(now()))
        if found is None:
            return None
        if isinstance(found, Signed):
            return Caller(found.pseudonym, SIGNED_LINK, found.pseudonym, found)
        return Caller(found, OWN_KEY, found, source=own_source(found))

    return who


def caller_of(notes: Notes, given: str) -> Caller | None:
    """Whose key this is; None: none of these."""
    if not given.startswith(_PREFIX):
        return None
    digest = _digest(given)
    for key in keys_of(notes):
        if hmac.compare_digest(key.digest, digest):
            if key.role != Role.STATION:
                return Caller(key.id, SCOPES[key.role])
            return Caller(key.id, SCOPES[key.role], source=key.pushes_as, places=key.places)
    return None


def _note(notes: Notes) -> Note[list[ApiKey]]:
    return Note(notes, "api-keys", list[ApiKey])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
