"""A deployment, as AWS describes it: its functions, what wakes each, and with which settings.

Read back from the emulator, so that a definition that is wrong there fails the tests that run on
it. `on_tables` has the same where nothing was applied.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from atalaia.homes.aws.config import Config
from aws import moto
from aws.mapper import Mapping


@dataclass(frozen=True)
class Function:
    """What Lambda is told of one."""

    handler: str
    variables: dict[str, str]
    timeout_s: int


@dataclass(frozen=True)
class Deployed:
    """One deployment in an emulator.

    functions    by name, without the environment
    schedules    by function: what the clock gives it
    front        the function that the HTTP API calls
    settings     bucket and key of the settings file
    secrets      what the names of its secrets begin with
    """

    url: str
    region: str
    config: Config
    functions: dict[str, Function]
    mappings: list[Mapping]
    schedules: dict[str, Any]
    front: str
    settings: tuple[str, str]
    secrets: str

    def apart(self, name: str) -> Deployed:
        """The same with a settings file and secrets of its own, so named: what was applied stays as
        it was made, for others to look at."""
        bucket, key = self.settings

        def moved(one: Function) -> Function:
            secrets = one.variables.get("ATALAIA_SECRETS", "")
            secrets = secrets.replace(f"{self.secrets}-", f"{name}-")
            own = {"ATALAIA_SETTINGS": f"s3://{bucket}/{name}/{key}", "ATALAIA_SECRETS": secrets}
            return replace(one, variables=one.variables | own)

        functions = {each: moved(one) for each, one in self.functions.items()}
        secrets = ",".join(one.variables["ATALAIA_SECRETS"] for one in functions.values())
        for each in set(filter(None, secrets.split(","))):
            boto3.client("secretsmanager").create_secret(Name=each)
        return replace(
            self,
            functions=functions,
            settings=(bucket, f"{name}/{key}"),
            secrets=name,
        )

    def put_settings(self, file: Path) -> None:
        """As `make aws-deploy` does."""
        bucket, key = self.settings
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=file.read_bytes())

    def put_secret(self, name: str, **variables: str) -> None:
        """As an operator does."""
        about = {"SecretId": f"{self.secrets}-{name}", "SecretString": json.dumps(variables)}
        boto3.client("secretsmanager").put_secret_value(**about)


def applied(url: str, region: str, env: str) -> Deployed:
    """What Terraform made."""
    functions = {
        one["FunctionName"].removeprefix(f"{env}-"): Function(
            one["Handler"], one["Environment"]["Variables"], one["Timeout"]
        )
        for one in map(_configured, boto3.client("lambda").list_functions()["Functions"])
    }
    found = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    variables = functions["detect"].variables
    bucket, _, key = variables["ATALAIA_SETTINGS"].removeprefix("s3://").partition("/")
    config = Config(
        variables["ATALAIA_ENV"],
        variables["ATALAIA_ACCOUNT"],
        int(variables["ATALAIA_LANES"]),
        variables["ATALAIA_QUEUES"],
    )
    return Deployed(
        url=url,
        region=region,
        config=config,
        functions=functions,
        mappings=[_mapping(one, env) for one in found if one["State"] == "Enabled"],
        schedules=_schedules(env),
        front=_front(env),
        settings=(bucket, key),
        secrets=env,
    )


def _configured(one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("lambda").get_function_configuration(
        FunctionName=one["FunctionName"]
    )
    return found


def _mapping(one: dict[str, Any], env: str) -> Mapping:
    """With Lambda's own defaults for what is not set."""
    assert one.get("ParallelizationFactor", 1) == 1, "a place's readings stay in their order"
    assert one.get("StartingPosition", "TRIM_HORIZON") == "TRIM_HORIZON", "nothing is passed over"
    return Mapping(
        function=_name(one["FunctionArn"], env),
        source=one["EventSourceArn"],
        size=one["BatchSize"],
        retries=_finite(one.get("MaximumRetryAttempts", -1)),
        max_age_s=_finite(one.get("MaximumRecordAgeInSeconds", -1)),
        bisects=one.get("BisectBatchOnFunctionError", False),
        reports="ReportBatchItemFailures" in one.get("FunctionResponseTypes", ()),
        destination=one.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
    )


