"""Files that people give: read, or why they cannot be."""

from __future__ import annotations

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
