"""A message's content → the HTML half of an e-mail.

Styles stand inline, as many mail programs drop all others; one block adds the dark colours for
those that keep it. Nothing is loaded from anywhere. A level is always a word and a shape as well
as a colour.
"""

from __future__ import annotations

from html import escape

from atalaia.domain.message import Content, Part
from atalaia.domain.signs import COLOURS

_BARS = COLOURS["light"]
_OVER = "#6b7280"

_DARK = (
    "@media (prefers-color-scheme: dark){"
    ".page{background:#111827!important;color:#f3f4f6!important}"
    ".part{background:#1f2937!important}"
    ".quiet{color:#d1d5db!important}}"
)
_PAGE = (
    "margin:0;padding:16px;background:#ffffff;color:#111827;"
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:16px;"
    "line-height:1.5"
)
_PART = "margin:0 0 16px;padding:12px 16px;background:#f3f4f6;border-left:6px solid {bar}"
_TITLE = "margin:0 0 8px;font-size:18px;line-height:1.3"
_LINE = "margin:0 0 4px"
_QUIET = "margin:16px 0 0;font-size:14px;color:#4b5563"


def html(content: Content, stop: str) -> str:
    """The whole message as one page; `stop` says how to get no more of these."""
    blocks = [_part(part) for part in content.parts]
    blocks += [_line(f"<strong>{escape(advice)}</strong>") for advice in content.advices()]
    if not content.parts:
        blocks.append(f'<h1 style="{_TITLE}">{escape(content.subject)}</h1>')
    blocks += [
        f'<p class="quiet" style="{_QUIET}">{escape(text)}</p>'
        for text in (content.closing, *content.terms.splitlines(), stop)
        if text
    ]
    return (
        f'<!doctype html><html lang="{escape(content.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(content.subject)}</title><style>{_DARK}</style></head>"
        f'<body class="page" style="{_PAGE}">\n' + "\n".join(blocks) + "\n</body></html>\n"
    )


def _part(part: Part) -> str:
    head, *lines = part.lines()
    bar = _OVER if part.is_over else _BARS.get(part.level, _OVER)
    return (
        f'<div class="part" style="{_PART.format(bar=bar)}">'
        f'<h2 style="{_TITLE}">{escape(head)}</h2>'
        + "".join(_line(escape(line)) for line in lines)
        + "</div>"
    )


def _line(inner: str) -> str:
    return f'<p style="{_LINE}">{inner}</p>'
