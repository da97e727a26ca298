from __future__ import annotations

from typing import Any

import pytest
from tests.sources.bufr.encode import inmet, message

from atalaia.domain.variable import CATALOGUE
from atalaia.sources.bufr import observations
from atalaia.sources.bufr.observations import Observation, observe
from atalaia.sources.bufr.reader import read

TEN = 1_786_442_400  # 2026-08-11T10:00Z
HEAD = [301090]
AT_83967 = [83, 967, None, 1, 2026, 8, 11, 10, 0, -30.0536, -51.1747, 41.18, None]


def one(codes: list[int], values: list[Any], **more: Any) -> Observation:
    (found,) = observe(read(message([*HEAD, *codes], [[*AT_83967, *values]], **more)))
    return found


def rows(codes: list[int], values: list[Any]) -> list[tuple[str, int, float, int | None]]:
    """(variable, seconds from ten o'clock, value, period)."""
    found = one(codes, values)
    return [(row.variable, row.valid_at - TEN, row.value, row.period_s) for row in found.rows]


def test_a_report_of_inmets_form_is_rows_of_the_catalogue() -> None:
    (found,) = observe(read(inmet()))
    assert found.station == "0-76-0-5218003000000581"
    assert found.aliases == ("0-20000-0-86669",)
    assert found.name == "PORANGATU"
    assert (found.latitude, found.longitude) == (-13.30944, -49.1175)
    assert (found.elevation_m, found.anemometer_m) == (365.0, 10.0)
    assert found.valid_at == TEN
    assert found.refused == []
    assert [row[:1] + row[2:] for row in found.rows] == [
        ("pressure_hpa", 974.0, 0, None),
        ("pressure_sea_level_hpa", 1015.7, 0, None),
        ("temperature_c", 26.0, 0, None),
        ("dew_point_c", 9.8, 0, None),
        ("relative_humidity_pct", 36, 0, None),
        ("wind_direction_deg", 106, 600, None),
        ("wind_speed_m_s", 1.2, 600, None),
        ("wind_gust_m_s", 7.7, 3600, None),
        ("rain_mm", 0.0, 3600, None),
    ]


@pytest.mark.parametrize(
    ("is_manned", "code", "thunder"),
    [
        # WMO-No. 306, code table 4677: thunderstorms at the time of observation
        (True, 17, 2), (True, 95, 2), (True, 96, 3), (True, 97, 3), (True, 98, 2), (True, 99, 4),
        # Table 4687 has 200 more: a dry thunderstorm
        (True, 217, 2),
        # ... of the hour before, lightning without thunder, other weather, nothing worth telling
        (True, 29, 0), (True, 91, 0), (True, 94, 0), (True, 13, 0), (True, 61, 0), (True, 508, 0),
        # ... squalls and funnel clouds, whose code hides thunder without rain (17)
        (True, 18, None), (True, 19, None),
        # not observed, and missing
        (True, 509, None), (True, 510, None), (True, None, None),
        # Table 4680: stations without a person, most of which cannot hear
        (False, 190, 2), (False, 192, 2), (False, 193, 3), (False, 195, 3), (False, 196, 4),
        (False, 126, 0), (False, 100, None), (False, 161, None), (False, 199, None),
        (False, 0, None), (False, 2, None), (False, 508, None), (False, 95, 2),
    ],
)  # fmt: skip
def test_of_thunder_a_person_tells_and_a_machine_only_what_it_heard(
    is_manned: bool, code: int | None, thunder: int | None
) -> None:
    station = [*AT_83967[:3], int(is_manned), *AT_83967[4:]]
    (found,) = observe(read(message([*HEAD, 20003], [[*station, code]])))
    expected = [] if thunder is None else [("thunderstorm_class", TEN, thunder, 0, None)]
    assert [row for row in found.rows if row.variable == "thunderstorm_class"] == expected


