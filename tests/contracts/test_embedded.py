"""The embedded home against the contracts, and what is its own: files, locks, sudden death."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import pytest

from atalaia.domain.rate import Rate
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.keys import open_keys
from atalaia.homes.embedded.lake import FolderLake
from atalaia.homes.embedded.meter import MemoryMeter
from atalaia.ports import Commit, Keys, Lake, Meter, Outbox, People, Sql, State, Stream
from contracts.keys_contract import KeysContract
from contracts.lake_contract import LakeContract
from contracts.meter_contract import MeterContract
from contracts.outbox_contract import OutboxContract
from contracts.people_contract import PeopleContract
from contracts.state_contract import StateContract, entry
from contracts.stream_contract import StreamContract, payload
from telling import DAY, NOON, message


class Reopens:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.path = tmp_path / "home"
        self.homes: list[EmbeddedHome] = []
        yield
        for home in self.homes:
            home.close()

    def home(self) -> EmbeddedHome:
        self.homes.append(open_home(self.path, exclusive=False))
        return self.homes[-1]


class TestSqliteStream(Reopens, StreamContract):
    def reopened(self) -> Stream:
        return self.home().stream

    def test_appending_many_costs_little_more_than_their_rows(
        self, stream: Stream, tmp_path: Path
    ) -> None:
        payloads = [payload(i, b"x" * 200) for i in range(20_000)]
        plain = apsw.Connection(str(tmp_path / "plain.sqlite3"))
        plain.execute("CREATE TABLE payloads (a, b, c, d, e, f, g, h)")
        rows = [
            ("open-meteo", "forecast", "[]", i, 200, None, 0, b"x" * 200) for i in range(20_000)
        ]

        def peer() -> None:
            with plain:
                plain.executemany("INSERT INTO payloads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

        def seconds(do: Callable[[], object]) -> float:
            start = time.process_time()
            do()
            return time.process_time() - start

        ratios = [seconds(lambda: stream.append(payloads)) / seconds(peer) for _ in range(5)]
        assert min(ratios) < 4, ratios


class TestSqliteState(Reopens, StateContract):
    def reopened(self) -> State:
        return self.home().state


class TestSqlitePeople(Reopens, PeopleContract):
    def reopened(self) -> People:
        return self.home().people


class TestSqliteOutbox(Reopens, OutboxContract):
    def reopened(self) -> Outbox:
        return self.home().outbox


class TestFolderKeys(Reopens, KeysContract):
    def reopened(self) -> Keys:
        return open_keys(self.path)


class TestMemoryMeter(MeterContract):
    def processes(self, rate: Rate) -> Sequence[Meter]:
        return [MemoryMeter(rate, lambda: self.now)]


class TestFolderLake(Reopens, LakeContract):
    def reopened(self) -> Lake:
        return self.home().lake

    def test_an_unfinished_file_is_never_listed_and_goes_with_the_next_write(
        self, lake: Lake
    ) -> None:
        lake.write("gold/a.parquet", b"old")
        killed = Path(lake.path("gold/a.parquet.unfinished-123"))
        killed.write_bytes(b"half")
        assert lake.keys("") == ["gold/a.parquet"]
        lake.write("gold/a.parquet", b"new")
        assert not killed.exists()

    def test_a_lake_that_cannot_be_written_says_where_and_what_to_do(self, tmp_path: Path) -> None:
        lake = FolderLake(tmp_path / "lake")
        (tmp_path / "lake" / "raw").write_bytes(b"a file where a folder should be")
        with pytest.raises(StateConflict, match=r"raw/x.*another --home"):
            lake.write("raw/x", b"")


def test_the_home_fills_the_ports(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        stream: Stream = home.stream
        state: State = home.state
        lake: Lake = home.lake
        sql: Sql = home.sql
        assert stream.append([payload(1)]) == 1
        assert state.commit(Commit("speed", 1))
        assert lake.keys("") == []
        assert list(sql.run("SELECT 1", {}).rows) == [(1,)]


def test_a_home_is_closed_to_others(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        home.stream.append([payload(1)])
        home.lake.write("raw/x", b"")
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "home" / "lake").stat().st_mode) == 0o700
        for file in (tmp_path / "home").glob("atalaia.sqlite3*"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_home_is_synced_to_disk_and_checks_itself(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        pragmas = {
            name: home._database.rows(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


def test_a_newer_home_is_refused_in_words(tmp_path: Path) -> None:
    open_home(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / "atalaia.sqlite3"))
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StateConflict, match=r"newer Atalaia.*99.*upgrade"):
        open_home(tmp_path)
    with pytest.raises(StateConflict, match="newer Atalaia"):  # and the lock was let go
        open_home(tmp_path)


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "atalaia.sqlite3").write_bytes(b"not a database " * 100)
    with pytest.raises(StateConflict, match="cannot be used"):
        open_home(tmp_path)


def test_a_home_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateConflict, match=r"cannot be used.*another --home"):
        open_home(tmp_path / "file" / "home")


def test_one_process_watches_while_another_reads(tmp_path: Path) -> None:
    with open_home(tmp_path) as home:
        home.stream.append([payload(1)])
        other = (
            "import sys; from pathlib import Path\n"
            "from atalaia.errors import StateConflict\n"
            "from atalaia.homes.embedded import open_home\n"
            "path = Path(sys.argv[1])\n"
            "try: open_home(path)\n"
            "except StateConflict as error: print(error)\n"
            "with open_home(path, exclusive=False) as home: print(home.stream.last_offset())\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", other, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert told == [
            f"home {tmp_path} is in use by process {os.getpid()}; stop it or use another --home",
            "1",
        ]
    open_home(tmp_path).close()


def test_one_process_at_a_time_refines(tmp_path: Path) -> None:
    with (
        open_home(tmp_path) as home,
        open_home(tmp_path, exclusive=False) as other,
        home.hold("refine"),
        pytest.raises(StateConflict, match=r"refine.*in use by process"),
        other.hold("refine"),
    ):
        pass
    with open_home(tmp_path) as home, home.hold("refine"):
        pass


def test_many_threads_share_a_home(tmp_path: Path) -> None:
    with open_home(tmp_path) as home:

        def work(name: str) -> None:
            for i in range(1, 21):
                home.stream.append([payload(i)])
                home.state.commit(Commit(name, i, items={f"{name}:{i}": b"x"}))
                home.stream.read(0, 5)

        threads = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert home.stream.last_offset() == 100
        assert len(home.state.load()) == 100


BATCH = 50

WRITER = f"""
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from contracts.state_contract import entry
from contracts.stream_contract import payload
from atalaia.homes.embedded import open_home
from atalaia.ports import Commit
with open_home(Path(sys.argv[1])) as home:
    print("open", flush=True)
    n = home.state.offset("speed")
    while True:
        last = home.stream.append([payload(i) for i in range({BATCH})])
        n += 1
        entries = [entry(f"{{n}}-{{i}}") for i in range({BATCH})]
        home.state.commit(Commit("speed", n, items={{"n": b"%d" % n}}, entries=entries))
        home.lake.write("gold/x.parquet", b"%d" % n * 10_000)
