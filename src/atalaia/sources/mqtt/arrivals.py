"""What network threads leave for the event loop, in the order in which it came."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MOST_BYTES = 64_000_000
"""Octets of messages that may wait. A broker sends no more unacknowledged messages than a session
lets it, and these have some kilobytes: this is reached where something sends what it should not."""


@dataclass(slots=True)
class Arrived:
    """A message.

    session, life   by which it came, and in which of its connections: a broker may give its number
                    to another message in the next one
    mid             its number, by which it is acknowledged
    received_at     Unix seconds
    published_at    as the message itself says, filled in by who reads it; None: it does not
    """

    session: int
    life: int
    topic: str
    body: bytes
    mid: int
    received_at: int
    published_at: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """That a session is connected; `is_resumed`: the broker kept what came in between."""

    session: int
    at: int
    is_resumed: bool


class Arrivals:
    """A queue from network threads to the event loop; `put` never blocks, and never raises.

    news        set on the event loop where something came
    overflowed  sessions of which messages were not taken: the broker has them still
    """

    def __init__(self) -> None:
        self._waiting: deque[Arrived | Joined] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.news = asyncio.Event()
        self._is_told = False
        self.overflowed: set[int] = set()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin empty; news are told on this loop from now on."""
        with self._lock:
            self._waiting.clear()
            self._bytes = 0
            self._loop = loop
            self._tell()

    def put(self, what: Arrived | Joined) -> None:
        """Append it, unless too much waits. From any thread."""
        with self._lock:
            if isinstance(what, Arrived):
                if self._bytes > MOST_BYTES:
                    self.overflowed.add(what.session)
                    return
                self._bytes += len(what.body)
            self._waiting.append(what)
            if not self._is_told:
                self._tell()

    def take(
        self, most: int, is_last: Callable[[Arrived | Joined], bool]
    ) -> list[Arrived | Joined]:
        """Up to so many; what `is_last` says ends the batch."""
        found: list[Arrived | Joined] = []
        with self._lock:
            self.news.clear()
            while self._waiting and len(found) < most:
                one = self._waiting.popleft()
                found.append(one)
                if isinstance(one, Arrived):
                    self._bytes -= len(one.body)
                if is_last(one):
                    break
            self._is_told = bool(self._waiting)
            if self._waiting:
                self.news.set()
        return found

    def _tell(self) -> None:
        if self._loop is None:
            return
        self._is_told = True
        try:
            self._loop.call_soon_threadsafe(self.news.set)
        except RuntimeError:
            self._loop = None  # the loop has ended, and the process with it
