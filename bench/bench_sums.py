"""Sums over periods that overlap: a push of a fortnight's minutes, and a minute of 27 stations.

    python bench/bench_sums.py [--rows 20000] [--stations 27]

Stations that tell each minute the rain of the last hour: a day's sum has 1,440 such periods in its
window. Both are judged from the pushed body to what is to be committed, by INMET's limits, on the
processor's time of this one thread. First so many rows of one station in one push, of which the
last hour is heavy; then a day of all stations, and after it minute by minute: what a minute takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from atalaia import rules
from atalaia.detect.watch import Watch
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.ports import Commit, Record
from atalaia.sources import decode_all, readings_csv
from figures import Figure, tell

START, MINUTE, HOUR = 1_767_571_200, 60, 3600
PUSH_S, MINUTE_S = 0.5, 0.1
MINUTES = 60
HEAVY_MM, CALM_MM = 60.0, 0.2


def row(station: int, minute: int, rain_mm: float) -> dict[str, object]:
    """What a station tells at a minute: the rain of the hour before it."""
    at = datetime.fromtimestamp(START + minute * MINUTE, UTC)
    return {
        "place_id": f"p{station}",
        "valid_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "period_s": HOUR,
        "rain_mm": rain_mm,
        "temperature_c": 20.0 + minute % 7 / 10,
    }


class Judge:
    """A watch of so many stations; `live` gives the seconds that a push took, and what came."""

    def __init__(self, stations: int) -> None:
        places = Places(
            Place(id=f"p{i}", name=f"p{i}", latitude=-30 + i, longitude=-50)
            for i in range(stations)
        )
        self._watch = Watch(rules.load("inmet"), places, decode_all(places))
        self._numbers = iter(range(1, 1_000_000))

    def live(self, rows: list[dict[str, object]], minute: int) -> tuple[float, Commit]:
        payload = Payload(
            source=readings_csv.STATION,
            content=readings_csv.JSON,
            received_at=START + minute * MINUTE + 1,
            body=json.dumps(rows).encode(),
        )
        began = time.thread_time()
        _, commit = self._watch.step([Record(next(self._numbers), payload)])
        return time.thread_time() - began, commit


def pushed(n: int) -> float:
    """Seconds of `n` rows of one station in one push."""
    last = [HEAVY_MM if i >= n - MINUTES else CALM_MM for i in range(n)]
    took, commit = Judge(1).live([row(0, i, last[i]) for i in range(n)], n - 1)
    assert any(e.alert.hazard == "heavy_rain" for e in commit.entries), "it is judged"
    return took


def minutes(stations: int) -> Iterator[float]:
    """Seconds of each minute, after a day of them."""
    judge, before = Judge(stations), 24 * MINUTES
    for hour in range(0, before, MINUTES):
        past = range(hour, hour + MINUTES)
        judge.live([row(i, at, CALM_MM) for at in past for i in range(stations)], past[-1])
    for minute in range(before, before + MINUTES):
        took, commit = judge.live([row(i, minute, HEAVY_MM) for i in range(stations)], minute)
        if minute == before:
            told = {e.alert.place_id for e in commit.entries if e.alert.hazard == "heavy_rain"}
            assert len(told) == stations, "each is judged"
        yield took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--stations", type=int, default=27)
    given = parser.parse_args()
    push_s = statistics.median(pushed(given.rows) for _ in range(3))
    worst_s = sorted(minutes(given.stations))[-2]
    push = f"{given.rows:,} rows whose periods overlap, in one push"
    minute = f"a minute of {given.stations} stations that tell a rolling hour"
    tell([Figure(push, push_s, "s", PUSH_S), Figure(minute, worst_s, "s", MINUTE_S)])


if __name__ == "__main__":
    main()
