"""What a broker lost, asked of the nodes themselves: a wis2box keeps the messages of its own.

`ARCHIVE/collections/messages/items?datetime=FROM/TO` has those published in between, by page and in
no order; it keeps 36 hours to 3 months. A page goes into the stream as it came (``wnm-archive``):
what was heard all the same changes no row. Data that are not within their notification stay lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import aiohttp
import msgspec

from atalaia.clock import Clock
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Notes
from atalaia.sources.fetch import fetch
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.request import SourceRequest
from atalaia.sources.wis2.decoder import ARCHIVE, NAME

PAGE = 200
"""Messages of one request: a page of the longest has some megabytes."""

TRIES = 6
"""The last one comes an hour after the first."""

_MOST_PAGES = 100
_EARLIER_S = 900
"""A message is published before it is received."""

_OLDEST_S = 36 * 3600
_LOOK_S = 30.0
_FIRST_PAUSE_S = 60

log = Logger()


class _Page(msgspec.Struct):
    """An answer, as far as it has to be known here."""

    features: list[msgspec.Raw]


_decode_page = msgspec.json.Decoder(_Page).decode


class AskedGap(msgspec.Struct):
    """How far one archive was asked for one gap: pages that were kept, failures since, when to go
    on (Unix seconds), and whether there is no more."""

    pages: int = 0
    tries: int = 0
    due_at: int = 0
    is_over: bool = False


Asked = dict[str, AskedGap]


class Archives:
    """Fills gaps. `run` it in a task.

    archives  address by centre
    gaps      those that are known
    session   goes to no address of the inside
    keep      puts payloads into the stream
    """

    def __init__(
        self,
        archives: Mapping[str, str],
        gaps: Callable[[], Sequence[Gap]],
        session: aiohttp.ClientSession,
        keep: Callable[[Sequence[Payload]], Awaitable[object]],
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._archives = archives
        self._gaps = gaps
        self._session = session
        self._keep = keep
        # Spare: without it a page is kept twice, which changes no row.
        self._note = Note(notes, "wis2 archives", Asked, is_spare=True)
        self._clock = clock

    async def run(self) -> None:
        """Look for gaps, and ask what was published in them, for as long as the watch runs."""
        while True:
            await self.round()
            await self._clock.sleep(_LOOK_S)

    async def round(self) -> None:
        """Ask what is due once."""
        gaps = list(self._gaps())
        if not gaps:
            return
        before = await asyncio.to_thread(self._note.get) or {}
        asked: Asked = {}
        for gap in gaps:
            for centre in self._archives:
                key = f"{centre} {gap.from_at} {gap.to_at}"
                one = asked[key] = msgspec.structs.replace(before.get(key, AskedGap()))
                if gap.to_at > self._clock.second() - _OLDEST_S:
                    await self._fill(centre, gap, one)
        if asked != before:
            await asyncio.to_thread(self._note.put, asked)

    async def _fill(self, centre: str, gap: Gap, one: AskedGap) -> None:
        """Page by page, up to the last, or to the first that does not come."""
        while not one.is_over and one.due_at <= self._clock.second():
            payload, _ = await fetch(
                self._session, self._request(centre, gap, one.pages), self._clock.second
            )
            count = _count(payload)
            if count is None:
                self._failed(centre, payload, one)
                return
            if count:
                await self._keep([payload])
            one.pages, one.tries = one.pages + 1, 0
            one.is_over = count < PAGE or one.pages >= _MOST_PAGES

    def _request(self, centre: str, gap: Gap, page: int) -> SourceRequest:
        span = f"{instant(gap.from_at - _EARLIER_S)[:19]}Z/{instant(gap.to_at)[:19]}Z"
        return SourceRequest(
            source=f"{NAME}:{centre}",
            content=ARCHIVE,
            places=(),
            url=f"{self._archives[centre]}/collections/messages/items",
            params={
                "f": "json",
                "datetime": span,
                "limit": str(PAGE),
                "offset": str(page * PAGE),
            },
        )

    def _failed(self, centre: str, payload: Payload, one: AskedGap) -> None:
        one.due_at = self._clock.second() + _FIRST_PAUSE_S * 2**one.tries
        one.tries += 1
        one.is_over = one.tries >= TRIES
        if one.is_over:
            why = payload.failure or f"HTTP {payload.status}, no messages"
            log.warning("a node's archive fills no gap", centre=centre, reason=why)


def _count(payload: Payload) -> int | None:
    """Messages of an answer; None: it is none."""
    if payload.failure is not None or payload.status >= 300:
        return None
    try:
        return len(_decode_page(payload.body).features)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
