"""Least privilege, function by function: what it needs is allowed, its neighbour's is refused."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from aws.conftest import Applied
from aws.moto import ACCOUNT
from aws.policies import actions, is_allowed, statements
from aws.terraform import ENVIRONMENT, REGION
from aws.test_infra import FUNCTIONS, Services


def table(name: str, index: str = "") -> str:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{ENVIRONMENT}-{name}"
    return f"{arn}/index/{index}" if index else arn


def queue(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{ENVIRONMENT}-{name}"


def file(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{ENVIRONMENT}-{bucket}-{ACCOUNT}/{key}"


def bucket(name: str) -> str:
    return f"arn:aws:s3:::{ENVIRONMENT}-{name}-{ACCOUNT}"


def secret(name: str) -> str:
    """Without the six letters that AWS puts behind a secret's name."""
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{ENVIRONMENT}-{name}"


def glue(table_: str, database: str = "gold") -> str:
    return f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{ENVIRONMENT}_{database}/{table_}"


WORKGROUP = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{ENVIRONMENT}"
OF_PEOPLE = f"{WORKGROUP}-people"
ASKS = "athena:StartQueryExecution athena:GetQueryResults"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{ENVIRONMENT}-readings"
PHONE = "+5551999990000"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{ENVIRONMENT}-alarms"
MAIL = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.org"
SETTINGS = file("code", "atalaia.toml")
OF_A_DAY = "raw/payloads/source=x/date=2026-01-10"
DAY_PART = f"{OF_A_DAY}/part-00000000000000000001-00000000000000000009.ndjson.zst"
HOUR_PART = f"{OF_A_DAY}/hour=12/part-00000000000000000001.ndjson.zst"


class Call(NamedTuple):
    """What a function calls; each action with each resource."""

    actions: str
    resources: tuple[str, ...]


READ = "dynamodb:GetItem dynamodb:Query"
WRITE = "dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:ConditionCheckItem"
WATCH = (table("state"), table("log"))
OUTBOX = (table("outbox"), table("deliveries"))
PEOPLE_NAMES = ("people", "contacts", "consents")
PEOPLE = tuple(map(table, (*PEOPLE_NAMES, "keys")))

