"""What is going on or foretold as a calendar (RFC 5545): one event an incident.

A calendar that is subscribed to shows an event anew by its UID and SEQUENCE, and drops what is no
longer in it: an incident that ended or was cancelled leaves it. SEQUENCE never decreases (3.8.7.4),
so it is of the incident's newest entry, also where an older one is its gravest part and is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from atalaia.api import cap
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.in_part import places_under
from atalaia.domain.place import Place

MEDIA_TYPE = "text/calendar; charset=utf-8"

LONGEST = 75
"""Octets of a line; what is longer goes on in the next one, after a space."""

_SHORTEST_S = 3600
"""Of an event whose end is not known."""

_PRIORITY = {Level.RED: 1, Level.ORANGE: 3, Level.YELLOW: 5}


class CalendarEvent(NamedTuple):
    """An incident that is open: the entry by which it is shown, and its newest one."""

    entry: LogEntry
    newest: LogEntry


def calendar(
    incidents: Iterable[CalendarEvent], language: str, places: Mapping[str, Place], sender: str
) -> bytes:
    """Incidents that are open, as VCALENDAR in UTF-8."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Atalaia//alerts//EN",
        f"X-WR-CALNAME:{escaped(cap.TITLES[language])}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        *(line for one in incidents for line in _event(one, language, places, sender)),
        "END:VCALENDAR",
    ]
    return "".join(f"{folded(line)}\r\n" for line in lines).encode()


def _event(
    one: CalendarEvent, language: str, places: Mapping[str, Place], sender: str
) -> list[str]:
    entry, newest = one.entry, one.newest.alert
    alert = entry.alert
    begins = alert.onset_at if alert.onset_at is not None else alert.sent_at
    ends = alert.expires_at if alert.expires_at is not None else begins + _SHORTEST_S
    text = cap.clean(alert.text[language])
    where = [places[id_] for id_ in places_under(entry) if id_ in places]
    at = [f"GEO:{where[0].latitude:.5f};{where[0].longitude:.5f}"] if len(where) == 1 else []
    return [
        "BEGIN:VEVENT",
        f"UID:{alert.incident}@{sender.partition('@')[2] or sender}",
        f"SEQUENCE:{newest.version}",
        f"DTSTAMP:{_instant(newest.sent_at)}",
        f"DTSTART:{_instant(begins)}",
        f"DTEND:{_instant(max(ends, begins + 60))}",
        f"SUMMARY:{escaped(cap.headline(alert.text[language]))}",
        f"DESCRIPTION:{escaped(text)}",
        *([f"LOCATION:{escaped(', '.join(place.name for place in where))}"] if where else []),
        *at,
        f"CATEGORIES:{escaped(alert.hazard)},{escaped(alert.level)}",
        f"PRIORITY:{_PRIORITY.get(LEVEL_OF[alert.level], 9)}",
        f"STATUS:{'TENTATIVE' if alert.evidence == 'forecast' else 'CONFIRMED'}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def escaped(text: str) -> str:
    """A TEXT value: backslash, semicolon, comma and line breaks as RFC 5545, 3.3.11, has them."""
    text = re.sub(r"([\\;,])", r"\\\1", text)
    return re.sub(r"\r\n|\r|\n", r"\\n", text)


def folded(line: str) -> str:
    """A line in pieces of at most `LONGEST` octets, none of which cuts a letter in two."""
    pieces, piece, room = [], "", LONGEST
    for letter in line:
        size = len(letter.encode())
        if size > room:
            pieces.append(piece)
            piece, room = " ", LONGEST - 1
        piece += letter
        room -= size
    return "\r\n".join([*pieces, piece])


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
