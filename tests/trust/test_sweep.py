"""Erasure and "90 days" reach the lake, and nobody else's row goes with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.batch.archive import archive
from atalaia.batch.mend import ASIDE
from atalaia.batch.refine import rebuild, refine
from atalaia.batch.sweep import EVERY_S, is_due, sweep
from atalaia.domain.alert import instant, seconds_of
from atalaia.domain.delivery import Settled
from atalaia.domain.payload import Payload
from atalaia.lake import gold, raw
from atalaia.lake.merge import merge_deliveries, workshop
from atalaia.lake.raw_days import compact_days
from atalaia.people.bodies import own_source, seal_body, unsealed
from atalaia.ports import Commit, Lake, Sql
from atalaia.sources.readings_csv import STATION, content_of, decoder
from people.world import DAY, NOW, World

from .test_sources import PLACES, pushed

KEEP_S = 90 * DAY
THEN = {"valid_at": "2023-11-11T22:00:00Z"}


def settled(number: int, person: str, at: int) -> Settled:
    when = instant(at)
    return Settled(
        number=number,
        person=person,
        channel="email",
        message=f"m{number}",
        incident=f"i{number}",
        version=1,
        place_id="p1",
        hazard="wind",
        level="red",
        status="sent",
        reason="",
        attempts=1,
        sent_at=when,
        settled_at=when,
    )


def deliver(w: World, rows: list[Settled]) -> None:
    """As archive and refine leave them."""
    parts: dict[str, list[Settled]] = {}
    for one in rows:
        parts.setdefault(raw.delivery_part(one), []).append(one)
    for folder, some in parts.items():
        w.home.lake.write(folder + raw.part_name(some[0].number), raw.write_deliveries(some))
    w.home.state.commit(Commit(raw.DELIVERIES_ARCHIVED, max(one.number for one in rows)))
    merge_deliveries(w.home.lake, rows)


def in_raw(lake: Lake) -> list[tuple[int, str]]:
    found = [
        one for key in lake.keys(raw.DELIVERIES) for one in raw.read_deliveries(lake.read(key))
    ]
    return sorted((one.number, one.person) for one in found)


def in_gold(lake: Lake) -> list[tuple[int, str]]:
    files = [lake.path(key) for key in lake.keys(gold.DELIVERIES)]
    with workshop(lake) as shop:
        found = f"SELECT number, person FROM ({gold.rows('deliveries', files)}) ORDER BY ALL"
        return shop.con.execute(found).fetchall()


def swept(w: World, now: int, lake: Lake | None = None) -> None:
    sweep(w.home.state, lake or w.home.lake, w.keys, now, KEEP_S)


def story(w: World) -> tuple[str, list[tuple[int, str]]]:
    """Deliveries of two people over 100 days; one is erased. What has to be left at NOW."""
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    rows = [
        settled(2 * day + n + 1, person, NOW - (100 - day) * DAY + 60)
        for day in range(0, 100, 7)
        for n, person in enumerate((ana, bia))
    ]
    deliver(w, rows)
    w.registry.erase(ana, NOW - 5)
    before = NOW - KEEP_S
    left = [r for r in rows if r.person == bia and seconds_of(r.settled_at) >= before]
    return ana, [(r.number, r.person) for r in left]


def test_the_erased_and_the_old_go_from_raw_and_gold_and_nobody_else_does(w: World) -> None:
    ana, left = story(w)
    assert len(in_raw(w.home.lake)) == len(in_gold(w.home.lake)) == 30
    swept(w, NOW)
    assert in_raw(w.home.lake) == in_gold(w.home.lake) == left
    assert len(left) == 13
    lake = w.path / "lake"
    files = [f for f in lake.rglob("*") if f.is_file()]
    assert not [f for f in files if ana.encode() in f.read_bytes()]


def test_gold_that_is_rebuilt_after_a_sweep_is_as_it_was(w: World) -> None:
    _, left = story(w)
    swept(w, NOW)
    rebuild(w.home.state, w.home.lake, decoder(PLACES), PLACES)
    assert in_gold(w.home.lake) == left


def test_damaged_files_that_may_hold_rows_of_the_erased_go_whole(w: World) -> None:
    story(w)
    lake = w.home.lake
    key = lake.keys(raw.DELIVERIES)[-1]
    lake.write(ASIDE + key, b"torn")
    lake.write(ASIDE + "raw/payloads/source=x/date=2023-11-11/hour=00/part.zst", b"torn")
    swept(w, NOW)
    assert [one.split("/")[2] for one in lake.keys(ASIDE)] == ["payloads"]


def test_damaged_files_of_what_the_erased_pushed_go_whole_and_others_stay(
    w: World, stations: tuple[str, str]
) -> None:
    ana, bia = stations
    lake = w.home.lake
    theirs, pushes = lake.keys("gold/readings/"), lake.keys(raw.PAYLOADS)
    for key in (*theirs, *pushes):
        lake.write(ASIDE + key, b"torn")
    swept(w, NOW)
    assert len(lake.keys(ASIDE)) == len(theirs) + len(pushes), "nobody was erased"
    w.registry.erase(ana, NOW)
    swept(w, NOW + EVERY_S)
    left = " ".join(lake.keys(ASIDE))
    assert raw.folder_name(own_source(ana)) not in left
    assert "/payloads/" not in left, "sealed pushes of several people lie in one part"
    assert raw.folder_name(own_source(bia)) in left


class Killed(Exception):
    """As far as the lake can tell, the process is gone."""


@dataclasses.dataclass
class Mortal:
    """A lake whose process is killed at its n-th write or removal, before or after it."""

    lake: Lake
    lives: int
    is_after: bool

    def _step(self, do: Callable[[], None]) -> None:
        self.lives -= 1
        if self.lives == 0 and not self.is_after:
            raise Killed
        do()
        if self.lives == 0:
            raise Killed

    def write(self, key: str, body: bytes) -> None:
        self._step(lambda: self.lake.write(key, body))

    def delete_all(self, keys: Iterable[str]) -> None:
        for key in keys:  # it may be killed amidst them
            self._step(lambda key=key: self.lake.delete(key))  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)


@pytest.mark.parametrize("is_after", [False, True])
def test_a_sweep_killed_anywhere_loses_no_other_row_and_is_finished_by_the_next(
    w: World, is_after: bool
) -> None:
    _, left = story(w)
    kills = 0
    while True:
        kills += 1
        try:
            swept(w, NOW, Mortal(w.home.lake, 3, is_after))  # type: ignore[arg-type]
        except Killed:
            assert set(left) <= set(in_raw(w.home.lake))
            assert set(left) <= set(in_gold(w.home.lake))
            assert is_due(w.home.state, NOW)
            continue
        break
    assert kills > 10
    assert in_raw(w.home.lake) == in_gold(w.home.lake) == left
    assert not is_due(w.home.state, NOW)
    assert is_due(w.home.state, NOW + EVERY_S)
    assert is_due(w.home.state, NOW - 1), "it was done by a clock that was ahead"


@dataclasses.dataclass
class Counting:
    """A lake that counts the calls that remove."""

    lake: Lake
    removed: list[int] = dataclasses.field(default_factory=list)

    def delete_all(self, keys: Iterable[str]) -> None:
        gone = list(keys)
        self.removed.append(len(gone))
        self.lake.delete_all(gone)

    def delete(self, key: str) -> None:
        raise AssertionError(f"{key} is removed alone")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)


def test_what_goes_goes_a_thousand_at_a_time(w: World) -> None:
    """Old parts of RAW, damaged files, what the erased pushed and what was read of it."""
    lake = w.home.lake
    ana = w.told("email:ana@example.org")
    for hour in range(1_300):
        one = settled(hour + 1, ana, NOW - 100 * DAY - 3600 * hour)
        key = raw.delivery_part(one) + raw.part_name(one.number)
        lake.write(key, raw.write_deliveries([one]))
        lake.write(ASIDE + key, b"torn")
    w.home.state.commit(Commit(raw.DELIVERIES_ARCHIVED, 1_300))
    for day in range(30):
        of_ana = f"source={raw.folder_name(own_source(ana))}/month=x/{day}"
        lake.write(f"{gold.DAYS}{of_ana}", b"days")
    w.registry.erase(ana, NOW - 5)
    counting = Counting(lake)
    swept(w, NOW, counting)  # type: ignore[arg-type]
    assert counting.removed == [1_000, 1_000, 630]
    assert not lake.keys(raw.DELIVERIES)
    assert not lake.keys(ASIDE)


def test_a_part_that_the_archive_may_still_write_is_left_to_the_next_sweep(w: World) -> None:
    ana = w.told("email:ana@example.org")
    one = settled(9, ana, NOW)
    w.registry.erase(ana, NOW)
    w.home.lake.write(raw.delivery_part(one) + raw.part_name(9), raw.write_deliveries([one]))
    swept(w, NOW)
    assert in_raw(w.home.lake) == [(9, ana)]
    w.home.state.commit(Commit(raw.DELIVERIES_ARCHIVED, 9))
    swept(w, NOW + EVERY_S)
    assert in_raw(w.home.lake) == []


@pytest.fixture
def stations(w: World) -> Iterator[tuple[str, str]]:
    """Two people who pushed, and a station that is nobody's; all refined."""
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")

    def push(person: str, rain: float) -> Payload:
        made = pushed({**THEN, "rain_mm": rain}, content=content_of(own_source(person)))
        body = seal_body(w.registry.vault, person, made.body)
        return Payload(source=STATION, content=made.content, received_at=NOW - 3 * DAY, body=body)

    roof = pushed({**THEN, "rain_mm": 4.0}, content=content_of("school roof"))
    other = msgspec.structs.replace(roof, received_at=NOW - 3 * DAY)
    w.home.stream.append([push(ana, 2.0), push(bia, 3.0), other])
    archive(w.home.stream, w.home.state, w.home.lake)
    decode = unsealed(decoder(PLACES), lambda: w.registry.vault)
    refine(w.home.state, w.home.lake, decode, PLACES)
    return ana, bia


