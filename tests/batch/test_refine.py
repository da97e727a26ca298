from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from atalaia.batch import refine_steps as module
from atalaia.batch.archive import archive
from atalaia.batch.refine import RefineReport, rebuild, refine
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.variable import CATALOGUE
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.alert_rows import ALERT_COLUMNS
from atalaia.lake.gold import READING_COLUMNS
from atalaia.ports import Commit
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, files, row
from contracts.state_contract import entry


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def refined(home: EmbeddedHome, *payloads: Payload) -> RefineReport:
    if payloads:
        home.stream.append(payloads)
    archive(home.stream, home.state, home.lake)
    return refine(home.state, home.lake, decode, PLACES)


def gold(home: EmbeddedHome, columns: str, dataset: str = "readings") -> list[tuple[Any, ...]]:
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    files = home.lake.path(f"gold/{dataset}") / "**" / "*.parquet"
    return con.execute(
        f"SELECT {columns} FROM read_parquet('{files}', hive_partitioning=true)"
    ).fetchall()


def some_weeks(seed: int) -> list[Payload]:
    """Polls of three places over days: repeats, late rows, revisions, nulls."""
    chance = random.Random(seed)
    payloads = []
    for poll in range(40):
        now = NOON + poll * 3 * HOUR + chance.randrange(60)
        rows = [
            row(
                chance.choice(["poa", "recife", "d'água"]),
                (NOON // HOUR + chance.randrange(-30, 60) + poll * 3) * HOUR,
                chance.choice(["observed", "analysis", "forecast"]),
                temperature_c=chance.choice([None, 20.0, 20.5]),
                rain_mm=chance.choice([0.0, None, 3.5]),
                period_s=chance.choice([0, HOUR]),
            )
            for _ in range(30)
        ]
        payloads.append(answer(now, *rows, source=chance.choice(["a", "b/c"])))
    return payloads


def test_a_partition_is_one_file_by_source_and_utc_day(home: EmbeddedHome) -> None:
    rows = [row("poa", NOON, rain_mm=1.0), row("poa", NOON + DAY, rain_mm=2.0)]
    report = refined(home, answer(NOON, *rows), answer(NOON, rows[0], source="b/c"))
    assert home.lake.keys("gold/readings/") == [
        "gold/readings/source=b%2Fc/date=2024-04-30/readings.parquet",
        "gold/readings/source=made-up/date=2024-04-30/readings.parquet",
        "gold/readings/source=made-up/date=2024-05-01/readings.parquet",
    ]
    assert (report.rows, report.partitions, report.rejects) == (3, 3, 0)
    assert sorted(gold(home, "source, rain_mm")) == [
        ("b/c", 1.0),
        ("made-up", 1.0),
        ("made-up", 2.0),
    ]


def test_every_file_has_the_same_typed_columns(home: EmbeddedHome) -> None:
    refined(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    (key,) = home.lake.keys("gold/readings/")
    described = duckdb.sql(f"DESCRIBE FROM read_parquet('{home.lake.path(key)}')").fetchall()
    found = {
        name: kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
        for name, kind, *_ in described
    }
    # What the folders say is not in the file; DuckDB adds it on its own.
    assert {n: k for n, k in found.items() if n in READING_COLUMNS} == READING_COLUMNS
    assert set(CATALOGUE) < set(found)


def test_a_row_says_what_is_missing_by_null(home: EmbeddedHome) -> None:
    refined(
        home,
        answer(
            NOON + 5,
            row("poa", NOON, "observed", rain_mm=1.5, wind_gust_m_s=None, period_s=HOUR),
            row("recife", NOON + HOUR, "forecast", temperature_c=30),
            row("são paulo", NOON, "forecast", issued_at=NOON - HOUR, temperature_c=20),
        ),
    )
    columns = (
        "place_id, kind, epoch(valid_at)::BIGINT, epoch(issued_at)::BIGINT, has_run_time,"
        " epoch(received_at)::BIGINT, period_s, rain_mm, wind_gust_m_s, temperature_c"
    )
    assert gold(home, columns) == [
        ("poa", "observed", NOON, None, None, NOON + 5, HOUR, 1.5, None, None),
        ("recife", "forecast", NOON + HOUR, NOON + 5, False, NOON + 5, None, None, None, 30.0),
        ("são paulo", "forecast", NOON, NOON - HOUR, True, NOON + 5, None, None, None, 20.0),
    ]


def test_rows_are_sorted_as_a_query_would_sort_them(home: EmbeddedHome) -> None:
    refined(home, *some_weeks(1))
    for key in home.lake.keys("gold/readings/"):
        rows = duckdb.sql(
            "SELECT place_id, epoch(valid_at), kind, epoch(issued_at)"
            f" FROM read_parquet('{home.lake.path(key)}')"
        ).fetchall()
        keys = [(p, v, k, i or 0) for p, v, k, i in rows]
        assert keys == sorted(set(keys))


def test_a_late_row_finds_its_partition(home: EmbeddedHome) -> None:
    refined(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    refined(home, answer(NOON + 9 * DAY, row("recife", NOON, rain_mm=2.0)))
    assert gold(home, "place_id, rain_mm") == [("poa", 1.0), ("recife", 2.0)]
    assert len(home.lake.keys("gold/readings/")) == 1


def test_what_says_nothing_new_writes_nothing(home: EmbeddedHome) -> None:
    first = answer(
        NOON, row("poa", NOON, rain_mm=1.0), row("poa", NOON + HOUR, "forecast", rain_mm=2)
    )
    again = answer(
        NOON + 600, row("poa", NOON, rain_mm=1.0), row("poa", NOON + HOUR, "forecast", rain_mm=2)
    )
    assert refined(home, first).partitions == 1
    before = files(home, "gold/readings/")
    assert refined(home, again)[:2] == (2, 0)
    assert files(home, "gold/readings/") == before


def test_places_that_are_no_longer_watched_stay_in_gold(home: EmbeddedHome) -> None:
    refined(home, answer(NOON, row("poa", NOON, rain_mm=1.0), row("d'água", NOON, rain_mm=4.0)))
    home.stream.append([answer(NOON + 60, row("recife", NOON, rain_mm=2.0))])
    archive(home.stream, home.state, home.lake)
    recife = Places([Place(id="recife", name="Recife", latitude=0, longitude=0)])
    refine(
        home.state,
        home.lake,
        lambda payloads, wanted: _renumbered(decode(payloads, wanted)),
        recife,
    )
    assert gold(home, "place_id, rain_mm") == [("d'água", 4.0), ("poa", 1.0), ("recife", 2.0)]


def _renumbered(decoded: Any) -> Any:
    decoded.readings.place[:] = 0
    return decoded


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """GOLD of some weeks, made in one step."""
    with open_home(tmp_path_factory.mktemp("undisturbed") / "home") as home:
        refined(home, *some_weeks(4))
        return files(home, "gold/")


def test_in_one_step_or_in_many_gold_is_the_same_to_the_byte(tmp_path: Path) -> None:
    payloads = some_weeks(2)
    with open_home(tmp_path / "one") as one, open_home(tmp_path / "many") as many:
        refined(one, *payloads)
        for i in range(0, len(payloads), 7):
            refined(many, *payloads[i : i + 7])
        assert files(one, "gold/readings/") == files(many, "gold/readings/")
        assert len(files(one, "gold/readings/")) > 10


def test_bounded_steps_make_the_same_gold(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = some_weeks(3)[:16]
    for payload in payloads:
        home.stream.append([payload])
        archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    whole = files(home, "gold/")
    monkeypatch.setattr(module, "STEP_ROWS", 50)
    for key in whole:
        home.lake.delete(key)
    report = rebuild(home.state, home.lake, decode, PLACES)
    assert report.rows == 30 * len(payloads)
    assert files(home, "gold/") == whole


@pytest.mark.parametrize("writes", [0, 1, 3, 8])
def test_a_refine_that_was_killed_is_done_again_to_the_same_gold(
    home: EmbeddedHome,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    writes: int,
) -> None:
    home.stream.append(some_weeks(4))
    archive(home.stream, home.state, home.lake)
    real = type(home.lake).write_all
    left = writes

    def dying(self: Any, some: dict[str, bytes]) -> None:
        nonlocal left
        for key, body in some.items():
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            real(self, {key: body})

    monkeypatch.setattr(type(home.lake), "write_all", dying)
    with pytest.raises(KeyboardInterrupt):
        refine(home.state, home.lake, decode, PLACES)
    monkeypatch.undo()
    refine(home.state, home.lake, decode, PLACES)
    assert files(home, "gold/") == undisturbed
    assert refine(home.state, home.lake, decode, PLACES)[:2] == (0, 0)


def test_a_rebuild_gives_the_same_rows_and_only_those(home: EmbeddedHome) -> None:
    refined(home, *some_weeks(5))
    home.state.commit(Commit("speed", 1, entries=[entry("a"), entry("b")]))
    refined(home)
    expected = files(home, "gold/")
    home.lake.write("gold/readings/source=gone/date=2020-01-01/readings.parquet", b"stale")
    home.lake.write("gold-rebuilt/readings/source=killed/x.parquet", b"left by a killed rebuild")
    for key in (next(iter(expected)), home.lake.keys("raw/alerts/")[0]):
        home.lake.write(key, b"damaged")
    rebuild(home.state, home.lake, decode, PLACES)
    assert files(home, "gold") == expected
    assert refined(home)[:2] == (0, 0)


def test_a_rebuild_also_does_what_refine_had_not_yet(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    archive(home.stream, home.state, home.lake)
    home.state.commit(Commit("speed", 1, entries=[entry("a")]))  # told since the last archive
    rebuild(home.state, home.lake, decode, PLACES)
    assert gold(home, "rain_mm") == [(1.0,)]
    assert gold(home, "incident", "alerts") == [("a",)]
    assert refined(home)[:2] == (0, 0)


def test_what_cannot_be_decoded_is_counted_and_stops_nothing(home: EmbeddedHome) -> None:
    bad = Payload(source="made-up", content="rows", received_at=NOON, body=b"<html>")
    report = refined(home, bad, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    assert (report.rows, report.rejects) == (1, 1)


def test_a_damaged_part_of_raw_stops_nothing(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    home.stream.append([answer(NOON + HOUR, row("poa", NOON + HOUR, rain_mm=2.0))])
    archive(home.stream, home.state, home.lake)
    first, _ = home.lake.keys("raw/")
    home.lake.write(first, home.lake.read(first)[:-30])
    report = refine(home.state, home.lake, decode, PLACES)
    assert report.rejects == 1
    ((_, _, reject),) = home.state.rejects()
    assert reject.reason == "damaged file"
    assert first in reject.detail
    assert (2.0,) in gold(home, "rain_mm")
    assert refine(home.state, home.lake, decode, PLACES)[:2] == (0, 0)


def test_the_alert_log_becomes_one_row_an_entry(home: EmbeddedHome) -> None:
    home.state.commit(Commit("speed", 1, entries=[entry("b"), entry("a"), entry("a", 2)]))
    assert refined(home).partitions == 2, "of alerts, and of the systems that they are of"
    assert home.lake.keys("gold/alerts/") == ["gold/alerts/date=2024-04-30/alerts.parquet"]
    columns = (
        'incident, version, epoch(sent_at)::BIGINT, value, "limit", text_pt_br, text_es, places,'
        " expires_at"
    )
    told = (NOON, 109.0, 50.0, "Chuva forte", "Lluvia fuerte", ["poa"], None)
    assert gold(home, columns, "alerts") == [("a", 1, *told), ("a", 2, *told), ("b", 1, *told)]
    home.state.commit(Commit("speed", 2, entries=[entry("c")]))
    refined(home)
    assert [r for (r,) in gold(home, "incident", "alerts")] == ["a", "a", "b", "c"]
    (key,) = home.lake.keys("gold/alerts/")
    file = home.lake.path(key)
    described = duckdb.sql(f"DESCRIBE FROM read_parquet('{file}', hive_partitioning=false)")
    assert [name for name, *_ in described.fetchall()] == list(ALERT_COLUMNS)
