"""Scores by day and by episode, minute by minute and in plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from atalaia.batch.occurrences import Occurrence
from atalaia.domain.alert import Alert
from telling import news

MINUTE = 60
HOUR = 3600
DAY = 86_400


@dataclass
class Incident:
    """One that is told at `told_at` of hours from `begins` on, and is over at `ends`."""

    told_at: int
    begins: int
    ends: int

    def log(self, name: str) -> list[Alert]:
        """Its two entries, a forecast if it was told before it began."""
        evidence = "forecast" if self.begins > self.told_at else "observed"
        said = {"level": "yellow", "hazard": "flood", "place": "rio", "evidence": evidence}
        return [
            news(name, 1, "alert", at=self.told_at, onset_at=self.begins, **said).alert,
            news(name, 2, "end", at=self.ends, **said).alert,
        ]


def some(chance: random.Random, start: int, days: int) -> tuple[list[Incident], list[Occurrence]]:
    """Incidents and occurrences, some over several days, on full minutes."""
    incidents, events = [], []
    for _ in range(chance.randint(0, 6)):
        told_at = start + chance.randrange(days * DAY // MINUTE) * MINUTE
        begins = told_at + chance.choice([0, 0, chance.randrange(1, 20) * HOUR])
        incidents.append(Incident(told_at, begins, begins + chance.randrange(1, 4000) * MINUTE))
    for _ in range(chance.randint(1, 8)):
        at = start + chance.randrange(days * DAY // MINUTE) * MINUTE
        lasts = chance.choice([None, None, chance.randrange(1, 4000) * MINUTE])
        events.append(Occurrence(at, None if lasts is None else at + lasts))
    return incidents, events


def by_day(
    incidents: list[Incident],
    events: list[Occurrence],
    zone: ZoneInfo,
    first: date,
    last: date,
    n: int,
) -> tuple[tuple[int, int, int, int], list[float]]:
    """Hits, misses, false alarms and correct quiet of main figures, and the leads in hours."""
    hits = misses = wrong = quiet = 0
    leads = []
    day = first
    while day <= last:
        begins, ends = (
            int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp())
            for d in (day, day + timedelta(days=1))
        )
        starts = sorted(
            max(event.started_at, begins)
            for event in events
            if event.started_at < ends
            and (event.started_at >= begins or (event.ended_at or 0) > begins)
        )
        warned = [
            begins if one.begins < begins else one.told_at
            for one in incidents
            if one.begins < ends and one.ends > begins
        ]
        if len(starts) >= n:
            if warned:
                hits += 1
                leads.append((starts[n - 1] - min(warned)) / HOUR)
            else:
                misses += 1
        elif not starts:
            wrong, quiet = wrong + bool(warned), quiet + (not warned)
        day += timedelta(days=1)
    return (hits, misses, wrong, quiet), sorted(leads)


def by_episode(incidents: list[Incident], events: list[Occurrence]) -> tuple[int, int, int]:
    """Hits, misses and false alarms, of all that ever was."""
    episodes: list[list[int]] = []
    for event in sorted(events, key=lambda e: e.started_at):
        ends = event.ended_at or event.started_at
        if episodes and event.started_at - episodes[-1][1] <= 12 * HOUR:
            episodes[-1][1] = max(episodes[-1][1], ends)
        else:
            episodes.append([event.started_at, ends])
    warned: list[list[int]] = []
    for one in sorted(incidents, key=lambda i: i.begins):
        if warned and one.begins <= warned[-1][1]:
            warned[-1][1] = max(warned[-1][1], one.ends)
        else:
            warned.append([one.begins, one.ends])
    meets = [
        [begins <= last and ends + 6 * HOUR >= first for begins, ends in warned]
        for first, last in episodes
    ]
    hits = sum(any(row) for row in meets)
    return hits, len(episodes) - hits, sum(not any(column) for column in zip(*meets, strict=True))
