"""Alerts scored against outside events, by local day or by episode.

Comes from `told` (what was warned of, as stretches) and `events` (what happened); goes to the
command `verify`, to `backtest` and to `calibrate`.

By day: a case is a local day at a place. An occurrence is of each day from its start to its end. A
day is an event with `min_events` occurrences or more, and begins with the one that makes it so; it
was warned of when an incident was active in it. Lead runs from the incident's first alert, a
forecast too, or from local midnight if the incident was active then, to the event's start.

By episode: occurrences of which one begins within EPISODE_GAP_S of all others' end are one episode,
and so are stretches that touch. An event is a hit where a warning was active from its start to its
end, or had ended no more than AFTERMATH_S before; a warning without such an event is a false alarm.
Quiet cannot be counted.

Where every event names its place, alerts are held against the events of their own place; otherwise
all of them against all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from atalaia.batch import score as scores
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.score import (
    FALSE_ALARM,
    HIT,
    MISS,
    PARTIAL_QUIET,
    PARTIAL_WARNED,
    QUIET,
    Cases,
    Score,
)
from atalaia.batch.told import Stretches, Words, stretches
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.reading import NO_TIME, Bools, Ints
from atalaia.errors import SettingsInvalid

EPISODE_GAP_S = 12 * 3600
"""Longer without an occurrence, and the next one begins another episode."""

AFTERMATH_S = 6 * 3600
"""Water is reported after the rain: an event may begin so long after its warning ended."""

BLOCK_DAYS = 7
"""Days that follow each other are resampled together, as they share their weather."""

By = Literal["day", "episode"]


class Verified(msgspec.Struct, frozen=True):
    """What was scored, and the scores: of all, and by hazard, level, place, rule, month, year.

    first_day, last_day   local days that were scored, both included
    outside    warned days, at any place, before the first or after the last event: their truth
               may not be on record
    level      of at least that level; month: of the year, 01 … 12
    """

    by: str
    min_events: int
    timezone: str
    first_day: str
    last_day: str
    occurrences: int
    incidents: int
    outside: int
    score: Score
    groups: dict[str, dict[str, Score]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local days that are scored: midnights in Unix seconds, shape (days + 1,)."""

    midnights: Ints
    first: date

    def __len__(self) -> int:
        return len(self.midnights) - 1

    @staticmethod
    def of(first: date, last: date, zone: ZoneInfo) -> Calendar:
        """From first to last, both included. Raises SettingsInvalid where there is no such day."""
        if last < first:
            raise SettingsInvalid([f"there is no day from {first} to {last}; mend --from or --to"])
        days = (first + timedelta(days=i) for i in range((last - first).days + 2))
        return Calendar(np.array([_midnight(day, zone) for day in days], np.int64), first)

    def day(self, at: Ints) -> Ints:
        """The number of each instant's day; negative, or len, for those outside."""
        return np.searchsorted(self.midnights, at, side="right") - 1

    def overlap(self, begins: Ints, ends: Ints) -> Bools:
        """Which stretches of time lie in it, in part at least."""
        overlap: Bools = (_last_instant(begins, ends) >= self.midnights[0]) & (
            begins < self.midnights[-1]
        )
        return overlap

    def dates(self) -> list[date]:
        """Each day."""
        return [self.first + timedelta(days=i) for i in range(len(self))]


@dataclass(frozen=True, slots=True)
class Happened:
    """By day of a calendar: the number of occurrences, and when an event begins (else NO_TIME)."""

    count: Ints
    begins: Ints

    @staticmethod
    def by_day(started_at: Ints, ended_at: Ints, calendar: Calendar, min_events: int) -> Happened:
        """Of occurrences, each on every day from its start to its end."""
        first = calendar.day(started_at)
        last = calendar.day(_last_instant(started_at, ended_at))
        row, day = _each_day(first, last - first + 1)
        inside = (day >= 0) & (day < len(calendar))
        day, started_at = day[inside], started_at[row][inside]
        started_at = np.maximum(started_at, calendar.midnights[day])
        order = np.argsort(started_at, kind="stable")
        started_at, day = started_at[order], day[order]
        count = np.bincount(day, minlength=len(calendar))
        begins = np.full(len(calendar), NO_TIME, np.int64)
        first = np.searchsorted(day, np.arange(len(calendar)))
        is_event = count >= min_events
        begins[is_event] = started_at[first[is_event] + min_events - 1]
        return Happened(count, begins)


