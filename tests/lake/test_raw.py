"""RAW: what was received comes back in its order, whatever parts it lies in; a cut is told."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Settled, Status, key_of
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import laid, norms, raw
from atalaia.lake.damage import unreadable
from atalaia.lake.norms import note_learnt
from atalaia.lake.settled import settled_after
from atalaia.ports import Commit, Lake, Record, Stream
from kept import Kept
from stories import DAY, HOUR, T0, places, rule_set
from telling import delivery, message, news

FEW = settings(max_examples=40)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


# Names


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("open-meteo", "open-meteo"),
        ("wis2:br-inmet", "wis2%3Abr-inmet"),
        ("São João/../x", "S%C3%A3o%20Jo%C3%A3o%2F..%2Fx"),
        ("..", ".."),
        ("a=b", "a%3Db"),
    ],
)
def test_a_source_is_one_part_of_a_key(source: str, folder: str) -> None:
    assert raw.folder_name(source) == folder
    one = Payload(source=source, content="c", received_at=T0, body=b"")
    part = raw.payload_part(one)
    assert part == f"raw/payloads/source={folder}/date=2024-01-01/hour=00/"
    assert raw.reject_part(Reject(source=source, reason="r")) == f"raw/rejects/source={folder}/"
    assert part.count("/") == 5


@FEW
@given(st.integers(0, 4_102_444_800), st.integers(0, 10**18))
def test_a_parts_name_says_its_hour_and_its_first_record_and_sorts_as_they_do(
    at: int, first: int
) -> None:
    one = Payload(source="s", content="c", received_at=at, body=b"")
    key = raw.payload_part(one) + raw.part_name(first)
    assert raw.hour_of(key) == at - at % HOUR
    assert raw.first_of(key) == first
    assert raw.part_name(first) < raw.part_name(first + 1)
    assert raw.alert_part(news(at=at))[-24:] == raw.payload_part(one)[-24:]


@pytest.mark.parametrize(
    "key", ["raw/payloads/x", "part-1.ndjson.zst", "gold/a.parquet", "", "part-" + "0" * 20]
)
def test_what_is_no_part_is_told(key: str) -> None:
    with pytest.raises(ValueError, match="is not a part of RAW"):
        raw.first_of(key)
    with pytest.raises(ValueError, match="is not a part of RAW that has an hour"):
        raw.hour_of(key)


# What comes back


ENTRIES = [
    news(), news("i2", 2, "end", level="red"), news("i3", hazard="cannot_see", value=None),
    msgspec.structs.replace(news("i4"), is_late=True, still=("a",), station_km=1.5),
]  # fmt: skip


def settled(number: int) -> Settled:
    return Settled(
        number=number, person="p_ana", channel="sms", message=f"msg_{number}", incident="i",
        version=number, place_id="recife", hazard="wind", level="red", status="sent",
        reason="a\nb", attempts=1, sent_at="2024-01-01T00:00:00+00:00",
        settled_at="2024-01-01T01:02:03+00:00",
    )  # fmt: skip


def test_entries_and_deliveries_come_back_as_they_were_with_their_numbers() -> None:
    numbered = [(7 + 2 * i, entry) for i, entry in enumerate(ENTRIES)]
    assert raw.read_alerts(raw.write_alerts(numbered)) == numbered
    some = [settled(n) for n in (3, 4, 9)]
    assert raw.read_deliveries(raw.write_deliveries(some)) == some
    assert raw.delivery_part(some[0]) == "raw/deliveries/date=2024-01-01/hour=01/"
    for write, read in (
        (raw.write_alerts, raw.read_alerts),
        (raw.write_deliveries, raw.read_deliveries),
        (raw.write_payloads, raw.read_part),
    ):
        assert read(write([])) == []  # type: ignore[operator]


def test_what_an_older_atalaia_kept_of_deliveries_names_no_letter() -> None:
    lines = raw.write_deliveries([settled(3)])
    now = zstandard.ZstdDecompressor().decompressobj().decompress(lines)
    old = now.replace(b',"letter":""', b"")
    assert old != now
    assert raw.read_deliveries(zstandard.compress(old)) == [settled(3)]


def test_an_hour_of_another_zone_lies_in_the_hour_of_utc() -> None:
    one = msgspec.structs.replace(settled(1), settled_at="2024-01-01T00:30:00-03:00")
    assert raw.delivery_part(one) == "raw/deliveries/date=2024-01-01/hour=03/"


def test_every_part_that_was_cut_anywhere_is_told_and_a_whole_one_is_whole() -> None:
    parts = {
        raw.read_part: raw.write_payloads(
            Record(i, Payload(source="s", content="c", received_at=T0, body=bytes([i]) * 50))
            for i in range(20)
        ),
        raw.read_alerts: raw.write_alerts(list(enumerate(ENTRIES, 1))),
        raw.read_deliveries: raw.write_deliveries([settled(i) for i in range(20)]),
    }
    for read, whole in parts.items():
        assert raw.is_whole(whole)
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            assert not raw.is_whole(whole[:at])
            with pytest.raises(PayloadInvalid, match="a part of RAW is damaged"):
                read(whole[:at])
    assert not raw.is_whole(b"no zstandard at all")


def test_a_line_that_is_no_record_is_damage_and_not_a_record() -> None:
    import zstandard

    for lines in (b'{"offset": 1}\n', b"[]\n", b"\xff\n", b'{"seq": 1, "entry": {}}\n'):
        body = zstandard.compress(lines)
        for read in (raw.read_part, raw.read_alerts, raw.read_deliveries):
            with pytest.raises(PayloadInvalid, match="damaged"):
                read(body)


# In the order in which it arrived


class MemoryLake(Lake):
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.files if key.startswith(prefix))

    def read(self, key: str) -> bytes:
        return self.files[key]


class MemoryStream(Stream):
    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def read(self, after: int, limit: int) -> list[Record]:
        return [one for one in self.records if one.offset > after][:limit]


for port in (MemoryLake, MemoryStream):
    port.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


@FEW
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=25),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_all_up_to_an_offset_come_once_in_their_order_from_raw_and_from_the_stream(
    arrived: list[tuple[str, int]], archived: int, dropped: int, up_to: int
) -> None:
    """Parts hold one source and hour each; what is in both RAW and the stream counts once."""
    archived = min(archived, len(arrived))
    records = [
        Record(n, Payload(source=s, content="c", received_at=T0 + h * HOUR, body=str(n).encode()))
        for n, (s, h) in enumerate(arrived, 1)
    ]
    lake = MemoryLake()
    folders: dict[str, list[Record]] = {}
    for record in records[:archived]:
        folders.setdefault(raw.payload_part(record.payload), []).append(record)
    for folder, some in folders.items():
        for part in (some[: len(some) // 2], some[len(some) // 2 :]):
            if part:
                lake.files[folder + raw.part_name(part[0].offset)] = raw.write_payloads(part)
    stream = MemoryStream(records[min(dropped, archived) :])
    assert list(raw.in_order(lake, stream, up_to)) == records[:up_to]


def test_what_follows_a_damaged_part_is_not_lived_through() -> None:
    one = Payload(source="s", content="c", received_at=T0, body=b"x")
    lake = MemoryLake()
    lake.files[raw.payload_part(one) + raw.part_name(1)] = b"torn"
    with pytest.raises(PayloadInvalid):
        list(raw.in_order(lake, MemoryStream([Record(2, one)]), 9))


# What became of deliveries


def told(home: EmbeddedHome, *entries: LogEntry) -> None:
    assert home.state.commit(Commit("speed", 1, entries=entries))


def test_a_settled_delivery_is_told_with_the_alert_that_it_carried(home: EmbeddedHome) -> None:
    told(home, news("i1"), news("i2", level="red", place="natal"))
    left_out = key_of("i2", 1)
    sent = message(
        "a",
        seqs=(1, 2),
        status=Status.SENT,
        settled_at=T0,
        attempts=2,
        left_out=(left_out,),
        letter="msg_z",
    )
    lost = message("b", "p_bia", status=Status.DEAD, settled_at=T0 + 5, reason="blocked")
    assert home.outbox.put(sent, [delivery(sent), delivery(sent, "i2")])
    assert home.outbox.put(lost, [delivery(lost)])
    (up_to, rows), *more = settled_after(home.outbox, home.state, 0)
    assert more == []
    by = {(row.person, row.incident): row for row in rows}
    assert by["p_ana", "i1"].status == "sent"
    assert by["p_ana", "i2"].status == "dropped", "of an alert that the letter left out"
    assert (by["p_ana", "i2"].level, by["p_ana", "i2"].place_id) == ("red", "natal")
    assert (by["p_bia", "i1"].status, by["p_bia", "i1"].reason) == ("dead", "blocked")
    assert {by["p_ana", "i1"].letter, by["p_ana", "i2"].letter} == {"msg_z"}
    assert by["p_bia", "i1"].letter == "msg_b", "it went alone"
    assert by["p_ana", "i1"].settled_at == "2024-01-01T00:00:00+00:00"
    assert list(settled_after(home.outbox, home.state, up_to)) == []


def test_pages_of_settled_deliveries_are_all_of_them_once(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atalaia.lake import settled as module

    monkeypatch.setattr(module, "_AT_ONCE", 3)
    told(home, *(news(f"i{n}") for n in range(10)))
    every = [
        message(str(n), seqs=(n + 1,), status=Status.SENT, settled_at=T0 + n) for n in range(10)
    ]
    for n, one in enumerate(every):
        assert home.outbox.put(one, [delivery(one, f"i{n}")])
    pages = list(settled_after(home.outbox, home.state, 0))
    assert len(pages) == 4
    numbers = [row.number for _, rows in pages for row in rows]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 10
    assert [up_to for up_to, _ in pages] == sorted({up_to for up_to, _ in pages})


# Norms that lie ready


RULES = rule_set(
    {"hazard": "heat", "variable": "temperature_c", "norm": "percentile(99)",
     "limits": {"yellow": 2}, "exit": {"yellow": 1}}
)  # fmt: skip


def test_norms_are_worked_out_once_and_anew_for_other_rules_places_or_a_new_climate(
    monkeypatch: pytest.MonkeyPatch, home: EmbeddedHome
) -> None:
    where = places(2)
    worked_out = itertools.count(1)

    def norms_of(_lake: Lake, rules: object, places_: object) -> Norms:
        n = next(worked_out)
        table = np.full((len(places_), 12, 24), float(n))  # type: ignore[arg-type]
        return Norms(places_, {"rule-0": table})  # type: ignore[arg-type]

    monkeypatch.setattr(norms, "norms_of", norms_of)
    notes = Kept()
    for _ in range(3):
        laid.lay(notes, home.lake, RULES, where)
    assert next(worked_out) == 2, "nothing had changed"
    first = laid.laid(notes)
    assert laid.read(home.lake, first, RULES, where).tables["rule-0"][0, 0, 0] == 1.0
    note_learnt(notes, T0, is_new=True)
    laid.lay(notes, home.lake, RULES, where)
    second = laid.laid(notes)
    assert laid.read(home.lake, second, RULES, where).tables["rule-0"][0, 0, 0] == 3.0
    assert laid.read(home.lake, first, RULES, where).tables["rule-0"][0, 0, 0] == 1.0
    assert len(home.lake.keys(laid.FOLDER)) == 2, "the one before stays for who is about to read"
    note_learnt(notes, T0 + DAY, is_new=True)
    laid.lay(notes, home.lake, RULES, where)
    assert len(home.lake.keys(laid.FOLDER)) == 2, "and the one before that goes"


def test_norms_of_other_places_judge_nothing_yet(home: EmbeddedHome) -> None:
    at = laid.Laid("of others", 1, "0123456789abcdef")
    found = laid.read(home.lake, at, RULES, places(2))
    assert np.isnan(found.tables["rule-0"]).all()
    assert found.missing == {"rule-0": ("p0", "p1")}


def test_rules_without_norms_need_no_file(home: EmbeddedHome) -> None:
    notes = Kept()
    laid.lay(notes, home.lake, rule_set({}), places(1))
    assert notes.texts == {}
    assert laid.read(home.lake, laid.laid(notes), rule_set({}), places(1)).tables == {}
    assert not laid.Followed(rule_set({}), places(1)).is_new(notes)


def test_a_process_looks_for_new_norms_every_few_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(laid.time, "monotonic", lambda: now[0])
    notes = Kept()
    followed = laid.Followed(RULES, places(1))
    assert not followed.is_new(notes), "the first look finds nothing new"
    laid._note(notes).put(laid.Laid("x", 1, "y"))
    now[0] += 299
    assert not followed.is_new(notes)
    now[0] += 1
    assert followed.is_new(notes)
    assert not followed.is_new(notes)
    now[0] += 300
    assert not followed.is_new(notes), "they are the same"


# Files of GOLD that cannot be read


def test_a_file_that_is_torn_inside_is_found_and_whole_or_absent_ones_are_not(
    home: EmbeddedHome,
) -> None:
    import duckdb

    file = home.path / "x.parquet"
    duckdb.sql("SELECT range AS n, 'é' || range AS t FROM range(20000)").write_parquet(str(file))
    whole = file.read_bytes()
    torn = bytearray(whole)
    torn[4:404] = bytes(400)
    for name, body in (("whole", whole), ("torn", bytes(torn)), ("half", whole[: len(whole) // 2])):
        home.lake.write(f"gold/{name}.parquet", body)
    keys = [f"gold/{name}.parquet" for name in ("whole", "torn", "absent", "half")]
    assert unreadable(home.lake, keys) == ["gold/torn.parquet", "gold/half.parquet"]
    assert unreadable(home.lake, []) == []
