"""What is drawn of a place is what its rules judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.course import Course, courses
from atalaia.detect.values import no_norms
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from oracles import cases
from stories import HOUR, T0, places, rows, rule_set, series, watched

RAIN = {"hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum", "keep_firing_for": "1h"}
DAY = {**RAIN, "window": "24h", "limits": {"yellow": 30, "red": 100}}
FALL = {
    "hazard": "temperature_drop", "variable": "temperature_c", "measure": "change", "window": "12h",
    "when": "below", "limits": {"yellow": -6}, "exit": {"yellow": -4}, "keep_firing_for": "1h",
}  # fmt: skip


def drawn(rules: RuleSet, now: int, *parts: Readings) -> list[Course]:
    return courses(rules, places(3), no_norms, {}, rows(*parts), now)


def rain(values: list[float], *, step: int = HOUR, start: int = T0, **more: object) -> Readings:
    return series(values, "rain_mm", step=step, start=start, period_s=step, **more)  # type: ignore[arg-type]


def test_past_rain_is_of_the_hours_that_cover_the_span_and_not_of_one_quarter() -> None:
    hours, quarter = rain([2.0] * 49), rain([0.5], step=900, start=T0 + 48 * HOUR)
    high = {**DAY, "limits": {"red": 100}}
    (one,) = drawn(rule_set(high), T0 + 48 * HOUR, hours, quarter)
    assert one.valid_at[0] == T0 + 23 * HOUR  # the first whose day is covered
    assert len(one.valid_at) == 26
    assert set(one.value) == {48.0}


def test_a_sums_past_and_its_forecast_are_one_line_without_a_step() -> None:
    now = T0 + 30 * HOUR
    seen = rain([1.0] * 31)
    foretold = rain([3.0] * 24, start=now + HOUR, kind=Kind.FORECAST)
    (one,) = drawn(rule_set({**DAY, "evidence": ["observed", "forecast"]}), now, seen, foretold)
    assert np.diff(one.valid_at).tolist() == [HOUR] * (len(one.valid_at) - 1)
    ahead = one.kind == Kind.FORECAST
    assert one.value[~ahead].tolist() == [24.0] * 8
    assert one.value[ahead].tolist() == [24.0 + 2 * i for i in range(1, 25)]


def test_what_reaches_a_limit_is_drawn_even_where_its_window_is_not_covered() -> None:
    (one,) = drawn(rule_set(DAY), T0 + 5 * HOUR, rain([1.0, 1.0, 40.0, 1.0]))
    assert one.value.tolist() == [42.0, 43.0]


def test_a_change_keeps_its_sign_and_a_place_of_an_area_has_a_line_of_its_own() -> None:
    fall = series([20.0] * 13 + [20.0 - i for i in range(12)], "temperature_c")
    (one,) = drawn(rule_set(FALL), T0 + 24 * HOUR, fall)
    assert one.value[-1] == -11.0
    area = {"area": {"places": 2, "within": "1h"}}
    (one,) = courses(
        rule_set(area), places(3, area="A"), no_norms, {}, rows(series([12.0, 14.0])), T0 + HOUR
    )
    assert one.value.tolist() == [12.0, 14.0]


@settings(max_examples=cases(15))
@given(st.lists(st.sampled_from([0.0, 0.2, 4.0, 11.5, 35.0]), min_size=30, max_size=60))
def test_every_value_that_an_alert_told_stands_in_the_line(amounts: list[float]) -> None:
    """The oracle is the watch itself, which lives through the same hours one by one."""
    rules, where = rule_set(DAY), places(3)
    hours = rain(amounts)
    (one,) = courses(rules, where, no_norms, {}, rows(hours), T0 + 60 * HOUR) or [None]
    line = dict(zip(one.valid_at.tolist(), one.value.tolist(), strict=True)) if one else {}
    for entry in watched(rows(hours), rules, where, [T0 + i * HOUR for i in range(60)]):
        if entry.alert.reason in ("onset", "escalated"):
            assert line[entry.alert.valid_at] == pytest.approx(entry.alert.value)
