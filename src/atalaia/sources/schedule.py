"""Which places to ask next: calm ones seldom, those near or over a limit often.

Pure: times are Unix seconds given by the caller; `nearness` says of each place how close it is
to a limit, from 0 (calm) to 1 (at or over it).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from atalaia.domain.reading import NO_TIME, Floats, Ints
from atalaia.sources.budget import CallWindow, limits_of

NEAR = 0.7
"""Nearness from which a place goes first."""

_DAY_S = 86_400
_MOST_FOR_FORECASTS = 0.25
"""Share of a day's calls that forecasts may take: what is here now matters more."""
_MOST_FOR_NEAR = 0.8
"""Share of the rest that places near a limit may take: calm ones are never left unseen."""
_KEPT_BACK = 0.2
"""Share of each window's limit that is left for places near a limit."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near each place is to a limit, shape (places,), from 0 (far from any) to 1 (at one, or
    past it), as detection says it with each step.

    now    by what is known of now; 0 where nothing is: a place that is not known is asked anyway
    ahead  by what its forecasts say of the hours to come, of the limits that name a chance; 1 where
           none says anything: what is missing is never calm
    """

    now: Floats
    ahead: Floats

    @classmethod
    def unknown(cls, places: int) -> Nearness:
        """Of so many places of which nothing is known."""
        return cls(np.zeros(places), np.ones(places))


class PollCadence(msgspec.Struct, frozen=True):
    """Seconds between two calls for one place: at a limit, and when all is calm."""

    near_s: int = 300
    calm_s: int = 900


class Due(msgspec.Struct, frozen=True):
    """One call that is due: what to ask, and for which place (its position)."""

    content: str
    place: int


def due(now: int, last: Ints, nearness: Floats, pace: PollCadence) -> Ints:
    """Positions of the places to ask now, those nearest to a limit first.

    For a source whose limits leave room for all (Open-Meteo). `last` has shape (places,): when
    each was asked last, NO_TIME for never. Between calm and the limit the interval shrinks evenly.
    """
    closeness = np.clip(np.nan_to_num(nearness), 0, 1)
    interval = pace.calm_s + (pace.near_s - pace.calm_s) * closeness
    is_due = _age(now, last) >= interval
    return np.flatnonzero(is_due)[np.argsort(-closeness[is_due], kind="stable")]


class Intervals(msgspec.Struct, frozen=True):
    """Seconds between two calls for one place, as a day's calls allow."""

    forecast_s: float
    near_s: float
    calm_s: float


def intervals(
    places: int, near: int, calls_a_day: float, pace: PollCadence, forecast_s: int
) -> Intervals:
    """What a day's calls give to so many places, of which `near` are near a limit.

    First forecasts (no oftener than `forecast_s`, at most a quarter of all calls), then places
    near a limit (no oftener than `pace.near_s`), then the calm ones, evenly, with what is left;
    never oftener than `pace.near_s` either. `pace.calm_s` is not used: calls decide.
    """
    if places == 0:
        return Intervals(forecast_s=forecast_s, near_s=pace.near_s, calm_s=pace.near_s)
    for_forecasts = min(places * _DAY_S / forecast_s, _MOST_FOR_FORECASTS * calls_a_day)
    rest = calls_a_day - for_forecasts
    calm = places - near
    for_near = rest * _MOST_FOR_NEAR if calm else rest
    near_s = max(float(pace.near_s), _spread(near, for_near))
    left = rest - (near * _DAY_S / near_s if near else 0)
    return Intervals(
        forecast_s=_spread(places, for_forecasts),
        near_s=near_s,
        calm_s=max(float(pace.near_s), _spread(calm, left)),
    )


def _spread(places: int, calls_a_day: float) -> float:
    return places * _DAY_S / calls_a_day if calls_a_day > 0 else math.inf


