from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.sources import inmet

HEAD = """REGIAO:;S
UF:;RS
ESTACAO:;PORTO ALEGRE - JARDIM BOTANICO
CODIGO (WMO):;A801
LATITUDE:;-30,05361111
LONGITUDE:;-51,17472221
ALTITUDE:;41,18
DATA DE FUNDACAO:;22/09/00
"""
NEW = (
    "Data;Hora UTC;PRECIPITAÇÃO TOTAL, HORÁRIO (mm);RADIACAO GLOBAL (Kj/m²);"
    "TEMPERATURA DO AR - BULBO SECO, HORARIA (°C);VENTO, RAJADA MAXIMA (m/s);\n"
)
OLD = (
    "DATA (YYYY-MM-DD);HORA (UTC);PRECIPITA??O TOTAL, HOR?RIO (mm);RADIACAO GLOBAL (KJ/m?);"
    "TEMPERATURA DO AR - BULBO SECO, HORARIA (?C);VENTO, RAJADA MAXIMA (m/s);\n"
)
JAN_1 = 1_672_531_200


def decode(places: Places, text: str | bytes) -> Decoded:
    body = text if isinstance(text, bytes) else text.encode("latin-1")
    payload = Payload(
        source="inmet", content="station-csv", received_at=0, body=body, is_recorded=True
    )
    return inmet.decoder(places)([payload], None)


def test_the_flood_of_2024_is_read_as_the_station_measured_it(shared: Path, places: Places) -> None:
    decoded = decode(places, (shared / "inmet/A801_porto_alegre_2024.csv").read_bytes())
    readings = decoded.readings
    assert decoded.rejects == []
    assert len(readings) == 366 * 24
    assert readings.valid_at[0] == 1_704_067_200  # 2024-01-01T00:00Z
    assert (np.diff(readings.valid_at) == 3600).all()
    assert {places[i].id for i in readings.place} == {"A801"}
    assert set(readings.kind.tolist()) == {Kind.OBSERVED}
    assert set(readings.period_s.tolist()) == {3600}
    assert readings.known_at.tolist() == readings.valid_at.tolist()
    first = {name: column[0] for name, column in readings.values.items()}
    assert first["temperature_c"] == 19.6
    assert first["dew_point_c"] == 14.4
    assert first["pressure_hpa"] == 1010.6
    assert first["relative_humidity_pct"] == 72
    assert first["wind_direction_deg"] == 123
    assert first["wind_gust_m_s"] == 6.5
    assert first["wind_speed_m_s"] == 1.5
    assert np.isnan(first["radiation_kj_m2"])
    assert readings.values["wind_speed_m_s"][-1] == 0.8  # written ",8"
    assert np.nanmax(readings.values["wind_gust_m_s"]) == 25.0
    for day, millimetres in ((1_714_435_200, 109.0), (1_716_422_400, 126.2)):
        is_day = (readings.valid_at >= day) & (readings.valid_at < day + 86_400)
        assert np.nansum(readings.values["rain_mm"][is_day]) == pytest.approx(millimetres)


def test_a_station_that_reported_nothing_has_rows_and_no_values(
    shared: Path, places: Places
) -> None:
    decoded = decode(places, (shared / "inmet/recife_2022_all_missing.csv").read_bytes())
    assert len(decoded.readings) == 365 * 24
    assert decoded.readings.values == {}
    assert decoded.rejects == []
    # Its code is not watched; the place is found by its coordinates.
    assert {places[i].id for i in decoded.readings.place} == {"recife"}


@pytest.mark.parametrize("year", ["A801_porto_alegre_2023", "B807_belem_novo_2023"])
def test_every_recorded_year_is_read_whole(shared: Path, year: str) -> None:
    station = Place(id=year[:4], name="", latitude=0, longitude=0)
    decoded = decode(Places([station]), (shared / f"inmet/{year}.csv").read_bytes())
    assert len(decoded.readings) == 365 * 24
    assert len(decoded.readings.values) == 9
    assert decoded.rejects == []


