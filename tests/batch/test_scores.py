"""Scores against plain Python that counts day by day (`oracles.warnings`), and intervals."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atalaia.batch.score import FALSE_ALARM, HIT, MISS, QUIET, Cases, score
from atalaia.batch.verify import verify
from oracles import cases
from oracles.warnings import by_day, by_episode, some

START = int(datetime(2018, 10, 25, tzinfo=UTC).timestamp())
DAYS = 30


@pytest.mark.parametrize("seed", range(cases(100)))
def test_days_and_episodes_are_those_that_are_counted_by_hand(seed: int) -> None:
    chance = random.Random(seed)
    zone = ZoneInfo(
        chance.choice(["UTC", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Auckland"])
    )
    incidents, events = some(chance, START, DAYS)
    told = [entry for i, one in enumerate(incidents) for entry in one.log(str(i))]
    first, last = date(2018, 10, 30), date(2018, 11, 20)
    n = chance.choice([1, 1, 2])
    found = verify(told, events, zone, min_events=n, first_day=first, last_day=last).score
    counts, leads = by_day(incidents, events, zone, first, last, n)
    assert (found.hits, found.misses, found.false_alarms, found.correct_quiet) == counts
    if leads:
        assert found.lead_h is not None
        assert found.lead_h.maximum == pytest.approx(leads[-1], abs=1e-3)
        assert found.lead_h.minimum == pytest.approx(leads[0], abs=1e-3)
    whole = verify(told, events, zone, by="episode").score
    assert (whole.hits, whole.misses, whole.false_alarms) == by_episode(incidents, events)


@pytest.mark.parametrize("seed", range(cases(20)))
def test_parts_of_a_record_add_up_to_the_whole(seed: int) -> None:
    """What is cut at --from and --to counts on each of its days once."""
    chance = random.Random(1000 + seed)
    zone = ZoneInfo("America/Sao_Paulo")
    incidents, events = some(chance, START, DAYS)
    told = [entry for i, one in enumerate(incidents) for entry in one.log(str(i))]
    first, middle, last = date(2018, 10, 20), date(2018, 11, 5), date(2018, 12, 1)
    after = date(2018, 11, 6)

    def counts(begins: date, ends: date) -> np.ndarray:
        one = verify(told, events, zone, first_day=begins, last_day=ends).score
        return np.array([one.hits, one.misses, one.false_alarms, one.correct_quiet])

    assert (counts(first, last) == counts(first, middle) + counts(after, last)).all()


def test_few_cases_have_no_interval_and_more_have_wilsons() -> None:
    def of(n: int, hits: int) -> Cases:
        outcome = np.array([HIT] * hits + [MISS] * (n - hits))
        return Cases(outcome, np.zeros(n, np.int64), np.zeros(n, np.int64))

    assert score(of(9, 5)).intervals["pod"] is None
    assert score(of(15, 5)).intervals["pod"] == (0.1518, 0.5829), "R's prop.test(5, 15, correct=F)"
    assert score(of(15, 15)).intervals["pod"] == (0.7961, 1.0)


def test_intervals_of_a_year_of_days_hold_the_truth_as_often_as_they_say() -> None:
    """A short form of `make coverage`."""
    chance = np.random.default_rng(1)
    n, held, records = 365, 0, 300
    for _ in range(records):
        is_event = chance.random(n) < 0.2
        is_warned = np.where(is_event, chance.random(n) < 0.8, chance.random(n) < 0.1)
        outcome = np.select(
            [is_event & is_warned, is_event, is_warned], [HIT, MISS, FALSE_ALARM], QUIET
        )
        found = score(Cases(outcome, np.arange(n) // 7, np.zeros(n, np.int64))).intervals["pod"]
        assert found is not None
        held += found[0] <= 0.8 <= found[1]
    assert 0.92 <= held / records <= 0.98
