"""What somebody can ask to be told: quiet hours by their own clock, hazards, and limits of one's
own that a rule in force is able to see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia import rules
from atalaia.domain.alert import Moved
from atalaia.domain.hazard import Hazard
from atalaia.domain.subscription import (
    WEATHER,
    Circle,
    Person,
    Quiet,
    Subscription,
    Threshold,
    can_step,
    passed_limit,
    read_hazards,
    read_threshold,
)
from stories import rule_set

INMET = rules.load("inmet")
MINUTE = 60


def at(text: str, zone: str = "America/Recife") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


# Quiet hours


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10T21:59:59", None),
        ("2026-01-10T22:00:00", "2026-01-11T07:00:00"),
        ("2026-01-10T23:59:59", "2026-01-11T07:00:00"),
        ("2026-01-11T00:00:00", "2026-01-11T07:00:00"),
        ("2026-01-11T06:59:59", "2026-01-11T07:00:00"),
        ("2026-01-11T07:00:00", None),
        ("2026-01-31T22:30:00", "2026-02-01T07:00:00"),
        ("2026-12-31T22:30:00", "2027-01-01T07:00:00"),
    ],
)
def test_quiet_hours_go_over_midnight_into_the_next_day(now: str, until: str | None) -> None:
    quiet = Quiet(22 * 60, 7 * 60, "America/Recife")
    assert quiet.ends_at(at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10T11:59:59", None),
        ("2026-01-10T12:00:00", "2026-01-10T14:30:00"),
        ("2026-01-10T14:29:59", "2026-01-10T14:30:00"),
        ("2026-01-10T14:30:00", None),
    ],
)
def test_quiet_hours_of_one_day_end_on_it(now: str, until: str | None) -> None:
    quiet = Quiet(12 * 60, 14 * 60 + 30, "America/Recife")
    assert quiet.ends_at(at(now)) == (at(until) if until else None)


def test_quiet_hours_are_by_the_persons_own_clock() -> None:
    now = at("2026-01-10T23:00:00", "UTC")
    assert Quiet(22 * 60, 7 * 60, "UTC").ends_at(now) is not None
    assert Quiet(22 * 60, 7 * 60, "America/Recife").ends_at(now) is None, "it is 20:00 there"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),  # a night of 23 hours' day
        ("2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),
    ],
)
def test_they_end_by_the_clock_also_when_it_is_put_forward_or_back(now: str, until: str) -> None:
    quiet = Quiet(22 * 60, 7 * 60, "Europe/Berlin")
    seconds = [int(datetime.fromisoformat(text).timestamp()) for text in (now, until)]
    assert quiet.ends_at(seconds[0]) == seconds[1]


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["UTC", "America/Recife", "Asia/Kathmandu", "Pacific/Apia"]),
    st.integers(0, 366 * 24 * 60),
)
def test_quiet_hours_end_within_a_day_and_nobody_is_in_them_at_their_end(
    start: int, end: int, zone: str, minute: int
) -> None:
    if start == end:
        return
    quiet = Quiet(start, end, zone)
    now = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + minute * MINUTE
    until = quiet.ends_at(now)
    if until is None:
        return
    assert now < until <= now + timedelta(days=1).total_seconds()
    assert quiet.ends_at(until) is None
    assert quiet.ends_at(until - 1) == until


# Hazards


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), {}),
        (("wind",), {"wind": "yellow"}),
        (("wind=red", "heavy_rain=orange"), {"wind": "red", "heavy_rain": "orange"}),
        ((" wind=watch ",), {"wind": "watch"}),
        (("all",), dict.fromkeys(map(str, WEATHER), "yellow")),
        (("all=red", "wind=yellow"), dict.fromkeys(map(str, WEATHER), "red") | {"wind": "yellow"}),
        (("wind=yellow", "all=red"), dict.fromkeys(map(str, WEATHER), "red") | {"wind": "yellow"}),
        (("wind=red", "wind=yellow"), {"wind": "yellow"}),
        (("cannot_see=yellow",), {"cannot_see": "yellow"}),
    ],
)
def test_hazards_are_read_as_they_are_written(
    texts: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert read_hazards(texts) == expected


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ("wind=purple", "levels are watch, yellow, orange, red"),
        ("wind=none", "levels are watch, yellow, orange, red"),
        ("wind=RED", "levels are watch, yellow, orange, red"),
        ("rain", "hazards are all, heavy_rain"),
        ("", "hazards are all, heavy_rain"),
        ("Wind", "hazards are all, heavy_rain"),
        ("=red", "hazards are all, heavy_rain"),
    ],
)
def test_a_hazard_or_level_that_is_none_is_refused_with_those_there_are(
    text: str, next_step: str
) -> None:
    with pytest.raises(ValueError, match=next_step):
        read_hazards((text,))


def test_everything_is_weather_but_that_nothing_can_be_seen() -> None:
    assert set(Hazard) - set(WEATHER) == {Hazard.CANNOT_SEE}


# Limits of one's own


@pytest.mark.parametrize(
    "text",
    ["rain_mm over 1h >= 35", "rain_mm over 60min >= 35", "rain_mm  over 1h>=35",
     "rain_mm over 1 h ≥ 35.0"],
)  # fmt: skip
def test_a_limit_is_read_however_it_is_written(text: str) -> None:
    assert read_threshold(text, INMET) == Threshold("rain_mm", 3600, 35.0, "heavy_rain")


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ("a lot of rain", "write for example 'rain_mm over 1h >= 35'"),
        ("rain_mm over 1h >=", "write for example 'rain_mm over 1h >= 35'"),
        ("rain_mm over 1h >= 35mm", "write for example 'rain_mm over 1h >= 35'"),
        ("rain_mm over 1h >= nan", "write for example 'rain_mm over 1h >= 35'"),
        ("frogs over 1h >= 3", "`atalaia variables` lists them"),
        ("rain_mm over 7h >= 35", "it watches: "),
        ("rain_mm over 1h >= 0.1", "give that or something more extreme"),
    ],
)
def test_a_limit_that_no_rule_sees_is_refused_with_what_is_possible(
    text: str, next_step: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_threshold(text, INMET)
    assert next_step in str(caught.value)


POSSIBLE = rule_set(
    {"name": "no ensemble", "limits": {"yellow": 10}},
    {"name": "possible", "limits": {"watch": 8, "yellow": 10}, "chance": {"yellow": 0.25}},
)


@pytest.mark.parametrize(
    "text", ["wind_gust_m_s >= 12 chance 30 %", "wind_gust_m_s>=12  chance 30%"]
)
def test_a_chance_of_ones_own_is_heard_by_a_rule_that_names_one(text: str) -> None:
    own = read_threshold(text, POSSIBLE)
    assert own == Threshold("wind_gust_m_s", 0, 12.0, "wind", 30)
    assert own.what == "wind_gust_m_s 30%"


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ("wind_gust_m_s >= 12 chance 35 %", "give 10 %, 20 %, … or 90 %"),
        ("wind_gust_m_s >= 12 chance 100 %", "give 10 %, 20 %, … or 90 %"),
        ("wind_gust_m_s >= 12 chance 20 %", "asks for a chance of 30 % itself; give that or more"),
        ("wind_gust_m_s >= 9 chance 30 %", "milder than 10 m/s"),
        ("wind_gust_m_s >= 12 chance", "write for example"),
        ("rain_mm over 24h >= 50 chance 30 %", "of those it does: wind_gust_m_s >= …"),
    ],
)
def test_a_chance_that_no_rule_hears_is_refused_with_what_is_possible(
    text: str, next_step: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_threshold(text, POSSIBLE)
    assert next_step in str(caught.value)
    with pytest.raises(ValueError, match=r"hears an ensemble of .*: none"):
        read_threshold("rain_mm over 1h >= 35 chance 30 %", INMET)


def test_a_chance_and_a_limit_of_one_variable_are_two_limits() -> None:
    def passes(own: Threshold, chance: int) -> bool:
        wish = Subscription(id="s", where=(), hazards={}, thresholds=(own,))
        someone = Person(pseudonym="p", language="en", channels=(), subscriptions=(wish,))
        moved = Moved("wind_gust_m_s", 0, is_below=False, low=None, high=14.0, chance=chance)
        return passed_limit(someone, "wind", [moved]) is not None

    plain, likely = (Threshold("wind_gust_m_s", 0, 12.0, "wind", n) for n in (0, 30))
    assert [passes(plain, n) for n in (0, 30, 40)] == [True, False, False]
    assert [passes(likely, n) for n in (0, 30, 40)] == [False, True, False]


def test_a_limit_may_lie_where_the_rule_begins_and_beyond_in_its_own_direction() -> None:
    for rule in INMET.rules:
        lowest = rule.limit(rule.lowest)
        if not can_step(rule) or lowest is None or rule.window_s % 3600:
            continue
        over = f" over {rule.window_s // 3600}h" if rule.window_s else ""
        sign = "<=" if rule.is_below else ">="
        first = next(
            r
            for r in INMET.rules
            if (r.variable, r.window_s) == (rule.variable, rule.window_s) and can_step(r)
        )
        if first is not rule:
            continue
        beyond = lowest + rule.sign * 1.0
        for limit in (lowest, beyond):
            text = f"{rule.variable}{over} {sign} {limit:g}"
            assert read_threshold(text, INMET).limit == pytest.approx(limit, rel=1e-5)


def moved(low: float | None, high: float, *, is_below: bool = False) -> Moved:
    return Moved("rain_mm", 3600, is_below, low, high)


def somebody(*limits: float) -> Person:
    own = tuple(Threshold("rain_mm", 3600, limit, "heavy_rain") for limit in limits)
    where = (Circle(name="x", latitude=0, longitude=0),)
    return Person(
        pseudonym="p_x",
        language="en",
        channels=("inbox",),
        subscriptions=(Subscription(id="s", where=where, hazards={}, thresholds=own),),
    )


@pytest.mark.parametrize(
    ("limits", "low", "high", "expected"),
    [
        ((35,), None, 34.9, None),
        ((35,), None, 35.0, 35),
        ((35,), 35.0, 50.0, None),  # it was passed before
        ((35,), 34.9, 50.0, 35),
        ((35, 45), 30.0, 50.0, 45),
        ((35, 45), 40.0, 50.0, 45),
        ((35, 45), 30.0, 40.0, 35),
        ((), None, 99.0, None),
    ],
)
def test_a_limit_is_passed_once_and_the_most_extreme_is_named(
    limits: tuple[float, ...], low: float | None, high: float, expected: float | None
) -> None:
    found = passed_limit(somebody(*limits), "heavy_rain", [moved(low, high)])
    assert (found.limit if found else None) == expected


def test_where_little_is_dangerous_a_limit_is_passed_downwards() -> None:
    who = somebody(5.0)
    assert passed_limit(who, "heavy_rain", [moved(8.0, 6.0, is_below=True)]) is None
    assert passed_limit(who, "heavy_rain", [moved(8.0, 4.0, is_below=True)]) is not None
    assert passed_limit(who, "heavy_rain", [moved(4.0, 2.0, is_below=True)]) is None


def test_another_hazard_window_or_variable_passes_nobodys_limit() -> None:
    who = somebody(5.0)
    assert passed_limit(who, "flood", [moved(None, 99.0)]) is None
    assert passed_limit(who, "heavy_rain", [Moved("rain_mm", 7200, False, None, 99.0)]) is None
    assert passed_limit(who, "heavy_rain", [Moved("snow_cm", 3600, False, None, 99.0)]) is None
    assert passed_limit(who, "heavy_rain", []) is None
