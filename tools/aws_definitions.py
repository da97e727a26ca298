"""Write what ``infra/`` takes from the program itself: DynamoDB's keys, Athena's tables and views.

    .venv/bin/python tools/aws_definitions.py            # writes the two files
    .venv/bin/python tools/aws_definitions.py --check    # exits with 1 where they are stale

The views are those of `lake.views`, in Athena's dialect of SQL (Trino's): an instant is a
``timestamp`` that means UTC. They keep to what both engines have, so that tests can hold them
against the embedded ones row by row; `STAND_INS` is the little that only Athena has.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from atalaia.domain.variable import Variable
from atalaia.homes.aws.tables import TABLES
from atalaia.lake.gold import DATASETS, DELIVERY_COLUMNS, rows
from atalaia.lake.views import (
    COVERED_S,
    INCIDENTS,
    SOURCES,
    SUMMARISED,
    VIEWS,
    Dialect,
    amounts,
    make_clocks,
    of_amounts,
    of_instants,
)

INFRA = Path(__file__).resolve().parents[1] / "infra"

GLUE = {
    "VARCHAR": "string",
    "TIMESTAMPTZ": "timestamp",
    "BOOLEAN": "boolean",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "DATE": "date",
    "VARCHAR[]": "array<string>",
    "DOUBLE[]": "array<double>",
}
PRESTO = {
    "VARCHAR": "varchar",
    "TIMESTAMP WITH TIME ZONE": "timestamp(3)",
    "BOOLEAN": "boolean",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "DATE": "date",
}

STAND_INS = """
CREATE MACRO with_timezone(moment, zone) AS timezone(zone, moment);
CREATE MACRO at_timezone(moment, zone) AS timezone(zone, moment);
CREATE MACRO date_format(moment, form) AS strftime(moment, form);
CREATE MACRO approx_percentile(value, part) AS approx_quantile(value, part);
"""
"""Athena's functions that DuckDB lacks, for the tests, which run in UTC."""

MASKED = ("person", "message", "number")
"""Columns of deliveries that no one sees in Athena: whose it was, and what leads there."""


ATHENA = Dialect(
    seconds="date_diff('second', TIMESTAMP '0001-01-01 00:00:00', {0})",
    divided="CAST(floor(({0}) * 1.0e0 / ({1})) AS BIGINT)",
    hour_end="(TIMESTAMP '0001-01-01 00:00:00' + ({0} + 1) * INTERVAL '1' HOUR)",
)


def _readings() -> str:
    columns = ", ".join(f'"{name}"' for name in DATASETS["readings"])
    return f"""
SELECT {columns} FROM readings_days
WHERE NOT EXISTS (
    SELECT 1 FROM readings_months
    WHERE readings_months.source = readings_days.source
        AND readings_months.month = date_format(readings_days.date, '%Y-%m')
)
UNION ALL
SELECT {columns} FROM readings_months
"""


def _hourly(variable: Variable) -> str:
    if variable.is_sum:
        return amounts(variable, of_amounts(variable, dialect=ATHENA), ATHENA)
    return of_instants(variable, dialect=ATHENA)


DAILY = f"""
SELECT place_id, source, kind, variable, unit, day,
    min(coalesce(minimum, sum)) AS minimum, max(coalesce(maximum, sum)) AS maximum,
    sum(sum) AS sum, avg(coalesce(mean, sum)) AS mean,
    count(CASE WHEN covered_s >= {COVERED_S} THEN 1 END) AS hours
FROM (
    SELECT hourly.*, CAST(at_timezone(
        with_timezone(hour_ends_at - INTERVAL '1' SECOND, 'UTC'), coalesce(places.timezone, 'UTC')
    ) AS DATE) AS day
    FROM hourly LEFT JOIN places ON places.place_id = hourly.place_id
) AS local
GROUP BY place_id, source, kind, variable, unit, day
"""


