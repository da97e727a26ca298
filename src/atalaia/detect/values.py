"""The value that a rule judges: an instant, an index, or a measure over a window.

Each comes as two bounds, as in `measure`: what is known for certain, and what it may be at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import thermofeel

from atalaia.detect import measure
from atalaia.detect.check import NOTHING, Beside, Checked
from atalaia.detect.measure import Block
from atalaia.detect.series import SeriesTable
from atalaia.domain.chance_record import NO_RECORD, ChanceRecord
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.rule import INDICES, Rule, RuleSet


class Usual(Protocol):
    """What is usual at home, as a watch goes by it: called with a rule that names a norm, place
    positions and valid times, its norm there and then, in the variable's unit; NaN where it is not
    known. `chances` is what became of its chances."""

    @property
    def chances(self) -> ChanceRecord:
        """Without any record chances are as the runs have them."""

    def __call__(self, rule: Rule, place: Ints, valid_at: Ints, /) -> Floats:
        """Shape of `place`."""


class _NoNorms:
    chances = NO_RECORD

    def __call__(self, _rule: Rule, place: Ints, _valid_at: Ints) -> Floats:
        return np.full(len(place), np.nan)


no_norms = _NoNorms()
"""Of a home that has learnt nothing yet: rules that need a norm say nothing."""


def judged_places(rules: RuleSet, places: Places) -> dict[str, Bools]:
    """By name of each rule that is not for all places: which it judges, shape (places,)."""
    return {
        rule.name: np.array([rule.judges_at(place) for place in places], bool)
        for rule in rules.rules
        if rule.only or rule.without or rule.region
    }


def judged_name(rule: Rule) -> str:
    """What the pace of a rule's instants is called: rules of one variable share it."""
    return f"{rule.variable}|{rule.stand_in}" if rule.stand_in else rule.variable


def is_news(rule: Rule, checked: Checked, again: Mapping[str, Bools]) -> Bools | None:
    """Rows in which some input of the rule is told, and not only once more; None: none is."""
    news = [
        checked.told[name] & ~again[name] if name in again else checked.told[name]
        for name in rule.inputs
        if name in checked.told
    ]
    return _any_of(news) if news else None


def instant_value(
    rule: Rule, checked: Checked, beside: Beside = NOTHING
) -> tuple[Floats, Floats, Bools | None] | None:
    """Value, ceiling and doubt of an instant rule; None where no row has its inputs.

    `beside` has what had been told of the same instants before: an index is made of both.
    """
    index = INDICES.get(rule.variable)
    inputs = {
        name: column
        for name in rule.inputs
        if (column := _both(checked.values.get(name), beside.get(name))) is not None
    }
    value = index_of(rule.variable, inputs) if index else inputs.get(rule.variable)
    suspect = _doubt(index[1] if index else (rule.variable,), checked)
    stand_in = inputs.get(rule.stand_in) if rule.stand_in else None
    if stand_in is None:
        return None if value is None else (value, value, suspect)
    doubt = _doubt((rule.stand_in,) if rule.stand_in else (), checked)
    if value is None:
        return stand_in, stand_in + rule.sign * rule.stand_in_margin, doubt
    missing = np.isnan(value)
    if doubt is not None:
        suspect = doubt & missing if suspect is None else np.where(missing, doubt, suspect)
    return (
        np.where(missing, stand_in, value),
        np.where(missing, stand_in + rule.sign * rule.stand_in_margin, value),
        suspect,
    )


def stood_in(rule: Rule, checked: Checked, beside: Beside = NOTHING) -> Bools | None:
    """Where an instant rule judges its stand-in, its variable missing; None: it has none."""
    if rule.stand_in is None:
        return None
    value, stand_in = (
        _both(checked.values.get(name), beside.get(name)) for name in (rule.variable, rule.stand_in)
    )
    if stand_in is None:
        return None
    return np.ones(len(stand_in), bool) if value is None else np.isnan(value)


def _both(told: Floats | None, before: Floats | None) -> Floats | None:
    if told is None or before is None:
        return before if told is None else told
    return np.where(np.isnan(told), before, told)


