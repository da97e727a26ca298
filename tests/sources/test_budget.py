from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from atalaia.sources.budget import LONGEST_BACKOFF_S, Budget, backoff_s

NOON = 1_726_920_000.0  # 2024-09-21T12:00:00Z
MIDNIGHT = 1_726_876_800.0
DAY = 86_400


def taken(budget: Budget, times: int, start: float, step: float = 1.0) -> int:
    return sum(budget.take(1, start + i * step) == 0 for i in range(times))


def test_the_free_plan_of_tomorrow_io_is_3_a_second_25_an_hour_500_a_day() -> None:
    budget = Budget.of("tomorrow-io")
    assert [budget.take(1, NOON) for _ in range(3)] == [0, 0, 0]
    assert budget.take(1, NOON) == pytest.approx(1, abs=0.01)
    assert taken(budget, 100, NOON + 1) == 22
    assert budget.left(NOON + 200) == {"second": 3, "hour": 0, "day": 475}
    assert budget.take(1, NOON + 200) == 3400  # to the hour
    assert budget.take(1, NOON + 3600) == 0


def test_a_day_of_polling_every_three_minutes_fits_and_one_of_every_two_does_not() -> None:
    assert taken(Budget.of("tomorrow-io"), 480, MIDNIGHT, 180) == 480
    assert taken(Budget.of("tomorrow-io"), 720, MIDNIGHT, 120) == 500


def test_the_day_begins_at_midnight_utc() -> None:
    budget = Budget.of("tomorrow-io")
    assert taken(budget, 600, MIDNIGHT, 144) == 500
    assert budget.take(1, MIDNIGHT + 86_399) == pytest.approx(1)
    assert budget.take(1, MIDNIGHT + 86_400) == 0


def test_sliding_windows_look_back_from_any_moment() -> None:
    budget = Budget.of("open-meteo")
    assert budget.take(400, NOON + 50) == 0
    assert budget.take(200, NOON + 70) == 0
    assert budget.take(1, NOON + 80) == pytest.approx(30)
    assert budget.take(1, NOON + 111) == 0
    assert budget.left(NOON + 111) == {"minute": 399, "hour": 4399, "day": 9399}
    assert budget.left(NOON + 90_000) == {"minute": 600, "hour": 5000, "day": 10_000}


def test_what_is_refused_is_not_counted() -> None:
    budget = Budget.of("open-meteo")
    assert budget.take(599, NOON) == 0
    assert budget.take(2, NOON) > 0
    assert budget.left(NOON)["minute"] == 1


def test_a_request_larger_than_a_window_never_fits() -> None:
    assert Budget.of("open-meteo").take(601, NOON) == math.inf


def test_a_source_without_limits_always_goes() -> None:
    assert Budget.of("own").take(10_000, NOON) == 0


def test_the_count_outlives_a_restart() -> None:
    budget = Budget.of("tomorrow-io")
    taken(budget, 20, NOON)
    budget.observe(429, {"Retry-After": "60"}, NOON + 30)
    kept = budget.count()
    budget.take(1, NOON + 100)
    again = Budget.of("tomorrow-io", kept)
    assert again.left(NOON + 30)["hour"] == 5
    assert again.blocked_for(NOON + 30) == 60
    assert again.count() == kept


def test_a_source_without_a_count_has_a_full_budget() -> None:
    assert Budget.of("tomorrow-io", None).left(NOON)["hour"] == 25


def test_a_clock_set_back_gives_no_second_budget() -> None:
    budget = Budget.of("tomorrow-io")
    taken(budget, 20, NOON)
    assert budget.left(NOON - 7200)["hour"] == 5


@pytest.mark.parametrize("source", ["tomorrow-io", "open-meteo", "metar"])
@pytest.mark.parametrize("ahead_s", [DAY + 1, 30 * DAY, 3650 * DAY])
def test_a_clock_that_was_wrong_by_days_ends_in_no_rest_of_days(source: str, ahead_s: int) -> None:
    """A computer begins with a clock that is ahead, without a network, and is put right then."""
    budget = Budget.of(source)
    wrong = NOON + ahead_s
    taken(budget, 700, wrong, step=0.4)
    for _ in range(9):
        budget.observe(None, {}, wrong)
    budget.observe(429, {"Retry-After": str(DAY)}, wrong)
    again = Budget.of(source, budget.count())
    for each in (budget, again):
        now, end = NOON, NOON + DAY
        while (wait := each.take(1, now)) and now <= end:
            now += wait
        assert now <= end
        assert each.blocked_for(now) == 0


def test_retry_after_is_obeyed_as_seconds_and_as_a_date() -> None:
    for header, wait in (
        ("42", 42),
        ("Sat, 21 Sep 2024 12:01:30 GMT", 90),
        ("Sat, 21 Sep 2024 11:00:00 GMT", 0),
    ):
        budget = Budget.of("open-meteo")
        budget.observe(429, {"retry-after": header}, NOON)
        assert budget.take(1, NOON) == wait


def test_the_documented_headers_of_a_429_are_obeyed(shared: Path) -> None:
    file = shared / "tomorrowio/documented_errors_and_rate_headers.json"
    headers = json.loads(file.read_text())["response_headers_429"]
    budget = Budget.of("tomorrow-io")
    budget.observe(429, headers, NOON)
    assert budget.left(NOON) == {"second": 0, "hour": 22, "day": 484}
    assert budget.take(1, NOON) == pytest.approx(1)
    assert budget.take(1, NOON + 1.001) == 0


def test_an_hour_that_the_answer_calls_empty_is_empty() -> None:
    budget = Budget.of("tomorrow-io")
    headers = {"X-RateLimit-Remaining-Hour": "0", "X-RateLimit-Remaining-Day": "100"}
    budget.observe(200, headers, NOON + 600)
    assert budget.take(1, NOON + 600) == 3000
    assert budget.left(NOON + 3600) == {"second": 3, "hour": 25, "day": 100}


def test_an_answer_never_gives_more_than_was_left() -> None:
    budget = Budget.of("tomorrow-io")
    taken(budget, 10, NOON)
    budget.observe(200, {"X-RateLimit-Remaining-Hour": "9999"}, NOON + 20)
    assert budget.left(NOON + 20)["hour"] == 15


def test_a_429_without_headers_waits_for_the_window_that_is_full() -> None:
    budget = Budget.of("tomorrow-io")
    taken(budget, 25, NOON)
    budget.observe(429, {}, NOON + 100)
    assert budget.blocked_for(NOON + 100) == 3500


@pytest.mark.parametrize("header", ["soon", "-5", "", "9" * 30, "9" * 400, "9" * 5000, "٣"])
def test_headers_that_make_no_sense_block_for_a_day_at_most(header: str) -> None:
    budget = Budget.of("tomorrow-io")
    fields = {"Retry-After": header, "X-RateLimit-Remaining-Day": header}
    budget.observe(429, fields, NOON)
    assert 0 < budget.blocked_for(NOON) <= 86_400


def test_failures_wait_longer_each_time_and_a_success_ends_that() -> None:
    budget = Budget.of("open-meteo")
    now, waits = NOON, []
    for _ in range(9):
        budget.observe(None, {}, now)
        waits.append(budget.blocked_for(now))
        now += waits[-1]
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert budget.take(1, now) == 0
    budget.observe(200, {}, now)
    budget.observe(500, {}, now)
    assert budget.blocked_for(now) == 15


def test_jitter_takes_off_half_at_most() -> None:
    assert backoff_s(1, 0.0) == 7.5
    assert backoff_s(1, 1.0) == 15
    assert backoff_s(10_000, 1.0) == LONGEST_BACKOFF_S
