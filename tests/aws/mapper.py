"""An event source mapping that behaves as Lambda's: batches of a shard in order, retries,
bisecting, partial failures, and a destination for what is given up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3

Record = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Killed(BaseException):
    """The function's process ended in the middle of a batch."""


class Context:
    """What Lambda tells a function of its call."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Mapper:
    """From a stream to one function.

    size         records a batch
    retries      how often a batch that failed comes again; then it goes to the destination
    times        how often each batch is delivered that went well: Lambda promises once, at least
    on_killed    a new container begins
    """

    def __init__(
        self,
        stream: str,
        handler: Handler,
        destination: str,
        *,
        size: int = 100,
        retries: int = 3,
        times: int = 1,
        on_killed: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._handler = handler
        self._destination = destination
        self._size, self._retries, self._times = size, retries, times
        self._on_killed = on_killed
        self._kinesis = boto3.client("kinesis")
        self._sqs = boto3.client("sqs")
        self._iterators: dict[str, str] = {}
        self.calls = 0

    def run(self) -> None:
        """Deliver all that is in the stream, from where the last run ended."""
        for shard in self._kinesis.list_shards(StreamName=self._stream)["Shards"]:
            name = shard["ShardId"]
            waiting = list(self._new(name))
            while waiting:
                batch, waiting = waiting[: self._size], waiting[self._size :]
                self._deliver(name, batch, 0)

    def _new(self, shard: str) -> Iterator[Record]:
        iterator = (
            self._iterators.get(shard)
            or self._kinesis.get_shard_iterator(
                StreamName=self._stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )
        while True:
            said = self._kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            iterator = said["NextShardIterator"]
            if not said["Records"]:
                self._iterators[shard] = iterator
                return
            yield from said["Records"]

    def _deliver(self, shard: str, batch: list[Record], tries: int) -> None:
        try:
            for _ in range(self._times):
                failed = self._call(shard, batch)
        except (Exception, Killed) as error:
            if isinstance(error, Killed):
                self._on_killed()
            if tries >= self._retries:
                self._give_up(shard, batch)
            elif len(batch) > 1:  # bisect: both halves have the tries that are left
                middle = len(batch) // 2
                self._deliver(shard, batch[:middle], tries + 1)
                self._deliver(shard, batch[middle:], tries + 1)
            else:
                self._deliver(shard, batch, tries + 1)
            return
        if failed is None:
            return
        # All before the first that failed is done; from there it comes again.
        rest = batch[failed:]
        if tries >= self._retries:
            self._give_up(shard, rest)
        elif failed:
            self._deliver(shard, rest, tries + 1)
        else:
            middle = max(1, len(rest) // 2)
            self._deliver(shard, rest[:middle], tries + 1)
            if rest[middle:]:
                self._deliver(shard, rest[middle:], tries + 1)

    def _call(self, shard: str, batch: list[Record]) -> int | None:
        """Position of the first that failed; None: none did."""
        self.calls += 1
        answer = self._handler(self._event(shard, batch), Context())
        json.dumps(answer)
        failures = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        at = [i for i, record in enumerate(batch) if record["SequenceNumber"] in failures]
        assert len(at) >= bool(failures), "a failure that is not of this batch fails all of it"
        return min(at, default=None)

    def _event(self, shard: str, batch: list[Record]) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "eventID": f"{shard}:{record['SequenceNumber']}",
                    "eventSource": "aws:kinesis",
                    "kinesis": {
                        "sequenceNumber": record["SequenceNumber"],
                        "partitionKey": record["PartitionKey"],
                        "data": base64.b64encode(record["Data"]).decode(),
                        "approximateArrivalTimestamp": 0.0,
                    },
                }
                for record in batch
            ]
        }

    def _give_up(self, shard: str, batch: list[Record]) -> None:
        """Lambda sends where the batch lies, and not what is in it."""
        about = {
            "KinesisBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": batch[0]["SequenceNumber"],
                "endSequenceNumber": batch[-1]["SequenceNumber"],
                "batchSize": len(batch),
            }
        }
        self._sqs.send_message(QueueUrl=self._destination, MessageBody=json.dumps(about))


def messages(queue: str) -> list[dict[str, Any]]:
    """All that waits in a queue, taken out of it."""
    sqs = boto3.client("sqs")
    found: list[dict[str, Any]] = []
    while some := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(one["Body"]) for one in some]
        for one in some:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return found
