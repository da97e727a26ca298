"""Rules that add up: how likely an event is, from amounts that each say a little."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import numpy as np
import pytest

from atalaia.detect.detect import Detector
from atalaia.detect.series import SeriesTable
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule_words import in_words
from atalaia.domain.score import Chance, Term
from atalaia.errors import SettingsInvalid
from stories import HOUR, T0, of_hazard, places, rows, rule, rule_set, series, watched

RAIN_1H = {"variable": "rain_mm", "measure": "sum", "window": "1h"}
RAIN_3H = {**RAIN_1H, "window": "3h"}


def adds_up(*terms: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A flood rule's table; `score` has what [rule.score] says beside its terms."""
    score = {"intercept": -3.5, "chance_of": 1, **keys.pop("score", {}), "terms": list(terms)}
    score = {key: value for key, value in score.items() if value is not None}
    usual = {"limits": {"yellow": 40, "red": 90}, "keep_firing_for": "1h", "expires_after": "6h"}
    return {
        "name": "flood-chance", "hazard": "flood", "variable": None, "measure": "score",
        **usual, **keys, "score": score,
    }  # fmt: skip


ONE_PLACE = adds_up({**RAIN_1H, "weight": 0.2}, {**RAIN_3H, "shape": "log1p", "weight": 0.5})
BASIN = {"area": {"places": 2, "within": "1h"}}


def rain(values: list[float | None], place: int = 0, start: int = T0) -> Readings:
    return series(values, "rain_mm", place=place, start=start, period_s=HOUR)


def story(keys: dict[str, Any], where: Places, *told: Readings) -> list[LogEntry]:
    return of_hazard(watched(rows(*told).in_order(), rule_set(keys), where), "flood")


# The chance


def test_the_chance_of_so_many_is_what_the_negative_binomial_says() -> None:
    for mean, dispersion, n in ((0.3, 0.8, 1), (4.0, 2.5, 5), (60.0, 0.1, 40), (1e-9, 1.0, 3)):
        size = 1 / dispersion
        fewer = sum(
            math.exp(
                math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
                + size * math.log(size / (size + mean)) + k * math.log(mean / (size + mean))
            )
            for k in range(n)
        )  # fmt: skip
        told = Chance(n, dispersion).of(np.array([math.log(mean)]))
        assert told[0] == pytest.approx(1 - fewer, abs=1e-12)


def test_a_chance_grows_with_its_score_and_stays_between_0_and_1() -> None:
    chance = Chance(5, 0.7).of(np.linspace(-1e6, 1e6, 4001))
    assert (np.diff(chance) >= 0).all()
    assert chance[0] == 0
    assert chance[-1] == 1


def test_a_span_of_the_clock_may_pass_midnight_and_the_turn_of_the_year() -> None:
    hours, months = np.arange(24.0), np.arange(1.0, 13.0)
    evening = Term(1.0, clock="hour", first=22, last=3).is_time(months, hours)
    assert np.flatnonzero(evening).tolist() == [0, 1, 2, 22, 23]
    summer = Term(1.0, clock="month", first=12, last=3).is_time(months, months)
    assert (np.flatnonzero(summer) + 1).tolist() == [1, 2, 3, 12]
    whole_day = Term(1.0, clock="hour", first=0, last=24).is_time(months, hours)
    assert whole_day.all()


# What adds up


def plain_sum(told: list[float], now: int, window_h: int) -> float:
    return sum(told[max(now - window_h + 1, 0) : now + 1])


