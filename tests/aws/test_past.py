"""What the API shows of GOLD: what Athena is asked, and what is made of its answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from atalaia.api.gold_history import KEPT_S, MOST_ROWS, GoldHistory, climate_sql, readings_sql
from atalaia.api.problem import Problem
from atalaia.detect.forecasts import Forecasts
from atalaia.detect.items import pack, save_series
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import no_norms
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.errors import QueryInvalid, StateConflict
from atalaia.lake import gold
from atalaia.ports import Result
from atalaia.rules import load
from stories import rule_set

NOW = int(datetime(2026, 2, 2, 12, tzinfo=UTC).timestamp())
PLACES = Places(
    [
        Place(id="poa", name="Porto Alegre", latitude=-30, longitude=-51),
        Place(id="d'oeste", name="D'Oeste", latitude=-20, longitude=-50),
    ]
)
NAMES = ["temperature_c", "rain_mm"]


class Asked:
    """An Athena that gives these answers (or raises them) in turn."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sql: list[str] = []

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        assert files == {}, "nothing is fetched"
        self.sql.append(sql)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def rows(*some: tuple[Any, ...]) -> Result:
    columns = ("source", "kind", "valid_at", "received_at", "period_s", *NAMES)
    return Result(columns, iter(some))


def at(hours: float) -> datetime:
    return datetime.fromtimestamp(NOW, UTC) - timedelta(hours=hours)


def nothing(key: str) -> None:
    """A state without a word of any place."""


def shown(past: GoldHistory, hours: int = 72) -> Any:
    return asyncio.run(past.readings(0, NAMES, hours))


def test_a_places_days_are_series_and_a_twin_of_a_row_counts_once() -> None:
    row = ("inmet", "observed", at(2), at(1), 3600, 20.5, 3.0)
    athena = Asked(
        rows(row, row, ("inmet", "observed", at(60), at(59), 3600, 18.0, None)),
    )
    series = shown(GoldHistory(athena, PLACES, lambda: NOW, nothing))
    assert [(one.source, one.kind, one.variable) for one in series] == [
        ("inmet", Kind.OBSERVED, "temperature_c"),
        ("inmet", Kind.OBSERVED, "rain_mm"),
    ]
    assert series[0].values.tolist() == [18.0, 20.5]
    assert series[1].values.tolist() == [3.0]
    assert series[1].valid_at.tolist() == [NOW - 7200]


def test_an_answer_is_kept_for_a_while_and_serves_shorter_spans() -> None:
    clock = [float(NOW)]
    athena = Asked(rows(("inmet", "observed", at(60), at(59), 0, 18.0, None)), rows())
    past = GoldHistory(athena, PLACES, lambda: clock[0], nothing)
    assert len(shown(past)) == 1
    assert shown(past, hours=24) == []
    assert len(athena.sql) == 1
    assert KEPT_S >= 60


def test_only_four_days_and_their_months_are_read_and_so_many_rows() -> None:
    sql = readings_sql("d'oeste", NAMES, NOW - 72 * 3600, NOW)
    assert sql.count("date BETWEEN DATE '2026-01-30' AND DATE '2026-02-02'") == 2
    assert "month IN ('2026-01', '2026-02')" in sql
    assert "place_id = 'd''oeste'" in sql
    assert sql.endswith(f"LIMIT {MOST_ROWS}")
    for one in climate_sql("d'oeste"):
        assert "strpos(\"$path\", '/place=d%27oeste/') > 0" in one
    tables = set(re.findall(r"FROM (\w+)", sql + " ".join(climate_sql("poa"))))
    assert tables == {"readings_days", "readings_months", "climate", "return_levels"}


def foretells(source: str, issued_h: float, hours: dict[int, float]) -> Readings:
    """A forecast for Porto Alegre: rain by hours from now."""
    n = len(hours)
    return Readings(
        place=np.zeros(n, np.int32),
        source=np.zeros(n, np.int16),
        kind=np.full(n, Kind.FORECAST, np.int8),
        valid_at=np.array([NOW + hour * 3600 for hour in hours]),
        issued_at=np.full(n, NOW - int(issued_h * 3600)),
        known_at=np.full(n, NOW - int(issued_h * 3600)),
        period_s=np.full(n, 3600, np.int32),
        values={"rain_mm": np.array(list(hours.values()))},
        sources=(source,),
    )


