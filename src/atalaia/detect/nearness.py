"""How close each place is to a limit: what decides where a source's calls go first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from atalaia.detect.incidents import Incidents
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import index_of, judged_places
from atalaia.domain.reading import NO_TIME, Bools, Floats
from atalaia.domain.rule import INDICES, Rule, RuleSet

NEWS_FOR_S = 3 * 3600
"""A value older than this says nothing of how close its place is now."""


def nearness(
    rules: RuleSet,
    table: SeriesTable,
    incidents: Incidents,
    now: int,
    judged: Mapping[str, Bools] | None = None,
) -> Floats:
    """For each place, shape (places,), from 0 (calm, or nothing known) to 1 (at a limit).

    The largest over the sources' newest values and the rules of an instant, each against the
    lowest level that is told to people; 1 where an incident is open. For the schedule alone: it
    neither raises nor ends anything. `judged` has the `judged_places` of both: to work them out
    takes longer than all else.
    """
    closest = np.zeros(len(table.places))
    where = table.place[: table.count]
    judged = judged_places(rules, table.places) if judged is None else judged
    for rule in rules.rules:
        if rule.measure != "value" or rule.norm is not None:
            continue
        value = _newest(rule, table, now)
        if value is not None:
            near = np.nan_to_num(_closeness(rule, value))
            if (mask := judged.get(rule.name)) is not None:
                near = np.where(mask[where], near, 0.0)
            np.maximum.at(closest, where, near)
    members = list(table.places.areas.values())
    for (subject, _), incident in incidents.open.items():
        if incident.status == "active":
            is_place = subject < len(closest)
            closest[subject if is_place else list(members[subject - len(closest)])] = 1.0
    return closest


def _newest(rule: Rule, table: SeriesTable, now: int) -> Floats | None:
    """Each series' newest value of the rule's variable, NaN where old; None: of no series."""
    if index := INDICES.get(rule.variable):
        told = {name: _last(table, name, now) for name in index[1]}
        return index_of(rule.variable, {n: one for n, one in told.items() if one is not None})
    return _last(table, rule.variable, now)


def _last(table: SeriesTable, variable: str, now: int) -> Floats | None:
    column = table.last.get(variable)
    if column is None:
        return None
    at = table.last_at[variable][: table.count]
    is_news = (at != NO_TIME) & (at > now - NEWS_FOR_S)
    return np.where(is_news, column[: table.count], np.nan)


def _closeness(rule: Rule, value: Floats) -> Floats:
    """1 at the first limit told to people, falling evenly to 0 two steps between levels before it.

    A step is the way from that level to the next one; where there is none, half of five times
    the way from entry to exit (which is the limit itself, for an exit at 80 %).
    """
    limits = [limit for limit in rule.enter[1:] if limit is not None] or [
        limit for limit in rule.enter if limit is not None
    ]
    first = limits[0]
    leave = rule.leave[rule.enter.index(first)]
    span = 2 * abs(limits[1] - first) if len(limits) > 1 else 5 * abs(first - (leave or 0.0))
    if span == 0:
        return (rule.sign * value >= rule.sign * first).astype(np.float64)
    out: Floats = np.clip(1 - rule.sign * (first - value) / span, 0, 1)
    return out
