"""Asks one service for its official warnings, for as long as the watch runs.

An address of the settings answers an index, or the messages themselves. Where it is an index, the
messages that it leads to are fetched too, each once, from the same host and from no other: a feed
must not send this program about. What comes goes on as payloads; an answer that is the same as the
last is no news and does not. That a message is no longer listed means nothing here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
import structlog

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.sources import cap
from atalaia.sources.fetch import fetch
from atalaia.sources.health import Health
from atalaia.sources.request import SourceRequest

PAUSE_S = 0.2
"""Between two messages of one index: a service is not to be rushed."""

_LONGEST_PAUSE_S = 900.0
_GONE = (404, 410)

log = structlog.get_logger()

Deliver = Callable[[list[Payload]], Awaitable[object]]


class Memory(msgspec.Struct):
    """What a feed's poller knows of it; who polls in several processes hands it on.

    digest    of the index or document as it was last kept
    known     marks of the messages that were fetched, as the index named them
    failures  since it last answered
    due_at    when it is to be asked again; Unix seconds
    """

    digest: str = ""
    known: set[str] = msgspec.field(default_factory=set)
    failures: int = 0
    due_at: float = 0.0
    health: Health = msgspec.field(default_factory=Health)


class FeedPoller:
    """Polls one feed for ever: `run` it in a task, and cancel that to stop.

    name      ``cap:`` and the feed's host: what logs and `/readyz` call it
    """

    def __init__(
        self,
        url: str,
        interval_s: int,
        session: aiohttp.ClientSession,
        deliver: Deliver,
        *,
        clock: Clock,
        timeout_s: float = 30.0,
        memory: Memory | None = None,
    ) -> None:
        self.url = url
        self.interval_s = interval_s
        self.name = f"{cap.NAME}:{urlsplit(url).hostname}"
        self.memory = memory or Memory()
        self._session = session
        self._deliver = deliver
        self._clock = clock
        self._timeout_s = timeout_s

    async def run(self) -> None:
        """Ask, and go on asking: nothing that a feed does ends this."""
        while True:
            await self.look()
            await self._clock.sleep(self.memory.due_at - self._clock.now())

    async def look(self) -> None:
        """One round, and when the next is due."""
        try:
            await self.round()
        except (ValueError, LookupError, TypeError) as error:
            log.exception("fault in the feed", feed=self.name, error=repr(error))
        self.memory.due_at = self._clock.now() + self._pause_s()

    async def round(self) -> None:
        """Ask once, and for all messages that are new."""
        payload = await self._ask(self.url, cap.FEED)
        reason = payload.failure or (f"HTTP {payload.status}" if payload.status >= 300 else None)
        self._note(reason)
        digest = _digest(payload.body)
        if reason is not None:
            await self._deliver([payload])
            return
        if digest != self.memory.digest:
            await self._deliver([payload])
            self.memory.digest = digest
        links = await asyncio.to_thread(lambda: cap.read(payload).links)
        await self._follow(links)

    async def _follow(self, links: Sequence[cap.Link]) -> None:
        """Fetch what is new; what an index lists first is the newest, and goes last."""
        listed = {
            urljoin(self.url, link.url): link.digest
            for link in reversed(links)
            if cap.parts_of(link.url) != cap.parts_of("")
        }
        marks = {url: _digest(f"{url} {digest}".encode()) for url, digest in listed.items()}
        self.memory.known.intersection_update(marks.values())
        for url, mark in marks.items():
            if mark in self.memory.known or not self._is_own(url):
                continue
            payload = await self._ask(url, cap.MESSAGE)
            await self._deliver([payload])
            is_final = payload.failure is None and (payload.status < 300 or payload.status in _GONE)
            if is_final:
                self.memory.known.add(mark)
            await self._clock.sleep(PAUSE_S)

    def _is_own(self, url: str) -> bool:
        """Whether a link stays with the feed's own host (and does not leave TLS)."""
        own, other = cap.parts_of(self.url), cap.parts_of(url)
        is_as_safe = other.scheme in (own.scheme, "https")
        return is_as_safe and other.netloc == own.netloc

    async def _ask(self, url: str, content: str) -> Payload:
        request = SourceRequest(source=cap.NAME, content=content, places=(), url=url, params={})
        payload, _ = await fetch(self._session, request, self._clock.second, self._timeout_s)
        return payload

    def _note(self, reason: str | None) -> None:
        memory, now = self.memory, self._clock.second()
        if reason is None:
            if memory.health.reason is not None:
                log.info("feed answers again", feed=self.name)
            memory.failures = 0
            memory.health = Health(last_success_at=now)
            return
        if memory.health.reason is None:
            log.warning(
                "feed does not answer; it is tried again for ever, and what stands goes on",
                feed=self.name,
                reason=reason,
            )
        memory.failures += 1
        memory.health.reason = reason
        memory.health.next_try_at = now + int(self._pause_s())

    def _pause_s(self) -> float:
        """Until the next round: longer the longer it fails."""
        slowest_s = max(_LONGEST_PAUSE_S, self.interval_s)
        pause_s = min(slowest_s, self.interval_s * 2.0 ** min(self.memory.failures, 8))
        return pause_s * (1 + 0.1 * self._clock.jitter())

    def shown(self) -> dict[str, Any]:
        """Its health, as `/readyz` shows it."""
        return self.memory.health.shown(self.interval_s, self._clock.second())


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()
