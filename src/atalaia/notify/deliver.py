"""From the outbox to the channels: claim, write, pace, look again, send, settle.

A claim leases messages for a while; what becomes of them is written in batches, as tries come
back. A process that dies leaves its leases to run out, and what it was sending goes again under
the same id: at least once, and doubled at most for what was under way.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

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
from atalaia.logs import Logger
from atalaia.notify.claimed import Claimed, Row
from atalaia.notify.crew import MOST_SLOW, Crew, Worker
from atalaia.notify.last_look import Drafts, LastLook, Write
from atalaia.notify.pace import Pace, spent_in
from atalaia.notify.sender import Sender, Tried
from atalaia.notify.settle import Result, Settler
from atalaia.notify.targets import Targets
from atalaia.notify.together import Bundle, Written, bound, bundles, is_bound
from atalaia.notify.tries import Tries
from atalaia.ports import Notes, Outbox

LEASE_S = 90
"""A lease is long enough for the slowest try and the waiting for those before it."""

_POLL_S = 1.0
_URGENT_S = 1.0
"""So often red messages are looked for where there is no room, besides when something is new: a
look may cost as much as a message."""
_FAULT_S = 2.0

log = Logger()


class Deliverer:
    """Sends what is due, by all channels at once, each at its own pace.

    write       called in a thread, with a batch
    drafts      looked at right before a letter is sent, unless that was less than `fresh_s` ago
    on_sent     told of every try, once it is written down, and of what a fault of ours gave back
    settled     how many messages have come to an outcome, of which they may have several
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
        self._write = write
        self._clock = clock
        self._tick = tick = steady(clock.now)
        self._last_look = LastLook(drafts, write, fresh_s, tick)
        self._tries = Tries(on_sent)
        self.senders = {}
        for name, channel in channels.items():
            spent = spent_in(notes, name)
            pace = Pace(channel.limits, spent.get(), clock.now(), tick())
            self.senders[name] = Sender(name, channel, pace, spent, self._last_look, clock, tick)
        joining = (name for name, channel in channels.items() if channel.limits.letter_chars)
        self._together = frozenset(joining)
        self._is_dry = asyncio.Event()
        self.settled = 0
        self._forget()

    def _forget(self) -> None:
        """Hold nothing: what an earlier run had claimed comes again when its lease ends."""
        self._claimed = {
            name: Claimed(sender, self._clock) for name, sender in self.senders.items()
        }
        self._targets = {
            name: Targets(sender.limits.at_once, self._tick)
            for name, sender in self.senders.items()
        }
        self._settler = Settler(
            self._outbox, self._notes, self.senders, self._clock, self._note_kept
        )
        self._mine: set[str] = set()
        self._has_room = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._fault: StateConflict | None = None
        self._tries.forget()
        self._is_claiming = False
        self._is_new = True
        self._urgent_at = -math.inf
        self._is_dry.clear()
        self._last_look.forget()
        self._set_closing(is_closing=False)

    def wake(self) -> None:
        """Something has become due."""
        self._is_new = True
        self._has_room.set()

    async def run(self) -> None:
        """Send until cancelled. What was claimed and not sent is taken up when its lease ends."""
        self._forget()
        async with asyncio.TaskGroup() as tasks:
            for name, sender in self.senders.items():
                sender.begin()
                at_once = sender.limits.at_once
                if sender.limits.is_apart:
                    Crew(tasks, at_once, MOST_SLOW * at_once, partial(self._work_apart, name))
                    continue
                for _ in range(at_once):
                    tasks.create_task(self._work(name))
            tasks.create_task(self._settler.run())
            tasks.create_task(self._claim())

    async def run_dry(self, left_s: float, margin_s: float) -> None:
        """Send until nothing is due and nothing under way, or for `left_s` seconds at most.

        In the last `margin_s` of these nothing more is claimed, and what is under way comes to
        its outcome. Raises StateConflict where at the end the outbox could not be used, or
        something was given back by a fault of ours and not tried since.
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
        if fault := self._settler.fault or self._fault or self._tries.fault:
            raise fault

    async def close(self, within_s: float) -> None:
        """Claim no more, and write down what is under way; what takes longer is left to its
        lease. What was set aside of a channel's limits is given back."""
        self._set_closing(is_closing=True)
        self._has_room.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._is_idle.wait()
                await self._settler.give_back()

    def _set_closing(self, *, is_closing: bool) -> None:
        self._is_closing = is_closing
        for sender in self.senders.values():
            sender.is_closing = is_closing

    @property
    def held(self) -> int:
        """How many messages are claimed and not settled."""
        return sum(claimed.held for claimed in self._claimed.values())

    # Claiming

    async def _claim(self) -> None:
        while not self._is_closing:
            self._has_room.clear()
            now = self._clock.second()
            for claimed in self._claimed.values():
                self._give_back([bundle for row in claimed.overdue(now) for bundle in row])
            room = self._room(now)
            held = frozenset(self._mine) if self._fault else None
            urgent = self._urgent_room(now, room)
            is_all = not self.held  # else it looks where there is room, or for red ones alone
            self._is_claiming = True
            began = self._tick()
            try:
                rows: dict[str, list[Row]] = {}
                if room or urgent or held is not None:
                    rows = await asyncio.to_thread(self._take, now, room, urgent, held)
            except StateConflict as error:
                log.warning("nothing can be claimed; it is tried again", reason=str(error))
                self._fault = error
                await self._clock.sleep(_FAULT_S)
                continue
            finally:
                self._is_claiming = False
            self._fault = None
            if rows:  # who writes them takes up what changed
                self._last_look.has_looked(began)
            for name, each in rows.items():
                self._mine |= {message.id for row in each for message in _messages(row)}
                self._claimed[name].put(each)
            if rows:
                await asyncio.sleep(0)  # they go before more is looked for
            else:
                if is_all:
                    self._is_dry.set()
                # Not wait_for, which may lose a cancellation before Python 3.12.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._has_room.wait()
        self._tell_idle()

    def _tell_idle(self) -> None:
        if self._is_closing and not self._is_claiming and not self.held:
            self._is_idle.set()

    def _room(self, now: int) -> dict[str, int]:
        """How many messages of each channel can be taken on."""
        free = {name: claimed.room(now) for name, claimed in self._claimed.items()}
        return {name: most for name, most in free.items() if most > 0}

    def _urgent_room(self, now: int, room: Mapping[str, int]) -> dict[str, int]:
        """How many red ones are taken on where there is no room: these wait for no others."""
        if not self._is_new and self._tick() < self._urgent_at + _URGENT_S:
            return {}
        urgent = {
            name: sender.limits.at_once
            for name, sender in self.senders.items()
            if name not in room and sender.pace.room(now) != 0
        }
        if urgent:
            self._is_new, self._urgent_at = False, self._tick()
        return urgent

    def _take(
        self,
        now: int,
        room: Mapping[str, int],
        urgent: Mapping[str, int],
        held: frozenset[str] | None = None,
    ) -> dict[str, list[Row]]:
        """Claim, write and bundle; letters by channel and order key. In a thread. `held` is what
        is in hand after a claim that failed."""
        if held is not None:
            self._outbox.take_back(held, now)
        until, together = now + LEASE_S, self._together
        claimed = self._outbox.claim(now, until, room, together=together) if room else []
        if urgent:
            red = self._outbox.claim(now, until, urgent, Level.RED, together=together)
            claimed += red
            self._is_new |= bool(red)  # there may be more
        # If the clock was set forward, leases seem to have run out that are still held.
        claimed = [message for message in claimed if message.id not in self._mine]
        rows: dict[str, dict[str, list[Written]]] = defaultdict(dict)
        refused, new = [], set()  # messages of which something else is left out than is kept
        for message, letter in zip(
            claimed, _letters(self._write, self._outbox, claimed, now), strict=True
        ):
            if isinstance(letter, Outcome):
                schedule = self.senders[message.channel].limits.schedule
                refused.append((message, settled(message, letter, schedule, now), letter))
                rows[message.channel]  # there may be more, though no letter came of these
                continue
            rows[message.channel].setdefault(message.order_key, []).append((message, letter))
            if not is_bound(message, letter):
                new.add(message.id)
        if refused:
            self._outbox.settle([(message, after) for message, after, _ in refused])
            told = [
                (m, after, one if one.is_given_back else None, 0.0) for m, after, one in refused
            ]
            self._tries.tell(told)
        found = {
            name: [_bundled(row, self.senders[name].limits.letter_chars) for row in by_key.values()]
            for name, by_key in rows.items()
        }
        return self._bind(found, new, now)

    def _bind(
        self, rows: dict[str, list[Row]], new: Collection[str], now: int
    ) -> dict[str, list[Row]]:
        """Keep the ids that letters of several messages go by, and what those of `new` leave out,
        before these go. Where a message is another's by now, nobody here knows which: what is ours
        of these rows goes in a moment."""
        bound = [row for each in rows.values() for row in each if _is_kept(row, new)]
        kept = [(m, m) for row in bound for m in _messages(row) if m.letter or m.id in new]
        if not kept or self._outbox.settle(kept) == len(kept):
            return rows
        rest = [message for row in bound for message in _messages(row)]
        self._outbox.settle([(message, released(message, 1.0, now)) for message in rest])
        return {
            name: [row for row in each if not _is_kept(row, new)] for name, each in rows.items()
        }

    # Sending

    async def _work(self, name: str) -> None:
        while True:
            await self._send(await self._claimed[name].next())

    async def _work_apart(self, name: str, crew: Crew, worker: Worker) -> None:
        """Letters to servers of their own: what is slow holds up no other, until too many are."""
        claimed, targets = self._claimed[name], self._targets[name]
        goes_on = True
        while goes_on:
            row = await claimed.next()
            target = row[0][0][0].person
            put_off_s = targets.put_off_s(target, row)
            if put_off_s:
                self._give_back(row, put_off_s)
            elif put_off_s is not None:
                crew.begins(worker)
                tried = [one for one in await self._send(row) if one and not one.is_given_back]
                goes_on = crew.ends(worker)
                if tried:
                    targets.note(target, has_answered=tried[-1].verdict in ("sent", "never"))
                claimed.put_again(targets.more(target))

    async def _send(self, row: Row) -> list[Outcome | None]:
        """Letters of one order key, until one of them has to wait; what their tries came to."""
        outcomes: list[Outcome | None] = []
        for i, bundle in enumerate(row):
            tried = await self._try(bundle)
            now = self._clock.now()
            waits = False
            for (message, letter), (after, outcome) in zip(bundle, tried, strict=True):
                self._settler.put((message, after, outcome, now - letter.sent_at))
                outcomes.append(outcome)
                waits |= after.status == Status.DUE
            if waits:
                self._give_back(row[i + 1 :])
                break
        return outcomes

    async def _try(self, bundle: Bundle) -> list[Tried]:
        return await self.senders[bundle[0][0].channel].send(bundle)

    def _give_back(self, rest: Sequence[Bundle], after_s: float = 0.0) -> None:
        """Messages whose turn has not come: one before them, or their target, has to wait."""
        now = self._clock.second()
        for message in _messages(rest):
            self._settler.put((message, released(message, after_s, now), None, 0.0))

    # Settled

    def _note_kept(self, batch: Sequence[Result]) -> None:
        self.settled += len(batch)
        for before, *_ in batch:
            self._claimed[before.channel].held -= 1
            self._mine.discard(before.id)
        self._tries.tell(batch)
        self._has_room.set()
        self._tell_idle()


def _letters(
    write: Write, outbox: Outbox, claimed: Sequence[Message], now: int
) -> Sequence[Letter | Outcome]:
    """Where none can be written now, nothing stays claimed: it would wait for its lease to run out,
    and a run would end as if nothing were due."""
    try:
        return write(claimed)
    except StateConflict:
        outbox.settle([(message, released(message, 0.0, now)) for message in claimed])
        raise


def _bundled(row: Sequence[Written], longest: int) -> Row:
    if len(row) == 1 and is_bound(*row[0]):  # as nearly all are: it goes by the id that it has
        return [(row[0],)]
    return [bound(one) for one in bundles(row, longest)]


def _messages(row: Sequence[Bundle]) -> Iterator[Message]:
    return (message for bundle in row for message, _ in bundle)


def _is_kept(row: Row, new: Collection[str]) -> bool:
    """Whether something of it is kept before it goes."""
    return any(len(bundle) > 1 or bundle[0][0].id in new for bundle in row)
