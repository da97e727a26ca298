"""INMET's hourly station files, of any year, as they come from its historical archive.

Content of payloads: ``station-csv``. A file is Latin-1 with ``;`` and a decimal comma: header
lines that name the station, one line of column names, then one line an hour. Names and forms
differ with the year (``DATA (YYYY-MM-DD);HORA (UTC)`` with ``2018-01-01;00:00``; ``Data;Hora UTC``
with ``2023/01/01;0000 UTC``), so columns are found by words in their names. What its form for
requests (BDMEP) sends has ``Nome: valor`` above the table, and ``null`` where nothing was measured.

A row is the hour that ends at its time: rain fell in it, the gust is its strongest, radiation
its sum. A row without any value is still a row: the watch must know that the station was silent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Floats, Ints, Kind, Readings
from atalaia.sources.columns import parsed, present
from atalaia.sources.decoding import (
    Wanted,
    by_content,
    is_wanted,
    plain_error,
    times_of_rows,
)
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import utc_seconds
from atalaia.sources.where import nearest

NAME = "inmet"
CONTENT = "station-csv"
NEAR_KM = 10.0
"""How far a watched place may lie from the station whose readings are taken for it."""

_MISSING = -9999.0
_LONGEST_HEADER = 30

_COLUMNS = (
    ("rain_mm", ("PRECIPITA",), ("MM",)),
    ("pressure_hpa", ("PRESS", "NIVEL DA ESTA"), ("MB", "HPA")),
    ("radiation_kj_m2", ("RADIA",), ("KJ",)),
    ("temperature_c", ("TEMPERATURA", "BULBO SECO"), ("C",)),
    ("dew_point_c", ("TEMPERATURA", "PONTO DE ORVALHO"), ("C",)),
    ("relative_humidity_pct", ("UMIDADE RELATIVA",), ("",)),
    ("wind_direction_deg", ("VENTO", "DIRE"), ("GR",)),
    ("wind_gust_m_s", ("VENTO", "RAJADA"), ("M S",)),
    ("wind_speed_m_s", ("VENTO", "VELOCIDADE"), ("M S",)),
)
"""(variable, words that its column's name has, words of which its unit has one).

The words stop short of the letters with accents, which some files lost.
"""

_DATE = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)")
_HOUR = re.compile(r"(\d\d):?(\d\d)(?: ?UTC)?")


def decoder(places: Places) -> Decode:
    """INMET's station files → hourly OBSERVED readings of the watched places."""
    return by_content({CONTENT: partial(_read, places)}, plain_error)


def is_station_file(body: bytes) -> bool:
    """Whether these bytes look like one: a header line of column names with date and hour."""
    return _header_line(_lines(body)) is not None


def _read(places: Places, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
    lines = _lines(payload.body)
    header = _header_line(lines)
    if header is None:
        raise Unreadable("not an INMET station file", "no line of column names: Data;Hora UTC;…")
    position = _position(lines[:header], places)
    table = _table(lines, header, rejects)
    valid_at = _valid_at(table, rejects)
    kind = np.full(len(valid_at), Kind.OBSERVED, np.int8)
    issued_at, known_at = times_of_rows(kind, valid_at, payload.received_at, payload.is_recorded)
    readings = Readings.build(
        place=np.full(len(valid_at), position, np.int32),
        source=NAME,
        kind=kind,
        valid_at=valid_at,
        issued_at=issued_at,
        known_at=known_at,
        period_s=3600,
        values=_values(table, wanted, rejects),
    )
    return readings.take(valid_at != NO_TIME)


def _lines(body: bytes) -> list[str]:
    """The lines, without their ends; the files are Latin-1, copies of them sometimes UTF-8."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return text.replace("\r\n", "\n").split("\n")


def _words(text: str) -> str:
    """A name in capitals without accents, its words with one space between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[A-Z0-9]+", plain.upper()))


def _header_line(lines: Sequence[str]) -> int | None:
    for i, line in enumerate(lines[:_LONGEST_HEADER]):
        names = [_words(name) for name in line.split(";", 2)[:2]]
        if len(names) == 2 and names[0].startswith("DATA") and names[1].startswith("HORA"):
            return i
    return None


def _position(lines: Sequence[str], places: Places) -> int:
    """The watched place that the station stands for: by its code, or by where it is."""
    said = {}
    for line in lines:
        name, _, value = line.partition(";" if ";" in line else ":")
        said[_words(name).partition(" ")[0]] = value.strip("; \t").replace(",", ".")
    code = said.get("CODIGO") or said.get("C", "")
    if code in places.position:
        return places.position[code]
    spot, _ = parsed([said.get("LATITUDE", ""), said.get("LONGITUDE", "")])
    place = nearest(places, float(spot[0]), float(spot[1]), NEAR_KM)
    if place is None:
        station = f"station {shown(code)}" if code else "its header names no station code"
        where = f"no watched place within {NEAR_KM:g} km of {spot[0]:.4f}, {spot[1]:.4f}"
        if np.isnan(spot).any():
            where = "no latitude and longitude; give the place the station's code as its place_id"
        raise Unreadable("unknown place", f"{station}: {where}")
    return places.position[place.id]


@dataclass(frozen=True, slots=True)
class _StationTable:
    """The rows of a file as columns of text, as they came.

    names    of the columns, as `_words` gives them
    columns  one tuple of cells a name, each of shape (rows,)
    numbers  the line of each row in the file, from 1
    """

    names: list[str]
    columns: list[tuple[str, ...]]
    numbers: Sequence[int]


def _table(lines: list[str], header: int, rejects: Rejects) -> _StationTable:
    names = lines[header].rstrip(";").split(";")
    width = len(names)
    rows, numbers = [], []
    for number, line in enumerate(lines[header + 1 :], header + 2):
        cells = line.split(";")
        # The last separator is followed by nothing, in some years by none.
        if len(cells) == width or (len(cells) > width and not any(cells[width:])):
            rows.append(cells[:width])
            numbers.append(number)
        elif line.strip():
            rejects.add("wrong number of cells", f"line {number}: {len(cells)} for {width} columns")
    columns: list[tuple[str, ...]] = list(zip(*rows, strict=True)) if rows else [()] * width
    return _StationTable([_words(name) for name in names], columns, numbers)


def _valid_at(table: _StationTable, rejects: Rejects) -> Ints:
    """Unix seconds of the rows; NO_TIME, and a reject, where date or hour cannot be read."""
    days = _by_text(table.columns[0], _DATE, "{}-{}-{}T00:00:00Z")
    # An hour is a time of a day that begins at 0.
    hours = _by_text(table.columns[1], _HOUR, "1970-01-01T{}:{}:00Z")
    is_bad = (days == NO_TIME) | (hours == NO_TIME)
    for i in np.flatnonzero(is_bad):
        said = f"{table.columns[0][int(i)]} {table.columns[1][int(i)]}"
        rejects.add("not a time", f"line {table.numbers[int(i)]}: {shown(said)}")
    return np.where(is_bad, NO_TIME, days + np.where(is_bad, 0, hours))


def _by_text(cells: Sequence[str], pattern: re.Pattern[str], shape: str) -> Ints:
    """Unix seconds of texts of which there are few different ones."""
    texts = list(dict.fromkeys(cells))
    found = [pattern.fullmatch(text.strip()) for text in texts]
    seconds = utc_seconds([shape.format(*match.groups()) if match else "" for match in found])
    known = dict(zip(texts, seconds.tolist(), strict=True))
    return np.array([known[cell] for cell in cells], np.int64)


def _values(table: _StationTable, wanted: Wanted, rejects: Rejects) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    for variable, words, units in _COLUMNS:
        where = next((i for i, name in enumerate(table.names) if _has(name, words)), None)
        if where is None or not is_wanted(variable, wanted):
            continue
        name = table.names[where]
        if not any(_has(name, (unit,)) for unit in units):
            rejects.add("unknown unit", f"column {shown(name)}: not in {' or '.join(units)}")
            continue
        cells = ["" if cell == "null" else cell.replace(",", ".") for cell in table.columns[where]]
        column, faults = parsed(cells, _MISSING)
        for i, reason in faults:
            rejects.add(reason, f"line {table.numbers[i]}: {name} is {shown(cells[i])}")
        if variable == "radiation_kj_m2":
            column[column < 0] = np.nan  # an offset of the instrument at night
        values[variable] = column
    return present(values)


def _has(name: str, words: tuple[str, ...]) -> bool:
    return all(re.search(rf"(?:^| ){word}", name) for word in words)
