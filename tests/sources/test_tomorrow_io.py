from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME, Kind, Readings
from atalaia.sources import tomorrow_io
from oracles import cases

VALID_AT = 1_726_897_440  # 2024-09-21T05:44:00Z
BODY: dict[str, Any] = {
    "data": {
        "time": "2024-09-21T05:44:00Z",
        "values": {
            "windGust": 6.63,
            "windSpeed": 4.38,
            "rainIntensity": 0,
            "precipitationProbability": 0,
            "visibility": 14.57,
            "cloudCeiling": None,
        },
    },
    "location": {"lat": 43.653, "lon": -79.384},
}
BASIC = frozenset(
    {"precipitation_probability_pct", "rain_rate_mm_h", "wind_gust_m_s", "wind_speed_m_s"}
)


def payload(body: Any, content: str = "realtime", **more: Any) -> Payload:
    fields = {"received_at": VALID_AT + 20, "places": ("toronto",), **more}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(source="tomorrow-io", content=content, body=raw, **fields)


def realtime(**values: Any) -> dict[str, Any]:
    return {**BODY, "data": {**BODY["data"], "values": {**BODY["data"]["values"], **values}}}


def at_time(time: Any) -> dict[str, Any]:
    return {**BODY, "data": {**BODY["data"], "time": time}}


def test_the_recorded_realtime_answer_decodes_to_what_it_says(shared: Path, places: Places) -> None:
    body = (shared / "tomorrowio/realtime_toronto_2024-09-21.json").read_bytes()
    decoded = tomorrow_io.decoder(places)([payload(body)], None)
    readings = decoded.readings
    assert decoded.rejects == []
    assert readings.valid_at.tolist() == [VALID_AT]
    assert readings.known_at.tolist() == [VALID_AT + 20]
    assert readings.kind.tolist() == [Kind.ANALYSIS]
    assert readings.issued_at.tolist() == [NO_TIME]
    assert readings.period_s.tolist() == [0]
    assert readings.sources == ("tomorrow-io",)
    values = {name: float(column[0]) for name, column in readings.values.items()}
    assert values == {
        "temperature_c": 20.63,
        "apparent_temperature_c": 20.63,
        "dew_point_c": 18.69,
        "relative_humidity_pct": 89,
        "wind_speed_m_s": 4.38,
        "wind_gust_m_s": 6.63,
        "wind_direction_deg": 65.88,
        "rain_rate_mm_h": 0,
        "sleet_rate_mm_h": 0,
        "snow_rate_mm_h": 0,
        "freezing_rain_rate_mm_h": 0,
        "pressure_hpa": 1002.7,
        "visibility_m": 14570,
        "cloud_cover_pct": 34,
        "cloud_base_m": 250,
        "precipitation_probability_pct": 0,
        "uv_index": 0,
        "weather_code": 1100,
        "thunderstorm_class": 0,
    }


@pytest.mark.parametrize("wanted", [None, frozenset({"thunderstorm_class"})])
def test_thunder_is_told_by_the_weathers_code_and_an_unknown_one_says_nothing(
    places: Places, wanted: frozenset[str] | None
) -> None:
    codes = [8000, 4201, 0, None]
    decode = tomorrow_io.decoder(places)
    answers = [payload(realtime(weatherCode=code)) for code in codes]
    hours = [
        {"time": f"2024-09-21T{7 + i:02}:00:00Z", "values": {"weatherCode": code}}
        for i, code in enumerate(codes)
    ]
    series = {"timelines": {"hourly": hours}, "location": BODY["location"]}
    for told in (decode(answers, wanted), decode([payload(series, content="forecast")], wanted)):
        values = told.readings.values
        assert values["thunderstorm_class"][:2].tolist() == [2, 0]
        assert np.isnan(values["thunderstorm_class"][2:]).all()
        assert ("weather_code" in values) == (wanted is None)


def test_only_the_wanted_variables_are_extracted(places: Places) -> None:
    decoded = tomorrow_io.decoder(places)([payload(BODY)], BASIC)
    assert set(decoded.readings.values) == BASIC


def test_null_is_missing_and_never_zero(places: Places) -> None:
    decode = tomorrow_io.decoder(places)
    readings = decode([payload(realtime(windGust=None)), payload(BODY)], BASIC).readings
    assert np.isnan(readings.values["wind_gust_m_s"][0])
    assert readings.values["wind_gust_m_s"][1] == 6.63


