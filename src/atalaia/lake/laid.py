"""The norms that detect goes by: refine works them out and lays them down, detect reads them.

Working them out brings DuckDB, which would make detect's package twice as large, and its start
slower. A note says which file is of which rules, places and climate.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import structlog

from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.lake import norms
from atalaia.ports import Lake, State

FOLDER = "gold/norms/"

_NOTE = "norms"

log = structlog.get_logger()


class Laid(msgspec.Struct, frozen=True):
    """What lies there: `name` is the file's, `of` says of which rules and places, and `climate`
    is the version of the climate that it came of."""

    of: str = ""
    climate: int = -1
    name: str = ""


def laid(state: State) -> Laid:
    """As it was last noted."""
    text = state.note(_NOTE)
    return msgspec.json.decode(text, type=Laid) if text else Laid()


def lay(state: State, lake: Lake, rules: RuleSet, places: Places) -> None:
    """Bring the norms up to the rules, the places and the climate of now."""
    if not norms.names_norms(rules):
        return
    now = (_of(rules, places), norms.known(state).version)
    before = laid(state)
    if (before.of, before.climate) == now:
        return
    found = norms.norms_of(lake, rules, places)
    for line in found.in_words():
        log.warning("a rule cannot judge everywhere", reason=line)
    name = norms.keep(lake, found, FOLDER)
    state.set_note(_NOTE, msgspec.json.encode(Laid(*now, name)).decode())
    # The one before stays: a lane that has just looked is about to read it.
    stay = {norms.key_of(each, FOLDER) for each in (name, before.name)}
    for key in lake.keys(FOLDER):
        if key not in stay:
            lake.delete(key)


def read(lake: Lake, at: Laid, rules: RuleSet, places: Places) -> Norms:
    """The norms that lie there; where they are of other rules or places, none are known yet.

    Raises StateConflict where the lake cannot be read.
    """
    if not norms.names_norms(rules):
        return Norms(places, {})
    if at.of == _of(rules, places):
        return norms.kept(lake, at.name, places, FOLDER)
    nothing = np.full((len(places), 12, 24), np.nan)
    return Norms(places, {rule.name: nothing for rule in rules.rules if rule.norm is not None})


def _of(rules: RuleSet, places: Places) -> str:
    ids = msgspec.json.encode([place.id for place in places])
    return hashlib.sha256(rules.digest.encode() + ids).hexdigest()[:16]
