"""Observations of the US weather service (api.weather.gov, no key, a User-Agent needed).

Content of payloads: ``nws-observation``, an answer of ``/stations/{id}/observations/latest``, or of
``/stations/{id}/observations`` (many); source ``nws``; the station's id in `places` where the body
does not name it. They are METARs that were decoded there, some twenty minutes later; each value
has its unit. A value that failed its control (``X``, ``Q``, ``B``) is left out.

A station is called as its METAR is: ``metar:KTOP``; both sources speak of one instrument.
"""

from __future__ import annotations

import math
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value
from atalaia.sources.body import read_json
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.metar.decoder import NAME as AERODROME
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.request import SourceRequest
from atalaia.sources.times import utc_second
from atalaia.sources.units import conversion

NAME = "nws"
OBSERVATION = "nws-observation"

_FIELDS = (
    ("temperature", "temperature_c", 0),
    ("dewpoint", "dew_point_c", 0),
    ("windDirection", "wind_direction_deg", 0),
    ("windSpeed", "wind_speed_m_s", 0),
    ("windGust", "wind_gust_m_s", 0),
    ("barometricPressure", "pressure_hpa", 0),
    ("seaLevelPressure", "pressure_sea_level_hpa", 0),
    ("visibility", "visibility_m", 0),
    ("relativeHumidity", "relative_humidity_pct", 0),
    ("maxTemperatureLast24Hours", "temperature_max_c", 86_400),
    ("minTemperatureLast24Hours", "temperature_min_c", 86_400),
    ("precipitationLastHour", "rain_mm", 3600),
    ("precipitationLast3Hours", "rain_mm", 10_800),
    ("precipitationLast6Hours", "rain_mm", 21_600),
)
"""(its name, ours, the period in its name)."""

_UNITS = {
    "degC": "°C", "degF": "°F", "percent": "%", "m_s-1": "m/s", "km_h-1": "km/h", "Pa": "Pa",
    "hPa": "hPa", "mm": "mm", "m": "m", "degree_(angle)": "°",
}  # fmt: skip
_FAILED = ("X", "Q", "B")


BASE_URL = "https://api.weather.gov"


def request(station: str, base_url: str = BASE_URL) -> SourceRequest:
    """The newest observation of one station (``KTOP``)."""
    return SourceRequest(
        source=NAME,
        content=OBSERVATION,
        places=(station,),
        url=f"{base_url}/stations/{station}/observations/latest",
        params={},
    )


def decoder() -> DecodeStations:
    """Observations of api.weather.gov → OBSERVED rows of stations ``metar:KTOP``."""
    return by_content({OBSERVATION: _read})


def _read(payload: Payload, rejects: Rejects) -> StationsTold:
    answer = read_json(payload.body, rejects)
    features = answer.get("features") if isinstance(answer, dict) else None
    found = features if isinstance(features, list) else [answer]
    told = StationsTold()
    for each in found:
        try:
            told.add(_observation(each, payload, rejects))
        except Unreadable as error:
            rejects.add_unreadable(error)
    return told


def _observation(value: Any, payload: Payload, rejects: Rejects) -> StationsTold:
    properties = value.get("properties", value) if isinstance(value, dict) else None
    if not isinstance(properties, dict) or "timestamp" not in properties:
        raise Unreadable("not an observation", "no timestamp")
    name = properties.get("stationId") or _last_part(properties.get("station"))
    if name is None and len(payload.places) == 1:
        name = payload.places[0]
    if not isinstance(name, str) or not (name.isascii() and name.isalnum() and len(name) <= 8):
        raise Unreadable("no station", shown(name))
    at = utc_second(properties["timestamp"])
    if at is None:
        raise Unreadable("not a time", f"{name}: {shown(properties['timestamp'])}")
    told = [
        Value(at, period_s, variable, number)
        for key, variable, period_s in _FIELDS
        if (number := _number(properties.get(key), variable, f"{name}: {key}", rejects)) is not None
    ]
    longitude, latitude = _position(value.get("geometry"))
    station = Station(
        id=f"{AERODROME}:{name}", kind="aerodrome", latitude=latitude, longitude=longitude
    )
    report = StationReport(station.id, payload.source, told, payload.received_at)
    return StationsTold([report], [station])


def _last_part(address: Any) -> str | None:
    return address.rpartition("/")[2] if isinstance(address, str) else None


def _number(value: Any, variable: str, where: str, rejects: Rejects) -> float | None:
    if not isinstance(value, dict) or value.get("value") is None:
        return None
    number, unit = value["value"], value.get("unitCode")
    if type(number) not in (int, float) or not math.isfinite(number):
        rejects.add("not a number", f"{where} is {shown(number)}")
        return None
    if value.get("qualityControl") in _FAILED:
        rejects.add("failed its control", where)
        return None
    short = _UNITS.get(unit.rpartition(":")[2]) if isinstance(unit, str) else None
    known = conversion(short, variable)
    if known is None:
        rejects.add("unknown unit", f"{where}: {shown(unit)}")
        return None
    scale, offset = known
    return round(float(number) * scale + offset, 4)


def _position(value: Any) -> tuple[float | None, float | None]:
    point = value.get("coordinates") if isinstance(value, dict) else None
    if not isinstance(point, list) or len(point) < 2:
        return None, None
    longitude, latitude = point[:2]
    is_point = all(type(each) in (int, float) for each in (longitude, latitude))
    return (longitude, latitude) if is_point else (None, None)
