"""What rules make of readings, told through a watch: levels, doubts, sums, areas, late rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.detect import levels
from atalaia.domain.alert import instant
from atalaia.domain.reading import Kind, Readings
from oracles import cases
from stories import (
    DAY,
    HOUR,
    T0,
    Shift,
    assert_sane,
    forecast,
    lives,
    places,
    rows,
    rule,
    rule_set,
    series,
    told,
    watched,
    weather,
)

WIND = rule_set({})
RAIN = rule_set(
    {
        "hazard": "heavy_rain",
        "variable": "rain_mm",
        "measure": "sum",
        "window": "3h",
        "limits": {"yellow": 30, "orange": 50, "red": 100},
    }
)


def test_a_correction_that_is_doubted_leaves_its_window_without_a_value() -> None:
    warm = {"hazard": "heat", "variable": "temperature_c", "measure": "mean", "window": "1h"}
    shift = Shift(rule_set({**warm, "limits": {"yellow": 24}}), places(1))
    shift.live(series([20.0], "temperature_c"))
    corrected = series([35.0], "temperature_c")
    assert told(shift.live(replace(corrected, known_at=corrected.known_at + 600))) == [
        ("alert", "onset", "yellow")
    ], "doubted, it raises yellow"


# Levels

LEVEL_CASES = [
    # value, ceiling, (entered, holding, held)
    (9.9, 9.9, (0, 2, 2)),
    (10.0, 10.0, (2, 2, 2)),
    (7.9, 7.9, (0, 0, 0)),
    (16.0, 16.0, (2, 3, 3)),
    (30.0, 30.0, (4, 4, 4)),
    (5.0, np.inf, (0, 0, 4)),
    (20.0, np.inf, (3, 3, 4)),
    (np.nan, np.nan, (0, 0, 4)),
]


@pytest.mark.parametrize(("value", "ceiling", "expected"), LEVEL_CASES)
def test_levels_where_large_values_are_dangerous(
    value: float, ceiling: float, expected: tuple[int, int, int]
) -> None:
    found = levels(rule(), np.array([value]), np.array([ceiling]))
    assert tuple(int(column[0]) for column in found) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(31.0, (0, 2, 2)), (30.0, (2, 2, 2)), (20.0, (3, 3, 3)), (24.0, (2, 3, 3)), (38.0, (0, 0, 0))],
)
def test_levels_where_small_values_are_dangerous(
    value: float, expected: tuple[int, int, int]
) -> None:
    dry = rule(
        variable="relative_humidity_pct",
        hazard="dry_air",
        when="below",
        limits={"yellow": 30, "orange": 20, "red": 12},
    )
    found = levels(dry, np.array([value]), np.array([value]))
    assert tuple(int(column[0]) for column in found) == expected


def test_dry_air_is_told_once_it_held_for_an_hour() -> None:
    dry = rule_set(
        {
            "hazard": "dry_air",
            "variable": "relative_humidity_pct",
            "when": "below",
            "limits": {"yellow": 30, "orange": 20, "red": 12},
            "for": "1h",
        }
    )
    log = watched(
        series([50, 29, 50, 28, 27, 60, 60, 60, 60], "relative_humidity_pct"), dry, places()
    )
    assert told(log) == [("alert", "onset", "yellow"), ("end", "ended", "yellow")]
    assert instant(log[0].alert.onset_at) == "2024-01-01T03:00:00+00:00"
    assert instant(log[0].alert.sent_at) == "2024-01-01T04:00:00+00:00"
    assert log[0].alert.value == 27
    assert log[0].alert.limit == 30


# An hour's story


def test_a_gale_rises_eases_and_ends() -> None:
    gusts = [3, 12, 22, 31, 25, 18, 17, 16, 15, 9, 8.5, 9, 8, 3, 3, 3, 3, 3]
    log = watched(series(gusts), WIND, places())
    assert_sane(log)
    assert told(log)[:3] == [
        ("alert", "onset", "yellow"),
        ("update", "escalated", "orange"),
        ("update", "escalated", "red"),
    ]
    assert told(log)[-1][:2] == ("end", "ended")
    assert len({e.alert.incident for e in log}) == 1
    assert len(log) <= 6
    assert log[-1].peak == 31
    assert log[-1].peak_level == "red"


def test_a_squall_of_one_sample_is_told_at_once() -> None:
    log = watched(series([3, 3, 32, 3, 3, 3, 3, 3]), WIND, places())
    assert told(log) == [("alert", "onset", "red"), ("end", "ended", "red")]


def test_a_gap_does_not_ease_what_came_before_it() -> None:
    log = watched(series([3, 25, None, None, None, None, 25, 3, 3, 3, 3]), WIND, places())
    assert list(told(weather(log))) == [
        ("alert", "onset", "orange"),
        ("end", "ended", "orange"),
    ]


# Doubt


def test_a_doubted_gust_never_raises_orange_or_red() -> None:
    # The gust is below the mean wind of the same reading, hour after hour.
    log = weather(
        watched(
            series([3] + [32.0, 31.5] * 4, wind_speed_m_s=[3] + [40.0, 41.0] * 4), WIND, places()
        )
    )
    assert_sane(log)
    assert {e.alert.level for e in log} == {"yellow"}
    assert [e.alert.type for e in log] == ["alert"]


def test_a_doubted_gust_says_nothing_where_the_lowest_level_is_orange() -> None:
    only_orange = rule_set({"limits": {"orange": 20}})
    readings = series([3, 32.0, 31.5], wind_speed_m_s=[3, 40.0, 41.0])
    assert weather(watched(readings, only_orange, places())) == []


def test_a_stuck_anemometer_is_no_storm_of_messages() -> None:
    log = weather(watched(series([3.0, 4.0] + [25.0] * 24 * 12), WIND, places()))
    assert_sane(log)
    levels_told = [e.alert.level for e in log]
    assert "red" not in levels_told
    assert len(log) <= 2 * 12, "at most two messages a day"
    ends = [e.alert.reason for e in log if e.alert.type == "end"]
    assert "ended" not in ends, "what is doubted is not over"


def test_a_stuck_stand_in_never_raises_orange_or_red() -> None:
    by_mean = rule_set({"stand_in": {"variable": "wind_speed_m_s", "margin": 2.5}})
    still = [9.0 + i / 10 for i in range(3)]
    readings = series([None] * 19 + [11.0], wind_speed_m_s=[*still, *[9.5] * 15, 9.5, 9.5])
    assert {e.alert.level for e in weather(watched(readings, by_mean, places()))} <= {"yellow"}
    # Twelve hours of one and the same 25 m/s: nothing more is raised by it.
    doubted = rule_set({"stand_in": {"variable": "wind_speed_m_s", "margin": 2.5}, "for": "13h"})
    readings = series([None] * 30, wind_speed_m_s=[25.0] * 30)
    assert {e.alert.level for e in weather(watched(readings, doubted, places()))} <= {"yellow"}


def test_an_implausible_value_neither_raises_nor_ends() -> None:
    log = weather(watched(series([3, 25, 468.66, 468.66, 3, 3, 3, 3]), WIND, places()))
    assert told(log) == [("alert", "onset", "orange"), ("end", "ended", "orange")]
    assert log[-1].peak == 25


# Sums


def test_a_partial_sum_raises_and_never_lowers() -> None:
    rain = [0, 0, 0, 40, None, 0, None, 0, None, 0]
    log = weather(watched(series(rain, "rain_mm"), RAIN, places()))
    assert told(log) == [("alert", "onset", "yellow")], "with holes in it nothing is over"
    whole = weather(watched(series([0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0], "rain_mm"), RAIN, places()))
    assert told(whole) == [("alert", "onset", "yellow"), ("end", "ended", "yellow")]


def test_a_sum_is_of_one_source() -> None:
    half = [0, 20, 0, 0]
    both = rows(series(half, "rain_mm"), series(half, "rain_mm", source="roof"))
    assert weather(watched(both, RAIN, places())) == []


def test_rain_told_twice_falls_once() -> None:
    readings = series([0, 20, 0, 0], "rain_mm")
    assert weather(watched(rows(readings, readings), RAIN, places())) == []


def test_an_hourly_amount_without_a_period_counts_in_one_hour_only() -> None:
    by_hour = rule_set(
        {
            "hazard": "heavy_rain",
            "variable": "rain_mm",
            "measure": "sum",
            "window": "1h",
            "limits": {"yellow": 20, "orange": 30},
        }
    )
    log = watched(series([21, 21, 21], "rain_mm", period_s=0), by_hour, places())
    assert {(e.alert.level, e.alert.value) for e in log} == {("yellow", 21.0)}


# Evidence


def test_only_the_kinds_that_a_rule_names_count() -> None:
    measured = rule_set({"evidence": ["observed"]})
    assert weather(watched(series([3, 25], kind=Kind.ANALYSIS), measured, places())) == []
    assert told(watched(series([3, 25]), measured, places())) == [("alert", "onset", "orange")]
    assert watched(forecast(T0, [3, 25]), measured, places()) == []


def test_an_estimate_is_likely_and_says_estimated() -> None:
    (entry,) = watched(series([3, 25], kind=Kind.ANALYSIS), WIND, places())
    assert (entry.alert.certainty, entry.alert.evidence) == ("Likely", "analysis")
    assert "estimated" in entry.alert.text["en"]


# Late rows


def late(batch: Readings, by_s: int) -> Readings:
    """The same rows, known so much later."""
    return Readings.build(
        place=batch.place,
        source=batch.sources[0],
        kind=batch.kind,
        valid_at=batch.valid_at,
        known_at=batch.valid_at + by_s,
        period_s=batch.period_s,
        values=batch.values,
    )


def test_a_late_reading_may_raise_and_says_that_it_is_late() -> None:
    shift = Shift(WIND, places())
    shift.live(series([3, 4, 5]), received_at=T0 + 2 * HOUR)
    entries = shift.live(late(series([26], start=T0 + HOUR // 2), 2 * HOUR), T0 + 150 * 60)
    assert told(entries) == [("alert", "onset", "orange")]
    assert "Late data" in entries[0].alert.text["en"]
    assert entries[0].is_late


def test_a_late_calm_reading_ends_nothing() -> None:
    shift = Shift(WIND, places())
    shift.live(series([3, 25, 25, 25]))
    for minute in range(0, 180, 30):
        entries = shift.live(
            late(series([3], start=T0 + minute * 60 + 60), 3 * HOUR), T0 + 4 * HOUR
        )
        assert entries == []


def test_a_stale_reading_counts_in_sums_only() -> None:
    shift = Shift(WIND, places())
    shift.live(series([3, 4]))
    assert weather(shift.live(late(series([26], start=T0), 4 * HOUR), T0 + 4 * HOUR)) == []
    wet = Shift(RAIN, places())
    wet.live(series([0, None, 20], "rain_mm"))
    entries = weather(wet.live(late(series([15], "rain_mm", start=T0 + HOUR), HOUR), T0 + 2 * HOUR))
    assert told(entries) == [("alert", "onset", "yellow")]
    assert entries[0].alert.value == 35


# Areas

AREA = rule_set({"area": {"places": 2, "within": "1h"}})
TOWN = places(3, area="Town")


def test_an_area_needs_as_many_places_as_its_rule_says() -> None:
    one = rows(series([3, 25]), series([3, 3], place=1), series([3, 3], place=2))
    assert weather(watched(one, AREA, TOWN)) == []
    two = rows(series([3, 25]), series([3, 3], place=1), series([3, 22], place=2))
    (entry,) = weather(watched(two, AREA, TOWN))
    assert entry.alert.place_id == "Town"
    assert entry.alert.value == 22, "the value that two places reach"
    assert set(entry.places) == {"p0", "p1", "p2"}


def test_an_area_ends_only_when_so_many_places_are_known_to_be_calm() -> None:
    calm = [3.0] * 8
    seen = rows(
        series([25, 25, *calm]), series([25, 25, *calm], place=1), series([3, 3, *calm], place=2)
    )
    assert told(weather(watched(seen, AREA, TOWN))) == [
        ("alert", "onset", "orange"),
        ("end", "ended", "orange"),
    ]
    dead = rows(series([25, 25, *calm]), series([25, 25], place=1), series([3, 3], place=2))
    assert told(weather(watched(dead, AREA, TOWN))) == [("alert", "onset", "orange")]


@pytest.mark.parametrize("cuts", [[], [T0 + h * HOUR for h in range(12)], [T0 + 5 * HOUR]])
def test_a_hole_in_one_place_keeps_no_area_from_ending(cuts: list[int]) -> None:
    calm = [3.0] * 8
    seen = rows(
        series([25, 25, *calm]),
        series([25, 25, *calm], place=1),
        series([None, 3, 3, None, 3, 3, 3, 3, None, None], place=2, wind_speed_m_s=[2.0] * 10),
    )
    assert told(weather(watched(seen, AREA, TOWN, cuts))) == [
        ("alert", "onset", "orange"),
        ("end", "ended", "orange"),
    ]


def test_values_of_an_area_count_only_within_its_time() -> None:
    apart = rows(series([25], start=T0), series([25], place=1, start=T0 + 2 * HOUR))
    assert weather(watched(apart, AREA, TOWN)) == []
    near = rows(series([25], start=T0), series([25], place=1, start=T0 + HOUR))
    assert told(weather(watched(near, AREA, TOWN))) == [("alert", "onset", "orange")]


def test_a_late_row_does_not_take_the_place_of_a_newer_one_in_its_area() -> None:
    shift = Shift(AREA, TOWN)
    shift.live(rows(series([3, 3]), series([3, 3], place=1)))
    shift.live(late(series([25], start=T0 + HOUR // 2), HOUR), T0 + 90 * 60)
    # p0 is calm by its newest word: a second place alone is not two.
    entries = shift.live(rows(series([25], place=1, start=T0 + 90 * 60)))
    assert weather(entries) == []


# Forecasts


def test_a_forecast_is_one_incident_that_becomes_observed() -> None:
    log = watched(
        rows(
            series([3] * 8 + [25, 26, 25] + [3] * 8),
            forecast(T0, [3] * 7 + [24, 25, 24] + [3] * 10),
        ),
        WIND,
        places(),
    )
    log = weather(log)
    assert_sane(log)
    assert len(lives(log)) == 1
    first, *_, last = [e.alert for e in log]
    assert (first.type, first.certainty, first.evidence) == ("alert", "Possible", "forecast")
    assert first.urgency == "Future"
    assert instant(first.onset_at) == "2024-01-01T08:00:00+00:00"
    assert "forecast" in first.text["en"]
    sure = [e.alert.certainty for e in log]
    assert "Observed" in sure
    assert sure == sorted(sure, key=["Possible", "Likely", "Observed"].index)
    assert last.type != "cancel", "it happened"


def test_a_forecast_is_withdrawn_by_two_revisions_an_hour_apart() -> None:
    wild, calm = [3, 3, 3, 25, 25, 3, 3, 3, 3, 3, 3, 3], [3] * 12
    quick = rows(forecast(T0, wild), forecast(T0 + 600, calm), forecast(T0 + 1800, calm))
    assert told(watched(quick, WIND, places())) == [("alert", "onset", "orange")]
    slow = rows(forecast(T0, wild), forecast(T0 + 600, calm), forecast(T0 + 600 + HOUR, calm))
    assert told(watched(slow, WIND, places())) == [
        ("alert", "onset", "orange"),
        ("cancel", "withdrawn", "orange"),
    ]
    back = rows(
        forecast(T0, wild),
        forecast(T0 + 600, calm),
        forecast(T0 + HOUR, wild),
        forecast(T0 + HOUR + 1200, calm),
    )
    assert told(watched(back, WIND, places())) == [("alert", "onset", "orange")]


def test_a_forecast_told_again_unchanged_is_no_revision() -> None:
    wild, calm = [3, 3, 3, 25, 25] + [3] * 20, [3] * 24

    def polled(at: int, values: list[float], issued_at: int) -> Readings:
        """What a provider without run times says when it is asked: the same hours again."""
        known = forecast(issued_at, values, has_run_time=False)
        return Readings.build(
            place=known.place,
            source="model",
            kind=Kind.FORECAST,
            valid_at=known.valid_at,
            known_at=at,
            period_s=HOUR,
            values=known.values,
        )

    same = [polled(T0 + 600 * i, calm, T0) for i in range(1, 12)]
    log = watched(rows(polled(T0, wild, T0), *same), WIND, places())
    assert told(log) == [("alert", "onset", "orange")]
    changed = polled(T0 + 2 * HOUR, [3, 4, *calm[2:]], T0 + HOUR)
    log = watched(rows(polled(T0, wild, T0), *same, changed), WIND, places())
    assert told(log)[-1] == ("cancel", "withdrawn", "orange")


def test_a_forecast_beyond_its_horizon_says_nothing() -> None:
    near = rule_set({"forecast_within": "6h"})
    assert watched(forecast(T0, [3] * 6 + [35]), near, places()) == []
    assert told(watched(forecast(T0, [3] * 5 + [35]), near, places())) == [
        ("alert", "onset", "red")
    ]


def test_a_forecast_that_is_observed_by_nobody_is_not_called_over() -> None:
    readings = rows(forecast(T0, [3, 25, 25, 3]), series([3] * 40, place=1))
    log = weather(watched(readings, WIND, places()))
    assert told(log) == [("alert", "onset", "orange"), ("end", "expired", "orange")]
    assert "can no longer see" in log[-1].alert.text["en"]


def test_a_shorter_forecast_takes_the_place_of_a_longer_one() -> None:
    long, short = [25] * 40, [25] * 5 + [3] * 35
    log = watched(rows(forecast(T0, long), forecast(T0 + HOUR, short)), WIND, places())
    assert told(log) == [("alert", "onset", "orange")]
    later = rows(
        forecast(T0, long), forecast(T0 + HOUR, short), series([3.0, 3.1] * 20, start=T0 + 2 * HOUR)
    )
    end = watched(later, WIND, places())[-1].alert
    assert end.type in ("end", "cancel")
    assert instant(end.sent_at) <= "2024-01-02T07:00:00+00:00"


def test_a_forecast_sum_is_of_its_hours() -> None:
    log = watched(forecast(T0, [0, 15, 20, 5, 0], "rain_mm"), RAIN, places())
    (entry,) = log
    assert (entry.alert.value, entry.alert.window_s) == (35.0, 3 * HOUR), "the first such hour"
    assert entry.alert.level == "yellow"


# Two hazards, several sources

BOTH = rule_set(
    {},
    {
        "hazard": "heavy_rain",
        "variable": "rain_mm",
        "measure": "sum",
        "window": "1h",
        "limits": {"yellow": 20},
    },
)


def test_two_hazards_at_one_place_are_two_incidents() -> None:
    log = watched(series([3, 25, 25], rain_mm=[0, 0, 30]), BOTH, places())
    assert {(e.alert.hazard, e.alert.type) for e in log} == {
        ("wind", "alert"),
        ("heavy_rain", "alert"),
    }


def test_two_sources_are_one_incident_with_the_higher_level() -> None:
    both = rows(series([3, 12, 12, 12]), series([3, 3, 25, 25], source="roof"))
    log = watched(both, WIND, places())
    assert told(log) == [("alert", "onset", "yellow"), ("update", "escalated", "orange")]
    assert log[-1].alert.source == "roof"


def test_it_is_not_over_while_one_source_still_holds_it() -> None:
    both = rows(series([3, 25] + [3] * 8), series([3, 25] + [12] * 8, source="roof"))
    assert told(watched(both, WIND, places()))[-1] == ("update", "eased", "yellow")


def test_a_silent_source_does_not_hold_the_level_of_one_that_sees() -> None:
    both = rows(series([3, 31]), series([3, 12] + [12, 12.5] * 4, source="roof"))
    log = weather(watched(both, WIND, places()))
    assert told(log) == [("alert", "onset", "red"), ("update", "eased", "yellow")]


# Batches

GUSTS = st.lists(st.none() | st.sampled_from([3.0, 9.0, 11.0, 14.0, 21.0, 26.0, 31.0, 500.0]))
MANY = rule_set(
    {"for": "1h", "keep_firing_for": "2h"},
    {"measure": "mean", "window": "3h", "limits": {"orange": 18}},
    {
        "hazard": "heavy_rain",
        "variable": "rain_mm",
        "measure": "sum",
        "window": "3h",
        "limits": {"yellow": 10, "red": 30},
    },
    {"name": "all", "hazard": "storm", "area": {"places": 2}},
)


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(st.lists(GUSTS, min_size=4, max_size=4), GUSTS, st.sets(st.integers(1, 40), max_size=8))
def test_the_same_rows_give_the_same_log_in_any_batches(
    gusts: list[list[float | None]], rain: list[float | None], cuts: set[int]
) -> None:
    parts = [
        series(gusts[0], place=0),
        series(gusts[1], place=1),
        series(gusts[2], place=2, source="roof"),
        series(gusts[3], place=0, source="roof", start=T0 + 1800, kind=Kind.ANALYSIS),
        series(rain, "rain_mm", place=1, source="gauge"),
        forecast(T0, [v or 3.0 for v in gusts[3]]),
        forecast(T0 + 2 * HOUR, [v or 3.0 for v in gusts[0]]),
    ]
    readings = rows(*(part for part in parts if len(part)))
    if not len(readings):
        return
    where = places(3, area="Town")
    whole = watched(readings, MANY, where)
    assert watched(readings, MANY, where, [T0 + h * HOUR for h in cuts]) == whole
    assert watched(readings, MANY, where, readings.known_at) == whole
    assert_sane([e for e in whole if e.alert.hazard == "cannot_see"])
    assert DAY


@pytest.mark.parametrize(("earlier_h", "is_told"), [(8, True), (6, True), (1, False), (0, False)])
def test_what_is_foretold_is_told_anew_where_it_begins_hours_sooner(
    earlier_h: int, is_told: bool
) -> None:
    def run(at: int, begins_h: int) -> Readings:
        hours = range(1 + at // HOUR, 31)
        return forecast(T0 + at, [25.0 if hour >= begins_h else 3.0 for hour in hours])

    log = watched(rows(run(0, 20), run(HOUR, 20 - earlier_h)), rule_set({}), places(1))
    expected = [("alert", "onset", "orange")]
    assert told(log) == expected + [("update", "sooner", "orange")] * is_told
    if is_told:
        assert log[-1].alert.onset_at == T0 + (20 - earlier_h) * HOUR


def test_a_period_that_is_stated_shorter_than_the_habit_floods_nobody() -> None:
    """A gauge states one second and tells every thirty."""
    every = series([0.0] * 240, "rain_mm", step=30, period_s=1)
    log = watched(every, rule_set({"variable": "rain_mm", "hazard": "heavy_rain"}), places(1))
    assert [e for e in log if e.alert.hazard == "cannot_see"] == []
