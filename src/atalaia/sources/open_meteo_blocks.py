"""Blocks of Open-Meteo's answers → readings, those of many answers at a time.

    `blocks_of` an answer ──► `PlaceBlock`s ──► `rows_of` all of them ──► readings

Answers to one request are alike, but for their values: blocks with the same columns in the same
units are one array a column, whoever they are of. A block of its own kind costs what it did alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from atalaia.domain.ensemble import TOLD_OF
from atalaia.domain.payload import Payload
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import thunder
from atalaia.sources.columns import floats, numbers, present
from atalaia.sources.decoding import Wanted, is_wanted, times_of_rows
from atalaia.sources.open_meteo_apis import ARCHIVE, BY_DAY, NOT_EVERYWHERE, VARIABLES
from atalaia.sources.rejects import Rejects, shown
from atalaia.sources.runs import RunHours
from atalaia.sources.times import local_seconds
from atalaia.sources.units import conversion

Make: TypeAlias = Callable[[Floats], Floats]
"""A field's column → a variable's, of the same shape."""

DAILY, CURRENT = "daily", "current"
PERIODS = {CURRENT: 0, "minutely_15": 900, "hourly": 3600, DAILY: 86_400}
"""The blocks that hold readings, with the seconds that a row's sums or means are of."""


class Whose(NamedTuple):
    """Whose a block is: its payload, the payload's number, and the position of its place."""

    payload: Payload
    number: int
    position: int


class PlaceBlock(NamedTuple):
    """One block of one place.

    columns    its fields' values by name, as they came
    units      as they are told, by field
    times      of its rows, local ones, as they came; ahead of UTC by `offset_s`
    period_s   what its sums are of
    is_plain   its columns were read as floats (None: missing), one a time each, and its units as
               texts: `open_meteo_plain`
    """

    whose: Whose
    name: str
    columns: dict[str, Any]
    units: dict[str, Any]
    times: list[Any]
    offset_s: int
    period_s: int
    is_plain: bool = False


def blocks_of(element: dict[str, Any], whose: Whose, rejects: Rejects) -> Iterator[PlaceBlock]:
    """The blocks that hold readings, their single values as columns of one row."""
    has_any = False
    for name, length_s in PERIODS.items():
        columns = element.get(name)
        if not isinstance(columns, dict) or (name == DAILY and not BY_DAY.keys() & columns.keys()):
            continue
        has_any = True
        period_s = interval(columns, rejects) if name == CURRENT else length_s
        if name == CURRENT:
            columns = {key: [value] for key, value in columns.items()}
        units, times = element.get(f"{name}_units"), columns.get("time")
        offset = element.get("utc_offset_seconds")
        if not isinstance(times, list):
            rejects.add("not a time", f"{name}: no list of times")
        elif type(offset) is not int or abs(offset) > 86_400:
            rejects.add("time without offset", f"{name}: utc_offset_seconds is {shown(offset)}")
        elif times:
            known = units if isinstance(units, dict) else {}
            yield PlaceBlock(whose, name, columns, known, times, offset, period_s)
    if not has_any:
        rejects.add("no known block", f"only {', '.join(sorted(map(str, element)))}")


def interval(current: dict[str, Any], rejects: Rejects) -> int:
    """Seconds that the current block's sums cover; 0, and a reject, if it does not say."""
    interval: Any = current.get("interval")
    if type(interval) in (int, float) and 1 <= interval <= 86_400:
        return int(interval)
    rejects.add("no interval", f"current: interval is {shown(interval)}; its sums are left out")
    return 0


def rows_of(
    blocks: Sequence[PlaceBlock], wanted: Wanted, rejects: Sequence[Rejects]
) -> tuple[Readings, Ints]:
    """The blocks' rows, block by block in their order, and the number of the payload that each is
    of. `rejects` are the payloads' own, by number."""
    alike: dict[Hashable, list[int]] = {}
    for i, block in enumerate(blocks):
        alike.setdefault(_form(block, i), []).append(i)
    parts, orders = [], []
    for mine in alike.values():
        rows, of_block = _together([blocks[i] for i in mine], wanted, rejects)
        parts.append(rows)
        orders.append(np.array(mine, np.int64)[of_block])
    of = np.concatenate([np.empty(0, np.int64), *orders])
    number = np.array([block.whose.number for block in blocks], np.int64)
    if len(parts) == 1:
        return parts[0], number[of]
    order = np.argsort(of, kind="stable")
    return Readings.concat(parts).take(order), number[of[order]]