def test_what_is_foretold_is_of_the_newest_issue_and_of_the_hours_to_come() -> None:
    rules = load("inmet")
    table = SeriesTable(PLACES)
    forecasts = Forecasts(rules, table, no_norms)
    number = table.number("poa", "open-meteo")
    for issue in (
        foretells("open-meteo", 12, {-1: 20.0, 1: 21.0, 2: 22.0, 3: 23.0}),
        foretells("open-meteo", 2, {-1: 30.0, 1: 31.0, 2: 32.0}),
    ):
        list(forecasts.judge(issue, np.full(len(issue), number)))
    state = {"place:poa": pack(save_series(table, [number]), [])}
    observed = ("open-meteo", "analysis", at(2), at(1), 900, None, 20.5)
    past = GoldHistory(Asked(rows(observed)), PLACES, lambda: NOW, state.get)
    series = {one.kind: one for one in shown(past) if one.variable == "rain_mm"}
    assert series[Kind.ANALYSIS].values.tolist() == [20.5]
    told = series[Kind.FORECAST]
    assert (told.source, told.values.tolist()) == ("open-meteo", [31.0, 32.0, 23.0])
    assert told.valid_at.tolist() == [NOW + hour * 3600 for hour in (1, 2, 3)]
    state["place:poa"] = pack([], [])
    assert [one.kind for one in shown(past)] == [Kind.ANALYSIS], "forecasts are not kept"


@pytest.mark.parametrize("error", [QueryInvalid("line 1: c4nary"), StateConflict("throttled")])
def test_gold_that_cannot_be_read_is_a_503_that_is_not_kept(error: Exception) -> None:
    athena = Asked(error, rows())
    past = GoldHistory(athena, PLACES, lambda: NOW, nothing)
    with pytest.raises(Problem) as told:
        shown(past)
    assert told.value.status == 503
    assert "c4nary" not in told.value.detail
    assert shown(past) == []


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """GOLD's tables as Athena has them, on an engine that is not Athena."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("CREATE MACRO element_at(list, n) AS list[n]")
        for table, dataset in (
            ("readings_days", "readings"),
            ("readings_months", "readings"),
            ("ensembles", "ensembles"),
            ("climate", "climate"),
            ("return_levels", "return_levels"),
        ):
            columns = ", ".join(
                f'"{name}" {kind.replace("TIMESTAMPTZ", "TIMESTAMP")}'
                for name, kind in gold.DATASETS[dataset].items()
            )
            month = ', "month" VARCHAR' if table.endswith("months") else ""
            con.execute(f'CREATE TABLE {table} ({columns}{month}, "$path" VARCHAR)')
        yield con


class Duck(Asked):
    """Athena's dialect on DuckDB; an instant is a timestamp that means UTC."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self._con = con

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        found = self._con.execute(sql)
        names = tuple(column[0] for column in found.description or ())
        answer = [
            tuple(v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in row)
            for row in found.fetchall()
        ]
        return Result(names, iter(answer))


def test_the_questions_find_a_places_rows(engine: duckdb.DuckDBPyConnection) -> None:
    for table, place, hours, kind in (
        ("readings_days", "poa", 2, "observed"),
        ("readings_days", "poa", 3, "forecast"),
        ("readings_days", "other", 2, "observed"),
        ("readings_days", "poa", 200, "observed"),
        ("readings_months", "poa", 60, "observed"),
    ):
        moment = at(hours)
        month = {"month": f"{moment:%Y-%m}"} if table.endswith("months") else {}
        row = {
            "place_id": place,
            "source": "inmet",
            "kind": kind,
            "valid_at": moment.replace(tzinfo=None),
            "received_at": moment.replace(tzinfo=None),
            "date": moment.date(),
            "temperature_c": 20.0 + hours,
            **month,
        }
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        engine.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    [series] = shown(GoldHistory(Duck(engine), PLACES, lambda: NOW, nothing))
    assert series.values.tolist() == [80.0, 22.0]


CHANCE = rule_set({"name": "gust", "limits": {"orange": 20, "red": 30}, "chance": 0.3})


