"""Whoever begins with a snapshot and what is newer knows whom the store knows; and who is erased is
in none that opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atalaia.domain.alert import Moved
from atalaia.domain.blocks import HEAD, block_of
from atalaia.domain.contact import read_contact
from atalaia.domain.subscription import Circle, Person, Polygon, Quiet, Threshold
from atalaia.errors import StateConflict
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.backup import backup, backup_keys
from atalaia.homes.embedded.keys import default_folder
from atalaia.homes.embedded.rotate import rotate_master
from atalaia.metrics import Metrics
from atalaia.notify.audience import Event
from atalaia.notify.recipients import KEEP_S, Recipients
from atalaia.notify.snapshots import FOLDER, Snapshots
from atalaia.people.changing import ChangeWanted, SubscriptionWanted, update
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe

NOW = 1_700_000_000
HERE = Circle(name="home", latitude=-8.05, longitude=-34.88)
FIELD = Polygon(
    name="field",
    rings=(((-35.0, -8.2), (-34.7, -8.2), (-34.7, -7.9), (-35.0, -7.9), (-35.0, -8.2)),),
)
FAR = Circle(name="far", latitude=-30.0, longitude=-51.2, radius_km=200.0)
LIMIT = Threshold("rain_mm", 3600, 35.0, "heavy_rain")
EVENTS = [
    Event(
        hazard="heavy_rain",
        level=2,
        latitudes=(-8.05,),
        longitudes=(-34.88,),
        moved=(Moved("rain_mm", 3600, is_below=False, low=30.0, high=40.0),),
    ),
    Event(hazard="wind", level=4, latitudes=(-30.0, -8.0), longitudes=(-51.2, -34.9)),
    Event(hazard="wind", level=3, polygon=FIELD.rings),
]
CHANNELS = ("inbox", "email")


class Town:
    """A home with people who come, change and go; who is there is known by a number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = open_home(path, exclusive=False)
        self.registry = Registry(self.home.people, self.home.keys)
        self.metrics = Metrics()
        self.people: list[str] = []
        self.now = NOW

    def join(self, pick: int) -> str:
        where = (HERE, FIELD, FAR)[pick % 3]
        asked = Request(
            contacts=(read_contact("inbox"), read_contact(f"email:p{len(self.people)}@b.org"))
            if pick % 2
            else (read_contact("inbox"),),
            where=(where,) if pick % 5 else (where, FAR),
            hazards={"heavy_rain": "orange", "wind": "watch"} if pick % 4 else {},
            thresholds=(LIMIT,) if pick % 4 != 1 else (),
            language="pt-BR" if pick % 3 else "en",
            quiet=Quiet(1320, 360, "America/Recife") if pick % 7 == 0 else None,
            proof="form 12",
        )
        made = subscribe(self.registry, asked, self.now, lambda *_: None)
        self.people.append(made.pseudonym)
        return made.pseudonym

    def person(self, pseudonym: str) -> Person:
        found = self.registry.person(pseudonym)
        if found is None:
            raise ValueError("they are told no more")
        return found

    def recipients(self, *, least: int = 1, begins: bool = True) -> Recipients:
        """A process that begins now."""
        registry = Registry(self.home.people, self.home.keys)
        return Recipients(
            registry.load,
            CHANNELS,
            NOW - 1,
            read=registry.read,
            snapshots=Snapshots(self.home, self.metrics, least) if begins else None,
        )

    def kept(self) -> Recipients:
        """A process that has just laid down a snapshot."""
        self.now += KEEP_S
        found = self.recipients()
        found.refresh()
        found.keep(self.now)
        return found

    def read_one_by_one(self) -> list[str]:
        """Whom a process that begins now does not find in the snapshot."""
        asked: list[str] = []
        some = self.home.people.some

        def counted(pseudonyms: list[str]) -> object:
            asked.extend(pseudonyms)
            return some(pseudonyms)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.home.people, "some", counted)
            same(self, self.recipients())
        return asked

    def outcome(self, name: str) -> float:
        value = self.metrics._registry.get_sample_value(
            "atalaia_recipients_snapshots_total", {"outcome": name}
        )
        return value or 0.0

    @property
    def file(self) -> Path:
        [key] = self.home.lake.keys(f"{FOLDER}/")
        return self.home.lake.path(key)

    @property
    def block_files(self) -> Path:
        return default_folder(self.path) / FOLDER


