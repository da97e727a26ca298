from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.payload import Payload
from atalaia.domain.station_reading import StationsDecoded
from atalaia.sources import violent_wind
from atalaia.sources.metar import decoder
from atalaia.sources.metar.report import MetarReport, dated, parse, weather_code
from atalaia.sources.rejects import Unreadable

RECEIVED = int(datetime(2026, 8, 11, 18, 5, tzinfo=UTC).timestamp())


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def report(groups: str, head: str = "METAR SBPA 111800Z") -> MetarReport:
    return parse(f"{head} {groups}", RECEIVED)


def decode(body: str | bytes, content: str = "metar-raw", **more: Any) -> StationsDecoded:
    payload = Payload(
        source="metar",
        content=content,
        received_at=more.pop("received_at", RECEIVED),
        body=body.encode() if isinstance(body, str) else body,
        **more,
    )
    return decoder.decoder()([payload])


# Time


@pytest.mark.parametrize(
    ("group", "received", "is_of"),
    [
        ("290000", "2026-11-28T23:58:00Z", "2026-11-29T00:00:00Z"),
        ("110300", "2026-03-11T02:58:44Z", "2026-03-11T03:00:00Z"),
        ("110400", "2026-03-11T03:55:47Z", "2026-03-11T04:00:00Z"),
        ("051200", "2026-11-28T12:00:00Z", "2026-11-05T12:00:00Z"),
        ("281300", "2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z"),
        ("281301", "2026-11-28T12:00:00Z", "2026-10-28T13:01:00Z"),
        ("311200", "2026-03-01T00:00:00Z", "2026-01-31T12:00:00Z"),
        ("010000", "2026-12-31T23:55:00Z", "2027-01-01T00:00:00Z"),
        ("312350", "2027-01-01T00:10:00Z", "2026-12-31T23:50:00Z"),
        ("290600", "2024-03-01T00:00:00Z", "2024-02-29T06:00:00Z"),
        ("282400", "2026-11-29T00:03:00Z", "2026-11-29T00:00:00Z"),
    ],
)
def test_a_report_is_dated_by_nearness_to_its_receipt(
    group: str, received: str, is_of: str
) -> None:
    assert parse(f"METAR SBGR {group}Z NIL", at(received)).observed_at == at(is_of)


@given(st.integers(1_700_000_000, 1_900_000_000), st.integers(-3600, 27 * 86_400))
def test_any_report_of_the_last_weeks_is_dated_right(moment: int, age_s: int) -> None:
    moment -= moment % 60
    when = datetime.fromtimestamp(moment, UTC)
    assert dated(when.day, when.hour, when.minute, moment + age_s) == moment


@given(st.integers(0, 32), st.integers(0, 26), st.integers(0, 61))
def test_what_is_dated_is_dated_as_it_is_written(day: int, hour: int, minute: int) -> None:
    moment = dated(day, hour, minute, RECEIVED)
    is_midnight = (hour, minute) == (24, 0)
    assert (moment is None) == (not 1 <= day <= 31 or hour > 23 or minute > 59) or is_midnight
    if moment is not None:
        when = datetime.fromtimestamp(moment - 86_400 * is_midnight, UTC)
        assert (when.day, when.hour, when.minute) == (day, 0 if is_midnight else hour, minute)


@pytest.mark.parametrize("group", ["321200", "000000", "112460", "112500", "112430", "110099"])
def test_a_time_that_cannot_be_is_refused(group: str) -> None:
    with pytest.raises(Unreadable, match="not a time"):
        parse(f"SBGR {group}Z 05006KT", RECEIVED)


# Groups


