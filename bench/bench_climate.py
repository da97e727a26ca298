"""The climate of one place from 25 years of hourly values: from GOLD, and from station files.

Nine variables, 25 years, one value an hour; all means, percentiles and return levels are read,
computed and written. The files are in INMET's form, one a year.

    python bench/bench_climate.py [--years 25] [--rounds 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np

from atalaia.batch.learn import learn, learn_from
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Floats, Kind, Readings
from atalaia.homes.embedded import open_home
from atalaia.lake.compact import closed_months, compact_months
from atalaia.lake.merge import merge_readings
from figures import Figure, tell

PLACES = Places(
    [Place(id="A801", name="Porto Alegre", latitude=-30.05, longitude=-51.17,
           timezone="America/Sao_Paulo")]
)  # fmt: skip

_HEADER = (
    "Data;Hora UTC;PRECIPITAÇÃO TOTAL, HORÁRIO (mm);"
    "PRESSAO ATMOSFERICA AO NIVEL DA ESTACAO, HORARIA (mB);"
    "TEMPERATURA DO AR - BULBO SECO, HORARIA (°C);TEMPERATURA DO PONTO DE ORVALHO (°C);"
    "UMIDADE RELATIVA DO AR, HORARIA (%);VENTO, RAJADA MAXIMA (m/s);"
    "VENTO, VELOCIDADE HORARIA (m/s);"
)
_COLUMNS = ("rain_mm", "pressure_hpa", "temperature_c", "dew_point_c", "relative_humidity_pct",
            "wind_gust_m_s", "wind_speed_m_s")  # fmt: skip


def weather(hours: int) -> dict[str, Floats]:
    """Values with a year and a day in them, and rare large ones."""
    chance = np.random.default_rng(1)
    at = np.arange(hours)
    temperature = 20 + 6 * np.cos(at / 8766 * 2 * np.pi) + 5 * np.cos(at / 24 * 2 * np.pi)
    values = {
        "temperature_c": temperature + chance.normal(0, 3, hours),
        "apparent_temperature_c": temperature + chance.normal(1, 4, hours),
        "dew_point_c": temperature - 5 + chance.normal(0, 2, hours),
        "relative_humidity_pct": chance.uniform(20, 100, hours),
        "pressure_hpa": chance.normal(1010, 6, hours),
        "wind_speed_m_s": chance.gamma(2, 1.5, hours),
        "wind_gust_m_s": chance.gamma(3, 2, hours),
        "rain_mm": np.maximum(chance.gamma(0.1, 4, hours) - 1, 0),
        "snow_cm": np.zeros(hours),
    }
    return {name: np.round(column, 1) for name, column in values.items()}


def write_files(folder: Path, values: dict[str, Floats], first: datetime) -> list[Path]:
    """One file a year, as INMET gives them."""
    lines: dict[int, list[str]] = {}
    for i, row in enumerate(zip(*(values[name].tolist() for name in _COLUMNS), strict=True)):
        at = first + timedelta(hours=i)
        cells = ";".join(str(value).replace(".", ",") for value in row)
        lines.setdefault(at.year, []).append(f"{at:%Y/%m/%d};{at:%H%M} UTC;{cells};")
    files = []
    for year, rows in lines.items():
        file = folder / f"A801_{year}.csv"
        head = "ESTACAO:;PORTO ALEGRE\nCODIGO (WMO):;A801\nLATITUDE:;-30,05\nLONGITUDE:;-51,17\n"
        file.write_text(head + _HEADER + "\n" + "\n".join(rows) + "\n", "latin-1")
        files.append(file)
    return files


def main() -> None:
    """Print the medians of some rounds of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    first = datetime(2000, 1, 1, 4, tzinfo=UTC)
    hours = args.years * 8766
    values = weather(hours)
    begins = int(first.timestamp())
    with tempfile.TemporaryDirectory(prefix="atalaia-bench-") as name:
        folder = Path(name)
        with open_home(folder / "home") as home:
            rows = Readings.build(
                place=np.zeros(hours, np.int32),
                source="inmet",
                kind=Kind.OBSERVED,
                valid_at=begins + np.arange(hours) * 3600,
                values=values,
                period_s=3600,
            )
            merge_readings(home.lake, rows, PLACES)
            compact_months(home.lake, closed_months(home.lake, begins + (hours + 999) * 3600))
            took = []
            for _ in range(args.rounds):
                began = time.perf_counter()
                (learnt,) = learn(home.lake, PLACES)
                took.append(time.perf_counter() - began)
            levels = sum(row.level is not None for row in learnt.climate.levels)
            print(f"{hours:,} hours, {len(values)} variables")
            print(f"{len(learnt.climate.months):,} rows of climate, {levels} return levels")
            of_gold = median(took)
            files = write_files(folder, values, first)
            took = []
            for _ in range(args.rounds):
                began = time.perf_counter()
                learn_from(home.lake, PLACES, files)
                took.append(time.perf_counter() - began)
            what = f"climate of a place, {args.years} years"
            of_files = f"… from {len(files)} station files, decoding included"
            tell([Figure(what, of_gold, "s", 5), Figure(of_files, median(took), "s", 10)])


if __name__ == "__main__":
    main()