@pytest.mark.parametrize("seed", range(12))
def test_a_score_is_the_plain_sum_of_what_each_place_had_told(seed: int) -> None:
    """Three gauges, of which some hours are missing, against a loop that anyone can follow."""
    chance = random.Random(seed)
    told = [[chance.choice([None, 0.0, 0.0, 1.5, 8.0, 20.0]) for _ in range(30)] for _ in range(3)]
    terms = (
        {**RAIN_1H, "shape": "log1p", "weight": 0.7},
        {**RAIN_1H, "of": 2, "weight": 0.1},
        {**RAIN_3H, "of": "mean", "shape": "hinge", "knot": 4.0, "weight": 0.05},
        {**RAIN_3H, "places": ["p1"], "weight": -0.02},
        {"clock": "hour", "first": 22, "last": 5, "weight": 0.25},
    )
    rules = rule_set(adds_up(*terms, **BASIN, score={"intercept": 0.5, "chance_of": None}))
    where = places(3, area="basin")
    detector = Detector(rules, SeriesTable(where))
    readings = rows(*(rain(column, place) for place, column in enumerate(told))).in_order()
    found = [one for one in detector.detect(readings) if one.rule.score]
    got = {
        int(at): float(value)
        for one in found
        for at, value in zip(one.valid_at, one.value, strict=True)
    }
    for now in range(30):
        if all(column[now] is None for column in told):
            continue
        # A gauge's newest word counts for an hour more; its window ends where it spoke.
        ends = [
            next((h for h in range(now, max(now - 2, -1), -1) if column[h] is not None), None)
            for column in told
        ]
        one, three = (
            [
                plain_sum([v or 0.0 for v in column], end, hours) if end is not None else None
                for column, end in zip(told, ends, strict=True)
            ]
            for hours in (1, 3)
        )
        ranked = sorted((v for v in one if v is not None), reverse=True)
        expected = 0.5 + 0.7 * math.log1p(ranked[0])
        expected += 0.1 * (ranked[1] if len(ranked) > 1 else 0.0)
        heard = [v for v in three if v is not None]
        mean = sum(heard) / len(heard) if len(heard) >= 2 else 0.0
        expected += 0.05 * max(mean - 4.0, 0.0)
        # What weighs against it counts with all that may have fallen.
        is_whole = ends[1] is not None and all(
            told[1][h] is not None for h in range(max(ends[1] - 2, 0), ends[1] + 1)
        )
        is_whole = is_whole and ends[1] is not None and ends[1] >= 2
        if not is_whole or three[1] is None:
            assert got[T0 + now * HOUR] < -1e6
            continue
        expected -= 0.02 * three[1]
        hour = (now - 1) % 24
        expected += 0.25 * (hour >= 22 or hour < 5)
        assert got[T0 + now * HOUR] == pytest.approx(expected, abs=1e-5), (seed, now)


def test_little_of_each_raises_what_neither_does_alone() -> None:
    assert not story(ONE_PLACE, places(1), rain([0, 0, 0, 9, 0])), "a burst"
    assert not story(ONE_PLACE, places(1), rain([4, 4, 4, 0, 0])), "a drizzle"
    log = story(ONE_PLACE, places(1), rain([4, 4, 4, 9, 0, 0, 0]))
    assert [e.alert.reason for e in log] == ["onset", "ended"]


def test_it_ends_after_a_stated_time_below_its_exit_and_not_with_the_rain() -> None:
    keep = {**ONE_PLACE, "keep_firing_for": "3h"}
    log = story(keep, places(1), rain([9, 9, 9, 9, *[0] * 9]))
    ended = log[-1].alert
    assert ended.reason == "ended"
    assert (ended.sent_at - T0) // HOUR > 6
    assert ended.value is not None
    assert ended.value < 40


def test_an_outage_never_ends_it() -> None:
    log = story(ONE_PLACE, places(1), rain([9, 9, 9, 9, None, None, None]))
    assert [e.alert.reason for e in log] == ["onset"]
    heard, silent = rain([9, 9, 9, 9, 0, 0, 0]), rain([9, 9, 9, 9, None, None, None], 1)
    log = story({**ONE_PLACE, **BASIN}, places(2, area="basin"), heard, silent)
    assert "ended" not in [e.alert.reason for e in log]


def test_what_is_missing_counts_as_little_as_it_can_for_what_raises() -> None:
    dry = adds_up(
        {**RAIN_1H, "weight": 0.3},
        {"variable": "relative_humidity_pct", "weight": -0.1},
    )
    told = rain([0, 30, 0])
    assert not story(dry, places(1), told), "as humid as it can be"
    humid = series([0, 30, 0], "rain_mm", period_s=HOUR, relative_humidity_pct=[40, 40, 40])
    assert story(dry, places(1), humid)