@pytest.mark.parametrize(
    ("group", "direction", "speed", "gust"),
    [
        ("05006KT", 50, 3.0867, None),
        ("18015G22KT", 180, 7.7167, 11.3178),
        ("VRB03G19KT", None, 1.5433, 9.7744),
        ("08004MPS", 80, 4, None),
        ("24036G54KMH", 240, 10, 15),
        ("230P49KT", 230, 25.2078, None),
        ("23049GP99MPS", 230, 49, 99),
        ("///05KT", None, 2.5722, None),
        ("250//KT", 250, None, None),
        ("/////KT", None, None, None),
        ("//////KT", None, None, None),
        ("/////", None, None, None),
        ("00000KT", 0, 0, None),
    ],
)
def test_wind_is_in_metres_a_second_and_no_gust_is_no_value(
    group: str, direction: float | None, speed: float | None, gust: float | None
) -> None:
    found = report(f"{group} 9999 22/19 Q1016")
    assert found.wind_direction_deg == direction
    assert found.wind_speed_m_s == pytest.approx(speed, abs=1e-3)
    assert found.wind_gust_m_s == pytest.approx(gust, abs=1e-3)
    assert found.unread == []


@pytest.mark.parametrize(
    ("group", "metres"),
    [
        ("9999", 10_000), ("CAVOK", 10_000), ("0600", 600), ("8000", 8000), ("2000NE 6000", 2000),
        ("10SM", 16_093.44), ("1/2SM", 804.672), ("1 1/2SM", 2414.016), ("M1/4SM", 402.336),
        ("P6SM", 9656.064), ("20KM", 20_000), ("////", None), ("1/0SM", None), ("5000NDV", 5000),
    ],
)  # fmt: skip
def test_visibility_is_in_metres_and_the_prevailing_one_counts(
    group: str, metres: float | None
) -> None:
    assert report(f"05006KT {group} 22/19 Q1016").visibility_m == pytest.approx(metres)


@pytest.mark.parametrize(
    ("group", "heat", "dew"),
    [("22/19", 22, 19), ("M05/M08", -5, -8), ("02/M00", 2, 0), ("10/", 10, None),
     ("XX/XX", None, None), ("///10", None, 10), ("15///", 15, None)],
)  # fmt: skip
def test_temperatures_below_zero_have_an_m(
    group: str, heat: float | None, dew: float | None
) -> None:
    found = report(f"05006KT {group} Q1016")
    assert (found.temperature_c, found.dew_point_c) == (heat, dew)


@pytest.mark.parametrize(
    ("group", "pressure"), [("Q1016", 1016), ("A2999", 1015.58), ("Q////", None), ("Q0997", 997)]
)
def test_pressure_is_qnh(group: str, pressure: float | None) -> None:
    assert report(f"05006KT 22/19 {group}").pressure_sea_level_hpa == pytest.approx(
        pressure, abs=0.01
    )


@pytest.mark.parametrize(
    ("groups", "weather", "code"),
    [
        ("-RA", ["-RA"], 61), ("+TSRA", ["+TSRA"], 97), ("TSGR", ["TSGR"], 96), ("TS", ["TS"], 95),
        ("-SHSN", ["-SHSN"], 85), ("SN", ["SN"], 73), ("BLSN", ["BLSN"], 38), ("FG", ["FG"], 45),
        ("MIFG", ["MIFG"], 12), ("FZFG", ["FZFG"], 48), ("BR HZ", ["BR", "HZ"], 10),
        ("-FZRA BR", ["-FZRA", "BR"], 66), ("-RA BR TS", ["-RA", "BR", "TS"], 95),
        ("VCTS", [], None), ("RETS", [], None), ("VCSH RERA", [], None), ("//", [], None),
        ("-RASN", ["-RASN"], 71), ("+FC", ["+FC"], 19), ("SQ", ["SQ"], 18),
    ],
)  # fmt: skip
def test_weather_at_the_station_counts_and_neither_nearby_nor_before(
    groups: str, weather: list[str], code: int | None
) -> None:
    found = report(f"05006KT 9999 {groups} SCT010CB 22/19 Q1016 NOSIG")
    assert found.weather == weather
    assert weather_code(found.weather) == code
    assert found.unread == []


