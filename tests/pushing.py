"""A push service of the tests' own, and browsers that subscribed at it: it believes nobody.

Written by RFC 8030, 8188, 8291 and 8292 and not by our code: what is sent has to be signed by the
key that the browser subscribed with, for this service, and sealed so that the browser opens it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST_BODY = 4096


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Pushed:
    """What came for a browser, opened."""

    body: dict[str, Any]
    plain: bytes
    ttl_s: int
    urgency: str
    topic: str
    claims: dict[str, Any]


@dataclass
class Browser:
    """One subscription. `waits` is what the service holds for it: a topic is there once."""

    endpoint: str
    push_key: str = ""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    came: list[Pushed] = field(default_factory=list)

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> str:
        """As `JSON.stringify` gives it."""
        keys = {"p256dh": b64(self.public), "auth": b64(self.auth)}
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    @property
    def contact(self) -> str:
        return f"webpush:{self.subscription}"

    @property
    def waits(self) -> list[Pushed]:
        newest = {one.topic or f"no topic {i}": one for i, one in enumerate(self.came)}
        return list(newest.values())

    def opened(self, body: bytes) -> bytes:
        """RFC 8188, 2 and 3; RFC 8291, 3.4."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size, "more than one record"
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.key.exchange(ec.ECDH(), point)
        info = b"WebPush: info\0" + self.public + sender
        secret = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        prk = HKDF.extract(SHA256(), salt, secret)
        cek = HKDFExpand(SHA256(), 16, b"Content-Encoding: aes128gcm\0").derive(prk)
        nonce = HKDFExpand(SHA256(), 12, b"Content-Encoding: nonce\0").derive(prk)
        padded = AESGCM(cek).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert padded.endswith(b"\x02"), "not a last record"
        return padded[:-1]


class PushService:
    """Serves until it is closed. `answers` are statuses to give before any other."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.browsers: dict[str, Browser] = {}
        self.answers: deque[int] = deque()
        self.refused: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(service.judged(self.path, dict(self.headers), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def browser(self, push_key: str = "") -> Browser:
        """One that subscribes here, to who has this key."""
        path = f"/push/{b64(os.urandom(24))}"
        found = Browser(self.origin + path, push_key)
        self.browsers[path] = found
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def judged(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if self.answers:
            return self.answers.popleft()
        browser = self.browsers.get(path)
        if browser is None:
            return 410
        try:
            browser.came.append(self._read(browser, headers, body))
        except (AssertionError, KeyError, ValueError, InvalidTag, InvalidSignature) as error:
            self.refused.append(repr(error))
            return 403
        return 201

    def _read(self, browser: Browser, headers: dict[str, str], body: bytes) -> Pushed:
        headers = {name.lower(): value for name, value in headers.items()}
        found = re.fullmatch(r"vapid t=([^,]+), k=([\w-]+)", headers["authorization"])
        assert found, "no VAPID"
        claims = verified(*found.groups())
        if not browser.push_key:
            browser.push_key = found[2]
        assert found[2] == browser.push_key, "another sender's key"
        assert claims["aud"] == self.origin, "a token for another service"
        assert 0 < claims["exp"] - self._now() <= 86_400, "RFC 8292, 2: 24 hours at most"
        assert claims["sub"].startswith(("mailto:", "https://")), "nobody to write to"
        assert headers["content-encoding"] == "aes128gcm"
        assert len(body) <= MOST_BODY
        assert re.fullmatch(r"[\w-]{1,32}", headers.get("topic", "x"), re.ASCII)
        assert headers["urgency"] in ("very-low", "low", "normal", "high")
        plain = browser.opened(body)
        topic = headers.get("topic", "")
        return Pushed(
            json.loads(plain), plain, int(headers["ttl"]), headers["urgency"], topic, claims
        )


def verified(token: str, key: str) -> dict[str, Any]:
    """The claims of a JWT that was signed with this key (RFC 7515, ES256)."""
    head, claims, signature = token.split(".")
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = unb64(signature)
    assert len(raw) == 64
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(key))
    both = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point.verify(both, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    told: dict[str, Any] = json.loads(unb64(claims))
    return told