NEEDS: dict[str, list[Call]] = {
    "poll": [
        Call("kinesis:PutRecords", (STREAM,)),
        Call(f"{READ} dynamodb:UpdateItem dynamodb:PutItem", (table("state"),)),
        Call("secretsmanager:GetSecretValue", (secret("tomorrow-io"),)),
    ],
    "listen": [
        Call("kinesis:PutRecords", (STREAM,)),
        Call("dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem", (table("state"),)),
        Call("secretsmanager:GetSecretValue", (secret("brokers"),)),
    ],
    "detect": [
        Call("kinesis:GetRecords kinesis:GetShardIterator kinesis:DescribeStream", (STREAM,)),
        Call(f"{READ} {WRITE} dynamodb:BatchWriteItem dynamodb:Scan", WATCH),
        Call("sqs:SendMessage", (queue("poison"), queue("dead"))),
        Call("s3:GetObject", (file("gold", "gold/norms/x.msgpack.zst"),)),
        Call("dynamodb:GetItem", (table("keys"),)),
    ],
    "fan-out": [
        Call(READ, WATCH),
        Call(READ, (table("people"), table("keys"))),
        Call(f"{READ} {WRITE}", OUTBOX),
        Call("sqs:SendMessage", (queue("urgent"), queue("normal"), queue("dead"))),
        Call("s3:GetObject s3:PutObject s3:DeleteObject", (file("gold", "recipients/x"),)),
    ],
    "deliver": [
        Call("sqs:ReceiveMessage sqs:DeleteMessage", (queue("urgent"), queue("normal"))),
        Call(f"{READ} {WRITE}", OUTBOX),
        Call("dynamodb:Query", (table("outbox", "ready"), table("outbox", "turn"))),
        Call(READ, (table("contacts"), table("keys"))),
        Call("secretsmanager:GetSecretValue", (secret("telegram"), secret("whatsapp"))),
        Call("sns:Publish sns:CheckIfPhoneNumberIsOptedOut", (PHONE,)),
        Call("ses:SendEmail ses:SendRawEmail", (MAIL,)),
    ],
    "retention": [
        Call(f"{READ} {WRITE} dynamodb:Scan", (*PEOPLE, *OUTBOX)),
        Call("dynamodb:Query", tuple(table(name, "ends") for name in PEOPLE_NAMES)),
    ],
    "returns": [
        Call(f"{READ} {WRITE}", PEOPLE),
        Call("sqs:SendMessage", (queue("dead"),)),
    ],
    "recover": [
        Call("kinesis:PutRecords", (STREAM,)),
        Call("dynamodb:UpdateItem", (table("state"),)),
        Call("s3:GetObject", (file("raw", "raw/payloads/x"),)),
        Call("s3:ListBucket", (bucket("raw"),)),
    ],
    "archive": [
        Call("kinesis:GetRecords kinesis:ListShards", (STREAM,)),
        Call(f"{READ} {WRITE}", (table("state"),)),
        Call("s3:PutObject", (file("raw", "raw/payloads/x"),)),
        Call("sqs:SendMessage", (queue("dead"),)),
    ],
    "refine": [
        Call("s3:GetObject", (file("raw", "raw/payloads/x"), file("gold", "gold/readings/x"))),
        Call("s3:PutObject s3:DeleteObject", (file("gold", "gold/readings/x"),)),
        Call("s3:PutObject s3:DeleteObject", (file("gold", "damaged/gold/readings/x"),)),
        Call("s3:PutObject s3:DeleteObject", (file("raw", "raw/alerts/x"),)),
        Call("s3:PutObject s3:DeleteObject", (file("raw", "raw/payloads/source=station/x"),)),
        Call("s3:PutObject s3:DeleteObject", (file("raw", DAY_PART),)),
        Call("s3:DeleteObject", (file("raw", HOUR_PART),)),
        Call("s3:PutObject", (file("raw", "raw/deliveries/x"), file("raw", "raw/rejects/x"))),
        Call(READ, (*WATCH, *OUTBOX)),
        Call("dynamodb:GetItem", (table("keys"),)),
        Call("s3:ListBucket", (bucket("raw"), bucket("gold"))),
        Call(f"{READ} {WRITE}", (table("state"),)),
    ],
    "rebuild": [
        Call("s3:GetObject", (file("code", "rebuild.py"), file("code", "rebuild.gluewheels.zip"))),
        Call("s3:GetObject", (file("raw", "raw/payloads/x"), file("gold", "gold/readings/x"))),
        Call(
            "s3:PutObject s3:DeleteObject",
            (file("gold", "gold/readings/x"), file("gold", "gold/climate/x")),
        ),
        Call("s3:ListBucket", (bucket("raw"), bucket("gold"))),
        Call(READ, (*WATCH, *OUTBOX)),
        Call("dynamodb:GetItem", (table("keys"),)),
        Call(f"{READ} {WRITE}", (table("state"),)),
    ],
    "api": [
        Call(f"{READ} {WRITE}", (*PEOPLE, *OUTBOX)),
        Call(READ, WATCH),
        Call("kinesis:PutRecords", (STREAM,)),
        Call("sqs:SendMessage", (queue("normal"),)),
        Call("athena:StartQueryExecution athena:StopQueryExecution", (WORKGROUP,)),
        Call("athena:GetQueryExecution athena:GetQueryResults", (WORKGROUP,)),
        Call("glue:GetTable glue:GetPartitions", tuple(map(glue, ("readings_days", "climate")))),
        Call("s3:GetObject s3:PutObject", (file("athena", "results/x"),)),
        Call("s3:GetObject", (file("gold", "gold/readings/x"), file("gold", "gold/climate/x"))),
        Call("s3:GetObject", (file("gold", "recipients/x"),)),
        Call("secretsmanager:GetSecretValue", tuple(map(secret, ("api", "whatsapp", "edge")))),
    ],
}

