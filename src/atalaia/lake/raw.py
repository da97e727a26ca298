"""RAW: what lies in the lake as it was received. The same keys and lines in every home.

```
raw/payloads/source=<source>/date=YYYY-MM-DD/hour=HH/part-<first offset>.ndjson.zst
raw/payloads/source=<source>/date=YYYY-MM-DD/part-<first offset>-<last offset>.ndjson.zst
raw/alerts/date=YYYY-MM-DD/hour=HH/part-<first number>.ndjson.zst
raw/deliveries/date=YYYY-MM-DD/hour=HH/part-<first number>.ndjson.zst
raw/rejects/source=<source>/part-<first number>.ndjson.zst
```

Hours are UTC, of `received_at`, of an alert's `sent_at`, and of when a delivery was settled; a
reject has no time of its own, and is found by its payload's offset. A line is one record as JSON.
A payload's body stands last:

body          as it came, where it is JSON on one line: readers need no second unescaping
body_text     a string, where it is other text (a CSV, HTML, JSON over several lines)
body_base64   where it is not UTF-8

Whichever it is, `read_part` gives back the body byte by byte.

A day's part is many hours' parts made one (`lake.raw_days`), by offset. There a line also has
`part`, the first offset of the part that it came in: what is counted by part stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import NamedTuple
from urllib.parse import quote, unquote

import msgspec
import zstandard

from atalaia.domain.alert import LogEntry, decode_entry, encode_entry, instant, seconds_of
from atalaia.domain.delivery import Settled
from atalaia.domain.payload import Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.lake.plain_lines import LinesOfPart
from atalaia.ports import Lake, Record, Stream

ARCHIVED = "archive"
"""The consumer whose offset says up to where the stream is in RAW."""

ALERTS_ARCHIVED = "archive-alerts"
"""The same for the alert log, by its sequence numbers."""

DELIVERIES_ARCHIVED = "archive-deliveries"
"""The same for what became of deliveries, by the outbox's numbers."""

PAYLOADS = "raw/payloads/"
ALERTS = "raw/alerts/"
DELIVERIES = "raw/deliveries/"

_BLOCK = 1 << 16
"""Bytes of lines that are unpacked at a time: they stay in the processor's cache."""

_BLOCKS_AT_ONCE = 8
"""Of so many the payloads are handed on together: a decoder works by columns."""

_BYTES_AT_ONCE = 1_000_000
"""The same of lines that are not made into payloads, and take no more room than they are long."""

_AT_ONCE = 1_000
"""Payloads that are taken from the stream at a time."""

_PART = b'{"part":'
"""How each line of a day's part begins."""

_SEVERAL = -1
"""In place of a part: the lines came in several."""

_MARGIN = 300
"""Levels of nesting that a body must leave to those who will decode its line."""


class _RawLine(msgspec.Struct, frozen=True):
    """A payload as it is written. The body is in one of the last three."""

    offset: int
    source: str
    content: str
    places: tuple[str, ...]
    received_at: str
    status: int
    failure: str | None
    is_recorded: bool
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    body_text: str | msgspec.UnsetType = msgspec.UNSET
    body_base64: bytes | msgspec.UnsetType = msgspec.UNSET


class _Found(msgspec.Struct, frozen=True, gc=False):
    """A payload's line as it is read."""

    offset: int
    source: str
    content: str
    places: tuple[str, ...]
    received_at: str
    part: int | None = None
    status: int = 200
    failure: str | None = None
    is_recorded: bool = False
    body: msgspec.Raw = msgspec.Raw(b"")
    body_text: str = ""
    body_base64: bytes = b""


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What of a payload's line says where it belongs."""

    offset: int
    part: int | None = None


class _AlertLine(msgspec.Struct, frozen=True):
    seq: int
    entry: msgspec.Raw


class _RejectLine(msgspec.Struct, frozen=True):
    seq: int
    offset: int
    source: str
    reason: str
    detail: str


