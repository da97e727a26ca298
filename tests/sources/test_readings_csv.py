from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import readings_csv
from atalaia.sources.times import EARLIEST, LATEST
from oracles import cases

HEAD = "place_id,valid_at,period_s,kind,issued_at,wind_gust_m_s,rain_mm\n"
JAN_1 = 1_356_998_400  # 2013-01-01T00:00:00Z


def payload(body: str | bytes, content: str = "readings-csv", **more: Any) -> Payload:
    raw = body if isinstance(body, bytes) else body.encode()
    source = "csv" if content == "readings-csv" else "station"
    fields = {"source": source, "received_at": JAN_1 + 60, **more}
    return Payload(content=content, body=raw, **fields)


def decode(places: Places, body: Any, content: str = "readings-csv", **more: Any) -> Decoded:
    if not isinstance(body, str | bytes):
        body = json.dumps(body)
    return readings_csv.decoder(places)([payload(body, content, **more)], None)


def record(**more: Any) -> dict[str, Any]:
    return {"place_id": "poa", "valid_at": "2013-01-01T00:00:00Z", "wind_gust_m_s": 7.5, **more}


def test_rows_are_read_with_their_keys(places: Places) -> None:
    text = (
        HEAD
        + "poa,2013-01-01T00:00:00Z,3600,observed,,12.5,\n"
        + "recife,2013-01-01T03:00:00+03:00,0,analysis,,,0.2\n"
        + "poa,2013-01-02T00:00:00Z,3600,forecast,2013-01-01T00:00:00Z,30,4\n"
    )
    decoded = decode(places, text, is_recorded=True)
    readings = decoded.readings
    assert decoded.rejects == []
    assert [places[i].id for i in readings.place] == ["poa", "recife", "poa"]
    assert readings.valid_at.tolist() == [JAN_1, JAN_1, JAN_1 + 86_400]
    assert readings.issued_at.tolist() == [NO_TIME, NO_TIME, JAN_1]
    assert readings.known_at.tolist() == [JAN_1, JAN_1, JAN_1]
    assert readings.kind.tolist() == [Kind.OBSERVED, Kind.ANALYSIS, Kind.FORECAST]
    assert readings.period_s.tolist() == [3600, 0, 3600]
    assert np.array_equal(readings.values["wind_gust_m_s"], [12.5, np.nan, 30], equal_nan=True)
    assert np.array_equal(readings.values["rain_mm"], [np.nan, 0.2, 4], equal_nan=True)
    assert readings.sources == ("csv",)


def test_columns_come_in_any_order_and_a_source_column_names_the_source(places: Places) -> None:
    text = (
        "\ufeffrain_mm,source,kind,valid_at,place_id,period_s\r\n"
        "1.5,gauge A,observed,2013-01-01T00:00:00Z,poa,900\r\n"
        "2.5,,observed,2013-01-01T00:15:00Z,poa,900\r\n"
        '3.5,"gauge ""B"", roof",observed,2013-01-01T00:30:00Z,"poa",900\r\n'
    )
    readings = decode(places, text).readings
    names = [readings.sources[i] for i in readings.source]
    assert names == ["gauge A", "csv", 'gauge "B", roof']
    assert readings.values["rain_mm"].tolist() == [1.5, 2.5, 3.5]
    assert readings.known_at.tolist() == [JAN_1 + 60] * 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("poa,2013-01-01T00:00:00,3600,observed,,1,2", "time without offset"),
        ("poa,2013-01-01,3600,observed,,1,2", "time without offset"),
        ("poa,1356998400,3600,observed,,1,2", "not a time"),
        ("poa,,3600,observed,,1,2", "not a time"),
        ("poa,2013-02-30T00:00:00Z,3600,observed,,1,2", "not a time"),
        ("poa,2013-01-01T00:00:00Z,-1,observed,,1,2", "bad period"),
        ("poa,2013-01-01T00:00:00Z,hour,observed,,1,2", "bad period"),
        ("poa,2013-01-01T00:00:00Z,0.5,observed,,1,2", "bad period"),
        ("poa,2013-01-01T00:00:00Z,1e30,observed,,1,2", "bad period"),
        ("poa,2013-01-01T00:00:00Z,3600,guessed,,1,2", "unknown kind"),
        ("poa,2013-01-01T00:00:00Z,3600,,,1,2", "unknown kind"),
        ("poa,2013-01-01T00:00:00Z,3600,forecast,,1,2", "forecast without issued_at"),
        ("poa,2013-01-01T00:00:00Z,3600,forecast,noon,1,2", "not a time"),
        ("atlantis,2013-01-01T00:00:00Z,3600,observed,,1,2", "unknown place"),
        ("poa,2013-01-01T00:00:00Z,3600,observed,,1", "wrong number of cells"),
        ("poa,2013-01-01T00:00:00Z,3600,observed,,1,2,3", "wrong number of cells"),
        ('poa,2013-01-01T00:00:00Z,3600,observed,,"1,2', "wrong number of cells"),
    ],
)
def test_a_bad_row_is_told_by_its_line_and_costs_no_other(
    places: Places, row: str, reason: str
) -> None:
    good = "poa,2013-01-01T01:00:00Z,3600,observed,,1,2\n"
    decoded = decode(places, HEAD + good + row + "\n\n" + good, is_recorded=True)
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert decoded.rejects[0].detail.startswith("line 3")
    assert decoded.readings.valid_at.tolist() == [JAN_1 + 3600] * 2


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("calm", "not a number"),
        ("1_5", "not a number"),
        ("nan", "not finite"),
        ("inf", "not finite"),
        ("-1e999", "not finite"),
        ("0x1F", "not a number"),
    ],
)
def test_a_bad_number_costs_only_its_cell(places: Places, cell: str, reason: str) -> None:
    text = HEAD + f"poa,2013-01-01T00:00:00Z,3600,observed,,{cell},2\n"
    decoded = decode(places, text)
    assert [(r.reason, r.detail[:6]) for r in decoded.rejects] == [(reason, "line 2")]
    assert decoded.readings.values["rain_mm"].tolist() == [2]
    assert "wind_gust_m_s" not in decoded.readings.values


