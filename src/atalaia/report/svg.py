"""Markup put together by small functions: every text and attribute is escaped on its way in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import count
from math import ceil, floor, log10

from atalaia.domain.hazard import Level
from atalaia.domain.signs import SIGNS


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


_EMPTY_ELEMENTS = {"meta", "br", "line", "circle", "rect", "path", "polyline", "polygon", "use"}


def tag(name: str, /, *children: str | float | None, **attributes: str | float | None) -> Markup:
    """An element. ``class_`` is `class`, other underscores are hyphens; None is left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY_ELEMENTS and not children:
        return Markup(f"<{name}{told}/>")
    inner = "".join(
        child if isinstance(child, Markup) else escape(_text(child))
        for child in children
        if child is not None
    )
    return Markup(f"<{name}{told}>{inner}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Markup after markup."""
    return Markup("".join(parts))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


class Numbers:
    """Gives each picture of a page an id of its own."""

    def __init__(self) -> None:
        self._next = count(1)

    def new(self) -> str:
        """The next one."""
        return f"p{next(self._next)}"


def picture(
    parts: Iterable[str], width: float, height: float, title: str, name: str, class_: str = ""
) -> Markup:
    """An SVG that scales with its column, and says in words what it shows."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}t"),
        *parts,
        viewBox=f"0 0 {_text(width)} {_text(height)}",
        role="img",
        aria_labelledby=f"{name}t",
        class_=class_ or None,
    )


def text(x: float, y: float, said: str, class_: str = "", anchor: str | None = None) -> Markup:
    """A line of text with its baseline at y."""
    return tag("text", said, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through the points."""
    return tag("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


def mark(x: float, y: float, size: float, level: int, title: str | None = None) -> Markup:
    """A level's own shape (`domain/signs.py`), so that it can be told without colour.

    `size` is about half of its width. Calm is a small disc.
    """
    class_ = f"m l{level}"
    inside = [] if title is None else [tag("title", title)]
    sign = SIGNS.get(Level(level))
    if sign is None or not sign.corners:
        return tag("circle", *inside, cx=x, cy=y, r=size, class_=class_)
    corners = ((x + 1.1 * size * dx, y + 1.1 * size * dy) for dx, dy in sign.corners)
    d = "M" + "L".join(f"{cx:.1f} {cy:.1f}" for cx, cy in corners) + "Z"
    return tag("path", *inside, d=d, class_=class_)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, about so many."""
    span = max(high - low, 1e-9)
    raw = span / max(about, 1)
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(i * step, 9) for i in range(first, last + 1)]
