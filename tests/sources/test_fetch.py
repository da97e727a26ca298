from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from atalaia.domain.payload import Payload
from atalaia.sources.fetch import MOST_BYTES, fetch
from atalaia.sources.request import SourceRequest

KEY = "s3cret-key"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def request(url: str) -> SourceRequest:
    return SourceRequest(
        source="tomorrow-io",
        content="realtime",
        places=("poa",),
        url=url,
        params={"location": "-30.03,-51.23"},
        credentials={"apikey": KEY},
    )


def ask(
    handler: Handler, timeout_s: float = 5, most_bytes: int = MOST_BYTES
) -> tuple[Payload, Mapping[str, str]]:
    """What `fetch` makes of a server that answers so."""

    async def run() -> tuple[Payload, Mapping[str, str]]:
        application = web.Application()
        application.router.add_get("/v4/weather/realtime", handler)
        async with TestServer(application) as server, aiohttp.ClientSession() as session:
            url = str(server.make_url("/v4/weather/realtime"))
            return await fetch(session, request(url), lambda: 1_700_000_000, timeout_s, most_bytes)

    return asyncio.run(run())


def ask_raw(answer: bytes | None) -> Payload:
    """What `fetch` makes of a server that sends these bytes and closes (None: resets at once)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            # Lingering for no time makes closing a reset instead of an end.
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            writer.write(answer)
            await writer.drain()
            writer.close()

    async def run() -> Payload:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/"
            payload, headers = await fetch(session, request(url), lambda: 1_700_000_000, 5)
            assert dict(headers) == {}
            return payload

    return asyncio.run(run())


def test_an_answer_comes_back_as_it_came() -> None:
    seen = {}

    async def handler(asked: web.Request) -> web.Response:
        seen.update(asked.query, key=asked.headers["apikey"])
        return web.Response(body=b'{"data": \xff}', headers={"X-RateLimit-Remaining-Day": "484"})

    payload, headers = ask(handler)
    assert seen == {"location": "-30.03,-51.23", "key": KEY}
    assert payload == Payload(
        source="tomorrow-io",
        content="realtime",
        places=("poa",),
        received_at=1_700_000_000,
        body=b'{"data": \xff}',
    )
    assert headers["x-ratelimit-remaining-day"] == "484"


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_an_error_is_an_answer_with_its_status_and_headers(status: int) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=b'{"code": 1}', headers={"Retry-After": "7"})

    payload, headers = ask(handler)
    assert (payload.status, payload.body, payload.failure) == (status, b'{"code": 1}', None)
    assert headers["Retry-After"] == "7"


def test_html_is_kept_as_it_came() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    payload, _ = ask(handler)
    assert (payload.status, payload.body) == (200, b"<html>")


def test_a_server_that_hangs_is_a_time_out() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    payload, headers = ask(handler, timeout_s=0.05)
    assert payload.failure == "time-out after 0.05 s"
    assert (payload.body, dict(headers), payload.places) == (b"", {}, ("poa",))


def test_a_server_that_answers_byte_by_byte_is_a_time_out() -> None:
    async def handler(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(asked)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    payload, _ = ask(handler, timeout_s=0.05)
    assert payload.failure == "time-out after 0.05 s"


def test_a_redirection_is_not_followed() -> None:
    async def handler(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/steal")

    payload, _ = ask(handler)
    assert (payload.status, payload.failure) == (302, None)


def test_an_answer_without_end_is_cut_off() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * (2**20 + 1))

    payload, _ = ask(handler, most_bytes=2**20)
    assert payload.failure == "answer larger than 1 MB"
    assert payload.body == b""


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (None, "connection reset"),
        (b"", "connection closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "answer broke off"),
        (b"not http at all\r\n\r\n", "not an HTTP answer"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
            "answer broke off or cannot be unpacked",
        ),
    ],
)
def test_a_broken_connection_is_a_failure_in_words(answer: bytes | None, failure: str) -> None:
    payload = ask_raw(answer)
    assert payload.failure is not None
    assert payload.failure.startswith(failure)
    assert payload.body == b""


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://127.0.0.1:{unused}/", "connection refused"),
        ("http://nowhere.invalid/", "host name not resolved"),
        ("http://[/", "address or header not valid"),
        ("nonsense", "address or header not valid"),
    ],
)
def test_what_cannot_be_reached_is_a_failure_without_the_key(url: str, failure: str) -> None:
    class NoNames(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list:  # type: ignore
            raise OSError(f"no {host}")

        async def close(self) -> None: ...

    async def run() -> Payload:
        connector = aiohttp.TCPConnector(resolver=NoNames())
        async with aiohttp.ClientSession(connector=connector) as session:
            asked = request(url.format(unused=unused_port()))
            return (await fetch(session, asked, lambda: 1, 5))[0]

    payload = asyncio.run(run())
    assert payload.failure == failure
    assert KEY not in repr(payload)


def test_a_key_that_the_answer_repeats_is_struck_out() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=401, text=f'{{"message": "{KEY} is not valid"}}')

    payload, _ = ask(handler)
    assert payload.body == b'{"message": "*** is not valid"}'
