"""From a home's climate to the norms that a rule set names, and what a home notes of both.

    GOLD's climate ──► norms (tables in memory) ──► the watch
         ▲                     └──► raw/norms/<digest>: those that a watch went by, for its replay
      learnt, once a week

This module is light: what brings DuckDB is imported where there is a climate to read.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import zstandard

from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.notes import Note
from atalaia.ports import Lake, Notes

LEARN_EVERY_S = 7 * 86_400
"""How often the climate is learnt again: it is one of months, and a week is soon enough."""

NORMS = "raw/norms/"
"""Norms that watches went by. They are RAW, as nothing gives them again."""

_MOST_BYTES = 4_000_000_000


class Known(msgspec.Struct, frozen=True):
    """What a home knows of its climate.

    version    grows whenever some of it was learnt anew
    learnt_at  when it was last tried to learn it, Unix seconds
    """

    version: int = 0
    learnt_at: int = 0


def known(notes: Notes) -> Known:
    """As the home has noted it."""
    return _note(notes).get() or Known()


def note_learnt(notes: Notes, now: int, *, is_new: bool) -> None:
    """Note that the climate was learnt, so that watches take it up if some of it `is_new`."""
    _note(notes).change(lambda was: Known((was or Known()).version + is_new, now))


def is_due(notes: Notes, rules: RuleSet, now: int) -> bool:
    """Whether to learn the climate: once a week, where a rule goes by it."""
    return names_norms(rules) and now - known(notes).learnt_at >= LEARN_EVERY_S


def names_norms(rules: RuleSet) -> bool:
    """Whether a limit of these rules is relative to the climate."""
    return any(rule.norm is not None for rule in rules.rules)


def norms_of(lake: Lake, rules: RuleSet, places: Places) -> Norms:
    """The norms that the rules name, as the home knows them now; `Norms.missing` has the rest."""
    named = [rule for rule in rules.rules if rule.norm is not None]
    if not named:
        return Norms(places, {})
    # Only now: it brings DuckDB, and a watch without such rules stays small.
    from atalaia.lake.climate import read_norms  # noqa: PLC0415

    return Norms(places, {rule.name: read_norms(lake, rule, places) for rule in named})


def digest(norms: Norms) -> str:
    """Norms that judge alike have the same; empty where no rule names any."""
    return hashlib.sha256(_packed(norms)).hexdigest()[:16] if norms.tables else ""


def keep(lake: Lake, norms: Norms, folder: str = NORMS) -> str:
    """Keep the norms that a watch goes by from now on; return their digest."""
    name = digest(norms)
    if name and not lake.keys(key_of(name, folder)):
        lake.write(key_of(name, folder), zstandard.compress(_packed(norms)))
    return name


def kept(lake: Lake, name: str, places: Places, folder: str = NORMS) -> Norms:
    """The norms of this digest, at the places that they were kept for.

    Raises KeyError where they are not there.
    """
    if not name:
        return Norms(places, {})
    body = zstandard.decompress(lake.read(key_of(name, folder)), max_output_size=_MOST_BYTES)
    tables = msgspec.msgpack.decode(body, type=dict[str, bytes])
    shape = (len(places), 12, 24)
    return Norms(places, {k: np.frombuffer(v, "<f8").reshape(shape) for k, v in tables.items()})


def key_of(name: str, folder: str = NORMS) -> str:
    """Where the norms of this digest lie."""
    return f"{folder}{name}.msgpack.zst"


def _note(notes: Notes) -> Note[Known]:
    return Note(notes, "climate", Known)


def _packed(norms: Norms) -> bytes:
    tables = {name: norms.tables[name].astype("<f8").tobytes() for name in sorted(norms.tables)}
    return msgspec.msgpack.encode(tables)
