from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Kind
from atalaia.sources import open_meteo

NOON = 1_790_985_600  # 2026-10-02T12:00:00-12:00, 2026-10-03T00:00:00Z


def payload(body: Any, content: str = "forecast", **more: Any) -> Payload:
    fields = {"received_at": NOON, "places": ("enschede",), **more}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(source="open-meteo", content=content, body=raw, **fields)


def hourly(units: dict[str, str], columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "latitude": 52.28,
        "longitude": 6.87,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601", **units},
        "hourly": {"time": ["2026-10-02T23:00", "2026-10-03T00:00", "2026-10-03T01:00"], **columns},
        **more,
    }


def test_the_recorded_forecast_decodes_to_what_it_says(shared: Path, places: Places) -> None:
    body = (shared / "open_meteo/forecast_enschede_2026-10-03_subset.json").read_bytes()
    at = 1_791_023_400  # 12:30 at UTC+2
    decoded = open_meteo.decoder(places)([payload(body, received_at=at + 60)], None)
    readings = decoded.readings
    assert decoded.rejects == []
    assert readings.valid_at.tolist() == [at, NOON - 7200, NOON - 3600, NOON]
    assert readings.kind.tolist() == [Kind.ANALYSIS] * 4
    assert readings.period_s.tolist() == [900, 3600, 3600, 3600]
    assert readings.values["wind_gust_m_s"] == pytest.approx(np.array([11.9, 14.8, 14, 11.5]) / 3.6)
    assert readings.values["temperature_c"].tolist() == [17.7, 11.8, 11.2, 11.0]
    assert readings.values["visibility_m"].tolist() == [36080, 50000, 8340, 7260]
    assert readings.values["dew_point_c"][0] == 11.3
    assert readings.values["pressure_hpa"][0] == 1026.9
    assert readings.values["pressure_sea_level_hpa"][0] == 1030.4
    assert readings.values["cape_j_kg"][0] == 10
    assert readings.values["uv_index"][0] == 2.75
    assert readings.values["weather_code"].tolist() == [2, 0, 1, 1]


def test_rain_of_the_current_interval_is_a_sum_and_a_rate(places: Places) -> None:
    body = {
        "utc_offset_seconds": 0,
        "current_units": {"precipitation": "mm"},
        "current": {"time": "2026-10-02T23:45", "interval": 900, "precipitation": 6.5},
    }
    readings = open_meteo.decoder(places)([payload(body)], None).readings
    assert readings.values["rain_mm"].tolist() == [6.5]
    assert readings.values["rain_rate_mm_h"].tolist() == [26.0]
    assert readings.period_s.tolist() == [900]
    only = open_meteo.decoder(places)([payload(body)], frozenset({"rain_rate_mm_h"})).readings
    assert set(only.values) == {"rain_rate_mm_h"}


def test_without_an_interval_there_is_no_sum(places: Places) -> None:
    body = {
        "utc_offset_seconds": 0,
        "current_units": {"precipitation": "mm", "cape": "J/kg"},
        "current": {"time": "2026-10-02T23:45", "precipitation": 6.5, "cape": 12},
    }
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert set(decoded.readings.values) == {"cape_j_kg"}
    assert [reject.reason for reject in decoded.rejects] == ["no interval"]


def test_hours_up_to_receipt_are_analysis_and_later_ones_forecast(places: Places) -> None:
    body = hourly({"precipitation": "mm"}, {"precipitation": [1, 2, 3]})
    live = open_meteo.decoder(places)([payload(body)], None).readings
    assert live.kind.tolist() == [Kind.ANALYSIS, Kind.ANALYSIS, Kind.FORECAST]
    assert live.issued_at.tolist() == [NO_TIME] * 3
    assert live.known_at.tolist() == [NOON] * 3
    assert live.values["rain_mm"].tolist() == [1, 2, 3]
    assert "rain_rate_mm_h" not in live.values
    recorded = open_meteo.decoder(places)([payload(body, is_recorded=True)], None).readings
    assert recorded.issued_at.tolist() == [NO_TIME, NO_TIME, NOON]
    assert recorded.known_at.tolist() == [NOON - 3600, NOON, NOON]


def test_quarter_hours_are_sums_of_their_own_period(shared: Path, places: Places) -> None:
    body = (shared / "open_meteo/forecast_minutely_15_enschede_2026-10-03.json").read_bytes()
    at = 1_791_023_400
    readings = open_meteo.decoder(places)([payload(body, received_at=at)], None).readings
    assert readings.valid_at.tolist() == [at, at + 900, at + 1800, at + 2700]
    assert readings.kind.tolist() == [Kind.ANALYSIS] + [Kind.FORECAST] * 3
    assert set(readings.period_s.tolist()) == {900}
    assert readings.values["temperature_c"].tolist() == [17.7, 18.1, 18.5, 18.9]
    assert set(readings.values) == {"temperature_c", "rain_mm", "rain_rate_mm_h"}


