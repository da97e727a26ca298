"""What is asked of which API, and what is made of the answers of all but the forecast's.

The answers here are made up, in the shape of the provider's descriptions of its APIs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia import rules
from atalaia.domain.decoded import Decoded
from atalaia.domain.ensemble import TOLD_OF
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import decode_all, storms
from atalaia.sources.open_meteo_apis import FORECAST, FURTHER, VARIABLES, asked_by, requests

NOON = 1_790_985_600  # 2026-10-03T00:00:00Z
WHERE = Places([Place(id="p0", name="P0", latitude=-3.1, longitude=-60.0)])


def test_requests_hold_a_hundred_places_and_count_what_the_provider_counts() -> None:
    many = [Place(id=f"p{i}", name="", latitude=i / 10, longitude=-i / 10) for i in range(127)]
    first, second = requests(many)
    assert (len(first.places), len(second.places)) == (100, 27)
    assert first.places[:2] == ("p0", "p1")
    assert first.params["latitude"].split(",")[99] == "9.9"
    assert first.params["longitude"].split(",")[99] == "-9.9"
    expected = {
        "past_hours": "24",
        "forecast_hours": "48",
        "wind_speed_unit": "ms",
        "timezone": "UTC",
        "timeformat": "iso8601",
    }
    assert expected.items() <= first.params.items()
    assert first.url == "https://api.open-meteo.com/v1/forecast"
    # Twenty variables are two calls a place, whatever the number of places in one request.
    assert (first.cost, second.cost) == (200, 54)
    assert requests([]) == []


@pytest.mark.parametrize("api", [FORECAST, *FURTHER], ids=lambda api: api.name)
def test_every_variable_asked_for_is_decoded(api: Any) -> None:
    assert {name for names in api.asked.values() for name in names} <= {*VARIABLES, *storms.ALOFT}
    assert api.variables <= set(CATALOGUE)


def test_what_is_asked_follows_from_what_rules_measure() -> None:
    assert asked_by(rules.load("inmet").variables) == ()
    assert asked_by(CATALOGUE) == FURTHER
    (air,) = asked_by(rules.load("air-quality").variables)
    (request,) = requests(WHERE, air)
    assert request.source == "open-meteo:air-quality"
    assert request.url == "https://air-quality-api.open-meteo.com/v1/air-quality"
    assert request.params["hourly"] == "pm2_5,pm10,ozone"
    assert "current" not in request.params
    (own,) = requests(WHERE, air, "http://localhost:8080")
    assert own.url == "http://localhost:8080/v1/air-quality"


def test_an_ensemble_is_asked_for_what_rules_want_a_chance_of_and_weighs_its_runs() -> None:
    (runs,) = asked_by({"rain_mm"}, {"rain_mm", "wind_gust_m_s"})
    many = [Place(id=f"p{i}", name="", latitude=i / 10, longitude=0.0) for i in range(27)]
    first, second = requests(many, runs)
    assert first.url == "https://ensemble-api.open-meteo.com/v1/ensemble"
    assert (first.source, first.content) == ("open-meteo:ensemble", "ensemble")
    assert first.params["hourly"] == "precipitation,wind_gusts_10m"
    assert first.params["models"] == "ecmwf_ifs025"
    # Of 51 runs two variables are 102: ten calls and a fifth a place.
    assert (len(first.places), first.cost, len(second.places), second.cost) == (20, 204, 7, 72)
    weather = TOLD_OF - {"river_discharge_m3_s"}
    assert asked_by(weather, weather)[0].asked["hourly"], "all that has a chance can be asked for"


def test_a_rivers_runs_are_asked_where_a_chance_of_them_is_wanted() -> None:
    both = {"river_discharge_m3_s"}
    one, runs = asked_by(both, both)
    assert (one.name, runs.name) == ("open-meteo:flood", "open-meteo:flood-ensemble")
    first, *_ = requests([Place(id="p0", name="", latitude=0.0, longitude=0.0)], runs)
    assert first.url == "https://flood-api.open-meteo.com/v1/flood"
    assert (first.content, first.params["ensemble"]) == ("ensemble", "true")
    assert (first.params["daily"], first.cost) == ("river_discharge", 6)
    assert [api.name for api in asked_by(both, both | {"rain_mm"})] == [
        "open-meteo:flood",
        "open-meteo:flood-ensemble",
        "open-meteo:ensemble",
    ]


def test_several_models_are_asked_at_once_and_weigh_all_their_runs() -> None:
    (runs,) = asked_by((), {"rain_mm"}, {"gem", "icon", "gfs", "ecmwf"})
    first, *_ = requests([Place(id="p0", name="", latitude=0.0, longitude=0.0)], runs)
    assert first.params["models"] == "ecmwf_ifs025,icon_global,gfs025,gem_global"
    assert (runs.runs, runs.places_a_call, first.cost) == (143, 7, 15)
    (two,) = asked_by((), {"rain_mm"}, ("gfs", "gem"))
    assert (two.runs, two.span["models"]) == (52, "gfs025,gem_global")


def hourly(**columns: list[Any]) -> dict[str, Any]:
    """Three hours of air, the last still to come."""
    return {
        "latitude": -3.2,
        "longitude": -60.0,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601"} | dict.fromkeys(columns, "\u03bcg/m\u00b3"),
        "hourly": {"time": ["2026-10-02T23:00", "2026-10-03T00:00", "2026-10-03T01:00"], **columns},
    }


def decoded(body: Any, source: str = "open-meteo:air-quality", status: int = 200) -> Decoded:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Payload(
        source=source, content="forecast", places=("p0",), received_at=NOON, body=raw, status=status
    )
    return decode_all(WHERE)([answer], None)


def test_the_air_is_read_by_the_hour_under_the_name_of_its_own_source() -> None:
    told = decoded(hourly(pm2_5=[12.5, 80.0, 95.1], pm10=[20, None, 120], ozone=[60, 61, 62]))
    assert told.rejects == []
    readings = told.readings
    assert readings.sources == ("open-meteo:air-quality",)
    assert readings.kind.tolist() == [Kind.ANALYSIS, Kind.ANALYSIS, Kind.FORECAST]
    assert readings.values["pm2_5_ug_m3"].tolist() == [12.5, 80.0, 95.1]
    assert np.isnan(readings.values["pm10_ug_m3"][1])
    assert readings.values["ozone_ug_m3"].tolist() == [60, 61, 62]


def by_day(**columns: list[Any]) -> dict[str, Any]:
    """Yesterday, today and tomorrow."""
    return {
        "latitude": -3.125,
        "longitude": -60.025,
        "utc_offset_seconds": 0,
        "daily_units": {"time": "iso8601"} | dict.fromkeys(columns, "m\u00b3/s"),
        "daily": {"time": ["2026-10-02", "2026-10-03", "2026-10-04"], **columns},
    }


def test_a_river_is_read_by_the_day_at_the_end_of_the_day() -> None:
    told = decoded(by_day(river_discharge=[812.5, 1200, None]), "open-meteo:flood")
    assert told.rejects == []
    readings = told.readings
    assert readings.valid_at.tolist() == [NOON, NOON + 86_400]
    assert readings.kind.tolist() == [Kind.ANALYSIS, Kind.FORECAST]
    assert readings.values["river_discharge_m3_s"].tolist() == [812.5, 1200]


def test_the_recorded_rivers_are_read_and_where_there_is_none_nothing_is(shared: Path) -> None:
    """The recorded slice lacks units and offset: they are put in as the provider describes them."""
    answer = json.loads((shared / "live/open_meteo/flood_two_places.json").read_bytes())
    more = {"utc_offset_seconds": 0, "daily_units": {"river_discharge": "m\u00b3/s"}}
    where = Places(
        [
            Place(id="kingston", name="Kingston", latitude=51.41, longitude=-0.31),
            Place(id="moor", name="Moor", latitude=54.03, longitude=-2.04),
        ]
    )
    body = json.dumps([one | more for one in answer]).encode()
    payload = Payload(
        source="open-meteo:flood",
        content="forecast",
        places=("kingston", "moor"),
        received_at=1_789_560_000,  # 2026-09-16T12:00:00Z
        body=body,
    )
    told = decode_all(where)([payload], None)
    assert told.rejects == []
    discharge = told.readings.values["river_discharge_m3_s"]
    assert discharge.tolist() == [3.14, 1.67, 0.8, 0.53, 0.42, 0.76, 0.34]
    assert told.readings.place.tolist() == [0] * 7
    assert told.readings.kind.tolist() == [Kind.ANALYSIS] * 6 + [Kind.FORECAST]


def test_other_values_of_days_are_no_readings() -> None:
    """A day's weather code, or its highest temperature, is of no instant."""
    body = hourly(pm2_5=[1, 2, 3]) | {
        "daily_units": {"weather_code": "wmo code"},
        "daily": {"time": ["2026-10-03"], "weather_code": [95], "temperature_2m_max": [30]},
    }
    told = decoded(body)
    assert told.rejects == []
    assert set(told.readings.values) == {"pm2_5_ug_m3"}
    assert len(told.readings) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"daily_units": {"river_discharge": "cfs"}}, "unknown unit"),
        ({"utc_offset_seconds": None}, "time without offset"),
        ({"daily": {"time": ["soon"], "river_discharge": [1]}}, "not a time"),
        ({"daily": {"time": None, "river_discharge": [1]}}, "not a time"),
        ({"daily": {"time": ["2026-10-03"], "river_discharge": 5}}, "wrong length"),
        ({"daily": {"time": ["2026-10-03"], "river_discharge": [True]}}, "not a number"),
    ],
)
def test_a_river_that_cannot_be_read_is_told(change: dict[str, Any], reason: str) -> None:
    told = decoded(by_day(river_discharge=[1, 2, 3]) | change, "open-meteo:flood")
    assert [reject.reason for reject in told.rejects] == [reason]
    assert not told.readings.values


