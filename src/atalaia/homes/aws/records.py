"""What Lambda hands over from the stream: some records of one shard, in their order.

It gives each record at least once. What a consumer has had it knows by the sequence number that its
last commit carried, and passes over. Of a stream in a table the one lane is the shard: Lambda does
not name DynamoDB's, and their numbers grow from each shard to the next.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from atalaia.errors import PayloadInvalid
from atalaia.homes.aws import AwsHome
from atalaia.homes.aws.stream import Carried, unpack
from atalaia.logs import Logger
from atalaia.ports import Commit, Record

_POISON = "poison/"
_MOST_SHOWN = 150_000
"""Bytes of a record that go to the queue with it, which takes 256 KB."""

log = Logger()


class Came(NamedTuple):
    """A record with its sequence number: `sequence` as a number, `text` as it was written."""

    sequence: int
    text: str
    carried: Carried

    @property
    def record(self) -> Record:
        """As the port has it."""
        return Record(self.carried.number, self.carried.payload)


class Poison(NamedTuple):
    """A record that nobody can read."""

    sequence: int
    text: str
    data: bytes
    reason: str


class Batch(NamedTuple):
    """Of one shard."""

    shard: str
    came: list[Came]
    poison: list[Poison]


def read(event: dict[str, Any]) -> Batch:
    """The batch in an event. What cannot be read is told apart, and stops nothing."""
    shard = ""
    came: list[Came] = []
    poison: list[Poison] = []
    for one in event["Records"]:
        if one.get("eventName", "INSERT") == "REMOVE":
            continue  # a row of a table that was kept for long enough
        shard, text, data = _raw(one)
        try:
            came.append(Came(int(text), text, unpack(data)))
        except PayloadInvalid as error:
            poison.append(Poison(int(text), text, data, str(error)))
    return Batch(shard, came, poison)


def _raw(one: dict[str, Any]) -> tuple[str, str, bytes]:
    """Shard, sequence number and data of a record."""
    if "kinesis" in one:
        shard = str(one["eventID"]).partition(":")[0]
        said = one["kinesis"]
        return shard, str(said["sequenceNumber"]), base64.b64decode(said["data"])
    said = one["dynamodb"]
    data = said.get("NewImage", {}).get("data", {}).get("B", "")
    return str(said["Keys"]["pk"]["S"]), str(said["SequenceNumber"]), base64.b64decode(data)


def set_aside(home: AwsHome, batch: Batch) -> None:
    """Send what cannot be read to the queue for it, with its place in the stream: each once, but
    again where the process dies in between."""
    if not batch.poison:
        return
    state, consumer = home.state, _POISON + batch.shard
    had = state.offset(consumer)
    new = [one for one in batch.poison if one.sequence > had]
    for one in new:
        about = {
            "shard": batch.shard,
            "sequence": one.text,
            "reason": one.reason,
            "bytes": len(one.data),
            "data": base64.b64encode(one.data[:_MOST_SHOWN]).decode(),
        }
        home.send("poison", msgspec.json.encode(about).decode())
        log.warning("a record cannot be read", **{k: about[k] for k in ("shard", "sequence")})
    if new:
        state.commit(Commit(consumer, new[-1].sequence))


def failed(came: Sequence[Came]) -> dict[str, list[dict[str, str]]]:
    """Lambda's answer: go on from the first of these again; from nothing, all is done."""
    texts = [one.text for one in sorted(came)[:1]]
    return {"batchItemFailures": [{"itemIdentifier": text} for text in texts]}