def sources_of(w: World, sql: Sql) -> list[str]:
    files = {
        name: [w.home.lake.path(key) for key in keys]
        for name, keys in gold.partition_files(w.home.lake).items()
    }
    found = sql.run("SELECT DISTINCT source FROM readings ORDER BY source", files)
    return [row[0] for row in found.rows]


@pytest.mark.parametrize("is_of_day", [False, True])
def test_what_the_erased_pushed_goes_from_raw_and_gold_and_what_others_pushed_stays(
    w: World, stations: tuple[str, str], is_of_day: bool
) -> None:
    ana, bia = stations
    if is_of_day:
        assert compact_days(w.home.state, w.home.lake, None, NOW + 9 * DAY) == 1
        [part] = w.home.lake.keys(raw.PAYLOADS)
        assert raw.is_of_day(part)
    both = sorted([own_source(ana), own_source(bia), "school roof"])
    assert sources_of(w, w.home.sql) == both
    w.home.lake.write(f"{gold.DAYS}source={raw.folder_name(own_source(ana))}/month=x/y", b"days")
    w.registry.erase(ana, NOW)
    swept(w, NOW)
    assert sources_of(w, w.home.sql) == sorted([own_source(bia), "school roof"])
    offsets = [
        record.offset
        for key in w.home.lake.keys(raw.PAYLOADS)
        for record in raw.read_part(w.home.lake.read(key))
    ]
    assert sorted(offsets) == [2, 3]
    assert not [
        f for f in (w.path / "lake").rglob("*") if f.is_file() and own_source(ana) in str(f)
    ]
    decode = unsealed(decoder(PLACES), lambda: w.registry.vault)
    rebuild(w.home.state, w.home.lake, decode, PLACES)
    assert sources_of(w, w.home.sql) == sorted([own_source(bia), "school roof"])


