"""Readings as anyone can write them: CSV files, and JSON pushed by people with own stations.

Contents of payloads: ``readings-csv``, the columns ``place_id,valid_at,period_s,kind`` and, where
there are forecasts, ``issued_at``, in any order, then any variables of the catalogue and
optionally ``source``; an empty cell is missing. ``readings-json``: a JSON array, or one object a
line, with the same keys; there `period_s` is 0 and `kind` observed unless given.

Files may be large: they are read in parts of some megabytes, and a part in columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np

from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import KIND_OF, NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.body import read_json
from atalaia.sources.cells import Cells, columns_of
from atalaia.sources.columns import numbers, parsed, present
from atalaia.sources.decoding import Wanted, by_content, is_wanted, plain_error
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import fault, utc_seconds

NAME = "csv"
STATION = "station"
CSV = "readings-csv"
JSON = "readings-json"

REQUIRED = ("place_id", "valid_at", "period_s", "kind")
LONGEST_SOURCE = 40
"""Letters that a source's name may have: it stands in messages, and in names of files."""

_FIXED = "; source="
_KEYS = (*REQUIRED, "issued_at", "source")
_PART_BYTES = 2_000_000
_WRITTEN_ROWS = 5_000
"""Rows that are written at a time: their texts lie where the last ones lay."""

_LONGEST_PERIOD_S = 366 * 86_400
_MOST_SOURCES = 10_000


def decoder(places: Places) -> Decode:
    """CSV and pushed JSON → readings of the watched places.

    A row's `source` is its own column, or else the payload's (a file's is ``csv``, a push's
    ``station``); where the payload's content fixes one (`content_of`), it is that one, whatever
    the rows say. Where the payload has places, rows of others are rejected. A recorded forecast
    needs its `issued_at`; one pushed live may leave it out.
    """
    return by_content(
        {CSV: partial(_read_csv, places), JSON: partial(_read_json, places)}, plain_error
    )


def content_of(source: str) -> str:
    """The content of pushed JSON whose rows all are this source's. Raises ValueError for a name
    that no source can have."""
    if not is_name(source):
        raise ValueError(f"source: give 1 to {LONGEST_SOURCE} printable letters")
    return f"{JSON}{_FIXED}{source}"


def is_name(source: str) -> bool:
    """Whether a source can be called so."""
    return 0 < len(source) <= LONGEST_SOURCE and source.isprintable() and bool(source.strip())


@dataclass(frozen=True, slots=True)
class _CsvRows:
    """Some rows as columns of whatever the body held for them.

    cells    by column name; every column has one entry a row
    numbers  line (CSV, NDJSON) or position (JSON array) of each row, from 1
    unit     what `numbers` count, for rejects: "line" or "record"
    is_text  every cell is a text (CSV); else they are what JSON made of them
    """

    cells: Mapping[str, Cells]
    numbers: Sequence[int]
    unit: str
    is_text: bool

    def at(self, row: int) -> str:
        return f"{self.unit} {self.numbers[row]}"


