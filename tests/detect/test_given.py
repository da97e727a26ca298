"""Rules that ask for what fell before, and rules that count the places in a circle only."""

from __future__ import annotations

from typing import Any

import pytest

from atalaia.detect.watch import Watch
from atalaia.domain.alert import instant
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule import Near
from atalaia.domain.rule_words import in_words
from atalaia.errors import SettingsInvalid
from stories import DAY, HOUR, T0, Memory, lines, places, rows, rule, rule_set, series, watched

RAIN = {"hazard": "flood", "variable": "rain_mm", "measure": "sum", "keep_firing_for": "1h"}
AFTER_WET = {
    **RAIN,
    "window": "1h",
    "limits": {"yellow": 10},
    "given": {"window": "24h", "limit": 30},
}


def rain(values: list[float], place: int = 0, start: int = T0) -> Readings:
    return series(values, "rain_mm", place=place, start=start, period_s=HOUR)


def begun(readings: Readings, where: Places, **keys: Any) -> list[tuple[str, int]]:
    log = watched(readings.in_order(), rule_set(keys), where)
    return [
        (e.alert.place_id, int(instant(e.alert.sent_at)[11:13]))
        for e in log
        if e.alert.type == "alert" and e.alert.hazard == "flood"
    ]


def test_a_burst_raises_only_where_enough_fell_before() -> None:
    wet, dry = rain([0, 25, 0, 12, 0, 0]), rain([0, 0, 0, 12, 0, 0], place=1)
    assert begun(rows(wet, dry), places(2), **AFTER_WET) == [("p0", 3)]


def test_what_falls_in_the_burst_counts_towards_what_fell() -> None:
    assert begun(rain([0, 12, 12, 12]), places(1), **AFTER_WET) == [("p0", 3)]


def test_what_fell_before_need_not_go_on_for_it_to_hold() -> None:
    given = {**AFTER_WET, "given": {"window": "2h", "limit": 30}}
    log = watched(rain([25, 12, 12, 12, 0, 0, 0]).in_order(), rule_set(given), places(1))
    assert [e.alert.type for e in log] == ["alert", "end"]
    assert instant(log[-1].alert.sent_at)[11:13] == "05"


def test_in_an_area_it_may_have_fallen_at_another_place() -> None:
    area = {**AFTER_WET, "area": {"places": 1, "within": "1h"}}
    wet, burst = rain([0, 31, 0, 0, 0]), rain([0, 0, 0, 12, 0], place=1)
    where = places(2, area="basin")
    assert begun(rows(wet, burst), where, **AFTER_WET) == [("p0", 1)]
    assert begun(rows(wet, burst), where, **area) == [("basin", 1)]
    quiet = rain([0, 9, 9, 9, 9], place=0)
    assert begun(rows(quiet, burst), where, **area) == []
    assert begun(rows(rain([9, 9, 9, 9, 0]), burst), where, **area) == [("basin", 3)]


def test_in_an_area_so_many_places_must_have_had_it() -> None:
    keys = {
        **AFTER_WET,
        "area": {"places": 1, "within": "1h"},
        "given": {"window": "24h", "limit": 15, "places": 2},
    }
    one, other = rain([9, 9, 0, 0, 0]), rain([0, 0, 0, 16, 0], place=1)
    where = places(3, area="basin")
    assert begun(rows(one, other), where, **keys) == [("basin", 3)]
    assert begun(rows(rain([9, 0, 0, 0, 0]), other), where, **keys) == []


def test_only_the_places_in_the_circle_trigger() -> None:
    where = places(3, area="basin")  # a degree apart
    near = {"latitude": 0, "longitude": 0, "km": 50}
    keys = {
        **RAIN,
        "window": "1h",
        "limits": {"yellow": 10},
        "area": {"places": 1, "within": "1h", "near": near},
    }
    assert begun(rows(rain([0, 12, 0], place=1)), where, **keys) == []
    assert begun(rows(rain([0, 12, 0], place=1), rain([0, 0, 11])), where, **keys) == [("basin", 2)]