def test_a_term_that_says_so_is_taken_for_what_it_says_where_it_is_not_known() -> None:
    humid = {"variable": "relative_humidity_pct", "weight": 0.1, "unknown": 60.0}
    keys = adds_up({**RAIN_1H, "weight": 0.1}, humid, score={"intercept": -9.0})
    told = [0.0, 30.0, 30.0, 0.0, 0.0, 0.0]
    silent = story(keys, places(1), rain(list(told)))
    stated = series(list(told), "rain_mm", period_s=HOUR, relative_humidity_pct=[60.0] * 6)
    as_if = story(keys, places(1), stated)
    assert [(e.alert.reason, e.alert.value, e.alert.sent_at) for e in silent] == [
        (e.alert.reason, e.alert.value, e.alert.sent_at) for e in as_if
    ]
    assert [e.alert.reason for e in silent] == ["onset", "ended"]
    wet = series(list(told), "rain_mm", period_s=HOUR, relative_humidity_pct=[90.0] * 6)
    levels = [e.alert.level for e in story(keys, places(1), wet)]
    assert "red" in levels, "what is known goes before it"
    assert "red" not in [e.alert.level for e in silent]


def test_what_nobody_measured_is_no_reason() -> None:
    humid = {"variable": "relative_humidity_pct", "weight": 0.1, "unknown": 60.0}
    keys = adds_up({**RAIN_1H, "weight": 0.1}, humid, score={"intercept": -9.0})
    stated = series([0.0, 30.0], "rain_mm", period_s=HOUR, relative_humidity_pct=[60.0] * 2)
    for told, named in (
        (rain([0.0, 30.0]), ["rain_mm"]),
        (stated, ["relative_humidity_pct", "rain_mm"]),
    ):
        assert [one.variable for one in story(keys, places(1), told)[-1].because] == named


def test_of_several_variables_each_counts_for_an_hour() -> None:
    dry = adds_up(
        {**RAIN_1H, "weight": 0.3},
        {"variable": "relative_humidity_pct", "weight": -0.1},
    )
    before = series([40], "relative_humidity_pct", start=T0)
    long_ago = series([40], "relative_humidity_pct", start=T0 - HOUR)
    later = rain([30], start=T0 + HOUR)
    assert story(dry, places(1), before, later)
    assert not story(dry, places(1), long_ago, later)


def test_a_suspect_value_makes_no_more_than_yellow_of_a_score() -> None:
    hot = adds_up(
        {"variable": "temperature_c", "weight": 1.0},
        score={"intercept": 0.0, "chance_of": None},
        limits={"yellow": 30, "red": 40},
    )
    believed = series([25, 33, 42], "temperature_c")
    doubted = series([25, 45, 25], "temperature_c")
    assert [e.alert.level for e in story(hot, places(1), believed)] == ["yellow", "red"]
    assert {e.alert.level for e in story(hot, places(1), doubted)} == {"yellow"}


def test_each_of_many_places_has_a_score_of_its_own() -> None:
    log = story(ONE_PLACE, places(3), rain([9, 9, 9, 9]), rain([0, 0, 0, 0], 1), rain([30, 0], 2))
    assert {e.alert.place_id for e in log} == {"p0", "p2"}


# What people read


def test_the_message_says_the_chance_and_the_two_terms_that_weighed_most() -> None:
    keys = adds_up(
        {**RAIN_1H, "shape": "log1p", "weight": 1.0},
        {**RAIN_3H, "of": "mean", "weight": 0.06},
        {**RAIN_3H, "of": 2, "weight": 0.001},
        **BASIN,
    )
    log = story(keys, places(2, area="Rio"), rain([0, 0, 24]), rain([0, 0, 8], 1))
    last = log[-1]
    assert (last.alert.variable, last.alert.unit, last.measure) == ("chance_pct", "%", "score")
    assert last.alert.value == pytest.approx(66.5, abs=0.1)
    texts = last.alert.text
    assert "Chance of flood: " in texts["en"]
    assert (
        "; mostly rain in 1 h 24 mm at Place 0, rain in 3 h 16 mm on average of the places"
        in (texts["en"])
    )
    assert "Chance de inundação: " in texts["pt-BR"]
    assert (
        "; sobretudo chuva em 1 h 24 mm em Place 0, chuva em 3 h 16 mm na média dos"
        in (texts["pt-BR"])
    )
    assert "Probabilidad de inundación: " in texts["es"]
    assert (
        "; sobre todo lluvia en 1 h 24 mm en Place 0, lluvia en 3 h 16 mm en promedio de"
        in (texts["es"])
    )


