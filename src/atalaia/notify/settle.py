"""What tries came to, written down in batches, with what the channels have used up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from atalaia.clock import Clock
from atalaia.domain.delivery import Message, Outcome, Status
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notify.pace import Spent, spent_in, sum_of
from atalaia.notify.sender import Sender
from atalaia.ports import Notes, Outbox

_FAULT_S = 2.0

Result = tuple[Message, Message, Outcome | None, float]
"""A message as it was leased and as it is now, what the try came to (None: there was none), and
the seconds since it was decided."""

log = Logger()


class Settler:
    """Keeps results as they come in; who waits for the disk holds up no try.

    on_kept    told of each batch, once it is written down
    """

    def __init__(
        self,
        outbox: Outbox,
        notes: Notes,
        senders: Mapping[str, Sender],
        clock: Clock,
        on_kept: Callable[[Sequence[Result]], None],
    ) -> None:
        self._outbox = outbox
        self._notes = notes
        self._senders = senders
        self._clock = clock
        self._on_kept = on_kept
        self._results: list[Result] = []
        self._has_results = asyncio.Event()
        self.fault: StateConflict | None = None

    def put(self, result: Result) -> None:
        """To be written down soon."""
        self._results.append(result)
        self._has_results.set()

    async def run(self) -> None:
        """Write results down until cancelled."""
        while True:
            await self._has_results.wait()
            self._has_results.clear()
            batch, self._results = self._results, []
            await self._kept(batch, self._newly_spent())
            self._on_kept(batch)

    async def give_back(self) -> None:
        """Let other processes have what is set aside of the channels' limits."""
        for sender in self._senders.values():
            sender.has_spent |= sender.pace.give_back(self._clock.now())
        if new := self._newly_spent():
            await self._kept([], new)

    def _newly_spent(self) -> dict[str, Spent]:
        new = {}
        for name, sender in self._senders.items():
            if sender.has_spent:
                sender.has_spent = False
                new[name] = sender.pace.take(self._clock.now())
        return new

    async def _kept(self, batch: Sequence[Result], new: Mapping[str, Spent]) -> None:
        total: dict[str, Spent] = {}
        while True:
            try:
                await asyncio.to_thread(self._keep, batch, new, total)
                self.fault = None
                break
            except StateConflict as error:
                log.warning("outcomes cannot be kept; it is tried again", reason=str(error))
                self.fault = error
                await self._clock.sleep(_FAULT_S)
        for name, spent in total.items():
            self._senders[name].pace.learn(spent, self._clock.now())

    def _keep(
        self, batch: Sequence[Result], new: Mapping[str, Spent], total: dict[str, Spent]
    ) -> None:
        """Write the outcomes, and add what is `new` to what all processes have spent: `total` has
        it where that is done."""
        pairs = [(before, after) for before, after, *_ in batch]
        if self._outbox.settle(pairs) < len(pairs):
            self._outbox.settle(list(self._retaken(batch)))
        for name in new.keys() - total.keys():
            total[name] = self._add(name, new[name])

    def _retaken(self, batch: Sequence[Result]) -> Iterator[tuple[Message, Message]]:
        """Those that were sent by a lease that has been taken anew since: sent is sent."""
        for before, after, outcome, _ in batch:
            was_tried = outcome is not None and not outcome.is_given_back
            now = self._outbox.message(before.id) if was_tried else None
            if now and now.status == Status.LEASED and now.lease_until != before.lease_until:
                yield now, after

    def _add(self, channel: str, new: Spent) -> Spent:
        now = self._clock.now()
        return spent_in(self._notes, channel).change(
            lambda known: sum_of((known or Spent(), new), now)
        )
