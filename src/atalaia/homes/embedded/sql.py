"""DuckDB in memory over GOLD's files: a person's SQL can read these and touch nothing else."""

# The SQL here is put together from GOLD's own names and files.
# ruff: noqa: S608

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from atalaia.domain.variable import Variable
from atalaia.errors import QueryInvalid, QueryMistaken
from atalaia.lake import gold, views
from atalaia.lake.columns import distinct
from atalaia.ports import Result, Sql

_MEMORY = "2GB"
_SPILL = "20GB"
_AT_ONCE = 1000

_ZONED = "TIMESTAMP WITH TIME ZONE"

_WORD = re.compile(r"\w+")

_MISTAKES = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.PermissionException,
)
"""What is wrong over tables without rows too, and of these kinds, no file is at fault of."""


class DuckSql(Sql):
    """Fills `ports.Sql`. Every query has a database of its own, which nothing is left of.

    into   a new file: the engine itself writes the answer there, as Parquet, and hands out no rows
    """

    def __init__(self, into: Path | None = None) -> None:
        self._into = into

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        # Where what a query gathers goes when it is too large for its memory.
        folder = tempfile.TemporaryDirectory(prefix="atalaia-spill-")
        con = duckdb.connect(":memory:")
        try:
            asked = views.asked(sql)
            _make_views(con, sql, asked, files)
            written = [] if self._into is None else [self._into]
            opened = [str(file) for some in [*files.values(), written] for file in some]
            _lock_down(con, opened, folder.name)
            if self._into is not None:
                with folder, con:
                    return _write(con, sql, asked, self._into)
            types, convert = _execute(con, sql, asked)
            page = con.fetchmany(_AT_ONCE)  # what fails, mostly fails here
        except BaseException as error:
            con.close()
            folder.cleanup()
            if isinstance(error, duckdb.Error):
                raise QueryInvalid(str(error)) from error
            raise
        columns = tuple(str(column[0]) for column in con.description or ())
        rows = _rows(con, page, convert or [None] * len(columns), folder)
        return Result(columns, rows, types)


def _make_views(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    asked: set[str],
    files: Mapping[str, Sequence[Path | str]],
) -> None:
    # `daily` is made of files of its own, and may need few of those of readings.
    wanted = views.made_of(asked - {"daily"}) | ({"places"} if "daily" in asked else set())
    seen = views.SUMMARISED
    if asked & {"hourly", "daily"}:
        seen = variables_seen(sql, views.made_of(asked))
    con.execute("SET TimeZone='UTC'")
    con.execute("SET parquet_metadata_cache = true")  # a view over a view looks at each file again
    for dataset in gold.DATASETS:
        if dataset in wanted:
            con.execute(f"CREATE VIEW {dataset} AS {gold.rows(dataset, files.get(dataset, ()))}")
    _add_views(con, wanted, views.VIEWS | {"hourly": views.hourly_of(seen)})
    if "daily" in asked:
        from atalaia.lake import days  # noqa: PLC0415  with all that makes days: few ask for it

        days.make_daily(con, files.get("readings", ()), files.get("days", ()), seen)


def _add_views(con: duckdb.DuckDBPyConnection, wanted: Set[str], made: Mapping[str, str]) -> None:
    """Make those views that are wanted, over the datasets that are there."""
    if "daily" in wanted:
        views.make_clocks(con)
    for name, view in made.items():
        if name in wanted:
            con.execute(f"CREATE VIEW {name} AS {view}")


def variables_seen(sql: str, wanted: set[str]) -> list[Variable]:
    """The variables of `hourly` that can matter to a query; at least one.

    Each one more makes the engine look at all files again, several times. What it leaves out of
    its plan over tables without rows cannot matter, whatever the rows are: it has then concluded so
    from the query alone, as what it could conclude from the values is switched off.
    """
    with _planner(frozenset(wanted), tuple(views.SUMMARISED)).cursor() as con:
        try:
            (query,) = con.extract_statements(sql)
            if query.type != duckdb.StatementType.SELECT:
                return views.SUMMARISED
            plan = con.execute(f"EXPLAIN (FORMAT json)\n{query.query}").fetchall()[0][1]
        except (duckdb.Error, ValueError):  # it says what is wrong when it is run
            return views.SUMMARISED
    words = set(_WORD.findall(plan))
    return [one for one in views.SUMMARISED if one.name in words] or views.SUMMARISED[:1]


@cache
def _planner(wanted: frozenset[str], summarised: tuple[Variable, ...]) -> duckdb.DuckDBPyConnection:
    """The tables without rows, and the views over them: shut in, and the same for every query, as
    nothing but a plan is ever asked of it."""
    con = duckdb.connect(":memory:")
    con.execute("SET disabled_optimizers = 'statistics_propagation'")
    for dataset, columns in gold.DATASETS.items():
        if dataset in wanted:
            typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            con.execute(f"CREATE TABLE {dataset} ({typed})")
    outlines = views.outlines_of(summarised)
    _add_views(con, wanted, views.VIEWS | {"hourly": outlines})
    _lock_down(con, [], spill="")
    return con


