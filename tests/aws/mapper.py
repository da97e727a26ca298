"""Event source mappings that behave as Lambda's: batches of a shard in order, retries, bisecting,
partial failures, a destination for what is given up; and batches of a queue.

Reference: AWS Lambda developer guide, "Retain discarded batch records for a Kinesis Data Streams
event source" (splitting a batch uses up no retry), "Configuring partial batch response with
Kinesis", "Using Lambda with Amazon SQS". The batch window is over whenever `run` is called.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import boto3

Record = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function of its call."""

    left_s: float = 60.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1000)


@dataclass(frozen=True)
class Mapping:
    """The settings of one, as Lambda names them.

    source, destination    ARNs; an empty destination: what is given up is lost
    retries, max_age_s     None: for ever
    reports                ReportBatchItemFailures: without it the answer is not looked at
    """

    function: str
    source: str
    size: int
    retries: int | None = None
    max_age_s: int | None = None
    bisects: bool = False
    reports: bool = False
    destination: str = ""


class Source(Protocol):
    """A stream: its shards, and what is new in each. A record is as it stands in the event."""

    info: str

    def shards(self) -> list[str]: ...

    def new(self, shard: str) -> Iterator[Record]: ...

    def number(self, record: Record) -> str: ...

    def arrived_at(self, record: Record) -> float: ...


