"""Realtime answers are read many at a time and by columns; here each is read by itself, plainly.

Bodies are a recorded one with parts changed, and with bytes damaged: one batch holds good and bad.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import datetime
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Place, Places
from atalaia.sources import thunder, tomorrow_io, tomorrow_io_realtime
from atalaia.sources.body import read_json
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.tomorrow_io_fields import FIELDS, ONLY_IN_SERIES
from oracles import cases

PLACES = Places(
    [
        Place(id="toronto", name="Toronto", latitude=43.653, longitude=-79.384),
        Place(id="montréal", name="Montréal", latitude=45.502, longitude=-73.567),
        Place(id="poa", name="Porto Alegre", latitude=-30.03, longitude=-51.23),
    ]
)
NOW = 1_726_897_460  # 2024-09-21T05:44:20Z
RECORDED = (
    b'{"data":{"time":"2024-09-21T05:44:00Z","values":{"cloudBase":0.25,"cloudCeiling":null,'
    b'"cloudCover":34,"dewPoint":18.69,"freezingRainIntensity":0,"humidity":89,'
    b'"precipitationProbability":0,"pressureSurfaceLevel":1002.7,"rainIntensity":0,'
    b'"sleetIntensity":0,"snowIntensity":0,"temperature":20.63,"temperatureApparent":20.63,'
    b'"uvHealthConcern":0,"uvIndex":0,"visibility":14.57,"weatherCode":1100,'
    b'"windDirection":65.88,"windGust":6.63,"windSpeed":4.38}},"location":{"lat":43.653,'
    b'"lon":-79.384,"name":"Old Toronto, Toronto, Ontario, Canada","type":"administrative"}}'
)
SCALE = {"visibility": 1000.0, "cloudBase": 1000.0, "cloudCeiling": 1000.0}
"""What is not in the catalogue's unit."""

FEW = frozenset({"rain_rate_mm_h", "wind_gust_m_s", "wind_speed_m_s", "thunderstorm_class"})

Row = tuple[str, int, int, frozenset[tuple[str, float]]]


def alone(payload: Payload, wanted: frozenset[str] | None) -> tuple[list[Row], list[Reject]]:
    """What one answer says, read the plainest way."""
    if payload.failure is not None:
        return [], []
    if payload.status >= 300:
        return [], [tomorrow_io.describe_error(payload)]
    found, name = Rejects(payload.source), ", ".join(payload.places)
    try:
        body = read_json(payload.body, found)
    except Unreadable as error:
        found.add(error.reason, f"{name}: {error.detail}")
        return [], found.listed()
    data = body.get("data") if isinstance(body, dict) else None
    values = data.get("values") if isinstance(data, dict) else None
    if isinstance(body, dict) and data is None and "code" in body:
        found.take(tomorrow_io.describe_error(payload))
    elif not isinstance(values, dict):
        found.add("no values", f"{name}: the answer has no object `data.values`")
    else:
        said = _said(values, name, wanted, found)
        return _row(payload, data.get("time"), body.get("location"), said, found), found.listed()
    return [], found.listed()


def _said(
    values: dict[str, Any], name: str, wanted: frozenset[str] | None, found: Rejects
) -> dict[str, float]:
    def is_wanted(variable: str) -> bool:
        return wanted is None or variable in wanted

    said: dict[str, float] = {}
    for each in sorted(FIELDS, key=lambda each: each.key):
        is_code = each.key == "weatherCode" and is_wanted(thunder.VARIABLE)
        if each.key in ONLY_IN_SERIES or not (is_wanted(each.variable) or is_code):
            continue
        number, fault = _number(values.get(each.key))
        if fault:
            found.add(fault, f"{name}: {each.key} is {shown(values[each.key])}")
        if number is None:
            continue
        if is_wanted(each.variable):
            said[each.variable] = number * SCALE.get(each.key, 1.0)
        if is_code:
            known = (thunder.TOMORROW_IO, thunder.TOMORROW_IO_UNKNOWN)
            (thunders,) = thunder.classes(np.array([number]), *known)
            if not math.isnan(thunders):
                said[thunder.VARIABLE] = float(thunders)
    return said


