"""One entry of the alert log as a line on a terminal."""

from __future__ import annotations

from rich.text import Text

from atalaia.domain.alert import LogEntry, instant

_COLOURS = {"watch": "cyan", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}


def line_of(entry: LogEntry, language: str) -> Text:
    """One entry for the terminal: when, how bad, and the text."""
    alert = entry.alert
    is_over = alert.is_over
    colour = "green" if is_over else _COLOURS.get(alert.level, "")
    line = Text(f"{instant(alert.sent_at)[11:16]} ", style="dim")
    line.append(f"{alert.type:6} {alert.level:6} ", style=colour)
    return line.append(alert.text[language])
