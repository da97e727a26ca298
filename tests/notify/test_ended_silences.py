"""The end of each silence is told once, whoever ends it and whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.domain.silence import Silence
from notify.test_still import HOUR, Desk, standing
from telling import HERE, NOON, THERE, news, person


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.join(person(where=[HERE, THERE]))
    made.fan._silences = lambda: made.silences
    yield made
    made.home.close()


def silence(place: str, until: int = NOON + HOUR) -> Silence:
    return Silence(
        id=f"s-{place}", hazard=None, place=place, since=NOON - 9, until=until, reason="", by=""
    )


def ends(desk: Desk, i: int, at: int) -> None:
    desk.silences[i] = msgspec.structs.replace(desk.silences[i], until=at)


def test_of_two_that_end_within_a_second_by_different_processes_both_are_told(desk: Desk) -> None:
    desk.silences += [silence("recife"), silence("natal")]
    stands = standing(desk)
    desk.say(news("i1", level="red"), news("i2", level="red", place="natal"), now=NOON)
    ends(desk, 0, NOON + 60)
    assert stands.step((), NOON + 60) == 1
    ends(desk, 1, NOON + 60)
    assert [stands.step((), NOON + 60 + s) for s in (0, 1)] == [1, 0]
    assert len(desk.all()) == 2


def test_a_clock_that_was_ahead_passes_over_no_end(desk: Desk) -> None:
    desk.silences += [silence("recife"), silence("natal", NOON + 2 * HOUR)]
    stands = standing(desk)
    desk.say(news("i1", level="red"), news("i2", level="red", place="natal"), now=NOON)
    ends(desk, 0, NOON + 60)
    assert stands.step((), NOON + HOUR) == 1
    ends(desk, 1, NOON + 120)
    assert stands.step((), NOON + 120) == 1


def test_one_that_seemed_over_by_a_clock_that_was_ahead_ends_once_more(desk: Desk) -> None:
    desk.silences.append(silence("recife"))
    stands = standing(desk)
    desk.say(news("i1", level="red"), now=NOON)
    assert stands.step((), NOON + HOUR) == 1
    assert stands.step((), NOON + 60) == 0
    desk.say(news("i2", level="red", at=NOON + 120), now=NOON + 120)
    assert stands.step((), NOON + HOUR) == 1
    assert [m.seqs for m in desk.all()] == [(1,), (2,)], "each once"


def test_what_an_older_atalaia_kept_is_gone_on_with(desk: Desk) -> None:
    desk.silences += [silence("recife", NOON + 60), silence("natal", NOON + 120)]
    stands = standing(desk)
    desk.say(news("i1", level="red"), news("i2", level="red", place="natal"), now=NOON)
    desk.home.state.set_note("silences:told", str(NOON + 60))
    assert [stands.step((), NOON + 120 + s) for s in (0, 1)] == [1, 0]
    assert [m.seqs for m in desk.all()] == [(2,)]
