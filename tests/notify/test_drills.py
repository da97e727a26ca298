"""Drills, and what is said of addresses, beside what is real: they never replace or delay it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.clock import Clock
from atalaia.domain.delivery import Message, Outcome, Status, notice, settled
from atalaia.notify.drills import Drills
from notify.test_still import Desk
from telling import NIGHT, NOON, PLACES, news, people, person

BUSY = Outcome("again", "busy")
TAKEN = Outcome("sent", provider_id="x")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.home.close()


class Known:
    """As `Recipients` to who drills."""

    def __init__(self, desk: Desk) -> None:
        self.audience = desk.audience
        self.get = desk.people.get

    def refresh(self) -> None:
        """What is known is new."""


def drill(desk: Desk, now: int, level: str = "red") -> None:
    known, outbox = Known(desk), desk.home.outbox
    clock, state = Clock(lambda: now), desk.home.state
    drills = Drills(state, outbox, known, PLACES, clock=clock, wake=lambda: None)  # type: ignore[arg-type]
    drills.start("heavy_rain", level, "recife", "x", is_for_everyone=True)


def claimed(desk: Desk, now: int, most: int = 99) -> list[Message]:
    return desk.home.outbox.claim(now, now + 90, {"telegram": most}, together=["telegram"])


def test_a_drill_that_is_put_off_does_not_hold_up_what_is_real(desk: Desk) -> None:
    desk.join(person())
    drill(desk, NOON)
    [drilled] = claimed(desk, NOON)
    desk.home.outbox.settle([(drilled, settled(drilled, BUSY, (50,), NOON))])
    desk.say(news(at=NOON + 1), now=NOON + 1)
    assert desk.send(NOON + 1) == ["telegram: onset orange"]
    assert desk.send(NOON + 50) == ["telegram: "]


def test_a_drill_whose_sender_died_does_not_hold_up_what_is_real(desk: Desk) -> None:
    desk.join(person())
    drill(desk, NOON)
    assert claimed(desk, NOON)
    desk.say(news(at=NOON + 1, level="red"), now=NOON + 1)
    assert desk.send(NOON + 1) == ["telegram: onset red"]


def test_what_is_said_of_an_address_does_not_hold_up_what_is_real(desk: Desk) -> None:
    desk.join(person())
    outbox = desk.home.outbox
    outbox.put(notice("p_ana", "telegram", "added", "added:sms", NOON, 3600))
    [said] = claimed(desk, NOON)
    outbox.settle([(said, settled(said, BUSY, (50,), NOON))])
    desk.say(news(at=NOON + 1), now=NOON + 1)
    assert desk.send(NOON + 1) == ["telegram: onset orange"]


def test_all_that_is_real_goes_before_a_drill_of_red_to_many(desk: Desk) -> None:
    desk.join(*people(20))
    drill(desk, NOON)
    desk.say(news(at=NOON + 1, level="yellow"), now=NOON + 1)
    assert [m.kind for m in claimed(desk, NOON + 1, most=20)] == ["alert"] * 20


def test_a_drill_of_red_goes_in_quiet_hours_and_asks_for_an_answer_as_red_does(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT))
    night = NOON + 15 * 3600
    drill(desk, night, "orange")
    drill(desk, night, "red")
    desk.now = night
    written = desk.composer.write(claimed(desk, night))
    waits, asks = sorted(written, key=lambda one: not isinstance(one, Outcome))
    assert isinstance(waits, Outcome)
    assert waits.verdict == "waits"
    assert not isinstance(asks, Outcome)
    assert asks.asks
    assert asks.content.kind == "exercise"


def test_an_answer_to_a_drill_is_none_to_what_is_real(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms"))
    desk.say(news(level="red"), now=NOON)
    drill(desk, NOON)
    assert sorted(desk.send(NOON)) == ["telegram: ", "telegram: onset red"]
    drilled = next(m for m in desk.all() if m.kind != "alert")
    assert desk.home.outbox.acknowledge("p_ana", drilled.id, NOON + 1)
    desk.now = NOON + 600
    assert desk.escalation.hand_on() == 1
    assert [m.channel for m in desk.all(status=Status.DUE)] == ["sms"]