_encode_lines = msgspec.json.Encoder().encode_lines
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_found = msgspec.json.Decoder(_Found).decode_lines
_decode_heads = msgspec.json.Decoder(_Head).decode_lines
_decode_settled = msgspec.json.Decoder(Settled).decode_lines
_decode_alerts = msgspec.json.Decoder(_AlertLine).decode_lines

_NAME = re.compile(r"part-(\d{20})(-\d{20})?\.ndjson\.zst$")
_TIME = re.compile(r"/date=([\d-]{10})/(?:hour=(\d\d)/)?part-")

_SOURCE = re.compile(r"/source=([^/]*)/")

_DAMAGE = (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError, ValueError)


def payload_part(payload: Payload) -> str:
    """The folder of the part that a payload belongs to."""
    hour = datetime.fromtimestamp(payload.received_at, UTC)
    return f"{PAYLOADS}source={folder_name(payload.source)}/{hour:date=%Y-%m-%d/hour=%H}/"


def alert_part(entry: LogEntry) -> str:
    """The folder of the part that an entry of the alert log belongs to."""
    hour = datetime.fromtimestamp(entry.alert.sent_at, UTC)
    return f"{ALERTS}{hour:date=%Y-%m-%d/hour=%H}/"


def delivery_part(settled: Settled) -> str:
    """The folder of the part that a settled delivery belongs to."""
    hour = datetime.fromisoformat(settled.settled_at).astimezone(UTC)
    return f"{DELIVERIES}{hour:date=%Y-%m-%d/hour=%H}/"


def reject_part(reject: Reject) -> str:
    """The folder of the part that a reject belongs to."""
    return f"raw/rejects/source={folder_name(reject.source)}/"


def part_name(first: int) -> str:
    """A part's file name: its first record's offset alone, so that writing it again replaces it."""
    return f"part-{first:020d}.ndjson.zst"


def day_part(key: str, first: int, last: int) -> str:
    """The part of a day, with all from the first to the last offset, that this part goes into."""
    folder = key.partition("/hour=")[0] if "/hour=" in key else key.rpartition("/")[0]
    return f"{folder}/part-{first:020d}-{last:020d}.ndjson.zst"


def first_of(key: str) -> int:
    """The offset or number of a part's first record, read from its name."""
    return int(_named(_NAME, key)[1])


def span_of(key: str) -> tuple[int, int]:
    """The first and the last offset that a day's part was named by."""
    name = _named(_NAME, key)
    return int(name[1]), int(name[2][1:])


def is_of_day(key: str) -> bool:
    """Whether a part of payloads is one of a day, and not of an hour."""
    return _named(_NAME, key)[2] is not None


def is_payloads(key: str) -> bool:
    """Whether a key has the name of a part of payloads: another file may lie there, too."""
    return bool(_NAME.search(key) and _TIME.search(key))


def source_of(key: str) -> str:
    """The source of a part's payloads, read from its folder."""
    return unquote(_named(_SOURCE, key)[1])


def hour_of(key: str) -> int:
    """When the hour began that a part is of, or the day, Unix seconds, read from its name."""
    found = _named(_TIME, key)
    return int(datetime.fromisoformat(f"{found[1]}T{found[2] or '00'}:00+00:00").timestamp())


def ends_at(key: str) -> int:
    """When the hour or the day ended that a part is of, Unix seconds."""
    return hour_of(key) + (3600 if _named(_TIME, key)[2] else 86_400)


def _named(pattern: re.Pattern[str], key: str) -> re.Match[str]:
    match = pattern.search(key)
    if match is None:
        what = " that has an hour or a day" if pattern is _TIME else ""
        raise ValueError(f"{key!r} is not a part of RAW{what}")
    return match


def folder_name(source: str) -> str:
    """A source's name as part of a key: what is not a letter, a digit or one of ``_.-~`` as %XX."""
    return quote(source, safe="")


