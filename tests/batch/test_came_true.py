"""What became of chances: pairs, the record that they make, and chances corrected by it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atalaia.batch.came_true import CALM, CAME, UNKNOWN, came_true, fitted
from atalaia.batch.chances_told import ToldChances
from atalaia.detect.values import no_norms
from atalaia.domain import chance_record
from atalaia.domain.chance_record import (
    LEAST_OF_A_STEP,
    LEAST_PAIRS,
    NO_RECORD,
    ChanceRecord,
    RecordStep,
    key_of,
)
from atalaia.domain.reading import Bools, Floats, Ints, Kind, Readings
from atalaia.homes.embedded import open_home
from atalaia.lake.merge import merge_readings
from atalaia.lake.norms import known, norms_of
from atalaia.lake.places import note_places
from ensembles import answer, keep, payload, storm
from oracles import cases
from stories import DAY, HOUR, T0, here, places, rows, rule_set, rule_text, series

RAIN = {
    "name": "rain-6h",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "6h",
    "limits": {"yellow": 30, "orange": 50},
    "chance": 0.3,
}
RULES = rule_set(RAIN)
(RULE,) = RULES.rules
YELLOW, ORANGE = 2, 3


def told(chance: Floats, *, level: int = YELLOW, band: int = 1, place: int = 0) -> ToldChances:
    """One a day."""
    n = len(chance)
    known_at = T0 + DAY * np.arange(n)
    return ToldChances(
        rule=np.zeros(n, np.int64),
        level=np.full(n, level),
        place=np.full(n, place),
        group=np.full(n, band),
        known_at=known_at,
        valid_at=known_at + band * DAY + 12 * HOUR,
        chance=chance,
    )


def record(chance: Floats, came: Bools) -> tuple[RecordStep, ...]:
    what = np.where(came, CAME, CALM)
    return fitted(told(chance), what, RULES).steps.get(key_of(RULE, YELLOW, 1), ())


def said(steps: tuple[RecordStep, ...], *chance: float) -> list[float | None]:
    told_of = ChanceRecord({key_of(RULE, YELLOW, 1): steps})
    lead_s = np.full(len(chance), 30 * HOUR)
    found = told_of.says(RULE, YELLOW, lead_s, np.array(chance))
    assert found is not None
    return [None if np.isnan(one) else float(one) for one in found]


def rain(
    *mm: float | None, place: int = 0, start: int = T0, kind: Kind = Kind.OBSERVED
) -> Readings:
    return series(mm, "rain_mm", place=place, start=start, kind=kind, source="gauge")


def outcome(observed: Readings, at: int, level: int = YELLOW, place: int = 0) -> int:
    one = told(np.array([0.5]), level=level, place=place)
    one = ToldChances(
        one.rule, one.level, one.place, one.group, one.known_at, np.array([at]), one.chance
    )
    (what,) = came_true(one, observed, RULES, places(), no_norms).tolist()
    return int(what)


def test_it_came_true_where_an_instrument_measured_it_by_the_rules_own_window() -> None:
    storm = rows(rain(*[0.0] * 8, 20.0, 15.0, *[0.0] * 20))
    ends = T0 + 9 * HOUR
    assert outcome(storm, ends) == CAME
    assert outcome(storm, ends, ORANGE) == CALM, "35 mm"
    assert outcome(storm, ends + 4 * HOUR) == CAME, "the window still reaches back to it"
    assert outcome(storm, ends + 7 * HOUR) == CALM
    assert outcome(storm, ends, place=1) == UNKNOWN, "nobody measured there"


def test_what_was_not_seen_is_not_calm() -> None:
    half = rows(rain(*[0.0] * 3), rain(*[0.0] * 20, start=T0 + 12 * HOUR))
    assert outcome(half, T0 + 9 * HOUR) == UNKNOWN, "no value in this hour"
    assert outcome(half, T0 + 13 * HOUR) == UNKNOWN, "hours of its window are missing"
    assert outcome(half, T0 + 24 * HOUR) == CALM
    wet = rows(rain(*[0.0] * 3), rain(40.0, start=T0 + 12 * HOUR))
    assert outcome(wet, T0 + 12 * HOUR) == CAME, "so much is sure, whatever fell before"
    assert outcome(Readings.empty(), T0) == UNKNOWN


def test_a_record_puts_chances_right_once_200_pairs_have_come() -> None:
    draw = np.random.default_rng(3)
    chance = np.repeat([0.1, 0.4, 0.8], 80)
    came = draw.random(240) < chance / 2
    steps = record(chance, came)
    shares = [came[chance == one].mean() for one in (0.1, 0.4, 0.8)]
    assert shares == sorted(shares)
    assert said(steps, 0.1, 0.4, 0.8) == pytest.approx(shares, abs=1e-6)
    few = np.arange(240) < LEAST_PAIRS - 1
    assert record(chance[few], came[few]) == ()


def test_what_nobody_saw_is_no_pair_and_leads_and_levels_are_records_of_their_own() -> None:
    chance = np.full(260, 0.5)
    what = np.where(np.arange(260) % 2, CAME, CALM)
    what[:70] = UNKNOWN
    assert fitted(told(chance), what, RULES) == NO_RECORD
    what[:20] = CALM
    found = fitted(told(chance), what, RULES)
    assert list(found.steps) == [key_of(RULE, YELLOW, 1)]
    lead_s, one = np.array([HOUR, 30 * HOUR, 90 * HOUR]), np.array([0.5, 0.5, 0.5])
    corrected = found.says(RULE, YELLOW, lead_s, one)
    assert corrected is not None
    assert np.isnan(corrected).tolist() == [True, False, True]
    assert found.says(RULE, ORANGE, lead_s, one) is None
    stricter = msgspec.structs.replace(RULE, name="other", chance=(None, 0.6, 0.6, None))
    assert found.says(stricter, YELLOW, lead_s, one) is not None, "it is the same question"


def test_where_a_record_is_thin_the_runs_have_their_say_within_what_is_known_beside() -> None:
    """190 pairs of small chances, 29 of large ones that all came: the large ones stay raw."""
    chance = np.concatenate([np.full(190, 0.1), np.full(LEAST_OF_A_STEP - 1, 0.6)])
    came = np.concatenate([np.arange(190) % 10 == 0, np.ones(LEAST_OF_A_STEP - 1, bool)])
    steps = record(chance, came)
    assert said(steps, 0.1, 0.3, 0.6) == [pytest.approx(0.1), None, None]
    often = np.concatenate([np.arange(190) % 2 == 0, np.ones(LEAST_OF_A_STEP - 1, bool)])
    assert said(record(chance, often), 0.05, 0.1, 0.3, 0.6) == [None, 0.5, 0.5, None], (
        "0.3 is told no less than 0.1"
    )


def test_places_of_few_days_share_their_weather_and_are_thin() -> None:
    n = 300
    chance, came = np.full(n, 0.5), np.arange(n) % 4 == 0
    one = told(chance)
    days = ToldChances(
        one.rule, one.level, np.arange(n), one.group, T0 + DAY * (np.arange(n) % 9),
        T0 + DAY * (np.arange(n) % 9), one.chance,
    )  # fmt: skip
    assert fitted(days, np.where(came, CAME, CALM), RULES) == NO_RECORD
    assert fitted(one, np.where(came, CAME, CALM), RULES) != NO_RECORD


@settings(max_examples=cases(20), deadline=None)
@example(1970, 1.0)
@given(st.integers(0, 10_000), st.floats(0.2, 3.0))
def test_a_larger_chance_is_never_told_as_less(seed: int, power: float) -> None:
    """And a record raises one only where such chances were told often enough, or smaller ones came
    true so often."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(LEAST_PAIRS, 500))
    chance = draw.binomial(51, draw.beta(0.4, 2, n)) / 51
    steps = record(chance, draw.random(n) < chance**power)
    assert steps, "chances of 0 and a little more are told often"
    grid: Ints = np.arange(52) / 51
    pairs = zip(grid.tolist(), said(steps, *grid), strict=True)
    corrected = [raw if one is None else one for raw, one in pairs]
    assert (np.diff(corrected) >= -1e-9).all()
    assert min(corrected) >= 0
    assert max(corrected) <= 1
    for raw, one in zip(grid.tolist(), corrected, strict=True):
        is_thin = not any(step.low - 1e-6 <= raw <= step.high + 1e-6 for step in steps)
        below = [c for other, c in zip(grid.tolist(), corrected, strict=True) if other < raw]
        assert not is_thin or one <= max([raw, *below]) + 1e-9


