"""The master key is replaced while the home is in use; at every step everything can be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.errors import StateConflict
from atalaia.homes.embedded import durable
from atalaia.homes.embedded.backup import backup_keys
from atalaia.homes.embedded.keys import FolderKeys, default_folder, open_keys
from atalaia.homes.embedded.rotate import rotate_master
from people.world import NOW, World, world

PEOPLE = [f"p_{n}" for n in range(2)]


class Killed(BaseException):
    """The process is gone."""


def made(home: Path) -> tuple[FolderKeys, dict[str, bytes]]:
    keys = open_keys(home)
    return keys, {"": keys.lookup_key(1), **{p: keys.make(p) for p in PEOPLE}}


def as_read(keys: FolderKeys) -> dict[str, bytes | None]:
    return {"": keys.lookup_key(1), **{p: keys.get(p) for p in PEOPLE}}


def test_a_rotation_wraps_every_key_anew_and_the_old_master_key_opens_nothing_more(
    tmp_path: Path,
) -> None:
    keys, before = made(tmp_path / "home")
    folder = default_folder(tmp_path / "home")
    files = {f: f.read_bytes() for f, _ in keys.files()}
    old_master = (folder / "master.key").read_bytes()
    assert rotate_master(keys) == (3, False)
    assert as_read(keys) == as_read(open_keys(tmp_path / "home")) == before
    assert all(f.read_bytes() != body for f, body in files.items())
    assert not (folder / "master.key.old").exists()
    assert all(old_master not in f.read_bytes() for f in folder.rglob("*") if f.is_file())
    (folder / "master.key").write_bytes(old_master)
    with pytest.raises(StateConflict, match="does not open"):
        open_keys(tmp_path / "home").get(PEOPLE[0])


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_any_step_everything_is_readable_and_doing_it_again_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_after: bool
) -> None:
    """Every call of the system that changes the disk is a place to die at."""
    steps, fatal = 0, 0

    def deadly(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == fatal and not is_after:
                raise Killed
            done = do(*args, **more)
            if steps == fatal:
                raise Killed
            return done

        return call

    class Os:
        link, fsync = staticmethod(deadly(os.link)), staticmethod(deadly(os.fsync))

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

    class Paths(type(tmp_path)):  # type: ignore[misc]
        unlink = deadly(Path.unlink)
        replace = deadly(Path.replace)

    running, before = made(tmp_path / "home")
    folder = default_folder(tmp_path / "home")
    monkeypatch.setattr(durable, "os", Os())
    kills = 0
    for at in range(1, 100):
        steps, fatal = 0, at
        keys = open_keys(Paths(tmp_path / "home"))
        first = (folder / "master.key").read_bytes()
        try:
            rotate_master(keys)
        except Killed:
            kills += 1
            fatal = 0
            assert as_read(running) == before  # a watch that went on through all of it
            assert as_read(open_keys(tmp_path / "home")) == before
            other = running.make(f"p_new{kills}")
            rotate_master(open_keys(tmp_path / "home"))
            assert open_keys(tmp_path / "home").get(f"p_new{kills}") == other
            running.destroy(f"p_new{kills}", NOW)
            assert not (folder / "master.key.old").exists()
            assert (folder / "master.key").read_bytes() != first
            continue
        break
    else:
        pytest.fail("it was never finished")
    assert kills > 15
    assert as_read(running) == before


def test_people_come_and_go_while_keys_are_rotated(tmp_path: Path) -> None:
    """A watch of before, with the old master key in memory, makes keys all the time."""
    running, before = made(tmp_path / "home")
    came: dict[str, bytes] = {}
    is_over = threading.Event()

    def live() -> None:
        n = 0
        while not is_over.is_set():
            n += 1
            came[f"p_came{n}"] = running.make(f"p_came{n}")
            running.make(f"p_gone{n}")
            running.destroy(f"p_gone{n}", NOW)

    thread = threading.Thread(target=live)
    thread.start()
    for _ in range(5):
        rotate_master(open_keys(tmp_path / "home"))
    is_over.set()
    thread.join()
    keys = open_keys(tmp_path / "home")
    assert {p: keys.get(p) for p in came} == came
    assert as_read(keys) == before
    assert came
    gone = [p for p, _ in keys.erased()]
    assert gone
    assert all(keys.get(p) is None for p in gone)


def test_a_copy_of_keys_that_is_made_in_the_middle_opens_with_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, before = made(tmp_path / "home")
    replaced = 0

    def dies(file: Path, body: bytes) -> None:
        nonlocal replaced
        replaced += 1
        if replaced == 3:
            raise Killed
        durable_replace(file, body)

    durable_replace = durable.replace
    monkeypatch.setattr(durable, "replace", dies)
    with pytest.raises(Killed):
        rotate_master(keys)
    monkeypatch.undo()
    copy = backup_keys(default_folder(tmp_path / "home"), tmp_path / "copies", NOW)
    copy.rename(tmp_path / "other.keys")
    assert as_read(open_keys(tmp_path / "other")) == before


def test_a_key_that_opens_with_neither_keeps_the_old_master_key_and_is_told(tmp_path: Path) -> None:
    keys, _ = made(tmp_path / "home")
    [file] = [f for f, name in keys.files() if name == PEOPLE[0]]
    body = file.read_bytes()
    file.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(StateConflict, match="neither master key"):
        rotate_master(keys)
    assert keys.get(PEOPLE[1]) is not None
    file.write_bytes(body)
    assert rotate_master(keys) == (1, True)


def test_the_command_rotates_while_somebody_is_told(w: World) -> None:
    ana = w.told("email:ana@example.org")
    done = CliRunner().invoke(app, ["keys", "rotate", "--home", str(w.path)])
    assert done.exit_code == 0, done.output
    assert "3 keys are wrapped by a new master key" in done.output
    assert "1 contact is found by a new look-up key" in done.output
    bia = w.told("email:bia@example.org")  # by who has the home open all the while
    with world(w.path) as again:
        assert again.places(ana) == again.places(bia) == ["Recife"]