def write_payloads(records: Iterable[Record]) -> bytes:
    """A part: one line a payload, compressed."""
    return _compressed([_line(record) for record in records])


def write_alerts(entries: Iterable[tuple[int, LogEntry]]) -> bytes:
    """A part: one line an entry of the alert log with its sequence number."""
    return _compressed(
        [_AlertLine(seq, msgspec.Raw(encode_entry(entry))) for seq, entry in entries]
    )


def write_deliveries(settled: Iterable[Settled]) -> bytes:
    """A part: one line a settled delivery."""
    return _compressed(list(settled))


def write_rejects(rejects: Iterable[tuple[int, int, Reject]]) -> bytes:
    """A part: one line a reject with its sequence number and its payload's offset."""
    return _compressed(
        [_RejectLine(seq, offset, r.source, r.reason, r.detail) for seq, offset, r in rejects]
    )


def is_whole(body: bytes) -> bool:
    """Whether a part can be read to its end: it ends with a checksum of what is in it."""
    try:
        for _ in _blocks(body):
            pass
    except _DAMAGE:
        return False
    return True


def read_part(body: bytes) -> list[Record]:
    """The inverse of `write_payloads`. Raises PayloadInvalid for a damaged file."""
    return [
        Record(f.offset, payload)
        for found in _found(body)
        for f, payload in zip(found, _payloads(found), strict=True)
    ]


def payload_blocks(body: bytes) -> Iterator[list[Payload]]:
    """A part's payloads in their order, a block at a time: memory does not grow with the part.

    Raises PayloadInvalid where the file is damaged; what stood before has been given by then.
    """
    yield from map(_payloads, _found(body))


def payloads_by_part(key: str, body: bytes) -> Iterator[tuple[int, Sequence[Payload]]]:
    """The same, with the first offset of the part that they came in; a day's part has many. Where
    a block is of one part its payloads are not made yet."""
    first, source = first_of(key), source_of(key)
    try:
        for blocks in _some(_blocks(body)):
            of_parts = {_part_of(block) for block in blocks}
            part = of_parts.pop()
            if of_parts or part == _SEVERAL:
                yield from _apart(blocks, first)
                continue
            lines = LinesOfPart(source, part, blocks, _payloads_of)
            yield first if part is None else part, lines
            if lines.damage is not None:
                raise lines.damage
    except _DAMAGE as error:
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error


