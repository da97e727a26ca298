"""What all decoders share: one bad payload costs itself, and rows know when they became known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Ints, Kind, Readings
from atalaia.sources import CLOCK, decode_all, decoders
from atalaia.sources.decoding import (
    FUTURE_S,
    by_content,
    is_answer,
    is_wanted,
    plain_error,
    times_of_rows,
    without_future,
)
from atalaia.sources.rejects import Rejects, Unreadable
from stories import T0, forecast, places, rows, series


def payload(**more: Any) -> Payload:
    known = {"source": "made-up", "content": "rows", "received_at": T0, "body": b"1"}
    return Payload(**(known | more))


def read(one: Payload, _wanted: Any, rejects: Rejects) -> Readings:
    if one.body == b"bad":
        raise Unreadable("not JSON", "it begins 'bad'")
    if one.body == b"half":
        rejects.add("not a number", "wind")
    return series([float(len(one.body))], start=one.received_at)


decode = by_content({"rows": read}, plain_error)


def of_first(readings: Readings) -> Ints:
    """All rows are of the first payload."""
    return np.zeros(len(readings), np.int64)


@pytest.mark.parametrize(
    ("status", "failure", "expected"),
    [(200, None, True), (204, None, True), (299, None, True), (301, None, False),
     (404, None, False), (500, None, False), (200, "time-out", False)],
)  # fmt: skip
def test_only_what_came_and_is_no_error_is_read(
    status: int, failure: str | None, expected: bool
) -> None:
    assert is_answer(payload(status=status, failure=failure)) == expected


def test_each_payload_costs_itself_alone_and_says_why() -> None:
    found = decode(
        [
            payload(),
            payload(body=b"bad"),
            payload(body=b"half"),
            payload(content="pictures"),
            payload(status=503, body=b"busy"),
            payload(failure="time-out", body=b""),
            payload(body=b"22"),
        ],
        None,
    )
    assert len(found.readings) == 3
    assert [(r.reason, r.detail) for r in found.rejects] == [
        ("not JSON", "it begins 'bad'"),
        ("not a number", "wind"),
        ("unknown content", "'pictures': one of ['rows']"),
        ("error 503", "busy"),
    ]


def test_an_error_of_bytes_and_of_any_length_is_told_short() -> None:
    reject = plain_error(payload(status=500, body=b"\xff" * 5000))
    assert reject.reason == "error 500"
    assert 0 < len(reject.detail) <= 160


def test_live_rows_are_known_when_they_came_and_recorded_ones_at_their_own_time() -> None:
    kind = np.array([Kind.OBSERVED, Kind.FORECAST], np.int8)
    valid_at = np.array([T0 - 60, T0 + 3600])
    issued, known = times_of_rows(kind, valid_at, T0, False)
    assert issued.tolist() == [NO_TIME, NO_TIME]
    assert known.tolist() == [T0, T0]
    issued, known = times_of_rows(kind, valid_at, T0, True)
    assert issued.tolist() == [NO_TIME, T0]
    assert known.tolist() == [T0 - 60, T0]


def test_a_present_that_lies_more_than_a_day_ahead_is_not_believed() -> None:
    rejects = Rejects("made-up")
    now = series([1.0], start=T0 + FUTURE_S)
    ahead = series([2.0, 3.0], start=T0 + FUTURE_S + 1, step=FUTURE_S)
    coming = forecast(T0, [4.0])
    mine = rows(now, ahead, coming)
    kept = without_future(mine, of_first(mine), [payload()], [rejects])
    assert len(kept) == 2
    assert [(one.reason, one.detail) for one in rejects.listed()] == [
        ("from the future", "2 rows, up to 2.0 days ahead"),
        ("clock ahead", "1 rows, up to 1440 min ahead; taken as of their receipt"),
    ]
    rejects = Rejects("made-up")
    recorded = without_future(ahead, of_first(ahead), [payload(is_recorded=True)], [rejects])
    assert (len(recorded), rejects.listed()) == (2, [])
    nothing = Readings.empty()
    assert len(without_future(nothing, of_first(nothing), [payload()], [rejects])) == 0


def test_all_variables_are_wanted_unless_some_are_named() -> None:
    assert is_wanted("rain_mm", None)
    assert is_wanted("rain_mm", frozenset({"rain_mm"}))
    assert not is_wanted("rain_mm", frozenset({"wind_gust_m_s"}))
    assert not is_wanted("rain_mm", frozenset())


# All sources at once


def test_a_tick_of_the_clock_has_no_rows_and_is_no_fault() -> None:
    found = decode_all(places())([payload(source=CLOCK, content="tick", body=b"")], None)
    assert (len(found.readings), found.rejects) == (0, [])


def test_a_source_that_nobody_knows_is_told_and_bounded() -> None:
    found = decode_all(places())([payload(source="x" * 500), payload(source=CLOCK)], None)
    (reject,) = found.rejects
    assert reject.reason == "unknown source"
    assert len(reject.detail) <= 99


@pytest.mark.parametrize("name", sorted(decoders(places())))
@pytest.mark.parametrize("content", ["", "rows", "realtime", "forecast", "feed", "readings-json"])
@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"null", b"[]", b"{}", b"<x/>", b"a;b\n1;2", b"[[[[[[1"]
)
def test_no_source_raises_for_a_body_that_is_not_its_own(
    name: str, content: str, body: bytes
) -> None:
    found = decode_all(places())([payload(source=name, content=content, body=body)], None)
    assert len(found.readings) == 0
    assert "fault in the decoder" not in {reject.reason for reject in found.rejects}


def test_a_mistake_in_a_decoder_costs_one_payload_and_not_its_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(payloads: Any, _wanted: Any) -> Any:
        if any(one.body == b"trap" for one in payloads):
            raise KeyError("a mistake")
        return decode(payloads, None)

    monkeypatch.setattr(
        "atalaia.sources.decoders", lambda _places: {"made-up": careless, CLOCK: decode}
    )
    several = [payload(), payload(body=b"trap"), payload(body=b"22")]
    found = decode_all(Places(()))(several, None)
    assert len(found.readings) == 2
    (reject,) = found.rejects
    assert reject.reason == "fault in the decoder"
    assert "KeyError; please report it" in reject.detail
    assert "a mistake" not in reject.detail
