"""What Open-Meteo is asked: each of its APIs as one row of data.

    `Endpoint` → `requests` → `fetch` → `open_meteo.decoder`

All APIs answer in the same shape, from hosts of their own, and count as one: what they are asked
together must fit into a day's calls. The forecast is asked at the pace in the settings. A further
API is asked because a rule in force measures what it alone tells (`asked_by`), at its own pace.

Reference: the provider's descriptions of its APIs (``openapi/*.yml`` of open-meteo/open-meteo); on
how calls are counted, its maintainers in issues 438 and 1295 there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import msgspec

from atalaia.domain.place import Place
from atalaia.sources import storms, thunder
from atalaia.sources.ensemble_models import ECMWF, chosen
from atalaia.sources.request import SourceRequest

NAME = "open-meteo"
CONTENT = "forecast"
ARCHIVE = "archive"
"""Past days, in the same shape: nothing in it is a forecast."""
FIRE_WEATHER = "fire-weather"
"""Hours of which nothing is told but the fire weather index that they come to."""
STORMS = "storms"
"""Hours of which nothing is told but how severe a thunderstorm could become."""
ENSEMBLE = "ensemble"
"""Hours by many runs of models, each a series of its own."""
BASE_URL = "https://api.open-meteo.com"
MOST_PLACES = 100
"""Places a call: more would make the URL longer than some proxies let pass."""

FURTHER_SHARE = 0.1
"""Of a day's calls, what each further API may take: what the weather is now matters more."""

_DAYS_A_CALL = 14
"""The provider counts longer answers by how many times this they reach."""

VARIABLES = {
    "temperature_2m": "temperature_c",
    "apparent_temperature": "apparent_temperature_c",
    "dew_point_2m": "dew_point_c",
    "dewpoint_2m": "dew_point_c",
    "relative_humidity_2m": "relative_humidity_pct",
    "relativehumidity_2m": "relative_humidity_pct",
    "wind_speed_10m": "wind_speed_m_s",
    "windspeed_10m": "wind_speed_m_s",
    "wind_gusts_10m": "wind_gust_m_s",
    "windgusts_10m": "wind_gust_m_s",
    "wind_direction_10m": "wind_direction_deg",
    "winddirection_10m": "wind_direction_deg",
    "precipitation": "rain_mm",
    "snowfall": "snow_cm",
    "surface_pressure": "pressure_hpa",
    "pressure_msl": "pressure_sea_level_hpa",
    "visibility": "visibility_m",
    "cloud_cover": "cloud_cover_pct",
    "cloudcover": "cloud_cover_pct",
    "precipitation_probability": "precipitation_probability_pct",
    "uv_index": "uv_index",
    "cape": "cape_j_kg",
    "weather_code": "weather_code",
    "weathercode": "weather_code",
    "pm2_5": "pm2_5_ug_m3",
    "pm10": "pm10_ug_m3",
    "ozone": "ozone_ug_m3",
    "river_discharge": "river_discharge_m3_s",
    "wave_height": "wave_height_m",
    "wave_period": "wave_period_s",
    "sea_level_height_msl": "sea_level_m",
}
"""Both spellings that occur; where an answer holds both, the first fills what the other lacks."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One API of the provider's.

    name        its source's name
    content     of its payloads: what is made of the answer
    base_url    where the provider answers it
    path        of the request
    asked       the provider's names of what is asked, by block
    span        how far back and ahead, as the request's parameters
    days        how many days an answer reaches over, as calls are counted
    every_s     how often a place is asked; 0: at the pace in the settings
    step_s      how far apart its values are: no sooner is one missing
    is_everywhere    whether it knows of every place; else one of which it says nothing at all (no
                river is there, no sea) is not unseen
    runs        as so many variables the provider counts each
    places_a_call    places that are asked for at once
    """

    name: str
    content: str = CONTENT
    base_url: str
    path: str
    asked: dict[str, tuple[str, ...]]
    span: dict[str, str]
    days: int
    every_s: int = 0
    step_s: int = 3600
    is_everywhere: bool = True
    runs: int = 1
    places_a_call: int = MOST_PLACES

    @property
    def variables(self) -> frozenset[str]:
        """What of the catalogue it tells."""
        if self.content == FIRE_WEATHER:
            return frozenset({"fire_weather_index"})
        if self.content == STORMS:
            return frozenset({storms.VARIABLE})
        told = {VARIABLES[name] for names in self.asked.values() for name in names}
        return frozenset(told | {thunder.VARIABLE} if "weather_code" in told else told)

    @property
    def calls_per_place(self) -> float:
        """Calls that the provider counts for one place: a tenth a variable asked for, by each run,
        times the fortnights that the answer reaches over, and at least 1."""
        tenths = self.runs * sum(map(len, self.asked.values())) / 10
        return max(1.0, tenths, tenths * self.days / _DAYS_A_CALL)

    def interval_s(self, places: float, calls_a_day: float) -> int:
        """How often a further API may ask so many places, where all APIs have so many calls."""
        least = places * self.calls_per_place * 86_400 / (FURTHER_SHARE * calls_a_day)
        return max(self.every_s, math.ceil(least))