@pytest.mark.parametrize(
    ("is_manned", "code", "wind"),
    [
        # Code table 4677, within sight, now or in the hour before; 4687's "destructive" one
        (True, 18, 5), (True, 19, 6), (True, 219, 7), (False, 19, 6),
        # Table 4680: a machine's squall and tornado; 19 is reserved there
        (False, 118, 5), (False, 199, 7), (False, 119, None),
        # A person who tells a lower code saw neither; a higher one hides them
        (True, 0, 0), (True, 17, 0), (True, 508, 0), (True, 29, None), (True, 61, None),
        (True, 95, None), (True, 213, None),
        # What a machine does not tell it may not see
        (False, 0, None), (False, 100, None), (False, 195, None), (False, 508, None),
        (True, 509, None), (True, 510, None), (True, None, None),
    ],
)  # fmt: skip
def test_a_squall_or_a_funnel_cloud_is_told_and_none_only_by_who_looked(
    is_manned: bool, code: int | None, wind: int | None
) -> None:
    station = [*AT_83967[:3], int(is_manned), *AT_83967[4:]]
    (found,) = observe(read(message([*HEAD, 20003], [[*station, code]])))
    expected = [] if wind is None else [("violent_wind_class", TEN, wind, 0, None)]
    assert [row for row in found.rows if row.variable == "violent_wind_class"] == expected


def test_every_variable_is_of_the_catalogue() -> None:
    told = [name for name, _ in observations._INSTANTS.values()]
    told += [*observations._WINDS.values(), *observations._EXTREMES.values(), "rain_mm"]
    assert set(told) <= CATALOGUE.keys()


def test_a_displacement_stays_in_force_until_it_is_given_anew() -> None:
    codes = [4025, 11001, 11002, 13011, 4024, 13011]
    assert rows(codes, [-10, 106, 1.2, 0.4, -1, 2.2]) == [
        ("wind_direction_deg", 0, 106, 600),
        ("wind_speed_m_s", 0, 1.2, 600),
        ("rain_mm", 0, 0.4, 600),
        ("rain_mm", 0, 2.2, 3600),
    ]


def test_two_displacements_in_a_row_are_start_and_end() -> None:
    assert rows([4024, 4024, 12111], [-13, -1, 300.15]) == [
        ("temperature_max_c", -3600, 27.0, 43_200)
    ]


def test_a_missing_displacement_is_a_period_that_is_not_known() -> None:
    found = one([4024, 13011, 4024, 13011], [-1, 2.0, None, 5.0])
    assert [(row.value, row.period_s) for row in found.rows] == [(2.0, 3600)]
    assert found.refused == ["rain_mm: period not given"]


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ((0, 12), "rain_mm: period of 0 to 43200 s lies ahead"),
        ((12,), "rain_mm: period of 43200 to 0 s lies ahead"),
        ((12, 0), "rain_mm: period of 43200 to 0 s lies ahead"),
        ((0,), "rain_mm: period not given"),
    ],
)
def test_rain_of_a_period_ahead_or_of_none_is_refused(hours: tuple[int, ...], why: str) -> None:
    found = one([*[4024] * len(hours), 13011], [*hours, 40.0])
    assert found.rows == []
    assert found.refused == [why]


def test_rain_without_any_period_is_refused_and_wind_is_noted() -> None:
    found = one([13011, 11002, 11041], [40.0, 9.0, 17.0])
    assert [(row.variable, row.period_s, row.note) for row in found.rows] == [
        ("wind_speed_m_s", None, "period not given"),
        ("wind_gust_m_s", None, "period not given"),
    ]
    assert found.refused == ["rain_mm: period not given"]


def test_sums_whose_name_says_their_period_need_no_displacement() -> None:
    codes = [4024, 13019, 13020, 13021, 13022, 13023]
    assert rows(codes, [-6, 1.0, 2.0, 3.0, 4.0, 5.0]) == [
        ("rain_mm", 0, 1.0, 3600),
        ("rain_mm", 0, 2.0, 10_800),
        ("rain_mm", 0, 3.0, 21_600),
        ("rain_mm", 0, 4.0, 43_200),
        ("rain_mm", 0, 5.0, 86_400),
    ]


