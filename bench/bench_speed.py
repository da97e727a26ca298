"""Speed layer: realtime answers in memory → decode, the `basic` limits, incidents, alert lines.

    python bench/bench_speed.py [--records 1000000] [--places 8000] [--batch 8000]

The peer, run in turn with it on the same core, is the handler that small projects write:
json.loads, four ifs, a dictionary for de-duplication, json.dumps of each alert. Both see the
same bodies: the recorded answer with values, times and places varied, one poll of all places
after the other, 5 minutes apart; now and then a place has a storm of some polls. Each side
starts from what it is handed: bodies there, the stream's payloads (which hold them) here.

A second peer is bytewax with orjson, keeping a state a place (`peer_bytewax.py`), in a process and
an environment of its own: it is handed the same bodies, a turn after the others.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from atalaia import rules
from atalaia.detect.watch import Watch
from atalaia.domain.alert import to_line
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.memory import give_back
from atalaia.sources import decode_all
from figures import PYTHON, Figure, on_one_core, tell
from peers import environment

START = 1_726_897_440
POLL_S = 300
TURN = 100_000
"""Answers that one side takes before the other takes the same: long enough that each works from
its own warm caches, and that the bodies come from memory for both."""

BODY = (
    '{"data":{"time":"%s","values":{"cloudBase":0.25,"cloudCeiling":null,"cloudCover":34,'
    '"dewPoint":18.69,"freezingRainIntensity":0,"humidity":89,"precipitationProbability":%d,'
    '"pressureSurfaceLevel":1002.7,"rainIntensity":%.2f,"sleetIntensity":0,"snowIntensity":0,'
    '"temperature":%.2f,"temperatureApparent":20.63,"uvHealthConcern":0,"uvIndex":0,'
    '"visibility":14.57,"weatherCode":1100,"windDirection":65.88,"windGust":%.2f,'
    '"windSpeed":%.2f}},"location":{"lat":%.6f,"lon":%.6f,"name":"%s","type":"administrative"}}'
)


class Handler:
    """The peer. An alert when a limit is passed, and not again until it no longer is.

    A value can be null, so it is read as such handlers read it: `or 0`.
    """

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], bool] = {}
        self.alerts = 0

    def handle(self, body: bytes) -> None:
        answer = json.loads(body)
        values = answer["data"]["values"]
        place = answer["location"]["name"]
        at = answer["data"]["time"]
        if (values.get("precipitationProbability") or 0) >= 80:
            self.alert(place, "probability", values["precipitationProbability"], at)
        else:
            self.open.pop((place, "probability"), None)
        if (values.get("rainIntensity") or 0) >= 20:
            self.alert(place, "rain", values["rainIntensity"], at)
        else:
            self.open.pop((place, "rain"), None)
        if (values.get("windGust") or 0) >= 22.2:
            self.alert(place, "gust", values["windGust"], at)
        else:
            self.open.pop((place, "gust"), None)
        if (values.get("windSpeed") or 0) >= 13.9:
            self.alert(place, "wind", values["windSpeed"], at)
        else:
            self.open.pop((place, "wind"), None)

    def alert(self, place: str, what: str, value: float, at: str) -> None:
        if (place, what) not in self.open:
            self.open[place, what] = True
            self.alerts += 1
            json.dumps({"place": place, "type": what, "value": value, "time": at})


class Bytewax:
    """The other peer, while its process runs."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._file = folder / "bodies"
        self.name = self._answer()
        self.seconds = 0.0
        self.answers = self.alerts = 0

    def handle(self, bodies: list[bytes]) -> None:
        self._file.write_bytes(b"\n".join(bodies))
        print(self._file, file=self._process.stdin, flush=True)
        seconds, alerts = json.loads(self._answer())
        self.seconds += seconds
        self.alerts += alerts
        self.answers += len(bodies)

    def _answer(self) -> str:
        return self._process.stdout.readline().strip() if self._process.stdout else ""


