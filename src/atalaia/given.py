"""What people write: files, or why they cannot be read; on which line of TOML a key stands; what
was meant by a word that is not known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from atalaia.errors import SettingsInvalid


def read_given(path: Path) -> str:
    """The text of a file in UTF-8, a mark of its order of bytes left out.

    Raises SettingsInvalid: ``file:line: what is wrong; what to do``.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsInvalid([f"{path}:1: {reason}; give a file that can be read"]) from error
    except UnicodeDecodeError as error:
        problem = f"{path}:1: not UTF-8 at byte {error.start}; save it as UTF-8"
        raise SettingsInvalid([problem]) from error


def meant(name: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` where something known is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


_HEADER = re.compile(r"(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"((?:\"[^\"]*\"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*=")


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """The line on which each table and key stands; tomllib does not tell.

    It need not be right inside of texts over several lines: a problem there is told by its key.
    """
    lines: dict[tuple[str | int, ...], int] = {}
    seen: dict[tuple[str, ...], int] = {}
    path: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line.strip()):
            names = _names(header[2])
            path = _in_lists(names, seen)
            if header[1] == "[[":
                path = (*_in_lists(names[:-1], seen), names[-1], seen.get(names, 0))
                seen[names] = seen.get(names, 0) + 1
            for depth in range(1, len(path) + 1):
                lines.setdefault(path[:depth], number)
        elif key := _KEY.match(line.strip()):
            whole = (*path, *_names(key[1]))
            for depth in range(len(path) + 1, len(whole) + 1):
                lines.setdefault(whole[:depth], number)
    return lines


def line_of(lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...]) -> int:
    """The line of a key, or of what it stands in; 1 where neither is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _in_lists(names: tuple[str, ...], seen: dict[tuple[str, ...], int]) -> tuple[str | int, ...]:
    """Where a table stands: ``[rule.score]`` belongs to the newest ``[[rule]]``."""
    path: list[str | int] = []
    for depth, name in enumerate(names, 1):
        path.append(name)
        if depth < len(names) and names[:depth] in seen:
            path.append(seen[names[:depth]] - 1)
    return tuple(path)


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
