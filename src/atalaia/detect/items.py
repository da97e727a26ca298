"""Series and incidents as state items: one a place, one an area, one a source.

An item holds all that must survive a restart for its place, and nothing that can be derived.
It is bounded: windows reach no further back than the rules do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from atalaia.detect.cadence import KEPT, Cadence
from atalaia.detect.packed import FALSE, LIST, MAP, MOST_ENTRIES, Cell, pack_rows
from atalaia.detect.series import Recalled, Runs, SeriesTable, Window
from atalaia.detect.trust import WitnessNotes
from atalaia.domain.incident import Incident
from atalaia.domain.reading import NO_TIME, Bools, Ints, Readings


class PackedArray(msgspec.Struct, frozen=True, array_like=True):
    """A numpy array: its dtype and its bytes (little-endian)."""

    dtype: str
    data: bytes

    @staticmethod
    def of(array: Any) -> PackedArray:
        """Pack an array."""
        return PackedArray(array.dtype.str, array.tobytes())

    def array(self) -> Any:
        """Unpack it."""
        return np.frombuffer(self.data, self.dtype)


class SeriesState(msgspec.Struct, gc=False):
    """One series; the columns of `SeriesTable`, by their names. `save_series` makes it in the order
    of its fields."""

    source: str
    valid_at: int
    usable_at: int
    expected_s: int
    is_blind: bool
    memory: dict[str, tuple[float, int, int, float, int]] = {}
    windows: dict[str, tuple[PackedArray, ...]] = {}
    forecast: dict[str, PackedArray] | None = None
    area_values: dict[str, tuple[float, float, int]] = {}
    area_given: dict[str, float] = {}
    area_marks: dict[str, int] = {}
    news_at: int = NO_TIME
    arrivals: tuple[int, list[int]] = (NO_TIME, [])
    paces: dict[str, tuple[int, list[int]]] = {}
    amounts: dict[str, tuple[float, float, int, int]] = {}
    runs: tuple[int, PackedArray, PackedArray] | None = None


class Item(msgspec.Struct, omit_defaults=True, gc=False):
    """What is kept under ``place:<id>`` and ``area:<name>``."""

    series: list[SeriesState] = []
    incidents: list[Incident] = []
    trust: list[WitnessNotes] = []


class PackedItem(msgspec.Struct, omit_defaults=True, gc=False):
    """The same, with series that are packed already."""

    series: list[msgspec.Raw] = []
    incidents: list[Incident] = []
    trust: list[WitnessNotes] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Item).decode

_FEW = 96
"""So many series are packed sooner one by one."""


class _Between(msgspec.Struct):
    """What of a `SeriesState` stands between its memory and its news, by the same names."""

    windows: dict[str, tuple[PackedArray, ...]]
    forecast: dict[str, PackedArray] | None
    area_values: dict[str, tuple[float, float, int]]
    area_given: dict[str, float]
    area_marks: dict[str, int]


def _encode_between(kept: tuple[Any, ...]) -> bytes:
    return _encode(_Between(*kept))[1:]  # without the mark of a map


def _encode_behind(runs: tuple[int, PackedArray, PackedArray] | None) -> bytes:
    """What stands last."""
    return _encode("runs") + _encode(runs)


_NOTHING_BETWEEN, _NOTHING_BEHIND = _encode_between(({}, None, {}, {}, {})), _encode_behind(None)
_MARK = _encode(SeriesState("", 0, 0, 0, False)).partition(_encode("source"))[0]


_ROW_COLUMNS = ("place", "source", "kind", "valid_at", "issued_at", "known_at", "period_s")


def pack(
    series: list[SeriesState], incidents: list[Incident], trust: list[WitnessNotes] | None = None
) -> bytes:
    """An item's bytes."""
    return _encode(Item(series, incidents, trust or []))


def pack_with(
    series: Sequence[bytes], incidents: list[Incident], trust: list[WitnessNotes]
) -> bytes:
    """The same of packed series."""
    return _encode(PackedItem([msgspec.Raw(one) for one in series], incidents, trust))


_OF_ONE_SERIES = _encode(PackedItem([msgspec.Raw(b"")]))


