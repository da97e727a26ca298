"""What stations said, in GOLD: one row a station, source, instant and period, however it came."""

from __future__ import annotations

import base64
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.sources.bufr.encode import inmet

from atalaia.batch.archive import archive
from atalaia.batch.refine import rebuild, refine
from atalaia.detect.instruments import Instruments
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.query import query
from atalaia.sources import decode_all
from oracles import cases

TEN = 1_786_442_400  # 2026-08-11T10:00Z
DAY = 86_400
NOWHERE = Places(())
DECODE = decode_all(NOWHERE)


def published(
    rain: float | None,
    *,
    minute: int = 40,
    day: int = 0,
    name: str = "a",
    is_deletion: bool = False,
) -> Payload:
    """A notification of INMET's station, published so many minutes after its hour."""
    data = inmet(b13011=rain, day=11 + day)
    message: dict[str, Any] = {
        "id": f"{name}-{day}-{minute}",
        "type": "Feature",
        "geometry": None,
        "properties": {
            "data_id": f"br-inmet:synop/{name}-{day}",
            "datetime": None,
            "pubtime": instant(TEN + day * DAY + minute * 60),
            "content": {"encoding": "base64", "value": base64.b64encode(data).decode()},
        },
        "links": [{"rel": "update", "href": "http://a.example/x"}],
    }
    if is_deletion:
        del message["properties"]["content"]
        message["links"][0]["rel"] = "deletion"
    received = TEN + day * DAY + minute * 60
    body = json.dumps(message).encode()
    return Payload(source="wis2:br-inmet", content="wnm", received_at=received, body=body)


def upload(at: int, mm: float, *, late_s: int = 5, name: str = "garden") -> Payload:
    """What a console's counter shows at an instant."""
    form = {
        "dateutc": instant(at)[:19].replace("T", " "),
        "tempf": "50",
        "yearlyrainin": f"{mm / 25.4:.6f}",
    }
    return Payload(
        source="pws",
        content="ecowitt",
        received_at=at + late_s,
        places=(name,),
        body=urlencode(form).encode(),
    )


def refined(home: EmbeddedHome) -> None:
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, DECODE, NOWHERE)


