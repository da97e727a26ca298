from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from atalaia.batch import archive as module
from atalaia.batch.archive import archive, read_part
from atalaia.domain.payload import Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import raw
from atalaia.lake.compact import compact_alerts
from atalaia.ports import Commit, Record
from batch.helpers import HOUR, NOON, answer, files
from contracts.state_contract import entry


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def lines(body: bytes) -> list[dict[str, object]]:
    text = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read()
    return [json.loads(line) for line in text.splitlines()]


def test_payloads_lie_by_source_and_hour_under_their_first_offset(home: EmbeddedHome) -> None:
    home.stream.append(
        [
            answer(NOON),
            answer(NOON + 1, source="são/../x"),
            answer(NOON + HOUR),
            answer(NOON + 2),
        ]
    )
    report = archive(home.stream, home.state, home.lake)
    day = "date=2024-04-30"
    assert home.lake.keys("raw/") == [
        f"raw/payloads/source=made-up/{day}/hour=12/part-00000000000000000001.ndjson.zst",
        f"raw/payloads/source=made-up/{day}/hour=13/part-00000000000000000003.ndjson.zst",
        f"raw/payloads/source=s%C3%A3o%2F..%2Fx/{day}/hour=12/part-00000000000000000002.ndjson.zst",
    ]
    assert (report.payloads, report.files) == (4, 3)
    assert report.bytes == sum(map(len, files(home, "raw/").values()))
    first = read_part(home.lake.read(home.lake.keys("raw/")[0]))
    assert [record.offset for record in first] == [1, 4]


def test_a_line_says_all_that_is_known_of_a_payload(home: EmbeddedHome) -> None:
    home.stream.append(
        [
            Payload(
                source="tomorrow-io",
                content="realtime",
                places=("poa",),
                received_at=NOON,
                body=b'{"data": {"a": 1.50}}',
            )
        ]
    )
    archive(home.stream, home.state, home.lake)
    (key,) = home.lake.keys("raw/")
    assert lines(home.lake.read(key)) == [
        {
            "offset": 1,
            "source": "tomorrow-io",
            "content": "realtime",
            "places": ["poa"],
            "received_at": "2024-04-30T12:00:00+00:00",
            "status": 200,
            "failure": None,
            "is_recorded": False,
            "body": {"data": {"a": 1.5}},
        }
    ]


def test_archiving_again_does_only_what_is_new(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON)])
    archive(home.stream, home.state, home.lake)
    assert archive(home.stream, home.state, home.lake) == (0, 0, 0)
    home.stream.append([answer(NOON + 1)])
    assert archive(home.stream, home.state, home.lake).payloads == 1
    assert len(home.lake.keys("raw/payloads/")) == 2