def _number(value: Any) -> tuple[float | None, str]:
    if value is None:
        return None, ""
    if type(value) not in (int, float):
        return None, "not a number"
    try:
        number = float(value)
    except OverflowError:
        return None, "not finite"
    return (number, "") if math.isfinite(number) else (None, "not finite")


def _row(
    payload: Payload, time: Any, location: Any, said: dict[str, float], found: Rejects
) -> list[Row]:
    place = tomorrow_io.locate(payload, location, PLACES, found)
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else None
    except ValueError:
        moment = None
    name = ", ".join(payload.places)
    if moment is None or moment.tzinfo is None or not 1830 <= moment.year < 2200:
        reason = "not a time" if moment is None else "time without offset"
        is_far = moment is not None and moment.tzinfo is not None
        found.add("time out of range" if is_far else reason, f"{name}: {shown(time)}")
        return []
    at = math.floor(moment.timestamp())
    ahead = 0 if payload.is_recorded else at - payload.received_at
    if ahead > 120:
        reason = "from the future" if ahead > 86_400 else "clock ahead"
        found.add(reason, f"{name}: {shown(time)}")
    if ahead > 86_400 or place is None:
        return []
    at -= max(ahead, 0)
    known_at = at if payload.is_recorded else payload.received_at
    return [(PLACES[place].id, at, known_at, frozenset(said.items()))]


def rows_of(decoded: Decoded) -> list[Row]:
    readings = decoded.readings
    return [
        (
            PLACES[int(place)].id,
            int(at),
            int(known_at),
            frozenset(
                (name, float(column[i]))
                for name, column in readings.values.items()
                if not np.isnan(column[i])
            ),
        )
        for i, (place, at, known_at) in enumerate(
            zip(readings.place, readings.valid_at, readings.known_at, strict=True)
        )
    ]


KEYS = ["windGust", "windSpeed", "rainIntensity", "weatherCode", "cloudCeiling", "visibility"]
VALUES = st.sampled_from(
    [
        *(
            "null",
            "0",
            "-0",
            "12",
            "12.75",
            "1e-3",
            "0.1",
            "123456789012345678901234567890",
            "8000",
        ),
        *("1e999", "-1e999", "NaN", "-Infinity", "true", '"6"', '""', "[]", "{}", "9" * 400),
        *('{"a":[1,{"b":null}]}', '"\\ud800"', '"\xe9"', "01", "1.", ".5", "- 1", "+1", "nan"),
    ]
)
TIMES = st.sampled_from(
    [
        *('"2024-09-21T05:44:00Z"', '"2024-09-21T05:43:00Z"', '"2024-09-21T05:44:00.750Z"'),
        *('"2024-09-21T02:44:00-03:00"', '"2024-02-30T05:44:00Z"', '"2024-09-21T05:44:00"'),
        *('"2024-09-21T05:50:00Z"', '"2024-09-25T05:44:00Z"', '"0001-01-01T00:00:00Z"'),
        *(
            '"no time at all, no !!"',
            '""',
            "null",
            "7",
            "[]",
            '"\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9"',
        ),
        *('{"data":{"time":"2024-09-21T05:44:00Z","values":{}}}', '"2024-09-21T24:00:00Z"'),
    ]
)
LOCATIONS = st.sampled_from(
    [
        *("null", "{}", "[]", '{"lat":null}', '{"lat":"43","lon":"-79"}', '{"lat":44,"lon":2}'),
        *('{"lat":1e999,"lon":-79.384}', '{"lat":43.66,"lon":-79.39,"lat":43.653}', "7"),
    ]
)


def _with_value(body: bytes, key: str, value: str) -> bytes:
    before, _, rest = body.partition(f'"{key}":'.encode())
    after = rest[min(rest.find(end) for end in (b",", b"}") if end in rest) :]
    return b'%b"%b":%b%b' % (before, key.encode(), value.encode(), after)


