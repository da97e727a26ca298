"""From a home's climate to the norms that a rule set names."""

from __future__ import annotations

from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.homes.ports import Lake
from atalaia.speed.norms import Norms


def norms_of(lake: Lake, rules: RuleSet, places: Places) -> Norms:
    """The norms that the rules name, as the home knows them now; `Norms.missing` has the rest."""
    named = [rule for rule in rules.rules if rule.norm is not None]
    if not named:
        return Norms(places, {})
    # Only now: it brings DuckDB, and a watch without such rules stays small.
    from atalaia.homes.climate import read_norms  # noqa: PLC0415

    return Norms(places, {rule.name: read_norms(lake, rule, places) for rule in named})
