"""Sums of periods that overlap, leave gaps and drift, against `sums` and against real rain."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest

from atalaia.detect import measure
from atalaia.detect.measure import Block
from stories import HOUR, T0

from . import HISTORIES, sums

DAY = 24 * HOUR


def block_of(rows: list[tuple[int, int, float]]) -> Block:
    """Rows of (valid_at, period_s, amount) of one series."""
    ends, periods, amounts = (np.array(column) for column in zip(*sorted(rows), strict=True))
    n = len(rows)
    return Block(
        np.zeros(n, np.int64),
        ends.astype(np.int64),
        periods.astype(np.int64),
        amounts.astype(float),
        np.full(n, HOUR, np.int64),
        np.zeros(n, np.int8),
        np.zeros(n, bool),
    )


def periods_of(block: Block) -> list[sums.Period]:
    return [
        (int(end - period), int(end), float(amount))
        for end, period, amount in zip(block.valid_at, block.period_s, block.value, strict=True)
    ]


def test_rows_of_a_clock_are_added_up_as_those_of_none() -> None:
    # Gauges on a clock, with what breaks it: gaps, other periods, unstated ones, seconds beside.
    evenly = 0
    for seed in range(20 * HISTORIES):
        chance = random.Random(seed)
        step = chance.choice([300, 900, HOUR])
        odd = [0, step // 3, step, step, 2 * step, 12 * step, DAY]
        blocks = []
        for number in range(chance.randint(1, 3)):
            end, rows = T0, []
            for _ in range(chance.randint(1, 40)):
                is_odd = chance.random() < 0.08
                period = chance.choice(odd) if is_odd else step
                end += chance.choice([1, step - 1, step + step // 11, 3 * step, DAY]) * is_odd
                end += max(period, 60)
                rows.append((end, period, chance.choice([0.0, 0.0, 1.0, 2.5])))
            block = block_of(rows)
            blocks.append(replace(block, series=block.series + number))
        together = (np.concatenate([getattr(b, name) for b in blocks]) for name in measure.COLUMNS)
        block = Block(*together)
        at = np.flatnonzero(np.array([chance.random() < 0.8 for _ in block.series]))
        window_s = chance.choice([step, 2 * step, 6 * step, 6 * step + 60])
        value, ceiling = measure.rolling_sum(block, window_s, at)
        evenly += int((block.even.run[at] * step > window_s).sum())
        plain = Block(*(getattr(block, name) for name in measure.COLUMNS))
        plain.__dict__["even"] = measure.Even(0, np.zeros(len(block.series), np.int64))
        others = measure.rolling_sum(plain, window_s, at)
        np.testing.assert_array_equal(value, others[0])
        np.testing.assert_array_equal(ceiling, others[1])
    assert evenly > 20 * HISTORIES


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_sums_of_one_length_are_those_of_trying_everything(seed: int) -> None:
    chance = random.Random(seed)
    length = chance.choice([60, 300, 900, HOUR])
    rows = {}
    for _ in range(chance.randint(1, 25)):
        end = T0 + chance.randint(1, 30) * max(length // 3, 60)
        end += chance.choice([0, 0, 1, -1, 2, length // 15, -length // 12])
        rows[end] = (end, length, chance.choice([0.0, 0.0, 1.0, 2.5, 7.0]))
    block = block_of(list(rows.values()))
    window_s = chance.choice([length, HOUR, 2 * HOUR])
    value, ceiling = measure.rolling_sum(block, window_s)
    periods = periods_of(block)
    for i, closes in enumerate(block.valid_at.tolist()):
        assert value[i] == sums.least(periods, closes - window_s, closes)
        # Random amounts contradict one another: then the larger word counts.
        assert ceiling[i] == max(value[i], sums.most(periods, closes - window_s, closes))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_of_real_rain_the_bounds_never_lie(seed: int) -> None:
    """Minutes of rain, told in periods of all lengths that tile or overlap as they like."""
    chance = random.Random(seed)
    rain = np.round(np.maximum(0, np.random.default_rng(seed).normal(-1, 1, 12 * 60)), 3)
    fallen = np.concatenate(([0.0], np.cumsum(rain)))
    rows = {}
    for _ in range(chance.randint(3, 60)):
        # On quarters of an hour, so that no overlap is under a tenth.
        minutes = chance.choice([15, 15, 30, 60, 60, 120])
        stop = chance.randint(minutes // 15, 12 * 60 // 15) * 15
        if stop >= minutes:
            amount = round(float(fallen[stop] - fallen[stop - minutes]), 3)
            rows[stop, minutes] = (T0 + stop * 60, minutes * 60, amount)
    block = block_of(list(rows.values()))
    periods = periods_of(block)
    for window_s in (900, HOUR, 3 * HOUR):
        value, ceiling = measure.rolling_sum(block, window_s)
        for i, closes in enumerate(block.valid_at.tolist()):
            stop, start = (closes - T0) // 60, max(0, closes - window_s - T0) // 60
            real = float(fallen[stop] - fallen[start])
            assert value[i] <= real + 1e-6
            assert ceiling[i] >= real - 1e-6
            opens = closes - window_s
            assert value[i] >= sums.least(periods, opens, closes) - 1e-9, "never under-counted"
            assert ceiling[i] <= sums.most(periods, opens, closes) + 1e-9


def test_what_lies_between_the_parts_and_the_hour_is_worked_out() -> None:
    quarters = [(T0 + m * 60, 900, a) for m, a in ((15, 1.0), (30, 2.0), (45, 3.0), (75, 5.0))]
    told = [*quarters, (T0 + HOUR, HOUR, 10.0), (T0 + 90 * 60, 900, 6.0)]
    value, ceiling = measure.rolling_sum(block_of(told), HOUR)
    assert value[-1] == ceiling[-1] == 3.0 + 4.0 + 5.0 + 6.0
    before = measure.rolling_sum(block_of(told[:3]), HOUR)
    assert before[0][-1] == 6.0
    assert np.isinf(before[1][-1]), "the hour is not over"


@pytest.mark.parametrize("drift_s", [0, 1, 3])
def test_a_clock_that_drifts_leaves_no_gap(drift_s: int) -> None:
    told = [(T0 + i * (60 + drift_s), 60, 1.0 if i < 25 else 0.0) for i in range(200)]
    value, ceiling = measure.rolling_sum(block_of(told), HOUR)
    assert value[-1] == ceiling[-1] == 0
    assert value.max() == 25


def test_rain_without_a_stated_period_is_of_the_time_since_the_row_before() -> None:
    told = [(T0 + i * 600, 0, 5.0 if i == 3 else 0.0) for i in range(30)]
    value, ceiling = measure.rolling_sum(block_of(told), HOUR)
    assert value[5] == 5.0
    assert ceiling[-1] == value[-1] == 0.0
    after_a_gap = [(end + (9 * HOUR if i > 20 else 0), p, a) for i, (end, p, a) in enumerate(told)]
    assert np.isinf(measure.rolling_sum(block_of(after_a_gap), DAY)[1][25])


def test_rolling_hours_of_27_stations_are_added_up_in_a_tenth_of_a_second() -> None:
    told = [(T0 + i * 60, HOUR, 2.0 + i % 7 / 10) for i in range(1440)]
    block, newest = block_of(told), np.array([1439])
    began = time.process_time()
    for _ in range(27):
        for window_s in (HOUR, DAY):
            measure.rolling_sum(block, window_s, newest)
    assert time.process_time() - began < 0.3, "0.05 s on an idle machine"
