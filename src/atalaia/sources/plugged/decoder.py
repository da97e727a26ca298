"""Answers of plug-ins' sources → readings of places.

What is made of an answer is the plug-in's affair, and what is made of that is judged here: a
plug-in can cost its own answers, and nothing else.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Floats, Ints, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.given import meant
from atalaia.plugins import PluginAnswer, PluginRows
from atalaia.plugins.found import PluginBroken, fault_of, source
from atalaia.sources.columns import numbers, present
from atalaia.sources.decoding import Wanted, by_content, is_wanted, plain_error
from atalaia.sources.plugged import CONTENT
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import EARLIEST, LATEST
from atalaia.sources.told import positions_of, rows_told
from atalaia.sources.units import conversion, units_of

_LONGEST_PERIOD_S = 366 * 86_400


def decoder(places: Places) -> Decode:
    """What was asked, by the plug-in of the payload's name."""
    return by_content({CONTENT: partial(_read, places)}, plain_error)


def _read(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    name = payload.source.partition(":")[2]
    try:
        plugin = source(name)
    except PluginBroken as error:
        raise Unreadable("no such plug-in", str(error)) from None
    answer = _answer(places, payload)
    try:
        told = [*plugin.made.decode(answer)]
        return Readings.concat(_rows(part, places, payload, wanted, rejects) for part in told)
    except Unreadable:
        raise
    except (ValueError, msgspec.MsgspecError) as error:
        raise Unreadable("not readable", fault_of(error)) from None
    except Exception as error:  # it is somebody else's: it may raise anything
        detail = f"{plugin.package}: {fault_of(error)}; report it to who made it"
        raise Unreadable("fault in the plug-in", detail) from None


def _answer(places: Places, payload: Payload) -> PluginAnswer:
    head, _, body = payload.body.partition(b"\n")
    try:
        note = msgspec.json.decode(head)
    except msgspec.MsgspecError as error:
        raise Unreadable("no note", str(error)) from None
    return PluginAnswer(
        body=body,
        note=note if isinstance(note, str) else "",
        place=places.get(payload.places[0]) if payload.places else None,
        places=tuple(places),
        received_at=payload.received_at,
    )


def _rows(
    told: PluginRows, places: Places, payload: Payload, wanted: Wanted, rejects: Rejects
) -> Readings:
    """What a plug-in tells, believed as far as it is well formed. Raises TypeError where it is not
    at all."""
    if not isinstance(told, PluginRows):
        raise TypeError(f"decode gave {type(told).__name__}")
    if {len(told.place)} != {len(column) for column in (told.valid_at, *told.values.values())}:
        raise TypeError("columns of several lengths")
    if type(told.period_s) is not int or not 0 <= told.period_s <= _LONGEST_PERIOD_S:
        raise TypeError("period_s is no number of seconds up to a year")
    place = positions_of(told.place, places, rejects)
    valid_at = _times(told.valid_at, rejects)
    values = {
        name: _values(name, told, rejects)
        for name in told.values
        if _can_be(name, told, rejects) and is_wanted(name, wanted)
    }
    rows = rows_told(payload, place, told.kind, valid_at, present(values), told.period_s)
    return rows.take((place >= 0) & (valid_at != NO_TIME))


def _can_be(name: str, told: PluginRows, rejects: Rejects) -> bool:
    """Whether a column is of a variable, in a unit that is known, and a sum has its period."""
    variable, unit = CATALOGUE.get(name), told.units.get(name)
    if variable is None:
        rejects.add("unknown variable", f"{shown(name)}{meant(name, CATALOGUE)}")
    elif unit is not None and conversion(unit, name) is None:
        rejects.add("unknown unit", f"{name}: {shown(unit)}; one of {', '.join(units_of(name))}")
    elif variable.is_sum and not told.period_s:
        rejects.add("sum without period", f"{name}: give its period_s")
    else:
        return True
    return False


def _times(column: Any, rejects: Rejects) -> Ints:
    """Unix seconds, int64; NO_TIME, and a reject, for what is none."""
    found, faults = numbers(column)
    is_time = (found >= EARLIEST) & (found <= LATEST)
    for i in np.flatnonzero(~is_time).tolist():
        reason = dict(faults).get(i, "time out of range")
        rejects.add("not a time" if reason.startswith("not") else reason, f"row {i + 1}")
    return np.where(is_time, np.nan_to_num(found), NO_TIME).astype(np.int64)


def _values(name: str, told: PluginRows, rejects: Rejects) -> Floats:
    """One variable's column in the catalogue's unit; NaN where a value is missing or is none."""
    column, faults = numbers(told.values[name])
    for i, reason in faults:
        rejects.add(reason, f"row {i + 1}: {name} is {shown(told.values[name][i])}")
    scale, offset = conversion(told.units.get(name, CATALOGUE[name].unit), name) or (np.nan, 0.0)
    return np.round(column * scale + offset, 4)
