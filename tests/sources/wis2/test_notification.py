from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sources.bufr.encode import inmet

from atalaia.domain.payload import Payload
from atalaia.domain.station_reading import StationsDecoded, report_number
from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2 import content, decoder, notification
from atalaia.sources.wis2.notification import Notification

TEN = 1_786_442_400  # 2026-08-11T10:00Z
RECEIVED = TEN + 2460


def notice(data: bytes | None = None, **more: Any) -> dict[str, Any]:
    """INMET's form: an update alone, the data inline."""
    data = inmet() if data is None else data
    properties: dict[str, Any] = {
        "data_id": "br-inmet:synop/WIGOS_0-76-0-5218003000000581_20260811T100000",
        "metadata_id": "urn:wmo:md:br-inmet:synop",
        "datetime": "2026-08-11T10:00:00Z",
        "pubtime": "2026-08-11T10:40:00Z",
        "integrity": {
            "method": "sha512",
            "value": base64.b64encode(hashlib.sha512(data).digest()).decode(),
        },
        "content": {
            "encoding": "base64", "value": base64.b64encode(data).decode(), "size": len(data),
        },
        "wigos_station_identifier": "0-76-0-5218003000000581",
    }  # fmt: skip
    properties.update(more.pop("properties", {}))
    properties = {key: value for key, value in properties.items() if value != "absent"}
    message = {
        "id": "d2e51045-2039-41ad-85cc-e1245a993200",
        "type": "Feature",
        "conformsTo": ["http://wis.wmo.int/spec/wnm/1/conf/core"],
        "geometry": {"type": "Point", "coordinates": [-49.1175, -13.30944, 365.0]},
        "properties": properties,
        "links": [{"rel": "update", "type": "application/bufr", "href": "http://a.example/x"}],
    }
    message.update(more)
    return message


def read(message: Any) -> Notification:
    return notification.read(json.dumps(message).encode(), Rejects("wis2:br-inmet"))


def decode(*messages: Any, received_at: int = RECEIVED, kind: str = "wnm") -> StationsDecoded:
    payloads = [
        Payload(
            source="wis2:br-inmet",
            content=kind,
            received_at=received_at,
            body=message if isinstance(message, bytes) else json.dumps(message).encode(),
        )
        for message in messages
    ]
    return decoder.decoder()(payloads)


def test_a_notification_becomes_rows_of_a_station() -> None:
    decoded = decode(notice())
    assert decoded.rejects == []
    (station,) = decoded.stations
    assert station.id == "wis2:0-76-0-5218003000000581"
    assert station.aliases == ("wis2:0-20000-0-86669",)
    assert (station.kind, station.name, station.anemometer_m) == ("official", "PORANGATU", 10.0)
    readings = decoded.readings
    assert readings.stations == (station.id,)
    assert readings.sources == ("wis2:br-inmet",)
    assert sorted(readings.period_s.tolist()) == [0, 600, 3600]
    hour = readings.take(readings.period_s == 3600)
    assert hour.values["rain_mm"].tolist() == [0.0]
    assert hour.values["wind_gust_m_s"].tolist() == [7.7]
    assert np.isnan(hour.values["temperature_c"]).all()
    assert set(readings.valid_at.tolist()) == {TEN}
    assert set(readings.known_at.tolist()) == {RECEIVED}


def test_the_older_form_is_read_alike() -> None:
    older = {**notice(), "version": "v04"}
    del older["conformsTo"]
    assert len(decode(older).readings) == 3


def test_one_report_by_two_caches_settles_to_one() -> None:
    again = notice(id="other", properties={"global-cache": "de-dwd-global-cache"})
    twice = decode(notice(), again)
    assert len(twice.readings) == 6
    assert len(twice.readings.settled()) == 3


def test_a_correction_is_of_the_same_report_and_of_a_higher_revision() -> None:
    corrected = notice(inmet(b13011=55.0), properties={"pubtime": "2026-08-11T10:55:00Z"})
    assert read(corrected).report == read(notice()).report
    for pair in ([notice(), corrected], [corrected, notice()]):
        rain = decode(*pair).readings.settled().value("rain_mm")
        assert rain[~np.isnan(rain)].tolist() == [55.0]


def test_within_one_second_of_publication_bufrs_own_count_decides() -> None:
    later = notice(inmet(b13011=9.0, update=2))
    rain = decode(later, notice()).readings.settled().value("rain_mm")
    assert rain[~np.isnan(rain)].tolist() == [9.0]


