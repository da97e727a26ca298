"""Services of official warnings, asked as the sources are: in rounds of poll's, each a part of a
minute, with what is known of a feed kept in a note between them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec

from atalaia.domain.payload import Payload
from atalaia.ports import State
from atalaia.run.aws.sources import Told
from atalaia.settings.feeds import Feed
from atalaia.sources.feed import FeedPoller, Memory

ROUND_S = 30.0
"""What a feed has left when this is over, as on the first day of one that lists hundreds of
messages, the next round fetches."""


async def hear(
    feed: Feed,
    state: State,
    session: aiohttp.ClientSession,
    keep: Callable[[list[Payload]], Awaitable[object]],
) -> Told:
    """Ask the feed if it is due; return how it is doing. What comes is kept before it is noted, so
    that a round that dies repeats some of it, which tells nobody anything. Raises StateConflict."""
    memory = await asyncio.to_thread(read, state, feed.url)
    poller = FeedPoller(
        feed.url,
        feed.interval_s,
        session,
        keep,
        now=time.time,
        sleep=asyncio.sleep,
        jitter=random.random,
        memory=memory,
    )
    if memory.due_at <= time.time():
        try:
            async with asyncio.timeout(ROUND_S):
                await poller.look()
        except TimeoutError:
            pass  # it stays due
        await asyncio.to_thread(note, state, feed.url, memory)
    return Told(poller.name, feed.interval_s, memory.health, {})


def read(state: State, url: str) -> Memory:
    """What was known of the feed after the last round. Raises StateConflict."""
    try:
        return msgspec.json.decode(state.note(_key(url)) or "{}", type=Memory)
    except msgspec.MsgspecError:
        return Memory()  # of another version: all is fetched again, and tells nobody anything


def note(state: State, url: str, memory: Memory) -> None:
    """After a round. Raises StateConflict."""
    state.set_note(_key(url), msgspec.json.encode(memory).decode())


def _key(url: str) -> str:
    """An address may hold a key of its owner's."""
    return f"feed {hashlib.sha256(url.encode()).hexdigest()[:16]}"
