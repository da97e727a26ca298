"""The definitions: they are valid, they apply, and what they make is what the program expects."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import boto3
import pytest

from atalaia.api.edge import VIEWER, WORD
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.job import asked
from atalaia.homes.aws.tables import TABLES
from aws import moto
from aws.conftest import Applied
from aws.terraform import ENVIRONMENT, INFRA, REGION, Terraform, variables
from run.test_what_is_kept import BY_EVERYBODY

FUNCTIONS = (
    "poll",
    "detect",
    "fan-out",
    "deliver",
    "returns",
    "retention",
    "archive",
    "recover",
    "refine",
    "api",
)
BUCKETS = ("raw", "gold", "athena", "trail", "code")
CONFIG = Config(ENVIRONMENT, moto.ACCOUNT)


class Services:
    """AWS's clients, of the emulator."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __getattr__(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture
def services(applied: Applied) -> Services:
    return Services(applied.url)


def test_the_definitions_are_valid(terraform: Terraform) -> None:
    assert json.loads(terraform.run("validate", "-json"))["valid"]


def test_a_stream_in_a_table_is_a_table_and_has_one_lane(
    terraform: Terraform, tmp_path: Path
) -> None:
    (terraform.folder / "test.auto.tfvars.json").write_text(json.dumps(variables(tmp_path)))
    name = "stream.tftest.hcl"
    (terraform.folder / name).write_text(Path(__file__).with_name(name).read_text("utf-8"))
    assert "4 passed, 0 failed" in terraform.run("test")


def test_the_definitions_are_formatted(terraform: Terraform) -> None:
    terraform.run("fmt", "-check", "-recursive", str(INFRA))


def blocks(text: str) -> Iterator[str]:
    """The actions that a policy's statement names, in Terraform's language."""
    yield from re.findall(r'"([a-z0-9]+:[A-Za-z*]+)"', text)


@pytest.mark.parametrize("file", sorted(INFRA.rglob("*.tf")), ids=lambda path: path.name)
def test_no_grant_has_a_wildcard_action(file: Path) -> None:
    """But where everything is denied."""
    text = re.sub(r'effect\s+= "Deny"\s+actions\s+= \["\w+:\*"\]', "", file.read_text("utf-8"))
    assert [action for action in blocks(text) if "*" in action] == []


def test_versions_are_pinned_and_their_lock_is_not_kept() -> None:
    assert re.search(r'version = "= \d+\.\d+\.\d+"', (INFRA / "versions.tf").read_text("utf-8"))
    assert ".terraform.lock.hcl" in (INFRA.parent / ".gitignore").read_text("utf-8")


def test_every_function_is_there_with_its_handler(services: Services) -> None:
    found = {
        one["FunctionName"]: one
        for one in services.__getattr__("lambda").list_functions()["Functions"]
    }
    assert set(found) == {f"{ENVIRONMENT}-{name}" for name in FUNCTIONS}
    for name in FUNCTIONS:
        function = found[f"{ENVIRONMENT}-{name}"]
        assert function["Handler"] == f"atalaia.run.aws.{name.replace('-', '_')}.handle"
        variables = function["Environment"]["Variables"]
        assert variables["ATALAIA_ENV"] == ENVIRONMENT
        assert variables["ATALAIA_ACCOUNT"] == moto.ACCOUNT
        assert variables["ATALAIA_QUEUES"].endswith(f"/{moto.ACCOUNT}/")
        assert function["Role"].endswith(f"role/{ENVIRONMENT}-{name}")


def test_who_listens_is_one_task_that_nobody_can_reach(services: Services) -> None:
    name = f"{ENVIRONMENT}-listen"
    ecs, ec2 = services.ecs, services.ec2
    [service] = ecs.describe_services(cluster=name, services=[name])["services"]
    assert (service["desiredCount"], service["launchType"]) == (1, "FARGATE")
    # Two at once would have one name at a broker. (The emulator does not tell these again.)
    text = (INFRA / "listen" / "main.tf").read_text("utf-8")
    assert re.search(r"deployment_minimum_healthy_percent\s+= 0\n", text)
    assert re.search(r"deployment_maximum_percent\s+= 100\n", text)
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    [container] = task["containerDefinitions"]
    assert container["readonlyRootFilesystem"]
    assert "@sha256:" in container["image"]
    told = {one["name"]: one["value"] for one in container["environment"]}
    assert told["ATALAIA_ENV"] == ENVIRONMENT
    assert told["ATALAIA_SECRETS"] == f"{ENVIRONMENT}-brokers"
    assert told["ATALAIA_SETTINGS"].startswith("s3://")
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    [group] = ec2.describe_security_groups(GroupIds=network["securityGroups"])["SecurityGroups"]
    assert group["IpPermissions"] == []
    assert {one["FromPort"] for one in group["IpPermissionsEgress"]} == {80, 443, 8883}
    zones = ec2.describe_subnets(SubnetIds=network["subnets"])["Subnets"]
    assert len({one["AvailabilityZone"] for one in zones}) == 2


