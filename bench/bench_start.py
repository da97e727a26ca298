"""A start of the watch: 5,571 places, a million subscribers, a year of alerts; then nothing comes.

    python bench/bench_start.py [--people 1000000] [--alerts 100000]

The people lie in a sealed snapshot, as the watch before leaves it (`bench_recipients.py` says what
it costs to read them one by one); a million keys and rows would take many minutes to make, so they
have none. The alert log has so many entries over the last year, all fanned out. A watch
runs before, until it has nothing more to archive. Measured of the next one: seconds to ``/readyz``,
resident memory and the processor's time once it has settled, while nothing comes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import urllib.request
from pathlib import Path

import msgspec

from atalaia.homes.embedded import open_home
from atalaia.notify.fanout import Position, written
from atalaia.ports import Commit, FanOut
from bench_outbox import entry
from bench_recipients import apart, laid_down
from figures import Figure, tell
from load import cpu_s, memory
from service import KEY, Service

PLACES = 5_571
YEAR_S = 365 * 86_400
START_S, MEMORY_MB, IDLE_PERCENT = 5.0, 500.0, 1.0
SETTLES_S, IDLE_S, LONGEST_S = 10.0, 20.0, 120.0
A_COMMIT = 5_000


def tell_a_year(home: Path, alerts: int) -> None:
    """So many entries, two an incident, spread over the year, with nobody left to be told."""
    began = int(time.time()) - YEAR_S
    with open_home(home, exclusive=False) as opened:
        for first in range(0, alerts, A_COMMIT):
            some = range(first, min(first + A_COMMIT, alerts))
            entries = [_entry(i, began + i * YEAR_S // alerts) for i in some]
            opened.state.commit(Commit("bench", first + 1, entries=entries))
        newest, _ = opened.state.latest(1)[0]
        opened.outbox.fan_out(
            FanOut(before="", position=written(Position(newest)), now=int(time.time()))
        )


def _entry(i: int, at: int) -> object:
    made = entry(i // 2, at)
    place, is_end = f"p{i // 2 % PLACES}", i % 2
    changes = {"type": "end", "version": 2, "reason": "ended"} if is_end else {}
    alert = msgspec.structs.replace(made.alert, place_id=place, **changes)
    return msgspec.structs.replace(made, alert=alert, places=(place,))


def settle(service: Service) -> None:
    """Until it does next to nothing."""
    ends = time.monotonic() + LONGEST_S
    while time.monotonic() < ends:
        before = cpu_s(service.pid)
        time.sleep(SETTLES_S)
        if cpu_s(service.pid) - before < 0.03 * SETTLES_S:
            return


def is_known(service: Service) -> bool:
    """Whether the people were read from the snapshot."""
    asked = urllib.request.Request(
        f"{service.url}/metrics", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return 'atalaia_recipients_snapshots_total{outcome="read"} 1' in answer.read().decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--alerts", type=int, default=100_000)
    given = parser.parse_args()
    more = {
        "ATALAIA_CHANNELS_EMAIL_HOST": "127.0.0.1",
        "ATALAIA_CHANNELS_EMAIL_SENDER": "load@example.org",
    }
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name), PLACES, more)
        apart(laid_down, service.home, given.people)
        apart(tell_a_year, service.home, given.alerts)
        with service:
            settle(service)
        start_s = service.start()
        try:
            settle(service)
            assert is_known(service), "all people are read from the snapshot"
            before = cpu_s(service.pid)
            time.sleep(IDLE_S)
            idle_percent = (cpu_s(service.pid) - before) / IDLE_S * 100
            memory_mb = memory(service.pid) / 1e6
        finally:
            service.stop()
    of = f"{PLACES:,} places, {given.people:,} subscribers, {given.alerts:,} alerts in a year"
    tell(
        [
            Figure(f"start to /readyz: {of}", start_s, "s", START_S),
            Figure("… its memory once it is idle", memory_mb, "MB", MEMORY_MB),
            Figure("… of a core while nothing comes", idle_percent, "%", IDLE_PERCENT),
        ]
    )


if __name__ == "__main__":
    main()
