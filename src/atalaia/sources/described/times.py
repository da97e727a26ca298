"""Times of described sources → Unix seconds, as their descriptions say they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.domain.reading import NO_TIME, Ints
from atalaia.sources.described.description import Description
from atalaia.sources.rejects import Rejects, shown
from atalaia.sources.times import EARLIEST, LATEST

_MS = 1000


def seconds_of(
    values: Sequence[Any], numbers: Sequence[int], description: Description, rejects: Rejects
) -> Ints:
    """Unix seconds, shape (n,); NO_TIME, and a reject with its row's number, for what is none.

    An hour that the clock of the zone has twice, or not at all, is not guessed.
    """
    known: dict[Any, int | str] = {}
    found = np.full(len(values), NO_TIME, np.int64)
    for i, value in enumerate(values):
        key = value if isinstance(value, str | int | float) else None
        if key not in known:
            known[key] = _second(key, description)
        told = known[key]
        if isinstance(told, str):
            rejects.add(told, f"row {numbers[i]}: {description.time} is {shown(value)}")
        else:
            found[i] = told
    return found


def _second(value: str | float | None, description: Description) -> int | str:
    """Unix seconds, or why there are none."""
    if value is None or isinstance(value, bool):
        return "not a time"
    try:
        seconds = _unix(float(value)) if _is_number(value) else _written(str(value), description)
    except (ValueError, OverflowError):
        return "not a time"
    if isinstance(seconds, str):
        return seconds
    return seconds if EARLIEST <= seconds <= LATEST else "time out of range"


def _is_number(value: str | float) -> bool:
    """Whether it counts seconds, also as a text: CSV has nothing else."""
    return not isinstance(value, str) or value.removeprefix("-").replace(".", "", 1).isdecimal()


def _unix(number: float) -> int:
    return int(number // _MS if abs(number) > LATEST else number // 1)


def _written(text: str, description: Description) -> int | str:
    shape = description.time_format
    moment = datetime.strptime(text, shape) if shape else datetime.fromisoformat(text)  # noqa: DTZ007
    if moment.tzinfo is not None:
        return int(moment.timestamp() // 1)
    if not description.zone:
        return "time without offset"
    zone = ZoneInfo(description.zone)
    first, second = (int(moment.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if first == second:
        return first
    there_is = datetime.fromtimestamp(first, UTC).astimezone(zone).replace(tzinfo=None) == moment
    return "time that is there twice" if there_is else "time that there is not"
