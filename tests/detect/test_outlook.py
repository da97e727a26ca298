"""Of which places an ensemble is worth asking: by their own forecasts, and where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy import nan

from atalaia.detect.detect import Detector
from atalaia.detect.outlook import FORECAST_FOR_S, Outlook, closeness
from atalaia.detect.series import SeriesTable
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.sources.plan import WORTH_ASKING
from stories import rule_set

NOW, HOUR = 1_768_046_400, 3600
PLACES = Places(Place(id=name, name=name, latitude=0.0, longitude=0.0) for name in "abc")
RAIN: dict[str, Any] = {
    "name": "rain-24h",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "orange": 50, "red": 100},
    "chance": {"orange": 0.3, "red": 0.2},
}
GUST: dict[str, Any] = {"name": "gust", "limits": {"orange": 20, "red": 30}, "chance": 0.3}


class World:
    """Places, rules, and what forecasts of them were heard."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules: RuleSet = rule_set(*rules)
        self.table = SeriesTable(PLACES)
        self.detector = Detector(self.rules, self.table)
        self.outlook = Outlook(self.detector.forecasts)

    def hear(
        self, place: int, source: str, at: int, **columns: Sequence[float] | np.ndarray
    ) -> None:
        """What a source foretells of a place: of the hours from the next one on."""
        (n,) = {len(column) for column in columns.values()}
        rows = Readings.build(
            place=[place] * n,
            source=source,
            kind=Kind.FORECAST,
            valid_at=[at + (i + 1) * HOUR for i in range(n)],
            known_at=[at] * n,
            period_s=[HOUR] * n,
            values={name: np.array(column, float) for name, column in columns.items()},
        )
        list(self.detector.detect(rows))

    def worth(self, now: int = NOW) -> list[bool]:
        return (self.outlook.ahead(now) >= WORTH_ASKING).tolist()


def rain(mm: float, hours: int = 30) -> np.ndarray:
    """So much within six hours of a day and a quarter."""
    out = np.zeros(hours)
    out[10:16] = mm / 6
    return out


def test_a_place_is_worth_it_where_its_forecast_comes_near_a_limit_or_there_is_none() -> None:
    world = World(RAIN)
    world.hear(0, "open-meteo", NOW, rain_mm=rain(12.0))
    world.hear(1, "open-meteo", NOW, rain_mm=rain(26.0))
    assert world.worth() == [False, True, True]


def test_a_forecast_that_rises_makes_its_place_worth_it_and_one_that_falls_no_more() -> None:
    world = World(RAIN)
    for step, (mm, is_worth) in enumerate([(0.0, False), (40.0, True), (5.0, False)]):
        at = NOW + step * HOUR
        world.hear(0, "open-meteo", at, rain_mm=rain(mm))
        assert world.worth(at)[0] is is_worth


def test_any_source_at_home_that_foretells_it_is_enough() -> None:
    world = World(RAIN)
    world.hear(0, "open-meteo", NOW, rain_mm=rain(0.0))
    world.hear(0, "tomorrow-io", NOW, rain_mm=rain(60.0))
    assert world.worth()[0]


def test_a_source_that_fell_silent_says_nothing_of_what_comes() -> None:
    world = World(RAIN)
    world.hear(0, "open-meteo", NOW, rain_mm=rain(0.0))
    assert not world.worth(NOW + FORECAST_FOR_S - 1)[0]
    assert world.worth(NOW + FORECAST_FOR_S)[0]
    world.hear(0, "tomorrow-io", NOW + FORECAST_FOR_S, rain_mm=rain(0.0))
    assert not world.worth(NOW + FORECAST_FOR_S)[0], "another one sees"


def test_a_forecast_that_lacks_what_a_rule_measures_is_none() -> None:
    world = World(RAIN, GUST)
    world.hear(0, "open-meteo", NOW, rain_mm=rain(0.0))
    world.hear(1, "open-meteo", NOW, rain_mm=rain(0.0), wind_gust_m_s=[5.0] * 30)
    world.hear(2, "open-meteo", NOW, rain_mm=[nan] * 30, wind_gust_m_s=[5.0] * 30)
    assert world.worth() == [True, False, True]


def test_hours_beyond_the_rules_own_do_not_count() -> None:
    world = World({**GUST, "forecast_within": "24h"})
    late = np.full(40, 4.0)
    late[30] = 35.0
    world.hear(0, "open-meteo", NOW, wind_gust_m_s=late)
    assert not world.worth()[0]
    world.hear(0, "open-meteo", NOW + 8 * HOUR, wind_gust_m_s=late[8:])
    assert world.worth(NOW + 8 * HOUR)[0]


def test_a_rule_asks_for_the_places_that_it_judges_alone() -> None:
    world = World({**GUST, "places": ["b"]})
    assert world.worth() == [False, True, False]


def test_without_a_rule_that_names_a_chance_nothing_is_worth_it() -> None:
    assert not any(World({"name": "plain", "limits": {"yellow": 10}}).worth())


def test_what_is_told_again_after_a_restart_is_measured_at_once() -> None:
    world = World(RAIN)
    world.hear(0, "open-meteo", NOW, rain_mm=rain(0.0))
    again = Outlook(world.detector.forecasts)
    assert again.ahead(NOW).tolist() == world.outlook.ahead(NOW).tolist()


@pytest.mark.parametrize(
    ("rule", "values", "near"),
    [
        # Orange is the lowest with a chance: one step (50 mm) before it, and half of it.
        (RAIN, [0, 24.9, 25, 50, 80], [0, 0.498, 0.5, 1, 1]),
        (GUST, [5, 10, 15, 20], [0.25, 0.5, 0.75, 1]),
        # 32 °C: half of that is no heat.
        (
            {"hazard": "heat", "variable": "temperature_c", "limits": {"yellow": 32, "orange": 39},
             "chance": 0.3},
            [18, 25, 32],
            [0, 0.5, 1],
        ),
        (
            {"hazard": "frost", "variable": "temperature_c", "when": "below", "chance": 0.3,
             "limits": {"yellow": 3, "orange": 0}, "exit": {"yellow": 4, "orange": 1}},
            [9, 6, 3, -5],
            [0, 0.5, 1, 1],
        ),
        # One limit, and its exit at 80 %: half of the limit.
        ({"limits": {"red": 30}, "chance": 0.3}, [0, 15, 30], [0, 0.5, 1]),
    ],
)  # fmt: skip
def test_it_is_half_near_one_step_before_the_limit(
    rule: dict[str, Any], values: list[float], near: list[float]
) -> None:
    (one,) = rule_set(rule).rules
    assert closeness(one, np.array(values, float)) == pytest.approx(near, abs=1e-9)
