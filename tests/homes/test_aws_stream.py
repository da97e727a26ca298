"""What goes through Kinesis: a record is one of ours whole, or is told apart and stops nothing."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.payload import Payload
from atalaia.errors import PayloadInvalid, SettingsInvalid, StateConflict
from atalaia.homes.aws.config import Config, from_environment
from atalaia.homes.aws.dynamo import DynamoTable
from atalaia.homes.aws.records import failed, read
from atalaia.homes.aws.secrets import brought, secret
from atalaia.homes.aws.stream import (
    Carried,
    KinesisStream,
    _fitting,
    pack,
    unpack,
)
from stories import T0

from .test_dynamo import Asked, refusal

FEW = settings(max_examples=40)


def payload(body: bytes = b"{}", *places: str, **more: Any) -> Payload:
    return Payload(source="station", content="c", received_at=T0, body=body, places=places, **more)


CARRIED = st.builds(
    Carried,
    number=st.integers(0, 2**62),
    lane=st.integers(0, 99),
    is_copy=st.booleans(),
    payload=st.builds(
        payload, st.binary(max_size=300), st.text(max_size=8), failure=st.none() | st.text()
    ),
)


@FEW
@given(CARRIED)
def test_what_is_packed_is_unpacked_as_it_was(carried: Carried) -> None:
    assert unpack(pack(carried)) == carried


@FEW
@given(CARRIED, st.data())
def test_a_damaged_record_is_told_apart_and_raises_nothing_else(
    carried: Carried, data: st.DataObject
) -> None:
    packed = bytearray(pack(carried))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(packed)))
    for damaged in (bytes(packed), pack(carried)[: cut or 1][:-1], b"", b"ATA1", b"{}"):
        with contextlib.suppress(PayloadInvalid):
            unpack(damaged)


def test_a_bit_that_fell_over_is_never_taken_for_weather() -> None:
    """The checksum is over what was packed: a body is as it was, or there is none."""
    whole = pack(Carried(1, 0, False, payload(b"x" * 500)))
    for at in range(4, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        with contextlib.suppress(PayloadInvalid):
            assert unpack(bytes(damaged)).payload.body == b"x" * 500


def test_a_bomb_is_not_unpacked() -> None:
    bomb = b"ATA1" + zstandard.compress(bytes(300_000_000), 1)
    assert len(bomb) < 100_000
    with pytest.raises(PayloadInvalid, match="damaged"):
        unpack(bomb)


@FEW
@given(st.lists(st.integers(0, 1_000_000), max_size=40))
def test_entries_are_put_together_as_one_call_may_have_them(sizes: list[int]) -> None:
    entries = [{"Data": bytes(n), "PartitionKey": "lane-0"} for n in sizes]
    parts = list(_fitting(entries))
    assert [one for part in parts for one in part] == entries
    for part in parts:
        assert 0 < len(part) <= 500
        assert sum(len(one["Data"]) + 6 for one in part) <= 4_500_000 or len(part) == 1
    assert len(list(_fitting(entries * 0))) == 0


def test_no_more_than_five_hundred_at_once() -> None:
    entries = [{"Data": b"", "PartitionKey": "a"} for _ in range(1201)]
    assert [len(part) for part in _fitting(entries)] == [500, 500, 201]


# Into the stream


def numbers(last: int) -> dict[str, Any]:
    return {"Attributes": {"n": {"N": str(last)}}}


def stream(clients: Asked, **more: Any) -> KinesisStream:
    return KinesisStream(clients, "s", DynamoTable(clients, "state"), **more)


DONE = {"FailedRecordCount": 0}


def put(clients: Asked) -> list[tuple[str, Carried]]:
    return [
        (one["PartitionKey"], unpack(one["Data"]))
        for call, asked in clients.calls
        if call == "put_records"
        for one in asked["Records"]
    ]


def test_payloads_get_numbers_in_their_order_and_the_last_is_told() -> None:
    clients = Asked(numbers(9), DONE, DONE)
    assert stream(clients).append([payload(b"a"), payload(b"b")]) == 9
    assert [(one.number, one.payload.body) for _, one in put(clients)] == [(8, b"a"), (9, b"b")]


@pytest.mark.parametrize(
    ("places", "lanes"),
    [
        (("north",), ["lane-0"]),
        (("north", "south"), ["lane-0", "lane-2"]),
        (("south", "south"), ["lane-2"]),
        ((), ["lane-0", "lane-1", "lane-2"]),  # it does not say of which
        (("north", "elsewhere"), ["lane-0", "lane-1", "lane-2"]),
    ],
)
def test_a_payload_goes_to_each_lane_that_it_speaks_of_and_counts_once(
    places: tuple[str, ...], lanes: list[str]
) -> None:
    clients = Asked(numbers(1), DONE)
    of_place = {"north": 0, "south": 2}
    stream(clients, lanes=3, lane_of_place=of_place).append([payload(b"a", *places)])
    assert [key for key, _ in put(clients)] == lanes
    assert [one.is_copy for _, one in put(clients)] == [False] + [True] * (len(lanes) - 1)
    assert {one.number for _, one in put(clients)} == {1}


def test_what_there_was_no_room_for_goes_again_and_the_rest_does_not() -> None:
    half = {"FailedRecordCount": 1, "Records": [{}, {"ErrorCode": "Throughput"}]}
    clients = Asked(numbers(1), half, DONE)
    stream(clients, lanes=2).append([payload(b"a")])
    assert [lane for lane, _ in put(clients)] == ["lane-0", "lane-1", "lane-1"]
    full = {"FailedRecordCount": 1, "Records": [{"ErrorCode": "Throughput"}]}
    with pytest.raises(StateConflict, match="stream s has no room for 1 records"):
        stream(Asked(numbers(1), *[full] * 99)).append([payload()])


@FEW
@given(st.lists(st.sampled_from(["north", "south", "sea"]), min_size=1, max_size=12), st.data())
def test_a_lane_keeps_its_order_whatever_kinesis_has_no_room_for(
    places: list[str], data: st.DataObject
) -> None:
    """Of the records of one call it may take a later one and not an earlier one."""
    kept: dict[str, list[int]] = {}

    def put_records(asked: dict[str, Any]) -> dict[str, Any]:
        outcomes: list[dict[str, str]] = []
        for one in asked["Records"]:
            if data.draw(st.booleans()):
                kept.setdefault(one["PartitionKey"], []).append(unpack(one["Data"]).number)
                outcomes.append({})
            else:
                outcomes.append({"ErrorCode": "Throughput"})
        return {"FailedRecordCount": sum(map(len, outcomes)), "Records": outcomes}

    of_place = {"north": 0, "south": 1, "sea": 2}
    clients = Asked(numbers(len(places)), *[put_records] * 999)
    payloads = [payload(b"a", place) for place in places]
    with contextlib.suppress(StateConflict):  # no room for one, twelve times
        stream(clients, lanes=3, lane_of_place=of_place).append(payloads)
    for place, lane in of_place.items():
        came = kept.get(f"lane-{lane}", [])
        assert came == [n for n, one in enumerate(places, 1) if one == place][: len(came)]


def test_what_goes_again_is_a_copy_in_every_lane() -> None:
    clients = Asked(numbers(1), DONE)
    stream(clients, lanes=2).append_copies([payload(b"a")])
    assert [(lane, one.is_copy) for lane, one in put(clients)] == [
        ("lane-0", True),
        ("lane-1", True),
    ]


def test_of_a_payload_that_is_too_large_nothing_is_numbered() -> None:
    import random

    clients = Asked()
    noise = random.Random(2).randbytes(KinesisStream.most + 10)
    with pytest.raises(StateConflict, match="ask for fewer places at a time"):
        stream(clients).append([payload(b"small"), payload(noise)])
    assert clients.calls == []
    packs_well = payload(bytes(10 * KinesisStream.most))
    assert stream(Asked(numbers(1), DONE)).append([packs_well]) == 1


def test_nothing_appended_is_the_newest_number() -> None:
    assert stream(Asked({"Item": {"n": {"N": "5"}}})).append([]) == 5
    assert stream(Asked({})).append([]) == 0
    assert stream(Asked()).drop(99) == 0


# What Lambda hands over


def handed(*data: bytes) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"shardId-0007:{i}",
                "kinesis": {"sequenceNumber": f"{10**55 + i}", "data": base64.b64encode(one)},
            }
            for i, one in enumerate(data)
        ]
    }


def test_a_record_that_cannot_be_read_is_told_apart_and_the_others_are_there() -> None:
    good = [pack(Carried(i, 0, False, payload())) for i in (4, 5)]
    batch = read(handed(good[0], b"nonsense", good[1]))
    assert batch.shard == "shardId-0007"
    assert [one.record.offset for one in batch.came] == [4, 5]
    assert [one.sequence - 10**55 for one in batch.came] == [0, 2]
    (poison,) = batch.poison
    assert (poison.sequence - 10**55, poison.data) == (1, b"nonsense")
    assert "was not written by Atalaia" in poison.reason


def test_lambda_goes_on_from_the_first_that_was_not_done() -> None:
    came = read(handed(*(pack(Carried(i, 0, False, payload())) for i in range(3)))).came
    assert failed([]) == {"batchItemFailures": []}
    assert failed(list(reversed(came[1:]))) == {
        "batchItemFailures": [{"itemIdentifier": f"{10**55 + 1}"}]
    }


# The names of a deployment


def test_names_are_those_of_the_deployment() -> None:
    config = from_environment(
        {
            "ATALAIA_ENV": "prod",
            "ATALAIA_ACCOUNT": "123456789012",
            "ATALAIA_LANES": "4",
            "ATALAIA_QUEUES": "https://sqs.sa-east-1.amazonaws.com/123456789012/",
        }
    )
    assert config.lanes == 4
    assert [config.table("state"), config.bucket("gold"), config.stream] == [
        "prod-state",
        "prod-gold-123456789012",
        "prod-readings",
    ]
    assert config.queue("urgent") == (
        "https://sqs.sa-east-1.amazonaws.com/123456789012/prod-urgent"
    )
    assert (config.database, config.people_key, config.workgroup) == (
        "prod_gold",
        "alias/prod-people",
        "prod",
    )
    assert from_environment({"ATALAIA_ENV": "a", "ATALAIA_ACCOUNT": "1"}) == Config("a", "1")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({}, ["ATALAIA_ENV is not set", "ATALAIA_ACCOUNT is not set"]),
        ({"ATALAIA_ENV": "", "ATALAIA_ACCOUNT": "1"}, ["ATALAIA_ENV is not set"]),
        (
            {"ATALAIA_ENV": "a", "ATALAIA_ACCOUNT": "1", "ATALAIA_LANES": "0"},
            ["ATALAIA_LANES is '0'; give a number from 1 on"],
        ),
        ({"ATALAIA_LANES": "many"}, ["ATALAIA_ENV", "ATALAIA_ACCOUNT", "ATALAIA_LANES is 'many'"]),
    ],
)
def test_all_that_is_wrong_with_the_environment_is_said_at_once(
    found: dict[str, str], says: list[str]
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        from_environment(found)
    assert all(one in str(caught.value) for one in says)
    assert len(caught.value.problems) == len(says)


# Settings and secrets


class Body:
    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> bytes:
        return self._text.encode()


def test_settings_come_with_all_that_they_name_and_what_those_name(tmp_path: Any) -> None:
    clients = Asked(*({"Body": Body(text)} for text in ("rules/a.toml", "b.toml", "")))
    names = {"rules/a.toml": ["rules/a.toml"], "b.toml": ["b.toml"], "": []}
    file = brought(clients, "s3://bucket/conf/atalaia.toml", tmp_path, names.__getitem__)
    assert file.read_text() == "rules/a.toml"
    assert (tmp_path / "rules" / "b.toml").exists()
    assert [asked["Key"] for _, asked in clients.calls] == [
        "conf/atalaia.toml",
        "conf/beside/rules/a.toml",
        "conf/beside/rules/b.toml",
    ]


def test_settings_that_name_each_other_are_read_once(tmp_path: Any) -> None:
    clients = Asked(*({"Body": Body("x")} for _ in range(9)))
    brought(clients, "s3://b/a.toml", tmp_path, lambda _: ["one.toml", "one.toml"])
    assert len(clients.calls) == 2


@pytest.mark.parametrize("named", ["/etc/passwd", "../outside.toml", "a/../../b"])
def test_settings_name_nothing_outside_their_folder(tmp_path: Any, named: str) -> None:
    clients = Asked({"Body": Body("x")})
    with pytest.raises(SettingsInvalid, match="not a path below the settings; put the file there"):
        brought(clients, "s3://b/a.toml", tmp_path, lambda _: [named])


def test_a_secret_is_variables_or_nothing_yet_or_told_without_being_shown() -> None:
    assert dict(secret(Asked({"SecretString": '{"A": "1", "B": ""}'}), "s")) == {"A": "1", "B": ""}
    assert list(secret(Asked(refusal("ResourceNotFoundException")), "s")) == []
    with pytest.raises(StateConflict, match="secret s cannot be used: AccessDenied"):
        list(secret(Asked(refusal("AccessDenied")), "s"))
    for text in ("geheim", '{"A": 1}', "[]"):
        with pytest.raises(SettingsInvalid, match=r"secret s: it is no JSON object .*aws\.md") as e:
            list(secret(Asked({"SecretString": text}), "s"))
        assert "geheim" not in str(e.value)
