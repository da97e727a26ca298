"""The record of forecasts. What is forecast and observed here is made up, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from atalaia.batch import recorded as records
from atalaia.batch.kept import told_by
from atalaia.batch.record import ForecastRecord, Foretold
from atalaia.batch.recorded import record_of
from atalaia.cli.replays import replay
from atalaia.domain.reading import Kind, Readings
from atalaia.homes.embedded import open_home
from stories import DAY, HOUR, T0, forecast, places, rows, rule_set, series, write_readings

RULES = rule_set({"limits": {"yellow": 15, "orange": 25}, "keep_firing_for": "1h"})


def recorded(tmp_path: Path, *parts: Readings, n: int = 2) -> ForecastRecord:
    """The record of a home that lived through made-up (synthetic) readings."""
    where = places(n)
    file = write_readings(tmp_path / "synthetic.csv", rows(*parts).in_order(), where)
    replay(where, [file], RULES, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        return record_of(home, RULES)


def station(*gusts: float, place: int = 0, start: int = T0) -> Readings:
    return series(gusts, place=place, source="synthetic-station", start=start)


def model(gusts: list[float], *, issued: int, **options: Any) -> Readings:
    """One run of a made-up model: the hours after `issued`."""
    return forecast(issued, gusts, source="synthetic-model", **options)


def only(record: ForecastRecord) -> Foretold:
    (one,) = record.forecasts
    return one


CALM = [2.0 + 0.1 * (i % 7) for i in range(48)]


def with_gust(at: int, gust: float) -> list[float]:
    return [*CALM[:at], gust, *CALM[at + 1 :]]


def test_a_forecast_that_an_instrument_saw_come_true_is_a_hit_at_its_lead(tmp_path: Path) -> None:
    record = recorded(
        tmp_path, model(with_gust(20, 20), issued=T0), station(*with_gust(21, 18), start=T0)
    )
    assert only(record).outcome == "came_true"
    assert only(record).lead == "12 to 24 h"
    (total,) = record.sources
    assert (total.source, total.hits, total.misses, total.false_alarms) == (
        "synthetic-model",
        1,
        0,
        0,
    )
    assert total.pod == 1.0
    (row,) = record.rows
    assert (row.success_ratio, row.told) == (1.0, 1)
    assert row.interval is not None
    assert row.interval[0] < 0.3


def test_a_forecast_that_an_instrument_saw_not_come_is_a_false_alarm(tmp_path: Path) -> None:
    record = recorded(tmp_path, model(with_gust(20, 20), issued=T0), station(*CALM))
    assert only(record).outcome == "false_alarm"
    assert record.sources[0].far == 1.0


def test_where_nobody_forecasts_the_record_is_empty_and_nothing_is_lived_through_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = records.watched
    lived = []

    def living(*past: Any) -> Any:
        lived.append(past)
        return watched(*past)

    monkeypatch.setattr(records, "watched", living)
    for name in ("alone", "both"):
        (tmp_path / name).mkdir()
    alone = recorded(tmp_path / "alone", station(*with_gust(40, 26)))
    assert (alone, lived) == (ForecastRecord([], [], []), [])
    both = station(*with_gust(40, 26)), model(with_gust(8, 26)[:12], issued=T0 + 32 * HOUR)
    assert recorded(tmp_path / "both", *both).sources
    assert lived


def test_what_is_scored_of_the_log_is_the_log_without_its_texts(tmp_path: Path) -> None:
    recorded(tmp_path, station(*with_gust(40, 26)))
    with open_home(tmp_path / "home", exclusive=False) as home:
        told = [entry.alert for _, entry in home.state.alerts()]
        bare = [msgspec.structs.replace(one, text={}) for one in told]
        assert told_by(home) == sorted(bare, key=lambda one: (one.incident, one.version))
        assert len(bare) > 1


def test_a_level_that_was_not_reached_did_not_come_true(tmp_path: Path) -> None:
    record = recorded(
        tmp_path, model(with_gust(20, 30), issued=T0), station(*with_gust(20, 18), start=T0)
    )
    assert (only(record).level, only(record).outcome) == ("orange", "false_alarm")


def test_where_no_instrument_is_a_forecast_is_not_verifiable(tmp_path: Path) -> None:
    record = recorded(tmp_path, model(with_gust(20, 20), issued=T0, place=1), station(*CALM))
    assert only(record).outcome == "not_verifiable"
    (total,) = record.sources
    assert (total.not_verifiable, total.pod, total.far, total.csi) == (1, None, None, None)


def test_a_model_is_never_truth_for_a_model(tmp_path: Path) -> None:
    analysed = series(with_gust(20, 20), source="other-model", kind=Kind.ANALYSIS)
    record = recorded(tmp_path, model(with_gust(20, 20), issued=T0), analysed)
    assert {one.outcome for one in record.forecasts} == {"not_verifiable"}


def test_an_instrument_that_was_silent_then_verifies_nothing(tmp_path: Path) -> None:
    record = recorded(tmp_path, model(with_gust(20, 20), issued=T0), station(*CALM[:10]))
    assert only(record).outcome == "not_verifiable"


def test_what_came_and_was_not_forecast_is_a_miss(tmp_path: Path) -> None:
    record = recorded(tmp_path, model(CALM, issued=T0), station(*with_gust(20, 20)))
    (total,) = record.sources
    assert (total.told, total.hits, total.misses, total.pod) == (0, 0, 1, 0.0)


def test_of_hours_that_it_never_spoke_of_a_source_misses_nothing(tmp_path: Path) -> None:
    late = [*CALM, *with_gust(40, 20)]
    record = recorded(tmp_path, model(CALM, issued=T0), station(*late))
    assert record.sources[0].misses == 0


def test_models_without_issue_times_are_scored_as_the_nearest_run(tmp_path: Path) -> None:
    archive = series(with_gust(20, 20), source="synthetic-archive", kind=Kind.ANALYSIS)
    record = recorded(tmp_path, archive, station(*with_gust(20, 18)))
    assert (only(record).lead, only(record).outcome) == ("nearest run", "came_true")
    assert record.sources[0].hits == 1


def test_porto_alegre_open_meteos_archive_is_scored_against_inmets_station(
    shared: Path, tmp_path: Path
) -> None:
    from atalaia.domain.place import Place, Places

    where = Places(
        [
            Place(
                id="A801",
                name="Porto Alegre",
                latitude=-30.05361,
                longitude=-51.17472,
                timezone="America/Sao_Paulo",
            )
        ]
    )
    rain = rule_set(
        {
            "hazard": "heavy_rain",
            "variable": "rain_mm",
            "measure": "sum",
            "window": "24h",
            "limits": {"yellow": 30},
        }
    )
    files = [
        shared / "inmet" / "A801_porto_alegre_2024.csv",
        shared / "open_meteo" / "chunk_20240330_to_20240628.json",
    ]
    replay(where, files, rain, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        record = record_of(home, rain)
    (total,) = record.sources
    assert total.source == "open-meteo"
    assert {row.lead for row in record.rows} == {"nearest run"}
    assert total.came_true + total.false_alarms == total.told > 3
    assert 0 < total.hits < total.hits + total.misses < 20
    assert total.not_verifiable == 0
    assert DAY == 24 * HOUR


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (5, 5), (15, 50)])
def test_the_interval_of_a_share_is_wilsons(part: int, whole: int) -> None:
    from atalaia.batch.score import wilson

    # Values of R's prop.test(x, n, correct = FALSE), Wilson's interval.
    expected = {(0, 5): (0.0, 0.4345), (5, 5): (0.5655, 1.0), (15, 50): (0.191, 0.4375)}
    low, high = wilson(part, whole)
    assert (round(low, 4), round(high, 4)) == pytest.approx(expected[part, whole], abs=6e-5)


INDEX = rule_set(
    {"hazard": "heat", "variable": "heat_index_c", "limits": {"yellow": 40}, "exit": {"yellow": 38}}
)
SUM = rule_set(
    {"hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum", "window": "24h",
     "limits": {"yellow": 50}}
)  # fmt: skip


def verdict(tmp_path: Path, rules: Any, *parts: Readings) -> str:
    where = places(1)
    file = write_readings(tmp_path / "synthetic.csv", rows(*parts).in_order(), where)
    replay(where, [file], rules, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        return record_of(home, rules).forecasts[0].outcome


def test_implausible_values_verify_nothing(tmp_path: Path) -> None:
    broken = station(*[500.0] * 48)
    gusts = model(with_gust(20, 20), issued=T0)
    assert verdict(tmp_path, RULES, gusts, broken) == "not_verifiable"


def test_an_index_of_which_an_input_was_not_observed_is_not_verifiable(tmp_path: Path) -> None:
    hot = forecast(T0, [42.0] * 12, "temperature_c", source="synthetic-model")
    humid = forecast(T0, [60.0] * 12, "relative_humidity_pct", source="synthetic-model")
    dry = series([25.0 + 0.1 * (i % 7) for i in range(48)], "temperature_c", source="station")
    parts = Readings.concat([hot, humid])
    assert verdict(tmp_path, INDEX, parts, dry) == "not_verifiable"


def test_a_window_that_was_half_observed_is_not_verifiable(tmp_path: Path) -> None:
    rain = forecast(T0 + 30 * HOUR, [60.0] * 3, "rain_mm", source="synthetic-model")
    dry = [series([0.0] * 20, "rain_mm", source="gauge", start=T0 + 24 * HOUR)]
    assert verdict(tmp_path, SUM, rain, *dry) == "not_verifiable"


def test_a_quarter_told_each_hour_is_no_hour_that_was_observed() -> None:
    from atalaia.batch.recorded import _covered_hours

    hours = T0 + np.arange(1, 25) * HOUR
    assert len(_covered_hours(hours, np.full(24, 900))) == 0
    assert len(_covered_hours(hours, np.full(24, 3600))) == 24
    rolling = T0 + np.arange(4, 97) * 900
    assert len(_covered_hours(rolling, np.full(93, 3600))) == 24
