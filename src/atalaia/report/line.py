"""One entry of the alert log as a line on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from rich.console import Console
from rich.control import strip_control_codes
from rich.segment import Segment, Segments
from rich.style import Style

from atalaia.domain.alert import LogEntry, instant

_TIME, _OVER = Style.parse("dim"), Style.parse("green")
_COLOURS = {
    "watch": Style.parse("cyan"),
    "yellow": Style.parse("yellow"),
    "orange": Style.parse("dark_orange"),
    "red": Style.parse("bold red"),
}


def say(console: Console, entries: Iterable[LogEntry], language: str) -> None:
    """A line each."""
    said = [part for one in entries for part in line_of(one, language)]
    with suppress(OSError):  # a terminal that has gone must not stop the watch
        console.print(Segments(said))


def line_of(entry: LogEntry, language: str) -> list[Segment]:
    """One entry for the terminal: when, how bad, and the text.

    In the pieces that it is written in: rich's `Text` is cut and looked through letter by letter,
    which on the night when everybody is told was a seventh of all work.
    """
    alert = entry.alert
    text = alert.text[language]
    return [
        Segment(f"{instant(alert.sent_at)[11:16]} ", _TIME),
        Segment(
            f"{alert.type:6} {alert.level:6} ",
            _OVER if alert.is_over else _COLOURS.get(alert.level),
        ),
        Segment(text if text.isprintable() else strip_control_codes(text)),
        Segment.line(),
    ]
