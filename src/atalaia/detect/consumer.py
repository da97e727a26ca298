"""The speed layer's turn: records of the stream, lived through by one lane's watch, and committed.

All of it is synchronous and runs in one thread at a time. Nothing that a payload holds can stop
it: one that breaks the watch is put aside, and the watch goes on from what the home has kept. So
it does where a commit fails.

Where much comes, steps that tell nothing are held and committed together (`hold_s`): each rewrites
the state of its places, and a disk would wear out by writing that for every reading. After a crash
they are lived again, from the stream, and come to the same. What tells something is never held.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from atalaia.detect.asked import Steps
from atalaia.detect.nearness import nearness
from atalaia.detect.outlook import Outlook
from atalaia.detect.sight import Sight, sight
from atalaia.detect.watch import CONSUMER, Step, Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import Hazard
from atalaia.domain.payload import Reject
from atalaia.domain.reading import Delay, Readings
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.memory import uncollected
from atalaia.ports import Commit, Record, State, Stream
from atalaia.sources.schedule import Nearness

FAULT = "fault in the watch"

_MOST_RECORDS = 256
_SMALL_BATCH, _LARGE_BATCH = 1_000_000, 8_000_000
"""Bytes: a batch under the first lets the next be longer, one over the second shortens it."""

HOLD_S = 20.0
"""For how long a root that reads its own stream lets steps be held."""

_HELD_RECORDS = 10_000
"""So many records are lived again after a crash, at most."""

_MUCH, _MUCH_S = 8, 1.0
"""So many steps in so many seconds are much."""

_LONGEST_TURN_S = 1.0
"""A batch that took longer shortens the next one."""

_HUNGRY_MOST = 6
"""So often in a row a batch is tried that memory did not suffice for; then it is its own fault."""

log = Logger()


class Taken(NamedTuple):
    """A record as a consumer takes it.

    position  in the consumer's order; it grows, and is what the commit carries
    is_copy   another lane tells what could not be read of it
    """

    position: int
    record: Record
    is_copy: bool = False


@dataclass(frozen=True)
class Lived:
    """What a batch came to, once it is committed.

    readings   rows by source
    rows       the rows themselves
    nearness   of each place to a limit
    open       the hazard of each incident that is going on
    delays     how late sources were
    seconds    from reading to commit
    """

    position: int
    readings: dict[str, int]
    rows: Readings
    rejects: list[Reject]
    entries: Sequence[LogEntry]
    nearness: Nearness
    open: list[str]
    delays: list[Delay]
    seconds: float


ItemsOf = Callable[[Step, Nearness, Sight, Sequence[Taken]], Mapping[str, bytes]]
"""What else a home commits with a step, given how near each place is to a limit, and until when it
can be seen."""


def no_items(
    _step: Step, _nearness: Nearness, _sight: Sight, _taken: Sequence[Taken]
) -> Mapping[str, bytes]:
    """Nothing."""
    return {}


def nobody_asked() -> Steps:
    """No limits of people's own."""
    return {}


