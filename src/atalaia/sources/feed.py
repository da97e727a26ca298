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
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
import structlog

from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.sources import cap
from atalaia.sources.fetch import fetch
from atalaia.sources.request import Request

PAUSE_S = 0.2
"""Between two messages of one index: a service is not to be rushed."""

_LONGEST_PAUSE_S = 900.0
_GONE = (404, 410)

log = structlog.get_logger()

Deliver = Callable[[list[Payload]], Awaitable[object]]


class FeedHealth(msgspec.Struct):
    """How a feed is doing. `reason` is why it does not answer; None: it does."""

    reason: str | None = None
    last_success_at: int | None = None
    next_try_at: int | None = None


class FeedPoller:
    """Polls one feed for ever: `run` it in a task, and cancel that to stop.

    name      ``cap:`` and the feed's host: what logs and `/readyz` call it
    jitter    draws from 0 to 1, so that many watches do not come at once
    """

    def __init__(
        self,
        url: str,
        interval_s: int,
        session: aiohttp.ClientSession,
        deliver: Deliver,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        timeout_s: float = 30.0,
    ) -> None:
        self.url = url
        self.interval_s = interval_s
        self.name = f"{cap.NAME}:{urlsplit(url).hostname}"
        self.health = FeedHealth()
        self._session = session
        self._deliver = deliver
        self._now, self._sleep, self._jitter = now, sleep, jitter
        self._timeout_s = timeout_s
        self._kept = b""
        self._known: dict[str, str] = {}
        self._failures = 0

    async def run(self) -> None:
        """Ask, and go on asking: nothing that a feed does ends this."""
        while True:
            try:
                await self.round()
            except (ValueError, LookupError, TypeError) as error:
                log.exception("fault in the feed", feed=self.name, error=repr(error))
            await self._sleep(self._pause_s())

    async def round(self) -> None:
        """Ask once, and for all messages that are new."""
        payload = await self._ask(self.url, cap.FEED)
        reason = payload.failure or (f"HTTP {payload.status}" if payload.status >= 300 else None)
        self._note(reason)
        digest = hashlib.blake2b(payload.body).digest()
        if reason is not None:
            await self._deliver([payload])
            return
        if digest != self._kept:
            await self._deliver([payload])
            self._kept = digest
        links = await asyncio.to_thread(lambda: cap.read(payload).links)
        await self._follow(links)

    async def _follow(self, links: Sequence[cap.Link]) -> None:
        """Fetch what is new; what an index lists first is the newest, and goes last."""
        listed = {
            urljoin(self.url, link.url): link.digest
            for link in reversed(links)
            if cap.parts_of(link.url) != cap.parts_of("")
        }
        self._known = {url: digest for url, digest in self._known.items() if url in listed}
        for url, digest in listed.items():
            if self._known.get(url) == digest or not self._is_own(url):
                continue
            payload = await self._ask(url, cap.MESSAGE)
            is_final = payload.failure is None and (payload.status < 300 or payload.status in _GONE)
            if is_final:
                self._known[url] = digest
            await self._deliver([payload])
            await self._sleep(PAUSE_S)

    def _is_own(self, url: str) -> bool:
        """Whether a link stays with the feed's own host (and does not leave TLS)."""
        own, other = cap.parts_of(self.url), cap.parts_of(url)
        is_as_safe = other.scheme in (own.scheme, "https")
        return is_as_safe and other.netloc == own.netloc

    async def _ask(self, url: str, content: str) -> Payload:
        request = Request(source=cap.NAME, content=content, places=(), url=url, params={})
        payload, _ = await fetch(self._session, request, lambda: int(self._now()), self._timeout_s)
        return payload

    def _note(self, reason: str | None) -> None:
        now = int(self._now())
        if reason is None:
            if self.health.reason is not None:
                log.info("feed answers again", feed=self.name)
            self._failures = 0
            self.health = FeedHealth(last_success_at=now)
            return
        if self.health.reason is None:
            log.warning(
                "feed does not answer; it is tried again for ever, and what stands goes on",
                feed=self.name,
                reason=reason,
            )
        self._failures += 1
        self.health.reason = reason
        self.health.next_try_at = now + int(self._pause_s())

    def _pause_s(self) -> float:
        """Until the next round: longer the longer it fails."""
        slowest_s = max(_LONGEST_PAUSE_S, self.interval_s)
        pause_s = min(slowest_s, self.interval_s * 2.0 ** min(self._failures, 8))
        return pause_s * (1 + 0.1 * self._jitter())

    def shown(self) -> dict[str, object]:
        """Its health, as `/readyz` shows it: fresh while its last answer is younger than three
        intervals."""
        at, now = self.health.last_success_at, int(self._now())
        next_try_at = self.health.next_try_at
        return {
            "fresh": at is not None and now - at < 3 * self.interval_s,
            "last_success_at": None if at is None else instant(at),
            "age_s": None if at is None else now - at,
            "fault": self.health.reason,
            "next_try_at": None if next_try_at is None else instant(next_try_at),
        }