def picture(recipients: Recipients) -> object:
    """All that fan-out asks of it."""
    recipients.refresh()
    names = recipients.audience.names
    concern = recipients.audience.concerned(EVENTS)
    rows = zip(concern.event.tolist(), concern.person.tolist(), concern.limit.tolist(), strict=True)
    known = sorted(name for name in names if name)
    return (
        sorted((event, names[person], str(limit)) for event, person, limit in rows),
        [(recipients.get(name), recipients.has_limits(name)) for name in known],
        {
            key: np.round(limits, 9).tolist()
            for key, limits in recipients.audience.limits_at(-8.05, -34.88).items()
        },
        recipients.news().came,
    )


def same(town: Town, begun: Recipients) -> None:
    assert picture(begun) == picture(town.recipients(begins=False))


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "home")
    yield made
    made.home.close()


STEPS = ("join", "stop", "erase", "update", "snap", "rotate", "restart", "damage")


@settings(
    max_examples=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1000)), max_size=12))
def test_snapshot_and_what_is_newer_are_the_store_after_any_history(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    town = Town(tmp_path_factory.mktemp("town") / "home")
    with town.home:
        for pick in range(4):
            town.join(pick)
        process = town.kept()
        for what, pick in steps:
            town.now += 1
            live(town, what, pick)
            process = town.kept() if what == "snap" else process
            if what == "restart":
                same(town, town.recipients())
        same(town, town.recipients())
        assert process.refresh() in (True, False)
        process.news()
        assert picture(process)[:3] == picture(town.recipients(begins=False))[:3]  # type: ignore[index]


def live(town: Town, what: str, pick: int) -> None:
    who = town.people[pick % len(town.people)]
    with suppress(StateConflict, ValueError):
        if what == "join":
            town.join(pick)
        elif what == "stop":
            town.registry.stop(who, (None, "email")[pick % 2], town.now)
        elif what == "erase":
            town.registry.erase(who, town.now)
        elif what == "update":
            quiet = Quiet(60, 600, "UTC") if pick % 2 else None
            moved = SubscriptionWanted(where=((HERE, FIELD, FAR)[pick % 3],))
            ids = [one.id for one in town.person(who).subscriptions]
            change = ChangeWanted(
                quiet=quiet, language="es", subscriptions=dict.fromkeys(ids, moved)
            )
            update(town.registry, who, change, town.now)
        elif what == "rotate":
            rotate_master(town.home.keys)
        elif what == "damage":
            files = sorted(town.block_files.iterdir())
            files[pick % len(files)].write_bytes(b"nothing")


def test_a_start_reads_nobody_one_by_one_and_only_what_is_newer(town: Town) -> None:
    for pick in range(30):
        town.join(pick)
    town.kept()
    new = town.join(7)
    changes = town.home.people.changes
    asked: list[int] = []

    def counted(after: int, limit: int) -> object:
        asked.append(after)
        return changes(after, limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(town.home.people, "changes", counted)
        found = town.recipients()
        found.refresh()
    assert min(asked) >= 30
    assert found.get(new) is not None
    assert town.read_one_by_one() == []
    assert (town.outcome("read"), town.outcome("ignored")) == (2, 0)


def test_who_is_erased_is_in_no_snapshot_that_opens_and_costs_a_block(town: Town) -> None:
    for pick in range(30):
        town.join(pick)
    town.kept()
    old = town.file.read_bytes()
    gone = town.people[3]
    town.registry.erase(gone, town.now)
    assert not (town.block_files / str(block_of(gone))).exists()
    mates = {one for one in town.people if block_of(one) == block_of(gone)}
    assert set(town.read_one_by_one()) == mates
    assert town.outcome("read in part") == 1
    process = town.kept()
    assert gone not in set(process.audience.names)
    keys = town.home.keys.block_keys()
    assert len(keys) == HEAD + 1
    town.file.write_bytes(old)  # as a copy of the disk may bring it back, beside new keys
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(town.home.people, "snapshot", lambda: town.file.name)
        same(town, town.recipients())
    assert town.outcome("ignored") == 1, "of another name than it was sealed under"


def test_who_is_erased_while_a_snapshot_is_made_is_not_in_it(town: Town) -> None:
    """At each moment of its making: before and after keys are had, before and after it is named."""
    moments: list[tuple[object, str]] = [
        (town.home.people, "snapshot"),
        (town.home.keys, "make_block_keys"),
        (town.home.keys, "erased"),
        (town.home.lake, "write"),
        (town.home.people, "set_snapshot"),
    ]
    for place, name in moments:
        for is_before in (True, False):
            others, gone = town.join(1), town.join(2)
            while block_of(others) == block_of(gone):
                gone = town.join(2)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, around(place, name, town, gone, is_before=is_before))
                town.kept()
            found = Snapshots(town.home, town.metrics).read()
            assert found is not None
            assert gone.encode() not in found.crowd.names.tolist(), (name, is_before)
            assert others.encode() in found.crowd.names.tolist()
            same(town, town.recipients())


def around(
    place: object, name: str, town: Town, gone: str, *, is_before: bool
) -> Callable[..., object]:
    """The key goes, and the process with it: the rows stay for the next upkeep."""
    real = getattr(place, name)
    done: list[bool] = []

    def changed(*args: object) -> object:
        if is_before and not done:
            done.append(True)
            town.home.keys.destroy(gone, town.now)
        found = real(*args)
        if not is_before and not done:
            done.append(True)
            town.home.keys.destroy(gone, town.now)
        return found

    return changed


def test_whom_nobody_could_read_when_it_was_made_is_looked_for_at_each_start(town: Town) -> None:
    ana, bia = town.join(1), town.join(2)
    file = town.home.keys._file(ana)
    key = file.read_bytes()
    file.write_bytes(b"\0" * len(key))
    assert town.kept().get(ana) is None
    assert town.recipients().get(bia) is None, "it has not begun"
    file.write_bytes(key)
    found = town.recipients()
    found.refresh()
    assert found.get(ana) is not None, "their key was put back, and nothing of them changed"
    same(town, found)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[: len(body) // 2],
        lambda body: b"",
        lambda body: body[:-20] + bytes(20),
        lambda body: b"atalaia recipients 9 of the future\n" + body,
        lambda body: body + b"more",
        lambda body: None,
    ],
    ids=["torn", "empty", "its head damaged", "of another version", "too long", "not there"],
)
def test_one_that_is_damaged_is_passed_over_and_told_and_nobody_is_missed(
    town: Town, damage: Callable[[bytes], bytes | None]
) -> None:
    for pick in range(12):
        town.join(pick)
    town.kept()
    damaged = damage(town.file.read_bytes())
    if damaged is None:
        town.file.unlink()
    else:
        town.file.write_bytes(damaged)
    same(town, town.recipients())
    assert town.outcome("ignored") == 1
    town.kept()
    assert town.outcome("written") == 2, "it is made anew"
    assert town.read_one_by_one() == []


