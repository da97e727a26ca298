"""What is planted is learned, and the rule that comes of it earns what was told of it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from atalaia.batch import adding_up, chances
from atalaia.batch.amounts import AmountSpace
from atalaia.batch.beside import AreaAmount, changes, means
from atalaia.batch.calibrate import Wanted
from atalaia.batch.calibration import Search, learned
from atalaia.batch.clocks import ClockSpan, of_clock
from atalaia.batch.counts import fit, surprise
from atalaia.batch.history import watched
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.score import Score
from atalaia.batch.verify import verify
from atalaia.detect.measure import Block, change, rolling_mean
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse
from batch.helpers import gauges
from stories import DAY, HOUR, here, write_readings

ZONE = ZoneInfo("UTC")
START = 1_577_836_800
"""2020-01-01T00:00:00Z"""
DAYS = 366 + 365 + 365
WHERE = Places(
    Place(id=f"g{i}", name=f"g{i}", latitude=float(i), longitude=0, area="basin") for i in range(3)
)


def test_what_is_planted_is_found_levels_and_all() -> None:
    random = np.random.default_rng(5)
    n = 6000
    amounts = random.gamma(0.4, 2.0, (n, 3))
    year = np.arange(n) * 3 // n
    mean = np.exp(np.array([-2.0, -1.5, -1.0])[year] + amounts @ np.array([0.5, 0.2, 0.0]))
    count = random.negative_binomial(2.0, 2.0 / (2.0 + np.minimum(mean, 200)))
    model = fit(amounts, count, year)
    assert model.levels == pytest.approx([-2.0, -1.5, -1.0], abs=0.2)
    assert model.weights == pytest.approx([0.5, 0.2, 0.0], abs=0.06)
    assert model.dispersion == pytest.approx(0.5, abs=0.15)
    assert (model.weights >= 0).all()
    ignorant = fit(amounts[:, 2:], count, year)
    assert surprise(model, amounts, count) < surprise(ignorant, amounts[:, 2:], count)


def test_who_has_no_scipy_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(SettingsInvalid, match=r"install atalaia\[calibrate\]"):
        fit(np.ones((3, 1)), np.ones(3, np.int64), np.zeros(3, np.int64))


def made_up() -> tuple[Readings, list[Occurrence]]:
    """Three years of rain told every three hours at three gauges; floods where bursts meet rain all
    day, more of them logged each year."""
    random = np.random.default_rng(2)
    steps = DAYS * 8
    wet = np.repeat(random.random(DAYS) < 0.2, 8)[:, None]
    rain = np.round(random.gamma(0.3, 4, (steps, 3)) * wet, 1)
    burst = np.flatnonzero(random.random(DAYS) < 0.08) * 8 + 4
    rain[burst, 0] += random.gamma(4, 6, len(burst))
    rain = np.round(rain, 1)
    at = START + (np.arange(steps) + 1) * 3 * HOUR
    events = []
    for i in burst:
        whole = rain[max(i - 8, 0) : i + 1].mean(axis=1).sum()
        mean = np.exp(-3.0 + 0.25 * (at[i] - START) / (366 * DAY) + 0.1 * rain[i, 0] + 0.05 * whole)
        events += [
            Occurrence(int(at[i]) + 60 * minute)
            for minute in range(int(random.poisson(min(mean, 30))))
        ]
    return gauges(at, 3 * HOUR, rain), events


SEARCH = Search(
    hazard="flood",
    variable="rain_mm",
    name="made-up",
    wanted=Wanted(0.8, 0),
    min_events=3,
    first_day=date(2020, 1, 1),
    last_day=date(2022, 12, 31),
)


def test_the_rule_that_is_written_earns_what_was_told_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adding_up, "MOST_TERMS", 1)
    monkeypatch.setattr(adding_up, "TRIED", 1)
    monkeypatch.setattr(chances, "RESAMPLES", 10)
    rows, events = made_up()
    search = msgspec.structs.replace(SEARCH, evidence=AmountSpace(windows=(3 * HOUR, DAY)))
    found, text = learned(rows, WHERE, events, ZONE, search)
    (burst,) = (term.amount for term in found.terms)
    assert isinstance(burst, AreaAmount)
    assert burst.window_s == 3 * HOUR, "the burst"
    assert found.levels["2020"] < found.levels["2022"], "as more were logged"
    assert {fold.year for fold in found.folds} == {2020, 2021, 2022}
    assert found.chances.roc_area is not None
    assert found.chances.roc_area > 0.9
    assert found.fitted.pod is not None
    assert found.fitted.pod > 0.7
    assert_earned(found.fitted, text, rows, events)


def assert_earned(
    fitted: Score,
    text: str,
    rows: Readings,
    events: list[Occurrence],
    search: Search = SEARCH,
    where: Places = WHERE,
) -> None:
    """The watch, by the rule file, has the hits, misses and false alarms that were told."""
    told = [entry.alert for entry in watched(rows, parse(text, "made-up"), where)]
    first, last = search.first_day, search.last_day
    earned = verify(
        told, events, ZONE, hazard="flood", min_events=3, first_day=first, last_day=last
    ).score
    assert (earned.hits, earned.misses) == (fitted.hits, fitted.misses)
    assert earned.strict.false_alarms == fitted.strict.false_alarms


@pytest.mark.parametrize("is_moist", [True, False], ids=["moist is worse", "dry is worse"])
def test_what_is_measured_beside_and_where_is_learned_and_earned(
    monkeypatch: pytest.MonkeyPatch,
    is_moist: bool,
) -> None:
    """Floods of two gauges' rain alone, on moist days; the dew point is not always told."""
    monkeypatch.setattr(adding_up, "MOST_TERMS", 2)
    monkeypatch.setattr(chances, "RESAMPLES", 10)
    random = np.random.default_rng(8)
    steps = DAYS * 8
    at = START + (np.arange(steps) + 1) * 3 * HOUR
    rain = np.round(random.gamma(0.3, 6, (steps, 3)) * (random.random((steps, 3)) < 0.06), 1)
    days = np.repeat(15 + 5 * np.sin(np.arange(DAYS) / 9), 8)
    dew = np.round(days[:, None] + random.normal(0, 0.5, (steps, 3)), 1)
    dew[random.random((steps, 3)) < 0.1] = np.nan
    dew[2000:2300] = np.nan
    moisture = (days - 15) * (1 if is_moist else -1)
    burst = rain[:, :2].max(axis=1)
    mean = np.exp(-2.5 + 0.15 * burst + 0.4 * moisture) * (burst > 0)
    events = [
        Occurrence(int(at[i]) + 60 * minute)
        for i in np.flatnonzero(mean)
        for minute in range(int(random.poisson(min(mean[i], 30))))
    ]
    rows = gauges(at, 3 * HOUR, rain, dew_point_c=dew)
    evidence = AmountSpace(windows=(3 * HOUR,), beside=("dew_point_c",), near=Near(0.5, 0.0, 80.0))
    search = msgspec.structs.replace(SEARCH, evidence=evidence)
    found, text = learned(rows, WHERE, events, ZONE, search)
    weights = {
        term.amount.variable: term.weight
        for term in found.terms
        if isinstance(term.amount, AreaAmount)
    }
    assert {name: weight > 0 for name, weight in weights.items()} == {
        "rain_mm": True,
        "dew_point_c": is_moist,
    }
    assert "near = { latitude = 0.5, longitude = 0.0, km = 80 }" in text
    assert found.fitted.hits > 10, "enough to tell whether it is earned"
    assert_earned(found.fitted, text, rows, events)