def test_no_two_functions_share_a_role(services: Services) -> None:
    found = services.__getattr__("lambda").list_functions()["Functions"]
    assert len({one["Role"] for one in found}) == len(FUNCTIONS)


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_keys_that_the_program_uses(services: Services, name: str) -> None:
    table, found = (
        TABLES[name],
        services.dynamodb.describe_table(TableName=CONFIG.table(name))["Table"],
    )
    assert keys(found) == ["pk", "sk"]
    indexes = {
        (
            one["IndexName"],
            *keys(one),
            kind == "LocalSecondaryIndexes",
            one["Projection"]["ProjectionType"] == "KEYS_ONLY",
        )
        for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
        for one in found.get(kind, ())
    }
    assert indexes == set(map(astuple, table.indexes))
    assert found.get("StreamSpecification", {}).get("StreamViewType", "") == table.stream
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    expiry = services.dynamodb.describe_time_to_live(TableName=CONFIG.table(name))
    assert expiry["TimeToLiveDescription"].get("AttributeName", "") == table.ttl
    backups = services.dynamodb.describe_continuous_backups(TableName=CONFIG.table(name))
    status = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert (status["PointInTimeRecoveryStatus"] == "ENABLED") is table.backup
    key = services.kms.describe_key(KeyId=f"alias/{ENVIRONMENT}-{table.key}")["KeyMetadata"]["Arn"]
    assert found["SSEDescription"]["KMSMasterKeyArn"] == key


def keys(described: dict[str, Any]) -> list[str]:
    return [one["AttributeName"] for one in described["KeySchema"]]


def test_a_record_that_cannot_be_read_does_not_block_its_shard(services: Services) -> None:
    found = services.__getattr__("lambda").list_event_source_mappings()["EventSourceMappings"]
    readers = {
        one["FunctionArn"].rpartition(":")[2]: one
        for one in found
        if one["EventSourceArn"].endswith(f"stream/{CONFIG.stream}")
    }
    assert set(readers) == {f"{ENVIRONMENT}-{name}" for name in ("detect", "archive")}
    for name in ("speed", "batch"):  # what the emulator does not keep
        text = (INFRA / name / "main.tf").read_text("utf-8")
        assert re.search(r"bisect_batch_on_function_error += true", text)
        assert re.search(r"maximum_retry_attempts += \d+", text)
        assert re.search(r"maximum_record_age_in_seconds += (\d+|var\.stream\.patience_s)\n", text)
        assert "ReportBatchItemFailures" in text


