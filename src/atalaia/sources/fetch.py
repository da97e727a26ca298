"""A request → the payload that the source answered, or the payload that says why none came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

import aiohttp

from atalaia.domain.payload import Payload
from atalaia.sources.request import SourceRequest

MOST_BYTES = 32 * 1024 * 1024
"""An answer longer than this is none, unless the caller has another limit: the largest real ones
have some hundred kilobytes."""


class _TooLargeError(Exception):
    pass


async def fetch(
    session: aiohttp.ClientSession,
    request: SourceRequest,
    now: Callable[[], int],
    timeout_s: float = 20.0,
    most_bytes: int = MOST_BYTES,
) -> tuple[Payload, Mapping[str, str]]:
    """Ask once; return the answer as a payload, and its headers for the budget.

    Never raises for what the network or the source does: the payload then has a `failure`, an
    empty body and no headers. `now` gives Unix seconds, and is read when the answer is complete.
    Redirections are not followed, for they would hand the key to another host. What the request
    held as credentials is struck out of the body, and appears in no failure.
    """
    try:
        status, body, headers = await _get(session, request, timeout_s, most_bytes)
    except (TimeoutError, aiohttp.ClientError, _TooLargeError, OSError, ValueError) as error:
        return failed(request, now(), _failure(error, timeout_s, most_bytes)), {}
    for secret in _secrets(request):
        body = body.replace(secret.encode(), b"***")
    payload = Payload(
        source=request.source,
        content=request.content,
        places=request.places,
        received_at=now(),
        body=request.head + body if status < 300 else body,
        status=status,
    )
    return payload, headers


def _secrets(request: SourceRequest) -> set[str]:
    """What an answer may repeat of what the request held: as it is, or as it stood in the query."""
    found = {text.removeprefix("Bearer ") for text in request.credentials.values()}
    found |= {*request.secret_params.values()}
    return {way for text in found if text for way in (text, quote(text), quote_plus(text))}


async def _get(
    session: aiohttp.ClientSession, request: SourceRequest, timeout_s: float, most_bytes: int
) -> tuple[int, bytes, Mapping[str, str]]:
    async with (
        asyncio.timeout(timeout_s),  # all of it: a server may also answer a byte at a time
        session.get(
            request.url,
            params=request.params | request.secret_params,
            headers=request.credentials,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response,
    ):
        body = bytearray()
        async for part in response.content.iter_chunked(256 * 1024):
            body += part
            if len(body) > most_bytes:
                raise _TooLargeError
        return response.status, bytes(body), response.headers


def failed(request: SourceRequest, received_at: int, failure: str) -> Payload:
    """The payload that says why no answer came."""
    return Payload(
        source=request.source,
        content=request.content,
        places=request.places,
        received_at=received_at,
        body=b"",
        failure=failure,
    )


def _failure(error: Exception, timeout_s: float, most_bytes: int) -> str:
    """Why no answer came, in fixed words: an error's own text may hold the whole request."""
    # From the particular to the general: the first class that fits says it best.
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, f"time-out after {timeout_s:g} s"),
        (_TooLargeError, f"answer larger than {most_bytes // 10**6} MB"),
        (aiohttp.ClientConnectorDNSError, "host name not resolved"),
        (aiohttp.ClientConnectorCertificateError, "certificate not accepted"),
        (aiohttp.ClientSSLError, "TLS failed"),
        (aiohttp.ClientConnectorError, "cannot connect"),
        (aiohttp.ServerDisconnectedError, "connection closed without an answer"),
        (aiohttp.ClientOSError, "connection reset"),
        (aiohttp.ClientPayloadError, "answer broke off or cannot be unpacked"),
        (aiohttp.ClientResponseError, "not an HTTP answer"),
        (ValueError, "address or header not valid"),
    )
    if isinstance(getattr(error, "os_error", None), ConnectionRefusedError):
        return "connection refused"
    return next((text for kind, text in reasons if isinstance(error, kind)), type(error).__name__)
