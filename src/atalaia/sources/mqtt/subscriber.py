"""What comes from brokers, into the stream: in batches, each acknowledged once it is on disk.

What cannot be known is said: of a time for which a broker had no session of ours, or in which its
queue may have been full (it keeps the oldest), messages are lost without a word. Such a `Gap` is
logged, counted, kept in a note and put into the stream, where who sums up sees it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from atalaia.clock import Clock, sleep_unless, steady
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.ports import Notes
from atalaia.sources.mqtt.arrivals import Arrivals, Arrived, Joined
from atalaia.sources.mqtt.broker import Broker
from atalaia.sources.mqtt.session import WINDOW, BrokerSession, client_id
from atalaia.sources.mqtt.standing import (
    Gap,
    SessionStanding,
    SubscriptionStanding,
    standing_of,
)

if TYPE_CHECKING:
    from atalaia.metrics import Metrics

AT_ONCE = 500
"""Messages of one commit, at most."""

LOOK_S = 5.0
"""How often sessions are looked at, at least."""

_KEEP_NOTE_S = 60.0
_MOST_GAPS = 50
_BURST_S = 10.0
"""A window that is full for so long lets a broker's queue grow, and it drops what does not fit."""

_LULL_S = 2.0
_RECENT_S = 5
_LONGEST_SILENCE_S = 4 * 3600
_TAKEN_OVER_S = 300

log = Logger()


@dataclass(slots=True)
class Sorted:
    """What messages are.

    payloads    to be kept, in order
    duplicates  how many were known, by session
    rejects     how many were passed over, by session and reason
    """

    payloads: list[Payload] = field(default_factory=list)
    duplicates: dict[int, int] = field(default_factory=dict)
    rejects: dict[tuple[int, str], int] = field(default_factory=dict)

    def known(self, session: int) -> None:
        """Count a duplicate."""
        self.duplicates[session] = self.duplicates.get(session, 0) + 1

    def passed_over(self, session: int, reason: str) -> None:
        """Count what is not kept."""
        self.rejects[session, reason] = self.rejects.get((session, reason), 0) + 1


class Intake(Protocol):
    """Makes payloads of messages."""

    def begin(self) -> None:
        """Take up what earlier runs kept; may block."""
        ...

    def sort(self, arrived: Sequence[Arrived]) -> Sorted:
        """What these messages are; never raises for what is in them. Fills in `published_at`."""
        ...

    def kept(self, payloads: Sequence[Payload], offset: int) -> None:
        """These are in the stream now, the last of them at this offset; they are acknowledged when
        this returns. May block."""
        ...

    def gap(self, gap: Gap, now: int) -> Payload | None:
        """What the stream is told of a gap; None: it is none to who sums up."""
        ...


@dataclass(slots=True)
class _Run:
    """Messages that come one upon the other, since something let a broker's queue grow.

    since     Unix seconds from when on it may have grown
    until     Unix seconds: what was published then or later was not in the queue; None: we are
              connected, and it grows still
    began, last   seconds of the steady clock: of the run, and of its last message
    seen      messages of it
    newest    Unix seconds at which the newest of them was published; 0: none says
    """

    since: int
    until: int | None
    began: float
    last: float
    seen: int = 0
    newest: int = 0