def test_an_area_without_a_place_in_the_circle_says_nothing() -> None:
    near = {"latitude": 50, "longitude": 50, "km": 50}
    keys = {
        **RAIN,
        "window": "1h",
        "limits": {"yellow": 10},
        "area": {"places": 1, "near": near},
    }
    assert begun(rain([0, 12, 0]), places(1, area="basin"), **keys) == []


@pytest.mark.parametrize(
    ("latitude", "longitude", "km"),
    # Rio–São Paulo is 358 km, London–Paris 344 km (great circle, rounded).
    [(-23.5505, -46.6333, 361.0), (-22.9068, -43.1729, 0.001)],
)
def test_a_circle_is_measured_on_the_globe(latitude: float, longitude: float, km: float) -> None:
    assert Near(-22.9068, -43.1729, km).has(latitude, longitude)
    assert not Near(-22.9068, -43.1729, km * 0.99).has(-23.5505, -46.6333)


def test_any_cut_into_batches_and_any_restart_give_the_same_log() -> None:
    where = places(3, area="basin")
    keys = {
        **AFTER_WET,
        "area": {
            "places": 1,
            "within": "1h",
            "near": {"latitude": 1, "longitude": -1, "km": 50},
        },
        "given": {"window": "6h", "limit": 25},
    }
    fell = [[14.0 * ((i * i + p * 5) % 17 > 13) for i in range(72)] for p in range(3)]
    history = rows(*(rain(values, place=p) for p, values in enumerate(fell))).in_order()
    rules = rule_set(keys)
    whole = watched(history, rules, where)
    assert len(whole) > 3
    assert lines(watched(history, rules, where, range(T0, T0 + 3 * DAY, HOUR))) == lines(whole)
    memory, log = Memory(), []
    for start in range(T0 - HOUR, T0 + 3 * DAY, 5 * HOUR):
        watch = Watch(rules, where, lambda _payloads, _wanted: None)  # type: ignore[arg-type,return-value]
        watch.load(memory)  # type: ignore[arg-type]
        mine = history.take((history.known_at > start) & (history.known_at <= start + 5 * HOUR))
        step = watch.live(mine)
        log += step.entries
        changed = watch._changed_items([mine.place], step.now)
        memory.items |= {k: v for k, v in changed.items() if v is not None}
    assert lines(log) == lines(whole)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"measure": "mean"}, 'given goes with measure = "sum"'),
        ({"when": "below"}, 'given goes with measure = "sum"'),
        ({"given": {"window": "0h", "limit": 3}}, "given needs a window"),
        ({"given": {"window": "24h", "limit": 0}}, "limit"),
        ({"area": {"places": 1, "near": {"latitude": 95, "longitude": 0, "km": 1}}}, "latitude"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        rule_set({**AFTER_WET, **keys})


def test_it_is_told_in_words() -> None:
    near = {"latitude": 0, "longitude": 0, "km": 50}
    keys = {**AFTER_WET, "window": "45min", "area": {"places": 1, "near": near}}
    assert in_words(rule(**keys), "en") == (
        "sum of rain_mm over 45 min ≥ 10 yellow mm, at 1 place of an area within 50 km of 0, 0, "
        "given 30 mm over 24 h at 1 of its places"
    )


def test_the_hash_of_a_rule_that_does_not_ask_is_what_it_always_was() -> None:
    plain = {"hazard": "wind", "variable": "wind_gust_m_s"}
    assert rule(**plain).digest == "bb6b64f998c4"


def test_a_place_far_from_its_area_is_measured_as_it_lies() -> None:
    where = Places([Place(id="a", name="a", latitude=-22.9, longitude=-43.2, area="rio")])
    near = {"latitude": -22.86, "longitude": -43.28, "km": 10}
    keys = {**RAIN, "window": "1h", "limits": {"yellow": 10}, "area": {"places": 1, "near": near}}
    assert begun(rain([0, 12, 0]), where, **keys) == [("rio", 1)]
