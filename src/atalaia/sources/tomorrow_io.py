"""Tomorrow.io v4: what to ask, and what its answers say.

Contents of payloads: ``realtime`` and ``forecast`` (``/v4/weather/…``) and ``timelines``
(``/v4/timelines``), metric; the same with ``-imperial``, because a body does not name its units.
Realtime answers are the hot path and are read whole batches at a time (`tomorrow_io_realtime`).

Reference: the provider's "Core data layers" and "API errors".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.sources.body import read_json
from atalaia.sources.decoding import (
    Wanted,
    by_content,
    plain_error,
    times_of_rows,
)
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.request import SourceRequest
from atalaia.sources.tomorrow_io_fields import System
from atalaia.sources.tomorrow_io_realtime import Realtime
from atalaia.sources.tomorrow_io_series import (
    Timeline,
    blocks_of_forecast,
    blocks_of_timelines,
    columns,
)
from atalaia.sources.where import is_elsewhere, nearest

NAME = "tomorrow-io"
BASE_URL = "https://api.tomorrow.io"
IMPERIAL = "-imperial"

NEAR_KM = 11.1
"""0.1 degree of latitude: how far the body's location may lie from the place it is taken for."""


def requests(
    places: Iterable[Place], *, key: str, content: str = "realtime", base_url: str = BASE_URL
) -> list[SourceRequest]:
    """One call a place. The key travels in a header, so that no URL ever holds it."""
    params = {"units": "metric"}
    if content == "forecast":
        # Asked every few hours: the minutes of its first hour would be old before they are used.
        params["timesteps"] = "1h"
    return [
        SourceRequest(
            source=NAME,
            content=content,
            places=(place.id,),
            url=f"{base_url}/v4/weather/{content}",
            params={"location": f"{place.latitude},{place.longitude}", **params},
            credentials={"apikey": key},
        )
        for place in places
    ]