@pytest.mark.parametrize(
    ("text", "thunder"),
    [
        ("05006KT 9999 TS SCT010CB 22/19 Q1016", 2),
        ("05006KT 9999 -TSRA BR 22/19 Q1016", 2),
        ("05006KT 9999 +TSRA 22/19 Q1016", 3),
        ("05006KT 9999 TSGR 22/19 Q1016", 3),
        ("05006KT 9999 TSRAGS 22/19 Q1016", 3),
        ("05006KT 9999 +TSRAGR 22/19 Q1016", 4),
        ("05006KT 9999 +RA VCTS 22/19 Q1016", 1),
        ("05006KT 9999 -TSRA VCTS 22/19 Q1016", 2),
        ("05006KT 9999 -RA 22/19 Q1016", 0),
        ("05006KT CAVOK 22/19 Q1016 NOSIG", 0),
        ("05006KT 9999 22/19 Q1016 RETS", 0),
        ("05006KT 9999 22/19 Q1016 TEMPO 3000 TSRA", 0),
        # It was not told, or could not be: unknown, and never calm.
        ("NIL", None),
        ("", None),
        ("05006KT 9999", None),
        ("05006KT 9999 // 22/19 Q1016", None),
        ("05006KT 9999 TSXY 22/19 Q1016", None),
        # A machine that says nothing of thunder may have no ears.
        ("AUTO 05006KT 9999 22/19 Q1016", None),
        ("AUTO 05006KT CAVOK 22/19 Q1016", None),
        ("AUTO 05006KT 9999 TSRA 22/19 Q1016", 2),
        ("AUTO 05006KT 9999 VCTS 22/19 Q1016", 1),
        ("AUTO 05006KT 9999 RETSRA 22/19 Q1016", 0),
        ("AUTO 05006KT 10SM CLR 22/19 A2992 RMK AO2", None),
        ("AUTO 05006KT 10SM CLR 22/19 A2992 RMK AO2 TSNO", None),
        ("AUTO 05006KT 10SM CLR 22/19 A2992 RMK AO2 TSB05E44", 0),
        ("AUTO 05006KT 10SM CLR 22/19 A2992 RMK AO2 LTG DSNT N", 0),
        ("05006KT 10SM CLR 22/19 A2992 RMK AO2 TSNO", None),
    ],
)
def test_of_thunder_only_what_listened_for_it_says_that_there_is_none(
    text: str, thunder: int | None
) -> None:
    assert report(text).thunderstorm == thunder


@pytest.mark.parametrize(
    ("text", "wind"),
    [
        ("05006KT 9999 +FC SCT010CB 22/19 Q1016", 7),
        ("25030G55KT 1500 +TSRA +FC 22/19 Q1016", 7),
        ("05006KT 9999 FC SCT010CB 22/19 Q1016", 6),
        ("25030G45KT 3000 TSRA SQ 22/19 Q1016", 5),
        ("25030G45KT 3000 SQ FC 22/19 Q1016", 6),
        ("05006KT 9999 VCFC 22/19 Q1016", 1),
        ("05006KT 9999 +TSRAGR 22/19 Q1016", 0),
        ("05006KT CAVOK 22/19 Q1016 NOSIG", 0),
        ("05006KT 9999 22/19 Q1016 REFC", 0),
        ("05006KT 9999 22/19 Q1016 RESQ", 0),
        ("05006KT 9999 22/19 Q1016 TEMPO 25045G60KT +FC", 0),
        ("NIL", None),
        ("05006KT 9999", None),
        ("05006KT 9999 // 22/19 Q1016", None),
        ("05006KT 9999 FCXY 22/19 Q1016", None),
        # A machine tells a squall, and sees no funnel cloud.
        ("AUTO 25030G45KT 5SM SQ CLR 22/19 A2992 RMK AO2", 5),
        ("AUTO 05006KT 9999 22/19 Q1016", None),
        ("AUTO 05006KT 9999 TSRA 22/19 Q1016", None),
    ],
)
def test_squalls_and_funnel_clouds_count_at_the_station_and_neither_nearby_nor_before(
    text: str, wind: int | None
) -> None:
    assert report(text).violent_wind == wind


