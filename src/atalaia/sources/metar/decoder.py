"""Payloads of METARs → readings of aerodromes.

Contents: ``metar-json``, what aviationweather.gov's ``/api/data/metar?format=json`` answers, and
``metar-raw``, reports as text: one a line, or a bulletin with ``=`` after each. Source: ``metar``.

All values are read from the report itself. The JSON has the wind in whole knots even where the
report has metres a second, and leaves out what it did not understand; of it are taken the time
(`obsTime`), what a report does not say (name, position and height of the station), and tenths of
a degree where the report has the same temperature in whole ones.
"""

from __future__ import annotations

import re
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReport, Value, report_number
from atalaia.sources import thunder, violent_wind
from atalaia.sources.body import read_json
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.metar.report import MetarReport, is_start, parse, weather_code
from atalaia.sources.rejects import Rejects, Unreadable, shown

NAME = "metar"
JSON = "metar-json"
RAW = "metar-raw"

MOST_REPORTS = 20_000
"""Reports in one payload; the world's hour has 5,000."""

_INSTANTS = (
    "temperature_c",
    "dew_point_c",
    "wind_direction_deg",
    "wind_speed_m_s",
    "wind_gust_m_s",
    "visibility_m",
    "pressure_sea_level_hpa",
)
_EXTREMES = ("temperature_max_c", "temperature_min_c")
_EXTREMES_S = 21_600


def decoder() -> DecodeStations:
    """METARs and SPECIs → OBSERVED rows of stations ``metar:SBPA``."""
    return by_content({JSON: _read_json, RAW: _read_raw})


def _read_json(payload: Payload, rejects: Rejects) -> StationsTold:
    answer = read_json(payload.body, rejects)
    objects = answer if isinstance(answer, list) else [answer]
    told = StationsTold()
    for i, each in enumerate(objects[:MOST_REPORTS]):
        text = each.get("rawOb") if isinstance(each, dict) else None
        if not isinstance(text, str):
            rejects.add("no report", f"object {i} has no rawOb")
            continue
        at = each.get("obsTime")
        is_time = type(at) is int and 0 < at < 1 << 33
        report = _parsed(text, at if is_time else None, payload, rejects)
        if report is not None:
            report.temperature_c = _finer(report.temperature_c, each.get("temp"))
            report.dew_point_c = _finer(report.dew_point_c, each.get("dewp"))
            station = Station(
                id=f"{NAME}:{report.station}",
                kind="aerodrome",
                name=_text(each.get("name")),
                latitude=_number(each.get("lat"), 90),
                longitude=_number(each.get("lon"), 180),
                elevation_m=_number(each.get("elev"), 9000),
            )
            told.reports.append(_report(report, payload))
            told.stations.append(station)
    return told


def _finer(told: float | None, tenths: Any) -> float | None:
    """The bearer's value where it rounds to the report's; halves are rounded either way."""
    value = _number(tenths, 100)
    return told if told is None or value is None or abs(value - told) > 0.5 else value


def _read_raw(payload: Payload, rejects: Rejects) -> StationsTold:
    text = payload.body.decode("ascii", "replace")
    told = StationsTold()
    for each in _reports(text, rejects)[:MOST_REPORTS]:
        report = _parsed(each, None, payload, rejects)
        if report is not None:
            told.reports.append(_report(report, payload))
            told.stations.append(Station(id=f"{NAME}:{report.station}", kind="aerodrome"))
    return told


def _reports(text: str, rejects: Rejects) -> list[str]:
    """The reports in a text. One goes on in lines that do not begin another; headings do not."""
    reports: list[str] = []
    is_open = False
    for line in text.replace("=", "=\n").splitlines():
        words = line.strip("\x01\x03 \t\r")
        if is_start(words):
            reports.append(words)
            is_open = True
        elif _HEADING.fullmatch(words):
            is_open = False
        elif is_open:
            reports[-1] += f" {words}"
        elif words and not words.isdigit():
            rejects.add("not a METAR", shown(words))
        if "=" in line:
            is_open = False
    return reports


_HEADING = re.compile(
    r"[A-Z]{4}\d\d [A-Z]{4} \d{6}(?: [A-Z]{3})?"  # of a bulletin: SABR31 SBGR 111800
    r"|(?:METAR|SPECI)(?: COR)?"  # what follows
    r"|\d{4}/\d\d/\d\d \d\d:\d\d"  # the date of a report in a collection
)


def _parsed(
    text: str, observed_at: int | None, payload: Payload, rejects: Rejects
) -> MetarReport | None:
    try:
        report = parse(text, payload.received_at, observed_at)
    except Unreadable as error:
        rejects.add_unreadable(error)
        return None
    if report.unread:
        rejects.add("group not understood", f"{report.station}: {' '.join(report.unread)}")
    return report


def _report(report: MetarReport, payload: Payload) -> StationReport:
    return StationReport(
        f"{NAME}:{report.station}",
        payload.source,
        _values(report),
        payload.received_at,
        report=report_number(f"{NAME}|{report.station}|{report.observed_at}"),
        revision=int(report.is_corrected),
    )


def _values(report: MetarReport) -> list[Value]:
    at = report.observed_at
    told = [
        Value(at, 0, name, value)
        for name in _INSTANTS
        if (value := getattr(report, name)) is not None
    ]
    code = weather_code(report.weather)
    if code is not None:
        told.append(Value(at, 0, "weather_code", float(code)))
    classes = (
        (thunder.VARIABLE, report.thunderstorm),
        (violent_wind.VARIABLE, report.violent_wind),
    )
    told += [Value(at, 0, name, float(value)) for name, value in classes if value is not None]
    told += [Value(at, period_s, "rain_mm", value) for period_s, value in report.rain]
    told += [
        Value(at, _EXTREMES_S, name, value)
        for name in _EXTREMES
        if (value := getattr(report, name)) is not None
    ]
    return told


def _number(value: Any, limit: float) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) <= limit else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) < 200 else ""
