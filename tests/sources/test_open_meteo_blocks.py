"""Many answers of Open-Meteo's at once: the same rows and rejects as each alone, in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.sources import open_meteo
from atalaia.sources.open_meteo_plain import blocks_of_plain
from oracles import cases

NOON = 1_790_985_600
PLACES = Places(
    Place(id=name, name=name, latitude=10.0 * i, longitude=0.0) for i, name in enumerate("abc")
)
DECODE = open_meteo.decoder(PLACES)

UNITS = {"temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "km/h", "pm10": "μg/m³"}

values = st.one_of(
    st.floats(-50, 150), st.none(), st.sampled_from(["12", True, 10**400, {}, [1.0]]),
    st.integers(0, 40),
)  # fmt: skip
times = st.one_of(
    st.sampled_from([f"2026-10-0{day}" for day in ("2T23:00", "3T00:00", "3T01:00", "9T01:00")]),
    st.sampled_from(["2026-02-30T00:00", "now", None, "2026-10-03T00:00Z", 7]),
)  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["current", "minutely_15", "hourly", "hourly", "daily"]))
    keys = draw(st.lists(st.sampled_from(sorted(UNITS)), max_size=3, unique=True))
    units = {key: draw(st.sampled_from([UNITS[key], UNITS[key], "furlong", []])) for key in keys}
    rows = draw(st.integers(0, 3))
    lengths = {key: rows + draw(st.sampled_from([0, 0, 0, 0, 1])) for key in keys}
    told: dict[str, Any] = {
        key: draw(st.lists(values, min_size=n, max_size=n)) for key, n in lengths.items()
    }
    told["time"] = draw(st.lists(times, min_size=rows, max_size=rows))
    if name == "current":
        told = {key: column[0] if column else None for key, column in told.items()}
        told["interval"] = draw(st.sampled_from([900, None]))
    return {name: told, f"{name}_units": units}


@st.composite
def answers(draw: st.DrawFn) -> Payload:
    elements = []
    for _ in range(draw(st.integers(1, 2))):
        element = {"utc_offset_seconds": draw(st.sampled_from([0, 0, 7200, "0"]))}
        for block in draw(st.lists(blocks(), max_size=2)):
            element |= block
        elements.append(element | draw(st.sampled_from([{}, {}, {"latitude": 80, "longitude": 9}])))
    body: Any = draw(st.sampled_from([elements, elements[0], {"error": True, "reason": "no"}, "x"]))
    return Payload(
        source=draw(st.sampled_from(["open-meteo", "open-meteo", "open-meteo-air-quality"])),
        content=draw(
            st.sampled_from(["forecast", "forecast", "archive", "fire-weather", "storms", "odd"])
        ),
        places=tuple(draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2))),
        received_at=NOON + draw(st.sampled_from([0, 3600, -86_400])),
        body=json.dumps(body).encode(),
        status=draw(st.sampled_from([200, 200, 200, 429])),
        is_recorded=draw(st.booleans()),
    )


def told(decoded: Decoded) -> list[Any]:
    """Everything that was decoded, row by row."""
    rows = decoded.readings
    names = sorted(name for name, column in rows.values.items() if not np.isnan(column).all())
    return [
        [
            (
                rows.sources[rows.source[i]],
                *(int(getattr(rows, column)[i]) for column in
                  ("place", "kind", "valid_at", "issued_at", "known_at", "period_s")),
                *(f"{name} {rows.values[name][i]}" for name in names
                  if not np.isnan(rows.values[name][i])),
            )
            for i in range(len(rows))
        ],
        decoded.rejects,
        decoded.delays,
    ]  # fmt: skip


@settings(max_examples=cases(30))
@given(st.lists(answers(), min_size=1, max_size=5), st.booleans())
def test_answers_read_together_say_what_each_says_alone(some: list[Payload], few: bool) -> None:
    wanted = frozenset({"rain_mm", "temperature_c"}) if few else None
    alone = [told(DECODE([payload], wanted)) for payload in some]
    assert told(DECODE(some, wanted)) == [
        [each for part in alone for each in part[i]] for i in range(3)
    ]


def test_answers_too_large_to_hold_together_are_read_in_parts(monkeypatch: Any) -> None:
    body = {
        "utc_offset_seconds": 0,
        "hourly_units": {"temperature_2m": "°C"},
        "hourly": {"time": ["2026-10-02T23:00"], "temperature_2m": [1.5]},
    }
    some = [
        Payload(source="open-meteo", content="forecast", places=(name,), received_at=NOON,
                body=json.dumps(body).encode())
        for name in "abca"
    ]  # fmt: skip
    whole = told(DECODE(some, None))
    monkeypatch.setattr(open_meteo, "_BYTES_AT_ONCE", len(some[0].body))
    assert told(DECODE(some, None)) == whole
    assert len(whole[0]) == 4


@settings(max_examples=cases(60))
@given(st.lists(answers(), min_size=1, max_size=5), st.booleans())
def test_plain_answers_say_what_a_close_look_finds(some: list[Payload], few: bool) -> None:
    wanted = frozenset({"rain_mm", "temperature_c"}) if few else None
    with patch.object(open_meteo, "blocks_of_plain", lambda *_answer: None):
        closely = told(DECODE(some, wanted))
    assert told(DECODE(some, wanted)) == closely


ODD: list[Any] = [None, True, "", "12", -1, 0.5, 10**19, 10**400, [], [1.5], [None], {}]


def spots(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a body but of the body itself."""
    if not isinstance(body, dict | list):
        return
    for key, value in body.items() if isinstance(body, dict) else enumerate(body):
        yield (*path, key)
        yield from spots(value, (*path, key))