class Subscriber:
    """Keeps what some brokers pass on. `run` it in a task.

    name      of the note in which it keeps how it stands, and of logs
    keep      puts payloads into the stream and returns the offset of the last; it may take its time
    queue     so many messages a broker keeps for us while we are away, at least: what is as long
              may have lost what came after it
    silence_s after so long without a message a session is opened anew
    """

    def __init__(
        self,
        name: str,
        brokers: Sequence[Broker],
        topics: Sequence[str],
        intake: Intake,
        keep: Callable[[Sequence[Payload]], Awaitable[int]],
        notes: Notes,
        clock: Clock,
        *,
        expiry_s: int = 86_400,
        silence_s: int = 900,
        queue: int = 1000,
    ) -> None:
        self.name = name
        self.standing = SubscriptionStanding()
        self.sessions: list[BrokerSession] = []
        self._brokers = brokers
        self._topics = tuple(topics)
        self._intake = intake
        self._keep = keep
        self._note = standing_of(notes, name)
        self._clock = clock
        self._tick = steady(clock.now)
        self._expiry_s = expiry_s
        self._silence_s = silence_s
        self._queue = queue
        self._arrivals = Arrivals()
        self._runs: dict[int, _Run] = {}
        self._silences: dict[int, int] = {}
        self._noted = 0.0
        self._untold: list[Gap] = []

    async def run(self) -> None:
        """Listen, for as long as the watch runs."""
        self._arrivals.attach(asyncio.get_running_loop())
        await asyncio.to_thread(self._begin)
        try:
            while True:
                await self._turn()
        finally:
            await asyncio.to_thread(self._close)

    def shown(self) -> dict[str, Any]:
        """How it stands, as `/readyz` shows it."""
        return self.standing.shown(self._clock.second())

    def set_gauges(self, metrics: Metrics) -> None:
        """How it stands, as `/metrics` does."""
        for session in self.standing.sessions.values():
            metrics.heard(self.name, session.broker, session.heard_at, session.counts())
        metrics.messages_lost(self.name, len(self.standing.gaps))

    async def _turn(self) -> None:
        """One batch, or a look at the sessions where none comes."""
        batch = self._arrivals.take(AT_ONCE, lambda one: isinstance(one, Joined))
        if batch and isinstance(batch[-1], Joined):
            self._joined(batch[-1])
        await self._keep_all([one for one in batch if isinstance(one, Arrived)])
        await self._look()
        await self._tell_gaps()
        if not batch:
            await sleep_unless(self._clock, LOOK_S, self._arrivals.news)

    async def _tell_gaps(self) -> None:
        while self._untold:
            payload = self._intake.gap(self._untold[0], self._clock.second())
            if payload is not None:
                await self._keep([payload])
            del self._untold[0]

    async def _keep_all(self, arrived: list[Arrived]) -> None:
        if not arrived:
            return
        told = await asyncio.to_thread(self._intake.sort, arrived)
        self._count(arrived, told)
        if told.payloads:
            offset = await self._keep(told.payloads)
            await asyncio.to_thread(self._intake.kept, told.payloads, offset)
        for one in arrived:
            self.sessions[one.session].acknowledge(one)

    def _count(self, arrived: list[Arrived], told: Sorted) -> None:
        tick = self._tick()
        for one in arrived:
            standing = self._standing(one.session)
            standing.messages += 1
            standing.heard_at = one.received_at
            self._silences.pop(one.session, None)
            run = self._runs.get(one.session)
            if run is None:
                continue
            is_later = run.until is not None and (one.published_at or 0) >= run.until
            if is_later:
                self._ends(one.session)
                continue
            run.seen += 1
            run.last = tick
            run.newest = max(run.newest, one.published_at or 0)
        for session, n in told.duplicates.items():
            self._standing(session).duplicates += n
        for (session, reason), n in told.rejects.items():
            rejects = self._standing(session).rejects
            rejects[reason] = rejects.get(reason, 0) + n

    # Sessions

    def _begin(self) -> None:
        """Take up the note, and open a session a broker."""
        self._intake.begin()
        self.standing = self._note.get() or SubscriptionStanding()
        if not self.standing.home:
            # Kept before it is used: a session under a name that is forgotten helps nobody.
            self.standing.home = secrets.token_hex(6)
            self._note.put(self.standing)
        known = {broker.name for broker in self._brokers}
        kept = self.standing.sessions
        self.standing.sessions = {name: one for name, one in kept.items() if name in known}
        for number, broker in enumerate(self._brokers):
            before = self._standing_of(broker)
            session = BrokerSession(
                number,
                broker,
                self._topics,
                self._arrivals,
                self._clock,
                client_id=client_id(self.standing.home, broker, self.name),
                expiry_s=self._expiry_s,
                former=before.topics,
            )
            self.sessions.append(session)
            session.open()

    def _close(self) -> None:
        for session in self.sessions:
            session.close()
        self._put_note()
        self.sessions.clear()
        self._runs.clear()

    def _joined(self, joined: Joined) -> None:
        """A session is connected again: what came in between?"""
        session = self.sessions[joined.session]
        standing = self._standing(joined.session)
        since = standing.alive_at
        if since and not joined.is_resumed:
            self._gap(session, since, joined.at, "the broker had no session of ours any more")
        elif since:
            tick = self._tick()
            self._runs[joined.session] = _Run(since, joined.at - _RECENT_S, tick, tick)
        standing.topics = session.topics
        standing.alive_at = joined.at
        self._noted = 0.0

    async def _look(self) -> None:
        now, tick = self._clock.second(), self._tick()
        for session in self.sessions:
            self._look_at_run(session, now, tick)
            standing = self._standing(session.number)
            if standing.fault != session.fault:
                standing.fault = session.fault
                self._noted = 0.0  # who asks from outside is told at once
            if session.is_connected:
                standing.alive_at = now
            silent_s = self._silent_too_long(session, now)
            if silent_s:
                if session.is_connected or not session.is_running:
                    log.warning(
                        "a broker is silent; its session is opened anew",
                        broker=session.broker.name,
                        silent_s=silent_s,
                    )
                await asyncio.to_thread(session.close)
                await asyncio.to_thread(session.open)
        if tick - self._noted >= _KEEP_NOTE_S or self._noted == 0.0:
            self._noted = tick
            await asyncio.to_thread(self._put_note)

    def _look_at_run(self, session: BrokerSession, now: int, tick: float) -> None:
        run = self._runs.get(session.number)
        if run is None:
            if session.outstanding >= WINDOW - 1:
                self._runs[session.number] = _Run(now, None, tick, tick)
        elif tick - run.last >= _LULL_S and session.outstanding == 0:
            self._ends(session.number)

    def _ends(self, number: int) -> None:
        """A run is over: was there more of it than a broker keeps?"""
        run, session = self._runs.pop(number), self.sessions[number]
        if run.seen < self._queue:
            return
        if run.until is not None:
            why = "its queue may have been full while nobody was connected"
            to_at = run.until + _RECENT_S
            self._gap(session, min(max(run.since, run.newest), to_at), to_at, why)
        elif self._tick() - run.began >= _BURST_S:
            why = "messages came faster than they could be kept"
            self._gap(session, run.since, self._clock.second(), why)

    def _silent_too_long(self, session: BrokerSession, now: int) -> int:
        """For how long nothing came, where that is too long; 0: it is not."""
        silent_s = now - max(session.heard_at, session.opened_at)
        if session.is_taken_over:
            return silent_s if silent_s >= _TAKEN_OVER_S else 0
        if not session.is_running or session.number in self._arrivals.overflowed:
            self._arrivals.overflowed.discard(session.number)
            return max(1, silent_s)
        # Some topics are silent for hours: it is opened anew ever more seldom.
        longest_s = max(self._silence_s, _LONGEST_SILENCE_S)
        wait_s = self._silence_s * 2 ** min(self._silences.get(session.number, 0), 10)
        if silent_s < min(wait_s, longest_s):
            return 0
        self._silences[session.number] = self._silences.get(session.number, 0) + 1
        return silent_s

    def _gap(self, session: BrokerSession, from_at: int, to_at: int, why: str) -> None:
        gap = Gap(session.broker.name, from_at, to_at, why)
        seconds = to_at - from_at
        log.warning("messages of a broker are lost", broker=gap.broker, seconds=seconds, reason=why)
        self.standing.gaps = [*self.standing.gaps, gap][-_MOST_GAPS:]
        self._untold.append(gap)
        self._noted = 0.0

    def _standing(self, number: int) -> SessionStanding:
        return self._standing_of(self._brokers[number])

    def _standing_of(self, broker: Broker) -> SessionStanding:
        return self.standing.sessions.setdefault(broker.name, SessionStanding(broker.name))

    def _put_note(self) -> None:
        try:
            self._note.put(self.standing)
        except StateConflict as error:  # it is put again in a minute
            log.warning("how a subscription stands is not kept", reason=str(error))
