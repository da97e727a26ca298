"""What people are told, against a slow and plainly written oracle, over random nights.

A case is a history of incidents of which several change at one instant (which comes to the log as a
whole, or in two parts with a fan-out between them, now and then minutes late), silences that
operators begin and end, people with quiet hours in five zones, channels that refuse, pause or do
not answer, senders that die at any call to a store, letters that wait for their turn, and people
who come, stop, move, ask for other places, change their hours, or acknowledge, in the middle.
Besides there are drills, and words about addresses, which often fail; and in some a second process
sends from the same outbox, which dies or hangs by itself, the clock is set forward and back, or
people have limits of their own, which they raise and lower.

What went out is held against the log alone: nothing of the outbox is asked, but for what it says
was sent: that must have been in the letter that it names. In every fourth case nothing real fails
and nobody changes: there it is told to the minute what must go out, and nothing else may, whatever
is drilled; and of what is due together one letter goes. In every eighth nothing fails, and what is
red and unanswered must go by another channel in time.

Letters are claimed, bundled, looked at and sent by the deliverer's own parts. What may have gone
goes again by the same id alone, whole, and by no other; the gravest stands first in each letter; a
letter counts once among what a channel may send.

    ATALAIA_DELIVERIES=2000 ATALAIA_DELIVERIES_FROM=90000 pytest -s tests/oracles/test_delivery.py
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from atalaia.homes.embedded import open_home
from atalaia.ports import Outbox, State
from oracles.nights import Night
from oracles.told import disagreements

CASES = int(os.environ.get("ATALAIA_DELIVERIES", "16"))
FIRST = int(os.environ.get("ATALAIA_DELIVERIES_FROM", "0"))
"""Other numbers are other nights."""

Home = tuple[State, Outbox, Callable[[], None]]


def passed(seeds: Sequence[int], opened: Callable[[int], Home]) -> None:
    """Live through the nights of these seeds, each in a home of its own; print what came of it."""
    wrong = {}
    sends = deaths = 0
    for seed in seeds:
        state, outbox, close = opened(seed)
        night = Night(state, outbox, seed)
        try:
            night.live()
            found = disagreements(night)
        finally:
            close()
        sends += len(night.went)
        deaths += night.deaths
        if found:
            wrong[seed] = found
    print(
        f"\n{len(seeds)} cases (seeds {', '.join(map(str, seeds[:3]))} … {seeds[-1]}), {sends} "
        f"sends, {deaths} deaths, {len(wrong)} disagreements: {list(wrong)[:20]}"
    )
    assert sends
    assert not wrong, list(wrong.items())[:2]


@pytest.mark.parametrize("part", range(4))
def test_everybody_is_told_what_is_so_when_it_arrives(tmp_path: Path, part: int) -> None:
    def opened(seed: int) -> Home:
        home = open_home(tmp_path / str(seed), exclusive=False)
        return home.state, home.outbox, home.close

    passed(range(FIRST + part, FIRST + CASES, 4), opened)
