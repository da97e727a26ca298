"""Settings that have to be brought to where they are read, with the files that they name."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from atalaia import rules
from atalaia.errors import SettingsInvalid
from atalaia.settings import Settings, load
from atalaia.settings.places import CAPITALS


def load_brought(bring: Callable[[Path], Path], env: Mapping[str, str]) -> Settings:
    """The settings of a file that has to be brought to where it is read: `bring` puts it, and what
    is `beside` it, into a folder, which goes again. Raises SettingsInvalid, as `load` does."""
    with tempfile.TemporaryDirectory(prefix="atalaia-settings-") as folder:
        file = bring(Path(folder))
        try:
            return load(file, env)
        except SettingsInvalid as error:
            problems = [problem.replace(f"{folder}/", "") for problem in error.problems]
            raise SettingsInvalid(problems) from error


def beside(text: str) -> list[str]:
    """Paths of the files that a settings file or a rule file names and `load` reads, as they stand
    in it.

    For who has to bring them to where it is read; files of keys are none of them. What is no TOML
    names none: `load` says what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return []
    rule_set, places = document.get("rules"), document.get("places")
    extended = document.get("extends", [])
    named = [
        one
        for one in (rule_set, *([extended] if isinstance(extended, str) else extended))
        if isinstance(one, str) and rules.is_file(one)
    ]
    return named + ([places] if isinstance(places, str) and places not in ("", CAPITALS) else [])
