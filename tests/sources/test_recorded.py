from __future__ import annotations

from pathlib import Path

import pytest

from atalaia.domain.place import Place, Places
from atalaia.errors import PayloadInvalid, SettingsInvalid
from atalaia.sources.recorded import read_files, read_places

READINGS = "place_id,valid_at,period_s,kind,rain_mm\npoa,2024-05-01T00:00:00Z,3600,observed,{}\n"
GOOD = "place_id,name,latitude,longitude,timezone,area\n"


def test_files_are_told_by_their_content(shared: Path, tmp_path: Path, places: Places) -> None:
    mine = tmp_path / "any name.txt"
    mine.write_text(READINGS.format("12"))
    decoded = read_files([shared / "inmet/A801_porto_alegre_2023.csv", mine], places)
    assert len(decoded.readings) == 8760 + 1
    assert decoded.readings.sources == ("inmet", "csv")
    assert decoded.readings.values["rain_mm"][-1] == 12
    assert decoded.readings.known_at.tolist() == decoded.readings.valid_at.tolist()
    assert decoded.rejects == []


def test_faults_name_the_file_and_the_line(tmp_path: Path, places: Places) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(READINGS.format("twelve"))
    (reject,) = read_files([mine], places).rejects
    assert reject.detail.startswith("mine.csv:2: rain_mm")


@pytest.mark.parametrize("body", [b"", b"\x89PNG\r\n\x1a\n", b"a,b\n1,2\n", b"<html>"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, places: Places, body: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(body)
    with pytest.raises(PayloadInvalid, match=r"x\.csv:1: neither"):
        read_files([path], places)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, places: Places) -> None:
    with pytest.raises(PayloadInvalid, match="No such file"):
        read_files([tmp_path / "none.csv"], places)


def test_places_are_read(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(
        "\ufeffplace_id,name,latitude,longitude,timezone,area\n"
        'poa,"Porto Alegre, RS",-30.03,-51.23,America/Sao_Paulo,south\n'
        "\n"
        "jfk,,40.64,-73.78,America/New_York,\n"
    )
    assert read_places(path) == [
        Place(
            id="poa",
            name="Porto Alegre, RS",
            latitude=-30.03,
            longitude=-51.23,
            timezone="America/Sao_Paulo",
            area="south",
        ),
        Place(id="jfk", name="jfk", latitude=40.64, longitude=-73.78, timezone="America/New_York"),
    ]


def test_every_fault_of_a_places_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    rows = [
        "a,A,0,0,UTC,",
        "b,B,north,0,UTC,",
        "c,C,0,200,UTC,",
        "d,D,0,0,Mars/Olympus,",
        "a,A,0,0,UTC,",
        ",E,0,0,UTC,",
        "f,F,0",
    ]
    path.write_text(GOOD + "\n".join(rows))
    with pytest.raises(SettingsInvalid) as caught:
        read_places(path)
    lines = [problem.removeprefix(f"{path}:").split(":")[0] for problem in caught.value.problems]
    assert lines == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("place_id,name\n", "no column latitude, longitude, timezone"),
        (GOOD, "no place"),
        ("", "no column"),
    ],
)
def test_a_places_file_without_what_it_needs_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "places.csv"
    path.write_text(text)
    with pytest.raises(SettingsInvalid, match=said):
        read_places(path)
    path.write_bytes(b"place_id,n\xe3o")
    with pytest.raises(SettingsInvalid, match="not UTF-8"):
        read_places(path)
    with pytest.raises(SettingsInvalid, match="No such file"):
        read_places(tmp_path / "none.csv")
