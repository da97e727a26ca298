"""Runs the benches and writes their figures into README's table: `make bench`.

    python tools/bench_table.py [--no-write] [speed refine …]

Each bench runs alone; where one fails the others go on, and the exit code says so. The figures are
those that the benches tell (`bench/figures.py`), and the table says on what machine they were
printed, and how busy it was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parents[1]
README = HERE / "README.md"
BEGINS, ENDS = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"

BENCHES = (
    "speed",
    "commit",
    "refine",
    "audience",
    "links",
    "systems",
    "chances",
    "outbox",
    "night",
    "start",
    "sums",
    "pages",
    "page",
    "push",
    "query",
    "climate",
    "replay",
    "footprint",
)

HEAD = (
    "| what | Atalaia | beside | its figure | times as quick | aim | | memory of both |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-write", action="store_true", help="print the table alone")
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], metavar="bench")
    asked = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.ndjson"
        rows.touch()
        busy = os.getloadavg()[0]
        for name in asked.bench or BENCHES:
            print(f"== {name}", flush=True)
            command = [sys.executable, HERE / "bench" / f"bench_{name}.py"]
            env = os.environ | {"ATALAIA_BENCH_FIGURES": str(rows)}
            if subprocess.run(command, check=False, env=env).returncode:
                failed.append(name)
        told = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    table = HEAD + "".join(f"| {' | '.join(cells)} |\n" for cells in told)
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    where = f"{os.cpu_count()} cores, {PYTHON}, load {busy:.1f} when it began"
    text = f"{BEGINS}\nPrinted on {when} ({where}):\n\n{table}{ENDS}"
    print(f"\n{text}")
    if failed:
        print(f"failed: {', '.join(failed)}; the table is not written", file=sys.stderr)
        return 1
    if not asked.no_write and not asked.bench:
        write(text)
    return 0


PYTHON = f"Python {platform.python_version()}"


def write(text: str) -> None:
    """Put the table in the place of README's."""
    readme = README.read_text("utf-8")
    before, begins, rest = readme.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise SystemExit(f"{README}: put {BEGINS!r} and {ENDS!r} where the table belongs")
    README.write_text(before + text + after, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
