"""Amazon's services on loopback: a server for the whole run, and deployments with tables of their
own in it."""

from __future__ import annotations

import itertools
import logging
import urllib.request
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from atalaia.homes.aws.config import Config
from atalaia.homes.aws.tables import READINGS, TABLES, TableDefinition
from aws.emulator import hasten, one_at_a_time

ACCOUNT = "123456789012"
REGION = "sa-east-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}

_numbers = itertools.count(1)


def start() -> tuple[ThreadedMotoServer, str]:
    """A running server and its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    hasten()
    one_at_a_time()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return server, f"http://{host}:{port}"


def reset(url: str) -> None:
    """Take all deployments down: the fewer tables there are, the quicker a transaction is."""
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()


def variables(config: Config, settings: str) -> dict[str, str]:
    """What infra/ gives every function; `settings`: address or path of the settings file."""
    return {
        "ATALAIA_ENV": config.env,
        "ATALAIA_ACCOUNT": config.account,
        "ATALAIA_LANES": str(config.lanes),
        "ATALAIA_QUEUES": config.queues,
        "ATALAIA_STREAM": config.streams_by,
        "ATALAIA_SETTINGS": settings,
    }


def deploy(
    url: str,
    *,
    lanes: int = 1,
    shards: int = 1,
    only: tuple[str, ...] = (),
    streams_by: str = "kinesis",
) -> Config:
    """What infra/ makes, with a prefix of its own; `only`: of these services."""
    env = f"t{next(_numbers)}"
    config = Config(env, ACCOUNT, lanes, f"{url}/{ACCOUNT}/", streams_by)
    if not only or "dynamodb" in only:
        client = boto3.client("dynamodb")
        for name, table in TABLES.items():
            client.create_table(**_schema(config.table(name), table))
    if streams_by == "table":
        boto3.client("dynamodb").create_table(**_schema(config.stream, READINGS))
    elif not only or "kinesis" in only:
        boto3.client("kinesis").create_stream(StreamName=config.stream, ShardCount=shards)
    if not only or "s3" in only:
        for name in ("raw", "gold"):
            boto3.client("s3").create_bucket(
                Bucket=config.bucket(name),
                CreateBucketConfiguration={"LocationConstraint": REGION},
            )
    if not only or "sqs" in only:
        for name in ("urgent", "normal", "dead", "poison"):
            boto3.client("sqs").create_queue(QueueName=f"{env}-{name}")
    if not only or "kms" in only:
        kms = boto3.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=config.people_key, TargetKeyId=key)
    return config


def _schema(name: str, table: TableDefinition) -> dict[str, Any]:
    keys = {"pk", "sk"} | {key for index in table.indexes for key in (index.hash, index.range)}
    schema: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)
        ],
        "KeySchema": _key("pk", "sk"),
    }
    if table.stream:
        schema["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    for kind, is_local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        found = [
            {
                "IndexName": index.name,
                "KeySchema": _key(index.hash, index.range),
                "Projection": {"ProjectionType": "KEYS_ONLY" if index.has_keys_only else "ALL"},
            }
            for index in table.indexes
            if index.is_local == is_local
        ]
        if found:
            schema[kind] = found
    return schema


def _key(hash_: str, range_: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_, "KeyType": "HASH"},
        {"AttributeName": range_, "KeyType": "RANGE"},
    ]