def test_a_recorded_row_is_known_at_its_own_time(places: Places) -> None:
    decode = tomorrow_io.decoder(places)
    assert decode([payload(BODY, is_recorded=True)], None).readings.known_at.tolist() == [VALID_AT]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-09-21T05:44:00Z", VALID_AT),
        ("2024-09-21T02:44:00-03:00", VALID_AT),
        ("2024-09-21T05:44:00.750Z", VALID_AT),
        ("2024-09-21T11:14:00+05:30", VALID_AT),
    ],
)
def test_times_with_any_offset_are_the_same_instant(
    places: Places, text: str, seconds: int
) -> None:
    decode = tomorrow_io.decoder(places)
    readings = decode([payload(at_time(text)), payload(BODY)], BASIC).readings
    assert readings.valid_at.tolist() == [seconds, VALID_AT]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body"),
        (b"  \n", "empty body"),
        (b"<!DOCTYPE html><title>502</title>", "HTML instead of JSON"),
        (json.dumps(BODY).encode()[:100], "truncated JSON"),
        (b"Service unavailable", "not JSON"),
        (b"[1, 2]", "no values"),
        (b"7", "no values"),
        (b'{"data": {"time": "2024-09-21T05:44:00Z"}}', "no values"),
        (b'{"data": {"time": "2024-09-21T05:44:00Z", "values": [1]}}', "no values"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"code": 429001, "type": "Too Many Calls", "message": "wait"}', "error 429001"),
        (b'{"code": 7, "type": "?", "message": "?"}', "error of an unknown code"),
        (at_time("2024-09-21T05:44:00"), "time without offset"),
        (at_time("2024-02-30T05:44:00Z"), "not a time"),
        (at_time("yesterday"), "not a time"),
        (at_time(None), "not a time"),
        (at_time(["2024-09-21T05:44:00Z"]), "not a time"),
        (at_time("2024-09-23T05:44:00Z"), "from the future"),
    ],
)
def test_what_cannot_be_read_costs_no_other_payload(places: Places, body: Any, reason: str) -> None:
    decoded = tomorrow_io.decoder(places)([payload(BODY), payload(body), payload(BODY)], BASIC)
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert decoded.readings.values["wind_gust_m_s"].tolist() == [6.63, 6.63]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"6.63"', "not a number"),
        ("true", "not a number"),
        ("[6.63]", "not a number"),
        ("NaN", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
        ("9" * 400, "not finite"),
    ],
)
def test_a_bad_field_costs_no_other_field(places: Places, text: str, reason: str) -> None:
    body = json.dumps(BODY).replace("6.63", text).encode()
    decoded = tomorrow_io.decoder(places)([payload(body)], None)
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert "windGust" in decoded.rejects[0].detail
    assert "toronto" in decoded.rejects[0].detail
    assert "wind_gust_m_s" not in decoded.readings.values
    assert decoded.readings.values["wind_speed_m_s"].tolist() == [4.38]


def test_bytes_that_are_not_utf8_cost_only_the_text_they_are_in(places: Places) -> None:
    body = json.dumps(realtime(windGust="x")).encode().replace(b'"x"', b'6.63, "note": "\xff"')
    decoded = tomorrow_io.decoder(places)([payload(body)], BASIC)
    assert decoded.readings.values["wind_gust_m_s"].tolist() == [6.63]


def test_an_error_status_gives_no_rows_and_the_providers_code(places: Places) -> None:
    answers = [
        payload({"code": 401001, "type": "Invalid Key", "message": "no"}, status=401),
        payload(b"<html>", status=502),
        payload(BODY, status=500),
        payload(b"", failure="time-out after 20 s"),
        payload(BODY),
    ]
    decoded = tomorrow_io.decoder(places)(answers, BASIC)
    reasons = [reject.reason for reject in decoded.rejects]
    assert reasons == ["error 401001", "error 502", "error 500"]
    assert len(decoded.readings) == 1


def test_every_documented_error_is_told_by_its_code(shared: Path, places: Places) -> None:
    text = (shared / "tomorrowio/documented_errors_and_rate_headers.json").read_text()
    for code, (kind, message) in json.loads(text)["errors"].items():
        body = {"code": int(code), "type": kind, "message": message}
        for status in (200, int(code[:3])):
            for content in ("realtime", "forecast", "timelines"):
                answer = payload(body, content, status=status)
                decoded = tomorrow_io.decoder(places)([answer], None)
                assert [reject.reason for reject in decoded.rejects] == [f"error {code}"]


def test_a_body_without_places_is_taken_for_the_nearest_watched_place(places: Places) -> None:
    decode = tomorrow_io.decoder(places)
    near = decode([payload(BODY, places=())], BASIC)
    assert [places[i].id for i in near.readings.place] == ["toronto"]
    far = {**BODY, "location": {"lat": 44.0, "lon": -79.38}}
    nowhere = {**BODY, "location": None}
    both = decode([payload(far, places=()), payload(nowhere, places=())], BASIC)
    assert [reject.reason for reject in both.rejects] == ["unknown place", "unknown place"]
    assert len(both.readings) == 0


