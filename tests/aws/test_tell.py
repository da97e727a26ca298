"""People of the AWS home are told: fan-out, delivery, polling, and the settings behind them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from atalaia.aws import deployment, handlers, poll, tell
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Status
from atalaia.homes.aws.config import Config
from atalaia.homes.ports import Commit
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from aws import moto
from aws.mapper import Context, messages
from telling import HERE, news

SETTINGS = """
rules = "inmet"
[sources.open-meteo]
enabled = {enabled}
base_url = "{url}/open-meteo"
[[place]]
id = "recife"
name = "Recife"
latitude = -8.05
longitude = -34.9
timezone = "America/Recife"
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server, url = moto.start()
    yield url
    server.stop()


@pytest.fixture
def deployed(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Config:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    text = SETTINGS.format(enabled=str(getattr(request, "param", False)).lower(), url=url)
    boto3.client("s3").put_object(
        Bucket=config.bucket("raw"), Key="atalaia.toml", Body=text.encode()
    )
    for name, value in {
        "ATALAIA_ENV": config.env,
        "ATALAIA_ACCOUNT": config.account,
        "ATALAIA_QUEUES": config.queues,
        "ATALAIA_SETTINGS": f"s3://{config.bucket('raw')}/atalaia.toml",
    }.items():
        monkeypatch.setenv(name, value)
    for part in (deployment, tell):
        part.forget()
    return config


def subscribed() -> str:
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    request = Request(contacts=(read_contact("inbox"),), where=(HERE,), proof="form 12")
    return subscribe(registry, request, int(time.time()) - 60).pseudonym


def test_an_alert_is_fanned_out_wakes_delivery_and_is_sent_once(deployed: Config) -> None:
    pseudonym = subscribed()
    home = deployment.home()
    entries = [news("i1", at=int(time.time())), news("i2", at=int(time.time()), level="red")]
    home.state.commit(Commit("speed/lane-0", 1, entries=entries))
    assert handlers.fan_out({}, Context())["steps"] >= 1
    assert len(messages(deployed.queue("urgent"))) == 1
    [message] = home.outbox.messages(person=pseudonym)
    assert message.status == Status.DUE
    for _ in range(2):
        handlers.deliver({}, Context())
    [sent] = home.outbox.messages(person=pseudonym)
    assert (sent.status, sent.attempts, len(sent.seqs)) == (Status.SENT, 1, 2)
    assert handlers.fan_out({}, Context()) == {"steps": 0}
    handlers.refine({}, Context())
    assert len(home.lake.keys("gold/deliveries/")) == 1


def test_what_is_kept_of_people_is_sealed_and_an_erasure_leaves_none_of_it(
    deployed: Config,
) -> None:
    pseudonym = subscribed()
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    assert registry.person(pseudonym) is not None
    home.people.erase(pseudonym, 100)
    home.keys.destroy(pseudonym, 100)
    assert registry.person(pseudonym) is None
    assert home.keys.erased() == [(pseudonym, 100)]
    for name in ("people", "contacts", "keys"):
        assert all(b"-8.05" not in str(row).encode() for row in home.table(name).scan())


@pytest.mark.parametrize("deployed", [True], indirect=True)
def test_a_round_of_polling_keeps_what_came_and_says_what_time_it_is(deployed: Config) -> None:
    assert handlers.poll({}, Context()) == {"payloads": 1}
    found = [record.payload for record in deployment.home().stream.read(0, 10)]
    assert [payload.source for payload in found] == ["open-meteo", "clock"]
    assert found[0].status == 404, "nobody plays Open-Meteo here; its refusal is kept, too"
    deployment.forget()
    assert handlers.poll({}, Context()) == {"payloads": 0}, "it remembers when it asked"


def test_secrets_are_variables_and_one_without_a_value_is_passed_over(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="t-empty")
    client.create_secret(Name="t-key", SecretString=json.dumps({"TOMORROW_API_KEY": "k" * 32}))
    monkeypatch.setenv("ATALAIA_SECRETS", "t-empty,t-key,t-absent")
    deployment.forget()
    key: Any = deployment.settings().tomorrow_io.key
    assert key.reveal() == "k" * 32
    assert poll.plans(deployment.settings())[-1].name == "tomorrow-io"
