from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.station import Station
from atalaia.domain.station_reading import (
    NO_REPORT,
    StationReadings,
    StationReport,
    StationsDecoded,
    Value,
    Withdrawal,
    report_number,
)

HOUR = 3600


def test_an_interval_is_learned_and_a_lost_report_does_not_count_double() -> None:
    station = Station(id="wis2:0-20000-0-83967", kind="official")
    for i in (0, 1, 2, 5, 6):
        station = station.heard(i * HOUR, i * HOUR + 2400)
    assert station.interval_s == HOUR
    assert station.clock_offset_s == 2400
    assert station.last_valid_at == 6 * HOUR


def test_reports_in_any_order_and_twice_teach_the_same() -> None:
    ways = set()
    for times in permutations([0, 600, 1200, 1900]):
        station = Station(id="pws:garden", kind="private")
        for at in (*times, times[0]):
            station = station.heard(at, at - 60)
        ways.add(station)
    assert len(ways) == 1
    assert ways.pop().clock_offset_s == -60


def test_what_another_account_says_is_added_and_what_was_learned_stays() -> None:
    known = Station(id="wis2:a", kind="official", latitude=1.0, elevation_m=5.0).heard(0, 10)
    other = Station(id="wis2:b", kind="official", name="Kisumu", latitude=2.0, aliases=("wis2:a",))
    both = known.told(other)
    assert (both.id, both.name, both.aliases) == ("wis2:a", "Kisumu", ("wis2:b",))
    assert (both.latitude, both.elevation_m, both.last_valid_at) == (2.0, 5.0, 0)


def rows(*told: Value, **more: int) -> StationReadings:
    return StationReadings.of(
        [StationReport("wis2:a", "wis2:br-inmet", told, **{"known_at": 9000, **more})]
    )


RAIN_1 = Value(7200, 3600, "rain_mm", 12.0)
RAIN_24 = Value(7200, 86_400, "rain_mm", 60.0)
HEAT = Value(7200, 0, "temperature_c", 21.0)


def test_sums_of_different_periods_are_rows_of_their_own() -> None:
    found = rows(RAIN_1, RAIN_24, HEAT)
    assert found.period_s.tolist() == [3600, 86_400, 0]
    assert found.values["rain_mm"][:2].tolist() == [12.0, 60.0]
    assert np.isnan(found.values["temperature_c"][:2]).all()


def test_a_correction_counts_whichever_comes_first_and_withdraws_what_it_leaves_out() -> None:
    first = rows(HEAT, Value(7200, 0, "dew_point_c", 3.0), revision=1)
    second = rows(Value(7200, 0, "temperature_c", 25.0), revision=2, known_at=9600)
    for parts in ([first, second], [second, first], [second, first, first]):
        settled = StationReadings.concat(parts).settled()
        assert len(settled) == 1
        assert settled.values["temperature_c"].tolist() == [25.0]
        assert np.isnan(settled.values["dew_point_c"]).all()


def test_halves_of_one_report_complete_each_other() -> None:
    wind = rows(Value(7200, 0, "wind_speed_m_s", 4.0))
    heat = rows(HEAT, known_at=9010)
    settled = StationReadings.concat([heat, wind]).settled()
    assert len(settled) == 1
    assert settled.values["wind_speed_m_s"].tolist() == [4.0]
    assert settled.values["temperature_c"].tolist() == [21.0]


def test_one_report_that_says_two_things_says_the_larger_in_any_order() -> None:
    one, other = rows(RAIN_1), rows(RAIN_1._replace(value=40.0))
    for pair in ([one, other], [other, one]):
        assert StationReadings.concat(pair).settled().values["rain_mm"].tolist() == [40.0]


def test_another_report_of_the_same_time_takes_nothing_away() -> None:
    """Some services send temperature and rain of a station in messages of their own."""
    heat = rows(HEAT, report=7, revision=100)
    wet = rows(Value(7200, 0, "dew_point_c", 3.0), report=8, revision=200)
    dry = rows(report=8, revision=300)
    settled = StationReadings.concat([heat, wet, dry]).settled()
    assert settled.values["temperature_c"].tolist() == [21.0]
    assert settled.values["dew_point_c"].tolist() == [3.0]