def test_a_place_that_is_not_watched_is_rejected(places: Places) -> None:
    answers = [payload(BODY, places=("atlantis",)), payload(BODY, places=("toronto", "ny"))]
    decoded = tomorrow_io.decoder(places)(answers, BASIC)
    assert [r.reason for r in decoded.rejects] == ["unknown place", "more than one place"]
    assert len(decoded.readings) == 0


def test_the_recorded_forecast_is_minutes_and_hours(shared: Path, places: Places) -> None:
    body = (shared / "tomorrowio/forecast_newyork_state_2024-09-21.json").read_bytes()
    answer = payload(body, "forecast", places=("ny",))
    decoded = tomorrow_io.decoder(places)([answer], None)
    readings = decoded.readings
    assert decoded.rejects == []
    assert len(readings) == 60 + 120
    assert set(readings.kind.tolist()) == {Kind.FORECAST}
    assert set(readings.issued_at.tolist()) == {NO_TIME}
    assert set(readings.known_at.tolist()) == {VALID_AT + 20}
    assert readings.valid_at[0] == 1_726_897_500  # 05:45
    assert readings.valid_at[60] == 1_726_894_800  # 05:00
    assert readings.values["wind_gust_m_s"][[0, 60]].tolist() == [6.31, 6.88]
    assert readings.values["visibility_m"][0] == 15_680
    assert readings.period_s[[0, 60]].tolist() == [0, 3600]
    hours = readings.values["rain_mm"][60:]
    given = json.loads(body)["timelines"]["hourly"]
    assert hours.tolist() == [hour["values"]["rainAccumulation"] for hour in given]
    assert np.isnan(readings.values["rain_mm"][:60]).all()


def test_a_recorded_forecast_was_issued_when_it_was_received(shared: Path, places: Places) -> None:
    body = (shared / "tomorrowio/forecast_newyork_state_2024-09-21.json").read_bytes()
    answer = payload(body, "forecast", places=("ny",), is_recorded=True)
    readings = tomorrow_io.decoder(places)([answer], None).readings
    assert set(readings.issued_at.tolist()) == {VALID_AT + 20}
    assert set(readings.known_at.tolist()) == {VALID_AT + 20}


def test_imperial_timelines_are_converted(shared: Path, places: Places) -> None:
    body = (shared / "tomorrowio/timelines_1hour_imperial_2022.json").read_bytes()
    fifth = 1_649_955_600  # 2022-04-14T17:00:00Z
    answer = payload(body, "timelines-imperial", places=("poa",), received_at=fifth)
    decoded = tomorrow_io.decoder(places)([answer], None)
    readings = decoded.readings
    assert decoded.rejects == []
    assert len(readings) == 109
    assert readings.valid_at[0] == 1_649_941_200
    first = {name: float(column[0]) for name, column in readings.values.items()}
    assert first["temperature_c"] == pytest.approx((73.06 - 32) / 1.8)
    assert first["dew_point_c"] == pytest.approx((66.88 - 32) / 1.8)
    assert first["wind_gust_m_s"] == pytest.approx(5.59 * 1609.344 / 3600)
    assert first["pressure_hpa"] == pytest.approx(1013.88, abs=0.01)
    assert first["pressure_sea_level_hpa"] == pytest.approx(1018.96, abs=0.01)
    assert first["visibility_m"] == pytest.approx(9.94 * 1609.344)
    assert first["cloud_base_m"] == pytest.approx(0.27 * 1609.344)
    assert first["rain_rate_mm_h"] == 0
    assert first["relative_humidity_pct"] == 81
    intervals = json.loads(body)["data"]["timelines"][0]["intervals"]
    inches = [each["values"]["precipitationIntensity"] for each in intervals]
    assert readings.values["rain_rate_mm_h"] == pytest.approx(np.array(inches) * 25.4)
    # What lay ahead of the receipt is a forecast; what did not is an analysis.
    assert readings.kind.tolist() == [Kind.ANALYSIS] * 5 + [Kind.FORECAST] * 104


def test_imperial_realtime_and_metric_realtime_agree(places: Places) -> None:
    imperial = realtime(windGust=14.83, windSpeed=9.798, visibility=9.0534, rainIntensity=1)
    decode = tomorrow_io.decoder(places)
    readings = decode([payload(imperial, "realtime-imperial"), payload(BODY)], None).readings
    assert readings.values["wind_gust_m_s"] == pytest.approx([6.63, 6.63], abs=0.01)
    assert readings.values["visibility_m"] == pytest.approx([14570, 14570], abs=1)
    assert readings.values["rain_rate_mm_h"].tolist() == [25.4, 0]


