"""Answers of an ensemble, made up in the provider's shape: many runs by the hour."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from atalaia.domain.payload import Payload
from atalaia.lake import raw
from atalaia.ports import Lake, Record

HOUR, DAY = 3600, 86_400

ByRun = Callable[[int, int], float | None]
"""(run, Unix seconds of an hour's end) → what the run says of the hour; run 0 is the control."""


def answer(
    at: int,
    said: ByRun,
    *,
    runs: int = 51,
    field: str = "precipitation",
    unit: str = "mm",
    ahead: int = 120,
    where: tuple[float, float] = (-3.2, -60.0),
    name: Callable[[str, int], str] | None = None,
) -> dict[str, Any]:
    """What a place gets that asks at `at`: 24 hours back, so many ahead."""
    name = name or (lambda field, run: field if run == 0 else f"{field}_member{run:02d}")
    first = at // HOUR * HOUR - 24 * HOUR
    times = [first + i * HOUR for i in range(24 + ahead + 1)]
    series = {name(field, run): [said(run, one) for one in times] for run in range(runs)}
    told = [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M") for one in times]
    return {
        "latitude": where[0],
        "longitude": where[1],
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601"} | dict.fromkeys(series, unit),
        "hourly": {"time": told, **series},
    }


def payload(
    at: int,
    body: Any,
    places: tuple[str, ...] = ("mao",),
    source: str = "open-meteo:ensemble",
) -> Payload:
    """The answer as it was received."""
    return Payload(
        source=source,
        content="ensemble",
        places=places,
        received_at=at,
        body=json.dumps(body).encode(),
    )


def storm(begins_at: int, mm: Callable[[int], float], length_s: int = 6 * HOUR) -> ByRun:
    """A storm of so many mm by run, evenly over its length; dry else."""
    hours = length_s // HOUR

    def said(run: int, at: int) -> float:
        return mm(run) / hours if begins_at < at <= begins_at + length_s else 0.0

    return said


def keep(lake: Lake, payloads: Sequence[Payload]) -> None:
    """As RAW has them: a part for each."""
    for offset, one in enumerate(payloads, 1):
        part = raw.write_payloads([Record(offset, one)])
        lake.write(raw.payload_part(one) + raw.part_name(offset), part)
