"""Outbox: 27,850 alerts at once, durably, to a webhook server on loopback.

    python bench/bench_outbox.py [--messages 27850]

Each alert is for another person. Measured is all between the alert log and the last outcome on
disk (synchronous=FULL): fan-out, claims, words, signatures, HTTP, settling. The peer, in the same
process and with as many requests at once, POSTs the same bodies and headers to the same URLs with
a bare aiohttp client: they are ready before, and it keeps nothing. The server is a process of its
own. Both take turns, and the median is told. What looks for rings of garbage is set as in
`atalaia run`, for both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from atalaia.channels.guard import Rules, networks
from atalaia.channels.webhook import Webhook, encode, signed
from atalaia.clock import Clock
from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Sent, Status
from atalaia.domain.message import compose
from atalaia.domain.place import Place, Places
from atalaia.domain.subscription import Circle, Person, Subscription
from atalaia.homes.embedded import open_home
from atalaia.memory import settle
from atalaia.notify.audience import Audience
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.fanout import Fan
from atalaia.notify.last_look import FRESH_S
from atalaia.ports import Commit
from figures import Figure, named, tell

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLACE = Place(id="p", name="Recife", latitude=-8.05, longitude=-34.9, timezone="America/Recife")

SERVER = """
import asyncio, sys
class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
    def data_received(self, data):
        self.buffer += data
        while True:
            head, sep, rest = self.buffer.partition(b"\\r\\n\\r\\n")
            if not sep:
                return
            length = int(head.lower().partition(b"content-length:")[2].split(b"\\r\\n")[0])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def entry(i: int, now: int) -> LogEntry:
    """An alert of an incident of its own, as the log has it."""
    text = "Laranja (perigo): chuva forte em Recife. Isto não é um aviso oficial."
    alert = Alert(
        incident=f"{i:016x}",
        version=1,
        type="alert",
        place_id="p",
        hazard="heavy_rain",
        level="orange",
        severity="Severe",
        urgency="Immediate",
        certainty="Observed",
        sent_at=now,
        onset_at=now,
        expires_at=now + 86400,
        evidence="observed",
        source="station",
        valid_at=now,
        variable="rain_mm",
        window_s=3600,
        value=35.0,
        unit="mm",
        limit=30.0,
        rule="rain-1h",
        reason="onset",
        text={"pt-BR": text, "en": text, "es": text},
    )
    return LogEntry(
        alert=alert,
        places=("p",),
        opened_at=now,
        peak_level="orange",
        peak=35.0,
        peak_at=now,
    )


class Known:
    """Everybody's address, at hand: what the vault costs is not what is measured here."""

    def __init__(self, people: dict[str, Person], port: int) -> None:
        self.person = people.get
        self._port = port

    def contact(self, pseudonym: str, channel: str) -> Contact:
        return Contact(channel, f"http://127.0.0.1:{self._port}/{pseudonym}", SECRET)

    def question(self, _pseudonym: str, _channel: str, _now: int) -> None:
        return None


async def ours(folder: Path, n: int, port: int) -> float:
    """Seconds from the alert log to the last outcome on disk."""
    now = int(time.time())
    rules = Rules(allow=networks(["127.0.0.0/8"]))
    with open_home(folder) as home:
        # One alert for all would be one row of the log; here each person's is their own group of
        # one, but for the same instant, as on the worst night.
        audience, people = Audience(), {}
        for i in range(n):
            person = Person(
                pseudonym=f"p_{i:06d}",
                language="pt-BR",
                channels=("webhook",),
                subscriptions=(
                    Subscription(
                        id="s",
                        where=(Circle(name="x", latitude=-8.05, longitude=-34.9),),
                        hazards={"heavy_rain": "yellow"},
                    ),
                ),
            )
            people[person.pseudonym] = person
            audience.put(person)
        home.state.commit(Commit("bench", 1, entries=[entry(0, now)]))
        composer = Composer(
            home.state, home.outbox, Places([PLACE]), people, Known(people, port), Clock()
        )
        webhook = Webhook(rules=rules)
        left, is_done = n, asyncio.Event()

        def count(kept: Sequence[Sent]) -> None:
            nonlocal left
            left -= len(kept)
            if left <= 0:
                is_done.set()

        deliverer = Deliverer(
            home.outbox,
            home.state,
            {"webhook": webhook},
            composer.write,
            clock=Clock(),
            drafts=composer,
            fresh_s=FRESH_S,
            on_sent=count,
        )
        fan = Fan(home.state, home.outbox, audience, people, Places([PLACE]))
        began = time.perf_counter()
        sending = asyncio.create_task(deliverer.run())
        while await asyncio.to_thread(fan.step, now) is not None:
            deliverer.wake()
        await is_done.wait()
        seconds = time.perf_counter() - began
        sending.cancel()
        await asyncio.wait([sending])
        await webhook.close()
        assert home.outbox.counts() == {("webhook", str(Status.SENT)): n}
    return seconds


async def bare(bodies: list[bytes], port: int) -> float:
    """Seconds that a bare client takes."""
    queue = iter(enumerate(bodies))
    headers = signed("msg_" + "x" * 30, 1_768_046_400, bodies[0], SECRET)
    headers |= {"User-Agent": "Atalaia", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:

        async def worker() -> None:
            for i, body in queue:
                url = f"http://127.0.0.1:{port}/p_{i:06d}"
                async with session.post(url, data=body, headers=headers) as response:
                    await response.read()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(64)))
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=27_850)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    n = options.messages
    settle()
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    try:
        bodies = [_body(time.time())] * n
        mine, theirs = [], []
        for _ in range(options.turns):
            theirs.append(asyncio.run(bare(bodies, port)))
            with tempfile.TemporaryDirectory() as folder:
                mine.append(asyncio.run(ours(Path(folder) / "home", n, port)))
    finally:
        server.kill()
        server.wait()
    ours_s, bare_s = statistics.median(mine), statistics.median(theirs)
    print(f"messages {n}, of {len(bodies[0])} bytes")
    what, peer = f"{n:,} durable messages to a webhook", f"bare client of {named('aiohttp')}"
    tell([Figure(what, n / ours_s, "messages/s", 1, n / bare_s, peer)])


def _body(now: float) -> bytes:
    content = compose([entry(0, int(now))], {"p": PLACE}, "pt-BR", int(now))
    contact = Contact("webhook", "http://x", SECRET)
    return encode(Letter(id="msg_x", contact=contact, content=content, sent_at=int(now)))


if __name__ == "__main__":
    main()
