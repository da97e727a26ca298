"""Asks one service for its official warnings, for as long as the watch runs.

An address of the settings answers an index, or the messages themselves. Where it is an index, the
messages that it leads to are fetched too, each once, from the same host and from no other: a feed
must not send this program about. The host is the same with ``www.``, in capitals, by http or with
its port, and is asked as the feed is. A link that is not followed is told, in a payload of our own.
What comes goes on as payloads; an answer that is the same as the last is no news and does not. That
a message is no longer listed means nothing here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
import msgspec

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.logs import Logger
from atalaia.sources.cap import decoder as cap
from atalaia.sources.cap.found import Found, Link, parts_of
from atalaia.sources.fetch import fetch
from atalaia.sources.health import Health
from atalaia.sources.request import SourceRequest

PAUSE_S = 0.2
"""Between two messages of one index: a service is not to be rushed."""

_LONGEST_PAUSE_S = 900.0
_GONE = (404, 410)

log = Logger()

Deliver = Callable[[list[Payload]], Awaitable[object]]


class Memory(msgspec.Struct):
    """What a feed's poller knows of it; who polls in several processes hands it on.

    digest    of the index or document as it was last kept
    known     marks of the messages that were fetched, as the index named them
    unused    how many warnings could not be used, by such a mark; of the index itself by ""
    failures  since it last answered
    due_at    when it is to be asked again; Unix seconds
    """

    digest: str = ""
    known: set[str] = msgspec.field(default_factory=set)
    unused: dict[str, int] = msgspec.field(default_factory=dict)
    failures: int = 0
    due_at: float = 0.0
    health: Health = msgspec.field(default_factory=Health)


class FeedPoller:
    """Polls one feed for ever: `run` it in a task, and cancel that to stop.

    name      ``cap:`` and the feed's host: what logs and `/readyz` call it
    forms     of codes that may name a watched place (`cap.found.forms_of`)
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
        forms: frozenset[str] = frozenset(),
    ) -> None:
        self.url = url
        self.interval_s = interval_s
        self.name = f"{cap.NAME}:{urlsplit(url).hostname}"
        self.memory = memory or Memory()
        self._session = session
        self._deliver = deliver
        self._clock = clock
        self._timeout_s = timeout_s
        self._forms = forms

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
        digest = _digest(payload.body)
        if reason is not None:
            self._note(reason)
            await self._deliver([payload])
            return
        found = await self._read(payload)
        self._note(_useless(found))
        listed, refused = self._listed(found.links)
        if digest != self.memory.digest:
            told = [self._unfollowed(refused)] if refused else []
            await self._deliver([payload, *told])
            self.memory.digest = digest
        self.memory.unused[""] = cap.lost(found) + len(refused)
        try:
            await self._follow(listed)
        finally:
            self.memory.health.unused = sum(self.memory.unused.values())

    async def _read(self, payload: Payload) -> Found:
        return await asyncio.to_thread(cap.read, payload, self._forms)

    def _listed(self, links: Sequence[Link]) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """By address to fetch the mark of its entry, what an index lists first last; and the links
        that are not followed, each with its reason."""
        marks: dict[str, str] = {}
        refused = []
        for link in reversed(links):
            url, reason = _own_address(self.url, link.url)
            if reason:
                refused.append((reason, link.url[:200]))
            else:
                marks[url] = _digest(f"{url} {link.digest}".encode())
        return marks, refused

    async def _follow(self, marks: dict[str, str]) -> None:
        """Fetch what is new; what an index lists first is the newest, and goes last."""
        memory = self.memory
        memory.known.intersection_update(marks.values())
        kept = memory.known | {""}
        memory.unused = {mark: n for mark, n in memory.unused.items() if mark in kept}
        for url, mark in marks.items():
            if mark in memory.known:
                continue
            payload = await self._ask(url, cap.MESSAGE)
            await self._deliver([payload])
            memory.unused[mark] = cap.lost(await self._read(payload))
            is_final = payload.failure is None and (payload.status < 300 or payload.status in _GONE)
            if is_final:
                memory.known.add(mark)
            await self._clock.sleep(PAUSE_S)

    def _unfollowed(self, refused: Sequence[tuple[str, str]]) -> Payload:
        return Payload(
            source=cap.NAME,
            content=cap.UNFOLLOWED,
            received_at=self._clock.second(),
            body=msgspec.json.encode(refused),
        )

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
            memory.health = Health(last_success_at=now, unused=memory.health.unused)
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


def _useless(found: Found) -> str | None:
    """Why nothing in an answer can be used; None: something can, or nothing is in force."""
    if found.officials or found.links or not found.rejects:
        return None
    return f"its answer cannot be used: {found.rejects[0].reason}"


def _own_address(feed: str, link: str) -> tuple[str, str]:
    """Where a feed's link is fetched, and why not; one of the two is empty.

    It stays with the feed's own host, and does not leave TLS.
    """
    own = parts_of(feed)
    other = parts_of(urljoin(feed, link)) if parts_of(link) != parts_of("") else None
    if other is None or other.scheme not in ("http", "https"):
        return "", "not a link"
    if _host(own) != _host(other) or _port(own, own) != _port(other, own):
        return "", "link to another host"
    is_https = "https" in (own.scheme, other.scheme)
    netloc = own.netloc if is_https == (own.scheme == "https") else own.hostname or ""
    return other._replace(scheme="https" if is_https else "http", netloc=netloc).geturl(), ""


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").removeprefix("www.")


def _port(parts: SplitResult, feed: SplitResult) -> int | None:
    """None: that of the feed's scheme, or of the plain one."""
    try:
        port = parts.port
    except ValueError:
        return -1
    return None if port in (443, 80) and feed.scheme in ("http", "https") else port


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()
