"""Silence: judged by place and source, told once a source, and never taken for calm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.reading import Kind
from oracles import cases
from stories import (
    HOUR,
    T0,
    Shift,
    assert_sane,
    forecast,
    lives,
    of_hazard,
    places,
    rows,
    rule_set,
    series,
    told,
    watched,
    weather,
)

WIND = rule_set({})
CLOCK = series([1.0, 2.0] * 30, place=2, source="clock")
"""Another source at another place, by which time passes."""


def blind(entries: list[LogEntry], source: str = "station") -> list[LogEntry]:
    return [e for e in of_hazard(entries, "cannot_see") if e.alert.source == source]


def test_three_silent_intervals_are_told_with_the_place() -> None:
    log = blind(watched(rows(series([3, 4, 3, 4]), CLOCK), WIND, places()))
    (entry,) = log
    assert told(log) == [("alert", "onset", "yellow")]
    assert instant(entry.alert.sent_at) == "2024-01-01T06:00:00+00:00", (
        "three hours after the last value"
    )
    assert instant(entry.alert.valid_at) == "2024-01-01T03:00:00+00:00"
    assert entry.alert.place_id == "p0"
    assert entry.places == ("p0",)
    assert "This does not mean calm weather" in entry.alert.text["en"]
    assert (entry.alert.variable, entry.alert.value, entry.alert.limit) == (None, None, None)


@pytest.mark.parametrize("period_s", [900, HOUR, 6 * HOUR])
def test_the_patience_is_three_of_the_intervals_of_the_source(period_s: int) -> None:
    log = blind(watched(rows(series([3, 4], step=period_s), CLOCK), WIND, places()))
    at = T0 + period_s + 3 * period_s
    assert [instant(e.alert.sent_at) for e in log] == [
        np.datetime64(-(-at // HOUR) * HOUR, "s").astype(str) + "+00:00"
    ]


def test_rows_without_a_usable_value_are_silence() -> None:
    empty = series([3, 4, *[None] * 10])
    assert told(blind(watched(rows(empty, CLOCK), WIND, places()))) == [
        ("alert", "onset", "yellow")
    ]
    impossible = series([3, 4, *[468.0] * 10])
    assert told(blind(watched(rows(impossible, CLOCK), WIND, places())))[:1] == [
        ("alert", "onset", "yellow")
    ]
    other = series([3, 4, *[None] * 10], cloud_cover_pct=[50.0] * 12)
    assert len(blind(watched(rows(other, CLOCK), WIND, places()))) == 1, "of no use to a rule"


def test_a_source_that_never_had_a_usable_value_is_told() -> None:
    dead = series([None] * 12, source="dead")
    log = blind(watched(rows(dead, CLOCK), WIND, places()), "dead")
    assert [instant(e.alert.sent_at) for e in log] == ["2024-01-01T03:00:00+00:00"]


def test_a_source_that_was_never_heard_at_all_is_told_where_it_is_expected() -> None:
    shift = Shift(WIND, places())
    shift.watch.expect("open-meteo", since=T0)
    entries = []
    for hour in range(8):
        entries += shift.live(
            series([3.0], source="roof", start=T0 + hour * HOUR), T0 + hour * HOUR
        )
    (entry,) = blind(entries, "open-meteo")
    assert entry.places == ("p0", "p1", "p2")
    assert entry.alert.place_id == "open-meteo"


def test_the_end_is_told_when_all_can_be_seen_again() -> None:
    one = series([3, 4, *[None] * 6, 3, 4, 3, 4])
    two = series([3, 4, *[None] * 8, 3, 4], place=1)
    log = blind(watched(rows(one, two, CLOCK.take(slice(0, 12))), WIND, places()))
    assert told(log) == [
        ("alert", "onset", "yellow"),
        ("update", "eased", "yellow"),
        ("end", "ended", "yellow"),
    ]
    assert [e.places for e in log] == [("p0", "p1"), ("p0",), ("p1",)]
    assert "again" in log[-1].alert.text["en"]
    assert_sane(log)


def test_places_that_turn_blind_later_are_an_update_of_the_same_incident() -> None:
    one, two = series([3, 4]), series([3, 4, 3, 4, 3], place=1)
    log = blind(watched(rows(one, two, CLOCK), WIND, places()))
    assert told(log) == [("alert", "onset", "yellow"), ("update", "escalated", "yellow")]
    assert len(lives(log)) == 1


def test_one_incident_a_source() -> None:
    parts = [series([3, 4], source=s, place=p) for s in ("a", "b") for p in (0, 1)]
    log = of_hazard(watched(rows(*parts, CLOCK), WIND, places()), "cannot_see")
    assert len(lives(log)) == 2
    assert {e.alert.source for e in log} == {"a", "b"}
    assert {e.alert.place_id for e in log} == {"a", "b"}, "several places: the source's name"


def test_a_poll_that_is_missing_or_two_are_not_silence() -> None:
    blinking = series([3, None, 4, None, None, 3, 4, None, None, 3, 4, 3])
    assert blind(watched(rows(blinking, CLOCK.take(slice(0, 12))), WIND, places())) == []


def test_a_late_burst_of_old_values_is_not_sight() -> None:
    shift = Shift(WIND, places())
    shift.live(series([3.0]), T0)
    shift.live(series([3.0], source="roof", start=T0 + 4 * HOUR), T0 + 4 * HOUR)
    assert len(blind(shift.log)) == 1
    # What it says now is as old as its silence is long.
    shift.live(series([3.0], start=T0 + HOUR), T0 + 5 * HOUR)
    # `series` is known at its own time; live it is known when it came.
    assert told(blind(shift.log))[:1] == [("alert", "onset", "yellow")]


def test_forecasts_are_not_sight() -> None:
    parts = [
        series([3, 4]),
        *(forecast(T0 + h * HOUR, [3] * 9, source="station") for h in range(9)),
    ]
    log = blind(watched(rows(*parts, CLOCK), WIND, places()))
    assert told(log) == [("alert", "onset", "yellow")]


def test_an_outage_never_ends_an_incident_of_the_weather() -> None:
    log = watched(rows(series([3, 25, 25]), CLOCK), WIND, places())
    assert told(weather(log)) == [("alert", "onset", "orange"), ("end", "expired", "orange")]
    last = weather(log)[-1].alert
    assert instant(last.sent_at) == "2024-01-02T02:00:00+00:00", (
        "24 hours after the last value that held it"
    )
    assert "can no longer see" in last.text["en"]
    assert told(blind(log)) == [("alert", "onset", "yellow")]


def test_data_within_a_day_continue_an_expired_incident_and_later_ones_open_another() -> None:
    clock = series([1.0, 2.0] * 60, place=2, source="clock")
    for hours_after, incidents in ((20, 1), (23, 1), (26, 2)):
        back = series([17.0, 18.0], start=T0 + (26 + hours_after) * HOUR)
        log = weather(watched(rows(series([3, 25, 25]), back, clock), WIND, places()))
        assert len(lives(log)) == incidents, hours_after
        assert_sane(log)


def test_it_is_not_continued_by_calm() -> None:
    clock = series([1.0, 2.0] * 60, place=2, source="clock")
    back = series([3.0, 3.5, 17.0], start=T0 + 40 * HOUR)
    log = weather(watched(rows(series([3, 25, 25]), back, clock), WIND, places()))
    assert told(log)[1:3] == [("end", "expired", "orange"), ("alert", "onset", "yellow")]
    assert len(lives(log)) == 2


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(
    st.lists(
        st.lists(st.none() | st.sampled_from([3.0, 4.0]), min_size=1, max_size=40),
        min_size=2,
        max_size=4,
    ),
    st.sets(st.integers(1, 40), max_size=8),
)
def test_it_is_told_the_same_in_any_batches(seen: list[list[float | None]], cuts: set[int]) -> None:
    parts = [
        series(values, place=i % 3, source="ab"[i // 2], kind=Kind.OBSERVED)
        for i, values in enumerate(seen)
    ]
    readings = rows(*parts, CLOCK)
    whole = watched(readings, WIND, places())
    assert watched(readings, WIND, places(), [T0 + h * HOUR for h in cuts]) == whole
    assert watched(readings, WIND, places(), readings.known_at) == whole
    assert_sane(whole)
    for life in lives(of_hazard(whole, "cannot_see")).values():
        assert life[-1].type != "cancel"


def usual(gaps: list[int]) -> int:
    """The upper quartile (the lower of two) of gaps in hours; an hour, as stated, before any."""
    return sorted(gaps)[3 * (len(gaps) - 1) // 4] if gaps else 1


@pytest.mark.parametrize("value", [3.0, None])
def test_a_silence_is_noticed_by_the_period_that_was_stated_before_it(value: float | None) -> None:
    """Whoever comes back states another one; it was not known while the silence lasted."""
    hourly = series([value], step=HOUR)
    slowly = series([4.0], start=T0 + 7 * HOUR, step=6 * HOUR)
    readings = rows(hourly, slowly, CLOCK)
    whole = blind(watched(readings, WIND, places()))
    assert [(e.alert.sent_at - T0) // HOUR for e in whole][:2] == [3, 7]
    assert blind(watched(readings, WIND, places(), readings.known_at)) == whole


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(st.lists(st.none() | st.sampled_from([3.0, 4.0]), min_size=1, max_size=40))
def test_it_is_told_exactly_when_three_intervals_passed(values: list[float | None]) -> None:
    """Against the same in plain Python, hour by hour."""
    expected: list[tuple[str, int]] = []
    seen_at, is_blind = 0, False
    gaps: list[int] = []
    is_first = True
    for hour in range(60):
        value = values[hour] if hour < len(values) else None
        if value is not None:
            if is_blind:
                expected.append(("end", hour))
            gaps = gaps if is_first else [*gaps, hour - seen_at][-8:]
            seen_at, is_blind, is_first = hour, False, False
        elif hour - seen_at >= 3 * usual(gaps) and not is_blind:
            expected.append(("alert", hour))
            is_blind = True
    log = blind(watched(rows(series(values), CLOCK), WIND, places()))
    found = [(e.alert.type, (e.alert.sent_at - T0) // HOUR) for e in log]
    assert found == expected


def test_what_was_seen_before_an_outage_is_not_withdrawn_with_the_forecast_after_it() -> None:
    wild, calm = [17.0] * 6, [3.0] * 12
    parts = [
        series([3, 25, 25]),
        forecast(T0 + 40 * HOUR, wild),
        forecast(T0 + 40 * HOUR + 1800, calm),
        forecast(T0 + 43 * HOUR, [4.0] * 12),
        CLOCK,
    ]
    log = weather(watched(rows(*parts), WIND, places()))
    assert len(lives(log)) == 1
    assert told(log)[1:] == [
        ("end", "expired", "orange"),
        ("update", "certainty", "orange"),
        ("end", "ended", "orange"),
    ]
