from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Place, Places
from atalaia.domain.station_reading import StationReadings, StationsDecoded
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.pws import decoder
from atalaia.sources.pws.fields import IMPERIAL, METRIC, is_metric
from atalaia.sources.pws.form import without_secrets
from atalaia.sources.pws.rain import Counted, Gauges, difference
from atalaia.sources.units import conversion

PLACES = Places(
    [Place(id="p1", name="Mill", latitude=-30.0, longitude=-51.2, elevation_m=9, timezone="UTC")]
)
RECEIVED = int(datetime(2026, 3, 8, 3, 58, tzinfo=UTC).timestamp())

ECOWITT = {
    "PASSKEY": "0123456789ABCDEF", "stationtype": "GW1200B_V1.4.6",
    "dateutc": "2026-03-08 03:57:53",
    "baromrelin": "29.926", "baromabsin": "24.598", "tempf": "45.86", "humidity": "34",
    "winddir": "325", "windspeedmph": "5.37", "windgustmph": "7.38", "rainratein": "0.100",
    "hourlyrainin": "0.3", "dailyrainin": "0.098", "yearlyrainin": "0.248", "totalrainin": "0.248",
    "uv": "0", "lightning": "",
}  # fmt: skip


def decode(
    *bodies: bytes | dict[str, Any], content: str = "ecowitt", gauges: Gauges | None = None,
    received_at: int = RECEIVED, places: tuple[str, ...] = ("garden",),
) -> StationsDecoded:  # fmt: skip
    payloads = [
        Payload(
            source="pws",
            content=content,
            received_at=received_at,
            places=places,
            body=body if isinstance(body, bytes) else urlencode(body).encode(),
        )
        for body in bodies
    ]
    decoded = decoder.decoder(PLACES)(payloads)
    readings, holes = (gauges or Gauges()).rain(decoded.readings)
    rejects = [Reject(source="pws", reason=hole.why) for hole in holes]
    return replace(decoded, readings=readings, rejects=decoded.rejects + rejects)


def told(readings: StationReadings) -> dict[tuple[str, int], float]:
    return {
        (name, int(readings.period_s[i])): float(column[i])
        for name, column in readings.values.items()
        for i in range(len(readings))
        if not np.isnan(column[i])
    }


def wu(query: str, **more: Any) -> StationsDecoded:
    return decode(query.encode(), content="wunderground", **more)


# Values


def test_an_ecowitt_post_becomes_a_reading() -> None:
    decoded = decode(ECOWITT)
    assert decoded.rejects == []
    (station,) = decoded.stations
    assert (station.id, station.kind) == ("pws:garden", "private")
    assert set(decoded.readings.valid_at.tolist()) == {RECEIVED - 7}
    assert told(decoded.readings) == {
        ("temperature_c", 0): pytest.approx(7.7, abs=1e-3),
        ("relative_humidity_pct", 0): 34,
        ("wind_speed_m_s", 0): pytest.approx(2.4006, abs=1e-3),
        ("wind_gust_m_s", 0): pytest.approx(3.2992, abs=1e-3),
        ("wind_direction_deg", 0): 325,
        ("pressure_sea_level_hpa", 0): pytest.approx(1013.41, abs=0.01),
        ("pressure_hpa", 0): pytest.approx(832.98, abs=0.01),
        ("rain_rate_mm_h", 0): pytest.approx(2.54),
        ("uv_index", 0): 0,
    }


def test_a_console_stands_at_the_place_that_is_named_after_it_or_that_it_is_called_as() -> None:
    for places, name in ((("roof", "p1"), "roof"), (("p1",), "Mill")):
        (station,) = decode(ECOWITT, places=places).stations
        assert (station.id, station.name) == (f"pws:{places[0]}", name)
        assert (station.latitude, station.longitude, station.elevation_m) == (-30.0, -51.2, 9)
    for places in (("roof", "gone"), ("roof",)):
        (station,) = decode(ECOWITT, places=places).stations
        assert (station.id, station.latitude) == ("pws:roof", None)


def test_a_wunderground_query_becomes_a_reading() -> None:
    decoded = wu(
        "ID=KPOA1&PASSWORD=secret&action=updateraw&dateutc=2026-03-08+03%3A50%3A00&tempf=70"
        "&dewptf=50&windspeedmph=10&windgustmph=20&windgustmph_10m=30&winddir=90&baromin=29.92"
        "&rainin=0.5&dailyrainin=1.25&windspdmph_avg2m=8&winddir_avg2m=80"
    )
    found = told(decoded.readings)
    assert found["rain_mm", 3600] == pytest.approx(12.7)
    assert found["wind_gust_m_s", 600] == pytest.approx(13.4112)
    assert found["wind_gust_m_s", 0] == pytest.approx(8.9408)
    assert found["wind_speed_m_s", 120] == pytest.approx(3.5763, abs=1e-3)
    assert ("wind_speed_m_s", 0) not in found
    assert found["dew_point_c", 0] == 10


