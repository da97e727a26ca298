"""HTTP/1.1 to many servers: a question at a time on each connection, with little work for each.

Connections are opened by aiohttp's connector, with all that is checked there (names, gates, TLS).
What goes over them needs no session's cookies, redirections, proxies and traces: a question is one
write, and httptools reads the answer.

    ask ─► a connection that is free, or a new one ─► write ─► head ─► body, a little ─► free again
"""

from __future__ import annotations

import asyncio
import select
from collections import defaultdict

import aiohttp
import httptools
import msgspec
from yarl import URL

from atalaia.deadlines import Deadlines

_KEEP_ALIVE_S = 4.0
"""Under the 5 s that a Node server keeps: a message written into a connection that the other side
has just closed comes to an unknown outcome."""

_MOST_OF_HEAD = 64 * 1024
_MOST_OF_BODY = 4096
"""Of an answer no more is read: it only sets the connection free for the next message."""

_WANTED = {b"retry-after": "Retry-After", b"date": "Date"}


class NotHttp(Exception):
    """What came is no answer by HTTP/1.1."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """Of an answer its status, and the headers that say when to ask again."""

    status: int
    headers: dict[str, str]


Answer = asyncio.Future[Head]


class Wires:
    """Connections by origin (scheme, host and port), kept for a few seconds after an answer. Made
    on the event loop that they are used on.

    connector  opens them, and is closed with them
    timeout_s  from the question to the end of the answer; half of it for a new connection
    """

    def __init__(self, connector: aiohttp.BaseConnector, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._connector = connector
        self._timeout = aiohttp.ClientTimeout(connect=timeout_s / 2)
        self._free: defaultdict[URL, list[_Wire]] = defaultdict(list)
        self._asked: Deadlines[Answer] = Deadlines(timeout_s, _give_up)
        self._unused: Deadlines[_Wire] = Deadlines(_KEEP_ALIVE_S, lambda wire: wire.close())

    async def ask(self, origin: URL, question: bytes) -> Head:
        """Write a whole request, and wait for its answer.

        The status is what counts: an answer that breaks off, or goes on for ever, after its head
        was an answer. Raises aiohttp.ClientError, TimeoutError or `NotHttp` where there is none.
        """
        answer: Answer = self._loop.create_future()
        self._asked.begin(answer)
        wire = None
        try:
            wire = self._taken(origin) or await self._opened(origin)
            wire.ask(question, answer)
            return await answer
        except TimeoutError:
            head = wire.head_for(answer) if wire is not None else None
            if head is None:
                raise
            return head
        finally:
            self._asked.end(answer)
            if wire is not None:
                wire.leave(answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    def put(self, origin: URL, wire: _Wire) -> None:
        """It is free."""
        self._free[origin].append(wire)
        self._unused.begin(wire)

    def drop(self, origin: URL, wire: _Wire) -> None:
        """It is closed."""
        self._unused.end(wire)
        free = self._free.get(origin, [])
        if wire in free:
            free.remove(wire)
        if not free:
            self._free.pop(origin, None)

    def _taken(self, origin: URL) -> _Wire | None:
        free = self._free.get(origin)
        while free:
            wire = free.pop()
            self._unused.end(wire)
            if wire.is_quiet:
                return wire
            wire.close()
        return None

    async def _opened(self, origin: URL) -> _Wire:
        request = aiohttp.ClientRequest("POST", origin, loop=self._loop)
        try:
            connection = await self._connector.connect(request, [], self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        return _Wire(self, origin, connection)


class _Wire(asyncio.Protocol):
    """One connection: taken over from aiohttp as soon as it stands."""

    def __init__(self, wires: Wires, origin: URL, connection: aiohttp.connector.Connection) -> None:
        transport, first = connection.transport, connection.protocol
        if transport is None or first is None:
            raise aiohttp.ServerDisconnectedError
        transport.set_protocol(self)
        self._wires = wires
        self._origin = origin
        self._connection = connection
        self._first = first
        self._transport = transport
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket"), select.POLLIN)
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._forget()

    def _forget(self) -> None:
        self._head: Head | None = None
        self._headers: dict[str, str] = {}
        self._read = 0

    @property
    def is_quiet(self) -> bool:
        """Whether it can be asked. What came unasked, or its end, may lie in the socket while the
        loop has other things to do: it would be taken for the answer."""
        return not self._transport.is_closing() and not self._unread.poll(0)

    def ask(self, question: bytes, answer: Answer) -> None:
        """Write the question; `answer` is told what comes."""
        self._answer = answer
        self._forget()
        self._transport.write(question)

    def head_for(self, answer: Answer) -> Head | None:
        """The head of this answer, as far as it has come."""
        return self._head if self._answer is answer else None

    def leave(self, answer: Answer) -> None:
        """Nobody waits for this answer any more: what is under way would be taken for another."""
        if self._answer is answer:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # asyncio's calls

    def data_received(self, data: bytes) -> None:
        """Of the answer; or nothing that was asked for."""
        if self._answer is None:
            self.close()
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:  # no HTTP; or an upgrade, which nobody asked for
            self._end(NotHttp())
            self.close()
            return
        if self._answer is not None and self._read > self._most():
            self._end(NotHttp())
            self.close()

    def _most(self) -> int:
        return _MOST_OF_HEAD if self._head is None else _MOST_OF_BODY

    def connection_lost(self, error: Exception | None) -> None:
        """By the other side, or by us."""
        self._wires.drop(self._origin, self)
        self._first.connection_lost(error)
        self._connection.close()
        if isinstance(error, OSError):
            self._end(aiohttp.ClientOSError(*error.args))
        else:
            self._end(aiohttp.ServerDisconnectedError())

    # The parser's calls

    def on_message_begin(self) -> None:
        """An answer; or one that nobody asked for, behind the one that was."""
        if self._answer is None:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of the head."""
        if wanted := _WANTED.get(name.lower()):
            self._headers.setdefault(wanted, value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The head has come; that of an interim answer says nothing."""
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self._head, self._read = Head(status, self._headers), 0

    def on_message_complete(self) -> None:
        """The body has come."""
        if self._head is None or self._answer is None:
            return
        is_free = self._parser.should_keep_alive() and not self._transport.get_write_buffer_size()
        self._end(None)
        if is_free:
            self._wires.put(self._origin, self)
        else:
            self.close()

    def _end(self, error: Exception | None) -> None:
        """The answer is what there is of it."""
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if self._head is not None:
            answer.set_result(self._head)
        else:
            answer.set_exception(error or NotHttp())


def _give_up(answer: Answer) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
