"""Providers on loopback that answer as Telegram and WhatsApp document, or fail as networks do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiohttp
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter
from atalaia.domain.message import Content, Part, confirmation

TOKEN = "123456:canary-token"
CHAT = "77000111222"
NUMBER = "+5581999990000"
TITLE = "Laranja (perigo): chuva forte em Canário"
SECRETS = (TOKEN, "canary", CHAT, NUMBER, NUMBER[1:], "Canário")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Provider:
    """Answers with `answers` in turn, then always with `usual`. `asked` has (path, body)."""

    def __init__(self, usual: Answer) -> None:
        self.usual = usual
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.session: aiohttp.ClientSession

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        with contextlib.suppress(ValueError):
            body = json.loads(body)
        self.asked.append((request.path, body))
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if self.answers else self.usual
        return await answer(request)


ProviderT = TypeVar("ProviderT", bound=Provider)


def serving(usual: Answer) -> AbstractAsyncContextManager[Provider]:
    """A provider that listens, and a client's session."""
    return serve(Provider(usual))


@asynccontextmanager
async def serve(provider: ProviderT) -> AsyncIterator[ProviderT]:
    """Let this provider listen."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", provider.handle)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0)
    async with aiohttp.ClientSession() as session:
        provider.session = session
        provider.url = str(server.make_url("")).rstrip("/")
        try:
            yield provider
        finally:
            await server.close()


def says(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; of text or bytes as they stand."""

    async def answer(_: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return web.Response(
            body=raw, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return answer


async def hangs(_: web.Request) -> web.StreamResponse:
    """The request was read, and no answer comes."""
    await asyncio.sleep(3600)
    raise AssertionError


async def resets(request: web.Request) -> web.StreamResponse:
    """The request was read, and the connection is torn."""
    assert request.transport is not None
    sock = request.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


async def breaks_off(request: web.Request) -> web.StreamResponse:
    """The answer begins, and ends before its end."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"ok":')
    assert request.transport is not None
    request.transport.close()
    return response


def nowhere() -> str:
    """A URL of loopback where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def part(title: str = TITLE, **changes: str) -> Part:
    fields = {
        "when": "Desde 14:00",
        "measured": "Chuva em 1 h: 44 mm medido às 15:00; limite 30 mm",
        "source": "Fonte: open-meteo, dado de 15:00 (2 min antes deste aviso)",
        "advice": "Não atravesse ruas alagadas",
        "brief": f"LARANJA: {title}",
    } | changes
    return Part(level="orange", is_over=False, title=title, **fields)


def content(language: str = "pt-BR", n: int = 1) -> Content:
    parts = tuple(part(f"{TITLE} {i}" if n > 1 else TITLE) for i in range(n))
    return Content(
        kind="alert",
        language=language,
        level="orange",
        subject=TITLE if n == 1 else f"{n} avisos, o mais grave: {TITLE}",
        parts=parts,
        closing="Este não é um aviso oficial.",
    )


def letter(contact: Contact, **changes: Any) -> Letter:
    fields = {"id": "msg_abcdefghijklmnopqrstuvwx", "content": content(), "sent_at": 1_700_000_000}
    return Letter(contact=contact, **(fields | changes))


def confirm(contact: Contact, language: str = "en") -> Letter:
    return letter(contact, content=confirmation("K7QX2M", language))


@contextmanager
def nothing_leaks(*said: object) -> Iterator[list[object]]:
    """What was logged meanwhile, and all that is put into the list, holds no secret."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # The test's own server is not what is tested.
            if record.name not in ("aiohttp.access", "aiohttp.server"):
                lines.append(record.getMessage() + str(record.exc_info or ""))

    root = logging.getLogger()
    listener, level = Listener(logging.NOTSET), root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    shown: list[object] = [*said]
    try:
        with structlog.testing.capture_logs() as logs:
            yield shown
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    everything = "\n".join([*lines, repr(logs), *(f"{one!r} {one}" for one in shown)])
    assert [secret for secret in SECRETS if secret in everything] == []
