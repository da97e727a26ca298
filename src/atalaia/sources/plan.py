"""What a source is asked, and when: pure, and without the HTTP client that asks it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Floats, Ints
from atalaia.sources import open_meteo, tomorrow_io
from atalaia.sources.metar import asked
from atalaia.sources.metar import decoder as metar
from atalaia.sources.request import SourceRequest
from atalaia.sources.schedule import (
    NEAR,
    Due,
    PollCadence,
    due,
    due_within_budget,
    intervals,
    most_a_day,
)

_DAY_S = 86_400
_SLOWEST_UPDATE_S = 900
"""Open-Meteo's current values are made anew every quarter of an hour: no sooner is one missing."""


class Plan(Protocol):
    """What one source is asked, and when. Pure: it sends nothing and reads no clock."""

    name: str
    contents: tuple[str, ...]
    expected_s: int
    """Interval at which a place's values are expected, for telling silence; 0: of no place."""

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """What to ask now, first things first. `last` has a column for each of `contents`."""
        ...

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """The requests for what is due, each with what it asks; in the same order."""
        ...


class OpenMeteoPlan:
    """Open-Meteo: all places, many a request.

    expected_s  interval at which a place's values are expected, for telling silence
    """

    name = open_meteo.NAME
    contents: tuple[str, ...] = (open_meteo.FORECAST,)

    def __init__(
        self,
        places: Places,
        pace: PollCadence,
        *,
        is_adaptive: bool,
        base_url: str = open_meteo.BASE_URL,
    ) -> None:
        self._places = places
        self._pace = pace if is_adaptive else PollCadence(pace.near_s, pace.near_s)
        self._base_url = base_url
        calm = np.zeros(len(places))
        self.expected_s = max(_SLOWEST_UPDATE_S, _affordable(calm, self._pace).calm_s)

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. A place that would soon count as unseen goes first."""
        del left  # a request that finds no calls left waits for some
        asked_at = last[open_meteo.FORECAST]
        closeness = _with_unseen(now, asked_at, nearness, self.expected_s)
        pace = _affordable(closeness, self._pace)
        return [
            Due(open_meteo.FORECAST, place)
            for place in due(now, asked_at, closeness, pace).tolist()
        ]

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        size = open_meteo.MOST_PLACES
        groups = [list(asked[i : i + size]) for i in range(0, len(asked), size)]
        return [
            (request, group)
            for group in groups
            for request in open_meteo.requests(
                (self._places[one.place] for one in group), base_url=self._base_url
            )
        ]


class TomorrowIoPlan:
    """Tomorrow.io: one place a call, those near or over a limit first.

    expected_s  as calm places are asked on a calm day, but no shorter than five minutes
    """

    name = tomorrow_io.NAME
    contents: tuple[str, ...] = ("realtime", "forecast")

    def __init__(
        self,
        places: Places,
        *,
        key: str,
        interval_s: int,
        forecast_s: int,
        is_adaptive: bool,
        base_url: str = tomorrow_io.BASE_URL,
    ) -> None:
        self._places = places
        self._key = key
        self._pace = PollCadence(near_s=interval_s)
        self._forecast_s = forecast_s
        self._is_adaptive = is_adaptive
        self._base_url = base_url
        every = intervals(len(places), 0, most_a_day(self.name), self._pace, forecast_s)
        self._calls_for_now = most_a_day(self.name) - len(places) * _DAY_S / every.forecast_s
        self.expected_s = max(300, math.ceil(every.calm_s) if is_adaptive else interval_s)

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`."""
        if not self._is_adaptive:
            return [
                Due(content, place)
                for content, every_s in zip(
                    self.contents, (self._pace.near_s, self._forecast_s), strict=True
                )
                for place in np.flatnonzero(_age(now, last[content]) >= every_s).tolist()
            ]
        # A storm takes most of the calls, but each calm place is asked at least every second
        # expected interval, or it would be taken for unseen: then as if it were near a limit,
        # after those that are.
        near = int((np.nan_to_num(nearness) >= NEAR).sum())
        closeness = _with_unseen(now, last["realtime"], nearness, self.expected_s)
        return due_within_budget(
            now,
            last,
            closeness,
            left,
            source=self.name,
            pace=PollCadence(near_s=self._near_s(near)),
            forecast_s=self._forecast_s,
        )

    def _near_s(self, near: int) -> int:
        """The interval for so many places near a limit that leaves the calm ones their calls."""
        for_calm = (len(self._places) - near) * _DAY_S / (2 * self.expected_s)
        left = max(1.0, self._calls_for_now - for_calm)
        return max(self._pace.near_s, math.ceil(near * _DAY_S / left))

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        return [
            (request, [one])
            for one in asked
            for request in tomorrow_io.requests(
                (self._places[one.place],),
                key=self._key,
                content=one.content,
                base_url=self._base_url,
            )
        ]


class MetarPlan:
    """Aerodromes, all in a request: they are no places, and so are silent at none."""

    name = metar.NAME
    contents: tuple[str, ...] = (metar.JSON,)
    expected_s = 0

    def __init__(
        self, stations: Sequence[str], interval_s: int, base_url: str = asked.BASE_URL
    ) -> None:
        self._stations = stations
        self._interval_s = interval_s
        self._base_url = base_url

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. When it was asked last stands at the first place."""
        del nearness, left
        age = _age(now, last[metar.JSON][:1])
        return [Due(metar.JSON, 0)] if (age >= self._interval_s).any() else []

    def requests(self, due: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        found = asked.requests(self._stations, self._base_url) if due else ()
        return [(request, list(due)) for request in found]


def _affordable(closeness: Floats, pace: PollCadence) -> PollCadence:
    """Open-Meteo's pace, slowed down until a day of it fits into a day's calls.

    First the places near a limit are asked less often; only where even calm polling of all does
    not fit, the calm ones too.
    """
    a_place = open_meteo.calls_per_place() * _DAY_S
    allowed = 0.95 * most_a_day(open_meteo.NAME)  # requests of few places round up
    calm_s = max(pace.calm_s, math.ceil(len(closeness) * a_place / allowed))
    near_s = min(pace.near_s, calm_s)

    def calls_a_day(near_s: int) -> float:
        return float((a_place / (calm_s + (near_s - calm_s) * closeness)).sum())

    while near_s < calm_s and calls_a_day(near_s) > allowed:
        near_s = min(calm_s, math.ceil(near_s * 1.25))
    return PollCadence(near_s, calm_s)


def _with_unseen(now: int, last: Ints, nearness: Floats, expected_s: int) -> Floats:
    """Nearness, raised to `NEAR` for places that were not asked for two expected intervals."""
    age = _age(now, last)
    is_unseen = (age >= 2 * expected_s) & np.isfinite(age)
    closeness: Floats = np.clip(np.nan_to_num(nearness), 0, 1)
    return np.where(is_unseen, np.maximum(closeness, NEAR), closeness)


def _age(now: int, last: Ints) -> Floats:
    """Seconds since each was asked, infinite where it never was."""
    return np.where(last == NO_TIME, np.inf, now - np.where(last == NO_TIME, 0, last))