def test_the_metric_dialect_is_told_by_its_names() -> None:
    decoded = wu(
        "ID=X&PASSWORD=Y&intemp=22.8&outtemp=1.4&dewpoint=1.1&outhumi=98&windspeed=4.0&windgust=9.5"
        "&winddir=193&absbaro=1009.5&relbaro=1033.4&rainrate=1.5&dailyrain=0.0&yearlyrain=10.5"
        "&UV=919&dateutc=2026-3-8%203:42:5&softwaretype=HP1001%20V2.2.2"
    )
    assert told(decoded.readings) == {
        ("temperature_c", 0): 1.4, ("dew_point_c", 0): 1.1, ("relative_humidity_pct", 0): 98,
        ("wind_speed_m_s", 0): 4, ("wind_gust_m_s", 0): 9.5, ("wind_direction_deg", 0): 193,
        ("pressure_hpa", 0): 1009.5, ("pressure_sea_level_hpa", 0): 1033.4,
        ("rain_rate_mm_h", 0): 1.5,
    }  # fmt: skip
    assert decoded.readings.valid_at.tolist() == [RECEIVED - 16 * 60 + 5]


def test_minus_9999_and_empty_texts_are_missing_and_never_values() -> None:
    decoded = wu(
        "tempf=-9999&humidity=-9999&windgustmph=&winddir=--&rainin=0.00&dateutc=2026-3-8%203:34:15"
    )
    assert told(decoded.readings) == {("rain_mm", 3600): 0.0}
    assert decoded.rejects == []


def test_split_messages_tell_each_what_they_hold() -> None:
    wind = "dateutc=now&id=24C86E000000&mt=5N1x31&windspeedmph=5&winddir=113&rainin=0.00"
    heat = "dateutc=now&id=24C86E000000&mt=5N1x38&humidity=45&tempf=95.6&windspeedmph=6"
    decoded = decode(wind.encode(), heat.encode(), content="wunderground")
    settled = decoded.readings.take(decoded.readings.period_s == 0).settled()
    assert len(settled) == 1
    assert settled.values["temperature_c"][0] == pytest.approx(35.3333, abs=1e-3)
    assert settled.values["wind_direction_deg"].tolist() == [113]


def test_a_console_that_was_never_set_to_its_height_has_no_pressure_at_sea_level() -> None:
    found = told(decode({**ECOWITT, "baromrelin": "24.740", "baromabsin": "24.740"}).readings)
    assert ("pressure_sea_level_hpa", 0) not in found
    assert found["pressure_hpa", 0] == pytest.approx(837.79, abs=0.01)


def test_every_field_has_a_variable_and_a_unit_that_is_known() -> None:
    for each in (*IMPERIAL, *METRIC):
        assert each.variable in CATALOGUE
        assert conversion(each.unit, each.variable) is not None


# Time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-08 03:57:53", -7), ("2026-3-8 3:57:53", -7), ("2026-03-08 03: 57: 53", -7),
        ("2026-03-08T03:57:53", -7), ("now", 0), ("NOW", 0), ("2026-3-8 3:57", -60),
    ],
)  # fmt: skip
def test_dates_are_read_as_consoles_write_them(text: str, seconds: int) -> None:
    readings = decode({**ECOWITT, "dateutc": text}).readings
    assert set(readings.valid_at.tolist()) == {RECEIVED + seconds}


@pytest.mark.parametrize("text", ["", "today", "2026-13-08 03:57:53", "2026-02-30 03:57:53", "1"])
def test_an_upload_without_a_time_is_refused(text: str) -> None:
    decoded = decode({**ECOWITT, "dateutc": text})
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == ["not a time"]


def test_a_clock_that_is_hours_ahead_is_not_believed() -> None:
    decoded = decode({**ECOWITT, "dateutc": "2026-03-08 06:57:53"})
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == ["from the future"]


# Secrets


