"""The judge of `make chaos` counts in each row what happened in it, and no other row's."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

import storm
from atalaia.homes.embedded import open_home
from service import Service
from storm import Heard, Row, Storm
from telling import NOON, message

STORY = (("alert", "red"), ("end", "red"))


class Night:
    """A storm whose stations push to nobody, beside a store and people that say what they are told
    to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, stations: int = 2) -> None:
        self.storm = Storm(Service(folder, places=stations), random.Random(1))
        self.log: dict[int, str] = {}
        self.stays = {-1}
        self.storm._station = self._station  # type: ignore[method-assign]
        monkeypatch.setattr(storm, "kept_in", lambda _: ({}, self.log))

    async def _station(self, n: int) -> None:
        if n in self.stays:
            await asyncio.sleep(3600)

    async def row(self, *stays: int) -> Row:
        """A fault; the stories of these stations do not come to their end."""
        self.stays = set(stays)
        self.storm.blow()
        await asyncio.sleep(0)
        notes = [] if await self.storm.calm(0.01) else ["not over"]
        return self.storm.judge("some", 1, notes)

    def expects(self, n: int, *changes: tuple[str, str]) -> None:
        self.storm._expected[n] += changes

    def writes(self, n: int, count: int) -> None:
        """Entries of the log about this place."""
        self.log |= dict.fromkeys(range(len(self.log) + 1, len(self.log) + count + 1), f"p{n}")

    def tells(self, n: int, incident: str, *changes: tuple[str, str]) -> None:
        for version, (type_, level) in enumerate(changes, 1):
            alerts = ((incident, version, type_, level),)
            self.storm._heard[n].append(Heard(0.0, f"{incident}.{version}", alerts))

    def lives(self, n: int, incident: str) -> None:
        """A story that comes to its end."""
        self.expects(n, *STORY)
        self.writes(n, 2)
        self.tells(n, incident, *STORY)


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


def run(tell: Any) -> None:
    asyncio.run(tell())


def test_what_a_story_that_was_given_up_is_owed_is_no_fault_of_the_next_row(night: Night) -> None:
    async def tell() -> None:
        night.lives(0, "a")
        night.expects(1, STORY[0])
        night.writes(1, 1)
        first = await night.row(1)
        assert (first.lost, first.doubled, first.notes) == (1, 0, ["not over"])
        night.writes(1, 3)  # told at last, and its end
        night.tells(1, "b", *STORY)
        night.lives(0, "c")
        second = await night.row()
        assert second.is_good, second
        assert second.told == 2

    run(tell)


def test_an_entry_too_many_is_counted_in_its_own_row_told_or_not(night: Night) -> None:
    async def tell() -> None:
        night.lives(0, "a")
        assert (await night.row()).doubled == 0
        night.lives(0, "b")
        night.writes(0, 1)
        assert (await night.row()).doubled == 1
        night.lives(0, "c")
        assert (await night.row()).doubled == 0

    run(tell)


def test_a_row_in_which_no_station_was_left_is_not_good(night: Night) -> None:
    async def tell() -> None:
        await night.row(0, 1)
        last = await night.row()
        assert last.notes == ["no station was left whose stories come to their end"]
        assert not last.is_good

    run(tell)


@pytest.mark.parametrize(
    ("under_way", "told_twice"),
    [(["a.1"], 0), (["a.2"], 1), ([], 1)],
    ids=["it was under way", "another was", "nothing was"],
)
def test_after_a_kill_only_what_was_under_way_may_come_again(
    night: Night, monkeypatch: pytest.MonkeyPatch, under_way: list[str], told_twice: int
) -> None:
    monkeypatch.setattr(storm, "under_way_in", lambda _: frozenset(under_way))

    async def tell() -> None:
        night.lives(0, "a")
        night.storm.killed()
        [first, *_] = night.storm._heard[0]
        night.storm._heard[0].append(first._replace(at=time.monotonic() + 1))
        assert (await night.row()).told_twice == told_twice

    run(tell)


def test_a_gap_is_told_whole_and_without_the_time_in_which_the_watch_was_down(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter((10.0, 10.0, 20.0, 25.0, 25.0, 26.0))
    with monkeypatch.context() as some:
        some.setattr(storm, "under_way_in", lambda _: frozenset())
        some.setattr(storm.time, "monotonic", lambda: next(ticks))
        for _ in range(2):
            night.storm.killed()
            night.storm.up()
    for since, until in ((15.0, 30.0), (40.0, 50.0)):
        night.storm._note_gap(since, until)

    async def tell() -> None:
        row = await night.row()
        assert (row.gap_s, row.gap_up_s) == (15.0, 10.0)

    run(tell)


def test_what_a_dead_watch_had_leased_is_known_without_mending_its_store(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        home.outbox.put(message("waits", order_key="1"))
        home.outbox.put(message("sends", order_key="2"))
        [sends] = home.outbox.claim(NOON, NOON + 90, {message().channel: 1})
        before = {file.name: file.read_bytes() for file in home.path.glob("atalaia.sqlite3*")}
        assert storm.under_way_in(home.path) == {sends.id}
        after = {file.name: file.read_bytes() for file in home.path.glob("atalaia.sqlite3*")}
        assert after == before
