"""What who keeps a state of each place is told: what stands there, and what does so no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.domain.alert import LogEntry
from telling import HERE, NOON, THERE, news, person

from .test_compose import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.home.close()


def held(desk: Desk) -> set[tuple[str, str, str]]:
    """By the newest letter, which then goes: place, level, and whether it stands."""
    [letter] = desk.letters().values()
    desk.send_all(NOON + 60)
    return {(h.place_id, h.level, "over" if h.is_over else "stands") for h in letter.held}


def warning(version: int, *places: str, **changes: object) -> LogEntry:
    """An official one, which has a life at each of its places."""
    entry = news("w", version, rule="official", at=NOON + version, **changes)  # type: ignore[arg-type]
    return msgspec.structs.replace(entry, places=places)


def test_who_keeps_no_state_is_not_told_of_one(desk: Desk) -> None:
    desk.join(person("p_ana", "webhook"))
    desk.tell(news())
    assert held(desk) == set()


def test_a_level_takes_the_place_of_each_that_was_before(desk: Desk) -> None:
    desk.join(person("p_am", "alertmanager"))
    desk.tell(news(level="yellow"))
    assert held(desk) == {("recife", "yellow", "stands")}
    desk.tell(news(version=2, level="red", at=NOON + 1))
    assert held(desk) == {("recife", "yellow", "over"), ("recife", "red", "stands")}
    desk.tell(news(version=3, level="yellow", reason="eased", at=NOON + 2))
    assert held(desk) == {("recife", "red", "over"), ("recife", "yellow", "stands")}


def test_the_end_ends_all_that_was_told_and_not_only_what_stood_last(desk: Desk) -> None:
    desk.join(person("p_am", "alertmanager"))
    for entry in (news(level="yellow"), news(version=2, level="red", at=NOON + 1)):
        desk.tell(entry)
        desk.send_all(NOON + 1)
    desk.tell(news(version=3, type="end", level="red", at=NOON + 2))
    assert held(desk) == {("recife", "yellow", "over"), ("recife", "red", "over")}


def test_a_warning_that_ends_at_one_place_stands_at_the_others(desk: Desk) -> None:
    desk.join(person("p_am", "alertmanager", where=[HERE, THERE]))
    desk.tell(warning(1, "recife", "natal"))
    assert held(desk) == {("recife", "orange", "stands"), ("natal", "orange", "stands")}
    desk.tell(msgspec.structs.replace(warning(2, "recife", type="end"), still=("natal",)))
    assert held(desk) == {("recife", "orange", "over")}


def test_of_places_of_which_no_end_would_be_heard_no_beginning_is_told(desk: Desk) -> None:
    desk.join(person("p_am", "alertmanager", where=[HERE], hazards={"heavy_rain": "orange"}))
    desk.tell(warning(1, "recife", "natal"))
    assert held(desk) == {("recife", "orange", "stands")}
    desk.tell(warning(2, "recife", "natal", level="yellow", reason="eased"))
    assert held(desk) == {("recife", "orange", "over"), ("recife", "yellow", "stands")}
