"""By which push services know who sends: one key of the home, and a token signed with it.

A browser takes messages for a subscription from the holder of the key alone that it was made with,
so the key outlives everything but the home. A token is for one push service and half a day.

Reference: RFC 8292 (VAPID), RFC 7515 (JWS, ES256).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from atalaia.channels.sealed import base64url, point_of

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256 (SEC 2): a private key is a number from 1 to one less."""

_TURN_S = 6 * 3600
"""A token lasts for one to two of these. Push services take 24 hours at most, and Apple's does not
want a new one more often than once in an hour."""

_HEAD = base64url(b'{"typ":"JWT","alg":"ES256"}')


class Vapid:
    """Signs as one sender.

    seed     32 random bytes, which the private key follows from
    subject  whom a push service writes to about trouble: ``mailto:…`` or ``https://…``
    """

    def __init__(self, seed: bytes, subject: str) -> None:
        number = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(number, ec.SECP256R1())
        self._subject = subject
        self.public = base64url(point_of(self._key.public_key()))
        self._token = lru_cache(maxsize=256)(self._signed)  # there are few push services

    def authorization(self, origin: str, now: float) -> str:
        """The header for this push service (``https://host``) at `now`, Unix seconds."""
        return f"vapid t={self._token(origin, int(now // _TURN_S))}, k={self.public}"

    def _signed(self, origin: str, turn: int) -> str:
        claims = {"aud": origin, "exp": (turn + 2) * _TURN_S, "sub": self._subject}
        said = f"{_HEAD}.{base64url(msgspec.json.encode(claims))}"
        r, s = decode_dss_signature(self._key.sign(said.encode(), ec.ECDSA(SHA256())))
        return f"{said}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
