"""The peer of `bench_speed`: bytewax, orjson, a state a place. Run in an environment of its own.

    python peer_bytewax.py [FOLDER]

Each line of standard input names a file of bodies, one a line, which are read beforehand. Told are,
a line of JSON each, the seconds of CPU from bodies in memory to alerts in JSON, and how many alerts
these were. All files are one dataflow, with one worker: a state lasts from file to file.

With a folder (`bench_commit`) it keeps there what bytewax goes on from after a crash, with each
batch, and the seconds are those on the wall: it waits for the disk.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

AT_ONCE = 8_000
LIMITS = (
    ("precipitationProbability", 80),
    ("rainIntensity", 20),
    ("windGust", 22.2),
    ("windSpeed", 13.9),
)

CLOCK = time.perf_counter if sys.argv[1:] else time.process_time

Said = tuple[str, dict]


class Bodies(DynamicSource):
    def __init__(self, count: Count) -> None:
        self.count = count

    def build(self, *_of_whom: object) -> StatelessSourcePartition:
        return Turns(self.count)


class Turns(StatelessSourcePartition):
    """Is asked for more when what it gave has been through the dataflow."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self.rest: list[list[bytes]] = []
        self.begun: float | None = None

    def next_batch(self) -> list[bytes]:
        if not self.rest:
            self.tell()
            line = sys.stdin.readline()
            if not line:
                raise StopIteration
            bodies = Path(line.strip()).read_bytes().split(b"\n")
            self.rest = [bodies[i : i + AT_ONCE] for i in range(0, len(bodies), AT_ONCE)][::-1]
            self.begun = CLOCK()
        return self.rest.pop()

    def tell(self) -> None:
        if self.begun is not None:
            print(json.dumps([CLOCK() - self.begun, self.count.take()]), flush=True)


class Count(DynamicSink):
    def __init__(self) -> None:
        self.alerts = 0

    def take(self) -> int:
        """Those since the last time."""
        alerts, self.alerts = self.alerts, 0
        return alerts

    def build(self, *_of_whom: object) -> StatelessSinkPartition:
        return Counting(self)


class Counting(StatelessSinkPartition):
    def __init__(self, count: Count) -> None:
        self.count = count

    def write_batch(self, items: list[tuple[str, bytes]]) -> None:
        self.count.alerts += len(items)


def read(bodies: list[bytes]) -> list[Said]:
    """A batch at a time: a call an answer would cost bytewax a third more."""
    loads = orjson.loads
    answers = [loads(body) for body in bodies]
    return [(answer["location"]["name"], answer["data"]) for answer in answers]


class Limits(op.StatefulBatchLogic):
    """Which limits are passed at one place. Of bytewax's states this is the one with the least on
    top of it."""

    def __init__(self, is_open: set[str] | None) -> None:
        self.is_open = is_open or set()

    def on_batch(self, values: list[dict]) -> tuple[list[bytes], bool]:
        return [alert for said in values for alert in self.judge(said)], self.RETAIN

    def judge(self, said: dict) -> list[bytes]:
        values, is_open = said["values"], self.is_open
        alerts = []
        for name, limit in LIMITS:
            value = values.get(name) or 0
            if value < limit:
                is_open.discard(name)
            elif name not in is_open:
                is_open.add(name)
                alerts.append(orjson.dumps({"type": name, "value": value, "time": said["time"]}))
        return alerts

    def snapshot(self) -> set[str]:
        return set(self.is_open)


def main() -> None:
    print(f"bytewax {version('bytewax')} with orjson {version('orjson')}", flush=True)
    count = Count()
    flow = Dataflow("limits")
    came = op.input("bodies", flow, Bodies(count))
    said = op.flat_map_batch("read", came, read)
    alerts = op.stateful_batch("limits", said, Limits)
    op.output("alerts", alerts, count)
    kept = None
    if sys.argv[1:]:
        init_db_dir(Path(sys.argv[1]), 1)
        kept = RecoveryConfig(sys.argv[1])
    run_main(flow, epoch_interval=timedelta(0) if kept else None, recovery_config=kept)


if __name__ == "__main__":
    main()