def _doubt(names: tuple[str, ...], checked: Checked) -> Bools | None:
    """Where any of the variables is suspect; None where none is."""
    doubts = [checked.suspect[name] for name in names if name in checked.suspect]
    return _any_of(doubts) if doubts else None


def _any_of(masks: Sequence[Bools]) -> Bools:
    return masks[0] if len(masks) == 1 else np.logical_or.reduce(masks)


def window_value(
    rule: Rule, block: Block, table: SeriesTable, norms: Usual = no_norms, at: Ints | None = None
) -> tuple[Floats, Floats]:
    """Value and ceiling of the rule's window at the rows `at` of a block (None: at all)."""
    if rule.measure == "sum":
        return measure.rolling_sum(block, rule.window_s, at)
    chosen = slice(None) if at is None else at
    if rule.measure == "mean":
        value, ceiling = measure.rolling_mean(block, rule.window_s)
    elif rule.measure == "change":
        value, ceiling = measure.change(block, rule.window_s)
    else:
        value, ceiling = _of_days(rule, block, table, norms)
    return value[..., chosen], ceiling[..., chosen]


def _of_days(rule: Rule, block: Block, table: SeriesTable, norms: Usual) -> tuple[Floats, Floats]:
    places = table.places
    zones = [places[int(i)].timezone for i in table.place[: table.count]]
    if rule.measure == "day_change":
        return measure.day_change(block, zones)
    limit = np.full(len(block.value), rule.day_limit or 0.0)
    if rule.norm:
        # A norm is of the hour that a value closes. Here a value at midnight is of the day that
        # begins, and so is its limit: on the first of a month that is another month's.
        limit += norms(rule, table.place[block.series], block.valid_at + 1)
    return measure.days_in_a_row(block, zones, limit, -1 if rule.day_is_below else 1)


def limits_norm(rule: Rule, norms: Usual, place: Ints, valid_at: Ints) -> Floats | None:
    """What the rule's limits are relative to, row by row; None where they are fixed.

    Of days in a row the limit of each day is relative, and their number is not.
    """
    if rule.norm is None or rule.measure == "days_in_a_row":
        return None
    return norms(rule, place, valid_at)


def index_of(name: str, values: Mapping[str, Floats]) -> Floats | None:
    """An index from its inputs; None where one is lacking."""
    inputs = [column for one in INDICES[name][1] if (column := values.get(one)) is not None]
    if len(inputs) < len(INDICES[name][1]):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return _INDICES[name](*inputs)


def heat_index_c(temperature_c: Floats, relative_humidity_pct: Floats) -> Floats:
    """Heat index in °C of air temperature (°C) and relative humidity (%); NaN where either is.

    Rothfusz regression with the US NWS adjustments (thermofeel), which needs the dew point; that is
    made from temperature and humidity by Magnus' formula over water (Sonntag 1990), as thermofeel
    turns it back by the same kind of formula. Below 26.7 °C the NWS uses Steadman's simple formula,
    and so does this.
    """
    kelvin = temperature_c + 273.15
    vapour = np.log(np.clip(relative_humidity_pct, 0.1, 100) / 100)
    ratio = vapour + 17.62 * temperature_c / (243.12 + temperature_c)
    dew_point = 243.12 * ratio / (17.62 - ratio) + 273.15
    out: Floats = thermofeel.calculate_heat_index_adjusted(kelvin, dew_point) - 273.15
    # Beyond 80 °C the regression is far outside of what it was fitted to, and so is the weather.
    return np.where(out <= 80, np.round(out, 3), np.nan)


def wave_power_kw_m(height_m: Floats, period_s: Floats) -> Floats:
    """What waves carry towards the shore, in kW for each metre of it, of their significant height
    and their period: ρ g² H² T / 64 π, the flux of energy in deep water (Holthuijsen 2007, *Waves
    in Oceanic and Coastal Waters*), of sea water of 1,025 kg/m³. The longer the period, the more
    waves of one height carry: a long swell.
    """
    power: Floats = np.round(1.025 * 9.80665**2 / (64 * np.pi) * height_m**2 * period_s, 3)
    return power


_INDICES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "heat_index_c": heat_index_c,
    "wave_power_kw_m": wave_power_kw_m,
}
