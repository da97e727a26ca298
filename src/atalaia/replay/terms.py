"""The terms by which a home's stream is lived through again: rules, places, norms of each start."""

from __future__ import annotations

import msgspec

from atalaia.detect.starts import Start, Terms, starts_of
from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError, StateConflict
from atalaia.lake.norms import kept, norms_of
from atalaia.lake.places import places_of
from atalaia.ports import Home


def starts_by(live: Home, rules: RuleSet | None) -> list[Start]:
    """The watch's starts, the first at the beginning; with the rules given instead of its own."""
    try:
        starts = starts_of(live.state)
    except StateConflict as error:
        if rules is None:
            raise AtalaiaError(f"home {live.name}: {error}; or give --rules") from error
        starts = []
    if not starts:
        if rules is None:
            raise AtalaiaError(f"home {live.name} has noted no rules; give --rules")
        starts = [Start(0, 0, Terms(rules, tuple(places_of(live.state)), {}))]
    if rules is not None:
        starts = [
            msgspec.structs.replace(
                start, terms=msgspec.structs.replace(start.terms, rules=rules), norms=None
            )
            for start in starts
        ]
    # What the first watch found there (pushed by hand, say) it lived through, too.
    return [msgspec.structs.replace(starts[0], offset=0), *starts[1:]]


def norms_by(live: Home, start: Start) -> Norms:
    """Those of the start; of rules that are not its own, or where none were kept, today's."""
    places = Places(start.terms.places)
    if start.norms is None:
        return norms_of(live.lake, start.terms.rules, places)
    try:
        return kept(live.lake, start.norms, places)
    except KeyError as error:
        raise StateConflict(
            f"home {live.name}: the norms {start.norms}, which its watch went by, are not in "
            "lake/raw/norms; restore them from a backup, or give --rules"
        ) from error


def everywhere(starts: list[Start]) -> Places:
    """Every place that was ever watched, as it was last described."""
    return Places({place.id: place for start in starts for place in start.terms.places}.values())
