"""Days of RAW made few parts: the same payloads in the same order, at any moment, after any death.

The days, what comes late, who is killed between which two changes of the lake, and who is erased
in between, are drawn; what is true of it all is told by the payloads that were put in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.payload import Payload
from atalaia.lake import gold, raw, raw_days
from atalaia.lake.answers import tally, together
from atalaia.lake.raw_days import compact_days
from atalaia.ports import Lake, Record, State, Stream
from stories import DAY, HOUR, T0

LATER = T0 + 40 * DAY
SOURCES = ("a", "b/c")
BODIES = (b'{"a": [1, 2.50, "\\u00e9"]}', b"", b"x;y\r\nz\n", b"\xff\x00", b"{ }", b"  1 ")


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


class MemoryLake(Lake):
    """Files in a dictionary, which counts its calls and dies before a change when told to."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.calls: dict[str, int] = {}
        self.changes_left: int | None = None
        self.look: Callable[[], object] = lambda: None

    def _count(self, call: str) -> None:
        self.calls[call] = self.calls.get(call, 0) + 1

    def _change(self, call: str) -> None:
        self._count(call)
        if self.changes_left == 0:
            raise Killed
        if self.changes_left is not None:
            self.changes_left -= 1

    def keys(self, prefix: str) -> list[str]:
        self._count("keys")
        return sorted(key for key in self.files if key.startswith(prefix))

    def read(self, key: str) -> bytes:
        self._count("read")
        return self.files[key]

    def write(self, key: str, body: bytes) -> None:
        self._change("write")
        self.files[key] = body
        self.look()

    def delete(self, key: str) -> None:
        self._change("delete")
        self.files.pop(key, None)
        self.look()


class Archived(State):
    """All is archived up to an offset, and these parts wait for refine."""

    def __init__(self, up_to: int = sys.maxsize) -> None:
        self.up_to = up_to
        self.waiting: list[str] = []

    def offset(self, consumer: str) -> int:
        return self.up_to if consumer == raw.ARCHIVED else 0

    def load(self, prefix: str = "") -> dict[str, bytes]:
        return {f"{gold.UNREFINED}{i}": key.encode() for i, key in enumerate(self.waiting)}


class Held(Stream):
    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def read(self, after: int, limit: int) -> list[Record]:
        return [one for one in self.records if one.offset > after][:limit]


for port in (MemoryLake, Archived, Held):
    port.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]

EMPTY = Held([])


def put(lake: MemoryLake, records: list[Record]) -> None:
    """As an archive's step does."""
    folders: dict[str, list[Record]] = {}
    for record in records:
        folders.setdefault(raw.payload_part(record.payload), []).append(record)
    for folder, some in folders.items():
        lake.files[folder + raw.part_name(some[0].offset)] = raw.write_payloads(some)


def erase(lake: MemoryLake, body: bytes, dies_after: int | None = None) -> None:
    """As a sweep does with what somebody pushed; one that is killed is done again, from the first
    file on."""
    for key in sorted(lake.files)[:dies_after]:
        kept, gone = raw.kept_of(lake.files[key], lambda one: one.payload.body != body)
        if gone and kept is None:
            del lake.files[key]
        elif gone:
            lake.files[key] = kept or b""


def answers(lake: MemoryLake) -> list[Any]:
    """What a rebuild counts by part; of what is there twice one row takes the other's place."""
    rows: dict[tuple[str, int], Any] = {}
    for key in sorted(lake.files, key=raw.first_of):
        told: dict[int, list[Any]] = {}
        for part, payloads in raw.payloads_by_part(key, lake.files[key]):
            told.setdefault(part, []).append(tally(payloads, part, 0))
        rows |= {(some[0].source, part): together(some) for part, some in told.items()}
    return sorted(rows.items())


def lived(lake: MemoryLake) -> list[Record]:
    return list(raw.in_order(lake, EMPTY, sys.maxsize))


def of(offset: int, at: int, source: str = "a", body: bytes = b"1") -> Record:
    payload = Payload(source=source, content="c", received_at=at, body=body, places=("p1", "p2"))
    return Record(offset, payload)


@pytest.mark.parametrize("early", [b"first", b"last", None])
def test_what_went_into_another_part_is_removed_though_all_else_of_it_was_erased_meanwhile(
    early: bytes | None,
) -> None:
    """Who is killed before a removal leaves a day's part beside the one that it went into."""
    lake = MemoryLake()
    put(lake, [of(2, T0, body=b"first"), of(3, T0, body=b"kept"), of(4, T0, body=b"last")])
    compact_days(Archived(), lake, EMPTY, LATER)
    if early is not None:  # what its name begins or ends with is gone
        erase(lake, early)
    put(lake, [of(1, T0 + HOUR, body=b"late")])
    put(lake, [of(5, T0 + HOUR, body=b"late")])
    lake.changes_left = 1
    with suppress(Killed):
        compact_days(Archived(), lake, EMPTY, LATER)
    lake.changes_left = None
    erase(lake, b"late")
    assert len(lake.files) == 2
    kept = [one for one in ((2, b"first"), (3, b"kept"), (4, b"last")) if one[1] != early]
    for _ in range(2):
        compact_days(Archived(), lake, EMPTY, LATER)
        [body] = lake.files.values()
        assert [(one.offset, one.payload.body) for one in raw.read_part(body)] == kept


