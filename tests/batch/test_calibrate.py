"""The search finds what was planted, and its score is what the watch itself then earns."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from atalaia.batch.backtest import backtest
from atalaia.batch.calibrate import Calibration, Wanted
from atalaia.batch.calibration import Search, calibrated
from atalaia.batch.history import watched
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.raised import Space, Wide
from atalaia.batch.rule_file import rule_file
from atalaia.batch.sums import on_grid
from atalaia.batch.verify import verify
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse
from batch.helpers import gauges

ZONE = ZoneInfo("UTC")
WHERE = Places(
    Place(id=f"g{i}", name=f"g{i}", latitude=float(i), longitude=0, area="basin") for i in range(3)
)
YEARS = (2020, 2021, 2022)
START = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
HOURS = 3 * 365 * 24
SPACE = Space(triggers=(3600,), givens=(24 * 3600,), wide=((6 * 3600, 2),))


def made_up(seed: int = 1) -> tuple[Readings, list[Occurrence]]:
    """Three years of hourly rain at three gauges; floods where a burst meets wet ground."""
    random = np.random.default_rng(seed)
    rain = random.gamma(0.3, 3, (HOURS, 3)) * (random.random((HOURS, 3)) < 0.1)
    events = []
    for hour in range(100, HOURS - 100, 500):
        kind = hour // 500 % 3
        if kind < 2:
            rain[hour - 20 : hour - 10, 1] += 4 if kind == 0 else 0
            rain[hour, 0] += 25
        if kind == 0:
            events.append(Occurrence(START + hour * 3600 + 5400))
    at = START + np.arange(HOURS) * 3600
    return gauges(at, 3600, np.round(rain, 1)), events


def search(rows: Readings, events: list[Occurrence], **options: object) -> tuple[Calibration, str]:
    settings = {
        "hazard": "flood",
        "variable": "rain_mm",
        "area": None,
        "name": "basin",
        "wanted": Wanted(0.8, 0),
        "space": SPACE,
        "min_events": 1,
        **options,
    }
    return calibrated(rows, WHERE, events, ZONE, Search(**settings))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found() -> tuple[Readings, list[Occurrence], Calibration, str]:
    rows, events = made_up()
    return rows, events, *search(rows, events)


def test_a_burst_on_wet_ground_is_found(
    found: tuple[Readings, list[Occurrence], Calibration, str],
) -> None:
    _, _, calibration, _ = found
    chosen = calibration.chosen
    assert chosen.given_window_s == 24 * 3600
    assert chosen.limit <= 26
    assert chosen.given_limit > 27, "what the burst alone brings is not asked for"
    assert calibration.cross_validated.pod == 1.0
    assert (calibration.cross_validated.csi or 0) > 0.8


def test_the_written_file_scores_as_it_says_when_the_watch_lives_through_it(
    found: tuple[Readings, list[Occurrence], Calibration, str],
) -> None:
    rows, events, calibration, text = found
    log = watched(rows, parse(text, "basin.toml"), WHERE)
    told = [entry.alert for entry in log]
    days = (datetime(2020, 1, 1, tzinfo=UTC).date(), datetime(2022, 12, 30, tzinfo=UTC).date())
    verified = verify(told, events, ZONE, hazard="flood", first_day=days[0], last_day=days[1]).score
    fitted = calibration.fitted
    assert (verified.hits, verified.misses, verified.false_alarms) == (
        fitted.hits,
        fitted.misses,
        fitted.false_alarms,
    )
    assert verified.lead_h == fitted.lead_h
    compared = backtest([("basin", told), ("none", [])], events, ZONE, *days, hazard="flood")
    assert compared[0].verified is not None
    assert compared[0].verified.score == verified


def test_each_year_is_scored_with_what_the_others_chose() -> None:
    rows, events = made_up()
    whole, _ = search(rows, events)
    for left_out in (0, 2):
        # What happened in the year that is left out must not change what the others choose.
        year = YEARS[left_out]
        kept = [e for e in events if datetime.fromtimestamp(e.started_at, UTC).year != year]
        without, _ = search(rows, kept)
        assert without.folds[left_out].chosen == whole.folds[left_out].chosen


def test_the_folds_add_up_to_the_cross_validated_score(
    found: tuple[Readings, list[Occurrence], Calibration, str],
) -> None:
    _, events, calibration, _ = found
    score = calibration.cross_validated
    assert sum(fold.hits for fold in calibration.folds) == score.hits
    assert sum(fold.misses for fold in calibration.folds) == score.misses
    assert sum(fold.false_alarms for fold in calibration.folds) == score.strict.false_alarms
    assert score.hits + score.misses == len(events)
    assert [fold.year for fold in calibration.folds] == list(YEARS)


def test_a_budget_of_warned_days_is_kept() -> None:
    rows, events = made_up()
    wanted = Wanted(pod=0.2, lead_s=0, days_a_month=0.4)
    calibration, _ = search(rows, events, wanted=wanted)
    warned = calibration.fitted.hits + calibration.fitted.strict.false_alarms
    assert 0 < warned / 36 <= 0.4


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"wanted": Wanted(0.9, 48 * 3600)}, "no limits have POD 0.9"),
        ({"wanted": Wanted(0.9, 0, 0.01)}, "warned days a month"),
        ({"area": "delta"}, "there is no area 'delta'; give --area one of: basin"),
        ({"variable": "snow_cm"}, "no snow_cm with a period"),
        (
            {"space": Space(circles=(Near(60, 60, 1),), triggers=(3600,), givens=())},
            "no place of the area lies in a circle",
        ),
        ({"last_day": datetime(2020, 12, 31, tzinfo=UTC).date()}, "2 years or more"),
    ],
)
def test_what_cannot_be_found_is_told(options: dict[str, object], problem: str) -> None:
    rows, events = made_up()
    with pytest.raises(SettingsInvalid, match=problem):
        search(rows, events, **options)


def test_missing_amounts_and_other_periods_stay_out_of_the_grid() -> None:
    at = START + np.arange(4) * 3600
    rows = Readings.build(
        place=[0, 0, 1, 2],
        source="gauges",
        kind=Kind.OBSERVED,
        valid_at=at,
        period_s=[3600, 3600, 3600, 86400],
        values={"rain_mm": np.array([1.0, np.nan, 3.0, 50.0])},
    )
    sums = on_grid(rows, "rain_mm", WHERE, "basin")
    assert sums.step_s == 3600
    assert np.nansum(sums.amount, axis=0).tolist() == [1, 3, 0]
    assert np.isnan(sums.amount).sum() == 7


def test_other_splits_of_the_days_are_scored_with_what_the_rest_chose() -> None:
    rows, events = made_up()
    calibration, _ = search(rows, events, splits=2)
    assert calibration.cross_validated == search(rows, events)[0].cross_validated
    assert len(calibration.splits) == 2
    for score in calibration.splits:
        assert score.hits + score.misses == len(events), "each day is scored, and once"
        assert (score.csi or 0) > 0.8


def test_two_wide_rules_over_one_window_are_two_rules_of_the_file(
    found: tuple[Readings, list[Occurrence], Calibration, str],
) -> None:
    calibration = found[2]
    wide = (Wide(3600, 2, 15.0), Wide(3600, 3, 8.0))
    both = msgspec.structs.replace(
        calibration, chosen=msgspec.structs.replace(calibration.chosen, wide=wide)
    )
    text = rule_file(both, "basin", "flood", "rain_mm", 900, "made up:")
    names = [rule.name for rule in parse(text, "basin.toml").rules]
    assert names == ["burst", "wide-1h-2-places", "wide-1h-3-places"]


@pytest.mark.parametrize("off_s", [3, 300])
def test_a_gauge_off_the_grid_is_placed_and_not_dropped(off_s: int) -> None:
    gauges = [
        Readings.build(
            place=np.full(96, p, np.int32),
            source="gauges",
            kind=Kind.OBSERVED,
            valid_at=START + np.arange(1, 97) * 900 + (off_s if p else 0),
            period_s=900,
            values={"rain_mm": np.full(96, 1.0)},
        )
        for p in range(2)
    ]
    sums = on_grid(Readings.concat(gauges).in_order(), "rain_mm", WHERE, "basin")
    assert np.nansum(sums.amount, axis=0).tolist() == [96, 96, 0]
    assert (sums.at % 900 == 0).all()
    late = 1 if off_s == 300 else 0
    assert np.flatnonzero(~np.isnan(sums.amount[:, 1]))[0] == late, "when it was known"


def test_rows_of_another_period_are_counted_and_not_dropped_in_silence() -> None:
    rows, _ = made_up()
    other = Readings.build(
        place=[0], source="gauges", kind=Kind.OBSERVED, valid_at=[START + 900], period_s=900,
        values={"rain_mm": [1.0]},
    )  # fmt: skip
    assert on_grid(Readings.concat([rows, other]), "rain_mm", WHERE, "basin").left_out == 1


def test_the_budget_holds_on_all_days_also_of_years_without_events() -> None:
    rows, events = made_up()
    quiet_year = [e for e in events if e.started_at < START + 2 * 365 * 86_400]
    wanted = Wanted(0.2, 0, 1.0)
    found, text = search(rows, quiet_year, wanted=wanted)
    warned = found.fitted.hits + found.fitted.false_alarms + found.fitted.partial[0]
    assert warned <= 1.0 * HOURS / 24 / (365.25 / 12)
    assert "days a month" in text
