"""The benches beside those of an earlier commit, in one run: `make bench-before`.

    python tools/bench_before.py [--commit f5522e7] [--turns 3] [speed refine …]

The earlier side is a worktree in ``build/before`` with an environment of its own. Each bench is run
by both sides in turn, each with its own file as it was then, and what is compared is the CPU time
of the whole run (user and system, children's too): on a machine that does other work as well, it is
a fair measure where the time on the wall is none. Each side's least run counts.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parents[1]
BEFORE = HERE / "build" / "before"

BENCHES = {
    "speed": ["--records", "300000"],
    "refine": ["--records", "100000"],
    "query": ["--years", "3", "--rounds", "3"],
    "audience": ["--people", "200000"],
    "outbox": ["--messages", "5000"],
    "climate": ["--years", "10", "--rounds", "1"],
}
"""Those that stand at both commits, with options that keep a run to about a minute. That of `query`
does more since: it lays days beforehand, and asks a peer of summaries as often as ours."""

NOW_ALONE = {"speed": ["--without-bytewax"], "audience": ["--country", "BR"]}
"""Options of this side's, which leave out what the earlier one does not do."""

COMMANDS = {
    "replay": "replay --places {0}/places.csv {0}/readings.csv --rules {1} --alerts {0}/told",
    "replay-kept": "replay --places {0}/places.csv {0}/readings.csv --rules {1} "
    "--alerts {0}/told --home {0}/home",
    "backtest": "backtest --places {0}/places.csv {0}/readings.csv --rules {1} --rules basic "
    "--rules climate --rules inmet --timezone America/Sao_Paulo",
    "calibrate": "calibrate --places {0}/places.csv {0}/readings.csv --events {0}/events.csv "
    "--hazard flood --min-events 5 --from 2015-04-11 --to 2018-12-31 --min-lead 1h "
    "--timezone America/Sao_Paulo --write {0}/limits.toml",
}
"""Commands of both, over eight gauges' quarter hours of three and a half years, by one rule file:
{0} is a folder of their own, {1} the rules. Whole processes, the start included."""

RECORD = HERE.parent / "shared" / "data" / "rio"
"""Rio de Janeiro's record, with its floods: limits are searched on it, as made-up rain has none."""


FIRST = datetime(2015, 1, 1, tzinfo=UTC)
QUARTERS = 117_750
"""942,000 readings."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commit", default="f5522e7")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, *COMMANDS, []], metavar="bench")
    asked = parser.parse_args()
    prepare(asked.commit)
    print(f"CPU seconds, the least of {asked.turns} runs; over 1: slower than {asked.commit}")
    print(f"{'bench':<12}{'before':>9}{'now':>9}{'ratio':>8}")
    for name in asked.bench or (*BENCHES, *COMMANDS):
        if name == "calibrate" and not RECORD.is_dir():
            print(f"{name:<12}  NOT COMPARED: {RECORD} is not here")
            continue
        before, now = [], []
        for _ in range(asked.turns):
            before.append(cpu_s(BEFORE, name))
            now.append(cpu_s(HERE, name))
        ratio = min(now) / min(before)
        print(f"{name:<12}{min(before):>9.2f}{min(now):>9.2f}{ratio:>8.3f}", flush=True)
    return 0


def prepare(commit: str) -> None:
    """The earlier side, at this commit, with what it ran on."""
    if not BEFORE.exists():
        run(HERE, "git", "worktree", "add", "--quiet", "--detach", str(BEFORE), commit)
    run(BEFORE, "git", "checkout", "--quiet", "--detach", commit)
    recorded, seen = HERE.parent / "shared", BEFORE.parent / "shared"
    if recorded.exists() and not seen.exists():  # what is kept beside the project, for both
        seen.symlink_to(recorded)
    run(BEFORE, "make", "--quiet", ".venv/.dev", f"PYTHON={sys.executable}")


def cpu_s(side: Path, bench: str) -> float:
    """CPU seconds of one run."""
    if bench in COMMANDS:
        return command_s(side, bench)
    before = used_s()
    options = BENCHES[bench] + (NOW_ALONE.get(bench, []) if side == HERE else [])
    run(side, ".venv/bin/python", f"bench/bench_{bench}.py", *options)
    return used_s() - before


def command_s(side: Path, name: str) -> float:
    """CPU seconds of a command of one side, in a folder that is gone afterwards."""
    rules = HERE / "src" / "atalaia" / "rules" / "rio_flood_limits.toml"
    with tempfile.TemporaryDirectory(prefix="atalaia-bench-") as folder:
        if name == "calibrate":
            run(HERE, sys.executable, "tools/rio.py", str(RECORD), folder)
        else:
            gauges(Path(folder))
        before = used_s()
        run(side, ".venv/bin/atalaia", *COMMANDS[name].format(folder, rules).split())
        return used_s() - before


def gauges(folder: Path, quarters: int = QUARTERS) -> None:
    """Made-up rain of eight gauges: dry, but for some hours a week, the same each time."""
    places = ["place_id,name,latitude,longitude,timezone,area"]
    for gauge in range(8):
        at = f"{-22.9 - gauge / 50},{-43.2 - gauge / 20}"
        places.append(f"g{gauge},Gauge {gauge},{at},America/Sao_Paulo,Rio de Janeiro")
    (folder / "places.csv").write_text("\n".join(places) + "\n", "utf-8")
    with (folder / "readings.csv").open("w", encoding="utf-8") as file:
        file.write("place_id,valid_at,period_s,kind,source,rain_mm\n")
        file.writelines(rain(quarters))


def rain(quarters: int) -> Iterator[str]:
    """Lines of readings."""
    chance = random.Random(1)
    for quarter in range(quarters):
        at = (FIRST + timedelta(minutes=15 * quarter)).isoformat()
        is_wet = quarter % (7 * 96) < 16
        for gauge in range(8):
            fallen = round(chance.expovariate(0.5), 1) if is_wet else 0.0
            yield f"g{gauge},{at},900,observed,gauges,{fallen}\n"


def used_s() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, *words: str) -> None:
    # What is compiled is kept, as an installation has it.
    left_out = ("MAKEFLAGS", "PYTHONDONTWRITEBYTECODE")
    plain = {name: value for name, value in os.environ.items() if name not in left_out}
    done = subprocess.run(words, cwd=folder, env=plain, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} in {folder} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    raise SystemExit(main())
