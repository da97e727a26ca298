"""The AWS home against the contracts, over HTTP, with Amazon's services played on loopback."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.aws import open_home
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.config import Config, from_environment
from atalaia.homes.aws.dynamo import DynamoTable
from atalaia.homes.aws.keys import DynamoKeys, KmsWrap
from atalaia.homes.aws.lake import S3Lake
from atalaia.homes.aws.outbox import DynamoOutbox
from atalaia.homes.aws.people import DynamoPeople
from atalaia.homes.aws.state import DynamoState
from atalaia.homes.aws.stream import KinesisStream
from atalaia.homes.aws.table_stream import TableStream
from atalaia.ports import Commit, Keys, Lake, Outbox, People, State, Stream
from aws import moto
from aws.dynalite import dynalite, use  # noqa: F401  a fixture
from contracts.keys_contract import KeysContract
from contracts.lake_contract import LakeContract
from contracts.outbox_contract import OutboxContract
from contracts.people_contract import PeopleContract
from contracts.state_contract import StateContract
from contracts.stream_contract import StreamContract, payload

if not os.environ.get("ATALAIA_AWS"):
    pytest.skip("the AWS home is tested by `make test-aws`", allow_module_level=True)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server, url = moto.start()
    yield url
    server.stop()


class Deployed:
    """Each test has a deployment of its own."""

    services: tuple[str, ...] = ()
    streams_by = "kinesis"

    @pytest.fixture
    def second_of(self) -> str:
        return ""

    @pytest.fixture(autouse=True)
    def _deployment(self, url: str, second_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.second = url, second_of
        self._environment(monkeypatch)
        moto.reset(url)
        self.config: Config = moto.deploy(url, only=self.services, streams_by=self.streams_by)
        self.clients = Clients()

    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in moto.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.url)
        use(self.second, monkeypatch)

    def table(self, name: str) -> DynamoTable:
        return DynamoTable(self.clients, self.config.table(name))


class Twice(Deployed):
    """On moto, and on dynalite and kinesalite."""

    @pytest.fixture
    def second_of(self, dynalite: str) -> str:  # noqa: F811
        return dynalite


class TestKinesisStream(Twice, StreamContract):
    services = ("dynamodb", "kinesis")
    drops = False

    def reopened(self) -> Stream:
        return KinesisStream(self.clients, self.config.stream, self.table("state"))


class TestTableStream(Twice, StreamContract):
    services = ("dynamodb",)
    streams_by = "table"
    drops = False

    def reopened(self) -> Stream:
        return TableStream(self.clients, self.config.stream, self.table("state"))


class TestDynamoState(Twice, StateContract):
    services = ("dynamodb",)

    @pytest.fixture(autouse=True)
    def _sizes(self, second_of: str) -> None:
        if not second_of:
            self.long = 500  # moto takes its time

    def reopened(self) -> State:
        return DynamoState(self.clients, self.table("state"), self.table("log"))


class TestS3Lake(Deployed, LakeContract):
    services = ("s3",)

    def reopened(self) -> Lake:
        buckets = {name: self.config.bucket(name) for name in ("raw", "gold")}
        return S3Lake(self.clients, buckets)


class TestDynamoOutbox(Twice, OutboxContract):
    services = ("dynamodb",)

    @pytest.fixture(autouse=True)
    def _sizes(self, second_of: str) -> None:
        if (
            not second_of
        ):  # moto copies all it has for each transaction: more than one holds will do
            self.crowd, self.night = 40, (60, 120, 40)
        else:
            is_whole = bool(os.environ.get("ATALAIA_LOAD"))
            self.night = (5_000, 10_000, 1_000) if is_whole else (500, 1_500, 200)

    def reopened(self) -> Outbox:
        return DynamoOutbox(self.clients, self.table("outbox"), self.table("deliveries"))


class TestDynamoPeople(Twice, PeopleContract):
    services = ("dynamodb",)

    def reopened(self) -> People:
        outbox = DynamoOutbox(self.clients, self.table("outbox"), self.table("deliveries"))
        tables = (self.table(name) for name in ("people", "contacts", "consents"))
        return DynamoPeople(self.clients, *tables, outbox.forget_person)


class TestDynamoKeys(Twice, KeysContract):
    services = ("dynamodb", "kms")

    def reopened(self) -> Keys:
        wrap = KmsWrap(self.clients, self.table("keys"), self.config.people_key)
        return DynamoKeys(self.clients, self.table("keys"), wrap)


class TestCommits(Twice):
    """What is held to what a process has read. Of large ones: `tests/aws/test_redo.py`."""

    services = ("dynamodb",)

    def state(self) -> DynamoState:
        return DynamoState(self.clients, self.table("state"), self.table("log"))

    def test_of_two_who_go_on_from_one_offset_the_second_is_refused(self) -> None:
        one, two = self.state(), self.state()
        one.commit(Commit("speed", 1))
        assert two.offset("speed") == 1
        one.commit(Commit("speed", 2))
        with pytest.raises(StateConflict, match="load it again"):
            two.commit(Commit("speed", 3, items={"place:a": b"x"}))
        assert self.state().load() == {}

    def test_an_item_that_lanes_share_is_not_written_over_what_was_not_read(self) -> None:
        one, two = self.state(), self.state()
        one.commit(Commit("speed/lane-0", 1, items={"source:inmet": b"1"}))
        two.load("source:")
        one.commit(Commit("speed/lane-0", 2, items={"source:inmet": b"2"}))
        with pytest.raises(StateConflict, match="load it again"):
            two.commit(Commit("speed/lane-1", 1, items={"source:inmet": b"other"}))
        two.load("source:")
        assert two.commit(Commit("speed/lane-1", 1, items={"source:inmet": b"other"}))

    def test_an_item_that_dynamodb_would_not_take_is_refused_in_words(self) -> None:
        with pytest.raises(StateConflict, match=r"place:a has 4\d{5} bytes.*shorten"):
            self.state().commit(
                Commit("speed", 1, items={"place:a": random.Random(1).randbytes(400_000)})
            )


class TestHome(Twice):
    services = ("dynamodb", "sqs")

    def test_one_process_at_a_time_holds_a_task_and_one_that_died_lets_it_go(self) -> None:
        home = open_home(self.config)
        with home.hold("refine", lambda: 1000):
            with pytest.raises(StateConflict, match="refine"), home.hold("refine", lambda: 1900):
                pass
            with home.hold("refine", lambda: 1901):
                pass
        with home.hold("refine", lambda: 1000):
            pass

    def test_a_payload_that_kinesis_would_not_take_is_refused_in_words(self) -> None:
        body = random.Random(1).randbytes(1_100_000)
        with pytest.raises(StateConflict, match="fewer places"):
            open_home(self.config).stream.append([payload(1, body)])


def test_names_are_read_from_the_environment_and_faults_told_together() -> None:
    config = from_environment({"ATALAIA_ENV": "prod", "ATALAIA_ACCOUNT": "12"})
    assert (config.table("log"), config.bucket("raw"), config.lanes) == (
        "prod-log",
        "prod-raw-12",
        1,
    )
    with pytest.raises(SettingsInvalid) as caught:
        from_environment({"ATALAIA_LANES": "0"})
    assert len(caught.value.problems) == 3
