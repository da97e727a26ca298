"""Streaks, areas, silence and an incident's whole life, against versions that anyone can follow."""

from __future__ import annotations

import random

import numpy as np
import pytest

from atalaia.detect import measure
from atalaia.detect.measure import Block
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from stories import (
    DAY,
    HOUR,
    T0,
    Shift,
    cut,
    in_log_order,
    of_hazard,
    places,
    rows,
    rule_set,
    watched,
)

from . import HISTORIES, areas, incidents, streaks

ENTER = (10.0, 20.0, 30.0)


def readings(
    told: list[tuple[int, float]], place: int = 0, known: list[int] | None = None
) -> Readings:
    at = [at for at, _ in told]
    return Readings.build(
        place=[place] * len(told),
        source="station",
        kind=Kind.OBSERVED,
        valid_at=at,
        known_at=at if known is None else known,
        period_s=HOUR,
        values={"wind_gust_m_s": np.array([value for _, value in told])},
    )


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_days_in_a_row_are_those_counted_on_the_fingers(seed: int) -> None:
    chance = random.Random(seed)
    zones = chance.sample(["UTC", "America/Sao_Paulo", "Asia/Tehran", "America/St_Johns"], 3)
    series: list[list[tuple[int, float]]] = []
    for _ in zones:
        at, told = T0 + chance.randint(0, 300) * DAY, []
        for _ in range(chance.randint(1, 50)):
            at += chance.choice([HOUR, HOUR, HOUR, 2 * HOUR, 6 * HOUR, 30 * HOUR])
            told.append((at, float(chance.choice([20, 30, 34, 36]))))
        series.append(told)
    number = [i for i, told in enumerate(series) for _ in told]
    n = len(number)
    block = Block(
        np.array(number, np.int64),
        np.array([a for told in series for a, _ in told], np.int64),
        np.full(n, HOUR, np.int64),
        np.array([v for told in series for _, v in told]),
        np.full(n, HOUR, np.int64),
        np.zeros(n, np.int8),
        np.zeros(n, bool),
    )
    found = zip(*measure.days_in_a_row(block, zones, np.full(n, 35.0), 1), strict=True)
    for zone, told in zip(zones, series, strict=True):
        for i in range(len(told)):
            assert next(found) == streaks.days_in_a_row(told, i, zone, 35.0), (zone, i)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_an_area_has_the_level_that_k_of_its_places_reach(seed: int) -> None:
    chance = random.Random(seed)
    n, k = chance.choice([(2, 1), (2, 2), (3, 2), (4, 3)])
    within_h = chance.choice([1, 2, 6])
    now, said = T0, []
    for _ in range(40):
        now += chance.choice([300, 900, 1800, HOUR])
        place = chance.randrange(n)
        late = chance.choice([0, 0, 0, 1, 3]) * 900
        # No value comes twice: what a sensor repeats for hours is doubted.
        gust = chance.choice([5, 8, 12, 15, 22, 31]) + len(said) / 1000
        said.append((now, place, now - late, gust))
    rules = rule_set({"name": "wide", "area": {"places": k, "within": f"{within_h}h"}})
    told = rows(*(readings([(at, v)], place, [known]) for known, place, at, v in said))
    log = of_hazard(watched(told, rules, places(n, area="Valley")), "wind")
    highest = 0
    for known, *_ in said:
        value = areas.reached(said, known, k, within_h * HOUR)
        reached = sum(value is not None and value >= limit for limit in ENTER)
        for entry in (e for e in log if e.alert.sent_at == known):
            alert = entry.alert
            if alert.reason in ("onset", "escalated"):
                assert LEVEL_OF[alert.level] - Level.YELLOW + 1 == reached, (seed, known)
                assert alert.value == value
        highest = max(highest, reached)
    levels = [LEVEL_OF[entry.alert.level] - Level.YELLOW + 1 for entry in log]
    assert max(levels, default=0) == highest, seed


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_an_incident_lives_as_a_patient_person_writes_it_down(seed: int) -> None:
    chance = random.Random(seed)
    for_s = chance.choice([0, 0, HOUR, 2 * HOUR])
    keep_s = chance.choice([0, HOUR, 3 * HOUR])
    told, at = [], T0
    for _ in range(80):
        at += chance.choice([HOUR] * 12 + [4 * HOUR, 20 * HOUR, 30 * HOUR, 60 * HOUR])
        # No value comes twice: what a sensor repeats for hours is doubted.
        told.append((at, chance.choice([2, 7, 8.5, 11, 15, 17, 21, 25, 33]) + len(told) / 1000))
    clock = list(range(T0 + 600, at, HOUR))
    rules = rule_set(
        {"name": "gust", "for": f"{for_s // 60}min", "keep_firing_for": f"{keep_s // 60}min"}
    )
    lived = rows(readings(told), readings([(t, 1.0) for t in clock], place=1))
    log = [
        (a.sent_at, a.type, a.reason, LEVEL_OF[a.level] - Level.YELLOW + 1)
        for a in (entry.alert for entry in of_hazard(watched(lived, rules, places(2)), "wind"))
    ]
    assert log == incidents.told(told, ENTER, for_s, keep_s, clock), seed


