"""What instruments said, replayed from outside: the recorded files, and the rows that they are."""

from __future__ import annotations

import base64
import csv
import importlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.lake import raw

RECEIVED = "2026-09-21T00:00:00Z"
ROUNDED = 0.051
"""A report's tenths against a decoder's hundredths: temperatures in K, pressure in Pa."""


def replayed(folder: Path, lines: list[dict[str, Any]], *more: str) -> Path:
    """A home that has lived through the lines."""
    file = folder / "payloads.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    home = folder / "home"
    done = CliRunner().invoke(
        app, ["replay", "--payloads", str(file), "--home", str(home), *more], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return home


def asked(home: Path, sql: str) -> list[dict[str, str]]:
    told = CliRunner().invoke(
        app, ["sql", "--home", str(home), "--format", "csv", sql], catch_exceptions=False
    )
    assert told.exit_code == 0, told.output
    return list(csv.DictReader(io.StringIO(told.stdout)))


def line(source: str, content: str, body: Any, **more: Any) -> dict[str, Any]:
    return {"received_at": RECEIVED, "source": source, "content": content, "body": body, **more}


def values(home: Path) -> dict[tuple[str, str, int, int, str], float]:
    """Every value by station, source, second, period and variable."""
    found = {}
    for row in asked(home, "SELECT * FROM station_readings"):
        key = row.pop("station_id"), row.pop("source"), seconds(row.pop("valid_at"))
        period = int(row.pop("period_s"))
        del row["date"]
        for name, text in row.items():
            if text:
                found[*key, period, name] = float(text)
    return found


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_every_recorded_file_of_bufr_gives_the_expected_rows(shared: Path, tmp_path: Path) -> None:
    files = sorted(p for p in (shared / "live/bufr").iterdir() if p.is_file())
    lines = []
    for i, path in enumerate(files):
        body = base64.b64encode(path.read_bytes()).decode()
        lines.append(
            {
                "received_at": RECEIVED,
                "source": f"wis2:f{i}",
                "content": "bufr",
                "body_base64": body,
            }
        )
    found = values(replayed(tmp_path, lines))
    compared = 0
    for i, path in enumerate(files):
        told = json.loads((path.parent / "expected" / f"{path.name}.json").read_text("utf-8"))
        rows = [
            (observed["station"], *row)
            for message in told["messages"]
            for observed in message.get("observations", [])
            if observed["station"]
            for row in observed["rows"]
        ]
        # What is told of one key twice (a correction in the same file) counts as it was told last.
        newest = {(s, at, period or 0, name): value for s, name, at, value, period, _ in rows}
        for (station, at, period, name), value in newest.items():
            ours = found[f"wis2:{station}", f"wis2:f{i}", seconds(at), period, name]
            assert ours == pytest.approx(value, abs=ROUNDED), (path.name, station, at, name)
            compared += 1
    assert compared > 1000


def test_notifications_as_received_are_rows_and_stations(shared: Path, tmp_path: Path) -> None:
    told = (shared / "live/wis2/global_broker_2026-08-11.jsonl").read_text("utf-8").splitlines()
    notices = [json.loads(one) for one in told]
    lines = [line(f"wis2:{one['topic'].split('/')[3]}", "wnm", one["payload"]) for one in notices]
    home = replayed(tmp_path, lines)
    found = values(home)
    at = seconds("2026-08-11T10:00:00Z")
    kisumu = ("wis2:0-20000-0-63708", "wis2:ke-meteo", at)
    assert found[*kisumu, 600, "wind_speed_m_s"] == 41.2
    inmet = ("wis2:0-76-0-5218003000000581", "wis2:br-inmet", at)
    assert found[*inmet, 3600, "wind_gust_m_s"] == 7.7
    assert found[*inmet, 3600, "rain_mm"] == 0.0
    stations = {row["station_id"]: row for row in asked(home, "SELECT * FROM stations")}
    assert stations[inmet[0]]["name"] == "PORANGATU"
    assert float(stations[inmet[0]]["latitude"]) == pytest.approx(-13.30944)
    # One Kenyan report came by its origin and two caches: one row a period all the same.
    count = "SELECT count(*) AS n FROM (SELECT DISTINCT station_id, source, valid_at, period_s"
    (distinct,) = asked(home, f"{count} FROM station_readings)")
    (rows,) = asked(home, "SELECT count(*) AS n FROM station_readings")
    assert distinct == rows


def test_metars_of_both_forms_are_rows(shared: Path, tmp_path: Path) -> None:
    answer = json.loads((shared / "live/metar/awc_api_data_metar.json").read_text("utf-8"))
    decoded = json.loads((shared / "live/metar/expected/decoded.json").read_text("utf-8"))
    dated = [one for one in decoded if one.get("date_known") == "2026-03-11"]
    raw = "\n".join(one["raw"] for one in dated)
    lines = [
        line("metar", "metar-json", answer),
        line("metar", "metar-raw", raw) | {"received_at": "2026-03-11T23:30:00Z"},
    ]
    found = values(replayed(tmp_path, lines))
    for one in dated:
        agreed = one["agreed"]
        day, hour, minute = (int(agreed["day_hour_minute"][i : i + 2]) for i in (0, 2, 4))
        at = int(datetime(2026, 3, day, hour, minute, tzinfo=UTC).timestamp())
        key = (f"metar:{one['raw'].split()[1]}", "metar", at, 0)
        assert found[*key, "wind_speed_m_s"] == pytest.approx(agreed["wind_m_s"], abs=0.01)
        assert found[*key, "temperature_c"] == agreed["temp_c"]
        assert found[*key, "pressure_sea_level_hpa"] == agreed["pressure_hpa"]
    assert len(dated) > 2
    stations = {key[0] for key in found}
    assert stations >= {f"metar:{one['icaoId']}" for one in answer}


def test_what_consoles_send_is_rows_and_their_secrets_are_nowhere(
    shared: Path, tmp_path: Path
) -> None:
    lines = []
    for path in sorted((shared / "live/pws").glob("*.json")):
        if "wunderground" in path.name:
            continue
        form = {**json.loads(path.read_text("utf-8")), "PASSKEY": "verysecret"}
        lines.append(line("pws", "ecowitt", urlencode(form), places=[path.stem]))
    queries = (shared / "live/pws/wu_query_strings.txt").read_text("utf-8").split()
    lines += [
        line("pws", "wunderground", query.replace("REDACTED", "verysecret"), places=[f"wu{i}"])
        for i, query in enumerate(queries)
    ]
    home = replayed(tmp_path, lines)
    found = values(home)
    heard = {key[0] for key in found}
    assert heard == {f"pws:{each['places'][0]}" for each in lines}
    assert any(key[4] == "temperature_c" for key in found)
    assert all(row["kind"] == "private" for row in asked(home, "SELECT kind FROM stations"))
    parts = [path.read_bytes() for path in (home / "lake/raw/payloads").rglob("*.zst")]
    kept = [record.payload.body for part in parts for record in raw.read_part(part)]
    assert len(kept) == len(lines)
    assert not any(b"verysecret" in body for body in kept)


def test_stations_alone_need_no_places_and_a_place_changes_no_row(tmp_path: Path) -> None:
    metar = "METAR SBPA 111800Z 05006KT 8000 -RA SCT010 OVC070 22/19 Q1016="
    lines = [line("metar", "metar-raw", metar) | {"received_at": "2026-03-11T18:05:00Z"}]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    places = tmp_path / "places.csv"
    places.write_text("place_id,name,latitude,longitude,timezone\npoa,Poa,-30,-51.2,UTC\n", "utf-8")
    alone = replayed(tmp_path / "one", lines)
    watched = replayed(tmp_path / "two", lines, "--places", str(places))
    assert values(alone) == values(watched) != {}
    assert asked(watched, "SELECT * FROM readings") == []


# A storm, in INMET's own form


PORANGATU = "m_origin_br-inmet_WIGOS_0-76-0-5218003000000581_20260811T100000.bufr"
FOUR_KM_NORTH = -13.30944 + 4 / 111.195


class Storm:
    """INMET's recorded report with other values, encoded again by ecCodes."""

    def __init__(self, recorded: bytes) -> None:
        self._codes = importlib.import_module("eccodes")
        self._whole = recorded[recorded.index(b"BUFR") :]

    def report(self, hour: int, *, station: str = "", **values: float) -> dict[str, Any]:
        codes = self._codes
        handle = codes.codes_new_from_message(self._whole)
        codes.codes_set(handle, "unpack", 1)
        codes.codes_set(handle, "#1#hour", hour)
        for key, value in values.items():
            codes.codes_set(handle, f"#1#{key}", value)
        if station:
            codes.codes_set(handle, "#1#wigosLocalIdentifierCharacter", station)
            codes.codes_set(handle, "#1#stationNumber", 700)
        codes.codes_set(handle, "pack", 1)
        data = codes.codes_get_message(handle)
        codes.codes_release(handle)
        published_at = f"2026-08-11T{hour:02}:40:00Z"
        properties = {
            "data_id": f"br-inmet:synop/{station}{hour}",
            "datetime": None,
            "pubtime": published_at,
            "content": {"encoding": "base64", "value": base64.b64encode(data).decode()},
        }
        notice = {
            "id": f"{station}{hour}",
            "type": "Feature",
            "geometry": None,
            "properties": properties,
            "links": [{"rel": "update", "href": "http://wis2bra.example/x"}],
        }
        return line("wis2:br-inmet", "wnm", notice) | {"received_at": published_at}


@pytest.fixture
def storm(shared: Path) -> Storm:
    if importlib.util.find_spec("eccodes") is None:
        pytest.skip("a storm in INMET's form needs ecCodes: pip install eccodes")
    return Storm((shared / "live/bufr" / PORANGATU).read_bytes())


def alerts(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a place four kilometres north of the station is told."""
    places = folder / "places.csv"
    head = "place_id,name,latitude,longitude,timezone\n"
    place = f"p,Fazenda,{FOUR_KM_NORTH},-49.1175,America/Sao_Paulo\n"
    places.write_text(head + place, "utf-8")
    replayed(folder, lines, "--places", str(places), "--alerts", str(folder / "alerts.ndjson"))
    return [json.loads(one) for one in (folder / "alerts.ndjson").read_text("utf-8").splitlines()]


RAIN = "totalPrecipitationOrTotalWaterEquivalent"


def test_a_storm_at_a_station_is_told_four_kilometres_away(storm: Storm, tmp_path: Path) -> None:
    lines = [
        storm.report(10),
        storm.report(11, **{RAIN: 35.0}),
        storm.report(12, **{RAIN: 75.0}),
        storm.report(12, station="B2", latitude=-13.2915, **{RAIN: 41.0}),
        *(storm.report(hour, **{RAIN: 0.0}) for hour in range(13, 20)),
    ]
    told = alerts(tmp_path, lines)
    assert [(one["reason"], one["level"]) for one in told[:2]] == [
        ("onset", "orange"),
        ("escalated", "red"),
    ]
    assert "measured at PORANGATU, 4 km away" in told[0]["text"]["en"]
    assert "medido em PORANGATU, a 4 km" in told[0]["text"]["pt-BR"]
    assert "medido en PORANGATU, a 4 km" in told[0]["text"]["es"]
    assert told[0]["source"] == "wis2:0-76-0-5218003000000581"
    assert told[1]["value"] in (75.0, 110.0)


def test_a_lone_mad_station_raises_no_red(storm: Storm, tmp_path: Path) -> None:
    mad = {RAIN: 90.0, "maximumWindGustSpeed": 60.0, "windSpeed": 41.2}
    told = alerts(tmp_path, [storm.report(10), storm.report(11, **mad), storm.report(12, **mad)])
    assert told
    assert {one["level"] for one in told} <= {"yellow", "orange"}
    alone = [one for one in told if "One instrument alone says so" in one["text"]["en"]]
    assert {one["hazard"] for one in alone} == {"heavy_rain", "wind"}