def test_the_rule_says_in_words_what_adds_up() -> None:
    keys = adds_up(
        {**RAIN_1H, "shape": "log1p", "weight": 0.8},
        {**RAIN_3H, "of": "mean", "weight": 0.06},
        {"clock": "hour", "first": 17, "last": 20, "weight": 0.3},
        {"variable": "dew_point_c", "weight": 0.2, "unknown": 20},
        **BASIN,
    )
    assert in_words(rule(**keys), "en") == (
        "chance_pct ≥ 40 yellow, 90 red %, made of 0.8 x log1p(sum of rain_mm over 1 h, largest), "
        "0.06 x (sum of rain_mm over 3 h, mean), 0.3 x (hour 17 to 20), "
        "0.2 x (dew_point_c, largest, 20 where it is not known), of the places of an area"
    )


# What cannot be


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score": None}, "score: is missing; add [rule.score] with its terms"),
        ({"measure": "value", "variable": "rain_mm"}, 'score: score needs measure = "score"'),
        ({"variable": "rain_mm"}, "variable: a score has none of its own"),
        ({"when": "below"}, "when: more of a score is always worse"),
        ({"limits": {"yellow": 140}}, "limits: a chance is in %, above 0 and up to 100"),
    ],
)
def test_a_rule_that_cannot_add_up_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"flood-chance") as caught:
        rule(**{**ONE_PLACE, **change})
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (
            {"variable": "rain_m", "weight": 1.0},
            "unknown variable 'rain_m' (did you mean rain_mm?)",
        ),
        ({**RAIN_1H, "weight": 0}, "terms[0].weight: a number other than 0"),
        ({**RAIN_1H, "weight": 1.0, "of": "men"}, "'men' is not known (did you mean mean?)"),
        ({**RAIN_1H, "weight": 1.0, "of": "mean"}, "terms[0].of, places: are for areas"),
        ({**RAIN_1H, "weight": 1.0, "knot": 3}, 'terms[0].knot: is for shape = "hinge"'),
        ({**RAIN_1H, "weight": 1.0, "unknown": 3}, "terms[0].unknown: is not for sums"),
        (
            {"clock": "hour", "first": 3, "last": 9, "weight": 1.0, "unknown": 3},
            "terms[0].unknown: a term of the clock has none",
        ),
        ({"variable": "rain_mm", "weight": 1.0, "measure": "sum"}, "needs a window"),
        ({"variable": "rain_mm", "weight": 1.0, "window": "soon"}, "'soon' is not a duration"),
        ({"weight": 1.0}, "terms[0].variable: is missing; add it, or clock"),
        ({"clock": "hour", "first": 3, "last": 30, "weight": 1.0}, "a hour is from 0 to 24"),
        ({"clock": "hour", "first": 3, "last": 9, "weight": 1.0}, "the clock alone is no evidence"),
    ],
)
def test_a_term_that_cannot_be_is_refused_by_its_number(term: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        rule(**adds_up(term))
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


def test_a_problem_names_the_line_of_the_score() -> None:
    from atalaia.rules.read import parse

    text = """[[rule]]
name = "first"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 10 }

[[rule]]
name = "second"
hazard = "flood"
measure = "score"
limits = { yellow = 10 }
[rule.score]
terms = [
  { variable = "rain_mm", weight = 1.0, window = "1h" },
]
"""
    with pytest.raises(SettingsInvalid) as caught:
        parse(text, "mine.toml")
    assert caught.value.problems[0].startswith(
        "mine.toml:12: rule 'second': score: terms[0].window"
    )


def test_rules_that_do_not_add_up_keep_their_digest() -> None:
    gust = rule()
    assert msgspec.json.decode(msgspec.json.encode(gust)).get("score") is None
    assert "score" not in msgspec.json.decode(msgspec.json.encode(gust))