def test_a_step_repeated_after_a_crash_doubles_nothing(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.stream.append([answer(NOON + i % 2 * HOUR) for i in range(6)])
    monkeypatch.setattr(type(home.state), "commit", _die)
    with pytest.raises(KeyboardInterrupt):
        archive(home.stream, home.state, home.lake)
    monkeypatch.undo()
    written = home.lake.keys("raw/")
    home.stream.append([answer(NOON), answer(NOON + 2 * HOUR)])
    archive(home.stream, home.state, home.lake)
    assert set(written) < set(home.lake.keys("raw/"))
    offsets = [r.offset for body in files(home, "raw/").values() for r in read_part(body)]
    assert sorted(offsets) == list(range(1, 9))


def _die(*_: object) -> bool:
    raise KeyboardInterrupt


def test_a_step_is_bounded_in_payloads_and_bytes(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.stream.append([answer(NOON) for _ in range(10)])
    monkeypatch.setattr(module, "STEP_PAYLOADS", 4)
    archive(home.stream, home.state, home.lake)
    sizes = [len(read_part(body)) for body in files(home, "raw/").values()]
    assert sizes == [4, 4, 2]
    home.stream.append([answer(NOON) for _ in range(3)])
    monkeypatch.setattr(module, "STEP_BYTES", 1)
    assert archive(home.stream, home.state, home.lake).files == 3


def test_alerts_and_rejects_are_archived_by_their_own_numbers(home: EmbeddedHome) -> None:
    reject = Reject(source="inmet", reason="bad number", detail="line 9")
    entries = [entry("a"), entry("a", 2)]
    home.state.commit(Commit("speed", 1, entries=entries, rejects=[(1, reject)]))
    assert archive(home.stream, home.state, home.lake).files == 2
    assert archive(home.stream, home.state, home.lake).files == 0
    home.state.commit(Commit("speed", 2, entries=[entry("b")]))
    archive(home.stream, home.state, home.lake)
    alerts = [a for body in files(home, "raw/alerts/").values() for a in raw.read_alerts(body)]
    assert alerts == list(home.state.alerts())
    (key,) = home.lake.keys("raw/rejects/")
    assert key == "raw/rejects/source=inmet/part-00000000000000000001.ndjson.zst"
    assert lines(home.lake.read(key)) == [
        {"seq": 1, "offset": 1, "source": "inmet", "reason": "bad number", "detail": "line 9"}
    ]


def test_alerts_of_days_long_over_make_a_part_a_day_as_if_compacted(home: EmbeddedHome) -> None:
    day = 24 * HOUR
    told = [entry(f"{i}", sent_at=NOON + at) for i, at in enumerate((0, HOUR, day, day + HOUR))]
    newest = entry("newest", sent_at=NOON + 20 * day)
    home.state.commit(Commit("speed", 1, entries=[*told, newest]))
    with open_home(Path(home.name).parent / "by the hour") as other:
        other.state.commit(Commit("speed", 1, entries=[*told, newest]))
        archive(other.stream, other.state, other.lake)
        assert compact_alerts(other.lake, NOON + 20 * day) == 2
        archive(home.stream, home.state, home.lake, now=NOON + 20 * day)
        assert files(home, "raw/alerts/") == files(other, "raw/alerts/")
        assert len(files(home, "raw/alerts/")) == 3


def record(body: bytes, failure: str | None = None) -> Record:
    return Record(
        7,
        Payload(
            source="s",
            content="c",
            places=("a", "ü"),
            received_at=NOON,
            body=body,
            status=503,
            failure=failure,
            is_recorded=True,
        ),
    )


BODIES = (
    st.binary()
    | st.text().map(str.encode)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).flatmap(
        lambda value: st.sampled_from(
            [
                json.dumps(value).encode(),
                json.dumps(value, indent=2, ensure_ascii=False).encode(errors="surrogatepass"),
            ]
        )
    )
)


@given(BODIES, st.none() | st.just("time-out"))
@example(b"", None)
@example(b"\x00", None)
@example(b'{"a": "\x00"}', None)
@example(b'{"a": 1}\r\n', None)
@example(b' {"a": 1}', None)
@example(b'{"a": 1} ', None)
@example(b'{\r"a": 1}', None)
@example(b'{"a": 1, "a": 2}', None)
@example(b"[1e999999, -0, 1.0000000000000000000001, 123456789012345678901234567890]", None)
@example(b'"\\ud800"', None)
@example(b'"\xed\xa0\x80"', None)
@example('"\u2028\u0085"'.encode(), None)
@example(b"\xef\xbb\xbf{}", None)
@example(b'{"a": NaN}', None)
@example(b"null", None)
@example(b'","body":{}', None)
@example(b"[" * 5_000 + b"]" * 5_000, None)
@example(b"[" * 900 + b"]" * 900, None)
@example(b"{" * 5_000, None)
def test_exactly_what_was_received_comes_back(body: bytes, failure: str | None) -> None:
    records = [record(b"{}"), record(body, failure), record(b"last")]
    assert read_part(raw.write_payloads(records)) == records


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": [1.50, null]}', "body"),
        (b'{\n "a": 1\n}', "body_text"),
        (b"<html>", "body_text"),
        (b"", "body_text"),
        (b'{"a": "\xff"}', "body_base64"),
    ],
)
def test_a_body_stands_in_the_field_that_readers_need_least_work_for(
    body: bytes, field: str
) -> None:
    (line,) = lines(raw.write_payloads([record(body)]))
    assert {name for name in line if name.startswith("body")} == {field}


def test_a_large_part_is_read_a_block_at_a_time() -> None:
    body = b'"' + b"x" * 3_000_000 + b'"'
    records = [record(b'{"n": %d}' % i) for i in range(20_000)] + [record(body), record(b"1")]
    part = raw.write_payloads(records)
    blocks = list(raw.payload_blocks(part))
    assert len(blocks) > 2
    assert [p for block in blocks for p in block] == [r.payload for r in records]


@pytest.mark.parametrize("cut", [1, 10, -20, -60])
def test_a_damaged_part_is_told_as_such(cut: int) -> None:
    part = raw.write_payloads([record(b'{"n": %d}' % i) for i in range(100)])
    with pytest.raises(PayloadInvalid, match="damaged"):
        read_part(part[:cut])
    with pytest.raises(PayloadInvalid, match="damaged"):
        read_part(part[:20] + bytes(b ^ 0x55 for b in part[20:40]) + part[40:])
