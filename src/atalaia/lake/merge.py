"""Merging into GOLD: read the partitions that new rows touch, fold these in, write what changed.

Merging the same rows twice changes nothing, so a merge that was killed is simply done again.
Rows go to DuckDB and come back as arrays; it is there to read and write Parquet.
"""

# The SQL here is put together from GOLD's own names, and ids are quoted.
# ruff: noqa: S608

from __future__ import annotations

import errno
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Settled
from atalaia.domain.fold import DAY_S, fold
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.alert_rows import ALERT_COLUMNS, flat
from atalaia.lake.answers import Answers
from atalaia.lake.day_files import OPTIONS, day_files
from atalaia.lake.gold import (
    ALERTS,
    ANSWER_COLUMNS,
    ANSWERS,
    DELIVERIES,
    DELIVERY_COLUMNS,
    MONTH_ROWS,
    PLACE_COLUMNS,
    PLACES,
    READING_COLUMNS,
    READINGS,
    is_month_closed,
    parquet,
)
from atalaia.lake.gold import rows as gold_rows
from atalaia.lake.raw import folder_name
from atalaia.ports import Lake

T = TypeVar("T")
R = TypeVar("R")

_LANGUAGES = ("pt-BR", "en", "es")

_AT_ONCE = 64
"""Days that one merge holds in memory at most, of a month sixteen."""

PARQUET = f"({OPTIONS})"

_KINDS = sorted(kind.word for kind in Kind)
_WORD_OF_KIND = np.array([_KINDS.index(kind.word) for kind in Kind], np.int8)
_KIND_OF_WORD = np.argsort(_WORD_OF_KIND).astype(np.int8)


class UnreadableGold(duckdb.Error):
    """What GOLD holds of a partition cannot be read. It says nothing of the rows that are new."""


