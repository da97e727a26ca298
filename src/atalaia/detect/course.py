"""What each rule made of a place's readings, and makes of its hours to come: the very values that
the watch holds against the limits, so that what is drawn is what is judged.

Readings of one place → here → /v1/places/{id}/measures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from atalaia.detect.detect import Detector
from atalaia.detect.findings import Findings
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints, Kind, Readings
from atalaia.domain.rule import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Course:
    """One rule's values by one source, oldest first; shape (n,).

    rule      as it is judged at one place: of an area rule the place's own values
    valid_at  Unix seconds, each once: what is foretold begins where what was seen ends
    value     what is known for certain to have been reached
    kind      a `Kind`
    norm      of the newest value, in the variable's unit; NaN: its limits are fixed
    """

    rule: Rule
    source: str
    valid_at: Ints
    value: Floats
    kind: Ints
    norm: float


def courses(
    rules: RuleSet,
    places: Places,
    norms: Usual,
    expected_s: dict[str, int],
    rows: Readings,
    now: int,
) -> list[Course]:
    """Of the readings of one place, as their sources now tell them, each in its own time: what was
    late is judged as if it had not been. Of amounts the windows that begin before the readings do
    are left out, unless they already reach a limit."""
    # What the places of an area add up to is no one place's.
    own = (rule for rule in rules.rules if not (rule.score and rule.places))
    alone = RuleSet(rules.name, tuple(_alone(rule) for rule in own))
    detector = Detector(alone, SeriesTable(places), norms, expected_s)
    is_ahead = rows.kind == Kind.FORECAST
    seen = rows.take(~is_ahead & (rows.valid_at <= now))
    foretold = rows.take(is_ahead)
    seen = replace(seen, known_at=seen.valid_at).in_order()
    foretold = replace(foretold, known_at=np.full(len(foretold), now, np.int64)).in_order()
    found = [*detector.detect(seen)] if len(seen) else []
    for _ in detector.detect(foretold) if len(foretold) else ():
        pass  # it takes them up; what it finds is the worst hour alone
    found += detector.forecasts.ahead(now)
    began_at = _began(seen)
    by: dict[tuple[str, int], list[Findings]] = defaultdict(list)
    for one in found:
        for source in np.unique(one.source).tolist():
            by[one.rule.name, source].append(_of(one, source))
    told = (
        _course(parts, detector.table.sources[source], began_at)
        for (_, source), parts in by.items()
    )
    return [course for course in told if len(course.valid_at)]


def _alone(rule: Rule) -> Rule:
    if rule.score:
        return rule
    return msgspec.structs.replace(rule, places=0, within_s=0, near=None, given=None)


def _of(found: Findings, source: int) -> Findings:
    mine = (found.source == source) & np.isin(found.kind, found.rule.kinds)
    mine &= np.isfinite(found.value)
    norm = None if found.norm is None else found.norm[mine]
    return replace(
        found,
        source=found.source[mine],
        kind=found.kind[mine],
        valid_at=found.valid_at[mine],
        value=found.value[mine],
        ceiling=found.ceiling[mine],
        entered=found.entered[mine],
        norm=norm,
    )


def _began(rows: Readings) -> dict[str, int]:
    """By variable: from when on there are readings of it."""
    begin = rows.valid_at - rows.period_s
    return {
        name: int(begin[~np.isnan(column)].min())
        for name, column in rows.values.items()
        if not np.isnan(column).all()
    }


def _course(parts: Iterable[Findings], source: str, began_at: dict[str, int]) -> Course:
    parts = list(parts)
    rule = parts[0].rule
    valid_at, value, kind, ceiling, entered = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("valid_at", "value", "kind", "ceiling", "entered")
    )
    is_whole = np.isfinite(ceiling) | (entered > 0)
    if rule.measure == "sum":
        is_whole |= valid_at - rule.window_s >= began_at.get(rule.variable, 0)
    else:
        is_whole |= True
    # Of one instant what was seen counts, and of that what was judged last.
    is_foretold = kind == Kind.FORECAST
    newest = valid_at[~is_foretold].max(initial=np.iinfo(np.int64).min)
    is_whole &= ~is_foretold | (valid_at > newest)
    order = np.lexsort((np.arange(len(valid_at)), valid_at))
    order = order[is_whole[order]]
    is_last = np.ones(len(order), bool)
    is_last[:-1] = valid_at[order][1:] != valid_at[order][:-1]
    order = order[is_last]
    norms = [part.norm[-1] for part in parts if part.norm is not None and len(part.norm)]
    return Course(
        rule,
        source,
        valid_at[order],
        value[order],
        kind[order],
        float(norms[-1]) if norms else np.nan,
    )
