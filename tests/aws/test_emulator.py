"""What the emulator does otherwise than moto, it does as DynamoDB does."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from aws import moto


def row(sk: str, n: int) -> dict[str, Any]:
    return {"pk": {"S": "a"}, "sk": {"S": sk}, "n": {"N": str(n)}}


def test_of_a_transaction_that_fails_nothing_is_left_and_nobody_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    table = moto.deploy(url, only=("dynamodb",)).table("log")
    client = boto3.client("dynamodb")
    for sk in ("changed", "removed", "written over"):
        client.put_item(TableName=table, Item=row(sk, 1))
    before = client.scan(TableName=table)["Items"]
    about: dict[str, Any] = {"TableName": table}
    change = {
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "2"}},
        "Key": {"pk": {"S": "a"}, "sk": {"S": "changed"}},
    }
    done: list[dict[str, Any]] = [
        {"Put": about | {"Item": row("new", 2)}},
        {"Put": about | {"Item": row("written over", 2)}},
        {"Delete": about | {"Key": {"pk": {"S": "a"}, "sk": {"S": "removed"}}}},
        {"Update": about | change},
    ]
    refused = about | {"Item": row("none", 2), "ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(TransactItems=[*done, {"Put": refused}])
    assert client.scan(TableName=table)["Items"] == before
    stream = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    assert told(stream) == 3
    client.transact_write_items(TransactItems=done)
    found = {item["sk"]["S"]: item["n"]["N"] for item in client.scan(TableName=table)["Items"]}
    assert found == {"changed": "2", "written over": "2", "new": "2"}
    assert told(stream) == 7


def told(stream: str) -> int:
    """How many changes a table's readers are told of."""
    client = boto3.client("dynamodbstreams")
    [shard] = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    at = client.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return len(client.get_records(ShardIterator=at["ShardIterator"])["Records"])
