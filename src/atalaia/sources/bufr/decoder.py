"""BUFR as it was published → readings of the world's official stations.

Payloads: content ``bufr``, a file of bulletins or what a notification's link led to; `read_data`
makes the same rows of the data within a notification. A station's id is ``wis2:`` and its WIGOS
identifier, wherever its report came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from msgspec.structs import replace

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value, report_number
from atalaia.sources.bufr.observations import Observation, observe
from atalaia.sources.bufr.reader import BufrFound, Damaged, find, read
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.rejects import Rejects, Unreadable

PREFIX = "wis2"
"""Of stations (``wis2:0-20000-0-83967``), and of WIS2's centres as sources."""

CONTENT = "bufr"

UPDATES = 256
"""Corrections of one publication that can be told apart by BUFR itself, or by a heading."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of data besides the data.

    name      as a person looks for it
    report    the name by which it is corrected and withdrawn; None: of each report its station
              and time, as bulletins have no names
    revision  of what is not corrected; grows with the time of publication
    station   a further id of the station, where all is of one
    latitude, longitude   of it, where the report itself does not say
    """

    name: str
    report: str | None = None
    revision: int = 0
    station: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def decoder() -> DecodeStations:
    """Files of BUFR → OBSERVED rows of stations."""
    return by_content({CONTENT: read_file})


def read_file(payload: Payload, rejects: Rejects) -> StationsTold:
    """A file of bulletins. Raises Unreadable where there is no BUFR in it."""
    decoded = read_data(payload.body, Published(payload.source), payload, rejects)
    if decoded is None:
        raise Unreadable("no BUFR", f"{len(payload.body)} octets")
    return decoded


def read_data(
    data: bytes, published: Published, payload: Payload, rejects: Rejects
) -> StationsTold | None:
    """The rows of data, a message at a time; None if there is no BUFR in it."""
    told = None
    for each in find(data):
        told = told or StationsTold()
        told.add(_message(each, published, payload, rejects))
    return told


def _message(
    found: BufrFound, published: Published, payload: Payload, rejects: Rejects
) -> StationsTold:
    try:
        if found.body is None:
            raise found.fault or Damaged("BUFR cut short")
        message = read(found.body)
    except Damaged as error:
        rejects.add(error.reason, f"{published.name}: {error.detail}")
        return StationsTold()
    observed = observe(message)
    if not observed:
        rejects.add("no surface data", f"{published.name}: category {message.section1.category}")
    update = max(message.section1.update, _corrections(found.heading))
    told = StationsTold()
    for each in observed:
        told.add(_told(each, published, update, payload, rejects))
    if len(observed) == 1:
        told.stations = [_placed(station, published) for station in told.stations]
    return told


def _corrections(heading: str) -> int:
    """``CCA`` is the first correction, ``CCB`` the second; ``RRA`` is late, and the first word."""
    found = re.search(r" CC([A-X])$", heading)
    return ord(found[1]) - ord("A") + 1 if found else 0


def _told(
    observed: Observation, published: Published, update: int, payload: Payload, rejects: Rejects
) -> StationsTold:
    name = observed.station or observed.name or "a station"
    for why in observed.refused:
        variable, _, reason = why.rpartition(": ")
        # A reason is counted: the times that it lies ahead by stand in the detail alone.
        counted = "period lies ahead" if variable and reason.endswith("lies ahead") else reason
        rejects.add(counted, f"{name}: {why}")
    if observed.station is None or observed.valid_at is None:
        return StationsTold()
    station = Station(
        id=f"{PREFIX}:{observed.station}",
        kind="official",
        name=observed.name,
        aliases=tuple(f"{PREFIX}:{each}" for each in observed.aliases),
        latitude=observed.latitude,
        longitude=observed.longitude,
        elevation_m=observed.elevation_m,
        anemometer_m=observed.anemometer_m,
    )
    name = published.report or f"{station.id}|{observed.valid_at}"
    report = StationReport(
        station.id,
        payload.source,
        [Value(row.valid_at, row.period_s or 0, row.variable, row.value) for row in observed.rows],
        payload.received_at,
        report=report_number(name),
        revision=published.revision + min(update, UPDATES - 1),
    )
    return StationsTold([report], [station])


def _placed(station: Station, published: Published) -> Station:
    """The one station with what its publication says of it besides."""
    also = f"{PREFIX}:{published.station}" if published.station else station.id
    if also not in (station.id, *station.aliases):
        # They may differ: that of a notice is from a register, that in BUFR from the report.
        station = replace(station, aliases=(*station.aliases, also))
    if station.latitude is None or station.longitude is None:
        station = replace(station, latitude=published.latitude, longitude=published.longitude)
    return station
