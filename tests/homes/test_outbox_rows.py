"""A message as it lies in DynamoDB: it is read back whole, and found by whom it is looked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.delivery import LAST, UNSENT, Message, Status, first_seq, ready_at
from atalaia.homes.aws.dynamo import DynamoTable, Item, _packed, _unpacked, number_text
from atalaia.homes.aws.outbox_rows import (
    SHARDS,
    TOLD_SHARDS,
    OutboxRow,
    OutboxRows,
    _delivery_key,
    _item,
    _told_by,
    feed_key,
    order_of,
    place_of,
    row_of,
)
from telling import NOON, delivery, message

from .test_dynamo import Asked

FEW = settings(max_examples=40)

MESSAGES = st.builds(
    message,
    st.text("abc", min_size=1, max_size=4),
    st.sampled_from(("p_ana", "p_bia", "p_zé")),
    channel=st.sampled_from(("sms", "telegram")),
    seqs=st.lists(st.integers(1, 10**9), max_size=3).map(tuple),
    rank=st.integers(0, 4),
    status=st.sampled_from(Status),
    due_at=st.integers(0, 2 * NOON),
    lease_until=st.integers(0, 2 * NOON),
    escalate_at=st.sampled_from((0, NOON)),
    acknowledged_at=st.sampled_from((0, NOON)),
    kind=st.sampled_from(("alert", "confirm")),
)
ROWS = st.builds(
    OutboxRow,
    MESSAGES,
    st.integers(1, 99),
    st.integers(0, 99),
    st.booleans(),
    st.lists(st.tuples(st.text("xyz", max_size=3), st.integers(1, 9)), max_size=3).map(tuple),
)


def kept(row: OutboxRow) -> Item:
    """As it lies there, through DynamoDB's own types."""
    return _unpacked(_packed(_item(row)))


@FEW
@given(ROWS)
def test_a_row_is_read_back_as_it_was_written(row: OutboxRow) -> None:
    assert row_of(kept(row)) == row


@FEW
@given(ROWS)
def test_only_what_may_still_be_sent_is_in_the_indexes_of_what_is_due(row: OutboxRow) -> None:
    item = kept(row)
    is_unsent = row.message.status in UNSENT
    assert ("due" in item, "ready" in item, "open_at" in item) == (is_unsent,) * 3
    if is_unsent:
        at = number_text(ready_at(row.message))
        assert item["due_at"].startswith(at + "#")
        assert item["ready_at"] == item["due_at"]
        assert item["ready"].startswith(f"{row.message.channel}/{row.message.rank}/")


@FEW
@given(ROWS)
def test_a_next_channel_has_its_turn_where_one_was_lost_or_nobody_answers(row: OutboxRow) -> None:
    """The plainest way to say who waits for a turn."""
    m = row.message
    is_lost = m.status in (Status.DEAD, Status.LATE)
    is_unanswered = m.escalate_at > 0 and not m.acknowledged_at
    has_turn = (
        m.kind == "alert"
        and not row.is_handed_on
        and m.status is not Status.DROPPED
        and (is_lost or is_unanswered)
    )
    item = kept(row)
    assert ("turn" in item) == has_turn
    if has_turn:
        assert item["turn_at"] == f"{number_text(0 if is_lost else m.escalate_at)}#{m.id}"


@FEW
@given(st.lists(MESSAGES, min_size=2, max_size=6))
def test_messages_of_one_key_lie_together_in_the_order_of_their_alerts(some: list[Message]) -> None:
    for a, b in itertools.combinations(some, 2):
        is_one_key = (a.channel, a.order_key) == (b.channel, b.order_key)
        assert (order_of(a) == order_of(b)) == is_one_key
        if first_seq(a) != first_seq(b):
            assert (place_of(a) < place_of(b)) == (first_seq(a) < first_seq(b))


@FEW
@given(st.lists(st.tuples(st.integers(0, 10**9), st.text("ab", max_size=3)), max_size=5))
def test_what_becomes_due_first_is_found_first(some: list[tuple[int, str]]) -> None:
    rows = [_item(OutboxRow(message(name or "x", due_at=at), 1)) for at, name in some]
    by_index = sorted(rows, key=lambda item: str(item["due_at"]))
    times = [row_of(item).message.due_at for item in by_index]
    assert times == sorted(times)


def test_shards_are_all_used_and_always_the_same_for_one_person() -> None:
    people = [f"p_{i}" for i in range(400)]
    assert {_told_by("i1", person).rpartition("/")[2] for person in people} == {
        str(n) for n in range(TOLD_SHARDS)
    }
    assert _told_by("i1", "p_1") == _told_by("i1", "p_1") != _told_by("i2", "p_1")
    due = {kept(OutboxRow(message(order_key=person), 1))["due"] for person in people}
    assert due == {f"due/{n}" for n in range(SHARDS)}


@FEW
@given(st.integers(1, 10**12))
def test_numbers_of_what_was_settled_go_round_the_shards_and_sort(number: int) -> None:
    (shard, at), (next_shard, later) = feed_key(number), feed_key(number + 1)
    assert shard != next_shard
    assert at < later
    assert feed_key(number + SHARDS)[0] == shard


def test_a_delivery_has_one_key_whatever_message_carries_it() -> None:
    one, other = message("a"), message("b")
    assert _delivery_key(delivery(one)) == _delivery_key(delivery(other))
    assert len({_delivery_key(delivery(one, version=n)) for n in range(1, 12)}) == 11
    names = sorted(_delivery_key(delivery(one, version=n))[1] for n in (2, 10, 1))
    assert [int(name.split("#")[1]) for name in names] == [1, 2, 10]


# What writes them


