"""The worst night: all places go red at once, everybody is told, to the last message.

    python bench/bench_night.py [--places 5571] [--people 27850] [--pushes 120]

A running watch (``atalaia run``) over so many places; each person follows one of them by a webhook
of their own, and all webhooks are one server on loopback, a process of its own. First, one place at
a time: a push that makes it red, while 50 readings a second come from others, until its webhook is
called, the commit on disk with it. Then all others at once: from the first push until the last
person's webhook was called; each must have been called once.

Beside it Prometheus and Alertmanager, where they are installed (Debian: apt-get install prometheus
prometheus-alertmanager), doing the same: a series a place, and a series a person that says which
place they follow (``follows{person, place} 1``). One rule joins the two, so that a red place is an
alert to each person who follows it; groups are of one place and person, without wait, so that each
person has a call of their own, of one receiver (one each would be as many connections, and more
than a process may open). Scraped and judged every second. Prometheus' queue is raised: as it comes,
it drops what one evaluation finds beyond 10,000 alerts, 17,850 of 27,850 here
(findings/prometheus-more-alerts-than-its-queue.sh). From the change of the series until the last
person's first call, counted by the group that each call names; each group must have been called.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Circle, Person, Subscription
from crowd import AGO_S, keep_many, keep_snapshot
from figures import Figure, tell
from service import Service, push, reading

RED_M_S, BESIDE_A_SECOND, PUSH_ROWS = 60.0, 50, 500
P50_S, P99_S, TIMES = 0.015, 0.040, 5.0

TARGET = """
import asyncio, json, re, sys, time
calls = {}
class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
    def data_received(self, data):
        self.buffer += data
        while True:
            head, sep, rest = self.buffer.partition(b"\\r\\n\\r\\n")
            if not sep:
                return
            length = int((re.search(rb"(?i)content-length: *(\\d+)", head) or [0, 0])[1])
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            method, path = head.split(b" ", 2)[:2]
            said = b""
            if method == b"GET":
                said = json.dumps(calls).encode()
                calls.clear()
            else:
                key = path.decode() + (" " + json.loads(body)["groupKey"] if b"groupKey" in body
                                       else "")
                calls.setdefault(key, []).append(time.time())
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(said))
            self.transport.write(said)
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

SERIES = """
import http.server, sys
places, people, red = int(sys.argv[1]), int(sys.argv[2]), False
gusts = {
    red: "".join(f'gust_m_s{{place="p{i}"}} {60 if red else 5}\\n' for i in range(places))
    for red in (False, True)
}
follows = "".join(
    f'follows{{person="{i}",place="p{i % places}"}} 1\\n' for i in range(people)
)
bodies = {red: (text + follows).encode() for red, text in gusts.items()}
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global red
        red = red or self.path == "/red"
        body = bodies[red]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"""

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Calls = dict[str, list[float]]
Batches = Iterable[list[dict[str, Any]]]