def test_damaged_entries_of_a_series_cost_no_others(places: Places) -> None:
    hours = [
        {"time": "2024-09-21T06:00:00Z", "values": {"windGust": 5, "rainAccumulation": 1.5}},
        {"time": "2024-09-21T07:00:00", "values": {"windGust": 6}},
        {"time": "2024-09-21T08:00:00Z", "values": {"windGust": "7"}},
        {"time": "2024-09-21T09:00:00Z"},
        None,
        {"time": "2024-09-21T10:00:00Z", "values": {"windGust": 9}},
    ]
    body = {"timelines": {"hourly": hours, "minutely": "none", "daily": []}}
    decoded = tomorrow_io.decoder(places)([payload(body, "forecast")], None)
    reasons = sorted(reject.reason for reject in decoded.rejects)
    assert reasons == ["no values", "not a number", "time without offset"]
    gusts = decoded.readings.values["wind_gust_m_s"]
    assert np.array_equal(gusts, [5, np.nan, 9], equal_nan=True)


def test_soft_errors_are_told_and_the_values_kept(places: Places) -> None:
    interval = {"startTime": "2024-09-21T05:00:00Z", "values": {"windGust": 3}}
    body = {
        "data": {
            "timelines": [
                {"timestep": "1h", "intervals": [interval]},
                {"timestep": "1d", "intervals": [interval]},
                {"timestep": "1w", "intervals": [interval]},
                {"timestep": "1h"},
            ]
        },
        "warnings": [{"code": 246001, "message": "not supported: hailBinary"}],
    }
    decoded = tomorrow_io.decoder(places)([payload(body, "timelines")], None)
    reasons = [reject.reason for reject in decoded.rejects]
    assert reasons == ["warning 246001", "unknown timestep", "no intervals"]
    assert decoded.readings.values["wind_gust_m_s"].tolist() == [3]


def test_an_unknown_content_is_told(places: Places) -> None:
    decoded = tomorrow_io.decoder(places)([payload(BODY, "history")], None)
    assert [reject.reason for reject in decoded.rejects] == ["unknown content"]


def test_no_payloads_are_no_readings(places: Places) -> None:
    assert len(tomorrow_io.decoder(places)([], None).readings) == 0


def test_the_key_is_in_a_header_and_never_in_the_url_or_the_text() -> None:
    place = Place(id="poa", name="Porto Alegre", latitude=-30.03, longitude=-51.23)
    for content in ("realtime", "forecast"):
        (request,) = tomorrow_io.requests([place], key="s3cret", content=content)
        assert request.credentials == {"apikey": "s3cret"}
        assert request.url == f"https://api.tomorrow.io/v4/weather/{content}"
        assert request.params["location"] == "-30.03,-51.23"
        assert request.params["units"] == "metric"
        assert (request.source, request.content, request.places) == (
            "tomorrow-io",
            content,
            ("poa",),
        )
        assert request.cost == 1
        assert "s3cret" not in f"{request!r}{request}{request.url}{request.params}"


NUMBERS = st.none() | st.integers(0, 30) | st.floats(0, 30)
TIMES = st.sampled_from(
    ["2024-09-21T05:44:00Z", "2024-09-21T05:45:00Z", "2024-09-21T05:44:00.250Z", "no time", "", "é"]
)
SPOTS = st.sampled_from([None, {}, {"lat": 43.653, "lon": -79.384}, {"lat": 44, "lon": 2}])


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(st.lists(st.tuples(TIMES, NUMBERS, NUMBERS, SPOTS), min_size=1, max_size=20))
def test_answers_read_together_say_what_each_says_alone(
    told: list[tuple[str, float | None, float | None, dict[str, float] | None]],
) -> None:
    places = Places([Place(id="toronto", name="Toronto", latitude=43.653, longitude=-79.384)])
    answers = [
        payload(
            {
                "data": {"time": time, "values": {"windGust": gust, "windSpeed": wind}},
                "location": spot,
            }
        )
        for time, gust, wind, spot in told
    ]
    decode = tomorrow_io.decoder(places)
    together, alone = decode(answers, BASIC), [decode([answer], BASIC) for answer in answers]
    expected = Readings.concat(one.readings for one in alone)
    assert together.readings.valid_at.tolist() == expected.valid_at.tolist()
    for name in BASIC:
        np.testing.assert_array_equal(together.readings.value(name), expected.value(name))
    rejects = sorted((one.reason, one.detail) for each in alone for one in each.rejects)
    assert sorted((one.reason, one.detail) for one in together.rejects) == rejects
