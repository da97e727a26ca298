"""Who may have a home at the same moment: one watch, and beside it whoever looks or asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from atalaia.errors import HeldByAnother
from atalaia.homes.embedded import STORE, database, is_held, open_home

AT_ONCE = 8


def all_at_once(n: int, do: Callable[[int], object]) -> list[object]:
    """What each of so many threads came to, all begun at the same moment; a lock of a file is its
    handle's, so that threads are to each other what processes are."""
    go = threading.Barrier(n)

    def one(i: int) -> object:
        go.wait()
        return do(i)

    with ThreadPoolExecutor(n) as threads:
        return list(threads.map(one, range(n)))


def test_who_looks_whether_a_home_is_watched_keeps_no_watch_out(tmp_path: Path) -> None:
    home, over = tmp_path / "home", threading.Event()
    open_home(home).close()

    def look() -> None:
        while not over.is_set():
            is_held(home)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            open_home(home).close()
    finally:
        over.set()
        for looker in lookers:
            looker.join()


def test_who_looks_at_the_same_time_takes_none_of_them_for_a_watch(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()

    def look(_: int) -> set[str]:
        return {is_held(home) for _ in range(300)}

    assert all_at_once(3, look) == [{""}] * 3
    with open_home(home):
        assert all_at_once(3, look) == [{str(os.getpid())}] * 3


def test_a_second_watch_is_refused_by_the_number_of_the_first(tmp_path: Path) -> None:
    says = f"in use by process {os.getpid()}"
    with open_home(tmp_path), pytest.raises(HeldByAnother, match=says):
        open_home(tmp_path)


def old_home(home: Path) -> None:
    """A home of the format before the last ones, as an older Atalaia left it."""
    home.mkdir()
    connection = apsw.Connection(str(home / STORE))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    for step in database._STEPS[:2]:
        connection.execute(step)
    connection.execute("PRAGMA user_version=2")
    connection.close()


def test_many_may_open_an_older_home_at_once(tmp_path: Path) -> None:
    for turn in range(10):
        home = tmp_path / str(turn)
        old_home(home)
        opened = all_at_once(AT_ONCE, lambda i, home=home: open_home(home, exclusive=i == 0))
        for one in opened:
            one.close()  # type: ignore[attr-defined]
