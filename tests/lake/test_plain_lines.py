"""Lines of RAW whose bodies are read with them say what payloads say that are made one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from unittest.mock import patch

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.lake.answers import Answers, tally, together
from atalaia.people.bodies import unsealed
from atalaia.people.vault import Vault
from atalaia.ports import Record
from atalaia.sources import decode_all
from oracles import cases
from sources.test_tomorrow_io_realtime import NOW, PLACES, RECORDED, alone, answers, rows_of

KEY = "raw/payloads/source=tomorrow-io/date=2024-09-21/hour=05/"


def no_vault() -> Vault:
    raise AssertionError("nothing here is sealed")


decode = unsealed(decode_all(PLACES), no_vault)


def plain(**other: object) -> Payload:
    told = {
        "source": "tomorrow-io",
        "content": "realtime",
        "places": ("toronto",),
        "body": RECORDED,
    }
    return Payload(**(told | {"received_at": NOW} | other))  # type: ignore[arg-type]


@st.composite
def good(draw: st.DrawFn) -> Payload:
    """As nearly all are; numbers may be null, whole, or missing."""
    gust = draw(st.sampled_from([b"6.63", b"null", b"31", b"0", b"1e2"]))
    body = RECORDED.replace(b'"windGust":6.63', b'"windGust":' + gust)
    if draw(st.booleans()):
        body = body.replace(b'"weatherCode":1100,', b"")
    return plain(body=body, received_at=NOW + draw(st.integers(0, 2)))


def written(told: Sequence[Payload], parts: int) -> tuple[str, bytes]:
    """A part of RAW; of more than one: a day's, of the lines of so many in turn."""
    records = [Record(i + 1, payload) for i, payload in enumerate(told)]
    if parts == 1:
        return KEY + raw.part_name(1), raw.write_payloads(records)
    lines = []
    for first in range(1, parts + 1):
        if mine := records[first - 1 :: parts]:
            key = KEY + raw.part_name(first)
            lines += raw.read_lines(key, raw.write_payloads(mine))
    return raw.day_part(KEY + raw.part_name(1), 1, len(told)), raw.write_lines(sorted(lines))


def read(key: str, body: bytes) -> tuple[list[Decoded], dict[int, Answers], int]:
    """What refine reads; of how many blocks no payload was made."""
    decoded, told, quick = [], {}, 0
    for part, payloads in raw.payloads_by_part(key, body):
        one = decode(payloads, None)
        decoded.append(one)
        told.setdefault(part, []).append(tally(payloads, part, len(one.rejects)))
        quick += isinstance(payloads, Lines) and payloads.received_at is not None
    return decoded, {part: together(some) for part, some in told.items()}, quick


@settings(max_examples=cases(150), deadline=None, derandomize=True)
@given(
    st.one_of(
        st.lists(good(), min_size=1, max_size=24),
        st.lists(st.one_of(good(), good(), good(), answers()), min_size=1, max_size=12),
        st.lists(answers(), min_size=1, max_size=24),
    ),
    st.sampled_from([0, 1, 3]),
    st.sampled_from([1, 1, 2]),
    st.sampled_from([1, 900, 4000, 1 << 16]),
    st.sampled_from([1, 3, 16]),
)
def test_lines_read_with_their_bodies_say_what_each_payload_says_read_plainly(
    told: list[Payload], twice: int, parts: int, block: int, at_once: int
) -> None:
    told = [*told, *told[:twice]]
    key, body = written(told, parts)
    with (
        patch.object(raw, "_BLOCK", block),
        patch.object(raw, "_BLOCKS_AT_ONCE", at_once),
        patch.object(raw, "_BYTES_AT_ONCE", block * at_once),
    ):
        decoded, counted, _ = read(key, body)
    plainly = [alone(payload, None) for payload in told]
    rows = Counter(row for one in decoded for row in rows_of(one))
    assert rows == Counter(row for some, _ in plainly for row in some)
    rejects = Counter(one for each in decoded for one in each.rejects if is_counted(one))
    assert rejects == Counter(one for _, some in plainly for one in some if is_counted(one))
    of_part = {part: told[part - 1 :: parts] for part in range(1, min(parts, len(told)) + 1)}
    refused = {part: counted[part].rejects for part in of_part}
    assert counted == {part: tally(some, part, refused[part]) for part, some in of_part.items()}
    assert sum(refused.values()) == sum(len(one.rejects) for one in decoded)


