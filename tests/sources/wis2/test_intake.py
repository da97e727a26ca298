"""Messages → payloads: what is new is kept as it came, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from atalaia.domain.payload import Payload
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.ports import Record, Stream
from atalaia.sources.mqtt.arrivals import Arrived
from atalaia.sources.mqtt.subscriber import Sorted
from atalaia.sources.wis2 import owed as owed_room
from atalaia.sources.wis2.decoder import decoder
from atalaia.sources.wis2.intake import KnownNotices, WnmIntake
from atalaia.sources.wis2.owed import Owed

from ..bufr.encode import inmet
from .test_notification import RECEIVED, notice, read

TOPIC = "cache/a/wis2/br-inmet/data/core/weather/surface-based-observations/synop"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as found:
        yield found


def intake_of(home: EmbeddedHome, *centres: str) -> WnmIntake:
    intake = WnmIntake(home.stream, Owed(home.state), frozenset(centres))
    intake.begin()
    return intake


def sort(intake: WnmIntake, *messages: Any, topic: str = TOPIC) -> Sorted:
    return intake.sort(
        [
            Arrived(0, 1, topic, json.dumps(one).encode(), i, RECEIVED + i)
            for i, one in enumerate(messages)
        ]
    )


def test_a_copy_by_id_and_a_copy_by_its_data_are_known_again(home: EmbeddedHome) -> None:
    intake = intake_of(home)
    by_cache = notice(id="other", properties={"global-cache": "de-dwd-global-cache"})
    told = sort(intake, notice(), notice(), by_cache)
    assert len(told.payloads) == 1
    assert told.duplicates == {0: 2}
    assert told.payloads[0].source == "wis2:br-inmet"
    assert told.payloads[0].received_at == RECEIVED
    assert json.loads(told.payloads[0].body) == notice()


def test_without_a_checksum_the_time_of_publication_tells_copies_apart(home: EmbeddedHome) -> None:
    plain = {"integrity": "absent"}
    later = {**plain, "pubtime": "2026-08-11T10:55:00Z"}
    told = sort(
        intake_of(home),
        notice(properties=plain),
        notice(id="2", properties=plain),
        notice(id="3", properties=later),
    )
    assert [json.loads(one.body)["id"] for one in told.payloads] == [notice()["id"], "3"]


def test_a_correction_a_deletion_and_what_is_published_anew_are_all_kept(
    home: EmbeddedHome,
) -> None:
    intake = intake_of(home)
    gone = notice(
        id="gone",
        links=[{"rel": "deletion", "href": "http://a.example/x"}],
        properties={"pubtime": "2026-08-11T10:50:00Z"},
    )
    again = notice(id="again", properties={"pubtime": "2026-08-11T10:55:00Z"})
    corrected = notice(inmet(b13011=9.0), id="new", properties={"pubtime": "2026-08-11T10:58:00Z"})
    told = sort(intake, notice(), gone, again, corrected)
    assert len(told.payloads) == 4
    late = sort(intake, notice(id="late copy"))
    rain = decoder()([*told.payloads, *late.payloads]).readings.settled().value("rain_mm")
    assert [value for value in rain.tolist() if value == value] == [9.0]  # noqa: PLR0124


def test_what_the_stream_has_is_known_after_a_restart(home: EmbeddedHome) -> None:
    told = sort(intake_of(home), notice())
    home.stream.append(told.payloads)
    assert sort(intake_of(home), notice(), notice(id="copy")).duplicates == {0: 2}


def test_other_centres_and_other_data_are_passed_over(home: EmbeddedHome) -> None:
    intake = intake_of(home, "br-inmet")
    grib = notice(
        id="grib",
        links=[{"rel": "canonical", "type": "application/grib2", "href": "http://a.example/g"}],
        properties={"content": "absent", "data_id": "br-inmet:grib/1"},
    )
    huge = notice(
        id="huge",
        links=[
            {
                "rel": "canonical",
                "type": "application/bufr",
                "href": "http://a.example/g",
                "length": 10**8,
            }
        ],
        properties={"content": "absent", "data_id": "br-inmet:huge/1"},
    )
    told = sort(intake, grib, huge)
    other = sort(intake, notice(), topic=TOPIC.replace("br-inmet", "ke-meteo"))
    assert [told.payloads, other.payloads] == [[], []]
    assert told.rejects == {(0, "not of interest"): 2}
    assert other.rejects == {(0, "not of interest"): 1}


@pytest.mark.parametrize(
    ("topic", "source"),
    [
        (TOPIC, "wis2:br-inmet"),
        ("a/b", "wis2:br-inmet"),
        ("cache/a/wis2/../data", "wis2:unknown"),
        (f"cache/a/wis2/{'x' * 99}/data", "wis2:unknown"),
    ],
)
def test_a_source_is_named_by_its_centre(home: EmbeddedHome, topic: str, source: str) -> None:
    assert [one.source for one in sort(intake_of(home), notice(), topic=topic).payloads] == [source]


def test_what_has_its_data_elsewhere_is_owed_and_stays_so_after_a_restart(
    home: EmbeddedHome,
) -> None:
    owed = Owed(home.state)
    intake = WnmIntake(home.stream, owed)
    linked = notice(id="linked", properties={"content": "absent", "data_id": "br-inmet:l/1"})
    told = sort(intake, notice(), linked)
    intake.kept(told.payloads, home.stream.append(told.payloads))
    after = Owed(home.state)
    after.load()
    assert [one.offset for one in after.due(0, ())] == [2]


class LookedThrough:
    """A stream as AWS's: to ask it for an offset is to look through all of it."""

    is_indexed = False

    def __init__(self, home: EmbeddedHome) -> None:
        self.append = home.stream.append
        self.last_offset = home.stream.last_offset

    def read(self, after: int, limit: int) -> list[Record]:
        raise AssertionError("a week of answers would be looked through")


def test_where_the_stream_has_no_index_what_is_owed_is_kept_itself_and_bounded(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, owed = cast(Stream, LookedThrough(home)), Owed(home.state)
    intake = WnmIntake(stream, owed)
    linked = [
        notice(id=f"l{i}", properties={"content": "absent", "data_id": f"br-inmet:l/{i}"})
        for i in range(3)
    ]
    told = sort(intake, *linked)
    monkeypatch.setattr(owed_room, "MOST_BYTES", 2 * len(told.payloads[0].body) + 10)
    intake.kept(told.payloads, stream.append(told.payloads))
    after = Owed(home.state)
    WnmIntake(stream, after).begin()
    assert [(one.offset, one.told) for one in after.due(0, ())] == [
        (3, told.payloads[2]),
        (2, told.payloads[1]),
    ], "the oldest goes first"
    assert owed.dropped == 1


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    known = KnownNotices(most=10)
    notices = [read(notice(id=str(i), properties={"data_id": f"br-inmet:{i}"})) for i in range(25)]
    for one in notices:
        known.add(one)
    assert [known.has(one) for one in notices] == [False] * 15 + [True] * 10


def test_a_payload_of_ours_that_cannot_be_read_is_no_hindrance_to_a_start(
    home: EmbeddedHome,
) -> None:
    home.stream.append(
        [
            Payload(source="wis2:x", content=content, received_at=1, body=body)
            for content in ("wnm", "wnm-data")
            for body in (b"", b"99\n{}", b"x\n{}", b"{}")
        ]
    )
    assert len(sort(intake_of(home), notice()).payloads) == 1