@pytest.mark.parametrize(
    ("header", "date", "hour"),
    [
        (NEW, "2023/01/01", "{:02d}00 UTC"),
        (OLD, "2023-01-01", "{:02d}:00"),
        (NEW.replace("Data;Hora", "DATA;HORA"), "2023-01-01", "{:02d}00"),
        (NEW.rstrip(";\n") + "\n", "2023/01/01", "{:02d}00 UTC"),
    ],
)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_headers_of_any_year_and_encoding(
    places: Places, header: str, date: str, hour: str, encoding: str
) -> None:
    rows = "".join(
        f"{date};{hour.format(i)};{i},5;-3,5;-9999;{cell};\n" for i, cell in enumerate(("", "7"))
    )
    decoded = decode(places, (HEAD + header + rows).replace("\n", "\r\n").encode(encoding))
    assert decoded.rejects == []
    values = decoded.readings.values
    assert decoded.readings.valid_at.tolist() == [JAN_1, JAN_1 + 3600]
    assert values["rain_mm"].tolist() == [0.5, 1.5]
    assert np.array_equal(values["wind_gust_m_s"], [np.nan, 7], equal_nan=True)
    assert "temperature_c" not in values  # -9999 is missing
    assert "radiation_kj_m2" not in values  # below 0 is the instrument's night


def test_a_bad_row_is_told_by_its_line_and_costs_no_other(places: Places) -> None:
    rows = [
        "2023/01/01;0000 UTC;1;;20;5;",
        "2023/02/31;0100 UTC;1;;20;5;",
        "2023/01/01;2500 UTC;1;;20;5;",
        "2023/01/01;0300 UTC;1;;abc;5;",
        "2023/01/01;0400 UTC;1;;inf;1_5;",
        "2023/01/01;0500 UTC;1",
        "",
        "2023/01/01;0600 UTC;2;;21;6;",
    ]
    decoded = decode(places, HEAD + NEW + "\n".join(rows))
    assert [(r.reason, r.detail.split(":")[0]) for r in decoded.rejects] == [
        ("wrong number of cells", "line 15"),
        ("not a time", "line 11"),
        ("not a time", "line 12"),
        ("not a number", "line 13"),
        ("not finite", "line 14"),
        ("not a number", "line 14"),
    ]
    assert [(at - JAN_1) // 3600 for at in decoded.readings.valid_at] == [0, 3, 4, 6]
    expected = [20, np.nan, np.nan, 21]
    assert np.array_equal(decoded.readings.values["temperature_c"], expected, equal_nan=True)


def test_a_column_of_another_unit_is_left_out(places: Places) -> None:
    text = HEAD + NEW.replace("(m/s)", "(km/h)") + "2023/01/01;0000 UTC;1;;20;36;\n"
    decoded = decode(places, text)
    assert set(decoded.readings.values) == {"rain_mm", "temperature_c"}
    assert [reject.reason for reject in decoded.rejects] == ["unknown unit"]


def test_a_station_far_from_every_watched_place_is_rejected() -> None:
    far = Places([Place(id="x", name="", latitude=-30.2, longitude=-51.17)])
    decoded = decode(far, HEAD + NEW + "2023/01/01;0000 UTC;1;;20;5;\n")
    assert [reject.reason for reject in decoded.rejects] == ["unknown place"]
    assert "A801" in decoded.rejects[0].detail
    assert len(decoded.readings) == 0


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"\x00\xff\xfe", HEAD.encode()])
def test_what_is_no_station_file_is_told(places: Places, body: bytes) -> None:
    decoded = decode(places, body)
    assert [reject.reason for reject in decoded.rejects] == ["not an INMET station file"]


def test_a_file_without_rows_is_no_readings(places: Places) -> None:
    decoded = decode(places, HEAD + NEW)
    assert (len(decoded.readings), decoded.rejects) == (0, [])
