"""What is asked of AWS, counted call by call; and calls that fail as AWS fails.

It stands between botocore and the wire, below botocore's own tries: a call that is tried again is
counted again.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from atalaia.homes.aws import clients
from atalaia.homes.aws.tables import TABLES

Fault = Callable[[str, Mapping[str, Any]], "Answer | None"]
"""Told of each call (``dynamodb.PutItem``) and its parameters: what AWS answers in its stead."""


@dataclass(frozen=True)
class Answer:
    """AWS's no, with its own code; status 0: no answer at all. `is_done`: after it has done what
    was asked."""

    status: int
    code: str
    is_done: bool = False

    def of(self, name: str) -> Answer:
        """As the service of this call says it."""
        code = _CODES.get((name.partition(".")[0], self.code), self.code)
        if (name, self) == ("dynamodb.TransactWriteItems", CONFLICT):
            code = "TransactionCanceledException"
        return Answer(503, code) if code == "SlowDown" else Answer(self.status, code, self.is_done)


_Key = tuple[str, str, str]
"""A table, and both keys of an item."""

DENIED = Answer(400, "AccessDeniedException")
THROTTLED = Answer(400, "ProvisionedThroughputExceededException")
CONFLICT = Answer(400, "TransactionConflictException")
LOST = Answer(500, "InternalServerError", is_done=True)
TIMED_OUT = Answer(0, "", is_done=True)
_CODES = {
    ("s3", THROTTLED.code): "SlowDown",
    ("s3", DENIED.code): "AccessDenied",
    ("s3", LOST.code): "InternalError",
    ("sqs", THROTTLED.code): "RequestThrottled",
    ("sqs", LOST.code): "InternalFailure",
    ("kms", THROTTLED.code): "ThrottlingException",
    ("kms", LOST.code): "KMSInternalException",
    ("kinesis", LOST.code): "InternalFailure",
}


@dataclass
class Calls:
    """What was asked since this began.

    calls    by service and operation
    units    of DynamoDB: ``read`` and ``write``, as its documentation counts them, and ``index``:
             writes that its indexes cost besides
    bytes    sent and received
    long     kilobytes of items of DynamoDB that were put and have more than one
    """

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    long: dict[_Key, int] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def total(self) -> int:
        return self.calls.total()

    def of(self, service: str) -> int:
        """Calls of one service."""
        return sum(n for name, n in self.calls.items() if name.startswith(f"{service}."))


@contextmanager
def counted(fault: Fault | None = None) -> Iterator[Calls]:
    """Count what clients ask that are made meanwhile."""
    found, make, lock = Calls(fault=fault), clients._client, threading.Lock()
    asked = threading.local()

    def client(service: str) -> Any:
        made = make(service)

        def before(params: dict[str, Any], model: Any, **_: Any) -> None:
            asked.params, asked.name = params, f"{service}.{model.name}"

        def send(request: Any, **_: Any) -> AWSResponse | None:
            name, params = asked.name, asked.params
            with lock:
                found.calls[name] += 1
                found.bytes += _length(request.body)
                if service == "dynamodb":
                    found.units["write"] += _written(name, params, found.long)
                    found.units["index"] += sum(map(_indexed, _puts(name, params)))
            answer = found.fault(name, params) if found.fault else None
            if answer is None:
                return None
            if answer.is_done:
                made._endpoint.http_session.send(request)
            if not answer.status:
                raise ReadTimeoutError(endpoint_url=request.url)
            return _refusal(answer.of(name), request.url)

        def after(model: Any, http_response: Any, parsed: Any, **_: Any) -> None:
            with lock:
                found.bytes += int(http_response.headers.get("content-length") or 0)
                if service == "dynamodb":
                    found.units["read"] += _read(model.name, asked.params, parsed)

        made.meta.events.register(f"provide-client-params.{service}.*", before)
        made.meta.events.register(f"after-call.{service}.*", after)
        made.meta.events.register(f"before-send.{service}.*", send)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "_client", client)
        yield found


def once(name: str, answer: Answer, times: int = 1) -> Fault:
    """The first of these calls fail so."""
    left = [times]

    def fault(asked: str, _: Mapping[str, Any]) -> Answer | None:
        if asked == name and left[0]:
            left[0] -= 1
            return answer
        return None

    return fault


def always(answer: Answer, *names: str) -> Fault:
    """Each of these fails so; of none, all."""
    return lambda asked, _: answer if not names or asked in names else None


class _Raw:
    """A body, as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def _refusal(answer: Answer, url: str) -> AWSResponse:
    """In JSON, and in XML for S3: each service looks for its own."""
    said: dict[str, Any] = {"__type": f"x#{answer.code}", "message": "a fault of a test"}
    if answer.code == "TransactionCanceledException":
        said["CancellationReasons"] = [{"Code": "TransactionConflict"}]
    body = json.dumps(said).encode()
    if answer.code in ("SlowDown", "AccessDenied", "InternalError"):
        body = f"<Error><Code>{answer.code}</Code><Message>a fault</Message></Error>".encode()
    return AWSResponse(url, answer.status, {}, _Raw(body))


