"""The oracle of delivery on the AWS home's state and outbox: fewer nights, for what plays DynamoDB
here takes its time. ATALAIA_AWS_NIGHTS sets how many."""

from __future__ import annotations

import os

import pytest

from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import DynamoTable
from atalaia.homes.aws.outbox import DynamoOutbox
from atalaia.homes.aws.state import DynamoState
from aws import moto
from aws.conftest import alone
from aws.dynalite import dynalite  # noqa: F401  a fixture
from oracles.test_delivery import Home, passed

NIGHTS = int(os.environ.get("ATALAIA_AWS_NIGHTS", "4"))


def test_everybody_is_told_what_is_so_when_it_arrives(
    monkeypatch: pytest.MonkeyPatch,
    dynalite: str,  # noqa: F811
) -> None:
    with alone() as url:
        for name, value in moto.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        clients = Clients()

        def opened(_seed: int) -> Home:
            moto.reset(url)
            config = moto.deploy(url, only=("dynamodb",))
            state, log, outbox, deliveries = (
                DynamoTable(clients, config.table(name))
                for name in ("state", "log", "outbox", "deliveries")
            )
            dynamo = DynamoState(clients, state, log)
            return dynamo, DynamoOutbox(clients, outbox, deliveries), lambda: None

        nights = range(2, NIGHTS) if dynalite else range(2)  # moto takes thrice as long
        passed(nights, opened)
