"""What a plug-in makes of an answer is believed as far as it is well formed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as few
from hypothesis import strategies as st

from atalaia.api.keys import ApiKey
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.sources import decode_all, pushable

from .bring import installed, package

AT = 1_790_000_000
PLACES = Places(Place(id=name, name=name, latitude=-8, longitude=-34) for name in ("a", "b"))

CODE = """
import json, msgspec
from atalaia.plugins import *

class Own(msgspec.Struct):
    pass

def decode(answer):
    told = json.loads(answer.body)
    if "raise" in told:
        raise {"value": ValueError, "key": KeyError, "memory": MemoryError}[told["raise"]]("why")
    if "what" in told:
        return told["what"]
    if "seen" in told:
        told = {"place": [answer.place.id], "valid_at": [answer.received_at],
                "values": {"temperature_c": [float(answer.note) + len(answer.places)]}}
    return [PluginRows(**told)]

SOURCE = SourcePlugin(settings=Own, variables=frozenset({"temperature_c"}),
    request=lambda own, place: None, decode=decode)
"""


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("rows") / "site"
    package(folder, "rows", CODE, sources="rows = rows:SOURCE")
    with installed(folder):
        yield folder


def payload(answer: object, **more: Any) -> Payload:
    body = b'"20"\n' + json.dumps(answer).encode()
    said = {"source": "plugin:rows", "content": "places", "received_at": AT, "body": body} | more
    return Payload(**said)


def decoded(answer: object, **more: Any) -> Decoded:
    return decode_all(PLACES)([payload(answer, **more)], None)


def reasons(told: Decoded) -> list[tuple[str, str]]:
    return [(reject.reason, reject.detail) for reject in told.rejects]


def test_an_answer_is_told_with_its_note_its_place_and_the_instant_it_came() -> None:
    told = decoded({"seen": 1}, places=("b",)).readings
    assert told.values["temperature_c"].tolist() == [22]
    assert (told.place.tolist(), told.valid_at.tolist()) == ([1], [AT])
    assert told.sources == ("plugin:rows",)


def test_units_kinds_and_sums_are_as_of_any_source() -> None:
    told = decoded(
        {
            "place": ["a", "b", "a"],
            "valid_at": [AT - 3600, AT, AT + 3600],
            "values": {"temperature_c": [212, None, 32], "rain_mm": [1, 2, 3]},
            "units": {"temperature_c": "°F", "rain_mm": "cm"},
            "kind": "forecast",
            "period_s": 3600,
        }
    )
    assert told.rejects == []
    rows = told.readings
    assert np.isnan(rows.values["temperature_c"][1])
    assert rows.values["temperature_c"][[0, 2]].tolist() == [100, 0]
    assert rows.values["rain_mm"].tolist() == [10, 20, 30]
    assert rows.kind.tolist() == [Kind.ANALYSIS, Kind.ANALYSIS, Kind.FORECAST]
    assert rows.period_s.tolist() == [3600] * 3


def test_a_bad_value_costs_itself() -> None:
    told = decoded(
        {
            "place": ["a", "nowhere", "a", "a", "b"],
            "valid_at": [AT, AT, "noon", 10**400, AT],
            "values": {
                "temperature_c": [21, 22, 23, 24, "warm"],
                "humidity_pct": [True, 1, 1, 1, 50],
                "rain_mm": [1, 1, 1, 1, 1],
                "temperatur_c": [1, 1, 1, 1, 1],
                "wind_gust_m_s": [1, 1, 1, 1, 1],
            },
            "units": {"wind_gust_m_s": "furlongs"},
        }
    )
    assert told.readings.place.tolist() == [0, 1]
    assert told.readings.values["temperature_c"][0] == 21
    assert np.isnan(told.readings.values["temperature_c"][1])
    assert "rain_mm" not in told.readings.values
    assert sorted({reason for reason, _ in reasons(told)}) == [
        "not a number",
        "not a time",
        "sum without period",
        "unknown place",
        "unknown unit",
        "unknown variable",
    ]
    details = " ".join(detail for _, detail in reasons(told))
    assert "did you mean temperature_c" in details
    assert "row 5: temperature_c is 'warm'" in details


FAULTS = {
    "value": ({"raise": "value"}, "not readable", "ValueError: why"),
    "key": ({"raise": "key"}, "fault in the plug-in", "rows 1.2: KeyError: 'why'; report it"),
    "memory": ({"raise": "memory"}, "fault in the plug-in", "MemoryError"),
    "none": ({"what": None}, "fault in the plug-in", "TypeError"),
    "other": ({"what": [1]}, "fault in the plug-in", "decode gave int"),
    "uneven": ({"place": ["a"], "valid_at": [AT], "values": {"uv_index": []}},
               "fault in the plug-in", "columns of several lengths"),
    "kind": ({"place": ["a"], "valid_at": [AT], "values": {"uv_index": [1]}, "kind": "told"},
             "fault in the plug-in", "KeyError"),
    "period": ({"place": ["a"], "valid_at": [AT], "values": {"rain_mm": [1]}, "period_s": 1e99},
               "fault in the plug-in", "period_s"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_its_answer_and_no_other(name: str) -> None:
    answer, reason, detail = FAULTS[name]
    good = {"place": ["a"], "valid_at": [AT], "values": {"uv_index": [7]}}
    told = decode_all(PLACES)([payload(good), payload(answer), payload(good)], None)
    assert told.readings.values["uv_index"].tolist() == [7, 7]
    ((found, why),) = reasons(told)
    assert found == reason
    assert detail in why


def test_without_its_package_a_record_says_what_is_missing() -> None:
    told = decoded({}, source="plugin:gone")
    assert reasons(told) == [
        (
            "no such plug-in",
            "no plug-in 'gone' is installed; install the package that brings it",
        )
    ]
    assert reasons(decoded({}, body=b"no note"))[0][0] == "no note"
    assert reasons(decoded({}, content="else"))[0][0] == "unknown content"
    assert reasons(decoded({}, status=500))[0][0] == "error 500"


def test_nobody_can_push_as_a_plug_in() -> None:
    assert "plugin" not in pushable(PLACES)
    key = ApiKey(id="k1", role="station", label="plugin:rows", digest="", made_at=0)
    assert key.pushes_as == "k1"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@few(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.lists(st.sampled_from(["a", "b", "c", "", 1]) | ANY, max_size=4),
    valid_at=st.lists(st.integers(AT - 99, AT) | ANY, max_size=4),
    column=st.lists(st.floats(-50, 50) | ANY, max_size=4),
    period_s=st.sampled_from([0, 3600, -1, None, 10**12]),
)
def test_whatever_comes_of_one_no_row_of_it_is_ill_formed(
    place: list[Any], valid_at: list[Any], column: list[Any], period_s: Any
) -> None:
    told = decoded(
        {
            "place": place,
            "valid_at": valid_at,
            "values": {"temperature_c": column, "rain_mm": column},
            "period_s": period_s,
        }
    )
    rows = told.readings
    assert set(rows.place.tolist()) <= {0, 1}
    assert (np.abs(rows.valid_at) < 2**40).all()
    assert all(len(values) == len(rows) for values in rows.values.values())
    is_whole = len(place) == len(valid_at) == len(column) > 0
    assert told.rejects or is_whole or not len(rows)
