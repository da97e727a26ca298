"""What Atalaia weighs: time of its shortest answers, size of the default installation, idle memory.

    python bench/bench_footprint.py

The installation is made afresh from the locked packages in a temporary folder, without extras,
demo and build tools. Idle memory is that of `atalaia run` after 20 s, its one source pointed at
a port of this machine where nothing answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from atalaia.homes.embedded import open_home
from figures import Figure, tell

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def answer_s(*words: str) -> float:
    """Median seconds of five starts, after one to warm up."""
    took = []
    for _ in range(6):
        begun = time.perf_counter()
        subprocess.run([BIN / "atalaia", *words], check=True, capture_output=True)
        took.append(time.perf_counter() - begun)
    return median(took[1:])


def question_s() -> float:
    """The same of a question that reads nothing, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        open_home(Path(folder)).close()
        return answer_s("sql", "SELECT 1", "--home", folder)


def installed_mb() -> float:
    """Size of the locked default packages and Atalaia itself, in MB on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        install = [BIN / "uv", "pip", "install", "--quiet", "--target", folder]
        subprocess.run(
            [*install, "--require-hashes", "-r", ROOT / "requirements/run.txt"], check=True
        )
        subprocess.run([*install, "--no-deps", ROOT], check=True)
        return sum(f.stat().st_blocks * 512 for f in Path(folder).rglob("*") if f.is_file()) / 1e6


def idle_mb() -> float:
    """Resident memory of an idle watch, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "atalaia.toml"
        settings.write_text('[sources.open-meteo]\nbase_url = "http://127.0.0.1:9"\n')
        command = [BIN / "atalaia", "run", "--home", f"{folder}/home", "--port", "18420"]
        process = subprocess.Popen(
            [*command, "--settings", settings], stderr=subprocess.DEVNULL, env=os.environ
        )
        try:
            time.sleep(20)
            status = Path(f"/proc/{process.pid}/status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            return int(resident.split()[1]) / 1000
        finally:
            process.terminate()
            process.wait(10)


def main() -> None:
    tell(
        [
            Figure("`atalaia --version`", answer_s("--version"), "s", 0.3),
            Figure('`atalaia sql "SELECT 1"`', question_s(), "s", 0.4),
            Figure("default installation", installed_mb(), "MB", 280),
            Figure("idle `atalaia run`", idle_mb(), "MB", 150),
        ]
    )


if __name__ == "__main__":
    main()