@dataclass(slots=True)
class _CsvReader:
    """Makes readings of one payload, part by part.

    unknown  how many rows each place that is not watched has, and where the first is: told once
             a place and not once a row
    sources  the code of each source that rows name
    """

    places: Places
    payload: Payload
    wanted: Wanted
    rejects: Rejects
    unknown: dict[str, tuple[int, str]] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)

    def read(self, parts: Iterable[_CsvRows]) -> Iterator[Readings]:
        """Each part's good rows; reasons for the others go to the rejects."""
        for rows in parts:
            yield self._readings(rows)
        for place, (many, at) in self.unknown.items():
            is_bound = bool(self.payload.places)
            why = "is not watched, or not this key's" if is_bound else "is not watched"
            self.rejects.add("unknown place", f"{at}: {place} {why} ({many} rows of it)")

    def _readings(self, rows: _CsvRows) -> Readings:
        n = len(rows.numbers)
        blank = Cells(["" if rows.is_text else None], np.zeros(n, np.int64))
        column = {name: rows.cells.get(name, blank) for name in _KEYS}
        place = self._places(rows, column["place_id"])
        valid_at = self._times(rows, column["valid_at"])
        period = self._codes(rows, column["period_s"], _period, "bad period")
        kind = self._codes(rows, column["kind"], self._kind, "unknown kind")
        issued_at, is_bad = self._issued(rows, column["issued_at"], kind)
        source = self._source(rows, column["source"])
        is_good = (
            (source >= 0)
            & (place >= 0)
            & (valid_at != NO_TIME)
            & (period >= 0)
            & (kind >= 0)
            & ~is_bad
        )
        event = np.where(issued_at == NO_TIME, valid_at, issued_at)
        received = np.full(n, self.payload.received_at, np.int64)
        readings = Readings(
            place=place,
            source=source,
            kind=kind.astype(np.int8),
            valid_at=valid_at,
            issued_at=issued_at,
            known_at=event if self.payload.is_recorded else received,
            period_s=period.astype(np.int32),
            values=self._values(rows),
            sources=tuple(self.sources),
        )
        return readings if is_good.all() else readings.take(is_good)

    def _places(self, rows: _CsvRows, cells: Cells) -> Ints:
        """Positions of the places, int32; -1 where none of that id is watched."""
        position = self.places.position
        if self.payload.places:
            position = {i: position[i] for i in self.payload.places if i in position}
        told = [position.get(cell, -1) if isinstance(cell, str) else -1 for cell in cells.told]
        found = cells.spread(np.array(told, np.int32))
        for i in np.flatnonzero(found < 0).tolist():
            cell = shown(cells[i])
            before, at = self.unknown.get(cell, (0, rows.at(i)))
            self.unknown[cell] = (before + 1, at)
        return found

    def _times(self, rows: _CsvRows, cells: Cells) -> Ints:
        seconds = cells.spread(utc_seconds(cells.told))
        for i in np.flatnonzero(seconds == NO_TIME).tolist():
            self.rejects.add(fault(cells[i]), f"{rows.at(i)}: valid_at is {shown(cells[i])}")
        return seconds

    def _codes(self, rows: _CsvRows, cells: Cells, read: Callable[[Any], int], reason: str) -> Ints:
        """Whole numbers, int64, of a column with few different cells; -1, and a reject, for bad."""
        plain = cells.told
        if not rows.is_text:
            plain = [cell if type(cell) in _SCALARS else _not_scalar(cell) for cell in plain]
        known = {cell: read(cell) for cell in dict.fromkeys(plain)}
        found = cells.spread(np.fromiter(map(known.__getitem__, plain), np.int64, len(plain)))
        for i in np.flatnonzero(found < 0).tolist():
            self.rejects.add(reason, f"{rows.at(i)}: {shown(cells[i])}")
        return found

    def _kind(self, cell: Any) -> int:
        if cell == "" and self.payload.content.startswith(JSON):
            return Kind.OBSERVED
        return KIND_OF.get(cell.strip().lower(), -1) if isinstance(cell, str) else -1

    def _issued(self, rows: _CsvRows, cells: Cells, kind: Ints) -> tuple[Ints, Bools]:
        """(issued_at, whether it is unusable): only of forecasts, NO_TIME for all else."""
        is_forecast = kind == Kind.FORECAST
        if not is_forecast.any():
            return np.full(len(kind), NO_TIME, np.int64), np.zeros(len(kind), np.bool_)
        told = np.array([cell is not None and cell != "" for cell in cells.told], np.bool_)
        is_given = cells.spread(told)
        seconds = np.where(is_forecast, cells.spread(utc_seconds(cells.told)), NO_TIME)
        is_bad = is_forecast & is_given & (seconds == NO_TIME)
        for i in np.flatnonzero(is_bad).tolist():
            self.rejects.add(fault(cells[i]), f"{rows.at(i)}: issued_at is {shown(cells[i])}")
        if self.payload.is_recorded:
            for i in np.flatnonzero(is_forecast & ~is_given).tolist():
                self.rejects.add("forecast without issued_at", rows.at(i))
            is_bad |= is_forecast & ~is_given
        return seconds, is_bad

    def _source(self, rows: _CsvRows, cells: Cells) -> Ints:
        """Each row's code in `sources`, int16; the payload's own source where none is named; -1,
        and a reject, for what can be no name."""
        default, n = self.payload.source, len(rows.numbers)
        fixed = self.payload.content.partition(_FIXED)[2]
        if fixed:
            self.sources.setdefault(fixed, len(self.sources))
            return np.full(n, self.sources[fixed], np.int16)
        names = [cell if isinstance(cell, str) else "" for cell in cells.told]
        codes: dict[str, int] = {}
        for cell in cells.in_order():
            name = cell if isinstance(cell, str) else ""
            called = name or default
            codes[name] = (
                self.sources.setdefault(called, len(self.sources)) if is_name(called) else -1
            )
        found = cells.spread(np.fromiter(map(codes.__getitem__, names), np.int32, len(names)))
        for i in np.flatnonzero(found < 0).tolist():
            name = cells[i] if isinstance(cells[i], str) else ""
            self.rejects.add("bad source name", f"{rows.at(i)}: {shown(name or default)}")
        if len(self.sources) > _MOST_SOURCES:
            raise Unreadable("too many sources", f"more than {_MOST_SOURCES} in `source`")
        return found.astype(np.int16)

    def _values(self, rows: _CsvRows) -> dict[str, Floats]:
        values: dict[str, Floats] = {}
        for name in CATALOGUE:
            if name not in rows.cells or not is_wanted(name, self.wanted):
                continue
            cells = rows.cells[name]
            column, faults = parsed(cells.told) if rows.is_text else numbers(cells.told)
            for i, reason in cells.faults(faults):
                self.rejects.add(reason, f"{rows.at(i)}: {name} is {shown(cells[i])}")
            values[name] = cells.spread(column)
        return present(values)


