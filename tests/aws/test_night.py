"""A night of many: more people in quiet hours than a step of fan-out has room for in one
transaction, an incident that is over before the morning, and then one that is red.

ATALAIA_LOAD=1: 5,000 of them (`make load-aws`, on dynalite alone); else some more than the 50 whose
messages one transaction of DynamoDB could drop.
"""

from __future__ import annotations

import os
import time

import pytest

from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Status
from atalaia.domain.subscription import Quiet
from atalaia.homes.aws.config import Config
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.ports import Commit
from atalaia.run.aws import deliver, deployment, fan_out
from aws.dynalite import dynalite  # noqa: F401  a fixture
from aws.mapper import Context
from aws.test_tell import deployed  # noqa: F401  a fixture
from telling import HERE, news

IS_WHOLE = bool(os.environ.get("ATALAIA_LOAD"))


def test_a_night_of_any_size_stops_nobody_from_being_told_of_what_comes_after_it(
    deployed: Config,  # noqa: F811
    dynalite: str,  # noqa: F811
) -> None:
    if IS_WHOLE and not dynalite:
        pytest.skip("moto copies all it has for each transaction: 5,000 people are dynalite's")
    people, now = 5_000 if IS_WHOLE else 120, int(time.time())
    home = deployment.home()
    asleep(people, now)
    state, outbox = home.state, home.outbox
    state.commit(Commit("speed/lane-0", 1, entries=[news("by-night", at=now)]))
    fan_out.handle({}, Context())
    assert outbox.counts() == {("inbox", "waiting"): people}
    over = news("by-night", 2, "end", at=now + 1)
    state.commit(Commit("speed/lane-0", 2, entries=[over]))
    fan_out.handle({}, Context())
    assert outbox.counts() == {("inbox", "dropped"): people}
    red = news("another", at=now + 2, level="red")
    state.commit(Commit("speed/lane-0", 3, entries=[red]))
    fan_out.handle({}, Context())
    while outbox.oldest_due(int(time.time())) is not None:
        deliver.handle({}, Context(900))
    assert outbox.counts() == {("inbox", "dropped"): people, ("inbox", "sent"): people}
    told = outbox.told(["another"])
    assert len({one.person for one in told}) == len(told) == people
    assert {one.status for one in told} == {Status.SENT}


def asleep(people: int, now: int) -> None:
    """So many, whose quiet hours began an hour ago and last for two more."""
    registry = Registry(deployment.home().people, deployment.home().keys)
    minute = now // 60 % 1_440
    quiet = Quiet((minute - 60) % 1_440, (minute + 120) % 1_440, "UTC")
    asked = Request(contacts=(read_contact("inbox"),), where=(HERE,), proof="form 12", quiet=quiet)
    for _ in range(people):
        subscribe(registry, asked, now - 60, lambda *_: None)