def due_within_budget(
    now: int,
    last: Mapping[str, Ints],
    nearness: Floats,
    left: Mapping[str, int],
    *,
    source: str = "tomorrow-io",
    pace: PollCadence = PollCadence(near_s=180),  # noqa: B008  frozen
    forecast_s: int = 6 * 3600,
) -> list[Due]:
    """The calls due now for a source that allows few, one place a call; first things first.

    `last` holds, for ``realtime`` and ``forecast``, when each place was asked last, shape
    (places,), NO_TIME for never; `left` is `Budget.left`. Order: places near a limit, then
    forecasts, then calm places by how overdue they are. Calm calls and forecasts stop while a
    fifth of the hour's and of the day's limit is left, for storms come without notice.
    """
    closeness = np.clip(np.nan_to_num(nearness), 0, 1)
    is_near = closeness >= NEAR
    every = intervals(len(closeness), int(is_near.sum()), most_a_day(source), pace, forecast_s)
    age = _age(now, last["realtime"])
    age_of_forecast = _age(now, last["forecast"])
    near = np.flatnonzero(is_near & (age >= every.near_s))
    calm = np.flatnonzero(~is_near & (age >= every.calm_s))
    stale = np.flatnonzero(age_of_forecast >= every.forecast_s)
    near = near[np.lexsort((-age[near], -closeness[near]))]
    stale = stale[np.lexsort((-age_of_forecast[stale], ~is_near[stale]))]
    calm = calm[np.argsort(-age[calm], kind="stable")]
    urgent = [Due("realtime", place) for place in near.tolist()]
    others = [
        *(Due("forecast", place) for place in stale.tolist()),
        *(Due("realtime", place) for place in calm.tolist()),
    ]
    room, spare = _room(source, left, kept_back=0), _room(source, left, kept_back=_KEPT_BACK)
    urgent = urgent[:room]
    return urgent + others[: max(0, min(room, spare) - len(urgent))]


def _room(source: str, left: Mapping[str, int], kept_back: float) -> int:
    """Calls that the longer windows leave; the seconds' and minutes' are the budget's affair."""
    rooms = [
        left.get(window.name, window.limit) - math.ceil(kept_back * window.limit)
        for window in limits_of(source)
        if window.length_s >= 3600
    ]
    return max(0, min(rooms, default=1_000_000))


def _age(now: int, last: Ints) -> Floats:
    """Seconds since each was asked, as floats; infinite where it never was."""
    return np.where(last == NO_TIME, np.inf, now - np.where(last == NO_TIME, 0, last))


def most_a_day(source: str) -> float:
    """Calls a day that all of a source's windows allow together, spread evenly."""
    rates = [window.limit * _DAY_S / window.length_s for window in limits_of(source)]
    return min(rates, default=math.inf)


class Arithmetic(msgspec.Struct, frozen=True):
    """What fixed polling costs, against a source's limits.

    calls_per_round      for all places once
    interval_s           between two rounds
    calls_per_hour, calls_per_day
    limit_per_hour, limit_per_day   what the source allows; None: no such limit
    shortest_interval_s  between two rounds that still fits every limit of a minute or longer
    fits                 whether this interval is no shorter
    """

    source: str
    calls_per_round: int
    interval_s: float
    calls_per_hour: float
    calls_per_day: float
    limit_per_hour: int | None
    limit_per_day: int | None
    shortest_interval_s: float
    fits: bool

    @property
    def sentence(self) -> str:
        """As `config check` prints it."""
        allowed = []
        if self.limit_per_hour is not None:
            allowed.append(f"{self.limit_per_hour:,} an hour")
        if self.limit_per_day is not None:
            allowed.append(f"{self.limit_per_day:,} a day")
        verdict = "fits" if self.fits else "does not fit"
        shortest_min = math.ceil(self.shortest_interval_s / 60)
        limits = "no limit is known"
        if shortest_min:
            limits = (
                f"{verdict} in {' and '.join(allowed) or 'its limits'}; "
                f"one round every {shortest_min} min would"
            )
        return (
            f"{self.source}: {self.calls_per_round} calls a round, every "
            f"{self.interval_s / 60:g} min = {self.calls_per_day:,.0f} a day "
            f"({self.calls_per_hour:,.0f} an hour), {limits}"
        )


def arithmetic(
    source: str,
    places: int,
    interval_s: float,
    calls_per_place: float = 1,
    windows: tuple[CallWindow, ...] | None = None,
) -> Arithmetic:
    """The calls of polling all places at one fixed interval, for `config check`.

    `calls_per_place` counts what is asked of a place in a round: 2 for Tomorrow.io's realtime and
    forecast, `open_meteo_apis.FORECAST.calls_per_place` for Open-Meteo. `windows` are its limits,
    where they are not published ones.

    >>> arithmetic("tomorrow-io", 1, 180).calls_per_day
    480.0
    >>> arithmetic("tomorrow-io", 2, 300).fits
    False
    """
    calls = math.ceil(places * calls_per_place)
    known = limits_of(source) if windows is None else windows
    limits = {window.length_s: window.limit for window in known}
    shortest = max(
        (calls * length / limit for length, limit in limits.items() if length >= 60),
        default=0.0,
    )
    return Arithmetic(
        source=source,
        calls_per_round=calls,
        interval_s=interval_s,
        calls_per_hour=calls * 3600 / interval_s,
        calls_per_day=calls * _DAY_S / interval_s,
        limit_per_hour=limits.get(3600),
        limit_per_day=limits.get(_DAY_S),
        shortest_interval_s=shortest,
        fits=interval_s >= shortest,
    )
