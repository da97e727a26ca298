"""Whose eyes warn of heavy rain at Porto Alegre: a model's, a gauge's 15 km away, or both?

    python bench/bench_eyes.py FOLDER

FOLDER has `inmet/` (A801 and B807, hourly) and `open_meteo/` (archived forecasts, same place).
Truth is A801 itself: local days in which its own rain reached the yellow limit of the rules `inmet`
(20 mm in an hour or 30 mm in 24). The place stands where A801 does. Three replays hear the model
alone, the gauge B807 alone (as a live station, within its reach), and both; `atalaia verify` scores
the warnings of heavy rain that each made.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

PLACE = "place_id,name,latitude,longitude,timezone\npoa,Porto Alegre,{},{},America/Sao_Paulo\n"
ATALAIA = (sys.executable, "-m", "atalaia")
ONE_HOUR_MM, ONE_DAY_MM = 20.0, 30.0

Hours = dict[datetime, float]
Span = tuple[datetime, datetime]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    model: Hours = {}
    spans = []
    for file in sorted((folder / "open_meteo").glob("chunk_*.json")):
        told = modelled(file)
        spans.append((min(told), max(told)))
        model |= told
    truth, where = gauge(folder, "A801", spans)
    other, elsewhere = gauge(folder, "B807", spans)
    by_model = [estimate(at, mm) for at, mm in model.items()]
    by_gauge = [report(at, mm, elsewhere) for at, mm in other.items()]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "places.csv").write_text(PLACE.format(*where), "utf-8")
        write_events(work / "events.csv", truth)
        print(f"{len(truth)} hours of A801, {len(model)} of the model, {len(other)} of B807")
        print(f"{'heard':14}{'days':>6}{'hits':>6}{'false':>7}{'POD':>7}{'FAR':>7}{'CSI':>7}")
        for heard, lines in (
            ("model alone", by_model),
            ("B807 alone", by_gauge),
            ("both", [*by_model, *by_gauge]),
        ):
            show(heard, scored(work, lines))


def show(heard: str, score: Mapping[str, Any]) -> None:
    hits, misses, false = (score[name] for name in ("hits", "misses", "false_alarms"))
    pod, far = hits / (hits + misses), false / (hits + false) if hits + false else 0.0
    csi = hits / (hits + misses + false)
    print(f"{heard:14}{hits + misses:6}{hits:6}{false:7}{pod:7.2f}{far:7.2f}{csi:7.2f}")


def scored(work: Path, lines: list[dict[str, Any]]) -> Mapping[str, Any]:
    payloads = work / "payloads.ndjson"
    lines.sort(key=lambda line: line["received_at"])
    payloads.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    alerts = work / "alerts.ndjson"
    replay = ("replay", "--payloads", payloads, "--places", work / "places.csv")
    subprocess.run([*ATALAIA, *replay, "--alerts", alerts], check=True, capture_output=True)
    verify = ("verify", "--alerts", alerts, "--events", work / "events.csv", "--json")
    zone = ("--hazard", "heavy_rain", "--timezone", "America/Sao_Paulo")
    done = subprocess.run([*ATALAIA, *verify, *zone], check=True, capture_output=True)
    score: Mapping[str, Any] = json.loads(done.stdout)["score"]
    return score


def estimate(at: datetime, mm: float) -> dict[str, Any]:
    """An hour of the model, as it is pushed."""
    row = {
        "place_id": "poa", "valid_at": at.isoformat(), "kind": "analysis", "period_s": 3600,
        "source": "model", "rain_mm": mm,
    }  # fmt: skip
    return line(at, "station", "readings-json", json.dumps([row]), 5)


def report(at: datetime, mm: float, where: tuple[float, float]) -> dict[str, Any]:
    """An hour of the gauge, as CEMADEN answers: the shortest form of a live gauge."""
    station = {"idEstacao": 807, "nome": "Belém Novo", "latitude": where[0], "longitude": where[1]}
    day, hour = f"{at:%d/%m/%Y}", f"{at.hour}h"
    body = {"estacao": station, "datas": [day], "horarios": [hour], "acumulados": [[mm]]}
    return line(at, "cemaden", "cemaden-hourly", body, 20)


def line(at: datetime, source: str, content: str, body: object, minutes: int) -> dict[str, Any]:
    received = (at + timedelta(minutes=minutes)).isoformat()
    return {"received_at": received, "source": source, "content": content, "body": body}


def write_events(file: Path, truth: Hours) -> None:
    """Hours at whose end the rain of the hour, or of the 24 h up to it, had reached the limit."""
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(("started_at", "ended_at"))
        for at, mm in truth.items():
            day = sum(truth.get(at - timedelta(hours=i), 0.0) for i in range(24))
            if mm >= ONE_HOUR_MM or day >= ONE_DAY_MM:
                table.writerow(((at - timedelta(hours=1)).isoformat(), at.isoformat()))


def modelled(file: Path) -> Hours:
    said = json.loads(file.read_text("utf-8"))
    ahead = timedelta(seconds=said["utc_offset_seconds"])
    hours = said["hourly"]
    return {
        datetime.fromisoformat(text).replace(tzinfo=UTC) - ahead: mm
        for text, mm in zip(hours["time"], hours["precipitation"], strict=True)
        if mm is not None
    }


def gauge(folder: Path, code: str, spans: list[Span]) -> tuple[Hours, tuple[float, float]]:
    """Hours in the spans, and where the station stands."""
    found: Hours = {}
    where = (0.0, 0.0)
    for file in sorted((folder / "inmet").glob(f"{code}_*.csv")):
        rows = list(csv.reader(file.read_text("latin-1").splitlines(), delimiter=";"))
        where = number(rows[4][1]) or 0.0, number(rows[5][1]) or 0.0
        for at, mm in hourly(rows[9:]):
            if mm is not None and any(first <= at <= last for first, last in spans):
                found[at] = mm
    return found, where


def hourly(rows: list[list[str]]) -> Iterator[tuple[datetime, float | None]]:
    """The end of each hour, as INMET dates it, and its rain."""
    for row in rows:
        if len(row) > 2:
            day, hour = row[0].replace("/", "-"), row[1][:2]
            yield datetime.fromisoformat(f"{day}T{hour}:00:00+00:00"), number(row[2])


def number(text: str) -> float | None:
    value = float(text.replace(",", ".")) if text.strip() else None
    return None if value is None or value <= -9999 else value


if __name__ == "__main__":
    main()
