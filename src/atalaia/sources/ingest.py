"""What comes, into the stream: payloads that wait together become one commit."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atalaia.clock import Clock, sleep_unless, steady
from atalaia.domain.payload import Payload
from atalaia.errors import QueueFull, StateConflict
from atalaia.logs import Logger
from atalaia.ports import Stream
from atalaia.sources import CLOCK

MOST_WAITING = 256
MOST_BYTES = 64_000_000
"""What may wait to be written: deliveries, and bytes of all of them."""

TICK_AFTER_S = 60
"""Without a payload for so long, one that only says what time it is makes silence noticed."""

_LINGER_S = 0.05
"""So long after a commit the next one comes, where much comes."""

_MUCH, _MUCH_S = 30, 0.3
"""So many deliveries in so many seconds are much. With fewer, nobody waits: who lingers gathers
more, so that it would look as if many came side by side for ever, and each of them would wait."""

_MOST_AT_ONCE = 16_000_000
_LOOK_S = 5.0
_LONGEST_PAUSE_S = 30.0
_TRY_AGAIN_S = 1.0
"""A store that could not be written is tried again by whoever pushes so long after the last try."""

log = Logger()


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Payloads that came together, and who waits for their offset.

    is_patient  kept until the store can be written again; the others learn that it cannot
    """

    payloads: Sequence[Payload]
    size: int
    is_patient: bool
    done: asyncio.Future[int]


class Ingest:
    """Puts payloads into the stream in the order in which they came. `run` it in a task.

    on_kept   told of each batch that is on disk, with the offset of its last
    fault     why the store cannot be written; None: it can, as far as is known
    """

    def __init__(
        self,
        stream: Stream,
        on_kept: Callable[[Sequence[Payload], int], None],
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._on_kept = on_kept
        self._clock = clock
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)
        self._bytes = 0
        self._tick = steady(clock.now)
        self._failed_at = 0.0
        self._again = asyncio.Event()
        self._came: deque[float] = deque(maxlen=_MUCH)
        self._wrote_at = self._crowded_at = -math.inf
        self.fault: str | None = None

    async def keep(self, payloads: Sequence[Payload]) -> int:
        """Keep what a source answered, however long it takes; return the offset of the last."""
        waiting = self._waiting(payloads, is_patient=True)
        await self._queue.put(waiting)
        self._bytes += waiting.size
        return await asyncio.shield(waiting.done)

    async def offer(self, payloads: Sequence[Payload]) -> int:
        """Keep what somebody pushed, soon or not at all: raises QueueFull or StateConflict."""
        waiting = self._waiting(payloads, is_patient=False)
        if self.fault is not None:
            if self._tick() - self._failed_at < _TRY_AGAIN_S:
                raise StateConflict(self.fault)
            # Nothing else may come for a long time: this one finds out.
            self._failed_at = self._tick()
            self._again.set()
        if self._bytes + waiting.size > MOST_BYTES or self._queue.full():
            raise QueueFull
        self._queue.put_nowait(waiting)
        self._bytes += waiting.size
        return await asyncio.shield(waiting.done)

    async def run(self) -> None:
        """Write what waits, for ever. A store that cannot be written is tried again and again."""
        while True:
            first = await self._queue.get()
            await asyncio.sleep(self._linger_s())
            batch = [first, *self._more()]
            self._came.extend([time.monotonic()] * len(batch))
            await self._write(batch)
            self._wrote_at = time.monotonic()
            if len(batch) > 1 or not self._queue.empty():
                self._crowded_at = self._wrote_at

    def _linger_s(self) -> float:
        """Seconds until the next commit, where much comes side by side: each writes whole pages,
        however little is in it, and a disk wears out by that."""
        now = time.monotonic()
        is_crowded = (
            len(self._came) == _MUCH
            and now - self._came[0] < _MUCH_S
            and now - self._crowded_at < _MUCH_S
        )
        return max(0.0, self._wrote_at + _LINGER_S - now) if is_crowded else 0.0

    async def drain(self) -> None:
        """Wait until nothing waits any more."""
        while self._bytes:
            await asyncio.sleep(0.01)

    def _waiting(self, payloads: Sequence[Payload], *, is_patient: bool) -> _Waiting:
        size = sum(len(payload.body) + 200 for payload in payloads)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return _Waiting(payloads, size, is_patient, done)

    def _more(self) -> list[_Waiting]:
        more: list[_Waiting] = []
        while not self._queue.empty() and sum(one.size for one in more) < _MOST_AT_ONCE:
            more.append(self._queue.get_nowait())
        return more

    async def _write(self, batch: list[_Waiting]) -> None:
        pause_s = 1.0
        while batch:
            payloads = [payload for waiting in batch for payload in waiting.payloads]
            try:
                last = await asyncio.to_thread(self._stream.append, payloads)
            except Exception as error:
                self._note_fault(error)
                batch = self._let_go(batch, StateConflict(str(error)))
                if batch:
                    self._again.clear()
                    await sleep_unless(self._clock, pause_s, self._again)
                    batch += self._more()
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            self._note_success()
            self._settle(batch, last)
            self._on_kept(payloads, last)
            return

    def _settle(self, batch: list[_Waiting], last: int) -> None:
        # Offsets of one append follow each other: the writer holds the only connection.
        left = sum(len(waiting.payloads) for waiting in batch)
        for waiting in batch:
            left -= len(waiting.payloads)
            self._bytes -= waiting.size
            if not waiting.done.done():
                waiting.done.set_result(last - left)

    def _let_go(self, batch: list[_Waiting], error: StateConflict) -> list[_Waiting]:
        """Tell those who cannot wait that nothing was taken; return the others."""
        for waiting in batch:
            if not waiting.is_patient:
                self._bytes -= waiting.size
                if not waiting.done.done():
                    waiting.done.set_exception(error)
        return [waiting for waiting in batch if waiting.is_patient]

    def _note_fault(self, error: Exception) -> None:
        if self.fault is None:
            log.error("the store cannot be written; it is tried again", reason=str(error))
        self.fault = str(error)
        self._failed_at = self._tick()

    def _note_success(self) -> None:
        if self.fault is not None:
            log.info("the store can be written again")
        self.fault = None


async def tick(ingest: Ingest, clock: Clock, came_at: Callable[[], int]) -> None:
    """Tell the stream what time it is where nothing else does, for as long as the watch runs.

    came_at  when something was last received
    """
    ticked_at = 0
    while True:
        await clock.sleep(_LOOK_S)
        now = clock.second()
        if now - max(came_at(), ticked_at) >= TICK_AFTER_S:
            ticked_at = now
            await ingest.keep([clock_payload(now)])


def clock_payload(now: int) -> Payload:
    """A payload that says what time it is."""
    return Payload(source=CLOCK, content="tick", received_at=now, body=b"")
