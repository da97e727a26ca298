"""GOLD as a small warehouse: summaries by hour and day, freshness, old files, other readers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from atalaia.batch.archive import archive
from atalaia.batch.refine import refine
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import raw
from atalaia.lake.gold import DATASETS, READING_COLUMNS
from atalaia.lake.merge import merge_readings
from atalaia.lake.query import query
from atalaia.lake.tables import tables
from atalaia.lake.views import NOT_AVERAGED, named
from batch.helpers import HOUR, NOON, answer, decode, row

# The first two stand where the made-up decoder has them.
PLACES = Places(
    [
        Place(id="recife", name="Recife", latitude=-8, longitude=-35),
        Place(
            id="poa",
            name="Porto Alegre",
            latitude=-30,
            longitude=-51,
            timezone="America/Sao_Paulo",
        ),
        Place(
            id="jfk",
            name="New York",
            latitude=40.6,
            longitude=-73.8,
            timezone="America/New_York",
            area="New York",
        ),
    ]
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def ask(home: EmbeddedHome, sql: str) -> list[tuple[Any, ...]]:
    return list(query(home, decode, PLACES, sql).rows)


def put(
    home: EmbeddedHome, times: list[int], place: str = "poa", period_s: Any = 0, **values: Any
) -> None:
    source = values.pop("source", "station")
    kind = values.pop("kind", Kind.OBSERVED)
    rows = Readings.build(
        place=[PLACES.position[place]] * len(times),
        source=source,
        kind=kind,
        valid_at=times,
        known_at=times,
        period_s=period_s,
        values={name: np.array(column, float) for name, column in values.items()},
    )
    merge_readings(home.lake, rows, PLACES)


def hourly(home: EmbeddedHome, variable: str, what: str) -> list[tuple[Any, ...]]:
    return ask(
        home,
        f"SELECT epoch(hour_ends_at)::BIGINT, {what} FROM hourly WHERE variable = '{variable}'"
        " ORDER BY ALL",
    )


def test_every_table_gives_the_columns_that_are_described_with_their_types(
    home: EmbeddedHome,
) -> None:
    for name, columns in tables().items():
        described = ask(home, f"DESCRIBE {name}")
        found = {
            column: kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
            for column, kind, *_ in described
        }
        assert found == {column: told.type for column, told in columns.items()}, name


def test_every_variable_has_a_unit_and_every_number_that_has_one_says_it() -> None:
    for name, told in tables()["readings"].items():
        if name in READING_COLUMNS and told.type == "DOUBLE":
            assert told.unit
            assert told.null
    assert set(DATASETS) < set(tables())


def test_an_hour_ends_with_what_falls_on_its_stroke(home: EmbeddedHome) -> None:
    times = [NOON + 1, NOON + 1800, NOON + HOUR, NOON + HOUR + 1]
    put(home, times, temperature_c=[10, 14, 15, 20])
    assert hourly(home, "temperature_c", "minimum, maximum, mean, sum") == [
        (NOON + HOUR, 10, 15, 13, None),
        (NOON + 2 * HOUR, 20, 20, 20, None),
    ]


def test_values_beyond_all_weather_are_in_readings_and_in_no_summary(home: EmbeddedHome) -> None:
    put(home, [NOON, NOON + 60], temperature_c=[20, 999])
    assert hourly(home, "temperature_c", "maximum") == [(NOON, 20)]
    assert ask(home, "SELECT max(temperature_c) FROM readings") == [(999,)]


def test_rain_that_is_told_by_the_hour_and_by_the_quarter_falls_once(home: EmbeddedHome) -> None:
    quarters = [NOON + 900 * i for i in range(1, 5)]
    put(home, [*quarters, NOON + HOUR], period_s=[900] * 3 + [900, 3600], rain_mm=[1, 2, 3, 4, 10])
    assert hourly(home, "rain_mm", "sum, mean") == [(NOON + HOUR, 10, None)]


def test_of_rain_that_is_told_in_parts_the_longer_cover_counts(home: EmbeddedHome) -> None:
    put(home, [NOON + 900, NOON + 1800], period_s=900, rain_mm=[1, 2])
    put(home, [NOON + HOUR + 1, NOON + HOUR + 2], period_s=0, rain_mm=[5, 6])
    put(home, [NOON + 30], period_s=86_400, rain_mm=[80])  # a day's sum is of no hour
    assert hourly(home, "rain_mm", "sum") == [(NOON + HOUR, 3), (NOON + 2 * HOUR, 11)]


def test_a_day_is_one_of_the_places_clock(home: EmbeddedHome) -> None:
    midnight = 1_714_446_000  # 2024-04-30T00:00 in São Paulo
    times = [midnight + HOUR * i for i in range(0, 26)]
    put(home, times, period_s=HOUR, rain_mm=[9] + [1] * 24 + [7], temperature_c=list(range(26)))
    put(home, [times[5]], place="recife", temperature_c=[30])
    found = ask(
        home,
        "SELECT place_id, variable, day, minimum, maximum, sum, mean, hours FROM daily"
        " WHERE variable IN ('rain_mm', 'temperature_c') ORDER BY ALL",
    )
    thirtieth = date(2024, 4, 30)
    assert [r for r in found if r[0] == "poa" and r[2] == thirtieth] == [
        ("poa", "rain_mm", thirtieth, 1, 1, 24, 1, 24),
        ("poa", "temperature_c", thirtieth, 1, 24, None, 12.5, 24),
    ]
    assert ("poa", "rain_mm", date(2024, 4, 29), 9, 9, 9, 9, 1) in found
    assert ("poa", "rain_mm", date(2024, 5, 1), 7, 7, 7, 7, 1) in found
    assert ("recife", "temperature_c", thirtieth, 30, 30, None, 30, 1) in found


def test_the_day_on_which_clocks_are_put_back_has_25_hours(home: EmbeddedHome) -> None:
    start = int(datetime(2024, 11, 3, 4, tzinfo=UTC).timestamp())  # midnight in New York
    put(home, [start + HOUR * i for i in range(1, 30)], place="jfk", temperature_c=[1] * 29)
    sql = "SELECT day, hours FROM daily WHERE variable = 'temperature_c' ORDER BY day"
    assert ask(home, sql) == [(date(2024, 11, 3), 25), (date(2024, 11, 4), 4)]


def test_forecasts_are_in_no_summary_and_sources_and_kinds_stay_apart(home: EmbeddedHome) -> None:
    put(home, [NOON], temperature_c=[20])
    put(home, [NOON], temperature_c=[22], source="model", kind=Kind.ANALYSIS)
    put(home, [NOON], temperature_c=[99], source="model", kind=Kind.FORECAST)
    put(home, [NOON], wind_direction_deg=[350])
    found = ask(home, "SELECT source, kind, variable, mean FROM hourly ORDER BY ALL")
    assert found == [
        ("model", "analysis", "temperature_c", 22),
        ("station", "observed", "temperature_c", 20),
    ]
    assert "wind_direction_deg" in NOT_AVERAGED


def failed(at: int, **more: Any) -> Payload:
    fields: dict[str, Any] = {"source": "made-up", "content": "rows", "body": b""}
    return Payload(**(fields | {"received_at": at} | more))


FRESH = (
    "SELECT epoch(last_answer_at)::BIGINT, epoch(last_fault_at)::BIGINT, last_fault, answers,"
    " errors, failures, rejects, places, readings, epoch(last_valid_at)::BIGINT FROM sources"
)


def test_sources_tell_how_fresh_they_are_and_how_often_they_failed(home: EmbeddedHome) -> None:
    clock = Payload(source="clock", content="tick", received_at=NOON, body=b"")
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0)), clock])
    home.stream.append([failed(NOON + 60, failure="time-out"), failed(NOON + 90, status=503)])
    newest = ask(home, FRESH)
    archive(home.stream, home.state, home.lake)
    archived = ask(home, FRESH)
    refine(home.state, home.lake, decode, PLACES)
    assert newest == archived == ask(home, FRESH)
    # The made-up decoder takes the empty bodies for answers that it cannot read.
    assert newest == [(NOON, NOON + 90, "status 503", 1, 1, 1, 2, 1, 1, NOON)]
    home.stream.append([answer(NOON + 120, row("poa", NOON + 120, rain_mm=1.0))])
    ((last_answer, *_, last_valid),) = ask(home, FRESH)
    assert (last_answer, last_valid) == (NOON + 120, NOON + 120)


def test_places_can_be_joined(home: EmbeddedHome) -> None:
    put(home, [NOON], temperature_c=[20])
    sql = "SELECT name, area, temperature_c FROM readings RIGHT JOIN places USING (place_id)"
    assert sorted(ask(home, sql)) == [
        ("New York", "New York", None),
        ("Porto Alegre", None, 20),
        ("Recife", None, None),
    ]


def test_a_query_touches_only_what_it_names(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])

    def never(*_: Any) -> Any:
        raise AssertionError

    assert list(query(home, never, PLACES, "SELECT count(*) FROM alerts").rows) == [(0,)]
    assert ask(home, "SHOW TABLES") == [(name,) for name in sorted(tables())]


@pytest.mark.parametrize("sql", ["SHOW TABLES", "describe", "FROM duckdb_views()", "DESC nowhere"])
def test_who_may_ask_which_tables_there_are_is_shown_all(sql: str) -> None:
    assert named(sql) == set(tables())


def test_a_question_of_no_table_makes_none() -> None:
    assert named("SELECT 1 AS one") == set()
    assert named("SELECT count(*) FROM daily") == {"daily", "hourly", "readings", "places"}


def test_a_part_that_is_archived_while_a_query_looks_is_not_missed(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    looked = 0

    class Busy:
        """The watch archives between a query's two looks at how far it is."""

        def __getattr__(self, name: str) -> Any:
            return getattr(home.state, name)

        def load(self, prefix: str = "") -> dict[str, bytes]:
            nonlocal looked
            found = home.state.load(prefix)
            looked += 1
            if looked == 1:
                archive(home.stream, home.state, home.lake)
            return found

    class Moving:
        stream, lake, sql, state = home.stream, home.lake, home.sql, Busy()

    moving: Any = Moving()
    assert list(query(moving, decode, PLACES, "SELECT sum(rain_mm) FROM readings").rows) == [(1,)]
    assert looked == 2
    assert home.state.offset(raw.ARCHIVED) == 1


