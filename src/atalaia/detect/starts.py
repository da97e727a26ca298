"""When a watch began, and on which terms: noted in the home, so that its life can be replayed.

The stream has all that came, and not what the watch was told to make of it. Each start is noted
with the offset up to which the speed layer had lived by then. A watch that takes up a new climate
begins anew, from what it has committed: that is a start like any other.
"""

from __future__ import annotations

import hashlib

import msgspec

from atalaia.detect.watch import CONSUMER
from atalaia.domain.place import Place
from atalaia.domain.rule import RuleSet
from atalaia.ports import State

_STARTS = "starts"
_TERMS = "terms:"


class Terms(msgspec.Struct, frozen=True):
    """What a watch goes by: rules, places in their order, and by source how often it is polled."""

    rules: RuleSet
    places: tuple[Place, ...]
    expected_s: dict[str, int]


class Start(msgspec.Struct, frozen=True):
    """A start of the watch, at `at` (Unix seconds), after the payload at `offset`.

    norms   under which digest its norms are kept (`lake.norms`), empty without any; None: an
            earlier Atalaia kept none
    """

    offset: int
    at: int
    terms: Terms
    norms: str | None = None


class _Noted(msgspec.Struct, frozen=True, array_like=True):
    offset: int
    at: int
    terms: str
    norms: str | None = None


def note_start(state: State, at: int, terms: Terms, norms: str) -> None:
    """Keep that a watch begins now, from what the home has lived through."""
    text = msgspec.json.encode(terms).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if state.note(_TERMS + digest) is None:
        state.set_note(_TERMS + digest, text)
    starts = [*_noted(state), _Noted(state.offset(CONSUMER), at, digest, norms)]
    state.set_note(_STARTS, msgspec.json.encode(starts).decode())


def starts_of(state: State) -> list[Start]:
    """All starts, in their order. None are known of a home that was only ever replayed into.

    Raises msgspec.ValidationError where an earlier Atalaia noted terms that this one cannot read.
    """
    return [
        Start(noted.offset, noted.at, _terms(state, noted.terms), noted.norms)
        for noted in _noted(state)
    ]


def _terms(state: State, digest: str) -> Terms:
    return msgspec.json.decode(state.note(_TERMS + digest) or "", type=Terms)


def _noted(state: State) -> list[_Noted]:
    text = state.note(_STARTS)
    return msgspec.json.decode(text, type=list[_Noted]) if text else []
