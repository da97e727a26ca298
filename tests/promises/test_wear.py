"""A disk wears out by what is written to it: little is, and nothing is lost by that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.detect import consumer as consumers
from atalaia.detect.consumer import Consumer, Follower
from atalaia.domain.decoded import Decoded
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded import stream as streams
from atalaia.metrics import Metrics
from atalaia.ports import Commit
from atalaia.run.services import Services
from atalaia.sources import ingest as ingests
from atalaia.sources.ingest import Ingest
from run.world import NOON, settings
from run.world import Clock as Turned


def reading(i: int, gust: float = 5.0) -> Payload:
    """One a second at one place; 21 m/s is orange."""
    at = NOON + i
    row = {"place_id": "p0", "valid_at": _iso(at), "wind_gust_m_s": gust}
    return Payload(
        source="station", content="readings-json", received_at=at, body=msgspec.json.encode([row])
    )


def _iso(at: int) -> str:
    return f"2026-01-10T12:{(at - NOON) // 60:02}:{(at - NOON) % 60:02}Z"


class Counted:
    """A consumer that holds, over a home whose commits are counted."""

    def __init__(self, home: EmbeddedHome, folder: Path, hold_s: float = 1000.0) -> None:
        self.home = home
        self.services = Services(home, settings(folder, "", 1), Turned(), Metrics())  # type: ignore[arg-type]
        self.commits: list[Commit] = []
        self.fails = 0
        commit = home.state.commit

        def counted(one: Commit) -> bool:
            if self.fails:
                self.fails -= 1
                raise StateConflict("disk full")
            self.commits.append(one)
            return commit(one)

        home.state.commit = counted  # type: ignore[method-assign]
        self.consumer: Consumer = self.services.consumer(
            lambda: Norms(self.services.settings.places, {}), lambda _: NOON, hold_s=hold_s
        )
        self.follower = Follower(home.stream, self.consumer)

    def live(self, *payloads: Payload) -> None:
        """One after the other, as they come."""
        for payload in payloads:
            self.home.stream.append([payload])
            self.follower.advance()

    def told(self) -> list[tuple[str, str, float | None]]:
        return [(e.alert.type, e.alert.level, e.alert.value) for _, e in self.home.state.alerts()]


@contextmanager
def counting(folder: Path, hold_s: float = 1000.0) -> Iterator[Counted]:
    folder.mkdir(exist_ok=True)
    with open_home(folder / "home", exclusive=False) as home:
        yield Counted(home, folder, hold_s)


STORM: Sequence[Payload] = [reading(i, 21.0 if i in (60, 61) else 5.0) for i in range(100)]


@pytest.fixture(autouse=True)
def _much(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(consumers, "_MUCH_S", 1000.0)


def test_where_much_comes_steps_that_tell_nothing_are_committed_together(tmp_path: Path) -> None:
    with counting(tmp_path / "a", hold_s=0.0) as each, counting(tmp_path / "b") as held:
        each.live(*STORM)
        held.live(*STORM)
        held.consumer.flush()
        assert len(each.commits) == 100
        assert len(held.commits) < 15
        assert held.told() == each.told() != []
        assert held.home.state.load() == each.home.state.load()
        assert held.home.state.offset("speed") == 100


def test_what_tells_something_is_never_held(tmp_path: Path) -> None:
    with counting(tmp_path) as w:
        w.live(*STORM[:60])
        assert w.consumer.is_holding
        assert w.told() == []
        w.live(STORM[60])
        assert not w.consumer.is_holding
        assert w.told() == [("alert", "orange", 21.0)]


def test_what_was_held_at_a_crash_is_lived_again_and_comes_to_the_same(tmp_path: Path) -> None:
    with counting(tmp_path / "a", hold_s=0.0) as w:
        w.live(*STORM)
        right = w.told()
    for crash in (20, 40, 60, 61, 75):
        folder = tmp_path / str(crash)
        with counting(folder) as w:
            w.live(*STORM[:crash])
        with counting(folder) as w:  # nothing was flushed
            w.live(*STORM[crash:])
            while w.follower.advance() is not None:
                pass
            assert w.told() == right
            assert w.consumer.position == 100


def test_a_commit_that_fails_loses_nothing_of_what_was_held(tmp_path: Path) -> None:
    with counting(tmp_path / "a", hold_s=0.0) as w:
        w.live(*STORM)
        right = w.told()
    with counting(tmp_path / "b") as w:
        w.live(*STORM[:60])
        w.fails = 1
        with pytest.raises(StateConflict):
            w.live(STORM[60])
        assert w.consumer.position < 60, "it goes on from what was committed"
        w.live(*STORM[61:])
        while w.follower.advance() is not None:
            pass
        w.consumer.flush()
        assert w.told() == right
        assert w.home.state.offset("speed") == 100


def test_a_payload_that_breaks_the_watch_takes_nothing_of_what_was_held_with_it(
    tmp_path: Path,
) -> None:
    with counting(tmp_path) as w:
        decode = w.services.decode

        def fragile(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
            if any(payload.content == "poison" for payload in payloads):
                raise ZeroDivisionError
            return decode(payloads, wanted)

        w.services.__dict__["decode"] = fragile
        w.consumer.begin_anew()
        poison = msgspec.structs.replace(reading(50), content="poison")
        w.live(*STORM[:50], poison, *STORM[51:62])
        assert [t[:2] for t in w.told()] == [("alert", "orange")]
        assert [(n, r.reason) for _, n, r in w.home.state.rejects()] == [(51, "fault in the watch")]
        w.consumer.flush()
        assert w.home.state.offset("speed") == 62


def test_what_memory_did_not_suffice_for_is_lived_when_it_does(tmp_path: Path) -> None:
    with counting(tmp_path / "a", hold_s=0.0) as w:
        w.live(*STORM)
        right = w.told()
    with counting(tmp_path / "b") as w:
        decode, hungry = w.services.decode, 0

        def short(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
            nonlocal hungry
            if hungry and any(payload.received_at == NOON + 60 for payload in payloads):
                hungry -= 1
                raise MemoryError
            return decode(payloads, wanted)

        w.services.__dict__["decode"] = short
        w.consumer.begin_anew()
        w.live(*STORM[:60])
        hungry = 3
        for _ in range(3):
            with pytest.raises(StateConflict, match="no more memory"):
                w.live(STORM[60])
        w.live(*STORM[61:])
        while w.follower.advance() is not None:
            pass
        w.consumer.flush()
        assert w.told() == right


def test_a_payload_for_which_there_is_never_memory_does_not_stop_the_rest(tmp_path: Path) -> None:
    with counting(tmp_path) as w:

        def short(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
            if any(payload.received_at == NOON + 60 for payload in payloads):
                raise MemoryError
            return decode(payloads, wanted)

        decode, w.services.__dict__["decode"] = w.services.decode, short
        w.consumer.begin_anew()
        w.home.stream.append(STORM)
        for _ in range(100):
            with suppress(StateConflict):
                w.follower.advance()
        w.consumer.flush()
        assert w.home.state.offset("speed") == 100
        assert [(n, r.reason) for _, n, r in w.home.state.rejects()] == [(61, "fault in the watch")]


def test_pushes_that_come_side_by_side_share_commits(tmp_path: Path) -> None:
    async def story() -> None:
        with open_home(tmp_path / "home", exclusive=False) as home:
            commits: list[int] = []
            ingest = Ingest(home.stream, lambda some, _: commits.append(len(some)), Clock())
            running = asyncio.create_task(ingest.run())
            for _ in range(30):  # a hundred at once, three seconds long
                await asyncio.gather(*(ingest.offer([reading(i)]) for i in range(100)))
            running.cancel()
            assert sum(commits) == 3000
            assert len(commits) <= 90

    asyncio.run(story())


def test_where_many_come_side_by_side_the_next_commit_waits_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingests, "_MUCH_S", 1000.0)

    async def story() -> None:
        with open_home(tmp_path / "home", exclusive=False) as home:
            ingest = Ingest(home.stream, lambda *_: None, Clock())
            running = asyncio.create_task(ingest.run())
            for _ in range(ingests._MUCH):
                await asyncio.gather(*(ingest.offer([reading(i)]) for i in range(3)))
            monkeypatch.setattr(ingests, "_LINGER_S", 1000.0)
            assert ingest._linger_s() > 0.0
            running.cancel()

    asyncio.run(story())


def test_where_little_comes_nobody_waits_though_some_came_side_by_side(tmp_path: Path) -> None:
    async def story() -> None:
        with open_home(tmp_path / "home", exclusive=False) as home:
            ingest = Ingest(home.stream, lambda *_: None, Clock())
            running = asyncio.create_task(ingest.run())
            for _ in range((ingests._MUCH - 1) // 3):
                await asyncio.gather(*(ingest.offer([reading(i)]) for i in range(3)))
                assert ingest._linger_s() == 0.0
            running.cancel()

    asyncio.run(story())


def test_who_comes_alone_waits_for_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        with open_home(tmp_path / "home", exclusive=False) as home:
            ingest = Ingest(home.stream, lambda *_: None, Clock())
            running = asyncio.create_task(ingest.run())
            for i in range(2 * ingests._MUCH):
                await ingest.offer([reading(i)])
                assert ingest._linger_s() == 0.0
            running.cancel()

    asyncio.run(story())


def test_old_payloads_go_in_steps_and_leave_a_short_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(tmp_path / "home", exclusive=False) as home:
        body = bytes(200_000)
        large = [msgspec.structs.replace(reading(i), body=body) for i in range(200)]
        for i in range(0, 200, 20):
            home.stream.append(large[i : i + 20])
        home.stream.append([reading(i) for i in range(3000)])
        steps: list[int] = []
        drop_some = home.stream._drop_some

        def counted(up_to: int) -> int:
            steps.append(drop_some(up_to))
            return steps[-1]

        others: list[int] = []

        def between(_: float) -> None:
            others.append(home.stream.append([reading(0)]))

        home.stream._drop_some = counted  # type: ignore[method-assign]
        monkeypatch.setattr(streams, "time", SimpleNamespace(sleep=between))
        assert home.stream.drop(3199) == 3199
        assert len(others) == len(steps) - 1, "the store is everybody's after each step"
        assert max(steps) <= 500
        assert max(steps[:20]) <= 11, "of large ones few at a time"
        assert home.stream.read(0, 9)[0].offset == 3200
        log = (tmp_path / "home" / "atalaia.sqlite3-wal").stat().st_size
        assert log < 20_000_000, "40 MB were dropped"
