"""Series packed column by column: byte for byte what is packed of each alone."""

from __future__ import annotations

import random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.msgpack import encode

from atalaia.detect import items, packed
from atalaia.detect.items import (
    load_series,
    pack,
    pack_alone,
    pack_series,
    pack_with,
    save_series,
    unpack,
)
from atalaia.detect.series import Recalled, SeriesTable
from atalaia.domain.reading import NO_TIME
from detect.test_watch import RULES, TOWN, weather_of
from oracles import cases
from stories import HOUR, T0, Shift, cut, places

BOUNDS = [
    edge + off
    for edge in (-(1 << 31), -(1 << 15), -(1 << 7), -32, 0, 1 << 7, 1 << 8, 1 << 16, 1 << 32)
    for off in (-1, 0, 1)
]


def alone(table: SeriesTable, numbers: list[int]) -> list[bytes]:
    return [encode(one) for one in save_series(table, numbers)]


def together(table: SeriesTable, numbers: list[int], few: int) -> list[bytes]:
    with patch.object(items, "_FEW", 0), patch.object(packed, "_FEW", few):
        return pack_series(table, numbers)


def made_up(chance: random.Random, n: int, amounts: bool) -> SeriesTable:
    """Series with all that numbers can be, by three sources."""
    where = places(n)
    table = SeriesTable(where)
    for i in range(n):
        for source in chance.sample(["roof", "station", "x" * 40], chance.randint(1, 3)):
            table.number(where[i].id, source)
    for name in ("rain_mm", "wind_gust_m_s"):
        table.memory(name)
    at_once = chance.random() < 0.5  # as after a poll, or each otherwise

    def some(column: np.ndarray) -> None:
        kinds = BOUNDS if chance.random() < 0.3 else [chance.choice(BOUNDS)]
        told = [chance.choice(kinds) for _ in range(table.count)]
        column[: table.count] = told[:1] * table.count if at_once else told

    for column in (table.valid_at, table.usable_at, table.expected_s, table.news_at):
        some(column)
    table.is_blind[: table.count] = [chance.random() < 0.2 for _ in range(table.count)]
    for name in table.last:
        some(table.last_at[name])
        some(table.unchanged_since[name])
        some(table.good_at[name])
        for column in (table.last[name], table.good[name]):
            column[:] = [chance.choice([np.nan, -0.0, 0.0, 1e300, 0.1]) for _ in column]
    habits(table, chance, at_once)
    if amounts:
        words(table, chance)
    return table


def habits(table: SeriesTable, chance: random.Random, at_once: bool) -> None:
    for cadence in (table.arrivals, table.pace("rain_mm"), table.pace("heat_index_c")):
        for i in range(table.count):
            if at_once or chance.random() < 0.8:
                kept = [300] * 8 if at_once else chance.choices([1, 127, 128, 300, 70_000], k=5)
                cadence.put(i, T0, kept)


def words(table: SeriesTable, chance: random.Random) -> None:
    for name in ("cape", "shear"):
        known = table.amount(name)
        for i in range(table.count):
            if chance.random() < 0.7:
                told = (1.5, np.nan, T0 + i, chance.choice([0, 8, 200]))
                for column, one in zip(Recalled.__slots__, told, strict=True):
                    getattr(known, column)[i] = one


@settings(max_examples=cases(40), deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 12), st.booleans(), st.sampled_from([1, 3, 100]))
def test_numbers_are_packed_as_those_of_each_series_alone(
    seed: int, n: int, amounts: bool, few: int
) -> None:
    table = made_up(random.Random(seed), n, amounts)
    numbers = list(range(table.count))
    random.Random(seed).shuffle(numbers)
    assert together(table, numbers, few) == alone(table, numbers)


@pytest.mark.parametrize("seed", range(cases(2)))
@pytest.mark.parametrize("few", [1, 4])
def test_so_are_windows_and_forecasts_and_areas(seed: int, few: int) -> None:
    shift = Shift(RULES, TOWN)
    table = shift.watch.table
    for batch in cut(weather_of(seed), [T0 + h * HOUR for h in range(0, 90, 7)]):
        shift.live(batch)
        numbers, _ = table.at_places(range(len(TOWN)))
        assert together(table, numbers, few) == alone(table, numbers)
    assert table.windows
    assert table.forecasts
    assert table.area_value


def test_of_more_names_than_a_mark_can_count_each_is_packed_alone() -> None:
    table = made_up(random.Random(1), 3, amounts=False)
    for i in range(20):
        table.memory(f"v{i}")
    numbers = list(range(table.count))
    assert together(table, numbers, 1) == alone(table, numbers)


def test_an_item_of_packed_series_is_the_item_of_these_series() -> None:
    table = made_up(random.Random(2), 3, amounts=True)
    kept = save_series(table, [0, 1])
    assert pack_with(pack_series(table, [0, 1]), [], []) == pack(kept, [])
    assert pack_with([], [], []) == pack([], [])
    assert pack_alone(pack_series(table, [0])[0]) == pack(kept[:1], [])
    again = SeriesTable(table.places)
    place = table.places[int(table.place[0])].id
    for one in unpack(pack_alone(pack_series(table, [0])[0])).series:
        load_series(again, place, one)
    assert alone(again, [0]) == alone(table, [0])
    assert again.news_at[0] != NO_TIME