READERS: dict[str, list[Call]] = {
    "analyst": [
        Call(ASKS, (WORKGROUP,)),
        Call("s3:GetObject s3:PutObject", (file("athena", "results/x"),)),
        Call("s3:GetObject", (file("gold", "gold/readings/x"), file("gold", "gold/alerts/x"))),
        Call("glue:GetTable", (glue("readings_days"), glue("incidents"))),
    ],
    "outreach-analyst": [
        Call(ASKS, (OF_PEOPLE,)),
        Call("s3:GetObject s3:PutObject", (file("athena", "people/x"),)),
        Call("glue:GetTable", (glue("deliveries_masked", "people"),)),
    ],
}

REFUSED: dict[str, list[Call]] = {
    "poll": [
        Call(READ, (*PEOPLE, *OUTBOX)),
        Call("kinesis:GetRecords", (STREAM,)),
        Call("s3:GetObject", (file("raw", "raw/x"), file("gold", "gold/x"))),
        Call("secretsmanager:GetSecretValue", (secret("telegram"), secret("api"))),
        Call("sns:Publish", (PHONE, TOPIC)),
    ],
    "listen": [
        Call(f"{READ} {WRITE}", (table("log"), *PEOPLE, *OUTBOX)),
        Call("dynamodb:Query dynamodb:Scan dynamodb:DeleteItem", (table("state"),)),
        Call("kinesis:GetRecords", (STREAM,)),
        Call("s3:GetObject s3:PutObject", (file("raw", "raw/x"), file("gold", "gold/x"))),
        Call("secretsmanager:GetSecretValue", (secret("tomorrow-io"), secret("api"))),
        Call("sns:Publish", (PHONE, TOPIC)),
    ],
    "detect": [
        Call(f"{READ} {WRITE}", (*PEOPLE[:3], *OUTBOX)),
        Call(WRITE, (table("keys"),)),
        Call("s3:GetObject", (file("gold", "gold/deliveries/x"), file("raw", "raw/x"))),
        Call("s3:PutObject", (file("gold", "gold/norms/x"),)),
        Call("kinesis:PutRecords", (STREAM,)),
        Call("sns:Publish", (PHONE,)),
        Call("secretsmanager:GetSecretValue", (secret("tomorrow-io"),)),
    ],
    "fan-out": [
        Call("sns:Publish", (PHONE,)),
        Call("ses:SendRawEmail", (MAIL,)),
        Call("secretsmanager:GetSecretValue", (secret("telegram"),)),
        Call("kinesis:PutRecords kinesis:GetRecords", (STREAM,)),
        Call("s3:GetObject s3:PutObject", (file("gold", "gold/deliveries/x"),)),
    ],
    "deliver": [
        Call("sns:Publish", (TOPIC,)),
        Call("s3:GetObject", (file("gold", "recipients/x"),)),
        Call("ses:SendRawEmail", (MAIL.replace("example.org", "elsewhere.org"),)),
        Call("kinesis:PutRecords", (STREAM,)),
        Call("s3:GetObject s3:PutObject", (file("raw", "raw/x"), file("gold", "gold/x"))),
        Call("secretsmanager:GetSecretValue", (secret("api"), secret("tomorrow-io"))),
    ],
    "retention": [
        Call(f"{READ} {WRITE}", WATCH),
        Call("dynamodb:DeleteTable", (*PEOPLE, *OUTBOX)),
        Call("kinesis:GetRecords kinesis:PutRecords", (STREAM,)),
        Call("s3:GetObject", (file("raw", "raw/x"), file("gold", "gold/deliveries/x"))),
        Call("secretsmanager:GetSecretValue", (secret("telegram"), secret("api"))),
        Call("sns:Publish", (PHONE, TOPIC)),
        Call("ses:SendRawEmail", (MAIL,)),
    ],
    "returns": [
        Call("kinesis:GetRecords kinesis:PutRecords", (STREAM,)),
        Call("ses:SendRawEmail", (MAIL,)),
        Call("sns:Publish", (PHONE, TOPIC)),
        Call("s3:GetObject", (file("raw", "raw/x"), file("gold", "gold/deliveries/x"))),
    ],
    "recover": [
        Call(f"{READ} {WRITE}", (*PEOPLE, *OUTBOX)),
        Call("s3:PutObject s3:DeleteObject", (file("raw", "raw/payloads/x"),)),
        Call("s3:GetObject", (file("raw", "raw/deliveries/x"), file("gold", "gold/x"))),
        Call("kinesis:GetRecords", (STREAM,)),
    ],
    "archive": [
        Call(f"{READ} {WRITE}", (*PEOPLE, *OUTBOX)),
        Call("s3:DeleteObject s3:GetObject", (file("raw", "raw/payloads/x"),)),
        Call("s3:GetObject s3:PutObject", (file("gold", "gold/x"),)),
        Call("kinesis:PutRecords", (STREAM,)),
    ],
    "refine": [
        Call(f"{READ} {WRITE}", PEOPLE[:3]),
        Call(WRITE, (table("keys"),)),
        Call("s3:PutObject", (file("raw", HOUR_PART),)),
        Call("kinesis:GetRecords kinesis:PutRecords", (STREAM,)),
        Call("sns:Publish", (PHONE,)),
    ],
    "rebuild": [
        Call(f"{READ} {WRITE}", PEOPLE[:3]),
        Call(WRITE, (table("keys"),)),
        Call("s3:PutObject s3:DeleteObject", (file("raw", "raw/payloads/x"),)),
        Call("s3:PutObject", (file("code", "rebuild.py"),)),
        Call("kinesis:GetRecords kinesis:PutRecords", (STREAM,)),
        Call("sns:Publish", (PHONE,)),
        Call("secretsmanager:GetSecretValue", (secret("api"),)),
    ],
    "api": [
        Call("sns:Publish", (PHONE,)),
        Call("s3:GetObject", (file("raw", "raw/x"), file("gold", "gold/deliveries/x"))),
        Call("s3:GetObject", (file("gold", "gold/alerts/x"),)),
        Call("glue:GetTable", (glue("alerts"), glue("deliveries", "people"))),
        Call("athena:ListQueryExecutions", (WORKGROUP,)),
        Call(ASKS, (OF_PEOPLE,)),
        Call("s3:GetObject", (file("athena", "people/x"),)),
        Call("secretsmanager:GetSecretValue", (secret("tomorrow-io"),)),
        Call("dynamodb:DeleteTable dynamodb:UpdateTable", (*PEOPLE, *WATCH)),
        Call("s3:PutObject", (file("gold", "recipients/x"),)),
    ],
    "analyst": [
        Call("s3:GetObject", (file("gold", "gold/deliveries/date=2026-01-01/deliveries.parquet"),)),
        Call("s3:GetObject", (file("gold", "recipients/x"),)),
        Call("s3:GetObject", (file("raw", "raw/payloads/x"),)),
        Call("glue:GetTable", (glue("deliveries", "people"),)),
        Call(ASKS, (OF_PEOPLE,)),
        Call("s3:GetObject", (file("athena", "people/x"),)),
        Call(READ, (*PEOPLE, *OUTBOX)),
    ],
    "outreach-analyst": [
        Call("s3:GetObject", (file("gold", "gold/deliveries/x"), file("gold", "gold/readings/x"))),
        Call(READ, (*PEOPLE, *OUTBOX)),
    ],
}