def verify(
    told: Iterable[Alert],
    events: Sequence[Occurrence],
    zone: ZoneInfo,
    *,
    hazard: str | None = None,
    by: By = "day",
    min_events: int = 1,
    first_day: date | None = None,
    last_day: date | None = None,
) -> Verified:
    """Score alerts against events. Days left out: from the first to the last of both.

    Raises SettingsInvalid where there is nothing to score.
    """
    warned = stretches(told)
    if hazard is not None:
        warned = warned.take(warned.hazard == hazard)
    if not events:
        raise SettingsInvalid(["there is no event to score against; give --events a record"])
    calendar = _calendar(warned, events, zone, first_day, last_day)
    record = _Period(warned, Occurrences.of(events), calendar, by, min_events)
    inside = calendar.overlap(record.occurrences.started_at, record.occurrences.ended_at)
    active = calendar.overlap(warned.begins, warned.ends)
    return Verified(
        by=by,
        min_events=min_events,
        timezone=zone.key,
        first_day=calendar.first.isoformat(),
        last_day=calendar.dates()[-1].isoformat(),
        occurrences=int(inside.sum()),
        incidents=len(set(warned.incident[active])),
        outside=_outside(record),
        score=record.score(),
        groups=_groups(record),
    )


@dataclass(frozen=True, slots=True)
class Occurrences:
    """n events in columns, by started_at: `ended_at` is started_at where it is not known."""

    started_at: Ints
    ended_at: Ints
    place: Words

    def __len__(self) -> int:
        return len(self.started_at)

    @staticmethod
    def of(events: Sequence[Occurrence]) -> Occurrences:
        """The columns; every place is "" unless each event names its own."""
        ordered = sorted(events, key=lambda event: event.started_at)
        has_places = all(event.place_id for event in ordered)
        return Occurrences(
            np.array([e.started_at for e in ordered], np.int64),
            np.array(
                [e.started_at if e.ended_at is None else e.ended_at for e in ordered], np.int64
            ),
            np.array([e.place_id if has_places else "" for e in ordered], object),
        )


@dataclass(frozen=True, slots=True)
class _Subject:
    """A place, or all of them as one: its rows of the stretches, and what happened there."""

    told: Ints
    happened: Happened | tuple[Ints, Ints]


_NO_ROWS = np.empty(0, np.int64)


class _Period:
    """All stretches and occurrences, of which those of one period are scored, whole or in part.

    What lies outside of the period still counts for what lies inside: a warning that ended an hour
    before its first day, an episode that began then.
    """

    def __init__(
        self,
        warned: Stretches,
        occurrences: Occurrences,
        calendar: Calendar,
        by: By,
        min_events: int,
    ) -> None:
        self.warned = warned
        self.occurrences = occurrences
        self.calendar = calendar
        self._by = by
        self._min_events = min_events
        self.has_places = bool(len(occurrences.place)) and bool(occurrences.place[0])
        told_of, happened_at = _rows_by(warned.place), _rows_by(occurrences.place)
        self.places = sorted({*told_of, *happened_at} if self.has_places else told_of)
        # Each score is of some of the same rows: where they are is looked up once.
        self._subjects = (
            {
                name: _Subject(told_of.get(name, _NO_ROWS), self._happened(happened_at.get(name)))
                for name in self.places
            }
            if self.has_places
            else {"": _Subject(np.arange(len(warned)), self._happened(np.arange(len(occurrences))))}
        )
        self._whole: dict[str, tuple[Cases, Ints]] = {}

    def score(
        self,
        rows: Bools | None = None,
        days: Bools | None = None,
        place: str | None = None,
        *,
        is_of_level: bool = False,
    ) -> Score:
        """Of chosen stretches, of chosen days of the calendar, at one place or at all.

        `is_of_level`: lead runs from when this level was told, not from the incident's first alert.
        """
        warned = self.warned
        if is_of_level:
            warned = replace(warned, told_at=warned.level_told_at)
        subjects = list(self._subjects) if place is None else [place]
        if rows is None and not is_of_level:
            parts = [self._all_of(subject) for subject in subjects]
        else:
            parts = [self._cases(self._subjects[subject], warned, rows) for subject in subjects]
        if days is not None:
            parts = [(cases.take(days[day]), day) for cases, day in parts]
        return scores.score(Cases.concat(cases for cases, _ in parts))

    def _all_of(self, subject: str) -> tuple[Cases, Ints]:
        if subject not in self._whole:
            self._whole[subject] = self._cases(self._subjects[subject], self.warned, None)
        return self._whole[subject]

    def _happened(self, rows: Ints | None) -> Happened | tuple[Ints, Ints]:
        """What an event is: by day, or else when each occurrence began and ended."""
        rows = _NO_ROWS if rows is None else rows
        started_at, ended_at = self.occurrences.started_at[rows], self.occurrences.ended_at[rows]
        if self._by == "day":
            return Happened.by_day(started_at, ended_at, self.calendar, self._min_events)
        return started_at, ended_at

    def _cases(
        self, subject: _Subject, warned: Stretches, rows: Bools | None
    ) -> tuple[Cases, Ints]:
        """The cases, and the day of the calendar that each belongs to."""
        mine = subject.told if rows is None else subject.told[rows[subject.told]]
        told = warned.take(mine)
        if isinstance(subject.happened, Happened):
            return day_cases(warned_from(told, self.calendar), subject.happened), np.arange(
                len(self.calendar)
            )
        return episode_cases(told, *subject.happened, self.calendar, self._min_events)


