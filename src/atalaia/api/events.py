"""The alert log as server-sent events: each entry to everybody who listens, as it is committed.

An event is encoded once, whoever listens. There is no queue a client: all read from one bounded
run of events, each from where it stands. One that falls behind that run reads on from the log;
one that takes nothing for `SLOW_S` is let go, and resumes by its `Last-Event-ID`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from atalaia.api.cap import identifier
from atalaia.api.incidents import issuer
from atalaia.api.limits import is_loopback, network
from atalaia.api.problem import Problem
from atalaia.domain.alert import instant, to_line
from atalaia.domain.in_part import Numbered

MOST_CLIENTS = 2_000
MOST_OF_AN_ADDRESS = 50
"""Listeners of one network address (`limits.network`); this machine's own (a proxy) are not
counted."""

SLOW_S = 20.0
BEAT_S = 5.0
"""Without news a client gets a beat so often: it is how anybody knows that they are still told, and
proxies close what is silent."""

KEPT = 1_000
"""Events that are held at hand."""

NEWEST = 100
"""Who names an event that is not there yet heard another log, of before this one was set back or
made: what of this is new to them nobody knows, and they get as many of the newest."""

_PAGE = 200
_RETRY_MS = 3_000

_BEAT = b"event: beat\ndata: {}\n\n"

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Access-Control-Allow-Origin": "*",
}

Backlog = Callable[[int, int], Sequence[Numbered]]
"""(after, limit) → entries of the log after a number; may block."""


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says.

    seq       its number in the alert log, which is the event's id too
    alert     with the keys of the alerts file
    places, still, opened_at, linked    as the log has them: of an official warning an entry speaks
            of `places` alone, and over those in `still` it stands besides, as was said before
    measure, is_below, stands_for    as the log has them: what the value is in words
    cap       name of the message in ``/feeds/cap/<name>.xml``
    issuer    of an official warning that is passed on; None: it is our own
    """

    seq: int
    alert: msgspec.Raw
    places: tuple[str, ...]
    still: tuple[str, ...]
    opened_at: str
    linked: tuple[str, ...]
    measure: str
    is_below: bool
    stands_for: str
    cap: str
    issuer: str | None


def frame(numbered: Numbered) -> bytes:
    """One entry as an event."""
    seq, entry = numbered
    said = AlertEvent(
        seq=seq,
        alert=msgspec.Raw(to_line(entry.alert)),
        places=entry.places,
        still=entry.still,
        opened_at=instant(entry.opened_at),
        linked=entry.linked,
        measure=entry.measure,
        is_below=entry.is_below,
        stands_for=entry.stands_for,
        cap=identifier(entry.alert),
        issuer=issuer(entry),
    )
    return b"id: %d\nevent: alert\ndata: %b\n\n" % (seq, msgspec.json.encode(said))


class Events:
    """All who listen. Everything but the backlog happens on the event loop's thread."""

    def __init__(
        self,
        backlog: Backlog,
        *,
        slow_s: float = SLOW_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self._backlog = backlog
        self._slow_s, self._beat_s = slow_s, beat_s
        self._numbers: list[int] = []
        self._frames: list[bytes] = []
        self._news = asyncio.Event()
        self._begun = asyncio.Event()
        self._is_closed = False
        self.seq = 0
        self.clients = 0
        self._of_address: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        """Whether nobody more can listen."""
        return self.clients >= MOST_CLIENTS

    def let_in(self, address: str) -> bool:
        """Count one more listener of this address; False where it has enough of them."""
        if is_loopback(address):
            return True
        name = network(address)
        if self._of_address[name] >= MOST_OF_AN_ADDRESS:
            return False
        self._of_address[name] += 1
        return True

    def let_go(self, address: str) -> None:
        """A listener that was let in has gone."""
        name = network(address)
        self._of_address[name] -= 1
        if self._of_address[name] <= 0:
            del self._of_address[name]

    def begin(self, seq: int) -> None:
        """What is in the log up to here is no news. Who listens is told nothing before this."""
        self.seq = max(self.seq, seq)
        self._begun.set()

    def publish(self, entries: Sequence[Numbered]) -> None:
        """Tell everybody."""
        for numbered in entries:
            if numbered[0] > self.seq:
                self.seq = numbered[0]
                self._numbers.append(numbered[0])
                self._frames.append(frame(numbered))
        if len(self._numbers) > 2 * KEPT:
            del self._numbers[:-KEPT], self._frames[:-KEPT]
        self._wake()

    def close(self) -> None:
        """Let everybody go."""
        self._is_closed = True
        self._begun.set()
        self._wake()

    def stream(self, after: int | None) -> Response:
        """The answer to who listens: from the entry after this number; None: from now on."""
        return _Stream(self, after)

    def _wake(self) -> None:
        # Whoever waits holds the old one; a new one is for those who wait from now on.
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def tell(self, send: Send, start: Message, after: int | None) -> None:
        """Send all that is new to one client until they, or all, are to go."""
        async with asyncio.timeout(self._slow_s):
            await send(start)
        await self._begun.wait()
        at = self.seq if after is None else after
        if at > self.seq:
            at = max(0, self.seq - NEWEST)
        hello = b'retry: %d\nid: %d\nevent: ready\ndata: {"seq":%d}\n\n' % (_RETRY_MS, at, at)
        await self._send(send, hello)
        while not self._is_closed:
            news = self._news
            at, body = await self._next(at)
            if body:
                await self._send(send, body)
                continue
            try:
                async with asyncio.timeout(self._beat_s):
                    await news.wait()
            except TimeoutError:
                await self._send(send, _BEAT)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, at: int) -> tuple[int, bytes]:
        """What comes after a number, and the number up to which that is."""
        if at >= self.seq:
            return at, b""
        first = self._numbers[0] if self._numbers else self.seq + 1
        if at + 1 >= first:
            i = _above(self._numbers, at)
            part = slice(i, i + _PAGE)
            return self._numbers[part][-1], b"".join(self._frames[part])
        missed = await run_in_threadpool(self._backlog, at, _PAGE)
        missed = [one for one in missed if one[0] <= self.seq]
        if not missed:
            return self.seq, b""
        return missed[-1][0], b"".join(map(frame, missed))

    async def _send(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._slow_s):
            await send({"type": "http.response.body", "body": body, "more_body": True})


class _Stream(Response):
    """A response that goes on until the client goes."""

    def __init__(self, events: Events, after: int | None) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        events = self._events
        client = scope.get("client")
        address = client[0] if client else ""
        if not events.let_in(address):
            problem = Problem(
                503, f"more than {MOST_OF_AN_ADDRESS} listen from one address; see docs/feeds.md"
            )
            await problem.response()(scope, receive, send)
            return
        events.clients += 1
        telling = asyncio.ensure_future(self._tell(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            events.clients -= 1
            events.let_go(address)
            telling.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError, TimeoutError, OSError):
                await telling  # a slow one ends by a time-out

    async def _tell(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await self._events.tell(send, start, self._after)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _above(numbers: Sequence[int], at: int) -> int:
    """Position of the first number above; most clients stand at the end."""
    i = len(numbers)
    while i and numbers[i - 1] > at:
        i -= 1
    return i
