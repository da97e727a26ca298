"""Payloads as lines: what is written is read back, in the order of time, and a bad line costs
itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.people.bodies import MAGIC
from atalaia.replay.lines import FILE, lines_of, read_payloads
from atalaia.sources import CLOCK

AT = 1_789_416_000
LAST = 253_402_300_799  # 9999-12-31T23:59:59Z

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)

PAYLOADS = st.builds(
    Payload,
    source=st.sampled_from(("station", "open-meteo", "wis2:br-inmet", "inmet")),
    content=WORDS,
    places=st.lists(WORDS, max_size=3).map(tuple),
    received_at=st.integers(0, LAST),
    body=st.one_of(
        st.binary(max_size=60),
        st.text(st.characters(exclude_categories=("Cs",)), max_size=60).map(str.encode),
        st.sampled_from((b"", b'"text"', b"null", b"{}", b" {", b"\xef\xbb\xbf[]", b"<a>\n</a>")),
    ),
    status=st.sampled_from((200, 204, 429, 500)),
    failure=st.one_of(st.none(), WORDS),
    is_recorded=st.booleans(),
)


def read(folder: Path, *texts: bytes | str) -> list[Payload | Reject]:
    """What is read of files with these contents."""
    paths = []
    for i, text in enumerate(texts):
        paths.append(folder / f"{i}.ndjson")
        paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_payloads(paths))


def line(at: int = AT, **said: Any) -> str:
    base = {"received_at": instant(at), "source": "station", "content": "readings-json"}
    return json.dumps({k: v for k, v in (base | said).items() if v is not None}) + "\n"


@settings(max_examples=30)
@given(st.lists(PAYLOADS, max_size=4))
def test_whatever_arrived_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[Payload]
) -> None:
    written = b"".join(lines_of(payloads))
    assert written.count(b"\n") == len(payloads), "a line each, whatever a body holds"
    assert read(tmp_path_factory.getbasetemp(), written) == payloads


def test_what_somebody_pushed_and_time_passing_are_lines_without_anything_else() -> None:
    sealed = Payload(source="station", content="readings-json", received_at=AT, body=MAGIC + b"x")
    tick = Payload(source=CLOCK, content="tick", received_at=AT, body=b"")
    one = b'{"received_at":"2026-09-14T20:00:00Z"}\n'
    assert list(lines_of([sealed, tick])) == [one, one]


def test_time_alone_is_a_tick(tmp_path: Path) -> None:
    (tick,) = read(tmp_path, '{"received_at": "2026-09-14T17:00:00.75-03:00"}\n')
    assert tick == Payload(source=CLOCK, content="tick", received_at=AT, body=b"")


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ({"body": "abc"}, b"abc"),
        ({"body": [1, {"a": None}]}, b'[1, {"a": null}]'),
        ({"body": None}, b""),
        ({"body_text": "são"}, "são".encode()),
        ({"body_text": ""}, b""),
        ({"body_base64": base64.b64encode(b"\x00\xff").decode()}, b"\x00\xff"),
        ({}, b""),
    ],
)
def test_a_body_is_a_text_json_or_base64(tmp_path: Path, said: Any, body: bytes) -> None:
    (found,) = read(tmp_path, line(**said))
    assert isinstance(found, Payload)
    assert found.body == body


def test_raws_own_lines_keep_a_body_that_is_itself_a_text(tmp_path: Path) -> None:
    """By hand ``"abc"`` are three letters; a provider that answered ``"abc"`` said five bytes."""
    by_hand, of_raw = read(tmp_path, line(body="abc") + line(body="abc", offset=7))
    assert isinstance(by_hand, Payload)
    assert isinstance(of_raw, Payload)
    assert (by_hand.body, of_raw.body) == (b"abc", b'"abc"')


def test_a_service_of_warnings_is_named_in_the_line_and_read_as_cap(tmp_path: Path) -> None:
    (found,) = read(tmp_path, line(source="cap:ipma", body="<alert/>"))
    assert isinstance(found, Payload)
    assert found.source == "cap"


def test_a_consoles_key_is_not_lived_through(tmp_path: Path) -> None:
    upload = "ID=X&PASSWORD=geheim&tempf=70"
    (found,) = read(tmp_path, line(source="pws", content="wunderground", body_text=upload))
    assert isinstance(found, Payload)
    assert b"geheim" not in found.body
    assert b"tempf=70" in found.body


@settings(max_examples=20)
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=2, max_size=4))
def test_files_are_merged_in_time_and_each_stays_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    texts = [
        "".join(line(AT + at, places=[f"{i}.{n}"]) for n, at in enumerate(sorted(each)))
        for i, each in enumerate(files)
    ]
    found = [one for one in read(folder, *texts) if isinstance(one, Payload)]
    assert [one.received_at - AT for one in found] == sorted(at for each in files for at in each)
    for i in range(len(files)):
        mine = [one.places[0] for one in found if one.places[0].startswith(f"{i}.")]
        assert mine == [f"{i}.{n}" for n in range(len(files[i]))]


def test_a_bad_line_between_good_ones_is_named_by_file_and_line_in_its_place(
    tmp_path: Path,
) -> None:
    first = line(AT) + "{\n" + line(AT + 100)
    second = line(AT + 50) + "\n\n"
    told = [
        f"{one.reason} {one.detail[:11]}" if isinstance(one, Reject) else one.received_at - AT
        for one in read(tmp_path, first, second)
    ]
    assert told == [0, "not JSON 0.ndjson:2:", 50, 100]


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("nonsense\n", "not JSON", "malformed"),
        (b"\xff\xfe\n", "not JSON", ""),
        (line(body="x").replace('"x"', "[" * 9999 + "]" * 9999), "not JSON", ""),
        ("[]\n", "not a payload", "Expected `object`, got `array`"),
        ("{}\n", "not a payload", "missing required field `received_at`"),
        ('{"received_at": 12}\n', "not a payload", "Expected `datetime`"),
        ('{"received_at": "2026-13-01T00:00:00Z"}\n', "not a payload", "Invalid RFC3339"),
        (line().replace("+00:00", ""), "not a payload", "no offset: end it with Z"),
        (line(source=None), "not a payload", "no source: say who answered this"),
        (line(source=None, content=None, body="x"), "not a payload", "no source"),
        (line(source=None, content=None, places=["a"]), "not a payload", "no source"),
        (line(body="a", body_text="b"), "not a payload", "give one of body, body_text"),
        (line(body_base64="%%%"), "not a payload", "base64"),
        (line(status="200"), "not a payload", "Expected `int`"),
        (line(body_file="missing"), "no body file", "No such file"),
        (line(body_file="."), "no body file", "Is a directory"),
        (line(body_file="../0.ndjson"), "not a payload", "does not lie beside the file"),
        (line(body_file="/etc/passwd"), "not a payload", "does not lie beside the file"),
        (line(body_file="a\x00b"), "not a payload", "null"),
    ],
)
def test_what_is_no_payload_says_what_to_mend(
    tmp_path: Path, text: str | bytes, reason: str, says: str
) -> None:
    found = read(tmp_path, text)
    assert [(one.source, one.reason) for one in found if isinstance(one, Reject)] == [
        (FILE, reason)
    ]
    (one,) = found
    assert isinstance(one, Reject)
    assert one.detail.startswith("0.ndjson:1: ")
    assert says in one.detail
    assert len(one.detail) <= 200


def test_a_link_out_of_the_folder_or_to_itself_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "out").symlink_to("../secret")
    (folder / "loop").symlink_to("loop")
    (folder / "in").symlink_to("body")
    (folder / "body").write_text("b")
    found = read(folder, "".join(line(body_file=name) for name in ("out", "loop", "in")))
    assert [one.body if isinstance(one, Payload) else "rejected" for one in found] == [
        "rejected",
        "rejected",
        b"b",
    ]


def test_a_mark_of_byte_order_and_empty_lines_cost_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "\ufeff" + line(AT) + "\n   \n" + line(AT + 1).rstrip("\n"))
    assert [one.received_at - AT for one in found if isinstance(one, Payload)] == [0, 1]


def test_a_file_that_cannot_be_read_is_named_with_the_next_step(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.ndjson", tmp_path, tmp_path / "missing.zst"):
        with pytest.raises(PayloadInvalid, match="give a file that can be read"):
            list(read_payloads([path]))
    (tmp_path / "x.zst").write_bytes(b"no zstandard")
    with pytest.raises(PayloadInvalid):
        list(read_payloads([tmp_path / "x.zst"]))


def test_a_file_is_read_as_it_is_needed_and_not_at_once(tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    path.write_text(line(AT) * 3 + "{\n")
    found = read_payloads([path])
    assert isinstance(next(found), Payload)
    path.unlink()
    assert len(list(found)) == 3, "what was opened is read to its end"