class Workshop(NamedTuple):
    """A DuckDB of its own, a folder for what is not yet in the lake, and the lake."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    lake: Lake


class Merged(NamedTuple):
    """What a merge did: `rows` in the partitions that it wrote, and how many these were."""

    rows: int
    partitions: int

    @staticmethod
    def sum(some: Sequence[Merged]) -> Merged:
        """What several merges did."""
        return Merged(sum(one.rows for one in some), sum(one.partitions for one in some))


class Partition(NamedTuple):
    """A partition of readings: its source, and its UTC day as days since 1970.

    `is_month`: it is the whole month that begins on this day, which was closed and compacted.
    """

    source: str
    day: int
    is_month: bool = False

    @property
    def key(self) -> str:
        """Where its one file lies."""
        date = _date(self.day)
        folder = f"{date:month=%Y-%m}" if self.is_month else f"{date:date=%Y-%m-%d}"
        return f"{READINGS}source={folder_name(self.source)}/{folder}/readings.parquet"


def _date(day: int) -> datetime:
    """Days since 1970 as a date. Raises ValueError for one that no calendar here has."""
    try:
        return datetime.fromtimestamp(day * DAY_S, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{day} days since 1970 are no date") from error


class _Layout:
    """Which partition a source's day belongs to: its own, or its month's if that has a file."""

    def __init__(self, lake: Lake, sources: Iterable[str]) -> None:
        self._lake = lake
        self._months = {
            key
            for source in sources
            for key in lake.keys(f"{READINGS}source={folder_name(source)}/month=")
        }

    def partition(self, source: str, day: int) -> Partition:
        """The partition of a day, given as days since 1970."""
        if self._months:
            month = _month_of(source, day)
            if month.key in self._months:
                return month
        return Partition(source, day)

    def begin_months(self, readings: Readings, now: int) -> None:
        """Let the readings' days be of their months at once, where these are closed at `now`, no
        day has a file yet, and rows are not too many: what `lake.compact` would make of them."""
        rows: Counter[Partition] = Counter()
        for number, source in enumerate(readings.sources):
            of_day = readings.valid_at[readings.source == number] // DAY_S
            for day, count in zip(*np.unique(of_day, return_counts=True), strict=True):
                rows[_month_of(source, int(day))] += int(count)
        for month, count in rows.items():
            if count <= MONTH_ROWS and is_month_closed(month.key, now):
                days = month.key.replace("/month=", "/date=").rpartition("/")[0]
                if not self._lake.keys(days):
                    self._months.add(month.key)


def _month_of(source: str, day: int) -> Partition:
    first = _date(day).replace(day=1)
    return Partition(source, int(first.timestamp()) // DAY_S, is_month=True)


class RowRefused(NamedTuple):
    """A row that cannot be written, whatever the reason; it stays in RAW."""

    source: str
    detail: str


MOST_REFUSED = 1_000
"""More of one merge: then it is not the rows that are at fault."""

_OF_A_ROW = (duckdb.Error, ValueError, TypeError, ArithmeticError, LookupError, UnicodeError)
_OF_THE_MACHINE = (
    UnreadableGold,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
)


def merge_all_but(
    lake: Lake, readings: Readings, places: Places, now: int | None = None
) -> tuple[Merged, list[RowRefused]]:
    """Fold readings into GOLD; set aside, and return, the rows that cannot be written."""

    def merge(rows: Readings) -> Merged:
        return merge_readings(lake, rows, places, now)

    done, refused = all_but(readings, merge, _halves, _refused)
    return Merged.sum(done), refused


def all_but(
    every: T,
    do: Callable[[T], R],
    halves: Callable[[T], list[T]],
    refused: Callable[[T, Exception], RowRefused],
) -> tuple[list[R], list[RowRefused]]:
    """Do something with what can be; set aside, and return, the rows with which it cannot.

    They are looked for by halves (of one row there are none), so one among many costs doing it a
    few times more. A fault of the machine, and one that more than `MOST_REFUSED` rows have, is
    raised as it is.
    """
    done: list[R] = []
    aside: list[RowRefused] = []
    waiting = [every]
    while waiting:
        some = waiting.pop()
        try:
            done.append(do(some))
        except Exception as error:
            if not _is_of_a_row(error) or len(aside) >= MOST_REFUSED:
                raise
            parts = halves(some)
            if parts:
                waiting += reversed(parts)
            else:
                aside.append(refused(some, error))
    return done, aside


def _is_of_a_row(error: Exception) -> bool:
    if isinstance(error, OSError):  # a time that the platform has no date for
        return error.errno == errno.EOVERFLOW
    return isinstance(error, _OF_A_ROW) and not isinstance(error, _OF_THE_MACHINE)


def _halves(rows: Readings) -> list[Readings]:
    if len(rows) <= 1:
        return []
    at, half = np.arange(len(rows)), len(rows) // 2
    return [rows.take(at < half), rows.take(at >= half)]


def _refused(rows: Readings, error: Exception) -> RowRefused:
    """The one row that cannot be written, by the time that it is of."""
    source = rows.sources[int(rows.source[0])]
    return RowRefused(source, f"valid at {int(rows.valid_at[0])}: {type(error).__name__}")


def merge_readings(
    lake: Lake, readings: Readings, places: Places, now: int | None = None
) -> Merged:
    """Fold readings into GOLD, partition by partition.

    A partition whose rows stay as they were is not written. With `now`, in Unix seconds, months
    that were over by then are begun as months: a long past is not first cut into days.
    """
    if len(readings) == 0:
        return Merged(0, 0)
    ids = np.array([place.id for place in places], object)
    done = Merged(0, 0)
    layout = _Layout(lake, set(readings.sources))
    if now is not None:
        layout.begin_months(readings, now)
    with workshop(lake) as shop:
        for chunk, rows in _chunks(readings, layout):
            kept, all_ids = _read(shop, chunk, ids)
            merged, names = _numbered(Readings.concat([kept, rows]), all_ids)
            merged = fold(merged)
            before, _ = _numbered(kept, all_ids, names, merged.sources)
            wrote = _write_changed(shop, merged, before, names, layout)
            done = Merged(done.rows + wrote.rows, done.partitions + wrote.partitions)
    return done


class _Log(NamedTuple):
    """A dataset of rows that are written once: which day each is of, and what makes it one."""

    dataset: str
    prefix: str
    columns: dict[str, str]
    at: str
    key: str
    order: str


_ALERTS = _Log(
    "alerts", ALERTS, ALERT_COLUMNS, "sent_at", "incident, version", "sent_at, incident, version"
)
_DELIVERIES = _Log(
    "deliveries",
    DELIVERIES,
    DELIVERY_COLUMNS,
    "sent_at",
    "person, incident, version, channel",
    "sent_at, incident, version, person, channel",
)
_ANSWERS = _Log(
    "answers", ANSWERS, ANSWER_COLUMNS, "first_received_at", "source, first_offset", "first_offset"
)


def merge_alerts(lake: Lake, entries: Iterable[LogEntry]) -> Merged:
    """Put entries of the alert log into GOLD; one that is there already stays one row."""
    return _merge_log(lake, _ALERTS, [flat(entry) for entry in entries])


def merge_deliveries(lake: Lake, settled: Sequence[Settled]) -> Merged:
    """Put what became of deliveries into GOLD; what is told anew takes its row's place."""
    newest = {(s.person, s.incident, s.version, s.channel): s for s in settled}
    return _merge_log(lake, _DELIVERIES, [msgspec.structs.asdict(s) for s in newest.values()])


