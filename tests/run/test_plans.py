"""What the pollers ask and when, without a network: a day passes in a loop."""

from __future__ import annotations

import numpy as np
import pytest

from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME
from atalaia.sources import cemaden, nws_observations
from atalaia.sources.budget import Budget
from atalaia.sources.open_meteo_apis import FORECAST, FURTHER, FURTHER_SHARE, asked_by
from atalaia.sources.plan import (
    CALM_ROUNDS,
    WORTH_ASKING,
    EnsemblePlan,
    FurtherPlan,
    OpenMeteoPlan,
    Plan,
    StationsPlan,
    TomorrowIoPlan,
    aerodromes,
    calls_for_forecast,
    calls_of_open_meteo,
    ensemble_every_s,
)
from atalaia.sources.schedule import Due, PollCadence

MIDNIGHT = 1_768_003_200


def places(n: int) -> Places:
    return Places(
        Place(id=f"p{i}", name=f"P{i}", latitude=i / 100, longitude=0.0) for i in range(n)
    )


def a_day(plan: Plan, n: int, nearness: np.ndarray) -> tuple[list[tuple[int, str, int]], float]:
    """(when, content, place) of all calls of a day, and the longest that a place went unasked."""
    budget = Budget.of(plan.name)
    last = {content: np.full(n, NO_TIME, np.int64) for content in plan.contents}
    seen = np.full(n, MIDNIGHT, np.int64)
    asked: list[tuple[int, str, int]] = []
    longest = 0.0
    for now in range(MIDNIGHT, MIDNIGHT + 86_400, 30):
        for request, what in plan.requests(plan.due(now, last, nearness, budget.left(now))):
            if budget.take(request.cost, now) > 0:
                break
            for one in what:
                last[one.content][one.place] = now
                asked.append((now, one.content, one.place))
                if one.content == plan.contents[0]:
                    longest = max(longest, float(now - seen[one.place]))
                    seen[one.place] = now
    return asked, max(longest, float((MIDNIGHT + 86_400 - seen).max()))


def tomorrow_io(n: int) -> TomorrowIoPlan:
    return TomorrowIoPlan(places(n), key="k", interval_s=180, forecast_s=21_600, is_adaptive=True)


@pytest.mark.parametrize(("n", "stormy"), [(1, 0), (3, 0), (3, 1), (27, 0), (27, 1), (27, 5)])
def test_no_place_goes_unasked_so_long_that_tomorrow_io_would_count_as_silent(
    n: int, stormy: int
) -> None:
    plan = tomorrow_io(n)
    nearness = np.zeros(n)
    nearness[:stormy] = 1.0
    asked, longest = a_day(plan, n, nearness)
    assert longest < 3 * plan.expected_s
    assert len(asked) <= 500
    if stormy:
        calls = np.bincount([place for _, content, place in asked if content == "realtime"])
        assert calls[:stormy].min() > 2 * calls[stormy:].max()


@pytest.mark.parametrize("near", [0.0, 0.5, 1.0])
def test_open_meteo_fits_a_day_of_the_27_capitals_into_its_calls(near: float) -> None:
    plan = OpenMeteoPlan(places(27), PollCadence(300, 900), is_adaptive=True)
    asked, longest = a_day(plan, 27, np.full(27, near))
    assert len(asked) * FORECAST.calls_per_place <= 10_000
    assert longest <= 900
    assert longest < 3 * plan.expected_s


def test_open_meteo_slows_down_evenly_where_there_are_too_many_places() -> None:
    plan = OpenMeteoPlan(places(1000), PollCadence(300, 900), is_adaptive=True)
    nearness = np.zeros(1000)
    nearness[7] = 1.0
    asked, longest = a_day(plan, 1000, nearness)
    assert len(asked) * FORECAST.calls_per_place <= 10_000
    assert longest < 3 * plan.expected_s
    assert np.bincount([place for _, _, place in asked], minlength=1000).min() >= 4


def test_all_apis_of_open_meteo_together_fit_the_27_capitals_into_a_days_calls() -> None:
    plans: list[Plan] = [
        OpenMeteoPlan(places(27), PollCadence(300, 900), is_adaptive=True, further=FURTHER),
        *(FurtherPlan(places(27), api) for api in FURTHER),
    ]
    calls = 0.0
    for plan, api in zip(plans, (FORECAST, *FURTHER), strict=True):
        asked, longest = a_day(plan, 27, np.ones(27))
        calls += len(asked) * api.calls_per_place
        assert longest < 3 * plan.expected_s
    assert calls <= 10_000


@pytest.mark.parametrize("n", [1, 27, 500, 5571])
def test_however_many_places_further_apis_leave_most_calls_to_the_forecast(n: int) -> None:
    calls = calls_of_open_meteo()
    taken = [n * api.calls_per_place * 86_400 / api.interval_s(n, calls) for api in FURTHER]
    assert all(each <= 0.1 * calls + 1e-6 for each in taken)
    assert calls_for_forecast(n, FURTHER) + sum(taken) == pytest.approx(calls)
    assert calls < 10_000


def test_a_further_api_is_asked_at_one_pace_of_every_place() -> None:
    (air,) = (api for api in FURTHER if api.name == "open-meteo:air-quality")
    asked, longest = a_day(FurtherPlan(places(2), air), 2, np.array([1.0, 0.0]))
    assert longest == 3600
    assert np.bincount([place for _, _, place in asked]).tolist() == [24, 24]


RAIN = asked_by((), {"rain_mm"})[0]