def is_counted(reject: Reject) -> bool:
    """Bytes that are not UTF-8 in a text that nobody wants are not looked for."""
    return reject.reason != "not UTF-8"


def test_of_plain_answers_no_payload_is_made() -> None:
    told = [plain(received_at=NOW + i // 40) for i in range(100)]
    with patch.object(raw, "_payloads_of", side_effect=AssertionError):
        decoded, counted, quick = read(*written(told, 1))
    assert quick == len(decoded) == 1
    assert len(decoded[0].readings) == counted[1].answers == 100
    assert decoded[0].delays


@pytest.mark.parametrize(
    "other",
    [
        {"status": 429, "body": b'{"code":429001,"type":"T","message":"m"}'},
        {"failure": "timed out", "body": b""},
        {"is_recorded": True},
        {"content": "forecast"},
        {"places": ("toronto", "poa")},
        {"places": ("nowhere",)},
        {"body": b"<html>"},
        {"body": b"\x00\xff"},
        {"body": RECORDED.replace(b"6.63", b'"6.63"')},
    ],
    ids=str,
)
def test_one_that_is_not_plain_has_its_block_read_payload_by_payload(
    other: dict[str, object],
) -> None:
    told = [plain(), plain(**other), plain()]
    decoded, _, _ = read(*written(told, 1))
    whole = decode(told, None)
    assert [rows_of(one) for one in decoded] == [rows_of(whole)]
    assert [one.rejects for one in decoded] == [whole.rejects]


def test_a_line_that_says_more_than_plain_ones_do_is_no_plain_one() -> None:
    key, body = written([plain()], 1)
    line = zstandard.decompress(body).replace(b'"offset":1', b'"offset":1,"later":1')
    _, _, quick = read(key, packed(line))
    assert quick == 0


def packed(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(text)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(
    "damage", [b"{", b'{"offset":3}', b"\xff", b"[]", b'"received_at":"yesterday"'], ids=str
)
def test_what_stands_before_damage_is_read_and_then_the_damage_is_told(
    damage: bytes, parts: int
) -> None:
    key, body = written([plain()] * 6, parts)
    lines = zstandard.decompress(body).splitlines()
    if damage.startswith(b'"received_at"'):
        at = msgspec.json.encode("2024-09-21T05:44:20+00:00")
        damage = lines[4].replace(b'"received_at":' + at, damage)
        assert damage != lines[4]
    lines[4] = damage
    came = 0
    with patch.object(raw, "_BLOCK", 1), pytest.raises(PayloadInvalid, match="damaged"):  # noqa: PT012
        for _, payloads in raw.payloads_by_part(key, packed(b"\n".join(lines) + b"\n")):
            decode(payloads, None)
            came += len(payloads)
    assert came == 4


def test_a_part_that_begins_with_damage_has_nothing_before_it() -> None:
    key, body = written([plain()], 1)
    with pytest.raises(PayloadInvalid, match="damaged"):
        [list(payloads) for _, payloads in raw.payloads_by_part(key, packed(b"{\n"))]
    assert [len(payloads) for _, payloads in raw.payloads_by_part(key, body)] == [1]


def test_what_somebody_sealed_is_opened_although_it_lies_in_lines() -> None:
    told = Payload(source="station", content="csv", received_at=NOW, body=b"\x00atalaia sealed\x00")
    key = raw.payload_part(told) + raw.part_name(1)
    ((_, payloads),) = raw.payloads_by_part(key, raw.write_payloads([Record(1, told)]))
    with pytest.raises(AssertionError, match="nothing here is sealed"):
        decode(payloads, None)
