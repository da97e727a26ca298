"""Open-Meteo's answers that are as they should be, read by their types.

    body ──► `blocks_of_plain` ──► the `PlaceBlock`s that `open_meteo_blocks.blocks_of` would make

A body is walked once, and of its columns only those are made that are known, as numbers. Where
anything of an answer is otherwise it is none of these, and is looked at closely.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.sources.open_meteo_apis import BY_DAY, VARIABLES
from atalaia.sources.open_meteo_blocks import CURRENT, DAILY, PERIODS, PlaceBlock, Whose, interval
from atalaia.sources.rejects import Rejects
from atalaia.sources.where import is_elsewhere

_UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for bytes that are no such body, and Python for those that are no UTF-8."""


def _columns(name: str, fields: dict[str, Any]) -> Any:
    """A block by its columns. What is null is no column."""
    typed = [(key, type_ | msgspec.UnsetType, UNSET) for key, type_ in fields.items()]
    return msgspec.defstruct(name, typed, gc=False)


_ROWS: Any = {"time": list[str]} | dict.fromkeys(VARIABLES, list[float | None])
_ONE: Any = {"time": str, "interval": float} | dict.fromkeys(VARIABLES, float | None)
_Block = {
    name: _columns("OneRow", _ONE) if name == CURRENT else _columns("Rows", _ROWS)
    for name in PERIODS
}
_Answer: Any = msgspec.defstruct(
    "PlainAnswer",
    [
        ("latitude", float | None, None),
        ("longitude", float | None, None),
        ("utc_offset_seconds", Any, None),
        *((f"{name}_units", dict[str, str] | None, None) for name in PERIODS),
        *((name, _Block[name] | None, None) for name in PERIODS),
        ("error", None, None),
    ],
    gc=False,
)
_decode = msgspec.json.Decoder(_Answer | list[_Answer]).decode


def blocks_of_plain(
    payload: Payload, number: int, places: Places, within_km: float
) -> list[PlaceBlock] | None:
    """The blocks of an answer to which there is no objection: one element for each place that was
    asked for, in this order, none of them farther from it. None: it is otherwise."""
    try:
        payload.body.decode()  # what is passed over is not looked at
        answers = _decode(payload.body)
    except _UNREADABLE:
        return None
    if not isinstance(answers, list):
        answers = [answers]
    if len(answers) != len(payload.places):
        return None
    blocks: list[PlaceBlock] = []
    for answer, name in zip(answers, payload.places, strict=True):
        position = places.position.get(name)
        if position is None:
            return None
        if is_elsewhere(places[position], answer.latitude, answer.longitude, within_km):
            return None
        if not _add(answer, Whose(payload, number, position), blocks):
            return None
    return blocks


def _add(answer: Any, whose: Whose, blocks: list[PlaceBlock]) -> bool:
    """Put an element's blocks behind the others; whether there was no objection to any."""
    offset = answer.utc_offset_seconds
    if type(offset) is not int or abs(offset) > 86_400:
        return False
    has_any = False
    for name, length_s in PERIODS.items():
        block = getattr(answer, name)
        if block is None:
            continue
        columns = {
            key: column
            for key, column in zip(block.__struct_fields__, astuple(block), strict=True)
            if column is not UNSET
        }
        if name == DAILY and not BY_DAY.keys() & columns.keys():
            continue
        has_any = True
        period_s = length_s
        if name == CURRENT:
            found = Rejects("")
            period_s = interval(columns, found)
            if found.listed():
                return False
            columns = {key: [value] for key, value in columns.items()}
        times = columns.get("time")
        if times is None or set(map(len, columns.values())) != {len(times)}:
            return False
        if times:
            units = getattr(answer, f"{name}_units") or {}
            blocks.append(
                PlaceBlock(whose, name, columns, units, times, offset, period_s, is_plain=True)
            )
    return has_any
