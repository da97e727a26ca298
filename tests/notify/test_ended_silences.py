"""The end of each silence is told once, whoever ends it and whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.domain.alert import Moved
from atalaia.domain.silence import Silence
from atalaia.domain.subscription import Threshold
from notify.test_still import HOUR, Desk, standing
from telling import HERE, MIDNIGHT, NIGHT, NOON, THERE, news, person


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


@pytest.mark.parametrize("is_step", [False, True])
def test_a_limit_of_their_own_that_was_passed_meanwhile_is_told_when_it_ends(
    desk: Desk, is_step: bool
) -> None:
    """By an entry that is not the newest, or by one that is for those alone who set a limit."""
    desk.silences.append(silence("recife"))
    for name, limit in (("p_low", 35.0), ("p_high", 60.0)):
        own = (Threshold("rain_mm", 3600, limit, "heavy_rain"),)
        desk.join(person(name, hazards={}, thresholds=own))
    stands = standing(desk)
    path = [(None, 20.0), (20.0, 40.0)] if is_step else [(None, 40.0), (40.0, 50.0)]
    moved = [(Moved("rain_mm", 3600, False, low, high),) for low, high in path]
    desk.say(news("i1", level="yellow", moved=moved[0]), now=NOON)
    then = {"type": "step"} if is_step else {"reason": "certainty"}
    desk.say(news("i1", 2, level="yellow", at=NOON + 60, moved=moved[1], **then), now=NOON + 60)
    assert desk.all() == []
    stands.step((), NOON + HOUR)
    assert sorted(m.person for m in desk.all()) == ["p_ana", "p_low"]
    assert desk.send(NOON + HOUR) == [f"telegram: {'onset' if is_step else 'certainty'} yellow"] * 2
    assert stands.step((), NOON + HOUR + 1) == 0


@pytest.mark.parametrize("is_alone", [False, True])
def test_a_red_that_a_silence_put_off_into_quiet_hours_is_told_when_that_ends(
    desk: Desk, is_alone: bool
) -> None:
    """It was fanned out before the silence began, and its message waits with the rest of it."""
    desk.join(person(quiet=NIGHT, where=[HERE, THERE]))
    stands = standing(desk)
    red = news("i2", at=MIDNIGHT, level="red", place="natal")
    rest = [] if is_alone else [news("i1", at=MIDNIGHT)]
    desk.say(*rest, red, now=MIDNIGHT)
    begins = msgspec.structs.replace(silence("natal", MIDNIGHT + 300), since=MIDNIGHT + 1)
    desk.silences.append(begins)
    assert desk.send(MIDNIGHT + 2) == []
    assert stands.step((), MIDNIGHT + 299) == 0
    assert desk.send(MIDNIGHT + 299) == []
    stands.step((), MIDNIGHT + 300)
    said = ["onset red"] if is_alone else ["onset orange", "onset red"]
    assert desk.send(MIDNIGHT + 300) == [f"telegram: {', '.join(said)}"]
