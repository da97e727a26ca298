"""The picture of a link that is shared: how it stood, 1200 by 630, as PNG.

A glance → here → `share.py`. It is drawn by resvg (a library of 3 MB, without any other) in the
letters of this package alone, so that it is the same on every machine. A level is told by its sign
and its word; the instant at which it was so, with its zone, is in it, as others keep it for days.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from importlib.resources import files

import resvg_py

from atalaia.domain.hazard import Level
from atalaia.domain.signs import COLOURS
from atalaia.page.glance import Glance
from atalaia.page.glance_signs import sign_of
from atalaia.page.glance_words import GlanceWords
from atalaia.report.svg import Markup, picture, tag

WIDTH, HEIGHT = 1200, 630

_FONTS = [
    str(files("atalaia") / "data" / "fonts" / f"PublicSans-{weight}.ttf")
    for weight in ("Regular", "Bold")
]

# How wide the letters from space to ~ are in bold, in hundredths of their size.
# fmt: off
_WIDTHS = (
    23, 28, 48, 62, 68, 94, 78, 26, 33, 34, 47, 59, 28, 39, 27, 38, 64, 43, 64, 66, 66, 68, 66, 63,
    67, 66, 27, 28, 58, 59, 58, 53, 83, 73, 68, 72, 72, 63, 61, 76, 77, 31, 40, 72, 58, 92, 78, 76,
    65, 77, 70, 69, 62, 72, 70, 97, 72, 67, 67, 34, 38, 34, 48, 55, 26, 57, 61, 55, 61, 58, 40, 63,
    59, 27, 29, 58, 33, 90, 59, 58, 61, 61, 41, 53, 42, 60, 52, 79, 59, 56, 50, 38, 27, 38, 61,
)
# fmt: on
_WIDEST = 115

_OURS = "–—…−"

_LEFT, _RIGHT = 330, 1140
_LIGHT = COLOURS["light"]
_STYLE = Markup(
    "text { font-family: 'Public Sans'; fill: #1d2429; } .b { font-weight: 700; }"
    " .soft { fill: #56616b; }"
    " .sign * { stroke: #1d2429; stroke-width: .07; stroke-linejoin: round; }"
    f" .l1 {{ fill: {_LIGHT['watch']}; }} .l2 {{ fill: {_LIGHT['yellow']}; }}"
    f" .l3 {{ fill: {_LIGHT['orange']}; }} .l4 {{ fill: {_LIGHT['red']}; }}"
    " .sign g circle, .sign g path { fill: none; stroke: #56616b; stroke-width: .14;"
    " stroke-linecap: round; }"
    " .sign g .ring { stroke-dasharray: .42 .366; stroke-linecap: butt; }"
    " .sign g .point { fill: #56616b; stroke: none; }"
)
_TOWER = "M11 14h10l1.6 15H9.4zM7 12 16 5l9 7z"


def png(glance: Glance, say: GlanceWords, at: int) -> bytes:
    """The picture of how it stood at an instant. Takes some 100 ms of one core."""
    drawn = svg(glance, say, at)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=drawn,
            # Names in letters that ours do not have are drawn in the machine's, if in any.
            skip_system_fonts=all(letter in _OURS or letter < "\u0180" for letter in drawn),
            font_files=_FONTS,
            font_family="Public Sans",
        )
    )


def svg(glance: Glance, say: GlanceWords, at: int) -> str:
    """The same, as it is drawn."""
    strip = Level(glance.level).word if glance.level else ""
    return picture(
        [
            tag("style", _STYLE),
            tag("rect", width=WIDTH, height=HEIGHT, fill="#fbfaf7"),
            tag("rect", width=24, height=HEIGHT, fill=_LIGHT.get(strip, "#8b959d")),
            tag("g", sign_of(glance), class_="sign", transform="translate(186 262) scale(96)"),
            *_lines(glance, say),
            *_foot(say, say.clock(at, glance.zone, has_year=True)),
        ],
        WIDTH,
        HEIGHT,
        say.name(glance),
        "share",
    ).replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" ', 1)


def _lines(glance: Glance, say: GlanceWords) -> Iterator[Markup]:
    """Its name, how it stands, and what of it cannot be seen, from the top down."""
    y = 150.0
    for said in wrapped(say.name(glance), 68, 2):
        yield _text(y, said, 68, "b")
        y += 80
    y += 4
    if glance.how != "unknown":
        for said in wrapped(say.state(glance), 46, 3):
            yield _text(y, said, 46)
            y += 58
        if glance.goings:
            yield _text(y - 6, say.when(glance.goings[0], glance.zone), 36, "soft")
            y += 46
    doubts = [*say.doubts(glance), *([say.newest(glance)] if glance.unseen else [])]
    for doubt in doubts:
        for said in wrapped(doubt, 32, 1):
            yield _text(y, said, 32, "soft")
            y += 44


def _foot(say: GlanceWords, at: str) -> Iterator[Markup]:
    yield tag("rect", x=60, y=528, width=WIDTH - 120, height=2, fill="#d3cec4")
    yield tag("path", d=_TOWER, fill="#0e5a5d", transform="translate(56 542) scale(1.9)")
    yield tag("text", "Atalaia", x=124, y=588, font_size=36, class_="b", fill="#0e5a5d")
    yield tag(
        "text", say("as at", at=at), x=_RIGHT, y=572, font_size=30, text_anchor="end", class_="b"
    )
    said = say("not official")
    yield tag("text", said, x=_RIGHT, y=608, font_size=26, text_anchor="end", class_="soft")


def _text(y: float, said: str, size: int, class_: str | None = None) -> Markup:
    return tag("text", said, x=_LEFT, y=y, font_size=size, class_=class_)


def wrapped(said: str, size: int, most: int) -> list[str]:
    """A text in lines that fit between the margins at a size of letters, at most so many; what does
    not go in is an ellipsis."""
    lines: list[str] = []
    for word in _words(said, size):
        if lines and _width(f"{lines[-1]} {word}", size) <= _RIGHT - _LEFT:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and _width(f"{last}…", size) > _RIGHT - _LEFT:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip(' ,')}…"]


def _words(said: str, size: int) -> Iterator[str]:
    """Words; those that fill a line by themselves are cut."""
    for word in said.split():
        part = ""
        for letter in word:
            if part and _width(part + letter, size) > _RIGHT - _LEFT:
                yield part
                part = ""
            part += letter
        yield part


def _width(said: str, size: int) -> float:
    return sum(map(_width_of, said)) * size / 100


def _width_of(letter: str) -> int:
    base = unicodedata.normalize("NFKD", letter)[:1] if letter.isalpha() else letter
    return _WIDTHS[ord(base) - 32] if " " <= base <= "~" else _WIDEST
