"""The views `hourly` and `daily` against rain of which all is known (`oracles.rain`)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime

import duckdb
import pytest

from atalaia.domain.variable import CATALOGUE
from atalaia.lake.gold import DATASETS, rows
from atalaia.lake.views import VIEWS, hourly, make_clocks
from oracles import cases
from oracles.rain import HOUR, Rain, Telling, best

NOON = 1_714_478_400  # 2024-04-30T12:00:00Z
HOURS = 18

Row = tuple[int, int, float]


def hours_of(
    told: Sequence[Row], variable: str = "rain_mm", source: str = "station"
) -> dict[int, tuple[float, int]]:
    """By the end of the hour, its sum and how much of it is covered."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE TABLE told (moment BIGINT, period INTEGER, amount DOUBLE)")
    con.execute(
        "INSERT INTO told SELECT unnest(?::BIGINT[]), unnest(?::INTEGER[]), unnest(?::DOUBLE[])",
        [list(column) for column in zip(*told, strict=True)],
    )
    con.execute(f"CREATE TABLE readings AS {rows('readings', [])}")
    con.execute(
        "INSERT INTO readings BY NAME SELECT 'a' AS place_id, ? AS source, 'observed' AS kind,"
        " make_timestamptz(moment * 1000000) AS valid_at, nullif(period, 0) AS period_s,"
        f" amount AS {variable} FROM told",
        [source],
    )
    found = con.execute(
        "SELECT (epoch_us(hour_ends_at) / 1000000)::BIGINT, sum, covered_s"
        f" FROM ({hourly(CATALOGUE[variable])})"
    ).fetchall()
    assert len(found) == len({at for at, _, _ in found}), "an hour is one row"
    return {at: (amount, covered) for at, amount, covered in found}


