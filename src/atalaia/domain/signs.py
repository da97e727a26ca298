"""How each level looks, on the page, in reports and in messages: one table of shapes and colours.

The page has the same in its own files (`levels.js`, `style/base.css`), as it is served without
being built; `tests/page/test_signs.py` reads all of them. A level is told by its shape and by its
word, too: no version of the colours has to be told apart by colour alone.
"""

from __future__ import annotations

from math import cos, pi, sin

import msgspec

from atalaia.domain.hazard import Level

Corner = tuple[float, float]


class LevelSign(msgspec.Struct, frozen=True):
    """One level's sign.

    shape    its name
    corners  in a square from -1 to 1, y downwards; none: a circle
    radius   of the circle; 0 where there are corners
    emoji    the same shape in the same colour, for text
    """

    shape: str
    corners: tuple[Corner, ...]
    radius: float
    emoji: str


def _octagon(radius: float) -> tuple[Corner, ...]:
    angles = ((i + 0.5) * pi / 4 for i in range(8))
    return tuple((radius * cos(angle), radius * sin(angle)) for angle in angles)


SIGNS = {
    Level.WATCH: LevelSign("circle", (), 0.9, "🔵"),
    Level.YELLOW: LevelSign("triangle", ((0, -1.02), (1.02, 0.78), (-1.02, 0.78)), 0, "⚠️"),
    Level.ORANGE: LevelSign("diamond", ((0, -1.12), (1.12, 0), (0, 1.12), (-1.12, 0)), 0, "🔶"),
    Level.RED: LevelSign("octagon", _octagon(1.08), 0, "🛑"),
}

COLOURS = {
    "light": {"watch": "#2d7fb0", "yellow": "#f0b400", "orange": "#ec7211", "red": "#c41230"},
    "dark": {"watch": "#59aede", "yellow": "#ffcb2e", "orange": "#ff8a2b", "red": "#ef3b52"},
    "safe": {"watch": "#56b4e9", "yellow": "#f7e04b", "orange": "#d55e00", "red": "#6b0018"},
    "safe-dark": {"watch": "#3d8fd1", "yellow": "#fff3a1", "orange": "#e8892f", "red": "#c2185b"},
    "print": {"watch": "#c3dcea", "yellow": "#fff2a8", "orange": "#d9822b", "red": "#7d0a1c"},
}
"""By version: on a light and on a dark ground; for eyes that tell red from green badly, on both; on
paper, where each is darker than the one before, watch aside, also in grey."""


VERSIONS = {
    "ordinary": ("light", "dark", "print"),
    "colour-blind": ("safe", "safe-dark", "print"),
}
"""What somebody may choose: on a light ground, on a dark one, on paper."""


def css(version: str) -> str:
    """One of `VERSIONS` as a style sheet's variables."""
    light, dark, paper = (
        " ".join(f"--{level}: {colour};" for level, colour in COLOURS[one].items())
        for one in VERSIONS[version]
    )
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"@media print {{ :root {{ {paper} }} }}\n"
    )
