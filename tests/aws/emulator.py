"""Amazon's services on loopback, in a process of their own: ``python emulator.py PORT``.

What one process plays it plays once: two deployments that have to be apart need two. Five things
are other than in moto's own server: DynamoDB does one thing after the other (`one_at_a_time`);
what takes moto long is done otherwise (`hasten`); ``/sms`` and ``/mail`` say what went out by SNS
and by SES, as ``[[to, what], …]``; and event source mappings are kept, and never run. Moto would
run some of them, in containers of Docker, and where there are none throw away what they were to
hand over. And SES may be told whether its notices are to have a mail's headers, which moto has not
made, and Terraform asks for 25 times.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import lru_cache, wraps
from typing import Any

from moto import backends
from moto.awslambda.models import LambdaBackend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import EmptyResult
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.kinesis.models import kinesis_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.ses.models import ses_backends
from moto.ses.responses import EmailResponse
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from werkzeug.serving import run_simple

Start = Callable[[str, list[tuple[str, str]]], Any]


def main(port: int) -> None:
    """Serve until the process is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    keep_mappings()
    take_headers()
    hasten()
    one_at_a_time()
    services: Any = DomainDispatcherApplication(create_backend_app)

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        asked = SENT.get(environ["PATH_INFO"])
        if asked is None:
            return services(environ, start)  # type: ignore[no-any-return]
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(asked()).encode()]

    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


def sms() -> list[Any]:
    regions = sns_backends[DEFAULT_ACCOUNT_ID].values()
    return [one for sns in regions for one in sns.sms_messages.values()]


def mail() -> list[Any]:
    regions = ses_backends[DEFAULT_ACCOUNT_ID].values()
    found = [one for ses in regions for one in ses.sent_messages]
    return [(one.destinations[0], one.raw_data) for one in found]


SENT = {"/sms": sms, "/mail": mail}


def keep_mappings() -> None:
    """Let them be stored, and let no queue, table or stream know of them."""
    create = LambdaBackend.create_event_source_mapping

    def stored(backend: Any, spec: dict[str, Any]) -> Any:
        made = create(backend, spec)
        where = backend.account_id, backend.region_name
        for sources in (
            sqs_backends[where[0]][where[1]].queues,
            dynamodb_backends[where[0]][where[1]].tables,
            kinesis_backends[where[0]][where[1]].streams,
        ):
            for source in sources.values():
                source.lambda_event_source_mappings.clear()
        return made

    LambdaBackend.create_event_source_mapping = stored


def take_headers() -> None:
    """Let it be said whether notices have headers, to no effect."""
    name = "set_identity_headers_in_notifications_enabled"
    setattr(EmailResponse, name, lambda _: EmptyResult())


@lru_cache(1)
def hasten() -> None:
    """Let a transaction that fails put its own items back, and let the names of all services be
    listed once.

    Moto copies the whole table for each of a transaction's items before it begins: with some
    hundred rows that is nearly all that it does. Here a copy of a table is the table itself, for
    what may be put back is kept by item. (A backup of a table, which moto makes by a copy as well,
    would be none.) And it looks through its own folders at each request.
    """
    do = DynamoDBBackend.transact_write_items
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services

    def transact(backend: Any, items: list[dict[str, Any]]) -> None:
        undo = [each for item in items for op in item.values() for each in undone(backend, op)]
        try:
            do(backend, items)
        except Exception:
            for put_back in undo:
                put_back()
            raise

    DynamoDBBackend.transact_write_items = transact  # type: ignore[method-assign]
    Table.__deepcopy__ = lambda table, _: table


def undone(backend: Any, op: dict[str, Any]) -> Iterator[Callable[[], object]]:
    """What puts back the item of an operation, and the changes that its table's readers are told
    of; nothing where moto will refuse it. Each table here has both keys."""
    table, row = backend.tables.get(op.get("TableName")), op.get("Item") or op.get("Key") or {}
    if table is None or not {table.hash_key_attr, table.range_key_attr} <= row.keys():
        return
    pk, sk = (DynamoType(row[key]) for key in (table.hash_key_attr, table.range_key_attr))
    before = deepcopy(table.get_item(pk, sk))  # an update changes the item as it lies there
    if before is None:
        yield lambda: table.items[pk].pop(sk, None)
    else:
        yield lambda: table.items[pk].update({sk: before})
    if table.stream_shard is not None:
        told = len(table.stream_shard.items)
        yield lambda: table.stream_shard.items.__delitem__(slice(told, None))


def one_at_a_time() -> None:
    """Let DynamoDB's writes and reads wait for each other, as AWS's transactions are isolated."""
    lock = threading.RLock()

    def locked(do: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(do)
        def one(*given: Any, **named: Any) -> Any:
            with lock:
                return do(*given, **named)

        return one

    for name in (
        "put_item",
        "update_item",
        "delete_item",
        "transact_write_items",
        "get_item",
        "query",
    ):
        do = getattr(DynamoDBBackend, name)
        if not hasattr(do, "__wrapped__"):
            setattr(DynamoDBBackend, name, locked(do))


if __name__ == "__main__":
    main(int(sys.argv[1]))