def test_a_damaged_file_of_what_was_pushed_is_made_again_with_all_that_it_held(
    w: World, stations: tuple[str, str]
) -> None:
    """RAW has it under `station`, GOLD under each pusher's own source."""
    ana, _ = stations
    lake = w.home.lake
    [key] = [one for one in lake.keys(gold.READINGS) if raw.folder_name(own_source(ana)) in one]
    held = lake.read(key)
    lake.write(key, b"torn")
    again = {**THEN, "rain_mm": 9.0, "valid_at": "2023-11-11T23:00:00Z"}
    made = pushed(again, content=content_of(own_source(ana)))
    body = seal_body(w.registry.vault, ana, made.body)
    w.home.stream.append([msgspec.structs.replace(made, body=body, received_at=NOW - 2 * DAY)])
    archive(w.home.stream, w.home.state, lake)
    refine(w.home.state, lake, unsealed(decoder(PLACES), lambda: w.registry.vault), PLACES)
    with workshop(lake) as shop:
        [[rows]] = shop.con.execute(f"SELECT count(*) FROM '{lake.path(key)}'").fetchall()
    assert (rows, lake.read(ASIDE + key)) == (2, b"torn")
    assert held != lake.read(key)


def test_a_part_that_cannot_be_read_is_told_and_stops_nothing(w: World, tmp_path: Path) -> None:
    ana, _ = story(w)
    lake = w.home.lake
    newest = lake.keys(raw.DELIVERIES)[-1]
    body = lake.read(newest)
    lake.write(newest, body[:-9])
    told = sweep(w.home.state, lake, w.keys, NOW, KEEP_S)
    assert told.unread == 1
    assert lake.read(newest) == body[:-9]
    lake.write(newest, body)  # mended: who was erased lately is looked for again
    swept(w, NOW + EVERY_S)
    assert ana not in [person for _, person in in_raw(lake)]