def decoder(places: Places) -> Decode:
    """Tomorrow.io's answers → readings of the watched places.

    Realtime is ANALYSIS of an instant. `forecast` is FORECAST, its run time unknown. `timelines`
    is ANALYSIS up to the moment of receipt and FORECAST after it.
    """
    metric, imperial = _Series(places, System.METRIC), _Series(places, System.IMPERIAL)
    rest = by_content(
        {
            "forecast": metric.forecast,
            "timelines": metric.timelines,
            f"forecast{IMPERIAL}": imperial.forecast,
            f"timelines{IMPERIAL}": imperial.timelines,
        },
        describe_error,
    )
    read_realtime = {
        "realtime": Realtime(places, System.METRIC, locate, describe_error),
        f"realtime{IMPERIAL}": Realtime(places, System.IMPERIAL, locate, describe_error),
    }

    def of_content(content: str, payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        realtime = read_realtime.get(content)
        return rest(payloads, wanted) if realtime is None else realtime.decode(payloads, wanted)

    def plain(lines: Lines, wanted: Wanted) -> Decoded | None:
        told = (each.plain(lines, content, wanted) for content, each in read_realtime.items())
        return next((decoded for decoded in told if decoded is not None), None)

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        if isinstance(payloads, Lines) and (decoded := plain(payloads, wanted)) is not None:
            return decoded
        if len({payload.content for payload in payloads}) == 1:
            return of_content(payloads[0].content, payloads, wanted)
        groups: dict[str, list[Payload]] = {}
        for payload in payloads:
            groups.setdefault(payload.content, []).append(payload)
        return Decoded.together(
            of_content(content, group, wanted) for content, group in groups.items()
        )

    return decode


def locate(payload: Payload, location: Any, places: Places, rejects: Rejects) -> int | None:
    """Position of the place that a payload speaks of; None, and a reject, if that is unclear."""
    if len(payload.places) == 1:
        position = places.position.get(payload.places[0])
        if position is None:
            rejects.add("unknown place", f"{shown(payload.places[0])} is not watched")
            return None
        asked_for, spot = places[position], location if isinstance(location, dict) else {}
        if is_elsewhere(asked_for, spot.get("lat"), spot.get("lon"), NEAR_KM):
            asked = f"{asked_for.id} at {asked_for.latitude}, {asked_for.longitude}"
            answered = f"{spot.get('lat')}, {spot.get('lon')}"
            rejects.add("another place", f"asked for {asked}, answered for {answered}")
            return None
        return position
    if payload.places:
        rejects.add("more than one place", f"{len(payload.places)} places for one answer")
        return None
    spot = location if isinstance(location, dict) else {}
    place = nearest(places, spot.get("lat"), spot.get("lon"), NEAR_KM)
    if place is None:
        where = f"{spot.get('lat')}, {spot.get('lon')}"
        rejects.add("unknown place", f"no watched place within {NEAR_KM} km of {where}")
        return None
    return places.position[place.id]


def describe_error(payload: Payload) -> Reject:
    """An error answer, by the provider's own code where its body has one."""
    try:
        body = msgspec.json.decode(payload.body)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return plain_error(payload)
    return _provider_error(payload, body) or plain_error(payload)


def _provider_error(payload: Payload, body: Any) -> Reject | None:
    """The reject for a body of the form ``{code, type, message}``; None for any other."""
    if not (isinstance(body, dict) and isinstance(body.get("code"), int)):
        return None
    rejects = Rejects(payload.source)
    place = f"{', '.join(payload.places)}: " if payload.places else ""
    rejects.add(_label("error", body["code"]), f"{place}{body.get('type')}: {body.get('message')}")
    return rejects.listed()[0]


def _label(word: str, code: int) -> str:
    """Codes have six digits; nothing else may become a label of a metric."""
    return f"{word} {code}" if 100_000 <= code <= 999_999 else f"{word} of an unknown code"


def _open(payload: Payload, rejects: Rejects) -> dict[str, Any]:
    body = read_json(payload.body, rejects)
    if not isinstance(body, dict):
        raise Unreadable("not an object", f"the body is a {type(body).__name__}")
    error = _provider_error(payload, body)
    if error is not None:
        raise Unreadable(error.reason, error.detail)
    warnings = body.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        if isinstance(warning, dict) and isinstance(warning.get("code"), int):
            rejects.add(_label("warning", warning["code"]), str(warning.get("message")))
    return body


@dataclass(frozen=True, slots=True)
class _Series:
    """Reads the answers that hold series, in one system of units."""

    places: Places
    system: System

    def forecast(self, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
        body = _open(payload, rejects)
        blocks = blocks_of_forecast(body)
        position = locate(payload, body.get("location"), self.places, rejects)
        if position is None:
            return Readings.empty()
        return Readings.concat(
            self._rows(block, position, payload, wanted, rejects) for block in blocks
        )

    def timelines(self, payload: Payload, wanted: Wanted, rejects: Rejects) -> Readings:
        body = _open(payload, rejects)
        blocks = blocks_of_timelines(body, rejects)
        position = locate(payload, body.get("location"), self.places, rejects)
        if position is None:
            return Readings.empty()
        return Readings.concat(
            self._rows(block, position, payload, wanted, rejects) for block in blocks
        )

    def _rows(
        self, block: Timeline, position: int, payload: Payload, wanted: Wanted, rejects: Rejects
    ) -> Readings:
        valid_at, values = columns(block, self.system, wanted, rejects)
        is_forecast = valid_at > payload.received_at
        if payload.content.startswith("forecast"):
            is_forecast |= True  # its first entry lies a moment before the answer
        kind = np.where(is_forecast, np.int8(Kind.FORECAST), np.int8(Kind.ANALYSIS))
        issued_at, known_at = times_of_rows(
            kind, valid_at, payload.received_at, payload.is_recorded
        )
        return Readings.build(
            place=np.full(len(valid_at), position, np.int32),
            source=NAME,
            kind=kind,
            valid_at=valid_at,
            issued_at=issued_at,
            known_at=known_at,
            period_s=block.period_s,
            values=values,
        )
