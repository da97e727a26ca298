"""Rio de Janeiro's weather and floods as Atalaia's recorded readings and events.

    python tools/rio.py DATA FOLDER

reads DATA/DadosMeteorologicos*.zip (Alerta Rio: rain every 15 minutes at its gauges, and what else
each measures: temperature and humidity, at two of them pressure and wind) and
DATA/flood_occurrences*.csv (the city's operations centre) and writes FOLDER/places.csv,
readings.csv and events.csv, for `atalaia replay` and `atalaia verify`.

Traps of these files, and what is done about each:

- Gauges tell local clock time. Rows marked HBV (summer time) are UTC-2, others UTC-3; the mark, and
  not a zone's rules, says which, as it is what the clock was set to.
- Rows that are not on :00, :15, :30 or :45 are running sums, which would be counted three times.
- ND and - are missing, never 0; a month may be there twice, in part. What else was measured while
  rain is missing is left out: a row is a gauge's quarter of an hour of rain.
- Wind is in m/s in older files and in km/h later: a file's head says which. Its direction is - in
  calm, and left out.
- There is no dew point: it is made from temperature and humidity (Magnus' formula over water,
  Sonntag 1990), as people who forecast rain go by it.
- Occurrences are local clock time though labelled +00:00; they become times without an offset,
  which `atalaia verify --timezone America/Sao_Paulo` takes as local. Latitude and longitude 0 are
  unknown.
- An occurrence ends when the centre closes the case, perhaps the next morning, and not when the
  water is gone: the end is left out, so that each counts on the day on which it was reported.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from math import log
from pathlib import Path

AREA = "Rio de Janeiro"
SOURCE = "alerta-rio"
STATIONS = {
    "alto_da_boa_vista": ("Alto da Boa Vista", -22.9658, -43.2783),
    "guaratiba": ("Guaratiba", -23.0503, -43.5947),
    "iraja": ("Irajá", -22.8269, -43.3369),
    "jardim_botanico": ("Jardim Botânico", -22.9728, -43.2239),
    "riocentro": ("Barra/Riocentro", -22.9772, -43.3916),
    "santa_cruz": ("Santa Cruz", -22.9094, -43.6844),
    "sao_cristovao": ("São Cristóvão", -22.8967, -43.2217),
    "vidigal": ("Vidigal", -22.9925, -43.2331),
}
"""By the beginning of a file's name: name and coordinates (DATA/estacoes_alertario.csv)."""

WEATHER = (
    "wind_speed_m_s",
    "temperature_c",
    "pressure_hpa",
    "relative_humidity_pct",
    "dew_point_c",
)
"""What stands beside the rain, in the order of the files' columns; the last one is made here."""

_ROW = re.compile(r"(\d\d/\d\d/\d{4})\s+(\d\d:\d\d):00\s+(HBV)?\s*(\S+)(.*)")
_FILE = re.compile(r"(?:.*/)?(.+)_(\d{6})_Met.*\.txt")
_MISSING = {"ND", "-"}

Row = tuple[float | None, ...]
"""Rain in mm, then WEATHER; None is missing."""


def gauge_rows(text: str) -> Iterator[tuple[datetime, Row]]:
    """(end of the quarter of an hour in UTC, what was measured) of one gauge's file."""
    of_wind = 1.0 if "(m/s)" in text else 3.6
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is None or row[4] in _MISSING or row[2][3:] not in {"00", "15", "30", "45"}:
            continue
        weather = _weather(row[5].split(), of_wind)
        yield _instant(row[1], row[2], bool(row[3])), (float(row[4]), *weather)


@cache
def _instant(date: str, clock: str, is_summer: bool) -> datetime:
    """In UTC. Eight gauges tell of each."""
    (day, month, year), (hour, minute) = date.split("/"), clock.split(":")
    local = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
    return local + timedelta(hours=2 if is_summer else 3)


def _weather(columns: list[str], of_wind: float) -> Row:
    """WEATHER of a row's columns after the rain; `of_wind`: how much of their unit 1 m/s is."""
    if len(columns) != 5:  # a line that was cut off: which column is which cannot be told
        return (None,) * len(WEATHER)
    wind, temperature, pressure, humidity = (
        None if column in _MISSING else float(column) for column in columns[1:]
    )
    wind = None if wind is None else round(wind / of_wind, 2)
    return wind, temperature, pressure, humidity, dew_point(temperature, humidity)


@cache
def dew_point(temperature_c: float | None, humidity_pct: float | None) -> float | None:
    """In °C, to a tenth; None where it cannot be made.

    >>> dew_point(25.0, 60.0)
    16.7
    """
    if temperature_c is None or not humidity_pct or not 0 < humidity_pct <= 100:
        return None
    ratio = log(humidity_pct / 100) + 17.62 * temperature_c / (243.12 + temperature_c)
    return round(243.12 * ratio / (17.62 - ratio), 1)


def measured(data: Path) -> dict[str, dict[datetime, Row]]:
    """What was measured, by station and end of the quarter of an hour, of all years there are."""
    found: dict[str, dict[datetime, Row]] = {}
    for archive in sorted(data.glob("DadosMeteorologicos*.zip")):
        with zipfile.ZipFile(archive) as months:
            for name in sorted(months.namelist()):
                file = _FILE.fullmatch(name)
                if file is None or file[1] not in STATIONS:
                    raise SystemExit(f"{archive}: {name}: no station is known by this name")
                said = found.setdefault(file[1], {})
                said.update(gauge_rows(months.read(name).decode("utf-8")))
    return found


def occurrences(data: Path) -> Iterator[list[str]]:
    """Rows of EVENTS.csv: local clock times without an offset."""
    for file in sorted(data.glob("flood_occurrences*.csv")):
        for row in csv.DictReader(io.StringIO(file.read_text("utf-8"))):
            started_at = row["data_inicio"].removesuffix("+00:00")
            yield [started_at, "", row["latitude"], row["longitude"], "", row["gravidade"]]


def convert(data: Path, folder: Path) -> None:
    """Write the three files."""
    folder.mkdir(parents=True, exist_ok=True)
    found = measured(data)
    if not found:
        raise SystemExit(f"{data}: no DadosMeteorologicos*.zip; give the folder that holds them")
    with (folder / "places.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["place_id", "name", "latitude", "longitude", "timezone", "area"])
        for station in found:
            name, latitude, longitude = STATIONS[station]
            out.writerow([station, name, latitude, longitude, "America/Sao_Paulo", AREA])
    text_of = cache(datetime.isoformat)
    with (folder / "readings.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["place_id", "valid_at", "period_s", "kind", "source", "rain_mm", *WEATHER])
        for station, said in found.items():
            out.writerows(
                [station, text_of(at), 900, "observed", SOURCE, *row]
                for at, row in sorted(said.items())
            )
    with (folder / "events.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["started_at", "ended_at", "latitude", "longitude", "place_id", "severity"])
        out.writerows(occurrences(data))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
