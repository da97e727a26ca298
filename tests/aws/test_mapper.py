"""The event source mappings of these tests do what Lambda's do."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from atalaia.homes.aws.config import Config
from aws import moto
from aws.mapper import ChangesSource, Mapper, QueueMapper, messages

DONE: dict[str, Any] = {"batchItemFailures": []}


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


class Breaking:
    """A function that breaks at these records, and does the others."""

    def __init__(self, *at: int) -> None:
        self._at = set(at)
        self.done: list[int] = []
        self.came: list[list[int]] = []

    def __call__(self, event: dict[str, Any], _: Any) -> dict[str, Any]:
        self.came.append(data(event))
        if self._at & set(data(event)):
            raise ValueError
        self.done += data(event)
        return DONE


def test_a_batch_that_raises_is_cut_in_halves_until_the_record_stands_alone(
    deployed: Config,
) -> None:
    function = Breaking(7)
    dead = deployed.queue("dead")
    Mapper(deployed.stream, function, dead, size=20, retries=2).run()
    assert function.done == [number for number in range(20) if number != 7]
    assert function.came.count([7]) == 3, "cutting uses up no retry"
    [given_up] = messages(dead)
    about = given_up["KinesisBatchInfo"]
    assert about["batchSize"] == 1
    assert about["startSequenceNumber"] == about["endSequenceNumber"]


def test_a_batch_that_is_not_cut_is_given_up_as_a_whole(deployed: Config) -> None:
    function = Breaking(7)
    dead = deployed.queue("dead")
    Mapper(deployed.stream, function, dead, size=10, retries=2, bisects=False).run()
    assert function.came == [*[list(range(10))] * 3, list(range(10, 20))]
    [given_up] = messages(dead)
    assert given_up["KinesisBatchInfo"]["batchSize"] == 10


def test_what_has_become_too_old_is_not_delivered_any_more(deployed: Config) -> None:
    function = Breaking()
    dead = deployed.queue("dead")
    later = time.time() + 3600
    Mapper(deployed.stream, function, dead, max_age_s=60, now=lambda: later).run()
    assert function.came == []
    [given_up] = messages(dead)
    assert given_up["KinesisBatchInfo"]["batchSize"] == 20


def test_a_partial_failure_comes_again_from_its_first_record(deployed: Config) -> None:
    came: list[list[int]] = []
    times = iter([True, True, False])

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        came.append(data(event))
        if 12 not in data(event) or not next(times):
            return DONE
        record = event["Records"][data(event).index(12)]
        return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}

    Mapper(deployed.stream, handler, deployed.queue("dead"), size=20, retries=5).run()
    assert came[0] == list(range(20))
    assert came[1] == list(range(12, 20))
    assert sorted({n for some in came[2:] for n in some}) == list(range(12, 20))
    assert messages(deployed.queue("dead")) == []


@pytest.mark.parametrize("reports", [True, False])
def test_an_answer_is_looked_at_where_the_mapping_says_so(deployed: Config, reports: bool) -> None:
    """One that names none of the batch's records fails all of it."""

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": "none of these"}]}

    dead = deployed.queue("dead")
    Mapper(deployed.stream, handler, dead, retries=1, bisects=False, reports=reports).run()
    assert len(messages(dead)) == reports


def test_a_batch_that_went_well_comes_again_and_the_next_run_goes_on_behind_it(
    deployed: Config,
) -> None:
    function = Breaking()
    mapper = Mapper(deployed.stream, function, "", size=10, times=2)
    for _ in range(2):
        mapper.run()
    assert function.came == [*[list(range(10))] * 2, *[list(range(10, 20))] * 2]


def test_changes_of_a_table_are_a_stream(deployed: Config) -> None:
    boto3.client("dynamodb").create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    table = boto3.client("dynamodb").describe_table(TableName="t")["Table"]
    came: list[list[str]] = []

    def handler(event: dict[str, Any], _: Any) -> None:
        json.dumps(event)
        came.append([one["dynamodb"]["Keys"]["pk"]["S"] for one in event["Records"]])

    mapper = Mapper(ChangesSource(table["LatestStreamArn"]), handler, "", size=2, reports=False)
    for some in ("abc", "d"):
        for name in some:
            boto3.client("dynamodb").put_item(TableName="t", Item={"pk": {"S": name}})
        mapper.run()
    assert came == [["a", "b"], ["c"], ["d"]]


def test_what_a_queue_wakes_in_vain_goes_where_the_queue_says(deployed: Config) -> None:
    sqs, urgent, dead = boto3.client("sqs"), deployed.queue("urgent"), deployed.queue("dead")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=urgent, Attributes={"RedrivePolicy": json.dumps(redrive)})
    for body in ('"good"', '"bad"'):
        sqs.send_message(QueueUrl=urgent, MessageBody=body)
    came: list[str] = []

    def handler(event: dict[str, Any], _: Any) -> None:
        [record] = event["Records"]
        came.append(json.loads(record["body"]))
        if came[-1] == "bad":
            raise ValueError

    QueueMapper(urgent, handler, size=1, times=2).run()
    assert sorted(came) == ["bad", "bad", "good", "good"]
    assert messages(dead) == ["bad"]