@pytest.mark.parametrize(
    ("remarks", "wind"),
    [
        # FMH-1 (2019) 12.7.1 b and 8.4: at the station within 5 statute miles, near it within 10.
        ("TORNADO B13 6 NE", 1),
        ("TORNADO B13 6 NE MOV W", 1),
        ("AO2 TORNADO B1740 3 SW MOV NE SLP072", 7),
        ("TORNADO B40 5SM W", 7),
        ("TORNADO B40 11 W-NW", None),
        ("TORNADO B10 DSNT NE", None),
        ("TORNADO B40 VC N", 1),
        ("TORNADO B40", 7),
        ("TORNADO OHD", 7),
        ("TORNADO W MOV E", 7),
        ("TORNADO B40 N-NE", 7),
        ("WATERSPOUT B25 2 S", 7),
        ("FUNNEL CLOUD B25 NW", 6),
        ("FUNNEL CLOUDS B25 NW TORNADO B30 9 SE", 6),
        # What has ended was before; nobody says that there was none.
        ("TORNADO B13E25 3 SE", None),
        ("TORNADO E25 3 SE", None),
        ("TORNADO B1713E1725 3 SE", None),
        ("TORNADO B13E25B31 3 SE", 7),
        # Words that are no observation.
        ("TORNADO WARNING", 0),
        ("TORNADO", 0),
        ("TORNADOES REPORTED IN AREA", 0),
        ("TORNADO WARNING UNTIL 1830 W OF STN", 0),
    ],
)
def test_a_funnel_cloud_of_american_remarks_counts_by_where_it_is_and_whether_it_goes_on(
    remarks: str, wind: int | None
) -> None:
    found = report(f"05006KT 10SM TSRA 22/19 A2992 RMK {remarks}", "SPECI KOKC 111800Z")
    assert found.violent_wind == wind
    assert report(f"05006KT 9999 22/19 Q1016 RMK {remarks}", "SPECI SBPA 111800Z").violent_wind in (
        0,
        wind,
    )


@given(
    st.sampled_from(["TORNADO", "FUNNEL CLOUD", "WATERSPOUT"]),
    st.sampled_from(["", " B13", " B1713", " B13E25B31"]),
    st.sampled_from([*map(str, range(1, 100)), "1/4", "3/4", "M1/4", "1 1/2", "5 1/2"]),
    st.sampled_from(["", "SM"]),
    st.sampled_from(["N", "NE", "SW-W"]),
)
def test_one_that_is_told_with_its_distance_is_never_none(
    kind: str, times: str, miles: str, unit: str, direction: str
) -> None:
    remark = f"{kind}{times} {miles}{unit} {direction}"
    found = report(f"05006KT 10SM 22/19 A2992 RMK {remark}", "SPECI KOKC 111800Z").violent_wind
    here = violent_wind.FUNNEL_CLOUD if kind == "FUNNEL CLOUD" else violent_wind.TORNADO
    far = sum(map(Fraction, miles.removeprefix("M").split()))
    near_by = violent_wind.VICINITY if far <= 10 else None
    assert found == (here if far <= 5 else near_by)


def test_a_tornado_of_the_report_itself_stays_where_its_remark_tells_of_its_distance() -> None:
    text = "05006KT 10SM +FC TSRA 22/19 A2992 RMK TORNADO B13 6 NE"
    assert report(text, "SPECI KOKC 111800Z").violent_wind == 7
    assert report("AUTO 05006KT 9SM CLR 22/19 A2992 RMK AO2 TORNADO B13 2 NE").violent_wind == 7


def test_a_trend_is_no_observation() -> None:
    found = report("09005KT 9999 22/20 Q1016 TEMPO 25045G60KT 0500 +TSGR")
    assert (found.wind_gust_m_s, found.visibility_m, found.weather) == (None, 10_000, [])
    assert found.unread == []