def warned_from(warned: Stretches, calendar: Calendar) -> Ints:
    """By day: from when it was warned of; NO_TIME: it was not.

    Where the incident was active at the day's beginning already, that is the day's midnight. A
    forecast of hours of this day may have been told the day before.
    """
    out = np.full(len(calendar), np.iinfo(np.int64).max, np.int64)
    first, last = (
        calendar.day(warned.begins),
        calendar.day(_last_instant(warned.begins, warned.ends)),
    )
    first, last = np.maximum(first, 0), np.minimum(last, len(calendar) - 1)
    stretch, day = _each_day(first, np.maximum(last - first + 1, 0))
    midnights = calendar.midnights[day]
    since = np.where(warned.since[stretch] < midnights, midnights, warned.told_at[stretch])
    np.minimum.at(out, day, since)
    return np.where(out == np.iinfo(np.int64).max, NO_TIME, out)


def day_cases(warned_at: Ints, happened: Happened) -> Cases:
    """Each day's outcome, from when it was warned of and from what happened in it."""
    is_warned, is_event = warned_at != NO_TIME, happened.begins != NO_TIME
    is_partial = ~is_event & (happened.count > 0)
    outcome = np.select(
        [is_event & is_warned, is_event, is_partial & is_warned, is_partial, is_warned],
        [HIT, MISS, PARTIAL_WARNED, PARTIAL_QUIET, FALSE_ALARM],
        QUIET,
    )
    lead_s = np.where(outcome == HIT, happened.begins - warned_at, 0)
    return Cases(outcome, np.arange(len(outcome)) // BLOCK_DAYS, lead_s)


def episode_cases(
    warned: Stretches, started_at: Ints, ended_at: Ints, calendar: Calendar, min_events: int
) -> tuple[Cases, Ints]:
    """The outcome of each episode of occurrences, and of each warning that met none.

    An episode is a case of the day on which it begins; a warning that met none, of each calendar
    that it was active in.
    """
    happened = _episodes(started_at, ended_at, min_events)
    told = _merged(warned)
    opens, closes = int(calendar.midnights[0]), int(calendar.midnights[-1])
    outcome, lead_s, at = [], [], []
    is_needed = np.zeros(len(told), bool)
    is_near = np.zeros(len(told), bool)
    for first, begins, ends in happened:
        meets = (told[:, 1] + AFTERMATH_S >= first) & (told[:, 0] <= ends)
        is_event = begins != NO_TIME
        (is_needed if is_event else is_near)[meets] = True
        if not opens <= (begins if is_event else first) < closes:
            continue
        if is_event:
            outcome.append(HIT if meets.any() else MISS)
            lead_s.append(begins - told[meets, 2].min() if meets.any() else 0)
            at.append(begins)
        elif not meets.any():
            outcome.append(PARTIAL_QUIET)
            lead_s.append(0)
            at.append(first)
    is_inside = calendar.overlap(told[:, 0], told[:, 1])
    for row in np.flatnonzero(~is_needed & is_inside):
        outcome.append(PARTIAL_WARNED if is_near[row] else FALSE_ALARM)
        lead_s.append(0)
        at.append(told[row, 0])
    day = np.clip(calendar.day(np.array(at, np.int64)), 0, len(calendar) - 1)
    cases = Cases(
        np.array(outcome, np.int64),
        day // BLOCK_DAYS,
        np.array(lead_s, np.int64),
        can_be_quiet=False,
    )
    return cases, day


def _episodes(started_at: Ints, ended_at: Ints, min_events: int) -> list[tuple[int, int, int]]:
    """(first occurrence, begin of the event or NO_TIME, end) of each episode."""
    if not len(started_at):
        return []
    so_far = np.maximum.accumulate(ended_at)
    cuts = np.flatnonzero(started_at[1:] - so_far[:-1] > EPISODE_GAP_S) + 1
    found = []
    for rows in np.split(np.arange(len(started_at)), cuts):
        is_event = len(rows) >= min_events
        begins = int(started_at[rows[min_events - 1]]) if is_event else int(NO_TIME)
        found.append((int(started_at[rows[0]]), begins, int(ended_at[rows].max())))
    return found


def _merged(warned: Stretches) -> Ints:
    """Stretches that touch as one: (begins, ends, told_at), shape (m, 3)."""
    out: list[list[int]] = []
    for i in np.argsort(warned.begins, kind="stable"):
        begins, ends, told_at = (int(c[i]) for c in (warned.begins, warned.ends, warned.told_at))
        if out and begins <= out[-1][1]:
            out[-1][1] = max(out[-1][1], ends)
            out[-1][2] = min(out[-1][2], told_at)
        else:
            out.append([begins, ends, told_at])
    return np.array(out, np.int64).reshape(-1, 3)


def _groups(record: _Period) -> dict[str, dict[str, Score]]:
    warned = record.warned
    inside = record.calendar.overlap(warned.begins, warned.ends)
    months = np.array([day.month for day in record.calendar.dates()])
    years = np.array([day.year for day in record.calendar.dates()])

    def place(name: str) -> Score:
        if record.has_places:
            return record.score(place=name)
        return record.score(warned.place == name)

    return {
        "hazard": {h: record.score(warned.hazard == h) for h in sorted(set(warned.hazard[inside]))},
        "level": {
            word: record.score(warned.level >= level, is_of_level=True)
            for word, level in LEVEL_OF.items()
            if (warned.level == level)[inside].any()
        },
        "place": {name: place(name) for name in record.places},
        "rule": {
            rule: record.score(warned.rule == rule) for rule in sorted(set(warned.rule[inside]))
        },
        "month": {f"{m:02}": record.score(days=months == m) for m in np.unique(months)},
        "year": {str(y): record.score(days=years == y) for y in np.unique(years)},
    }


def _outside(record: _Period) -> int:
    """Days that were warned of before the first occurrence or after the last."""
    days = np.flatnonzero(warned_from(record.warned, record.calendar) != NO_TIME)
    some = record.occurrences
    inside = record.calendar.overlap(some.started_at, some.ended_at)
    if not inside.any():
        return len(days)
    first = record.calendar.day(some.started_at[inside]).min()
    last = record.calendar.day(_last_instant(some.started_at, some.ended_at)[inside]).max()
    return int(((days < first) | (days > last)).sum())


def _each_day(first: Ints, days: Ints) -> tuple[Ints, Ints]:
    """Of rows that are of so many days from a first one on: each row and day, in order."""
    row = np.repeat(np.arange(len(first)), days)
    return row, first[row] + np.arange(len(row)) - np.repeat(days.cumsum() - days, days)


def _rows_by(words: Words) -> dict[str, Ints]:
    """By word: where it stands."""
    found: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        found.setdefault(word, []).append(row)
    return {word: np.array(rows, np.int64) for word, rows in found.items()}


def _last_instant(begins: Ints, ends: Ints) -> Ints:
    """The last instant of each stretch: its end is no part of it, unless it is all of it."""
    return np.maximum(begins, ends - 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _calendar(
    warned: Stretches,
    events: Sequence[Occurrence],
    zone: ZoneInfo,
    first_day: date | None,
    last_day: date | None,
) -> Calendar:
    happened = Occurrences.of(events)
    starts = happened.started_at.tolist()
    ends = _last_instant(happened.started_at, happened.ended_at).tolist()
    first = first_day or _local_day(min(starts + warned.begins.tolist()), zone)
    last = last_day or _local_day(
        max(ends + _last_instant(warned.begins, warned.ends).tolist()), zone
    )
    return Calendar.of(first, last, zone)


def _local_day(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date()