def test_the_newest_runs_are_found_by_the_rule_in_force(engine: duckdb.DuckDBPyConnection) -> None:
    (rule,) = CHANCE.rules
    for place, digest, came, ahead, q50 in (
        ("poa", rule.digest, 9, 1, 10.0),
        ("poa", rule.digest, 3, 2, 12.0),
        ("poa", rule.digest, 3, 1, 11.0),
        ("poa", rule.digest, 3, -1, 9.0),  # is over
        ("poa", "of-before", 1, 1, 99.0),
        ("d'oeste", rule.digest, 60, 1, 50.0),  # came too long ago
    ):
        row = {
            "place_id": place, "source": "open-meteo%3Aensemble", "rule": "gust",
            "valid_at": at(-ahead).replace(tzinfo=None),
            "received_at": at(came).replace(tzinfo=None),
            "variable": "wind_gust_m_s", "window_s": 0, "runs": 51,
            **{f"q{each}": q50 + each - 50 for each in (10, 25, 50, 75, 90)},
            "chance_orange": 0.5, "chance_red": 0.1, "rule_hash": digest, "date": at(came).date(),
        }  # fmt: skip
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        engine.execute(f"INSERT INTO ensembles ({names}) VALUES ({marks})", list(row.values()))
    past = GoldHistory(Duck(engine), PLACES, lambda: NOW, nothing, CHANCE)
    (told,) = asyncio.run(past.chances(0))
    assert (told.source, told.received_at) == ("open-meteo:ensemble", NOW - 3 * 3600)
    assert told.valid_at.tolist() == [NOW + 3600, NOW + 7200]
    assert told.quantiles[2].tolist() == [11.0, 12.0]
    assert np.isnan(told.chances[0]).all(), "the rule has no yellow"
    assert told.chances[1:].tolist() == [[0.5, 0.5], [0.1, 0.1]]
    assert asyncio.run(past.chances(1)) == []
    without = GoldHistory(Asked(), PLACES, lambda: NOW, nothing)
    assert asyncio.run(without.chances(0)) == [], "Athena is not asked where no rule names a chance"


def test_the_climate_is_read_from_the_places_own_files(engine: duckdb.DuckDBPyConnection) -> None:
    path = "s3://prod-gold-1/gold/{}/place={}/{}.parquet"
    percentiles = [float(n) for n in range(1, 100)]
    for place, hour in (("poa", None), ("poa", 3), ("other", None)):
        engine.execute(
            "INSERT INTO climate BY NAME SELECT ? AS place_id, 'temperature_c' AS variable, "
            "'°C' AS unit, 1 AS month, ? AS hour, 'open-meteo' AS source, 1991 AS first_year, "
            "2020 AS last_year, true AS is_norm, 24.5 AS mean, 20.0 AS mean_minimum, "
            '30.0 AS mean_maximum, ? AS percentiles, ? AS "$path"',
            [place, hour, percentiles, path.format("climate", place, "climate")],
        )
    engine.execute(
        "INSERT INTO return_levels BY NAME SELECT 'poa' AS place_id, 'rain_mm' AS variable, "
        "'mm' AS unit, 3600 AS window_s, 'maximum' AS extreme, 10 AS return_years, 60.0 AS level, "
        '50.0 AS low, 70.0 AS high, ? AS "$path"',
        [path.format("return_levels", "poa", "return_levels")],
    )
    past = GoldHistory(Duck(engine), PLACES, lambda: NOW, nothing)
    climate = asyncio.run(past.climate("poa"))
    assert climate is not None
    [band] = climate.bands
    [month] = band.months
    assert (band.variable, month.month, month.mean) == ("temperature_c", 1, 24.5)
    assert month.percentiles == {"1": 1.0, "10": 10.0, "50": 50.0, "90": 90.0, "99": 99.0}
    [level] = climate.return_levels
    assert (level.variable, level.return_years, level.level) == ("rain_mm", 10, 60.0)
    assert asyncio.run(past.climate("d'oeste")) is None


def test_the_questions_of_all_places_find_the_hours_and_the_newest_values(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    engine.execute("CREATE MACRO to_unixtime(t) AS epoch(t)")
    for place, hours, kind in (
        ("poa", 2, "observed"),
        ("poa", 30, "observed"),
        ("poa", 5, "forecast"),
    ):
        moment = at(hours).replace(tzinfo=None)
        engine.execute(
            "INSERT INTO readings_days (place_id, source, kind, valid_at, received_at, date, "
            "temperature_c) VALUES (?, 'inmet', ?, ?, ?, ?, ?)",
            [place, kind, moment, moment, moment.date(), 20.0 + hours],
        )
    past = GoldHistory(Duck(engine), PLACES, lambda: NOW, nothing)
    seen = asyncio.run(past.seen(NOW - 48 * 3600, 49, {}))
    assert [48 - hour for hour in np.flatnonzero(seen[0]).tolist()] == [30, 2]
    newest = asyncio.run(past.newest("temperature_c"))
    assert newest.values["temperature_c"].tolist() == [22.0]
    assert newest.valid_at.tolist() == [NOW - 7200]