def _finite(n: int) -> int | None:
    return None if n < 0 else n


def _name(arn: str, env: str) -> str:
    return arn.rpartition(":function:")[2].partition("/")[0].removeprefix(f"{env}-")


def _schedules(env: str) -> dict[str, Any]:
    client = boto3.client("scheduler")
    found = {}
    for one in client.list_schedules()["Schedules"]:
        target = client.get_schedule(Name=one["Name"])["Target"]
        found[_name(target["Arn"], env)] = json.loads(target["Input"])
    return found


def _front(env: str) -> str:
    """Of the one route of the one API, in the payload format that `api.gateway` reads."""
    client = boto3.client("apigatewayv2")
    [api] = client.get_apis()["Items"]
    [route] = client.get_routes(ApiId=api["ApiId"])["Items"]
    assert route["RouteKey"] == "$default"
    [behind] = client.get_integrations(ApiId=api["ApiId"])["Items"]
    assert route["Target"] == f"integrations/{behind['IntegrationId']}"
    assert behind["PayloadFormatVersion"] == "2.0"
    return _name(behind["IntegrationUri"], env)


def on_tables(url: str, lanes: int) -> Deployed:
    """Tables, stream, buckets and queues of `aws.moto`, with what infra/ says of the rest."""
    config = moto.deploy(url, lanes=lanes, shards=lanes)
    bucket = f"{config.env}-code-{config.account}"
    where = {"LocationConstraint": moto.REGION}
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    boto3.client("sesv2").create_email_identity(EmailIdentity="example.org")
    secrets = {name: f"{config.env}-{name}" for name in ("api", "telegram")}
    for name in secrets.values():
        boto3.client("secretsmanager").create_secret(Name=name)
    common = moto.variables(config, f"s3://{bucket}/atalaia.toml")
    own = {
        "fan-out": {"ATALAIA_CHANNELS_TELEGRAM_TOKEN": "not-for-fan-out"},
        "deliver": {"ATALAIA_SECRETS": secrets["telegram"]},
        "api": {"ATALAIA_SECRETS": ",".join(secrets.values())},
    }
    names = ("poll", "detect", "fan-out", "deliver", "retention", "archive", "refine", "api")
    functions = {
        name: Function(
            f"atalaia.run.aws.{name.replace('-', '_')}.handle", common | own.get(name, {}), 60
        )
        for name in names
    }
    return Deployed(
        url=url,
        region=moto.REGION,
        config=config,
        functions=functions,
        mappings=list(_mappings_on_tables(config)),
        schedules={
            name: {"tick": "now"} for name in names if name not in ("detect", "archive", "api")
        },
        front="api",
        settings=(bucket, "atalaia.toml"),
        secrets=config.env,
    )


def _mappings_on_tables(config: Config) -> list[Mapping]:
    stream = boto3.client("kinesis").describe_stream_summary(StreamName=config.stream)
    readings = stream["StreamDescriptionSummary"]["StreamARN"]
    log = boto3.client("dynamodb").describe_table(TableName=config.table("log"))["Table"]
    queue = f"arn:aws:sqs:{moto.REGION}:{config.account}:{config.env}-"
    stream_like: dict[str, Any] = {
        "retries": 5,
        "max_age_s": 86_400,
        "bisects": True,
        "destination": f"{queue}dead",
    }
    return [
        Mapping("detect", readings, 100, reports=True, **stream_like),
        Mapping("archive", readings, 5_000, reports=True, **stream_like),
        Mapping("fan-out", log["LatestStreamArn"], 100, **stream_like),
        Mapping("deliver", f"{queue}urgent", 10),
        Mapping("deliver", f"{queue}normal", 10),
    ]
