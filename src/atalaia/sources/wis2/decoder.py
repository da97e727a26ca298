"""Notifications → readings of the world's official stations.

Payloads: source ``wis2:CENTRE`` (``wis2:br-inmet``), content ``wnm`` with a notification as it was
received, ``wnm-archive`` with an answer of a node's own archive, or ``bufr`` with a file of
bulletins. What has no data within it is fetched by its link, and read as `published` says.

A row's `report` is the number of the published data's name, and its `revision` grows with the time
of publication, so that a correction counts in whichever order they come.
"""

from __future__ import annotations

from atalaia.domain.payload import Payload
from atalaia.domain.station_reading import (
    StationReadings,
    StationsDecoded,
    Withdrawal,
    report_number,
)
from atalaia.sources.bufr.decoder import CONTENT as BUFR
from atalaia.sources.bufr.decoder import PREFIX, UPDATES, Published, read_data, read_file
from atalaia.sources.instruments import DecodeStations, by_content
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2 import content, notification
from atalaia.sources.wis2.notification import Notification

NAME = PREFIX
"""Of all centres as sources: ``wis2:br-inmet``."""

NOTIFICATION = "wnm"
ARCHIVE = "wnm-archive"

_BUFR = (None, "application/bufr", "application/x-bufr", "application/octet-stream")
"""Media types under which BUFR is expected: what has another is no fault, it is something else."""


def decoder() -> DecodeStations:
    """WIS2's notifications → OBSERVED rows of stations."""
    return by_content({NOTIFICATION: _read, ARCHIVE: _read_archive, BUFR: read_file})


def published(notice: Notification) -> Published:
    """What a notification says of its data, for whoever reads them."""
    return Published(
        name=notice.data_id,
        report=notice.report,
        revision=notice.pubtime_at * UPDATES,
        station=notice.station,
        latitude=notice.latitude,
        longitude=notice.longitude,
    )


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
    nothing = StationsDecoded(StationReadings.empty())
    if notice.is_deletion:
        last = published(notice).revision + UPDATES - 1
        gone = Withdrawal(payload.source, report_number(notice.report), last, payload.received_at)
        return StationsDecoded(nothing.readings, withdrawn=[gone])
    data = content.inline(notice)
    if data is None:
        return nothing
    decoded = read_data(data, published(notice), payload, rejects)
    if decoded is not None:
        return decoded
    if (notice.link.media_type if notice.link else None) in _BUFR:
        rejects.add("no BUFR", notice.data_id)
    return nothing
