"""What is polled, by the settings."""

from __future__ import annotations

from functools import partial

from atalaia.settings import Settings
from atalaia.settings.gauges import Ana
from atalaia.sources import ana, cemaden, nws_observations
from atalaia.sources.open_meteo_apis import ENSEMBLE, OF_RUNS
from atalaia.sources.plan import (
    EnsemblePlan,
    FurtherPlan,
    OpenMeteoPlan,
    Plan,
    StationsPlan,
    TomorrowIoPlan,
    aerodromes,
)
from atalaia.sources.request import SignIn
from atalaia.sources.schedule import PollCadence


def plans(settings: Settings) -> list[Plan]:
    """Of the sources that are switched on."""
    found: list[Plan] = []
    source, other = settings.open_meteo, settings.tomorrow_io
    if source.enabled:
        found.append(
            OpenMeteoPlan(
                settings.places,
                PollCadence(source.interval_s, source.calm_interval_s),
                is_adaptive=source.is_adaptive,
                base_url=source.base_url,
                further=source.further,
            )
        )
        for api in source.further:
            is_by_forecast = source.is_adaptive and api.content == ENSEMBLE
            kind = EnsemblePlan if is_by_forecast else FurtherPlan
            found.append(kind(settings.places, api, source.base_url))
    if other.enabled and other.key is not None:
        found.append(
            TomorrowIoPlan(
                settings.places,
                key=other.key.reveal(),
                interval_s=other.interval_s,
                forecast_s=other.forecast_interval_s,
                is_adaptive=other.is_adaptive,
                base_url=other.base_url,
            )
        )
    if settings.metar.enabled:
        metar = settings.metar
        found.append(aerodromes(metar.stations, metar.interval_s, metar.base_url))
    gauges = settings.ana
    if gauges.enabled and gauges.user is not None and gauges.password is not None:
        account = ana.sign_in(gauges.user.reveal(), gauges.password.reveal(), gauges.base_url)
        found.append(_river_gauges(gauges, account))
    askers = {cemaden.NAME: cemaden.request, nws_observations.NAME: nws_observations.request}
    for network in (settings.cemaden, settings.nws):
        if network.enabled:
            ask = partial(askers[network.name], base_url=network.base_url)
            found.append(StationsPlan(network.name, network.stations, network.interval_s, ask))
    needed = settings.rules.variables
    found += [one.plan(settings.places, needed) for one in settings.described.sources]
    found += [one.plan(settings.places, needed) for one in settings.described.plugged]
    return found


def _river_gauges(gauges: Ana, account: SignIn) -> StationsPlan:
    asked = {
        gauge.code: ana.request(
            gauge.code,
            (gauge.places[0], gauge.name),
            account,
            gauges.utc_offset_h,
            gauges.base_url,
        )
        for gauge in gauges.stations
    }
    return StationsPlan(ana.NAME, tuple(asked), gauges.interval_s, asked.__getitem__)


def expected(settings: Settings) -> dict[str, int]:
    """By source that is polled of places: how often its values are expected, in seconds. An
    ensemble sees no place: its silence blinds none."""
    return {
        plan.name: plan.expected_s
        for plan in plans(settings)
        if plan.expected_s and plan.name not in OF_RUNS
    }
