"""A last look at what is told: what was just looked at is not looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from atalaia.domain.delivery import Letter, Message, Outcome
from atalaia.notify.last_look import FRESH_S, LastLook
from telling import message


class Drafts:
    """As they were written; counts the looks."""

    looks = 0

    def look(self) -> None:
        self.looks += 1

    def is_stale(self, _message: Message) -> bool:
        return False


def _write(_messages: Sequence[Message]) -> list[Letter | Outcome]:
    raise AssertionError("nothing is stale")


def goes(after_s: float, fresh_s: float) -> tuple[bool, int]:
    """Whether a letter goes without waiting, so long after who wrote letters took up what changed;
    and how many looks begin by that."""
    now, drafts = 100.0, Drafts()

    async def run() -> bool:
        nonlocal now
        last_look = LastLook(drafts, _write, fresh_s, lambda: now)
        assert not last_look.is_as_written(message()), "nobody has looked"
        last_look.has_looked(now)
        now += after_s
        goes = last_look.is_as_written(message())
        for _ in range(3):
            await asyncio.sleep(0.01)
        return goes

    return asyncio.run(run()), drafts.looks


def test_a_letter_that_was_just_written_goes_without_a_look_of_its_own() -> None:
    assert goes(0.0, FRESH_S) == (True, 0)
    assert goes(0.4 * FRESH_S, FRESH_S) == (True, 0)


def test_it_is_looked_at_again_before_that_is_old() -> None:
    assert goes(0.6 * FRESH_S, FRESH_S) == (True, 1), "the next look has begun"
    assert goes(1.1 * FRESH_S, FRESH_S)[0] is False


def test_where_each_letter_has_a_look_of_its_own_no_other_counts() -> None:
    assert goes(0.0, 0.0)[0] is False
