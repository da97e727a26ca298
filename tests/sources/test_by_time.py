"""Rows merged by time from disk: what all of them in memory, put in order at once, would be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.reading import NO_TIME, Kind, Readings
from atalaia.errors import AtalaiaError
from atalaia.sources import by_time, readings_csv
from atalaia.sources.by_time import RowsByTime
from atalaia.sources.recorded import read_by_time, read_files
from oracles import cases
from stories import T0, places
from traced import most_held

VARIABLES = ("rain_mm", "wind_gust_m_s", "temperature_c")


def some_rows(chance: random.Random) -> Readings:
    """Rows in no order: of several sources, kinds and periods, of few instants, some twice."""
    n = chance.randint(0, 60)
    pick = np.random.default_rng(chance.randint(0, 2**32))
    kind = pick.choice([Kind.OBSERVED, Kind.ANALYSIS, Kind.FORECAST], n)
    valid = T0 + 900 * pick.integers(0, chance.choice([1, 5, 40, 4000]), n)
    issued = np.where(kind == Kind.FORECAST, valid - 3600 * pick.integers(0, 3, n), NO_TIME)
    values = {
        name: np.where(pick.random(n) < 0.3, np.nan, pick.integers(0, 9, n).astype(float))
        for name in chance.sample(VARIABLES, chance.randint(0, 3))
    }
    return Readings(
        place=pick.integers(0, 3, n).astype(np.int32),
        source=pick.integers(0, 2, n).astype(np.int16),
        kind=kind.astype(np.int8),
        valid_at=valid,
        issued_at=issued,
        known_at=np.where(issued == NO_TIME, valid, issued),
        period_s=pick.choice([0, 900, 3600], n).astype(np.int32),
        values=values,
        sources=tuple(chance.sample(["b", "a", "c"], 2)),
    )


def told(rows: Readings) -> list[tuple[object, ...]]:
    """Row by row, in words: numbers that are given to sources do not count."""
    return [
        (rows.sources[source], *map(str, rest))
        for source, *rest in zip(
            rows.source.tolist(),
            *(getattr(rows, name).tolist() for name in by_time._KEYS if name != "source"),
            *(rows.value(name).tolist() for name in VARIABLES),
            strict=True,
        )
    ]


@settings(max_examples=cases(60), deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90), st.sampled_from([1, 7, 100, 65_536]))
def test_parts_are_those_of_all_rows_in_order(seed: int, size: int, at_once: int) -> None:
    chance = random.Random(seed)
    added = [some_rows(chance) for _ in range(chance.randint(1, 12))]
    with (
        patch.object(by_time, "_AT_ONCE", at_once),
        patch.object(by_time, "_LEAST", 1),
        patch.object(by_time, "_IN_MEMORY", chance.choice([1, 10_000_000])),
        RowsByTime() as rows,
    ):
        assert rows.add_all(added) == sum(map(len, added)) >= len(rows)
        whole = Readings.concat(added).in_order()
        expected = [told(part) for part in whole.between_instants(size)]
        assert [told(part) for part in rows.parts(size)] == expected
        assert [told(part) for part in rows.parts(size)] == expected, "as often as one asks"
        many, digest = rows.digest()
        assert many == len(whole)
        with RowsByTime() as others:
            again = [*added, *added[:2]]
            chance.shuffle(again)
            others.add_all(again)
            assert others.digest() == (many, digest), "however they are given"
        with RowsByTime() as fewer:
            fewer.add_all([whole.take(slice(1, None))])
            assert (fewer.digest() != (many, digest)) == bool(many)
        assert set(rows.sources) == {whole.sources[i] for i in set(whole.source.tolist())}


def test_only_what_is_wanted_is_kept() -> None:
    chance = random.Random(4)
    added = [some_rows(chance) for _ in range(9)]
    with RowsByTime(frozenset({"rain_mm"})) as rows:
        rows.add_all(added)
        (part,) = rows.parts(10_000)
        assert set(part.values) == {"rain_mm"}
        assert len(part) == len(Readings.concat(added).in_order())


def test_of_a_file_that_cannot_be_read_to_its_end_nothing_is_kept() -> None:
    chance = random.Random(5)
    added = [some_rows(chance) for _ in range(5)]

    def broken() -> Iterator[Readings]:
        yield from added[3:]
        raise ValueError("the rest is not there")

    with RowsByTime() as rows, RowsByTime() as others:
        rows.add_all(added[:3])
        with pytest.raises(ValueError, match="the rest"):
            rows.add_all(broken())
        others.add_all(added[:3])
        assert (len(rows), rows.digest()) == (len(others), others.digest())
        assert [told(part) for part in rows.parts(5)] == [told(part) for part in others.parts(5)]


def test_where_the_disk_is_full_it_says_what_to_do() -> None:
    with RowsByTime() as rows:
        full = OSError(28, "No space left on device")
        with (
            patch.object(rows._file, "write", side_effect=full),
            pytest.raises(AtalaiaError, match=r"No space left .*; make room .*TMPDIR"),
        ):
            rows.add_all([some_rows(random.Random(6))])


def record(file: Path, rows: int) -> Path:
    """Gauges' quarter hours, one gauge after another."""
    lines = ["place_id,valid_at,period_s,kind,rain_mm"]
    for place in range(3):
        moments = (np.datetime64(T0, "s") + 900 * np.arange(rows // 3)).astype(str)
        lines += [f"p{place},{at}Z,900,observed,{i % 7}.0" for i, at in enumerate(moments)]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def test_a_file_is_read_in_parts_as_it_is_as_a_whole(tmp_path: Path) -> None:
    file = record(tmp_path / "r.csv", 3000)
    with (
        patch.object(readings_csv, "_PART_BYTES", 5000),
        read_by_time([file, file], places(3)) as (rows, rejects),
    ):
        assert rejects == []
        parts = [told(part) for part in rows.parts(100)]
    whole = read_files([file], places(3)).readings.in_order()
    assert parts == [told(part) for part in whole.between_instants(100)]


def test_memory_does_not_grow_with_the_record(tmp_path: Path) -> None:
    def most(rows: int) -> int:
        """Bytes that were held at most while a record of so many rows was gone through."""
        file = record(tmp_path / f"{rows}.csv", rows)

        def go_through() -> None:
            with read_by_time([file], places(3)) as (kept, _):
                assert sum(map(len, kept.parts(500))) == rows

        return most_held(go_through)

    with (
        patch.object(readings_csv, "_PART_BYTES", 20_000),
        patch.object(by_time, "_AT_ONCE", 3000),
        patch.object(by_time, "_IN_MEMORY", 50_000),
    ):
        most(3000)  # what is imported and kept at hand by the first
        assert most(60_000) < 1.5 * most(6_000)