# Files of another Atalaia


def test_a_file_that_lacks_a_column_is_read_with_it_missing(
    home: EmbeddedHome, tmp_path: Path
) -> None:
    put(home, [NOON], temperature_c=[20])
    (key,) = home.lake.keys("gold/readings/")
    older = tmp_path / "older.parquet"
    duckdb.sql(
        "COPY (SELECT * EXCLUDE (source, date, cape_j_kg, period_s), 7.5 AS shoe_size"
        f" FROM read_parquet('{home.lake.path(key)}')) TO '{older}' (FORMAT parquet)"
    )
    home.lake.write(key, older.read_bytes())
    put(home, [NOON + 86_400], temperature_c=[21], cape_j_kg=[900])
    assert ask(home, "SELECT temperature_c, cape_j_kg, period_s FROM readings ORDER BY 1") == [
        (20, None, None),
        (21, 900, None),
    ]
    assert list(query(home, decode, PLACES, "FROM readings").columns) == list(DATASETS["readings"])
    # What is merged into it later makes it one of today's.
    put(home, [NOON + HOUR], temperature_c=[22], cape_j_kg=[100])
    file = f"read_parquet('{home.lake.path(key)}', hive_partitioning=false)"
    names = [name for name, *_ in duckdb.sql(f"DESCRIBE FROM {file}").fetchall()]
    assert names == list(READING_COLUMNS)
    assert ask(home, "SELECT count(temperature_c), sum(cape_j_kg) FROM readings") == [(3, 1000)]


