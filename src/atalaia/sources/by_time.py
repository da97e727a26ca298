"""Rows of a record of any length in the order of time, with few of them in memory.

    parts of files, in any order ──► runs, each in order, on disk ──► merged ──► parts of instants

A record of gauges has a hundred bytes a row as a file and half of that in columns: ten years of
them were what a replay's memory was. Here a part of a file is put in order as soon as it is read,
and lies on disk as a run; then all runs that have rows of one time are read side by side. Where
the rows come in order, as most do, each run is followed by the next, and nothing is sorted.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from atalaia.domain.reading import Readings
from atalaia.errors import AtalaiaError

_IN_MEMORY = 8_000_000
"""Bytes of rows that need no disk."""

_AT_ONCE = 65_536
"""Rows that are held of all runs together, while few of them are of one time."""

_LEAST = 512
"""Rows that are read of a run at a time at least."""

_KEYS: dict[str, type[np.signedinteger[Any]]] = {
    "place": np.int32,
    "source": np.int16,
    "kind": np.int8,
    "valid_at": np.int64,
    "issued_at": np.int64,
    "known_at": np.int64,
    "period_s": np.int32,
}


class _Run(NamedTuple):
    """Rows in order: where they lie on disk, how many, when the first is known, from when to when
    they are valid, and what they have besides their keys."""

    begin: int
    rows: int
    first: int
    valid: tuple[int, int]
    variables: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(slots=True)
class _OpenRun:
    """A run that is being read: what of it was read and is not yet given, and how far it is."""

    run: _Run
    held: Readings
    read: int

    @property
    def has_more(self) -> bool:
        return self.read < self.run.rows

    @property
    def last(self) -> int:
        return int(self.held.known_at[-1])

    def before(self, instant: int) -> Readings:
        """Those of its rows that are known before this, which are given now."""
        end = int(np.searchsorted(self.held.known_at, instant))
        given, self.held = self.held.take(slice(end)), self.held.take(slice(end, None))
        return given


class RowsByTime:
    """Rows that are added in any order, and given in that of `Readings.in_order`, as often as one
    asks. On disk they are until it is closed.

    wanted   the variables that are kept; None: all
    sources  those that rows were added of, as they came
    """

    def __init__(self, wanted: frozenset[str] | None = None) -> None:
        self._wanted = wanted
        self._runs: list[_Run] = []
        self._variables: dict[str, None] = {}
        self._end = 0
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - see __exit__
        self.sources: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """How many lie there; some of different parts may be the same."""
        return sum(run.rows for run in self._runs)

    @property
    def variables(self) -> set[str]:
        """Those of which there is a value."""
        return set(self._variables)

    @property
    def valid(self) -> tuple[int, int]:
        """The first and the last time that rows speak of; there have to be some."""
        return min(run.valid[0] for run in self._runs), max(run.valid[1] for run in self._runs)

    def add_all(self, parts: Iterable[Readings]) -> int:
        """Add what a file has, or nothing of it where this raises; return how many rows it had.

        Raises AtalaiaError where there is no room on the disk.
        """
        before = len(self._runs), dict(self._variables), dict(self.sources)
        rows = 0
        try:
            for part in parts:
                rows += len(part)
                if len(part):
                    self._add(part)
        except BaseException:
            del self._runs[before[0] :]
            _, self._variables, self.sources = before
            raise
        return rows

    def parts(self, size: int) -> Iterator[Readings]:
        """The rows as `Readings.between_instants` gives all of them in order."""
        held: list[Readings] = []
        for some in self._merged():
            held.append(some)
            if sum(map(len, held)) < size:
                continue
            *whole, last = Readings.concat(held).between_instants(size)
            yield from whole
            held = [last]
            if len(last) >= size:
                yield last
                held = []
        if held:
            yield Readings.concat(held)

    def whole(self) -> Readings:
        """All rows in order, in memory."""
        return Readings.concat(self._merged())

    def digest(self) -> tuple[int, str]:
        """How many different rows there are, and a sum of them, which are the same however the
        rows were added."""
        names, sources = sorted(self._variables), sorted(self.sources)
        rank = {name: i for i, name in enumerate(sources)}
        digest = hashlib.sha256(repr((names, sources)).encode())
        kinds = dict[str, Any](_KEYS) | dict.fromkeys(names, np.float64)
        rows = 0
        for some in self._merged():
            number = np.array([rank.get(name, 0) for name in some.sources], np.int16)
            row = np.empty(len(some), np.dtype(list(kinds.items())))
            for name in _KEYS:
                row[name] = number[some.source] if name == "source" else getattr(some, name)
            for name in names:
                row[name] = some.values[name]
            digest.update(row.tobytes())
            rows += len(some)
        return rows, digest.hexdigest()

    def _add(self, part: Readings) -> None:
        used = np.flatnonzero(np.bincount(part.source)).tolist()
        self.sources.update(dict.fromkeys(part.sources[i] for i in used))
        names = part.known() if self._wanted is None else part.known() & self._wanted
        values = {name: column for name, column in part.values.items() if name in names}
        self._variables.update(dict.fromkeys(values))
        part = replace(part, values=values).in_order()
        columns = [np.asarray(getattr(part, name), kind) for name, kind in _KEYS.items()]
        columns += part.values.values()
        run = _Run(
            begin=self._end,
            rows=len(part),
            first=int(part.known_at[0]),
            valid=(int(part.valid_at.min()), int(part.valid_at.max())),
            variables=tuple(part.values),
            sources=part.sources,
        )
        try:
            self._file.seek(self._end)
            for column in columns:
                self._file.write(np.ascontiguousarray(column).data.cast("B"))
                self._end += column.nbytes
        except OSError as error:
            raise AtalaiaError(
                f"{tempfile.gettempdir()}: {error.strerror}; make room there for the rows, or name "
                "another folder in TMPDIR"
            ) from error
        self._runs.append(run)

    def _merged(self) -> Iterator[Readings]:
        """All rows in order, some at a time, no instant in two; all have the same variables."""
        for some in self._in_turn():
            values = {name: some.value(name) for name in self._variables}
            yield replace(some, values=values)

    def _in_turn(self) -> Iterator[Readings]:
        waiting = sorted(self._runs, key=lambda run: run.first, reverse=True)
        opened: list[_OpenRun] = []
        while waiting or opened:
            # Of what is known before this all is here.
            bounds = [one.last for one in opened if one.has_more]
            bounds += [run.first for run in waiting[-1:]]
            if not bounds:
                yield from _in_order([one.held for one in opened])
                return
            bound = min(bounds)
            yield from _in_order([one.before(bound) for one in opened])
            opened = [one for one in opened if len(one.held) or one.has_more]
            while waiting and waiting[-1].first == bound:
                run = waiting.pop()
                opened.append(_OpenRun(run, Readings.empty(), 0))
            size = max(_AT_ONCE // len(opened), _LEAST)
            for one in opened:
                # Those that have little left, too: else there would be a turn for each of them.
                if one.has_more and (2 * len(one.held) < size or one.last == bound):
                    end = min(one.read + size, one.run.rows)
                    more = self._read(one.run, one.read, end)
                    one.held, one.read = Readings.concat([one.held, more]), end

    def _read(self, run: _Run, start: int, stop: int) -> Readings:
        """Some rows of a run."""
        columns: dict[str, Any] = {}
        begin = run.begin
        kinds = dict[str, Any](_KEYS) | dict.fromkeys(run.variables, np.float64)
        for name, kind in kinds.items():
            columns[name] = column = np.empty(stop - start, kind)
            self._file.seek(begin + start * column.itemsize)
            self._file.readinto(column.data.cast("B"))
            begin += run.rows * column.itemsize
        keys = {name: columns.pop(name) for name in _KEYS}
        return Readings(**keys, values=columns, sources=run.sources)


def _in_order(parts: list[Readings]) -> Iterator[Readings]:
    """These rows, which are in order in each part, in order."""
    parts = [part for part in parts if len(part)]
    if parts:
        yield Readings.concat(parts).in_order() if len(parts) > 1 else parts[0]