class Consumer:
    """Lives through records, batch by batch, as one reader of the stream.

    state       the state as it is now; asked for anew whenever the watch is
    make_watch  a watch in the state that the home has kept
    name        whose offset this is
    items_of    what else is committed
    asked       the limits at which it tells of a rising peak, looked up with each batch
    hold_s      for how long steps that tell nothing may be held where much comes; 0: never
    """

    def __init__(
        self,
        state: Callable[[], State],
        make_watch: Callable[[State], Watch],
        *,
        name: str = CONSUMER,
        items_of: ItemsOf = no_items,
        asked: Callable[[], Steps] = nobody_asked,
        hold_s: float = 0.0,
    ) -> None:
        self._open_state = state
        self._make_watch = make_watch
        self._name = name
        self._items_of = items_of
        self._asked = asked
        self._hold_s = hold_s
        self._held: Commit | None = None
        self._came: deque[float] = deque(maxlen=_MUCH)
        self._committed_at = -math.inf
        self._alone_until = self._hungry = 0
        self._watch: Watch | None = None
        self.position = self._committed = 0
        watch = self._take_up()
        near = nearness(watch.rules, watch.table, watch.incidents, 0)
        self.nearness = replace(Nearness.unknown(len(near)), now=near)
        self.sight = sight(watch.table)

    def begin_anew(self) -> None:
        """Let the next batch be lived by a watch that is made anew, as after a restart."""
        self.flush()
        self._watch = None

    @property
    def is_holding(self) -> bool:
        """Whether steps are held that were not committed yet."""
        return self._held is not None

    def flush(self) -> None:
        """Commit what is held. Raises StateConflict, as `live` does."""
        if self._held is not None:
            self._commit(self._held)

    def live(self, taken: Sequence[Taken]) -> Lived | None:
        """Live through the first of these that are new, and commit, or hold; None: none is new.

        Raises StateConflict where it cannot be committed: the store does not answer, another
        process went on, or there is no memory. Nothing is lost by that; the next call goes on from
        what was committed.
        """
        watch = self._watch or self._take_up()
        new = [one for one in taken if one.position > self.position]
        if not new:
            return None
        some = new[:1] if self.position < self._alone_until else new
        began = time.perf_counter()
        watch.incidents.steps = self._asked()
        try:
            with uncollected():
                step, commit = watch.step([one.record for one in some])
        except Exception as error:
            self.flush()
            self._watch = None  # it may hold half of a step
            if isinstance(error, MemoryError) and self._hungry < _HUNGRY_MOST:
                # That says little about the payload: it is lived when there is memory again.
                self._hungry += 1
                raise StateConflict("this process has no more memory; give it more") from error
            first = some[0]
            log.exception(FAULT, consumer=self._name, position=first.position, error=repr(error))
            if len(some) > 1:  # once more, one by one
                self._alone_until = some[-1].position
                return self.live(taken)
            step, commit = Step({}, [], 0, Readings.empty()), _aside(first, error)
        self._hungry = 0
        copies = {one.record.offset for one in some if one.is_copy}
        if step.now:
            self.nearness = self._near(watch, step.now)
            self.sight = sight(watch.table)
        commit = msgspec.structs.replace(
            commit,
            consumer=self._name,
            offset=some[-1].position,
            items={**commit.items, **self._items_of(step, self.nearness, self.sight, some)},
            rejects=[one for one in commit.rejects if one[0] not in copies],
        )
        self._held = _together(self._held, commit)
        self.position = commit.offset
        if self._watch is None or not self._can_hold(commit):
            self.flush()  # a watch that is made anew begins with what is committed
        return Lived(
            position=self.position,
            readings=step.rows,
            rows=step.readings,
            rejects=[reject for _, reject in commit.rejects],
            entries=commit.entries,
            nearness=self.nearness,
            open=_open(watch),
            delays=step.delays,
            seconds=time.perf_counter() - began,
        )

    def _near(self, watch: Watch, now: int) -> Nearness:
        judged = self._outlook.judged_places
        near = nearness(watch.rules, watch.table, watch.incidents, now, judged)
        return Nearness(near, self._outlook.ahead(now))

    def _can_hold(self, commit: Commit) -> bool:
        now = time.monotonic()
        self._came.append(now)
        return (
            not commit.entries
            and now < self._committed_at + self._hold_s
            and commit.offset - self._committed < _HELD_RECORDS
            and len(self._came) == _MUCH
            and now - self._came[0] < _MUCH_S
        )

    def _commit(self, commit: Commit) -> None:
        # Until it is kept, the watch is ahead of what the home has.
        held, self._watch, self._held = self._watch, None, None
        self.position = self._committed
        if not self._state.commit(commit):
            raise StateConflict(f"{self._name} went on in another process")
        self._watch = held
        self.position = self._committed = commit.offset
        self._committed_at = time.monotonic()

    def _take_up(self) -> Watch:
        """Go on from what the home has kept."""
        self._state = self._open_state()
        self.position = self._committed = self._state.offset(self._name)
        self._watch = watch = self._make_watch(self._state)
        self._outlook = Outlook(watch.detector.forecasts)
        return watch


def _together(held: Commit | None, new: Commit) -> Commit:
    """One commit in place of two, the second of which follows the first."""
    if held is None:
        return new
    return msgspec.structs.replace(
        new,
        items={**held.items, **new.items},
        entries=[*held.entries, *new.entries],
        rejects=[*held.rejects, *new.rejects],
    )


def _aside(one: Taken, error: Exception) -> Commit:
    reject = Reject(
        source=one.record.payload.source,
        reason=FAULT,
        detail=f"{type(error).__name__}; please report it with this payload",
    )
    return Commit(CONSUMER, one.position, rejects=[(one.record.offset, reject)])


def _open(watch: Watch) -> list[str]:
    hazards = [
        str(incident.hazard)
        for incident in watch.incidents.open.values()
        if incident.status == "active"
    ]
    return hazards + [str(Hazard.CANNOT_SEE)] * len(watch.blindness.outages)


class Follower:
    """Reads the stream for a consumer, where nobody hands it the records.

    Batches are as long as they can be lived through in about a second, so that what comes in the
    meantime does not wait for them: what is told does not depend on where they are cut.
    """

    def __init__(self, stream: Stream, consumer: Consumer) -> None:
        self._stream = stream
        self._limit = 32
        self.consumer = consumer

    def advance(self) -> Lived | None:
        """Live through the next records; None: there are none. Raises as `Consumer.live`."""
        records = self._stream.read(self.consumer.position, self._limit)
        size = sum(len(record.payload.body) for record in records)
        lived = self.consumer.live([Taken(record.offset, record) for record in records])
        seconds = lived.seconds if lived is not None else 0.0
        if size > _LARGE_BATCH or seconds > _LONGEST_TURN_S:
            self._limit = max(1, self._limit // 4)
        elif size < _SMALL_BATCH and seconds < _LONGEST_TURN_S / 4:
            self._limit = min(_MOST_RECORDS, self._limit * 2)
        return lived

    def oldest_at(self) -> int | None:
        """When the oldest record that was not lived through came; None: there is none."""
        waiting = self._stream.read(self.consumer.position, 1)
        return waiting[0].payload.received_at if waiting else None