SAO_PAULO = Places(msgspec.structs.replace(place, timezone="America/Sao_Paulo") for place in WHERE)


@pytest.mark.parametrize("planted", ["hour", "month", "change"])
def test_the_clock_and_the_tendency_are_learned_where_they_say_something_and_earned(
    monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    """Floods of rain in the evening, in summer, or while the pressure falls: by the clock of the
    places, which was put on for the summers up to 2019, and not by that of the days scored."""
    monkeypatch.setattr(adding_up, "MOST_TERMS", 2)
    monkeypatch.setattr(chances, "RESAMPLES", 10)
    random = np.random.default_rng(11)
    steps, start = DAYS * 8, 1_451_606_400  # 2016-01-01
    at = start + (np.arange(steps) + 1) * 3 * HOUR
    rain = np.round(random.gamma(0.3, 6, (steps, 3)) * (random.random((steps, 3)) < 0.06), 1)
    pressure = np.round(1010 + 6 * np.sin(np.arange(steps) / 5)[:, None] + 0 * rain, 1)
    clock = [datetime.fromtimestamp(t - 1, ZoneInfo("America/Sao_Paulo")) for t in at.tolist()]
    worse = {
        "hour": np.array([15 <= moment.hour < 21 for moment in clock]) * 2.0,
        "month": np.array([moment.month in (12, 1, 2) for moment in clock]) * 2.0,
        "change": np.maximum(-np.diff(pressure[:, 0], prepend=1010), 0),
    }[planted]
    burst = rain.max(axis=1)
    mean = np.exp(-2.0 + 0.15 * burst + worse) * (burst > 0)
    events = [
        Occurrence(int(at[i]) + 60 * minute)
        for i in np.flatnonzero(mean)
        for minute in range(int(random.poisson(min(mean[i], 30))))
    ]
    rows = gauges(at, 3 * HOUR, rain, pressure_hpa=pressure)
    evidence = AmountSpace(windows=(3 * HOUR,), clock=True, tendency=True)
    search = msgspec.structs.replace(
        SEARCH, evidence=evidence, first_day=date(2016, 1, 2), last_day=date(2018, 12, 30)
    )
    found, text = learned(rows, SAO_PAULO, events, ZONE, search)
    second = found.terms[1]
    if planted == "change":
        assert isinstance(second.amount, AreaAmount)
        assert (second.amount.variable, second.amount.window_s) == ("pressure_hpa", 3 * HOUR)
        assert second.weight < 0, "the more it falls"
    else:
        span = {"hour": ClockSpan("hour", 15, 21), "month": ClockSpan("month", 12, 2)}[planted]
        assert second.amount == span
        assert second.weight > 0
        assert f'clock = "{planted}", first = {span.first}, last = {span.last}' in text
    assert found.fitted.hits > 10, "enough to tell whether it is earned"
    assert_earned(found.fitted, text, rows, events, search, SAO_PAULO)


def test_spans_of_the_clock_go_round_midnight_and_new_year() -> None:
    at = 1_451_606_400 + np.arange(0, 366 * DAY, 1800)
    clock = [datetime.fromtimestamp(t - 1, ZoneInfo("America/Sao_Paulo")) for t in at.tolist()]
    told = dict(of_clock(at, "America/Sao_Paulo"))
    assert len(told) == 2 * 8 + 2 * 12
    for span, is_in in told.items():
        if span.clock == "hour":
            hours = {(span.first + i) % 24 for i in range((span.last - span.first) % 24)}
            expected = [moment.hour in hours for moment in clock]
            assert len(hours) in (6, 12)
        else:
            months = {(span.first + i - 1) % 12 + 1 for i in range((span.last - span.first) % 12)}
            expected = [moment.month in months | {span.last} for moment in clock]
        np.testing.assert_array_equal(is_in, expected)


def test_what_the_record_has_not_is_not_tried() -> None:
    rows, events = made_up()
    search = msgspec.structs.replace(
        SEARCH, evidence=AmountSpace(windows=(3 * HOUR,), tendency=True)
    )
    found, _ = learned(rows, WHERE, events, ZONE, search)
    assert all(
        isinstance(term.amount, AreaAmount) and term.amount.measure == "sum" for term in found.terms
    )


@pytest.mark.parametrize("made", ["mean", "change"])
def test_what_stands_on_the_grid_is_what_the_rule_will_see(made: str) -> None:
    random = np.random.default_rng(3)
    value = np.round(random.normal(20, 3, (200, 2)), 1)
    value[random.random((200, 2)) < 0.2] = np.nan
    told = means(value, 8) if made == "mean" else changes(value, 6)
    for place in range(2):
        known = np.flatnonzero(~np.isnan(value[:, place]))
        n = len(known)
        block = Block(
            np.zeros(n, np.int64), (known + 1) * HOUR, np.full(n, HOUR), value[known, place],
            np.full(n, HOUR), np.zeros(n, np.int64), np.zeros(n, bool),
        )  # fmt: skip
        seen, _ = rolling_mean(block, 8 * HOUR) if made == "mean" else change(block, 6 * HOUR)
        np.testing.assert_array_equal(told[known, place], seen)


def test_what_cannot_be_tried_is_said() -> None:
    rows, events = made_up()
    for evidence, said in (
        (AmountSpace(near=Near(50.0, 0.0, 10.0)), "no place of the area lies in the circle"),
        (AmountSpace(beside=("dew_point_c",)), "no mean of dew_point_c is known"),
    ):
        search = msgspec.structs.replace(SEARCH, evidence=evidence)
        with pytest.raises(SettingsInvalid, match=said):
            learned(rows, WHERE, events, ZONE, search)


def _written(folder: Path, rows: Readings, events: list[Occurrence]) -> list[str]:
    """A record's files, as the command is given them."""
    write_readings(folder / "readings.csv", rows, WHERE)
    (folder / "places.csv").write_text(
        "place_id,name,latitude,longitude,timezone,area\n"
        + "".join(f"{p.id},{p.name},{p.latitude},{p.longitude},UTC,{p.area}\n" for p in WHERE)
    )
    lines = [datetime.fromtimestamp(event.started_at, UTC).isoformat() for event in events]
    (folder / "events.csv").write_text("\n".join(["started_at", *lines, ""]))
    files = [str(folder / name) for name in ("readings.csv", "places.csv", "events.csv")]
    return [files[0], "--places", files[1], "--events", files[2]]


def test_walking_forward_a_year_is_told_by_those_before_it_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(adding_up, "MOST_TERMS", 1)
    monkeypatch.setattr(chances, "RESAMPLES", 10)
    rows, events = made_up()
    evidence = AmountSpace(windows=(3 * HOUR, DAY))
    search = msgspec.structs.replace(SEARCH, evidence=evidence, is_forward=True)
    found, _ = learned(rows, WHERE, events, ZONE, search)
    last = 366 + 365
    assert [fold.year for fold in found.folds] == [2022]
    assert found.chances.cases == 365
    # What comes later has no say: of the last year's events half are taken away.
    fewer = [e for i, e in enumerate(events) if e.started_at < START + last * DAY or i % 2]
    again, _ = learned(rows, WHERE, fewer, ZONE, search)
    assert again.folds[0].terms == found.folds[0].terms
    told = [fold.hits + fold.misses + fold.false_alarms for fold in (*found.folds, *again.folds)]
    assert min(told) > 0
    options = ["--form", "score", "--update", "yearly", "--hazard", "flood", "--min-events", "3"]
    options += ["--from", "2020-01-01", "--to", "2022-12-31"]
    history = _written(tmp_path, rows, events)
    done = here("calibrate", *options, *history, "--write", str(tmp_path / "a.toml"), "--json")
    assert [fold["year"] for fold in json.loads(done.stdout)["folds"]] == [2022]
    assert parse((tmp_path / "a.toml").read_text("utf-8"), "a").rules[0].score
    whole, _ = learned(rows, WHERE, events, ZONE, msgspec.structs.replace(search, is_forward=False))
    assert whole.terms == found.terms, "the rule is of all years"
    assert whole.cross_validated != found.cross_validated


def test_events_of_two_years_choose_no_terms() -> None:
    rows, events = made_up()
    two = [event for event in events if event.started_at < START + 2 * 366 * DAY - 5 * DAY]
    with pytest.raises(SettingsInvalid, match="events of 3 years or more are needed"):
        learned(rows, WHERE, two, ZONE, SEARCH)