def pack_alone(series: bytes) -> bytes:
    """The same of one packed series, and nothing else."""
    return _OF_ONE_SERIES + series


def unpack(body: bytes) -> Item:
    """The inverse of `pack`."""
    return _decode(body)


def save_series(table: SeriesTable, numbers: Sequence[int]) -> list[SeriesState]:
    """Some series of the table as items: read column by column, as a poll changes all of them."""
    at = np.array(numbers, np.int64)
    *between, runs = _save_beside(table, numbers)
    columns: tuple[list[Any], ...] = (
        [table.sources[code] for code in table.source[at].tolist()],
        table.valid_at[at].tolist(),
        table.usable_at[at].tolist(),
        table.expected_s[at].tolist(),
        table.is_blind[at].tolist(),
        _memories(table, at),
        *between,
        table.news_at[at].tolist(),
        table.arrivals.kept(at),
        _paces(table, at),
        _amounts(table, at),
        runs,
    )
    return [SeriesState(*row) for row in zip(*columns, strict=True)]


def _has_beside(table: SeriesTable) -> bool:
    """Whether of any series more is kept than a row of numbers."""
    return bool(
        table.windows
        or table.forecasts
        or table.runs
        or table.area_value
        or table.area_given
        or table.area_mark
    )


def _save_beside(table: SeriesTable, numbers: Sequence[int]) -> tuple[list[Any], ...]:
    """What of some series is no row of numbers, as items, column by column: `windows`, `forecast`,
    `area_values`, `area_given`, `area_marks` and `runs`."""
    windows, forecasts, runs = table.windows, table.forecasts, table.runs
    return (
        [_save_windows(table, i) if windows else {} for i in numbers],
        [_save_view(view) if (view := forecasts.get(i)) else None for i in numbers],
        _of_areas(table, table.area_value, numbers),
        _of_areas(table, table.area_given, numbers),
        _of_areas(table, table.area_mark, numbers),
        [None if (said := runs.get(i)) is None else _save_runs(said) for i in numbers],
    )


def pack_series(table: SeriesTable, numbers: Sequence[int]) -> list[bytes]:
    """Some series of the table, each as MessagePack has what `save_series` makes of it."""
    at = np.array(numbers, np.int64)
    entries = max(len(table.last), len(table.paces), len(table.amounts))
    if len(at) < _FEW or entries > MOST_ENTRIES:
        return [_encode(one) for one in save_series(table, numbers)]
    rows: list[bytes | None] = [None] * len(at)
    source = table.source[at]
    for code in np.unique(source).tolist():
        mine = np.flatnonzero(source == code)
        packed = _of_one_source(table, at[mine], table.sources[code])
        for i, row in zip(mine.tolist(), packed, strict=True):
            rows[i] = row
    odd = [i for i, row in enumerate(rows) if row is None]
    told = iter(save_series(table, [numbers[i] for i in odd]))
    return [_encode(next(told)) if row is None else row for row in rows]


def _of_one_source(table: SeriesTable, at: Ints, source: str) -> list[bytes | None]:
    """The rows of series of one source; None: of a layout that is rare."""
    head = _MARK + _encode("source") + _encode(source)
    first, last = _numbers_before(table, at), _numbers_behind(table, at)
    first[0] = first[0]._replace(before=head + first[0].before)
    if not _has_beside(table):  # as mostly where rules go by instants
        begin = last[0]._replace(before=_NOTHING_BETWEEN + last[0].before)
        return pack_rows([*first, begin, *last[1:]], _NOTHING_BEHIND, len(at))
    *between, behind = _save_beside(table, at.tolist())
    parts = (
        pack_rows(first, b"", len(at)),
        map(_encode_between, zip(*between, strict=True)),
        pack_rows(last, b"", len(at)),
        map(_encode_behind, behind),
    )
    return [
        None if a is None or c is None else b"".join((a, b, c, d))
        for a, b, c, d in zip(*parts, strict=True)
    ]


