"""The consumer's loop beside a stream that its own process appends to: woken by what is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from atalaia.clock import Clock, sleep_unless
from atalaia.detect.consumer import Follower, Lived
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.logs import Logger

_LONGEST_PAUSE_S = 30.0
_HOLD_QUIET_S = 0.5
"""What the consumer holds is committed when nothing came for so long."""

log = Logger()


class Watching:
    """Lives through what is kept, as it is kept. `run` it in a task.

    on_lived  told of each batch that is committed, on the event loop
    offset    of the newest record of the stream
    came_at   when something was last received, Unix seconds
    """

    def __init__(
        self, follower: Follower, offset: int, clock: Clock, on_lived: Callable[[Lived], None]
    ) -> None:
        self._follower = follower
        self._clock = clock
        self._on_lived = on_lived
        self._between: list[Callable[[], None]] = []
        self._news = asyncio.Event()
        self._caught_up = asyncio.Event()
        self.offset = offset
        self.came_at = clock.second()
        # (offset of the last of a batch, when its first came): asking the store would wait for it.
        self._waiting: deque[tuple[int, int]] = deque()
        if (oldest_at := follower.oldest_at()) is not None:
            self._waiting.append((offset, oldest_at))

    @property
    def behind(self) -> int:
        """Records of the stream that were not lived through yet."""
        return self.offset - self._follower.consumer.position

    @property
    def lag_s(self) -> int:
        """For how many seconds the oldest that was not lived through yet has waited; 0: none."""
        position = self._follower.consumer.position
        while self._waiting and self._waiting[0][0] <= position:
            self._waiting.popleft()
        return max(0, self._clock.second() - self._waiting[0][1]) if self._waiting else 0

    def hear(self, payloads: Sequence[Payload], offset: int) -> None:
        """These are in the stream now, the last of them at this offset."""
        self.offset = offset
        self.came_at = max(payload.received_at for payload in payloads)
        self._waiting.append((offset, min(payload.received_at for payload in payloads)))
        self._news.set()

    def between(self, do: Callable[[], None]) -> None:
        """Do something before the next batch, in the thread that lives through it."""
        self._between.append(do)

    async def run(self) -> None:
        """For ever. A store that cannot be written is tried again and again."""
        pause_s, is_quiet = 1.0, False
        while True:
            self._news.clear()
            try:
                lived = await asyncio.to_thread(self._advance, is_quiet)
            except StateConflict as error:
                log.warning("the watch cannot commit; it is tried again", reason=str(error))
                # News are in the stream: the store can be written again.
                await sleep_unless(self._clock, pause_s, self._news)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            pause_s = 1.0
            if lived is not None:
                self._on_lived(lived)
            self._caught_up.set()
            # Nothing is looked for where nothing is known of: it would be in the way of who tells.
            is_done = lived is None or self.behind <= 0
            is_quiet = is_done and not await self._comes_soon()

    async def _comes_soon(self) -> bool:
        """Wait for what comes next; False: something is held, and nothing came for a while."""
        is_holding = self._follower.consumer.is_holding
        try:
            async with asyncio.timeout(_HOLD_QUIET_S if is_holding else None):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def settled(self) -> None:
        """Wait until all that is in the stream has been lived through, and is kept."""
        while self.behind > 0 or self._follower.consumer.is_holding:
            self._caught_up.clear()
            await self._caught_up.wait()

    def _advance(self, is_quiet: bool) -> Lived | None:
        while self._between:
            self._between[0]()
            del self._between[0]
        lived = self._follower.advance()
        if lived is None and is_quiet:
            self._follower.consumer.flush()
        return lived
