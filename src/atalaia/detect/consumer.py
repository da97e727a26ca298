"""The speed layer's turn: a batch from the stream, lived through, and committed.

All of it is synchronous and runs in one thread at a time. Nothing that a payload holds can stop
it: one that breaks the watch is put aside, and the watch goes on from the last commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from atalaia.detect.nearness import nearness
from atalaia.detect.watch import CONSUMER, Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import Hazard
from atalaia.domain.payload import Reject
from atalaia.domain.reading import Floats, Readings
from atalaia.ports import Commit, Record, State, Stream

FAULT = "fault in the watch"

_MOST_RECORDS = 256
_SMALL_BATCH, _LARGE_BATCH = 1_000_000, 8_000_000
"""Bytes: a batch under the first lets the next be longer, one over the second shortens it."""

Steps = Mapping[int, Mapping[str, Sequence[float]]]
"""People's own limits: by position of a place and name of a rule, sorted."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Lived:
    """What a batch came to, once it is committed.

    readings   rows by source
    rows       the rows themselves
    nearness   of each place to a limit, shape (places,)
    open       the hazard of each incident that is going on
    seconds    from reading to commit
    """

    offset: int
    readings: dict[str, int]
    rows: Readings
    rejects: list[Reject]
    entries: Sequence[LogEntry]
    nearness: Floats
    open: list[str]
    seconds: float


@dataclass(frozen=True)
class _Batch:
    """Lived through, and not yet committed."""

    commit: Commit
    readings: dict[str, int]
    rows: Readings
    began: float


class Consumer:
    """Takes the stream forward, batch by batch.

    make_watch  a watch in the state that the home has kept
    """

    def __init__(self, stream: Stream, state: State, make_watch: Callable[[], Watch]) -> None:
        self._stream = stream
        self._state = state
        self._make_watch = make_watch
        self._made: Watch | None = make_watch()
        self.offset = state.offset(CONSUMER)
        self._pending: _Batch | None = None
        self._limit = 32
        self._alone_until = 0
        self._steps: Steps = {}
        self.nearness = self._nearness(self._made, 0)

    @property
    def steps(self) -> Steps:
        """At which the watch tells of a rising peak; may be set from any thread."""
        return self._steps

    @steps.setter
    def steps(self, steps: Steps) -> None:
        self._steps = steps
        if self._made is not None:
            self._made.steps = steps

    def begin_anew(self) -> bool:
        """Let the next batch be lived by a watch that is made anew, as after a restart.

        False while a batch waits for its commit: what that watch holds is not yet kept.
        """
        if self._pending is not None:
            return False
        self._made = None
        return True

    def advance(self) -> Lived | None:
        """Live through the next records and commit; None if there are none.

        Raises StateConflict where the store cannot be written. Nothing is lost by that: the same
        commit is tried the next time.
        """
        if self._pending is None:
            limit = 1 if self.offset < self._alone_until else self._limit
            records = self._stream.read(self.offset, limit)
            if not records:
                return None
            self._pending = self._live(records)
            if self._pending is None:  # it broke: once more, one by one
                self._alone_until = records[-1].offset
                return self.advance()
            self._adapt(records)
        batch = self._pending
        # False: an earlier try did get through, though the store then reported an error.
        self._state.commit(batch.commit)
        self._pending = None
        self.offset = batch.commit.offset
        return Lived(
            offset=self.offset,
            readings=batch.readings,
            rows=batch.rows,
            rejects=[reject for _, reject in batch.commit.rejects],
            entries=batch.commit.entries,
            nearness=self.nearness,
            open=_open(self._watch()),
            seconds=time.perf_counter() - batch.began,
        )

    def _live(self, records: list[Record]) -> _Batch | None:
        """The records' commit; None where they broke the watch and are to be tried singly."""
        began = time.perf_counter()
        watch = self._watch()
        try:
            step, commit = watch.step(records)
        except Exception as error:
            # What the watch holds in memory may be half of a step: forget it, and take up what
            # was committed.
            self._made = None
            first = records[0]
            log.exception(FAULT, offset=first.offset, records=len(records), error=repr(error))
            if len(records) > 1:
                return None
            reject = Reject(
                source=first.payload.source,
                reason=FAULT,
                detail=f"{type(error).__name__}; please report it with this payload",
            )
            aside = Commit(CONSUMER, first.offset, rejects=[(first.offset, reject)])
            return _Batch(aside, {}, Readings.empty(), began)
        self.nearness = self._nearness(watch, step.now)
        return _Batch(commit, step.rows, step.readings, began)

    def _watch(self) -> Watch:
        if self._made is None:
            self._made = self._make_watch()
            self._made.steps = self._steps
        return self._made

    def _nearness(self, watch: Watch, now: int) -> Floats:
        return nearness(watch.rules, watch.table, watch.incidents, now)

    def _adapt(self, records: Sequence[Record]) -> None:
        size = sum(len(record.payload.body) for record in records)
        if size > _LARGE_BATCH:
            self._limit = max(1, self._limit // 4)
        elif size < _SMALL_BATCH:
            self._limit = min(_MOST_RECORDS, self._limit * 2)


def _open(watch: Watch) -> list[str]:
    hazards = [
        str(incident.hazard)
        for incident in watch.incidents.open.values()
        if incident.status == "active"
    ]
    return hazards + [str(Hazard.CANNOT_SEE)] * len(watch.blindness.outages)