def test_an_archive_is_all_analysis_in_the_older_spelling(shared: Path, places: Places) -> None:
    body = (shared / "open_meteo/chunk_20240330_to_20240628.json").read_bytes()
    answer = payload(body, "archive", places=("poa",), is_recorded=True, received_at=0)
    decoded = open_meteo.decoder(places)([answer], None)
    readings = decoded.readings
    assert decoded.rejects == []
    assert len(readings) == 2184
    assert set(readings.kind.tolist()) == {Kind.ANALYSIS}
    assert readings.valid_at[0] == 1_711_767_600  # midnight in Porto Alegre is 03:00 UTC
    assert readings.known_at.tolist() == readings.valid_at.tolist()
    assert readings.values["wind_gust_m_s"][0] == pytest.approx(1.8 / 3.6)
    assert readings.values["dew_point_c"][0] == 19.6
    assert readings.values["wind_direction_deg"][0] == 180
    assert readings.values["cloud_cover_pct"][5] == 33
    assert "precipitation_probability_pct" not in readings.values  # null throughout


def test_a_code_of_thunder_is_told_as_its_class_and_no_hail_is_made_of_it(places: Places) -> None:
    """96 is 95 that the provider's formula is surer of; 99 is the ICON models' heavy one."""
    answers = [
        payload(hourly({"weather_code": "wmo code"}, {"weather_code": codes}))
        for codes in ([82, 95, 96], [99, 0, None])
    ]
    for wanted in (None, frozenset({"thunderstorm_class"})):
        values = open_meteo.decoder(places)(answers, wanted).readings.values
        assert values["thunderstorm_class"][:5].tolist() == [0, 2, 2, 3, 0]
        assert np.isnan(values["thunderstorm_class"][5])
        assert ("weather_code" in values) == (wanted is None)


@pytest.mark.parametrize(
    ("key", "unit", "given_and_told"),
    [
        ("wind_gusts_10m", "km/h", (36, "wind_gust_m_s", 10)),
        ("wind_gusts_10m", "m/s", (10, "wind_gust_m_s", 10)),
        ("windgusts_10m", "mp/h", (10, "wind_gust_m_s", 4.4704)),
        ("windspeed_10m", "kn", (10, "wind_speed_m_s", 5.14444)),
        ("temperature_2m", "°F", (212, "temperature_c", 100)),
        ("dewpoint_2m", "°C", (-40, "dew_point_c", -40)),
        ("precipitation", "inch", (1, "rain_mm", 25.4)),
        ("snowfall", "cm", (3, "snow_cm", 3)),
        ("snowfall", "inch", (1, "snow_cm", 2.54)),
        ("visibility", "ft", (1000, "visibility_m", 304.8)),
        ("relativehumidity_2m", "%", (50, "relative_humidity_pct", 50)),
        ("weathercode", "wmo code", (95, "weather_code", 95)),
    ],
)
def test_units_are_read_from_the_answer_and_converted(
    places: Places, key: str, unit: str, given_and_told: tuple[float, str, float]
) -> None:
    given, variable, expected = given_and_told
    body = hourly({key: unit}, {key: [given, None, given]})
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert decoded.rejects == []
    column = decoded.readings.values[variable]
    assert column[[0, 2]] == pytest.approx([expected, expected], rel=1e-5)
    assert np.isnan(column[1])


@pytest.mark.parametrize("unit", ["undefined", "furlong", None, 7])
def test_a_variable_of_an_unknown_unit_is_rejected_and_the_others_kept(
    places: Places, unit: Any
) -> None:
    units = {"precipitation": unit, "cape": "J/kg"}
    body = hourly(units, {"precipitation": [1, 2, 3], "cape": [1, 2, 3]})
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert set(decoded.readings.values) == {"cape_j_kg"}
    assert [reject.reason for reject in decoded.rejects] == ["unknown unit"]
    assert "precipitation" in decoded.rejects[0].detail


def test_both_spellings_in_one_answer_fill_each_other(places: Places) -> None:
    columns = {"wind_gusts_10m": [1, None, None], "windgusts_10m": [9, 2, None]}
    body = hourly(dict.fromkeys(columns, "m/s"), columns)
    readings = open_meteo.decoder(places)([payload(body)], None).readings
    expected = [1, 2, np.nan]
    assert np.array_equal(readings.values["wind_gust_m_s"], expected, equal_nan=True)


def test_many_places_come_in_the_order_of_the_request(places: Places) -> None:
    spots = [(-8.0, -34.9), (0, 0), (-30.0, -51.25)]
    body = [
        hourly({"cape": "J/kg"}, {"cape": [i, i, i]}, latitude=lat, longitude=lon)
        for i, (lat, lon) in enumerate(spots)
    ]
    answer = payload(body, places=("recife", "atlantis", "poa"))
    decoded = open_meteo.decoder(places)([answer], None)
    said = {
        places[place].id: value
        for place, value in zip(
            decoded.readings.place, decoded.readings.values["cape_j_kg"], strict=True
        )
    }
    assert said == {"recife": 0, "poa": 2}
    assert [reject.reason for reject in decoded.rejects] == ["unknown place"]