def test_an_implausible_value_is_kept_for_the_check_to_judge(places: Places) -> None:
    text = HEAD + "poa,2013-01-01T00:00:00Z,3600,observed,,468.5,2\n"
    assert decode(places, text).readings.values["wind_gust_m_s"].tolist() == [468.5]


def test_unknown_columns_are_named_once_a_file(places: Places) -> None:
    text = (
        HEAD.replace("rain_mm", "vibes,rain_mm,mood")
        + "poa,2013-01-01T00:00:00Z,0,observed,,1,x,2,y\n" * 3
    )
    decoded = decode(places, text)
    assert [(r.reason, r.detail) for r in decoded.rejects] == [("unknown column", "vibes, mood")]
    assert decoded.readings.values["rain_mm"].tolist() == [2, 2, 2]


def test_a_place_that_is_not_watched_is_told_once(places: Places) -> None:
    text = HEAD + "atlantis,2013-01-01T00:00:00Z,0,observed,,1,2\n" * 500
    decoded = decode(places, text)
    assert [reject.reason for reject in decoded.rejects] == ["unknown place"]
    assert "500 rows" in decoded.rejects[0].detail


def test_thousands_of_faults_are_counted_and_not_listed(places: Places) -> None:
    text = HEAD + "poa,2013-01-01T00:00:00Z,0,observed,,x,2\n" * 3000
    decoded = decode(places, text)
    assert len(decoded.rejects) == 1001
    assert decoded.rejects[-1].detail == "2000 more"
    assert len(decoded.readings) == 3000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "empty body"),
        ("\n\n", "empty body"),
        ("<html>", "missing column"),
        ("place_id,valid_at,kind\npoa,x,y\n", "missing column"),
        (HEAD.replace("rain_mm", "kind"), "column twice"),
    ],
)
def test_what_is_no_readings_file_is_told(places: Places, body: str, reason: str) -> None:
    decoded = decode(places, body)
    assert [reject.reason for reject in decoded.rejects] == [reason]


def test_bytes_that_are_not_utf8_cost_their_row(places: Places) -> None:
    rows = (
        b"poa,2013-01-01T00:00:00Z,0,observed,,1,2\np\xf3a,2013-01-01T00:00:00Z,0,observed,,1,2\n"
    )
    decoded = decode(places, HEAD.encode() + rows)
    assert [reject.reason for reject in decoded.rejects] == ["not UTF-8", "unknown place"]
    assert len(decoded.readings) == 1