def _form(block: PlaceBlock, i: int) -> Hashable:
    """What blocks that are read together have in common. One with a column that is not as long as
    its times, or with a unit that is none, is alone."""
    form = (
        block.whose.payload.source,
        block.name,
        block.period_s,
        block.is_plain,
        tuple(block.columns),
        tuple(map(block.units.get, block.columns)),
    )
    if block.is_plain:
        return form
    rows = len(block.times)
    is_plain = all(
        type(column) is list and len(column) == rows for column in block.columns.values()
    )
    try:
        hash(form)
    except TypeError:
        return i
    return form if is_plain else i


def _together(
    blocks: list[PlaceBlock], wanted: Wanted, rejects: Sequence[Rejects]
) -> tuple[Readings, Ints]:
    """The rows of blocks of one form, and the block that each is of, by its number among them."""
    sizes = [len(block.times) for block in blocks]
    of = np.repeat(np.arange(len(blocks)), sizes)
    many = _Many(blocks, np.cumsum([0, *sizes]), rejects)
    valid_at = many.valid_at(of)
    received_at = np.array([block.whose.payload.received_at for block in blocks], np.int64)[of]
    can_be_later = np.array([_can_be_later(block) for block in blocks], bool)[of]
    is_recorded = np.array([block.whose.payload.is_recorded for block in blocks], bool)[of]
    is_later = (valid_at > received_at) & can_be_later
    kind = np.where(is_later, np.int8(Kind.FORECAST), np.int8(Kind.ANALYSIS))
    issued_at, known_at = times_of_rows(kind, valid_at, received_at, is_recorded)
    source = blocks[0].whose.payload.source
    values = many.values(wanted)
    readings = Readings.build(
        place=np.array([block.whose.position for block in blocks], np.int32)[of],
        source=source,
        kind=kind,
        valid_at=valid_at,
        issued_at=issued_at,
        known_at=known_at,
        period_s=blocks[0].period_s,
        values=values,
    )
    is_row = valid_at != NO_TIME
    if source in NOT_EVERYWHERE:
        is_row &= _has_any(values, len(of))
    return (readings, of) if is_row.all() else (readings.take(is_row), of[is_row])


def _has_any(values: dict[str, Floats], rows: int) -> Bools:
    """Which rows have a value."""
    has = np.zeros(rows, bool)
    for column in values.values():
        has |= ~np.isnan(column)
    return has


def _can_be_later(block: PlaceBlock) -> bool:
    return block.whose.payload.content != ARCHIVE and block.name != CURRENT


