"""A deployment without Kinesis: the stream is a table, and Lambda reads its changes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.aws.config import Config, from_environment
from atalaia.lake import raw
from atalaia.run.aws import archive, deployment, detect
from atalaia.sources import readings_csv
from aws import moto
from aws.mapper import ChangesSource, Mapper, messages
from aws.test_faults import KEY, RULES, settings


@pytest.fixture
def deployed(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url, streams_by="table")
    (tmp_path / "warm.toml").write_text(RULES)
    (tmp_path / "atalaia.toml").write_text(settings(3))
    for name, value in moto.variables(config, str(tmp_path / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ATALAIA_API_KEY", KEY)
    assert from_environment() == config
    for part in (deployment, detect):
        part.forget()
    yield config
    for part in (deployment, detect):
        part.forget()


def pushed(place: str, at: int) -> Payload:
    head = "place_id,valid_at,period_s,kind,temperature_c"
    text = f"{head}\n{place},{instant(at)},0,observed,40\n"
    return Payload(
        source=readings_csv.NAME,
        content=readings_csv.CSV,
        places=(place,),
        received_at=at,
        body=text.encode(),
    )


def test_readings_go_through_a_table_once_in_their_order_and_what_is_not_ours_stops_nothing(
    deployed: Config,
) -> None:
    client, home, now = boto3.client("dynamodb"), deployment.home(), int(time.time())
    arn = client.describe_table(TableName=deployed.stream)["Table"]["LatestStreamArn"]
    mappers = [
        Mapper(ChangesSource(arn), handler, deployed.queue("dead"), times=2)
        for handler in (detect.handle, archive.handle)
    ]
    home.stream.append([pushed("p0", now - 60)])
    foreign = {"pk": {"S": "lane-0"}, "sk": {"S": "by hand"}}
    client.put_item(TableName=deployed.stream, Item=foreign)
    home.stream.append([pushed("p1", now - 30), pushed("p2", now)])
    for mapper in mappers:
        mapper.run()
    client.delete_item(TableName=deployed.stream, Key=foreign)  # as when its time is over
    for mapper in mappers:
        mapper.run()
    told = [entry.alert.place_id for _, entry in home.state.alerts()]
    assert told == ["p0", "p1", "p2"]
    parts = home.lake.keys("raw/payloads/")
    kept = [one.payload.places for key in parts for one in raw.read_part(home.lake.read(key))]
    assert sorted(kept) == [("p0",), ("p1",), ("p2",)]
    [letter] = messages(deployed.queue("poison"))
    assert (letter["shard"], letter["bytes"]) == ("lane-0", 0)
    assert messages(deployed.queue("dead")) == []


def test_a_payload_that_an_item_would_not_take_is_refused_in_words(deployed: Config) -> None:
    body = random.Random(1).randbytes(400_000)
    payload = Payload(source="x", content="y", received_at=1, body=body)
    with pytest.raises(StateConflict, match="fewer places"):
        deployment.home().stream.append([payload])
    assert deployment.home().stream.last_offset() == 0


def test_a_record_is_kept_for_a_week(deployed: Config) -> None:
    deployment.home().stream.append([pushed("p0", 1)])
    [row] = boto3.client("dynamodb").scan(TableName=deployed.stream)["Items"]
    assert abs(int(row["until"]["N"]) - time.time() - 7 * 86_400) < 60


def test_a_table_is_for_one_lane() -> None:
    names = {"ATALAIA_ENV": "prod", "ATALAIA_ACCOUNT": "12", "ATALAIA_STREAM": "table"}
    assert from_environment(names).streams_by == "table"
    with pytest.raises(SettingsInvalid, match="one lane"):
        from_environment(names | {"ATALAIA_LANES": "2"})
    with pytest.raises(SettingsInvalid, match="give kinesis or table"):
        from_environment(names | {"ATALAIA_STREAM": "files"})
