"""kill -9 while messages go out: none is lost, none is kept twice, and what goes twice has one id.

ATALAIA_KILLS sets the number of kills (`make crash`).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.domain.delivery import Status
from atalaia.homes.embedded import open_home
from atalaia.ports import Commit
from patience import LIMIT_S, wait_until
from telling import news

KILLS = int(os.environ.get("ATALAIA_KILLS", "5"))
PEOPLE = 200 * KILLS
GROUPS = 3

SENDER = Path(__file__).with_name("outbox_sender.py")


class Hook:
    """A webhook's target in a thread of its own: how often each id came."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.bodies: dict[str, set[bytes]] = {}
        self.port = 0
        self.open = 0
        self._is_up = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self._is_up.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._meet, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        self._loop.run_forever()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines[1:] if line)
                await reader.readexactly(int(fields["content-length"]))
                self.came[fields["webhook-id"]] += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        finally:
            self.open -= 1


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def send(home: Path, hook: Hook, turn: int) -> subprocess.Popen[str]:
    """A process that fans out and sends; each begins when its forerunner's leases have run out."""
    return subprocess.Popen(
        [sys.executable, SENDER, home, str(hook.port), str(PEOPLE), str(200 * turn)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_kill_9_while_sending_loses_and_doubles_nothing(hook: Hook, tmp_path: Path) -> None:
    path = tmp_path / "home"
    with open_home(path) as home:
        now = int(time.time())
        entries = [
            news(f"i{group}", at=now - 60 + group, expires_s=20 * 86_400) for group in range(GROUPS)
        ]
        home.state.commit(Commit("speed", 1, entries=entries))
    expected = PEOPLE * GROUPS
    chance = random.Random(KILLS)
    in_flight: list[set[str]] = []
    before: Counter[str] = Counter()
    for turn in range(KILLS):
        process = send(path, hook, turn)
        # One after the other the moments cover the whole of the work, also fan-out.
        goal = (turn + chance.random()) * expected / (KILLS + 1)
        while hook.came.total() < goal:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # What the dead process had written is still being read.
        wait_until(lambda: not hook.open)
        with open_home(path, exclusive=False) as home:
            leased = {m.id for m in home.outbox.messages(status=Status.LEASED, limit=expected)}
        in_flight.append({id_ for id_ in leased if hook.came[id_] > before[id_]})
        before = hook.came.copy()
    process = send(path, hook, KILLS)
    assert process.wait(LIMIT_S) == 0

    with open_home(path, exclusive=False) as home:
        messages = home.outbox.messages(limit=2 * expected)
        told = home.outbox.told([f"i{group}" for group in range(GROUPS)])
    assert {m.status for m in messages} == {Status.SENT}
    assert len(messages) == expected
    rows = Counter((one.person, one.incident) for one in told)
    assert len(rows) == expected, "none is lost"
    assert set(rows.values()) == {1}, "none is kept twice"
    assert hook.came.keys() == {m.id for m in messages}, "all came, and nothing else"
    doubled = {id_: n for id_, n in hook.came.items() if n > 1}
    allowed = Counter(id_ for each in in_flight for id_ in each)
    assert all(n - 1 <= allowed[id_] for id_, n in doubled.items())
    extra = hook.came.total() - expected
    assert extra <= sum(map(len, in_flight))
    print(f"{KILLS} kills, {expected} messages, {extra} sent twice of {sum(map(len, in_flight))}")
