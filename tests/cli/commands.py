"""Every command of the program, each with words that it can be called with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from atalaia.cli import app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Path_ = tuple[str, ...]


def commands(command: Any = None, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """All that does something: no group that has commands and does nothing by itself."""
    command = typer.main.get_command(app) if command is None else command
    for name, sub in command.commands.items():
        below = getattr(sub, "commands", {})
        if not below or sub.invoke_without_command:
            yield (*path, name), sub
        if below:
            yield from commands(sub, (*path, name))


COMMANDS = dict(commands())

PERSON = "p_0123456789abcdef"
_EVENTS = ("--events", str(EXAMPLES / "events.csv"), "--hazard", "heavy_rain")

OF_A_HOME: dict[Path_, tuple[str, ...]] = {
    ("run",): (),
    ("cut",): ("cut",),
    ("doctor",): ("--quick",),
    ("sql",): ("SELECT count(*) AS n FROM alerts",),
    ("stations",): (),
    ("alerts",): (),
    ("refine",): (),
    ("subscribe",): ("--contact", "inbox", "--place", "Recife"),
    ("confirm",): (PERSON, "123456"),
    ("preview",): ("--place", "Recife"),
    ("stop",): (PERSON,),
    ("export",): (PERSON,),
    ("erase",): (PERSON, "--yes"),
    ("key",): (PERSON,),
    ("wishes",): (),
    ("backup",): ("backup",),
    ("deliveries",): (),
    ("deliveries", "retry"): ("msg_1",),
    ("deliveries", "acknowledge"): (PERSON, "msg_1"),
    ("keys", "rotate"): (),
    ("api-key", "add"): ("reader",),
    ("api-key", "list"): (),
    ("api-key", "remove"): ("k_1",),
    ("verify",): ("--alerts", "gold", *_EVENTS),
    ("record",): (),
    ("backtest",): ("--rules", "inmet", *_EVENTS),
    ("calibrate",): ("--hazard", "heavy_rain", "--write", "w.toml", *_EVENTS[:2]),
    ("climate",): (),
    ("report",): ("--out", "report.html"),
    ("map", "import"): (str(EXAMPLES / "polygons.geojson"),),
}
"""Those that open a home: given with --home."""

OF_FILES: dict[Path_, tuple[str, ...]] = {
    ("replay",): ("--places", str(EXAMPLES / "places.csv"), str(EXAMPLES / "readings.csv")),
    ("tables",): (),
    ("variables",): (),
    ("rules",): (),
    ("init",): ("--place", "Recife, PE", "--file", "made.toml"),
    ("sources", "try"): ("open-meteo",),
    ("config", "check"): (),
    ("restore",): ("a-copy",),
}
"""All others."""
