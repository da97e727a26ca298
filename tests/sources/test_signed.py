"""A token is got once, is used until it is old or refused, and its secrets are kept by nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.sources import ana
from atalaia.sources.session import open_session
from atalaia.sources.signed import SignedFetch

AT = 1_789_416_000
_AT = "/hidrowebservice/EstacoesTelemetricas"


class Server:
    """Signs everybody in who it is told to, and answers to tokens that it knows."""

    def __init__(self) -> None:
        self.now = float(AT)
        self.given = 0
        self.good: set[str] = set()
        self.answer: web.Response | None = None

    async def sign_in(self, _: web.Request) -> web.Response:
        if self.answer is not None:
            return web.Response(status=self.answer.status, body=self.answer.body)
        self.given += 1
        token = f"token-{self.given}"
        self.good.add(token)
        return web.json_response({"items": {"tokenautenticacao": token}})

    async def series(self, request: web.Request) -> web.Response:
        given = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response({"items": []}, status=200 if given in self.good else 401)


def asked(server: Server, *between: object, at_once: int = 1) -> list[Payload]:
    """The answers of one process: `between` two questions something is called."""

    async def tell() -> list[Payload]:
        app = web.Application()
        app.router.add_get(f"{_AT}/OAUth/v1", server.sign_in)
        app.router.add_get(f"{_AT}/HidroinfoanaSerieTelemetricaAdotada/v2", server.series)
        async with TestServer(app) as here, open_session() as session:
            base = str(here.make_url("")).rstrip("/")
            account = ana.sign_in("user", "s3nha", base)
            request = ana.request("1", ("p", "name"), account, base_url=base)
            signed = SignedFetch(session, replace(Clock(), now=lambda: server.now), 5.0)
            told = []
            for what in (None, *between):
                if callable(what):
                    what()
                told += await asyncio.gather(*(signed.ask(request) for _ in range(at_once)))
            return [payload for payload, _ in told]

    return asyncio.run(tell())


def test_those_that_ask_together_sign_in_once() -> None:
    server = Server()
    assert {one.status for one in asked(server, None, at_once=4)} == {200}
    assert server.given == 1


def test_an_old_token_is_got_anew_before_it_is_refused() -> None:
    server = Server()

    def an_hour_later() -> None:
        server.now += 3600

    assert [one.status for one in asked(server, an_hour_later)] == [200, 200]
    assert server.given == 2


def test_a_token_that_is_refused_is_not_used_again() -> None:
    server = Server()
    told = asked(server, server.good.clear, None)
    assert [one.status for one in told] == [200, 401, 200]
    assert server.given == 2


def test_what_is_no_sign_in_is_a_failure_in_fixed_words() -> None:
    server = Server()
    for status, body, words in (
        (401, b"s3nha", "sign-in: user or password not accepted"),
        (503, b"", "sign-in: HTTP 503, no token"),
        (200, b"<html>", "sign-in: HTTP 200, no token"),
        (200, b'{"items": {"tokenautenticacao": "a b\\r\\nc"}}', "sign-in: HTTP 200, no token"),
    ):
        server.answer = web.Response(status=status, body=body)
        (payload,) = asked(server)
        assert (payload.failure, payload.body, payload.source) == (words, b"", "ana")
