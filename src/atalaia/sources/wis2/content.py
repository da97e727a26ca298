"""The data that a notification speaks of: taken out of it, or fetched; whole, or not at all."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib

from atalaia.sources.body import shown_start
from atalaia.sources.rejects import Unreadable, shown
from atalaia.sources.wis2.notification import InlineContent, Integrity, Notification

LONGEST = 2_000_000
"""Octets of data, unpacked. Inline data have 4,096; a bulletin of hundreds of stations 200,000."""

_METHODS = {
    "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512,
    "sha3-256": hashlib.sha3_256, "sha3-384": hashlib.sha3_384, "sha3-512": hashlib.sha3_512,
}  # fmt: skip


def inline(notification: Notification) -> bytes | None:
    """The data within the notification, checked; None if it has none. Raises Unreadable."""
    if notification.content is None:
        return None
    data = _decoded(notification.content)
    checked(data, notification.integrity)
    size = notification.content.size
    # A checksum says more than a length that its sender counted.
    if notification.integrity is None and size not in (None, len(data)):
        raise Unreadable("content of another size", f"{len(data)} octets for {size}")
    return data


def checked(data: bytes, integrity: Integrity | None) -> None:
    """Raises Unreadable for data that are not the ones that were published."""
    if len(data) > LONGEST:
        raise Unreadable("content too long", f"{len(data)} octets")
    if integrity is None:
        return
    hashed = _METHODS.get(integrity.method.lower())
    if hashed is None:
        raise Unreadable("unknown method of integrity", shown(integrity.method))
    if not hmac.compare_digest(hashed(data).digest(), _octets(integrity.value)):
        raise Unreadable("content differs from its checksum", integrity.method)


def with_data(notice: bytes, data: bytes) -> bytes:
    """A notification and what its link led to, both as they were received, as one body."""
    return b"%d\n" % len(notice) + notice + data


def parted(body: bytes) -> tuple[bytes, bytes]:
    """The notification and the data of such a body. Raises Unreadable."""
    head, _, rest = body.partition(b"\n")
    if not head.isdigit() or len(head) > 9 or int(head) > len(rest):
        raise Unreadable("not a notification with its data", shown_start(body))
    return rest[: int(head)], rest[int(head) :]


def _decoded(content: InlineContent) -> bytes:
    if content.encoding == "utf-8":
        return content.value.encode("utf-8", "surrogatepass")
    if content.encoding == "base64":
        return _octets(content.value)
    if content.encoding == "gzip":
        return _unzipped(_octets(content.value))
    raise Unreadable("unknown encoding of content", shown(content.encoding))


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("not base64", shown(text)) from None


def _unzipped(packed: bytes) -> bytes:
    """Unpacked as far as the limit: a small body can stand for gigabytes."""
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        data = unpack.decompress(packed, LONGEST + 1)
    except zlib.error as error:
        raise Unreadable("not gzip", str(error)) from None
    if len(data) > LONGEST:
        raise Unreadable("content too long", f"more than {LONGEST} octets unpacked")
    if not unpack.eof:
        raise Unreadable("not gzip", "cut short")
    return data