def _lock_down(con: duckdb.DuckDBPyConnection, files: Sequence[str], spill: str) -> None:
    """Leave the views' own files as the only ones that can be opened, for good."""
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    quoted = spill.replace("'", "''")
    for setting in (
        f"memory_limit = '{_MEMORY}'",
        f"temp_directory = '{quoted}'",
        f"max_temp_directory_size = '{_SPILL}'",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_paths = [{listed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        con.execute(f"SET {setting}")


def _execute(
    con: duckdb.DuckDBPyConnection, sql: str, asked: set[str]
) -> tuple[tuple[str, ...], list[Callable[[Any], Any] | None]]:
    """Run the query; return the type of each column, where it can be known before, and how to make
    Python's values of it (None: as they come)."""
    query = _select(con, sql)
    try:
        columns = _described(con, query, asked)
    except duckdb.Error:
        _execute_blindly(con, query)
        return (), []
    # DuckDB hands out zoned times only with a package for zones beside it. In UTC they are the
    # same without; then they are marked as what they are.
    is_zoned = [_ZONED in kind for _, kind, *_ in columns]
    if any(is_zoned):
        listed = ", ".join(
            f'CAST(#{i} AS {kind.replace(_ZONED, "TIMESTAMP")}) AS "{_quoted(name)}"'
            for i, (name, kind, *_) in enumerate(columns, start=1)
        )
        con.execute(f"SELECT {listed} FROM (\n{query}\n)")
    else:
        con.execute(query)
    types = tuple(str(kind) for _, kind, *_ in columns)
    return types, [_aware if zoned else None for zoned in is_zoned]


def _write(con: duckdb.DuckDBPyConnection, sql: str, asked: set[str], out: Path) -> Result:
    """Run the query into a Parquet file; the answer has its columns, and no rows."""
    query = _select(con, sql)
    try:
        names, types = zip(
            *((str(n), str(t)) for n, t, *_ in _described(con, query, asked)), strict=True
        )
    except duckdb.Error:
        _execute_blindly(con, query)
        names, types = tuple(str(column[0]) for column in con.description or ()), ()
    listed = ", ".join(f'"{_quoted(name)}"' for name in distinct(names))
    file = str(out).replace("'", "''")
    try:
        # Of its own accord DuckDB writes beside the file first, where nothing may be written.
        con.execute(
            f"COPY (SELECT * FROM (\n{query}\n) AS answer({listed})) TO '{file}' "
            "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
    except (duckdb.NotImplementedException, duckdb.InvalidInputException) as error:
        says = str(error).partition("\n")[0]
        raise QueryInvalid(f"{says}; cast the column to text, or write CSV") from error
    return Result(names, iter(()), types)


def _select(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The one SELECT that it is, without what ends it. Raises QueryMistaken for all else."""
    try:
        statements = con.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryMistaken(str(error)) from error
    if len(statements) != 1:
        raise QueryMistaken(f"one SELECT, please: this is {len(statements)} statements")
    # COPY could write where reading is allowed, and the rest has nothing to work on.
    if statements[0].type != duckdb.StatementType.SELECT:
        raise QueryMistaken(f"only a SELECT can be run, not {statements[0].type.name}")
    return statements[0].query.rstrip().rstrip(";")


def _execute_blindly(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Run what cannot be described: it is wrong, and says so in its own lines; or a DESCRIBE."""
    try:
        con.execute(query)
    except _MISTAKES as error:
        raise QueryMistaken(str(error)) from error


def _described(
    con: duckdb.DuckDBPyConnection, query: str, asked: set[str]
) -> list[tuple[Any, ...]]:
    """The columns' names and types. Tables without rows have the same, and no files to open, and
    one variable of `hourly` has the same as all. What asks no table has no files to open."""
    if asked:
        con = _planner(frozenset(views.made_of(asked)), tuple(views.SUMMARISED[:1])).cursor()
    return con.execute(f"DESCRIBE\n{query}").fetchall()


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def _aware(value: Any) -> Any:
    """A time, or times inside lists and structs, as UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, list | tuple):
        return [_aware(item) for item in value]
    if isinstance(value, dict):
        return {_aware(key): _aware(item) for key, item in value.items()}
    return value


def _rows(
    con: duckdb.DuckDBPyConnection,
    page: list[tuple[Any, ...]],
    convert: list[Callable[[Any], Any] | None],
    folder: tempfile.TemporaryDirectory[str],
) -> Iterator[tuple[Any, ...]]:
    try:
        while page:
            yield from _converted(page, convert)
            page = con.fetchmany(_AT_ONCE)
    except duckdb.Error as error:
        raise QueryInvalid(str(error)) from error
    finally:
        con.close()
        folder.cleanup()


def _converted(
    page: list[tuple[Any, ...]], convert: list[Callable[[Any], Any] | None]
) -> Iterator[tuple[Any, ...]]:
    """By column: most of these stay as they are."""
    if not any(convert):
        return iter(page)
    columns = zip(*page, strict=True)
    return zip(
        *(
            values if make is None else map(make, values)
            for values, make in zip(columns, convert, strict=True)
        ),
        strict=True,
    )
