from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.sources.bufr.encode import inmet, message

from atalaia.domain.payload import Payload
from atalaia.domain.station_reading import StationReadings, StationsDecoded
from atalaia.sources.bufr import decoder

TEN = 1_786_442_400  # 2026-08-11T10:00Z


def decode(*bodies: bytes, received_at: int = TEN + 900) -> StationsDecoded:
    payloads = [
        Payload(source="wis2:gts", content="bufr", received_at=received_at, body=body)
        for body in bodies
    ]
    return decoder.decoder()(payloads)


def rain(readings: StationReadings) -> list[float]:
    column = readings.settled().value("rain_mm")
    found: list[float] = column[~np.isnan(column)].tolist()
    return found


def bulletin(heading: str, mm: float, update: int = 0) -> bytes:
    return f"\r\r\n{heading}\r\r\n".encode() + inmet(b13011=mm, update=update) + b"\r\r\n\x03"


def test_a_file_of_bulletins_is_rows_of_stations() -> None:
    decoded = decode(bulletin("ISMD02 SBBR 111000", 3.0))
    assert decoded.rejects == []
    assert [each.id for each in decoded.stations] == ["wis2:0-76-0-5218003000000581"]
    assert rain(decoded.readings) == [3.0]


def test_a_heading_says_that_a_bulletin_is_corrected() -> None:
    first = bulletin("ISMD02 SBBR 111000", 3.0)
    second = bulletin("ISMD02 SBBR 111000 CCA", 5.0)
    third = bulletin("ISMD02 SBBR 111000 CCB", 7.0)
    late = bulletin("ISMD02 SBBR 111000 RRA", 9.0)
    for order in ([first, second, third], [third, first, second]):
        assert rain(decode(*order).readings) == [7.0]
    assert rain(decode(late, second).readings) == [5.0]


def test_a_damaged_message_costs_only_itself() -> None:
    good = inmet(b13011=3.0)
    decoded = decode(b"BUFR\x00\x01\x00\x04" + good + good[:-7] + b"12347777" + good)
    assert rain(decoded.readings) == [3.0]
    assert {each.reason for each in decoded.rejects} <= {
        "BUFR cut short", "BUFR without its end", "BUFR section of a wrong length",
    }  # fmt: skip
    assert decoded.rejects


@pytest.mark.parametrize("body", [b"", b"TAF", b"BUF"])
def test_what_is_no_bufr_is_a_reject(body: bytes) -> None:
    assert [each.reason for each in decode(body).rejects] == ["no BUFR"]


def test_a_sounding_is_a_reject_and_no_weather_at_the_ground() -> None:
    sounding = message([301090, 12101], [[83, 967, None, 1, 2026, 8, 11, 10, 0, -30, -51, 41.1,
                                          None, 220.15]], category=2)  # fmt: skip
    decoded = decode(sounding)
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == ["no surface data"]


def test_every_recorded_file_is_rows_and_reasons(shared: Path) -> None:
    stations: set[str] = set()
    for path in sorted((shared / "live/bufr").iterdir()):
        if path.is_file():
            decoded = decode(path.read_bytes(), received_at=1_790_000_000)
            stations |= {each.id for each in decoded.stations}
            assert len(decoded.readings) or decoded.rejects, path.name
            settled = decoded.readings.settled()
            assert len(settled) <= len(decoded.readings)
    assert len(stations) > 100


def test_the_corrections_of_a_recorded_bulletin_leave_one_word(shared: Path) -> None:
    """Prizzi on 2022-03-21 at 06 Z: CCA, CCB and CCC, in any order."""
    files = sorted((shared / "live/bufr").glob("w_A_ISMD02LIIB210600CC*"))
    assert len(files) == 3
    bodies = [path.read_bytes() for path in files]
    found = [decode(*order, received_at=1_790_000_000) for order in (bodies, bodies[::-1])]
    assert all(len(each.readings.settled()) < len(each.readings) for each in found)
    one, other = (each.readings.settled() for each in found)
    assert one.revision.tolist() == other.revision.tolist()
    for name, column in one.values.items():
        assert np.array_equal(column, other.values[name], equal_nan=True)
