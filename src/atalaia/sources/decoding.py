"""What all decoders share: one payload at a time, errors apart, and when a row became known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import NO_TIME, Decode, Decoded, Delay, Ints, Kind, Readings
from atalaia.sources.rejects import Rejects, Unreadable

Wanted: TypeAlias = frozenset[str] | None
"""Names of the variables to extract; None: all."""

ReadOne: TypeAlias = Callable[[Payload, Wanted, Rejects], Readings]
"""One payload of one content → its rows; what it cannot read goes to the rejects.

May raise Unreadable where nothing can be read.
"""

FUTURE_S = 86_400
"""How far ahead of its receipt an observation may lie before its clock is not believed."""

TOLD_AHEAD_S = 120
"""So far a clock may be ahead before its owner is told."""


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
        delays: list[Delay] = []
        for payload in payloads:
            if payload.failure is not None:
                continue  # nothing came: that is the budget's and the watch's affair
            if not is_answer(payload):
                found.append(describe_error(payload))
                continue
            rejects = Rejects(payload.source)
            read = contents.get(payload.content.partition(";")[0])
            if read is None:
                rejects.add("unknown content", f"{payload.content!r}: one of {sorted(contents)}")
            else:
                try:
                    readings = read(payload, wanted, rejects)
                    delays += delays_of(readings, payload)
                    parts.append(without_future(readings, payload, rejects))
                except Unreadable as error:
                    rejects.add_unreadable(error)
            found.extend(rejects.listed())
        return Decoded(Readings.concat(parts), found, delays=delays)

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


def delays_of(readings: Readings, payload: Payload) -> list[Delay]:
    """How late the newest word of each source came, as it was said; forecasts say nothing of it."""
    if payload.is_recorded:
        return []
    is_now = readings.kind != Kind.FORECAST
    newest = np.full(len(readings.sources), NO_TIME, np.int64)
    np.maximum.at(newest, readings.source[is_now], readings.valid_at[is_now])
    at = payload.received_at
    return [
        Delay(source, at, at - valid_at)
        for source, valid_at in zip(readings.sources, newest.tolist(), strict=True)
        if valid_at != NO_TIME
    ]


def without_future(readings: Readings, payload: Payload, rejects: Rejects) -> Readings:
    """Live rows, none of which speaks of a present that is still to come.

    What bears a time ahead of its receipt comes from a clock that is ahead: it is taken as of its
    receipt (several rows keep the distances between them), so that it moves no clock here. More
    than a day ahead it is not believed at all.
    """
    if payload.is_recorded or len(readings) == 0:
        return readings
    ahead = np.where(readings.kind == Kind.FORECAST, 0, readings.valid_at - payload.received_at)
    if (ahead <= 0).all():
        return readings
    is_future = ahead > FUTURE_S
    if is_future.any():
        days = int(ahead.max()) / FUTURE_S
        rejects.add("from the future", f"{int(is_future.sum())} rows, up to {days:.1f} days ahead")
        readings, ahead = readings.take(~is_future), ahead[~is_future]
    if (ahead > 0).any():
        readings, offsets = at_receipt(readings, ahead)
        if (worst := int(offsets.max())) > TOLD_AHEAD_S:
            how = f"up to {worst / 60:.0f} min ahead; taken as of their receipt"
            rejects.add("clock ahead", f"{int((ahead > TOLD_AHEAD_S).sum())} rows, {how}")
    return readings


def at_receipt(readings: Readings, ahead: Ints) -> tuple[Readings, Ints]:
    """Rows (`ahead` is by how many seconds each is ahead of its receipt) moved back, those of one
    place and source together; and how far each was moved."""
    offsets = np.zeros(len(readings), np.int64)
    series = readings.place.astype(np.int64) * len(readings.sources) + readings.source
    is_ahead = ahead > 0
    for number in np.unique(series[is_ahead]):
        mine = is_ahead & (series == number)
        offsets[mine] = ahead[mine].max()
    return replace(readings, valid_at=readings.valid_at - offsets), offsets


def is_wanted(variable: str, wanted: Wanted) -> bool:
    """Whether this variable is to be extracted."""
    return wanted is None or variable in wanted