def _some(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """The blocks, some at a time; those that stand before damage come before it is raised."""
    some: list[bytes] = []
    size = 0
    try:
        for block in blocks:
            some.append(block)
            size += len(block)
            if size >= _BYTES_AT_ONCE:
                yield some
                some, size = [], 0
    except _DAMAGE:
        if some:
            yield some
        raise
    if some:
        yield some


def _part_of(block: bytes) -> int | None:
    """The part that all these lines of a day came in; None: they are no day's."""
    if not block.startswith(_PART):
        return None
    begin = block[: block.index(b",") + 1]
    is_one = block.count(b"\n" + begin) + 1 == block.count(b"\n")
    return int(begin[len(_PART) : -1]) if is_one else _SEVERAL


def _apart(blocks: Sequence[bytes], first: int) -> Iterator[tuple[int, list[Payload]]]:
    """The payloads of these lines, by the part that they came in."""
    of_part: dict[int, list[Payload]] = {}
    damage: Exception | None = None
    try:
        for block in blocks:
            found = _decode_found(block)
            for one, payload in zip(found, _payloads(found), strict=True):
                of_part.setdefault(first if one.part is None else one.part, []).append(payload)
    except _DAMAGE as error:
        damage = error
    yield from of_part.items()
    if damage is not None:
        raise damage


class PayloadLine(NamedTuple):
    """A payload's line, as a day's part has it, without its end."""

    offset: int
    part: int
    text: bytes


def read_lines(key: str, body: bytes) -> list[PayloadLine]:
    """The lines of a part of payloads, by offset. Raises PayloadInvalid for a damaged file."""
    first = first_of(key)
    lines = []
    try:
        for block in _blocks(body):
            for text, head in zip(block.split(b"\n"), _decode_heads(block), strict=False):
                if head.part is None:
                    lines.append(
                        PayloadLine(head.offset, first, b'{"part":%d,%b' % (first, text[1:]))
                    )
                else:
                    lines.append(PayloadLine(head.offset, head.part, text))
    except _DAMAGE as error:
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error
    return sorted(lines)


def write_lines(lines: Sequence[PayloadLine]) -> bytes:
    """A day's part of these lines: the inverse of `read_lines`."""
    size = sum(len(line.text) + 1 for line in lines)
    packer = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj(size=size)
    packed = [packer.compress(line.text + b"\n") for line in lines]
    return b"".join((*packed, packer.flush()))


def kept_of(body: bytes, is_kept: Callable[[Record], bool]) -> tuple[bytes | None, int]:
    """A part of payloads without some of them, and how many these are; None: none is left.

    Every other line stays as it is. Raises PayloadInvalid for a damaged file.
    """
    kept: list[PayloadLine] = []
    gone = 0
    try:
        for block in _blocks(body):
            found = _decode_found(block)
            for text, f, payload in zip(block.split(b"\n"), found, _payloads(found), strict=False):
                if is_kept(Record(f.offset, payload)):
                    kept.append(PayloadLine(f.offset, 0, text))
                else:
                    gone += 1
    except _DAMAGE as error:
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error
    return (write_lines(kept) if kept else None), gone


def read_deliveries(body: bytes) -> list[Settled]:
    """The inverse of `write_deliveries`. Raises PayloadInvalid for a damaged file."""
    try:
        return [one for block in _blocks(body) for one in _decode_settled(block)]
    except _DAMAGE as error:
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error


def read_alerts(body: bytes) -> list[tuple[int, LogEntry]]:
    """The inverse of `write_alerts`. Raises PayloadInvalid for a damaged file."""
    try:
        return [
            (line.seq, decode_entry(bytes(line.entry)))
            for block in _blocks(body)
            for line in _decode_alerts(block)
        ]
    except _DAMAGE as error:
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error


def _line(record: Record) -> _RawLine:
    payload = record.payload
    body, text, base64 = _body(payload.body)
    return _RawLine(
        offset=record.offset,
        source=payload.source,
        content=payload.content,
        places=payload.places,
        received_at=instant(payload.received_at),
        status=payload.status,
        failure=payload.failure,
        is_recorded=payload.is_recorded,
        body=body,
        body_text=text,
        body_base64=base64,
    )


def _body(
    body: bytes,
) -> tuple[msgspec.Raw | msgspec.UnsetType, str | msgspec.UnsetType, bytes | msgspec.UnsetType]:
    """The body in the one form that suits it; the other two are unset."""
    unset = msgspec.UNSET
    try:
        text = body.decode()  # the check of JSON below does not look into strings
    except UnicodeDecodeError:
        return unset, unset, body
    return (msgspec.Raw(body), unset, unset) if _is_one_json(body) else (unset, text, unset)


def _is_one_json(body: bytes) -> bool:
    """Whether UTF-8 text is one JSON value on one line, with nothing before or after it."""
    if b"\n" in body or b"\r" in body:
        return False
    openers = body.count(b"[") + body.count(b"{")
    try:
        if openers > _MARGIN:  # it might be nested deeper than a decoder's stack
            _decode_raw(b"[" * _MARGIN + body + b"]" * _MARGIN)
        # A raw value comes without the blanks around it, which would be lost.
        return len(memoryview(_decode_raw(body))) == len(body)
    except (msgspec.MsgspecError, RecursionError):
        return False


def _payloads(found: list[_Found]) -> list[Payload]:
    """One straight expression: a call for each would cost a fifth of refining."""
    seconds = {text: seconds_of(text) for text in {f.received_at for f in found}}
    return [
        Payload(
            source=f.source,
            content=f.content,
            places=f.places,
            received_at=seconds[f.received_at],
            status=f.status,
            failure=f.failure,
            is_recorded=f.is_recorded,
            body=bytes(f.body) or f.body_text.encode() or f.body_base64,
        )
        for f in found
    ]


def _payloads_of(text: bytes) -> list[Payload]:
    return _payloads(_decode_found(text))


def _compressed(lines: Sequence[msgspec.Struct]) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_encode_lines(lines))


