"""A decoder of a made-up source, so that these tests speak of archive and refine alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import KIND_OF, NO_TIME, Floats, Ints, Kind, Readings
from atalaia.homes.embedded import EmbeddedHome

NOON = 1_714_478_400  # 2024-04-30T12:00:00Z
HOUR = 3600
DAY = 86_400

PLACES = Places(
    Place(id=i, name=i, latitude=0, longitude=0) for i in ("recife", "poa", "d'água", "são paulo")
)


def row(place: str, valid_at: int, kind: str = "analysis", **fields: Any) -> dict[str, Any]:
    """A row of the made-up source; fields are variables, or issued_at, or period_s."""
    return {"place": place, "valid_at": valid_at, "kind": kind, **fields}


def answer(received_at: int, *rows: dict[str, Any], source: str = "made-up") -> Payload:
    return Payload(
        source=source, content="rows", received_at=received_at, body=json.dumps(rows).encode()
    )


def decode(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
    assert wanted is None
    parts, rejects = [], []
    for payload in payloads:
        try:
            rows = json.loads(payload.body)
        except ValueError:
            rejects.append(Reject(source=payload.source, reason="not JSON"))
            continue
        for each in rows:
            known = {"place", "valid_at", "kind", "issued_at", "period_s"}
            values = {name: value for name, value in each.items() if name not in known}
            parts.append(
                Readings.build(
                    place=[PLACES.position[each["place"]]],
                    source=payload.source,
                    kind=KIND_OF[each["kind"]],
                    valid_at=[each["valid_at"]],
                    issued_at=each.get("issued_at", NO_TIME),
                    known_at=payload.received_at,
                    period_s=each.get("period_s", 0),
                    values={
                        name: np.array([np.nan if value is None else value], float)
                        for name, value in values.items()
                    },
                )
            )
    return Decoded(Readings.concat(parts), rejects)


def files(home: EmbeddedHome, prefix: str) -> dict[str, bytes]:
    return {key: home.lake.read(key) for key in home.lake.keys(prefix)}


def gauges(at: Ints, period_s: int, rain: Floats, **beside: Floats) -> Readings:
    """What one source measured at places 0, 1 …: sums in mm, and further variables by name; each of
    shape (instants, places)."""
    parts = [
        Readings.build(
            place=np.full(len(at), place, np.int32),
            source="gauges",
            kind=Kind.OBSERVED,
            valid_at=at,
            period_s=period_s,
            values={
                "rain_mm": rain[:, place],
                **{name: column[:, place] for name, column in beside.items()},
            },
        )
        for place in range(rain.shape[1])
    ]
    return Readings.concat(parts).in_order()
