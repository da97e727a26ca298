"""Notifications and BUFR → readings of the world's official stations.

Payloads: source ``wis2:CENTRE`` (``wis2:br-inmet``), content ``wnm`` with a notification as it was
received, or ``wnm-archive`` with an answer of a node's own archive. What has no data within it is
fetched by its link; `read_data` makes the same rows of what was fetched.

A station's id is ``wis2:`` and its WIGOS identifier. A row's `report` is the number of the
published data's name, and its `revision` grows with the time of publication, so that a correction
counts in whichever order they come.
"""

from __future__ import annotations

from msgspec.structs import replace

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import (
    StationReadings,
    StationsDecoded,
    Value,
    report_number,
)
from atalaia.sources.bufr.observations import Observation, observe
from atalaia.sources.bufr.reader import Damaged, Found, find
from atalaia.sources.bufr.reader import read as read_bufr
from atalaia.sources.instruments import DecodeStations, by_content
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2 import content, notification
from atalaia.sources.wis2.notification import Notification

PREFIX = "wis2"
"""Of sources (``wis2:br-inmet``) and of stations (``wis2:0-20000-0-83967``)."""

NOTIFICATION = "wnm"
ARCHIVE = "wnm-archive"

_BUFR = (None, "application/bufr", "application/x-bufr", "application/octet-stream")
"""Media types under which BUFR is expected: what has another is no fault, it is something else."""

_UPDATES = 256
"""Corrections within one second of publication that BUFR itself can count."""


def decoder() -> DecodeStations:
    """WIS2's notifications → OBSERVED rows of stations."""
    return by_content({NOTIFICATION: _read, ARCHIVE: _read_archive})


def _read(payload: Payload, rejects: Rejects) -> StationsDecoded:
    return _inline(notification.read(payload.body, rejects), payload, rejects)


def _read_archive(payload: Payload, rejects: Rejects) -> StationsDecoded:
    parts = []
    for notice in notification.archived(payload.body, rejects):
        try:
            parts.append(_inline(notice, payload, rejects))
        except Unreadable as error:
            rejects.add(error.reason, f"{notice.data_id}: {error.detail}")
    return StationsDecoded.concat(parts)


def _inline(notice: Notification, payload: Payload, rejects: Rejects) -> StationsDecoded:
    if notice.is_deletion:
        withdrawn = (report_number(notice.report), _revision(notice, _UPDATES - 1))
        return StationsDecoded(StationReadings.empty(), withdrawn=[withdrawn])
    data = content.inline(notice)
    if data is None:
        return StationsDecoded(StationReadings.empty())
    return read_data(notice, data, payload, rejects)


def read_data(
    notice: Notification, data: bytes, payload: Payload, rejects: Rejects
) -> StationsDecoded:
    """The rows of data that are known to be whole (`content.checked`), a message at a time."""
    found = list(find(data))
    media = notice.link.media_type if notice.link else None
    if not found and media in _BUFR:
        rejects.add("no BUFR", notice.data_id)
    parts = [_message(each, notice, payload, rejects) for each in found]
    return StationsDecoded.concat(parts)


def _message(
    found: Found, notice: Notification, payload: Payload, rejects: Rejects
) -> StationsDecoded:
    try:
        if found.body is None:
            raise found.fault or Damaged("BUFR cut short")
        message = read_bufr(found.body)
    except Damaged as error:
        rejects.add(error.reason, f"{notice.data_id}: {error.detail}")
        return StationsDecoded(StationReadings.empty())
    observed = observe(message)
    if not observed:
        rejects.add("no surface data", f"{notice.data_id}: category {message.section1.category}")
    revision = _revision(notice, message.section1.update)
    is_alone = len(observed) == 1
    parts = [_told(each, notice, payload, revision, is_alone, rejects) for each in observed]
    return StationsDecoded.concat(parts)


def _told(
    observed: Observation, notice: Notification, payload: Payload, revision: int, is_alone: bool,
    rejects: Rejects,
) -> StationsDecoded:  # fmt: skip
    name = observed.station or observed.name or "a station"
    for why in observed.refused:
        variable, _, reason = why.rpartition(": ")
        # A reason is counted: the times that it lies ahead by stand in the detail alone.
        counted = "period lies ahead" if variable and reason.endswith("lies ahead") else reason
        rejects.add(counted, f"{name}: {why}")
    if observed.station is None or observed.valid_at is None:
        return StationsDecoded(StationReadings.empty())
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
    readings = StationReadings.of(
        station.id,
        payload.source,
        [Value(row.valid_at, row.period_s or 0, row.variable, row.value) for row in observed.rows],
        known_at=payload.received_at,
        report=report_number(notice.report),
        revision=revision,
    )
    return StationsDecoded(readings, [_placed(station, notice) if is_alone else station])


def _placed(station: Station, notice: Notification) -> Station:
    """The station with what its notification says besides, where both speak of it alone."""
    also = f"{PREFIX}:{notice.station}" if notice.station else station.id
    if also not in (station.id, *station.aliases):
        # They may differ: the identifier of the notice is a register's, that in BUFR the report's.
        station = replace(station, aliases=(*station.aliases, also))
    if station.latitude is None or station.longitude is None:
        return replace(station, latitude=notice.latitude, longitude=notice.longitude)
    return station


def _revision(notice: Notification, update: int) -> int:
    return notice.pubtime_at * _UPDATES + min(update, _UPDATES - 1)