def test_a_deletion_withdraws_what_was_published_before_it() -> None:
    deletion = notice(
        links=[{"rel": "deletion", "href": "http://a.example/x"}],
        properties={"content": None, "integrity": None, "pubtime": "2026-08-11T11:00:00Z"},
    )
    decoded = decode(deletion)
    ((_, report, _, _),) = decoded.withdrawn
    assert report == report_number(read(notice()).report)
    assert len(decode(notice()).readings.without(decoded.withdrawn)) == 0
    again = decode(notice(properties={"pubtime": "2026-08-11T11:00:01Z"})).readings
    assert len(again.without(decoded.withdrawn)) == 3
    other = decode(notice(properties={"data_id": "another"})).readings
    assert len(other.without(decoded.withdrawn)) == 3


@pytest.mark.parametrize(
    ("relations", "chosen"),
    [
        (["update"], "update"),
        (["canonical", "update"], "canonical"),
        (["update", "canonical"], "canonical"),
        (["via", "item"], None),
        (["deletion"], None),
        ([], None),
    ],
)
def test_the_first_canonical_link_is_chosen_else_the_first_update(
    relations: list[str], chosen: str | None
) -> None:
    links = [{"rel": each, "href": f"http://a.example/{each}"} for each in relations]
    link = read(notice(links=links)).link
    assert (link and link.href) == (chosen and f"http://a.example/{chosen}")


# InlineContent


def with_content(encoding: str, value: str, **more: Any) -> Notification:
    inner = {"encoding": encoding, "value": value, **more}
    return read(notice(properties={"content": inner, "integrity": "absent"}))


def test_content_is_taken_out_in_each_encoding() -> None:
    data = inmet()
    packed = base64.b64encode(gzip.compress(data)).decode()
    assert content.inline(with_content("gzip", packed, size=len(data))) == data
    assert content.inline(with_content("utf-8", "TAF São", size=8)) == "TAF São".encode()
    assert content.inline(with_content("base64", base64.b64encode(data).decode())) == data
    assert content.inline(read(notice(properties={"content": "absent"}))) is None


@pytest.mark.parametrize(
    ("encoding", "value", "more", "reason"),
    [
        ("base64", "no base64 !", {}, "not base64"),
        ("gzip", base64.b64encode(b"no gzip").decode(), {}, "not gzip"),
        ("gzip", base64.b64encode(gzip.compress(b"x" * 99, mtime=0)[:-9]).decode(), {}, "not gzip"),
        ("zip", "", {}, "unknown encoding of content"),
        ("utf-8", "abc", {"size": 4}, "content of another size"),
    ],
)
def test_content_that_is_not_whole_is_refused(
    encoding: str, value: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unreadable, match=reason):
        content.inline(with_content(encoding, value, **more))


def test_a_small_body_does_not_unpack_into_gigabytes() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    assert len(bomb) < notification.LONGEST
    with pytest.raises(Unreadable, match="content too long"):
        content.inline(with_content("gzip", base64.b64encode(bomb).decode()))


@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512", "sha3-256", "SHA3-512"])
def test_every_method_of_integrity_is_checked(method: str) -> None:
    name = method.lower().replace("-", "_")
    value = base64.b64encode(hashlib.new(name, inmet()).digest()).decode()
    good = notice(properties={"integrity": {"method": method, "value": value}})
    assert decode(good).rejects == []
    other = notice(inmet(b13011=99.0), properties={"integrity": {"method": method, "value": value}})
    decoded = decode(other)
    assert [each.reason for each in decoded.rejects] == ["content differs from its checksum"]
    assert len(decoded.readings) == 0


def test_an_unknown_method_of_integrity_is_not_trusted() -> None:
    odd = notice(properties={"integrity": {"method": "md5", "value": "AAAA"}})
    assert [each.reason for each in decode(odd).rejects] == ["unknown method of integrity"]


# What is wrong costs only itself


@pytest.mark.parametrize(
    "message",
    [
        b"", b"{", b"[]", b"null", b"<html>", b"\xff\xfe", b'{"type":"Feature"}', b"[" * 90_000,
        b'{"type":"Feature","properties":{}}', b"x" * 70_000,
    ],
)  # fmt: skip
def test_what_is_no_notification_is_a_reject_and_the_others_are_read(message: bytes) -> None:
    decoded = decode(message, notice())
    assert len(decoded.rejects) == 1
    assert len(decoded.readings) == 3


@pytest.mark.parametrize(
    "properties",
    [
        {"pubtime": "absent"}, {"pubtime": "yesterday"}, {"pubtime": 7}, {"data_id": "absent"},
        {"data_id": ["x"]}, {"data_id": "x" * 2000}, {"content": "text"}, {"integrity": []},
        {"content": {"encoding": "base64"}},
    ],
)  # fmt: skip
def test_a_notification_without_what_it_needs_is_a_reject(properties: dict[str, Any]) -> None:
    decoded = decode(notice(properties=properties))
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == ["not a notification"]


def test_rows_from_the_future_are_refused() -> None:
    decoded = decode(notice(), received_at=TEN - 3601)
    assert len(decoded.readings) == 0
    assert [each.reason for each in decoded.rejects] == ["from the future"]
    assert len(decode(notice(), received_at=TEN - 3599).readings) == 3


