"""The AWS home against the contracts, over HTTP, with Amazon's services played on loopback."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

if not os.environ.get("ATALAIA_AWS"):
    pytest.skip("the AWS home is tested by `make test-aws`", allow_module_level=True)

import botocore.endpoint
import msgspec

from atalaia.domain.rate import Rate
from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.aws import commits, open_home
from atalaia.homes.aws import ends as dynamo_ends
from atalaia.homes.aws import people as dynamo_people
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.config import Config, from_environment
from atalaia.homes.aws.dynamo import DynamoTable, Item, write
from atalaia.homes.aws.keys import DynamoKeys, KmsWrap
from atalaia.homes.aws.lake import S3Lake
from atalaia.homes.aws.outbox import DynamoOutbox
from atalaia.homes.aws.people import DynamoPeople, list_ends
from atalaia.homes.aws.state import DynamoState
from atalaia.homes.aws.stream import KinesisStream
from atalaia.homes.aws.table_stream import TableStream
from atalaia.ports import (
    Commit,
    FanOut,
    Keys,
    Lake,
    LookupKeys,
    Meter,
    Outbox,
    People,
    State,
    Stream,
)
from aws import moto
from aws.calls import DENIED, LOST, TIMED_OUT, Answer, always, counted, once
from aws.conftest import url  # noqa: F401  a fixture
from aws.dynalite import dynalite, use  # noqa: F401  a fixture
from contracts.keys_contract import KeysContract
from contracts.lake_contract import LakeContract
from contracts.meter_contract import EXACT, READING, MeterContract
from contracts.outbox_contract import OutboxContract
from contracts.people_contract import ANA, PeopleContract, consent, contact, forget, person
from contracts.state_contract import StateContract, entry
from contracts.stream_contract import StreamContract, payload
from telling import delivery, message


class Deployed:
    """Each test has a deployment of its own."""

    services: tuple[str, ...] = ()
    streams_by = "kinesis"

    @pytest.fixture
    def second_of(self) -> str:
        return ""

    @pytest.fixture(autouse=True)
    def _deployment(
        self,
        url: str,  # noqa: F811
        second_of: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
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


class TestDynamoMeter(Twice, MeterContract):
    services = ("dynamodb", "kms")

    def processes(self, rate: Rate) -> Sequence[Meter]:
        home = open_home(self.config, clients=Clients())
        return [home.meter(rate, lambda: self.now) for _ in range(3)]

    def rows(self) -> list[Item]:
        return list(self.table("state").scan("begins_with(pk, :rate)", {":rate": "#rate/"}))

    def test_who_reads_now_and_then_costs_no_call_and_who_is_over_the_limit_none_either(
        self,
    ) -> None:
        first, *_ = self.processes(READING)
        with counted() as asked:
            for _ in range(3):
                assert all(self.ask(first).is_allowed for _ in range(first.slack))
                self.now += 60
        assert asked.calls.total() == 0
        with counted() as asked:
            passed = sum(self.ask(first).is_allowed for _ in range(400))
        assert passed == READING.limit + first.slack
        assert asked.calls["dynamodb.UpdateItem"] <= READING.limit / first.slack
        # Besides, the key that names are hidden by: once made, and then asked for once a window.
        self.now += 60
        with_key = asked.calls.total()
        assert all(self.ask(first).is_allowed for _ in range(2 * first.slack))
        assert asked.calls.total() - with_key == 2

    def test_a_row_names_nobody_goes_by_itself_and_is_another_in_the_next_window(self) -> None:
        first, *_ = self.processes(EXACT)
        self.ask(first)
        self.ask(first)
        [row] = self.rows()
        assert row["n"] == 2
        assert self.now < row["expires_at"] <= self.now + EXACT.window_s + 60
        assert "10.0.0.1" not in str(row)
        self.now += EXACT.window_s
        self.ask(first)
        assert len({row["pk"] for row in self.rows()}) == 2

    def test_where_the_table_cannot_be_used_a_container_goes_by_its_own_count(self) -> None:
        first, *_ = self.processes(EXACT)
        with counted(always(DENIED)) as asked:
            told = [self.ask(first).is_allowed for _ in range(12)]
        assert asked.calls.total() > 0
        assert told == [True] * 10 + [False] * 2
        other, *_ = self.processes(EXACT)
        assert self.ask(other).is_allowed


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

    @pytest.fixture(autouse=True)
    def _some_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dynamo_ends, "_AT_ONCE", 10)

    def reopened(self) -> People:
        outbox = DynamoOutbox(self.clients, self.table("outbox"), self.table("deliveries"))
        tables = (self.table(name) for name in ("people", "contacts", "consents"))
        return DynamoPeople(self.clients, *tables, outbox.forget_person)

    @pytest.mark.parametrize("when", ["before", "written", "noted"])
    def test_nothing_more_is_kept_of_who_is_erased_while_alerts_are_fanned_out(
        self, people: People, when: str
    ) -> None:
        """Whoever fans out had them still, and writes before the erasure, or before it is noted, or
        sees that it is only after all was written."""
        people.put(person("p_ana", confirmed_at=5))
        people.put(person("p_bia", confirmed_at=5))
        at_check: dict[str, Callable[[], object]] = {"written": lambda: people.erase("p_ana", 50)}
        in_erasure: dict[str, Callable[[], object]] = {}

        def erased(some: Collection[str]) -> Collection[str]:
            at_check.pop(when, lambda: None)()
            return dynamo_people.erased_of(self.table("people"), some)

        outbox = DynamoOutbox(self.clients, self.table("outbox"), self.table("deliveries"), erased)

        def forget(pseudonym: str) -> None:
            outbox.forget_person(pseudonym)
            in_erasure.pop(when, lambda: None)()

        tables = (self.table(name) for name in ("people", "contacts", "consents"))
        people = DynamoPeople(self.clients, *tables, forget)
        late = [message("late", who) for who in ("p_ana", "p_bia")]
        late = [msgspec.structs.replace(one, id=f"{one.id}_{one.person}") for one in late]
        step = FanOut(
            before="", position="1", now=9, messages=late, deliveries=[delivery(m) for m in late]
        )
        if when == "noted":
            in_erasure["noted"] = lambda: outbox.fan_out(step)
        if when != "written":
            people.erase("p_ana", 50)
        if when != "noted":
            assert outbox.fan_out(step) == 1
        new = message("newcomer", "p_ana")
        assert not outbox.put(new, [delivery(new, "i2")])
        following = message("next", "p_ana")
        assert outbox.hand_on(late[1].id, following, [delivery(following, "i3")])
        assert {one.person for one in outbox.messages()} == {"p_bia"}
        assert {one.person for one in outbox.told(["i1", "i2", "i3"])} == {"p_bia"}

    def test_who_confirms_while_retention_looks_keeps_their_contact(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people.put(person(confirmed_at=0), [contact(status="pending", since=10)])
        asked = dynamo_people.ended

        def late(*args: Any) -> Iterator[list[Item]]:
            """The index, as it was before."""
            seen = list(asked(*args))
            if args[1] == "pending":
                people.put(self.read(people), [contact(since=60)])
            return iter(seen)

        monkeypatch.setattr(dynamo_people, "ended", late)
        assert forget(people, 50, 0, 0) == []
        assert people.contacts(ANA) == [contact(since=60)]

    def test_what_an_older_version_wrote_is_let_go_of_once_it_is_listed(
        self, people: People
    ) -> None:
        waiting = contact("p_old", "old", status="pending", since=10)
        withdrawn = consent(channel="sms", withdrawn_at=30)
        people.put(person("p_old", confirmed_at=0), [waiting], [consent("p_old")])
        people.put(person(), [contact()], [withdrawn])
        people.set_tally(b"name", None, b"1", 90)
        people.set_lookup_keys(LookupKeys(), LookupKeys(2, {1: 0}))
        for name in ("people", "contacts", "consents"):
            for item in list(self.table(name).scan("attribute_exists(ends)")):
                bare = {key: item[key] for key in item if not key.startswith("ends")}
                write(self.clients, self.table(name).put(bare))
        assert forget(people, 50, 50, 100) == []
        assert list_ends(self.clients, self.table) == 4
        assert forget(people, 50, 50, 100) == ["p_old"]
        assert (people.contacts("p_old"), people.consents(ANA)) == ([], [])
        assert people.tally(b"name") is None
        assert people.contacts(ANA) == [contact()]


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


class TestLog(Twice):
    """How the alert log lies in its table."""

    services = ("dynamodb",)

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> DynamoState:
        """A log of seven entries in blocks of three."""
        monkeypatch.setattr(commits, "_BLOCK", 3)
        state = DynamoState(self.clients, self.table("state"), self.table("log"))
        state.commit(Commit("speed", 1, entries=[entry("i", version) for version in range(1, 8)]))
        return state

    def rows(self) -> dict[int, Item]:
        found = self.table("log").scan("begins_with(pk, :log)", {":log": "alerts/"})
        return {int(row["sk"]): row for row in found}

    def test_no_partition_of_the_log_grows_for_ever(self, told: DynamoState) -> None:
        assert max(Counter(row["pk"] for row in self.rows().values()).values()) == 3
        assert [number for number, _ in told.alerts()] == list(range(1, 8))

    def test_a_log_of_an_older_version_is_read_with_what_came_since(
        self, told: DynamoState
    ) -> None:
        log = self.table("log")
        before = list(told.alerts())
        for number, row in self.rows().items():
            if number < 6:  # the one before it and itself are of one block
                write(self.clients, log.put(row | {"pk": "alerts"}))
                write(self.clients, log.remove(row["pk"], row["sk"]))
        for after in range(8):
            assert list(told.alerts(after)) == before[after:]
            assert list(told.alerts(after, limit=2)) == before[after : after + 2]
        assert told.latest(4) == before[-4:]
        assert told.entries([2, 5, 7, 9]) == {n: dict(before)[n] for n in (2, 5, 7)}
        assert told.life("i") == before

    def test_who_reads_on_waits_for_an_entry_that_is_not_written_out_yet(
        self, told: DynamoState
    ) -> None:
        """Those behind it are there already, and nobody would go back for it."""
        log, row = self.table("log"), self.rows()[4]
        write(self.clients, log.remove(row["pk"], row["sk"]))
        assert [number for number, _ in told.alerts()] == [1, 2, 3]
        write(self.clients, log.put(row))
        assert [number for number, _ in told.alerts(after=3)] == [4, 5, 6, 7]


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

    @pytest.mark.parametrize("fault", [LOST, TIMED_OUT])
    @pytest.mark.parametrize("call", ["dynamodb.PutItem", "dynamodb.DeleteItem"])
    def test_a_task_is_free_for_the_next_also_where_aws_never_said_what_it_had_done(
        self, call: str, fault: Answer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each try is done, and none is answered: botocore makes five."""
        monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        with counted(once(call, fault, times=5)):
            home = open_home(self.config)
            with pytest.raises(StateConflict), home.hold("refine", lambda: 1000):
                assert call == "dynamodb.DeleteItem", "who does not hold it does not do it"
            with home.hold("refine", lambda: 1001):
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
