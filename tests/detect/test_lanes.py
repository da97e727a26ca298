"""Lanes of one process: what one cannot do holds up no other, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from atalaia.detect.consumer import Consumer, Lived, Taken
from atalaia.detect.lanes import Lanes, began_at
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.ports import Record
from kept import Kept


class Lane:
    """A consumer that lives one record a call, once it could be written."""

    def __init__(self, conflicts: int = 0) -> None:
        self.conflicts = conflicts
        self.positions: list[int] = []

    def live(self, taken: Sequence[Taken]) -> Lived | None:
        if self.conflicts:
            self.conflicts -= 1
            raise StateConflict("another process went on")
        done = self.positions[-1] if self.positions else 0
        for one in taken:
            if one.position > done:
                self.positions.append(one.position)
                return cast(Lived, one.position)
        return None


class World:
    def __init__(self, *conflicts: int) -> None:
        self.made: list[int] = []
        self.notes = Kept()
        self.lived: list[Any] = []
        self.consumers = {number: Lane(n) for number, n in enumerate(conflicts)}
        self.lanes = Lanes(self._make, self.notes, self.lived.append)

    def _make(self, number: int) -> Consumer:
        self.made.append(number)
        return cast(Consumer, self.consumers[number])


def taken(*positions: int, at: int = 1_768_003_200) -> list[Taken]:
    payload = Payload(source="push", content="json", places=(), received_at=at, body=b"{}")
    return [Taken(position, Record(position, payload)) for position in positions]


def test_a_lane_lives_through_all_that_is_new_and_tells_of_each_batch() -> None:
    world = World(0, 0)
    assert world.lanes.live({0: taken(1, 3), 1: taken(2)}) == set()
    assert world.consumers[0].positions == [1, 3]
    assert sorted(world.lived) == [1, 2, 3]


def test_a_lane_that_another_process_lives_goes_on_from_what_is_kept() -> None:
    world = World(4)
    assert world.lanes.live({0: taken(1)}) == set()
    assert world.consumers[0].positions == [1]


def test_a_lane_that_cannot_be_written_is_told_and_holds_up_no_other() -> None:
    world = World(5, 0)
    assert world.lanes.live({0: taken(1), 1: taken(2)}) == {0}
    assert world.consumers[1].positions == [2]
    assert world.lanes.live({0: taken(1)}) == set(), "what came again is lived through then"


def test_a_consumer_is_held_between_two_batches_until_all_begin_anew() -> None:
    world = World(0)
    for position in (1, 2):
        world.lanes.live({0: taken(position)})
    assert world.made == [0]
    world.lanes.begin_anew()
    world.lanes.live({0: taken(3)})
    assert world.made == [0, 0]


def test_when_the_first_batch_came_is_noted_once() -> None:
    world = World(0, 0)
    assert began_at(world.notes) == 0
    world.lanes.live({0: taken(1, at=100)})
    world.lanes.live({1: taken(2, at=200)})
    assert began_at(world.notes) == 100


def test_a_note_that_cannot_be_written_leaves_the_lane_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(0)
    monkeypatch.setattr(world.notes, "swap_note", lambda *_: False)
    assert world.lanes.live({0: taken(1)}) == {0}
    assert world.made == []
