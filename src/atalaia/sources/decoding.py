"""What all decoders share: one payload at a time, errors apart, and when a row became known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import NO_TIME, Decode, Decoded, Ints, Kind, Readings
from atalaia.sources.rejects import Rejects, Unreadable

Wanted: TypeAlias = frozenset[str] | None
"""Names of the variables to extract; None: all."""

ReadOne: TypeAlias = Callable[[Payload, Wanted, Rejects], Readings]
"""One payload of one content → its rows; what it cannot read goes to the rejects.

May raise Unreadable where nothing can be read.
"""

FUTURE_S = 86_400
"""How far ahead of its receipt an observation may lie before its clock is not believed."""


def is_answer(payload: Payload) -> bool:
    """Whether the payload can hold readings: it came, and is no error.

    A redirection is an error too: following one would hand the key to another host.
    """
    return payload.failure is None and payload.status < 300


def by_content(
    contents: Mapping[str, ReadOne], describe_error: Callable[[Payload], Reject]
) -> Decode:
    """A decoder that reads payload by payload, each as its content says."""

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        parts: list[Readings] = []
        found: list[Reject] = []
        for payload in payloads:
            if payload.failure is not None:
                continue  # nothing came: that is the budget's and the watch's affair
            if not is_answer(payload):
                found.append(describe_error(payload))
                continue
            rejects = Rejects(payload.source)
            read = contents.get(payload.content)
            if read is None:
                rejects.add("unknown content", f"{payload.content!r}: one of {sorted(contents)}")
            else:
                try:
                    parts.append(read(payload, wanted, rejects))
                except Unreadable as error:
                    rejects.add_unreadable(error)
            found.extend(rejects.listed())
        return Decoded(Readings.concat(parts), found)

    return decode


def plain_error(payload: Payload) -> Reject:
    """An error answer of which only the status is understood."""
    rejects = Rejects(payload.source)
    rejects.add(f"error {payload.status}", payload.body[:160].decode("utf-8", "replace"))
    return rejects.listed()[0]


def times_of_rows(payload: Payload, kind: Ints, valid_at: Ints) -> tuple[Ints, Ints]:
    """(issued_at, known_at) of a provider's rows.

    Live rows are known when they were received, and a forecast's run time is not told. In a
    record a forecast was issued, and known, when the answer was received; all else is known at
    its own valid time.
    """
    received = np.full(len(valid_at), payload.received_at, np.int64)
    if not payload.is_recorded:
        return np.full(len(valid_at), NO_TIME, np.int64), received
    is_forecast = kind == Kind.FORECAST
    issued = np.where(is_forecast, received, NO_TIME)
    return issued, np.where(is_forecast, received, valid_at)


def without_future(readings: Readings, payload: Payload, rejects: Rejects) -> Readings:
    """Live rows without those that speak of a present more than a day ahead of their receipt."""
    if payload.is_recorded or len(readings) == 0:
        return readings
    is_future = (readings.valid_at > payload.received_at + FUTURE_S) & (
        readings.kind != Kind.FORECAST
    )
    if not is_future.any():
        return readings
    days = (int(readings.valid_at[is_future].max()) - payload.received_at) / FUTURE_S
    rejects.add("from the future", f"{int(is_future.sum())} rows, up to {days:.1f} days ahead")
    return readings.take(~is_future)


def is_wanted(variable: str, wanted: Wanted) -> bool:
    """Whether this variable is to be extracted."""
    return wanted is None or variable in wanted
