"""What one series says says nothing of another: each variable has its own pace, each source its own
silence, and an end is of the value that ended it."""

from __future__ import annotations

from atalaia.domain.reading import Kind
from stories import HOUR, T0, Shift, places, rows, rule_set, series, told, watched

QUARTER = 900


def test_a_variable_told_by_the_hour_beside_quarters_is_neither_unseen_nor_ended() -> None:
    rules = rule_set({"variable": "uv_index", "hazard": "uv", "limits": {"yellow": 8}}, {})
    often = series([3.0] * (8 * 4 + 1), step=QUARTER, source="model", kind=Kind.ANALYSIS)
    seldom = series([9.0] * 9, "uv_index", source="model", kind=Kind.ANALYSIS)
    shift = Shift(rules, places(1))
    both = rows(often, seldom)
    for at in range(T0, T0 + 8 * HOUR + 1, QUARTER):
        shift.live(both.take(both.known_at == at), received_at=at)
    assert told(shift.log) == [("alert", "onset", "yellow")]


def test_a_days_row_does_not_hide_that_a_station_is_dead() -> None:
    rules = rule_set({})
    hourly = series([3.0] * 25)
    shift = Shift(rules, places(1))
    for at in range(T0, T0 + 25 * HOUR, HOUR):
        shift.live(hourly.take(hourly.known_at == at), received_at=at)
    daily = series([4.0], "rain_mm", start=T0 + 25 * HOUR, period_s=24 * HOUR)
    shift.live(daily, received_at=T0 + 25 * HOUR)
    for at in range(T0 + 26 * HOUR, T0 + 40 * HOUR, HOUR):
        shift.live(daily.take(slice(0, 0)), received_at=at)
    (blind,) = [e.alert for e in shift.log if e.alert.hazard == "cannot_see"]
    assert blind.sent_at <= T0 + 30 * HOUR, "after three of its hours, and not of its days"


def test_an_end_is_of_the_value_that_ended_it_and_not_of_what_another_source_said_long_ago() -> (
    None
):
    rules = rule_set({"keep_firing_for": "2h"})
    old = series([12.0, 5.0], source="model", kind=Kind.ANALYSIS)
    blows = [14 + i % 3 / 10 for i in range(33)]
    gauge = series([*blows, 3.0, 3.1, 3.2, 3.3], start=T0 + HOUR)
    (ended,) = [
        e.alert for e in watched(rows(old, gauge), rules, places(1)) if e.alert.type == "end"
    ]
    assert (ended.reason, ended.source, ended.value) == ("ended", "station", 3.2)
    assert ended.valid_at == ended.sent_at == T0 + 36 * HOUR
