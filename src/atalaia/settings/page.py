"""The settings of the page: detail tiles beneath its map, the one thing that is from elsewhere."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from atalaia.settings.document import Document, text_of

KEYS = ("page.tiles_url", "page.tiles_attribution")

_TILES = re.compile(r"https?://(?:\{s\}\.)?[A-Za-z0-9.:\[\]-]+/[^\s\"'<>;,]*")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows besides the outline map.

    tiles_url    template of detail tiles, with {z}, {x} and {y}; empty: none
    attribution  what the tiles' owner wants to be said on the map
    """

    tiles_url: str
    attribution: str


def read_page(document: Document) -> Page:
    """The table ``[page]``."""
    return Page(
        tiles_url=document.get("page.tiles_url", _tiles, ""),
        attribution=document.get("page.tiles_attribution", text_of, ""),
    )


def _tiles(value: Any) -> str:
    text = text_of(value)
    # It stands in the Content-Security-Policy: nothing may be in it that would loosen that.
    if not _TILES.fullmatch(text) or not all(part in text for part in ("{z}", "{x}", "{y}")):
        raise ValueError(
            "not a template; write for example https://tiles.example.org/{z}/{x}/{y}.png"
        )
    return text
