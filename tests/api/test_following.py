"""Who follows the alert log begins behind its beginning, and shows the same."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from atalaia.api import following
from atalaia.api.following import LogFollower
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place, Places
from atalaia.errors import StateConflict
from atalaia.homes.embedded import open_home
from atalaia.ports import Commit, State
from telling import NOON, news


class Counting:
    """A state, and how many entries were read of it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.read = 0
        self.is_full = False

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        for one in self._state.alerts(after, limit):
            self.read += 1
            yield one

    def entries(self, numbers: Collection[int]) -> dict[int, LogEntry]:
        self.read += len(numbers)
        return self._state.entries(numbers)

    def note(self, key: str) -> str | None:
        return self._state.note(key)

    def set_note(self, key: str, value: str) -> None:
        if self.is_full:
            raise StateConflict("no room")
        self._state.set_note(key, value)


def followed(state: Counting, *where: Place) -> LogFollower:
    state.read = 0
    follower = LogFollower(state, Places(where), behind=20)  # type: ignore[arg-type]
    asyncio.run(follower.catch_up())
    return follower


def test_who_begins_reads_the_end_of_the_log_and_what_is_still_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_NOTED_EVERY", 10)
    monkeypatch.setattr(following, "_PAGE", 25)
    with open_home(tmp_path / "home") as home:
        entries = [news("open", at=NOON)]
        for i in range(150):
            entries += [news(f"n{i}", at=NOON + i), news(f"n{i}", 2, "end", at=NOON + i)]
        home.state.commit(Commit("speed", 1, entries=entries))
        state = Counting(home.state)
        first = followed(state)
        assert state.read == len(entries), "nothing was noted yet"
        again = followed(state)
        assert state.read < 20 + 10 + 25
        assert [row.key for row in again.view.rows(is_open=True)] == ["open"]
        assert again.view.now.open == first.view.now.open
        assert again.view.seq == first.view.seq
        newest = [row for row in first.view.rows() if row.is_open or row.seq > again.view.seq - 20]
        assert list(again.view.rows())[: len(newest) - 1] == newest[:-1]
        home.state.commit(Commit("speed", 2, entries=[news("open", 2, "end", at=NOON + 999)]))
        assert not list(followed(state).view.rows(is_open=True))


def test_who_begins_gives_a_system_the_id_that_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its oldest incident is long over, and so are those by which the others are of it."""
    monkeypatch.setattr(following, "_NOTED_EVERY", 10)
    where = [
        Place(id=f"p{i}", name=f"P {i}", latitude=-8.0, longitude=-35 + i / 2) for i in range(40)
    ]
    with open_home(tmp_path / "home") as home:
        entries: list[LogEntry] = []
        for i, place in enumerate(where):
            # It began as a watch, which is of no system yet.
            told = (("alert", "watch"), ("update", "orange"), ("end", "orange"))
            for version, (type_, level) in enumerate(told[: 2 if i == 39 else 3], 1):
                at = NOON + i * 3600 + (version - 1) * 600
                entries.append(news(f"n{i:02}", version, type_, at=at, level=level, place=place.id))
        home.state.commit(Commit("speed", 1, entries=entries))
        home.state.commit(Commit("speed", 2, entries=[news("z", 1, at=NOON + 40 * 3600)]))
        state = Counting(home.state)
        (first,) = followed(state, *where).systems.open()
        assert first.system.system == "n00"
        assert len(first.system.incidents) == 40
        again = followed(state, *where)
        assert again.systems.open() == [first]


def test_where_it_cannot_be_noted_the_log_is_followed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_NOTED_EVERY", 1)
    with open_home(tmp_path / "home") as home:
        home.state.commit(Commit("speed", 1, entries=[news(f"n{i}") for i in range(40)]))
        state = Counting(home.state)
        state.is_full = True
        assert followed(state).view.seq == 40