def test_an_answer_for_another_place_is_rejected_with_both_named(places: Places) -> None:
    far = hourly({"cape": "J/kg"}, {"cape": [1, 2, 3]}, latitude=52.52, longitude=13.42)
    decoded = open_meteo.decoder(places)([payload(far, places=("recife",))], None)
    assert len(decoded.readings) == 0
    (reject,) = decoded.rejects
    assert reject.reason == "another place"
    assert "recife at -8" in reject.detail
    assert "52.52, 13.42" in reject.detail


@pytest.mark.parametrize("word", ["nan", "-nan", "NaN", "Infinity", "-inf", "1e999"])
def test_what_is_no_number_costs_itself_alone(places: Places, word: str) -> None:
    good = hourly({"cape": "J/kg"}, {"cape": [1, 2, 3]}, latitude=-8.0, longitude=-34.9)
    bad = hourly({"cape": "J/kg"}, {"cape": [1, 987654, 3]}, latitude=-30.0, longitude=-51.25)
    answer = payload([good, bad], places=("recife", "poa"))
    body = answer.body.replace(b"987654", word.encode())
    decoded = open_meteo.decoder(places)([msgspec.structs.replace(answer, body=body)], None)
    found = decoded.readings.values["cape_j_kg"]
    assert np.isnan(found).tolist() == [False] * 4 + [True, False]
    assert [reject.reason for reject in decoded.rejects] == ["not finite"]


def test_an_answer_of_another_length_is_matched_by_coordinates(places: Places) -> None:
    spots = [(-30.0, -51.25), (0, 0), (52.276, 6.873)]
    body = [
        hourly({"cape": "J/kg"}, {"cape": [i, i, i]}, latitude=lat, longitude=lon)
        for i, (lat, lon) in enumerate(spots)
    ]
    decoded = open_meteo.decoder(places)([payload(body, places=("enschede", "poa"))], None)
    first_of_each = decoded.readings.take(slice(None, None, 3))
    assert [places[i].id for i in first_of_each.place] == ["poa", "enschede"]
    assert first_of_each.values["cape_j_kg"].tolist() == [0, 2]
    assert [reject.reason for reject in decoded.rejects] == ["unknown place"]


def test_a_damaged_element_costs_no_other_place(places: Places) -> None:
    good = hourly({"cape": "J/kg"}, {"cape": [1, 2, 3]})
    elements = [None, good, {"latitude": None}, {**good, "utc_offset_seconds": None}]
    elements[3] |= {"latitude": None}
    answer = payload(elements, places=("poa", "enschede", "recife", "toronto"))
    decoded = open_meteo.decoder(places)([answer], None)
    assert {places[i].id for i in decoded.readings.place} == {"enschede"}
    reasons = [reject.reason for reject in decoded.rejects]
    assert reasons == ["not an object", "no known block", "time without offset"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "HTML instead of JSON"),
        (b'[{"latitude": 1, "hourly": {"time": ["2026', "truncated JSON"),
        (b'{"reason": "Invalid value", "error": true}', "error in the answer"),
        (b"[[[[", "truncated JSON"),
        (b"null", "not an object"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_forecast_is_told(places: Places, body: bytes, reason: str) -> None:
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert len(decoded.readings) == 0


def test_a_400_gives_the_providers_reason(places: Places) -> None:
    body = {"reason": "Latitude must be in range", "error": True}
    decoded = open_meteo.decoder(places)([payload(body, status=400)], None)
    assert [(r.reason, r.detail) for r in decoded.rejects] == [
        ("error 400", "Latitude must be in range")
    ]


def test_damaged_columns_cost_no_others(places: Places) -> None:
    units = dict.fromkeys(("cape", "precipitation", "visibility"), "")
    units |= {"cape": "J/kg", "precipitation": "mm", "visibility": "m", "uv_index": ""}
    columns = {
        "cape": [1, 2],
        "precipitation": [1, "2", 3],
        "visibility": "far",
        "uv_index": [1, 2, 3],
    }
    decoded = open_meteo.decoder(places)([payload(hourly(units, columns))], None)
    assert set(decoded.readings.values) == {"rain_mm", "uv_index"}
    expected = [1, np.nan, 3]
    assert np.array_equal(decoded.readings.values["rain_mm"], expected, equal_nan=True)
    reasons = sorted(reject.reason for reject in decoded.rejects)
    assert reasons == ["not a number", "wrong length", "wrong length"]


def test_a_bad_time_costs_its_row(places: Places) -> None:
    body = hourly({"cape": "J/kg"}, {"cape": [1, 2, 3]})
    body["hourly"]["time"][1] = "2026-13-01T00:00"
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert decoded.readings.values["cape_j_kg"].tolist() == [1, 3]
    assert [reject.reason for reject in decoded.rejects] == ["not a time"]


def test_a_present_a_day_ahead_is_not_believed(places: Places) -> None:
    body = {
        "utc_offset_seconds": 0,
        "current_units": {"cape": "J/kg"},
        "current": {"time": "2026-10-05T00:00", "interval": 900, "cape": 1},
    }
    decoded = open_meteo.decoder(places)([payload(body)], None)
    assert [reject.reason for reject in decoded.rejects] == ["from the future"]
    assert len(decoded.readings) == 0