@contextmanager
def running(*words: str) -> Iterator[int]:
    """A server of this file; its port."""
    process = subprocess.Popen([sys.executable, "-c", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


async def calls_of(port: int) -> Calls:
    """What came since the last time: by path the times (Unix seconds)."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/", timeout=aiohttp.ClientTimeout(120)) as answer,
    ):
        return dict(json.loads(await answer.text()))


async def until_called(port: int, n: int, within_s: float) -> Calls:
    """All calls, when `n` webhooks were called, or no more come for a while."""
    found: Calls = {}
    last = time.monotonic()
    while len(found) < n and time.monotonic() - last < within_s:
        await asyncio.sleep(0.5)
        some = await calls_of(port)
        if some:
            last = time.monotonic()
        for path, times in some.items():
            found.setdefault(path, []).extend(times)
    return found


def subscribe(service: Service, people: int, port: int) -> None:
    """Everybody, by a webhook of their own; they came a month ago, and a watch has known them
    since: the first one that runs over a home reads them one by one, in a second or two."""
    now = int(time.time()) - AGO_S
    service.environment()  # writes the file of the places
    places = list(csv.DictReader((service.folder / "places.csv").open()))

    def each() -> Iterator[tuple[Person, Contact]]:
        for i in range(people):
            place = places[i % len(places)]
            where = Circle(
                name="here",
                latitude=float(place["latitude"]),
                longitude=float(place["longitude"]),
                radius_km=0.5,
            )
            wish = Subscription(id="s1", where=(where,), hazards={"wind": "yellow"}, since=now)
            person = Person(
                pseudonym=f"p_night{i:06}",
                language="en",
                channels=("webhook",),
                since=now,
                subscriptions=(wish,),
            )
            yield person, Contact("webhook", f"http://127.0.0.1:{port}/{i}", SECRET)

    keep_many(service.home, each())
    keep_snapshot(service.home)


async def one_at_a_time(
    service: Service, port: int, pushes: int, people: int, beside: Batches, a_second: float
) -> list[float]:
    """Seconds from a push that makes its place red to the first call of its webhooks, the longest
    last; `beside` goes on meanwhile, so many a second."""
    calm = asyncio.create_task(push(service, beside, a_second))
    began = []
    for i in range(pushes):
        await asyncio.sleep(0.25)
        began.append(time.time())
        await push(service, [[reading(i, RED_M_S)]], 1000)
    await calm
    each = [range(i, people, service.places) for i in range(pushes)]
    calls = await until_called(port, sum(map(len, each)), 10)
    return sorted(min(calls[f"/{p}"][0] for p in some) - began[i] for i, some in enumerate(each))


async def night(service: Service, port: int, done: int, people: int) -> tuple[float, Calls]:
    """Seconds from the first push to the last call, and all calls."""
    rows = [reading(i, RED_M_S) for i in range(done, service.places)]
    batches = [rows[i : i + PUSH_ROWS] for i in range(0, len(rows), PUSH_ROWS)]
    n = sum(i % service.places >= done for i in range(people))
    began = time.time()
    await push(service, batches, 1000)
    calls = await until_called(port, n, 20)
    return max(times[-1] for times in calls.values()) - began, calls


def peers(folder: Path, places: int, people: int, port: int) -> tuple[float, int, str] | None:
    """The same by Prometheus and Alertmanager: seconds, how many people were told, and what these
    are called."""
    prometheus, alertmanager = shutil.which("prometheus"), shutil.which("prometheus-alertmanager")
    if not prometheus or not alertmanager:
        return None
    names = f"Prometheus {_version(prometheus)}, Alertmanager {_version(alertmanager)}"
    with running(SERIES, str(places), str(people)) as series:
        red = "follows * on(place) group_left gust_m_s > 30"
        files = {
            "alertmanager.yml": {
                "route": {
                    "receiver": "all",
                    "group_by": ["place", "person"],
                    "group_wait": "0s",
                    "group_interval": "1m",
                },
                "receivers": [
                    {"name": "all", "webhook_configs": [{"url": f"http://127.0.0.1:{port}/"}]}
                ],
            },
            "prometheus.yml": {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "alerting": {
                    "alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:19093"]}]}]
                },
                "scrape_configs": [
                    {
                        "job_name": "places",
                        "static_configs": [{"targets": [f"127.0.0.1:{series}"]}],
                    }
                ],
            },
            "rules.yml": {"groups": [{"name": "night", "rules": [{"alert": "Red", "expr": red}]}]},
        }
        for name, document in files.items():
            (folder / name).write_text(json.dumps(document))  # YAML, too
        commands = [
            [
                alertmanager,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'am'}",
                "--web.listen-address=127.0.0.1:19093",
                "--cluster.listen-address=",
            ],
            [
                prometheus,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                "--web.listen-address=127.0.0.1:19090",
                "--alertmanager.notification-queue-capacity=1000000",
            ],
        ]
        with (folder / "peers.log").open("wb") as log:
            started = [subprocess.Popen(each_, stdout=log, stderr=log) for each_ in commands]
            try:
                time.sleep(8)  # both are up, and have seen calm weather
                return *asyncio.run(_turned_red(series, port, people)), names
            finally:
                for process in started:
                    process.kill()
                    process.wait()


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return (said.stdout + said.stderr).split("version ")[1].split()[0]


async def _turned_red(series: int, port: int, n: int) -> tuple[float, int]:
    await calls_of(port)
    began = time.time()
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{series}/red"):
        pass
    calls = await until_called(port, n, 20)
    return max((times[0] for times in calls.values()), default=began) - began, len(calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--places", type=int, default=5571)
    parser.add_argument("--people", type=int, default=27_850)
    parser.add_argument("--pushes", type=int, default=120)
    asked = parser.parse_args()
    more = {"ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8"}
    with tempfile.TemporaryDirectory() as name, running(TARGET) as port:
        folder = Path(name)
        service = Service(folder, asked.places, more)
        subscribe(service, asked.people, port)
        with service:
            quiet, n = range(asked.pushes, asked.places), asked.pushes * BESIDE_A_SECOND // 4
            beside = ([reading(quiet[i % len(quiet)])] for i in range(n))
            took = asyncio.run(
                one_at_a_time(service, port, asked.pushes, asked.people, beside, BESIDE_A_SECOND)
            )
            p50, p99 = statistics.median(took), took[-max(1, len(took) // 100)]
            told_s, calls = asyncio.run(night(service, port, asked.pushes, asked.people))
        expected = sum(i % asked.places >= asked.pushes for i in range(asked.people))
        doubled = sum(len(times) > 1 for times in calls.values())
        lost = expected - len(calls)
        print(f"the night: {len(calls):,} webhooks called, {lost} lost, {doubled} twice")
        theirs = peers(folder, asked.places, asked.people, port)
    one = f"a push → its webhook, {asked.places:,} places, {BESIDE_A_SECOND} readings/s beside"
    all_ = f"{asked.places:,} places turn red, {asked.people:,} people told"
    figures = [
        Figure(f"{one}: p50", p50 * 1e3, "ms", P50_S * 1e3),
        Figure("… p99", p99 * 1e3, "ms", P99_S * 1e3),
    ]
    if theirs is None:
        print("NOT COMPARED: prometheus and prometheus-alertmanager are not installed")
        print(f"{all_}: {told_s:.1f} s")
    else:
        seconds, n, names = theirs
        print(f"{names}: {n:,} of {asked.people:,} people told")
        figures.append(Figure(all_, told_s, "s", TIMES, seconds, names))
    tell(figures)
    if lost:
        raise SystemExit(f"{lost} webhooks were never called")


if __name__ == "__main__":
    main()
