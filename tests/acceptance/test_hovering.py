"""Told once: what hovers, blinks, or is seen by several, through a replay of recorded rows."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from atalaia import rules as shipped
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.rule import Rule
from stories import (
    DAY,
    HOUR,
    Shift,
    assert_sane,
    forecast,
    lives,
    of_hazard,
    places,
    replayed,
    rows,
    series,
    told,
    watched,
    weather,
    write_readings,
)
from stories import T0 as MIDNIGHT

INMET = shipped.load("inmet")
BY_NAME = {rule.name: rule for rule in INMET.rules}
INSTANT = ["gust", "dry-air", "rain-rate", "rain-1h"]


def hovering(rule: Rule, limit: float, factors: list[float], step: int) -> list[LogEntry]:
    """A day of values round a limit, after an hour of calm and before a night of it."""
    calm = 2.0 * limit if rule.is_below else 0.0
    values = [calm, *(limit * f for f in factors), *[calm] * (9 * HOUR // step)]
    where = places(1)
    log = watched(series(values, rule.variable, step=step), INMET, where)
    assert_sane(log)
    return [e for e in weather(log) if e.alert.hazard == rule.hazard]


def messages_of_the_day(log: list[LogEntry]) -> int:
    return sum(instant(e.alert.sent_at)[:10] == "2024-01-01" for e in log)


PATTERNS = {
    "to and fro": lambda i: 0.95 if i % 2 else 1.05,
    "just at it": lambda i: 1.0,
    "one hair": lambda i: 1 - 1e-6 if i % 2 else 1.0,
    "slow wave": lambda i: 1 + 0.15 * math.sin(i / 5),
    "quick wave": lambda i: 1 + 0.18 * math.sin(i * 2.3),
    "down to the exit": lambda i: 0.81 if i % 3 else 1.01,
    "short calm": lambda i: 0.5 if i % 5 == 0 else 1.02,
    "two out of four": lambda i: 0.75 if i % 4 < 2 else 1.1,
    "steps": lambda i: 0.85 + 0.05 * (i % 7),
}


# A sum over an hour made of quarter hours would not hover as its parts do.
STEPS = [
    (name, step) for name in INSTANT for step in (900, HOUR) if (name, step) != ("rain-1h", 900)
]


@pytest.mark.parametrize(("name", "step"), STEPS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_hazard_that_hovers_round_a_limit_is_no_storm_of_messages(
    name: str, pattern: str, step: int
) -> None:
    rule = BY_NAME[name]
    for limit in (limit for limit in rule.enter if limit is not None):
        factors = [PATTERNS[pattern](i) for i in range(DAY // step - 2)]
        log = hovering(rule, limit, [2 - f if rule.is_below else f for f in factors], step)
        assert messages_of_the_day(log) <= 4, told(log)
        assert len(lives(log)) <= 2


@seed(20130723)
@settings(max_examples=120, deadline=None, database=None)
@given(
    st.sampled_from(INSTANT[:2]),
    st.integers(1, 3),
    st.lists(st.floats(0.82, 1.18), min_size=22, max_size=22),
)
def test_no_way_of_hovering_makes_more_than_four_messages_a_day(
    name: str, level: int, factors: list[float]
) -> None:
    rule = BY_NAME[name]
    limit = rule.enter[level]
    assert limit is not None
    log = hovering(rule, limit, factors, HOUR)
    assert messages_of_the_day(log) <= 4, told(log)


@pytest.mark.parametrize("name", INSTANT[:3])
def test_noise_round_any_limit_is_at_most_four_messages_a_day(name: str) -> None:
    rule = BY_NAME[name]
    for number in range(40):
        chance = random.Random(number)
        limit = chance.choice([limit for limit in rule.enter if limit is not None])
        factors = [chance.gauss(1, 0.12) for _ in range(22 * 4)]
        assert messages_of_the_day(hovering(rule, limit, factors, 900)) <= 4


@pytest.mark.parametrize("number", range(6))
def test_days_of_drizzle_round_the_limits_of_a_day_are_few_messages(number: int) -> None:
    chance = random.Random(number)
    mean = chance.choice([30, 50, 100]) / 24
    rain = [max(0.0, chance.gauss(mean, mean)) for _ in range(24 * 6)]
    log = of_hazard(watched(series(rain, "rain_mm"), INMET, places(1)), "heavy_rain")
    assert_sane(log)
    days = [instant(e.alert.sent_at)[:10] for e in log]
    assert max((days.count(day) for day in days), default=0) <= 4


# Blinking


@pytest.mark.parametrize("missing", [1, 2])
def test_a_source_that_blinks_neither_ends_nor_repeats(tmp_path: Path, missing: int) -> None:
    where = places(1)
    gusts = series([20.0 + i / 10 for i in range(24)])
    readings = gusts.take(np.arange(24) % (missing + 1) == 0)
    done = replayed(where, [write_readings(tmp_path / "r.csv", readings, where)], INMET)
    assert told(weather(done.entries)) == [("alert", "onset", "orange")]


def test_empty_cells_are_no_calm(tmp_path: Path) -> None:
    where = places(1)
    gusts = [20.0, None, 20.5, None, None, 21.0, None, None, 21.5, 3, 3, 3, 3, 3]
    done = replayed(where, [write_readings(tmp_path / "r.csv", series(gusts), where)], INMET)
    assert told(weather(done.entries)) == [("alert", "onset", "orange"), ("end", "ended", "orange")]


# One and two


def test_two_hazards_at_one_place_are_two_incidents(tmp_path: Path) -> None:
    where = places(1)
    storm = series([3, 20, 21, 3, 3, 3, 3, 3], rain_mm=[0, 35, 5, 0, 0, 0, 0, 0])
    done = replayed(where, [write_readings(tmp_path / "r.csv", storm, where)], INMET)
    wind, rain = of_hazard(done.entries, "wind"), of_hazard(done.entries, "heavy_rain")
    assert len(lives(wind)) == len(lives(rain)) == 1
    assert wind[0].alert.incident != rain[0].alert.incident
    assert wind[0].alert.sent_at == rain[0].alert.sent_at


def test_two_sources_are_one_incident_that_ends_when_neither_holds_it(tmp_path: Path) -> None:
    where = places(1)
    parts = [
        series([3, 20, 20.5, 3, 3, 3, 3, 3, 3, 3, 3, 3], source="airport"),
        series([3, 3, 12, 13, 12, 13, 12, 13, 3, 3, 3, 3], source="roof"),
    ]
    done = replayed(where, [write_readings(tmp_path / "r.csv", rows(*parts), where)], INMET)
    log = weather(done.entries)
    assert len(lives(log)) == 1
    assert told(log) == [
        ("alert", "onset", "orange"),
        ("update", "eased", "yellow"),
        ("end", "ended", "yellow"),
    ]
    assert instant(log[-1].alert.sent_at) == "2024-01-01T11:00:00+00:00", (
        "three calm hours at the roof"
    )


def test_a_forecast_and_what_came_of_it_are_one_incident(tmp_path: Path) -> None:
    where = places(1)
    gusts = [3.0, 3.1] * 4 + [20.0, 21.0, 20.0, 3, 3, 3, 3, 3]
    ahead = [3.0] * 7 + [18.0, 19.0, 18.0] + [3.0] * 20
    parts = [
        forecast(MIDNIGHT, ahead),
        *(forecast(MIDNIGHT + h * HOUR, ahead[h:]) for h in range(1, 10)),
        series(gusts),
    ]
    done = replayed(where, [write_readings(tmp_path / "r.csv", rows(*parts), where)], INMET)
    log = weather(done.entries)
    assert len(lives(log)) == 1
    assert next(e.alert.certainty for e in log) == "Possible"
    assert ("update", "certainty", "orange") in told(log)
    assert told(log)[-1][:2] == ("end", "ended")


def test_an_outage_in_a_storm_expires_and_goes_on_when_data_return(tmp_path: Path) -> None:
    where = places(2)
    parts = [
        series([20.0, 21.0, 22.0]),
        series([18.0, 19.0, 3, 3, 3, 3, 3], start=MIDNIGHT + 40 * HOUR),
        series([3.0, 3.5] * 30, place=1, source="clock"),
    ]
    done = replayed(where, [write_readings(tmp_path / "r.csv", rows(*parts), where)], INMET)
    log = of_hazard(done.entries, "wind", "p0")
    assert told(log) == [
        ("alert", "onset", "orange"),
        ("end", "expired", "orange"),
        ("update", "certainty", "orange"),
        ("end", "ended", "orange"),
    ]
    assert len(lives(log)) == 1
    blind = of_hazard(done.entries, "cannot_see")
    assert [e.alert.type for e in blind] == ["alert", "end", "alert"]


def test_polls_every_few_minutes_of_one_gale_are_one_alert() -> None:
    shift = Shift(INMET, places(1))
    for minute in range(0, 240, 5):
        at = MIDNIGHT + minute * 60
        shift.live(series([18.0 + minute % 3], start=at, step=300), received_at=at + 20)
    assert told(weather(shift.log)) == [("alert", "onset", "orange")]
