"""From the outbox to the channels: claim, write, pace, look again, send, settle.

A claim leases messages for a while; what becomes of them is written in batches, as tries come
back. A process that dies leaves its leases to run out, and what it was sending goes again under
the same id: at least once, and doubled at most for what was under way.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec
import structlog

from atalaia.clock import Clock, steady
from atalaia.domain.delivery import (
    Channel,
    Letter,
    Message,
    Outcome,
    Sent,
    Status,
    released,
    settled,
)
from atalaia.domain.hazard import Level
from atalaia.errors import StateConflict
from atalaia.notes import Note
from atalaia.notify.pace import Pace, Spent, sum_of
from atalaia.ports import Notes, Outbox

LEASE_S = 90
"""A lease is long enough for the slowest try and the waiting for those before it."""

TRY_S = 45.0
"""A channel that has not answered by then never will."""

_MARGIN_S = 5
_POLL_S = 1.0
_FAULT_S = 2.0
_AHEAD = 16
"""Messages claimed ahead for each that can be tried at once: so that no worker waits for disk."""

log = structlog.get_logger()

Write = Callable[[Sequence[Message]], list[Letter | Outcome]]
"""Messages as letters: with addresses and words; or what became of one that is not to be sent."""

FRESH_S = 0.1
"""What was looked at so short a time ago is not looked at again before the next letter is sent."""


class Drafts(Protocol):
    """What letters were written by. `compose.Composer` is one."""

    def look(self) -> None:
        """Take up what has changed. May block. Raises StateConflict."""
        ...

    def is_stale(self, message: Message) -> bool:
        """Whether its letter is to be written anew, as far as was looked."""
        ...


_Row = list[tuple[Message, Letter]]
"""Letters of one order key, in their order."""


_Result = tuple[Message, Message, Outcome | None, float]
"""A message as it was leased and as it is now, what the try came to (None: there was none), and
the seconds since it was decided."""


class Deliverer:
    """Sends what is due, by all channels at once, each at its own pace.

    write       called in a thread, with a batch
    drafts      looked at right before a letter is sent, unless that was less than `fresh_s` ago
    on_sent     told of every try, once it is written down
    """

    def __init__(
        self,
        outbox: Outbox,
        notes: Notes,
        channels: Mapping[str, Channel],
        write: Write,
        *,
        clock: Clock,
        drafts: Drafts | None = None,
        fresh_s: float = 0.0,
        on_sent: Callable[[Sequence[Sent]], None] = lambda _: None,
    ) -> None:
        self._outbox = outbox
        self._notes = notes
        self._channels = channels
        self._write = write
        self._drafts = drafts
        self._fresh_s = fresh_s
        self._clock = clock
        self._tick = steady(clock.now)
        self._on_sent = on_sent
        self.paces = {
            name: Pace(channel.limits, self._note(name).get(), clock.now(), self._tick())
            for name, channel in channels.items()
        }
        self._is_dry = asyncio.Event()
        self._capped: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        """Hold nothing: what an earlier run had claimed comes again when its lease ends."""
        self._held = dict.fromkeys(self._channels, 0)
        # The gravest first, then the oldest claim.
        self._queues: dict[str, asyncio.PriorityQueue[tuple[int, int, _Row]]] = {
            name: asyncio.PriorityQueue() for name in self._channels
        }
        self._gates = {name: asyncio.Lock() for name in self._channels}
        self._numbers = itertools.count()
        self._mine: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = -math.inf
        self._results: list[_Result] = []
        self._has_results = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._spent: set[str] = set()
        self._is_closing = False
        self._is_claiming = False
        self._is_dry.clear()

    def wake(self) -> None:
        """Something has become due."""
        self._has_room.set()

    async def run(self) -> None:
        """Send until cancelled. What was claimed and not sent is taken up when its lease ends."""
        self._forget()
        async with asyncio.TaskGroup() as tasks:
            for name, channel in self._channels.items():
                for _ in range(channel.limits.at_once):
                    tasks.create_task(self._work(name))
            tasks.create_task(self._settle())
            tasks.create_task(self._claim())

    async def run_dry(self, left_s: float, margin_s: float) -> None:
        """Send until nothing is due and nothing under way, or for `left_s` seconds at most.

        In the last `margin_s` of these nothing more is claimed, and what is under way comes to
        its outcome.
        """
        sending = asyncio.create_task(self.run())
        drying = asyncio.create_task(self._is_dry.wait())
        try:
            await asyncio.wait(
                {sending, drying}, timeout=left_s - margin_s, return_when=asyncio.FIRST_COMPLETED
            )
            await self.close(margin_s)
        finally:
            drying.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    async def close(self, within_s: float) -> None:
        """Claim no more, and write down what is under way; what takes longer is left to its
        lease."""
        self._is_closing = True
        self._has_room.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._is_idle.wait()

    # Claiming

    async def _claim(self) -> None:
        while not self._is_closing:
            self._has_room.clear()
            now = self._clock.second()
            room = self._room(now)
            self._is_claiming = True
            try:
                claimed = await asyncio.to_thread(self._take, now, room)
            except StateConflict as error:
                log.warning("nothing can be claimed; it is tried again", reason=str(error))
                await self._clock.sleep(_FAULT_S)
                continue
            finally:
                self._is_claiming = False
            for name, rows in claimed:
                self._held[name] += sum(map(len, rows))
                for row in rows:
                    gravest = max(message.rank for message, _ in row)
                    self._queues[name].put_nowait((-gravest, next(self._numbers), row))
            if not claimed:
                if not any(self._held.values()):
                    self._is_dry.set()
                # Not wait_for, which may lose a cancellation before Python 3.12.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._has_room.wait()
        self._tell_idle()

    def _tell_idle(self) -> None:
        if self._is_closing and not self._is_claiming and not any(self._held.values()):
            self._is_idle.set()

    def _room(self, now: int) -> dict[str, int]:
        """How many messages of each channel can be taken on."""
        room = {}
        for name, channel in self._channels.items():
            most = channel.limits.at_once * _AHEAD
            # Also where nothing is left: what cannot go by this channel is handed on at once.
            left = self.paces[name].room(now) or most
            free = min(most, left) - self._held[name]
            if free * 2 > most or (free > 0 and self._held[name] == 0):
                room[name] = free
        return room

    def _urgent_room(self, now: int, room: Mapping[str, int]) -> dict[str, int]:
        """How many red ones are taken on where there is no room: these wait for no others."""
        return {
            name: channel.limits.at_once
            for name, channel in self._channels.items()
            if name not in room and self.paces[name].room(now) != 0
        }

    def _take(self, now: int, room: Mapping[str, int]) -> list[tuple[str, list[_Row]]]:
        """Claim and write; letters by channel and order key. In a thread."""
        claimed = self._outbox.claim(now, now + LEASE_S, room) if room else []
        if urgent := self._urgent_room(now, room):
            claimed += self._outbox.claim(now, now + LEASE_S, urgent, Level.RED)
        # If the clock was set forward, leases seem to have run out that are still held.
        claimed = [message for message in claimed if message.id not in self._mine]
        rows: dict[str, dict[str, _Row]] = defaultdict(dict)
        refused = []
        for message, letter in zip(claimed, self._write(claimed), strict=True):
            if isinstance(letter, Outcome):
                schedule = self._channels[message.channel].limits.schedule
                refused.append((message, settled(message, letter, schedule, now)))
                continue
            self._mine.add(message.id)
            rows[message.channel].setdefault(message.order_key, []).append((message, letter))
        if refused:
            self._outbox.settle(refused)
        return [(name, list(each.values())) for name, each in rows.items()]

    # Sending

    async def _work(self, name: str) -> None:
        queue, is_paced = self._queues[name], self._channels[name].limits.a_second > 0
        while True:
            *_, row = await (self._gravest(name) if is_paced else queue.get())
            for i, (message, letter) in enumerate(row):
                after, outcome = await self._try(name, message, letter)
                self._results.append((message, after, outcome, self._clock.now() - letter.sent_at))
                self._has_results.set()
                if after.status == Status.DUE:
                    self._give_back(row[i + 1 :])
                    break

    async def _gravest(self, name: str) -> tuple[int, int, _Row]:
        """The gravest when the channel's next slot has come, not when the waiting for it began."""
        queue = self._queues[name]
        async with self._gates[name]:
            first = await queue.get()
            while wait_s := self._slot_in(name):
                queue.put_nowait(first)
                await self._clock.sleep(wait_s)
                first = queue.get_nowait()
            return first

    def _slot_in(self, name: str) -> float:
        """Seconds to wait for the channel's next slot; one that is closed needs none."""
        pace = self.paces[name]
        is_closed = self._is_closing or pace.closed_for(self._clock.now(), self._tick())
        return 0.0 if is_closed else pace.slot_in(self._tick())

    async def _try(
        self, name: str, message: Message, letter: Letter
    ) -> tuple[Message, Outcome | None]:
        channel, pace = self._channels[name], self.paces[name]
        now = self._clock.now()
        tick = self._tick()
        # Codes have a budget of their own, which is kept where they are asked for.
        is_code = message.kind == "confirm"
        capped_s, reason = (0.0, "") if is_code else pace.capped_for(now)
        self._note_cap(name, reason, is_code=is_code)
        if capped_s and letter.has_more and not self._is_closing:
            outcome = Outcome("never", reason, is_capped=True)
            return settled(message, outcome, channel.limits.schedule, int(now)), outcome
        closed_s = 1.0 if self._is_closing else max(capped_s, pace.paused_for(tick))
        if closed_s:
            return released(message, closed_s, int(now)), None
        latest = tick + message.lease_until - now - TRY_S - _MARGIN_S
        at = pace.turn(message.person, tick, latest)
        if at > latest:
            # By then its lease may have run out, and somebody else have taken it up.
            return released(message, max(0.0, at - tick - TRY_S), int(now)), None
        if at > tick:
            await self._clock.sleep(at - tick)
            now = self._clock.now()
            # A try that went on meanwhile was refused.
            if closed_s := pace.paused_for(self._tick()):
                return released(message, closed_s, int(now)), None
        renewed = await self._look(message, letter)
        if isinstance(renewed, Outcome):
            now = self._clock.now()
            return settled(message, renewed, channel.limits.schedule, int(now)), None
        letter = renewed
        try:
            async with asyncio.timeout(TRY_S):
                outcome = await channel.send(letter)
        except TimeoutError:
            outcome = Outcome("unknown", f"no answer within {TRY_S:g} s")
        except Exception as error:  # a fault of ours: it must not take the channel with it
            # Without the traceback's last line: it may quote an address.
            log.error("a channel broke", channel=name, error=type(error).__name__)  # noqa: TRY400
            outcome = Outcome("again", f"fault in the channel: {type(error).__name__}")
        now = self._clock.now()
        if outcome.verdict in ("sent", "unknown") and not is_code:
            pace.spend(now, outcome.cost_usd)
            if channel.limits.is_counted:
                self._spent.add(name)
        if outcome.pauses:
            for_s = max(1.0, outcome.after_s)
            pace.pause(self._tick() + for_s, outcome.reason, now + for_s)
            self._spent.add(name)
            log.warning("a channel pauses", channel=name, reason=outcome.reason)
        after = settled(message, outcome, channel.limits.schedule, int(now))
        return msgspec.structs.replace(after, left_out=letter.left_out), outcome

    # Looking again

    async def _look(self, message: Message, letter: Letter) -> Letter | Outcome:
        """The letter as it is to be sent now; or what became of its message meanwhile."""
        if self._drafts is None:
            return letter
        try:
            if self._tick() >= self._looked_at + self._fresh_s:
                await self._look_again()
            if not self._drafts.is_stale(message):
                return letter
            [renewed] = await asyncio.to_thread(self._write, [message])
        except StateConflict as error:
            log.warning("nothing can be looked at again", reason=str(error))
            return Outcome("again", "what it tells cannot be looked at")
        return renewed

    async def _look_again(self) -> None:
        """One look does for all that are about to be sent by then."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._gathered_look())
        await asyncio.shield(self._looking)

    async def _gathered_look(self) -> None:
        await asyncio.sleep(0)
        self._looking = None  # who comes from here on needs another one
        assert self._drafts is not None  # noqa: S101  who calls has asked
        at = self._tick()
        await asyncio.to_thread(self._drafts.look)
        self._looked_at = at

    def _note_cap(self, name: str, reason: str, *, is_code: bool) -> None:
        """Say once that a channel has used up what it may send."""
        if reason and name not in self._capped:
            log.warning(
                "a channel is capped; what is for it goes by the next", channel=name, reason=reason
            )
            self._capped.add(name)
        elif not reason and not is_code:
            self._capped.discard(name)

    def _give_back(self, rest: Sequence[tuple[Message, Letter]]) -> None:
        """Messages of a key whose turn has not come, as one before them has to wait."""
        now = self._clock.second()
        for message, _ in rest:
            self._results.append((message, released(message, 0, now), None, 0.0))

    # Settling

    async def _settle(self) -> None:
        while True:
            await self._has_results.wait()
            self._has_results.clear()
            batch, self._results = self._results, []
            new = {name: self.paces[name].take(self._clock.now()) for name in self._spent}
            self._spent.clear()
            total: dict[str, Spent] = {}
            while True:
                try:
                    await asyncio.to_thread(self._keep, batch, new, total)
                    break
                except StateConflict as error:
                    log.warning("outcomes cannot be kept; it is tried again", reason=str(error))
                    await self._clock.sleep(_FAULT_S)
            for name, spent in total.items():
                self.paces[name].learn(spent, self._clock.now())
            for before, *_ in batch:
                self._held[before.channel] -= 1
                self._mine.discard(before.id)
            self._on_sent([Sent(m, outcome, age_s) for _, m, outcome, age_s in batch if outcome])
            self._has_room.set()
            self._tell_idle()

    def _keep(
        self, batch: Sequence[_Result], new: Mapping[str, Spent], total: dict[str, Spent]
    ) -> None:
        """Write the outcomes, and add what is `new` to what all processes have spent: `total` has
        it where that is done."""
        pairs = [(before, after) for before, after, *_ in batch]
        if self._outbox.settle(pairs) < len(pairs):
            self._outbox.settle(list(self._retaken(batch)))
        for name in new.keys() - total.keys():
            total[name] = self._add(name, new[name])

    def _retaken(self, batch: Sequence[_Result]) -> Iterator[tuple[Message, Message]]:
        """Those that were sent by a lease that has been taken anew since: sent is sent."""
        for before, after, outcome, _ in batch:
            now = self._outbox.message(before.id) if outcome else None
            if now and now.status == Status.LEASED and now.lease_until != before.lease_until:
                yield now, after

    def _add(self, channel: str, new: Spent) -> Spent:
        now = self._clock.now()
        return self._note(channel).change(lambda known: sum_of((known or Spent(), new), now))

    def _note(self, channel: str) -> Note[Spent]:
        return Note(self._notes, f"pace:{channel}", Spent)