@pytest.fixture
def policies(applied: Applied) -> dict[str, str]:
    return dict(applied.outputs["policies"])


def pairs(applied: Applied, calls: list[Call]) -> list[tuple[str, str]]:
    """Each action with each resource; secrets by the ARNs that they got."""
    found = Services(applied.url).secretsmanager.list_secrets(MaxResults=100)["SecretList"]
    secrets = {one["ARN"].rpartition("-")[0]: one["ARN"] for one in found}
    return [
        (action, secrets.get(one, one))
        for call in calls
        for action in call.actions.split()
        for one in call.resources
    ]


@pytest.mark.parametrize("name", NEEDS)
def test_every_call_that_a_function_needs_is_allowed(
    applied: Applied, policies: dict[str, str], name: str
) -> None:
    needed = [*pairs(applied, NEEDS[name]), ("s3:GetObject", SETTINGS)]
    assert [call for call in needed if not is_allowed(policies[name], *call)] == []


@pytest.mark.parametrize("name", READERS)
def test_who_may_ask_is_allowed_what_asking_needs(
    applied: Applied, policies: dict[str, str], name: str
) -> None:
    needed = pairs(applied, READERS[name])
    assert [call for call in needed if not is_allowed(policies[name], *call)] == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_neighbours_data_are_refused(
    applied: Applied, policies: dict[str, str], name: str
) -> None:
    assert [
        call for call in pairs(applied, REFUSED[name]) if is_allowed(policies[name], *call)
    ] == []


