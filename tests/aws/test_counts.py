"""What telling people costs, asserted as counts of calls: times would be the emulator's."""

from __future__ import annotations

import time
from collections import Counter
from importlib import import_module

import pytest

from atalaia.clock import Clock
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import RANKS, Message, Status
from atalaia.domain.subscription import Threshold
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.outbox_rows import SHARDS
from atalaia.notify import last_look
from atalaia.notify.escalate import Escalation
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.ports import Commit, FanOut
from atalaia.run.aws import deliver, deployment, fan_out
from aws.calls import Calls
from aws.dynalite import dynalite  # noqa: F401  a fixture
from aws.mapper import Context
from aws.test_tell import deployed, subscribed  # noqa: F401  a fixture
from telling import HERE, delivery, message, news


def test_an_idle_minute_of_deliver_is_four_queries(deployed: Config, calls: Calls) -> None:  # noqa: F811
    subscribed()
    deliver.handle({}, Context())
    calls.calls.clear()
    deliver.handle({}, Context())
    assert calls.calls == {"dynamodb.Query": 4}


def test_a_message_costs_delivery_two_calls_and_fan_out_less(
    deployed: Config,  # noqa: F811
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of those that are told of one alert; each call of a function has some of its own besides."""
    monkeypatch.setattr(last_look, "FRESH_S", 60)  # looks go by the clock, and this is slow
    people = [subscribed() for _ in range(40)]
    cost = {}
    for name in ("fan_out", "deliver"):  # warm; who sends knows nobody yet
        import_module(f"atalaia.run.aws.{name}").handle({}, Context())
    entry = news("i1", at=int(time.time()))
    deployment.home().state.commit(Commit("speed/lane-0", 1, entries=[entry]))
    for name in ("fan_out", "deliver"):
        calls.calls.clear()
        import_module(f"atalaia.run.aws.{name}").handle({}, Context())
        cost[name] = calls.of("dynamodb") / len(people)
    assert cost["fan_out"] <= 1.5
    assert cost["deliver"] <= 2
    counts = deployment.home().outbox.counts()
    assert counts == {("inbox", "sent"): len(people)}


def test_a_backlog_of_one_channel_costs_no_look_at_each_other_and_what_comes_there_is_not_late(
    deployed: Config,  # noqa: F811
    calls: Calls,
) -> None:
    outbox, now = deployment.home().outbox, int(time.time())
    room = dict.fromkeys(("telegram", "sms", "email", "webhook", "inbox"), 20)

    def put(*messages: Message, before: str = "", position: str = "1") -> None:
        step = FanOut(before=before, position=position, now=now, messages=list(messages))
        outbox.fan_out(step)

    def claimed(at: int) -> tuple[Counter[str], int]:
        calls.calls.clear()
        found = outbox.claim(at, at + 90, room)
        return Counter(m.channel for m in found), calls.of("dynamodb")

    until = now + 3600
    crowd = [message(f"m{i}", f"p{i}", channel="inbox", expires_at=until) for i in range(450)]
    put(*crowd)
    first, looked_at_all = claimed(now)
    again, looked_at_one = claimed(now + 1)
    assert first == again == {"inbox": 20}
    assert looked_at_all > 4 * RANKED
    assert looked_at_one <= 20 + RANKED + 5, "a look at each message's order, and a few more"

    put(message("red", "p1", channel="sms", expires_at=until), before="1", position="2")
    assert claimed(now + 1)[0] == {"inbox": 20}
    assert claimed(now + 2)[0] == {"inbox": 20, "sms": 1}, "the longest that it waits"


def test_what_is_due_in_a_channel_goes_where_all_of_a_backlog_elsewhere_has_to_wait(
    deployed: Config,  # noqa: F811
) -> None:
    outbox, now = deployment.home().outbox, int(time.time())
    room, until = {"inbox": 20, "sms": 20}, now + 3600
    older = [
        message(f"a{i}", f"p{i}", seqs=(1,), channel="inbox", due_at=now + 30) for i in range(330)
    ]
    newer = [
        message(f"b{i}", f"p{i}", seqs=(2,), channel="inbox", expires_at=until) for i in range(330)
    ]
    outbox.fan_out(FanOut(before="", position="1", now=now, messages=[*older, *newer]))
    assert outbox.claim(now, now + 90, room) == []
    sms = message("sms", "p1", channel="sms", expires_at=until)
    outbox.fan_out(FanOut(before="1", position="2", now=now, messages=[sms]))
    assert [m.id for m in outbox.claim(now, now + 90, room)] == [sms.id]


RANKED = len(RANKS) * SHARDS
"""Queries that tell what is due in a channel."""


def test_who_sends_reads_whom_it_sends_to_and_not_who_subscribed(
    deployed: Config,  # noqa: F811
    calls: Calls,
) -> None:
    def cold(crowd: int) -> int:
        """Calls of a new container that sends one message, with so many more people there."""
        for _ in range(crowd):
            subscribed()
        one = message(f"m{crowd}", person, channel="inbox", due_at=now, expires_at=now + 3600)
        deployment.home().outbox.put(one)
        deployment.forget()
        calls.calls.clear()
        deliver.handle({}, Context())
        found = deployment.home().outbox.message(one.id)
        assert found is not None
        assert found.status == Status.SENT
        return calls.total

    now = int(time.time())
    person = subscribed()
    deployment.home().state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=now)]))
    # A look asks each shard, and one thing besides; beside others there may be one more of them.
    assert abs(cold(1) - cold(30)) <= SHARDS + 1, "a look more or less"


def test_what_one_person_was_told_of_a_crowds_incident_is_read_without_the_crowd(
    deployed: Config,  # noqa: F811
    calls: Calls,
) -> None:
    outbox = deployment.home().outbox
    for i in range(30):
        one = message(str(i), f"p_{i}", seqs=(1,))
        outbox.put(one, [delivery(one, "i1")])
    calls.calls.clear()
    assert [one.person for one in outbox.told(["i1"], ["p_7"])] == ["p_7"]
    assert calls.calls == {"dynamodb.Query": 2, "dynamodb.BatchGetItem": 2}


def test_what_nobody_read_is_handed_on_beside_the_sending_and_some_at_a_time(
    deployed: Config,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment.forget()
    person = subscribed()
    home, now = deployment.home(), int(time.time())
    home.state.commit(Commit("speed/lane-0", 1, entries=[news("i1", at=now)]))
    dead = [
        message(f"d{i}", f"p_gone{i}", status=Status.DEAD, settled_at=now, seqs=(1,))
        for i in range(60)
    ]
    for one in dead:
        home.outbox.put(one)
    fan_out.handle({}, Context())
    sizes: list[int] = []
    hand_some_on = Escalation.hand_some_on

    def looked(self: Escalation, most: int) -> object:
        some = hand_some_on(self, most)
        sizes.append(some.looked_at)
        return some

    monkeypatch.setattr(Escalation, "hand_some_on", looked)
    deliver.handle({}, Context())
    assert sizes == [25, 25, 10]
    [sent] = home.outbox.messages(person=person)
    assert sent.status == Status.SENT
    left: list[Message] = home.outbox.unanswered(now + 60, 100)
    assert left == []


def test_limits_of_ones_own_cost_fan_out_a_look_and_a_transaction_where_they_are_others(
    deployed: Config,  # noqa: F811
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = [0]
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: time.time() + ahead[0]))
    deployment.forget()
    home = deployment.home()
    registry = Registry(home.people, home.keys)

    def cost(*limits: float) -> int:
        """Transactions of the next minute's run, after somebody came with these limits."""
        own = tuple(Threshold("wind_gust_m_s", 0, limit, "wind") for limit in limits)
        contacts = (read_contact("inbox"),)
        wish = Request(contacts=contacts, where=(HERE,), proof="form 12", thresholds=own)
        subscribe(registry, wish, int(time.time()) - 60, lambda *_: None)
        ahead[0] += 60
        calls.calls.clear()
        fan_out.handle({}, Context())
        return calls.calls["dynamodb.TransactWriteItems"]

    fan_out.handle({}, Context())
    assert [cost(), cost(24.0), cost(24.0), cost(25.0), cost()] == [0, 1, 0, 1, 0]
