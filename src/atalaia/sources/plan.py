"""What a source is asked, and when: pure, and without the HTTP client that asks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME, Floats, Ints
from atalaia.sources import open_meteo_apis, tomorrow_io
from atalaia.sources.budget import CallWindow, limits_of
from atalaia.sources.metar import asked
from atalaia.sources.metar import decoder as metar
from atalaia.sources.open_meteo_apis import CONTENT, Endpoint
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

WORTH_ASKING = 0.5
"""How near a limit a place's forecast comes, as `schedule.Nearness` says it, for an ensemble to be
asked of it each time: within one step between limits, and of amounts at least half of the limit."""

CALM_ROUNDS = 4
"""An ensemble that runs four times a day is asked once a day of a place whose forecast is calm."""

_DAY_S = 86_400
_SLOWEST_UPDATE_S = 900
"""Open-Meteo's current values are made anew every quarter of an hour: no sooner is one missing."""


class Plan(Protocol):
    """What one source is asked, and when. Pure: it sends nothing and reads no clock."""

    name: str
    contents: tuple[str, ...]
    expected_s: int
    """Interval at which a place's values are expected, for telling silence; 0: of no place."""
    windows: tuple[CallWindow, ...]
    """How many calls it allows."""
    is_by_forecast: bool
    """Whether it goes by how near a limit a place's forecast comes, and not by how it is now."""

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """What to ask now, first things first. `last` has a column for each of `contents`,
        `nearness` of each place what the plan goes by (`schedule.Nearness`)."""
        ...

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """The requests for what is due, each with what it asks; in the same order."""
        ...


class OpenMeteoPlan:
    """Open-Meteo's forecast: all places, many a request.

    further     the APIs that are asked besides the forecast: what they take is not there for it
    expected_s  interval at which a place's values are expected, for telling silence
    """

    name = open_meteo_apis.NAME
    contents: tuple[str, ...] = (CONTENT,)
    windows = limits_of(name)
    is_by_forecast = False

    def __init__(
        self,
        places: Places,
        pace: PollCadence,
        *,
        is_adaptive: bool,
        base_url: str = open_meteo_apis.BASE_URL,
        further: Sequence[Endpoint] = (),
    ) -> None:
        self._places = places
        self._pace = pace if is_adaptive else PollCadence(pace.near_s, pace.near_s)
        self._base_url = base_url
        self._calls_a_day = calls_for_forecast(len(places), further)
        self.expected_s = max(_SLOWEST_UPDATE_S, self._affordable(np.zeros(len(places))).calm_s)

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. A place that would soon count as unseen goes first."""
        del left  # a request that finds no calls left waits for some
        asked_at = last[CONTENT]
        closeness = _with_unseen(now, asked_at, nearness, self.expected_s)
        pace = self._affordable(closeness)
        return [Due(CONTENT, place) for place in due(now, asked_at, closeness, pace).tolist()]

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        return _of_open_meteo(asked, self._places, open_meteo_apis.FORECAST, self._base_url)

    def _affordable(self, closeness: Floats) -> PollCadence:
        """The pace, slowed down until a day of it fits into a day's calls.

        First the places near a limit are asked less often; only where even calm polling of all
        does not fit, the calm ones too.
        """
        a_place, allowed = open_meteo_apis.FORECAST.calls_per_place * _DAY_S, self._calls_a_day
        calm_s = max(self._pace.calm_s, math.ceil(len(closeness) * a_place / allowed))
        near_s = min(self._pace.near_s, calm_s)

        def calls_a_day(near_s: int) -> float:
            return float((a_place / (calm_s + (near_s - calm_s) * closeness)).sum())

        while near_s < calm_s and calls_a_day(near_s) > allowed:
            near_s = min(calm_s, math.ceil(near_s * 1.25))
        return PollCadence(near_s, calm_s)


class FurtherPlan:
    """A further API of Open-Meteo's: every place at one interval, near a limit or not.

    What it tells moves by the hour or the day, and asking oftener would bring the same again.
    """

    is_by_forecast = False

    def __init__(
        self, places: Places, api: Endpoint, base_url: str = open_meteo_apis.BASE_URL
    ) -> None:
        self.name = api.name
        self.windows = limits_of(api.name)
        self.contents: tuple[str, ...] = (api.content,)
        self._api = api
        self._places = places
        self._base_url = base_url
        self._every_s = api.interval_s(len(places), calls_of_open_meteo())
        self.expected_s = max(self._every_s, api.step_s)

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`."""
        del nearness, left
        return _overdue(now, last, self._api.content, self._every_s)

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        return _of_open_meteo(asked, self._places, self._api, self._base_url)