def _written(name: str, params: Mapping[str, Any], long: dict[_Key, int]) -> int:
    """Write units of a call, without those of indexes: 1 for each KB begun, twice in a
    transaction. A removal or an update costs as much as what is there; `long` is kept up."""
    times = 2 if name == "dynamodb.TransactWriteItems" else 1
    units = 0
    for table, body in _writes(name, params):
        keys = body["Item"] if "Item" in body else body["Key"]
        key = table, keys["pk"]["S"], keys["sk"]["S"]
        size = max(_kilobytes(body.get("Item", {})), long.get(key, 1))
        units += times * size
        if "Item" in body and _kilobytes(body["Item"]) > 1:
            long[key] = _kilobytes(body["Item"])
        elif "UpdateExpression" not in body:
            long.pop(key, None)
    return units


def _writes(name: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Table and body of each write of a call."""
    match name.partition(".")[2]:
        case "PutItem" | "DeleteItem" | "UpdateItem":
            yield params["TableName"], params
        case "BatchWriteItem":
            for table, each in params["RequestItems"].items():
                yield from ((table, body) for one in each for body in one.values())
        case "TransactWriteItems":
            for one in params["TransactItems"]:
                yield from ((body["TableName"], body) for body in one.values())


def _puts(name: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Table and item of each put of a call."""
    return ((table, body["Item"]) for table, body in _writes(name, params) if "Item" in body)


def _indexed(put: tuple[str, Mapping[str, Any]]) -> int:
    """Write units of a put in the indexes of its table: its size in each that it is in; of what was
    changed twice that, for what was there before is taken out. One of keys alone has a message
    anew once it is settled."""
    table, item = put
    indexes = TABLES[table.partition("-")[2]].indexes if table.partition("-")[2] in TABLES else ()
    mine = [index for index in indexes if index.hash in item and index.range in item]
    whole = sum(not index.has_keys_only for index in mine)
    if item.get("rev", {"N": "1"})["N"] == "1":
        return whole * _kilobytes(item) + len(mine) - whole
    is_settled = item["settled"]["N"] != "0"
    return 2 * (whole * _kilobytes(item) + (len(mine) - whole) * is_settled)


def _read(name: str, params: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    """Read units of an answer: 1 for each 4 KB begun of all that one query looked through, and of
    each item that was asked for by its key; half of that where it need not be the newest."""
    share = 1.0 if params.get("ConsistentRead") else 0.5
    match name:
        case "GetItem":
            return -(-_kilobytes(parsed.get("Item", {})) // 4) or 1
        case "Query" | "Scan":
            size = sum(map(_item_size, parsed.get("Items", ())))
            return share * (-(-size // 4096) or 1)
        case "BatchGetItem":
            asked = sum(len(one["Keys"]) for one in params["RequestItems"].values())
            found = [one for rows in parsed.get("Responses", {}).values() for one in rows]
            return sum(-(-_kilobytes(one) // 4) for one in found) + asked - len(found)
    return 0


def _length(body: Any) -> int:
    return len(body) if isinstance(body, bytes | bytearray | str) else 0


def _kilobytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    return -(-_item_size(item) // 1024)


def _item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    [(kind, inner)] = value.items()
    if kind == "N":
        return len(str(inner)) // 2 + 2
    return 1 if kind == "BOOL" else len(inner)