def test_the_stream_grows_by_itself_and_keeps_a_week(services: Services) -> None:
    found = services.kinesis.describe_stream_summary(StreamName=CONFIG.stream)
    summary = found["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    assert summary["RetentionPeriodHours"] == 168
    assert summary["EncryptionType"] == "KMS"


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_versioned_and_encrypted(services: Services, name: str) -> None:
    bucket = f"{ENVIRONMENT}-{name}-{moto.ACCOUNT}"
    s3 = services.s3
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_raw_becomes_cheaper_as_it_ages(services: Services) -> None:
    found = services.s3.get_bucket_lifecycle_configuration(Bucket=CONFIG.bucket("raw"))
    moves = [(one["Days"], one["StorageClass"]) for one in found["Rules"][0]["Transitions"]]
    assert sorted(moves) == [(30, "STANDARD_IA"), (180, "GLACIER_IR")]


def test_keys_are_changed_every_year(services: Services) -> None:
    for name in ("data", "people"):
        key = services.kms.describe_key(KeyId=f"alias/{ENVIRONMENT}-{name}")["KeyMetadata"]["KeyId"]
        assert services.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_the_clock_starts_what_nothing_else_starts(services: Services) -> None:
    found = {one["Name"] for one in services.scheduler.list_schedules()["Schedules"]}
    by_clock = ("poll", "refine", "fan-out", "deliver", "retention")
    assert found == {f"{ENVIRONMENT}-{name}" for name in by_clock}


def test_the_job_on_spark_starts_with_what_the_program_reads(services: Services) -> None:
    job = services.glue.get_job(JobName=f"{ENVIRONMENT}-rebuild")["Job"]
    bucket = f"s3://{ENVIRONMENT}-code-{moto.ACCOUNT}"
    assert job["Command"]["ScriptLocation"] == f"{bucket}/rebuild.py"
    given = job["DefaultArguments"]
    assert given["--additional-python-modules"] == f"{bucket}/rebuild.gluewheels.zip"
    variables = asked([word for pair in given.items() for word in pair]).variables
    assert variables["ATALAIA_ENV"] == ENVIRONMENT
    assert variables["ATALAIA_SETTINGS"].startswith(f"{bucket}/")
    assert variables["AWS_DEFAULT_REGION"] == REGION
    assert {name for name in given if "ATALAIA" in name} <= {f"--{name}" for name in variables}
    role = services.iam.get_role(RoleName=f"{ENVIRONMENT}-rebuild")["Role"]
    assert job["Role"] == role["Arn"]
    trigger = services.glue.get_trigger(Name=f"{ENVIRONMENT}-climate")["Trigger"]
    assert trigger["Type"] == "SCHEDULED"
    words = [word for pair in trigger["Actions"][0]["Arguments"].items() for word in pair]
    assert asked(words)[:3] == ("climate", 10, True)


def test_every_source_function_and_queue_has_its_alarm(services: Services) -> None:
    pages = services.cloudwatch.get_paginator("describe_alarms").paginate()
    alarms = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    assert set(alarms) == {
        f"{ENVIRONMENT}-{name}"
        for name in (
            *(f"silent-{source}" for source in ("open-meteo", "tomorrow-io")),
            *(f"late-{function}" for function in ("detect", "fan-out", "archive")),
            *(f"waiting-{what}" for what in ("entry", "message", "payload")),
            "behind-fan-out",
            *(f"letters-{queue}" for queue in ("dead", "poison")),
            *(f"errors-{function}" for function in FUNCTIONS),
            "tomorrow-io-quota",
            "sms-spend",
        )
    }
    assert all(alarm["AlarmActions"] for alarm in alarms.values())


def test_one_failed_run_of_a_function_that_runs_seldom_is_an_alarm(services: Services) -> None:
    """Two of them are never within the quarter of an hour that an alarm looks at."""
    for name in FUNCTIONS:
        [alarm] = services.cloudwatch.describe_alarms(AlarmNames=[f"{ENVIRONMENT}-errors-{name}"])[
            "MetricAlarms"
        ]
        assert alarm["DatapointsToAlarm"] == (
            1 if name in ("recover", "refine", "retention", "returns") else 2
        )


def test_the_trail_waits_until_its_bucket_lets_it_in() -> None:
    """AWS refuses a trail whose bucket has no policy yet; the emulator does not."""
    text = (INFRA / "watch" / "trail.tf").read_text("utf-8")
    assert "depends_on = [module.trail]" in text.partition('resource "aws_cloudtrail"')[2]


def test_what_eventbridge_tells_the_operators_meets_no_condition_that_it_cannot(
    services: Services,
) -> None:
    """It names no source to a topic, nor to its key: where one is asked, all is dropped unseen."""
    topic = f"arn:aws:sns:{REGION}:{moto.ACCOUNT}:{ENVIRONMENT}-alarms"
    of_topic = services.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    key = services.kms.describe_key(KeyId=f"alias/{ENVIRONMENT}-data")["KeyMetadata"]["KeyId"]
    of_key = services.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    for policy, context in (
        (of_topic, None),
        (of_key, {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}}),
    ):
        [statement] = [one for one in json.loads(policy)["Statement"] if one["Sid"] == "Job"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement.get("Condition") == context


def test_silence_is_an_alarm_and_not_missing_data(services: Services) -> None:
    [alarm] = services.cloudwatch.describe_alarms(AlarmNames=[f"{ENVIRONMENT}-silent-open-meteo"])[
        "MetricAlarms"
    ]
    assert alarm["TreatMissingData"] == "breaching"


def test_alarms_and_dashboard_use_metrics_that_the_program_has() -> None:
    from atalaia.metrics import Metrics

    known = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics()._registry.collect()
    }
    text = "".join(file.read_text("utf-8") for file in sorted((INFRA / "watch").glob("*.tf")))
    named = set(re.findall(r"atalaia_[a-z_]+", text))
    assert named
    assert named <= known


def test_secrets_are_made_without_values(applied: Applied) -> None:
    """But the edge's words, which nobody else has to know. What is looked at is Terraform's state:
    other tests put values in, as operators do."""
    kinds = {name.rpartition(".")[0].rpartition(".")[2] for name in applied.resources}
    assert "aws_secretsmanager_secret" in kinds
    versions = [name for name in applied.resources if "aws_secretsmanager_secret_version" in name]
    assert versions == ["module.serving.aws_secretsmanager_secret_version.edge[0]"]