def _without(body: bytes, key: str) -> bytes:
    before, _, rest = body.partition(f'"{key}":'.encode())
    after = rest.partition(b",")[2] if b"," in rest.partition(b"}")[0] else rest
    return before + after


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    body = RECORDED
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=2)):
        body = _with_value(body, key, draw(VALUES))
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=1)):
        body = _without(body, key)
    if draw(st.booleans()):
        body = body.replace(b'"2024-09-21T05:44:00Z"', draw(TIMES).encode(), 1)
    if draw(st.integers(0, 3)) == 0:
        spot = b'{"lat"' + body.partition(b'{"lat"')[2][:-1]
        body = body.replace(spot, draw(LOCATIONS).encode())
    return _damaged(draw, body)


OTHERS = [
    *(b"", b"[]", b"{}", b"7", b"<html>", b'{"data":null}', b'{"data":{"time":"","values":{}}}'),
    *(b'{"code":429001,"type":"T","message":"m"}', b"[" * 3000),
    *(
        RECORDED * 2,
        RECORDED + b"," + RECORDED,
        json.dumps(json.loads(RECORDED), indent=2).encode(),
    ),
]


def _damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Mostly not at all."""
    at = draw(st.integers(0, len(body)))
    match draw(st.integers(0, 15)):
        case 0:
            body = body[:at]
        case 1:
            body = body[:at] + draw(st.binary(min_size=1, max_size=3)) + body[at:]
        case 2:
            body = body[:at] + body[at + draw(st.integers(1, 3)) :]
        case 3:
            body = draw(st.sampled_from([b"\xef\xbb\xbf", b" \r\n\t", b"\x00"])) + body + b"\n "
        case 4:
            body = RECORDED.decode().encode("utf-16")
        case 5:
            body = body.replace(b"}}", b',"windGust":1.5}}', 1)  # a key twice
        case 6:
            body = draw(st.sampled_from(OTHERS))
    return body


@st.composite
def answers(draw: st.DrawFn) -> Payload:
    failure = draw(st.sampled_from([None] * 9 + ["timed out"]))
    body = draw(bodies()) if failure is None else b""
    asked = draw(
        st.sampled_from(
            [("toronto",)] * 8 + [("montréal",), ("poa",), ("nowhere",), (), ("toronto", "poa")]
        )
    )
    return Payload(
        source="tomorrow-io",
        content="realtime",
        places=asked,
        body=body,
        received_at=NOW + draw(st.integers(0, 2)),
        status=draw(st.sampled_from([200] * 9 + [429])),
        failure=failure,
        is_recorded=draw(st.sampled_from([False] * 9 + [True])),
    )


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(
    st.lists(answers(), min_size=1, max_size=24),
    st.sampled_from([None, FEW, frozenset()]),
    st.sampled_from([1, 3, 1024]),
    st.sampled_from([0, 1, 16]),
    st.sampled_from([1, 600, 4_000]),
)
def test_answers_read_together_say_what_each_says_read_plainly(
    told: list[Payload], wanted: frozenset[str] | None, at_once: int, layouts: int, room: int
) -> None:
    plainly = [alone(payload, wanted) for payload in told]
    with (
        patch.object(tomorrow_io_realtime, "_AT_ONCE", at_once),
        patch.object(tomorrow_io_realtime, "_MOST_LAYOUTS", layouts),
        patch.object(tomorrow_io_realtime, "_BYTES_AT_ONCE", room),
        patch.object(tomorrow_io_realtime, "_rooms", []),
    ):
        decoded = tomorrow_io.decoder(PLACES)(told, wanted)
    assert rows_of(decoded) == [row for rows, _ in plainly for row in rows]
    rejects = [one for _, some in plainly for one in some]
    assert _counted(decoded.rejects) == _counted(rejects)


def _counted(rejects: list[Reject]) -> Counter[Reject]:
    """But for bytes that are not UTF-8: in a text that nobody wants they are not looked for."""
    return Counter(one for one in rejects if one.reason != "not UTF-8")
