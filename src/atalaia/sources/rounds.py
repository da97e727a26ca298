"""Sources asked in rounds, by a home that has no process of its own to ask them from.

A round asks what is due, and ends when nothing is under way any more. When each place was asked,
how many calls are left and how each source is doing is kept in notes between rounds.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import aiohttp
import msgspec

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.notes import Note
from atalaia.ports import Notes, Stream
from atalaia.sources import status
from atalaia.sources.cap.found import forms_of
from atalaia.sources.feed import FeedPoller, Memory
from atalaia.sources.health import Health
from atalaia.sources.ingest import clock_payload
from atalaia.sources.plan import Plan
from atalaia.sources.poller import Poller
from atalaia.sources.schedule import Nearness
from atalaia.sources.session import open_session
from atalaia.sources.status import SourceStatus

FEED_S = 30.0
"""What a feed has left when this is over, as on the first day of one that lists hundreds of
messages, the next round fetches."""

Keep = Callable[[list[Payload]], Awaitable[object]]


class Went(NamedTuple):
    """What a round came to: so many payloads, and how each source is doing."""

    payloads: int
    sources: list[SourceStatus]


class _RoundIsOver(Exception):
    """Nothing is due any more, and nothing is under way."""


async def go_round(
    asked: Iterable[Plan],
    heard: Iterable[tuple[str, int]],
    places: Places,
    stream: Stream,
    notes: Notes,
    clock: Clock,
    *,
    nearness: Nearness,
    on_kept: Callable[[Sequence[Payload]], None],
) -> Went:
    """Ask what is due, append what comes to the stream, and tell the stream what time it is.

    heard     services of official warnings: the address, and how often it is asked
    nearness  of each place to a limit
    on_kept   called with what was appended

    Raises StateConflict and QueueFull.
    """
    payloads = 0

    async def keep(came: Sequence[Payload]) -> None:
        nonlocal payloads
        await asyncio.to_thread(stream.append, came)
        payloads += len(came)
        on_kept(came)

    before = await asyncio.to_thread(status.read, notes)
    health = {told.source: told.health for told in before}
    async with open_session() as session:
        told = await asyncio.gather(
            *(
                ask(
                    plan,
                    places,
                    session,
                    notes,
                    keep,
                    clock,
                    nearness=nearness,
                    health=health.get(plan.name),
                )
                for plan in asked
            ),
            *(hear(url, every_s, session, notes, keep, clock, places) for url, every_s in heard),
        )
    await asyncio.to_thread(stream.append, [clock_payload(clock.second())])
    if told != before:
        await asyncio.to_thread(status.keep, notes, told)
    return Went(payloads, told)


async def ask(
    plan: Plan,
    places: Places,
    session: aiohttp.ClientSession,
    notes: Notes,
    keep: Keep,
    clock: Clock,
    *,
    nearness: Nearness,
    health: Health | None,
) -> SourceStatus:
    """One round of a source that was known to do so well; return how it is doing.

    nearness  of each place to a limit
    """

    async def wait(_: float) -> None:
        name = f"ask {plan.name}"
        asking = [task for task in asyncio.all_tasks() if task.get_name() == name]
        if not asking:
            raise _RoundIsOver
        await asyncio.wait(asking)

    poller = Poller(
        plan,
        places,
        session,
        keep,
        nearness=lambda: nearness,
        notes=notes,
        clock=replace(clock, sleep=wait),
    )
    if health is not None:
        poller.health = msgspec.structs.replace(health)
    with suppress(_RoundIsOver):
        await poller.run()
    return SourceStatus(plan.name, plan.expected_s, poller.health, poller.budget.left(clock.now()))


async def hear(
    url: str,
    interval_s: int,
    session: aiohttp.ClientSession,
    notes: Notes,
    keep: Keep,
    clock: Clock,
    places: Places,
) -> SourceStatus:
    """Ask a service of official warnings if it is due; return how it is doing.

    What comes is kept before it is noted, so that a round that dies repeats some of it, which
    tells nobody anything. Raises StateConflict.
    """
    note = memory_of(notes, url)
    memory = await asyncio.to_thread(note.get) or Memory()
    poller = FeedPoller(
        url,
        interval_s,
        session,
        keep,
        clock=clock,
        memory=memory,
        forms=forms_of(places),
    )
    if memory.due_at <= clock.now():
        try:
            async with asyncio.timeout(FEED_S):
                await poller.look()
        except TimeoutError:
            pass  # it stays due
        await asyncio.to_thread(note.put, memory)
    return SourceStatus(poller.name, interval_s, memory.health, {})


def memory_of(notes: Notes, url: str) -> Note[Memory]:
    """The note of what was known of a feed after the last round."""
    # A digest: an address may hold a key of its owner's. Spare: of another version, all is fetched
    # again, and tells nobody anything.
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Note(notes, f"feed {digest}", Memory, is_spare=True)
