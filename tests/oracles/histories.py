"""Random histories of what is told of two places of one area: late, twice, in parts, forecast; and
rough ones: of sources that fall silent, go over to another cadence, tell of times to come, and
correct what they told."""

from __future__ import annotations

import random

import numpy as np

from atalaia.domain.reading import NO_TIME, Floats, Kind, Readings
from stories import HOUR, T0, rule_set

RULES = rule_set(
    {"name": "gust", "for": "30min", "for_readings": 3, "keep_firing_for": "1h",
     "stand_in": {"variable": "wind_speed_m_s", "margin": 2.5}},
    {"name": "gust-now", "limits": {"yellow": 12, "red": 25}, "keep_firing_for": "2h"},
    {"name": "rain-1h", "hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum",
     "window": "1h", "limits": {"yellow": 10, "orange": 20}, "keep_firing_for": "1h"},
    {"name": "rain-6h", "hazard": "flood", "variable": "rain_mm", "measure": "sum", "window": "6h",
     "limits": {"yellow": 25, "orange": 40}, "evidence": ["observed"]},
    {"name": "warm", "hazard": "heat", "variable": "temperature_c", "measure": "mean",
     "window": "2h", "limits": {"yellow": 24, "orange": 27}, "exit": 0.9},
    {"name": "fall", "hazard": "temperature_drop", "variable": "temperature_c",
     "measure": "change", "window": "3h", "when": "below", "limits": {"yellow": -5, "orange": -8},
     "exit": {"yellow": -3, "orange": -6}},
    {"name": "muggy", "hazard": "storm", "variable": "heat_index_c",
     "limits": {"yellow": 27, "orange": 33}, "keep_firing_for": "1h"},
    {"name": "hot-days", "hazard": "uv", "variable": "temperature_c", "measure": "days_in_a_row",
     "day_limit": 26, "limits": {"yellow": 1, "orange": 2}, "exit": {"yellow": 1, "orange": 2}},
    {"name": "wide", "hazard": "fog", "limits": {"yellow": 11, "orange": 18},
     "area": {"places": 2, "within": "2h"}, "keep_firing_for": "1h"},
    {"name": "adds-up", "hazard": "frost", "variable": None, "measure": "score",
     "limits": {"yellow": 30, "orange": 60}, "keep_firing_for": "1h",
     "score": {"intercept": -4.0, "chance_of": 2, "dispersion": 0.5, "terms": [
         {"variable": "rain_mm", "measure": "sum", "window": "1h", "shape": "log1p", "weight": 0.9},
         {"variable": "wind_gust_m_s", "shape": "hinge", "knot": 8.0, "weight": 0.1},
         {"variable": "temperature_c", "measure": "change", "window": "3h", "weight": -0.05},
         {"clock": "hour", "first": 17, "last": 3, "weight": 0.4}]}},
    {"name": "adds-up-in-the-valley", "hazard": "snow", "variable": None, "measure": "score",
     "limits": {"yellow": 2, "orange": 3}, "area": {"places": 1, "within": "2h"},
     "score": {"terms": [
         {"variable": "rain_mm", "measure": "sum", "window": "6h", "of": "mean", "weight": 0.1},
         {"variable": "rain_mm", "measure": "sum", "window": "1h", "of": 2, "weight": 0.1},
         {"variable": "wind_gust_m_s", "places": ["p0"], "weight": 0.05},
         {"variable": "relative_humidity_pct", "weight": -0.005}]}},
)  # fmt: skip

VARIABLES = ("wind_gust_m_s", "wind_speed_m_s", "rain_mm", "temperature_c", "relative_humidity_pct")


def value(chance: random.Random, name: str) -> float:
    if name == "rain_mm":
        return chance.choice([0.0, 0.0, 0.0, 2.0, 6.0, 9.5, 14.0])
    if name == "temperature_c":
        return round(chance.gauss(24, 4), 1)
    if name == "relative_humidity_pct":
        return float(chance.randint(40, 95))
    return round(abs(chance.gauss(9, 6)), 1)


