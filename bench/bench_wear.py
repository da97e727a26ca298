"""What the running watch writes to disk a reading, by what Linux counts (/proc/PID/io).

    python bench/bench_wear.py [READINGS_A_SECOND] [SECONDS]

What it prints is also a report, for docs/promises.md (`tools/promises.py`).
Each reading is a push of its own, as from so many stations. Exit code 1 over 2,000 bytes a reading.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from service import Service, push, reading

MOST_BYTES = 2_000
REPORT = Path("build/reports/wear.json")


def written(pid: int) -> int:
    """Bytes that a process had written to disk."""
    lines = Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


async def measure(service: Service, a_second: int, seconds: int) -> None:
    """Push for so long, and print the figures."""
    before = written(service.pid)
    rows = ([reading(i % service.places)] for i in range(a_second * seconds))
    took = sorted(await push(service, rows, a_second))
    await asyncio.sleep(2.0)  # what is held is committed by then
    a_reading = (written(service.pid) - before) / len(took)
    print(f"{len(took):,} readings, {a_second} a second: {a_reading:,.0f} bytes written a reading")
    median, p99 = took[len(took) // 2], took[-len(took) // 100]
    print(f"acknowledged after {median:.3f} s (median), {p99:.3f} s (p99)")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"a_second": a_second, "bytes_a_reading": a_reading}) + "\n")
    sys.exit(a_reading > MOST_BYTES)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder, Service(Path(folder)) as running:
        asyncio.run(measure(running, *[*given, *(200, 30)[len(given) :]]))