FORECAST = Endpoint(
    name=NAME,
    base_url=BASE_URL,
    path="/v1/forecast",
    asked={
        "current": (
            "temperature_2m",
            "relative_humidity_2m",
            "apparent_temperature",
            "precipitation",
            "snowfall",
            "surface_pressure",
            "wind_speed_10m",
            "wind_direction_10m",
            "wind_gusts_10m",
        ),
        "hourly": (
            "temperature_2m",
            "relative_humidity_2m",
            "precipitation",
            "precipitation_probability",
            "snowfall",
            "wind_speed_10m",
            "wind_gusts_10m",
            "visibility",
            "cape",
            "uv_index",
            # By the hour, as thunder is foretold by it.
            "weather_code",
        ),
    },
    span={"past_hours": "24", "forecast_hours": "48"},
    days=3,
)

FURTHER = (
    # Copernicus' atmosphere models, run once or twice a day: by the hour the analysis moves on.
    Endpoint(
        name=f"{NAME}:air-quality",
        base_url="https://air-quality-api.open-meteo.com",
        path="/v1/air-quality",
        asked={"hourly": ("pm2_5", "pm10", "ozone")},
        span={"past_hours": "24", "forecast_hours": "48"},
        days=3,
        every_s=3600,
    ),
    # Copernicus' GloFAS, a mean of each day, made anew once a day at an hour that is not promised.
    Endpoint(
        name=f"{NAME}:flood",
        base_url="https://flood-api.open-meteo.com",
        path="/v1/flood",
        asked={"daily": ("river_discharge",)},
        span={"past_days": "2", "forecast_days": "8"},
        days=10,
        every_s=6 * 3600,
        step_s=86_400,
        is_everywhere=False,
    ),
    # Wave models of several services, run twice to four times a day.
    Endpoint(
        name=f"{NAME}:marine",
        base_url="https://marine-api.open-meteo.com",
        path="/v1/marine",
        asked={"hourly": ("wave_height", "wave_period", "sea_level_height_msl")},
        span={"past_hours": "24", "forecast_hours": "48"},
        days=3,
        every_s=3600,
        is_everywhere=False,
    ),
    # The index of a day hangs on that of the day before: a season of hours is asked anew each time,
    # so that nothing has to be remembered, and a day that was missed costs nothing.
    Endpoint(
        name=f"{NAME}:fire-weather",
        content=FIRE_WEATHER,
        base_url=BASE_URL,
        path="/v1/forecast",
        asked={
            "hourly": (
                "temperature_2m",
                "relative_humidity_2m",
                "precipitation",
                "wind_speed_10m",
            )
        },
        span={"past_days": "92", "forecast_days": "4"},
        days=96,
        every_s=6 * 3600,
        step_s=86_400,
    ),
    # What is foretold of the wind aloft is new with each run of the models.
    Endpoint(
        name=f"{NAME}:storms",
        content=STORMS,
        base_url=BASE_URL,
        path="/v1/forecast",
        asked={
            "hourly": (
                "weather_code",
                "cape",
                "wind_speed_10m",
                "wind_direction_10m",
                *storms.ALOFT,
            )
        },
        span={"past_hours": "6", "forecast_hours": "48"},
        days=3,
        every_s=3600,
    ),
)

