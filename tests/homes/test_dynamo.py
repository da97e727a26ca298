"""DynamoDB in plain calls: what is asked for comes whole, and what met others is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.loaders import JSONFileLoader
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients, code_of, translated
from atalaia.homes.aws.dynamo import (
    ABSENT,
    MOST_ACTIONS,
    DynamoTable,
    Refused,
    _packed,
    _unpacked,
    fits,
    number_text,
    pieces,
    put_all,
    remove_all,
    size_of,
    transact,
    write,
)

FEW = settings(max_examples=40)


def refusal(code: str, *reasons: str) -> ClientError:
    said: Any = {"Error": {"Code": code, "Message": "no"}}
    if reasons:
        said["CancellationReasons"] = [{"Code": one} for one in reasons]
    return ClientError(said, "Call")


class Asked(Clients):
    """Clients whose one service is played by `answers`, one a call: a value, what is raised, or
    what makes a value of the arguments."""

    def __init__(self, *answers: Any) -> None:
        self.pauses: list[float] = []
        super().__init__(sleep=self.pauses.append, jitter=lambda: 1.0)
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def get(self, service: str) -> Any:
        return self

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def answer(**arguments: Any) -> Any:
            self.calls.append((call, arguments))
            said = self.answers.pop(0) if self.answers else {}
            if isinstance(said, Exception):
                raise said
            return said(arguments) if callable(said) else said

        return answer


ITEMS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.one_of(st.text(max_size=9), st.booleans(), st.integers(-(10**30), 10**30), st.binary()),
)


@FEW
@given(ITEMS)
def test_an_item_comes_back_as_it_went(item: dict[str, Any]) -> None:
    back = _unpacked(_packed(item))
    assert back == item
    assert {k: type(v) for k, v in back.items()} == {k: type(v) for k, v in item.items()}


@FEW
@given(st.integers(0, 10**19), st.integers(0, 10**19))
def test_numbers_as_text_sort_as_they_do(a: int, b: int) -> None:
    assert (number_text(a) < number_text(b)) == (a < b)
    assert int(number_text(a)) == a


@FEW
@given(st.lists(st.integers()), st.integers(1, 7))
def test_pieces_are_all_of_it_and_none_is_too_long(some: list[int], size: int) -> None:
    parts = list(pieces(some, size))
    assert [one for part in parts for one in part] == some
    assert all(0 < len(part) <= size for part in parts)


# Reading


def row(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "n": {"N": "1"}}


def test_what_is_not_there_is_none() -> None:
    clients = Asked({}, {"Item": row("a", "b")})
    table = DynamoTable(clients, "t")
    assert table.get("a", "b") is None
    assert table.get("a", "b") == {"pk": "a", "sk": "b", "n": 1}
    assert all(arguments["ConsistentRead"] for _, arguments in clients.calls)


def answered(*items: dict[str, Any], left: int = 0) -> dict[str, Any]:
    keys = [{"pk": {"S": f"left{i}"}, "sk": {"S": "-"}} for i in range(left)]
    return {
        "Responses": {"t": list(items)},
        "UnprocessedKeys": {"t": {"Keys": keys}} if left else {},
    }


def test_many_items_come_a_hundred_at_a_time_and_each_is_asked_for_once() -> None:
    clients = Asked(*[answered(row(f"k{i}", "-")) for i in range(3)])
    keys = [(f"k{i}", "-") for i in range(250)] * 2
    assert len(DynamoTable(clients, "t").many(keys)) == 3
    asked = [arguments["RequestItems"]["t"]["Keys"] for _, arguments in clients.calls]
    assert [len(one) for one in asked] == [100, 100, 50]


def test_what_there_was_no_room_for_is_asked_for_again_until_all_is_there() -> None:
    clients = Asked(answered(row("a", "-"), left=2), answered(left=2), answered(row("left0", "-")))
    found = DynamoTable(clients, "t").many([("a", "-"), ("left0", "-"), ("left1", "-")])
    assert set(found) == {("a", "-"), ("left0", "-")}
    assert len(clients.calls) == 3
    assert len(clients.pauses) == 1, "an answer with something in it is no lack of room"


def test_where_there_is_never_room_it_is_said_and_not_asked_for_ever() -> None:
    clients = Asked(*[answered(left=1)] * 50)
    with pytest.raises(StateConflict, match="table t has no room; it is tried again"):
        DynamoTable(clients, "t").many([("a", "-")])
    assert len(clients.calls) == 12
    assert sum(clients.pauses) < 11


@pytest.mark.parametrize(("limit", "pages", "n"), [(None, 3, 6), (5, 3, 5), (2, 1, 2), (0, 0, 0)])
def test_a_query_is_read_page_by_page_and_no_further_than_asked(
    limit: int | None, pages: int, n: int
) -> None:
    more = {"LastEvaluatedKey": {"pk": {"S": "x"}}}

    def page(i: int) -> dict[str, Any]:
        items = [row("a", f"{i}{j}") for j in range(2)]
        if limit == 5 and i == 2:
            items = items[:1]  # DynamoDB heeds the limit that it is given
        return {"Items": items} | (more if i < 2 else {})

    clients = Asked(*map(page, range(3)))
    found = list(DynamoTable(clients, "t").query("a", limit=limit))
    assert len(found) == n
    assert len(clients.calls) == pages
    asked = [arguments.get("Limit") for _, arguments in clients.calls]
    if limit == 5:
        assert asked == [5, 3, 1] or asked[0] == 1  # the arguments are one dict, which goes on
    if pages > 1:
        assert clients.calls[-1][1]["ExclusiveStartKey"] == {"pk": {"S": "x"}}


def test_a_query_says_which_index_which_order_and_what_condition() -> None:
    clients = Asked({"Items": []})
    list(
        DynamoTable(clients, "t").query(
            "a", "sk < :u", {":u": "b"}, index="due", hash="due", is_newest_first=True, page=7,
            is_consistent=False,
        )
    )  # fmt: skip
    [(call, asked)] = clients.calls
    assert call == "query"
    assert asked == {
        "TableName": "t",
        "KeyConditionExpression": "#hash = :hash AND sk < :u",
        "ExpressionAttributeNames": {"#hash": "due"},
        "ExpressionAttributeValues": {":hash": {"S": "a"}, ":u": {"S": "b"}},
        "ConsistentRead": False,
        "ScanIndexForward": False,
        "IndexName": "due",
        "Limit": 7,
    }


# Actions


def test_a_change_sets_what_is_given_removes_what_is_none_and_names_all_by_placeholders() -> None:
    action = DynamoTable(Asked(), "t").change(
        ("a", "b"), {"status": "sent", "lease": None, "n": 2}, "#rev = :rev", {":rev": 1}
    )
    body = action["Update"]
    assert body["UpdateExpression"] == "SET #status = :new_status, #n = :new_n REMOVE #lease"
    assert body["ConditionExpression"] == "#rev = :rev"
    assert set(body["ExpressionAttributeNames"]) == {"#status", "#lease", "#n", "#rev"}
    assert body["ExpressionAttributeValues"] == {
        ":new_status": {"S": "sent"},
        ":new_n": {"N": "2"},
        ":rev": {"N": "1"},
    }


def test_numbers_are_taken_on_condition_that_nobody_else_took_them() -> None:
    first, action = DynamoTable(Asked({}), "t").number("settled", 3)
    assert (first, action["Put"]["ConditionExpression"]) == (1, ABSENT)
    assert _unpacked(action["Put"]["Item"])["n"] == 3
    found = {"Item": {"pk": {"S": "#counter"}, "sk": {"S": "settled"}, "n": {"N": "7"}}}
    first, action = DynamoTable(Asked(found), "t").number("settled", 2)
    assert first == 8
    assert action["Put"]["ConditionExpression"] == "n = :n"
    assert action["Put"]["ExpressionAttributeValues"] == {":n": {"N": "7"}}
    assert _unpacked(action["Put"]["Item"])["n"] == 9


def test_a_transaction_is_as_large_as_it_may_be_and_no_larger() -> None:
    table = DynamoTable(Asked(), "t")
    small = [table.put({"pk": str(i), "sk": "-"}) for i in range(MOST_ACTIONS)]
    assert fits(small)
    assert not fits(small, small[:1])
    large = [table.put({"pk": "a", "sk": "-", "body": bytes(400_000)}) for _ in range(9)]
    assert fits(large[:8])
    assert not fits(large)
    assert 8 * 400_000 < size_of(large[:8]) < 8 * 401_000


# What is refused


@pytest.mark.parametrize(
    ("reasons", "at"),
    [
        (("None", "ConditionalCheckFailed"), (1,)),
        (("ConditionalCheckFailed", "TransactionConflict", "ConditionalCheckFailed"), (0, 2)),
    ],
)
def test_a_condition_that_did_not_hold_is_told_by_its_position(
    reasons: tuple[str, ...], at: tuple[int, ...]
) -> None:
    clients = Asked(refusal("TransactionCanceledException", *reasons))
    with pytest.raises(Refused) as refused:
        transact(clients, [{}])
    assert refused.value.at == at
    assert len(clients.calls) == 1, "to try it again would change nothing"


@pytest.mark.parametrize(
    "met",
    [
        refusal("TransactionCanceledException", "None", "TransactionConflict"),
        refusal("TransactionCanceledException", "ThrottlingError"),
        refusal("TransactionCanceledException", "ProvisionedThroughputExceeded"),
        refusal("TransactionInProgressException"),
    ],
)
def test_a_transaction_that_only_met_another_is_tried_again(met: ClientError) -> None:
    clients = Asked(met, met, {})
    transact(clients, [{}])
    assert len(clients.calls) == 3
    assert len(clients.pauses) == 2
    never = Asked(*[met] * 99)
    with pytest.raises(StateConflict, match="others write the same items all the time"):
        transact(never, [{}])


@pytest.mark.parametrize(
    "fault",
    [
        refusal("TransactionCanceledException", "ItemCollectionSizeLimitExceeded"),
        refusal("AccessDeniedException"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_any_other_fault_is_told_at_once(fault: Exception) -> None:
    clients = Asked(fault)
    with pytest.raises(StateConflict, match="DynamoDB cannot be used"):
        transact(clients, [{}])
    assert len(clients.calls) == 1


def test_one_write_says_whether_its_condition_held() -> None:
    table = DynamoTable(Asked(), "t")
    held = Asked({})
    assert write(held, table.put({"pk": "a", "sk": "b"}))
    assert held.calls[0][0] == "put_item"
    refused = Asked(refusal("ConditionalCheckFailedException"))
    assert not write(refused, table.remove("a", "b", "n = :n", {":n": 1}))
    assert refused.calls[0][0] == "delete_item"
    met = Asked(refusal("TransactionConflictException"), {})
    assert write(met, table.change(("a", "b"), {"n": 2}))
    assert [call for call, _ in met.calls] == ["update_item"] * 2
    with pytest.raises(StateConflict, match="table t cannot be used: AccessDenied"):
        write(Asked(refusal("AccessDenied")), table.put({"pk": "a", "sk": "b"}))


@pytest.mark.parametrize("many", [put_all, remove_all])
def test_many_writes_go_25_at_a_time_and_what_was_left_goes_again(many: Any) -> None:
    table = DynamoTable(Asked(), "t")
    make = table.put if many is put_all else lambda item: table.remove(item["pk"], item["sk"])
    actions = [make({"pk": str(i), "sk": "-"}) for i in range(30)]
    left = {"UnprocessedItems": {"t": [{"PutRequest": {}}]}}
    clients = Asked(left, {}, {})
    many(clients, actions)
    sizes = [len(asked["RequestItems"]["t"]) for _, asked in clients.calls]
    assert sizes == [25, 1, 5]
    with pytest.raises(StateConflict, match="no room for a batch; it is tried again"):
        many(Asked(*[left] * 99), actions)


# Trying again


def test_pauses_double_up_to_a_bound_and_all_together_are_short() -> None:
    clients = Asked()
    assert list(clients.tries()) == list(range(12))
    assert clients.pauses[0] == 0.02
    assert all(
        b == min(2.0, 2 * a) for a, b in zip(clients.pauses, clients.pauses[1:], strict=False)
    )
    assert sum(clients.pauses) < 11
    assert list(Clients(sleep=lambda s: None, jitter=lambda: 0.0).tries(3)) == [0, 1, 2]


def test_what_aws_says_is_told_with_its_code_and_the_next_step() -> None:
    with (
        pytest.raises(StateConflict, match=r"stream x cannot be used: Throttled: no; .*quotas"),
        translated("stream x"),
    ):
        raise refusal("Throttled")
    assert code_of(refusal("Throttled")) == "Throttled"
    assert code_of(ValueError()) == code_of(None) == ""


def test_what_botocore_knows_of_a_service_is_read_once_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    read: list[str] = []
    load = JSONFileLoader.load_file

    def noted(self: JSONFileLoader, path: str) -> Any:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    Clients().get("sqs")
    read.clear()
    Clients().get("sqs")
    assert read == []
