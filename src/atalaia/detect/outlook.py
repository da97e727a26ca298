"""How near each place's own forecast comes to a limit of which rules want a chance: what decides
how often an ensemble is asked of it.

    forecasts by series (`SeriesTable.forecasts`) ──► the rules that name a chance, hour by hour
        ──► the nearest hour of each ──► the places (`Nearness.ahead`)

A single forecast is one run of a model, and an ensemble is for what it does not say: so it need not
pass a limit to make it worth asking, only come near. What no forecast says is asked for.
"""

from __future__ import annotations

import numpy as np

from atalaia.detect.forecasts import Forecasts
from atalaia.detect.values import judged_places
from atalaia.domain.reading import Floats, Readings
from atalaia.domain.rule import Rule

FORECAST_FOR_S = 6 * 3600
"""A forecast that came longer ago says nothing of the hours to come: models have run since."""

_OF_THE_EXIT = 2.5
"""A rule with one limit has no step to the next: so many times the way from it to its exit, which
is half of the limit where the exit is at 80 %."""


class Outlook:
    """What the forecasts come to. One that is as it was is not measured again. `judged_places` has
    which places each rule judges, as `values.judged_places` does."""

    def __init__(self, forecasts: Forecasts) -> None:
        self._forecasts, self._table = forecasts, forecasts.table
        self._rules = [rule for rule in forecasts.rules.rules if rule.chance]
        self.judged_places = judged_places(forecasts.rules, self._table.places)
        self._views: dict[int, Readings] = {}
        self._close = np.empty((len(self._rules), 0))
        self._told_at = np.empty(0, np.int64)

    def ahead(self, now: int) -> Floats:
        """Of each place, as `Nearness.ahead` has it."""
        closest = np.zeros(len(self._table.places))
        if not self._rules:
            return closest
        self._take_up(now)
        place = self._table.place[: len(self._told_at)]
        is_news = self._told_at > now - FORECAST_FOR_S
        for rule, close in zip(self._rules, self._close, strict=True):
            is_told = is_news & ~np.isnan(close)
            near = np.full(len(closest), -1.0)
            np.maximum.at(near, place[is_told], close[is_told])
            near[near < 0] = 1.0
            if (mask := self.judged_places.get(rule.name)) is not None:
                near[~mask] = 0.0
            np.maximum(closest, near, out=closest)
        return closest

    def _take_up(self, now: int) -> None:
        """Measure what is new of the forecasts."""
        grown = self._table.count - len(self._told_at)
        if grown:
            self._told_at = np.append(self._told_at, np.zeros(grown, np.int64))
            more = np.full((len(self._rules), grown), np.nan)
            self._close = np.concatenate((self._close, more), axis=1)
        views = self._table.forecasts
        new = [number for number, view in views.items() if self._views.get(number) is not view]
        if not new:
            return
        for number in new:
            self._views[number] = view = views[number]
            self._told_at[number] = view.known_at.max(initial=0)
        self._close[:, new] = np.nan
        hours = self._forecasts.hours_of(new)
        for rule, close in zip(self._rules, self._close, strict=True):
            if hours is None:
                continue
            judged = self._forecasts.judged(rule, hours, now)
            if judged is None:
                continue
            rows, value, _, norm = judged
            is_within = rows.readings.valid_at <= now + rule.forecast_within_s
            near = closeness(rule, value if norm is None else value - norm)
            np.fmax.at(close, rows.series[is_within], near[is_within])


def closeness(rule: Rule, value: Floats) -> Floats:
    """1 at the lowest limit that has a chance; 0.5 one step before it, as far as from there to the
    next limit; and of amounts no more than the share of the limit that they reach.

    value  in the rule's unit, of a rule that is relative to a norm what lies beyond that
    """
    every = zip(rule.enter, rule.leave, rule.chance or (), strict=True)
    limits = [(enter, leave) for enter, leave, share in every if share and enter is not None]
    (first, leave), *others = limits
    step = abs(others[0][0] - first) if others else _OF_THE_EXIT * abs(first - (leave or 0.0))
    if step == 0:
        return (rule.sign * value >= rule.sign * first).astype(np.float64)
    near = 1 - rule.sign * (first - value) / (2 * step)
    if first > 0 and not rule.is_below:
        near = np.minimum(near, value / first)
    out: Floats = np.clip(near, 0, 1)
    return out