def _found(body: bytes) -> Iterator[list[_Found]]:
    found: list[_Found] = []
    try:
        for number, block in enumerate(_blocks(body), 1):
            found += _decode_found(block)
            if number % _BLOCKS_AT_ONCE == 0:
                yield found
                found = []
    except _DAMAGE as error:
        if found:
            yield found
        raise PayloadInvalid(f"a part of RAW is damaged: {error}") from error
    if found:
        yield found


def _blocks(body: bytes) -> Iterator[bytes]:
    """Whole lines, about _BLOCK bytes at a time; a longer line comes alone."""
    left = zstandard.frame_content_size(body)
    reader = zstandard.ZstdDecompressor().stream_reader(body)
    pieces: list[bytes] = []  # of a line that has not ended
    while block := reader.read(_BLOCK):
        left -= len(block)
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join((*pieces, memoryview(block)[:end]))
            pieces = [block[end:]]
        else:
            pieces.append(block)
    if left:  # the reader itself takes a file that was cut for one that ends
        raise ValueError(f"{left} bytes are missing")


def in_order(lake: Lake, stream: Stream, up_to: int) -> Iterator[Record]:
    """All payloads up to an offset as they arrived: from RAW, and from the stream what it lacks.

    Parts hold one source and hour (or day) each: those of one time are read side by side. Raises
    PayloadInvalid for a damaged part: what follows a gap is not what was lived through.
    """
    listed = lake.keys(PAYLOADS)
    waiting = sorted(listed, key=first_of, reverse=True)
    nearest: list[tuple[int, int, Iterator[Record]]] = []  # (next offset, part, what follows it)
    held: dict[int, Record] = {}
    last = opened = 0
    while waiting or nearest:
        while waiting and (not nearest or first_of(waiting[-1]) <= nearest[0][0]):
            key = waiting.pop()
            try:
                body = lake.read(key)
            except KeyError:  # meanwhile its day was made one part, which has these first offsets
                new = sorted({*lake.keys(PAYLOADS)}.difference(listed))
                listed += new
                waiting = sorted([*waiting, *new], key=first_of, reverse=True)
                continue
            opened += 1
            _push(nearest, held, opened, _records(key, body))
        _, part, rest = heappop(nearest)
        record = held.pop(part)
        _push(nearest, held, part, rest)
        if record.offset > up_to:
            return
        if record.offset > last:
            yield record
            last = record.offset
    while records := stream.read(last, _AT_ONCE):
        for record in records:
            if record.offset > up_to:
                return
            yield record
        last = records[-1].offset


def _records(key: str, body: bytes) -> Iterator[Record]:
    """Those of a part, which is seen to be whole first; a day's are not all held at once."""
    if not is_of_day(key):
        return iter(read_part(body))
    if not is_whole(body):
        raise PayloadInvalid(f"a part of RAW is damaged: {key}")
    return (
        Record(f.offset, payload)
        for found in _found(body)
        for f, payload in zip(found, _payloads(found), strict=True)
    )


def _push(
    nearest: list[tuple[int, int, Iterator[Record]]],
    held: dict[int, Record],
    part: int,
    rest: Iterator[Record],
) -> None:
    record = next(rest, None)
    if record is not None:
        held[part] = record
        heappush(nearest, (record.offset, part, rest))
