"""The norms that detect goes by: refine works them out and lays them down, detect reads them.

Working them out brings DuckDB, which would make detect's package twice as large, and its start
slower. A note says which file is of which rules, places and climate.
"""

from __future__ import annotations

import hashlib
import time

import msgspec
import numpy as np

from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.lake import norms
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Lake, Notes

FOLDER = "gold/norms/"

log = Logger()


class Laid(msgspec.Struct, frozen=True):
    """What lies there: `name` is the file's, `of` says of which rules and places, and `climate`
    is the version of the climate that it came of."""

    of: str = ""
    climate: int = -1
    name: str = ""


def laid(notes: Notes) -> Laid:
    """As it was last noted."""
    return _note(notes).get() or Laid()


def lay(notes: Notes, lake: Lake, rules: RuleSet, places: Places) -> None:
    """Bring the norms up to the rules, the places and the climate of now."""
    if not norms.go_by_learnt(rules):
        return
    now = (_of(rules, places), norms.known(notes).version)
    before = laid(notes)
    if (before.of, before.climate) == now:
        return
    found = norms.norms_of(lake, rules, places)
    for line in found.in_words():
        log.warning("a rule cannot judge everywhere", reason=line)
    name = norms.keep(lake, found, FOLDER)
    _note(notes).put(Laid(*now, name))
    # The one before stays: a lane that has just looked is about to read it.
    stay = {norms.key_of(each, FOLDER) for each in (name, before.name)}
    lake.delete_all(key for key in lake.keys(FOLDER) if key not in stay)


def read(lake: Lake, at: Laid, rules: RuleSet, places: Places) -> Norms:
    """The norms that lie there; where they are of other rules or places, none are known yet.

    Raises StateConflict where the lake cannot be read.
    """
    if not norms.go_by_learnt(rules):
        return Norms(places, {})
    if at.of == _of(rules, places):
        return norms.kept(lake, at.name, places, FOLDER)
    nothing = np.full((len(places), 12, 24), np.nan)
    return Norms(places, {rule.name: nothing for rule in rules.rules if rule.norm is not None})


def _note(notes: Notes) -> Note[Laid]:
    return Note(notes, "norms", Laid)


def _of(rules: RuleSet, places: Places) -> str:
    ids = msgspec.json.encode([place.id for place in places])
    return hashlib.sha256(rules.digest.encode() + ids).hexdigest()[:16]


class Followed:
    """The norms that lie there, as a process goes by them: looked at every few minutes."""

    _LOOK_S = 300.0

    def __init__(self, rules: RuleSet, places: Places) -> None:
        self._rules, self._places = rules, places
        self._looked_at = float("-inf")
        self._at = Laid()
        self._read: Norms | None = None

    def is_new(self, notes: Notes) -> bool:
        """Whether others lie there than at the last look; the first look finds nothing new."""
        now = time.monotonic()
        if now < self._looked_at + self._LOOK_S or not norms.go_by_learnt(self._rules):
            return False
        before, self._at = self._at, laid(notes)
        is_first, self._looked_at = self._looked_at == float("-inf"), now
        if is_first or self._at == before:
            return False
        log.info("new norms are taken up", norms=self._at.name)
        return True

    def norms(self, lake: Lake) -> Norms:
        """Those of the last look."""
        return read(lake, self._at, self._rules, self._places)

    def latest(self, notes: Notes, lake: Lake) -> Norms:
        """Those that lie there, read once they are others. Raises StateConflict."""
        if self.is_new(notes):
            self._read = None
        if self._read is None:
            self._read = self.norms(lake)
        return self._read