@contextmanager
def bytewax(kept: Path | None = None) -> Iterator[Bytewax | None]:
    """The other peer; None where it cannot be had. In the folder it keeps its states."""
    python = environment("speed")
    if python is None:
        yield None
        return
    command = [python, Path(__file__).with_name("peer_bytewax.py"), *([kept] if kept else [])]
    with (
        tempfile.TemporaryDirectory(prefix="atalaia-bench-") as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        yield Bytewax(process, Path(folder))


class Weather:
    """Bodies, poll by poll. A storm lasts 6 polls; a place has about ten in a year."""

    def __init__(self, places: int, seed: int = 7) -> None:
        self.random = np.random.default_rng(seed)
        self.storm = np.zeros(places, int)
        self.names = [f"Place {i}, Somewhere, Brazil" for i in range(places)]

    def poll(self, number: int) -> list[bytes]:
        n = len(self.names)
        self.storm = np.maximum(self.storm - 1, 0)
        self.storm[self.random.random(n) < 0.0001] = 6
        gust = np.where(self.storm > 0, 24.0, 8.0) + self.random.normal(0, 0.3, n)
        wind = gust / 2
        rain = np.abs(self.random.normal(0, 2, n))
        warm = self.random.uniform(10, 30, n)
        chance = self.random.integers(0, 70, n)
        at = datetime.fromtimestamp(START + number * POLL_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = zip(chance, rain, warm, gust, wind, range(n), self.names, strict=True)
        return [
            (BODY % (at, p, r, t, g, w, -30 + i * 1e-3, -60 + i * 1e-3, name)).encode()
            for p, r, t, g, w, i, name in rows
        ]


def run(
    records: int, n_places: int, batch: int, wanted_all: bool, other: Bytewax | None = None
) -> dict[str, float]:
    """Seconds and alerts of all, taking turns."""
    places = Places(
        Place(id=str(i), name=str(i), latitude=-30 + i * 1e-3, longitude=-60 + i * 1e-3)
        for i in range(n_places)
    )
    ids = [(place.id,) for place in places]
    rule_set = rules.load("basic")
    decode = decode_all(places)
    watch = Watch(rule_set, places, decode, expected_s={"tomorrow-io": POLL_S})
    wanted = None if wanted_all else rule_set.variables
    weather, handler = Weather(n_places), Handler()
    spent = {"ours_s": 0.0, "decode_s": 0.0, "peer_s": 0.0}
    alerts = 0

    def ours(polls: list[tuple[int, list[bytes]]]) -> None:
        nonlocal alerts
        payloads = [
            Payload(
                source="tomorrow-io",
                content="realtime",
                received_at=received_at,
                body=body,
                places=place,
            )
            for received_at, bodies in polls
            for body, place in zip(bodies, ids, strict=True)
        ]
        begun = time.process_time()
        decoded = decode(payloads, wanted)
        spent["decode_s"] += time.process_time() - begun
        step = watch.live(decoded.readings.in_order(), [received_at for received_at, _ in polls])
        for entry in step.entries:
            to_line(entry.alert)
        spent["ours_s"] += time.process_time() - begun
        alerts += sum(entry.alert.type == "alert" for entry in step.entries)

    def peer(polls: list[tuple[int, list[bytes]]]) -> None:
        begun = time.process_time()
        for _, bodies in polls:
            for body in bodies:
                handler.handle(body)
        spent["peer_s"] += time.process_time() - begun

    a_batch, a_turn = max(batch // n_places, 1), max(TURN // n_places, 1)
    gc.collect()
    gc.freeze()
    for first in range(0, records // n_places, a_turn):
        numbers = range(first, min(first + a_turn, records // n_places))
        polls = [(START + n * POLL_S + 30, weather.poll(n)) for n in numbers]
        batches = [polls[i : i + a_batch] for i in range(0, len(polls), a_batch)]
        for side in (ours, peer) if first // a_turn % 2 else (peer, ours):
            for one in batches:
                side(one)
        if other is not None:
            other.handle([body for _, bodies in polls for body in bodies])
    gc.unfreeze()
    return spent | {"alerts": alerts, "peer_alerts": handler.alerts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--places", type=int, default=8_000)
    parser.add_argument("--batch", type=int, default=8_000)
    parser.add_argument("--without-bytewax", action="store_true")
    given = parser.parse_args()
    on_one_core()
    give_back()  # as the watch does when it starts
    run(
        min(10 * given.batch, given.records), given.places, given.batch, wanted_all=False
    )  # warm up
    tenth = given.records // 10
    small = run(tenth, given.places, given.batch, wanted_all=False)
    with nullcontext() if given.without_bytewax else bytewax() as other:
        large = run(given.records, given.places, given.batch, wanted_all=False, other=other)
    whole = run(given.records, given.places, given.batch, wanted_all=True)
    n = given.records
    print(f"one core, {n} answers, {given.places} places, batches of {given.batch}")
    print(f"of that, decode    {n / large['decode_s']:>10.0f} answers/s")
    share = (100 * large["alerts"] / n, 100 * large["peer_alerts"] / n)
    print(f"share of alerts    {share[0]:.3f} % and {share[1]:.3f} %")
    growth = large["ours_s"] / small["ours_s"]
    print(f"time of {n} over {tenth}: {growth:.1f}   (at most 11)")
    handler, unit = f"a json.loads handler, {PYTHON}", "answers/s"
    few = "Tomorrow.io answers → decode, four limits, incidents"
    figures = [
        Figure(few, n / large["ours_s"], unit,
            8, n / large["peer_s"], handler),
        Figure("… with all variables", n / whole["ours_s"], unit,
            4, n / whole["peer_s"], handler),
    ]  # fmt: skip
    if other is not None:
        print(f"share of bytewax' alerts {100 * other.alerts / other.answers:.3f} %")
        beside = Figure("… beside a state a place", n / large["ours_s"], unit,
            7, other.answers / other.seconds, other.name)  # fmt: skip
        figures.insert(1, beside)
    tell(figures)


if __name__ == "__main__":
    main()
