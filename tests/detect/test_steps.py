"""Steps: an entry where a peak comes through a limit that somebody asked for, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, Moved, instant
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import Circle, Person, Subscription, Threshold
from atalaia.notify.audience import Audience, Event
from oracles import cases
from stories import (
    HOUR,
    T0,
    Shift,
    assert_sane,
    cut,
    forecast,
    in_log_order,
    lives,
    places,
    rows,
    rule_set,
    series,
    told,
)

GUST = rule_set({"name": "gust", "keep_firing_for": "3h"})
DRY = rule_set(
    {
        "name": "dry",
        "hazard": "dry_air",
        "variable": "relative_humidity_pct",
        "when": "below",
        "limits": {"yellow": 30, "orange": 20, "red": 12},
    }
)
CALM = [0.0] * 6


def watched(
    readings: Readings,
    rules: RuleSet,
    steps: Mapping[int, Mapping[str, Sequence[float]]],
    where: Places | None = None,
    at: Sequence[int] = (),
) -> list[LogEntry]:
    watch = Watch(rules, where or places(1))
    watch.incidents.steps = steps
    log = in_log_order(e for part in cut(readings, at) for e in watch.live(part).entries)
    assert_sane(log)
    return log


def moves(log: Sequence[LogEntry]) -> list[list[tuple[float | None, float]]]:
    return [[(moved.low, moved.high) for moved in entry.moved] for entry in log]


def test_an_own_limit_between_two_levels_makes_a_step() -> None:
    log = watched(series([11, 14, 17, *CALM]), GUST, {0: {"gust": [15.0]}})
    assert told(log) == [
        ("alert", "onset", "yellow"),
        ("step", "step", "yellow"),
        ("end", "ended", "yellow"),
    ]
    step = log[1]
    assert (step.alert.value, step.alert.limit, step.alert.unit) == (17, 15, "m/s")
    assert (step.alert.version, step.alert.rule, step.alert.certainty) == (2, "gust", "Observed")
    assert (
        instant(step.alert.valid_at) == instant(step.alert.sent_at) == "2024-01-01T02:00:00+00:00"
    )
    assert step.moved == (Moved("wind_gust_m_s", 0, False, 11, 17),)
    assert (step.peak, step.peak_level) == (17, "yellow")
    assert "limit 15 m/s" in step.alert.text["en"]
    assert moves(log) == [[(None, 11)], [(11, 17)], []]


def test_where_nobody_asked_there_is_no_step_and_the_peaks_are_told_all_the_same() -> None:
    values = [11, 14, 17, 22, 25, *CALM]
    log = watched(series(values), GUST, {})
    assert told(log) == [
        ("alert", "onset", "yellow"),
        ("update", "escalated", "orange"),
        ("end", "ended", "orange"),
    ]
    assert moves(log) == [[(None, 11)], [(11, 22)], [(22, 25)]]
    elsewhere = watched(series(values), GUST, {7: {"gust": [15.0]}, 0: {"other": [15.0]}})
    assert elsewhere == log


def test_a_limit_passed_by_what_is_told_anyway_makes_no_step_of_its_own() -> None:
    log = watched(series([13, 24, *CALM]), GUST, {0: {"gust": [12.0, 22.0]}})
    assert told(log) == [
        ("alert", "onset", "yellow"),
        ("update", "escalated", "orange"),
        ("end", "ended", "orange"),
    ]
    assert moves(log)[:2] == [[(None, 13)], [(13, 24)]]


def test_a_step_names_the_most_extreme_limit_that_was_passed() -> None:
    log = watched(series([11, 18, *CALM]), GUST, {0: {"gust": [12.0, 15.0, 17.5, 19.0]}})
    assert [entry.alert.limit for entry in log if entry.alert.type == "step"] == [17.5]


def test_where_small_values_are_dangerous_steps_go_down() -> None:
    readings = series([29, 27, 24, 26, 22, *[60.0] * 5], "relative_humidity_pct")
    log = watched(readings, DRY, {0: {"dry": [23.0, 25.0, 28.0]}})
    steps = [entry for entry in log if entry.alert.type == "step"]
    assert [(e.alert.value, e.alert.limit) for e in steps] == [(27, 28), (24, 25), (22, 23)]
    assert [e.moved[0].is_below for e in steps] == [True, True, True]
    assert moves(steps) == [[(29, 27)], [(27, 24)], [(24, 22)]]


def test_what_hovers_round_an_own_limit_for_a_day_makes_one_step() -> None:
    day = [14.0, 16.0, 14.9, 15.1, 15.9, 13.0] * 24
    log = watched(series([11.0, *day, *CALM], step=600), GUST, {0: {"gust": [15.0]}})
    assert [entry.alert.type for entry in log].count("step") == 1


def test_a_later_incident_makes_steps_of_its_own() -> None:
    storm = [11.0, 17.0, *CALM]
    log = watched(series(storm * 2), GUST, {0: {"gust": [15.0]}})
    assert [entry.alert.type for entry in log] == ["alert", "step", "end"] * 2
    assert log[3].moved[0].low is None


def test_a_doubted_value_makes_no_step() -> None:
    # A gust below the mean wind is none: the second row is doubted.
    readings = series([11, 17, 12, *CALM], wind_speed_m_s=[5, 19, 6, *CALM])
    log = watched(readings, GUST, {0: {"gust": [15.0]}})
    assert [entry.alert.type for entry in log] == ["alert", "end"]
    assert moves(log) == [[(None, 11)], [(11, 12)]]


def test_a_forecast_makes_a_step_and_its_measured_peak_none_again() -> None:
    readings = rows(
        forecast(T0, [11.0] * 8),
        forecast(T0 + HOUR, [17.0] * 8, source="model"),
        series([16.0, 16.5, *CALM], start=T0 + 4 * HOUR),
    )
    log = watched(readings, GUST, {0: {"gust": [15.0]}})
    assert [entry.alert.reason for entry in log][:3] == ["onset", "step", "certainty"]
    assert [entry.alert.type for entry in log].count("step") == 1
    assert (log[1].alert.evidence, log[1].alert.value) == ("forecast", 17)


def test_two_rules_have_peaks_of_their_own() -> None:
    rules = rule_set(
        {"name": "gust"},
        {
            "name": "wind",
            "variable": "wind_speed_m_s",
            "limits": {"yellow": 8, "orange": 16, "red": 24},
        },
    )
    readings = series([11, 12, 13, *CALM], wind_speed_m_s=[5, 9, 11, *CALM])
    log = watched(readings, rules, {0: {"wind": [8.0, 10.0]}})
    steps = [entry for entry in log if entry.alert.type == "step"]
    assert [(e.alert.rule, e.alert.value, e.alert.limit) for e in steps] == [
        ("wind", 9, 8),
        ("wind", 11, 10),
    ]
    assert [(m.variable, m.low, m.high) for m in steps[0].moved] == [
        ("wind_gust_m_s", 11, 12),
        ("wind_speed_m_s", None, 9),
    ]


def test_an_area_has_steps_under_its_own_number() -> None:
    rules = rule_set({"name": "town", "area": {"places": 2}})
    where = places(2, area="Town")
    readings = rows(*(series([11, 17, *CALM], place=place) for place in (0, 1)))
    assert "step" not in {
        e.alert.type for e in watched(readings, rules, {0: {"town": [15]}}, where)
    }
    log = watched(readings, rules, {2: {"town": [15.0]}}, where)
    assert [entry.alert.type for entry in log] == ["alert", "step", "end"]
    assert log[1].places == ("p0", "p1")


def test_rules_that_nobody_can_set_a_limit_on_tell_no_peaks() -> None:
    rules = rule_set(
        {
            "name": "days",
            "hazard": "heat",
            "variable": "temperature_c",
            "measure": "days_in_a_row",
            "day_limit": 30,
            "limits": {"yellow": 2},
        }
    )
    warm = [33.0 + hour % 5 for hour in range(96)]
    log = watched(series(warm, "temperature_c"), rules, {0: {"days": [2.5]}})
    assert told(log) == [("alert", "onset", "yellow")]
    assert log[0].moved == ()


def test_limits_are_taken_up_between_two_batches() -> None:
    watch = Watch(GUST, places(1))
    first, second, third = cut(series([11, 16, 17, 18]), [T0 + HOUR, T0 + 2 * HOUR])
    assert len(watch.live(first).entries) == 1
    assert watch.live(second).entries == []
    # 15 was passed an hour ago, before anybody asked: the next rise tells it.
    watch.incidents.steps = {0: {"gust": [15.0]}}
    (step,) = watch.live(third.take([0])).entries
    assert (step.alert.type, step.alert.value, step.alert.limit) == ("step", 17, 15)
    assert watch.live(third.take([1])).entries == []


def test_state_kept_before_there_were_steps_is_taken_up() -> None:
    shift = Shift(GUST, places(1))
    shift.live(series([11.0]))
    (item,) = (shift.memory.items[key] for key in shift.memory.items if key.startswith("place:"))
    old = msgspec.msgpack.decode(item)
    for incident in old["incidents"]:
        del incident["peaks"]
    shift.memory.items["place:p0"] = msgspec.msgpack.encode(old)
    shift.restart().incidents.steps = {0: {"gust": [15.0]}}
    (step,) = shift.live(series([17.0], start=T0 + HOUR))
    assert (step.alert.type, step.moved[0].low) == ("step", None)


STORY = st.lists(st.integers(0, 35).map(float), min_size=1, max_size=40)
LIMITS = st.lists(st.integers(10, 35).map(float), max_size=5, unique=True).map(sorted)


@settings(max_examples=cases(50), deadline=None, derandomize=True)
@given(STORY, STORY, LIMITS, st.lists(st.integers(0, 40), max_size=4))
def test_every_limit_is_passed_by_one_entry_an_incident_wherever_the_peak_goes(
    values: list[float], others: list[float], limits: list[float], cuts: list[int]
) -> None:
    readings = rows(series([*values, *CALM]), series(others, source="roof", kind=Kind.ANALYSIS))
    steps = {0: {"gust": limits}}
    log = watched(readings, GUST, steps)
    assert watched(readings, GUST, steps, at=[T0 + n * HOUR for n in cuts]) == log
    without = [e for e in watched(readings, GUST, {}) if e.alert.type != "step"]
    assert told(without) == told([e for e in log if e.alert.type != "step"])
    for incident in lives(log):
        entries = [e for e in log if e.alert.incident == incident]
        moved = [m for e in entries for m in e.moved]
        assert all(a.high == b.low for a, b in itertools.pairwise(moved)), "no gap, nothing twice"
        assert all(m.low is None or m.low < m.high for m in moved)
        for entry in entries:
            if entry.alert.type == "step":
                (by,) = entry.moved
                passed = [x for x in limits if (by.low is None or by.low < x) and x <= by.high]
                assert entry.alert.limit == max(passed)
                assert entry.alert.value == by.high
        if entries[-1].alert.type == "end":
            unsaid = entries[-1].moved
            assert not [x for m in unsaid for x in limits if (m.low or 0) < x <= m.high]


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(STORY, LIMITS)
def test_a_restart_at_any_moment_repeats_no_step(values: list[float], limits: list[float]) -> None:
    readings = series([*values, *CALM])
    steps = {0: {"gust": limits}}
    shift = Shift(GUST, places(1))
    for part in cut(readings, [T0 + n * HOUR for n in range(1, len(readings))]):
        shift.restart().incidents.steps = steps
        shift.live(part)
    assert shift.log == watched(readings, GUST, steps)


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(STORY, LIMITS)
def test_whoever_set_a_limit_is_told_once_an_incident_when_it_is_passed(
    values: list[float], limits: list[float]
) -> None:
    where = places(1)
    audience = Audience()
    for limit in limits:
        audience.put(
            Person(
                pseudonym=f"p_{limit:g}",
                language="en",
                channels=(),
                subscriptions=(
                    Subscription(
                        id="s",
                        where=(Circle(name="home", latitude=0.05, longitude=0.05),),
                        hazards={},
                        thresholds=(Threshold("wind_gust_m_s", 0, limit, "wind"),),
                    ),
                ),
            )
        )
    asked = audience.limits_at(where[0].latitude, where[0].longitude)
    found = asked.get(("wind_gust_m_s", 0), np.zeros(0)).tolist()
    assert found == limits
    log = watched(series([*values, *CALM]), GUST, {0: {"gust": found}}, where)
    heard: dict[tuple[str, str], list[float]] = {}
    peaks: dict[str, float] = {}
    for entry in log:
        alert = entry.alert
        peaks[alert.incident] = entry.peak or 0
        event = Event(
            hazard=alert.hazard,
            level=LEVEL_OF[alert.level],
            latitudes=[where[0].latitude],
            longitudes=[where[0].longitude],
            moved=entry.moved,
            is_step=alert.type == "step",
        )
        concern = audience.concerned([event])
        for person, limit in zip(concern.person.tolist(), concern.limit.tolist(), strict=True):
            heard.setdefault((alert.incident, audience.names[person]), []).append(limit)
    assert heard == {
        (incident, f"p_{limit:g}"): [limit]
        for incident, peak in peaks.items()
        for limit in limits
        if limit <= peak
    }


def test_an_incident_carries_no_peaks_into_its_next_life() -> None:
    shift = Shift(GUST, places(1))
    shift.live(series([11.0, 17.0, *CALM]))
    (kept,) = shift.watch.incidents.of(0)
    assert (kept.status, kept.peaks) == ("closed", {})


@pytest.mark.parametrize("limit", [10.0, 20.0, 30.0])
def test_a_limit_at_a_level_is_told_with_the_level(limit: float) -> None:
    log = watched(series([11, 21, 31, *CALM]), GUST, {0: {"gust": [limit]}})
    assert "step" not in [entry.alert.type for entry in log]
