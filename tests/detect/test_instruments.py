"""Instruments in the watch: what a place hears of the stations near it, and what is believed."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from tests.sources.bufr.encode import inmet

from atalaia import rules
from atalaia.detect.instruments import Eye, Instruments
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.station import Station
from atalaia.domain.station_reading import (
    StationReadings,
    StationReport,
    StationsDecoded,
    Value,
    Withdrawal,
)
from atalaia.homes.embedded import open_home
from atalaia.ports import Record
from atalaia.sources import decode_all

TEN = 1_786_442_400  # 2026-08-11T10:00Z
HOUR = 3600
HERE = (-13.30944, -49.1175)
A_DEGREE_KM = 111.195

RULES = rules.load("inmet")


def place(km: float, *, name: str = "p", elevation_m: float | None = None) -> Place:
    """A place so far north of the station."""
    latitude = HERE[0] + km / A_DEGREE_KM
    return Place(
        id=name, name=name.upper(), latitude=latitude, longitude=HERE[1], elevation_m=elevation_m
    )


def report(
    hour: int = 10, *, north_km: float = 0.0, minute: int = 40, is_deletion: bool = False,
    publication: int = 0, **told: Any,
) -> Payload:  # fmt: skip
    """INMET's station, or another so far north of it, as WIS2 brings it."""
    when = {"day": 11 + hour // 24, "hour": hour % 24}
    where = {"b5001": round(HERE[0] + north_km / A_DEGREE_KM, 5)}
    name = {"station": f"S{round(north_km * 10)}"} if north_km else {}
    data = inmet(**when, **where, **name, **told)  # type: ignore[arg-type]
    at = TEN + (hour - 10) * HOUR
    message: dict[str, Any] = {
        "id": f"{hour}-{north_km}-{publication}", "type": "Feature", "geometry": None,
        "properties": {
            "data_id": f"a/{north_km}/{hour}", "datetime": None,
            "pubtime": instant(at + minute * 60 + publication),
            "content": {"encoding": "base64", "value": base64.b64encode(data).decode()},
        },
        "links": [{"rel": "update", "href": "http://a.example/x"}],
    }  # fmt: skip
    if is_deletion:
        del message["properties"]["content"]
        message["links"][0]["rel"] = "deletion"
    return Payload(
        source="wis2:br-inmet", content="wnm", received_at=at + minute * 60 + publication,
        body=json.dumps(message).encode(),
    )  # fmt: skip


def model(place_id: str, minute: int, **values: float) -> Payload:
    """An estimate of a model for the hour of ten, in the form of one's own readings."""
    row = {"place_id": place_id, "valid_at": instant(TEN), "kind": "analysis",
           "period_s": 3600, "source": "model", **values}  # fmt: skip
    return Payload(
        source="station", content="readings-json", received_at=TEN + minute * 60,
        body=json.dumps([row]).encode(),
    )  # fmt: skip


def lived(payloads: Sequence[Payload], *where: Place, one_by_one: bool = False) -> list[LogEntry]:
    """What a watch over these places tells; one by one, with a restart after each."""
    import tempfile
    from pathlib import Path

    places = Places(where)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_home(Path(folder)) as home,
    ):
        cuts = [[one] for one in payloads] if one_by_one else [list(payloads)]
        offset = 0
        watch = None
        for some in cuts:
            if watch is None or one_by_one:
                watch = Watch(RULES, places, decode_all(places))
                watch.load(home.state)
            records = [Record(offset + i, one) for i, one in enumerate(some, 1)]
            offset += len(some)
            _, commit = watch.step(records)
            home.state.commit(commit)
        return [entry for _, entry in home.state.alerts()]


def told(entries: Sequence[LogEntry]) -> list[tuple[str, str, str, str]]:
    return [(e.alert.place_id, e.alert.hazard, e.alert.reason, e.alert.level) for e in entries]


CUTS = pytest.mark.parametrize("one_by_one", [False, True])


@CUTS
def test_a_gauge_four_kilometres_away_speaks_for_a_place(one_by_one: bool) -> None:
    entries = lived([report(b13011=35.0)], place(4.0), one_by_one=one_by_one)
    assert told(entries) == [("p", "heavy_rain", "onset", "orange")]
    (entry,) = entries
    assert (entry.station, entry.station_km, entry.is_alone) == ("PORANGATU", 4.0, False)
    text = entry.alert.text
    assert "measured at PORANGATU, 4 km away" in text["en"]
    assert "medido em PORANGATU, a 4 km" in text["pt-BR"]
    assert "medido en PORANGATU, a 4 km" in text["es"]
    assert entry.alert.source == "wis2:0-76-0-5218003000000581"


