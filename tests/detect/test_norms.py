"""Rules whose limits are relative to what is usual at a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia.detect.values import Usual
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.norm import parse_norm
from atalaia.domain.norm_tables import Norms
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Readings
from atalaia.domain.rule import RuleSet
from atalaia.domain.rule_words import in_words
from atalaia.errors import SettingsInvalid
from atalaia.homes.embedded import open_home
from atalaia.lake.climate import Months, ReturnLevel, write_climate
from atalaia.lake.norms import norms_of
from stories import DAY, HOUR, T0, Memory, forecast, places, rows, rule, rule_set, series


def constant(where: Places, *values: float) -> Floats:
    """A norm that is the same at all hours, place by place."""
    return np.tile(np.array(values)[:, None, None], (1, 12, 24))


def lived(readings: Readings, rules: RuleSet, where: Places, *tables: Floats) -> list[LogEntry]:
    norms: Usual = Norms(
        where, {r.name: table for r, table in zip(rules.rules, tables, strict=True)}
    )
    watch = Watch(rules, where, lambda _p, _w: pytest.fail("nothing to decode"), norms)
    return watch.live(readings).entries


RAIN = {
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "1h",
    "norm": "return_level(5 years)",
    "limits": {"orange": 0},
    "exit": {"orange": -10},
}
HEAT_WAVE = {
    "hazard": "heat",
    "variable": "temperature_c",
    "measure": "days_in_a_row",
    "day_limit": 5,
    "norm": "monthly_mean_maximum",
    "limits": {"yellow": 2, "orange": 3, "red": 5},
    "exit": {"yellow": 1, "orange": 2, "red": 4},
}


def test_rain_beyond_its_return_level_is_told_with_the_rain_and_the_level() -> None:
    where = places(2)
    rain = [0.0, 45.0, 35.0, 0.0, 0.0, 0.0, 0.0]
    found = lived(
        rows(series(rain, "rain_mm"), series(rain, "rain_mm", place=1)),
        rule_set(RAIN),
        where,
        constant(where, 42.5, 60.0),
    )
    assert [(e.alert.place_id, e.alert.type, e.alert.level) for e in found] == [
        ("p0", "alert", "orange"),
        ("p0", "end", "orange"),
    ]
    first, last = found[0].alert, found[-1].alert
    assert (first.value, first.limit, first.unit) == (45.0, 42.5, "mm")
    assert "45" in first.text["en"]
    assert "42.5" in first.text["en"]
    assert last.limit == 32.5, "35 mm still held it: the exit is 10 mm below the level"
    assert found[0].peak == 45.0


def test_a_place_without_the_norm_is_not_judged() -> None:
    where = places(1)
    found = lived(
        rows(series([500.0] * 3, "rain_mm")), rule_set(RAIN), where, constant(where, np.nan)
    )
    assert found == []


def test_without_any_norm_it_is_as_if_no_place_had_one() -> None:
    """What needs a norm is not even worked out then; all else is told as ever."""
    where = places(2)
    fixed = {name: value for name, value in RAIN.items() if name != "norm"}
    limits = {"limits": {"orange": 30}, "exit": {"orange": 20}}
    rules = rule_set(
        RAIN | {"name": "usual"}, fixed | limits | {"name": "fixed"}, HEAT_WAVE | {"name": "wave"}
    )
    fallen = rows(series([0.0, 35.0, 60.0, 0.0, 0.0], "rain_mm"))
    told = Watch(rules, where).live(fallen).entries
    nowhere = constant(where, np.nan, np.nan)
    assert told == lived(fallen, rules, where, nowhere, nowhere, nowhere)
    assert {entry.alert.rule for entry in told} == {"fixed"}


def days(*maxima: float) -> list[float]:
    """Hourly temperatures of days that reach their maximum at 15 h."""
    return [top if hour == 15 else top - 8 for top in maxima for hour in range(24)]


def test_a_heat_wave_is_days_in_a_row_five_degrees_above_the_months_maxima() -> None:
    where = places(1)
    told_days = days(30, 36, 35.5, 36, 36, 36, 30, 30)
    found = lived(
        rows(series(told_days, "temperature_c")),
        rule_set(HEAT_WAVE),
        where,
        constant(where, 30.0),
    )
    entries = [(e.alert.type, e.alert.level, e.alert.value) for e in found]
    assert entries[:3] == [
        ("alert", "yellow", 2.0),
        ("update", "orange", 3.0),
        ("update", "red", 5.0),
    ]
    assert entries[-1][0] == "end"
    assert found[0].alert.limit == 2
    assert instant(found[0].alert.sent_at) == "2024-01-03T15:00:00+00:00"


def test_each_day_is_held_against_its_own_month() -> None:
    where = places(1)
    table = np.full((1, 12, 24), 20.0)
    table[0, 0] = 35.0  # in January 36 °C is nothing
    readings = rows(series(days(*[36] * 3), "temperature_c", start=T0 + 30 * DAY))  # 31 January
    found = lived(readings, rule_set(HEAT_WAVE), where, table)
    assert [(e.alert.type, instant(e.alert.sent_at)[:10]) for e in found] == [
        ("alert", "2024-02-02")
    ]


def test_a_cold_percentile_follows_the_hour_of_the_places_clock() -> None:
    where = places(1, zone="America/Sao_Paulo")
    cold = {
        "hazard": "cold",
        "variable": "temperature_c",
        "when": "below",
        "norm": "percentile(1)",
        "limits": {"yellow": 0},
        "exit": {"yellow": 2},
    }
    table = np.full((1, 12, 24), -50.0)
    table[0, 0, 3] = 10.0  # only from 3 to 4 o'clock is 9 °C rare
    found = lived(rows(series([9.0] * 12, "temperature_c")), rule_set(cold), where, table)
    assert [(e.alert.type, instant(e.alert.valid_at), e.alert.limit) for e in found][:1] == [
        ("alert", "2024-01-01T07:00:00+00:00", 10.0)
    ]


def test_a_forecast_is_held_against_the_norm_of_its_hours() -> None:
    where = places(1)
    hot = {
        "hazard": "heat",
        "variable": "temperature_c",
        "norm": "monthly_mean_maximum",
        "limits": {"yellow": 5},
    }
    found = lived(
        rows(forecast(T0, [30.0, 36.0, 34.0], "temperature_c")),
        rule_set(hot),
        where,
        constant(where, 30.0),
    )
    (entry,) = found
    assert (entry.alert.value, entry.alert.limit) == (36.0, 35.0)
    assert entry.alert.certainty == "Possible"


def test_a_restart_keeps_what_limits_were_relative_to() -> None:
    where, rules = places(1), rule_set(RAIN)
    norms = Norms(where, {"rule-0": constant(where, 42.5)})
    readings = rows(series([0.0, 45.0, 0.0, 0.0, 0.0, 0.0, 0.0], "rain_mm"))

    def watch() -> Watch:
        return Watch(rules, where, lambda _p, _w: pytest.fail("nothing to decode"), norms)

    whole = watch().live(readings).entries
    memory = Memory()
    first = watch()
    half = readings.take(slice(0, 3))
    entries = first.live(half).entries
    changed = first._changed_items([half.place], 0)
    memory.items.update({k: v for k, v in changed.items() if v is not None})
    second = watch()
    second.load(memory)  # type: ignore[arg-type]
    entries += second.live(readings.take(slice(3, None))).entries
    assert entries == whole


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"norm": "usual"}, "unknown norm 'usual'"),
        ({"norm": "percentile(0)"}, "unknown norm"),
        ({"norm": "return_level(7 years)"}, "2, 5, 10, 25, 50 years"),
        ({"window": "2h"}, "windows are 1h, 3h, 6h, 12h, 24h, 48h, 72h"),
        ({"norm": "monthly_mean"}, "takes no measure 'sum'"),
        ({"variable": "radiation_kj_m2"}, "has no climate"),
        ({"area": {"places": 2}}, "an area has no climate of its own"),
    ],
)
def test_a_norm_that_no_climate_has_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem.replace("(", r"\(").replace(")", r"\)")):
        rule(**(RAIN | change))


def test_a_rule_says_in_words_what_it_is_relative_to() -> None:
    assert in_words(rule(**RAIN), "en") == (
        "sum of rain_mm over 1 h ≥ return_level(5 years) orange mm"
    )
    assert in_words(rule(**HEAT_WAVE), "en") == (
        "days in a row of temperature_c ≥ monthly_mean_maximum + 5 ≥ 2 yellow, 3 orange, 5 red d"
    )


def months(place: str, **more: Any) -> list[Months]:
    found = []
    for month in range(1, 13):
        for hour in (None, 0, 12):
            told: dict[str, Any] = {
                "place_id": place, "variable": "temperature_c", "unit": "°C", "month": month,
                "hour": hour, "source": "inmet", "kind": "observed", "first_year": 2000,
                "last_year": 2020, "years": 21, "hours": 600, "is_norm": True, "mean": 10.0 + month,
                "mean_minimum": 5.0, "mean_maximum": 20.0,
                "percentiles": [float(p) for p in range(1, 100)],
            }  # fmt: skip
            found.append(Months(**(told | more)))
    return found


def levels(place: str) -> list[ReturnLevel]:
    return [
        ReturnLevel(
            place_id=place, variable="rain_mm", unit="mm", window_s=HOUR, extreme="maximum",
            return_years=years, source="inmet", kind="observed", first_year=2000, last_year=2020,
            years=21, level=level, low=level, high=level,
            refusal=None if level else "too short",
        )
        for years, level in ((5, 42.5), (50, None))
    ]  # fmt: skip


def test_norms_are_read_from_the_home_and_places_without_are_named(tmp_path: Path) -> None:
    where = places(3)
    rules = rule_set(
        RAIN,
        RAIN | {"norm": "return_level(50 years)"},
        HEAT_WAVE,
        HEAT_WAVE | {"norm": "monthly_mean"},
        HEAT_WAVE | {"norm": "percentile(90)"},
    )
    with open_home(tmp_path) as home:
        write_climate(home.lake, "p0", months("p0"), levels("p0"))
        write_climate(home.lake, "p1", months("p1", is_norm=False), [])
        norms = norms_of(home.lake, rules, where)
        none = norms_of(home.lake, rule_set({}), where)
    assert none.missing == {}
    place, june = np.array([0, 1, 2]), np.full(3, T0 + 160 * DAY + 13 * HOUR)
    found = [norms(r, place, june).tolist() for r in rules.rules]
    nan = pytest.approx(float("nan"), nan_ok=True)
    assert found == [
        [42.5, nan, nan],
        [nan, nan, nan],
        [20.0, nan, nan],
        [16.0, nan, nan],
        [90.0, nan, nan],
    ]
    assert norms.missing["rule-1"] == ("p0", "p1", "p2")
    assert norms.in_words()[0] == (
        "rule rule-0 says nothing at p1, p2: no norm of it is known there; see `atalaia climate`"
    )


def test_names_of_norms_are_read_as_they_are_written() -> None:
    assert parse_norm("return_level(25 years)").number == 25
    assert parse_norm("percentile(99)").number == 99
    assert parse_norm(" monthly_mean ").name == "monthly_mean"


@pytest.mark.parametrize(("zone", "behind_h"), [("UTC", 0), ("America/Sao_Paulo", 3)])
def test_a_value_at_midnight_is_held_against_the_month_of_the_day_that_it_is_of(
    zone: str, behind_h: int
) -> None:
    where = places(1, zone=zone)
    table = np.full((1, 12, 24), 30.0)
    table[0, 3] = 20.0  # in April 28 °C is five degrees above, in May it is nothing
    start = 1_714_435_200 + behind_h * HOUR  # 2024-04-30T00:00 there
    readings = rows(series([28.0] * 30, "temperature_c", start=start))
    assert lived(readings, rule_set(HEAT_WAVE), where, table) == [], "false yellow at 1 May 00:00"
    table[0, 4] = 20.0
    [first, *_] = lived(readings, rule_set(HEAT_WAVE), where, table)
    assert first.alert.sent_at == start + DAY, "and where it is of the second day, at once"
