"""Messages to programs: Standard Webhooks 1.0, signed, to targets outside (see `guard`).

    webhook-id         the message's, the same over all tries: what makes a repetition known
    webhook-timestamp  of this try, Unix seconds
    webhook-signature  v1,base64(HMAC-SHA256(secret, "id.timestamp.body"))

Reference: https://www.standardwebhooks.com, version 1.0.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable

import msgspec
from aiohttp.abc import AbstractResolver

from atalaia.channels.guard import STRICT, Rules, TargetRefused, read_url
from atalaia.channels.outside import REFUSED, Outside, by_table
from atalaia.domain.alert import instant, to_line
from atalaia.domain.delivery import HOUR, MINUTE, Letter, Limits, Outcome
from atalaia.domain.drill import KIND
from atalaia.domain.message import AlertPlaces, Content

# One row a status or a class of statuses; the first that fits holds.
OUTCOMES: tuple[tuple[range, Outcome], ...] = (
    (range(200, 300), Outcome("sent")),
    (range(410, 411), Outcome("never", "HTTP 410: gone", is_gone=True)),
    # All else may pass: a wrong path is put right, a redirection (never followed) is taken back.
    (range(600), Outcome("again", "HTTP {status}")),
)
_meaning = by_table(OUTCOMES)
_SCHEDULE = (5, 5 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (2, 5, 10, 14, 20, 24)))

_LONGEST_TEXT = 100_000
_BODIES_KEPT = 8

_PIECE = 2_000
"""Bytes that are signed at once: from 2,048 on other threads may run meanwhile."""


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. `alerts` are as in the alerts file; a confirmation has a `code` instead.

    status  CAP's word: Actual, or Exercise for a drill: on that no siren may sound
    where   of each of `alerts`, in their order, the places of which it speaks and, in `still`,
            those over which its warning stands besides; left out: each is of its `place_id` alone
    thread  ids of the earlier messages on the same incident to this target, oldest first
    """

    status: str
    language: str
    level: str
    subject: str
    text: str
    is_over: bool
    alerts: tuple[msgspec.Raw, ...] = ()
    where: tuple[AlertPlaces, ...] = ()
    thread: tuple[str, ...] = ()
    code: str = ""


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body: `type` alert, confirm or exercise, `timestamp` of when it was decided."""

    type: str
    timestamp: str
    data: Data


class Webhook:
    """POSTs each message to its contact's URL, signed with its contact's secret."""

    name = "webhook"

    def __init__(
        self,
        *,
        rules: Rules = STRICT,
        timeout_s: float = 15.0,
        at_once: int = 64,
        resolver: AbstractResolver | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limits = Limits(at_once=at_once, schedule=_SCHEDULE, is_apart=True)
        self._rules = rules
        self._outside = Outside(rules, timeout_s, resolver)
        self._now = now
        self._bodies: deque[tuple[Content, tuple[tuple[str, ...], int], bytes]] = deque(
            maxlen=_BODIES_KEPT
        )

    async def send(self, letter: Letter) -> Outcome:
        """Try once: one POST, no redirection followed, all of it within the time-out."""
        body = self._body(letter)
        try:
            headers = signed(letter.id, int(self._now()), body, letter.contact.secret)
        except ValueError:
            return Outcome("never", "no valid secret to sign with")
        try:
            target = read_url(letter.contact.address, self._rules)
        except TargetRefused:
            return REFUSED
        answer = await self._outside.post(
            target, {"Content-Type": "application/json", **headers}, body
        )
        return answer if isinstance(answer, Outcome) else _meaning(answer)

    def _body(self, letter: Letter) -> bytes:
        """The body; letters that say the same to many share it."""
        key = (letter.thread, letter.sent_at)
        for content, of, body in self._bodies:
            if content is letter.content and of == key:
                return body
        body = encode(letter)
        self._bodies.appendleft((letter.content, key, body))
        return body

    async def close(self) -> None:
        """Close all connections."""
        await self._outside.close()


def encode(letter: Letter) -> bytes:
    """The body, the same over all tries."""
    content = letter.content
    data = Data(
        status="Exercise" if content.kind == KIND else "Actual",
        language=content.language,
        level=content.level,
        subject=content.subject,
        text=content.text(_LONGEST_TEXT),
        is_over=content.is_over,
        alerts=tuple(msgspec.Raw(to_line(alert)) for alert in content.alerts),
        where=content.where,
        thread=letter.thread,
        code=content.code,
    )
    event = WebhookBody(type=content.kind, timestamp=instant(letter.sent_at), data=data)
    return msgspec.json.encode(event)


def signed(message_id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers. Raises ValueError if `secret` is not ``whsec_`` and base64."""
    prefix, _, encoded = secret.partition("_")
    try:
        # Secrets are also handed out without the padding.
        key = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or not key:
        raise ValueError("webhook: the secret is whsec_ and base64; ask for a new one")
    said = f"{message_id}.{timestamp}.".encode() + body
    # Not hmac.digest, nor much at once, which let other threads run, and then wait for them.
    mac = hmac.new(key, said[:_PIECE], hashlib.sha256)
    for start in range(_PIECE, len(said), _PIECE):
        mac.update(said[start : start + _PIECE])
    signature = binascii.b2a_base64(mac.digest(), newline=False).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
