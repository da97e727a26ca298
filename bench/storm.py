"""The world outside a running watch: what is pushed has a known right answer, and it is judged.

A station a place pushes one reading after the other, each until it is acknowledged; a person a
place has a webhook. Each storm of a station is a story: after each of its readings that changes
something the station waits until its person has been told, and then goes on. So it is known what
each person has to be told, in which order, whatever is done to the watch meanwhile.

    lost        acknowledged readings that are not in the stream; changes that were never told
    altered     readings that are there otherwise than they were pushed; messages that say something
                else than what was next
    doubled     entries of the alert log beyond those of the stories, since the last judgement
    told twice  the same change told under another id, or again by the same id though it was not
                under way when the watch was killed or disturbed
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import apsw
import msgspec
from aiohttp import web

from atalaia.homes.embedded import open_home
from service import KEY, Service, reading

ARRIVES_S = 5.0
"""So soon after the watch is dead its last letter has come: it lay in our socket. Whatever the next
one sends within that time is its first word of it, too."""

RULES = """name = "chaos"
description = "Gusts that are over at the first calm reading."

[[rule]]
name = "gust"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 10, orange = 20, red = 30 }
keep_firing_for = "0s"
"""

CALM_M_S = 5.0
STORIES = (
    ((35.0, "alert", "red"),),
    ((15.0, "alert", "yellow"), (25.0, "update", "orange"), (35.0, "update", "red")),
    ((25.0, "alert", "orange"), (35.0, "update", "red")),
)
"""Gust, and what is told of it; each ends with the calm."""

SETTLE_S = 2.0
"""What was answered so shortly before a disturbance may not be on disk: it was under way. What it
was when the watch was killed is known (`Storm.killed`)."""

PAST_S = 1800
"""How far back the stations begin: each reading is a second after the one before."""

_AGAIN_S = 0.2
_TRY_S = 30.0


class Heard(NamedTuple):
    """One try of one message, as the person's server took it. `at`: monotonic seconds."""

    at: float
    id: str
    alerts: tuple[tuple[str, int, str, str], ...]  # incident, version, type, level


@dataclass
class Row:
    """One row of the table.

    gap_s      the longest time from an acknowledged reading until it was told
    gap_up_s   the same, but for the time in which the watch was killed and not ready again
    """

    fault: str
    times: int = 0
    pushed: int = 0
    lost: int = 0
    altered: int = 0
    doubled: int = 0
    told_twice: int = 0
    told: int = 0
    gap_s: float = 0.0
    gap_up_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    is_control: bool = False

    @property
    def is_good(self) -> bool:
        """Whether every promise held; of a control, whether it lost something."""
        if self.is_control:
            return self.lost > 0
        return not (self.lost or self.altered or self.doubled or self.told_twice or self.notes)


