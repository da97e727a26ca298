"""The stream: what its two kinds, on Kinesis and in a table (`table_stream`), have in common; and
the one on Kinesis.

A record carries its own number, which a counter in DynamoDB has given out: that is the port's
offset, small enough for RAW's names and lines, and growing over all shards. Sequence numbers of
Kinesis and of DynamoDB, which grow within a shard alone and are opaque, say what a consumer has had
(`homes.aws.records`).

Places are watched in a fixed number of lanes (`domain.lanes`). A lane is a partition key, and so
keeps its order, however the stream is split into shards. A payload that speaks of places of
several lanes, or that does not say of which, goes to each of these; all but the first are marked as
copies, and the archive passes over them.

What neither can do: an append of several records is not taken back where it ends half-way (who
repeats it, repeats payloads, which changes nothing but RAW's size); and nothing can be dropped:
what is older than the stream's retention goes by itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, ClassVar, NamedTuple

import msgspec
import zstandard

from atalaia.domain.payload import Payload
from atalaia.errors import PayloadInvalid, StateConflict
from atalaia.homes.aws.clients import Clients, translated
from atalaia.homes.aws.dynamo import DynamoTable
from atalaia.ports import Record, Stream

_MOST_AT_ONCE = 500
_MOST_BYTES_AT_ONCE = 4_500_000
_MARK = b"ATA1"
_MOST_UNPACKED = 256_000_000
COUNTER = ("#counter", "stream")


class Carried(msgspec.Struct, frozen=True):
    """What a record of Kinesis holds: a payload, its number, and the lane that it is for."""

    number: int
    lane: int
    is_copy: bool
    payload: Payload


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Carried).decode


class Packed(NamedTuple):
    """A record that is to be put."""

    number: int
    lane: int
    data: bytes


def pack(carried: Carried) -> bytes:
    """A record's data."""
    packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
    return _MARK + packer.compress(_encode(carried))


def unpack(data: bytes) -> Carried:
    """The inverse of `pack`. Raises PayloadInvalid for what is none of ours, or is damaged."""
    if not data.startswith(_MARK):
        raise PayloadInvalid("a record of the stream was not written by Atalaia")
    try:
        body = zstandard.ZstdDecompressor().decompress(
            data[len(_MARK) :], max_output_size=_MOST_UNPACKED
        )
        return _decode(body)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise PayloadInvalid(f"a record of the stream is damaged: {error}") from error


class LaneStream(Stream):
    """Fills `ports.Stream`, but for `drop`.

    Reading looks through the whole stream: it is for people and for replays. Consumers get their
    records from Lambda.

    lanes    of the places, by id; without them every payload is for each lane
    most     bytes of one record, which is compressed
    """

    most: ClassVar[int]
    is_indexed = False

    def __init__(
        self,
        clients: Clients,
        name: str,
        state: DynamoTable,
        *,
        lanes: int = 1,
        lane_of_place: Mapping[str, int] | None = None,
    ) -> None:
        self._clients = clients
        self._name = name
        self._state = state
        self._lanes = lanes
        self._lane_of_place = lane_of_place or {}

    @abstractmethod
    def _put(self, entries: Sequence[Packed]) -> None:
        """Put them, those of a lane in their order. Raises StateConflict."""

    @abstractmethod
    def _data(self, after: int) -> Iterator[bytes]:
        """What lies in the stream, at least what has a number after this, in no order."""

    def append(self, payloads: Sequence[Payload]) -> int:
        """StateConflict may leave the first of them appended."""
        return self._append(payloads)

    def append_copies(self, payloads: Sequence[Payload]) -> int:
        """The same for what RAW has already, whose archive passes over them."""
        return self._append(payloads, are_copies=True)

    def _append(self, payloads: Sequence[Payload], *, are_copies: bool = False) -> int:
        if not payloads:
            return self.last_offset()
        for payload in payloads:  # what cannot be taken is found before a number is given
            size = len(pack(Carried(0, 0, False, payload)))
            if size > self.most:
                raise StateConflict(
                    f"a payload of {payload.source} has {size} bytes packed, and a record of the "
                    f"stream {self.most} at most; ask for fewer places at a time"
                )
        last = self._numbers(len(payloads))
        first = last - len(payloads) + 1
        entries = [
            Packed(number, lane, pack(Carried(number, lane, are_copies or i > 0, payload)))
            for number, payload in enumerate(payloads, first)
            for i, lane in enumerate(self._lanes_for(payload))
        ]
        self._put(entries)
        return last

    def read(self, after: int, limit: int) -> list[Record]:
        """What is none of ours is passed over."""
        found = [
            Record(carried.number, carried.payload)
            for carried in self._carried(after)
            if carried.number > after and not carried.is_copy
        ]
        return sorted(found, key=lambda record: record.offset)[:limit]

    def last_offset(self) -> int:
        """The newest number given; its record may be on its way."""
        found = self._state.get(*COUNTER)
        return int(found["n"]) if found else 0

    def drop(self, up_to: int) -> int:
        """Nothing: it forgets by itself."""
        del up_to
        return 0

    def _numbers(self, n: int) -> int:
        """Give out so many numbers; return the last."""
        pk, sk = COUNTER
        with translated(f"table {self._state.name}"):
            said = self._clients.get("dynamodb").update_item(
                TableName=self._state.name,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="ADD n :n",
                ExpressionAttributeValues={":n": {"N": str(n)}},
                ReturnValues="UPDATED_NEW",
            )
        return int(said["Attributes"]["n"]["N"])

    def _lanes_for(self, payload: Payload) -> list[int]:
        if payload.places and all(place in self._lane_of_place for place in payload.places):
            return sorted({self._lane_of_place[place] for place in payload.places})
        return list(range(self._lanes))

    def _carried(self, after: int) -> Iterator[Carried]:
        for data in self._data(after):
            try:
                yield unpack(data)
            except PayloadInvalid:
                continue