@settings(max_examples=cases(100))
@given(st.data())
def test_a_plain_answer_that_was_changed_anywhere_says_what_a_close_look_finds(
    data: st.DataObject,
) -> None:
    rows = data.draw(st.integers(0, 2))
    times = [f"2026-10-02T2{i}:00" for i in range(rows)]
    block = {"time": times, "precipitation": [1] * rows, "temperature_2m": [None] * rows}
    now = {"time": "2026-10-02T23:00", "interval": 900, "precipitation": 1}
    body = json.loads(json.dumps(PLAIN | {"hourly": block, "minutely_15": block, "current": now}))
    body["daily"] = {"time": times, "river_discharge": [2] * rows, "sunrise": times}
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([*spots(body)]))
        at = reduce(getitem, way, body)
        if data.draw(st.booleans()):
            del at[last]
        else:
            at[last] = data.draw(st.sampled_from(ODD))
    read_both_ways(json.dumps(body).encode())


def read_both_ways(body: bytes) -> Payload:
    """An answer of these bytes, which says the same read as it is and closely."""
    answer = Payload(
        source="open-meteo", content="forecast", places=("a",), received_at=NOON, body=body
    )
    found = told(DECODE([answer], None))
    with patch.object(open_meteo, "blocks_of_plain", lambda *_answer: None):
        assert told(DECODE([answer], None)) == found
    return answer


def plain(body: bytes | dict[str, Any]) -> None:
    """An answer that is as it should be but for what this changes, read both ways."""
    given = body if isinstance(body, bytes) else json.dumps(PLAIN | body).encode()
    answer = read_both_ways(given)
    assert (blocks_of_plain(answer, 0, PLACES, 40.0) is not None) == (body in ({}, ZEROS, NULLS))


HOURS: dict[str, Any] = {"time": ["2026-10-02T23:00"], "precipitation": [1]}
PLAIN: dict[str, Any] = {
    "latitude": 0.1,
    "longitude": -0.1,
    "timezone": "GMT",
    "utc_offset_seconds": 0,
    "hourly_units": {"time": "iso8601", "precipitation": "mm"},
    "hourly": HOURS,
}
ZEROS = {"hourly": HOURS | {"precipitation": [-0.0]}}
NULLS = {"hourly": HOURS | {"precipitation": [None]}, "daily": None, "daily_units": None}


@pytest.mark.parametrize(
    "otherwise",
    [
        {},
        ZEROS,
        NULLS,
        {"error": True, "reason": "no"},
        {"error": False},
        {"utc_offset_seconds": 0.0},
        {"utc_offset_seconds": True},
        {"latitude": 70},
        {"latitude": "0.1"},
        {"hourly_units": {"precipitation": None}},
        {"hourly": HOURS | {"precipitation": None}},
        {"hourly": HOURS | {"precipitation": [1, 2]}},
        {"hourly": HOURS | {"precipitation": ["1"]}},
        {"hourly": HOURS | {"snowfall": [True]}},
        {"hourly": HOURS | {"time": [7]}},
        {"hourly": {"precipitation": [1]}},
        {"hourly": {"precipitation": []}},
        {"hourly": {"time": []}, "current": {"time": "2026-10-02T23:00", "precipitation": 1}},
        {"hourly": None},
        b'{"timezone": "\xff", ' + json.dumps(PLAIN).encode()[1:],
        json.dumps(PLAIN).encode().replace(b"[1]", b"[1e999]"),
        json.dumps(PLAIN).encode().replace(b"[1]", b"[NaN]"),
        b"x",
    ],
)
def test_what_is_otherwise_than_it_should_be_is_looked_at_closely(otherwise: Any) -> None:
    plain(otherwise)
