"""CEMADEN's rain gauges: hourly sums of one, and the last sums of all of a state.

Contents of payloads: ``cemaden-hourly`` (``MapaInterativoWS/resources/horario/{id}/{hours}``) and
``cemaden-last`` (``graficos/interativo/getJson2.php?uf=PE``). Source ``cemaden``, no key.

The hourly answer is a table: row i is of `datas[i]`, column j of `horarios[j]`, and the columns
begin at any hour of the day. An empty cell is no rain gauge's word, never 0. An hour's last sums
are still growing when they are first asked for: a later answer corrects an earlier one.

Not said by the service, and taken so: hours are UTC (its newest value is of the current hour in
UTC), and a label is the end of its hour (no label is ahead of the newest report). Should a label be
the beginning, rain is told an hour early.
"""

from __future__ import annotations

import math
import re
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value, report_number
from atalaia.sources.body import read_json
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.request import SourceRequest
from atalaia.sources.times import utc_second

NAME = "cemaden"
HOURLY = "cemaden-hourly"
LAST = "cemaden-last"

_MOST_DAYS = 400
_SUMS = {
    "acc1hr": 3600, "acc3hr": 10_800, "acc6hr": 21_600, "acc12hr": 43_200, "acc24hr": 86_400,
    "acc48hr": 172_800, "acc72hr": 259_200, "acc96hr": 345_600,
}  # fmt: skip
_NO_VALUE = (None, "-", "")


BASE_URL = "https://mapservices.cemaden.gov.br"

HOURS = 6
"""Hours that are asked for: one that was told late is in one of the next answers."""


def request(station: str, base_url: str = BASE_URL) -> SourceRequest:
    """The last hours of one gauge, by its number (``6846``)."""
    return SourceRequest(
        source=NAME,
        content=HOURLY,
        places=(),
        url=f"{base_url}/MapaInterativoWS/resources/horario/{station}/{HOURS}",
        params={},
    )


def decoder() -> DecodeStations:
    """CEMADEN's answers → OBSERVED rain of stations ``cemaden:6846``."""
    return by_content({HOURLY: _read_hourly, LAST: _read_last})


def _read_hourly(payload: Payload, rejects: Rejects) -> StationsTold:
    answer = read_json(payload.body, rejects)
    table = [answer.get(key) for key in ("datas", "horarios", "acumulados")] if _is(answer) else []
    if len(table) != 3 or not all(isinstance(part, list) for part in table):
        raise Unreadable("not CEMADEN's hours", "no datas, horarios and acumulados")
    station = _station(answer.get("estacao"))
    days, hours, rows = table
    told: list[Value] = []
    for day, row in zip(days[:_MOST_DAYS], rows, strict=False):
        midnight = _day(day)
        if midnight is None or not isinstance(row, list) or len(row) != len(hours):
            rejects.add("not a day", f"{station.id}: {shown(day)}")
            continue
        for label, cell in zip(hours, row, strict=True):
            hour, value = _hour(label), _number(cell, f"{station.id}: {label}", rejects)
            if hour is not None and value is not None:
                told.append(Value(midnight + hour * 3600, 3600, "rain_mm", value))
    return StationsTold([_report(station.id, told, payload, HOURLY)], [station])


def _read_last(payload: Payload, rejects: Rejects) -> StationsTold:
    answer = read_json(payload.body, rejects)
    found = StationsTold()
    for each in answer if isinstance(answer, list) else [answer]:
        number = each.get("idestacao") if _is(each) else None
        if type(number) is not int:
            rejects.add("not a station", shown(number))
            continue
        station = Station(id=f"{NAME}:{number}", kind="official", name=_text(each, "nomeestacao"))
        at = _moment(each.get("datahoraUltimovalor"))
        if at is None:
            rejects.add("not a time", f"{station.id}: {shown(each.get('datahoraUltimovalor'))}")
            continue
        told = [
            Value(at, period_s, "rain_mm", value)
            for key, period_s in _SUMS.items()
            if (value := _number(each.get(key), f"{station.id}: {key}", rejects)) is not None
        ]
        found.reports.append(_report(station.id, told, payload, LAST))
        found.stations.append(station)
    return found


def _report(station: str, told: list[Value], payload: Payload, content: str) -> StationReport:
    return StationReport(
        station,
        payload.source,
        told,
        payload.received_at,
        # Each table corrects itself alone: the other has other periods of the same hour.
        report=report_number(f"{content}|{station}"),
        revision=payload.received_at,
    )


def _station(value: Any) -> Station:
    number = value.get("idEstacao") if _is(value) else None
    if type(number) is not int:
        raise Unreadable("not CEMADEN's hours", "no estacao")
    latitude, longitude = (_degrees(value.get(key)) for key in ("latitude", "longitude"))
    code = _text(value, "codEstacao")
    return Station(
        id=f"{NAME}:{number}",
        kind="official",
        name=_text(value, "nome"),
        aliases=(f"{NAME}:{code}",) if code else (),
        latitude=latitude,
        longitude=longitude,
    )


def _is(value: Any) -> bool:
    return isinstance(value, dict)


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    return text.strip() if isinstance(text, str) and text.isprintable() and len(text) < 200 else ""


def _degrees(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and -180 <= value <= 180 else None


def _day(text: Any) -> int | None:
    """``19/08/2026`` → Unix seconds of its midnight."""
    found = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text) if isinstance(text, str) else None
    return utc_second(f"{found[3]}-{found[2]}-{found[1]}T00:00:00Z") if found else None


def _moment(text: Any) -> int | None:
    """``20/08/26 00:50`` → Unix seconds."""
    shape = r"(\d\d)/(\d\d)/(\d\d) (\d\d:\d\d)"
    found = re.fullmatch(shape, text) if isinstance(text, str) else None
    return utc_second(f"20{found[3]}-{found[2]}-{found[1]}T{found[4]}:00Z") if found else None


def _hour(text: Any) -> int | None:
    found = re.fullmatch(r"([01]?\d|2[0-3])h", text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def _number(value: Any, where: str, rejects: Rejects) -> float | None:
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if not isinstance(value, str | None) or value not in _NO_VALUE:
        rejects.add("not a number", f"{where} is {shown(value)}")
    return None