def message(chance: random.Random, now: int) -> Readings:
    """One payload, as it became known at `now`."""
    source = chance.choice(["station", "station", "model"])
    place = chance.randint(0, 1)
    step = 900 if source == "station" else HOUR
    valid_at = now // step * step
    if chance.random() < 0.2:
        valid_at -= chance.randint(1, 14) * step
    n = chance.choice([1, 1, 1, 2, 4])
    names = VARIABLES if chance.random() < 0.7 else (chance.choice(VARIABLES),)
    is_ahead = source == "model" and chance.random() < 0.4
    if is_ahead:
        n, valid_at = 8, now // HOUR * HOUR + 8 * HOUR
        step = HOUR
    kind = Kind.OBSERVED if source == "station" else Kind.ANALYSIS
    period = chance.choice([step, step, 900, HOUR])
    return Readings.build(
        place=[place] * n,
        source=source,
        kind=Kind.FORECAST if is_ahead else kind,
        valid_at=[valid_at - (n - 1 - i) * step for i in range(n)],
        known_at=[now] * n,
        issued_at=now - chance.choice([0, 0, 7 * HOUR]) if is_ahead else NO_TIME,
        period_s=HOUR if is_ahead else period,
        values={
            name: np.array([value(chance, name) if chance.random() < 0.9 else np.nan] * n)
            if chance.random() < 0.3
            else np.array([value(chance, name) for _ in range(n)])
            for name in names
        },
    )


def history(seed: int, length: int = 70) -> Readings:
    """Messages in the order in which they became known, each at a time of its own; some twice."""
    chance = random.Random(seed)
    now, told = T0, []
    for _ in range(length):
        now += chance.choice([5, 60, 300, 900, 900, 900, HOUR, 4 * HOUR])
        told.append(message(chance, now))
        if chance.random() < 0.15:
            now += 60
            again = told[-1]
            told.append(
                Readings.build(
                    place=again.place,
                    source=again.sources[0],
                    kind=again.kind,
                    valid_at=again.valid_at,
                    issued_at=again.issued_at,
                    known_at=np.full(len(again), now),
                    period_s=again.period_s,
                    values=again.values,
                )
            )
    return Readings.concat(told).in_order()


SOURCES = {
    "gauge": Kind.OBSERVED,
    "other": Kind.OBSERVED,
    "model": Kind.ANALYSIS,
    "ahead": Kind.FORECAST,
}


def rough(seed: int, length: int = 25) -> Readings:
    """At each of so many instants what some of the sources say of some of the places."""
    chance = random.Random(seed)
    now, told = T0, []
    cadence = {source: chance.choice([600, 900, HOUR]) for source in SOURCES}
    silent_until = dict.fromkeys(SOURCES, 0)
    for _ in range(length):
        now += chance.choice([5, 60, 300, 600, 900, 900, HOUR, HOUR, 4 * HOUR])
        now += 30 * HOUR * (chance.random() < 0.01)
        for source in SOURCES:
            if chance.random() < 0.06:
                cadence[source] = chance.choice([600, 900, HOUR, 3 * HOUR])
            if chance.random() < 0.05:
                silent_until[source] = now + chance.choice([2, 6, 30]) * HOUR
            for place in (0, 1):
                if silent_until[source] <= now and chance.random() < 0.4:
                    told += _said(chance, now, source, place, cadence[source])
    return Readings.concat(told).in_order()


def _said(chance: random.Random, now: int, source: str, place: int, step: int) -> list[Readings]:
    """A message, and perhaps its rows once more: the same ones, or corrected."""
    kind, n = SOURCES[source], chance.choice([1, 1, 1, 2, 6])
    newest = now // step * step
    if kind == Kind.FORECAST:
        n, step = 8, HOUR
        newest = now // HOUR * HOUR + n * HOUR
    elif chance.random() < 0.14:
        newest += step * chance.choice([-14, -6, -3, -2, -1, -1, 1, 5])
    names = VARIABLES if chance.random() < 0.6 else chance.sample(VARIABLES, chance.randint(1, 3))
    values = {
        name: np.array([value(chance, name) if chance.random() < 0.85 else np.nan] * n)
        if chance.random() < 0.2
        else np.array([value(chance, name) for _ in range(n)])
        for name in names
    }
    issued_at = now - chance.choice([0, 0, 7 * HOUR]) if kind == Kind.FORECAST else NO_TIME
    period_s = step if kind == Kind.FORECAST else chance.choice([step, step, 900, HOUR, 0])

    def message(known_at: int, values: dict[str, Floats]) -> Readings:
        return Readings.build(
            place=[place] * n,
            source=source,
            kind=kind,
            valid_at=[newest - (n - 1 - i) * step for i in range(n)],
            issued_at=issued_at,
            known_at=[known_at] * n,
            period_s=period_s,
            values=values,
        )

    said = [message(now, values)]
    if chance.random() < 0.15:
        times = chance.choice([1.0, 0.2, 0.9, 1.2, 2.0])
        some = [*values][: chance.randint(1, len(values))]
        again = {name: np.round(values[name] * times, 3) for name in some}
        said.append(message(now + chance.choice([0, 60, 700, 5000]), again))
    return said