def rows_over(*answers: Any) -> tuple[OutboxRows, Asked]:
    clients = Asked(*answers)
    return OutboxRows(DynamoTable(clients, "outbox"), DynamoTable(clients, "deliveries")), clients


def puts(actions: list[Any], table: str) -> list[Item]:
    found = [a["Put"] for a in actions if "Put" in a and a["Put"]["TableName"] == table]
    return [_unpacked(one["Item"]) for one in found]


def numbers() -> Iterator[int]:
    return itertools.count(7)


def test_a_new_message_lies_in_its_place_with_its_address_and_what_it_carries() -> None:
    rows, _ = rows_over({"Responses": {}})
    one = message("a")
    actions = rows.inserted([one], [delivery(one), delivery(one, "i2")], numbers())
    row, address = puts(actions, "outbox")
    assert (address["pk"], address["at_pk"], address["at_sk"]) == (
        "id/msg_a",
        order_of(one),
        place_of(one),
    )
    assert row_of(row).carried == (("i1", 1), ("i2", 1))
    assert len(puts(actions, "deliveries")) == 2
    assert actions[0]["Put"]["ConditionExpression"] == "attribute_not_exists(pk)"


@pytest.mark.parametrize("status", LAST)
def test_what_is_over_when_it_is_put_there_takes_a_number_of_the_feed(status: Status) -> None:
    rows, _ = rows_over({"Responses": {}})
    one = message("a", status=status, settled_at=NOON)
    actions = rows.inserted([one], [], numbers())
    (feed,) = puts(actions, "deliveries")
    assert ((feed["pk"], feed["sk"]), feed["at"]) == (feed_key(7), NOON)
    assert row_of(puts(actions, "outbox")[0]).settled == 7


def test_what_another_message_carries_already_is_left_to_it_unless_it_is_taken_over() -> None:
    one = message("a")
    pk, sk = _delivery_key(delivery(one))
    known = {"Responses": {"deliveries": [_packed({"pk": pk, "sk": sk, "message": "msg_other"})]}}
    rows, _ = rows_over(known)
    assert puts(rows.inserted([one], [delivery(one)], numbers()), "deliveries") == []
    rows, clients = rows_over()
    taken = rows.inserted([one], [delivery(one)], numbers(), takes_over=True)
    assert [item["message"] for item in puts(taken, "deliveries")] == ["msg_a"]
    assert clients.calls == [], "nobody is asked who carried it"


def test_a_change_holds_only_where_nobody_else_changed_it() -> None:
    rows, _ = rows_over()
    row = OutboxRow(message("a"), 4)
    (put,) = rows.changed(row)
    assert put["Put"]["ConditionExpression"] == "rev = :rev"
    assert _unpacked(put["Put"]["ExpressionAttributeValues"]) == {":rev": 4}
    assert row_of(_unpacked(put["Put"]["Item"])).rev == 5


def test_what_is_settled_anew_has_one_place_in_the_feed() -> None:
    rows, _ = rows_over()
    row = OutboxRow(message("a", status=Status.SENT, settled_at=NOON), 4, settled=3)
    put, feed, gone = rows.changed(row, settled=9)
    assert row_of(_unpacked(put["Put"]["Item"])).settled == 9
    assert _unpacked(feed["Put"]["Item"])["sk"] == feed_key(9)[1]
    assert _unpacked(gone["Delete"]["Key"]) == dict(zip(("pk", "sk"), feed_key(3), strict=True))


def test_a_message_is_removed_with_all_that_belongs_to_it_and_what_leads_to_it_last() -> None:
    rows, _ = rows_over()
    row = OutboxRow(message("a"), 4, settled=3, carried=(("i1", 1), ("i1", 2)))
    steps = [
        [_unpacked(action["Delete"]["Key"])["pk"] for action in step] for step in rows.removed(row)
    ]
    assert steps[0][:2] == [_told_by("i1", "p_ana")] * 2
    assert steps[0][2] == "id/msg_a"
    assert steps[1:] == [[order_of(row.message)], [feed_key(3)[0]]]
    never_settled = list(rows.removed(row._replace(settled=0)))
    assert never_settled[-1] == []


def test_those_that_are_not_there_yet_are_told() -> None:
    there = {"pk": "id/msg_a", "sk": "-", "at_pk": "x", "at_sk": "y"}
    rows, _ = rows_over({"Responses": {"outbox": [_packed(there)]}})
    unknown = rows.unknown([message("a"), message("b"), message("b")])
    assert [one.id for one in unknown] == ["msg_b", "msg_b"]


def test_who_are_few_are_asked_about_each_and_who_are_many_by_shard() -> None:
    rows, clients = rows_over(*[{"Items": []}] * 99)
    list(rows.told("i1", ["p_a", "p_b"]))
    assert len(clients.calls) == 2
    assert all(
        asked["KeyConditionExpression"].endswith("begins_with(sk, :person)")
        for _, asked in clients.calls
    )
    clients.calls.clear()
    list(rows.told("i1", {f"p_{n}" for n in range(50)}))
    list(rows.told("i1", None))
    assert len(clients.calls) == 2 * TOLD_SHARDS


def test_nothing_is_looked_for_where_there_is_no_room_for_it() -> None:
    rows, clients = rows_over()
    assert list(rows.ready("sms", NOON, 0, 0)) == []
    assert clients.calls == []
    rows, clients = rows_over(*[{"Items": []}] * 99)
    assert list(rows.ready("sms", NOON, 5, 3)) == []
    looked_at = [asked["ExpressionAttributeValues"][":hash"]["S"] for _, asked in clients.calls]
    assert looked_at == [f"sms/{rank}/{shard}" for rank in (4, 3) for shard in range(SHARDS)]