class KinesisSource:
    """Reads on from where it stands."""

    info = "KinesisBatchInfo"

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._client = boto3.client("kinesis")
        self._iterators: dict[str, str] = {}

    def shards(self) -> list[str]:
        found = self._client.list_shards(StreamName=self._stream)["Shards"]
        return [shard["ShardId"] for shard in found]

    def new(self, shard: str) -> Iterator[Record]:
        iterator = (
            self._iterators.get(shard)
            or self._client.get_shard_iterator(
                StreamName=self._stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )
        while True:
            said = self._client.get_records(ShardIterator=iterator, Limit=10_000)
            iterator = self._iterators[shard] = said["NextShardIterator"]
            if not said["Records"]:
                return
            for record in said["Records"]:
                yield {
                    "eventID": f"{shard}:{record['SequenceNumber']}",
                    "eventSource": "aws:kinesis",
                    "kinesis": {
                        "sequenceNumber": record["SequenceNumber"],
                        "partitionKey": record["PartitionKey"],
                        "data": base64.b64encode(record["Data"]).decode(),
                        "approximateArrivalTimestamp": _seconds(
                            record["ApproximateArrivalTimestamp"]
                        ),
                    },
                }

    def number(self, record: Record) -> str:
        return str(record["kinesis"]["sequenceNumber"])

    def arrived_at(self, record: Record) -> float:
        return float(record["kinesis"]["approximateArrivalTimestamp"])


class ChangesSource:
    """The change stream of a table of DynamoDB, by its ARN."""

    info = "DDBStreamBatchInfo"

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client = boto3.client("dynamodbstreams")
        self._iterators: dict[str, str] = {}

    def shards(self) -> list[str]:
        said = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        return [shard["ShardId"] for shard in said["Shards"]]

    def new(self, shard: str) -> Iterator[Record]:
        iterator = (
            self._iterators.get(shard)
            or self._client.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )
        while True:
            said = self._client.get_records(ShardIterator=iterator, Limit=1_000)
            iterator = self._iterators[shard] = said["NextShardIterator"]
            if not said["Records"]:
                return
            for record in said["Records"]:
                change = {name: _as_json(value) for name, value in record["dynamodb"].items()}
                change["ApproximateCreationDateTime"] = _seconds(
                    change["ApproximateCreationDateTime"]
                )
                yield {**record, "eventSourceARN": self._arn, "dynamodb": change}

    def number(self, record: Record) -> str:
        return str(record["dynamodb"]["SequenceNumber"])

    def arrived_at(self, record: Record) -> float:
        return float(record["dynamodb"]["ApproximateCreationDateTime"])


class Mapper:
    """From a stream to one function.

    source       a stream; a text is the name of one of Kinesis
    destination  the address of a queue
    size         records a batch
    retries      how often a batch that failed, and is not cut any more, comes again; None: for ever
    times        how often each batch is delivered that went well: Lambda promises once, at least
    calls        how often the function was called
    """

    def __init__(
        self,
        source: str | Source,
        handler: Handler,
        destination: str,
        *,
        size: int = 100,
        retries: int | None = 3,
        max_age_s: int | None = None,
        bisects: bool = True,
        reports: bool = True,
        times: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = KinesisSource(source) if isinstance(source, str) else source
        self._handler = handler
        self._destination = destination
        self._size, self._retries, self._times = size, retries, times
        self._max_age_s, self._bisects, self._reports = max_age_s, bisects, reports
        self._now = now
        self.calls = 0

    def run(self) -> None:
        """Deliver all that is in the stream, from where the last run ended."""
        for shard in self._source.shards():
            waiting = list(self._source.new(shard))
            while waiting:
                batch, waiting = waiting[: self._size], waiting[self._size :]
                self._deliver(shard, batch, 0)

    def _deliver(self, shard: str, batch: list[Record], tries: int) -> None:
        young = [record for record in batch if not self._is_too_old(record)]
        if len(young) < len(batch):
            self._give_up(shard, batch[: len(batch) - len(young)])
        if not young:
            return
        failed: int | None = None
        for _ in range(self._times):
            failed = self._call(young)
            if failed is not None:
                self._again(shard, young, failed, tries)
                return

    def _again(self, shard: str, batch: list[Record], failed: int, tries: int) -> None:
        """All before the first that failed is done; from there it comes again."""
        rest = batch[failed:]
        if failed:
            self._deliver(shard, rest, 0)
        elif self._bisects and len(rest) > 1:
            middle = len(rest) // 2
            self._deliver(shard, rest[:middle], tries)
            self._deliver(shard, rest[middle:], tries)
        elif self._retries is not None and tries >= self._retries:
            self._give_up(shard, rest)
        else:
            self._deliver(shard, rest, tries + 1)

    def _call(self, batch: list[Record]) -> int | None:
        """Position of the first that failed; None: none did."""
        self.calls += 1
        try:
            answer = self._handler({"Records": batch}, Context())
        except Exception:
            return 0
        json.dumps(answer)
        if not self._reports:
            return None
        failures = {one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures") or ()}
        at = [i for i, one in enumerate(batch) if self._source.number(one) in failures]
        if failures and not at:
            return 0  # a failure that is not of this batch fails all of it
        return min(at, default=None)

    def _is_too_old(self, record: Record) -> bool:
        if self._max_age_s is None:
            return False
        return self._now() - self._source.arrived_at(record) > self._max_age_s

    def _give_up(self, shard: str, batch: list[Record]) -> None:
        """Lambda sends where the batch lies, and not what is in it."""
        about = {
            self._source.info: {
                "shardId": shard,
                "startSequenceNumber": self._source.number(batch[0]),
                "endSequenceNumber": self._source.number(batch[-1]),
                "batchSize": len(batch),
            }
        }
        if self._destination:
            sqs = boto3.client("sqs")
            sqs.send_message(QueueUrl=self._destination, MessageBody=json.dumps(about))


class QueueMapper:
    """From a queue to one function. What failed is seen again at once: its time-out has passed.

    How often, and where it goes then, is the queue's own redrive policy.
    """

    def __init__(
        self, queue: str, handler: Handler, *, size: int = 10, reports: bool = False, times: int = 1
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._size, self._reports, self._times = size, reports, times
        self._sqs = boto3.client("sqs")
        self.calls = 0

    def run(self) -> None:
        """Deliver until nothing is in the queue."""
        while batch := self._received():
            failed = self._call(batch)
            for one in batch:
                about = {"QueueUrl": self._queue, "ReceiptHandle": one["ReceiptHandle"]}
                if one["MessageId"] in failed:
                    self._sqs.change_message_visibility(**about, VisibilityTimeout=0)
                else:
                    self._sqs.delete_message(**about)

    def _received(self) -> list[dict[str, Any]]:
        said = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=min(self._size, 10), WaitTimeSeconds=0
        )
        return list(said.get("Messages", ()))

    def _call(self, batch: list[dict[str, Any]]) -> set[str]:
        records = [
            {
                "messageId": one["MessageId"],
                "receiptHandle": one["ReceiptHandle"],
                "body": one["Body"],
                "eventSource": "aws:sqs",
            }
            for one in batch
        ]
        every = {one["MessageId"] for one in batch}
        failed: set[str] = set()
        for _ in range(self._times):
            self.calls += 1
            try:
                answer = self._handler({"Records": records}, Context())
            except Exception:
                return every
            if self._reports:
                found = (answer or {}).get("batchItemFailures") or ()
                failed |= {one["itemIdentifier"] for one in found}
        return failed


def messages(queue: str) -> list[dict[str, Any]]:
    """All that waits in a queue, taken out of it."""
    sqs = boto3.client("sqs")
    found: list[dict[str, Any]] = []
    while some := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0
    ).get("Messages"):
        found += [json.loads(one["Body"]) for one in some]
        for one in some:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return found


def _as_json(value: Any) -> Any:
    """Bytes in base64, as in an event."""
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _seconds(at: Any) -> float:
    return float(at.timestamp())