@pytest.mark.parametrize(
    ("km", "mm", "expected"),
    [
        (5.0, 35.0, ["orange"]),
        (9.9, 35.0, ["orange"]),  # no nearer gauge
        (11.0, 28.0, []),  # of an hour: too far; of a day: less than its limit
        (11.0, 55.0, ["orange"]),  # of a day: 50 mm, within 20 km
        (21.0, 99.0, []),
    ],
)
def test_beyond_its_reach_a_gauge_is_no_evidence(km: float, mm: float, expected: list[str]) -> None:
    entries = lived([report(b13011=mm)], place(km))
    assert [entry.alert.level for entry in entries] == expected


@CUTS
def test_a_nearer_gauge_silences_one_that_is_farther_than_five_kilometres(one_by_one: bool) -> None:
    near, far = report(north_km=5.0, b13011=0.0), report(b13011=28.0, publication=60)
    assert told(lived([near, far], place(7.0), one_by_one=one_by_one)) == []
    assert len(lived([far], place(7.0), one_by_one=one_by_one)) == 1


@CUTS
def test_a_dry_gauge_clears_its_own_level_only(one_by_one: bool) -> None:
    wet = [report(hour, b13011=35.0) for hour in (10, 11)]
    dry = [report(hour, north_km=3.0, publication=60, b13011=0.0) for hour in (10, 11)]
    payloads = sorted([*wet, *dry], key=lambda one: one.received_at)
    entries = lived(payloads, place(2.0), one_by_one=one_by_one)
    assert [entry.alert.reason for entry in entries if entry.alert.is_over] == []
    assert told(entries)[0] == ("p", "heavy_rain", "onset", "orange")


@CUTS
def test_what_one_gauge_alone_calls_red_is_told_as_orange_and_says_so(one_by_one: bool) -> None:
    entries = lived([report(b13011=85.0)], place(4.0), one_by_one=one_by_one)
    assert told(entries) == [("p", "heavy_rain", "onset", "orange")]
    (entry,) = entries
    assert entry.is_alone
    assert entry.alert.limit is not None
    assert entry.alert.limit < 85.0 == entry.alert.value
    assert "One instrument alone says so" in entry.alert.text["en"]
    assert "Um só instrumento o diz" in entry.alert.text["pt-BR"]
    assert "Un solo instrumento lo dice" in entry.alert.text["es"]


@CUTS
@pytest.mark.parametrize("minute", [20, 55])
def test_a_model_at_half_the_limit_is_a_witness_before_and_after(
    minute: int, one_by_one: bool
) -> None:
    before = report(9, b13011=0.0)
    payloads = [before, report(b13011=85.0), model("p", minute, rain_mm=31.0)]
    payloads.sort(key=lambda one: one.received_at)
    entries = lived(payloads, place(4.0), one_by_one=one_by_one)
    assert entries[-1].alert.level == "red"
    assert entries[-1].alert.value == 85.0
    assert not entries[-1].is_alone
    weak = [before, report(b13011=85.0), model("p", minute, rain_mm=14.0)]
    weak.sort(key=lambda one: one.received_at)
    assert "red" not in {
        entry.alert.level for entry in lived(weak, place(4.0), one_by_one=one_by_one)
    }


@CUTS
def test_another_gauge_within_reach_is_a_witness_and_the_same_one_by_another_way_is_none(
    one_by_one: bool,
) -> None:
    first = report(b13011=85.0)
    other = report(north_km=3.0, b13011=40.0, publication=30)
    entries = lived([first, other], place(2.0), one_by_one=one_by_one)
    assert entries[-1].alert.level == "red"
    twin = report(north_km=0.1, b13011=85.0, publication=30)
    entries = lived([first, twin], place(2.0), one_by_one=one_by_one)
    assert "red" not in {entry.alert.level for entry in entries}


def upload(minute: int, gust_mph: float) -> Payload:
    form = {
        "dateutc": instant(TEN + minute * 60)[:19].replace("T", " "),
        "windgustmph": f"{gust_mph}", "windspeedmph": f"{gust_mph / 3}",
    }  # fmt: skip
    return Payload(
        source="pws", content="ecowitt", received_at=TEN + minute * 60 + 2, places=("p",),
        body=urlencode(form).encode(),
    )  # fmt: skip


