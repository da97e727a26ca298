"""Data that are not within their notification, fetched by its link: whole, or not at all.

A link is a stranger's: the session that is given here goes to addresses of the outside alone, and
follows no redirection; what comes is bounded in size and held against its checksum.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import aiohttp
import msgspec

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.ports import Stream
from atalaia.sources.fetch import fetch
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.request import SourceRequest
from atalaia.sources.wis2 import content, notification
from atalaia.sources.wis2.decoder import FETCHED, NAME
from atalaia.sources.wis2.notification import Notification
from atalaia.sources.wis2.owed import TRIES, Owed, OwedData

AT_ONCE = 4
_FIRST_PAUSE_S = 60
_TIMEOUT_S = 30.0
_KEEP_S = 30
"""How often what was fetched is taken off the note: that is written as a whole."""

log = Logger()


class Downloads:
    """Fetches what is owed. `run` it in a task.

    session  which goes to no address of the inside
    check    raises ValueError for an address that may not be asked
    keep     puts payloads into the stream
    """

    def __init__(
        self,
        owed: Owed,
        stream: Stream,
        session: aiohttp.ClientSession,
        check: Callable[[str], object],
        keep: Callable[[Sequence[Payload]], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._owed = owed
        self._stream = stream
        self._session = session
        self._check = check
        self._keep = keep
        self._clock = clock
        self._busy: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Fetch, for as long as the watch runs."""
        kept_at = self._clock.second()
        try:
            while True:
                for one in self._owed.due(self._clock.second(), self._busy)[: self._room()]:
                    task = asyncio.create_task(self._fetch(one), name="fetch wis2")
                    self._busy[one.offset] = task
                    task.add_done_callback(partial(self._landed, one.offset))
                await self._clock.sleep(1.0)
                if self._clock.second() - kept_at >= _KEEP_S:
                    kept_at = self._clock.second()
                    await asyncio.to_thread(self._keep_owed)
        finally:
            for task in self._busy.values():
                task.cancel()
            self._keep_owed()

    def _keep_owed(self) -> None:
        try:
            self._owed.keep()
        except StateConflict as error:  # it is tried again, and at worst fetched again
            log.warning("what is owed of WIS2 is not kept", reason=str(error))

    def _room(self) -> int:
        return AT_ONCE - len(self._busy)

    def _landed(self, offset: int, task: asyncio.Task[None]) -> None:
        del self._busy[offset]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("data of a notification are fetched again later", error=repr(error))

    async def _fetch(self, one: OwedData) -> None:
        told, notice = await asyncio.to_thread(self._notified, one)
        if told is None or notice is None or notice.link is None:
            await asyncio.to_thread(self._owed.settle, one, None)
            return
        payload, is_final = await self._asked(told, notice)
        if payload.failure is None or is_final or one.tries + 1 >= TRIES:
            await self._keep([payload])
        pause_s = _FIRST_PAUSE_S * 2**one.tries
        again_at = self._clock.second() + pause_s
        is_done = payload.failure is None or is_final
        await asyncio.to_thread(self._owed.settle, one, None if is_done else again_at)

    def _notified(self, one: OwedData) -> tuple[Payload | None, Notification | None]:
        """The notification of what is owed, if it is there still."""
        told = one.told or next(
            (
                record.payload
                for record in self._stream.read(one.offset - 1, 1)
                if record.offset == one.offset
            ),
            None,
        )
        with suppress(Unreadable):
            return told, notification.read(told.body, Rejects(NAME)) if told else None
        return told, None

    async def _asked(self, told: Payload, notice: Notification) -> tuple[Payload, bool]:
        """What the link leads to, and whether asking again would be of no use."""
        assert notice.link is not None  # noqa: S101 - for the type checker; looked at by the caller
        url, failure = notice.link.href, None
        try:
            self._check(url)
        except ValueError:
            failure = "the link is refused"
        if (notice.link.length or 0) > content.LONGEST:
            failure = "content too long"
        if failure is not None:
            return _none(told, failure, self._clock.second()), True
        request = SourceRequest(source=told.source, content=FETCHED, places=(), url=url, params={})
        payload, _ = await fetch(
            self._session, request, self._clock.second, _TIMEOUT_S, most_bytes=content.LONGEST
        )
        if payload.failure is None and payload.status >= 300:
            payload = _none(told, f"HTTP {payload.status}", payload.received_at)
            return payload, False
        if payload.failure is None:
            try:
                content.checked(payload.body, notice.integrity)
            except Unreadable as error:
                return _none(told, error.reason, payload.received_at), False
            body = content.with_data(told.body, payload.body)
            payload = msgspec.structs.replace(payload, body=body)
        return payload, False


def _none(told: Payload, failure: str, now: int) -> Payload:
    return Payload(source=told.source, content=FETCHED, received_at=now, body=b"", failure=failure)