def test_a_file_with_another_number_type_is_read(home: EmbeddedHome, tmp_path: Path) -> None:
    put(home, [NOON], period_s=HOUR, rain_mm=[4])
    (key,) = home.lake.keys("gold/readings/")
    older = tmp_path / "older.parquet"
    duckdb.sql(
        "COPY (SELECT * EXCLUDE (source, date) REPLACE (rain_mm::FLOAT AS rain_mm,"
        f" period_s::BIGINT AS period_s) FROM read_parquet('{home.lake.path(key)}'))"
        f" TO '{older}' (FORMAT parquet)"
    )
    home.lake.write(key, older.read_bytes())
    put(home, [NOON + 86_400], period_s=HOUR, rain_mm=[5])
    assert ask(home, "SELECT sum(rain_mm), max(period_s) FROM readings") == [(9, HOUR)]


def test_gold_opens_as_it_is(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    gold = home.lake.path("gold")
    found = duckdb.sql(
        f"SELECT source, date, place_id, rain_mm FROM read_parquet('{gold}/readings/*/*/*.parquet',"
        " hive_partitioning = true)"
    ).fetchall()
    assert found == [("made-up", date(2024, 4, 30), "poa", 1.0)]
    assert len(duckdb.sql(f"FROM '{gold}/places/places.parquet'").fetchall()) == 3
    assert duckdb.sql(f"SELECT answers FROM '{gold}/answers/*/*.parquet'").fetchall() == [(1,)]


def test_an_hours_rain_stays_beside_a_row_of_the_same_instant_that_only_has_a_temperature(
    home: EmbeddedHome,
) -> None:
    put(home, [NOON + HOUR], period_s=HOUR, rain_mm=[25])
    put(home, [NOON + HOUR], period_s=24 * HOUR, temperature_c=[20])
    assert hourly(home, "rain_mm", "sum, covered_s") == [(NOON + HOUR, 25, HOUR)]
    assert hourly(home, "temperature_c", "mean") == [(NOON + HOUR, 20)]