@pytest.mark.parametrize("seed", range(0, HISTORIES, 2))
def test_edits_and_restarts_are_lived_as_a_patient_person_writes_them_down(seed: int) -> None:
    chance = random.Random(seed)

    def limits() -> tuple[float, ...]:
        return chance.choice([ENTER, ENTER, (6.0, 14.0, 24.0), (14.0, 24.0, 32.0)])

    enter = limits()
    for_s, keep_s = chance.choice([0, HOUR, 3 * HOUR]), chance.choice([0, 3 * HOUR])
    told, at = [], T0
    for _ in range(60):
        at += chance.choice([HOUR] * 12 + [4 * HOUR, 20 * HOUR, 30 * HOUR, 60 * HOUR])
        told.append((at, chance.choice([2, 7, 8.5, 11, 15, 17, 21, 25, 33]) + len(told) / 1000))
    clock = list(range(T0 + 600, at, HOUR))
    lived = rows(readings(told), readings([(t, 1.0) for t in clock], place=1))

    def edited(other: int) -> RuleSet:
        gust = {"limits": dict(zip(("yellow", "orange", "red"), enter, strict=True))}
        gust |= {"for": f"{for_s // 60}min", "keep_firing_for": f"{keep_s // 60}min"}
        rain = {"name": "rain", "hazard": "heavy_rain", "variable": "rain_mm"}
        return rule_set({**rain, "limits": {"yellow": other}}, {"name": "gust", **gust})

    shift, edits = Shift(edited(50), places(2)), {}
    first = enter, for_s, keep_s
    cuts = sorted(chance.sample(sorted({int(now) for now in lived.known_at[1:]}), 40))
    for number, part in enumerate(cut(lived, cuts)):
        if chance.random() < 0.3:  # also edits of another rule, which must not show
            enter = limits() if chance.random() < 0.5 else enter
            keep_s = chance.choice([0, keep_s, keep_s, 3 * HOUR])
            if (enter, for_s, keep_s) != (edits[max(edits)] if edits else first):
                edits[int(part.known_at[0])] = enter, for_s, keep_s
        shift.restart(edited(50 + number % 2))
        if chance.random() < 0.3:
            shift.live(Readings.empty())
            shift.restart()
        shift.live(part)
    log = [
        (a.sent_at, a.type, a.reason, LEVEL_OF[a.level] - Level.YELLOW + 1)
        for a in (entry.alert for entry in of_hazard(in_log_order(shift.log), "wind", "p0"))
    ]
    # Of one instant the entries of two incidents stand in no order of time.
    assert sorted(log) == sorted(incidents.told(told, *first, clock, edits)), seed