def days_of(zone: str, told: Sequence[tuple[int, float]]) -> dict[date, int]:
    """How many hours of temperatures each local day has."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for dataset in DATASETS:
        con.execute(f"CREATE TABLE {dataset} AS {rows(dataset, [])}")
    con.execute("INSERT INTO places BY NAME SELECT 'a' AS place_id, ? AS timezone", [zone])
    con.execute("CREATE TABLE told (moment BIGINT, value DOUBLE)")
    con.execute(
        "INSERT INTO told SELECT unnest(?::BIGINT[]), unnest(?::DOUBLE[])",
        [list(column) for column in zip(*told, strict=True)],
    )
    con.execute(
        "INSERT INTO readings BY NAME SELECT 'a' AS place_id, 's' AS source, 'observed' AS kind,"
        " make_timestamptz(moment * 1000000) AS valid_at, value AS temperature_c,"
        " make_timestamptz(moment * 1000000)::DATE AS date FROM told"
    )
    make_clocks(con)
    for name in ("hourly", "daily"):
        con.execute(f"CREATE VIEW {name} AS {VIEWS[name]}")
    sql = "SELECT day, hours FROM daily WHERE variable = 'temperature_c'"
    return dict(con.execute(sql).fetchall())


def test_an_hours_rain_that_is_told_every_quarter_falls_once() -> None:
    rain = Rain(NOON, [0] * 40 + [6] * 50 + [0] * 270)
    told = Telling(3600, 900).tell(rain, 6, random.Random(1))
    found = hours_of(told.rows)
    assert found[NOON + HOUR] == (120, 3600)
    assert found[NOON + 2 * HOUR] == (180, 3600)
    assert sum(amount for amount, _ in found.values()) == 300


def test_a_quarter_of_an_hour_is_not_an_hour() -> None:
    found = hours_of([(NOON + 900, 900, 3.0)])
    assert found == {NOON + HOUR: (3.0, 900)}


def test_a_station_that_tells_its_hour_at_half_past_has_all_its_rain() -> None:
    told = [(NOON + HOUR // 2 + i * HOUR, HOUR, float(i)) for i in range(24)]
    found = hours_of(told)
    assert sum(amount for amount, _ in found.values()) == sum(range(24))
    assert found[NOON + HOUR] == (0.0, 3600), "told at 12:30, of the hour that ends at 13:00"


def test_a_gauge_with_seconds_of_jitter_or_drift_loses_no_rain() -> None:
    jitter = [(NOON + 60 * i + (i % 3 - 1), 60, 0.5) for i in range(1, 121)]
    drift = [(NOON + 61 * i, 60, 0.5) for i in range(1, 119)]
    for told in (jitter, drift):
        assert sum(amount for amount, _ in hours_of(told).values()) == 0.5 * len(told)


def test_rain_without_a_period_counts_in_full_and_covers_the_time_since_the_last() -> None:
    told = [(NOON + 900 * i, 0, 1.0) for i in range(1, 9)]
    assert hours_of(told)[NOON + 2 * HOUR] == (4.0, 3600)


def test_hours_before_1970_are_where_they_were() -> None:
    start = int(datetime(1955, 7, 1, 11, tzinfo=UTC).timestamp())
    told = [(start + HOUR, HOUR, 2.0), (start + HOUR + 900, 900, 1.0)]
    assert hours_of(told) == {start + HOUR: (2.0, 3600), start + 2 * HOUR: (1.0, 900)}
    found = days_of("UTC", [(start + HOUR * i, 1.0) for i in range(1, 25)])
    assert found == {date(1955, 7, 1): 13, date(1955, 7, 2): 11}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Tehran", date(2022, 9, 21), 25),
        ("America/St_Johns", date(2009, 10, 31), 24),
        ("America/St_Johns", date(2009, 11, 1), 25),
        ("America/New_York", date(2024, 3, 10), 23),
        ("Australia/Lord_Howe", date(2024, 10, 6), 23),
        ("America/Vancouver", date(2026, 11, 1), 24),
    ],
)
def test_a_day_is_the_clocks_also_where_it_is_put_off_the_full_hour(
    zone: str, day: date, hours: int
) -> None:
    """Counted by the minute in Python: an hour is of the day in which its last second is."""
    from zoneinfo import ZoneInfo

    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    ends = [noon - noon % HOUR + HOUR * i for i in range(-40, 41)]
    expected: dict[date, int] = {}
    for at in ends:
        local = datetime.fromtimestamp(at - 1, UTC).astimezone(ZoneInfo(zone)).date()
        expected[local] = expected.get(local, 0) + 1
    found = days_of(zone, [(at, 1.0) for at in ends])
    assert found == expected
    assert abs(found[day] - hours) <= 1, "an hour of UTC may lie over a midnight off the full hour"


@pytest.mark.parametrize("seed", range(cases(6)))
def test_hours_of_random_tellings_are_what_fell_and_never_more(seed: int) -> None:
    chance = random.Random(seed)
    start = chance.choice([NOON, -NOON - NOON % HOUR, 0]) // HOUR * HOUR
    rain = Rain.random(chance, start, HOURS)
    told = Telling.random(chance).tell(rain, HOURS, chance)
    found = hours_of(told.rows)
    # Neighbours may overlap by up to a tenth where no row stands where it should.
    slack = 1.0 + (0.1 if told.jitter or (told.is_rolling and told.lost) else 1e-9)
    total = sum(amount for amount, _ in found.values())
    assert total <= rain.fell(start, start + HOURS * HOUR) * slack + 1e-6
    assert all(0 < covered <= HOUR for _, covered in found.values())
    is_on_clock = told.off % told.period == 0 and not told.jitter
    if is_on_clock and not told.lost:
        for hour in range(1, HOURS):
            ends = start + (hour + 1) * HOUR
            assert found[ends] == (pytest.approx(rain.fell(ends - HOUR, ends)), HOUR)
    if not told.is_rolling:
        assert total == pytest.approx(sum(amount for _, _, amount in told.rows)), "none is lost"
    elif not told.lost:
        inside = rain.fell(start + 2 * HOUR, start + (HOURS - 2) * HOUR)
        assert total >= inside / slack - 1e-6, "none is lost of what overlaps, either"
    for ends, (amount, _) in found.items():
        near = [row for row in told.rows if ends - 2 * HOUR < row[0] <= ends + HOUR]
        assert amount <= best(near, 0.2) + 1e-6
        if not told.is_rolling:
            lies_in = [row for row in near if row[0] - row[1] >= ends - HOUR and row[0] <= ends]
            assert amount >= best(lies_in) - 1e-6, "the most that is known to have fallen in it"
