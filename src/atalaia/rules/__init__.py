"""The rule sets that are shipped, by name, and how a person's own file is found."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from atalaia.domain.rule import RuleSet, parse
from atalaia.errors import SettingsInvalid

SHIPPED = ("inmet", "basic", "climate", "rio-flood")


def load(name_or_file: str) -> RuleSet:
    """A shipped set by its name, or the set in a TOML file.

    Raises SettingsInvalid with a line for each problem.
    """
    if name_or_file in SHIPPED:
        text = (files(__package__) / f"{name_or_file.replace('-', '_')}.toml").read_text("utf-8")
        return parse(text, f"{name_or_file}.toml")
    path = Path(name_or_file)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(SHIPPED)
        raise SettingsInvalid(
            [f"rules {name_or_file!r}: not a shipped set ({known}) and not a file: {error}"]
        ) from error
    return parse(text, str(path))