@pytest.mark.parametrize(
    "field",
    [
        "PASSWORD=hunter2", "password=hunter2", "PASSKEY=hunter2", "key=hunter2", "pass=hunter2",
        "P%41SSWORD=hunter2", "apikey=hunter2", "api_key=hunter2", "PASSWORD1=hunter2",
        "ID=hunter2", "id=hunter2", "MAC=hunter2", "token=hunter2", "+PASSWORD=hunter2",
    ],
)  # fmt: skip
def test_a_secret_is_taken_out_before_anything_is_kept(field: str) -> None:
    for body in (
        f"{field}&tempf=45&dateutc=now", f"tempf=45&{field}&dateutc=now", f"tempf=45&{field}",
        f"tempf=45&{field}&tempf=45&{field}",
        f"/weatherstation/updateweatherstation.php?{field}&tempf=45",
    ):  # fmt: skip
        upload = without_secrets(body.encode())
        assert b"hunter2" not in upload.body
        assert b"tempf=45" in upload.body
        assert "hunter2" in (upload.secret, upload.identity)


def test_what_is_kept_reads_the_same() -> None:
    kept = without_secrets(urlencode(ECOWITT).encode()).body
    assert told(decode(kept).readings) == told(decode(ECOWITT).readings)
    assert without_secrets(kept).body == kept


# Rain


def test_rain_is_the_difference_of_the_longest_counter() -> None:
    gauges = Gauges()
    first = decode({**ECOWITT, "dateutc": "2026-03-08 03:50:00"}, gauges=gauges)
    assert not any(name == "rain_mm" for name, _ in told(first.readings))
    later = {**ECOWITT, "totalrainin": "0.648", "dailyrainin": "0.0", "hourlyrainin": "9.9"}
    second = decode({**later, "dateutc": "2026-03-08 03:55:00"}, gauges=gauges)
    assert told(second.readings)["rain_mm", 300] == pytest.approx(10.16)


def test_the_same_upload_again_is_no_rain_and_no_hole() -> None:
    gauges = Gauges()
    for _ in range(2):
        assert decode(ECOWITT, gauges=gauges).rejects == []
    wet = {**ECOWITT, "totalrainin": "0.348", "dateutc": "2026-03-08 03:59:53"}
    assert told(decode(wet, gauges=gauges).readings)["rain_mm", 120] == pytest.approx(2.54)


def test_batches_cut_anyhow_give_the_same_rain() -> None:
    uploads = [
        {**ECOWITT, "totalrainin": f"{0.01 * i:.3f}", "dateutc": f"2026-03-08 03:{i:02d}:00"}
        for i in range(20)
    ]
    whole = decode(*uploads).readings
    gauges = Gauges()
    parts = [decode(each, gauges=gauges).readings for each in uploads]
    split = StationReadings.concat(parts)
    assert told(split) == told(whole)
    assert np.nansum(whole.value("rain_mm")) == pytest.approx(0.19 * 25.4)


@pytest.mark.parametrize(
    ("earlier", "later", "minutes", "mm", "why"),
    [
        ({"total": 10.0}, {"total": 12.5}, 5, 2.5, None),
        ({"total": 10.0, "daily": 1.0}, {"daily": 3.0}, 5, 2.0, None),
        ({"daily": 30.0}, {"daily": 0.4}, 5, 0.4, None),
        ({"daily": 30.0}, {"daily": 0.0}, 5, 0.0, None),
        ({"total": 721.0}, {"total": 716.0}, 5, None, "counter fell"),
        ({"daily": 30.0}, {"daily": 0.4}, 90, None, "counter fell"),
        ({"total": 10.0}, {"total": 16_000.0}, 5, None, "counter faster than rain"),
        ({"total": 10.0}, {"piezo daily": 10.0}, 5, None, "no counter in common"),
        ({"total": 10.0}, {"total": 11.0}, 4000, None, "counter silent for days"),
        ({"total": 1.0, "piezo yearly": 1.0}, {"total": 2.0, "piezo yearly": 9.0}, 5, 1.0, None),
        ({"piezo yearly": 1.0, "piezo daily": 0.0}, {"piezo yearly": 2.5}, 5, 1.5, None),
    ],
)
def test_a_fall_is_a_reset_and_what_cannot_be_is_a_hole(
    earlier: dict[str, float], later: dict[str, float], minutes: int, mm: float | None,
    why: str | None,
) -> None:  # fmt: skip
    value, reason = difference(Counted(0, earlier), Counted(minutes * 60, later))
    assert (None if value is None else value.value) == (mm if mm is None else pytest.approx(mm))
    assert reason == why
    if value is not None:
        assert (value.valid_at, value.period_s) == (minutes * 60, minutes * 60)


