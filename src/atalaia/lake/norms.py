"""From a home's climate to the norms that a rule set names, and what a home notes of both; and
beside them the home's record of its chances, which is learnt and gone by in the same way.

    GOLD's climate, and record of chances ──► norms (in memory) ──► the watch
         ▲                                      └──► raw/norms/<digest>: those that a watch went
      learnt, once a week                            by, for its replay

This module is light: what brings DuckDB is imported where there is a climate to read.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import zstandard

from atalaia.domain.chance_record import NO_RECORD, ChanceRecord
from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.notes import Note
from atalaia.ports import Lake, Notes

LEARN_EVERY_S = 7 * 86_400
"""How often the climate is learnt again: it is one of months, and a week is soon enough."""

NORMS = "raw/norms/"
"""Norms that watches went by. They are RAW, as nothing gives them again."""

RECORD = "gold/chances/record.json"
"""What became of the home's chances: learnt, and replaced as a whole."""

_unpack = msgspec.msgpack.Decoder(dict[str, bytes] | tuple[dict[str, bytes], ChanceRecord]).decode
_decode_record = msgspec.json.Decoder(ChanceRecord).decode

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
    return go_by_learnt(rules) and not 0 <= now - known(notes).learnt_at < LEARN_EVERY_S


def go_by_learnt(rules: RuleSet) -> bool:
    """Whether these rules go by what is learnt: by the climate, to which a limit is relative, or by
    what became of chances."""
    return any(rule.norm is not None or rule.chance for rule in rules.rules)


def norms_of(lake: Lake, rules: RuleSet, places: Places) -> Norms:
    """The norms that the rules name, as the home knows them now; `Norms.missing` has the rest."""
    record = read_record(lake) if rules.by_chance else NO_RECORD
    named = [rule for rule in rules.rules if rule.norm is not None]
    if not named:
        return Norms(places, {}, record)
    # Only now: it brings DuckDB, and a watch without such rules stays small.
    from atalaia.lake.climate import read_norms  # noqa: PLC0415

    return Norms(places, {rule.name: read_norms(lake, rule, places) for rule in named}, record)


def digest(norms: Norms) -> str:
    """Norms that judge alike have the same; empty where there is nothing to go by."""
    has_any = norms.tables or norms.chances.steps
    return hashlib.sha256(_packed(norms)).hexdigest()[:16] if has_any else ""


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
    packed = _unpack(body)
    tables, record = packed if isinstance(packed, tuple) else (packed, NO_RECORD)
    shape = (len(places), 12, 24)
    found = {k: np.frombuffer(v, "<f8").reshape(shape) for k, v in tables.items()}
    return Norms(places, found, record)


def key_of(name: str, folder: str = NORMS) -> str:
    """Where the norms of this digest lie."""
    return f"{folder}{name}.msgpack.zst"


def read_record(lake: Lake) -> ChanceRecord:
    """The home's record of its chances, as it was last learnt; none yet: it says nothing."""
    if not lake.keys(RECORD):
        return NO_RECORD
    return _decode_record(lake.read(RECORD))


def write_record(lake: Lake, record: ChanceRecord) -> None:
    """Keep it, in place of what was known."""
    lake.write(RECORD, msgspec.json.encode(record))


def _note(notes: Notes) -> Note[Known]:
    return Note(notes, "climate", Known)


def _packed(norms: Norms) -> bytes:
    tables = {name: norms.tables[name].astype("<f8").tobytes() for name in sorted(norms.tables)}
    # Without a record as an earlier Atalaia packed them, whose digests are noted.
    return msgspec.msgpack.encode((tables, norms.chances) if norms.chances.steps else tables)
