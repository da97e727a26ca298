"""Typed notes over the embedded home: what is kept, what cannot be read, and who is quicker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.errors import StateConflict
from atalaia.homes.embedded import open_home
from atalaia.notes import Note
from atalaia.ports import State


class Kept(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = ()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_home(tmp_path / "home") as home:
        yield home.state


def test_a_note_that_was_never_kept_is_none(state: State) -> None:
    assert Note(state, "a", Kept).get() is None


def test_a_note_is_read_as_it_was_put(state: State) -> None:
    Note(state, "a", Kept).put(Kept(("ção",)))
    assert Note(state, "a", Kept).get() == Kept(("ção",))
    assert state.note("a") == '{"names":["ção"]}'


def test_a_change_takes_up_what_another_wrote_meanwhile(state: State) -> None:
    note = Note(state, "a", Kept)
    tries = []

    def change(was: Kept | None) -> Kept:
        tries.append(was)
        if len(tries) < 3:  # another is quicker, twice
            Note(state, "a", Kept).put(Kept(tuple(f"other-{i}" for i in range(len(tries)))))
        return Kept(((*was.names,) if was else ()) + ("mine",))

    assert note.change(change).names == ("other-0", "other-1", "mine")
    assert note.get() == Kept(("other-0", "other-1", "mine"))
    assert len(tries) == 3


def test_a_change_that_is_always_too_late_says_so(state: State) -> None:
    numbers = iter(range(1000))

    def change(_: int | None) -> int:
        state.set_note("n", str(next(numbers)))
        return -1

    with pytest.raises(StateConflict, match="note n: others change it"):
        Note(state, "n", int).change(change)


def test_a_change_that_raises_leaves_the_note(state: State) -> None:
    note = Note(state, "n", int)
    note.put(7)

    def change(_: int | None) -> int:
        raise KeyError

    with pytest.raises(KeyError):
        note.change(change)
    assert note.get() == 7


@pytest.mark.parametrize("text", ["", "null", "{", '{"names": 3}', "[1]"])
def test_what_cannot_be_read_is_refused_in_words_and_stays(state: State, text: str) -> None:
    state.set_note("a", text)
    note = Note(state, "a", Kept)
    with pytest.raises(StateConflict, match=r"note a cannot be read .*newer"):
        note.get()
    with pytest.raises(StateConflict, match="note a cannot be read"):
        note.change(lambda was: was or Kept())
    assert state.note("a") == text


@pytest.mark.parametrize("text", ["", "null", "{", '{"names": 3}', "[1]"])
def test_a_spare_note_that_cannot_be_read_is_done_without_and_never_changed_unread(
    state: State, text: str
) -> None:
    state.set_note("a", text)
    note = Note(state, "a", Kept, is_spare=True)
    assert note.get() is None
    with pytest.raises(StateConflict, match="note a cannot be read"):
        note.change(lambda was: was or Kept())
    assert state.note("a") == text
    note.put(Kept(("new",)))
    assert note.get() == Kept(("new",))
