"""Of `hourly` and `daily` only the variables that a query can see are made: never one too few."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.sql import variables_seen
from atalaia.lake import gold, views
from atalaia.lake.merge import merge_readings
from atalaia.lake.query import query
from atalaia.sources import decode_all
from oracles import cases

PLACES = Places(
    [
        Place(id="a", name="A", latitude=-30, longitude=-51, timezone="America/Sao_Paulo"),
        Place(id="b", name="B", latitude=0, longitude=0),
    ]
)

QUERIES = {
    "SELECT * FROM hourly WHERE variable = 'rain_mm'": 1,
    "SELECT * FROM hourly WHERE 'rain_mm' = variable AND place_id = 'a'": 1,
    "SELECT * FROM daily WHERE variable IN ('rain_mm', 'wind_gust_m_s')": 2,
    "SELECT * FROM daily WHERE variable = 'rain_mm' OR variable = 'temperature_c'": 2,
    "SELECT * FROM daily WHERE variable = 'rain_mm' OR place_id = 'b'": None,
    "SELECT * FROM hourly WHERE variable LIKE 'wind%'": None,
    "SELECT * FROM hourly WHERE upper(variable) = 'RAIN_MM'": None,
    "SELECT * FROM hourly WHERE variable <> 'rain_mm'": None,
    "SELECT * FROM hourly WHERE unit = 'mm'": None,
    "SELECT * FROM hourly WHERE variable = 'no such thing'": 1,
    "SELECT * FROM hourly WHERE maximum > 5": None,
    "SELECT * FROM hourly WHERE minimum IS NULL": None,
    "SELECT variable, count(*) FROM daily GROUP BY ALL": None,
    "SELECT * FROM hourly JOIN (VALUES ('rain_mm')) AS v(variable) USING (variable)": None,
    "SELECT * FROM hourly WHERE variable = (SELECT min(variable) FROM hourly)": None,
    "SELECT * FROM hourly WHERE variable IN (SELECT variable FROM daily WHERE sum > 0)": None,
    "WITH rain AS (SELECT * FROM hourly WHERE variable = 'rain_mm')"
    " SELECT rain.place_id, daily.maximum FROM rain JOIN daily USING (place_id, source)"
    " WHERE daily.variable = 'temperature_c'": 2,
    "SELECT CASE WHEN variable = 'rain_mm' THEN sum END FROM hourly": None,
    "SELECT * FROM (SELECT * FROM hourly UNION ALL SELECT * FROM hourly)"
    " WHERE variable = 'rain_mm'": 1,
    "SELECT place_id, (SELECT max(sum) FROM hourly h WHERE h.variable = 'rain_mm'"
    " AND h.place_id = p.place_id) FROM places p": 1,
    "SELECT count(*) FROM hourly": None,
}
"""And how many variables are seen, where that is certain."""


MEASURED = {
    "rain_mm": (0, 9),
    "temperature_c": (-5, 30),
    "wind_gust_m_s": (0, 30),
    "pressure_hpa": (900, 1000),
}
"""Of which there are values, and twice the lowest and highest."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHome]:
    n = 60
    chance = np.random.default_rng(4)
    rows = Readings.build(
        place=np.arange(n) % 2,
        source="inmet",
        kind=Kind.OBSERVED,
        valid_at=1_720_000_800 + np.arange(n) // 2 * 3600,
        # Halves: their sums are the same in whatever order the engine adds them.
        values={name: chance.integers(*ends, n) / 2 for name, ends in MEASURED.items()},
        period_s=3600,
    )
    with open_home(tmp_path_factory.mktemp("summaries") / "home") as opened:
        merge_readings(opened.lake, rows, PLACES)
        yield opened


def asked(home: EmbeddedHome, sql: str) -> list[tuple[Any, ...]]:
    return sorted(query(home, decode_all(PLACES), PLACES, sql).rows, key=repr)


ALL = [
    variable
    for variable in views.SUMMARISED
    if cases(1) > 1 or variable.name in ("uv_index", "snow_cm") or variable.name in MEASURED
]
"""Each costs every query the more: `make oracles` has all, the short form those of which there are
values and two of which there are none."""


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_is_answered_as_over_all_variables(
    home: EmbeddedHome, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "SUMMARISED", ALL)
    answer = asked(home, sql)
    monkeypatch.setattr("atalaia.homes.embedded.sql.variables_seen", lambda *_: ALL)
    assert answer == asked(home, sql)


@pytest.mark.parametrize("table", [*gold.DATASETS, *views.VIEWS])
def test_columns_are_told_with_the_types_that_their_values_have(
    home: EmbeddedHome, table: str
) -> None:
    found = query(home, decode_all(PLACES), PLACES, f"SELECT * FROM {table}")
    there = query(home, decode_all(PLACES), PLACES, f"DESCRIBE SELECT * FROM {table}")
    assert list(zip(found.columns, found.types, strict=True)) == [row[:2] for row in there.rows]


@pytest.mark.parametrize(("sql", "seen"), QUERIES.items())
def test_what_a_query_names_is_all_that_is_made(sql: str, seen: int | None) -> None:
    found = variables_seen(sql, views.named(sql))
    assert seen is None or len(found) == seen
    assert found


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM hourly WHERE", "DROP VIEW hourly", "SELECT 1; hourly"]
)
def test_of_what_cannot_be_planned_everything_is_made(sql: str) -> None:
    assert variables_seen(sql, {"hourly", "readings"}) == views.SUMMARISED


def test_a_query_is_planned_where_it_can_touch_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    sql = f"SELECT * FROM hourly, '{secret}' WHERE variable = 'rain_mm'"
    # Planned with the file in sight, one variable would be found.
    assert variables_seen(sql, {"hourly", "readings"}) == views.SUMMARISED
