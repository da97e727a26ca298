"""The settings of the page: detail tiles beneath its map and layers upon it, which alone are from
elsewhere, and who may frame its widget."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from atalaia.settings.document import Document, duration_of, text_of, texts, whole

AT = "page.layers"

KEYS = ("page.tiles_url", "page.tiles_attribution", "page.frame_origins")

MOST_ORIGINS = 50

LAYER_KEYS = (
    *("url", "label", "attribution"),
    *("min_zoom", "max_zoom", "opacity", "step", "delay"),
)
"""Of each table, below ``page.layers.NAME``."""

MOST_ZOOM = 18
MOST_LAYERS = 12

_TILES = re.compile(r"https?://(?:\{s\}\.)?[A-Za-z0-9.:\[\]-]+/[^\s\"'<>;,]*")
_LAYER = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[^\s\"'<>;,\\]*")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SLOT = re.compile(r"\{([^{}]*)\}")
_SLOTS = ("z", "x", "y", "time")


class MapLayer(msgspec.Struct, frozen=True, kw_only=True):
    """Images upon the map that somebody may switch on: radar, or a model.

    name         as it stands in the settings and in addresses
    label        as people read it
    url          template with {z}, {x} and {y}, and perhaps {time}: an instant in UTC as
                 2026-01-15T14:00:00Z
    attribution  what the images' owner wants to be said on the map
    min_zoom, max_zoom    of the images; nearer than that they are enlarged
    opacity      0.1 to 1
    step_s       of {time}: there are images every so many seconds
    delay_s      of {time}: the newest are so old at least
    """

    name: str
    label: str
    url: str
    attribution: str
    min_zoom: int
    max_zoom: int
    opacity: float
    step_s: int
    delay_s: int

    @property
    def origin(self) -> str:
        """Scheme and host, with its port."""
        return origin_of(self.url)


_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows besides the outline map.

    tiles_url      template of detail tiles, with {z}, {x} and {y}; empty: none
    attribution    what the tiles' owner wants to be said on the map
    layers         what can be switched on
    frame_origins  whose pages may show the widget in a frame; none: there is no widget
    """

    tiles_url: str = ""
    attribution: str = ""
    layers: tuple[MapLayer, ...] = ()
    frame_origins: tuple[str, ...] = ()

    @property
    def origins(self) -> tuple[str, ...]:
        """From where images may come besides the page's own."""
        tiles = [origin_of(self.tiles_url)] if self.tiles_url else []
        return tuple(dict.fromkeys([*tiles, *(layer.origin for layer in self.layers)]))

    @property
    def described(self) -> list[str]:
        """What browsers may ask others for, for `config check`."""
        told = [
            f"page: layer {one.name} from {one.origin}, once switched on" for one in self.layers
        ]
        if self.tiles_url:
            told.append(f"page: tiles from {origin_of(self.tiles_url)}, whenever its map is seen")
        return told


def origin_of(template: str) -> str:
    """Scheme and host of a template; any of the hosts that {s} stands for."""
    parts = urlsplit(template)
    return f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}"


def read_page(document: Document) -> Page:
    """The table ``[page]``."""
    return Page(
        tiles_url=document.get("page.tiles_url", _tiles, ""),
        attribution=document.get("page.tiles_attribution", text_of, ""),
        layers=_layers(document),
        frame_origins=document.get("page.frame_origins", _origins, ()),
    )


def _layers(document: Document) -> tuple[MapLayer, ...]:
    """The tables ``[page.layers.NAME]``, in their order."""
    tables = document.in_file(AT)
    document.also((AT,))
    if not isinstance(tables, dict):
        if tables is not None:
            document.add(AT, f"not a table; write [{AT}.radar]")
        return ()
    if len(tables) > MOST_LAYERS:
        document.add(AT, f"more than {MOST_LAYERS} layers; keep those that people need")
    found = []
    for name, table in tables.items():
        path = (*AT.split("."), name)
        if not _NAME.fullmatch(name) or not isinstance(table, dict):
            says = f"no layer of this name; write [{AT}.radar], with small letters, digits and -"
            document.add(path, says)
            continue
        document.also(f"{AT}.{name}.{key}" for key in LAYER_KEYS)
        document.name_unknown(table, path)
        found.append(_layer(document, name))
    return tuple(found)


def _layer(document: Document, name: str) -> MapLayer:
    at = f"{AT}.{name}"
    if document.raw(f"{at}.url") is None:
        document.add(
            f"{at}.url", 'missing; write for example "https://radar.example.org/{z}/{x}/{y}.png"'
        )
    layer = MapLayer(
        name=name,
        label=document.get(f"{at}.label", text_of, name),
        url=document.get(f"{at}.url", _layer_url, ""),
        attribution=document.get(f"{at}.attribution", text_of, ""),
        min_zoom=document.get(f"{at}.min_zoom", whole(0, MOST_ZOOM), 0),
        max_zoom=document.get(f"{at}.max_zoom", whole(0, MOST_ZOOM), 12),
        opacity=document.get(f"{at}.opacity", _between(0.1, 1.0), 0.7),
        step_s=document.get(f"{at}.step", duration_of(60), 600),
        delay_s=document.get(f"{at}.delay", duration_of(0), 600),
    )
    if layer.min_zoom > layer.max_zoom:
        document.add(f"{at}.min_zoom", f"larger than max_zoom, {layer.max_zoom}; lower it")
    for key in ("step", "delay"):
        if document.raw(f"{at}.{key}") is not None and layer.url and "{time}" not in layer.url:
            document.add(f"{at}.{key}", "url has no {time}; write it there, or leave this out")
    return layer


def _between(lowest: float, highest: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"not a number from {lowest:g} to {highest:g}; write one")  # noqa: TRY004
        if not lowest <= value <= highest:
            raise ValueError(f"not from {lowest:g} to {highest:g}; write a number that is")
        return float(value)

    return read


def _tiles(value: Any) -> str:
    text = text_of(value)
    # It stands in the Content-Security-Policy: nothing may be in it that would loosen that.
    is_template = _TILES.fullmatch(text) and all(part in text for part in ("{z}", "{x}", "{y}"))
    if not is_template or not _has_host(text):
        raise ValueError(
            "not a template; write for example https://tiles.example.org/{z}/{x}/{y}.png"
        )
    return text


def _layer_url(value: Any) -> str:
    """A template whose host is one that can stand in the policy, and whose slots are known."""
    text = text_of(value)
    slots = _SLOT.findall(text)
    example = "https://radar.example.org/{time}/{z}/{x}/{y}.png"
    if not _LAYER.fullmatch(text) or "{" in _SLOT.sub("", text) or "}" in _SLOT.sub("", text):
        raise ValueError(f"not a template of one host; write for example {example}")
    if unknown := [slot for slot in slots if slot not in _SLOTS]:
        known = ", ".join(f"{{{slot}}}" for slot in _SLOTS)
        raise ValueError(f"{{{unknown[0]}}} is unknown; there are {known}")
    if missing := [slot for slot in _SLOTS[:3] if slot not in slots]:
        raise ValueError(f"{{{missing[0]}}} is missing; write for example {example}")
    if not _has_host(text):
        raise ValueError(f"the host's port is none; write for example {example}")
    return text


def _has_host(template: str) -> bool:
    """Whether there can be such a host, with such a port."""
    try:
        return urlsplit(template).port != 0
    except ValueError:
        return False


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
