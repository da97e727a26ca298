"""What decoders of instruments share: one payload at a time, errors apart, and no row from ahead.

As `decoding` for places; the rows are of stations. A value that cannot be weather is kept here:
`detect.check` judges it, and it is shown with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.station_reading import StationReadings, StationsDecoded
from atalaia.sources.decoding import is_answer, plain_error
from atalaia.sources.rejects import Rejects, Unreadable

ReadStations: TypeAlias = Callable[[Payload, Rejects], StationsDecoded]
"""One payload of one content → what its stations say; what it cannot read goes to the rejects.

May raise Unreadable where nothing can be read.
"""

DecodeStations: TypeAlias = Callable[[Sequence[Payload]], StationsDecoded]
"""Payloads → readings of stations. Never raises for bad input."""

AHEAD_S = 3600
"""How far ahead of its receipt an instrument's word may lie. METARs come five minutes before their
own time; a clock that is wrong by a zone would raise alerts of rain that has not fallen."""


def by_content(contents: Mapping[str, ReadStations]) -> DecodeStations:
    """A decoder that reads payload by payload, each as its content says."""

    def decode(payloads: Sequence[Payload]) -> StationsDecoded:
        parts: list[StationsDecoded] = []
        for payload in payloads:
            if payload.failure is not None:
                continue  # nothing came: that is the budget's and the watch's affair
            rejects = Rejects(payload.source)
            part = StationsDecoded(StationReadings.empty())
            if not is_answer(payload):
                parts.append(replace(part, rejects=[plain_error(payload)]))
                continue
            read = contents.get(payload.content)
            if read is None:
                rejects.add("unknown content", f"{payload.content!r}: one of {sorted(contents)}")
            else:
                try:
                    part = read(payload, rejects)
                except Unreadable as error:
                    rejects.add_unreadable(error)
            parts.append(_believable(part, payload, rejects))
        return StationsDecoded.concat(parts)

    return decode


def _believable(part: StationsDecoded, payload: Payload, rejects: Rejects) -> StationsDecoded:
    """Live rows without those from ahead; of a record each row is known at its own time."""
    readings = part.readings
    if payload.is_recorded:
        readings = replace(readings, known_at=readings.valid_at)
    elif len(readings):
        is_ahead = readings.valid_at > payload.received_at + AHEAD_S
        if is_ahead.any():
            hours = (int(readings.valid_at.max()) - payload.received_at) / 3600
            rejects.add("from the future", f"{is_ahead.sum()} rows, up to {hours:.1f} h ahead")
            readings = readings.take(~is_ahead)
    found: list[Reject] = [*part.rejects, *rejects.listed()]
    return replace(part, readings=readings, rejects=found)
