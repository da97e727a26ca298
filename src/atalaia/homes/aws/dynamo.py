"""DynamoDB in a few plain calls: items as dicts of str, int, bool and bytes; actions of a
transaction as values.

An action is a write that has not happened yet: `put`, `remove`, `change` and `check` make them,
`write` does one, and `transact` does up to 100 together, all or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients, code_of, translated

MOST_ACTIONS = 100
"""Of one transaction. AWS also allows 4 MB."""

MOST_BYTES = 3_500_000

Item = dict[str, Any]
Action = dict[str, Any]
T = TypeVar("T")

ABSENT = "attribute_not_exists(pk)"

EXPIRES_AT = "expires_at"
"""Of rows that go by themselves: the attribute that says when, in Unix seconds."""


class Refused(Exception):
    """A condition did not hold: of the actions at these positions."""

    def __init__(self, at: tuple[int, ...]) -> None:
        super().__init__(f"refused at {at}")
        self.at = at


class DynamoTable:
    """One table, by its whole name. All reads are consistent, except those of a global index."""

    def __init__(self, clients: Clients, name: str) -> None:
        self.name = name
        self._clients = clients

    @property
    def _client(self) -> Any:
        return self._clients.get("dynamodb")

    # Reading

    def get(self, pk: str, sk: str) -> Item | None:
        """The item under these keys."""
        with translated(f"table {self.name}"):
            found = self._client.get_item(
                TableName=self.name, Key=_packed({"pk": pk, "sk": sk}), ConsistentRead=True
            )
        return _unpacked(found["Item"]) if "Item" in found else None

    def many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Those of these items that are there."""
        found = {}
        for some in pieces(list(dict.fromkeys(keys)), 100):
            left = [_packed({"pk": pk, "sk": sk}) for pk, sk in some]
            tries = self._clients.tries()
            while left:
                if next(tries, None) is None:
                    raise StateConflict(f"table {self.name} has no room; it is tried again")
                with translated(f"table {self.name}"):
                    said = self._client.batch_get_item(
                        RequestItems={self.name: {"Keys": left, "ConsistentRead": True}}
                    )
                got = said["Responses"].get(self.name, [])
                for one in map(_unpacked, got):
                    found[one["pk"], one["sk"]] = one
                left = said.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if got:  # an answer has 16 MB at most: that is no lack of room
                    tries = self._clients.tries()
        return found

    def query(
        self,
        pk: str,
        where: str = "",
        values: Mapping[str, Any] | None = None,
        *,
        index: str = "",
        hash: str = "pk",
        is_consistent: bool = True,
        is_newest_first: bool = False,
        limit: int | None = None,
        page: int | None = None,
    ) -> Iterator[Item]:
        """Items of one hash key in the order of the range key, a page at a time.

        `where` is a condition on the range key, with its `values`; `limit` so many at most, and
        `page` so many at a time.
        """
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"#hash = :hash{' AND ' + where if where else ''}",
            "ExpressionAttributeNames": {"#hash": hash},
            "ExpressionAttributeValues": _packed({":hash": pk} | dict(values or {})),
            "ConsistentRead": is_consistent,
            "ScanIndexForward": not is_newest_first,
        }
        if index:
            arguments["IndexName"] = index
        if page:
            arguments["Limit"] = page
        yield from self._pages("query", arguments, limit)

    def scan(self, where: str = "", values: Mapping[str, Any] | None = None) -> Iterator[Item]:
        """Every item that the filter lets through: all of the table is read and paid for."""
        arguments: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True}
        if where:
            arguments["FilterExpression"] = where
        if values:
            arguments["ExpressionAttributeValues"] = _packed(values)
        yield from self._pages("scan", arguments, None)

    def _pages(self, call: str, arguments: dict[str, Any], limit: int | None) -> Iterator[Item]:
        left = limit
        while left is None or left > 0:
            if left is not None:
                arguments["Limit"] = left
            with translated(f"table {self.name}"):
                page = getattr(self._client, call)(**arguments)
            yield from map(_unpacked, page["Items"])
            left = None if left is None else left - len(page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    # Writes that have not happened yet

    def put(self, item: Item, where: str = "", values: Mapping[str, Any] | None = None) -> Action:
        """Put the item there, if the condition holds."""
        return self._action("Put", {"Item": _packed(item)}, where, values)

    def remove(
        self, pk: str, sk: str, where: str = "", values: Mapping[str, Any] | None = None
    ) -> Action:
        """Remove an item; one that is absent is no failure."""
        return self._action("Delete", {"Key": _packed({"pk": pk, "sk": sk})}, where, values)

    def change(
        self,
        key: tuple[str, str],
        changes: Mapping[str, Any],
        where: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Action:
        """Set these attributes; None removes one. The condition names others by ``#name``."""
        names = {f"#{name}": name for name in changes}
        kept = {name: value for name, value in changes.items() if value is not None}
        gone = [name for name, value in changes.items() if value is None]
        parts = []
        if kept:
            parts.append("SET " + ", ".join(f"#{name} = :new_{name}" for name in kept))
        if gone:
            parts.append("REMOVE " + ", ".join(f"#{name}" for name in gone))
        body = {
            "Key": _packed(dict(zip(("pk", "sk"), key, strict=True))),
            "UpdateExpression": " ".join(parts),
            "ExpressionAttributeNames": names,
        }
        new = {f":new_{name}": value for name, value in kept.items()}
        return self._action("Update", body, where, new | dict(values or {}))

    def add(self, key: tuple[str, str], n: int, until: int) -> int:
        """Add to what was counted under this key, at once, and return what that comes to.

        until    Unix seconds: then the row may go. One whose answer got lost may be added twice.
        """
        with translated(f"table {self.name}"):
            said = self._client.update_item(
                TableName=self.name,
                Key=_packed(dict(zip(("pk", "sk"), key, strict=True))),
                UpdateExpression="ADD n :n SET #expires_at = :until",
                ExpressionAttributeNames={"#expires_at": EXPIRES_AT},
                ExpressionAttributeValues=_packed({":n": n, ":until": until}),
                ReturnValues="UPDATED_NEW",
            )
        return int(_unpacked(said["Attributes"])["n"])

    def number(self, name: str, n: int = 1) -> tuple[int, Action]:
        """The first of `n` new numbers of this counter, and the action that takes them: refused
        where another was quicker."""
        found = self.get("#counter", name)
        last = int(found["n"]) if found else 0
        where, values = ("n = :n", {":n": last}) if found else (ABSENT, {})
        return last + 1, self.put({"pk": "#counter", "sk": name, "n": last + n}, where, values)

    def check(
        self, key: tuple[str, str], where: str, values: Mapping[str, Any] | None = None
    ) -> Action:
        """Change nothing; hold the transaction to this condition."""
        body = {"Key": _packed(dict(zip(("pk", "sk"), key, strict=True)))}
        return self._action("ConditionCheck", body, where, values)

    def _action(
        self, kind: str, body: dict[str, Any], where: str, values: Mapping[str, Any] | None
    ) -> Action:
        body["TableName"] = self.name
        if where:
            body["ConditionExpression"] = where
            named = {f"#{name}": name for name in re.findall(r"#(\w+)", where)}
            if named:
                body["ExpressionAttributeNames"] = body.get("ExpressionAttributeNames", {}) | named
        if values:
            body["ExpressionAttributeValues"] = _packed(values)
        return {kind: body}


def transact(clients: Clients, actions: Sequence[Action]) -> None:
    """Do all of them or none. Raises Refused where conditions did not hold.

    One that meets another transaction on the same items, or no room, is tried again.
    """
    client = clients.get("dynamodb")
    for _ in clients.tries():
        try:
            with translated("DynamoDB"):
                client.transact_write_items(TransactItems=list(actions))
        except StateConflict as conflict:
            at = _refused(conflict.__cause__)
            if at:
                raise Refused(at) from None
            if at is None:
                raise
            continue  # it met another transaction
        return
    raise StateConflict("DynamoDB: others write the same items all the time; it is tried again")


def write(clients: Clients, action: Action) -> bool:
    """Do one action; False where its condition did not hold."""
    client = clients.get("dynamodb")
    [(kind, body)] = action.items()
    call = {"Put": "put_item", "Delete": "delete_item", "Update": "update_item"}[kind]
    for _ in clients.tries():
        try:
            with translated(f"table {body['TableName']}"):
                getattr(client, call)(**body)
        except StateConflict as conflict:
            code = code_of(conflict.__cause__)
            if code == "ConditionalCheckFailedException":
                return False
            if code == "TransactionConflictException":
                continue  # it met a transaction on this item
            raise
        return True
    raise StateConflict("DynamoDB: others write the same item all the time; it is tried again")


def pieces(some: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """One part after the other, none longer than `size`."""
    return (some[i : i + size] for i in range(0, len(some), size))


def put_all(clients: Clients, puts: Sequence[Action]) -> None:
    """Do these puts, whatever is there, many at a time and in no order."""
    _batch(
        clients, [(a["Put"]["TableName"], {"PutRequest": {"Item": a["Put"]["Item"]}}) for a in puts]
    )


def remove_all(clients: Clients, removals: Sequence[Action]) -> None:
    """Do these removals, whatever is there, many at a time and in no order."""
    _batch(
        clients,
        [
            (a["Delete"]["TableName"], {"DeleteRequest": {"Key": a["Delete"]["Key"]}})
            for a in removals
        ],
    )


def _batch(clients: Clients, requests: Sequence[tuple[str, dict[str, Any]]]) -> None:
    client = clients.get("dynamodb")
    for some in pieces(requests, 25):
        left: dict[str, list[Any]] = {}
        for table, request in some:
            left.setdefault(table, []).append(request)
        for _ in clients.tries():
            with translated("DynamoDB"):
                left = client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}
            if not left:
                break
        else:
            raise StateConflict("DynamoDB has no room for a batch; it is tried again")


def number_text(number: int) -> str:
    """A number as text that sorts as it does."""
    return f"{number:020d}"


def fits(*parts: Sequence[Action]) -> bool:
    """Whether they can be one transaction."""
    n = sum(map(len, parts))
    return n <= MOST_ACTIONS and sum(map(size_of, parts)) < MOST_BYTES


def portions(actions: Sequence[Action], first: Sequence[Action] = ()) -> Iterator[list[Action]]:
    """Actions in their order, so many together as one transaction takes; the first of these has
    room for `first` besides."""
    some: list[Action] = []
    n, size = len(first), size_of(first)
    for action in actions:
        more = _size(action)
        if n + 1 > MOST_ACTIONS or size + more >= MOST_BYTES:
            yield some
            some, n, size = [], 0, 0
        some.append(action)
        n, size = n + 1, size + more
    if some:
        yield some


def size_of(actions: Iterable[Action]) -> int:
    """About how many bytes the actions have."""
    return sum(_size(action) for action in actions)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(len(key) + _size(one) for key, one in value.items())
    return len(value) if isinstance(value, str | bytes) else 8


def _refused(cause: Any) -> tuple[int, ...] | None:
    """Positions whose conditions failed; none: it only met another; None: something else."""
    code = code_of(cause)
    if code == "TransactionInProgressException":
        return ()
    if code != "TransactionCanceledException":
        return None
    codes = [reason.get("Code") for reason in cause.response.get("CancellationReasons", [])]
    failed = tuple(i for i, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if failed:
        return failed
    passing = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    return () if passing & set(codes) else None


def _packed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(value) for key, value in item.items()}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    return {"B": value} if isinstance(value, bytes) else {"S": str(value)}


def _unpacked(item: Mapping[str, Any]) -> Item:
    return {key: _plain(value) for key, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, inner)] = value.items()
    return int(inner) if kind == "N" else inner