RUNS = Endpoint(
    name=f"{NAME}:ensemble",
    content=ENSEMBLE,
    base_url="https://ensemble-api.open-meteo.com",
    path="/v1/ensemble",
    asked={},
    # Windows that end soon reach back over hours that have passed, by the runs' own word.
    span={"past_hours": "24", "forecast_hours": "120"},
    days=6,
    every_s=6 * 3600,
    step_s=6 * 3600,
)
"""The ensembles of the models that are chosen (`ensemble_models`), over the whole globe. What is
asked is what rules want a chance of (`asked_by`)."""

RIVER_RUNS = Endpoint(
    name=f"{NAME}:flood-ensemble",
    content=ENSEMBLE,
    base_url="https://flood-api.open-meteo.com",
    path="/v1/flood",
    asked={"daily": ("river_discharge",)},
    span={"ensemble": "true", "past_days": "2", "forecast_days": "8"},
    days=10,
    every_s=6 * 3600,
    step_s=86_400,
    runs=51,
    places_a_call=20,
)
"""The runs of GloFAS, a mean of each day: a control run and 50 more, made once a day. Asked where
rules want a chance of what rivers carry."""

OF_RUNS = (RUNS.name, RIVER_RUNS.name)
"""Sources that tell runs: they see no place, and their answers are chances."""

_RUNS_A_CALL = 1020
"""So many runs a call, of all its places: of six variables some ten megabytes of an answer."""

BY_DAY = {name: VARIABLES[name] for api in FURTHER for name in api.asked.get("daily", ())}
"""Of daily values only these: others are extremes and sums of a day under names of their own."""


NOT_EVERYWHERE = frozenset(api.name for api in FURTHER if not api.is_everywhere)
"""Sources of which a row without a value is none."""


def asked_by(
    variables: Collection[str],
    by_chance: Collection[str] = (),
    models: Collection[str] = (ECMWF,),
) -> tuple[Endpoint, ...]:
    """The further APIs that tell something of these variables which the forecast does not, and the
    ensembles of these models of those of which rules want a chance."""
    wanted = set(variables) - FORECAST.variables
    further = tuple(api for api in FURTHER if api.variables & wanted)
    if RIVER_RUNS.variables & set(by_chance):
        further = (*further, RIVER_RUNS)
    fields = {variable: name for name, variable in reversed(VARIABLES.items())}
    hourly = tuple(fields[variable] for variable in sorted(set(by_chance) - RIVER_RUNS.variables))
    if not hourly:
        return further
    asked = chosen(models)
    runs = sum(model.runs for model in asked)
    ensemble = msgspec.structs.replace(
        RUNS,
        asked={"hourly": hourly},
        span={"models": ",".join(model.asked for model in asked), **RUNS.span},
        runs=runs,
        places_a_call=max(1, _RUNS_A_CALL // runs),
    )
    return (*further, ensemble)


def requests(
    places: Iterable[Place], api: Endpoint = FORECAST, base_url: str = BASE_URL
) -> list[SourceRequest]:
    """As few calls as hold all places, in m/s and UTC. A `base_url` that is not the provider's is
    a server of one's own, which has all APIs."""
    asked = list(places)
    server = api.base_url if base_url == BASE_URL else base_url
    size = api.places_a_call
    groups = [asked[i : i + size] for i in range(0, len(asked), size)]
    return [
        SourceRequest(
            source=api.name,
            content=api.content,
            places=tuple(place.id for place in group),
            url=f"{server}{api.path}",
            params={
                "latitude": ",".join(str(place.latitude) for place in group),
                "longitude": ",".join(str(place.longitude) for place in group),
                **{block: ",".join(names) for block, names in api.asked.items()},
                **api.span,
                "wind_speed_unit": "ms",
                "timezone": "UTC",
                "timeformat": "iso8601",
            },
            cost=math.ceil(len(group) * api.calls_per_place),
        )
        for group in groups
    ]
