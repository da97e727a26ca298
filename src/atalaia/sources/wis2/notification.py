"""WIS2 notification messages: what was published, by whom, what it replaces, where it is.

WMO WIS2 Notification Message 1.3.0 (June 2026) and the older form that says ``version: v04``: a
GeoJSON Feature of at most 8,192 octets. Read as it is sent, which is not always as it is written:
the standard has one link of canonical, update and deletion; older programs send canonical and
update together, and one service sends update alone for what was never sent before.

Every report comes several times: over several brokers under one `id`, from several caches under
one `data_id` and `pubtime` with ids of their own. A later `pubtime` of the same data is a
correction, and ``rel: deletion`` takes it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from atalaia.sources.body import read_json
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import utc_second

LONGEST = 65_536
"""Octets a notification may have. The standard has 8,192; some carry more of their data inline."""

_LONGEST_NAME = 1024
_MOST_LINKS = 32


@dataclass(frozen=True, slots=True)
class DataLink:
    """Where data lie. `media_type` and `length` (octets) as they are told; None: not told."""

    href: str
    media_type: str | None
    length: int | None


@dataclass(frozen=True, slots=True)
class Integrity:
    """A checksum of the data: method ``sha512`` and its like, value in base64."""

    method: str
    value: str


@dataclass(frozen=True, slots=True)
class InlineContent:
    """Data within the notification. `size` is told in octets, before encoding; None: not told."""

    encoding: str
    value: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification.

    id            unique a message, the same over all brokers
    data_id       of what was published; unique within its dataset
    metadata_id   of the dataset; "" where it is not told
    pubtime_at    Unix seconds at which it was published; never changed on the way
    is_deletion   it takes back what was published under data_id
    longitude, latitude, elevation_m   of a point; None: no point, or not told
    valid_at      Unix seconds of the data, its end where it is a span; None: not told
    station       WIGOS identifier, where the publisher adds one
    link          where the data are: the first canonical one, else the first update
    integrity     None: not told, and not checked
    content       None: to be fetched by the link
    """

    id: str
    data_id: str
    metadata_id: str
    pubtime_at: int
    is_deletion: bool
    longitude: float | None
    latitude: float | None
    elevation_m: float | None
    valid_at: int | None
    station: str | None
    link: DataLink | None
    integrity: Integrity | None
    content: InlineContent | None

    @property
    def report(self) -> str:
        """The name of what was published: corrections and deletions share it."""
        # A dataset that is not named is its centre's: data_ids begin with it.
        return f"{self.metadata_id}|{self.data_id}"


def read(body: bytes, rejects: Rejects) -> Notification:
    """One notification as it came from a broker. Raises Unreadable."""
    if len(body) > LONGEST:
        raise Unreadable("notification too long", f"{len(body)} octets")
    return of(read_json(body, rejects))


def of(message: Any) -> Notification:
    """The same of JSON that is read already, as a node's archive holds it. Raises Unreadable."""
    if not isinstance(message, dict) or message.get("type") != "Feature":
        raise Unreadable("not a notification", f"type is {shown(_of(message, 'type'))}")
    properties = message.get("properties")
    if not isinstance(properties, dict):
        raise Unreadable("not a notification", "no properties")
    links = _links(message.get("links"))
    relations = [relation for relation, _ in links]
    longitude, latitude, elevation_m = point(message.get("geometry"))
    pubtime_at = utc_second(properties.get("pubtime"))
    if pubtime_at is None:
        raise Unreadable("not a notification", f"pubtime is {shown(properties.get('pubtime'))}")
    return Notification(
        id=_name(message.get("id"), "id"),
        data_id=_name(properties.get("data_id"), "data_id"),
        metadata_id=_name(properties.get("metadata_id", ""), "metadata_id"),
        pubtime_at=pubtime_at,
        is_deletion="deletion" in relations,
        longitude=longitude,
        latitude=latitude,
        elevation_m=elevation_m,
        valid_at=utc_second(properties.get("datetime") or properties.get("end_datetime")),
        station=_text(properties.get("wigos_station_identifier")),
        link=_chosen(links),
        integrity=_integrity(properties.get("integrity")),
        content=_content(properties.get("content")),
    )


def archived(body: bytes, rejects: Rejects) -> list[Notification]:
    """The notifications in an answer of a node's own archive (a GeoJSON FeatureCollection).

    An answer is not sorted, has no topics, and holds what a broker passed on too. What is no
    notification costs only itself. Raises Unreadable.
    """
    answer = read_json(body, rejects)
    features = _of(answer, "features")
    if not isinstance(features, list):
        raise Unreadable("not an archive of notifications", "no list of features")
    found = []
    for i, feature in enumerate(features):
        try:
            found.append(of(feature))
        except Unreadable as error:
            rejects.add(error.reason, f"feature {i}: {error.detail}")
    return sorted(found, key=lambda each: (each.pubtime_at, each.id))


def _of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()
    return value if is_text else None


def _name(value: Any, key: str) -> str:
    if value == "" and key == "metadata_id":
        return ""
    text = _text(value)
    if text is None:
        raise Unreadable("not a notification", f"{key} is {shown(value)}")
    return text


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _links(value: Any) -> list[tuple[str, DataLink]]:
    """The links that lead to data, and how; ``via`` and ``item`` lead elsewhere."""
    links = value if isinstance(value, list) else []
    return [
        (link["rel"], DataLink(href, _text(link.get("type")), _whole(link.get("length"))))
        for link in links[:_MOST_LINKS]
        if isinstance(link, dict)
        and link.get("rel") in ("canonical", "update", "deletion")
        and (href := _text(link.get("href")))
    ]


def _chosen(links: list[tuple[str, DataLink]]) -> DataLink | None:
    for wanted in ("canonical", "update"):
        for relation, link in links:
            if relation == wanted:
                return link
    return None


def point(value: Any) -> tuple[float | None, float | None, float | None]:
    """Longitude, latitude and height of a point that can be one."""
    coordinates = _of(value, "coordinates") if _of(value, "type") == "Point" else None
    if not isinstance(coordinates, list) or not 2 <= len(coordinates) <= 3:
        return None, None, None
    numbers = [each if type(each) in (int, float) else math.nan for each in coordinates]
    if not (abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90):
        return None, None, None
    has_height = len(numbers) == 3 and math.isfinite(numbers[2])
    return numbers[0], numbers[1], numbers[2] if has_height else None


def _integrity(value: Any) -> Integrity | None:
    if value is None:
        return None
    method, checksum = _text(_of(value, "method")), _text(_of(value, "value"))
    if method is None or checksum is None:
        raise Unreadable("not a notification", "integrity without method or value")
    return Integrity(method, checksum)


def _content(value: Any) -> InlineContent | None:
    if value is None:
        return None
    encoding, text = _of(value, "encoding"), _of(value, "value")
    if not isinstance(encoding, str) or not isinstance(text, str):
        raise Unreadable("not a notification", "content without encoding or value")
    return InlineContent(encoding, text, _whole(_of(value, "size")))
