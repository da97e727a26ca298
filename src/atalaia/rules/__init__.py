"""The rule sets that are shipped, by name, and how a person's own file is found."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from atalaia.domain.rule import RuleSet
from atalaia.errors import SettingsInvalid
from atalaia.rules.read import parse

SHIPPED = (
    "inmet",
    "inmet-quiet",
    "basic",
    "climate",
    "rio-flood",
    "rio-flood-limits",
    "air-quality",
    "air-quality-who",
    "air-quality-br",
    "river-flood",
    "sea",
    "thunderstorm",
    "thunderstorm-severe",
    "fire-weather",
    "landslide-rio",
    "landslide-sao-paulo",
    "landslide-seattle",
    "landslide-world",
)


def load(name_or_file: str) -> RuleSet:
    """A shipped set by its name, or the set in a TOML file and in those that it extends.

    Raises SettingsInvalid with a line for each problem.
    """
    return parse(*text_of(name_or_file), lambda name: text_of(_beside(name, name_or_file)))


def text_of(name_or_file: str) -> tuple[str, str]:
    """The text of a set as it is written, and what it is called in problems."""
    if name_or_file in SHIPPED:
        text = (files(__package__) / f"{name_or_file.replace('-', '_')}.toml").read_text("utf-8")
        return text, f"{name_or_file}.toml"
    path = Path(name_or_file)
    try:
        return path.read_text("utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(SHIPPED)
        raise SettingsInvalid(
            [f"rules {name_or_file!r}: not a shipped set ({known}) and not a file: {error}"]
        ) from error


def _beside(name: str, file: str) -> str:
    """A file that another one names is meant from where that one is."""
    return name if name in SHIPPED else str(Path(file).parent / Path(name).expanduser())


def is_file(name: str) -> bool:
    """Whether a set is named by the path of its file, and not as one that is shipped."""
    return name not in SHIPPED and (name.endswith(".toml") or "/" in name)