def merge_answers(lake: Lake, answers: Iterable[Answers]) -> Merged:
    """Put what parts of RAW came to into GOLD; a part told again takes its row's place."""
    return _merge_log(lake, _ANSWERS, [msgspec.structs.asdict(each) for each in answers])


def write_places(lake: Lake, places: Places) -> None:
    """Put the places into GOLD, in place of those that were there."""
    key = f"{PLACES}places.parquet"
    body = _files_of_places.get(places)
    if body is None:
        body = _files_of_places[places] = _file_of_places(lake, places)
    if not lake.keys(key) or lake.read(key) != body:
        lake.write(key, body)


_files_of_places: WeakKeyDictionary[Places, bytes] = WeakKeyDictionary()
"""As each was written: a question of days asks if they are still those, and a file takes 10 ms."""


def _file_of_places(lake: Lake, places: Places) -> bytes:
    rows = [{"place_id": place.id, **msgspec.structs.asdict(place)} for place in places]
    with workshop(lake) as shop:
        out = shop.folder / "places.parquet"
        names = ", ".join(f'"{name}"' for name in PLACE_COLUMNS)
        source = from_rows(shop, PLACE_COLUMNS, rows)
        shop.con.execute(f"COPY (SELECT {names} FROM {source}) TO '{out}' {PARQUET}")
        return out.read_bytes()


def _merge_log(lake: Lake, log: _Log, rows: list[dict[str, Any]]) -> Merged:
    if not rows:
        return Merged(0, 0)
    with workshop(lake) as shop:
        _merged_rows(shop, log, _new_rows(shop, log, rows))
        files = list(day_files(shop.con, shop.folder, "merged", log.columns, log.order))
        lake.write_all({_key(log, file.date): file.body for file in files})
    return Merged(sum(file.rows for file in files), len(files))


def _key(log: _Log, date: Any) -> str:
    return f"{log.prefix}date={date}/{log.dataset}.parquet"


def _new_rows(shop: Workshop, log: _Log, rows: list[dict[str, Any]]) -> list[Any]:
    """Make a table ``new`` of the rows, each with its partition's date; return these dates."""
    turn = f"{log.at}::DATE AS date, 1 AS turn"
    shop.con.execute(
        f"CREATE TABLE new AS SELECT *, {turn} FROM {from_rows(shop, log.columns, rows)}"
    )
    dates = shop.con.execute("SELECT DISTINCT date FROM new ORDER BY date").fetchall()
    return [date for (date,) in dates]


def _merged_rows(shop: Workshop, log: _Log, dates: Sequence[Any]) -> None:
    """Make a table ``merged`` of the rows of these dates: the new ones, and those that GOLD has."""
    con, _, lake = shop
    rows = "SELECT * FROM new"
    there = [lake.path(key) for date in dates if lake.keys(key := _key(log, date))]
    if there:
        rows += f" UNION ALL BY NAME SELECT *, 0 AS turn FROM {parquet(log.dataset, there)}"
    con.execute(
        f"CREATE TABLE merged AS SELECT * FROM ({rows}) QUALIFY row_number()"
        f" OVER (PARTITION BY date, {log.key} ORDER BY turn DESC) = 1"
    )


def from_rows(shop: Workshop, columns: dict[str, str], rows: Sequence[Any]) -> str:
    """What stands after FROM for rows that are not in columns: DuckDB reads them as JSON."""
    file = shop.folder / "new.ndjson"
    file.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"read_json('{file}', format='newline_delimited', columns={{{typed}}})"


