"""Damaged files of the lake: one stops nothing, is told, and is made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.batch.archive import archive
from atalaia.batch.mend import ASIDE
from atalaia.batch.refine import refine
from atalaia.batch.upkeep import keep_house
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import gold, raw
from atalaia.lake.query import query
from atalaia.ports import Commit
from batch.helpers import DAY, NOON, PLACES, answer, decode, files, row
from contracts.state_contract import entry


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def come(home: EmbeddedHome, at: int, source: str = "made-up", n: int = 3) -> None:
    home.stream.append(
        [answer(at + i, row("poa", at + i, rain_mm=float(i)), source=source) for i in range(n)]
    )


def refined(home: EmbeddedHome) -> None:
    archive(home.stream, home.state, home.lake, home.outbox)
    refine(home.state, home.lake, decode, PLACES, home.outbox, stream=home.stream)


def reasons(home: EmbeddedHome) -> list[tuple[str, str]]:
    return [(reject.source, reject.reason) for _, _, reject in home.state.rejects()]


def flip(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]


@pytest.mark.parametrize("where", ["page", "foot", "cut", "empty"])
def test_a_bad_byte_in_gold_is_set_aside_told_and_made_again(
    home: EmbeddedHome, where: str
) -> None:
    come(home, NOON, n=400)
    come(home, NOON, "other")
    home.state.commit(Commit("speed", 1, entries=[entry("i1")]))
    refined(home)
    right = files(home, "gold/")
    (key,) = [key for key in right if key.startswith("gold/readings/source=made-up")]
    body = right[key]
    damaged = {
        "page": body[:60] + bytes(60) + body[120:],
        "foot": flip(body, len(body) - 6),
        "cut": body[: len(body) // 2],
        "empty": b"",
    }[where]
    home.lake.write(key, damaged)
    come(home, NOON + 1000)
    come(home, NOON + 1000, "other")
    refined(home)
    assert home.lake.read(ASIDE + key) == damaged
    assert reasons(home) == [("gold", "damaged file")]
    told = query(
        home, decode, PLACES, "SELECT source, count(*) FROM readings GROUP BY 1 ORDER BY 1"
    )
    assert list(told.rows) == [("made-up", 403), ("other", 6)]
    refined(home)
    assert reasons(home) == [("gold", "damaged file")], "told once"


def test_gold_that_is_made_again_of_a_torn_part_of_raw_lacks_nothing(home: EmbeddedHome) -> None:
    come(home, NOON)
    refined(home)
    [part], [readings] = home.lake.keys(raw.PAYLOADS), home.lake.keys(gold.READINGS)
    right = home.lake.read(part)
    home.lake.write(part, right[: len(right) // 2])  # long after it was refined
    home.lake.write(readings, b"damaged")
    come(home, NOON + 10)
    refined(home)
    assert home.lake.read(part) == right
    told = query(home, decode, PLACES, "SELECT count(*) FROM readings")
    assert list(told.rows) == [(6,)]


@pytest.mark.parametrize("dataset", ["alerts", "answers"])
def test_a_bad_file_of_any_dataset_is_made_again_as_it_was(
    home: EmbeddedHome, dataset: str
) -> None:
    come(home, NOON)
    home.state.commit(Commit("speed", 1, entries=[entry("i1")]))
    refined(home)
    right = files(home, "gold/")
    (key,) = [key for key in right if key.startswith(f"gold/{dataset}/")]
    home.lake.write(key, b"damaged")
    come(home, NOON + 10)
    home.state.commit(Commit("speed", 2, entries=[entry("i2")]))
    refined(home)
    counted = query(home, decode, PLACES, f"SELECT count(*) FROM {dataset}")
    assert list(counted.rows) == [(2,)]
    assert reasons(home) == [("gold", "damaged file")]


def test_a_question_about_a_bad_file_is_told_what_to_do(home: EmbeddedHome) -> None:
    come(home, NOON)
    refined(home)
    (key,) = home.lake.keys(gold.READINGS)
    home.lake.write(key, b"damaged")
    with pytest.raises(StateConflict, match=r"GOLD is damaged in gold/readings/.*atalaia refine"):
        query(home, decode, PLACES, "SELECT * FROM readings")
    come(home, NOON + 5)  # newer rows are laid over what is damaged
    with pytest.raises(StateConflict, match="GOLD is damaged"):
        query(home, decode, PLACES, "SELECT * FROM readings")


def test_a_torn_part_of_raw_is_made_again_from_the_stream(home: EmbeddedHome) -> None:
    come(home, NOON)
    come(home, NOON, "other")
    archive(home.stream, home.state, home.lake, home.outbox)
    come(home, NOON + 10)
    archive(home.stream, home.state, home.lake, home.outbox)
    right = files(home, "raw/payloads/")
    assert len(right) == 3
    for key, body in right.items():
        home.lake.write(key, body[: len(body) // 2])
    refine(home.state, home.lake, decode, PLACES, home.outbox, stream=home.stream)
    assert files(home, "raw/payloads/") == right
    assert reasons(home) == [("raw", "damaged file")] * 3
    told = query(home, decode, PLACES, "SELECT count(*) FROM readings")
    assert list(told.rows) == [(9,)]


def test_nothing_is_dropped_before_raw_is_seen_to_have_it(home: EmbeddedHome) -> None:
    come(home, NOON)
    refined(home)
    home.state.commit(Commit("speed", 3))
    (key,) = home.lake.keys(raw.PAYLOADS)
    right = home.lake.read(key)
    keep_house(home.stream, home.state, home.outbox, home.lake, NOON, DAY)
    home.lake.write(key, right[:-9])  # a bad sector, long after refine
    _, dropped = keep_house(home.stream, home.state, home.outbox, home.lake, NOON + 2 * DAY, DAY)
    assert dropped == 3
    assert home.lake.read(key) == right


def test_a_torn_part_that_the_stream_has_no_more_is_told_and_stops_nothing(
    home: EmbeddedHome,
) -> None:
    come(home, NOON)
    archive(home.stream, home.state, home.lake, home.outbox)
    (key,) = home.lake.keys(raw.PAYLOADS)
    home.lake.write(key, b"torn")
    home.stream.drop(1)
    come(home, NOON, "other")
    refined(home)
    assert reasons(home) == [("raw", "damaged file")]
    told = query(home, decode, PLACES, "SELECT count(*) FROM readings")
    assert list(told.rows) == [(3,)]
