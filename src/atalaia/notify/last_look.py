"""A last look at what a letter tells, right before it goes: what it was written by may have changed
while it waited."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from atalaia.domain.delivery import Letter, Message, Outcome
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notify.together import Bundle

FRESH_S = 0.1
"""What was looked at so short a time ago is not looked at again before the next letter is sent."""

_FAULT_S = 2.0
"""What cannot be looked at, by a fault of ours, is looked at again after so long."""

Write = Callable[[Sequence[Message]], list[Letter | Outcome]]
"""Messages as letters: with addresses and words; or what became of one that is not to be sent."""

log = Logger()


class Drafts(Protocol):
    """What letters were written by. `compose.Composer` is one."""

    def look(self) -> None:
        """Take up what has changed. May block. Raises StateConflict."""
        ...

    def is_stale(self, message: Message) -> bool:
        """Whether its letter is to be written anew, as far as was looked."""
        ...


class LastLook:
    """Looks, and writes anew what is stale. Both are done in threads.

    drafts   None: letters go as they were written; else who writes them takes up what changed, too
    fresh_s  what was looked at less than so long ago is known; halfway there the next look begins,
             so that hardly a letter waits for one. 0: each letter has a look that begins after it
             came
    tick     seconds that nobody sets back
    """

    def __init__(
        self, drafts: Drafts | None, write: Write, fresh_s: float, tick: Callable[[], float]
    ) -> None:
        self._drafts = drafts
        self._write = write
        self._fresh_s = fresh_s
        self._tick = tick
        self.forget()

    def forget(self) -> None:
        """Nothing has been looked at, and nobody is looking."""
        self._looking: asyncio.Task[None] | None = None
        self._began_at = self._looked_at = -math.inf

    def has_looked(self, since: float) -> None:
        """All that changed before this tick was taken up, by who wrote letters."""
        if self._fresh_s:
            self._looked_at = max(self._looked_at, since)

    def is_as_written(self, message: Message) -> bool:
        """Whether it can go as it was written, with nothing to wait for; if not, `renewed` says
        what it says now. A look that is due soon begins."""
        if self._drafts is None:
            return True
        if (now := self._tick()) >= self._looked_at + self._fresh_s / 2:
            if now >= self._looked_at + self._fresh_s:
                return False
            self._look(self._drafts, now)
        try:
            return not self._drafts.is_stale(message)
        except StateConflict:
            return False

    async def renewed(self, bundle: Bundle) -> list[Letter | Outcome]:
        """What each of the messages says now; or what became of it meanwhile."""
        letters: list[Letter | Outcome] = [letter for _, letter in bundle]
        if self._drafts is None:
            return letters
        try:
            if (now := self._tick()) >= self._looked_at + self._fresh_s / 2:
                looking = self._look(self._drafts, now)
                if now >= self._looked_at + self._fresh_s:
                    await asyncio.shield(looking)
            messages = [message for message, _ in bundle]
            if not any(map(self._drafts.is_stale, messages)):
                return letters
            return await asyncio.to_thread(self._write, messages)
        except StateConflict as error:
            log.warning("nothing can be looked at again", reason=str(error))
            given_back = Outcome("given_back", "what it tells cannot be looked at", _FAULT_S)
            return [given_back for _ in bundle]

    def _look(self, drafts: Drafts, now: float) -> asyncio.Task[None]:
        """A look that is new enough: one does for all that are about to be sent by then."""
        if self._looking is None or now >= self._began_at + self._fresh_s:
            self._began_at = math.inf  # it has not begun yet
            self._looking = asyncio.create_task(self._gathered(drafts))
            self._looking.add_done_callback(_heard)
        return self._looking

    async def _gathered(self, drafts: Drafts) -> None:
        await asyncio.sleep(0)
        this, self._began_at = self._looking, self._tick()
        began_at = self._began_at
        try:
            await asyncio.to_thread(drafts.look)
            self._looked_at = max(self._looked_at, began_at)
        finally:
            if self._looking is this:
                self._looking = None


def _heard(looking: asyncio.Task[None]) -> None:
    """Where nobody waits for it, its fault is the next one's."""
    if not looking.cancelled():
        looking.exception()
