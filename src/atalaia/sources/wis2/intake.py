"""Messages of WIS2's brokers → payloads: each notification once, as it was received.

Every report comes several times: over several brokers, and from several caches. A notification is
known again by its id, and by what it publishes (`Notification.report`): a copy says what was last
heard of that. What is published anew, corrected or deleted says something else, and is kept. What
slips through changes no row, as rows have their report's number and revision.

Where the data are not within a notification, they are fetched later (`download`), so that no slow
server holds up what a broker keeps for us. What is owed is noted before it is acknowledged.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from atalaia.domain.payload import Payload
from atalaia.ports import Stream
from atalaia.sources.mqtt.arrivals import Arrived
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.mqtt.subscriber import Sorted
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2 import notification
from atalaia.sources.wis2.decoder import (
    FETCHED,
    GAP,
    NAME,
    NOTIFICATION,
    is_of_interest,
    notified,
)
from atalaia.sources.wis2.notification import Notification
from atalaia.sources.wis2.owed import Owed, OwedData

MOST_KNOWN = 50_000
"""Notifications that are remembered: an hour of all the world's stations, with their copies."""

_WARM = 4000
"""Records of the stream that are looked through at the start: what a broker sends again."""

_WARM_STEP = 200

_CENTRE = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


class KnownNotices:
    """Notifications that were kept: a bounded memory, the oldest goes first."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._ids: OrderedDict[int, None] = OrderedDict()
        self._reports: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def has(self, notice: Notification) -> bool:
        """Whether it says only what was last heard."""
        if _number(notice.id) in self._ids:
            return True
        last = self._reports.get(_number(notice.report))
        return last is not None and last[1] == _said(notice)

    def add(self, notice: Notification) -> None:
        """Remember it."""
        self._ids[_number(notice.id)] = None
        report = _number(notice.report)
        last = self._reports.get(report)
        if last is None or notice.pubtime_at >= last[0]:
            self._reports[report] = notice.pubtime_at, _said(notice)
            self._reports.move_to_end(report)
        for memory in (self._ids, self._reports):
            while len(memory) > self._most:
                memory.popitem(last=False)


class WnmIntake:
    """Fills `mqtt.subscriber.Intake` with WIS2's notifications.

    centres  whose messages are wanted; none: all that come
    """

    def __init__(self, stream: Stream, owed: Owed, centres: frozenset[str] = frozenset()) -> None:
        self._stream = stream
        self._owed = owed
        self._centres = centres
        self._known = KnownNotices()
        self._elsewhere: set[int] = set()  # of the payloads of the last batch

    def begin(self) -> None:
        """Remember what the stream has: a broker sends again what was not acknowledged.

        Where it would have to be looked through as a whole, nothing is: what is kept twice changes
        no row.
        """
        self._owed.load()
        if not self._stream.is_indexed:
            return
        last = self._stream.last_offset()
        after = max(0, last - _WARM)
        while after < last:
            records = self._stream.read(after, _WARM_STEP)
            if not records:
                break
            for record in records:
                self._remember(record.payload)
            after = records[-1].offset

    def sort(self, arrived: Sequence[Arrived]) -> Sorted:
        """What is new is a payload as it was received; what cannot be read, too."""
        told = Sorted()
        self._elsewhere.clear()
        for one in arrived:
            try:
                notice = notification.read(one.body, Rejects(NAME))
            except Unreadable as error:
                # Kept all the same: the decoder tells why it cannot be read.
                told.passed_over(one.session, error.reason)
                told.payloads.append(self._payload(one, _centre(one.topic, "")))
                continue
            one.published_at = notice.pubtime_at
            centre = _centre(one.topic, notice.data_id)
            if self._known.has(notice):
                told.known(one.session)
            elif (self._centres and centre not in self._centres) or not is_of_interest(notice):
                told.passed_over(one.session, "not of interest")
            else:
                self._known.add(notice)
                told.payloads.append(self._payload(one, centre))
                if _has_data_elsewhere(notice):
                    self._elsewhere.add(id(told.payloads[-1]))
        return told

    def kept(self, payloads: Sequence[Payload], offset: int) -> None:
        """What has no data within it is owed from now on."""
        first = offset - len(payloads) + 1
        is_owed = self._elsewhere.__contains__
        self._owed.add(
            [
                OwedData(first + i, told=None if self._stream.is_indexed else one)
                for i, one in enumerate(payloads)
                if is_owed(id(one))
            ]
        )

    def gap(self, gap: Gap, now: int) -> Payload:
        """A payload of our own, among those of the network."""
        return Payload(
            source=f"{NAME}:{gap.broker}",
            content=GAP,
            received_at=now,
            body=msgspec.json.encode(gap),
        )

    def _remember(self, payload: Payload) -> None:
        if payload.source.startswith(f"{NAME}:") and payload.content in (NOTIFICATION, FETCHED):
            try:
                notice = notified(payload)
            except Unreadable:
                return
            self._known.add(notice)

    def _payload(self, one: Arrived, centre: str) -> Payload:
        return Payload(
            source=f"{NAME}:{centre}",
            content=NOTIFICATION,
            received_at=one.received_at,
            body=one.body,
        )


def _has_data_elsewhere(notice: Notification) -> bool:
    return notice.content is None and notice.link is not None and not notice.is_deletion


def _centre(topic: str, data_id: str) -> str:
    """Whose it is: of ``cache/a/wis2/CENTRE/…``, or as names of data begin."""
    levels = topic.split("/")
    named = levels[3] if len(levels) > 3 and levels[2] == "wis2" else data_id.partition(":")[0]
    return named if _CENTRE.fullmatch(named) else "unknown"


def _said(notice: Notification) -> int:
    """What it says of its data: that these are there, or that they are gone."""
    data = notice.integrity.value if notice.integrity else str(notice.pubtime_at)
    return _number(f"deleted at {notice.pubtime_at}" if notice.is_deletion else data)


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=7).digest(), "big")
