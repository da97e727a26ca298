"""Series and incidents as state items: one a place, one an area, one a source.

An item holds all that must survive a restart for its place, and nothing that can be derived.
It is bounded: windows reach no further back than the rules do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from atalaia.detect.series import Recalled, Runs, SeriesTable, Window
from atalaia.detect.trust import WitnessNotes
from atalaia.domain.incident import Incident
from atalaia.domain.reading import NO_TIME, Ints, Readings


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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Item).decode

_ROW_COLUMNS = ("place", "source", "kind", "valid_at", "issued_at", "known_at", "period_s")


def pack(
    series: list[SeriesState], incidents: list[Incident], trust: list[WitnessNotes] | None = None
) -> bytes:
    """An item's bytes."""
    return _encode(Item(series, incidents, trust or []))


def unpack(body: bytes) -> Item:
    """The inverse of `pack`."""
    return _decode(body)


def save_series(table: SeriesTable, numbers: Sequence[int]) -> list[SeriesState]:
    """Some series of the table as items: read column by column, as a poll changes all of them."""
    at = np.array(numbers, np.int64)
    windows, forecasts, runs = table.windows, table.forecasts, table.runs
    columns: tuple[list[Any], ...] = (
        [table.sources[code] for code in table.source[at].tolist()],
        table.valid_at[at].tolist(),
        table.usable_at[at].tolist(),
        table.expected_s[at].tolist(),
        table.is_blind[at].tolist(),
        _memories(table, at),
        [_save_windows(table, i) if windows else {} for i in numbers],
        [_save_view(view) if (view := forecasts.get(i)) else None for i in numbers],
        _of_areas(table, table.area_value, numbers),
        _of_areas(table, table.area_given, numbers),
        _of_areas(table, table.area_mark, numbers),
        table.news_at[at].tolist(),
        table.arrivals.kept(at),
        _paces(table, at),
        _amounts(table, at),
        [None if (said := runs.get(i)) is None else _save_runs(said) for i in numbers],
    )
    return [SeriesState(*row) for row in zip(*columns, strict=True)]


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


def _forecast(table: SeriesTable, number: int) -> dict[str, PackedArray] | None:
    view = table.forecasts.get(number)
    return None if view is None or not len(view) else _save_view(view)


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
