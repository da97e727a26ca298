"""Questions over kept connections: what is an answer, what is none, and what is used again."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from atalaia.channels.guard import Rules, guarded_connector, networks
from atalaia.channels.wires import Head, NotHttp, Wires
from patience import LIMIT_S, brief, patient, slowness, until

from .certificates import certified
from .servers_webhook import Names, unused_port

OPEN = Rules(allow=networks(["127.0.0.0/8"]))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUESTION = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

Meet = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Speaks as the test says; counts who came, and who is still there."""

    def __init__(self, meet: Meet) -> None:
        self.connections = self.open = 0
        self._meet = meet

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._meet(reader, writer)
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()


@asynccontextmanager
async def serving(meet: Meet, **options: Any) -> AsyncIterator[tuple[Server, URL]]:
    server = Server(meet)
    scheme = "https" if "ssl" in options else "http"
    listening = await asyncio.start_server(server, "127.0.0.1", 0, **options)
    try:
        yield server, URL(f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    finally:
        listening.close()


@asynccontextmanager
async def wires(timeout_s: float = LIMIT_S, **options: Any) -> AsyncIterator[Wires]:
    made = Wires(guarded_connector(OPEN, limit=0, **options), timeout_s)
    try:
        yield made
    finally:
        await made.close()


def saying(*answers: bytes) -> Meet:
    """One answer to each question; then silence."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

    return meet


def asked(meet: Meet, times: int = 2, timeout_s: float = LIMIT_S) -> tuple[list[Any], int]:
    """What questions come to, one after the other, and how many connections they took."""

    async def run() -> tuple[list[Any], int]:
        found: list[Any] = []
        async with serving(meet) as (server, origin), wires(timeout_s) as made:
            for _ in range(times):
                try:
                    found.append((await made.ask(origin, QUESTION)).status)
                except (aiohttp.ClientError, OSError, NotHttp) as error:
                    found.append(type(error).__name__)
                await asyncio.sleep(0.02)
        return found, server.connections

    return asyncio.run(run())


def test_questions_one_after_the_other_go_over_one_connection() -> None:
    assert asked(saying(*[OK] * 5), 5) == ([200] * 5, 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK,
        b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_a_connection_is_used_again_after(answer: bytes) -> None:
    status = 204 if b" 204 " in answer else 200
    assert asked(saying(answer, answer)) == ([status] * 2, 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + OK,  # one that nobody asked for: the next question must not take it for its own
        OK + b"HTTP/1.1 500 ",
        OK + b"xx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
    ],
)
def test_a_connection_is_given_up_after(answer: bytes) -> None:
    wrong = b"HTTP/1.1 500 Wrong\r\nContent-Length: 0\r\n\r\n"
    limit_s = brief() if b"100000" in answer else LIMIT_S  # whose end is waited for in vain
    assert asked(saying(answer, wrong), timeout_s=limit_s) == ([200] * 2, 2)


def test_what_comes_unasked_while_a_connection_is_free_answers_nothing() -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        await is_free.wait()
        writer.write(b"HTTP/1.1 500 Wrong\r\nContent-Length: 0\r\n\r\n")

    async def run() -> None:
        async with serving(meet) as (server, origin), wires() as made:
            assert (await made.ask(origin, QUESTION)).status == 200
            assert made._free, "it is kept for the next question"
            is_free.set()
            await until(lambda: not made._free)
            assert (await made.ask(origin, QUESTION)).status == 200
            assert server.connections == 2

    is_free = asyncio.Event()
    asyncio.run(run())


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 500 Wrong\r\nContent-Length: 0\r\n\r\n", b""])
def test_what_came_unasked_and_was_not_read_yet_answers_nothing(unasked: bytes) -> None:
    """Also an end: no message is written into a connection that the other side has closed."""
    asked_once, has_come = threading.Event(), threading.Event()

    def serve(listening: socket.socket) -> None:
        first, _ = listening.accept()
        with first:
            first.recv(65_536)
            first.sendall(OK)
            assert asked_once.wait(LIMIT_S)
            first.sendall(unasked) if unasked else first.shutdown(socket.SHUT_WR)
            has_come.set()
            second, _ = listening.accept()
            with second:
                second.recv(65_536)
                second.sendall(OK.replace(b"200", b"201"))

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = threading.Thread(target=serve, args=(listening,))
            server.start()
            origin = URL(f"http://127.0.0.1:{listening.getsockname()[1]}")
            async with wires() as made:
                assert (await made.ask(origin, QUESTION)).status == 200
                assert made._free, "it is kept for the next question"
                asked_once.set()
                assert has_come.wait(LIMIT_S)  # the loop stands, and reads nothing
                assert (await made.ask(origin, QUESTION)).status == 201
            server.join(LIMIT_S)

    asyncio.run(run())


def test_an_answer_comes_in_pieces_of_any_size() -> None:
    answer = b"HTTP/1.1 429 Slow down\r\nX: y\r\nretry-AFTER: 7\r\nRetry-After: 9\r\n" + OK[17:]

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for size in (1, 3, 7):
            await reader.readuntil(b"\r\n\r\n")
            for i in range(0, len(answer), size):
                writer.write(answer[i : i + size])
                await writer.drain()
                await asyncio.sleep(0)

    async def run() -> None:
        async with serving(meet) as (server, origin), wires() as made:
            for _ in range(3):
                assert await made.ask(origin, QUESTION) == Head(429, {"Retry-After": "7"})
        assert server.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "NotHttp"),
        (b"HTTP/2 200\r\n\r\n", "NotHttp"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "NotHttp"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, "NotHttp"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\nxx", 101),
    ],
)
def test_what_is_no_answer_is_known_at_once(answer: bytes, outcome: object) -> None:
    assert asked(saying(answer), 1) == ([outcome], 1)


def test_an_answer_is_one_however_its_body_ends() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun"

    async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        linger = struct.pack("ii", 1, 0)
        await asyncio.sleep(0.02)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    assert asked(breaks_off, 1) == ([200], 1)
    began, limit_s = time.monotonic(), brief()
    assert asked(saying(head), 1, timeout_s=limit_s) == ([200], 1)
    assert time.monotonic() - began >= limit_s, "it is waited for, as long as for any"

    async def until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nas long as it lasts")
        await writer.drain()
        writer.write_eof()

    assert asked(until_the_end, 1) == ([200], 1)


def test_an_answer_before_the_question_is_written_gives_the_connection_up() -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async def run() -> None:
        large = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 50_000_000
        )
        async with serving(meet, limit=65536) as (server, origin), wires() as made:
            assert (await made.ask(origin, large)).status == 413
            assert (await made.ask(origin, QUESTION)).status == 413
            assert server.connections == 2

    asyncio.run(run())


def test_who_never_answers_is_given_up_in_time_and_the_connection_with_it() -> None:
    async def run() -> None:
        async with serving(saying()) as (server, origin), wires(brief()) as made:
            asks = [made.ask(origin, QUESTION) for _ in range(20)]
            found = await asyncio.gather(*asks, return_exceptions=True)
            assert all(isinstance(one, TimeoutError) for one in found), found
            async with patient():
                while server.open:
                    await asyncio.sleep(0.01)

    asyncio.run(run())


def test_who_stops_waiting_leaves_nothing_behind() -> None:
    async def run() -> None:
        async with serving(saying()) as (server, origin), wires() as made:
            asking = asyncio.create_task(made.ask(origin, QUESTION))
            async with patient():
                while not server.open:
                    await asyncio.sleep(0.005)
                asking.cancel()
                await asyncio.wait([asking])
                assert asking.cancelled()
                while server.open:
                    await asyncio.sleep(0.005)

    asyncio.run(run())


def test_a_free_connection_is_closed_before_the_other_side_would() -> None:
    async def run() -> None:
        async with serving(saying(OK)) as (server, origin), wires() as made:
            await made.ask(origin, QUESTION)
            assert server.open == 1
            began = time.monotonic()
            async with patient():
                while server.open:
                    await asyncio.sleep(0.05)
            assert 3.5 < time.monotonic() - began < 5 * slowness()
            assert not made._free

    asyncio.run(run())


def test_a_connection_that_the_other_side_closed_is_not_asked() -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    assert asked(meet, 3) == ([200] * 3, 3)


def test_at_once_each_has_a_connection_of_its_own_and_its_own_answer() -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split()[1][1:])
            await asyncio.sleep((status * 7919 % 13) / 2000)
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

    async def run() -> None:
        async with serving(meet) as (server, origin), wires() as made:

            async def one(worker: int) -> None:
                for i in range(30):
                    status = 200 + (worker * 30 + i) % 400
                    question = b"POST /%d HTTP/1.1\r\nContent-Length: 0\r\n\r\n" % status
                    assert (await made.ask(origin, question)).status == status

            await asyncio.gather(*(one(i) for i in range(16)))
            assert server.connections == 16

    asyncio.run(run())


def test_tls_is_kept_and_trusted_as_the_connector_has_it(tmp_path: Path) -> None:
    context, trusting = certified(tmp_path, "hooks.example.com")
    names = Names({"hooks.example.com": [["127.0.0.1"]]})

    async def run() -> None:
        async with serving(saying(OK, OK), ssl=context) as (server, at):
            origin = URL.build(scheme="https", host="hooks.example.com", port=at.port)
            async with wires(resolver=names, ssl=trusting) as made:
                assert (await made.ask(origin, QUESTION)).status == 200
                assert (await made.ask(origin, QUESTION)).status == 200
                assert server.connections == 1
            async with wires(resolver=names) as made:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await made.ask(origin, QUESTION)

    asyncio.run(run())


def test_where_no_connection_comes_about_that_is_what_is_told() -> None:
    async def run() -> None:
        async with wires() as made:
            with pytest.raises(aiohttp.ClientConnectorError):
                await made.ask(URL(f"http://127.0.0.1:{unused_port()}"), QUESTION)

    asyncio.run(run())
