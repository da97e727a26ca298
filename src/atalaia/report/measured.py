"""What was measured while an incident lived: what its rule made of the readings, and its limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from atalaia.batch.kept import kept
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints, Kind, Readings
from atalaia.domain.rule import INDICES, LEVELS, Rule, RuleSet
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import PayloadInvalid
from atalaia.lake.norms import norms_of
from atalaia.ports import Home
from atalaia.report.reported import (
    Bar,
    Limit,
    Line,
)


def measured(
    home: Home,
    rule: Rule | None,
    worst: LogEntry,
    places: Places,
    members: tuple[int, ...],
    first: int,
    until: int,
) -> tuple[list[Line], list[Limit], list[Bar]]:
    """What the rule made of the readings; of a rule that has changed, the variable alone."""
    variable = worst.alert.variable
    if variable is None or not members:
        return [], [], []
    reach = rule.reach_s if rule else 0
    listed = ", ".join("'" + places[i].id.replace("'", "''") + "'" for i in members)
    days = (
        f"DATE '1970-01-01' + {(first - reach) // 86_400} AND DATE '1970-01-01' + {until // 86_400}"
    )
    among = (
        f"place_id IN ({listed}) AND date BETWEEN {days}"
        f" AND epoch(valid_at) BETWEEN {first - reach} AND {until}"
    )
    names = frozenset(rule.inputs if rule else INDICES.get(variable, ("", (variable,)))[1])
    try:
        rows, _ = kept(home, names & CATALOGUE.keys(), (Kind.OBSERVED, Kind.ANALYSIS), among)
    except PayloadInvalid:  # only forecast, or no longer kept
        return [], [], []
    if rule is None:
        lines = _raw(rows, variable, places) if variable in CATALOGUE else []
        return [_cut(one, first, until) for one in lines], [], []
    lines, limits = _judged(home, rule, rows, places, members, worst.alert.place_id)
    bars = _bars(rows, rule, worst, first) if rule.measure == "sum" and len(members) == 1 else []
    return [_cut(one, first, until) for one in lines], _over(limits, first, until), bars


def _judged(
    home: Home, rule: Rule, rows: Readings, places: Places, members: tuple[int, ...], subject: str
) -> tuple[list[Line], list[Limit]]:
    """The very values that the watch held against the limits, source by source."""
    alone = RuleSet(rule.name, (rule,))
    watch = Watch(alone, places, norms=norms_of(home.lake, alone, places))
    position = (
        members[0] if places.get(subject) else len(places) + list(places.areas).index(subject)
    )
    by_source: dict[str, list[tuple[Ints, Floats]]] = {}
    limits: list[Limit] = []
    for found in watch.detector.detect(rows):
        mine = (found.subject == position) & np.isfinite(found.value)
        for source in np.unique(found.source[mine]):
            chosen = mine & (found.source == source)
            name = watch.table.sources[int(source)]
            by_source.setdefault(name, []).append((found.valid_at[chosen], found.value[chosen]))
            if found.norm is not None and not limits:
                limits = _relative(rule, found.valid_at[chosen], found.norm[chosen])
    lines = [
        _line(name, *(np.concatenate(part) for part in zip(*parts, strict=True)))
        for name, parts in by_source.items()
    ]
    return lines, limits or _fixed(rule)


def _line(label: str, at: Ints, value: Floats) -> Line:
    order = np.argsort(at, kind="stable")
    return Line(label, tuple(at[order].tolist()), tuple(value[order].tolist()))


def _raw(rows: Readings, variable: str, places: Places) -> list[Line]:
    value = rows.value(variable)
    lines = []
    for source in np.unique(rows.source):
        for place in np.unique(rows.place):
            mine = (rows.source == source) & (rows.place == place) & ~np.isnan(value)
            label = f"{rows.sources[source]} · {places[int(place)].name}"
            if mine.any():
                lines.append(_line(label, rows.valid_at[mine], value[mine]))
    return lines


def _cut(line: Line, first: int, until: int) -> Line:
    both = zip(line.at, line.value, strict=True)
    inside = [(at, value) for at, value in both if first <= at <= until]
    return Line(line.label, tuple(at for at, _ in inside), tuple(value for _, value in inside))


def _fixed(rule: Rule) -> list[Limit]:
    limits = ((level, rule.limit(level)) for level in LEVELS)
    return [Limit(level, Line("", (0,), (limit,))) for level, limit in limits if limit is not None]


def _relative(rule: Rule, at: Ints, norm: Floats) -> list[Limit]:
    return [Limit(one.level, _line("", at, norm + one.line.value[0])) for one in _fixed(rule)]


def _over(limits: Iterable[Limit], first: int, until: int) -> list[Limit]:
    """Limits as the timeline shows them: a fixed one from edge to edge."""
    shown = [
        Limit(one.level, Line("", (first, until), one.line.value * 2))
        if len(one.line.at) == 1
        else Limit(one.level, _cut(one.line, first, until))
        for one in limits
    ]
    return [one for one in shown if one.line.at]


def _bars(rows: Readings, rule: Rule, worst: LogEntry, first: int) -> list[Bar]:
    """The amounts of the source that decided, of the length that it mostly tells."""
    value = rows.value(rule.variable)
    sources = np.array(rows.sources, object)[rows.source]
    mine = (sources == worst.alert.source) & ~np.isnan(value) & (rows.period_s > 0)
    if not mine.any():
        return []
    period = Counter(rows.period_s[mine].tolist()).most_common(1)[0][0]
    mine &= (rows.period_s == period) & (rows.valid_at > first)
    return [
        Bar(at - period, at, amount)
        for at, amount in zip(rows.valid_at[mine].tolist(), value[mine].tolist(), strict=True)
    ]
