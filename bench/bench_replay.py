"""A replay as a whole command: beside polars, and of ten years beside one.

Eight gauges' quarter hours by `rio_flood_limits`: Rio de Janeiro's record of 2015 to 2018 where it
lies beside the project (``../shared/data/rio``), else one of its shape, made up. Each run is a
process of its own, its start included, and what counts is its CPU time (user and system): on a
machine that does other work, too, that is a fair measure where the time on the wall is none.

    python bench/bench_replay.py [--rounds 3]

The peer (`peer_polars.py`) makes the same windows and limits, without any state. Where it cannot be
had (`peers.py`), the figures stand alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from figures import Figure, tell
from peers import environment

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE / "tools"))

import bench_before  # noqa: E402 - it stands in tools

RECORD = HERE.parent / "shared" / "data" / "rio"
RULES = HERE / "src" / "atalaia" / "rules" / "rio_flood_limits.toml"
YEAR = 35_064
"""Quarter hours."""

TIMES_OF_PEER, TEN_YEARS, MEMORY_MB = 0.33, 10.5, 250


class Run(NamedTuple):
    """CPU seconds of a process, and the memory that it had at most (MB)."""

    seconds: float
    memory_mb: float


def run(words: Sequence[str | Path]) -> Run:
    """Run a command to its end, with what is compiled kept, as an installation has it."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["POLARS_MAX_THREADS"] = "1"  # its threads wait for each other on the processor, too
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(list(map(str, words)), env=env, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{words} failed:\n{said.read().decode()}")
    return Run(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def replay(folder: Path, *, is_kept: bool = False) -> Run:
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    words = [sys.executable, "-m", "atalaia", "replay", "--places", folder / "places.csv"]
    words += [folder / "readings.csv", "--rules", RULES, "--alerts", folder / "told.ndjson"]
    return run([*words, *(["--home", home] if is_kept else [])])


def polars(python: Path, folder: Path) -> Run:
    script = HERE / "bench" / "peer_polars.py"
    return run([python, script, folder / "readings.csv", folder / "told.csv"])


def named(python: Path) -> str:
    asked = "import polars; print('polars', polars.__version__)"
    return subprocess.check_output([python, "-c", asked], text=True).strip()


def record(folder: Path) -> int:
    """The readings, and how many they are."""
    if RECORD.is_dir():
        print(f"  the record in {RECORD}")
        # Of a process of its own: a child's memory counts from what its parent has.
        run([sys.executable, HERE / "tools" / "rio.py", RECORD, folder])
    else:
        print(f"  MADE UP, in the shape of Rio's record: {RECORD} is not here")
        bench_before.gauges(folder)
    with (folder / "readings.csv").open("rb") as lines:
        return sum(1 for _ in lines) - 1  # without the header


def beside(folder: Path, rounds: int) -> list[Figure]:
    """A replay without a home and with one, beside the peer, taking turns."""
    peer, readings = environment("replay"), record(folder)
    alone, kept, theirs = [], [], []
    for _ in range(rounds):
        alone.append(replay(folder).seconds)
        kept.append(replay(folder, is_kept=True).seconds)
        if peer:
            theirs.append(polars(peer, folder).seconds)
    its, name = (median(theirs), named(peer)) if peer else (None, "")
    what = f"replay of {readings:,} readings"
    return [
        Figure(f"{what}, CPU", median(alone), "s", TIMES_OF_PEER, its, name),
        Figure(f"{what}, RAW and GOLD kept, CPU", median(kept), "s", TIMES_OF_PEER, its, name),
    ]


def lengths(folder: Path, rounds: int) -> list[Figure]:
    """Ten years beside one."""
    years = {1: folder / "1", 10: folder / "10"}
    for many, where in years.items():
        where.mkdir()
        bench_before.gauges(where, many * YEAR)
    runs = {many: [replay(where) for _ in range(rounds)] for many, where in years.items()}
    seconds = {many: median(one.seconds for one in some) for many, some in runs.items()}
    memory = {many: max(one.memory_mb for one in some) for many, some in runs.items()}
    times = seconds[10] / seconds[1]
    return [
        Figure("replay of 10 years, over that of 1 year, CPU", times, "times", TEN_YEARS),
        Figure("memory of a replay of 1 year, 280,512 readings", memory[1], "MB", MEMORY_MB),
        Figure("memory of a replay of 10 years, 2,805,120", memory[10], "MB", MEMORY_MB),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="atalaia-bench-") as some:
        figures = beside(Path(some), rounds)
        figures += lengths(Path(some), rounds)
    tell(figures, memory_mb=max(one.ours for one in figures if one.unit == "MB"))


if __name__ == "__main__":
    main()
