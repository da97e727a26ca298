"""What decoders of instruments share: one payload at a time, errors apart, and no row from ahead.

As `decoding` for places; the rows are of stations. A value that cannot be weather is kept here:
`detect.check` judges it, and it is shown with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.official import Official
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import Readings
from atalaia.domain.station import Station
from atalaia.domain.station_reading import (
    StationReadings,
    StationReport,
    StationsDecoded,
    Withdrawal,
    each_once,
)
from atalaia.sources.decoding import Wanted, is_answer, plain_error
from atalaia.sources.rejects import Rejects, Unreadable


@dataclass(slots=True)
class StationsTold:
    """What payloads say, before their reports are columns: as `StationsDecoded`."""

    reports: list[StationReport] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    withdrawn: list[Withdrawal] = field(default_factory=list)
    officials: list[tuple[int, Official]] = field(default_factory=list)

    def add(self, more: StationsTold) -> None:
        """Say this, too."""
        self.reports += more.reports
        self.stations += more.stations
        self.withdrawn += more.withdrawn
        self.officials += more.officials


ReadStations: TypeAlias = Callable[[Payload, Rejects], StationsTold]
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
        told = StationsTold()
        found: list[Reject] = []
        for payload in payloads:
            if payload.failure is not None:
                continue  # nothing came: that is the budget's and the watch's affair
            rejects = Rejects(payload.source)
            read = contents.get(payload.content)
            if not is_answer(payload):
                rejects.take(plain_error(payload))
            elif read is None:
                rejects.add("unknown content", f"{payload.content!r}: one of {sorted(contents)}")
            else:
                try:
                    part = read(payload, rejects)
                except Unreadable as error:
                    rejects.add_unreadable(error)
                else:
                    part.reports = _believable(part.reports, payload, rejects)
                    told.add(part)
            found += rejects.listed()
        return StationsDecoded(
            StationReadings.of(told.reports),
            each_once(told.stations),
            found,
            told.withdrawn,
            told.officials,
        )

    return decode


def of_stations(decode: DecodeStations) -> Decode:
    """A decoder of stations as one of anything."""

    def decoded(payloads: Sequence[Payload], _wanted: Wanted) -> Decoded:
        told = decode(payloads)
        is_live = not any(payload.is_recorded for payload in payloads)
        delays = told.readings.delays() if is_live else []
        return Decoded(
            Readings.empty(), told.rejects, told.officials, stations=[told], delays=delays
        )

    return decoded


def _believable(
    reports: list[StationReport], payload: Payload, rejects: Rejects
) -> list[StationReport]:
    """Live reports without what is from ahead; of a record each row is known at its own time."""
    if payload.is_recorded:
        return [report._replace(known_at=None) for report in reports]
    latest = payload.received_at + AHEAD_S
    ahead = {
        (report.station, value.valid_at, value.period_s)
        for report in reports
        for value in report.told
        if value.valid_at > latest
    }
    if not ahead:
        return reports
    hours = (max(at for _, at, _ in ahead) - payload.received_at) / 3600
    rejects.add("from the future", f"{len(ahead)} rows, up to {hours:.1f} h ahead")
    return [
        report._replace(told=[value for value in report.told if value.valid_at <= latest])
        for report in reports
    ]