def test_files_longer_than_one_part_keep_their_line_numbers(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["poa,2013-01-01T00:00:00Z,0,observed,,1,2"] * 50
    rows[37] = "poa,2013-01-01T00:00:00Z,0,observed,,1,two"
    text = HEAD + "\n".join(rows) + "\n"
    monkeypatch.setattr(readings_csv, "_PART_BYTES", 300)
    decoded = decode(places, text)
    assert len(decoded.readings) == 50
    assert decoded.rejects[0].detail.startswith("line 39")


def test_live_rows_from_the_future_are_rejected_and_recorded_ones_kept(places: Places) -> None:
    text = HEAD + "poa,2013-01-03T00:00:00Z,0,observed,,1,2\n"
    live = decode(places, text)
    assert [reject.reason for reject in live.rejects] == ["from the future"]
    assert len(live.readings) == 0
    assert len(decode(places, text, is_recorded=True).readings) == 1


def test_pushed_records_need_no_kind_and_no_period(places: Places) -> None:
    decoded = decode(places, [record(), record(kind="forecast", source="own")], "readings-json")
    readings = decoded.readings
    assert decoded.rejects == []
    assert readings.kind.tolist() == [Kind.OBSERVED, Kind.FORECAST]
    assert readings.issued_at.tolist() == [NO_TIME, NO_TIME]
    assert readings.period_s.tolist() == [0, 0]
    assert [readings.sources[i] for i in readings.source] == ["station", "own"]
    assert readings.known_at.tolist() == [JAN_1 + 60] * 2
    assert readings.values["wind_gust_m_s"].tolist() == [7.5, 7.5]


def test_ndjson_and_a_single_object_are_read_too(places: Places) -> None:
    line = json.dumps(record())
    for body, rows in ((line, 1), (f"{line}\n\n{line}\n", 2), (json.dumps(record(), indent=1), 1)):
        decoded = decode(places, body, "readings-json")
        assert (len(decoded.readings), decoded.rejects) == (rows, [])


def test_a_bad_line_of_ndjson_costs_no_other(places: Places) -> None:
    good = json.dumps(record())
    body = f"{good}\n{good[:30]}\n[]\n{good.replace('7.5', 'NaN')}\n{good}"
    decoded = decode(places, body, "readings-json")
    assert [(r.reason, r.detail[:6]) for r in decoded.rejects] == [
        ("truncated JSON", "line 2"),
        ("not an object", "line 3"),
        ("not finite", "line 4"),
    ]
    assert np.array_equal(
        decoded.readings.values["wind_gust_m_s"], [7.5, np.nan, 7.5], equal_nan=True
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"wind_gust_m_s": "7.5"}, "not a number"),
        ({"wind_gust_m_s": True}, "not a number"),
        ({"wind_gust_m_s": {"m/s": 7}}, "not a number"),
        ({"wind_gust_m_s": 10**400}, "not finite"),
        ({"place_id": ["poa"]}, "unknown place"),
        ({"place_id": None}, "unknown place"),
        ({"valid_at": 1_356_998_400}, "not a time"),
        ({"valid_at": "2013-01-01T00:00:00"}, "time without offset"),
        ({"valid_at": {}}, "not a time"),
        ({"period_s": []}, "bad period"),
        ({"period_s": True}, "bad period"),
        ({"kind": 0}, "unknown kind"),
        ({"kind": ["observed"]}, "unknown kind"),
        ({"kind": "forecast", "issued_at": "then"}, "not a time"),
        ({"colour": "red"}, "unknown column"),
    ],
)
def test_a_bad_record_costs_no_other(places: Places, bad: dict[str, Any], reason: str) -> None:
    records = [record(rain_mm=1), record(rain_mm=2, **bad), record(rain_mm=3)]
    decoded = decode(places, records, "readings-json")
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert {1.0, 3.0} <= set(decoded.readings.values["rain_mm"].tolist())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body"),
        (b"<html>", "HTML instead of JSON"),
        (b'[{"place_id": "poa"', "truncated JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"7", "not an object"),
    ],
)
def test_what_is_no_push_is_told(places: Places, body: bytes, reason: str) -> None:
    decoded = decode(places, body, "readings-json")
    assert [reject.reason for reject in decoded.rejects] == [reason]


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufeff"),
    min_size=1,
    max_size=12,
).filter(readings_csv.is_name)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Readings, Places]:
    ids = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    places = Places([Place(id=name, name=name, latitude=0, longitude=0) for name in ids])
    n = draw(st.integers(1, 12))

    def column(each: st.SearchStrategy[Any], dtype: type) -> Any:
        return np.array(draw(st.lists(each, min_size=n, max_size=n)), dtype)

    instants = st.integers(EARLIEST, LATEST)
    kind = column(st.integers(0, 2), np.int8)
    valid_at = column(instants, np.int64)
    issued_at = np.where(kind == Kind.FORECAST, column(instants, np.int64), NO_TIME)
    sources = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
    names = draw(st.lists(st.sampled_from(list(CATALOGUE)), max_size=4, unique=True))
    numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(np.nan))
    values = {name: column(numbers, np.float64) for name in names}
    readings = Readings(
        place=column(st.integers(0, len(ids) - 1), np.int32),
        source=column(st.integers(0, len(sources) - 1), np.int16),
        kind=kind,
        valid_at=valid_at,
        issued_at=issued_at,
        known_at=np.where(issued_at == NO_TIME, valid_at, issued_at),
        period_s=column(st.integers(0, 31_622_400), np.int32),
        values={name: column for name, column in values.items() if not np.isnan(column).all()},
        sources=sources,
    )
    return readings, places