class Storm:
    """Stations and people of a service. Use it in an ``async with`` block, `open` people once, and
    `blow` for as long as something is done to the watch.

    chance    what is drawn by lot
    stations  how many of the service's places, evenly, have one; all unless given
    gaps_s    of each change: from its acknowledgement to the server of the person who is told
    """

    def __init__(
        self, service: Service, chance: random.Random, stations: int | None = None
    ) -> None:
        self.service = service
        self.gaps_s: list[float] = []
        self._count = service.places if stations is None else stations
        self._step = service.places // self._count
        self._chance = chance
        self._clocks = [int(time.time()) - PAST_S] * service.places
        self._acknowledged: dict[str, dict[str, Any]] = {}
        self._expected: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self._heard: dict[int, list[Heard]] = defaultdict(list)
        self._news: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._disturbed: list[list[float]] = []
        self._under_way: list[tuple[float, frozenset[str]]] = []
        self._gap_s = self._gap_up_s = 0.0
        self._down: list[list[float]] = []  # from when until when the watch was killed
        self._is_over = True
        self._refusals: set[str] = set()
        self._known: dict[str, float] = {}  # messages of what was judged, and when they last came
        self._unanswered: set[int] = set()  # of these a reading may be taken that nobody knows of
        self._blowing: dict[int, asyncio.Task[None]] = {}
        self._out: set[int] = set()  # their story did not come to its end
        self._judged = 0  # the log's number until which all was judged
        self._n = 0

    async def __aenter__(self) -> Storm:
        application = web.Application()
        application.router.add_post("/{person}", self._hear)
        application.router.add_post("/hang/{person}", self._hang)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=aiohttp.ClientTimeout(total=_TRY_S),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end_stations()
        await self.http.close()
        await self._runner.cleanup()

    # People

    async def open(self) -> None:
        """Somebody at each place."""
        await asyncio.gather(*(self.subscribe(n, f"{n}") for n in range(self._count)))

    async def subscribe(self, place: int, path: str) -> None:
        """Somebody at this place, with a server of their own."""
        wish = {
            "where": [{"latitude": self._latitude(place), "longitude": 0.0, "name": "here"}],
            "contacts": [f"webhook:http://127.0.0.1:{self.port}/{path}"],
            "hazards": {"wind": "yellow"},
            "proof": "form 12",
        }
        url = f"{self.service.url}/v1/subscriptions"
        patient = aiohttp.ClientTimeout(total=120)
        async with self.http.post(url, json=wish, timeout=patient) as answer:
            if answer.status not in (200, 201):
                raise RuntimeError(f"HTTP {answer.status}: {await answer.text()}")

    def _latitude(self, place: int) -> float:
        return round(-30 + 60 * place * self._step / self.service.places, 4)

    async def _hear(self, request: web.Request) -> web.Response:
        person = int(request.match_info["person"])
        body = await request.json()
        alerts = tuple(
            (one["incident"], one["version"], one["type"], one["level"])
            for one in body["data"].get("alerts", ())
        )
        if alerts:
            id_ = request.headers["webhook-id"]
            self._heard[person].append(Heard(time.monotonic(), id_, alerts))
            self._news[person].set()
        return web.Response()

    async def _hang(self, _: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    # Stations

    def blow(self) -> None:
        """From now on the stations push."""
        self._is_over = False
        some = set(range(self._count)) - self._out
        self._blowing = {n: asyncio.create_task(self._station(n)) for n in some}

    async def calm(self, within_s: float) -> bool:
        """Let every story come to its end; whether all did so soon."""
        self._is_over = True
        if self._blowing:
            await asyncio.wait(self._blowing.values(), timeout=within_s)
        unended = {n for n, task in self._blowing.items() if not task.done()}
        self._out |= unended
        await self._end_stations()
        for task in self._blowing.values():
            if not task.cancelled() and (error := task.exception()):
                raise error
        return not unended

    def disturb(self) -> None:
        """From now on, until `still`, what is under way may have to be told again."""
        self._disturbed.append([time.monotonic() - SETTLE_S, float("inf")])

    def still(self) -> None:
        """Nothing is done to the watch any more."""
        self._disturbed[-1][1] = time.monotonic()

    def killed(self) -> None:
        """The watch is dead: what it was sending just then may come again, and nothing else."""
        ids = under_way_in(self.service.home)
        self._under_way.append((time.monotonic(), ids))
        if not self._down or self._down[-1][1] < math.inf:
            self._down.append([time.monotonic(), math.inf])

    def up(self) -> None:
        """The watch is ready again."""
        if self._down:
            self._down[-1][1] = min(self._down[-1][1], time.monotonic())

    async def _station(self, n: int) -> None:
        """One story at least, however soon it is over."""
        while True:
            story = self._chance.choice(STORIES)
            for gust, type_, level in (*story, (CALM_M_S, "end", story[-1][2])):
                await self._push(n, gust + round(self._chance.random(), 3))
                acknowledged_at = time.monotonic()
                self._expected[n].append((type_, level))
                await self._until_told(n, acknowledged_at)
            if self._is_over:
                return

    async def _push(self, n: int, gust_m_s: float) -> None:
        """One reading, until it is acknowledged."""
        while self._clocks[n] + 1 > time.time():
            await asyncio.sleep(_AGAIN_S)
        self._clocks[n] += 1
        row = reading(n * self._step, gust_m_s, self._clocks[n])
        self._n += 1
        self._unanswered.add(n)
        row["pressure_hpa"] = round(900 + self._n / 1e4, 4)  # tells it from all others
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with self.http.post(f"{self.service.url}/v1/readings", json=[row]) as answer:
                    if answer.status == 202:
                        break
                    if answer.status not in (429, 503):
                        self._refusals.add(f"HTTP {answer.status}: {(await answer.text())[:200]}")
            await asyncio.sleep(_AGAIN_S)
        self._unanswered.discard(n)
        self._acknowledged[str(row["pressure_hpa"])] = row

    async def _until_told(self, n: int, since: float) -> None:
        """Until as much was told as there was to tell; what is wrong of it, the judge says."""
        while len(self._told(n)) < len(self._expected[n]):
            self._news[n].clear()
            try:
                await self._news[n].wait()
            finally:
                self._note_gap(since, time.monotonic())
        self.gaps_s.append(time.monotonic() - since)

    def _note_gap(self, since: float, until: float) -> None:
        ends = [(max(begin, since), min(end, until)) for begin, end in self._down]
        down_s = sum(max(0.0, end - begin) for begin, end in ends)
        self._gap_s = max(self._gap_s, until - since)
        self._gap_up_s = max(self._gap_up_s, until - since - down_s)

    def _told(self, n: int) -> list[tuple[str, int, str, str]]:
        """All that a person was told, each message once, in the order in which it first came."""
        first = {one.id: one.alerts for one in reversed(self._heard[n])}
        # What was told before the last judgement may come again, and is nothing new.
        order = dict.fromkeys(one.id for one in self._heard[n] if one.id not in self._known)
        return [alert for id_ in order for alert in first[id_]]

    # The judge

    def judge(self, fault: str, times: int, notes: Sequence[str] = ()) -> Row:
        """All since the last time; the stations are still."""
        row = Row(fault, times, len(self._acknowledged))
        row.gap_s, row.gap_up_s = self._gap_s, self._gap_up_s
        row.notes += [*notes, *sorted(self._refusals)]
        if not self._blowing:
            row.notes.append("no station was left whose stories come to their end")
        self._refusals.clear()
        entries = self._judge_store(row)
        for n in self._blowing:
            self._judge_person(n, row, entries[f"p{n * self._step}"])
        if self._blowing and not row.told:
            row.notes.append("nobody was told anything: this says nothing")
        self._acknowledged.clear()
        self._expected.clear()
        self._known |= {one.id: one.at for heard in self._heard.values() for one in heard}
        self._heard.clear()
        self._unanswered.clear()
        self._gap_s = self._gap_up_s = 0.0
        return row

    async def _end_stations(self) -> None:
        for task in self._blowing.values():
            task.cancel()
        await asyncio.gather(*self._blowing.values(), return_exceptions=True)

    def acknowledged(self) -> dict[str, dict[str, Any]]:
        """Readings that were acknowledged until now, since the last judgement."""
        return dict(self._acknowledged)

    async def let_go(self) -> tuple[int, int]:
        """Stop as all stands: acknowledged readings, and how many the store does not have."""
        await self._end_stations()
        kept, _ = kept_in(self.service.home)
        return len(self._acknowledged), sum(name not in kept for name in self._acknowledged)

    def _judge_store(self, row: Row) -> Counter[str]:
        """Readings, and how many entries the log has of each place since the last judgement."""
        kept, log = kept_in(self.service.home)
        row.lost += sum(name not in kept for name in self._acknowledged)
        row.altered += sum(kept.get(n, one) != one for n, one in self._acknowledged.items())
        news = Counter(place for number, place in log.items() if number > self._judged)
        self._judged = max(log, default=0)
        return news

    def _judge_person(self, n: int, row: Row, entries: int) -> None:
        expected, told = self._expected[n], self._told(n)
        row.told += len(told)
        row.lost += max(0, len(expected) - len(told))
        said = [(type_, level) for _, _, type_, level in told]
        row.altered += sum(a != b for a, b in zip(expected, said, strict=False))
        row.altered += max(0, len(told) - len(expected) - (n in self._unanswered))
        row.doubled += max(0, entries - len(expected) - (n in self._unanswered))
        names = [(incident, version) for incident, version, _, _ in told]
        row.told_twice += len(names) - len(set(names)) + self._repeated(n)

    def _repeated(self, n: int) -> int:
        """Messages that came again by the same id, though nothing disturbed them."""
        tries: dict[str, list[float]] = defaultdict(list)
        for one in self._heard[n]:
            if one.id in self._known and not tries[one.id]:
                tries[one.id].append(self._known[one.id])
            tries[one.id].append(one.at)
        return sum(
            not self._may_repeat(id_, at, again)
            for id_, times in tries.items()
            for at, again in itertools.pairwise(times)
        )

    def _may_repeat(self, id_: str, at: float, again: float) -> bool:
        """Whether it was under way when the watch was killed or disturbed in between."""
        if any(at - ARRIVES_S <= dead <= again and id_ in ids for dead, ids in self._under_way):
            return True
        return any(begin <= at <= end for begin, end in self._disturbed)


def kept_in(home: Path) -> tuple[dict[str, dict[str, Any]], dict[int, str]]:
    """What the store has: pushed readings, and of each entry of the alert log by its number, the
    place that has a storm."""
    kept: dict[str, dict[str, Any]] = {}
    with open_home(home, exclusive=False) as opened:
        after = 0
        while records := opened.stream.read(after, 1000):
            after = records[-1].offset
            for record in records:
                if b'"pressure_hpa"' in record.payload.body[:1000]:
                    for row in msgspec.json.decode(record.payload.body):
                        kept[str(row.get("pressure_hpa"))] = row
        log = {
            number: entry.alert.place_id
            for number, entry in opened.state.alerts()
            if entry.alert.hazard == "wind"
        }
    return kept, log


def under_way_in(home: Path) -> frozenset[str]:
    """Ids of messages that a dead watch had taken on and not settled, from a copy of its store: who
    opens the store itself mends it, before the next watch has to."""
    with tempfile.TemporaryDirectory() as folder:
        for file in home.glob("atalaia.sqlite3*"):
            shutil.copyfile(file, Path(folder, file.name))
        connection = apsw.Connection(str(Path(folder, "atalaia.sqlite3")))
        try:
            rows = connection.execute("SELECT id FROM messages WHERE status = 'leased'").fetchall()
        finally:
            connection.close()
    return frozenset(str(row[0]) for row in rows)


def table(rows: Sequence[Row]) -> str:
    """As it is printed."""
    lines = [
        f"{'fault':<52}{'times':>6}{'pushed':>8}{'told':>7}{'lost':>6}{'altered':>8}"
        f"{'doubled':>8}{'told twice':>11}{'worst gap':>11}{'while up':>10}"
    ]
    for row in rows:
        lines.append(
            f"{row.fault:<52}{row.times:>6,}{row.pushed:>8,}{row.told:>7,}{row.lost:>6}"
            f"{row.altered:>8}{row.doubled:>8}{row.told_twice:>11}{row.gap_s:>9.1f} s"
            f"{row.gap_up_s:>8.1f} s"
        )
        lines += [f"    {note}" for note in row.notes]
    return "\n".join(lines)
