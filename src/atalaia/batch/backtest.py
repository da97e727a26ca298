"""What several rule sets would have said of one past, side by side.

Messages are those of a person who follows every place and every hazard from yellow on: entries
that were decided at the same instant come as one message, as fan-out groups them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from atalaia.batch.occurrences import Occurrence
from atalaia.batch.told import stretches
from atalaia.batch.verify import Calendar, Verified, verify, warned_from
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.reading import NO_TIME

MONTH_DAYS = 365.25 / 12


class Backtested(msgspec.Struct, frozen=True):
    """One rule set's record.

    incidents   that were active on one of the days
    messages_a_month   of a person who follows all places and hazards, from yellow on
    warned_days   local days with an incident, of the hazard if one was named
    days_gained, days_lost   days that it warned of and the first set did not; and the other way
    verified      scores against the events; None without events
    """

    rules: str
    incidents: int
    messages: int
    messages_a_month: float
    warned_days: int
    days_gained: list[str]
    days_lost: list[str]
    verified: Verified | None


def backtest(
    logs: Sequence[tuple[str, Sequence[Alert]]],
    events: Sequence[Occurrence],
    zone: ZoneInfo,
    first_day: date,
    last_day: date,
    *,
    hazard: str | None = None,
    min_events: int = 1,
) -> list[Backtested]:
    """Compare the logs of rule sets, each (name, its alerts), over the same days.

    An incident that began before them or ends after them counts, in every column, for what of it
    lies in these days. The first is what the others are held against. `events` may be empty:
    then nothing is scored.
    """
    calendar = Calendar.of(first_day, last_day, zone)
    first: set[int] = set()
    out = []
    for i, (name, told) in enumerate(logs):
        mine = [entry for entry in told if hazard in (None, entry.hazard)]
        warned = stretches(mine)
        days = {int(day) for day in np.flatnonzero(warned_from(warned, calendar) != NO_TIME)}
        active = calendar.overlap(warned.begins, warned.ends)
        first = days if i == 0 else first
        messages = _messages(mine, calendar)
        out.append(
            Backtested(
                rules=name,
                incidents=len(set(warned.incident[active])),
                messages=messages,
                messages_a_month=round(messages / len(calendar) * MONTH_DAYS, 2),
                warned_days=len(days),
                days_gained=_named(days - first, calendar),
                days_lost=_named(first - days, calendar),
                verified=verify(
                    told,
                    events,
                    zone,
                    hazard=hazard,
                    min_events=min_events,
                    first_day=first_day,
                    last_day=last_day,
                )
                if events
                else None,
            )
        )
    return out


def _messages(told: Iterable[Alert], calendar: Calendar) -> int:
    """Instants of these days at which something was told, of what is sent without being asked."""
    loud: set[str] = set()
    instants = set()
    for entry in sorted(told, key=lambda e: (e.incident, e.version)):
        if LEVEL_OF[entry.level] >= Level.YELLOW:
            loud.add(entry.incident)
        # An end is told to those who were told of the beginning, also before these days.
        is_inside = calendar.midnights[0] <= entry.sent_at < calendar.midnights[-1]
        if entry.incident in loud and entry.type != "step" and is_inside:
            instants.add(entry.sent_at)
    return len(instants)


def _named(days: set[int], calendar: Calendar) -> list[str]:
    dates = calendar.dates()
    return [dates[day].isoformat() for day in sorted(days)]