def test_the_command_learns_a_record_once_enough_has_come_and_a_watch_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """22 days of a storm that 8 of 10 runs bring, and that comes every other day."""
    where, home = places(1), tmp_path / "home"
    (tmp_path / "rules.toml").write_text(rule_text(RAIN))
    (tmp_path / "atalaia.toml").write_text('rules = "rules.toml"\n')
    days = [T0 + DAY * day for day in range(22)]
    storms = [storm(at + 36 * HOUR, lambda run: 48.0 * (run < 8)) for at in days]
    told_of = [
        payload(at, answer(at, one, runs=10, ahead=48, where=(0, 0)), ("p0",))
        for at, one in zip(days, storms, strict=True)
    ]
    came = [8.0 if h // 24 % 2 and 12 < h % 24 <= 18 else 0.0 for h in range(1, 24 * 24 + 1)]
    with open_home(home) as opened:
        note_places(opened.state, where)
        keep(opened.lake, told_of)
        gauge = rain(*came, start=T0 + HOUR)
        merge_readings(opened.lake, gauge, where, T0 + 200 * DAY)
    asked = ["climate", "--home", home, "--settings", tmp_path / "atalaia.toml"]
    done = here(*asked)
    assert done.returncode == 0, done.stderr
    assert "of no question and lead have 200 pairs come yet; they stay raw" in done.stderr
    monkeypatch.setattr(chance_record, "LEAST_PAIRS", 20)
    monkeypatch.setattr(chance_record, "LEAST_OF_A_STEP", 15)
    done = here(*asked)
    assert "each of a question and a lead" in done.stderr
    with open_home(home) as opened:
        assert known(opened.state).version == 1, "only what is another than before is taken up"
        corrected = norms_of(opened.lake, RULES, where).chances
    chance = corrected.says(RULE, YELLOW, np.array([42 * HOUR]), np.array([0.8]))
    assert chance is not None
    assert chance.tolist() == [0.5]