_SCALARS = (str, int, float)


def _not_scalar(cell: Any) -> str:
    """What stands for a cell that can be no key: empty for None, never valid for the rest."""
    return "" if cell is None else "\0"


def _period(cell: Any) -> int:
    """Seconds; 0 where nothing is stated, -1 where it cannot be."""
    if cell == "":
        return 0
    try:
        seconds = float(cell)
    except (ValueError, OverflowError):
        return -1
    is_whole = 0 <= seconds <= _LONGEST_PERIOD_S and seconds == int(seconds)
    return int(seconds) if is_whole else -1


def recorded_parts(file: BinaryIO, places: Places, rejects: Rejects) -> Iterator[Readings]:
    """What a recorded CSV file has, read part by part: memory does not grow with its length.

    Raises Unreadable where nothing of it counts, also of the parts that were given by then.
    """
    as_said = Payload(source=NAME, content=CSV, received_at=0, body=b"", is_recorded=True)
    yield from _CsvReader(places, as_said, None, rejects).read(_csv_rows(file, rejects))


def _read_csv(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    parts = _csv_rows(io.BytesIO(payload.body), rejects)
    return Readings.concat(_CsvReader(places, payload, wanted, rejects).read(parts))


def _read_json(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    parts = [_json_rows(payload.body, rejects)]
    return Readings.concat(_CsvReader(places, payload, wanted, rejects).read(parts))


def _csv_rows(file: BinaryIO, rejects: Rejects) -> Iterator[_CsvRows]:
    """The file in parts, each as columns; lines of another width are rejected."""
    names: list[str] | None = None
    number = 1
    for text in _parts(file, rejects):
        if names is None:
            header, text, number = _after_header(text, number)  # noqa: PLW2901
            if header is None:
                continue
            names = _header(header, rejects)
        if not text:
            continue
        regular = columns_of(text, len(names))
        if regular is not None:
            columns, lines = regular
            numbers: Sequence[int] = range(number, number + lines)
        else:
            split = text.removesuffix("\n").split("\n")
            columns, numbers = _of_lines(split, len(names), number, rejects)
            lines = len(split)
        number += lines
        if numbers:
            yield _CsvRows(dict(zip(names, columns, strict=True)), numbers, "line", is_text=True)
    if names is None:
        raise Unreadable("empty body")


def _after_header(text: str, number: int) -> tuple[str | None, str, int]:
    """(the first line that is not empty, what follows it, the number of the next line)."""
    while text:
        line, _, text = text.partition("\n")
        number += 1
        if line.strip():
            return line, text, number
    return None, "", number


def _parts(file: BinaryIO, rejects: Rejects) -> Iterator[str]:
    """Whole lines, some megabytes at a time, as text with ``\\n`` at line ends."""
    line, is_first = 1, True
    while part := file.read(_PART_BYTES) + file.readline():
        try:
            text = part.decode("utf-8-sig" if is_first else "utf-8")
        except UnicodeDecodeError as error:
            at = line + part.count(b"\n", 0, error.start)
            rejects.add("not UTF-8", f"line {at}: {error.reason}; such letters are replaced")
            text = part.decode("utf-8", "replace").removeprefix("\ufeff")
        # To look for one letter takes a tenth of looking for two.
        yield text.replace("\r\n", "\n") if "\r" in text else text
        line, is_first = line + part.count(b"\n"), False


def _of_lines(
    lines: list[str], width: int, first: int, rejects: Rejects
) -> tuple[list[Cells], Sequence[int]]:
    """(columns, line numbers) of lines that are numbered from `first`, one by one."""
    table, numbers = _of_width(list(map(_split_quoted, lines)), width, first, rejects)
    return [Cells(column) for column in zip(*table, strict=True)], numbers


def _split_quoted(line: str) -> list[str]:
    """A line with quotes. No cell runs over a line's end: one lost quote costs one line."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line]))
    except (csv.Error, StopIteration):
        return []


def _header(line: str, rejects: Rejects) -> list[str]:
    names = [name.strip() for name in _split_quoted(line)]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise Unreadable("missing column", f"line 1: {_lacking(missing, line)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unreadable("column twice", f"line 1: {', '.join(twice)}")
    _name_unknown(names, rejects)
    return names


def _lacking(names: Sequence[str], line: str) -> str:
    """Which columns there are not, and what to write there."""
    return (
        f"no {', '.join(names)}: period_s is the seconds that a sum is over (3600 for hourly rain, "
        f"0 for instants), kind is observed, analysis or forecast; found {line[:80]}"
    )


def _name_unknown(names: Sequence[str], rejects: Rejects) -> None:
    unknown = [name for name in names if name not in CATALOGUE and name not in _KEYS]
    if unknown:
        rejects.add("unknown column", ", ".join(unknown))


def _of_width(
    table: list[list[str]], width: int, first: int, rejects: Rejects
) -> tuple[list[list[str]], list[int]]:
    """The rows with one cell a column, and their line numbers; empty lines are passed over."""
    kept, numbers = [], []
    for number, cells in enumerate(table, first):
        if len(cells) == width:
            kept.append(cells)
            numbers.append(number)
        elif any(cell.strip() for cell in cells) or not cells:
            rejects.add("wrong number of cells", f"line {number}: {len(cells)}, not {width}")
    return kept, numbers


def _json_rows(body: bytes, rejects: Rejects) -> _CsvRows:
    """A JSON array, one object, or one object a line, as columns."""
    try:
        found = msgspec.json.decode(body)
        records, unit = (found, "record") if isinstance(found, list) else ([found], "record")
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except (msgspec.MsgspecError, ValueError, OverflowError):
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"<")) or not body.strip():
            records, unit = read_json(body, rejects), "record"
        else:
            records, unit = list(_by_line(body, rejects)), "line"
    numbers_kept, kept = [], []
    for number, record in enumerate(records, 1):
        if isinstance(record, dict):
            kept.append(record)
            numbers_kept.append(number)
        elif record is not None:
            rejects.add("not an object", f"{unit} {number} is a {type(record).__name__}")
    names = list(dict.fromkeys(name for record in kept for name in record))
    _name_unknown(names, rejects)
    cells = {name: Cells([record.get(name) for record in kept]) for name in names}
    return _CsvRows(cells, numbers_kept, unit, is_text=False)


def _by_line(body: bytes, rejects: Rejects) -> Iterator[Any]:
    """One value a line; None for lines that are empty, or that were rejected."""
    for number, line in enumerate(body.split(b"\n"), 1):
        value = None
        if line.strip():
            try:
                value = read_json(line, rejects)
            except Unreadable as error:
                rejects.add(error.reason, f"line {number}: {error.detail}")
        yield value


def write(readings: Readings, places: Places) -> bytes:
    """Readings as a ``readings-csv`` body, which the decoder reads back exactly.

    Columns: the keys, `source`, then the variables that there are, in the catalogue's order.
    Numbers in their shortest exact form, empty for missing; instants in UTC with ``Z``. Ids and
    names of sources hold no line breaks. What is not kept is known_at: a recorded payload gives
    each row its event time again.
    """
    names = [name for name in CATALOGUE if name in readings.values]
    header = ",".join((*REQUIRED, "issued_at", "source", *names)) + "\n"
    parts = [
        _lines_of(readings.take(slice(start, start + _WRITTEN_ROWS)), names, places)
        for start in range(0, len(readings), _WRITTEN_ROWS)
    ]
    return header.encode() + b"".join(parts)


def _lines_of(readings: Readings, names: Sequence[str], places: Places) -> bytes:
    if len(readings) == 0:
        return b""
    ids = [_quoted(place.id) for place in places]
    kinds = [kind.word for kind in Kind]
    sources = [_quoted(name) for name in readings.sources]
    columns = [
        _column(readings.place, lambda numbers: [ids[i] for i in numbers.tolist()]),
        _column(readings.valid_at, _instants),
        _column(readings.period_s, lambda periods: list(map(str, periods.tolist()))),
        _column(readings.kind, lambda numbers: [kinds[i] for i in numbers.tolist()]),
        _column(readings.issued_at, _instants),
        _column(readings.source, lambda numbers: [sources[i] for i in numbers.tolist()]),
        # By its bits, for -0.0 is one.
        *(_column(readings.values[name].view(np.int64), _numbers) for name in names),
    ]
    lines = map(",".join, zip(*_cells(columns, len(readings)), strict=True))
    return ("\n".join(lines) + "\n").encode()


class _Column(NamedTuple):
    """A column as it is written: each different text once, for instruments tell few; and which one
    each row has, or None where all have the one that there is."""

    texts: list[str]
    which: Ints | None


def _column(numbers: Ints, words: Callable[[Ints], list[str]]) -> _Column:
    if (numbers == numbers[0]).all():
        return _Column(words(numbers[:1]), None)
    different, which = np.unique(numbers, return_inverse=True)
    return _Column(words(different), which)


def _cells(columns: Sequence[_Column], rows: int) -> Iterator[list[str]]:
    """The texts of each row, column by column. What is the same in all rows is written into what it
    follows: to put a text into its place row by row is what a column costs."""
    texts, which = columns[0]
    for column in columns[1:]:
        if column.which is None:
            texts = [f"{text},{column.texts[0]}" for text in texts]
            continue
        yield _spread(texts, which, rows)
        texts, which = column
    yield _spread(texts, which, rows)


def _spread(texts: list[str], which: Ints | None, rows: int) -> list[str]:
    if which is None:
        return texts * rows
    spread: list[str] = np.array(texts, object)[which].tolist()
    return spread


def _instants(seconds: Ints) -> list[str]:
    told = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s", timezone="UTC")
    return ["" if text == "NaT" else text for text in told.tolist()]


def _numbers(bits: Ints) -> list[str]:
    values = bits.view(np.float64).tolist()
    return [repr(value) if value == value else "" for value in values]  # noqa: PLR0124


def _quoted(text: str) -> str:
    if "," not in text and '"' not in text:
        return text
    return '"' + text.replace('"', '""') + '"'
