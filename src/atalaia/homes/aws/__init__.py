"""The AWS home: Kinesis, DynamoDB, S3, KMS and Athena behind the same ports.

Opening it asks AWS for nothing: clients are made when they are first used.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from atalaia.domain.place import Places
from atalaia.errors import HeldByAnother
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.dynamo import ABSENT, DynamoTable, write
from atalaia.homes.aws.outbox import DynamoOutbox
from atalaia.homes.aws.people import DynamoPeople, erased_of
from atalaia.homes.aws.state import DynamoState
from atalaia.homes.aws.stream import LaneStream
from atalaia.homes.aws.table_stream import open_stream
from atalaia.homes.aws.talks import DynamoTalks

if TYPE_CHECKING:
    from atalaia.homes.aws.keys import DynamoKeys
    from atalaia.homes.aws.lake import S3Lake
    from atalaia.homes.aws.meter import DynamoMeters
    from atalaia.homes.aws.sql import AthenaSql

HOLD_S = 900
"""A task is held for so long: no function runs for longer, and what does prolongs it."""


@dataclass(frozen=True)
class AwsHome:
    """An open home of one deployment. Fills `ports.Home`; what is not used is not imported."""

    config: Config
    clients: Clients
    stream: LaneStream
    people: DynamoPeople
    outbox: DynamoOutbox

    @property
    def name(self) -> str:
        return f"deployment {self.config.env}"

    @property
    def state(self) -> DynamoState:
        """A new one each time: it remembers what its consumer has read."""
        return DynamoState(self.clients, self.table("state"), self.table("log"))

    @property
    def keys(self) -> DynamoKeys:
        """Of people, with the data key that KMS opens."""
        from atalaia.homes.aws.keys import DynamoKeys, KmsWrap  # noqa: PLC0415

        table = self.table("keys")
        return DynamoKeys(self.clients, table, KmsWrap(self.clients, table, self.config.people_key))

    @property
    def talks(self) -> DynamoTalks:
        """Half-done talks of the bot."""
        return DynamoTalks(self.clients, self.table("contacts"))

    @property
    def meter(self) -> DynamoMeters:
        """How often one may ask: a container's own count, and a table that all add to."""
        from atalaia.homes.aws.meter import DynamoMeters  # noqa: PLC0415

        return DynamoMeters(self.table("state"), self.people, lambda: self.keys)

    @property
    def lake(self) -> S3Lake:
        """RAW, GOLD, what was set aside of both as damaged, and who is told, sealed."""
        from atalaia.homes.aws.lake import S3Lake  # noqa: PLC0415

        places = {"raw": "raw", "gold": "gold", "damaged": "gold", "recipients": "gold"}
        return S3Lake(self.clients, {k: self.config.bucket(name) for k, name in places.items()})

    @property
    def sql(self) -> AthenaSql:
        """Athena over GOLD."""
        from atalaia.homes.aws.sql import AthenaSql  # noqa: PLC0415

        return AthenaSql(self.clients, self.config.workgroup, self.config.database)

    def table(self, name: str) -> DynamoTable:
        """One of `tables.TABLES`."""
        return DynamoTable(self.clients, self.config.table(name))

    def wake(self, what: str) -> None:
        """By the queue of this name."""
        self.send(what, "{}")

    def send(self, queue: str, text: str) -> None:
        """Send a message to a queue; nothing where the deployment has none."""
        if self.config.queues:
            url = self.config.queue(queue)
            self.clients.get("sqs").send_message(QueueUrl=url, MessageBody=text)

    @contextmanager
    def hold(self, task: str, now: Callable[[], float] = time.time) -> Iterator[Callable[[], bool]]:
        """Keep other processes from doing `task` until the block ends, or for `HOLD_S`.

        Yields what prolongs it by as much again, and says whether it could: who is told that it
        could not has lost the task to another, and must stop. Raises HeldByAnother if another
        holds it.
        """
        table, mine = self.table("state"), uuid.uuid4().hex

        def take(where: str, values: dict[str, Any]) -> bool:
            until = int(now()) + HOLD_S
            item = {"pk": "#lock", "sk": task, "holder": mine, "until": until}
            return write(self.clients, table.put(item, where, values))

        # Mine already: it was done, and the answer got lost.
        where = f"{ABSENT} OR #until < :now OR holder = :mine"
        try:
            if not take(where, {":now": int(now()), ":mine": mine}):
                raise HeldByAnother(
                    f"{task} of {self.config.env} is in use by another; it is tried again"
                )
            yield lambda: take("holder = :mine", {":mine": mine})
        finally:
            # Also where nobody said whether it was taken: what is not mine stays.
            write(self.clients, table.remove("#lock", task, "holder = :mine", {":mine": mine}))


def open_home(
    config: Config, places: Places | None = None, clients: Clients | None = None
) -> AwsHome:
    """The home of a deployment; with `places` its stream knows their lanes."""
    clients = clients or Clients()

    def table(name: str) -> DynamoTable:
        return DynamoTable(clients, config.table(name))

    outbox = DynamoOutbox(
        clients, table("outbox"), table("deliveries"), partial(erased_of, table("people"))
    )
    return AwsHome(
        config=config,
        clients=clients,
        stream=open_stream(clients, config, table("state"), places),
        people=DynamoPeople(
            clients, table("people"), table("contacts"), table("consents"), outbox.forget_person
        ),
        outbox=outbox,
    )
