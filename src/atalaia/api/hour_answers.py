"""How things stood at each full hour of the last days and what is announced for the next ones, and
the newest values at all places: columns, for maps.

Made once for all who ask. What may block (the log, GOLD) goes to threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.api.cached import AnswerCache, JsonAnswer
from atalaia.api.log_past import LogPast, Stood
from atalaia.api.shown import Shown
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.hazard import CERTAINTY, Hazard
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.seen import HOUR_S, reach_of

PAST_H = 7 * 24
AHEAD_H = 48
_FORECAST = CERTAINTY[Kind.FORECAST]


class NewestValues(NamedTuple):
    """The newest value at each place that has one, column by column, by the places' positions; of
    an amount what the hour until then brought."""

    place: Ints
    value: Floats
    valid_at: Ints
    source: Ints
    kind: Ints


class HourAnswers:
    """Makes the answers. All but threads happens on the event loop."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._past = LogPast(shown.state, shown.view)
        self._answers = AnswerCache(1 + len(CATALOGUE))
        self._one = asyncio.Lock()

    async def hours(self) -> JsonAnswer:
        """How things stood, and what is announced."""
        shown = self._shown
        async with self._one:  # who comes meanwhile has the same answer
            now = int(shown.now())
            version = (shown.view.version, now // 300)
            held = self._answers.get(("hours",), version)
            if held is not None:
                return held
            since = now // HOUR_S * HOUR_S - PAST_H * HOUR_S
            seen = await shown.history.seen(since, PAST_H + 1, reach_of(shown.expected_s))
            stood, known = await asyncio.to_thread(self._past.stood, since)
            body = await asyncio.to_thread(self._body, now, since, known, seen, stood)
            return self._answers.put(("hours",), version, body)

    def _body(self, now: int, since: int, known: int, by_gold: Bools, stood: list[Stood]) -> bytes:
        place_of, ids = self._shown.places.position, [one.id for one in self._shown.places]
        ahead = _announced(self._shown.view.now.parts, now)
        weather = [row for row in stood if row.hazard != Hazard.CANNOT_SEE]
        rows = [row for row in weather + ahead if row.place in place_of]
        keys = {key: i for i, key in enumerate(dict.fromkeys(row.incident for row in rows))}
        seen = self._seen(by_gold, since, known)
        for row in stood:
            if row.hazard == Hazard.CANNOT_SEE and row.place in place_of:
                first = -(-(row.since - since) // HOUR_S)
                last = seen.shape[1] if row.until is None else -(-(row.until - since) // HOUR_S)
                seen[place_of[row.place], max(0, first) : max(0, last)] = False
        place, first_unseen, last_unseen = _runs(~seen)
        return msgspec.json.encode(
            {
                "now": instant(now),
                "begins_at": instant(since),
                "known_since": instant(known),
                "hours": PAST_H + 1,
                "hours_ahead": AHEAD_H,
                "places": ids,
                "incidents": list(keys),
                "stood": {
                    "incident": [keys[row.incident] for row in rows],
                    "place": [place_of[row.place] for row in rows],
                    "hazard": [row.hazard for row in rows],
                    "level": [row.level for row in rows],
                    "since": [row.since for row in rows],
                    "until": [row.until for row in rows],
                    "is_ahead": [i >= len(rows) - len(ahead) for i in range(len(rows))],
                },
                "unseen": {"place": place, "first": first_unseen, "last": last_unseen},
            }
        )

    def _seen(self, by_gold: Bools, since: int, known: int) -> Bools:
        """Shape (places, hours): what GOLD has, and what came since it was made; nothing before the
        log is known from."""
        at = since + HOUR_S * np.arange(by_gold.shape[1])
        sight = self._shown.sight()
        newest, until = sight.newest_at[:, None], sight.until[:, None]
        has_come = (newest != NO_TIME) & (at >= newest) & (at <= until)
        seen: Bools = (by_gold | has_come) & (at >= known)
        return seen

    async def values(self, variable: str) -> JsonAnswer:
        """The newest values of a variable, of those of the last hours."""
        held = self._values_held(variable)
        if held is not None:
            return held
        async with self._one:
            if (held := self._values_held(variable)) is not None:  # by who came just before
                return held
            minute = self._minute()
            readings = await self._shown.history.newest(variable)
            body = await asyncio.to_thread(self._values, variable, readings)
            return self._answers.put(("values", variable), minute, body)

    def _values_held(self, variable: str) -> JsonAnswer | None:
        return self._answers.get(("values", variable), self._minute())

    def _minute(self) -> int:
        return int(self._shown.now()) // 60

    def _values(self, variable: str, readings: Readings) -> bytes:
        ids = [one.id for one in self._shown.places]
        found = newest_values(readings, variable)
        return msgspec.json.encode(
            {
                "now": instant(int(self._shown.now())),
                "variable": variable,
                "unit": CATALOGUE[variable].unit,
                "period_s": HOUR_S if CATALOGUE[variable].is_sum else 0,
                "place": [ids[place] for place in found.place.tolist()],
                "value": found.value.round(3).tolist(),
                "valid_at": found.valid_at.tolist(),
                "source": [readings.sources[source] for source in found.source.tolist()],
                "kind": [Kind(kind).word for kind in found.kind.tolist()],
            }
        )


def _announced(parts: Iterable[LogEntry], now: int) -> list[Stood]:
    """What is known of the hours to come: forecasts, and official warnings, for as long as they
    say. What is measured now may be over any moment, and is none of it."""
    found = []
    for entry in parts:
        alert = entry.alert
        is_told = alert.certainty == _FORECAST or entry.official is not None
        if alert.hazard == Hazard.CANNOT_SEE or not is_told:
            continue
        begins = entry.opened_at if alert.onset_at is None else alert.onset_at
        if alert.expires_at is not None and alert.expires_at > max(now, begins):
            told = alert.incident, alert.hazard, alert.level, begins, alert.expires_at
            found += [Stood(place, *told) for place in entry.places]
    return found


def _runs(flags: Bools) -> tuple[list[int], list[int], list[int]]:
    """Shape (rows, n) → row, first and last position of each run of True."""
    edges = np.diff(np.pad(flags.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1] - 1
    return row.tolist(), first.tolist(), last.tolist()


def newest_values(readings: Readings, variable: str) -> NewestValues:
    """The newest value at each place, whichever source has it; of an amount that of an hour: one
    row of an hour, or shorter ones that cover it without a hole, else it is missing."""
    column = readings.values.get(variable, np.full(len(readings), np.nan))
    is_sum = CATALOGUE[variable].is_sum
    period = readings.period_s if is_sum else np.zeros_like(readings.period_s)
    keys = (readings.place, readings.source, period, readings.valid_at)
    order = np.lexsort((readings.known_at, *reversed(keys)))
    of_use = ~np.isnan(column)
    if is_sum:
        of_use &= (period > 0) & (period <= HOUR_S)
    order = order[of_use[order]]
    place, source, length, at = (key[order].astype(np.int64) for key in keys)
    value, kind = column[order], readings.kind[order]
    is_series = _changes(place, source, length)
    is_last = np.append((is_series | _changes(at))[1:], True)[
        : len(order)
    ]  # of what was told twice
    series = np.cumsum(is_series)[is_last] - 1
    place, source, length, at, value, kind = (
        each[is_last] for each in (place, source, length, at, value, kind)
    )
    newest = np.append(np.diff(series) != 0, True)[: len(series)]
    if is_sum:
        within = at > at[newest][series] - HOUR_S
        is_whole = np.bincount(series[within], minlength=newest.sum()) * length[newest] == HOUR_S
        total = np.bincount(series, np.where(within, value, 0.0), minlength=newest.sum())
        value = total[series]
        newest[newest] = is_whole
    found = np.flatnonzero(newest)
    # The newest of a place; of equal ones the first source.
    found = found[np.lexsort((-found, at[found], place[found]))]
    found = found[np.append(np.diff(place[found]) != 0, True)[: len(found)]]
    return NewestValues(place[found], value[found], at[found], source[found], kind[found])


def _changes(*columns: Ints) -> Bools:
    """Shape (rows,): where a row differs from the one before it; the first one does."""
    found: Bools = np.zeros(len(columns[0]), bool)
    for column in columns:
        found[1:] |= np.diff(column) != 0
    found[:1] = True
    return found
