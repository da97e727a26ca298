"""One question, answered from both layers: GOLD, and what is newer than GOLD.

What GOLD does not hold yet (parts of RAW that wait for refine, payloads that wait for archive,
alerts of the last minutes) is merged exactly as refine would, but into a scratch folder that lies
over GOLD for one query. So the answer is what it would be after the next refine, and the last
second counts as much as the last year.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from atalaia.errors import QueryInvalid, QueryMistaken, StateConflict
from atalaia.lake import gold
from atalaia.lake.damage import unreadable
from atalaia.lake.views import named
from atalaia.ports import Home, Lake, Result, Sql

if TYPE_CHECKING:
    from atalaia.domain.decoded import Decode
    from atalaia.domain.place import Places


def query(
    home: Home, decode: Decode, places: Places, sql: str, engine: Sql | None = None
) -> Result:
    """Run one SELECT over the tables of `lake.tables`; by `engine` in place of the home's own.

    Take all rows, or close them: they hold a scratch folder and a database. Raises QueryInvalid.
    """
    engine = engine or home.sql
    folder = tempfile.TemporaryDirectory(prefix="atalaia-sql-")
    try:
        over = _laid_over(home, decode, places, named(sql), Path(folder.name))
        files = _files(over, named(sql))
        try:
            result = engine.run(sql, files)
        except QueryMistaken:
            raise
        except QueryInvalid:
            is_there = all(Path(file).exists() for some in files.values() for file in some)
            if is_there and not (files.get("days") and _has_let_go(home.lake)):
                raise
            # Meanwhile refine has made one file of a month's: it is there now. Or days that were
            # kept cannot be read: they are worked out again.
            result = engine.run(sql, _files(over, named(sql)))
    except BaseException as error:
        folder.cleanup()
        # To look for damage is to read all of the files.
        if isinstance(error, duckdb.Error | QueryInvalid) and not isinstance(error, QueryMistaken):
            _refuse_damaged(home.lake, named(sql), error)
        raise
    return Result(result.columns, _then_clean(result.rows, folder), result.types)


def _laid_over(home: Home, decode: Decode, places: Places, wanted: set[str], folder: Path) -> Lake:
    """The lake, with what it lacks of the tables that are wanted."""
    if not wanted:
        return home.lake
    # All that merges and decodes: a question of no table is answered without loading it.
    from atalaia.lake.overlay import Overlay, lay_over  # noqa: PLC0415

    over = Overlay(home.lake, folder)
    lay_over(over, home, decode, places, wanted)
    return over


def _has_let_go(lake: Lake) -> bool:
    """Whether there were kept days that cannot be read, and are gone now."""
    from atalaia.lake import days  # noqa: PLC0415  as above

    return days.remove_damaged(lake)


def _refuse_damaged(lake: Lake, wanted: set[str], error: Exception) -> None:
    """Raise StateConflict if it failed because a file of GOLD is damaged."""
    keys = [key for some in gold.partition_files(lake, wanted).values() for key in some]
    damaged = unreadable(lake, keys) if isinstance(lake.path("gold"), Path) else []
    if damaged:
        raise StateConflict(
            f"GOLD is damaged in {', '.join(damaged[:3])}; run `atalaia refine`: what cannot be "
            "read is set aside and made again from RAW"
        ) from error


def _files(lake: Lake, wanted: set[str]) -> dict[str, list[Path | str]]:
    """The files of the datasets that are wanted; with `daily`, the days that are kept of them."""
    keys = gold.partition_files(lake, wanted)
    if "daily" in wanted:
        from atalaia.lake import days  # noqa: PLC0415  as above

        keys["days"] = days.kept(lake, keys["readings"])
    return {dataset: [lake.path(key) for key in some] for dataset, some in keys.items()}


def _then_clean(
    rows: Iterator[tuple[Any, ...]], folder: tempfile.TemporaryDirectory[str]
) -> Iterator[tuple[Any, ...]]:
    with folder:
        yield from rows