def test_the_edge_says_the_newer_of_two_words_and_who_asks(services: Services) -> None:
    said = services.secretsmanager.get_secret_value(SecretId=f"{ENVIRONMENT}-edge")
    words = json.loads(said["SecretString"])["words"].split()
    assert len({*words}) == 2
    assert all(len(word) == 64 for word in words)
    config = edge(services)
    [origin] = config["Origins"]["Items"]
    assert origin["DomainName"].partition(".")[2].startswith("execute-api.")
    [header] = origin["CustomHeaders"]["Items"]
    assert header == {"HeaderName": WORD.decode(), "HeaderValue": words[0]}
    environment = services.__getattr__("lambda").get_function_configuration(
        FunctionName=f"{ENVIRONMENT}-api"
    )["Environment"]["Variables"]
    assert environment["ATALAIA_EDGE"] == f"{ENVIRONMENT}-edge"
    function = services.cloudfront.get_function(Name=f"{ENVIRONMENT}-viewer", Stage="DEVELOPMENT")
    code = function["FunctionCode"].read().decode()
    assert f"request.headers['{VIEWER.decode()}'] = {{ value: event.viewer.ip }}" in code


def test_the_edge_keeps_what_everybody_may_keep_and_passes_on_all_else(services: Services) -> None:
    config = edge(services)
    usual, kept = config["DefaultCacheBehavior"], config["CacheBehaviors"]["Items"]
    text = (INFRA / "serving" / "edge.tf").read_text("utf-8")
    for name, id_ in (("keep_nothing", "CachePolicyId"), ("all_but_host", "OriginRequestPolicyId")):
        assert f'{name} = "{usual[id_]}"' in text
    assert {one["PathPattern"] for one in kept} == {"/static/*", "/feeds/*"}
    assert all(path.startswith(("/static/", "/feeds/")) for path in BY_EVERYBODY)
    assert {one["ViewerProtocolPolicy"] for one in (usual, *kept)} == {"redirect-to-https"}
    assert all(sorted(one["AllowedMethods"]["Items"]) == ["GET", "HEAD"] for one in kept)
    # What the emulator does not keep.
    assert text.count("function_arn = aws_cloudfront_function.viewer[0].arn") == 2
    [_, policy, *_] = text.split('resource "aws_cloudfront_cache_policy" "kept"')
    for part in ("cookie", "header"):
        assert f'{part}_behavior = "none"' in policy.partition("\n}\n")[0]
    assert re.search(r"default_ttl = 0\n", policy)
    assert "for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]" in text
    assert re.search(r"error_caching_min_ttl = 0\n", text)


def edge(services: Services) -> dict[str, Any]:
    [found] = services.cloudfront.list_distributions()["DistributionList"]["Items"]
    said = services.cloudfront.get_distribution_config(Id=found["Id"])
    config: dict[str, Any] = said["DistributionConfig"]
    return config


def test_athena_finds_partitions_without_a_crawler(services: Services) -> None:
    tables = services.glue.get_tables(DatabaseName=CONFIG.database)["TableList"]
    found = {table["Name"]: table for table in tables}
    gold = json.loads((INFRA / "serving" / "gold.json").read_text("utf-8"))
    assert set(found) == {*gold["tables"], *gold["views"]}
    for name in gold["tables"]:
        parameters = found[name]["Parameters"]
        partitions = [one["Name"] for one in found[name].get("PartitionKeys", ())]
        projected = re.findall(r"\$\{(\w+)\}", parameters.get("storage.location.template", ""))
        assert projected == partitions
        assert all(f"projection.{one}.type" in parameters for one in partitions)
    text = found["incidents"]["ViewOriginalText"].removeprefix("/* Presto View: ")
    view = json.loads(base64.b64decode(text.removesuffix(" */")))
    assert view["originalSql"] == gold["views"]["incidents"]["sql"]


def test_deliveries_are_in_no_database_that_analysts_read(services: Services) -> None:
    names = {
        one["Name"] for one in services.glue.get_tables(DatabaseName=CONFIG.database)["TableList"]
    }
    assert "deliveries" not in names
    people = services.glue.get_tables(DatabaseName=f"{ENVIRONMENT}_people")["TableList"]
    assert {one["Name"] for one in people} == {"deliveries", "deliveries_masked"}


def test_all_that_is_named_begins_with_the_environment(services: Services) -> None:
    prefix = f"{ENVIRONMENT}-"
    assert all(name.startswith(prefix) for name in services.dynamodb.list_tables()["TableNames"])
    assert all(one["Name"].startswith(prefix) for one in services.s3.list_buckets()["Buckets"])
    assert all(one["RoleName"].startswith(prefix) for one in services.iam.list_roles()["Roles"])
    urls = services.sqs.list_queues()["QueueUrls"]
    assert all(url.rpartition("/")[2].startswith(prefix) for url in urls)
