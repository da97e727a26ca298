"""A provider on loopback that answers as badly as providers do: one way an address, or by lot."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML = "<html><head><title>Maintenance</title></head><body>Back soon</body></html>"


async def slow(request: web.Request) -> web.StreamResponse:
    """A byte now and then, for ever."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with suppress(ConnectionError):  # who asked has had enough of it
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.5)
    return response


async def hanging(request: web.Request) -> web.StreamResponse:
    """A head, and nothing after it."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await asyncio.sleep(3600)
    return response


async def reset(request: web.Request) -> web.StreamResponse:
    """The connection is gone."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def truncated(request: web.Request) -> web.StreamResponse:
    """Half of what it says that it sends."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"latitude": 1.0, "current": {' * 10)
    assert request.transport is not None
    request.transport.close()
    return response


async def html(_: web.Request) -> web.StreamResponse:
    """A page for people, with 200."""
    return web.Response(text=_HTML, content_type="text/html")


async def too_many(_: web.Request) -> web.StreamResponse:
    """429, and when to come again."""
    return web.Response(status=429, headers={"Retry-After": "2"})


async def too_many_for_ever(_: web.Request) -> web.StreamResponse:
    """429, and no more."""
    return web.Response(status=429)


async def broken(_: web.Request) -> web.StreamResponse:
    """5xx."""
    return web.Response(status=random.choice([500, 502, 503, 504]), text=_HTML)


async def large(_: web.Request) -> web.StreamResponse:
    """10 MB of JSON."""
    return web.Response(
        body=b"[" + b'{"a": [1.5, null, "x"]},' * 420_000 + b"{}]", content_type="application/json"
    )


WAYS: tuple[Answer, ...] = (
    *(slow, hanging, reset, truncated, html),
    *(too_many, too_many_for_ever, broken, large),
)


class Rude:
    """The server. ``/feed/N`` answers in the N-th way, all else by lot. Use it in an ``async with``
    block.

    answered  how often in which way
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.answered: Counter[str] = Counter()

    async def __aenter__(self) -> Rude:
        application = web.Application()
        application.router.add_get("/feed/{way}", self._in_one_way)
        application.router.add_get("/{any:.*}", self._by_lot)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def feeds(self) -> str:
        """Their addresses, as the setting wants them."""
        return ",".join(f"{self.url}/feed/{n}" for n in range(len(WAYS)))

    async def _in_one_way(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(WAYS[int(request.match_info["way"])], request)

    async def _by_lot(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(self._chance.choice(WAYS), request)

    async def _answer(self, way: Answer, request: web.Request) -> web.StreamResponse:
        self.answered[way.__name__] += 1
        return await way(request)
