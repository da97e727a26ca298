"""RAW → GOLD: rows a second, beside DuckDB's own COPY of the same columns from the same file.

One core, one thread, the two in turns. RAW holds answers in the shape of Tomorrow.io's realtime
ones, with varied values, for 5,000 places polled every 90 seconds; and, for comparison, answers in
Open-Meteo's shape with many rows each. All are made up. DuckDB is told the columns, so that it need
not look for them, and neither checks, nor de-duplicates, nor sorts, nor merges; refine does all of
it.

    python bench/bench_refine.py [--records 200000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median

import duckdb
import numpy as np

from atalaia.batch.archive import archive
from atalaia.batch.refine import refine
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import open_home
from atalaia.sources import decode_all
from figures import Figure, named, on_one_core, tell

PLACES = 5_000
POLL_S = 90
START = 1_726_898_400  # a whole hour
LATITUDE, LONGITUDE = -30.0, -51.25
DAYS = 91
"""Of different values in answers with many rows."""

ANSWER = {
    "cloudBase": 0.25,
    "cloudCeiling": None,
    "cloudCover": 34,
    "dewPoint": 18.69,
    "freezingRainIntensity": 0,
    "humidity": 89,
    "precipitationProbability": 0,
    "pressureSurfaceLevel": 1002.7,
    "rainIntensity": 0,
    "sleetIntensity": 0,
    "snowIntensity": 0,
    "temperature": 20.63,
    "temperatureApparent": 20.63,
    "uvHealthConcern": 0,
    "uvIndex": 0,
    "visibility": 14.57,
    "weatherCode": 1100,
    "windDirection": 65.88,
    "windGust": 6.63,
    "windSpeed": 4.38,
}
"""As Tomorrow.io's are, in metric units."""

HOURLY = {
    "temperature_2m": ("°C", 20.0),
    "relative_humidity_2m": ("%", 80.0),
    "dewpoint_2m": ("°C", 15.0),
    "precipitation": ("mm", 1.0),
    "surface_pressure": ("hPa", 1010.0),
    "cloudcover": ("%", 50.0),
    "windspeed_10m": ("km/h", 12.0),
    "winddirection_10m": ("°", 120.0),
    "windgusts_10m": ("km/h", 25.0),
}
"""As Open-Meteo's are: unit, and about what value."""

# Tomorrow.io's field and the catalogue's variable; the factor converts the unit.
FIELDS = {
    "temperature": ("temperature_c", 1),
    "temperatureApparent": ("apparent_temperature_c", 1),
    "dewPoint": ("dew_point_c", 1),
    "humidity": ("relative_humidity_pct", 1),
    "windSpeed": ("wind_speed_m_s", 1),
    "windGust": ("wind_gust_m_s", 1),
    "windDirection": ("wind_direction_deg", 1),
    "rainIntensity": ("rain_rate_mm_h", 1),
    "sleetIntensity": ("sleet_rate_mm_h", 1),
    "snowIntensity": ("snow_rate_mm_h", 1),
    "freezingRainIntensity": ("freezing_rain_rate_mm_h", 1),
    "pressureSurfaceLevel": ("pressure_hpa", 1),
    "visibility": ("visibility_m", 1000),
    "cloudCover": ("cloud_cover_pct", 1),
    "cloudBase": ("cloud_base_m", 1000),
    "cloudCeiling": ("cloud_ceiling_m", 1000),
    "precipitationProbability": ("precipitation_probability_pct", 1),
    "uvIndex": ("uv_index", 1),
    "weatherCode": ("weather_code", 1),
}


