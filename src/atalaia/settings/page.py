"""The settings of the page: detail tiles beneath its map, the one thing that is from elsewhere, and
who may frame its widget."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from atalaia.settings.document import Document, text_of, texts

KEYS = ("page.tiles_url", "page.tiles_attribution", "page.frame_origins")

MOST_ORIGINS = 50

_TILES = re.compile(r"https?://(?:\{s\}\.)?[A-Za-z0-9.:\[\]-]+/[^\s\"'<>;,]*")
_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows besides the outline map.

    tiles_url      template of detail tiles, with {z}, {x} and {y}; empty: none
    attribution    what the tiles' owner wants to be said on the map
    frame_origins  whose pages may show the widget in a frame; none: there is no widget
    """

    tiles_url: str
    attribution: str
    frame_origins: tuple[str, ...]


def read_page(document: Document) -> Page:
    """The table ``[page]``."""
    return Page(
        tiles_url=document.get("page.tiles_url", _tiles, ""),
        attribution=document.get("page.tiles_attribution", text_of, ""),
        frame_origins=document.get("page.frame_origins", _origins, ()),
    )


def _tiles(value: Any) -> str:
    text = text_of(value)
    # It stands in the Content-Security-Policy: nothing may be in it that would loosen that.
    if not _TILES.fullmatch(text) or not all(part in text for part in ("{z}", "{x}", "{y}")):
        raise ValueError(
            "not a template; write for example https://tiles.example.org/{z}/{x}/{y}.png"
        )
    return text


def _origins(value: Any) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(text.lower() for text in texts(value)))
    # They stand in the Content-Security-Policy, too; and one for everybody would be no choice.
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError(
            "not origins; write each as https://www.example.org, without a path "
            "(https://*.example.org: all below it)"
        )
    if len(origins) > MOST_ORIGINS:
        raise ValueError(f"more than {MOST_ORIGINS}; https://*.example.org is all below a name")
    return origins
