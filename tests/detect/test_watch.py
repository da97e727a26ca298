"""The watch put together: restarts, edited rules, places that come and go."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.msgpack import encode

from atalaia.detect.items import save_series
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.decoded import Decoded
from atalaia.domain.lanes import Lane
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.ports import Record
from oracles import cases
from stories import (
    HOUR,
    T0,
    Memory,
    Shift,
    cut,
    forecast,
    in_log_order,
    lines,
    lives,
    of_hazard,
    places,
    rows,
    rule_set,
    series,
    told,
    weather,
)

RULES = rule_set(
    {"name": "gust", "stand_in": {"variable": "wind_speed_m_s", "margin": 2.5}},
    {"name": "held", "hazard": "storm", "for": "2h", "keep_firing_for": "1h"},
    {"name": "change", "hazard": "cold", "variable": "temperature_c", "measure": "change",
     "window": "6h", "when": "below", "limits": {"yellow": -8, "orange": -12},
     "exit": {"yellow": -5, "orange": -9}},
    {"name": "dry", "hazard": "dry_air", "variable": "relative_humidity_pct", "when": "below",
     "limits": {"yellow": 30, "orange": 20}, "for_readings": 2, "for": "3h"},
    {"name": "rain", "hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum",
     "window": "6h", "limits": {"yellow": 20, "orange": 40, "red": 80}},
    {"name": "heat", "hazard": "heat", "variable": "heat_index_c", "measure": "value",
     "limits": {"yellow": 32, "orange": 39}},
    {"name": "hot-days", "hazard": "uv", "variable": "temperature_c", "measure": "days_in_a_row",
     "day_limit": 30, "limits": {"yellow": 2}},
    {"name": "frost", "hazard": "frost", "variable": "temperature_c", "measure": "day_change",
     "when": "below", "limits": {"yellow": -3}, "exit": {"yellow": -2}},
    {"name": "town", "hazard": "flood", "variable": "rain_mm", "measure": "sum", "window": "3h",
     "limits": {"yellow": 10}, "area": {"places": 2}},
)  # fmt: skip
TOWN = places(3, area="Town", zone="America/Sao_Paulo")


def weather_of(seed: int, hours: int = 90) -> Readings:
    """Days of made-up, eventful weather at three places by two sources and a model."""
    chance = random.Random(seed)
    parts = []
    for place in range(3):
        for source in ("station", "roof"):
            columns: dict[str, list[float | None]] = {
                "wind_gust_m_s": [], "wind_speed_m_s": [], "temperature_c": [],
                "relative_humidity_pct": [], "rain_mm": [],
            }  # fmt: skip
            wind, warm, damp = 5.0, 25.0, 60.0
            for _ in range(hours):
                wind = max(0.0, wind + chance.uniform(-4, 4))
                warm += chance.uniform(-3, 3) + (25 - warm) / 15
                damp = min(100.0, max(5.0, damp + chance.uniform(-12, 12)))
                row = {
                    "wind_gust_m_s": wind * 1.5 if chance.random() < 0.7 else None,
                    "wind_speed_m_s": wind,
                    "temperature_c": warm,
                    "relative_humidity_pct": damp,
                    "rain_mm": chance.choice([0, 0, 0, 0, 3, 12.5, 30]),
                }
                is_out = chance.random() < 0.1
                is_odd = chance.random() < 0.03
                for name, value in row.items():
                    gone = is_out or chance.random() < 0.05
                    columns[name].append(None if gone else 900.0 if is_odd else value)
            first = columns.pop("wind_gust_m_s")
            batch = series(first, place=place, source=source, **columns)
            keep = [i for i in range(hours) if not 30 < i < 30 + 12 * place]
            parts.append(batch.take(keep))  # type: ignore[arg-type]
    for issue in range(0, hours, 5):
        gusts = [chance.choice([3.0, 3.0, 3.0, 14.0, 25.0]) for _ in range(12)]
        parts.append(forecast(T0 + issue * HOUR, gusts, place=issue % 3))
    return rows(*parts)


def log_of(
    batches: list[Readings], restarts: set[int], rules: RuleSet = RULES, where: Places = TOWN
) -> list[bytes]:
    shift = Shift(rules, where)
    for i, batch in enumerate(batches):
        if i in restarts:
            shift.restart()
        shift.live(batch)
    return lines(in_log_order(shift.log))


@pytest.mark.parametrize("seed", range(cases(2)))
def test_a_restart_between_any_two_batches_changes_nothing(seed: int) -> None:
    readings = weather_of(seed)
    batches = cut(readings, [T0 + h * HOUR for h in range(0, 90, 3)])
    undisturbed = log_of(batches, set())
    assert len(undisturbed) > 20, "the weather was eventful"
    assert log_of(batches, set(range(len(batches)))) == undisturbed
    some = random.Random(seed).sample(range(len(batches)), 3)
    assert log_of(batches, set(some)) == undisturbed


@settings(max_examples=cases(3), deadline=None, derandomize=True)
@given(st.integers(10, 10_000), st.sets(st.integers(1, 89), max_size=20))
def test_batches_and_restarts_do_not_show_in_the_log(seed: int, hours: set[int]) -> None:
    readings = weather_of(seed)
    whole = log_of([readings], set())
    batches = cut(readings, [T0 + h * HOUR for h in hours])
    assert log_of(batches, {i for i in range(len(batches)) if i % 2}) == whole


def test_what_is_about_to_open_is_written_with_its_own_news_alone() -> None:
    shift = Shift(rule_set({"name": "held", "for": "6h"}), TOWN)
    shift.live(series([40.0, 40.0], place=0))
    (waiting,) = shift.watch.incidents.open.values()
    assert waiting.status == "pending"
    shift.memory.items.clear()
    shift.live(series([3.0], place=1, start=T0 + 3 * HOUR))
    written = [key for key in shift.memory.items if key.startswith("place:")]
    assert written == [f"place:{TOWN[1].id}"]
    shift.live(series([40.0] * 6, place=0, start=T0 + 2 * HOUR))
    opened = [entry.alert.reason for entry in shift.log if entry.alert.rule == "held"]
    assert opened == ["onset"], "it opens in its time"


@pytest.mark.parametrize("seed", range(cases(2)))
def test_series_are_kept_together_as_each_is_kept_alone(seed: int) -> None:
    shift = Shift(RULES, TOWN)
    for batch in cut(weather_of(seed), [T0 + h * HOUR for h in range(0, 90, 7)]):
        shift.live(batch)
    table = shift.watch.table
    numbers, counts = table.at_places(range(len(TOWN)))
    assert sorted(numbers) == list(range(table.count))
    assert sum(counts) == table.count
    kept = save_series(table, numbers)
    assert [one.source for one in kept] == [table.sources[table.source[i]] for i in numbers]
    for number, one in zip(numbers, kept, strict=True):
        assert encode(save_series(table, [number])) == encode([one])
    assert any(one.area_values for one in kept)
    assert any(one.windows for one in kept)


def test_every_shipped_hazard_was_lived_in_these_tests() -> None:
    hazards = {life[0].hazard for seed in range(6) for life in lives_of(weather_of(seed)).values()}
    assert hazards >= {"wind", "storm", "cold", "dry_air", "heavy_rain", "heat", "cannot_see"}
    assert hazards >= {"flood", "uv", "frost"}


def lives_of(readings: Readings) -> dict[str, list]:
    shift = Shift(RULES, TOWN)
    shift.live(readings)
    return lives(shift.log)


# Edited rules

GUST = {"name": "gust"}
RAIN = {"name": "rain", "hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum",
        "window": "1h", "limits": {"yellow": 20}}  # fmt: skip


def test_an_edited_rule_cancels_what_it_no_longer_covers() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 12, 12.5]))
    shift.restart(rule_set({**GUST, "limits": {"yellow": 20, "orange": 30}}))
    entries = shift.live(series([12.0, 12.5], start=T0 + 3 * HOUR))
    assert told(entries) == [("cancel", "rule changed", "yellow")]
    assert entries[0].alert.incident == shift.log[0].alert.incident
    assert instant(entries[0].alert.sent_at) == "2024-01-01T03:00:00+00:00"
    assert "the rule has changed" in entries[0].alert.text["en"]


def test_an_edited_rule_goes_on_with_what_it_still_covers() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 25, 26]))
    edited = rule_set({**GUST, "limits": {"yellow": 9, "orange": 20}})
    shift.restart(edited)
    shift.live(series([25.0, 24.0, 3, 3, 3, 3], start=T0 + 3 * HOUR))
    assert told(shift.log) == [("alert", "onset", "orange"), ("end", "ended", "orange")]
    assert shift.log[-1].rule_hash == edited.rules[0].digest != shift.log[0].rule_hash


def test_a_level_that_an_edited_rule_no_longer_gives_is_eased_by_the_next_value() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 31, 32]))
    shift.restart(rule_set({**GUST, "limits": {"yellow": 10, "orange": 20, "red": 60}}))
    shift.live(series([31.0, 32.0], start=T0 + 3 * HOUR))
    assert told(shift.log) == [("alert", "onset", "red"), ("update", "eased", "orange")]


def test_a_rule_that_has_gone_cancels_its_incident_by_what_held_it() -> None:
    calm_too = {"name": "mean", "variable": "wind_speed_m_s", "limits": {"yellow": 30}}
    shift = Shift(rule_set(calm_too, GUST, RAIN), places())
    shift.live(series([3, 25, 26], wind_speed_m_s=[2, 3, 4], rain_mm=[0, 0, 30]))
    shift.restart(rule_set(RAIN))
    entries = shift.live(series([0.0], "rain_mm", start=T0 + 3 * HOUR))
    assert told(entries) == [("cancel", "rule changed", "orange")]
    assert entries[0].alert.rule == "gust", "the rule that held it"
    assert entries[0].alert.hazard == "wind"
    assert told(of_hazard(shift.log, "heavy_rain")) == [("alert", "onset", "yellow")]


def test_an_edit_of_another_rule_touches_no_expired_incident() -> None:
    clock = series([1.0, 2.0] * 20, place=2, source="clock")
    shift = Shift(rule_set(GUST, RAIN), places())
    shift.live(rows(series([3, 25, 26]), clock))
    assert told(weather(shift.log))[-1] == ("end", "expired", "orange")
    shift.restart(rule_set(GUST, {**RAIN, "limits": {"yellow": 21}}))
    entries = shift.live(series([25.0], start=T0 + 40 * HOUR))
    assert told(weather(entries)) == [("update", "certainty", "orange")]
    assert len(lives(weather(shift.log))) == 1


def test_rules_that_were_not_edited_are_left_alone_by_a_restart() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 25, 26]))
    shift.restart()
    assert shift.live(series([25.0], start=T0 + 3 * HOUR)) == []


def test_an_edit_is_judged_even_if_a_restart_comes_before_any_news() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 12, 12.5]))
    shift.restart(rule_set({**GUST, "limits": {"yellow": 20, "orange": 30}}))
    assert shift.live(Readings.empty()) == []
    shift.restart()
    entries = shift.live(series([12.0, 12.5], start=T0 + 3 * HOUR))
    assert told(entries) == [("cancel", "rule changed", "yellow")]


@pytest.mark.parametrize("others", [(RAIN,), ({**RAIN, "limits": {"yellow": 21}},), ()])
def test_an_edit_of_other_rules_leaves_the_last_hours_of_an_incident(
    others: tuple[Any, ...],
) -> None:
    kept = {**GUST, "keep_firing_for": "3h"}
    shift = Shift(rule_set(RAIN, kept), places())
    shift.live(series([3, 25, 5, 5.1]))
    shift.restart(rule_set(*others, kept))
    shift.live(series([5.2, 5.3, 5.4], start=T0 + 4 * HOUR))
    assert told(shift.log) == [("alert", "onset", "orange"), ("end", "ended", "orange")]
    assert shift.log[-1].alert.sent_at == T0 + 5 * HOUR


@pytest.mark.parametrize(
    ("clock", "hours"), [({"for": "3h"}, 3), ({"for": "9h", "for_readings": 3}, 2), ({}, 0)]
)
def test_what_passed_an_old_limit_only_counts_no_more_for_a_new_one(
    clock: dict[str, Any], hours: int
) -> None:
    shift = Shift(rule_set({**GUST, **clock, "limits": {"yellow": 10}}), places())
    shift.live(series([3, 4, 12] if clock else [3, 4, 5]))
    shift.restart(rule_set({**GUST, **clock, "limits": {"yellow": 20}}))
    shift.live(series([25.0 + i / 10 for i in range(6)], start=T0 + 3 * HOUR))
    assert [entry.alert.sent_at for entry in shift.log] == [T0 + (3 + hours) * HOUR]


@pytest.mark.parametrize("late_s", [0, 600])
def test_what_comes_with_an_edit_is_judged_by_the_edited_rules(late_s: int) -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3, 12, 12.5]))
    shift.restart(rule_set({**GUST, "name": "renamed", "limits": {"yellow": 20}}))
    came = series([25.0], start=T0 + 3 * HOUR)
    entries = shift.live(replace(came, known_at=came.known_at + late_s))
    assert sorted(told(entries)) == [
        ("alert", "onset", "yellow"),
        ("cancel", "rule changed", "yellow"),
    ]


def test_what_was_past_an_old_limit_only_ends_nothing_by_a_new_one() -> None:
    kept = {**GUST, "keep_firing_for": "3h"}
    shift = Shift(rule_set(kept), places())
    shift.live(series([3, 12, 7.5, 7.6]))
    shift.restart(rule_set({**kept, "limits": {"yellow": 7}}))
    shift.live(series([5.0, 5.1, 5.2, 5.3, 5.4], start=T0 + 4 * HOUR))
    assert told(shift.log) == [("alert", "onset", "yellow"), ("end", "ended", "yellow")]
    assert shift.log[-1].alert.sent_at == T0 + 7 * HOUR, "below 5.6 for three hours"


def test_each_lane_holds_its_own_incidents_against_edited_rules() -> None:
    where, memory = places(12), Memory()

    def live(rules: RuleSet, lane: int, rows: Readings) -> list[LogEntry]:
        mine = Lane(where, lane, 2)

        def decode(_payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
            return mine.narrowed(Decoded(rows))

        watch = Watch(rules, where, decode, lane=mine)
        watch.load(memory, mine)  # type: ignore[arg-type]
        payload = Payload(source="story", content="rows", received_at=0, body=b"", is_recorded=True)
        step, commit = watch.step([Record(1, payload)])
        memory.keep(commit)
        return step.entries

    everywhere = [series([3, 12, 12.5], place=i) for i in range(len(where))]
    for lane in (0, 1):
        live(rule_set(GUST), lane, rows(*everywhere))
    edited = rule_set({**GUST, "limits": {"yellow": 20}})
    later = rows(*(series([12.0], place=i, start=T0 + 3 * HOUR) for i in range(len(where))))
    cancelled = [entry.alert for lane in (0, 1) for entry in live(edited, lane, later)]
    assert sorted(one.place_id for one in cancelled) == sorted(place.id for place in where)
    assert {one.reason for one in cancelled} == {"rule changed"}


@pytest.mark.parametrize(("limit", "expected"), [(10, 0), (20, 1)])
def test_a_home_of_an_older_version_says_whether_its_rules_were_edited(
    limit: int, expected: int
) -> None:
    before = rule_set({**GUST, "limits": {"yellow": 10}})
    shift = Shift(before, places())
    shift.live(series([3, 12, 12.5]))
    for key in shift.memory.load("rules:"):
        del shift.memory.items[key]
    shift.memory.items["rules:digest"] = before.digest.encode()
    shift.restart(rule_set({**GUST, "limits": {"yellow": limit}}))
    assert len(shift.live(series([12.0], start=T0 + 3 * HOUR))) == expected


# Places


def test_places_may_change_their_order_and_number_between_two_runs() -> None:
    shift = Shift(rule_set(GUST), places(2))
    shift.live(rows(series([3, 25]), series([3, 4], place=1)))
    more = Places([*reversed(list(places(2))), *list(places(3))[2:]])
    shift.restart(where=more)
    at_p0 = more.position["p0"]
    shift.live(series([25, 3, 3, 3, 3.0], place=at_p0, start=T0 + 2 * HOUR))
    log = of_hazard(shift.log, "wind")
    assert told(log) == [("alert", "onset", "orange"), ("end", "ended", "orange")]
    assert {e.alert.place_id for e in log} == {"p0"}


def test_a_place_that_is_watched_no_more_says_nothing_more() -> None:
    shift = Shift(rule_set(GUST), places(2))
    shift.live(rows(series([3, 25]), series([3, 4], place=1)))
    shift.restart(where=Places(list(places(2))[1:]))
    entries = shift.live(series([3.0, 3.1] * 20, place=0, start=T0 + 2 * HOUR))
    assert weather(entries) == []


def test_of_a_place_that_is_watched_no_more_nothing_stays_unseen() -> None:
    shift = Shift(rule_set(GUST), places(2))
    shift.live(rows(series([3.0, 3.1]), series([3.0 + i / 10 for i in range(8)], place=1)))
    assert told(shift.log) == [("alert", "onset", "yellow")]
    shift.restart(where=Places(list(places(2))[1:]))
    shift.live(series([3.0, 3.1, 3.2], start=T0 + 8 * HOUR))
    assert not shift.watch.blindness.outages
    assert not shift.memory.load("source:")


def test_a_place_that_is_watched_again_and_still_unseen_is_told_anew() -> None:
    shift = Shift(rule_set(GUST), places(3))
    heard = [series([3.0 + i / 10 for i in range(8)], place=i) for i in (1, 2)]
    shift.live(rows(series([3.0, 3.1]), *heard))
    shift.restart(where=Places(list(places(3))[1:]))
    shift.live(series([3.4, 3.1, 3.2], start=T0 + 8 * HOUR))
    shift.restart(where=places(3))
    entries = shift.live(series([3.3], place=1, start=T0 + 11 * HOUR))
    unseen = of_hazard(entries, "cannot_see")
    assert [(e.alert.reason, e.places) for e in unseen] == [("escalated", ("p0",))]


# Live time


def test_live_silence_is_noticed_by_the_clock_of_other_payloads() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([3.0]), received_at=T0)
    assert shift.live(Readings.empty(), received_at=T0 + 2 * HOUR) == []
    (entry,) = shift.live(Readings.empty(), received_at=T0 + 3 * HOUR)
    assert (entry.alert.hazard, entry.alert.type) == ("cannot_see", "alert")


def test_live_silence_lets_an_incident_expire_and_not_end() -> None:
    shift = Shift(rule_set(GUST), places())
    shift.live(series([25.0], kind=Kind.ANALYSIS), received_at=T0)
    entries = []
    for hour in range(1, 30):
        entries += shift.live(Readings.empty(), received_at=T0 + hour * HOUR)
    assert told(weather(entries)) == [("end", "expired", "orange")]
    assert instant(entries[-1].alert.sent_at) == "2024-01-02T00:00:00+00:00"


def test_an_empty_batch_of_a_record_changes_nothing() -> None:
    shift = Shift(rule_set(GUST), places())
    assert shift.live(Readings.empty()) == []
