"""The event source mapping of these tests does what Lambda's does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from atalaia.homes.aws.config import Config
from aws import moto
from aws.mapper import Mapper, messages


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url, only=("kinesis", "sqs"))
    for number in range(20):
        boto3.client("kinesis").put_record(
            StreamName=config.stream, Data=b"%d" % number, PartitionKey="lane-0"
        )
    yield config
    server.stop()


def data(event: dict[str, Any]) -> list[int]:
    return [int(base64.b64decode(one["kinesis"]["data"])) for one in event["Records"]]


def test_a_batch_that_raises_is_cut_in_halves_until_the_record_stands_alone(
    deployed: Config,
) -> None:
    done: list[int] = []

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        if 7 in data(event):
            raise ValueError
        done.extend(data(event))
        return {"batchItemFailures": []}

    dead = deployed.queue("dead")
    Mapper(deployed.stream, handler, dead, size=10, retries=5).run()
    assert done == [number for number in range(20) if number != 7]
    [given_up] = messages(dead)
    about = given_up["KinesisBatchInfo"]
    assert about["batchSize"] == 1
    assert about["startSequenceNumber"] == about["endSequenceNumber"]


def test_a_partial_failure_comes_again_from_its_first_record(deployed: Config) -> None:
    came: list[list[int]] = []
    times = iter([True, True, False])

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        came.append(data(event))
        fails = 12 in data(event) and next(times)
        sequence = event["Records"][-1 if 12 not in data(event) else data(event).index(12)]
        failed = [{"itemIdentifier": sequence["kinesis"]["sequenceNumber"]}] if fails else []
        return {"batchItemFailures": failed}

    Mapper(deployed.stream, handler, deployed.queue("dead"), size=20, retries=5).run()
    assert came[0] == list(range(20))
    assert came[1] == list(range(12, 20))
    assert sorted({n for some in came[2:] for n in some}) == list(range(12, 20))
    assert messages(deployed.queue("dead")) == []
