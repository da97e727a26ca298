"""ANA's telemetry: the level of rivers at their gauges (HidroWebService, with the user's account).

Contents of payloads: an answer of ``HidroinfoanaSerieTelemetricaAdotada`` or ``…Detalhada``, its
times in Brasília's zone (``ana-series``) or in another (``ana-series-utc-4``): see `content_of`.
Source ``ana``; in `places` where the gauge stands, the id of a place, and its name. All values are
texts. `Cota_Adotada` is the level in cm above the zero of its gauge, with a status: 0 good, 1
doubtful, 2 bad. What the sensor said (`Cota_Sensor`) is not taken in its place where ANA did not
adopt it.

Not taken: rain, as the service does not say of which period it is, and flow, which it computes.
Not said by the service either: the zone of its times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value, report_number
from atalaia.sources.body import read_json
from atalaia.sources.instruments import DecodeStations, ReadStations, StationsTold, by_content
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.request import SignIn, SourceRequest
from atalaia.sources.times import local_seconds

NAME = "ana"
BASE_URL = "https://www.ana.gov.br"
BRASILIA_H = -3
ZONES_H = range(-5, 1)
"""Zones that its times may be in: those of Brazil, and UTC."""

_SERIES = "ana-series"
_STATIONS = "hidrowebservice/EstacoesTelemetricas"
_RANGE = "HORA_24"
"""How far back an answer reaches: a level that was told or adopted late is in one of the next."""

_TOKEN_S = 3000
"""A token is good for an hour."""

_NO_LEVEL = (88.88, 99.99, 999.99)
"""What loggers write where they have none: 8888, 9999, 99999."""

_GOOD = ("0", "1", "0.0", "1.0")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?")
_NUMBER = re.compile(r"-?\d{1,7}(?:[.,]\d{1,6})?")


class _Items(msgspec.Struct):
    tokenautenticacao: str


class _SignedIn(msgspec.Struct):
    items: _Items


_decode_sign_in = msgspec.json.Decoder(_SignedIn).decode


def content_of(utc_offset_h: int) -> str:
    """What a series is called whose times are so many hours ahead of UTC."""
    return _SERIES if utc_offset_h == BRASILIA_H else f"{_SERIES}-utc{utc_offset_h:+d}"


def sign_in(user: str, password: str, base_url: str = BASE_URL) -> SignIn:
    """How the account's user gets a token."""
    return SignIn(
        url=f"{base_url}/{_STATIONS}/OAUth/v1",
        credentials={"Identificador": user, "Senha": password},
        token_of=_token,
        lasts_s=_TOKEN_S,
    )


def request(
    station: str,
    stands: Sequence[str],
    sign_in: SignIn,
    utc_offset_h: int = BRASILIA_H,
    base_url: str = BASE_URL,
) -> SourceRequest:
    """The last day of one gauge (``87450004``); `stands`: the id of a place, and its name."""
    return SourceRequest(
        source=NAME,
        content=content_of(utc_offset_h),
        places=tuple(stands),
        url=f"{base_url}/{_STATIONS}/HidroinfoanaSerieTelemetricaAdotada/v2",
        params={
            "Codigos_Estacoes": station,
            "Tipo Filtro Data": "DATA_LEITURA",
            "Range Intervalo de busca": _RANGE,
        },
        sign_in=sign_in,
    )


def decoder(places: Places) -> DecodeStations:
    """ANA's series → OBSERVED levels of stations ``ana:75650010``."""

    def reader(utc_offset_s: int) -> ReadStations:
        return lambda payload, rejects: _read(payload, places, utc_offset_s, rejects)

    return by_content({content_of(hours): reader(hours * 3600) for hours in ZONES_H})


def _token(body: bytes) -> str | None:
    try:
        token = _decode_sign_in(body).items.tokenautenticacao
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return token if token.isascii() and token.isprintable() and " " not in token else None


def _read(payload: Payload, places: Places, utc_offset_s: int, rejects: Rejects) -> StationsTold:
    answer = read_json(payload.body, rejects)
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        raise Unreadable("not a series of ANA", "no list of items")
    told: dict[str, list[Value]] = {}
    for i, item in enumerate(items):
        code = item.get("codigoestacao") if isinstance(item, dict) else None
        if not isinstance(code, str) or re.fullmatch(r"\d{1,12}", code) is None:
            rejects.add("not a station", f"item {i}: {shown(code)}")
            continue
        value = _level(item, f"{NAME}:{code}", utc_offset_s, rejects)
        station = told.setdefault(f"{NAME}:{code}", [])
        if value is not None:
            station.append(value)
    return StationsTold(
        [
            StationReport(
                station,
                payload.source,
                values,
                payload.received_at,
                report=report_number(station),
                revision=payload.received_at,
            )
            for station, values in told.items()
        ],
        [_standing(station, payload.places, places) for station in told],
    )


def _standing(station: str, stands: Sequence[str], places: Places) -> Station:
    """The gauge, where it stands and as it is called, as far as that is known."""
    place = places.get(stands[0]) if stands else None
    name = stands[1] if len(stands) > 1 else ""
    if place is None:
        return Station(id=station, kind="official", name=name)
    return Station(
        id=station,
        kind="official",
        name=name,
        latitude=place.latitude,
        longitude=place.longitude,
        elevation_m=place.elevation_m,
    )


def _level(item: dict[str, Any], station: str, utc_offset_s: int, rejects: Rejects) -> Value | None:
    text = item.get("Cota_Adotada")
    if text in (None, "", "null"):
        return None
    status = str(item.get("Cota_Adotada_Status"))
    if status not in _GOOD:
        rejects.add("level of bad quality", f"{station}: status {shown(status)}")
        return None
    when, at = item.get("Data_Hora_Medicao"), NO_TIME
    found = _TIME.fullmatch(when) if isinstance(when, str) else None
    if found is not None:
        at = int(local_seconds([f"{found[1]}T{found[2]}"], utc_offset_s)[0])
    if at == NO_TIME:
        rejects.add("not a time", f"{station}: {shown(when)}")
        return None
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None:
        rejects.add("not a number", f"{station}: Cota_Adotada is {shown(text)}")
        return None
    level_m = round(float(text.replace(",", ".")) / 100, 4)
    if level_m in _NO_LEVEL:
        rejects.add("a logger's word for no level", f"{station}: {shown(text)}")
        return None
    return Value(at, 0, "river_level_m", level_m)