_engine: ContextVar[Engine | None] = ContextVar("engine", default=None)
"""The DuckDB that workshops share, within `one_engine`."""


class Engine:
    """A DuckDB, of which each workshop has a database of its own.

    One thread: beside a live watch the other cores are the watch's.
    """

    def __init__(self, folder: str) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": "512MB",
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
        }
        self.con = duckdb.connect(":memory:", config=config)
        self._opened = 0

    @contextmanager
    def database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to a database that is gone afterwards."""
        self._opened += 1
        name = f"workshop_{self._opened}"
        con = self.con.cursor()
        try:
            con.execute(f"ATTACH ':memory:' AS {name}")
            con.execute(f"USE {name}")
            con.execute("SET TimeZone='UTC'")
            yield con
        finally:
            con.close()
            with suppress(duckdb.Error):  # after a fault of the engine nothing of it can be used
                self.con.execute(f"DETACH {name}")


@contextmanager
def one_engine() -> Iterator[Engine]:
    """Let the workshops that are opened within, in this thread, share a DuckDB: to begin one takes
    as long as to write some ten thousand rows."""
    shared = _engine.get()
    if shared is not None:
        yield shared
        return
    with tempfile.TemporaryDirectory(prefix="atalaia-") as folder:
        engine = Engine(folder)
        token = _engine.set(engine)
        try:
            yield engine
        finally:
            _engine.reset(token)
            engine.con.close()


@contextmanager
def workshop(lake: Lake) -> Iterator[Workshop]:
    """A place to work in."""
    with (
        one_engine() as engine,
        engine.database() as con,
        tempfile.TemporaryDirectory(prefix="atalaia-") as folder,
    ):
        yield Workshop(con, Path(folder), lake)


def by_partition(
    lake: Lake, readings: Readings
) -> tuple[list[tuple[str, Readings]], list[RowRefused]]:
    """The readings of each partition, with its key: what may be merged by different processes. And
    the rows that are of none."""

    def parted(rows: Readings) -> list[tuple[str, Readings]]:
        return list(_by_partition(lake, rows))

    done, refused = all_but(readings, parted, _halves, _refused)
    return [one for some in done for one in some], refused


def _by_partition(lake: Lake, readings: Readings) -> Iterator[tuple[str, Readings]]:
    if len(readings) == 0:
        return
    partitions, of_row = _partitions_of(readings, _Layout(lake, set(readings.sources)))
    order = np.argsort(of_row, kind="stable")
    bounds = np.searchsorted(of_row[order], np.arange(len(partitions) + 1))
    for partition, (start, stop) in zip(partitions, pairwise(bounds.tolist()), strict=True):
        yield partition.key, readings.take(order[start:stop])


def _chunks(readings: Readings, layout: _Layout) -> Iterator[tuple[list[Partition], Readings]]:
    """The readings of some partitions at a time, with these partitions in order."""
    partitions, of_row = _partitions_of(readings, layout)
    weight = np.cumsum([16 if partition.is_month else 1 for partition in partitions])
    bounds = np.flatnonzero(np.diff((weight - 1) // _AT_ONCE)) + 1
    for start, stop in pairwise([0, *bounds.tolist(), len(partitions)]):
        if stop - start == len(partitions):
            yield partitions, readings
        else:
            yield partitions[start:stop], readings.take((of_row >= start) & (of_row < stop))


def _partitions_of(readings: Readings, layout: _Layout) -> tuple[list[Partition], Ints]:
    """The partitions that the readings touch, and the position among them of each row's."""
    sources = sorted(set(readings.sources))
    number = np.array([sources.index(name) for name in readings.sources])[readings.source]
    days = readings.valid_at // DAY_S
    first, span = int(days.min()), int(days.max() - days.min()) + 1
    code = number * span + (days - first)
    if (code == code[0]).all():  # as nearly always: then nothing is sorted
        day = layout.partition(sources[number[0]], first)
        return [day], np.zeros(len(code), np.int64)
    codes, where = np.unique(code, return_inverse=True)
    of_code = [layout.partition(sources[c // span], first + int(c % span)) for c in codes]
    partitions = list(dict.fromkeys(of_code))
    position = {partition: i for i, partition in enumerate(partitions)}
    return partitions, np.array([position[partition] for partition in of_code])[where]


def _read(
    shop: Workshop, partitions: Sequence[Partition], ids: NDArray[Any]
) -> tuple[Readings, NDArray[Any]]:
    """What GOLD holds of these partitions, and the place ids that its rows' places point into.

    The ids begin with those given; after them come places that are no longer watched.
    """
    found = [p for p in partitions if shop.lake.keys(p.key)]
    if not found:
        return Readings.empty(), ids
    try:
        return _held(shop, found, ids)
    except duckdb.Error as error:
        raise UnreadableGold(str(error)) from error


def _held(
    shop: Workshop, found: Sequence[Partition], ids: NDArray[Any]
) -> tuple[Readings, NDArray[Any]]:
    """The same of partitions that are there."""
    con, _, lake = shop
    # A file of an earlier Atalaia may lack a column that came later, or have one that went.
    files = f"({gold_rows('readings', [lake.path(p.key) for p in found])})"
    known = set(ids)
    there = con.execute(f"SELECT DISTINCT place_id FROM {files}").fetchall()
    all_ids = np.array([*ids, *sorted(i for (i,) in there if i not in known)], object)
    sources = tuple(dict.fromkeys(p.source for p in found))
    enum_of(con, "place", all_ids)
    enum_of(con, "origin", sources)
    enum_of(con, "kind_word", _KINDS)
    columns = con.execute(
        "SELECT enum_code(place_id::place) AS place, enum_code(source::origin) AS source,"
        " enum_code(kind::kind_word) AS kind, epoch_us(valid_at) // 1000000 AS valid_at,"
        " CASE WHEN has_run_time THEN epoch_us(issued_at) // 1000000 END AS issued_at,"
        " epoch_us(received_at) // 1000000 AS known_at, coalesce(period_s, 0) AS period_s, "
        + ", ".join(f'"{name}"' for name in CATALOGUE)
        + f" FROM {files}"
    ).fetchnumpy()
    values = {name: np.ma.filled(columns[name], np.nan) for name in CATALOGUE}
    return Readings(
        place=columns["place"].astype(np.int32),
        source=columns["source"].astype(np.int16),
        kind=_KIND_OF_WORD[columns["kind"]],
        valid_at=columns["valid_at"].astype(np.int64),
        issued_at=np.ma.filled(columns["issued_at"].astype(np.int64), NO_TIME),
        known_at=columns["known_at"].astype(np.int64),
        period_s=columns["period_s"].astype(np.int32),
        values={name: column for name, column in values.items() if not np.isnan(column).all()},
        sources=sources,
    ), all_ids


def _numbered(
    rows: Readings,
    ids: NDArray[Any],
    names: Sequence[str] | None = None,
    sources: tuple[str, ...] | None = None,
) -> tuple[Readings, list[str]]:
    """The rows with places and sources numbered as they sort, and the places' ids by number."""
    used = np.unique(rows.place)
    if names is None:
        names = sorted(ids[used])
    rank = {name: i for i, name in enumerate(names)}
    place_of = np.zeros(len(ids), np.int32)
    place_of[used] = [rank[name] for name in ids[used]]
    if sources is None:
        sources = tuple(sorted(set(rows.sources)))
    source_of = np.array([sources.index(n) if n in sources else 0 for n in rows.sources], np.int16)
    return Readings(
        place=place_of[rows.place],
        source=source_of[rows.source],
        kind=rows.kind,
        valid_at=rows.valid_at,
        issued_at=rows.issued_at,
        known_at=rows.known_at,
        period_s=rows.period_s,
        values=rows.values,
        sources=sources,
    ), list(names)


def _write_changed(
    shop: Workshop, merged: Readings, before: Readings, ids: Sequence[str], layout: _Layout
) -> Merged:
    """Write the partitions whose rows are not as they were before."""
    con, folder, lake = shop
    enum_of(con, "place", ids)
    enum_of(con, "kind_word", _KINDS)
    earlier = dict(_partitions(before, layout))
    rows = 0
    written = {}
    for partition, part in _partitions(merged, layout):
        if partition in earlier and _is_same(part, earlier[partition]):
            continue
        out = folder / "out.parquet"
        con.register("part", _columns(part, partition))
        con.execute(f"COPY (SELECT {_select(part, partition)} FROM part) TO '{out}' {PARQUET}")
        con.unregister("part")
        written[partition.key] = out.read_bytes()
        rows += len(part)
    lake.write_all(written)
    return Merged(rows, len(written))


def _partitions(rows: Readings, layout: _Layout) -> Iterator[tuple[Partition, Readings]]:
    """The rows of each partition; the rows come folded, so a partition's stand together."""
    if len(rows) == 0:
        return
    day = rows.valid_at // DAY_S
    is_start = np.ones(len(rows), bool)
    is_start[1:] = (day[1:] != day[:-1]) | (rows.source[1:] != rows.source[:-1])
    starts = np.flatnonzero(is_start).tolist()
    each = [layout.partition(rows.sources[rows.source[i]], int(day[i])) for i in starts]
    first = [i for i, partition in enumerate(each) if i == 0 or partition != each[i - 1]]
    for i, after in pairwise([*first, len(each)]):
        end = starts[after] if after < len(each) else len(rows)
        yield each[i], rows.take(slice(starts[i], end))


def _is_same(a: Readings, b: Readings) -> bool:
    return (
        len(a) == len(b)
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("place", "kind", "valid_at", "issued_at", "known_at", "period_s")
        )
        and all(
            np.array_equal(a.value(name), b.value(name), equal_nan=True)
            for name in {*a.values, *b.values}
        )
    )


def _columns(part: Readings, partition: Partition) -> dict[str, NDArray[Any]]:
    """As DuckDB reads them in place. It takes NaN as NULL."""
    has_run_time = part.issued_at != NO_TIME
    # Of an instant the engine works out its day by the calendar of a zone: that costs a fifth.
    day = {"day": (part.valid_at // DAY_S).astype(np.int32)} if partition.is_month else {}
    return {
        **day,
        "place": part.place,
        "kind": _WORD_OF_KIND[part.kind],
        "valid_at": part.valid_at,
        "issued_at": np.where(has_run_time, part.issued_at, part.known_at),
        "has_run_time": has_run_time,
        "known_at": part.known_at,
        "period_s": part.period_s,
        **{f"v_{name}": np.ascontiguousarray(column) for name, column in part.values.items()},
    }


def _select(part: Readings, partition: Partition) -> str:
    """GOLD's columns from `_columns`. Words come by their number: strings would cost the most.

    What is the same in all rows is said once: worked out row by row it costs a tenth of a file. The
    file of a month has `date` besides, which its folder does not say.
    """
    is_issued = f"has_run_time OR kind = {_WORD_OF_KIND[Kind.FORECAST]}"
    expressions = {
        "place_id": "enum_range(NULL::place)[place + 1]",
        "valid_at": "make_timestamptz(valid_at * 1000000)",
        "kind": "enum_range(NULL::kind_word)[kind + 1]",
        "issued_at": f"CASE WHEN {is_issued} THEN make_timestamptz(issued_at * 1000000) END",
        "has_run_time": f"CASE WHEN {is_issued} THEN has_run_time END",
        "received_at": "make_timestamptz(known_at * 1000000)",
        "period_s": "nullif(period_s, 0)",
        **{name: f"v_{name}" if name in part.values else "NULL::DOUBLE" for name in CATALOGUE},
    }
    if (part.kind == part.kind[0]).all():
        expressions["kind"] = f"'{Kind(part.kind[0]).word}'::kind_word"
    if (part.issued_at == NO_TIME).all() and (part.kind != Kind.FORECAST).all():
        expressions |= {"issued_at": "NULL::TIMESTAMPTZ", "has_run_time": "NULL::BOOLEAN"}
    if not part.period_s.any():
        expressions["period_s"] = "NULL::INTEGER"
    names = dict.fromkeys(READING_COLUMNS)
    if partition.is_month:
        expressions["date"] = "DATE '1970-01-01' + day"
        names["date"] = None
    return ", ".join(f'{expressions[name]} AS "{name}"' for name in names)


def enum_of(con: duckdb.DuckDBPyConnection, name: str, words: Sequence[str] | NDArray[Any]) -> None:
    """Make a type of these words, in place of what had the name: words then come by number."""
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    con.execute(f"DROP TYPE IF EXISTS {name}")
    con.execute(f"CREATE TYPE {name} AS ENUM ({listed})")
