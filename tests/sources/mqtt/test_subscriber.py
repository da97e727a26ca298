"""What a broker still has is kept, once, whatever ends in between: with a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.sources import decode_all
from atalaia.sources.ingest import Ingest
from atalaia.sources.mqtt import session as session_module
from atalaia.sources.mqtt import subscriber as subscriber_module
from atalaia.sources.mqtt.arrivals import Arrived
from atalaia.sources.mqtt.broker import broker_of
from atalaia.sources.mqtt.subscriber import Subscriber
from atalaia.sources.wis2.intake import WnmIntake
from atalaia.sources.wis2.owed import Owed
from mosquitto import Mosquitto, broker, needs_mosquitto
from oracles import cases
from patience import until, wait_until

from ..wis2.test_notification import notice

pytestmark = needs_mosquitto

TOPIC = "cache/a/wis2/br-inmet/data/core/weather/surface-based-observations/synop"


def told(i: int, **more: Any) -> tuple[str, bytes]:
    """A notification of its own."""
    properties = {"data_id": f"br-inmet:synop/{i}", "integrity": "absent", **more}
    message = notice(properties=properties, id=f"id-{i}")
    return TOPIC, json.dumps(message).encode()


def now_text(ahead_s: float = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_s))


def kept(home: EmbeddedHome) -> list[Payload]:
    return [record.payload for record in home.stream.read(0, 20_000)]


def ids(home: EmbeddedHome) -> Counter[str]:
    notices = [one for one in kept(home) if one.content == "wnm"]
    return Counter(json.loads(one.body)["id"] for one in notices)


class Listening:
    """A subscriber that runs, on a home."""

    def __init__(self, home: EmbeddedHome, subscriber: Subscriber, ingest: Ingest) -> None:
        self.home = home
        self.subscriber = subscriber
        self.ingest = ingest

    async def connected(self) -> None:
        def are() -> bool:
            sessions = self.subscriber.sessions
            standing = self.subscriber.standing.sessions
            return bool(sessions) and all(
                one.fault is None and standing[one.broker.name].topics for one in sessions
            )

        await until(are)

    async def has(self, n: int) -> None:
        await until(lambda: self.home.stream.last_offset() >= n)


@asynccontextmanager
async def listening(
    home: EmbeddedHome,
    *brokers: str,
    slow_s: float = 0.0,
    ahead_s: float = 0.0,
    **more: Any,
) -> AsyncIterator[Listening]:
    clock = Clock(now=lambda: time.time() + ahead_s) if ahead_s else Clock()
    ingest = Ingest(home.stream, lambda *_: None, clock)

    async def keep(payloads: Sequence[Payload]) -> int:
        await asyncio.sleep(slow_s)
        return await ingest.keep(payloads)

    intake = WnmIntake(home.stream, Owed(home.state))
    where = [broker_of(url) for url in brokers]
    subscriber = Subscriber("wis2", where, ["#"], intake, keep, home.state, clock, **more)
    tasks = [asyncio.create_task(ingest.run()), asyncio.create_task(subscriber.run())]
    found = Listening(home, subscriber, ingest)
    try:
        yield found
    finally:
        for task in tasks[::-1]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as found:
        yield found


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker") as found:
        yield found


async def publish(mosquitto: Mosquitto, messages: Sequence[tuple[str, bytes]]) -> None:
    await asyncio.to_thread(mosquitto.publish, messages)


def test_each_report_is_kept_once_though_brokers_and_caches_pass_it_on(
    home: EmbeddedHome, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async def story(other: Mosquitto) -> None:
        async with listening(home, mosquitto.url, other.url) as found:
            await found.connected()
            first = [told(i) for i in range(20)]
            copies = [
                (topic, body.replace(b'"id": "id-', b'"id": "copy-')) for topic, body in first
            ]
            await publish(mosquitto, first)
            await publish(other, [*first, *copies])

            def counted() -> int:
                return sum(one.messages for one in found.subscriber.standing.sessions.values())

            await until(lambda: counted() == 60)
            await until(lambda: not any(one.outstanding for one in found.subscriber.sessions))
            standing = found.subscriber.standing.shown(int(time.time()))["brokers"]
            assert sum(one["duplicates"] for one in standing.values()) == 40
            assert all(one["age_s"] <= 5 and one["fault"] is None for one in standing.values())
        assert ids(home).total() == 20

    with broker(tmp_path / "other") as other:
        asyncio.run(story(other))


def test_a_restart_of_the_broker_costs_nothing(home: EmbeddedHome, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
            await publish(mosquitto, [told(i) for i in range(100)])
            mosquitto.stop()
            mosquitto.start()
            await until(lambda: not found.subscriber.sessions[0].outstanding)
            await until(lambda: found.subscriber.sessions[0].is_connected)
            await publish(mosquitto, [told(i) for i in range(100, 200)])
            await found.has(200)
            assert found.subscriber.standing.gaps == []
        assert ids(home) == Counter(f"id-{i}" for i in range(200))

    asyncio.run(story())


def test_a_gap_within_the_brokers_queue_costs_nothing(
    home: EmbeddedHome, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
        await publish(mosquitto, [told(i) for i in range(900)])
        async with listening(home, mosquitto.url) as found:
            await found.has(900)
            await asyncio.sleep(2 * subscriber_module._LULL_S)
            assert found.subscriber.standing.gaps == []
        assert ids(home) == Counter(f"id-{i}" for i in range(900))

    asyncio.run(story())


def test_a_gap_beyond_the_brokers_queue_is_said_with_its_times(
    home: EmbeddedHome, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "LOOK_S", 0.2)

    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
        left_at = int(time.time())
        published = {"pubtime": now_text()}
        await publish(mosquitto, [told(i, **published) for i in range(2500)])
        away_s = 6
        with capture_logs() as logs:
            async with listening(home, mosquitto.url, ahead_s=away_s) as found:
                await found.has(2000)
                await publish(mosquitto, [told(9999, pubtime=now_text(60))])
                await until(lambda: found.subscriber.standing.gaps)
                await until(lambda: any(one.content == "gap" for one in kept(home)))
        [gap] = found.subscriber.standing.gaps
        assert left_at - 1 <= gap.from_at <= left_at + 2 < gap.to_at <= time.time() + away_s
        assert any(one["event"] == "messages of a broker are lost" for one in logs)
        known = ids(home)
        assert known.total() == 2001, "mosquitto keeps the oldest"
        assert "id-0" in known
        assert "id-2499" not in known
        [payload] = [one for one in kept(home) if one.content == "gap"]
        [reject] = decode_all(_nowhere())([payload], None).rejects
        assert reject.reason == "messages are lost"
        assert "queue may have been full" in reject.detail

    asyncio.run(story())


def test_a_session_that_the_broker_forgot_is_a_gap(
    home: EmbeddedHome, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
        mosquitto.stop()
        for file in (tmp_path / "broker/kept").iterdir():
            file.unlink()
        mosquitto.start()
        async with listening(home, mosquitto.url) as found:
            await found.connected()
            await until(lambda: found.subscriber.standing.gaps)
        [gap] = found.subscriber.standing.gaps
        assert "no session" in gap.why

    asyncio.run(story())


def test_a_burst_of_4000_against_slow_handling_loses_nothing(
    home: EmbeddedHome, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url, slow_s=0.3) as found:
            await found.connected()
            await publish(mosquitto, [told(i) for i in range(4000)])
            await found.has(4000)
            await until(lambda: not found.subscriber.sessions[0].outstanding)
        assert ids(home) == Counter(f"id-{i}" for i in range(4000))

    asyncio.run(story())


def test_killed_at_random_moments_nothing_is_lost_and_nothing_is_kept_twice(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    command = [sys.executable, "-m", "tests.sources.mqtt.listener", mosquitto.url, str(folder)]
    root = Path(__file__).parents[3]
    draw = random.Random(7)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)

    def offset() -> int:
        with open_home(folder, exclusive=False) as home:
            return home.stream.last_offset()

    process = start()
    wait_until(lambda: (folder / "atalaia.sqlite3").exists() and _is_known(folder))
    n = 0
    for _ in range(cases(3)):
        mosquitto.publish([told(i) for i in range(n, n + 150)])
        n += 150
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.wait()
        process = start()
        time.sleep(draw.uniform(0.5, 1.2))
    try:
        wait_until(lambda: offset() >= n)
        time.sleep(1)
    finally:
        process.kill()
        process.wait()
    with open_home(folder, exclusive=False) as home:
        assert ids(home) == Counter(f"id-{i}" for i in range(n))


def _is_known(folder: Path) -> bool:
    with open_home(folder, exclusive=False) as home:
        told = home.state.note("subscriber:wis2")
    # What is published before a broker has taken the topics is nobody's.
    has_asked = told is not None and '"topics":["#"]' in told.replace(" ", "")
    return has_asked and "not taken the topics" not in str(told)


def _nowhere() -> Any:
    from atalaia.domain.place import Places

    return Places([])


def test_what_is_no_notification_is_kept_with_its_reason_and_ends_nothing(
    home: EmbeddedHome, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
            bad = [b"", b"{", b"\xff" * 50, b"[" * 9000, b"{}", b"7"]
            await publish(mosquitto, [(TOPIC, body) for body in bad])
            await publish(mosquitto, [("a/b", told(1)[1]), told(2)])
            await found.has(len(bad) + 2)
            [standing] = found.subscriber.standing.sessions.values()
            assert sum(standing.rejects.values()) == len(bad)
        sources = [one.source for one in kept(home)]
        assert sources[-1] == "wis2:br-inmet"
        decoded = decode_all(_nowhere())(kept(home), None)
        assert len(decoded.rejects) >= len(bad)
        assert sum(len(one.readings) for one in decoded.stations) == 6

    asyncio.run(story())


def test_nothing_is_acknowledged_before_it_is_on_disk(
    home: EmbeddedHome, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        is_full = asyncio.Event()
        can_write = asyncio.Event()
        append = home.stream.append

        def refused(payloads: Sequence[Payload]) -> int:
            if not can_write.is_set():
                is_full.set()
                raise StateConflict("no room on the disk")
            return append(payloads)

        home.stream.append = refused  # type: ignore[method-assign]
        async with listening(home, mosquitto.url) as found:
            await found.connected()
            await publish(mosquitto, [told(i) for i in range(30)])
            await until(is_full.is_set)
            await until(lambda: found.subscriber.sessions[0].outstanding == 30)
            can_write.set()
            await found.has(30)
            await until(lambda: not found.subscriber.sessions[0].outstanding)

    asyncio.run(story())


def test_a_name_that_two_programs_have_is_said_and_not_fought_for(
    home: EmbeddedHome, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async def story() -> None:
        with open_home(tmp_path / "copy") as copy:
            async with listening(home, mosquitto.url) as first:
                await first.connected()
                note = home.state.note("subscriber:wis2")
                assert note is not None
                copy.state.set_note("subscriber:wis2", note)  # a backup that was put back elsewhere
                async with listening(copy, mosquitto.url) as second:
                    await until(lambda: second.subscriber.sessions)
                    both = [*first.subscriber.sessions, *second.subscriber.sessions]
                    await until(lambda: any(one.is_taken_over for one in both))
                    await asyncio.sleep(0.5)
                    lives = [one.life for one in both]
                    await asyncio.sleep(3)
                    assert [one.life for one in both] == lives
                    [loser] = [one for one in both if one.is_taken_over]
                    assert "another program" in str(loser.fault)

    asyncio.run(story())


def test_a_session_that_is_silent_for_too_long_is_opened_anew(
    home: EmbeddedHome, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "LOOK_S", 0.1)

    async def story() -> None:
        async with listening(home, mosquitto.url, silence_s=2) as found:
            await found.connected()
            [session] = found.subscriber.sessions
            life = session.life
            # A thread that has died leaves a client that believes to be connected.
            await until(lambda: session.life != life)
            await found.connected()
            await publish(mosquitto, [told(1)])
            await found.has(1)

    asyncio.run(story())


def test_a_fault_in_a_callback_costs_one_message_of_the_connection_and_no_more(
    home: EmbeddedHome, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [True]

    class Faulty(Arrived):
        def __init__(self, *values: Any) -> None:
            if left:
                left.pop()
                raise RuntimeError("a mistake of ours")
            super().__init__(*values)

    monkeypatch.setattr(session_module, "Arrived", Faulty)

    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
            await publish(mosquitto, [told(1), told(2)])
            await found.has(1)
        async with listening(home, mosquitto.url) as found:
            await found.has(2)

    asyncio.run(story())


def test_topics_that_are_no_longer_wanted_are_unsubscribed(
    home: EmbeddedHome, mosquitto: Mosquitto
) -> None:
    async def story() -> None:
        async with listening(home, mosquitto.url) as found:
            await found.connected()
        narrower = broker_of(mosquitto.url)
        clock = Clock()
        ingest = Ingest(home.stream, lambda *_: None, clock)
        intake = WnmIntake(home.stream, Owed(home.state))
        subscriber = Subscriber(
            "wis2", [narrower], ["wanted/#"], intake, ingest.keep, home.state, clock
        )
        tasks = [asyncio.create_task(ingest.run()), asyncio.create_task(subscriber.run())]
        await Listening(home, subscriber, ingest).connected()
        await publish(mosquitto, [told(1), ("wanted/x", told(2)[1])])
        await until(lambda: home.stream.last_offset() >= 1)
        await asyncio.sleep(0.3)
        assert ids(home) == Counter(["id-2"])
        for task in tasks[::-1]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
