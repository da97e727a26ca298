"""Targets of webhooks on loopback, names that mean what a test says, and a canary."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Names(AbstractResolver):
    """A resolver of its own: by name one answer after the other, the last one for good.

    `asked` holds the names in the order of the questions. A name that it does not know has the
    addresses of `otherwise`.
    """

    def __init__(
        self, answers: dict[str, Sequence[Sequence[str]]], otherwise: Sequence[str] = ()
    ) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}
        self._otherwise = otherwise
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        left = self._answers.get(host, [self._otherwise])
        addresses = left.pop(0) if len(left) > 1 else left[0]
        if not addresses:
            raise OSError(None, "no such name")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Canary:
    """Listens on all of this host's addresses, IPv4 and IPv6, at one port; who comes is counted."""

    def __init__(self) -> None:
        self._listening = [self._listen(socket.AF_INET, "0.0.0.0", 0)]
        self.port: int = self._listening[0].getsockname()[1]
        with suppress(OSError):  # a host without IPv6
            self._listening.append(self._listen(socket.AF_INET6, "::", self.port))

    @property
    def has_ipv6(self) -> bool:
        return len(self._listening) == 2

    def visits(self) -> int:
        """How many connections came since the last time."""
        came = 0
        for listening in self._listening:
            with suppress(BlockingIOError):
                while True:
                    listening.accept()[0].close()
                    came += 1
        return came

    def close(self) -> None:
        for listening in self._listening:
            listening.close()

    @staticmethod
    def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        listening = socket.socket(family)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen()
        listening.setblocking(False)
        return listening


@asynccontextmanager
async def target(answer: Answer, **options: object) -> AsyncIterator[TestServer]:
    """A web server that answers every request in this way."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app, **options) as server:  # type: ignore[arg-type]
        yield server


@asynccontextmanager
async def rude_target(*, resets: bool) -> AsyncIterator[str]:
    """Reads the request, then says nothing for ever or resets the connection. Yields its URL."""
    held: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        if resets:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