def realtime(records: int) -> Iterator[Payload]:
    """Every value that is not whole differs from answer to answer, as in life."""
    location = {"lat": LATITUDE, "lon": LONGITUDE, "name": "Made up", "type": "administrative"}
    varied = {name: value for name, value in ANSWER.items() if isinstance(value, float)}
    noise = np.random.default_rng(1).normal(1, 0.1, (records, len(varied)))
    for i, factors in enumerate(noise.tolist()):
        at = START + i // PLACES * POLL_S
        values = ANSWER | {
            name: round(value * factor, 2)
            for (name, value), factor in zip(varied.items(), factors, strict=True)
        }
        told = {"time": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", "values": values}
        yield Payload(
            source="tomorrow-io",
            content="realtime",
            places=(f"place-{i % PLACES:04d}",),
            received_at=at + 2,
            body=json.dumps({"data": told, "location": location}, separators=(",", ":")).encode(),
        )


def hourly(rows: int) -> Iterator[Payload]:
    """A day an answer, place by place."""
    first = datetime.fromtimestamp(START - DAYS * 86_400, UTC)
    times = [(first + timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M") for i in range(DAYS * 24)]
    noise = np.random.default_rng(2).uniform(0.5, 1.0, (len(HOURLY), len(times)))
    columns = {
        name: (value * factors).round(1).tolist()
        for (name, (_, value)), factors in zip(HOURLY.items(), noise, strict=True)
    } | {"time": times}
    body = {
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "hourly_units": {name: unit for name, (unit, _) in HOURLY.items()} | {"time": "iso8601"},
    }
    for i in range(rows // 24):
        day = slice(i % DAYS * 24, i % DAYS * 24 + 24)
        part = body | {"hourly": {name: column[day] for name, column in columns.items()}}
        yield Payload(
            source="open-meteo",
            content="archive",
            places=(f"place-{i // DAYS:04d}",),
            received_at=START,
            body=json.dumps(part, separators=(",", ":")).encode(),
        )


def in_raw(folder: Path, payloads: Iterator[Payload]) -> None:
    """Make a home whose RAW holds the payloads, with nothing left in its stream."""
    with open_home(folder) as home:
        while some := list(islice(payloads, 10_000)):
            last = home.stream.append(some)
            archive(home.stream, home.state, home.lake)
            home.stream.drop(last)


def duck_copy(folder: Path, out: Path) -> float:
    """Seconds that DuckDB needs for the same columns."""
    fields = ", ".join(f'"{name}" DOUBLE' for name in FIELDS)
    columns = (
        "{'source': 'VARCHAR', 'places': 'VARCHAR[]', 'received_at': 'TIMESTAMPTZ',"
        f" 'body': 'STRUCT(data STRUCT(time TIMESTAMPTZ, values STRUCT({fields})))'}}"
    )
    typed = ", ".join(
        f'body.data.values."{field}" * {factor} AS {name}'
        if factor != 1
        else f'body.data.values."{field}" AS {name}'
        for field, (name, factor) in FIELDS.items()
    )
    files = sorted(str(file) for file in (folder / "lake" / "raw").rglob("*.zst"))
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone='UTC'")
    start = time.perf_counter()
    con.execute(
        f"COPY (SELECT places[1] AS place_id, body.data.time AS valid_at, 'analysis' AS kind,"
        f" received_at, {typed} FROM read_json({files}, columns={columns},"
        f" format='newline_delimited')) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
    )
    return time.perf_counter() - start


def refined(folder: Path, scratch: Path, places: Places) -> tuple[float, int]:
    """Seconds that refine needs from RAW alone, and the rows that it decoded."""
    shutil.copytree(folder, scratch)
    try:
        with open_home(scratch) as home:
            start = time.perf_counter()
            now = int(time.time())  # as `atalaia refine` has it
            report = refine(home.state, home.lake, decode_all(places), places, now=now)
            assert not report.rejects, "what is refused costs less than what is refined"
            return time.perf_counter() - start, report.rows
    finally:
        shutil.rmtree(scratch)


def main() -> None:
    """Print the medians of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    on_one_core()
    places = Places(
        Place(id=f"place-{i:04d}", name=f"Place {i}", latitude=LATITUDE, longitude=LONGITUDE)
        for i in range(PLACES)
    )
    with tempfile.TemporaryDirectory(prefix="atalaia-bench-") as name:
        folder = Path(name)
        in_raw(folder / "realtime", realtime(args.records))
        duck, own, rows = [], [], 0
        for _ in range(args.rounds):
            duck.append(duck_copy(folder / "realtime", folder / "x.parquet"))
            seconds, rows = refined(folder / "realtime", folder / "scratch", places)
            own.append(seconds)
        print(f"realtime answers               {args.records:>12,}")
        in_raw(folder / "hourly", hourly(args.records))
        many = [
            hours / seconds
            for seconds, hours in (
                refined(folder / "hourly", folder / "scratch", places) for _ in range(args.rounds)
            )
        ]
        tell(
            [
                Figure("RAW → GOLD, one row an answer", rows / median(own), "rows/s", 0.9,
                    args.records / median(duck), f"COPY of {named('duckdb')}"),
                Figure("RAW → GOLD, 24 rows an answer", median(many), "rows/s", 400_000),
            ]
        )  # fmt: skip


if __name__ == "__main__":
    main()
