"""A home's files: whole or not there, for their owner alone, and what went wrong is said."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded import database, durable
from atalaia.homes.embedded import lake as embedded_lake
from atalaia.homes.embedded.database import FORMAT, Database
from atalaia.homes.embedded.lake import FolderLake
from atalaia.homes.embedded.wrap import MasterKey, make_master_key
from atalaia.wrap import KEY_BYTES

# The one SQLite file


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Database]:
    base = Database(tmp_path / "home.sqlite")
    yield base
    base.close()


def note(base: Database, key: str, value: str = "x") -> None:
    with base.transaction() as cursor:
        cursor.execute("INSERT INTO notes VALUES (?, ?)", (key, value))


def notes(base: Database) -> list[str]:
    return [key for (key,) in base.rows("SELECT key FROM notes ORDER BY key")]


class Halfway(Exception):
    """What went wrong between two statements."""


def note_some(base: Database, *keys: str, halfway: bool = False) -> None:
    with base.transaction() as cursor:
        for key in keys:
            cursor.execute("INSERT INTO notes VALUES (?, 'x')", (key,))
        if halfway:
            raise Halfway


def test_all_of_a_transaction_is_kept_or_none_of_it(base: Database) -> None:
    note(base, "before")
    with pytest.raises(Halfway):
        note_some(base, "one", "two", halfway=True)
    assert notes(base) == ["before"]
    note_some(base, "one", "two")
    assert notes(base) == ["before", "one", "two"]


def test_a_statement_that_fails_takes_back_those_before_it(base: Database) -> None:
    note(base, "taken")
    with pytest.raises(StateConflict, match=r"cannot be used: .*; mend it or use another --home"):
        note_some(base, "first", "taken")
    assert notes(base) == ["taken"]


def test_a_file_is_its_owners_alone_also_its_log(tmp_path: Path) -> None:
    base = Database(tmp_path / "home.sqlite")
    note(base, "x")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    base.close()


def schema(path: Path) -> set[tuple[str, str]]:
    """Tables and indexes with their columns, whatever order they were made in."""
    connection = apsw.Connection(str(path))
    found = set()
    for (name,) in connection.execute("SELECT name FROM sqlite_master").fetchall():
        for column in connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall():
            found.add((name, str(column[1:6])))
        found.add((name, ""))
    connection.close()
    return found


@pytest.mark.parametrize("format_", range(FORMAT + 1))
def test_a_file_of_every_format_takes_the_steps_that_it_lacks_and_keeps_what_it_has(
    tmp_path: Path, format_: int
) -> None:
    old = tmp_path / "old.sqlite"
    connection = apsw.Connection(str(old))
    for step in database._STEPS[:format_]:
        connection.execute(step)
    if format_:
        connection.execute("INSERT INTO notes VALUES ('of before', 'x')")
    connection.execute(f"PRAGMA user_version={format_}")
    connection.close()
    Database(tmp_path / "new.sqlite").close()
    base = Database(old)
    assert notes(base) == (["of before"] if format_ else [])
    base.close()
    assert schema(old) == schema(tmp_path / "new.sqlite")
    Database(old).close()


def test_many_may_make_a_home_at_once(tmp_path: Path) -> None:
    for turn in range(20):  # whether two are in each other's way is a matter of microseconds
        file, made, go = tmp_path / f"{turn}.sqlite", list[Database](), threading.Barrier(8)

        def make(file: Path = file, made: list[Database] = made, go: Any = go) -> None:
            go.wait()
            made.append(Database(file))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i, base in enumerate(made):
            note(base, str(i))
        assert len(made) == 8
        assert notes(made[0]) == [str(i) for i in range(8)]
        for base in made:
            base.close()


def test_what_was_deleted_is_in_no_file_once_the_log_is_emptied(tmp_path: Path) -> None:
    base = Database(tmp_path / "home.sqlite")
    secret = "geheim-" * 40
    note(base, "x", secret)
    with base.transaction() as cursor:
        cursor.execute("DELETE FROM notes")
    assert base.empty_log()
    assert not any(b"geheim" in file.read_bytes() for file in tmp_path.iterdir())
    base.close()


def test_a_log_that_another_reads_is_left_and_that_is_said(
    base: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_LOG_WAIT_MS", 1)
    note(base, "x")
    reader = apsw.Connection(str(base._path))
    cursor = reader.execute("BEGIN; SELECT * FROM notes")
    cursor.fetchone()
    note(base, "y")
    assert not base.empty_log()
    reader.close()
    assert base.empty_log()


def test_a_question_that_is_wrong_is_told_as_the_stores(base: Database) -> None:
    with pytest.raises(StateConflict, match="no such table"):
        base.rows("SELECT * FROM nowhere")
    assert base.rows("SELECT ?, ?", (1, "a")) == [(1, "a")]


# Small secret files


def test_of_many_who_make_a_file_one_does(tmp_path: Path) -> None:
    bodies = [bytes([i]) * 50 for i in range(8)]
    made: list[bool] = []
    threads = [
        threading.Thread(target=lambda b=body: made.append(durable.create(tmp_path / "key", b)))
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 1
    assert (tmp_path / "key").read_bytes() in bodies
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


class Killed(BaseException):
    """A process that ends at once."""


def killed_at(monkeypatch: pytest.MonkeyPatch, step: int, do: Callable[[], Any]) -> bool:
    """Do it, and end before the `step`-th sync to disk; whether it came so far."""
    left = step
    sync = os.fsync

    def dying(handle: int) -> None:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        sync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", dying)
        try:
            do()
        except Killed:
            return True
    return False


def test_a_file_that_is_replaced_is_the_old_one_or_the_new_one_whenever_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(20):
        file = tmp_path / f"key{step}"
        durable.create(file, b"old" * 20)
        was_killed = killed_at(monkeypatch, step, lambda f=file: durable.replace(f, b"new" * 20))
        assert file.read_bytes() in (b"old" * 20, b"new" * 20)
        if not was_killed:
            assert file.read_bytes() == b"new" * 20
            break
    assert step >= 3, "it is synced more than once"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(
        f"key{i}" for i in range(step + 1)
    )


def test_a_file_that_is_destroyed_is_noise_or_gone_whenever_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(20):
        file = tmp_path / f"key{step}"
        durable.create(file, b"secret" * 20)
        if not killed_at(monkeypatch, step, lambda f=file: durable.destroy(f)):
            assert not file.exists()
            break
        assert not file.exists() or b"secret" not in file.read_bytes() or step == 0
        durable.destroy(file)
        durable.destroy(file)  # and again
        assert not file.exists()
    assert step >= 1


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text("abc ", max_size=5), st.booleans()), max_size=6))
def test_a_torn_line_stays_a_line_apart(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, bool]]
) -> None:
    file = tmp_path_factory.mktemp("lines") / "erased"
    for text, is_torn in lines:
        durable.append_line(file, text)
        if is_torn:
            with file.open("ab") as out:
                out.write(b"torn")
    wanted = [one for text, is_torn in lines for one in ([text, "torn"] if is_torn else [text])]
    assert (file.read_text().splitlines() if lines else []) == wanted


def test_folders_are_their_owners_alone_all_the_way_down(tmp_path: Path) -> None:
    durable.make_folder(tmp_path / "a" / "b" / "c")
    for folder in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    durable.make_folder(tmp_path / "a" / "b")


# The key that wraps all others


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    make_master_key(tmp_path / "master.key")
    return MasterKey(tmp_path / "master.key")


@settings(max_examples=25)
@given(secret=st.binary(max_size=64), name=st.text(max_size=20), other=st.text(max_size=20))
def test_what_is_wrapped_opens_under_its_name_alone(
    tmp_path_factory: pytest.TempPathFactory, secret: bytes, name: str, other: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "one-master.key"
    make_master_key(file)
    master = MasterKey(file)
    wrapped = master.wrap(secret, name)
    assert master.unwrap(wrapped, name) == secret
    assert wrapped != master.wrap(secret, name), "never the same twice"
    if other != name:
        with pytest.raises(StateConflict, match="put both back from one backup of the keys"):
            master.unwrap(wrapped, other)
    for damaged in (b"", wrapped[:-1], wrapped + b"x", bytes(len(wrapped))):
        with pytest.raises(StateConflict):
            master.unwrap(damaged, name)


def test_a_master_key_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    make_master_key(file)
    first = file.read_bytes()
    make_master_key(file)
    assert file.read_bytes() == first
    assert len(first) == KEY_BYTES


def test_a_key_that_another_process_put_in_place_is_taken_up_and_the_old_one_still_opens(
    master: MasterKey,
) -> None:
    before = master.wrap(b"secret", "a")
    master.old.write_bytes(master.file.read_bytes())
    master.old.chmod(0o600)
    durable.replace(master.file, bytes(range(32)))
    assert master.unwrap(before, "a") == b"secret"
    again = master.wrapped_anew(before, "a")
    assert again is not None
    assert master.wrapped_anew(again, "a") is None, "it is wrapped by the new one already"
    durable.destroy(master.old)
    fresh = MasterKey(master.file)
    assert fresh.unwrap(again, "a") == b"secret"
    with pytest.raises(StateConflict):
        fresh.unwrap(before, "a")


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o601, 0o660])
def test_a_master_key_that_others_may_use_is_refused(master: MasterKey, mode: int) -> None:
    master.file.chmod(mode)
    with pytest.raises(SettingsInvalid, match="others may use it; run chmod 600 on it"):
        MasterKey(master.file)
    master.file.chmod(0o640)  # so some hand secrets to services
    MasterKey(master.file)


# RAW and GOLD as files


KEYS = st.lists(st.sampled_from(("a", "b", "c=1", "ü", "x.parquet")), min_size=1, max_size=3)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.booleans(), KEYS.map("/".join), st.binary(max_size=5)), max_size=15),
    KEYS.map("/".join),
    st.integers(0, 9),
)
def test_a_lake_is_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    story: list[tuple[bool, str, bytes]],
    prefix: str,
    cut: int,
) -> None:
    lake = FolderLake(tmp_path_factory.mktemp("lake"))
    kept: dict[str, bytes] = {}
    for is_write, key, body in story:
        nested = [k for k in kept if k.startswith(key + "/") or key.startswith(k + "/")]
        if is_write and nested:
            continue  # no key is a folder of another: ours never are
        if is_write:
            lake.write(key, body)
            kept[key] = body
        elif not nested:
            lake.delete(key)
            kept.pop(key, None)
    assert {key: lake.read(key) for key in lake.keys("")} == kept
    wanted = sorted(key for key in kept if key.startswith(prefix[:cut]))
    assert lake.keys(prefix[:cut]) == wanted
    folders = [one for one in lake.path("a").parent.rglob("*") if one.is_dir()]
    assert all(any(file.is_file() for file in folder.rglob("*")) for folder in folders)


def test_a_name_that_the_file_system_cannot_have_is_told_from_a_full_disk(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    with pytest.raises(ValueError, match="is no name for a file"):
        lake.write("gold/" + "x" * 300, b"")
    with pytest.raises(KeyError):
        lake.read("gold")
    lake.write("gold/a", b"1")
    with pytest.raises(KeyError):
        lake.read("gold")
    with pytest.raises(StateConflict, match="make room or use another --home"):
        lake.write("gold/a/b", b"")


def test_what_a_killed_writer_left_is_not_listed_and_swept_when_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = FolderLake(tmp_path / "lake")
    with suppress(Killed), monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(Killed()))
        lake.write("gold/a", b"half")
    assert lake.keys("") == []
    assert len(list(lake.path("gold/a").parent.iterdir())) == 1
    lake.write("gold/a", b"whole")
    assert [one.name for one in lake.path("gold/a").parent.iterdir()] == ["a"]
    assert lake.read("gold/a") == b"whole"


@pytest.mark.parametrize("n", [3, 40])
def test_of_many_files_none_appears_before_all_are_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    lake = FolderLake(tmp_path / "lake")
    lake.write("gold/0", b"before")
    some = {f"gold/{i}": b"now" for i in range(n)}

    def failing(_handle: int) -> int:
        raise OSError(errno.EIO, "the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        patched.setattr(embedded_lake, "_LIBC", SimpleNamespace(syncfs=failing))
        with pytest.raises(StateConflict, match="make room or use another"):
            lake.write_all(some)
    assert {key: lake.read(key) for key in lake.keys("")} == {"gold/0": b"before"}
    assert [one.name for one in lake.path("gold").iterdir()] == ["0"]
    lake.write_all(some)
    assert {key: lake.read(key) for key in lake.keys("")} == some


def test_what_the_disk_refused_to_sync_is_told_also_of_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = FolderLake(tmp_path / "lake")
    monkeypatch.setattr(embedded_lake, "_LIBC", SimpleNamespace(syncfs=lambda _handle: -1))
    with pytest.raises(StateConflict):
        lake.write_all({f"gold/{i}": b"x" for i in range(40)})
    assert lake.keys("") == []


def test_without_syncfs_each_of_many_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(embedded_lake, "_LIBC", SimpleNamespace())
    monkeypatch.setattr(os, "fsync", synced.append)
    FolderLake(tmp_path / "lake").write_all({f"gold/{i}": b"x" for i in range(40)})
    assert len(synced) == 40 + len({"lake/gold", "lake"})