@pytest.mark.parametrize(
    "groups",
    [
        "02006MPS 2100 -SN OVC009 M04/M06 Q1008 R06L/590230 R06R/590230 TEMPO 1000 SHSN BKN012CB",
        "32003MPS 280V360 CAVOK M02/M16 Q1008 R88/190055 NOSIG",
        "03015KT 1400 R07R/P2000N R07L/1900U SN DRSN BR VV/// M04/M04 Q1000 R07R/11//90 BECMG 4000",
        "31015G27KT 280V350 4000 1800N R10/P2000 +TSRA SN FEW010CB 10/03 Q0995 REDZ WS R10 W12/H75",
        "25007KT 220V290 50KM FEW040CU SCT120AC BKN300CI 27/12 Q1017 NOSIG RMK BKN",
        "AUTO 23010KT 9999 // BKN021/// ///015 //////CB 10/09 Q1010 RERA",
        "24008KT 4000 BR SCT004 07/06 Q1021 BLU TEMPO 2000 WHT",
        "13009KT 9999 SCT018 29/24 Q1018 A3007 NOSIG",
        "CCA 27010KT 15SM SKC 18/10 A3001 RMK SC1 SC TR SLP189 DENSITY ALT 1900FT",
        "00000KT 0100 R02/0325 FG VV/// 18/17 Q1020 NOSIG",
        "18008KT 9999 WS ALL RWY SCT030 20/15 Q1013",
    ],
)
def test_groups_of_every_country_are_understood(groups: str) -> None:
    assert report(groups).unread == []


def test_a_collection_with_its_dates_is_read() -> None:
    decoded = decode("2026/08/11 18:00\nSBGR 111800Z 05006KT 22/19 Q1016\n\n2026/08/11 17:00\n")
    assert decoded.rejects == []
    assert len(decoded.readings) == 1


def test_nil_has_no_values() -> None:
    assert len(decode("METAR SBPA 111800Z NIL=").readings) == 0
    for more in ("", "AUTO ", "COR "):
        assert decode(f"METAR SBPA 111800Z {more}NIL=").rejects == []


def test_what_is_not_understood_is_put_aside_and_the_rest_is_read() -> None:
    found = report("360G17G32KT 9999 22/20 Q1011")
    assert found.unread == ["360G17G32KT"]
    assert (found.wind_speed_m_s, found.temperature_c) == (None, 22)


# Remarks


def american(remarks: str, hour: str = "112253", kind: str = "METAR") -> MetarReport:
    received = at("2026-08-12T03:00:00Z")
    return parse(f"{kind} KTYS {hour}Z 21012KT 10SM 07/04 A2968 RMK AO2 {remarks}", received)


def test_rain_is_told_by_american_remarks() -> None:
    assert american("SLP049 P0012 T00670039").rain == [(3600, pytest.approx(3.048))]
    assert american("P0000").rain == [(3600, 0.0)]
    assert american("P0012 60025 70150", "112353").rain == [
        (3600, pytest.approx(3.048)), (21_600, pytest.approx(6.35)), (86_400, pytest.approx(38.1)),
    ]  # fmt: skip
    assert american("60025", "112053").rain == [(10_800, pytest.approx(6.35))]
    assert american("6////").rain == []
    assert american("PNO P//// 7////").rain == []


def test_the_rain_of_a_special_report_has_no_known_period() -> None:
    assert american("P0012", "112217", "SPECI").rain == []
    assert american("P0012", "112235").rain == []


def test_remarks_elsewhere_are_not_read_as_american() -> None:
    found = report("05006KT 9999 22/19 Q1016 RMK P0012 60025 T02270215")
    assert (found.rain, found.temperature_c) == ([], 22)


def test_tenths_and_extremes_come_from_the_remarks() -> None:
    found = american("T00670039 10102 21012 $")
    assert (found.temperature_c, found.dew_point_c) == (6.7, 3.9)
    assert (found.temperature_max_c, found.temperature_min_c) == (10.2, -1.2)
    assert found.needs_care
    assert american("T1005").temperature_c == -0.5
    zero = american("T1000")
    assert math.copysign(1, zero.temperature_c or 0) == 1, "-0,0 °C is no temperature"
    assert math.copysign(1, report("05006KT M00/M00 Q1016").dew_point_c or 0) == 1


