"""What all decoders share: many payloads at a time, errors apart, and when a row became known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import NO_TIME, Bools, Delay, Ints, Kind, Readings
from atalaia.sources.rejects import Rejects, Unreadable

Wanted: TypeAlias = frozenset[str] | None
"""Names of the variables to extract; None: all."""

ReadOne: TypeAlias = Callable[[Payload, Wanted, Rejects], Readings]
"""One payload of one content → its rows; what it cannot read goes to the rejects.

May raise Unreadable where nothing can be read.
"""

ReadMany: TypeAlias = Callable[
    [Sequence[Payload], Wanted, Sequence[Rejects]], tuple[Readings, Ints]
]
"""Payloads of one content, and the rejects of each → their rows, in the payloads' order, and which
payload each row is of, by its number among them."""

ReadRuns: TypeAlias = Callable[[Payload, Wanted, Rejects], Ensemble]
"""One payload of many runs of models. May raise Unreadable where nothing can be read."""

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
    many = {content: one_by_one(read) for content, read in contents.items()}
    return at_once_by_content(many, describe_error)


def at_once_by_content(
    contents: Mapping[str, ReadMany],
    describe_error: Callable[[Payload], Reject],
    runs: Mapping[str, ReadRuns] | None = None,
) -> Decode:
    """A decoder that reads all payloads of a content at once, but for `runs`. Rows, ensembles and
    rejects come in the payloads' order, as if each had been read alone."""
    runs = runs or {}
    known = f"one of {sorted([*contents, *runs])}"

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        rejects = [Rejects(payload.source) for payload in payloads]
        numbers: dict[str, list[int]] = {}
        for number, payload in enumerate(payloads):
            if payload.failure is not None:
                continue  # nothing came: that is the budget's and the watch's affair
            if not is_answer(payload):
                rejects[number].take(describe_error(payload))
                continue
            numbers.setdefault(payload.content.partition(";")[0], []).append(number)
        parts = []
        ensembles: list[Ensemble] = []
        for content, mine in numbers.items():
            if content in runs:
                ensembles += _ensembles(runs[content], payloads, mine, wanted, rejects)
                continue
            read = contents.get(content)
            if read is not None:
                told = [payloads[i] for i in mine], wanted, [rejects[i] for i in mine]
                parts.append((np.array(mine, np.int64), *read(*told)))
            for i in mine if read is None else ():
                rejects[i].add("unknown content", f"{payloads[i].content!r}: {known}")
        readings, of = _in_turn([(rows, mine[of_mine]) for mine, rows, of_mine in parts])
        delays = delays_of(readings, of, payloads)
        readings = without_future(readings, of, payloads, rejects)
        found = [reject for mine in rejects for reject in mine.listed()]
        return Decoded(readings, found, delays=delays, ensembles=ensembles)

    return decode


def _ensembles(
    read: ReadRuns,
    payloads: Sequence[Payload],
    mine: Sequence[int],
    wanted: Wanted,
    rejects: Sequence[Rejects],
) -> Iterator[Ensemble]:
    for i in mine:
        try:
            yield read(payloads[i], wanted, rejects[i])
        except Unreadable as error:
            rejects[i].add_unreadable(error)


def one_by_one(read: ReadOne) -> ReadMany:
    """A reader of many payloads by one that reads each alone."""

    def read_many(
        payloads: Sequence[Payload], wanted: Wanted, rejects: Sequence[Rejects]
    ) -> tuple[Readings, Ints]:
        parts = []
        for payload, mine in zip(payloads, rejects, strict=True):
            try:
                parts.append(read(payload, wanted, mine))
            except Unreadable as error:
                mine.add_unreadable(error)
                parts.append(Readings.empty())
        return Readings.concat(parts), np.repeat(np.arange(len(parts)), list(map(len, parts)))

    return read_many


def _in_turn(parts: Sequence[tuple[Readings, Ints]]) -> tuple[Readings, Ints]:
    """All rows, each part's in the order of the payloads that they are of, in this order."""
    if len(parts) == 1:
        return parts[0]
    readings = Readings.concat(rows for rows, _ in parts)
    of = np.concatenate([np.empty(0, np.int64), *(of for _, of in parts)])
    order = np.argsort(of, kind="stable")
    return readings.take(order), of[order]


def plain_error(payload: Payload) -> Reject:
    """An error answer of which only the status is understood."""
    rejects = Rejects(payload.source)
    rejects.add(f"error {payload.status}", payload.body[:160].decode("utf-8", "replace"))
    return rejects.listed()[0]


def times_of_rows(
    kind: Ints, valid_at: Ints, received_at: int | Ints, is_recorded: bool | Bools
) -> tuple[Ints, Ints]:
    """(issued_at, known_at) of a provider's rows, by their payloads' times in Unix seconds.

    Live rows are known when they were received, and a forecast's run time is not told. In a
    record a forecast was issued, and known, when the answer was received; all else is known at
    its own valid time.
    """
    is_forecast = kind == Kind.FORECAST
    issued = np.where(is_recorded & is_forecast, received_at, np.int64(NO_TIME))
    return issued, np.where(is_recorded & ~is_forecast, valid_at, np.int64(received_at))


def delays_of(readings: Readings, of: Ints, payloads: Sequence[Payload]) -> list[Delay]:
    """How late the newest word of each source came in each live payload, as it was said; forecasts
    say nothing of it. `of` is the number of the payload that a row is of."""
    is_live = np.array([not payload.is_recorded for payload in payloads], bool)
    if not is_live.any():
        return []
    is_now = (readings.kind != Kind.FORECAST) & is_live[of]
    of, source, valid_at = of[is_now], readings.source[is_now], readings.valid_at[is_now]
    order = np.lexsort((valid_at, source, of))
    of, source, valid_at = of[order], source[order], valid_at[order]
    is_newest = np.ones(len(of), bool)
    is_newest[:-1] = (of[1:] != of[:-1]) | (source[1:] != source[:-1])
    return [
        Delay(readings.sources[name], at, at - newest)
        for number, name, newest in zip(
            of[is_newest].tolist(), source[is_newest], valid_at[is_newest].tolist(), strict=True
        )
        for at in (payloads[number].received_at,)
        if newest != NO_TIME
    ]


def without_future(
    readings: Readings, of: Ints, payloads: Sequence[Payload], rejects: Sequence[Rejects]
) -> Readings:
    """Live rows, none of which speaks of a present that is still to come. `of` is the number of the
    payload that a row is of, in ascending order.

    What bears a time ahead of its receipt comes from a clock that is ahead: it is taken as of its
    receipt (several rows keep the distances between them), so that it moves no clock here. More
    than a day ahead it is not believed at all.
    """
    received = np.array([payload.received_at for payload in payloads], np.int64)
    is_live = np.array([not payload.is_recorded for payload in payloads], bool)
    if not is_live.any():
        return readings
    is_now = (readings.kind != Kind.FORECAST) & is_live[of]
    ahead = np.where(is_now, readings.valid_at - received[of], 0)
    if (ahead <= 0).all():
        return readings
    bounds = np.searchsorted(of, np.arange(len(payloads) + 1)).tolist()
    return Readings.concat(
        _without_future(readings.take(slice(start, stop)), ahead[start:stop], mine)
        for (start, stop), mine in zip(pairwise(bounds), rejects, strict=True)
    )


def _without_future(readings: Readings, ahead: Ints, rejects: Rejects) -> Readings:
    """Of one payload; `ahead` is by how many seconds each row is ahead of its receipt."""
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
