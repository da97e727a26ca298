"""What a command does not need it does not load: most of a short answer's time is loading."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from atalaia.cli import program
from atalaia.homes.embedded import open_home

_ASK = """
import json, sys
from atalaia.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["atalaia", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
    print(json.dumps(list(sys.modules)), file=sys.stderr)
"""

IN_NO_ANSWER = {
    "asyncio",
    "ssl",
    "structlog",
    "aiohttp",
    "fastapi",
    "pygments",
    "lxml",
    "zstandard",
}
"""What serves, sends, decodes and logs."""

NOT_TO_ASK = {"cryptography", "rich.progress"}
"""What opens people's keys, and shows how far something is."""

NO_FILES = {f"atalaia.sources.{name}" for name in ("recorded", "readings_csv", "inmet", "by_time")}

NOT_IN_REPLAY = (NOT_TO_ASK | IN_NO_ANSWER | {"duckdb", "atalaia.settings", "atalaia.batch"}) - {
    "zstandard"  # norms are kept so
}
"""Without a home of its own there is no lake to fill, and a bar is for who watches."""

NOT_IN_HELP = IN_NO_ANSWER | {"numpy", "duckdb", "msgspec", "apsw", "pydantic", "rich"}

ROOMS_TO_ASK = {"cli", "domain", "homes", "lake", "report", "rules", "run", "settings", "sources"}


def test_a_command_loads_what_it_needs(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    ask = ["sql", "SELECT 1", "--home", str(tmp_path / "home")]
    of_help, of_programs, of_sql = _loaded(tmp_path, ["--help"], [*ask, "--json"], ask)
    assert not of_help & NOT_IN_HELP
    assert "rich" not in of_programs
    assert not of_sql & (IN_NO_ANSWER | NOT_TO_ASK | NO_FILES)
    assert {name.split(".")[1] for name in of_sql if name.startswith("atalaia.")} - {
        *ROOMS_TO_ASK,
        *(
            "errors",
            "given",
            "logs",
            "notes",
            "open_files",
            "plurals",
            "ports",
            "redact",
            "translated",
            "wrap",
        ),
    } == set()


def test_a_replay_without_a_home_loads_no_lake(tmp_path: Path) -> None:
    places, readings = tmp_path / "places.csv", tmp_path / "readings.csv"
    places.write_text("place_id,name,latitude,longitude,timezone\nrio,Rio,-22.9,-43.2,UTC\n")
    readings.write_text(
        "place_id,valid_at,period_s,kind,rain_mm\nrio,2024-01-01T00:00:00Z,3600,observed,90\n"
    )
    words = ["replay", "--places", str(places), str(readings), "--alerts", str(tmp_path / "told")]
    (of_replay,) = _loaded(tmp_path, words)
    assert "atalaia.detect" in of_replay
    assert not of_replay & NOT_IN_REPLAY


def test_a_past_of_files_is_tried_without_a_lake(tmp_path: Path) -> None:
    places, readings = tmp_path / "places.csv", tmp_path / "readings.csv"
    places.write_text("place_id,name,latitude,longitude,timezone\nrio,Rio,-22.9,-43.2,UTC\n")
    readings.write_text(
        "place_id,valid_at,period_s,kind,rain_mm\nrio,2024-01-01T00:00:00Z,3600,observed,90\n"
    )
    words = ["backtest", "--places", str(places), str(readings), "--rules", "basic", "--json"]
    (of_backtest,) = _loaded(tmp_path, words)
    assert "atalaia.batch.backtest" in of_backtest
    assert not of_backtest & {"duckdb", "atalaia.homes.embedded.lake", *NOT_TO_ASK}


def _loaded(folder: Path, *asked: list[str]) -> Iterator[set[str]]:
    """What is loaded after each of the commands, of which one goes on where the last one was."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps(asked)],
        capture_output=True,
        check=True,
        cwd=folder,  # where no settings are
        timeout=300,
    )
    told = (line for line in done.stderr.splitlines() if line.startswith(b"["))
    return (set(json.loads(line)) for line in told)


_COUNT = """
import atexit, gc, json, sys
def so_far():
    return sum(each["collections"] for each in gc.get_stats())
def tell(before=so_far()):
    print(json.dumps([so_far() - before, gc.get_freeze_count()]), file=sys.stderr)
atexit.register(tell)
sys.argv = ["atalaia", "--help"]
gc.disable()
from atalaia.__main__ import main
gc.enable()
main()
"""


def test_nobody_looks_for_garbage_among_what_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT], capture_output=True, check=True, timeout=300
    )
    times_looked, left_alone = json.loads(done.stderr)
    assert times_looked == 0
    assert left_alone > 10_000


def test_a_command_is_the_same_alone_as_among_all() -> None:
    together = get_command(program())
    assert isinstance(together, TyperGroup)
    assert {"sql", "keys", "config", "doctor"} <= set(together.commands)
    for name, command in together.commands.items():
        alone = get_command(program([name]))
        assert isinstance(alone, TyperGroup)
        assert len(alone.commands) < len(together.commands) / 2
        assert [each.opts for each in alone.commands[name].params] == [
            each.opts for each in command.params
        ]
    assert set(get_command(program(["no-such"])).commands) == set(together.commands)
