"""What is planted is learned, and the rule that comes of it earns what was told of it."""

from __future__ import annotations

import sys
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atalaia.batch import adding_up, chances
from atalaia.batch.calibrate import Wanted
from atalaia.batch.calibration import Search, learned
from atalaia.batch.counts import fit, surprise
from atalaia.batch.history import watched
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.verify import verify
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse
from batch.helpers import gauges
from stories import DAY, HOUR

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
    monkeypatch.setattr(adding_up, "WINDOWS", (3 * HOUR, 24 * HOUR))
    monkeypatch.setattr(adding_up, "MOST_TERMS", 1)
    monkeypatch.setattr(adding_up, "TRIED", 1)
    monkeypatch.setattr(chances, "RESAMPLES", 10)
    rows, events = made_up()
    found, text = learned(rows, WHERE, events, ZONE, SEARCH)
    assert found.terms[0].window_s == 3 * HOUR, "the burst"
    assert found.levels["2020"] < found.levels["2022"], "as more were logged"
    assert {fold.year for fold in found.folds} == {2020, 2021, 2022}
    assert found.chances.roc_area is not None
    assert found.chances.roc_area > 0.9
    assert found.fitted.pod is not None
    assert found.fitted.pod > 0.7
    rules = parse(text, "made-up")
    told = [entry.alert for entry in watched(rows, rules, WHERE)]
    earned = verify(
        told,
        events,
        ZONE,
        hazard="flood",
        min_events=3,
        first_day=SEARCH.first_day,
        last_day=SEARCH.last_day,
    ).score
    assert (earned.hits, earned.misses) == (found.fitted.hits, found.fitted.misses)
    assert earned.strict.false_alarms == found.fitted.strict.false_alarms


def test_events_of_two_years_choose_no_terms() -> None:
    rows, events = made_up()
    two = [event for event in events if event.started_at < START + 2 * 366 * DAY - 5 * DAY]
    with pytest.raises(SettingsInvalid, match="events of three years or more are needed"):
        learned(rows, WHERE, two, ZONE, SEARCH)
