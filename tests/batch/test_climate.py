"""What is usual and what is rare at a place, from histories whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from atalaia.batch.climate import climate_of, percentiles, percentiles_of
from atalaia.batch.learn import learn, learn_from
from atalaia.cli import app
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Floats, Kind, Readings
from atalaia.homes.embedded import open_home
from atalaia.lake.climate import Months, ReturnLevel, read_climate, write_climate
from atalaia.lake.compact import closed_months, compact_months
from atalaia.lake.history import History, from_gold, from_readings
from atalaia.lake.merge import merge_readings

HOUR = 3600
SAO_PAULO = Place(
    id="poa", name="Porto Alegre", latitude=-30.05, longitude=-51.17, timezone="America/Sao_Paulo"
)
UTC_PLACE = Place(id="poa", name="Porto Alegre", latitude=0, longitude=0)
PLACES = Places([SAO_PAULO])


def at(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type]


def history(values: Floats, variable: str = "temperature_c") -> History:
    """Hourly values from the beginning of 2000 (UTC) on."""
    first, values = at(2000, 1, 1) + HOUR, np.asarray(values, float)
    return History("poa", variable, "inmet", "observed", first, values, ~np.isnan(values))


def years(n: int, begins: int = 2000) -> int:
    return (at(begins + n, 1, 1) - at(begins, 1, 1)) // HOUR


def row(months: list[Months], month: int, hour: int | None = None) -> Months:
    (found,) = [each for each in months if (each.month, each.hour) == (month, hour)]
    return found


def levels(
    found: list[ReturnLevel], window_h: int = 0, extreme: str = "maximum"
) -> list[ReturnLevel]:
    return [e for e in found if e.window_s == window_h * HOUR and e.extreme == extreme]


def test_means_are_of_the_month_and_hour_of_the_places_clock() -> None:
    hours = np.arange(years(10))
    values = (hours % 24).astype(float)  # what the UTC hour is that begins
    climate = climate_of(SAO_PAULO, [history(values)])
    assert row(climate.months, 6, 0).mean == 3  # local midnight is 03 UTC
    assert row(climate.months, 6, 21).mean == 0
    whole = row(climate.months, 6)
    assert whole.mean == pytest.approx(11.5, abs=0.05)
    assert (whole.mean_minimum, whole.mean_maximum) == (0, 23)
    assert (whole.years, whole.first_year, whole.last_year) == (10, 2000, 2009)


def test_the_clocks_were_changed_and_so_is_the_hour() -> None:
    values = (np.arange(years(10)) % 24).astype(float)
    january = row(climate_of(SAO_PAULO, [history(values)]).months, 1, 0)
    assert january.mean == 2  # in summer time local midnight was 02 UTC


def test_percentiles_are_hyndman_and_fans_eighth() -> None:
    # Position (n + 1/3) p + 1/3 of the sorted sample: for n = 9, p = 0.5 it is 5.
    sample = np.array([9.0, 1, 8, 2, 7, 3, 6, 4, 5])
    found = percentiles(sample)
    assert found[49] == 5
    assert found[24] == pytest.approx((9 + 1 / 3) * 0.25 + 1 / 3)
    assert (np.diff(found) >= 0).all()


def test_percentiles_are_scipys() -> None:
    mquantiles = pytest.importorskip("scipy.stats.mstats").mquantiles
    sample = np.random.default_rng(1).gamma(2, 3, 750)
    assert percentiles(sample) == pytest.approx(
        np.asarray(mquantiles(sample, np.arange(1, 100) / 100, alphap=1 / 3, betap=1 / 3))
    )


def test_percentiles_of_many_parts_are_to_the_last_bit_those_of_each() -> None:
    numbers = np.random.default_rng(2)
    parts = [np.round(numbers.gamma(2, 3, n), 1) for n in numbers.integers(1, 6, 40)]
    found = percentiles_of(parts)
    assert [one.tolist() for one in found] == [percentiles(part).tolist() for part in parts]


def test_a_month_with_too_little_data_does_not_count() -> None:
    values = np.ones(years(10))
    june = (at(2003, 6, 1) - at(2000, 1, 1)) // HOUR
    values[june : june + 24 * 8] = np.nan  # eight of thirty days
    values[june + 24 * 8 : june + 24 * 30] = 99
    climate = climate_of(UTC_PLACE, [history(values)])
    assert row(climate.months, 6).years == 9
    assert row(climate.months, 6).mean == 1
    assert row(climate.months, 7).years == 10


def test_a_short_record_is_told_and_is_no_norm() -> None:
    climate = climate_of(UTC_PLACE, [history(np.arange(years(2)) % 7.0)])
    assert {each.is_norm for each in climate.months} == {False}
    assert {each.level for each in climate.levels} == {None}
    assert climate.levels[0].refusal == "2 years with enough data; 10 are needed"
    lenient = climate_of(UTC_PLACE, [history(np.arange(years(2)) % 7.0)], least_years=2)
    assert {each.is_norm for each in lenient.months} == {True}


def test_a_return_period_of_more_than_twice_the_record_is_refused() -> None:
    values = np.random.default_rng(1).normal(20, 5, years(12))
    found = levels(climate_of(UTC_PLACE, [history(values)]).levels)
    assert [(e.return_years, e.level is not None) for e in found] == [
        (2, True), (5, True), (10, True), (25, False), (50, False),
    ]  # fmt: skip
    assert found[3].refusal == "12 years with enough data; 25 years need 13"
    known = [e for e in found if e.level is not None and e.low is not None and e.high is not None]
    assert all(e.low < e.level < e.high for e in known)  # type: ignore[operator]


def test_a_year_that_never_differs_has_no_return_level() -> None:
    found = levels(climate_of(UTC_PLACE, [history(np.zeros(years(12)), "rain_mm")]).levels, 1)
    assert found[0].refusal == "every year has the same extreme, 0"


def test_return_levels_of_sums_are_of_running_sums() -> None:
    rain = np.zeros(years(10))
    for year in range(10):
        storm = years(year) + 5000 + year
        rain[storm : storm + 3] = 10 + year  # three hours in a row
        rain[storm + 100] = 25 + year % 2
    found = climate_of(UTC_PLACE, [history(rain, "rain_mm")]).levels
    one, three = levels(found, 1)[0], levels(found, 3)[0]
    assert one.level == pytest.approx(25.5, abs=1), "the hour that is the largest each year"
    assert three.level == pytest.approx(3 * 14.5, abs=2)


def test_minima_are_turned_around() -> None:
    chance = np.random.default_rng(3)
    cold = np.full(years(20), 15.0)
    for year in range(20):
        cold[years(year) + 4000] = chance.normal(-2, 1)
    found = levels(climate_of(UTC_PLACE, [history(cold)]).levels, extreme="minimum")
    two, fifty = found[0], found[-1]
    assert two.level is not None
    assert fifty.level is None or fifty.level < two.level
    assert two.level == pytest.approx(-2, abs=0.5)
    assert two.low is not None
    assert two.high is not None
    assert two.low < two.level < two.high


def readings(n: int, source: str = "inmet", kind: Kind = Kind.OBSERVED) -> Readings:
    hours = np.arange(n)
    return Readings.build(
        place=np.zeros(n, np.int32),
        source=source,
        kind=kind,
        valid_at=at(2000, 1, 1) + (hours + 1) * HOUR,
        values={"temperature_c": hours % 24 + 0.5, "rain_mm": (hours % 48 == 0) * 3.0},
        period_s=HOUR,
    )


def test_gold_and_readings_in_memory_have_the_same_histories(tmp_path: Path) -> None:
    rows = Readings.concat([readings(1500), readings(2000, "model", Kind.ANALYSIS)])
    with open_home(tmp_path) as home:
        merge_readings(home.lake, rows, PLACES)
        compact_months(home.lake, closed_months(home.lake, at(2000, 3, 20)))
        stored = list(from_gold(home.lake, ["poa"]))
        memory = list(from_readings(home.lake, rows, PLACES))
    assert [(h.variable, h.source, len(h.values)) for h in stored] == [
        ("temperature_c", "inmet", 1500),  # an instrument, though the model has more
        ("rain_mm", "inmet", 1500),
    ]
    for a, b in zip(stored, memory, strict=True):
        assert (a.variable, a.first_at) == (b.variable, b.first_at)
        assert np.array_equal(a.values, b.values, equal_nan=True)


def test_a_climate_is_kept_with_the_home_and_a_shorter_one_does_not_replace_it(
    tmp_path: Path,
) -> None:
    with open_home(tmp_path) as home:
        merge_readings(home.lake, readings(24 * 70), PLACES)
        (first,) = learn(home.lake, PLACES)
        assert first.is_kept
        months, kept_levels = read_climate(home.lake, "poa")
        assert months == first.climate.months
        assert kept_levels == first.climate.levels
        longer = climate_of(SAO_PAULO, from_readings(home.lake, readings(years(2)), PLACES))
        write_climate(home.lake, "poa", longer.months, longer.levels)
        (again,) = learn(home.lake, PLACES)
        assert not again.is_kept
        assert read_climate(home.lake, "poa")[0] == longer.months


def test_who_waits_is_told_of_how_many_places_of_how_many_it_is_learnt(tmp_path: Path) -> None:
    some = [SAO_PAULO, *(Place(id=f"p{i}", name="", latitude=0, longitude=i) for i in range(8))]
    told: list[tuple[int, int]] = []
    with open_home(tmp_path) as home:
        merge_readings(home.lake, readings(24 * 70), Places(some))
        learn(home.lake, Places(some), progress=lambda *done: told.append(done))
    assert told == [(1, 9), (8, 9), (9, 9)]  # of eight there is no history


def test_inmets_files_are_a_history(shared: Path, tmp_path: Path) -> None:
    place = Places(
        [Place(id="A801", name="Porto Alegre", latitude=-30.05, longitude=-51.17,
               timezone="America/Sao_Paulo")]
    )  # fmt: skip
    files = [shared / "inmet" / f"A801_porto_alegre_{year}.csv" for year in (2023, 2024)]
    with open_home(tmp_path) as home:
        (learnt,), rejects = learn_from(home.lake, place, files, least_years=2)
    assert rejects == []
    temperature = [e for e in learnt.climate.months if e.variable == "temperature_c"]
    january, july = row(temperature, 1), row(temperature, 7)
    assert january.mean == pytest.approx(25.2, abs=0.1)
    assert july.mean == pytest.approx(14.6, abs=0.1)
    assert january.is_norm
    afternoon, dawn = row(temperature, 1, 15), row(temperature, 1, 5)
    assert afternoon.mean > dawn.mean + 6
    assert all(e.refusal for e in learnt.climate.levels)


def test_open_meteos_archive_is_a_history(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "open_meteo").glob("chunk_*.json"))
    with open_home(tmp_path) as home:
        (learnt,), _ = learn_from(home.lake, PLACES, files, least_years=2)
    rain = [e for e in learnt.climate.months if e.variable == "rain_mm"]
    assert {e.kind for e in rain} == {"analysis"}
    assert row(rain, 5).years == 2


def test_the_command_learns_shows_and_says_what_it_refuses(shared: Path, tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    places.write_text(
        "place_id,name,latitude,longitude,timezone\n"
        "A801,Porto Alegre,-30.05,-51.17,America/Sao_Paulo\n"
    )
    home = ["--home", str(tmp_path / "home")]
    file = str(shared / "inmet" / "A801_porto_alegre_2024.csv")
    run = CliRunner().invoke
    done = run(app, ["climate", "--import", file, "--places", str(places), *home])
    assert done.exit_code == 0, done.output
    assert "A801         Porto Alegre: 7 variables, 1 year, 0 return levels" in done.output
    shown = run(app, ["climate", "--place", "A801", *home]).output
    assert "too few for a norm" in shown
    assert "refused: 1 years with enough data; 10 are needed" in shown
    assert '"return_levels":[' in run(app, ["climate", "--place", "A801", "--json", *home]).output
    asked = "SELECT count(*) AS n FROM climate WHERE variable = 'temperature_c' AND hour IS NULL"
    assert '"n":12' in run(app, ["sql", asked, "--json", *home]).output.replace(" ", "")


def test_a_replay_goes_by_the_climate_of_its_home(shared: Path, tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    places.write_text(
        "place_id,name,latitude,longitude,timezone\n"
        "A801,Porto Alegre,-30.05,-51.17,America/Sao_Paulo\n"
        "X,Nowhere,0,0,UTC\n"
    )
    files = [str(shared / "inmet" / f"A801_porto_alegre_{year}.csv") for year in (2023, 2024)]
    home = ["--home", str(tmp_path / "home"), "--places", str(places)]
    run = CliRunner().invoke
    learnt = run(app, ["climate", "--import", *files, "--least-years", "2", *home])
    assert learnt.exit_code == 0, learnt.output
    done = run(app, ["replay", files[0], "--rules", "climate", "--alerts", "-", *home])
    assert done.exit_code == 0, done.output
    told = [line for line in done.stdout.splitlines() if '"rule":"heat-wave"' in line]
    assert any('"type":"alert"' in line and '"value":2.0' in line for line in told)
    assert "rule heat-wave says nothing at X: no norm of it is known there" in done.stderr


def told_as(rain: Floats, period_s: int, step_s: int) -> Readings:
    """Rain of quarters from 2000 on as a station tells it: sums over a period, every step."""
    at_quarter = np.concatenate(([0.0], np.cumsum(rain)))
    ends = np.arange(period_s // 900, len(rain) + 1, step_s // 900)
    return Readings.build(
        place=np.zeros(len(ends), np.int32),
        source="station",
        kind=Kind.OBSERVED,
        valid_at=at(2000, 1, 1) + ends * 900,
        period_s=period_s,
        values={"rain_mm": at_quarter[ends] - at_quarter[ends - period_s // 900]},
    )


def test_rain_that_is_told_rolling_makes_the_climate_of_what_fell(tmp_path: Path) -> None:
    rain = np.where(np.random.default_rng(1).random(4 * 24 * 40) < 0.02, 7.0, 0.0)
    with open_home(tmp_path / "home") as home:
        (plain,) = from_readings(home.lake, told_as(rain, 3600, 3600), PLACES)
        (rolling,) = from_readings(home.lake, told_as(rain, 3600, 900), PLACES)
        (quarters,) = from_readings(home.lake, told_as(rain, 900, 900), PLACES)
        none = list(from_readings(home.lake, told_as(rain, 900, 3600), PLACES))
    assert (rolling.values == plain.values).all()
    assert (quarters.values == plain.values).all()
    assert none == [], "a quarter of each hour is no history"


def test_years_of_which_a_quarter_was_told_have_no_say_in_what_is_rare() -> None:
    chance = np.random.default_rng(3)
    hours = years(24)
    values = np.where(chance.random(hours) < 0.01, chance.gamma(2, 12, hours), 0.0)
    whole = np.ones(hours, bool)
    quarter = slice(years(12), None)
    values[quarter] /= 4
    whole[quarter] = False
    first = at(2000, 1, 1) + HOUR
    mixed = History("poa", "rain_mm", "s", "observed", first, values, whole)
    known = History(
        "poa", "rain_mm", "s", "observed", first, values[: years(12)], whole[: years(12)]
    )
    found, expected = (levels(climate_of(UTC_PLACE, [h]).levels, 1)[0] for h in (mixed, known))
    assert (found.level, found.years) == (expected.level, 12)


def test_an_hour_is_a_norm_by_the_years_that_have_that_hour() -> None:
    values = np.full(years(11), 20.0)
    hour = np.arange(len(values)) % 24
    values[(hour == 5) & (np.arange(len(values)) >= years(1))] = np.nan
    climate = climate_of(UTC_PLACE, [history(values)])
    assert (row(climate.months, 6).years, row(climate.months, 6).is_norm) == (11, True)
    assert (row(climate.months, 6, 4).years, row(climate.months, 6, 4).is_norm) == (11, True)
    assert (row(climate.months, 6, 5).years, row(climate.months, 6, 5).is_norm) == (1, False)


def test_where_most_years_have_no_snow_there_is_no_return_level() -> None:
    values = np.zeros(years(20))
    for year in range(8):
        values[years(year) + 50] = 5.0 + year
    (first, *_) = levels(climate_of(UTC_PLACE, [history(values, "snow_cm")]).levels, 24)
    assert first.level is None
    assert first.refusal is not None
    assert "12 of 20 years have the same extreme, 0" in first.refusal


def test_a_level_beyond_what_can_be_is_refused() -> None:
    chance = np.random.default_rng(1)
    values = np.full(years(20), 60.0)
    for year in range(20):
        values[years(year) + 50] = max(14 - 6 * chance.exponential(), 0.2)
    found = levels(
        climate_of(UTC_PLACE, [history(values, "relative_humidity_pct")]).levels, 0, "minimum"
    )
    told = [one for one in found if one.level is not None]
    assert all(0 <= one.low <= one.level <= one.high for one in told)  # type: ignore[operator]
    refused = [one.refusal or "" for one in found if one.level is None]
    assert any("passes a bound: -" in refusal for refusal in refused)