# Payloads


def test_a_bulletin_is_read_report_by_report() -> None:
    bulletin = (
        "SABR31 SBGR 111800\r\r\nMETAR SBGR 111800Z 05006KT 8000 -RA\r\r\n     22/19 Q1016=\r\r\n"
        "SPECI SBPA 111805Z 23030G45KT 1500 +TSRA 18/17 Q1009=\r\r\n\x03"
    )
    decoded = decode(bulletin)
    assert decoded.rejects == []
    assert [each.id for each in decoded.stations] == ["metar:SBGR", "metar:SBPA"]
    assert {each.kind for each in decoded.stations} == {"aerodrome"}
    readings = decoded.readings
    assert readings.values["pressure_sea_level_hpa"].tolist() == [1016, 1009]
    assert readings.values["wind_gust_m_s"][1] == pytest.approx(23.15)
    assert np.isnan(readings.values["wind_gust_m_s"][0])
    assert readings.values["weather_code"].tolist() == [61, 97]
    assert readings.values["thunderstorm_class"].tolist() == [0, 3]
    assert readings.period_s.tolist() == [0, 0]


def test_reports_one_a_line_need_no_sign_at_their_end() -> None:
    decoded = decode("SBGR 111800Z 05006KT 22/19 Q1016\nSBPA 111800Z 05006KT 22/19 Q1016\n")
    assert len(decoded.readings) == 2


def test_text_that_is_no_report_is_a_reject_and_the_others_are_read() -> None:
    decoded = decode("<html>\nSBGR 111800Z 05006KT 22/19 Q1016=\ntoo much\n" + "x" * 5000)
    assert len(decoded.readings) == 1
    assert {each.reason for each in decoded.rejects} == {"not a METAR"}


def test_a_corrected_report_counts_in_whichever_order_it_comes() -> None:
    first = "METAR SBPA 111800Z 05006KT 9999 22/19 Q1016="
    second = "METAR COR SBPA 111800Z 05036KT 9999 22/19 Q1016="
    for text in (f"{first}\n{second}", f"{second}\n{first}"):
        wind = decode(text).readings.settled().value("wind_speed_m_s")
        assert wind.tolist() == pytest.approx([18.52], abs=0.01)


def awc(**more: Any) -> dict[str, Any]:
    return {
        "icaoId": "ZUCK", "obsTime": RECEIVED - 300, "wspd": 8, "temp": 40, "lat": 29.7,
        "lon": 106.6, "elev": 416, "name": "Chongqing",
        "rawOb": "METAR ZUCK 111800Z 08004MPS 010V140 9999 FEW040 40/22 Q0997 NOSIG",
    } | more  # fmt: skip


def test_wind_is_read_from_the_report_and_the_time_from_its_bearer() -> None:
    decoded = decode(json.dumps([awc()]), "metar-json")
    assert decoded.rejects == []
    (station,) = decoded.stations
    assert (station.latitude, station.elevation_m, station.name) == (29.7, 416, "Chongqing")
    assert decoded.readings.values["wind_speed_m_s"].tolist() == [4.0]
    assert decoded.readings.valid_at.tolist() == [RECEIVED - 300]


