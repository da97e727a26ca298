"""Bodies that are nearly JSON are read as far as they can be; the rest is named, and bounded."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.sources.body import read_json, shown_start
from atalaia.sources.rejects import (
    LONGEST_DETAIL,
    MOST_IN_FULL,
    Rejects,
    Unreadable,
    shown,
)
from atalaia.sources.request import SourceRequest

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.text(max_size=9),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def read(body: bytes) -> tuple[Any, list[str]]:
    rejects = Rejects("source")
    return read_json(body, rejects), [one.reason for one in rejects.listed()]


@given(JSON)
def test_any_json_is_read_as_it_is(value: Any) -> None:
    found, reasons = read(json.dumps(value).encode())
    assert found == value
    assert reasons == []


@given(st.binary(max_size=60))
def test_no_body_makes_it_raise_anything_but_unreadable(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read(body)


def test_numbers_that_json_does_not_have_come_out_as_non_finite() -> None:
    found, reasons = read(b"[NaN, Infinity, -Infinity, 1e999, 5]")
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, math.inf, 5]
    assert reasons == []


def test_bad_bytes_cost_a_reject_and_not_the_body() -> None:
    found, reasons = read(b'{"name": "Jo\xe3o", "value": 5}')
    assert found["value"] == 5
    assert found["name"] == "Jo\ufffdo"
    assert reasons == ["not UTF-8"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}') == ({"a": 1}, [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty body"),
        (b" \r\n\t", "empty body"),
        (b"<html><body>502 Bad Gateway</body></html>", "HTML instead of JSON"),
        (b"\n  <!doctype html>", "HTML instead of JSON"),
        (b"\xef\xbb\xbf<html>", "HTML instead of JSON"),
        (b'{"a": [1, 2', "truncated JSON"),
        (b'{"a": "unfinis', "truncated JSON"),
        (b"too many requests", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_at_all_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert caught.value.reason == reason


def test_a_body_is_shown_short_and_on_one_line() -> None:
    assert shown_start(b"line one\nline two" + b"x" * 99) == repr("line one\nline two" + "x" * 23)
    assert "\n" not in shown_start(b"\n" * 40)
    assert shown_start(b"\xff\xfe") == repr("\ufffd\ufffd")


# What could not be read, collected


def test_rejects_stay_in_order_and_name_their_source() -> None:
    rejects = Rejects("open-meteo")
    rejects.add("unknown unit", "wind: furlongs")
    rejects.add_unreadable(Unreadable("not JSON", "it begins 'x'"))
    rejects.add("not a time")
    assert [(r.source, r.reason, r.detail) for r in rejects.listed()] == [
        ("open-meteo", "unknown unit", "wind: furlongs"),
        ("open-meteo", "not JSON", "it begins 'x'"),
        ("open-meteo", "not a time", ""),
    ]


@pytest.mark.parametrize("more", [0, 1, 7_777])
def test_a_file_whose_every_cell_is_wrong_costs_bounded_memory_and_is_counted(more: int) -> None:
    rejects = Rejects("csv")
    for i in range(MOST_IN_FULL + more):
        rejects.add("not a number", f"line {i}")
    listed = rejects.listed()
    assert len(listed) == MOST_IN_FULL + (1 if more else 0)
    assert listed[MOST_IN_FULL - 1].detail == f"line {MOST_IN_FULL - 1}"
    if more:
        assert (listed[-1].reason, listed[-1].detail) == ("too many faults", f"{more} more")


@given(st.text(max_size=600))
def test_a_detail_is_never_longer_than_it_may_be(detail: str) -> None:
    rejects = Rejects("x")
    rejects.add("reason", detail)
    (one,) = rejects.listed()
    assert len(one.detail) <= LONGEST_DETAIL
    assert one.detail == detail or (one.detail.endswith("…") and detail.startswith(one.detail[:-1]))


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()), st.binary()))
def test_a_value_is_shown_short_and_on_one_line(value: object) -> None:
    line = shown(value)
    assert "\n" not in line
    assert len(line) <= 40 * 10 + 2  # 40 letters, each escaped at worst
    if not isinstance(value, str):
        assert line == repr(type(value).__name__), "what it holds is not repeated"


def test_a_request_shows_no_secret_however_it_is_printed() -> None:
    request = SourceRequest(
        source="tomorrow-io",
        content="realtime",
        places=("p1", "p2"),
        url="https://api.tomorrow.io/v4/weather/realtime",
        params={"location": "1,2"},
        credentials={"apikey": "s3cret"},
    )
    for text in (repr(request), str(request), f"{request}", f"{[request]}"):
        assert "s3cret" not in text
        assert "tomorrow-io" in text
        assert "places=2" in text