"""


def test_a_killed_process_leaves_whole_batches_only(tmp_path: Path) -> None:
    wait = random.Random(7)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parents[1])],
            stdout=subprocess.PIPE,
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            # Not a wait for something to happen: the moment is the point of the test.
            time.sleep(wait.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
        with open_home(tmp_path) as home:
            assert len(home.stream.read(0, 1_000_000)) % BATCH == 0
            done = home.state.offset("speed")
            assert home.state.load() == ({"n": b"%d" % done} if done else {})
            log = [e.alert.incident for _, e in home.state.alerts()]
            assert log == [f"{n}-{i}" for n in range(1, done + 1) for i in range(BATCH)]
            for key in home.lake.keys(""):
                # Of several killed writers each may have died before it wrote the file.
                assert home.lake.read(key) in [b"%d" % n * 10_000 for n in range(1, done + 1)]
    assert done > 0


def test_an_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    with open_home(tmp_path) as home:
        home.state.commit(Commit("speed", 1, entries=[entry("i")]))
        assert [e for _, e in home.state.alerts()] == [entry("i")]


def test_what_a_process_that_died_had_leased_goes_when_the_next_begins(tmp_path: Path) -> None:
    with open_home(tmp_path) as home:
        home.outbox.put(message("a", "p_1"))
        home.outbox.claim(NOON, NOON + 90, {"telegram": 1})
    with open_home(tmp_path) as home:
        assert home.outbox.claim(NOON + 1, NOON + 91, {"telegram": 1}) == []
        home.outbox.begin(NOON + 1)
        [again] = home.outbox.claim(NOON + 1, NOON + 91, {"telegram": 1})
        assert (again.id, again.unknowns) == ("msg_a", 1), "nobody knows whether it went"


def test_what_a_failed_claim_had_leased_is_due_again_and_what_is_held_is_not(
    tmp_path: Path,
) -> None:
    with open_home(tmp_path) as home:
        for n in range(3):
            home.outbox.put(message(f"{n}", f"p_{n}"))
        home.outbox.claim(NOON, NOON + 90, {"telegram": 3})
        home.outbox.take_back({"msg_1"}, NOON + 1)
        again = home.outbox.claim(NOON + 1, NOON + 91, {"telegram": 3})
        assert sorted((one.id, one.unknowns) for one in again) == [("msg_0", 0), ("msg_2", 0)]


@pytest.mark.parametrize("unknowns", [0, 1])
def test_what_was_put_off_untried_also_by_a_clock_an_hour_ahead_goes_when_the_next_process_begins(
    tmp_path: Path, unknowns: int
) -> None:
    with open_home(tmp_path) as home:
        put_off = message("tried", "p_2", due_at=NOON + 3600, attempts=1)
        home.outbox.put(message("a", "p_1", due_at=NOON + 3600, unknowns=unknowns))
        home.outbox.put(put_off)
        far = message("far", "p_3", due_at=NOON + 30 * DAY, expires_at=NOON + 31 * DAY, attempts=1)
        home.outbox.put(far)
        home.outbox.begin(NOON)
        due = home.outbox.claim(NOON, NOON + 90, {"telegram": 9})
        assert {one.id: one.due_at for one in due} == {"msg_a": NOON, "msg_far": NOON}
        assert home.outbox.message("msg_tried") == put_off
