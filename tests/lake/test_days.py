"""Days that are kept give what `daily` gives without them, whatever happened to the readings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import gold
from atalaia.lake.compact import closed_months, compact_months
from atalaia.lake.days import keep_days, kept
from atalaia.lake.merge import merge_readings, write_places
from atalaia.lake.overlay import Overlay
from atalaia.lake.query import query
from atalaia.lake.views import DAILY, hourly_of, make_clocks
from atalaia.sources import decode_all
from oracles import cases

START = 1_709_251_200  # 2024-03-01
HOUR = 3600
NOW = START + 100 * 24 * HOUR
"""March, April and May are closed then; June is not."""

ZONES = ("America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Auckland", "America/St_Johns")
BOTH = [CATALOGUE["rain_mm"], CATALOGUE["temperature_c"]]
ALL = "SELECT * FROM daily WHERE variable IN ('rain_mm', 'temperature_c') ORDER BY ALL"


def places_of(zones: tuple[str, ...]) -> Places:
    return Places(
        Place(id=f"p{i}", name=f"P {i}", latitude=0, longitude=0, timezone=zone)
        for i, zone in enumerate(zones)
    )


def told(chance: random.Random, source: str, period_s: int, first_h: int, hours: int) -> Readings:
    """Rain of this period, and temperatures, at all places; of some hours nothing."""
    at, place = [], []
    off = chance.choice([0, 0, period_s // 2, 60])
    for number in range(len(ZONES)):
        for moment in range(first_h * HOUR, (first_h + hours) * HOUR, chance.choice([900, 1800])):
            if chance.random() < 0.8:
                at.append(START + moment + off)
                place.append(number)
    values = np.random.default_rng(chance.randrange(1 << 30))
    return Readings.build(
        place=np.array(place),
        source=source,
        kind=Kind.OBSERVED,
        valid_at=np.array(at),
        values={
            # Halves: their sums are the same in whatever order the engine adds them.
            "rain_mm": values.integers(0, 9, len(at)) / 2,
            "temperature_c": values.integers(-5, 30, len(at)) / 2,
        },
        period_s=period_s,
    )


def asked(home: EmbeddedHome, places: Places, sql: str = ALL) -> list[tuple[Any, ...]]:
    return list(query(home, decode_all(places), places, sql).rows)


def worked_out(home: EmbeddedHome, places: Places) -> list[tuple[Any, ...]]:
    """The view over all readings, plainly."""
    write_places(home.lake, places)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for dataset, keys in gold.partition_files(home.lake, ("readings", "places")).items():
        files = [home.lake.path(key) for key in keys]
        con.execute(f"CREATE VIEW {dataset} AS {gold.rows(dataset, files)}")
    make_clocks(con)
    con.execute(f"CREATE VIEW hourly AS {hourly_of(BOTH)}")
    con.execute(f"CREATE VIEW daily AS {DAILY}")
    return con.execute(ALL).fetchall()


def same(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    def rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows]

    return rounded(one) == rounded(other)


def right(home: EmbeddedHome) -> list[str]:
    return kept(home.lake, gold.partition_files(home.lake, ("readings",))["readings"])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as opened:
        yield opened


@pytest.mark.parametrize("seed", range(cases(1)))
def test_days_are_those_of_all_readings_whatever_came_late_or_went(
    home: EmbeddedHome, seed: int
) -> None:
    chance = random.Random(seed)
    zones = list(ZONES)
    places = places_of(tuple(zones))
    names = {"inmet": HOUR, "odd/one:a": chance.choice([HOUR, 900, 600, 0])}
    # Around the ends of months, where hours are told in the next one.
    for name, period_s in names.items():
        for first_h in (24 * 31 - 10, 24 * 61 - 10):
            merge_readings(home.lake, told(chance, name, period_s, first_h, 24), places)
    compact_months(home.lake, closed_months(home.lake, NOW))
    used = 0
    for happens in chance.sample(["late", "corrected", "erased", "zone"], 3):
        keep_days(home.lake, places, NOW)
        name = chance.choice(list(names))
        if happens == "zone":
            zones[chance.randrange(4)] = chance.choice(ZONES)
            places = places_of(tuple(zones))
        elif happens == "erased":
            home.lake.delete(chance.choice(home.lake.keys(gold.READINGS)))
        else:
            at = chance.choice([0, 24 * 31 - 3, 24 * 61 - 1, 24 * 80, 24 * 92 - 2])
            period_s = names[name] if happens == "corrected" else chance.choice([HOUR, 900])
            merge_readings(home.lake, told(chance, name, period_s, at, 4), places)
        used += len(right(home))
        assert same(asked(home, places), worked_out(home, places)), happens
    assert used, "some were right, and were read"


def some_days(home: EmbeddedHome, places: Places) -> None:
    merge_readings(home.lake, told(random.Random(1), "inmet", HOUR, 24 * 26, 24 * 10), places)
    compact_months(home.lake, closed_months(home.lake, NOW))


def test_days_are_made_once_and_go_with_their_readings(home: EmbeddedHome) -> None:
    places = places_of(ZONES)
    some_days(home, places)
    assert keep_days(home.lake, places, NOW) == 2
    made = home.lake.keys(gold.DAYS)
    assert keep_days(home.lake, places, NOW) == 0
    assert home.lake.keys(gold.DAYS) == made == right(home)
    (first, second) = home.lake.keys(gold.READINGS)
    home.lake.delete(second)
    assert right(home) == [], "March's last hours are told in April"
    assert keep_days(home.lake, places, NOW) == 1
    home.lake.delete(first)
    assert keep_days(home.lake, places, NOW) == 0
    assert home.lake.keys(gold.DAYS) == []


def test_what_a_query_lays_over_gold_counts_and_not_what_was_kept(home: EmbeddedHome) -> None:
    places = places_of(ZONES)
    some_days(home, places)
    keep_days(home.lake, places, NOW)
    over = Overlay(home.lake, Path(home.lake.path("over")))
    assert len(kept(over, over.keys(gold.READINGS))) == 2
    merge_readings(over, told(random.Random(2), "inmet", HOUR, 48, 2), places)
    assert kept(over, over.keys(gold.READINGS)) == [], "both months have hours near the file"
    assert len(right(home)) == 2


def test_days_that_cannot_be_read_are_worked_out_and_made_again(home: EmbeddedHome) -> None:
    places = places_of(ZONES)
    some_days(home, places)
    keep_days(home.lake, places, NOW)
    before = asked(home, places)
    key = home.lake.keys(gold.DAYS)[0]
    body = home.lake.read(key)
    home.lake.write(key, body[:100] + bytes(len(body) - 200) + body[-100:])
    assert same(asked(home, places), before)
    assert key not in home.lake.keys(gold.DAYS)
    assert keep_days(home.lake, places, NOW) == 1
    assert home.lake.read(key) == body


def test_no_more_months_are_made_at_a_time_than_can_be(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = places_of(ZONES)
    some_days(home, places)
    monkeypatch.setattr("atalaia.lake.days.MOST_ROWS", 1)
    assert [keep_days(home.lake, places, NOW) for _ in range(3)] == [1, 1, 0]
    assert same(asked(home, places), worked_out(home, places))
