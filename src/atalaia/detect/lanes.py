"""Lanes lived through by whoever is handed their records, some at a time: none has a process of its
own.

A lane's consumer is held between two batches. What it holds is what was committed: where another
process went on meanwhile, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from atalaia.detect import near
from atalaia.detect.consumer import Consumer, Lived, Taken
from atalaia.detect.sight import Sight
from atalaia.detect.watch import Step
from atalaia.domain.lanes import Lane
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Notes
from atalaia.sources.schedule import Nearness

NEWEST = "lane:"
"""Items with the number of the newest record that each lane has lived through."""

_TRIES = 5

log = Logger()


class Lanes:
    """Those of one process.

    make      the consumer of a lane, by its number
    notes     where it is noted when the first batch of all came
    on_lived  called with each batch that is committed
    """

    def __init__(
        self, make: Callable[[int], Consumer], notes: Notes, on_lived: Callable[[Lived], None]
    ) -> None:
        self._make = make
        self._notes = notes
        self._on_lived = on_lived
        self._consumers: dict[int, Consumer] = {}

    def begin_anew(self) -> None:
        """Let each lane's next batch be lived by a consumer that is made anew."""
        self._consumers.clear()

    def live(self, came: Mapping[int, Sequence[Taken]]) -> set[int]:
        """Live through all that is new, by lane; return the lanes whose state cannot be written."""
        undone = set()
        for lane, taken in came.items():
            try:
                self._live(lane, taken)
            except StateConflict as error:
                log.warning("a lane cannot go on", lane=lane, reason=str(error))
                undone.add(lane)
        return undone

    def _live(self, lane: int, taken: Sequence[Taken]) -> None:
        if lane not in self._consumers:
            now = taken[0].record.payload.received_at
            _began(self._notes).change(lambda known: now if known is None else known)
            self._consumers[lane] = self._make(lane)
        for left in reversed(range(_TRIES)):
            try:
                while lived := self._consumers[lane].live(taken):
                    self._on_lived(lived)
            except StateConflict as error:
                if not left:
                    raise
                log.info("a lane goes on from what is kept", lane=lane, reason=str(error))
            else:
                return


def items_of(
    lane: Lane, step: Step, nearness: Nearness, sight: Sight, taken: Sequence[Taken]
) -> Mapping[str, bytes]:
    """What a lane commits with each step, for other processes: how far it is, and `near`'s."""
    items = {f"{NEWEST}{lane.number}": b"%d" % taken[-1].record.offset}
    if step.now:
        items[f"{near.PREFIX}{lane.number}"] = near.pack(lane, nearness, sight, step.now)
    return items


def began_at(notes: Notes) -> int:
    """When the first batch of all came, Unix seconds; 0 before."""
    return _began(notes).get() or 0


def _began(notes: Notes) -> Note[int]:
    return Note(notes, "began", int)