@CUTS
def test_a_private_station_needs_a_witness_at_every_level(one_by_one: bool) -> None:
    yellow = [upload(minute, 30.0) for minute in (0, 5, 10)]
    assert lived(yellow, place(0.0), one_by_one=one_by_one) == []
    orange = [upload(minute, 45.0) for minute in (0, 5, 10)]
    entries = lived(orange, place(0.0), one_by_one=one_by_one)
    assert {entry.alert.level for entry in entries} == {"yellow"}
    assert entries[0].is_alone
    assert entries[0].station == "P"
    borne_out = [*orange, model("p", 12, wind_gust_m_s=14.0)]
    entries = lived(borne_out, place(0.0), one_by_one=one_by_one)
    assert entries[-1].alert.level == "orange"


@pytest.mark.parametrize("lost", [False, True])
def test_a_sum_of_which_an_hour_was_lost_says_that_it_has_holes(lost: bool) -> None:
    hours = [report(hour, b13011=0.0) for hour in range(10, 34)]
    rain = [report(hour, b13011=18.0) for hour in (34, 35)]
    early, late = lived([*hours[: 12 - lost], *hours[12:], *rain], place(4.0)), []
    if lost:
        # What another broker had kept comes after all: the sum has none any more.
        rest = [msgspec.structs.replace(hours[11], received_at=rain[-1].received_at + 60)]
        late = lived([*hours[:11], *hours[12:], *rain, *rest, report(36, b13011=18.0)], place(4.0))
    (entry,) = early
    assert (entry.alert.level, entry.has_holes) == ("yellow", lost)
    said = ("Esta soma tem lacunas", "This sum has holes", "Esta suma tiene huecos")
    for words, language in zip(said, ("pt-BR", "en", "es"), strict=True):
        assert (words in entry.alert.text[language]) is lost
    assert [(e.alert.level, e.has_holes) for e in late[1:]] == [("orange", False)] * lost


@CUTS
def test_a_correction_is_judged_in_place_of_what_it_corrects(one_by_one: bool) -> None:
    wrong, right = report(b13011=55.0), report(b13011=2.0, publication=300)
    dry = [report(hour, b13011=0.0) for hour in (*range(-16, 10), *range(11, 20))]
    payloads = sorted([wrong, right, *dry], key=lambda one: one.received_at)
    entries = lived(payloads, place(4.0), one_by_one=one_by_one)
    assert entries[0].alert.reason == "onset"
    assert entries[-1].alert.is_over, "the sum of a day no longer has the 55 mm"


@CUTS
def test_what_was_deleted_counts_no_more(one_by_one: bool) -> None:
    wrong = report(b13011=28.0)
    gone = report(b13011=28.0, publication=300, is_deletion=True)
    copy = msgspec.structs.replace(wrong, received_at=gone.received_at + 9)
    next_hour = report(11, b13011=25.0)
    entries = lived([wrong, next_hour], place(4.0), one_by_one=one_by_one)
    assert entries[-1].alert.level == "orange", "53 mm in a day"
    entries = lived([wrong, gone, copy, next_hour], place(4.0), one_by_one=one_by_one)
    assert {entry.alert.level for entry in entries} == {"yellow"}


@CUTS
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_was_deleted_counts_no_more_in_whichever_order_it_comes(
    order: Sequence[int], one_by_one: bool
) -> None:
    words = [
        report(b13011=28.0),
        report(b13011=29.0, publication=100),
        report(b13011=28.0, publication=300, is_deletion=True),
    ]
    first = words[0].received_at
    came = [
        msgspec.structs.replace(words[i], received_at=first + 400 + at)
        for at, i in enumerate(order)
    ]
    before, after = report(9, b13011=0.0), report(11, b13011=25.0)
    entries = lived([before, *came, after], place(4.0), one_by_one=one_by_one)
    assert {entry.alert.level for entry in entries} == {"yellow"}, "53 mm in a day would be orange"
    anew = report(b13011=28.0, publication=500)
    entries = lived([before, *came, anew, after], place(4.0), one_by_one=one_by_one)
    assert entries[-1].alert.level == "orange", "what is published anew after it holds"


