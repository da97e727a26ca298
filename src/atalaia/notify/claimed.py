"""Letters that one channel has been handed and not settled: they wait here for their try."""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
from collections.abc import Sequence

from atalaia.clock import Clock
from atalaia.notify.sender import MARGIN_S, TRY_S, Sender
from atalaia.notify.together import Bundle

_AHEAD = 32
"""Messages claimed ahead for each that can be tried at once: so that no worker waits for disk."""

_AHEAD_TOGETHER = 4
"""The same where what becomes due meanwhile could go in the same letter."""

Row = list[Bundle]
"""Letters of one order key, in their order."""


class Claimed:
    """What was claimed for one channel: the gravest first, then the oldest claim.

    held    messages that are claimed and not settled, those under way among them
    """

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._queue: asyncio.PriorityQueue[tuple[int, int, Row]] = asyncio.PriorityQueue()
        self._gate = asyncio.Lock()
        self._numbers = itertools.count()
        self._early = itertools.count(-sys.maxsize)
        self._looked_at = 0
        self._shortest: float = math.inf  # no lease of what waits ends sooner
        self.held = 0

    def room(self, now: int) -> int:
        """How many more messages can be taken on; 0 also where so few can that it must wait."""
        limits = self._sender.limits
        most = limits.at_once * (_AHEAD_TOGETHER if limits.letter_chars else _AHEAD)
        # Also where nothing is left: what cannot go by this channel is handed on at once.
        left = self._sender.pace.room(now) or most
        free = min(most, left) - self.held
        return free if free * 2 > most or self.held == 0 else 0

    def put_again(self, rows: Sequence[Row]) -> None:
        """Take back what waited for its target: it goes before what came later."""
        for row in rows:
            self._put(row, next(self._early))

    def put(self, rows: Sequence[Row]) -> None:
        """Take on what was claimed, by order key."""
        self.held += sum(len(bundle) for row in rows for bundle in row)
        for row in rows:
            self._put(row, next(self._numbers))

    def _put(self, row: Row, number: int) -> None:
        gravest = row[0][0][0].rank
        if len(row) > 1 or len(row[0]) > 1:
            gravest = max(message.rank for bundle in row for message, _ in bundle)
        self._shortest = min(self._shortest, row[0][0][0].lease_until)
        self._queue.put_nowait((-gravest, number, row))

    def overdue(self, now: int) -> list[Row]:
        """Let go of what graver ones have held up until its lease is too short for a try; looked
        for once a second. Given back it is claimed anew, with what else is due by then."""
        if now == self._looked_at:
            return []
        self._looked_at = now
        if self._shortest >= now + TRY_S + MARGIN_S:  # as nearly always
            return []
        self._shortest = math.inf
        all_ = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        overdue = []
        for priority, number, row in all_:
            if _is_overdue(row, now):
                overdue.append(row)
            else:
                self._shortest = min(self._shortest, row[0][0][0].lease_until)
                self._queue.put_nowait((priority, number, row))
        return overdue

    async def next(self) -> Row:
        """The gravest when the channel's next slot has come, not when the waiting for it began."""
        if not self._sender.limits.a_second:
            waiting = self._queue
            *_, row = await waiting.get() if waiting.empty() else waiting.get_nowait()
            return row
        async with self._gate:
            first = await self._queue.get()
            while wait_s := self._sender.slot_in():
                self._queue.put_nowait(first)
                await self._clock.sleep(wait_s)
                first = self._queue.get_nowait()
            *_, row = first
            return row


def _is_overdue(row: Row, now: int) -> bool:
    return row[0][0][0].lease_until < now + TRY_S + MARGIN_S
