"""What is made of an ensemble's answer: recorded, whole, half, and of several models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from atalaia.domain.decoded import Decoded
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.place import Place, Places
from atalaia.sources import decode_all
from atalaia.sources.ensemble_models import LAST_S, MODELS, OLDEST_S, steps_of
from ensembles import DAY, HOUR, answer, payload

AT = 1_789_387_200  # 2026-09-14T12:00:00Z
WHERE = Places(
    [
        Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0),
        Place(id="bel", name="Belém", latitude=-1.4, longitude=-48.5),
    ]
)


def decoded(body: Any, places: tuple[str, ...] = ("mao",), wanted: Any = None) -> Decoded:
    return decode_all(WHERE)([payload(AT, body, places)], wanted)


def only(told: Decoded) -> Ensemble:
    assert told.rejects == []
    (one,) = told.ensembles
    return one


def test_a_recorded_answer_has_its_control_run_and_steps_of_three_hours(shared: Path) -> None:
    """Hours within a step are equal there: each is a third of what falls in the step."""
    said = json.loads((shared / "live/open_meteo/ensemble_ecmwf_slice.json").read_bytes())
    where = Places([Place(id="nj", name="New Jersey", latitude=40.3, longitude=-74.2)])
    at = 1_787_558_400  # 2026-08-24T08:00:00Z
    told = only(decode_all(where)([payload(at, said, ("nj",))], None))
    assert set(told.values) == {"rain_mm"}
    rain = told.values["rain_mm"]
    assert rain.shape == (3, 25 + 7), "the control run and two more; 114 hours"
    assert np.isnan(rain).any(axis=0).tolist() == [False] * 31 + [True], "it ends within a step"
    assert set(told.period_s[told.valid_at <= at + 66 * HOUR].tolist()) == {3 * HOUR}
    assert set(told.period_s[told.valid_at > at + 72 * HOUR].tolist()) <= {6 * HOUR}
    assert (told.valid_at % told.period_s == 0).all(), "steps as UTC counts them"
    by_hour = [value or 0.0 for value in said["hourly"]["precipitation"]]
    whole = by_hour[: (int(told.valid_at[-2]) - int(told.valid_at[0])) // HOUR + 3]
    assert rain[0, :-1].sum() == pytest.approx(sum(whole)), "no rain is lost or made"
    assert rain[0, 4] == pytest.approx(3 * by_hour[12])


def test_all_hours_of_a_step_add_up_and_an_instant_stands_at_its_end() -> None:
    def said(run: int, at: int) -> float:
        return run + at // HOUR % 24 / 100

    amounts = only(decoded(answer(AT, said, runs=12)))
    rain = amounts.values["rain_mm"]
    noon = amounts.valid_at.tolist().index(AT)
    assert rain[:, noon].tolist() == pytest.approx([3 * run + 0.33 for run in range(12)])
    gusts = only(decoded(answer(AT, said, runs=12, field="wind_gusts_10m", unit="m/s")))
    assert gusts.values["wind_gust_m_s"][:, noon].tolist() == [run + 0.12 for run in range(12)]
    assert gusts.valid_at[-1] == AT + 5 * DAY, "and no farther"


def test_a_step_of_which_an_hour_is_missing_is_told_by_nobody() -> None:
    def said(run: int, at: int) -> float | None:
        return None if run == 3 and at == AT + 2 * HOUR else 1.0

    rain = only(decoded(answer(AT, said, runs=12)))
    step = rain.values["rain_mm"][:, rain.valid_at == AT + 3 * HOUR].ravel()
    assert np.flatnonzero(np.isnan(step)).tolist() == [3]
    # The last hour of an answer may lie within a step.
    cut = only(decoded(answer(AT, lambda _run, _at: 1.0, runs=12, ahead=10)))
    assert np.isnan(cut.values["rain_mm"][:, -1]).all()


def test_behind_a_models_horizon_stands_nothing() -> None:
    body = answer(AT, lambda run, at: None if run > 20 and at > AT + DAY else 0.2, runs=40)
    rain = only(decoded(body)).values["rain_mm"]
    told = (~np.isnan(rain)).sum(axis=0)[1:]  # the answer begins within a step
    assert sorted(set(told.tolist())) == [21, 40]


def test_runs_of_several_models_are_told_apart_and_no_control_run_twice() -> None:
    models = ("ecmwf_ifs025_ensemble", "ncep_gefs025")

    def name(field: str, run: int) -> str:
        if run == 0:
            return field  # a series that names no model is one of theirs once more
        number = (run - 1) // 2
        return "_".join([field, *([f"member{number:02d}"] if number else []), models[run % 2]])

    told = only(decoded(answer(AT, lambda run, _at: run, runs=25, name=name)))
    rain = told.values["rain_mm"]
    assert rain.shape[0] == 24
    assert sorted(rain[:, 1].tolist()) == [3.0 * run for run in range(1, 25)]


ALL = sum(model.runs for model in MODELS)


def of_all(field: str, run: int) -> str:
    """A series' name in an answer of all four models: each one's control run has no number."""
    model, number = whose(run)
    return "_".join([field, *([f"member{number:02d}"] if number else []), MODELS[model].told_as])


def whose(run: int) -> tuple[int, int]:
    """The model of a run of an answer of all four, and its number there."""
    for model, one in enumerate(MODELS):
        if run < one.runs:
            return model, run
        run -= one.runs
    raise AssertionError


def test_four_models_are_told_in_the_longest_step_of_any_of_them() -> None:
    told = only(decoded(answer(AT, lambda run, _at: 1.0 + run, runs=ALL, name=of_all)))
    rain = told.values["rain_mm"]
    assert len(rain) == 51 + 40 + 31 + 21
    ahead = told.valid_at - AT
    by_step = {
        step: (int(ahead[told.period_s == step * HOUR].max()) // HOUR) for step in (3, 6, 12)
    }
    assert by_step == {3: 48, 6: 96, 12: 120}, "ICON's, of a run that is a day old"
    assert (told.valid_at % told.period_s == 0).all()
    whole = ~np.isnan(rain).any(axis=0)
    assert whole[1:].all(), "the answer begins within a step"
    per_hour = rain[:, whole] / (told.period_s[whole] / HOUR)
    assert sorted(per_hour[:, -1].tolist()) == pytest.approx([1.0 + run for run in range(ALL)])


@pytest.mark.parametrize("alone", [model.name for model in MODELS])
def test_one_model_alone_names_none_and_is_told_by_how_many_runs_it_has(alone: str) -> None:
    (model,) = (model for model in MODELS if model.name == alone)
    told = only(decoded(answer(AT, lambda _run, _at: 1.0, runs=model.runs)))
    assert len(told.values["rain_mm"]) == model.runs
    assert (12 * HOUR in told.period_s) == (alone == "icon")


@pytest.mark.parametrize("first", range(len(MODELS)))
@pytest.mark.parametrize("second", range(len(MODELS)))
def test_no_step_is_shorter_than_a_model_that_is_a_day_old_makes_it(
    first: int, second: int
) -> None:
    pair = (MODELS[first], MODELS[second])
    steps = steps_of({model.told_as for model in pair}, sum(model.runs for model in pair))
    for hour in range(1, LAST_S // HOUR + 1):
        step = next(step for until, step in steps if hour * HOUR <= until)
        for model in pair:
            its = [s for until, s in model.steps if hour * HOUR + OLDEST_S <= until]
            assert not its or its[0] <= step


def test_where_one_of_several_models_ends_no_chance_is_told_and_it_is_said() -> None:
    """All of ICON's runs are wet, all others dry: behind its horizon the chance would fall to 0."""

    def said(run: int, at: int) -> float | None:
        if MODELS[whose(run)[0]].name != "icon":
            return 0.0
        return 5.0 if at <= AT + 60 * HOUR else None

    told = decoded(answer(AT, said, runs=ALL, name=of_all))
    (runs,) = told.ensembles
    rain = runs.values["rain_mm"]
    ends = runs.valid_at <= AT + 60 * HOUR
    heard = (~np.isnan(rain)).sum(axis=0)[1:]
    assert set(heard[ends[1:]].tolist()) == {ALL}
    assert set(heard[~ends[1:]].tolist()) == {0}
    (reject,) = told.rejects
    assert reject.reason == "a model ends early"
    assert (
        reject.detail
        == "icon_global_eps: rain_mm ends at 2026-09-17T00:00Z, and so does the chance"
    )