def test_many_withdrawals_look_through_the_stations_once() -> None:
    class Eyes(dict[str, Eye]):
        looks = 0

        def items(self) -> Any:
            self.looks += 1
            return super().items()

    instruments = Instruments(Places([place(2.0)]))
    instruments.see([rain("wis2:A", 35.0, 0)])
    instruments.eyes = eyes = Eyes(instruments.eyes)
    gone = [Withdrawal("wis2:x", number, 9, TEN) for number in range(100)]
    instruments.see([StationsDecoded(StationReadings.empty(), withdrawn=gone)])
    assert eyes.looks == 1


@CUTS
def test_copies_of_a_report_are_one(one_by_one: bool) -> None:
    copies = [report(b13011=35.0)] * 3
    assert len(lived(copies, place(4.0), one_by_one=one_by_one)) == 1


@CUTS
def test_a_station_that_falls_silent_blinds_no_place(one_by_one: bool) -> None:
    hours = [report(hour, b13011=0.0) for hour in range(1, 5)]
    tick = Payload(source="clock", content="tick", received_at=TEN + 12 * HOUR, body=b"")
    assert lived([*hours, tick], place(4.0), one_by_one=one_by_one) == []


def test_a_temperature_is_corrected_by_its_height_and_not_told_from_too_far_up() -> None:
    # 365 m at the station. 41.5 °C there are 43.4 °C 300 m below.
    hot = [report(hour, b12101=273.15 + 41.5) for hour in (10, 11, 12)]

    def value(elevation_m: float | None) -> float | None:
        watched = Places([place(20.0, elevation_m=elevation_m)])
        watch = Watch(RULES, watched, decode_all(watched))
        step, _ = watch.step([Record(1, hot[0])])
        found = step.readings.value("temperature_c")
        found = found[~(found != found)]  # noqa: PLR0124
        return float(found[0]) if len(found) else None

    assert value(None) == pytest.approx(41.5)
    assert value(65.0) == pytest.approx(41.5 + 300 * 0.0065)
    assert value(60.0) is None
    assert value(400.0) == pytest.approx(41.5 - 35 * 0.0065)


def test_no_place_near_a_station_costs_nothing_and_keeps_nothing() -> None:
    watched = Places([place(60.0)])
    watch = Watch(RULES, watched, decode_all(watched))
    _, commit = watch.step([Record(1, report(b13011=85.0))])
    assert not any(key.startswith(("station:", "place:")) for key in commit.items)
    assert math.isfinite(commit.offset)


def rain(station: str, mm: float, hour: int, *aliases: str) -> StationsDecoded:
    """An hour's rain of a station two kilometres from the place, under this name."""
    at = TEN + hour * HOUR
    values = [Value(at, HOUR, "rain_mm", mm)]
    told = StationReadings.of([StationReport(station, "wis2:x", values, at + 60, at, revision=1)])
    known = Station(
        id=station, kind="official", aliases=aliases, latitude=HERE[0], longitude=HERE[1]
    )
    return StationsDecoded(told, [known])


@CUTS
def test_a_station_that_gets_another_name_goes_on_as_the_source_that_it_was(
    one_by_one: bool,
) -> None:
    parts = [rain("wis2:B", 35.0, 0), rain("wis2:A", 0.0, 1, "wis2:B"), rain("wis2:B", 0.0, 2)]
    instruments = Instruments(Places([place(2.0)]))
    heard: list[tuple[str, float]] = []
    for part in parts:
        seen = instruments.see([part])
        heard += zip(
            (seen.sources[code] for code in seen.source.tolist()),
            seen.values["rain_mm"].tolist(),
            strict=True,
        )
        if one_by_one:
            kept = dict(instruments.items("eye:"))
            instruments = Instruments(Places([place(2.0)]))
            instruments.load(kept)
    assert heard == [("wis2:B", 35.0), ("wis2:B", 0.0), ("wis2:B", 0.0)]
    assert list(instruments.near(0)) == ["wis2:B"]


def test_two_that_were_heard_before_they_proved_one_clear_each_its_own_level() -> None:
    instruments = Instruments(Places([place(2.0)]))
    parts = [
        rain("wis2:A", 1.0, 0), rain("wis2:B", 35.0, 0), rain("wis2:A", 0.0, 1, "wis2:B"),
        rain("wis2:B", 0.0, 1),
    ]  # fmt: skip
    sources = [seen.sources[seen.source[0]] for part in parts if (seen := instruments.see([part]))]
    assert sources == ["wis2:A", "wis2:B", "wis2:A", "wis2:B"]
    assert instruments.are_one("wis2:A", "wis2:B"), "and neither is the other's witness"
