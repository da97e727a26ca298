"""What ``infra/`` takes from the program is up to date, and Athena's views say what ours say."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from atalaia.lake.gold import DATASETS, rows
from atalaia.lake.views import VIEWS, make_clocks

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("aws_tool", ROOT / "tools/aws_definitions.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


TOOL = load()


@pytest.mark.parametrize("path", TOOL.definitions(), ids=lambda path: path.name)
def test_definitions_are_as_the_program_has_them(path: Path) -> None:
    assert path.read_text("utf-8") == TOOL.definitions()[path], "run tools/aws_definitions.py"


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]]:
    """The same rows in our own tables, and in tables and views as Athena has them."""
    folder = tmp_path_factory.mktemp("athena")
    with duckdb.connect() as ours, duckdb.connect() as theirs:
        for con in (ours, theirs):
            con.execute("SET TimeZone = 'UTC'")
        for dataset in DATASETS:
            ours.execute(f"CREATE TABLE {dataset} AS {rows(dataset, [])}")
        fill(ours)
        make_clocks(ours)
        for name, sql in VIEWS.items():
            ours.execute(f"CREATE VIEW {name} AS {sql}")
        theirs.execute(TOOL.STAND_INS)
        for dataset in DATASETS:
            file = folder / f"{dataset}.parquet"
            ours.execute(f"COPY (SELECT {as_athena(dataset)} FROM {dataset}) TO '{file}'")
            if dataset != "readings":
                theirs.execute(f"CREATE TABLE {dataset} AS FROM '{file}'")
        month = "strftime(date, '%Y-%m')"
        closed = f"FROM '{folder}/readings.parquet' WHERE {month} = '2025-12'"
        theirs.execute(f"CREATE TABLE readings_months AS SELECT *, {month} AS month {closed}")
        # A day that a killed compaction left beside its month is there, and does not count.
        theirs.execute(f"""
            CREATE TABLE readings_days AS FROM '{folder}/readings.parquet'
            WHERE {month} <> '2025-12' OR date = '2025-12-31'
        """)
        for name, sql in (*TOOL.views().items(), ("deliveries_masked", TOOL.masked())):
            theirs.execute(f"CREATE VIEW {name} AS {sql}")
        yield ours, theirs


def as_athena(dataset: str) -> str:
    """An instant is a TIMESTAMP that means UTC."""
    return ", ".join(
        f'"{name}" AT TIME ZONE \'UTC\' AS "{name}"' if kind == "TIMESTAMPTZ" else f'"{name}"'
        for name, kind in DATASETS[dataset].items()
    )


def fill(con: duckdb.DuckDBPyConnection) -> None:
    """Two sources, three places (one whose clock was changed, one that is not listed), gaps, an
    hourly sum beside quarters, a forecast; two incidents; answers and deliveries."""
    con.execute("""
        INSERT INTO places BY NAME FROM (VALUES
            ('poa', 'Porto Alegre', -30.0, -51.2, 'America/Sao_Paulo'),
            ('jfk', 'New York', 40.6, -73.8, 'America/New_York')
        ) AS t(place_id, name, latitude, longitude, timezone)
    """)
    con.execute("""
        INSERT INTO readings BY NAME
        SELECT place_id, source, kind, moment AS valid_at, moment AS issued_at,
            moment AS received_at,
            false AS has_run_time, CAST(moment AS DATE) AS date, period AS period_s,
            CASE WHEN n % 7 <> 0 THEN 20 + 9 * sin(n) END AS temperature_c,
            CASE WHEN n % 50 = 0 THEN 999 ELSE n % 97 END AS relative_humidity_pct,
            CASE WHEN n % 5 < 3 THEN round(abs(10 * sin(n * n)), 1) END AS rain_mm
        FROM (
            SELECT place_id, source, kind, period, n,
                TIMESTAMPTZ '2025-10-31 00:00:00+00' + n * step * INTERVAL 1 SECOND AS moment
            FROM (VALUES ('poa', 'open-meteo', 'analysis', 900, 900, 9000),
                         ('poa', 'open-meteo', 'analysis', 3600, 3600, 2200),
                         ('jfk', 'inmet', 'observed', 3600, 3600, 2200),
                         ('nowhere', 'inmet', 'observed', NULL, 1117, 500),
                         ('poa', 'rolling', 'observed', 3600, 900, 4000),
                         ('jfk', 'tens', 'observed', 600, 60, 4000),
                         ('jfk', 'at half past', 'observed', 3600, 1800, 500),
                         ('jfk', 'slow', 'observed', 60, 61, 4000),
                         ('poa', 'open-meteo', 'forecast', 3600, 3600, 48)
                 ) AS t(place_id, source, kind, period, step, steps),
                 range(9000) AS r(n)
            WHERE n < steps
        )
    """)
    con.execute("""
        INSERT INTO alerts BY NAME
        SELECT 'i' || (n % 3) AS incident, n AS version, 'poa' AS place_id, 'wind' AS hazard,
            CASE WHEN n > 5 THEN 'end' ELSE 'update' END AS type, 'orange' AS level,
            n * 1.5 AS peak,
            CASE WHEN n = 7 THEN 'expired' ELSE 'rose' END AS reason, 'm/s' AS unit,
            TIMESTAMPTZ '2026-01-02 00:00:00+00' + n * INTERVAL 1 HOUR AS sent_at,
            DATE '2026-01-02' AS date
        FROM range(1, 9) AS r(n)
    """)
    con.execute("""
        INSERT INTO answers BY NAME
        SELECT CASE WHEN n % 4 = 0 THEN 'clock' WHEN n % 2 = 0 THEN 'inmet' ELSE 'silent' END
            AS source, n AS first_offset, n AS answers, 0 AS errors, n % 3 AS failures,
            0 AS rejects,
            CASE WHEN n % 2 = 0 THEN TIMESTAMPTZ '2026-01-02 00:00:00+00' END AS last_answer_at,
            TIMESTAMPTZ '2026-01-02 00:00:00+00' + n * INTERVAL 1 HOUR AS last_fault_at,
            'fault ' || n AS last_fault, DATE '2026-01-02' AS date
        FROM range(1, 20) AS r(n)
    """)
    con.execute("""
        INSERT INTO deliveries BY NAME
        SELECT 'p' || n AS person, 'sms' AS channel, 'm' || n AS message, 'sent' AS status,
            TIMESTAMPTZ '2026-01-02 00:00:00+00' AS sent_at,
            TIMESTAMPTZ '2026-01-02 00:00:00+00' + n * INTERVAL 1 SECOND AS settled_at,
            n AS number, DATE '2026-01-02' AS date
        FROM range(1, 20) AS r(n)
    """)


@pytest.mark.parametrize("view", ["readings", *VIEWS])
def test_athenas_views_have_our_views_rows(engines: tuple[Any, Any], view: str) -> None:
    ours, theirs = engines
    columns = {name: kind for name, kind, *_ in ours.execute(f"DESCRIBE {view}").fetchall()}
    names = ", ".join(
        f'CAST(round("{name}", 9) AS VARCHAR)'
        if kind == "DOUBLE"
        else f"strftime(\"{name}\", '%Y-%m-%dT%H:%M:%S')"
        if kind.startswith("TIMESTAMP")
        else f'CAST("{name}" AS VARCHAR)'
        for name, kind in columns.items()
    )
    sql = f"SELECT {names} FROM {view} ORDER BY ALL"
    found, expected = theirs.execute(sql).fetchall(), ours.execute(sql).fetchall()
    assert len(expected) > 1
    assert found == expected


def test_a_views_columns_are_described_as_they_are(engines: tuple[Any, Any]) -> None:
    _, theirs = engines
    for name, view in TOOL.gold()["views"].items():
        described = theirs.execute(f"DESCRIBE {name}").fetchall()
        assert [column for column, *_ in described] == [one["name"] for one in view["columns"]]


def test_the_masked_view_says_nothing_of_whose_a_delivery_was(engines: tuple[Any, Any]) -> None:
    _, theirs = engines
    columns = {name for name, *_ in theirs.execute("DESCRIBE deliveries_masked").fetchall()}
    assert columns & set(TOOL.MASKED) == set()
    assert columns | set(TOOL.MASKED) == set(DATASETS["deliveries"])


def documented() -> list[str]:
    """The SQL of docs/aws.md."""
    page = (ROOT / "docs" / "aws.md").read_text("utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [one for block in blocks for one in block.split(";") if one.strip()]


@pytest.mark.parametrize("sql", documented(), ids=lambda sql: sql.strip().split("\n")[0][:60])
def test_documented_queries_can_be_asked(engines: tuple[Any, Any], sql: str) -> None:
    """On an engine that is not Athena, with the functions that it lacks stood in for."""
    _, theirs = engines
    theirs.execute(sql).fetchall()
