"""Turns of fan-out: what another does is left to it, and what was overtaken is made again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from atalaia.errors import HeldByAnother, Overtaken, StateConflict
from atalaia.notify.notifier import Notifier
from atalaia.notify.turns import fan_out


class Stepped:
    """Comes to these in turn: whether a step did anything, or what it raised."""

    def __init__(self, *outcomes: bool | Exception) -> None:
        self._outcomes: Iterator[bool | Exception] = iter(outcomes)
        self.kept = 0

    def step(self) -> bool:
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def keep(self) -> None:
        self.kept += 1


def turn(*outcomes: bool | Exception, tries: int = 3) -> int:
    return fan_out(cast(Notifier, Stepped(*outcomes)), range(tries))


def test_a_turn_goes_on_until_nothing_is_new() -> None:
    assert turn(True, True, False) == 2
    assert turn(False) == 0


def test_who_is_told_is_kept_when_all_is_fanned_out_and_not_before() -> None:
    for outcomes, kept in (((True, False), 1), ((True, HeldByAnother("another is at it")), 0)):
        stepped = Stepped(*outcomes)
        fan_out(cast(Notifier, stepped), range(3))
        assert stepped.kept == kept


def test_a_step_that_was_overtaken_is_made_again() -> None:
    assert turn(Overtaken("a message went out"), True, False) == 1


def test_a_turn_that_is_always_overtaken_fails_aloud() -> None:
    with pytest.raises(StateConflict, match="all the time"):
        turn(*[Overtaken("a message went out")] * 3)


def test_what_another_fans_out_is_left_to_it() -> None:
    assert turn(True, HeldByAnother("another is at it")) == 0


def test_a_store_that_refuses_fails_the_turn() -> None:
    with pytest.raises(StateConflict, match="no answer"):
        turn(StateConflict("no answer"))
