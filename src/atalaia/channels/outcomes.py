"""What all channels over HTTP share: one POST, and what it means when no answer comes.

A reason is made of fixed words and numbers alone, never of an error's or a provider's own text:
those may hold the token, the address or the message.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from atalaia.domain.delivery import Outcome

MOST_BYTES = 64 * 1024
"""Of an answer no more is read than this, as a rule: what a provider says is far shorter."""

LONGEST_WAIT_S = 24 * 3600.0
"""No provider's wish holds longer: a message older than a day has no use."""

MISTAKE_WAIT_S = 300.0
"""How long a channel rests that its owner must mend (a wrong token): then it is tried again."""

# What is sure not to have gone out; from the particular to the general.
_NOT_SENT: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientConnectorDNSError, "host name not resolved"),
    (aiohttp.ClientConnectorCertificateError, "certificate not accepted"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ClientConnectorError, "cannot connect"),
)
# What broke off when the request may have been read.
_UNKNOWN: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ServerDisconnectedError, "connection closed without an answer"),
    (aiohttp.ClientOSError, "connection reset"),
    (aiohttp.ClientPayloadError, "answer broke off"),
    (aiohttp.ClientResponseError, "not an HTTP answer"),
)


class Answer(msgspec.Struct, frozen=True):
    """What a provider answered: the beginning of its body, and its Retry-After in seconds."""

    status: int
    body: bytes
    after_s: float = 0.0

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx. A redirection is not: it is never followed."""
        return 200 <= self.status < 300


async def post(
    session: aiohttp.ClientSession,
    url: str,
    *,
    timeout_s: float,
    most_bytes: int = MOST_BYTES,
    **request: Any,
) -> Answer | Outcome:
    """POST once: the answer, or what it means that there is none.

    `request` is as for aiohttp (`json`, `data`, `headers` …). Redirections are not followed, for
    they would hand token and message to another host. Half of `timeout_s` is for the connection:
    when that fails the message surely did not go out (again); after it, nobody knows (unknown).
    """
    try:
        async with (
            asyncio.timeout(timeout_s),  # all of it: a server may also answer a byte at a time
            session.post(
                url,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2),
                **request,
            ) as response,
        ):
            body = await _bounded(response, most_bytes)
            return Answer(response.status, body, retry_after_s(response.headers))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        return no_answer(error)


def no_answer(error: Exception) -> Outcome:
    """What it means that a request failed with this: again, unknown, or never."""
    if isinstance(getattr(error, "os_error", None), ConnectionRefusedError):
        return Outcome("again", "connection refused")
    for kind, reason in _NOT_SENT:
        if isinstance(error, kind):
            return Outcome("again", reason)
    for kind, reason in _UNKNOWN:
        if isinstance(error, kind):
            return Outcome("unknown", reason)
    if isinstance(error, ValueError):  # also aiohttp's InvalidURL
        return Outcome("never", "URL or header not valid")
    return Outcome("unknown", type(error).__name__)


def by_status(answer: Answer) -> Outcome:
    """What a status alone means, where the channel's table says nothing particular.

    429 and 5xx: again, after the time wished for; all else that is not a success: never.
    """
    reason = f"HTTP {answer.status}"
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return Outcome("again", reason, after_s=answer.after_s)
    return Outcome("never", reason)


def retry_after_s(headers: Mapping[str, str]) -> float:
    """The header Retry-After in seconds, whether it gives seconds or a date; 0: none to use.

    A date is measured from the answer's own Date, so that no clock is asked.
    """
    wish = headers.get("Retry-After", "")
    try:
        return wait_s(float(wish))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(wish)
        since = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return 0.0
    return wait_s((_utc(until) - _utc(since)).total_seconds())


def wait_s(wish: object) -> float:
    """A provider's wish as seconds from 0 to `LONGEST_WAIT_S`; 0 where it is no number."""
    if not isinstance(wish, (int, float)) or not math.isfinite(wish):
        return 0.0
    return min(max(0.0, float(wish)), LONGEST_WAIT_S)


def _utc(moment: datetime) -> datetime:
    # A date that says "-0000" is read as naive, and means UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = bytearray()
    async for part in response.content.iter_chunked(16 * 1024):
        body += part
        if len(body) >= most_bytes:
            break
    return bytes(body[:most_bytes])
