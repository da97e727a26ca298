"""Outside events that alerts are scored against: what happened, told by somebody else.

`EVENTS.csv` is ``started_at,ended_at,latitude,longitude,place_id,severity``; only the first column
is needed. A time with an offset is taken at its word, one without is local time of the zone that
the caller names. Latitude and longitude 0 together mean "not known", as many records write it.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from atalaia.errors import SettingsInvalid

COLUMNS = ("started_at", "ended_at", "latitude", "longitude", "place_id", "severity")
"""Of EVENTS.csv. Others are passed over."""


class Occurrence(msgspec.Struct, frozen=True):
    """One occurrence.

    started_at, ended_at   Unix seconds; ended_at None: not known
    latitude, longitude    WGS 84 degrees; None: not known
    place_id               the place or area that it happened in; None: not said
    severity               as its record words it; None: not said
    """

    started_at: int
    ended_at: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    place_id: str | None = None
    severity: str | None = None


def read_events(path: Path, zone: ZoneInfo) -> list[Occurrence]:
    """The events of a file, by started_at. SettingsInvalid has a line for each fault."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsInvalid([f"{path}: {error.strerror}; give a CSV file in UTF-8"]) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid([f"{path}:1: {error}; give a CSV file in UTF-8"]) from error
    reader = csv.DictReader(text.splitlines())
    if "started_at" not in (reader.fieldnames or ()):
        raise SettingsInvalid(
            [f"{path}:1: no column started_at; write {','.join(COLUMNS)}, with commas between"]
        )
    events: list[Occurrence] = []
    problems: list[str] = []
    for row in reader:
        try:
            events.append(_event(row, zone))
        except ValueError as error:
            problems.append(f"{path}:{reader.line_num}: {error}; mend the line")
    if not events and not problems:
        problems.append(f"{path}:2: no event; without one nothing can be scored")
    if problems:
        raise SettingsInvalid(problems)
    return sorted(events, key=lambda event: event.started_at)


def _event(row: dict[str, str | None], zone: ZoneInfo) -> Occurrence:
    said = {name: (row.get(name) or "").strip() for name in COLUMNS}
    started_at = _seconds(said["started_at"], zone)
    ended_at = _seconds(said["ended_at"], zone) if said["ended_at"] else None
    if ended_at is not None and ended_at < started_at:
        raise ValueError(f"ended_at {said['ended_at']} is before started_at")
    where = [_degrees(name, said[name]) for name in ("latitude", "longitude")]
    if None in where or where == [0.0, 0.0]:
        where = [None, None]
    return Occurrence(
        started_at, ended_at, where[0], where[1], said["place_id"] or None, said["severity"] or None
    )


def _degrees(name: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{name} {text!r} is no number; write degrees, such as -22.9") from None


def _seconds(text: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2018-02-15T00:40:00-02:00") from None
    aware = at if at.tzinfo else at.replace(tzinfo=zone)
    return int(aware.astimezone(UTC).timestamp())