def ensemble(n: int) -> EnsemblePlan:
    return EnsemblePlan(places(n), RAIN)


def test_an_ensemble_is_asked_each_time_where_the_forecast_comes_near_a_limit() -> None:
    near = np.array([0.0, WORTH_ASKING, 1.0, np.nan])
    asked, _ = a_day(ensemble(4), 4, near)
    assert np.bincount([place for _, _, place in asked]).tolist() == [1, 4, 4, 4]


def test_a_place_whose_forecast_rises_is_asked_at_the_next_period() -> None:
    plan, marks = ensemble(2), {"ensemble": np.full(2, MIDNIGHT)}
    calm, rising = np.zeros(2), np.array([0.0, 0.8])
    assert plan.due(MIDNIGHT + 6 * 3600 - 1, marks, rising, {}) == []
    assert plan.due(MIDNIGHT + 6 * 3600, marks, calm, {}) == []
    assert plan.due(MIDNIGHT + 6 * 3600, marks, rising, {}) == [Due("ensemble", 1)]
    # It rose between two periods: its turn was long ago.
    assert plan.due(MIDNIGHT + 13 * 3600, marks, rising, {}) == [Due("ensemble", 1)]
    assert len(plan.due(MIDNIGHT + 24 * 3600, marks, calm, {})) == 2
    # Those that are worth it go first.
    assert plan.due(MIDNIGHT + 24 * 3600, marks, rising, {})[0] == Due("ensemble", 1)


@pytest.mark.parametrize(("n", "stormy"), [(27, 27), (500, 5), (500, 500), (5571, 100)])
def test_an_ensembles_calls_fit_and_few_places_that_are_worth_them_get_them(
    n: int, stormy: int
) -> None:
    every_s = ensemble_every_s(RAIN, stormy, n - stormy)
    calls = stormy * 86_400 / every_s + (n - stormy) * 86_400 / (CALM_ROUNDS * every_s)
    assert calls * RAIN.calls_per_place <= FURTHER_SHARE * calls_of_open_meteo() + 1e-6
    at_one_pace = RAIN.interval_s(n, calls_of_open_meteo())
    assert every_s <= at_one_pace
    if stormy < n > 100:
        assert every_s < at_one_pace / 2


def test_a_fixed_plan_asks_every_place_at_its_interval() -> None:
    plan = TomorrowIoPlan(places(2), key="k", interval_s=600, forecast_s=43_200, is_adaptive=False)
    asked, longest = a_day(plan, 2, np.array([1.0, 0.0]))
    assert longest == 600
    contents = [(content, place) for _, content, place in asked]
    assert contents.count(("realtime", 0)) == contents.count(("realtime", 1)) == 144
    assert contents.count(("forecast", 0)) == 2


def test_all_aerodromes_are_asked_at_once_as_often_as_is_set() -> None:
    plan = aerodromes(("SBPA", "SBCO"), 600)
    asked, _ = a_day(plan, 3, np.zeros(3))
    assert len(asked) == 24 * 6
    (request, _), *_ = plan.requests(
        plan.due(MIDNIGHT, {"metar-json": np.full(3, NO_TIME)}, np.zeros(3), {})
    )
    assert request.params == {"ids": "SBPA,SBCO", "format": "json", "hours": "2"}
    assert request.places == ()
    assert not plan.expected_s, "an aerodrome is silent at no place"


def test_of_more_aerodromes_than_a_request_takes_each_is_asked_in_its_turn() -> None:
    every = [f"K{number:03}" for number in range(250)]
    plan = aerodromes(every, 600)
    marks = {name: np.full(2, NO_TIME) for name in plan.contents}
    heard: list[str] = []
    for minute in range(3):  # one request a minute is all that the service wants
        now = MIDNIGHT + 60 * minute
        (request, (one, *_)), *_ = plan.requests(plan.due(now, marks, np.zeros(2), {}))
        heard += request.params["ids"].split(",")
        marks[one.content][0] = now
    assert heard == every
    assert not plan.due(MIDNIGHT + 180, marks, np.zeros(2), {})
    assert [one.content for one in plan.due(MIDNIGHT + 600, marks, np.zeros(2), {})] == [
        plan.contents[0]
    ]


def test_named_stations_are_each_asked_once_an_interval_who_waits_longest_first() -> None:
    plan = StationsPlan("cemaden", ("6846", "7001", "7002"), 3600, cemaden.request)
    asked, _ = a_day(plan, 2, np.zeros(2))
    calls = [station for _, station, _ in asked]
    assert {station: calls.count(station) for station in plan.contents} == dict.fromkeys(
        plan.contents, 24
    )
    last = {"6846": MIDNIGHT, "7001": NO_TIME, "7002": MIDNIGHT - 60}
    marks = {station: np.full(2, at) for station, at in last.items()}
    due = plan.due(MIDNIGHT + 3600, marks, np.zeros(2), {})
    assert [one.content for one in due] == ["7001", "7002", "6846"]
    (request, what), *_ = plan.requests(due)
    assert request.url.endswith("cemaden.gov.br/MapaInterativoWS/resources/horario/7001/6")
    assert (request.content, request.places, what) == ("cemaden-hourly", (), due[:1])
    assert not plan.expected_s, "a gauge is silent at no place"


def test_an_observation_is_asked_for_by_the_stations_own_name() -> None:
    request = nws_observations.request("KTOP", "http://127.0.0.1:1")
    assert request.url == "http://127.0.0.1:1/stations/KTOP/observations/latest"
    assert (request.content, request.places) == ("nws-observation", ("KTOP",))
