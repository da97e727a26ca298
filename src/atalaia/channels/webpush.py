"""Messages to browsers and installed pages: Web Push, by the push service of each browser's maker.

A push service sees when something goes to whom, how urgent it is and how long it is of use; what it
says is sealed for the browser (`sealed`), and who sends is proven to it (`vapid`).

    TTL      until the alert expires: a phone that is off gets nothing that is over
    Urgency  by level: whether a phone that saves power is woken
    Topic    the same for the same incidents: what waits at the push service is replaced

Reference: RFC 8030 (the protocol), W3C Push API. The service worker that opens it is the page's
(``page/files/worker.js``).
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable

import msgspec
from aiohttp.abc import AbstractResolver

from atalaia.channels.guard import STRICT, Rules, Target, TargetRefused, read_url
from atalaia.channels.outside import REFUSED, Outside, by_table
from atalaia.channels.sealed import BrowserKeys, base64url, read_keys, seal
from atalaia.channels.vapid import Vapid
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Limits, Outcome
from atalaia.domain.message import Content
from atalaia.errors import StateConflict

# One row a status or a class of statuses; the first that fits holds.
OUTCOMES: tuple[tuple[range, Outcome], ...] = (
    (range(200, 300), Outcome("sent")),
    (range(404, 405), Outcome("never", "HTTP 404: the subscription is gone", is_gone=True)),
    (range(410, 411), Outcome("never", "HTTP 410: the subscription is gone", is_gone=True)),
    (range(400, 401), Outcome("never", "HTTP 400: the push service does not understand it")),
    (range(413, 414), Outcome("never", "HTTP 413: too large")),
    # Also 401 and 403: a clock may be wrong, or the home's key is about to be put back.
    (range(600), Outcome("again", "HTTP {status}")),
)
_meaning = by_table(OUTCOMES)

MOST_BYTES = 3072
"""Of what is sealed: push services take 4 KB with all that sealing adds, and some a little less."""

_URGENCY = {"red": "high", "orange": "high", "yellow": "normal", "watch": "low"}
_LEAST_TTL_S, _MOST_TTL_S = 60, 28 * 86_400
_TTL_S = 86_400
"""Where nothing says until when it is of use."""


class PushBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the service worker reads.

    kind      alert, confirm or exercise
    tag       the same for the same incidents: a notification takes the place of the one before
    incident  the gravest one's key, by which the page shows it
    code      of a confirmation
    answer    where one says that one got it, changes what one gets, or ends it; `asks`: whether the
              first of these is asked for
    """

    kind: str
    language: str
    title: str
    body: str
    level: str = ""
    is_over: bool = False
    tag: str = ""
    incident: str = ""
    code: str = ""
    answer: str = ""
    asks: bool = False


class WebPush:
    """Pushes each message to its contact's browser.

    seed     the home's key of 32 bytes, read when the first message goes
    subject  see `vapid.Vapid`
    """

    name = "webpush"

    def __init__(
        self,
        seed: Callable[[], bytes],
        subject: str,
        *,
        rules: Rules = STRICT,
        timeout_s: float = 15.0,
        at_once: int = 64,
        resolver: AbstractResolver | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limits = Limits(at_once=at_once, is_apart=True)
        self._seed = seed
        self._subject = subject
        self._rules = rules
        self._outside = Outside(rules, timeout_s, resolver)
        self._now = now
        self._vapid: Vapid | None = None

    async def send(self, letter: Letter) -> Outcome:
        """Try once: one POST, no redirection followed, all of it within the time-out."""
        try:
            target, keys = check(letter.contact, self._rules)
        except TargetRefused:
            return REFUSED
        except ValueError:
            return Outcome("never", "the browser's keys are none", is_gone=True)
        try:
            vapid = await self._known()
        except StateConflict:
            return Outcome("again", "the key that push services know this home by cannot be read")
        now = self._now()
        topic = topic_of(letter.content, keys.auth)
        headers = {
            "Authorization": vapid.authorization(str(target.origin).rstrip("/"), now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_ttl_s(letter, now)),
            "Urgency": _urgency(letter.content),
        } | ({"Topic": topic} if topic else {})
        answer = await self._outside.post(target, headers, seal(encode(letter, topic), keys))
        return answer if isinstance(answer, Outcome) else _meaning(answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._outside.close()

    async def _known(self) -> Vapid:
        if self._vapid is None:
            self._vapid = Vapid(await asyncio.to_thread(self._seed), self._subject)
        return self._vapid


def check(contact: Contact, rules: Rules = STRICT) -> tuple[Target, BrowserKeys]:
    """Where a browser's messages go, and what seals them, if its writing does not forbid it. A push
    service speaks TLS, but for one inside that the operator allows. Raises ValueError,
    `TargetRefused` among them, without any address."""
    try:
        target = read_url(contact.address, rules)
    except TargetRefused as error:
        raise TargetRefused(f"webpush{str(error).removeprefix('webhook')}") from None
    if target.origin.scheme != "https" and not rules.allow:
        raise TargetRefused("webpush: a push service's address begins with https://")
    return target, read_keys(contact.secret)


def encode(letter: Letter, tag: str = "") -> bytes:
    """What is sealed: in at most `MOST_BYTES`, with fewer alerts where they are too many."""
    content = msgspec.structs.replace(letter.content, terms="")  # which the page shows
    longest = MOST_BYTES
    while True:
        text = content.text(longest)
        body = msgspec.json.encode(
            _body(content, text, tag, answer=letter.answer, asks=letter.asks)
        )
        over = len(body) - MOST_BYTES
        if over <= 0 or longest <= 0:
            return body
        longest = max(0, min(longest, len(text)) - over)


def topic_of(content: Content, secret: bytes) -> str:
    """The same for messages about the same incidents to the same browser, at most 32 letters of
    URL-safe base64, which nobody else can tell an incident by; empty: it is about none, or about a
    part, and must not take the place of what stands elsewhere."""
    incidents = sorted({alert.incident for alert in content.alerts})
    if not incidents or content.is_in_part:
        return ""
    return base64url(hmac.digest(secret, "\n".join(incidents).encode(), "sha256")[:24])


def _body(content: Content, text: str, tag: str, *, answer: str, asks: bool) -> PushBody:
    first, _, rest = text.partition("\n")
    # The first line is the title, where that did not have to be shorter.
    is_said = len(content.parts) == 1 and first.endswith(content.subject) and rest
    return PushBody(
        kind=content.kind,
        language=content.language,
        title=content.subject,
        body=rest.strip() if is_said else text,
        level=content.level,
        is_over=content.is_over,
        tag=tag,
        incident=content.alerts[0].incident if content.alerts else "",
        code=content.code,
        answer=answer,
        asks=asks,
    )


def _urgency(content: Content) -> str:
    return "high" if content.kind == "confirm" else _URGENCY.get(content.level, "normal")


def _ttl_s(letter: Letter, now: float) -> int:
    left_s = letter.expires_at - int(now) if letter.expires_at else _TTL_S
    return min(max(left_s, _LEAST_TTL_S), _MOST_TTL_S)