def _numbers_before(table: SeriesTable, at: Ints) -> list[Cell]:
    """The numbers of a row up to those of its memory."""
    cells = [
        Cell(_encode("valid_at"), table.valid_at[at]),
        Cell(_encode("usable_at"), table.usable_at[at]),
        Cell(_encode("expected_s"), table.expected_s[at]),
        Cell(_encode("is_blind"), table.is_blind[at] + np.uint8(FALSE), is_byte=True),
    ]
    remembered = (table.last, table.last_at, table.unchanged_since, table.good, table.good_at)
    names = list(table.last)
    cells.append(Cell(_encode("memory"), np.full(len(at), MAP + len(names)), is_byte=True))
    for name in names:
        columns = [column[name][at] for column in remembered]
        cells.append(Cell(_encode(name) + bytes([LIST + len(columns)]), columns[0]))
        cells += [Cell(b"", column) for column in columns[1:]]
    return cells


def _numbers_behind(table: SeriesTable, at: Ints) -> list[Cell]:
    """The numbers of a row from those of its news on."""
    cells = [Cell(_encode("news_at"), table.news_at[at])]
    cells += _of_cadence(_encode("arrivals"), table.arrivals, at, None)
    paces = {name: pace.last_at[at] != NO_TIME for name, pace in table.paces.items()}
    cells.append(_how_many("paces", list(paces.values()), len(at)))
    for name, is_there in paces.items():
        cells += _of_cadence(_encode(name), table.paces[name], at, is_there)
    amounts = {name: known.told_at[at] != NO_TIME for name, known in table.amounts.items()}
    cells.append(_how_many("amounts", list(amounts.values()), len(at)))
    for name, is_there in amounts.items():
        columns = [getattr(table.amounts[name], column)[at] for column in Recalled.__slots__]
        before = _encode(name) + bytes([LIST + len(columns)])
        for column in columns:
            cells.append(Cell(before, column, is_there=is_there))
            before = b""
    return cells


def _how_many(name: str, are_there: list[Bools], n: int) -> Cell:
    """The name of a map, and its mark."""
    count = np.full(n, MAP)
    for is_there in are_there:
        count += is_there
    return Cell(_encode(name), count, is_byte=True)


def _of_cadence(name: bytes, cadence: Cadence, at: Ints, is_there: Bools | None) -> list[Cell]:
    last_at, gaps, count = cadence.columns(at)
    cells = [
        Cell(name + bytes([LIST + 2]), last_at, is_there=is_there),
        Cell(b"", count + LIST, is_byte=True, is_there=is_there),
    ]
    for number, column in enumerate(gaps):
        has = count >= KEPT - number
        cells.append(Cell(b"", column, is_there=has if is_there is None else has & is_there))
    return cells


def _memories(table: SeriesTable, at: Ints) -> list[dict[str, tuple[float, int, int, float, int]]]:
    """By variable what is remembered of the last value, series by series."""
    remembered = (table.last, table.last_at, table.unchanged_since, table.good, table.good_at)
    told: list[list[Any]] = [
        list(zip(*(column[name][at].tolist() for column in remembered), strict=True))
        for name in table.last
    ]
    return _by_name(list(table.last), told, len(at))


def _paces(table: SeriesTable, at: Ints) -> list[dict[str, tuple[int, list[int]]]]:
    """By what is judged how often it comes, where it ever came."""
    told: list[list[Any]] = [
        [kept if kept[0] != NO_TIME else None for kept in pace.kept(at)]
        for pace in table.paces.values()
    ]
    return _by_name(list(table.paces), told, len(at))


def _amounts(table: SeriesTable, at: Ints) -> list[dict[str, tuple[float, float, int, int]]]:
    """By amount of a score its newest word, where there is one."""
    told: list[list[Any]] = []
    for known in table.amounts.values():
        columns = (getattr(known, name)[at].tolist() for name in Recalled.__slots__)
        words = zip(*columns, strict=True)
        told.append([word if word[2] != NO_TIME else None for word in words])
    return _by_name(list(table.amounts), told, len(at))


def _by_name(names: list[str], told: list[list[Any]], n: int) -> list[dict[str, Any]]:
    """What is told of n series name by name, as one dictionary each without what is None."""
    if not names:
        return [{} for _ in range(n)]
    return [
        dict(zip(names, mine, strict=True))
        if None not in mine
        else {name: one for name, one in zip(names, mine, strict=True) if one is not None}
        for mine in zip(*told, strict=True)
    ]