arrivals = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.integers(0, 3 * 24 * 60),  # minutes: not in the order of arrival
        st.sampled_from(BODIES),
        st.integers(0, 3),  # a new step of the archive begins with 0
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150)
@given(
    arrivals,
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from((None, *BODIES)),
            st.sampled_from((None, 0, 1, 2)),  # and the sweep dies after so many files
        ),
        max_size=6,
    ),
    st.sampled_from((200, 600, 64_000_000)),
    st.data(),
)
def test_raw_gives_the_same_payloads_in_the_same_order_whatever_happens(
    arrived: list[tuple[str, int, bytes, int]],
    runs: list[tuple[int, bytes | None, int | None]],
    part_bytes: int,
    data: st.DataObject,
) -> None:
    records = [of(n, T0 + m * 60, s, b) for n, (s, m, b, _) in enumerate(arrived, 1)]
    steps: list[list[Record]] = []
    for record, (_, _, _, begins) in zip(records, arrived, strict=True):
        if begins == 0 or not steps:
            steps.append([])
        steps[-1].append(record)
    lake, here = MemoryLake(), list[Record]()

    def is_as_put() -> None:
        assert lived(lake) == here

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_days, "PART_BYTES", part_bytes)
        for dies_after, erased, swept in [*runs, (10_000, None, None)]:
            come = data.draw(st.integers(0, len(steps))) if dies_after < 10_000 else len(steps)
            for some in steps[:come]:  # what comes now, the first time or late
                put(lake, some)
                here += some
            del steps[:come]
            if erased is not None:
                erase(lake, erased, swept)
                here = [one for one in here if one.payload.body != erased]
            told, is_swept = answers(lake), erased is None or swept is None
            lake.changes_left, lake.look = dies_after, is_as_put if is_swept else lambda: None
            with suppress(Killed):
                compact_days(Archived(), lake, EMPTY, LATER)
            lake.changes_left, lake.look = None, lambda: None
            if erased is not None and not is_swept:
                erase(lake, erased)
            is_as_put()
            assert not is_swept or answers(lake) == told
        assert all(raw.is_of_day(key) for key in lake.files)
        every = [one.offset for key in lake.files for one in raw.read_part(lake.files[key])]
        assert sorted(every) == [one.offset for one in here], "and nothing is kept twice"
        files = dict(lake.files)
        lake.calls.clear()
        assert compact_days(Archived(), lake, EMPTY, LATER) == 0
        assert lake.files == files
        assert lake.calls == {"keys": 1}, "what is done costs a listing"
    for key, body in files.items():
        offsets = [one.offset for one in raw.read_part(body)]
        assert offsets == sorted(offsets)
        assert key.endswith(f"/part-{offsets[0]:020d}-{offsets[-1]:020d}.ndjson.zst") or runs


@pytest.mark.parametrize("hours", [1, 3])
def test_who_is_killed_anywhere_leaves_nothing_twice_in_parts_of_some_bytes(hours: int) -> None:
    """Steps of two payloads; those of several hours lie between each other."""
    records = [of(n, T0 + n % hours * HOUR) for n in range(1, 31)]
    kills = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_days, "PART_BYTES", 900)
        while True:
            lake = MemoryLake()
            for n in range(0, 30, 6):
                put(lake, records[n : n + 6])
            lake.changes_left = kills
            with suppress(Killed):
                compact_days(Archived(), lake, EMPTY, LATER)
                break
            assert lived(lake) == records
            kills, lake.changes_left = kills + 1, None
            compact_days(Archived(), lake, EMPTY, LATER)
            assert all(map(raw.is_of_day, lake.files))
            every = [one.offset for body in lake.files.values() for one in raw.read_part(body)]
            assert sorted(every) == [one.offset for one in records]
    assert kills > 5
    assert len(lake.files) > 2


def day_of_steps(lake: MemoryLake, n: int = 288) -> list[Record]:
    """A step every five minutes, as the archive makes them."""
    records = [of(i + 1, T0 + i * 300) for i in range(n)]
    for one in records:
        put(lake, [one])
    return records