def rows_of(readings: Readings) -> list[tuple[Any, ...]]:
    columns = [
        readings.place.tolist(),
        [readings.sources[i] for i in readings.source],
        readings.kind.tolist(),
        readings.valid_at.tolist(),
        readings.issued_at.tolist(),
        readings.known_at.tolist(),
        readings.period_s.tolist(),
        *(map(repr, readings.values[name].tolist()) for name in sorted(readings.values)),
    ]
    return list(zip(*columns, strict=True))


@settings(max_examples=cases(50), deadline=None)
@given(batches())
def test_what_is_written_is_read_back_exactly(batch: tuple[Readings, Places]) -> None:
    readings, places = batch
    body = readings_csv.write(readings, places)
    decoded = readings_csv.decoder(places)([payload(body, is_recorded=True)], None)
    assert decoded.rejects == []
    assert sorted(decoded.readings.values) == sorted(readings.values)
    assert rows_of(decoded.readings) == rows_of(readings)
    assert readings_csv.write(decoded.readings, places) == body


def test_no_readings_are_written_as_a_header(places: Places) -> None:
    body = readings_csv.write(Readings.empty(), places)
    assert body == b"place_id,valid_at,period_s,kind,issued_at,source\n"


A_CELL = {
    "place_id": ["poa", "recife", "poa", "recife", "nowhere", "", "pé"],
    "valid_at": [
        *("2013-01-01T00:00:00Z", "2013-01-01T03:00:00+03:00", "2013-01-01T00:15:00Z"),
        *("2013-01-01T00:00:00", "soon", "2013-01-01T00:15:00.5Z", ""),
    ],
    "period_s": ["900", "3600", "", "-1", "9e9"],
    "kind": ["observed", "Analysis", "forecast", "guess"],
    "issued_at": ["", "2012-12-31T00:00:00Z", "then"],
    "source": ["", "gauge", "other", "x" * 41],
    "rain_mm": ["0.0", "0.2", "", "1_5", "nan", "many", "1e400"],
    "wind_gust_m_s": [f"{n / 7}" for n in range(30)],
}
"""What a file may say, by column; what is first comes oftener."""


@settings(max_examples=cases(100))
@given(
    st.lists(
        st.tuples(*(st.sampled_from(cells[:2] * 5 + cells) for cells in A_CELL.values())),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_a_regular_file_is_read_as_line_by_line(
    rows: list[tuple[str, ...]], is_recorded: bool
) -> None:
    ids = ("poa", "recife")
    watched = Places([Place(id=name, name=name, latitude=0, longitude=0) for name in ids])
    lines = [",".join(A_CELL), *map(",".join, rows), ",".join(("poa", *rows[0][1:]))]
    quick = decode(watched, "\n".join(lines), is_recorded=is_recorded)
    # One quote, and all lines of its part are taken one by one.
    lines[-1] = lines[-1].replace("poa", '"poa"', 1)
    plain = decode(watched, "\n".join(lines), is_recorded=is_recorded)
    assert rows_of(quick.readings) == rows_of(plain.readings)
    assert quick.readings.sources == plain.readings.sources
    assert quick.rejects == plain.rejects
