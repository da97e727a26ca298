"""A clock that is wrong is told as whose it is; nothing is judged by that."""

from __future__ import annotations

import json

import pytest
import structlog

from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.domain.reading import Delay
from atalaia.sources import decode_all
from atalaia.sources.clocks import Clocks
from stories import HOUR, T0, places

MINUTE = 60


def said(offsets: dict[str, list[int]], at: int = T0) -> list[Delay]:
    return [
        Delay(source, at + i * MINUTE, delay)
        for source, delays in offsets.items()
        for i, delay in enumerate(delays)
    ]


def pushed(*ahead_s: int, kind: str = "observed", **more: object) -> Payload:
    rows = [
        {"place_id": "p0", "valid_at": instant(T0 + s), "kind": kind, "wind_gust_m_s": 3.0}
        for s in ahead_s
    ]
    body = json.dumps(rows).encode()
    kept = {"source": "station", "content": "readings-json", "received_at": T0, "body": body}
    return Payload(**(kept | more))  # type: ignore[arg-type]


def delays(*payloads: Payload) -> list[Delay]:
    return decode_all(places())(payloads, None).delays


def test_a_delay_is_that_of_the_newest_word_of_the_present_as_it_was_said() -> None:
    assert delays(pushed(-7200, -2400)) == [Delay("station", T0, 2400)]
    assert delays(pushed(-60, 900)) == [Delay("station", T0, -900)]
    assert delays(pushed(900, kind="forecast")) == []
    assert delays(pushed(-60, is_recorded=True)) == []
    assert delays(pushed()) == []


def test_an_answer_of_many_stations_is_as_late_as_the_middle_one_of_them() -> None:
    reports = [
        {"icaoId": name, "obsTime": T0 + ahead, "lat": 1, "lon": 2, "temp": 20,
         "rawOb": f"METAR {name} 010000Z 00000KT 9999 20/10 Q1015"}
        for name, ahead in (("SBPA", -600), ("SBGR", -540), ("SBRJ", 3000))
    ]  # fmt: skip
    body = json.dumps(reports).encode()
    metar = Payload(source="metar", content="metar-json", received_at=T0, body=body)
    assert delays(metar) == [Delay("metar", T0, 540)]


def test_the_middle_one_of_the_last_words_counts_and_one_packet_far_ahead_teaches_nothing() -> None:
    clocks = Clocks()
    clocks.hear(said({"garden": [2400, 2410, -18_000, 2390, 2400]}))
    assert clocks.offsets() == {"garden": 2400}
    assert clocks.shown() == {"behind_s": 0, "offset_s": {"garden": 2400}}


def test_where_one_source_of_several_is_ahead_it_is_its_clock() -> None:
    clocks = Clocks()
    with structlog.testing.capture_logs() as logs:
        clocks.hear(said({"garden": [-900], "open-meteo": [300], "metar": [-110]}))
        clocks.hear(said({"vineyard": [-900]}))
    assert clocks.behind_s == 0, "two of four are not most"
    assert clocks.shown()["offset_s"]["garden"] == -900
    assert logs == []


def test_one_source_alone_does_not_accuse_this_machine() -> None:
    clocks = Clocks()
    clocks.hear(said({"garden": [-900] * 5}))
    assert clocks.behind_s == 0


def test_where_most_are_ahead_at_once_this_machine_is_told_once_and_no_source_is_named() -> None:
    clocks = Clocks()
    with structlog.testing.capture_logs() as logs:
        for i in range(5):
            ahead = {"garden": [-900], "open-meteo": [-610], "metar": [240]}
            clocks.hear(said(ahead, T0 + i * HOUR))
        assert clocks.shown() == {"behind_s": 610, "offset_s": {}}
        for i in range(5, 10):
            clocks.hear(said({"garden": [1], "open-meteo": [290], "metar": [1140]}, T0 + i * HOUR))
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert logs[0]["event"].startswith("this machine's clock is behind")
    assert clocks.shown()["offset_s"] == {"garden": 1, "metar": 1140, "open-meteo": 290}


def test_who_has_not_been_heard_for_long_says_nothing_of_clocks() -> None:
    clocks = Clocks()
    clocks.hear(said({"garden": [-900], "vineyard": [-900]}))
    assert clocks.behind_s == 900
    clocks.hear(said({"open-meteo": [300]}, T0 + 4 * HOUR))
    assert clocks.behind_s == 0
    assert clocks.offsets() == {"open-meteo": 300}


@pytest.mark.parametrize("n", [100, 1000])
def test_those_who_name_sources_of_their_own_fill_no_memory(n: int) -> None:
    clocks = Clocks()
    clocks.hear(said({f"s{i}": [10] for i in range(n)}))
    assert sorted(clocks.offsets()) == sorted(f"s{i}" for i in range(n - 100, n))
