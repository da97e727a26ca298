"""Keys as files: who can read them, what a crash leaves, and what is refused."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pytest

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded import durable, open_home
from atalaia.homes.embedded import keys as key_files
from atalaia.homes.embedded.keys import FolderKeys, default_folder, open_keys
from people.world import world

ANA, BIA = "p_ana", "p_bia"
T = TypeVar("T")


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_keys_lie_beside_the_home_for_their_owner_alone(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    keys.make(ANA)
    keys.destroy(BIA, 1)
    folder = tmp_path / "home.keys"
    assert folder == default_folder(tmp_path / "home")
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert {name.split("/")[0] for name in files(folder)} == {"master.key", "people", "erased"}


def test_a_key_stands_in_no_file_unwrapped(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    secrets = [keys.make(ANA), keys.make(BIA), keys.lookup_key(1)]
    for name, body in files(default_folder(tmp_path / "home")).items():
        assert not any(secret in body for secret in secrets), name


def test_a_destroyed_key_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    keys.make(ANA)
    folder = default_folder(tmp_path / "home")
    (file,) = (f for f in folder.rglob(ANA))
    second_name = tmp_path / "second name of the same file"
    second_name.hardlink_to(file)
    wrapped = file.read_bytes()
    keys.destroy(ANA, 1)
    assert not file.exists()
    assert len(second_name.read_bytes()) == len(wrapped)
    assert second_name.read_bytes() != wrapped


def test_a_crash_between_noting_and_destroying_is_made_good_when_next_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = open_keys(tmp_path / "home")
    keys.make(ANA)

    def dies(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("atalaia.homes.embedded.keys.destroy", dies)
        with pytest.raises(KeyboardInterrupt):
            keys.destroy(ANA, 5)
    assert keys.get(ANA) is not None
    again = open_keys(tmp_path / "home")
    assert again.get(ANA) is None
    assert again.erased() == [(ANA, 5)]
    assert not list(default_folder(tmp_path / "home").rglob(ANA))


def test_a_key_that_comes_back_from_a_backup_is_destroyed_again(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    keys.make(ANA)
    folder = default_folder(tmp_path / "home")
    shutil.copytree(folder / "people", tmp_path / "backup")
    keys.destroy(ANA, 5)
    shutil.copytree(tmp_path / "backup", folder / "people", dirs_exist_ok=True)
    assert open_keys(tmp_path / "home").get(ANA) is None


def test_a_torn_line_in_the_list_of_the_erased_costs_no_other(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    keys.destroy(ANA, 5)
    with (default_folder(tmp_path / "home") / "erased").open("a") as file:
        file.write("p_to")
    keys.destroy(BIA, 6)
    assert open_keys(tmp_path / "home").erased() == [(ANA, 5), (BIA, 6)]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    assert durable.create(tmp_path / "a", b"1")
    assert not durable.create(tmp_path / "a", b"2")
    assert files(tmp_path) == {"a": b"1"}


def test_another_master_key_opens_nothing_and_says_so(tmp_path: Path) -> None:
    open_keys(tmp_path / "home").make(ANA)
    (default_folder(tmp_path / "home") / "master.key").write_bytes(b"x" * 32)
    with pytest.raises(StateConflict, match=r"does not open the key of p_ana.*backup"):
        open_keys(tmp_path / "home").get(ANA)


def test_one_person_s_key_file_does_not_serve_another(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "home")
    keys.make(ANA)
    keys.make(BIA)
    (ana,) = default_folder(tmp_path / "home").rglob(ANA)
    (bia,) = default_folder(tmp_path / "home").rglob(BIA)
    bia.write_bytes(ana.read_bytes())
    with pytest.raises(StateConflict):
        keys.get(BIA)


def test_a_master_key_of_one_s_own_stays_where_it_is(tmp_path: Path) -> None:
    master = tmp_path / "master"
    master.write_bytes(b"k" * 32)
    master.chmod(0o400)
    key = open_keys(tmp_path / "home", master=master).make(ANA)
    assert open_keys(tmp_path / "home", master=master).get(ANA) == key
    assert not (default_folder(tmp_path / "home") / "master.key").exists()


@pytest.mark.parametrize(
    ("body", "mode", "said"),
    [
        (b"k" * 31, 0o600, "31 bytes, not 32"),
        (b"k" * 32, 0o604, "chmod 600"),
        (b"k" * 32, 0o620, "chmod 600"),
        (None, 0, "No such file"),
    ],
)
def test_a_master_key_that_is_none_is_refused_in_words(
    tmp_path: Path, body: bytes | None, mode: int, said: str
) -> None:
    master = tmp_path / "master"
    if body is not None:
        master.write_bytes(body)
        master.chmod(mode)
    with pytest.raises(SettingsInvalid, match=said):
        open_keys(tmp_path / "home", master=master)


def test_keys_without_their_master_key_are_never_given_a_new_one(tmp_path: Path) -> None:
    open_keys(tmp_path / "home").make(ANA)
    (default_folder(tmp_path / "home") / "master.key").unlink()
    with pytest.raises(SettingsInvalid, match=r"master.key is missing; put it back"):
        open_keys(tmp_path / "home")


def test_keys_in_the_home_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="lie in the home"):
        open_keys(tmp_path / "home", tmp_path / "home" / "keys")


def test_a_folder_that_others_may_look_into_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o755)
    with pytest.raises(SettingsInvalid, match="chmod 700"):
        open_keys(tmp_path / "home", folder)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../../etc", "x" * 65, "a\0b", "é"])
def test_a_name_that_could_lead_elsewhere_is_no_pseudonym(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="pseudonym"):
        open_keys(tmp_path / "home").make(name)


def test_a_store_that_holds_people_does_not_start_without_their_keys(tmp_path: Path) -> None:
    home, keys = tmp_path / "home", default_folder(tmp_path / "home")
    with world(home) as w:
        w.told("email:ana@example.org")
    keys.rename(tmp_path / "elsewhere")
    refused = pytest.raises(StateConflict, match=r"(?s)home\.keys.*holds people.*Put back")
    with open_home(home, exclusive=False) as opened, refused:
        _ = opened.keys
    assert not keys.exists(), "new keys would be in the way of the right ones"
    (tmp_path / "elsewhere").rename(keys)
    with world(home) as w:
        assert [one.person for one in w.registry.load()]


def test_keys_of_other_people_are_no_keys_of_these(tmp_path: Path) -> None:
    home, keys = tmp_path / "home", default_folder(tmp_path / "home")
    with world(home) as w:
        w.told("email:ana@example.org")
    keys.rename(tmp_path / "elsewhere")
    with world(tmp_path / "other") as other:
        other.told("email:bia@example.org")
    default_folder(tmp_path / "other").rename(keys)
    with open_home(home, exclusive=False) as opened, pytest.raises(StateConflict, match="Put back"):
        _ = opened.keys


def test_who_is_erased_needs_no_key_at_the_start(tmp_path: Path) -> None:
    with world(tmp_path / "home") as w:
        ana = w.told("email:ana@example.org")
        w.keys.destroy(ana, 5)  # killed before the store was told
    with open_home(tmp_path / "home", exclusive=False) as opened:
        assert opened.keys.erased() == [(ana, 5)]


def at_line(number: int, then: Callable[[], None]) -> Callable[[FrameType, str, Any], Any]:
    """A trace that lets something happen before the keys' own `number`th line, as by another
    process."""
    lines = count()

    def in_keys(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and next(lines) == number:
            sys.settrace(None)
            then()
        return in_keys

    def enter(frame: FrameType, *_: Any) -> Any:
        return in_keys if frame.f_code.co_filename == key_files.__file__ else None

    return enter


def interrupted(number: int, first: Callable[[], T], then: Callable[[], None]) -> tuple[T, bool]:
    """What `first` comes to with `then` before its `number`th line, and whether it has as many."""
    happened: list[bool] = []

    def once() -> None:
        happened.append(True)
        then()

    before = sys.gettrace()
    sys.settrace(at_line(number, once))
    try:
        return first(), bool(happened)
    finally:
        sys.settrace(before)


def test_two_who_begin_with_a_new_home_at_any_moment_have_the_same_keys(tmp_path: Path) -> None:
    for number in count():
        home = tmp_path / str(number)

        def begun(home: Path = home) -> list[bytes]:
            keys = open_keys(home)
            return [keys.lookup_key(1), keys.make(ANA), keys.vapid_key()]

        made, is_within = interrupted(number, begun, begun)
        assert made == begun(), f"another came before line {number}"
        if not is_within:
            break
    assert number > 50


def test_keys_open_at_any_moment_of_the_erasure_of_their_only_person(tmp_path: Path) -> None:
    for number in count():
        home = tmp_path / str(number)
        other = open_keys(home)
        other.lookup_key(1)
        other.make(ANA)

        def erased(other: FolderKeys = other) -> None:
            other.destroy(ANA, 5)

        def opened(home: Path = home) -> FolderKeys:
            return open_keys(home, people=[ANA], lookup=1)

        keys, is_within = interrupted(number, opened, erased)
        if not is_within:
            break
        assert keys.erased() == [(ANA, 5)], f"it went before line {number}"
        assert keys.get(ANA) is None
    assert number > 30