def rows(home: EmbeddedHome, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM station_readings WHERE {where} ORDER BY ALL"
    return list(query(home, DECODE, NOWHERE, sql).rows)


def everything(home: EmbeddedHome) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    known = query(home, DECODE, NOWHERE, "SELECT * FROM stations ORDER BY ALL")
    return rows(home, "*"), list(known.rows)


RAIN = "epoch(valid_at)::BIGINT, period_s, rain_mm"
IS_RAIN = "rain_mm IS NOT NULL"


def lived(payloads: Sequence[Payload], cuts: Sequence[int] = ()) -> EmbeddedHome:
    """A home that was given the payloads, and refined at each cut."""
    home = open_home(Path(tempfile.mkdtemp(prefix="atalaia-test-")))
    for start, end in zip((0, *cuts), (*cuts, len(payloads)), strict=True):
        if payloads[start:end]:
            home.stream.append(payloads[start:end])
        if end < len(payloads):
            refined(home)
    return home


def test_a_report_is_rows_of_its_station_by_period() -> None:
    home = lived([published(12.5)])
    assert rows(home, RAIN, IS_RAIN) == [(TEN, 3600, 12.5)]
    found = rows(home, "period_s, temperature_c", "temperature_c IS NOT NULL")
    assert [period for period, _ in found] == [0]
    (station,) = query(home, DECODE, NOWHERE, "SELECT * FROM stations").rows
    assert station[:3] == ("wis2:0-76-0-5218003000000581", "0-76-0-5218003000000581", "PORANGATU")
    assert station[6] == "official"


def test_columns_that_others_ask_for_by_number_have_their_order() -> None:
    home = lived([published(12.5)])
    told = {name: columns(home, name) for name in ("stations", "station_readings", "readings")}
    assert told["stations"] == [
        "station_id", "wigos_id", "name", "latitude", "longitude", "elevation_m", "kind",
        "interval_s", "clock_offset_s", "last_valid_at",
    ]  # fmt: skip
    variables = told["readings"][told["readings"].index("period_s") + 1 :]
    assert len(variables) > 30
    assert told["station_readings"] == ["station_id", "source", "valid_at", "period_s", *variables]


def columns(home: EmbeddedHome, table: str) -> list[str]:
    return [name for name, *_ in query(home, DECODE, NOWHERE, f"DESCRIBE {table}").rows]


def test_a_table_of_hours_does_not_make_its_station_late() -> None:
    table = {
        "horarios": [f"{hour}h" for hour in range(5, 11)], "datas": ["11/08/2026"],
        "acumulados": [[0.0] * 6],
        "estacao": {"idEstacao": 6846, "latitude": -8.05, "longitude": -34.87},
    }  # fmt: skip
    answer = Payload(
        source="cemaden", content="cemaden-hourly", received_at=TEN + 1200,
        body=json.dumps(table).encode(),
    )  # fmt: skip
    sql = "SELECT clock_offset_s FROM stations"
    assert list(query(lived([answer]), DECODE, NOWHERE, sql).rows) == [(1200,)]
    instruments = Instruments(Places([Place(id="p", name="P", latitude=-8.05, longitude=-34.87)]))
    instruments.see(DECODE([answer], None).stations)
    assert instruments.eyes["cemaden:6846"].station.clock_offset_s == 1200


@pytest.mark.parametrize("cuts", [(), (3,), (3, 6)])
def test_a_correction_counts_in_whichever_order_and_cut_it_comes(cuts: tuple[int, ...]) -> None:
    """On each day in another order."""
    orders = [(0, 1, 2), (2, 1, 0), (1, 0, 2)]
    told = [
        [published(mm, minute=minute, day=day) for mm, minute in ((5.0, 40), (55.0, 50), (5.0, 40))]
        for day in range(len(orders))
    ]
    home = lived(
        [told[day][order[turn]] for turn in range(3) for day, order in enumerate(orders)], cuts
    )
    assert rows(home, RAIN, IS_RAIN) == [(TEN + day * DAY, 3600, 55.0) for day in range(3)]


def test_a_correction_that_leaves_a_value_out_withdraws_it() -> None:
    home = lived([published(5.0), published(None, minute=50)], (1,))
    assert rows(home, RAIN, IS_RAIN) == []
    assert rows(home, "period_s", "temperature_c IS NOT NULL") == [(0,)]


@pytest.mark.parametrize("cuts", [(), (2,), (2, 4)])
def test_a_deletion_takes_back_what_came_before_it_and_not_what_follows(
    cuts: tuple[int, ...],
) -> None:
    """On the first day the report comes before its deletion, on the second after it."""
    said = [published(5.0, day=day) for day in range(2)]
    gone = [published(None, minute=50, day=day, is_deletion=True) for day in range(2)]
    home = lived([said[0], gone[1], gone[0], said[1], published(7.0, day=2)], cuts)
    kept = (TEN + 2 * DAY, 3600, 7.0)
    assert rows(home, RAIN, IS_RAIN) == [kept]
    home.stream.append([published(6.0, minute=55, day=day) for day in range(2)])
    again = [(TEN + day * DAY, 3600, 6.0) for day in range(2)]
    assert rows(home, RAIN, IS_RAIN) == [*again, kept]


def test_rain_is_made_of_counters_also_over_midnight_and_by_a_late_upload() -> None:
    midnight = TEN + 14 * 3600
    told = [upload(midnight - 300, 10.0), upload(midnight + 300, 16.0)]
    home = lived(told, (1,))
    assert rows(home, RAIN, IS_RAIN) == [(midnight + 300, 600, pytest.approx(6.0, abs=1e-3))]
    home.stream.append([upload(midnight - 60, 14.0, late_s=4000)])
    assert rows(home, RAIN, IS_RAIN) == [
        (midnight - 60, 240, pytest.approx(4.0, abs=1e-3)),
        (midnight + 300, 360, pytest.approx(2.0, abs=1e-3)),
    ]
    refined(home)
    assert len(rows(home, RAIN, IS_RAIN)) == 2
    assert "rain_counter_yearly_mm" not in dict.fromkeys(query(
        home, DECODE, NOWHERE, "SELECT * FROM station_readings").columns)  # fmt: skip


@pytest.mark.parametrize("seed", range(cases(2)))
def test_any_order_and_any_cuts_give_the_same_rows(seed: int) -> None:
    chance = random.Random(seed)
    told = [
        *(published(float(i), minute=40 + i, day=i // 2 % 2, name="ab"[i % 2]) for i in range(9)),
        published(None, minute=46, day=1, name="b", is_deletion=True),
        *(upload(TEN + 700 * i, 1.5 * i) for i in range(8)),
    ]
    whole = lived(told)
    expected = everything(whole)
    assert len(expected[0]) > 12
    chance.shuffle(told)
    cuts = sorted(chance.sample(range(1, len(told)), 4))
    other = lived([*told, chance.choice(told)], cuts)
    assert rows(other, "*") == expected[0]
    refined(other)
    before = everything(other)
    rebuild(other.state, other.lake, DECODE, NOWHERE)
    assert everything(other) == before
    assert before[0] == expected[0]