def test_one_that_is_written_and_not_named_yet_is_not_read_and_goes_with_the_next(
    town: Town,
) -> None:
    for pick in range(12):
        town.join(pick)
    town.kept()
    named = town.file.name
    town.join(12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(town.home.people, "set_snapshot", killed)
        with pytest.raises(KeyboardInterrupt):
            town.kept()
    assert town.home.people.snapshot() == named
    assert len(town.home.lake.keys(f"{FOLDER}/")) == 2
    assert town.read_one_by_one() == [], "the one before is whole, and one change older"
    town.kept()
    assert town.file.name == town.home.people.snapshot() != named


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_one_sealed_before_the_master_key_was_replaced_is_read_as_before(town: Town) -> None:
    for pick in range(12):
        town.join(pick)
    town.kept()
    rotate_master(town.home.keys)
    later = Town(town.path)  # by the new one
    with later.home:
        assert later.read_one_by_one() == []
    assert (later.outcome("read"), later.outcome("ignored")) == (1, 0)


def test_a_damaged_block_costs_its_own_people_alone(town: Town) -> None:
    for pick in range(12):
        town.join(pick)
    town.kept()
    body = bytearray(town.file.read_bytes())
    body[len(body) - 6_000] ^= 1  # somewhere among the blocks, or in the head, which tells it
    town.file.write_bytes(bytes(body))
    assert set(town.read_one_by_one()) <= set(town.people)
    assert town.outcome("ignored") + town.outcome("read in part") + town.outcome("read") == 1


def test_one_of_another_home_or_of_a_time_that_the_store_never_saw_is_passed_over(
    town: Town, tmp_path: Path
) -> None:
    town.join(1)
    town.kept()
    before = tmp_path / "before"
    shutil.copytree(town.path, before)
    town.join(2)
    town.kept()
    shutil.copytree(default_folder(town.path), default_folder(before))
    future = town.file
    other = Town(before)  # a store of the day before, beside the snapshot of today
    with other.home:
        other.file.unlink()
        shutil.copy(future, before / "lake" / FOLDER)
        same(other, other.recipients())
        assert other.outcome("ignored") == 1, "the store names another"
        other.home.people.set_snapshot(other.home.people.snapshot(), future.name)
        same(other, other.recipients())
        assert other.outcome("ignored") == 2, "it is newer than the store"
    stranger = Town(tmp_path / "stranger")
    with stranger.home:
        stranger.join(1)
        stranger.kept()
        shutil.copy(future, stranger.file)
        same(stranger, stranger.recipients())
        assert stranger.outcome("ignored") == 1


def test_few_people_have_none_and_it_is_made_anew_when_it_is_time_and_anybody_changed(
    town: Town,
) -> None:
    town.join(1)
    few = town.recipients(least=2)
    few.refresh()
    few.keep(NOW)
    assert town.home.lake.keys(f"{FOLDER}/") == []
    process = town.kept()
    first = town.file.name
    town.join(2)
    process.refresh()
    process.keep(town.now + KEEP_S - 1)
    assert town.file.name == first
    process.keep(town.now + KEEP_S)
    assert town.file.name > first, "and the one before is gone"
    again = town.file.name
    process.keep(town.now + 9 * KEEP_S)
    assert town.file.name == again, "nobody changed"


def test_two_who_make_one_at_once_leave_one(town: Town) -> None:
    town.join(1)
    one, other = town.recipients(), town.recipients()
    one.refresh()
    other.refresh()
    name = town.home.people.snapshot

    def late() -> str:
        found = name()
        patch.undo()
        other.keep(NOW)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(town.home.people, "snapshot", late)
        one.keep(NOW)
    assert (town.outcome("written"), town.outcome("not written")) == (1, 1)
    assert town.file.name == town.home.people.snapshot()
    same(town, town.recipients())


def test_where_it_cannot_be_written_the_watch_goes_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.join(1)

    def full(*_: object) -> None:
        raise StateConflict("no room")

    monkeypatch.setattr(town.home.lake, "write", full)
    process = town.kept()
    assert town.outcome("not written") == 1
    assert len(process) == 1
    same(town, town.recipients())


def test_a_backup_has_no_snapshot_and_no_key_of_one(town: Town, tmp_path: Path) -> None:
    town.join(1)
    town.kept()
    backup(town.path, tmp_path / "copy")
    keys = backup_keys(default_folder(town.path), tmp_path / "keys", NOW)
    assert list((tmp_path / "copy").rglob(f"{FOLDER}*")) == list(keys.rglob(f"{FOLDER}*")) == []