def test_air_that_cannot_be_read_costs_itself_alone() -> None:
    body = hourly(pm2_5=["much", 10**400, 20.0], pm10=[1, 2], ozone=[60, 61, 62])
    body["hourly_units"]["ozone"] = "ppb"
    told = decoded(body)
    assert sorted(reject.reason for reject in told.rejects) == [
        "not a number",
        "not finite",
        "unknown unit",
        "wrong length",
    ]
    assert set(told.readings.values) == {"pm2_5_ug_m3"}
    assert told.readings.values["pm2_5_ug_m3"][2] == 20.0


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"<html>maintenance</html>", 200, "HTML instead of JSON"),
        (b'{"latitude": nan, "longitude": nan}', 200, "no known block"),
        ({"error": True, "reason": "pm2_6 is no variable"}, 400, "error 400"),
        ({"latitude": -3.2, "longitude": -60.0}, 200, "no known block"),
        (hourly(pm2_5=[1, 2, 3]) | {"latitude": 40.0}, 200, "another place"),
    ],
)
def test_an_answer_that_is_none_is_told_with_its_source(
    body: Any, status: int, reason: str
) -> None:
    told = decoded(body, status=status)
    assert [(reject.source, reject.reason) for reject in told.rejects] == [
        ("open-meteo:air-quality", reason)
    ]
    assert len(told.readings) == 0