CELLS = st.tuples(
    st.sampled_from(["wis2:a", "metar:SBPA"]), st.sampled_from(["x", "y"]),
    st.sampled_from([0, 600]), st.sampled_from([0, 3600]), st.sampled_from([1, 2]),
    st.sampled_from([10, 20]), st.sampled_from(["rain_mm", "temperature_c"]), st.integers(0, 3),
    st.sampled_from([7, 8]),
)  # fmt: skip


def reports_of(cells: list) -> list[StationReport]:
    return [
        StationReport(station, source, [Value(at, period, name, float(value))], known, report, rev)
        for station, source, at, period, rev, known, name, value, report in cells
    ]


@given(
    st.lists(CELLS, max_size=12),
    st.lists(st.tuples(st.sampled_from([6, 7, 8, 9]), st.integers(0, 3)), max_size=5),
)
def test_withdrawals_take_back_what_each_of_them_would(cells: list, gone: list) -> None:
    holding = [
        one for one in reports_of(cells)
        if not any(one.report == report and one.revision <= upto for report, upto in gone)
    ]  # fmt: skip
    withdrawn = [Withdrawal("x", report, upto) for report, upto in gone]
    told = StationReadings.of(reports_of(cells)).without(withdrawn)
    assert listed(told) == listed(StationReadings.of(holding))


@given(st.lists(CELLS, max_size=12), st.randoms())
def test_rows_in_any_order_and_number_of_parts_settle_alike(cells: list, random: object) -> None:
    reports = reports_of(cells)
    parts = [StationReadings.of([report]) for report in reports]
    assert listed(StationReadings.of(reports)) == listed(StationReadings.concat(parts))
    whole = StationReadings.concat(parts).settled()
    shuffled = [*parts, *parts[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = StationReadings.concat(shuffled).settled()
    assert listed(again) == listed(whole)
    keys = [row[:4] for row in listed(whole)]
    assert len(set(keys)) == len(keys)


def listed(readings: StationReadings) -> list[tuple[object, ...]]:
    return [
        (
            readings.stations[readings.station[i]], readings.sources[readings.source[i]],
            int(readings.valid_at[i]), int(readings.period_s[i]), int(readings.known_at[i]),
            int(readings.revision[i]),
            *(
                (name, float(column[i]))
                for name, column in sorted(readings.values.items())
                if not np.isnan(column[i])
            ),
        )
        for i in range(len(readings))
    ]  # fmt: skip


def test_a_reports_number_is_never_that_of_no_report() -> None:
    assert report_number("a") == report_number("a") != report_number("b")
    assert NO_REPORT < report_number("") < 1 << 63


def test_a_report_of_many_hours_teaches_by_its_newest_and_rows_of_none_each_for_itself() -> None:
    hours = [Value(hour * 3600, 3600, "rain_mm", 0.0) for hour in (3, 1, 2)]
    report = StationReport("wis2:a", "wis2:br-inmet", hours, 12_000, report=7)
    uploads = [Value(at, 0, "temperature_c", 20.0) for at in (0, 300)]
    told = StationReadings.of(
        [report, report._replace(known_at=15_600), StationReport("pws:b", "pws", uploads, 310)]
    )
    taught = told.take(told.is_newest_word())
    assert list(zip(taught.valid_at.tolist(), taught.known_at.tolist(), strict=True)) == [
        (10_800, 12_000), (10_800, 15_600), (0, 310), (300, 310),
    ]  # fmt: skip
    assert not StationReadings.empty().is_newest_word().any()


def test_stations_named_twice_are_one_with_all_that_is_known() -> None:
    one = StationsDecoded(rows(HEAT), [Station(id="wis2:a", kind="official", name="A")])
    two = StationsDecoded(rows(), [Station(id="wis2:a", kind="official", latitude=1.0)])
    both = StationsDecoded.concat([one, two])
    assert [(each.name, each.latitude) for each in both.stations] == [("A", 1.0)]
    assert len(both.readings) == 1


def test_a_clock_that_is_behind_or_ahead_is_learned_and_one_wild_report_is_not() -> None:
    for offset_s in (2400, 0, -600):
        station = Station(id="pws:garden", kind="private")
        for i in range(12):
            wild = -3600 if i == 5 else 0
            station = station.heard(i * 600, i * 600 + offset_s + wild)
        assert station.clock_offset_s == offset_s
