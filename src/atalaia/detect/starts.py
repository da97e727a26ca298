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
from atalaia.errors import StateConflict
from atalaia.notes import Note
from atalaia.ports import State


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
    digest = hashlib.sha256(msgspec.json.encode(terms)).hexdigest()[:16]
    _terms(state, digest).put(terms)
    start = _Noted(state.offset(CONSUMER), at, digest, norms)
    _starts(state).change(lambda known: [*(known or []), start])


def starts_of(state: State) -> list[Start]:
    """All starts, in their order. None are known of a home that was only ever replayed into.

    Raises StateConflict where another Atalaia noted terms that this one cannot read.
    """
    starts = []
    for noted in _starts(state).get() or []:
        terms = _terms(state, noted.terms).get()
        if terms is None:
            raise StateConflict(f"the home has lost the terms {noted.terms} of a start")
        starts.append(Start(noted.offset, noted.at, terms, noted.norms))
    return starts


def _terms(state: State, digest: str) -> Note[Terms]:
    return Note(state, f"terms:{digest}", Terms)


def _starts(state: State) -> Note[list[_Noted]]:
    return Note(state, "starts", list[_Noted])
