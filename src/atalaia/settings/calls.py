"""How many calls a source allows, where the settings say so."""

from __future__ import annotations

from collections.abc import Iterator

from atalaia.settings.document import Document, whole
from atalaia.sources.budget import CallWindow

WINDOWS = {
    "calls_a_minute": ("minute", 60),
    "calls_an_hour": ("hour", 3600),
    "calls_a_day": ("day", 86_400),
}
"""By key of its table: the window's name, and seconds."""


def windows_of(document: Document, at: str) -> Iterator[CallWindow]:
    """Those that its table, at this key, gives."""
    for key, (name, length_s) in WINDOWS.items():
        limit = document.get(f"{at}.{key}", whole(1, 100_000_000), 0)
        if limit:
            yield CallWindow(name, limit, length_s)
