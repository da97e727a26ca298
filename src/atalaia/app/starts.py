"""When a watch began, and on which terms: noted in the home, so that its life can be replayed.

The stream has all that came, and not what the watch was told to make of it. Each start is noted
with the offset up to which the speed layer had lived by then.
"""

from __future__ import annotations

import hashlib

import msgspec

from atalaia.domain.place import Place
from atalaia.domain.rule import RuleSet
from atalaia.homes.ports import State
from atalaia.speed.watch import CONSUMER

_STARTS = "starts"
_TERMS = "terms:"


class Terms(msgspec.Struct, frozen=True):
    """What a watch goes by: rules, places in their order, and by source how often it is polled."""

    rules: RuleSet
    places: tuple[Place, ...]
    expected_s: dict[str, int]


class Start(msgspec.Struct, frozen=True):
    """A start of the watch, at `at` (Unix seconds), after the payload at `offset`."""

    offset: int
    at: int
    terms: Terms


def note_start(state: State, at: int, terms: Terms) -> None:
    """Keep that a watch begins now, from what the home has lived through."""
    text = msgspec.json.encode(terms).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if state.note(_TERMS + digest) is None:
        state.set_note(_TERMS + digest, text)
    starts = [*_noted(state), (state.offset(CONSUMER), at, digest)]
    state.set_note(_STARTS, msgspec.json.encode(starts).decode())


def starts_of(state: State) -> list[Start]:
    """All starts, in their order. None are known of a home that was only ever replayed into.

    Raises msgspec.ValidationError where an earlier Atalaia noted terms that this one cannot read.
    """
    return [
        Start(offset, at, msgspec.json.decode(state.note(_TERMS + digest) or "", type=Terms))
        for offset, at, digest in _noted(state)
    ]


def _noted(state: State) -> list[tuple[int, int, str]]:
    text = state.note(_STARTS)
    return msgspec.json.decode(text, type=list[tuple[int, int, str]]) if text else []
