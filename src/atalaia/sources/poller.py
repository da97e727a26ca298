"""Asks the sources, each at its own pace, for as long as the watch runs.

One task a source, so that a slow one never delays another. What comes, answers and failures
alike, goes on as payloads. The pace is `schedule`'s, the calls are `budget`'s; both, and when each
place was asked last, are kept in notes over a restart.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import aiohttp
import numpy as np

from atalaia.clock import Clock
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.plugins.found import PluginBroken
from atalaia.ports import Notes
from atalaia.sources import decode_all
from atalaia.sources.budget import Budget, Count
from atalaia.sources.health import Health
from atalaia.sources.plan import Plan
from atalaia.sources.request import SourceRequest
from atalaia.sources.schedule import Due, Nearness
from atalaia.sources.signed import SignedFetch

LOOK_AGAIN_S = 10.0
"""How often a source is looked at, at least: nearness changes between two calls."""

MOST_IN_FLIGHT = 4
"""Requests of one source that may be under way; one while it does not answer."""

log = Logger()

Deliver = Callable[[list[Payload]], Awaitable[object]]
Polls = dict[str, dict[str, int]]
"""By content and place: when it was asked last, Unix seconds."""


class Poller:
    """Polls one source for ever: `run` it in a task, and cancel that to stop.

    nearness    each place's nearness to a limit
    deliver     takes what came; it may take its time, and the source is then asked less
    """

    def __init__(
        self,
        plan: Plan,
        places: Places,
        session: aiohttp.ClientSession,
        deliver: Deliver,
        *,
        nearness: Callable[[], Nearness],
        notes: Notes,
        clock: Clock,
        timeout_s: float = 20.0,
    ) -> None:
        self.plan = plan
        self.health = Health()
        self.budget = Budget.of(plan.name, None, plan.windows)
        self._places = places
        self._decode = decode_all(places)
        self._signed = SignedFetch(session, clock, timeout_s)
        self._deliver = deliver
        self._nearness = nearness
        # Spare: without them it may ask a little too often, within the calls.
        self._count_note = Note(notes, f"budget:{plan.name}", Count, is_spare=True)
        self._polls_note = Note(notes, f"polls:{plan.name}", Polls, is_spare=True)
        self._clock = clock
        self._last = {name: np.full(len(places), NO_TIME, np.int64) for name in plan.contents}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._launched = 0
        self._launched_at_failure = 0
        self._refused: set[tuple[str, tuple[str, ...], int]] = set()
        self._can_keep = True

    async def run(self) -> None:
        """Ask, and go on asking: nothing that a source does ends this."""
        await self._load()
        try:
            while True:
                try:
                    wait_s = await self._round()
                except Exception as error:
                    # A mistake of ours must not end the watch over this source either.
                    log.exception("fault in the poller", source=self.plan.name, error=repr(error))
                    self.health.reason = (
                        str(error)
                        if isinstance(error, PluginBroken)
                        else f"fault in the poller: {type(error).__name__}"
                    )
                    wait_s = LOOK_AGAIN_S
                await self._clock.sleep(min(wait_s, LOOK_AGAIN_S))
        finally:
            for task in self._in_flight:
                task.cancel()

    async def _round(self) -> float:
        """Send what is due, as calls and requests in flight allow; return seconds to wait."""
        now = self._clock.now()
        nearness = self._nearness()
        near = nearness.ahead if self.plan.is_by_forecast else nearness.now
        asked = self.plan.due(int(now), self._last, near, self.budget.left(now))
        begun: list[tuple[SourceRequest, list[Due]]] = []
        wait_s = LOOK_AGAIN_S
        for request, what in self.plan.requests(asked):
            if len(self._in_flight) + len(begun) >= (1 if self.health.reason else MOST_IN_FLIGHT):
                wait_s = 1.0
                break
            wait_s = self.budget.take(request.cost, now)
            if wait_s > 0:
                break
            begun.append((request, what))
        if begun:
            before = [[self._mark(one, int(now)) for one in what] for _, what in begun]
            await (
                self._keep()
            )  # before it is sent: a call that a crash forgot was made all the same
            for (request, what), marks in zip(begun, before, strict=True):
                self._launched += 1
                asking = self._ask(request, what, marks, self._launched)
                task = asyncio.create_task(asking, name=f"ask {self.plan.name}")
                self._in_flight.add(task)
                task.add_done_callback(self._landed)
            wait_s = 1.0
        return max(wait_s, 0.05)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("fault in the poller", source=self.plan.name, error=repr(error))

    def _mark(self, one: Due, at: int) -> int:
        """Note that it was asked; return when it was before."""
        before = int(self._last[one.content][one.place])
        self._last[one.content][one.place] = at
        return before

    async def _ask(
        self, request: SourceRequest, what: list[Due], before: list[int], number: int
    ) -> None:
        payload, headers = await self._signed.ask(request)
        reason = _unreachable(payload)
        now = self._clock.now()
        # Requests that were under way when the first of them failed are one failure, not four.
        if reason is None or number > self._launched_at_failure:
            status = None if payload.failure else payload.status
            self.budget.observe(status, headers, now, self._clock.jitter())
        if reason is None:
            self._answered(payload, await asyncio.to_thread(self._useless, payload))
        else:
            for one, at in zip(what, before, strict=True):
                self._last[one.content][one.place] = at  # it is due again after the rest
            self._launched_at_failure = self._launched
            self._failed(reason, now)
        await self._keep()
        await self._deliver([payload])

    def _useless(self, payload: Payload) -> str | None:
        """Why nothing in an answer can be used; None: something can, or it is a refusal."""
        if payload.status >= 300:
            return None
        decoded = self._decode([payload], None)
        columns = [*decoded.readings.values.values()]
        for part in decoded.stations:
            columns += part.readings.values.values()
        for told in decoded.ensembles:
            columns += told.values.values()
        if any(np.isfinite(column).any() for column in columns):
            return None
        reasons = [reject.reason for reject in decoded.rejects[:1]]
        return f"its answer cannot be used: {', '.join(reasons) or 'it has no values'}"

    def _answered(self, payload: Payload, useless: str | None) -> None:
        if useless is not None:
            if self.health.reason is None:
                log.warning("source answers nothing of use", source=self.plan.name, reason=useless)
            self.health.reason = useless
            return
        if self.health.reason is not None:
            log.info("source answers again", source=self.plan.name)
        self.health.reason = self.health.next_try_at = None
        if payload.status < 300:
            self.health.last_success_at = payload.received_at
            return
        refusal = (payload.content, payload.places, payload.status)
        if refusal not in self._refused:
            self._refused.add(refusal)
            log.warning(
                "source refuses a request; its answer is kept with the reason",
                source=self.plan.name,
                content=payload.content,
                places=",".join(payload.places[:5]),
                status=payload.status,
            )

    def _failed(self, reason: str, now: float) -> None:
        self.health.next_try_at = math.ceil(now + self.budget.blocked_for(now))
        if self.health.reason is None:
            log.warning(
                "source does not answer; it is tried again for ever",
                source=self.plan.name,
                reason=reason,
                next_try=instant(self.health.next_try_at),
            )
        self.health.reason = reason

    # What outlives the process

    async def _load(self) -> None:
        count = await asyncio.to_thread(self._count_note.get)
        self.budget = Budget.of(self.plan.name, count, self.plan.windows)
        known = await asyncio.to_thread(self._polls_note.get) or {}
        now = self._clock.second()
        for content, column in self._last.items():
            for place_id, at in known.get(content, {}).items():
                position = self._places.position.get(place_id)
                if position is not None and at <= now:
                    column[position] = at

    async def _keep(self) -> None:
        polls = {
            content: {
                place.id: int(at)
                for place, at in zip(self._places, column, strict=True)
                if at != NO_TIME
            }
            for content, column in self._last.items()
        }
        try:
            await asyncio.to_thread(self._count_note.put, self.budget.count())
            await asyncio.to_thread(self._polls_note.put, polls)
        except Exception as error:
            # The watch goes on without: after a restart it may ask a little too often.
            if self._can_keep:
                log.warning("calls cannot be kept", source=self.plan.name, reason=str(error))
            self._can_keep = False
        else:
            self._can_keep = True


def _unreachable(payload: Payload) -> str | None:
    """Why the source as a whole did not answer; None where it did, if only to refuse one place."""
    if payload.failure is not None:
        return payload.failure
    status = payload.status
    if status < 300 or (400 <= status < 500 and status not in (401, 402, 403, 407, 408, 429)):
        return None
    words = {401: "the key is not accepted", 403: "access denied", 429: "too many calls"}
    return f"HTTP {status}" + (f": {words[status]}" if status in words else "")
