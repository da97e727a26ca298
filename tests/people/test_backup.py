"""A home comes back from a copy; who was erased since does not."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atalaia.batch.archive import archive
from atalaia.cli import app
from atalaia.domain.contact import read_contact
from atalaia.domain.subscription import Circle
from atalaia.errors import StateConflict
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.backup import backup, backup_keys, restore
from atalaia.homes.embedded.keys import default_folder, open_keys
from atalaia.lake import raw
from atalaia.people.erase import erase
from atalaia.people.manage import make_key, who
from atalaia.people.registry import Registry
from atalaia.people.rotation import lookup_again
from atalaia.ports import Commit
from contracts.state_contract import entry
from contracts.stream_contract import payload
from people.world import DAY, NOW, World, world

ANA, BIA = "email:ana@example.org", "sms:+5581999990000"


def put_back(source: Path, home: Path, keys_of: Path) -> int:
    keys = open_keys(keys_of)
    return restore(
        source, home, keys, lambda o: partial(lookup_again, Registry(o.people, keys)), NOW
    )


def back(w: World, source: Path) -> int:
    """The home is lost, and made anew of the copy with the keys as they are now."""
    w.home.close()
    shutil.rmtree(w.path)
    return put_back(source, w.path, w.path)


def test_a_home_comes_back_as_it_was(w: World, tmp_path: Path) -> None:
    ana = w.told(ANA, BIA)
    key = make_key(w.registry, ana, NOW)
    waiting = w.subscribe("email:wait@example.org")
    code = w.code(waiting.asks[0])
    w.home.stream.append([payload(i) for i in range(5)])
    w.home.state.commit(Commit("speed", 3, items={"place:x": b"1"}, entries=[entry("i1")]))
    archive(w.home.stream, w.home.state, w.home.lake)
    w.home.lake.write("gold/x.parquet", b"gold")
    files = {name: w.home.lake.read(name) for name in w.home.lake.keys("")}
    items = w.home.state.load()
    backup(w.path, tmp_path / "copy")
    assert back(w, tmp_path / "copy") == 0
    with world(w.path) as again:
        assert again.registry.contact(ana, "sms") == read_contact(BIA)
        assert again.registry.find(read_contact(ANA)) == ana
        assert who(again.registry, key) == ana
        assert again.code(waiting.asks[0]) == code
        assert again.home.stream.last_offset() == 5
        assert again.home.state.load() == items
        assert {name: again.home.lake.read(name) for name in again.home.lake.keys("")} == files
        assert archive(again.home.stream, again.home.state, again.home.lake).files == 0


def test_no_number_of_the_lost_home_s_alerts_is_given_again(w: World, tmp_path: Path) -> None:
    """By these programs know what they have heard: also of a copy that is restored twice."""
    state = w.home.state
    state.commit(Commit("speed", 1, entries=[entry("old", 1, NOW), entry("old", 2, NOW)]))
    backup(w.path, tmp_path / "copy")
    offset = 2
    heard = 0
    for after_s in (0, 3600, 7200):
        w.home.state.commit(Commit("speed", offset, entries=[entry(f"lost-{after_s}")]))
        (heard, _), *_ = w.home.state.latest(1)
        w.home.close()
        shutil.rmtree(w.path)
        keys = open_keys(w.path)
        restore(
            tmp_path / "copy",
            w.path,
            keys,
            lambda o: partial(lookup_again, Registry(o.people, keys)),  # noqa: B023
            NOW + after_s,
        )
        w.home = open_home(w.path)
        assert [n for n, _ in w.home.state.alerts()] == [1, 2], "what the copy has stays as it was"
        assert list(w.home.state.alerts(heard)) == []
        w.home.state.commit(Commit("speed", offset, entries=[entry(f"new-{after_s}")]))
        [(number, new)] = w.home.state.alerts(heard)
        assert (number > heard, new.alert.incident) == (True, f"new-{after_s}")
        offset += 1


def test_a_home_without_an_alert_leaps_too(w: World, tmp_path: Path) -> None:
    backup(w.path, tmp_path / "copy")
    w.home.state.commit(Commit("speed", 1, entries=[entry("lost")]))
    back(w, tmp_path / "copy")
    with world(w.path) as again:
        again.home.state.commit(Commit("speed", 1, entries=[entry("new")]))
        assert [e.alert.incident for _, e in again.home.state.alerts(1)] == ["new"]


def test_who_was_erased_since_the_copy_does_not_come_back(w: World, tmp_path: Path) -> None:
    ana, bia = w.told(ANA), w.told(BIA)
    backup(w.path, tmp_path / "copy")
    row = w.home.people.person(ana)
    assert row is not None
    assert row.sealed is not None
    erase(w.home.people, w.keys, ana, NOW + 50)
    assert back(w, tmp_path / "copy") == 1
    with world(w.path) as again:
        assert again.registry.person(ana) is None
        assert again.registry.holders(read_contact(ANA)) == []
        assert again.registry.person(bia) is not None
        assert [c.withdrawn_at for c in again.home.people.consents(ana)] == [NOW + 50]
    for file in w.path.rglob("*"):
        assert file.is_dir() or row.sealed not in file.read_bytes()


def test_who_stopped_since_the_copy_is_not_told_by_what_is_restored_of_it(
    tmp_path: Path, w: World
) -> None:
    ana, bia, eva = w.told(ANA, BIA), w.told("email:bia@example.org"), w.told("email:e@example.org")
    backup(w.path, tmp_path / "copy")
    assert w.registry.stop(ana, "sms", NOW + 50)
    assert w.registry.stop(bia, None, NOW + 60)
    assert not w.registry.stop(bia, None, NOW + 61), "once"
    w.home.close()
    shutil.rmtree(w.path)
    at = ["--home", str(w.path), "--json"]
    done = CliRunner().invoke(app, ["restore", str(tmp_path / "copy"), *at])
    assert (done.exit_code, json.loads(done.stdout)["stopped"]) == (0, 2)
    with world(w.path) as again:
        person = again.registry.person(ana)
        assert person is not None
        assert person.channels == ("email",)
        assert again.registry.contact(ana, "sms") is None
        assert again.registry.person(bia) is None
        assert [c.withdrawn_at for c in again.home.people.consents(bia)] == [NOW + 60]
        assert again.registry.person(eva) is not None


def test_keys_of_yesterday_do_not_bring_back_who_was_erased_today(w: World, tmp_path: Path) -> None:
    ana = w.told(ANA)
    backup(w.path, tmp_path / "copy")
    copy = backup_keys(w.folders[1], tmp_path / "keys", NOW)
    erase(w.home.people, w.keys, ana, NOW + 50)
    # Keys are put back over what is there, as the docs say: the list of the erased stays.
    shutil.copytree(copy / "people", w.folders[1] / "people", dirs_exist_ok=True)
    assert back(w, tmp_path / "copy") == 1


def test_a_copy_has_no_key_no_look_up_no_count_and_no_address(w: World, tmp_path: Path) -> None:
    garden = Circle(name="Canary Garden", latitude=-8.05, longitude=-34.88)
    ana = w.told(ANA, BIA, where=(garden,))
    w.subscribe("email:carla@example.org")
    [counted] = [
        bytes(name) for (name,) in w.home.people._database.rows("SELECT name FROM tallies")
    ]
    make_key(w.registry, ana, NOW)
    secrets = [row.lookup for row in w.home.people.contacts(ana)]
    secrets += [f.read_bytes() for f in w.folders[1].rglob("*") if f.is_file()]
    secrets += [b"ana@example.org", b"5581999990000", b"Canary Garden", counted]
    backup(w.path, tmp_path / "copy")
    assert any(secret in (w.path / "atalaia.sqlite3-wal").read_bytes() for secret in secrets[:3])
    for file in (tmp_path / "copy").rglob("*"):
        assert file.is_dir() or not any(secret in file.read_bytes() for secret in secrets)
    assert not list(w.path.glob("*unfinished*"))


def test_a_copy_is_its_owner_s_alone_and_brought_up_to_date(w: World, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    w.home.lake.write("gold/old.parquet", b"1")
    w.home.lake.write("gold/same.parquet", b"2")
    backup(w.path, target)
    before = (target / "lake/gold/same.parquet").stat().st_ino
    w.home.lake.delete("gold/old.parquet")
    w.home.lake.write("gold/new.parquet", b"3")
    w.home.state.commit(Commit("speed", 9))
    backup(w.path, target)
    names = {f.relative_to(target).as_posix() for f in target.rglob("*") if f.is_file()}
    assert names == {"atalaia.sqlite3", "lake/gold/new.parquet", "lake/gold/same.parquet"}
    assert (target / "lake/gold/same.parquet").stat().st_ino == before
    for path in target.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    back(w, target)
    with open_home(w.path) as home:
        assert home.state.offset("speed") == 9


def test_a_copy_of_a_running_watch_is_of_one_moment(w: World, tmp_path: Path) -> None:
    is_over = threading.Event()

    def watch() -> None:
        n = 0
        while not is_over.is_set():
            w.home.stream.append([payload(n)])
            archive(w.home.stream, w.home.state, w.home.lake)
            n += 1

    writer = threading.Thread(target=watch)
    writer.start()
    try:
        for n in range(3):
            backup(w.path, tmp_path / f"copy{n}")
    finally:
        is_over.set()
        writer.join()
    for n in range(3):
        path = tmp_path / f"home{n}"
        put_back(tmp_path / f"copy{n}", path, w.path)
        with open_home(path) as home:
            archive(home.stream, home.state, home.lake)
            parts = [raw.read_part(home.lake.read(key)) for key in home.lake.keys(raw.PAYLOADS)]
            offsets = sorted(record.offset for part in parts for record in part)
            assert offsets == list(range(1, home.stream.last_offset() + 1))


def test_keys_that_are_not_of_these_people_restore_nothing(w: World, tmp_path: Path) -> None:
    w.told(ANA)
    backup(w.path, tmp_path / "copy")
    with pytest.raises(StateConflict, match=r"none of the keys.*put back the keys"):
        put_back(tmp_path / "copy", tmp_path / "new", tmp_path / "other")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "new.restoring").exists()


def test_who_came_after_the_keys_were_copied_is_lost_and_counted(w: World, tmp_path: Path) -> None:
    ana = w.told(ANA)
    copy = backup_keys(w.folders[1], tmp_path / "keys", NOW)
    bia = w.told(BIA)
    backup(w.path, tmp_path / "copy")
    shutil.copytree(copy, tmp_path / "new.keys")
    (tmp_path / "new.keys").chmod(0o700)
    assert put_back(tmp_path / "copy", tmp_path / "new", tmp_path / "new") == 1
    with world(tmp_path / "new") as again:
        assert again.registry.person(ana) is not None
        assert again.home.people.person(bia) is None


def test_a_home_that_is_there_is_not_overwritten(w: World, tmp_path: Path) -> None:
    backup(w.path, tmp_path / "copy")
    with pytest.raises(StateConflict, match=r"is there already; move it away"):
        put_back(tmp_path / "copy", w.path, w.path)
    with pytest.raises(StateConflict, match="holds no copy"):
        put_back(tmp_path, tmp_path / "new", w.path)


def test_a_copy_into_what_is_copied_is_refused(w: World) -> None:
    with pytest.raises(StateConflict, match="lies in the home"):
        backup(w.path, w.path / "copy")
    with pytest.raises(StateConflict, match="lies in the keys"):
        backup_keys(w.folders[1], w.folders[1] / "copy", NOW)


def test_a_copy_that_cannot_be_written_says_so(w: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateConflict, match=r"cannot be written"):
        backup(w.path, tmp_path / "file" / "copy")


def test_copies_of_keys_get_no_older_than_a_week_with_one_a_day(w: World, tmp_path: Path) -> None:
    ana = w.told(ANA)
    for day in range(10):
        backup_keys(w.folders[1], tmp_path / "keys", NOW + day * DAY)
    kept = sorted(f.name for f in (tmp_path / "keys").iterdir())
    assert len(kept) == 7
    assert kept[-1] == "keys-20231123T221320Z"
    newest = tmp_path / "keys" / kept[-1]
    assert [f.name for f in newest.rglob("p_*")] == [ana]
    shutil.copytree(newest, default_folder(tmp_path / "other"))
    default_folder(tmp_path / "other").chmod(0o700)
    assert open_keys(tmp_path / "other").get(ana) == w.keys.get(ana)


def test_a_restore_without_keys_makes_none_that_would_be_in_the_way(
    w: World, tmp_path: Path
) -> None:
    ana = w.told(ANA)
    backup(w.path, tmp_path / "copy")
    new = tmp_path / "new"
    command = ["restore", str(tmp_path / "copy"), "--home", str(new)]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, StateConflict)
    assert "Put back the folder of keys" in str(done.exception)
    assert not new.exists()
    assert not default_folder(new).exists()
    shutil.copytree(default_folder(w.path), default_folder(new))
    assert CliRunner().invoke(app, command).exit_code == 0
    with world(new) as again:
        assert again.registry.contact(ana, "email") == read_contact(ANA)


def test_a_copy_without_people_is_restored_without_keys(w: World, tmp_path: Path) -> None:
    w.home.stream.append([payload(1)])
    backup(w.path, tmp_path / "copy")
    new = tmp_path / "new"
    done = CliRunner().invoke(app, ["restore", str(tmp_path / "copy"), "--home", str(new)])
    assert done.exit_code == 0, done.output
    with world(new) as again:
        assert again.home.stream.last_offset() == 1
