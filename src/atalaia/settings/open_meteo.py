"""The settings of Open-Meteo, and what its APIs cost together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import msgspec

from atalaia.given import meant
from atalaia.settings.document import Document, duration_of, flag, texts, url
from atalaia.sources.ensemble_models import ECMWF, NAMES
from atalaia.sources.open_meteo_apis import (
    BASE_URL,
    ENSEMBLE,
    FORECAST,
    NAME,
    Endpoint,
    asked_by,
)
from atalaia.sources.plan import CALM_ROUNDS, calls_of_open_meteo, ensemble_every_s
from atalaia.sources.schedule import Arithmetic, arithmetic

KEYS = (
    "sources.open-meteo.enabled",
    "sources.open-meteo.interval",
    "sources.open-meteo.calm_interval",
    "sources.open-meteo.adaptive",
    "sources.open-meteo.base_url",
    "sources.open-meteo.models",
)

_AT = "sources.open-meteo"


class OpenMeteo(msgspec.Struct, frozen=True, kw_only=True):
    """Open-Meteo, which watches all places.

    interval_s, calm_interval_s   between two calls for a place at a limit, and when all is calm
    is_adaptive   False: every place at interval_s, near a limit or not
    base_url      of the forecast; another than the provider's has all APIs
    further       APIs that are asked besides the forecast, for what rules measure
    """

    enabled: bool
    interval_s: int
    calm_interval_s: int
    is_adaptive: bool
    base_url: str
    further: tuple[Endpoint, ...] = ()

    @property
    def round_s(self) -> int:
        """Seconds between two forecasts of a calm place."""
        return self.calm_interval_s if self.is_adaptive else self.interval_s

    def costs(self, places: int) -> Arithmetic:
        """The arithmetic of a round of forecasts of so many places, with its share of what
        further APIs are asked meanwhile."""
        calls = calls_of_open_meteo()
        a_place = FORECAST.calls_per_place + sum(
            api.calls_per_place * self.round_s / api.interval_s(places, calls)
            for api in self.further
        )
        return arithmetic(NAME, places, self.round_s, a_place)

    def described(self, places: int) -> Iterator[str]:
        """For `config check`: what is asked, and what that comes to."""
        if not self.enabled:
            yield "open-meteo: off"
            return
        costs = self.costs(places)
        yield costs.sentence
        if self.is_adaptive:
            calm_s = max(self.round_s, math.ceil(costs.shortest_interval_s))
            yield (
                f"open-meteo: adaptive: calm places every {minutes(calm_s)}, those at a limit "
                f"every {minutes(self.interval_s)} as far as the calls go"
            )
        for api in self.further:
            if self.is_adaptive and api.content == ENSEMBLE:
                yield _of_an_ensemble(api, places)
                continue
            every_s = api.interval_s(places, calls_of_open_meteo())
            weight = f" of {api.runs} runs each" if api.runs > 1 else ""
            yield (
                f"{api.name}: asked because rules measure what it tells{weight}: "
                f"{math.ceil(places * api.calls_per_place)} calls every {minutes(every_s)}, "
                "counted in the line of open-meteo"
            )


def _of_an_ensemble(api: Endpoint, places: int) -> str:
    """The least and the most that it takes: no place is worth it, all are."""
    every_s = [ensemble_every_s(api, worth, places - worth) for worth in (0, places)]
    a_day = [86_400 * places * api.calls_per_place / every for every in every_s]
    least, most = math.ceil(a_day[0] / CALM_ROUNDS), math.ceil(a_day[1])
    return (
        f"{api.name}: asked because rules measure what it tells of {api.runs} runs each: "
        f"{least:,} calls a day while no forecast comes near a limit (each place every "
        f"{minutes(CALM_ROUNDS * every_s[0])}), {most:,} where all do (every "
        f"{minutes(every_s[1])}); counted at the most in the line of open-meteo"
    )


def read_open_meteo(
    document: Document, measured: Collection[str], by_chance: Collection[str] = ()
) -> OpenMeteo:
    """The table ``[sources.open-meteo]``; `measured` are the variables that rules need, `by_chance`
    those of which they want a chance."""
    interval_s = document.get(f"{_AT}.interval", duration_of(60), 300)
    calm_s = document.get(f"{_AT}.calm_interval", duration_of(60), max(900, interval_s))
    if calm_s < interval_s:
        document.add(f"{_AT}.calm_interval", "shorter than interval; make it as long or longer")
    return OpenMeteo(
        enabled=document.get(f"{_AT}.enabled", flag, True),
        interval_s=interval_s,
        calm_interval_s=calm_s,
        is_adaptive=document.get(f"{_AT}.adaptive", flag, True),
        base_url=document.get(f"{_AT}.base_url", url, BASE_URL),
        further=asked_by(measured, by_chance, document.get(f"{_AT}.models", _models, (ECMWF,))),
    )


def _models(value: object) -> tuple[str, ...]:
    """Names of ensembles' models."""
    names = texts(value)
    for name in names:
        if name not in NAMES:
            raise ValueError(
                f"unknown model {name!r}{meant(name, NAMES)}; there are {', '.join(NAMES)}"
            )
    if not names:
        raise ValueError(f"no model; name one or more of {', '.join(NAMES)}, or leave it out")
    return tuple(dict.fromkeys(names))


def minutes(seconds: float) -> str:
    """Whole minutes, rounded up: ``15 min``."""
    return f"{math.ceil(seconds / 60)} min"