class _Many(NamedTuple):
    """Blocks of one form, end to end: `starts` are the first rows of each, and the end."""

    blocks: list[PlaceBlock]
    starts: Ints
    rejects: Sequence[Rejects]

    def valid_at(self, of: Ints) -> Ints:
        """Unix seconds of all rows; NO_TIME, and a reject, where a time cannot be read."""
        times = list(chain.from_iterable(block.times for block in self.blocks))
        offsets = np.array([block.offset_s for block in self.blocks], np.int64)[of]
        seconds = local_seconds(times, offsets)
        name = self.blocks[0].name
        for i in np.flatnonzero(seconds == NO_TIME).tolist():
            self._reject(i, "not a time", f"{name}: {shown(times[i])}")
        if name == DAILY:  # a day is named by its beginning, and told at its end
            return np.where(seconds == NO_TIME, NO_TIME, seconds + PERIODS[DAILY])
        return seconds

    def values(self, wanted: Wanted) -> dict[str, Floats]:
        """The wanted variables in the catalogue's units, each of shape (rows,)."""
        values: dict[str, Floats] = {}
        first = self.blocks[0]
        for key, variable in (BY_DAY if first.name == DAILY else VARIABLES).items():
            if key not in first.columns:
                continue
            told = [each for each in _told_as(variable, first) if is_wanted(each[0], wanted)]
            column = self.column(key, variable) if told else None
            if column is None:
                continue
            for name, made in told:
                earlier, column_told = values.get(name), made(column)
                values[name] = column_told if earlier is None else _filled(earlier, column_told)
        return present(values)

    def column(self, key: str, variable: str) -> Floats | None:
        """One field in the catalogue's unit, shape (rows,); None, and rejects, if it is
        unusable."""
        first = self.blocks[0]
        label, unit = f"{first.name}: {key}", first.units.get(key)
        columns = [block.columns[key] for block in self.blocks]
        rows = len(first.times)
        if not isinstance(columns[0], list) or len(columns[0]) != rows:
            self._reject(0, "wrong length", f"{label}: not {rows} values, one a time")
            return None
        known = conversion(unit, variable)
        if known is None:  # "undefined": the provider does not have the variable
            detail = f"{label}: unit {shown(unit)} is not known for {variable}"
            for start in self.starts[:-1].tolist():
                self._reject(start, "unknown unit", detail)
            return None
        if first.is_plain:
            values = floats(columns)
        else:
            told = list(chain.from_iterable(columns))
            values, faults = numbers(told)
            for i, reason in faults:
                within = i - int(self.starts[self._block(i)])
                self._reject(i, reason, f"{label}, value {within} is {shown(told[i])}")
        scale, offset = known
        return values * scale + offset

    def _block(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1

    def _reject(self, row: int, reason: str, detail: str) -> None:
        self.rejects[self.blocks[self._block(row)].whose.number].add(reason, detail)


def hours_of_runs(block: PlaceBlock, wanted: Wanted, rejects: Rejects) -> RunHours:
    """A block of many runs. The series without a number is the control run; where models are
    named, a series that names none is one of theirs once more."""
    alone = block._replace(whose=block.whose._replace(number=0))
    many = _Many([alone], np.array([0, len(block.times)]), [rejects])
    series = [(key, *_run(key)) for key in block.columns]
    is_named = any("/" in run for _, _, run in series)
    columns: dict[str, dict[str, Floats]] = {}
    for key, variable, run in series:
        if not variable or not is_wanted(variable, wanted) or (is_named and "/" not in run):
            continue
        column = many.column(key, variable)
        if column is not None:
            columns.setdefault(variable, {})[run] = column
    valid_at = many.valid_at(np.zeros(len(block.times), np.int64))
    return RunHours(block.whose.position, valid_at, columns, block.period_s)


def _run(key: str) -> tuple[str, str]:
    """Variable and run of a series: ``precipitation_member07_ncep_gefs025`` is run 07 of a model;
    an empty variable: it is none of which there are runs."""
    field = max((f for f in VARIABLES if key == f or key.startswith(f"{f}_")), key=len, default="")
    if VARIABLES.get(field) not in TOLD_OF:
        return "", ""
    rest = key.removeprefix(field).removeprefix("_")
    number, _, model = rest.partition("_") if rest.startswith("member") else ("", "", rest)
    return VARIABLES[field], number.removeprefix("member") + (f"/{model}" if model else "")


def _told_as(variable: str, block: PlaceBlock) -> list[tuple[str, Make]]:
    """The variables that one field gives, each with how it is made of it: rain also as a rate, but
    not over an hour, whose mean hides the peak; the weather's code also as the class of thunder."""
    if variable == "weather_code":
        return [(variable, _as_it_is), (thunder.VARIABLE, _thunder)]
    if not CATALOGUE[variable].is_sum:
        return [(variable, _as_it_is)]
    if block.period_s == 0:  # a sum over an unknown time says nothing
        return []
    if variable == "rain_mm" and block.name in (CURRENT, "minutely_15"):
        an_hour = partial(np.multiply, 3600 / block.period_s)
        return [(variable, _as_it_is), ("rain_rate_mm_h", an_hour)]
    return [(variable, _as_it_is)]


def _as_it_is(column: Floats) -> Floats:
    return column


def _thunder(codes: Floats) -> Floats:
    return thunder.classes(codes, thunder.OPEN_METEO)


def _filled(first: Floats, second: Floats) -> Floats:
    return np.where(np.isnan(first), second, first)
