"""Seals a push message so that the browser that it is for can open it, and its push service not.

    ephemeral key ─ECDH─ the browser's key ─► HKDF with its auth secret ─► AES-128-GCM, one record

Reference: RFC 8291 (message encryption for Web Push), RFC 8188 (aes128gcm).
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_RECORD_BYTES = 4096
_LAST = b"\x02"
"""The delimiter of a last record, which is also the only one."""


class BrowserKeys(NamedTuple):
    """What a browser gave: its public key, as it came and as a point, and its auth secret."""

    public: bytes
    point: ec.EllipticCurvePublicKey
    auth: bytes


def read_keys(text: str) -> BrowserKeys:
    """``p256dh.auth`` in URL-safe base64. Raises ValueError, without them, for what are none."""
    try:
        public, auth = (unbase64(part) for part in text.split("."))
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    except (ValueError, binascii.Error):
        raise ValueError("webpush: these are no keys of a browser; subscribe in it anew") from None
    return BrowserKeys(public, point, auth)


def seal(
    plain: bytes,
    keys: BrowserKeys,
    ephemeral: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push, of at most 3,993 bytes of `plain`; `ephemeral` and `salt` are random
    unless a test brings the published ones."""
    ephemeral = ephemeral or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    ours = point_of(ephemeral.public_key())
    shared = ephemeral.exchange(ec.ECDH(), keys.point)
    secret = _derived(shared, keys.auth, b"WebPush: info\x00" + keys.public + ours, 32)
    cipher = AESGCM(_derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16))
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + struct.pack("!LB", _RECORD_BYTES, len(ours)) + ours
    return head + cipher.encrypt(nonce, plain + _LAST, None)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as 65 bytes, uncompressed (SEC 1)."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def unbase64(text: str) -> bytes:
    """Bytes of URL-safe base64, with or without padding. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def base64url(data: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