def test_a_model_that_says_nothing_takes_nothing_from_the_others_and_it_is_said() -> None:
    def said(run: int, _at: int) -> float | None:
        return None if MODELS[whose(run)[0]].name == "gem" else 0.2

    told = decoded(answer(AT, said, runs=ALL, name=of_all))
    (runs,) = told.ensembles
    assert set((~np.isnan(runs.values["rain_mm"])).sum(axis=0)[1:].tolist()) == {ALL - 21}
    assert [reject.detail for reject in told.rejects] == [
        "gem_global_ensemble: it says nothing of rain_mm"
    ]


def test_places_of_one_answer_keep_apart_what_each_run_says() -> None:
    one = answer(AT, lambda run, _at: run, runs=11)
    two = answer(AT, lambda run, _at: 100 + run, runs=14, where=(-1.5, -48.4))
    told = only(decoded([two, one], ("bel", "mao")))
    assert told.place.tolist() == sorted(told.place.tolist())
    mine = told.values["rain_mm"][:, told.place == 0]
    assert np.isnan(mine[11:]).all(), "three of the runs say nothing of this place"
    assert mine[10, 3] == 30.0


def test_what_cannot_be_read_costs_its_own_series_alone() -> None:
    body = answer(AT, lambda _run, _at: 1.0, runs=12)
    body["hourly"]["precipitation_member03"] = [1.0]
    body["hourly_units"]["precipitation_member04"] = "furlong"
    told = decoded(body)
    assert {reject.reason for reject in told.rejects} == {"wrong length", "unknown unit"}
    assert told.ensembles[0].values["rain_mm"].shape[0] == 10
    assert len(decoded({"latitude": -3.1, "longitude": -60.0}).ensembles[0]) == 0
    assert decoded("nonsense").rejects
    outside = replace(payload(AT, {}), body=b'{"latitude":nan,"longitude":nan}')
    assert decode_all(WHERE)([outside], None).rejects, "outside of a regional model"


def test_only_what_is_wanted_is_read() -> None:
    told = only(decoded(answer(AT, lambda _run, _at: 1.0), wanted=frozenset({"wind_gust_m_s"})))
    assert told.values == {}