def test_overlapping_sums_are_all_kept_and_none_is_added() -> None:
    found = rows([102005, 4024, 13011], [-1, 1.0, -3, 1.0, -6, 7.5, -12, 7.5, -24, 30.0])
    assert [(value, period) for _, _, value, period in found] == [
        (1.0, 3600), (1.0, 10_800), (7.5, 21_600), (7.5, 43_200), (30.0, 86_400),
    ]  # fmt: skip


def test_a_trace_is_zero_and_noted() -> None:
    found = one([4024, 13011, 13023, 13013], [-1, -0.1, -0.1, -0.01])
    assert [(row.value, row.note) for row in found.rows] == [(0.0, "trace")] * 3


def test_equal_blocks_are_one_row_and_of_differing_ones_the_first_counts() -> None:
    assert len(rows([102002, 4024, 13011], [-1, 2.0, -1, 2.0])) == 1
    found = one([102002, 4024, 13011], [-1, 2.0, -1, 3.0])
    assert [row.value for row in found.rows] == [2.0]
    assert found.refused == ["rain_mm: told twice, differently"]


def test_a_series_within_a_report_is_not_taken_for_the_report() -> None:
    codes = [4025, 13011, 4015, 4025, 4065, 101003, 13011, 7032, 4025, 13013]
    found = rows(codes, [-10, 3.0, -10, -1, 1, 0.5, 1.5, 1.0, None, 0, 0.2])
    assert found == [("rain_mm", 0, 3.0, 600), ("snow_depth_m", 0, 0.2, 0)]


def test_the_temperature_of_the_ground_is_not_the_airs() -> None:
    found = rows([102002, 7032, 12101], [0.05, 310.15, 2.0, 300.15])
    assert found == [("temperature_c", 0, 27.0, 0)]


def test_statistics_are_not_values() -> None:
    assert rows([8023, 12101, 8023, 12101], [9, 2.5, None, 300.15]) == [
        ("temperature_c", 0, 27.0, 0)
    ]


def test_the_time_is_the_observations_and_not_that_of_section_1() -> None:
    values = list(AT_83967)
    values[7:9] = [9, 55]
    (found,) = observe(read(message([301090, 12101], [[*values, 300.15]])))
    assert found.valid_at == TEN - 300


@pytest.mark.parametrize(("at", "value"), [(4, None), (5, 13), (6, 31.0), (7, 25), (4, 0), (8, 61)])
def test_without_a_time_nothing_is_told(at: int, value: int | None) -> None:
    values: list[Any] = list(AT_83967)
    if at == 6:
        values[5] = 2
    values[at] = value
    (found,) = observe(read(message([301090, 12101], [[*values, 300.15]])))
    assert found.station == "0-20000-0-83967"
    assert (found.rows, found.refused) == ([], ["no time"])


def test_without_a_station_nothing_is_told() -> None:
    (found,) = observe(read(message([301090, 12101], [[None, None, *AT_83967[2:], 300.15]])))
    assert (found.station, found.rows, found.refused) == (None, [], ["no station"])


def test_a_ship_is_known_by_its_call_sign() -> None:
    (found,) = observe(read(message([1011, *HEAD], [["ZDLK2QL", None, None, *AT_83967[2:]]])))
    assert found.station == "ship:ZDLK2QL"


def test_a_sounding_is_no_surface_report() -> None:
    assert observe(read(message([301090, 12101], [[*AT_83967, 220.15]], category=2))) == []


@pytest.mark.parametrize(("latitude", "longitude"), [(None, None)])
def test_a_report_without_a_position_still_has_its_values(latitude: None, longitude: None) -> None:
    values = list(AT_83967)
    values[9:11] = [latitude, longitude]
    (found,) = observe(read(message([301090, 12101], [[*values, 300.15]])))
    assert (found.latitude, found.longitude) == (None, None)
    assert len(found.rows) == 1
