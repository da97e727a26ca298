"""Notifications → readings of the world's official stations, and official warnings.

Payloads: source ``wis2:CENTRE`` (``wis2:br-inmet``), content ``wnm`` with a notification as it was
received, ``wnm-data`` with one and the data that its link led to (`content.with_data`),
``wnm-archive`` with an answer of a node's own archive, or ``bufr`` with a file of bulletins. A
``gap`` is our own word: messages of a broker are lost.

Data are BUFR or a CAP message. A row's `report` is the number of the published data's name, and its
`revision` grows with the time of publication, so that a correction counts in whichever order they
come.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.payload import Payload
from atalaia.domain.station_reading import Withdrawal, report_number
from atalaia.sources.bufr.decoder import CONTENT as BUFR
from atalaia.sources.bufr.decoder import PREFIX, UPDATES, Published, read_data, read_file
from atalaia.sources.cap import decoder as cap
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2 import content, notification
from atalaia.sources.wis2.notification import Notification

NAME = PREFIX
"""Of all centres as sources: ``wis2:br-inmet``."""

NOTIFICATION = "wnm"
FETCHED = "wnm-data"
ARCHIVE = "wnm-archive"
GAP = "gap"

_BUFR = (None, "application/bufr", "application/x-bufr", "application/octet-stream")
"""Media types under which BUFR is expected: what has another is no fault, it is something else."""

_CAP = ("application/cap+xml", "application/xml", "text/xml")

_MARK = b"\xef\xbb\xbf"


def decoder(forms: frozenset[str] = frozenset()) -> DecodeStations:
    """WIS2's notifications → OBSERVED rows of stations, and warnings.

    forms  of codes that may name a watched place (`cap.found.forms_of`)
    """

    def read(payload: Payload, rejects: Rejects) -> StationsTold:
        notice = notification.read(payload.body, rejects)
        if notice.is_deletion:
            return _withdrawn(notice, payload)
        return _told(content.inline(notice), notice, payload, rejects, forms)

    def read_fetched(payload: Payload, rejects: Rejects) -> StationsTold:
        body, data = content.parted(payload.body)
        return _told(data, notification.read(body, rejects), payload, rejects, forms)

    def read_archive(payload: Payload, rejects: Rejects) -> StationsTold:
        told = StationsTold()
        for notice in notification.archived(payload.body, rejects):
            try:
                is_gone = notice.is_deletion
                data = None if is_gone else content.inline(notice)
                told.add(
                    _withdrawn(notice, payload)
                    if is_gone
                    else _told(data, notice, payload, rejects, forms)
                )
            except Unreadable as error:
                rejects.add(error.reason, f"{notice.data_id}: {error.detail}")
        return told

    return by_content(
        {
            NOTIFICATION: read,
            FETCHED: read_fetched,
            ARCHIVE: read_archive,
            BUFR: read_file,
            GAP: _read_gap,
        }
    )


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


def notified(payload: Payload) -> Notification:
    """The notification in a payload of content ``wnm`` or ``wnm-data``. Raises Unreadable."""
    body = content.parted(payload.body)[0] if payload.content == FETCHED else payload.body
    return notification.read(body, Rejects(payload.source))


def is_of_interest(notice: Notification) -> bool:
    """Whether its data may be observations or warnings, or take some back."""
    if notice.is_deletion or notice.link is None:
        return True
    return _type_of(notice) in (*_BUFR, *_CAP) and (notice.link.length or 0) <= content.LONGEST


def _type_of(notice: Notification) -> str | None:
    told = notice.link.media_type if notice.link else None
    return None if told is None else told.partition(";")[0].strip().lower()


def _withdrawn(notice: Notification, payload: Payload) -> StationsTold:
    last = published(notice).revision + UPDATES - 1
    gone = Withdrawal(payload.source, report_number(notice.report), last, payload.received_at)
    return StationsTold(withdrawn=[gone])


def _told(
    data: bytes | None,
    notice: Notification,
    payload: Payload,
    rejects: Rejects,
    forms: frozenset[str],
) -> StationsTold:
    if data is None:
        return StationsTold()
    decoded = read_data(data, published(notice), payload, rejects)
    if decoded is not None:
        return decoded
    if data.removeprefix(_MARK).lstrip()[:1] == b"<":
        return _warned(data, payload, rejects, forms)
    if _type_of(notice) in _BUFR:
        rejects.add("no BUFR", notice.data_id)
    return StationsTold()


def _warned(data: bytes, payload: Payload, rejects: Rejects, forms: frozenset[str]) -> StationsTold:
    message = msgspec.structs.replace(payload, content=cap.MESSAGE, body=data)
    found = cap.read(message, forms)
    for reject in found.rejects:
        rejects.take(reject)
    return StationsTold(officials=[(payload.received_at, official) for official in found.officials])


_decode_gap = msgspec.json.Decoder(Gap).decode


def _read_gap(payload: Payload, rejects: Rejects) -> StationsTold:
    try:
        gap = _decode_gap(payload.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable("not a gap", str(error)) from None
    rejects.add("messages are lost", f"{gap.broker}: {gap.in_words}")
    return StationsTold()
