"""What a command does not need it does not load: most of a short answer's time is loading."""

from __future__ import annotations

import json
import subprocess
import sys
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

NOT_IN_HELP = IN_NO_ANSWER | {"numpy", "duckdb", "msgspec", "apsw", "pydantic", "rich"}

ROOMS_TO_ASK = {"cli", "domain", "homes", "lake", "report", "rules", "run", "settings", "sources"}


def test_a_command_loads_what_it_needs(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    asked = [["--help"], ["sql", "SELECT 1", "--home", str(tmp_path / "home")]]
    done = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps(asked)],
        capture_output=True,
        check=True,
        cwd=tmp_path,  # where no settings are
        timeout=300,
    )
    of_help, of_sql = (set(json.loads(line)) for line in done.stderr.splitlines())
    assert not of_help & NOT_IN_HELP
    assert not of_sql & IN_NO_ANSWER
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