def _of_areas(
    table: SeriesTable, told: Mapping[tuple[str, int], Any], numbers: Sequence[int]
) -> list[dict[str, Any]]:
    """By area rule what it remembers of the newest value, where it does."""
    rules = list(table.area_rules) if told else []
    return _by_name(rules, [[told.get((rule, i)) for i in numbers] for rule in rules], len(numbers))


def load_series(table: SeriesTable, place_id: str, item: SeriesState) -> None:
    """Put a kept series into the table."""
    number = table.number(place_id, item.source)
    table.valid_at[number] = item.valid_at
    table.usable_at[number] = item.usable_at
    table.expected_s[number] = item.expected_s
    table.is_blind[number] = item.is_blind
    for name, (last, last_at, since, good, good_at) in item.memory.items():
        table.memory(name)
        table.last[name][number] = last
        table.last_at[name][number] = last_at
        table.unchanged_since[name][number] = since
        table.good[name][number] = good
        table.good_at[name][number] = good_at
    for name, columns in item.windows.items():
        table.windowed.add(name)
        table.windows[number, name] = _window(*(column.array() for column in columns))
    for rule, known in item.area_values.items():
        table.area_rules.add(rule)
        table.area_value[rule, number] = known
    for rule, given in item.area_given.items():
        table.area_given[rule, number] = given
    for rule, mark in item.area_marks.items():
        table.area_mark[rule, number] = mark
    table.news_at[number] = item.news_at
    table.arrivals.put(number, *item.arrivals)
    for of, pace in item.paces.items():
        table.pace(of).put(number, *pace)
    for name, amount in item.amounts.items():
        told = table.amount(name)
        for column, one in zip(Recalled.__slots__, amount, strict=True):
            getattr(told, column)[number] = one
    if item.runs is not None:
        said_at, hours, marks = item.runs
        table.runs[number] = Runs(said_at, hours.array(), marks.array())
    if item.forecast is not None:
        table.forecasts[number] = _load_view(item.forecast, item.source, int(table.place[number]))


def _save_windows(table: SeriesTable, number: int) -> dict[str, tuple[PackedArray, ...]]:
    return {
        name: tuple(PackedArray.of(column) for column in msgspec.structs.astuple(w))
        for name in table.windowed
        if (w := table.windows.get((number, name))) is not None
    }


def _save_runs(said: Runs) -> tuple[int, PackedArray, PackedArray]:
    return said.known_at, PackedArray.of(said.valid_at), PackedArray.of(said.mark)


def _window(valid_at: Any, period_s: Any, value: Any, *rest: Any) -> Window:
    """A window as it was kept; an earlier Atalaia kept its first three columns."""
    n = len(value)
    none = (np.full(n, 3600, np.int64), np.zeros(n, np.int8), np.zeros(n, bool))
    return Window(valid_at, period_s, value, *(rest or none))


def forecasts_in(body: bytes, place: int) -> list[Readings]:
    """What each source foretells in the item of a place at this position, the newest row of each
    hour."""
    kept = ((series.forecast, series.source) for series in unpack(body).series)
    return [_load_view(view, source, place) for view, source in kept if view is not None]


def _save_view(view: Readings) -> dict[str, PackedArray]:
    rows = {name: PackedArray.of(getattr(view, name)) for name in _ROW_COLUMNS}
    return rows | {f"value:{name}": PackedArray.of(column) for name, column in view.values.items()}


def _load_view(columns: dict[str, PackedArray], source: str, place: int) -> Readings:
    """A forecast view; its place's position may have changed since it was kept."""
    arrays = {name: column.array() for name, column in columns.items()}
    n = len(arrays["place"])
    return Readings(
        **(
            {name: arrays[name] for name in _ROW_COLUMNS}
            | {"place": np.full(n, place, np.int32), "source": np.zeros(n, np.int16)}
        ),
        values={
            name.removeprefix("value:"): array
            for name, array in arrays.items()
            if name.startswith("value:")
        },
        sources=(source,),
    )