def test_a_late_upload_is_no_rain_and_does_not_move_the_counter_back() -> None:
    gauges = Gauges({"pws:garden": Counted(1000, {"total": 5.0})})
    assert gauges.fallen("pws:garden", 400, {"total": 4.0}) == (None, "rain of a late upload")
    value, _ = gauges.fallen("pws:garden", 1300, {"total": 5.5})
    assert value is not None
    assert (value.value, value.period_s) == (0.5, 300)


def test_what_gauges_know_can_be_kept_and_taken_up() -> None:
    gauges = Gauges()
    decode(ECOWITT, gauges=gauges)
    kept = msgspec.json.encode(gauges.known)
    again = Gauges(msgspec.json.decode(kept, type=dict[str, Counted]))
    assert again.known == gauges.known


@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 500)), min_size=2, max_size=20))
def test_rain_is_never_below_0_and_never_faster_than_it_can_fall(
    steps: list[tuple[int, float]],
) -> None:
    gauges, at = Gauges(), 0
    for seconds, mm in steps:
        at += seconds
        value, _ = gauges.fallen("x", at, {"total": mm})
        if value is not None:
            assert 0 <= value.value <= 31.2 * max(seconds / 60, 1)


# What is wrong costs only itself


@pytest.mark.parametrize(
    "body", [b"", b"&&&", b"\xff\xfe\x00", b"x" * 20_000, b"a=b&" * 600, b"<html>", b"{}"]
)
def test_what_is_no_upload_is_a_reject_and_the_others_are_read(body: bytes) -> None:
    decoded = decode(body, urlencode(ECOWITT).encode())
    assert len(decoded.rejects) == 1
    assert len(decoded.readings) == 1


def test_a_field_that_is_no_number_costs_only_itself() -> None:
    decoded = decode({**ECOWITT, "tempf": "warm", "humidity": "1e3", "winddir": "inf"})
    assert {each.reason for each in decoded.rejects} == {"not a number"}
    assert ("wind_speed_m_s", 0) in told(decoded.readings)


def test_an_upload_of_no_station_is_refused() -> None:
    for places in ((), ("",), ("", "p1"), ("a", "p1", "b")):
        assert [each.reason for each in decode(ECOWITT, places=places).rejects] == ["no station"]


@pytest.mark.parametrize("seed", range(2))
def test_damaged_uploads_end_nothing_and_tell_no_secret(seed: int) -> None:
    chance = random.Random(seed)
    whole = urlencode({**ECOWITT, "PASSKEY": "hunter2"}).encode()
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            body[chance.randrange(30, len(body))] = chance.randrange(256)
        decoded = decode(bytes(body))
        assert not any("hunter2" in each.detail for each in decoded.rejects)


# Recorded


def recorded(shared: Path) -> list[Path]:
    return sorted((shared / "live/pws").glob("*.json"))


def test_every_recorded_upload_becomes_a_reading(shared: Path) -> None:
    files = recorded(shared)
    assert len(files) >= 8
    for path in files:
        sent = json.loads(path.read_bytes())
        content = "wunderground" if "ID" in sent else "ecowitt"
        decoded = decode(sent, content=content, received_at=1_790_000_000)
        assert decoded.rejects == [], path.name
        found = told(decoded.readings)
        assert found["temperature_c", 0] == pytest.approx(
            (float(sent["tempf"]) - 32) / 1.8, abs=1e-3
        )
        assert found["relative_humidity_pct", 0] == float(sent["humidity"])
        has_wind = "windspeedmph" in sent
        assert any(name == "wind_speed_m_s" for name, _ in found) == has_wind
        for (name, _), value in found.items():
            variable = CATALOGUE[name]
            assert variable.lowest <= value <= variable.highest, (path.name, name, value)


def test_every_recorded_station_has_a_counter_of_rain(shared: Path) -> None:
    for path in recorded(shared):
        sent = json.loads(path.read_bytes())
        gauges = Gauges()
        decode(sent, gauges=gauges, received_at=1_790_000_000)
        assert gauges.known["pws:garden"].mm, path.name


def test_recorded_query_strings_are_read(shared: Path) -> None:
    lines = (shared / "live/pws/wu_query_strings.txt").read_text("utf-8").split()
    assert len(lines) >= 2
    for line in lines:
        assert "REDACTED" not in without_secrets(line.encode()).body.decode()
        decoded = wu(line, received_at=1_790_000_000)
        assert decoded.rejects == []
        assert ("rain_mm", 3600) in told(decoded.readings)
        assert is_metric(dict(part.split("=") for part in line.split("&"))) is False