def test_a_day_costs_a_listing_a_read_a_part_a_write_and_a_removal_a_part() -> None:
    lake = MemoryLake()
    records = day_of_steps(lake)
    assert compact_days(Archived(), lake, EMPTY, LATER) == 1
    assert lake.calls == {"keys": 1, "read": 288, "write": 1, "delete": 288}
    assert list(lake.files) == [
        "raw/payloads/source=a/date=2024-01-01/"
        "part-00000000000000000001-00000000000000000288.ndjson.zst"
    ]
    assert lived(lake) == records


def test_what_comes_late_for_a_day_is_folded_in_by_the_next_run() -> None:
    lake = MemoryLake()
    records = [*day_of_steps(lake, 3), of(9, T0 + HOUR)]
    compact_days(Archived(), lake, EMPTY, LATER)
    put(lake, records[3:])
    lake.calls.clear()
    assert compact_days(Archived(), lake, EMPTY, LATER) == 1
    assert lake.calls == {"keys": 1, "read": 3, "write": 1, "delete": 2}
    assert [raw.first_of(key) for key in lake.files] == [1]
    assert lived(lake) == records


def test_a_part_that_was_written_again_with_more_in_it_loses_nothing() -> None:
    """A batch that was given up for dead, and came again in other pieces."""
    lake = MemoryLake()
    records = [of(1, T0), of(2, T0 + 60), of(3, T0 + HOUR), of(4, T0 + 2 * HOUR)]
    put(lake, records[:1])
    put(lake, records[2:])
    compact_days(Archived(), lake, EMPTY, LATER)
    put(lake, records[:2])
    assert compact_days(Archived(), lake, EMPTY, LATER) == 1
    assert len(lake.files) == 1
    assert lived(lake) == records


@pytest.mark.parametrize(
    ("state", "stream", "now"),
    [
        (Archived(2), EMPTY, LATER),  # the archive may write the third again, with more in it
        (Archived(), Held([of(3, T0)]), LATER),  # if damaged, it can be made again
        (Archived(), EMPTY, T0 + 8 * DAY - 1),  # not over for a week
    ],
)
def test_a_day_that_is_not_finished_stays(state: State, stream: Stream, now: int) -> None:
    lake = MemoryLake()
    day_of_steps(lake, 3)
    files = dict(lake.files)
    assert compact_days(state, lake, stream, now) == 0
    assert lake.files == files


def test_a_day_of_which_a_part_waits_for_refine_stays() -> None:
    lake, state = MemoryLake(), Archived()
    day_of_steps(lake, 3)
    state.waiting = [max(lake.files)]
    assert compact_days(state, lake, EMPTY, LATER) == 0
    state.waiting = []
    assert compact_days(state, lake, EMPTY, LATER) == 1


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_part_costs_itself_alone_and_stays_to_be_looked_at(which: int) -> None:
    lake = MemoryLake()
    records = day_of_steps(lake, 3)
    if which == 1:  # of a day
        compact_days(Archived(), lake, EMPTY, LATER)
        put(lake, [of(4, T0)])
    damaged = min(lake.files)
    lake.files[damaged] = lake.files[damaged][:-9]
    others = {key: body for key, body in lake.files.items() if key != damaged}
    compact_days(Archived(), lake, EMPTY, LATER)
    body = lake.files.pop(damaged)
    assert not raw.is_whole(body)
    if which == 1:
        assert lake.files == others
    else:
        assert lived(lake) == records[1:]


def test_who_reads_while_a_day_is_made_one_part_reads_all_of_it_once() -> None:
    lake = MemoryLake()
    records = [*day_of_steps(lake, 30), of(31, T0 + DAY), of(32, T0 + 2 * DAY)]
    put(lake, records[30:])
    reading = raw.in_order(lake, EMPTY, sys.maxsize)
    begun = [next(reading) for _ in range(7)]
    assert compact_days(Archived(), lake, EMPTY, LATER) == 3
    assert [*begun, *reading] == records


def test_a_file_that_is_no_part_is_left_alone() -> None:
    lake = MemoryLake()
    day_of_steps(lake, 3)
    stray = "raw/payloads/source=a/date=2024-01-01/hour=00/notes.txt"
    lake.files[stray] = b"mine"
    assert compact_days(Archived(), lake, EMPTY, LATER) == 1
    assert lake.files[stray] == b"mine"


def test_it_stops_between_two_days_and_goes_on() -> None:
    lake = MemoryLake()
    for n in (1, 2, 3):
        put(lake, [of(n, T0 + n * DAY)])
    asked: Iterator[bool] = iter((True, False))
    assert compact_days(Archived(), lake, EMPTY, LATER, lambda: next(asked)) == 1
    assert [raw.is_of_day(key) for key in sorted(lake.files)] == [True, False, False]
    assert compact_days(Archived(), lake, EMPTY, LATER) == 2
