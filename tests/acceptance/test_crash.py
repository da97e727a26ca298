"""kill -9 at any moment of a replay: what it tells and keeps in the end is as if nothing was.

ATALAIA_KILLS sets the number of kills (`make crash`: 100).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from stories import command, here

KILLS = int(os.environ.get("ATALAIA_KILLS", "4"))
KILLS_A_HOME = 3


@pytest.fixture(scope="module")
def summer(nyc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """June and July of 2013, as a file."""
    folder = tmp_path_factory.mktemp("summer")
    header, *rows = (nyc / "readings.csv").read_text().splitlines(keepends=True)
    kept = [row for row in rows if "-06-" in row[:13] or "-07-" in row[:13]]
    (folder / "readings.csv").write_text(header + "".join(kept))
    (folder / "places.csv").write_text((nyc / "places.csv").read_text())
    return folder


def words(summer: Path, home: Path) -> list[str | Path]:
    return [
        "replay", "--places", summer / "places.csv", summer / "readings.csv",
        "--home", home, "--alerts", home.with_suffix(".ndjson"),
    ]  # fmt: skip


def replay(summer: Path, home: Path) -> list[str]:
    return command(*words(summer, home))


def gold(home: Path) -> list[tuple[str, ...]]:
    """Every row of every dataset of GOLD, as texts; of what is no table, its bytes."""
    found: list[tuple[str, ...]] = []
    for folder in sorted((home / "lake" / "gold").iterdir()):
        tables = folder / "**" / "*.parquet"
        query = f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet('{tables}', union_by_name = true)"
        if any(folder.rglob("*.parquet")):
            rows = duckdb.sql(f"{query} ORDER BY ALL").fetchall()
            found += [(folder.name, *row) for row in rows]
        else:
            files = sorted(folder.iterdir())
            found += [(folder.name, file.name, file.read_bytes().hex()) for file in files]
    return found


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill it then; False if it had finished."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_kill_9_at_random_moments_changes_neither_alerts_nor_gold(
    summer: Path, tmp_path: Path
) -> None:
    untouched = tmp_path / "untouched"
    began = time.monotonic()
    subprocess.run(replay(summer, untouched), check=True, capture_output=True)
    duration = time.monotonic() - began
    alerts, rows = untouched.with_suffix(".ndjson").read_bytes(), gold(untouched)
    assert alerts.count(b"\n") > 100
    assert len(rows) > 4000

    chance = random.Random(KILLS)
    killed = 0
    for number in range(5 * KILLS):
        home = tmp_path / f"home-{number}"
        for _ in range(KILLS_A_HOME):
            # One after the other the moments cover the whole of a replay.
            moment = (killed + chance.random()) / KILLS * duration
            process = subprocess.Popen(
                replay(summer, home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            was_killed = kill_after(process, moment)
            killed += was_killed
            if not was_killed or killed == KILLS:
                duration *= 1 if was_killed else 0.9
                break
        finish = subprocess.run(replay(summer, home), check=False, capture_output=True, text=True)
        assert finish.returncode == 0, finish.stderr
        assert home.with_suffix(".ndjson").read_bytes() == alerts
        assert gold(home) == rows
        shutil.rmtree(home)
        if killed == KILLS:
            return
    pytest.fail(f"the replay was killed {killed} times only: it ends too soon to be hit")


def test_a_home_of_another_replay_is_refused_and_left_alone(summer: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert here(*words(summer, home)).returncode == 0
    before = home.with_suffix(".ndjson").read_bytes()
    other = here(
        "replay", "--places", summer / "places.csv", summer / "readings.csv",
        "--rules", "basic", "--home", home, "--alerts", tmp_path / "other.ndjson",
    )  # fmt: skip
    assert other.returncode == 1
    assert "another replay" in other.stderr
    assert "Traceback" not in other.stderr
    assert not (tmp_path / "other.ndjson").exists()
    assert here(*words(summer, home)).returncode == 0
    assert home.with_suffix(".ndjson").read_bytes() == before
