"""CEMADEN, ANA and the US weather service: gauges that are asked one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.station_reading import StationsDecoded
from atalaia.sources import ana, cemaden, nws_observations
from atalaia.sources.instruments import DecodeStations

RECEIVED = int(datetime(2026, 8, 20, 1, 20, tzinfo=UTC).timestamp())
PLACES = Places([Place(id="cais", name="Cais", latitude=-30.03, longitude=-51.23, elevation_m=3.0)])


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def decode(decoder: DecodeStations, content: str, body: Any, **more: Any) -> StationsDecoded:
    whole = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"source": content.partition("-")[0], "received_at": RECEIVED} | more
    return decoder([Payload(content=content, body=whole, **told)])


def hours(decoded: StationsDecoded) -> dict[int, float]:
    rain = decoded.readings.value("rain_mm")
    return dict(zip(decoded.readings.valid_at.tolist(), rain.tolist(), strict=True))


TABLE: dict[str, Any] = {
    "horarios": ["22h", "23h", "0h", "1h"],
    "datas": ["19/08/2026", "20/08/2026"],
    "acumulados": [[1.5, None, None, None], [None, None, 12.0, 0.0]],
    "estacao": {"idEstacao": 6846, "nome": "Porto", "latitude": -8.054, "longitude": -34.873,
                "codEstacao": "261160620A"},
}  # fmt: skip


def test_hours_that_wrap_around_midnight_are_of_the_day_of_their_row() -> None:
    decoded = decode(cemaden.decoder(), "cemaden-hourly", TABLE)
    assert hours(decoded) == {
        at("2026-08-19T22:00Z"): 1.5, at("2026-08-20T00:00Z"): 12.0, at("2026-08-20T01:00Z"): 0.0,
    }  # fmt: skip
    assert set(decoded.readings.period_s.tolist()) == {3600}
    (station,) = decoded.stations
    assert (station.id, station.aliases) == ("cemaden:6846", ("cemaden:261160620A",))


def test_an_empty_cell_is_missing_and_never_dry() -> None:
    assert at("2026-08-19T23:00Z") not in hours(decode(cemaden.decoder(), "cemaden-hourly", TABLE))


def test_a_later_answer_corrects_the_hour_that_was_still_growing() -> None:
    later = {**TABLE, "acumulados": [[1.5, None, None, None], [None, None, 12.0, 8.0]]}
    both = StationsDecoded.concat(
        [
            decode(cemaden.decoder(), "cemaden-hourly", later, received_at=RECEIVED + 3600),
            decode(cemaden.decoder(), "cemaden-hourly", TABLE),
        ]
    )
    settled = both.readings.settled()
    assert settled.value("rain_mm")[settled.valid_at == at("2026-08-20T01:00Z")].tolist() == [8.0]


@pytest.mark.parametrize(
    "odd",
    [
        {"datas": None}, {"estacao": None}, {"estacao": {"idEstacao": "6846"}}, {"horarios": {}},
    ],
)  # fmt: skip
def test_a_table_without_its_parts_is_a_reject(odd: dict[str, Any]) -> None:
    decoded = decode(cemaden.decoder(), "cemaden-hourly", {**TABLE, **odd})
    assert len(decoded.readings) == 0
    assert len(decoded.rejects) == 1


def test_a_cell_that_is_no_number_costs_only_itself() -> None:
    odd = {**TABLE, "acumulados": [["wet", None, [], None], [None, None, 12.0, True]]}
    decoded = decode(cemaden.decoder(), "cemaden-hourly", odd)
    assert list(hours(decoded).values()) == [12.0]
    assert [each.reason for each in decoded.rejects] == ["not a number"] * 3


def test_the_last_sums_of_a_state_are_rows_that_overlap() -> None:
    row = {"idestacao": 6846, "nomeestacao": "Porto", "datahoraUltimovalor": "20/08/26 00:50",
           "acc1hr": "-", "acc12hr": 0.2, "acc24hr": 5.6, "acc96hr": None}  # fmt: skip
    decoded = decode(cemaden.decoder(), "cemaden-last", [row, {"idestacao": "x"}, None])
    assert decoded.readings.period_s.tolist() == [43_200, 86_400]
    assert decoded.readings.value("rain_mm").tolist() == [0.2, 5.6]
    assert set(decoded.readings.valid_at.tolist()) == {at("2026-08-20T00:50Z")}
    assert [each.reason for each in decoded.rejects] == ["not a station"] * 2


ITEM: dict[str, Any] = {
    "codigoestacao": "75650010", "Data_Hora_Medicao": "2026-08-19 21:00:00.0",
    "Cota_Adotada": "2033.00", "Cota_Adotada_Status": "0", "Chuva_Adotada": "0.40",
}  # fmt: skip


def level(**item: Any) -> StationsDecoded:
    return decode(ana.decoder(PLACES), "ana-series", {"status": "OK", "items": [{**ITEM, **item}]})


def test_a_rivers_level_is_in_metres_and_its_time_brasilias() -> None:
    decoded = level()
    assert decoded.rejects == []
    assert decoded.readings.values["river_level_m"].tolist() == [20.33]
    assert decoded.readings.valid_at.tolist() == [at("2026-08-20T00:00Z")]
    assert decoded.readings.values.keys() == {"river_level_m"}
    assert [each.id for each in decoded.stations] == ["ana:75650010"]


@pytest.mark.parametrize("value", [None, "", "null"])
def test_a_level_that_was_not_adopted_is_not_taken_from_the_sensor(value: str | None) -> None:
    decoded = level(Cota_Adotada=value, Cota_Sensor="9999.00", Cota_Sensor_Status="2")
    assert len(decoded.readings) == 0
    assert decoded.rejects == []


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"Cota_Adotada_Status": "2"}, "level of bad quality"),
        ({"Cota_Adotada_Status": None}, "level of bad quality"),
        ({"Cota_Adotada": "high"}, "not a number"),
        ({"Cota_Adotada": "9999.00"}, "a logger's word for no level"),
        ({"Cota_Adotada": 7}, "not a number"),
        ({"Data_Hora_Medicao": "yesterday"}, "not a time"),
        ({"Data_Hora_Medicao": "2026-02-30 21:00:00.0"}, "not a time"),
        ({"codigoestacao": None}, "not a station"),
        ({"Data_Hora_Medicao": "2026-08-20 21:00:00.0"}, "from the future"),
    ],
)
def test_a_level_that_is_not_good_is_refused_with_its_reason(
    item: dict[str, Any], reason: str
) -> None:
    decoded = level(**item)
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == [reason]


def test_where_a_gauge_stands_and_in_which_zone_it_speaks_the_payload_says() -> None:
    body = {"status": "OK", "items": [ITEM]}
    decoded = decode(ana.decoder(PLACES), "ana-series-utc-5", body, places=("cais", "Mauá"))
    (station,) = decoded.stations
    assert (station.id, station.name, station.kind) == ("ana:75650010", "Mauá", "official")
    assert (station.latitude, station.longitude, station.elevation_m) == (-30.03, -51.23, 3.0)
    assert decoded.readings.valid_at.tolist() == [at("2026-08-20T02:00Z")]
    assert decoded.rejects == []


def quantity(value: Any, unit: str, control: str = "V") -> dict[str, Any]:
    return {"value": value, "unitCode": f"wmoUnit:{unit}", "qualityControl": control}


OBSERVED: dict[str, Any] = {
    "stationId": "KTOP", "timestamp": "2026-08-20T01:00:00+00:00",
    "temperature": quantity(24, "degC"), "windSpeed": quantity(36, "km_h-1"),
    "barometricPressure": quantity(100_982.11, "Pa"), "windGust": quantity(None, "km_h-1", "Z"),
    "precipitationLastHour": quantity(3.3, "mm"), "precipitationLast6Hours": quantity(9, "mm"),
}  # fmt: skip


def nws(properties: dict[str, Any], **more: Any) -> StationsDecoded:
    body = {"properties": properties, "geometry": {"type": "Point", "coordinates": [-95.6, 39.1]}}
    return decode(nws_observations.decoder(), "nws-observation", body, **more)


def test_units_are_read_value_by_value() -> None:
    decoded = nws(OBSERVED)
    assert decoded.rejects == []
    (station,) = decoded.stations
    assert (station.id, station.latitude) == ("metar:KTOP", 39.1)
    instants = decoded.readings.take(decoded.readings.period_s == 0)
    assert instants.values["wind_speed_m_s"].tolist() == [10.0]
    assert instants.values["pressure_hpa"].tolist() == [1009.8211]
    assert "wind_gust_m_s" not in decoded.readings.values
    sums = decoded.readings.take(decoded.readings.period_s > 0)
    assert dict(zip(sums.period_s.tolist(), sums.values["rain_mm"].tolist(), strict=True)) == {
        3600: 3.3, 21_600: 9.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (quantity(24, "K"), "unknown unit"), (quantity("warm", "degC"), "not a number"),
        (quantity(24, "degC", "X"), "failed its control"), ({"value": 7}, "unknown unit"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_good_costs_only_itself(odd: dict[str, Any], reason: str) -> None:
    decoded = nws({**OBSERVED, "temperature": odd})
    assert [each.reason for each in decoded.rejects] == [reason]
    assert "temperature_c" not in decoded.readings.values
    assert len(decoded.readings) == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"<html>", b'{"features":[1,{}]}'])
@pytest.mark.parametrize(
    ("decoder", "content"),
    [
        (nws_observations.decoder(), "nws-observation"), (ana.decoder(PLACES), "ana-series"),
        (cemaden.decoder(), "cemaden-hourly"), (cemaden.decoder(), "cemaden-last"),
        (cemaden.decoder(), "else"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_ends_nothing(
    body: bytes, decoder: DecodeStations, content: str
) -> None:
    decoded = decode(decoder, content, body)
    assert len(decoded.readings) == 0
    if body != b"[]" or content == "else":
        assert decoded.rejects


def test_an_error_answer_is_a_reject_and_no_answer_is_none() -> None:
    decoded = decode(ana.decoder(PLACES), "ana-series", b"denied", status=401)
    assert [each.reason for each in decoded.rejects] == ["error 401"]
    assert decode(ana.decoder(PLACES), "ana-series", b"", failure="time-out").rejects == []


def test_rows_of_a_record_are_known_at_their_own_time() -> None:
    decoded = decode(cemaden.decoder(), "cemaden-hourly", TABLE, received_at=0, is_recorded=True)
    assert decoded.readings.known_at.tolist() == decoded.readings.valid_at.tolist()
    assert len(decoded.readings) == 3


def test_recorded_answers_are_read(shared: Path) -> None:
    live = shared / "live"
    hourly = decode(
        cemaden.decoder(), "cemaden-hourly",
        (live / "brazil/cemaden_horario_6846_23.json").read_bytes(),
    )  # fmt: skip
    assert hourly.rejects == []
    assert len(hourly.readings) == 21
    last = decode(
        cemaden.decoder(), "cemaden-last", (live / "brazil/cemaden_getJson2_row.json").read_bytes()
    )
    assert last.rejects == []
    day = last.readings.take(last.readings.period_s == 86_400)
    # Two answers of one service: the sum over the day is the sum of the hours.
    assert day.value("rain_mm")[0] == pytest.approx(np.nansum(hourly.readings.value("rain_mm")))
    observed = decode(
        nws_observations.decoder(), "nws-observation",
        (live / "us/nws_observation_KTOP.json").read_bytes(),
        places=("KTOP",), received_at=at("2026-05-30T20:05Z"),
    )  # fmt: skip
    assert observed.rejects == []
    assert observed.readings.values["wind_speed_m_s"].tolist() == [8.23]
    assert observed.readings.values["relative_humidity_pct"].tolist() == [83.34]
    assert "rain_mm" not in observed.readings.values
