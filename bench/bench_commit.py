"""From answers to what is committed: decode, the `basic` limits, incidents, and all of it on disk.

    python bench/bench_commit.py [--records 400000] [--places 8000]

`bench_speed` ends where the state is still in memory. This one goes on as a watch does: each poll
of all places is a batch, whose state (of each place what is known of its series, and its
incidents), entries of the alert log and offset are one synced transaction of the home's SQLite.
Counted is the time on the wall, as it waits for the disk; the bodies are those of `bench_speed`.

The peer is bytewax with orjson and its recovery store, which is SQLite, too: a batch is an epoch.
It keeps of each place which limits are passed, and no log of its alerts. It takes a turn after
ours.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from atalaia import rules
from atalaia.detect.consumer import Consumer, Taken
from atalaia.detect.watch import Watch
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import open_home
from atalaia.memory import give_back, settle
from atalaia.ports import Record, State
from atalaia.sources import decode_all
from bench_speed import POLL_S, START, Bytewax, Weather, bytewax
from figures import Figure, on_one_core, tell

POLLS_A_TURN = 5
"""Of one side, before the other takes the same."""


def run(records: int, n_places: int, folder: Path, other: Bytewax | None) -> float:
    """Seconds on the wall until all of it was committed; `other` counts its own."""
    places = Places(
        Place(id=str(i), name=str(i), latitude=-30 + i * 1e-3, longitude=-60 + i * 1e-3)
        for i in range(n_places)
    )
    rule_set, decode = rules.load("basic"), decode_all(places)
    weather, spent, offset, alerts = Weather(n_places), 0.0, 0, 0

    def watch(state: State) -> Watch:
        new = Watch(rule_set, places, decode, expected_s={"tomorrow-io": POLL_S})
        new.load(state)
        return new

    with open_home(folder) as home:
        consumer = Consumer(lambda: home.state, watch)
        settle()
        for first in range(0, records // n_places, POLLS_A_TURN):
            numbers = range(first, min(first + POLLS_A_TURN, records // n_places))
            polls = [weather.poll(n) for n in numbers]
            gc.collect()
            for number, bodies in zip(numbers, polls, strict=True):
                taken = [
                    _taken(offset + i, number, place.id, body)
                    for i, (place, body) in enumerate(zip(places, bodies, strict=True), start=1)
                ]
                offset += len(taken)
                began = time.perf_counter()
                lived = consumer.live(taken)
                spent += time.perf_counter() - began
                alerts += sum(e.alert.type == "alert" for e in lived.entries) if lived else 0
            if other is not None:
                other.handle([body for bodies in polls for body in bodies])
        assert home.state.offset("speed") == offset, "all of it is committed"
        in_log = sum(entry.alert.type == "alert" for _, entry in home.state.alerts())
        assert in_log == alerts > 0, "and told"
    return spent


def _taken(offset: int, poll: int, place: str, body: bytes) -> Taken:
    payload = Payload(
        source="tomorrow-io",
        content="realtime",
        received_at=START + poll * POLL_S + 30,
        body=body,
        places=(place,),
    )
    return Taken(offset, Record(offset, payload))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--places", type=int, default=8_000)
    parser.add_argument("--without-bytewax", action="store_true")
    given = parser.parse_args()
    on_one_core()
    give_back()  # as the watch does when it starts
    n = given.records // given.places * given.places
    with tempfile.TemporaryDirectory(prefix="atalaia-bench-") as name:
        folder = Path(name)
        kept = folder / "bytewax"
        kept.mkdir()
        with nullcontext() if given.without_bytewax else bytewax(kept) as other:
            seconds = run(given.records, given.places, folder / "home", other)
        mb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    print(f"one core, {n} answers, a batch of {given.places}; {mb:.0f} MB on disk")
    what = "Tomorrow.io answers → judged, state and log committed on disk"
    if other is None:
        tell([Figure(what, n / seconds, "answers/s", None)])
        return
    theirs = other.answers / other.seconds
    tell([Figure(what, n / seconds, "answers/s", None, theirs, f"{other.name}, its states kept")])


if __name__ == "__main__":
    main()
