"""How the embedded outbox lies on disk: no look at a few messages reads them all, and one that an
earlier Atalaia made is laid out anew with all that it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from atalaia.domain.delivery import Message, Outcome, Status, settled
from atalaia.homes.embedded import EmbeddedHome, database, open_home
from atalaia.ports import FanOut
from telling import NOON, delivery, message

BY_IDS = 6
"""The last format whose messages lay by their ids."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as made:
        yield made


def crowd(n: int) -> list[Message]:
    return [message(f"{i * 7919 % n:04}", f"p_{i:04}", order_key=f"p_{i:04}") for i in range(n)]


def step(home: EmbeddedHome, messages: list[Message], **changes: Any) -> FanOut:
    before = home.outbox.position()
    return FanOut(
        before=before,
        position=f"{before}+",
        now=NOON,
        messages=messages,
        deliveries=[delivery(m) for m in messages],
        **({"dropped": {}, "joins_from": 0} | changes),
    )


def live(home: EmbeddedHome) -> None:
    """All that a message goes through."""
    outbox = home.outbox
    outbox.fan_out(step(home, crowd(300)))
    outbox.fan_out(step(home, [message("later", "p_0001", seqs=(2,))], joins_from=1))
    outbox.fan_out(step(home, [], dropped={"msg_0003": "why"}))
    claimed = outbox.claim(NOON, NOON + 90, {"telegram": 200})
    claimed += outbox.claim(NOON, NOON + 90, {"telegram": 20}, 4)
    claimed += outbox.claim(NOON, NOON + 90, {"telegram": 20}, together=("telegram",))
    after = [settled(m, Outcome("sent", provider_id="x"), (5,), NOON) for m in claimed[:100]]
    outbox.settle(list(zip(claimed[:100], after, strict=True)))
    ids = [m.id for m in claimed[:9]]
    outbox.told(["i1"], [m.person for m in claimed[:9]])
    outbox.oldest_due(NOON)
    outbox.messages(person="p_0001")
    outbox.message(ids[0])
    outbox.acknowledge(claimed[0].person, ids[0], NOON)
    outbox.fail(ids[1], "why", NOON)
    outbox.retry(ids[1:2], NOON, NOON + 9)
    outbox.unanswered(NOON, 10)
    outbox.hand_on(ids[2])
    outbox.rouse("p_0002", NOON)
    outbox.settled(0, 10)
    assert sum(outbox.forget(NOON + 1)) > 0


def test_no_look_at_a_few_messages_reads_them_all(home: EmbeddedHome) -> None:
    connection = home._database._connection
    asked: list[tuple[str, Any]] = []

    def note(_: object, sql: str, bindings: Any) -> bool:
        asked.append((sql, bindings))
        return True

    connection.exec_trace = note
    live(home)
    connection.exec_trace = None
    plans = {
        sql: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
        for sql, bindings in asked
        if "messages" in sql
    }
    assert len(plans) > 15
    scans = {sql: plan for sql, plan in plans.items() if any(_reads_all(line) for line in plan)}
    assert scans == {}


def _reads_all(line: str) -> bool:
    # The index of what nobody answered has but those.
    is_all = line.startswith("SCAN") and line.split()[1] in ("messages", "m", "o", "known")
    return is_all and not line.endswith("USING INDEX messages_unanswered")


def test_neighbours_in_the_order_of_people_are_claimed_together(home: EmbeddedHome) -> None:
    home.outbox.fan_out(step(home, crowd(300)))
    claimed = home.outbox.claim(NOON, NOON + 90, {"telegram": 50})
    assert [m.person for m in claimed] == [f"p_{i:04}" for i in range(50)]


def test_an_outbox_that_lay_by_ids_is_laid_out_anew_with_all_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        # With what its outbox writes today.
        steps = (*database._STEPS[:BY_IDS], database._LETTERS)
        earlier.setattr(database, "_STEPS", steps)
        earlier.setattr(database, "FORMAT", BY_IDS)
        with open_home(tmp_path) as home:
            live(home)
            before = home.outbox.messages(limit=1_000)
            settled_before = home.outbox.settled(0, 1_000)
            waiting = home.outbox.counts()
    with open_home(tmp_path) as home:
        assert sorted(home.outbox.messages(limit=1_000), key=_id) == sorted(before, key=_id)
        assert home.outbox.settled(0, 1_000) == settled_before
        assert home.outbox.counts() == waiting
        assert home.outbox.claim(NOON + 91, NOON + 200, {"telegram": 1_000})
        assert set(home.outbox.counts()) <= {
            ("telegram", str(status)) for status in (Status.LEASED, Status.SENT, Status.DROPPED)
        }
        connection: apsw.Connection = home._database._connection
        assert connection.pragma("integrity_check") == "ok"
        assert connection.pragma("user_version") == database.FORMAT > BY_IDS


def _id(message: Message) -> str:
    return message.id