def test_a_refused_period_is_a_reject_that_can_be_counted() -> None:
    decoded = decode(notice(inmet(rain_minutes=60, b13011=40.0)))
    assert [each.reason for each in decoded.rejects] == ["period lies ahead"]
    assert "rain_mm" not in decoded.readings.values


def test_a_geometry_that_cannot_be_is_no_position() -> None:
    for geometry in (
        {"type": "Point", "coordinates": [400, 0]}, {"type": "Point", "coordinates": ["a", 0]},
        {"type": "Point", "coordinates": [1]}, {"type": "Polygon", "coordinates": [[[0, 0]]]}, None,
    ):  # fmt: skip
        assert read(notice(geometry=geometry)).latitude is None


def test_a_position_is_taken_from_the_notice_where_the_report_has_none() -> None:
    (station,) = decode(notice(inmet(b5001=None, b6001=None))).stations
    assert (station.latitude, station.longitude) == (-13.30944, -49.1175)


def test_the_registers_other_name_of_a_station_becomes_an_alias() -> None:
    other = notice(properties={"wigos_station_identifier": "0-76-2-2900801000W83499"})
    (station,) = decode(other).stations
    assert station.aliases == ("wis2:0-20000-0-86669", "wis2:0-76-2-2900801000W83499")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_notifications_end_nothing(seed: int) -> None:
    chance = random.Random(seed)
    whole = json.dumps(notice()).encode()
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            body[chance.randrange(len(body))] = chance.randrange(256)
        if chance.random() < 0.3:
            del body[chance.randrange(len(body)) :]
        decode(bytes(body))


# Recorded


def test_the_recorded_messages_of_a_global_broker_are_read(shared: Path) -> None:
    lines = (shared / "live/wis2/global_broker_2026-08-11.jsonl").read_text("utf-8").splitlines()
    messages = [json.loads(line) for line in lines]
    stations: set[str] = set()
    seen: set[tuple[str, notification.Integrity | int]] = set()
    kenyan = 0
    for message in messages:
        centre = message["topic"].split("/")[3]
        payload = Payload(
            source=f"wis2:{centre}",
            content="wnm",
            received_at=1_786_445_400,
            body=json.dumps(message["payload"]).encode(),
        )
        decoded = decoder.decoder()([payload])
        stations |= {each.id for each in decoded.stations}
        notice = notification.read(payload.body, Rejects("x"))
        kenyan += centre == "ke-meteo"
        seen.add((notice.report, notice.integrity or notice.pubtime_at))
    assert {"wis2:0-20000-0-63708", "wis2:0-76-0-5218003000000581"} <= stations
    assert kenyan >= 2
    assert len(seen) <= len(messages) - kenyan + 1  # one report, by its origin and two caches


def test_the_recorded_archive_of_a_node_is_read(shared: Path) -> None:
    body = (shared / "live/wis2/node_archive_gh-gmet_2026-08-09.json").read_bytes()
    archived = notification.archived(body, Rejects("wis2:gh-gmet"))
    assert len(archived) > 5
    assert archived == sorted(archived, key=lambda each: (each.pubtime_at, each.id))
    decoded = decode(body, kind="wnm-archive", received_at=1_786_300_000)
    assert len(decoded.stations) == len({each.station for each in archived if each.station})
    assert all(each.id.startswith("wis2:0-") for each in decoded.stations)
    assert len(decoded.readings) > len(decoded.stations)
    assert decoded.rejects == []


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_standards_examples_are_read(shared: Path, number: int) -> None:
    body = (shared / f"live/wis2/spec/example{number}.json").read_bytes()
    found = notification.read(body, Rejects("x"))
    assert found.is_deletion == (number == 4)
    assert (found.content is not None) == (number == 1)
    decoded = decode(body)
    # The first one's content is a text in place of data, with a checksum that is cut short.
    assert len(decoded.rejects) == (number == 1)


def test_bad_messages_give_no_rows_and_a_reason(shared: Path) -> None:
    bad = sorted((shared / "live/wis2/bad").glob("*.json"))
    assert bad
    for path in bad:
        decoded = decode(path.read_bytes())
        assert len(decoded.readings) == 0
        assert decoded.rejects, path.name


def test_an_archive_in_another_order_gives_the_same(shared: Path) -> None:
    answer = json.loads((shared / "live/wis2/node_archive_gh-gmet_2026-08-09.json").read_bytes())
    turned = {**answer, "features": answer["features"][::-1]}
    for one, other in zip(
        notification.archived(json.dumps(answer).encode(), Rejects("x")),
        notification.archived(json.dumps(turned).encode(), Rejects("x")),
        strict=True,
    ):
        assert replace(one) == other
