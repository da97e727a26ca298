"""A decoder that also says what the rules make of ensembles: what GOLD's `ensembles` are made of.

    payloads ──► the decoder of all sources ──► each ensemble, rule by rule ──► `Decoded.counts`

Each answer is counted by itself, whatever came before it: late and told again it is counted as it
would have been in its time. Only then do RAW and the rules say all, and a rebuild the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from atalaia.batch.chances_told import by_chance
from atalaia.detect.ensembles import Ensembles, Passing
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual
from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.rule_counts import QUANTILES, RuleCounts
from atalaia.lake.norms import norms_of
from atalaia.people.bodies import opened
from atalaia.ports import Home, Lake
from atalaia.sources import decode_all


def counting(lake: Lake, home: Home, rules: RuleSet, places: Places) -> Decode:
    """What a home's GOLD is made with: the decoder of all sources, which opens what people sealed,
    and counts (`counted`)."""
    return counted(opened(decode_all(places), home), rules, places, lake)


def counted(decode: Decode, rules: RuleSet, places: Places, lake: Lake) -> Decode:
    """The decoder, with what these rules make of each ensemble; norms are those that the lake has
    when the first one comes."""
    named = by_chance(rules)
    if not named.rules:
        return decode

    @cache
    def norms() -> Usual:
        return norms_of(lake, named, places)

    def decode_and_count(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        decoded = decode(payloads, wanted)
        if not decoded.ensembles:
            return decoded
        counts = [one for told in decoded.ensembles for one in _counts(told, named, places, norms)]
        return replace(decoded, counts=counts)

    return decode_and_count


def _counts(
    told: Ensemble, rules: RuleSet, places: Places, norms: Callable[[], Usual]
) -> Iterator[RuleCounts]:
    """What each rule makes of an answer, in the rules' order; of a rule that nothing is told of:
    nothing."""
    if not len(told):
        return
    found: dict[str, list[RuleCounts]] = {rule.name: [] for rule in rules.rules}
    judged = Ensembles(rules, SeriesTable(places), norms())
    for rule, part, passing in judged.counts(told):
        found[rule.name].append(_row(rule, part, passing))  # now: the runs' values are used again
    for parts in found.values():
        if parts:
            yield _together(parts)


def _row(rule: Rule, told: Ensemble, passing: Passing) -> RuleCounts:
    chances = passing.passing[1:] / passing.known
    chances[[limit is None for limit in rule.enter[1:]]] = np.nan
    return RuleCounts(
        source=told.source,
        received_at=told.known_at,
        rule=rule.name,
        rule_hash=rule.digest,
        variable=rule.variable,
        window_s=rule.window_s,
        place=told.place[passing.rows],
        valid_at=told.valid_at[passing.rows],
        runs=passing.known.astype(np.int32),
        quantiles=_quantiles(passing.value[:, passing.at], passing.known),
        chances=chances,
    )


def _quantiles(value: Floats, known: Ints) -> Floats:
    """Of each hour's runs (shape (m, k), NaN: says nothing) that have a value."""
    ordered = np.sort(value, axis=0)  # those that say nothing stand at the end
    column = np.arange(value.shape[1])
    out = np.empty((len(QUANTILES), len(column)))
    for i, percent in enumerate(QUANTILES):
        at, rest = np.divmod((known - 1) * percent, 100)
        low, high = ordered[at, column], ordered[np.minimum(at + 1, known - 1), column]
        out[i] = low + (high - low) * rest / 100
    return out


def _together(parts: Sequence[RuleCounts]) -> RuleCounts:
    """The parts of one rule and answer."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        place=np.concatenate([part.place for part in parts]),
        valid_at=np.concatenate([part.valid_at for part in parts]),
        runs=np.concatenate([part.runs for part in parts]),
        quantiles=np.concatenate([part.quantiles for part in parts], axis=1),
        chances=np.concatenate([part.chances for part in parts], axis=1),
    )