def views() -> dict[str, str]:
    """Athena's SQL of each view, a view after those that it is made of."""
    return {
        "readings": _readings(),
        "hourly": "UNION ALL".join(map(_hourly, SUMMARISED)),
        "daily": DAILY,
        "incidents": INCIDENTS.replace("arg_max(", "max_by("),
        "sources": _sources(),
    }


def _sources() -> str:
    """Trino wants WHERE in a filter, and names for what stands in FROM."""
    sql = SOURCES.replace("arg_max(", "max_by(").replace("FILTER (kind", "FILTER (WHERE kind")
    return sql.replace("\nFULL JOIN (", " AS told\nFULL JOIN (").replace(
        "\n) USING", "\n) AS read USING"
    )


def masked() -> str:
    """Deliveries without whose they were."""
    columns = [name for name in (*DELIVERY_COLUMNS, "date") if name not in MASKED]
    return "\nSELECT " + ", ".join(f'"{name}"' for name in columns) + " FROM deliveries\n"


def gold() -> dict[str, Any]:
    """Columns of the tables, and the views with theirs."""
    columns = {
        dataset: {name: GLUE[kind] for name, kind in described.items()}
        for dataset, described in DATASETS.items()
    }
    # What the folders say is no column of the files.
    files = {
        "readings_days": _without(columns["readings"], "source", "date"),
        "readings_months": {
            name: kind for name, kind in columns["readings"].items() if name != "source"
        },
        "alerts": _without(columns["alerts"], "date"),
        "answers": _without(columns["answers"], "date"),
        "ensembles": _without(columns["ensembles"], "source", "date"),
        "systems": _without(columns["systems"], "date"),
        "places": columns["places"],
        "stations": columns["stations"],
        "station_readings": _without(columns["station_readings"], "date"),
        "climate": columns["climate"],
        "return_levels": columns["return_levels"],
    }
    made = _view_columns()
    return {
        "tables": {name: _listed(kinds) for name, kinds in files.items()},
        "deliveries": _listed(_without(columns["deliveries"], "date")),
        "views": {
            name: {"sql": sql, "columns": _listed(made[name])} for name, sql in views().items()
        },
        "masked": {"sql": masked(), "columns": _listed(made["masked"]), "without": list(MASKED)},
    }


def _view_columns() -> dict[str, dict[str, str]]:
    """Names and Athena's types of the views' columns, as the embedded views have them."""
    with duckdb.connect() as con:
        for dataset in DATASETS:
            con.execute(f"CREATE VIEW {dataset} AS {rows(dataset, [])}")
        make_clocks(con)
        for name, sql in (*VIEWS.items(), ("masked", masked())):
            con.execute(f"CREATE VIEW {name} AS {sql}")
        return {
            name: {
                column: PRESTO[kind]
                for column, kind, *_ in con.execute(f"DESCRIBE {name}").fetchall()
            }
            for name in ("readings", *VIEWS, "masked")
        }


def _without(columns: dict[str, str], *names: str) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if name not in names}


def _listed(columns: dict[str, str]) -> list[dict[str, str]]:
    """A list keeps its order in Terraform, a map does not."""
    return [{"name": name, "type": kind} for name, kind in columns.items()]


def definitions() -> dict[Path, str]:
    """The files and what is to be in them."""
    tables = {name: msgspec.to_builtins(_table(name)) for name in TABLES}
    return {
        INFRA / "speed" / "tables.json": _text(tables),
        INFRA / "serving" / "gold.json": _text(gold()),
    }


def _table(name: str) -> dict[str, Any]:
    table = TABLES[name]
    return {
        "key": table.key,
        "stream": table.stream,
        "ttl": table.ttl,
        "backup": table.backup,
        "indexes": list(table.indexes),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    stale = [
        path
        for path, text in definitions().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path} is not up to date; run tools/aws_definitions.py")
        else:
            path.write_text(definitions()[path], "utf-8")
            print(path)
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
