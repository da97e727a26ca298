"""Series and incidents as state items: one a place, one an area, one a source.

An item holds all that must survive a restart for its place, and nothing that can be derived.
It is bounded: windows reach no further back than the rules do.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from atalaia.detect.series import Recalled, Runs, SeriesTable, Window
from atalaia.detect.trust import WitnessNotes
from atalaia.domain.incident import Incident
from atalaia.domain.reading import NO_TIME, Readings


class PackedArray(msgspec.Struct, frozen=True, array_like=True):
    """A numpy array: its dtype and its bytes (little-endian)."""

    dtype: str
    data: bytes

    @staticmethod
    def of(array: Any) -> PackedArray:
        """Pack an array."""
        return PackedArray(array.dtype.str, np.ascontiguousarray(array).tobytes())

    def array(self) -> Any:
        """Unpack it."""
        return np.frombuffer(self.data, self.dtype)


class SeriesState(msgspec.Struct):
    """One series; the columns of `SeriesTable`, by their names."""

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


class Item(msgspec.Struct, omit_defaults=True):
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


def save_series(table: SeriesTable, number: int) -> SeriesState:
    """One series of the table as an item."""
    forecast = table.forecasts.get(number)
    return SeriesState(
        source=table.sources[table.source[number]],
        valid_at=int(table.valid_at[number]),
        usable_at=int(table.usable_at[number]),
        expected_s=int(table.expected_s[number]),
        is_blind=bool(table.is_blind[number]),
        memory={
            name: (
                float(table.last[name][number]),
                int(table.last_at[name][number]),
                int(table.unchanged_since[name][number]),
                float(table.good[name][number]),
                int(table.good_at[name][number]),
            )
            for name in table.last
        },
        windows={
            name: tuple(PackedArray.of(column) for column in msgspec.structs.astuple(w))
            for name in table.windowed
            if (w := table.windows.get((number, name))) is not None
        },
        forecast=None if forecast is None or not len(forecast) else _save_view(forecast),
        area_values={
            rule: known
            for rule in table.area_rules
            if (known := table.area_value.get((rule, number))) is not None
        },
        area_given={
            rule: given
            for rule in table.area_rules
            if (given := table.area_given.get((rule, number))) is not None
        },
        area_marks={
            rule: mark
            for rule in table.area_rules
            if (mark := table.area_mark.get((rule, number))) is not None
        },
        news_at=int(table.news_at[number]),
        arrivals=table.arrivals.kept(number),
        paces={
            of: pace.kept(number)
            for of, pace in table.paces.items()
            if pace.last_at[number] != NO_TIME
        },
        amounts={
            name: (
                float(told.value[number]),
                float(told.top[number]),
                int(told.told_at[number]),
                int(told.mark[number]),
            )
            for name, told in table.amounts.items()
            if told.told_at[number] != NO_TIME
        },
        runs=None if (said := table.runs.get(number)) is None else _save_runs(said),
    )


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
