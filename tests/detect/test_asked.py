"""Limits of people's own, from who knows people to who detects, by one note of a home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.detect import asked
from atalaia.detect.asked import LOOK_S, NOTE, AskedLimits, Steps
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import StateConflict
from stories import rule_set

RULES = rule_set({"name": "gust"})


def place(name: str, area: str | None = None) -> Place:
    return Place(id=name, name=name.upper(), latitude=-8.0, longitude=-34.9, area=area)


WHERE = Places([place("a"), place("b", "bay"), place("c", "bay")])
AREA = len(WHERE)
SOME: Steps = {0: {"gust": [15.0, 18.5]}, AREA: {"gust 60%": [20.0]}}


@dataclass
class Kept:
    """A home, as far as it is asked here: notes, and the newest change of people."""

    notes: dict[str, str] = field(default_factory=dict)
    newest: int = 100
    looks: int = 0
    is_down: bool = False

    @property
    def state(self) -> Kept:
        return self

    @property
    def people(self) -> Kept:
        return self

    def newest_change(self) -> int:
        return self.newest

    def note(self, key: str) -> str | None:
        self.looks += 1
        if self.is_down:
            raise StateConflict("no answer")
        return self.notes.get(key)

    def swap_note(self, key: str, before: str | None, value: str) -> bool:
        if self.notes.get(key) != before:
            return False
        self.notes[key] = value
        return True


@dataclass
class Knows:
    """Who knows people, as of a change."""

    changed: int
    limits: Steps

    def steps(self, _places: Places, _rules: RuleSet) -> Steps:
        return self.limits


class Minutes:
    def __init__(self) -> None:
        self.at = 1_000.0
        self.clock = Clock(now=lambda: self.at)

    def limits(self, home: Any, rules: RuleSet = RULES, places: Places = WHERE) -> AskedLimits:
        return AskedLimits(home, rules, places, self.clock)


def plain(steps: Steps) -> dict[int, dict[str, list[float]]]:
    return {at: {name: list(some) for name, some in one.items()} for at, one in steps.items()}


def test_another_process_goes_by_them_within_a_minute() -> None:
    time, home = Minutes(), Kept()
    told, follows = time.limits(home), time.limits(home)
    assert follows.latest() == {}
    told.tell(Knows(1, SOME))
    assert follows.latest() == {}, "it has just looked"
    time.at += LOOK_S
    assert plain(follows.latest()) == plain(SOME)
    assert plain(told.latest()) == plain(SOME)
    told.tell(Knows(2, {0: {"gust": [15.0]}}))
    assert plain(told.latest()) == {0: {"gust": [15.0]}}, "at once, in the same process"
    time.at += LOOK_S
    assert plain(follows.latest()) == {0: {"gust": [15.0]}}
    told.tell(Knows(3, {}))
    time.at += LOOK_S
    assert follows.latest() == {}
    assert len(home.notes) == 1


def test_it_looks_once_a_minute_whatever_comes() -> None:
    time, home = Minutes(), Kept()
    follows = time.limits(home)
    for _ in range(600):
        follows.latest()
        time.at += 0.5
    assert home.looks == 5


def test_a_look_that_fails_is_made_once_more_and_not_a_minute_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time, home = Minutes(), Kept()
    time.limits(home).tell(Knows(1, SOME))
    follows, note, faults = time.limits(home), home.note, iter([StateConflict("no answer")])

    def once(key: str) -> str | None:
        if fault := next(faults, None):
            raise fault
        return note(key)

    monkeypatch.setattr(home, "note", once)
    assert plain(follows.latest()) == plain(SOME)


def test_where_the_state_does_not_answer_those_of_before_stay() -> None:
    time, home = Minutes(), Kept()
    time.limits(home).tell(Knows(1, SOME))
    follows = time.limits(home)
    assert plain(follows.latest()) == plain(SOME)
    home.is_down = True
    time.at += LOOK_S
    assert plain(follows.latest()) == plain(SOME)
    with pytest.raises(StateConflict):
        follows.tell(Knows(2, {}))
    assert plain(follows.latest()) == plain(SOME), "who could not tell it does not go by it alone"


def test_who_knows_less_does_not_write_over_who_knows_more() -> None:
    time, home = Minutes(), Kept()
    newer, older = time.limits(home), time.limits(home)
    newer.tell(Knows(8, SOME))
    older.tell(Knows(7, {}))
    assert plain(time.limits(home).latest()) == plain(SOME)
    older.tell(Knows(8, {0: {"gust": [16.0]}}))
    assert plain(time.limits(home).latest()) == {0: {"gust": [16.0]}}


def test_of_two_who_write_at_the_same_moment_the_newer_is_kept() -> None:
    time, home = Minutes(), Kept()
    swap = home.swap_note

    def late(key: str, before: str | None, value: str) -> bool:
        home.swap_note = swap  # type: ignore[method-assign]
        time.limits(home).tell(Knows(9, SOME))
        return swap(key, before, value)

    home.swap_note = late  # type: ignore[method-assign]
    time.limits(home).tell(Knows(8, {}))
    time.limits(home).tell(Knows(8, {1: {"gust": [30.0]}}))
    assert plain(time.limits(home).latest()) == plain(SOME)


def test_a_restored_store_is_believed_over_a_note_of_the_time_that_it_never_saw() -> None:
    time, home = Minutes(), Kept(newest=100)
    time.limits(home).tell(Knows(100, SOME))
    home.newest = 60
    time.limits(home).tell(Knows(60, {}))
    assert time.limits(home).latest() == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no note",
        "[]",
        '{"of": 1}',
        '{"of": "another version", "changed": 999, "limits": "eJwDAAAAAAE="}',
        '{"of": "OF", "changed": 100, "limits": "%%"}',
        '{"of": "OF", "changed": 100, "limits": "AAAA"}',
        '{"of": "OF", "changed": 100, "limits": ""}',
    ],
)
def test_what_cannot_be_read_is_passed_over_and_told_anew(text: str) -> None:
    time, home = Minutes(), Kept()
    home.notes[NOTE] = text.replace("OF", time.limits(home)._of)
    follows = time.limits(home)
    assert follows.latest() == {}
    time.limits(home).tell(Knows(100, SOME))
    time.at += LOOK_S
    assert plain(follows.latest()) == plain(SOME)


def test_those_of_other_rules_and_of_places_that_are_gone_say_nothing() -> None:
    time, home = Minutes(), Kept()
    time.limits(home).tell(Knows(1, SOME))
    others = rule_set({"name": "gust", "keep_firing_for": "7h"})
    assert time.limits(home, rules=others).latest() == {}
    alone = Places([place("z"), place("a")])
    assert plain(time.limits(home, places=alone).latest()) == {1: SOME[0]}


def test_nobody_can_be_told_from_the_note() -> None:
    """Not by who asked, nor by how many did."""
    time, home = Minutes(), Kept()
    limits = time.limits(home)
    limits.tell(Knows(1, SOME))
    kept = msgspec.json.decode(home.notes[NOTE])
    assert kept.keys() == {"of", "changed", "limits"}
    found = asked._unpacked(kept["limits"])
    assert msgspec.to_builtins(found) == {
        "places": {"a": {"gust": [15.0, 18.5]}},
        "areas": {"bay": {"gust 60%": [20.0]}},
    }


def test_more_than_a_note_has_room_for_are_spread_over_the_same_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked, "ROOM", 400)
    many: Mapping[str, Sequence[float]] = {"gust": [i * 1.37 for i in range(500)], "few": [3.0]}
    time, home = Minutes(), Kept()
    limits = time.limits(home)
    limits.tell(Knows(1, {0: many}))
    assert limits.latest() == {0: many}, "who knows all goes by all"
    [found] = time.limits(home).latest().values()
    assert found["few"] == [3.0]
    assert 8 <= len(found["gust"]) < 500
    assert set(found["gust"]) <= set(many["gust"])
    assert list(found["gust"]) == sorted(found["gust"])


def test_a_home_in_which_nobody_asked_has_no_note(tmp_path: Path) -> None:
    from atalaia.homes.embedded import open_home

    time = Minutes()
    with open_home(tmp_path, exclusive=False) as home:
        limits = time.limits(home)
        limits.tell(Knows(5, {}))
        assert home.state.note(NOTE) is None
        limits.tell(Knows(6, SOME))
        before = home.state.note(NOTE)
        limits.tell(Knows(7, SOME))
        assert home.state.note(NOTE) == before, "the same is not written again"
        assert plain(time.limits(home).latest()) == plain(SOME)