class EnsemblePlan(FurtherPlan):
    """An ensemble: places whose own forecast comes near a limit each time, others every fourth.

    The provider counts each run as a forecast of its own. Where the calls do not suffice, places
    that are worth them are asked as often as what the others leave allows.
    """

    is_by_forecast = True

    def __init__(
        self, places: Places, api: Endpoint, base_url: str = open_meteo_apis.BASE_URL
    ) -> None:
        super().__init__(places, api, base_url)
        self.expected_s = max(self.expected_s, CALM_ROUNDS * ensemble_every_s(api, 0, len(places)))

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. Then who waits longest: the calls may not suffice for all."""
        del left
        content = self._api.content
        is_worth_it = ~(nearness < WORTH_ASKING)  # NaN, too
        worth = int(is_worth_it.sum())
        every_s = ensemble_every_s(self._api, worth, len(self._places) - worth)
        age = _age(now, last[content])
        waits = np.flatnonzero(age >= np.where(is_worth_it, every_s, CALM_ROUNDS * every_s))
        order = np.lexsort((-age[waits], ~is_worth_it[waits]))
        return [Due(content, place) for place in waits[order].tolist()]


def ensemble_every_s(api: Endpoint, worth: int, others: int) -> int:
    """How often places may be asked that are worth it, where so many others are asked every
    `CALM_ROUNDS` times as long."""
    return api.interval_s(worth + others / CALM_ROUNDS, calls_of_open_meteo())


def calls_of_open_meteo() -> float:
    """Calls a day that all its APIs have together; requests of few places round up."""
    return 0.95 * most_a_day(open_meteo_apis.NAME)


def calls_for_forecast(places: int, further: Sequence[Endpoint]) -> float:
    """Of these, what further APIs that are asked of so many places leave to the forecast."""
    calls = calls_of_open_meteo()
    taken = (places * api.calls_per_place / api.interval_s(places, calls) for api in further)
    return calls - _DAY_S * sum(taken)


def _of_open_meteo(
    asked: Sequence[Due], places: Places, api: Endpoint, base_url: str
) -> list[tuple[SourceRequest, list[Due]]]:
    size = api.places_a_call
    groups = [list(asked[i : i + size]) for i in range(0, len(asked), size)]
    return [
        (request, group)
        for group in groups
        for request in open_meteo_apis.requests((places[one.place] for one in group), api, base_url)
    ]


class TomorrowIoPlan:
    """Tomorrow.io: one place a call, those near or over a limit first.

    expected_s  as calm places are asked on a calm day, but no shorter than five minutes
    """

    name = tomorrow_io.NAME
    contents: tuple[str, ...] = ("realtime", "forecast")
    windows = limits_of(name)
    is_by_forecast = False

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


class StationsPlan:
    """Stations that are asked one by one, or some in a request: they are no places, and so are
    silent at none.

    contents  what is asked at once, by name: when each was asked last stands at the first place
    """

    expected_s = 0
    is_by_forecast = False

    def __init__(
        self,
        name: str,
        contents: Sequence[str],
        interval_s: int,
        request: Callable[[str], SourceRequest],
        windows: tuple[CallWindow, ...] | None = None,
    ) -> None:
        self.name = name
        self.windows = limits_of(name) if windows is None else windows
        self.contents: tuple[str, ...] = tuple(contents)
        self._interval_s = interval_s
        self._request = request

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. Who waits longest goes first."""
        del nearness, left
        age = {station: float(_age(now, last[station][:1])[0]) for station in self.contents}
        waits = [station for station in self.contents if age[station] >= self._interval_s]
        return [Due(station, 0) for station in sorted(waits, key=lambda name: -age[name])]

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        return [(self._request(one.content), [one]) for one in asked]


def aerodromes(
    stations: Sequence[str], interval_s: int, base_url: str = asked.BASE_URL
) -> StationsPlan:
    """The plan for METARs: as many aerodromes in a request as may be, each request at its time."""
    found = {
        metar.JSON if not number else f"{metar.JSON} {number + 1}": request
        for number, request in enumerate(asked.requests(stations, base_url))
    }
    return StationsPlan(metar.NAME, tuple(found), interval_s, found.__getitem__)


class EachPlacePlan:
    """A source that is asked of every place at one interval, one place a call.

    expected_s  0: nothing that a rule needs is told
    """

    is_by_forecast = False

    def __init__(
        self,
        places: Places,
        name: str,
        content: str,
        interval_s: int,
        request: Callable[[Place], SourceRequest],
        windows: tuple[CallWindow, ...],
        *,
        expected_s: int,
    ) -> None:
        self.name = name
        self.contents: tuple[str, ...] = (content,)
        self.expected_s = expected_s
        self.windows = windows
        self._places = places
        self._interval_s = interval_s
        self._request = request

    def due(
        self, now: int, last: Mapping[str, Ints], nearness: Floats, left: Mapping[str, int]
    ) -> list[Due]:
        """See `Plan.due`. Who waits longest goes first: the calls may not suffice for all."""
        del nearness, left
        (content,) = self.contents
        found = _overdue(now, last, content, self._interval_s)
        return sorted(found, key=lambda one: int(last[content][one.place]))

    def requests(self, asked: Sequence[Due]) -> list[tuple[SourceRequest, list[Due]]]:
        """See `Plan.requests`."""
        return [(self._request(self._places[one.place]), [one]) for one in asked]


def _overdue(now: int, last: Mapping[str, Ints], content: str, every_s: float) -> list[Due]:
    """Each place of which this was asked for so long ago, in their order."""
    is_due = _age(now, last[content]) >= every_s
    return [Due(content, place) for place in np.flatnonzero(is_due).tolist()]


def _with_unseen(now: int, last: Ints, nearness: Floats, expected_s: int) -> Floats:
    """Nearness, raised to `NEAR` for places that were not asked for two expected intervals."""
    age = _age(now, last)
    is_unseen = (age >= 2 * expected_s) & np.isfinite(age)
    closeness: Floats = np.clip(np.nan_to_num(nearness), 0, 1)
    return np.where(is_unseen, np.maximum(closeness, NEAR), closeness)


def _age(now: int, last: Ints) -> Floats:
    """Seconds since each was asked, infinite where it never was."""
    return np.where(last == NO_TIME, np.inf, now - np.where(last == NO_TIME, 0, last))