class KinesisStream(LaneStream):
    """On Kinesis."""

    most = 1_000_000

    def _put(self, entries: Sequence[Packed]) -> None:
        for turn in _turns(entries):
            put = [{"Data": one.data, "PartitionKey": f"lane-{one.lane}"} for one in turn]
            for some in _fitting(put):
                self._put_some(some)

    def _put_some(self, entries: list[dict[str, Any]]) -> None:
        """Put them, and again those that Kinesis had no room for."""
        client = self._clients.get("kinesis")
        for _ in self._clients.tries():
            with translated(f"stream {self._name}"):
                said = client.put_records(StreamName=self._name, Records=entries)
            if not said["FailedRecordCount"]:
                return
            entries = [
                entry
                for entry, outcome in zip(entries, said["Records"], strict=True)
                if "ErrorCode" in outcome
            ]
        raise StateConflict(
            f"stream {self._name} has no room for {len(entries)} records; it is tried again"
        )

    def _data(self, after: int) -> Iterator[bytes]:
        del after
        for shard in self._shards():
            yield from self._data_of(shard)

    def _shards(self) -> Iterator[str]:
        arguments = {"StreamName": self._name}
        while True:
            with translated(f"stream {self._name}"):
                said = self._clients.get("kinesis").list_shards(**arguments)
            yield from (shard["ShardId"] for shard in said["Shards"])
            if "NextToken" not in said:
                return
            arguments = {"NextToken": said["NextToken"]}

    def _data_of(self, shard: str) -> Iterator[bytes]:
        client = self._clients.get("kinesis")
        with translated(f"stream {self._name}"):
            iterator = client.get_shard_iterator(
                StreamName=self._name, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        while iterator:
            with translated(f"stream {self._name}"):
                said = client.get_records(ShardIterator=iterator, Limit=10_000)
            yield from (record["Data"] for record in said["Records"])
            if not said["Records"] and not said.get("MillisBehindLatest"):
                return
            iterator = said.get("NextShardIterator")


def _turns(entries: Sequence[Packed]) -> Iterator[list[Packed]]:
    """The first of each lane, then the second of each, and so on. Of the records of one call
    Kinesis may take a later one and not an earlier one: it has one of a lane, and the next goes
    when that is there."""
    lanes: dict[int, list[Packed]] = {}
    for one in entries:
        lanes.setdefault(one.lane, []).append(one)
    for turn in zip_longest(*lanes.values()):
        yield [one for one in turn if one is not None]


def _fitting(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """As many at a time as one call may have."""
    some: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        more = len(entry["Data"]) + len(entry["PartitionKey"])
        if some and (len(some) == _MOST_AT_ONCE or size + more > _MOST_BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(entry)
        size += more
    if some:
        yield some