def test_who_listens_writes_of_the_state_its_notes_alone(
    applied: Applied, policies: dict[str, str]
) -> None:
    def may(key: str) -> bool:
        where = {"dynamodb:LeadingKeys": [key]}
        return is_allowed(policies["listen"], "dynamodb:PutItem", table("state"), where)

    assert may("#note")
    assert not may("place")


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "listen", "listen-start", "rebuild", "analyst", "outreach-analyst"]
)
def test_no_action_is_a_wildcard(policies: dict[str, str], name: str) -> None:
    assert [action for action in actions(policies[name]) if "*" in action] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_resources_are_named_but_a_phone_number_which_has_no_name(
    policies: dict[str, str], name: str
) -> None:
    unnamed = [one for one in statements(policies[name]) if one["Resource"] == "*"]
    assert [one["Sid"] for one in unnamed] == (["Sms"] if name == "deliver" else [])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_peoples_key_opens_no_table_that_is_not_the_functions(
    applied: Applied, policies: dict[str, str], name: str
) -> None:
    """What a table is encrypted with is opened by name of the table."""
    [key] = {one["Resource"] for one in statements(policies["api"]) if one["Sid"] == "Envelope"}
    of_key = Services(applied.url).kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    opened = {
        found
        for found in ("outbox", "deliveries", "people", "contacts", "consents", "keys")
        if is_allowed(
            policies[name],
            "kms:Decrypt",
            key,
            {"kms:EncryptionContext:aws:dynamodb:tableName": f"{ENVIRONMENT}-{found}"},
            of_resource=of_key,
        )
    }
    outbox = {"outbox", "deliveries"}
    people = {"people", "contacts", "consents", "keys"}
    assert (
        opened
        == {
            "poll": set(),
            "detect": {"keys"},
            "archive": set(),
            "refine": outbox | {"keys"},
            "fan-out": outbox | people,
            "returns": people,
            "recover": set(),
            "deliver": outbox | people,
            "retention": outbox | people,
            "api": outbox | people,
        }[name]
    )
    assert not is_allowed(policies[name], "kms:Decrypt", key, of_resource=of_key)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_look_at_a_key_is_held_to_no_context_which_it_never_has(
    policies: dict[str, str], name: str
) -> None:
    held = [s for s in statements(policies[name]) if "EncryptionContext" in str(s.get("Condition"))]
    assert not any("kms:DescribeKey" in s["Action"] for s in held)