@pytest.mark.parametrize(
    "odd",
    [None, 7, {}, {"rawOb": 7}, awc(rawOb=""), awc(rawOb="METAR"), awc(rawOb="A" * 4000),
     awc(obsTime=RECEIVED + 7200)],
)  # fmt: skip
def test_an_odd_object_costs_only_itself(odd: object) -> None:
    decoded = decode(
        json.dumps([odd, awc(obsTime="now", lat=None, lon="x", elev=[])]), "metar-json"
    )
    assert len(decoded.readings) == 1
    assert len(decoded.rejects) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[[[[", b"<html>", b"\xff\xfe"])
def test_an_answer_that_is_none_is_a_reject(body: bytes) -> None:
    assert len(decode(body, "metar-json").rejects) == 1


@given(st.text(max_size=300))
def test_any_text_ends_nothing(text: str) -> None:
    decode(text)
    decode(f"METAR SBPA 111800Z {text}")


@pytest.mark.parametrize("seed", range(2))
def test_damaged_reports_end_nothing(seed: int) -> None:
    chance = random.Random(seed)
    whole = b"METAR KTYS 142253Z 21012G31KT 1 1/2SM R04R/3000VP6000FT -TSRA BKN026CB 07/M04 A2968 RMK AO2 P0001 60012 T00671039 $"  # noqa: E501
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            body[chance.randrange(len(body))] = chance.randrange(256)
        decode(bytes(body))


# Recorded


def test_recorded_reports_are_read_as_two_other_decoders_read_them(shared: Path) -> None:
    compared = 0
    for each in json.loads((shared / "live/metar/expected/decoded.json").read_bytes()):
        day = each["date_known"]
        received = at(f"{day}T23:00:00Z") if day else RECEIVED
        found = parse(each["raw"], received)
        when = datetime.fromtimestamp(found.observed_at, UTC)
        rain = dict(found.rain).get(3600)
        ours = {
            "day_hour_minute": f"{when:%d%H%M}",
            "wind_m_s": found.wind_speed_m_s,
            "gust_m_s": found.wind_gust_m_s,
            "wind_dir": found.wind_direction_deg,
            "temp_c": found.temperature_c,
            "dew_c": found.dew_point_c,
            "pressure_hpa": found.pressure_sea_level_hpa,
            "rain_1h_in": None if rain is None else rain / 25.4,
        }
        for name, value in each["agreed"].items():
            compared += 1
            if isinstance(value, str) or value is None:
                assert ours[name] == value, each["raw"]
            else:
                assert ours[name] == pytest.approx(value, abs=0.06), each["raw"]
    assert compared > 100


def test_every_recorded_raw_report_is_read(shared: Path) -> None:
    for line in (shared / "live/metar/raw.tsv").read_text("utf-8").splitlines():
        day, _, text = line.partition("\t")
        received = RECEIVED if day == "-" else at(f"{day}T23:00:00Z")
        decoded = decode(text, received_at=received)
        assert len(decoded.readings) >= 1, text
        if day != "-":
            first = datetime.fromtimestamp(int(decoded.readings.valid_at[0]), UTC)
            assert f"{first:%Y-%m-%d}" == day


def test_recorded_answers_of_aviationweather_are_read(shared: Path) -> None:
    body = (shared / "live/metar/awc_api_data_metar.json").read_bytes()
    objects = json.loads(body)
    decoded = decode(body, "metar-json", received_at=1_790_000_000)
    assert decoded.rejects == []
    assert len(decoded.stations) == len(objects)
    assert all(each.latitude is not None for each in decoded.stations)
    readings = decoded.readings
    for i, each in enumerate(objects):
        rows = readings.take((readings.station == i) & (readings.period_s == 0))
        assert rows.valid_at.tolist() == [each["obsTime"]]
        assert rows.values["temperature_c"][0] == pytest.approx(each["temp"])
        if "precip" in each:
            hour = readings.take((readings.station == i) & (readings.period_s == 3600))
            assert hour.values["rain_mm"][0] == pytest.approx(each["precip"] * 25.4)
        if "altim" in each and "Q" in each["rawOb"]:
            assert rows.values["pressure_sea_level_hpa"][0] == pytest.approx(each["altim"])


def test_malformed_reports_end_nothing_and_give_no_odd_wind(shared: Path) -> None:
    for case in json.loads((shared / "live/metar/avwx_sanitize_cases.json").read_bytes()):
        decoded = decode(case["report"])
        assert len(decoded.readings) or decoded.rejects or "RMK" in case["report"]
        wind = decoded.readings.value("wind_speed_m_s")
        assert not (wind[~np.isnan(wind)] > 20).any()
