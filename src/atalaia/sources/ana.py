"""ANA's telemetry: the level of rivers at their gauges (HidroWebService, with the user's account).

Content of payloads: ``ana-series``, an answer of ``HidroinfoanaSerieTelemetricaAdotada`` or
``…Detalhada``. Source ``ana``. All values are texts. `Cota_Adotada` is the level in cm above the
zero of its gauge, with a status: 0 good, 1 doubtful, 2 bad. What the sensor said (`Cota_Sensor`)
is not taken in its place where ANA did not adopt it.

Not taken: rain, as the service does not say of which period it is, and flow, which it computes.
Not said by the service either: the zone of its times. Brasília's (UTC-3) is taken unless another is
asked for.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.domain.reading import NO_TIME
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReadings, StationsDecoded, Value, report_number
from atalaia.sources.body import read_json
from atalaia.sources.instruments import DecodeStations, by_content
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import local_seconds

NAME = "ana"
SERIES = "ana-series"
BRASILIA_S = -3 * 3600

_GOOD = ("0", "1", "0.0", "1.0")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?")
_NUMBER = re.compile(r"-?\d{1,7}(?:[.,]\d{1,6})?")


def decoder(utc_offset_s: int = BRASILIA_S) -> DecodeStations:
    """ANA's series → OBSERVED levels of stations ``ana:75650010``."""
    return by_content({SERIES: partial(_read, utc_offset_s)})


def _read(utc_offset_s: int, payload: Payload, rejects: Rejects) -> StationsDecoded:
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
    return StationsDecoded.concat(
        [
            StationsDecoded(
                StationReadings.of(
                    station,
                    payload.source,
                    values,
                    known_at=payload.received_at,
                    report=report_number(station),
                    revision=payload.received_at,
                ),
                [Station(id=station, kind="official")],
            )
            for station, values in told.items()
        ]
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
    return Value(at, 0, "river_level_m", round(float(text.replace(",", ".")) / 100, 4))
