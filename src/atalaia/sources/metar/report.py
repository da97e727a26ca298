"""The grammar of METAR and SPECI: one report → what it says, group by group.

WMO-No. 306, FM 15 and FM 16; for remarks the United States' FMH-1. A group that is not understood
is put aside (`unread`), never guessed at; the others are read.

A report names its day, hour and minute, and neither month nor year: it is dated by when it came.
Reports come minutes before their own time, so the nearest day that is not more than an hour ahead
is the one; a report of the 29th that comes on the 28th at 23:58 is of tomorrow, not of last month.

The mean wind is of ten minutes (two in the United States), the gust of the ten before: the report
does not say so, and no period is made up. A gust is told only where it passes the mean by 10 kt:
without one there is no value, and certainly not 0. Of amounts of rain only US remarks speak.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from atalaia.sources import thunder, violent_wind
from atalaia.sources.rejects import Unreadable, shown
from atalaia.sources.units import conversion

AHEAD_S = 3600
"""How far ahead of its receipt a report may be dated."""

LONGEST = 1000
"""Letters a report may have; the longest with remarks have 400."""

KNOT_M_S = 1852 / 3600
_INCH_MM = 25.4
_MILE_M = 1609.344
_WIND_UNITS = {"KT": KNOT_M_S, "MPS": 1.0, "KMH": 1 / 3.6}
_HECTOPASCAL_AN_INCH = (conversion("inHg", "pressure_hpa") or (1.0, 0.0))[0]

FARTHEST_M = 10_000.0
"""What 9999 and CAVOK mean: so far or farther."""


@dataclass(slots=True)
class MetarReport:
    """What one report says. None: it does not say.

    station       ICAO location indicator: ``SBGR``
    is_special    SPECI: outside of the hourly routine
    is_automatic  AUTO: nobody looked
    is_corrected  COR, or CCA and its like
    observed_at   Unix seconds
    wind_direction_deg   None too where it varies
    wind_speed_m_s       at least, where the report says P
    wind_gust_m_s
    visibility_m  prevailing; 10,000: that or more
    temperature_c, dew_point_c   whole degrees, tenths where remarks give them
    pressure_sea_level_hpa       QNH: reduced as in the standard atmosphere
    weather       groups of present weather at the station: ``-SHRA``; not in the vicinity (VC) and
                  not of before (RE)
    thunderstorm  its class (`thunder`); None: nobody, and nothing, listened for thunder
    violent_wind  its class (`violent_wind`); None: nobody looked for it
    rain          (period in seconds, mm); 0 mm is also "a trace"
    temperature_max_c, temperature_min_c   of the six hours before
    needs_care    ``$``: the sensor says that it needs care
    unread        groups that were not understood
    """

    station: str
    observed_at: int
    is_special: bool = False
    is_automatic: bool = False
    is_corrected: bool = False
    wind_direction_deg: float | None = None
    wind_speed_m_s: float | None = None
    wind_gust_m_s: float | None = None
    visibility_m: float | None = None
    temperature_c: float | None = None
    dew_point_c: float | None = None
    pressure_sea_level_hpa: float | None = None
    weather: list[str] = field(default_factory=list)
    thunderstorm: int | None = None
    violent_wind: int | None = None
    rain: list[tuple[int, float]] = field(default_factory=list)
    temperature_max_c: float | None = None
    temperature_min_c: float | None = None
    needs_care: bool = False
    unread: list[str] = field(default_factory=list)


_START = re.compile(
    r"\s*(?:(METAR|SPECI)\s+)?(?:(COR)\s+)?([A-Z][A-Z0-9]{3})\s+(?:(COR)\s+)?(\d\d)(\d\d)(\d\d)Z"
)
_TREND = re.compile(r"NOSIG|BECMG|TEMPO|INTER|PROB\d\d")


def is_start(text: str) -> bool:
    """Whether a report begins here."""
    return _START.match(text) is not None


def parse(text: str, received_at: int, observed_at: int | None = None) -> MetarReport:
    """One report that came at `received_at`, Unix seconds. Raises Unreadable.

    observed_at  its time, where the bearer tells it in full
    """
    if len(text) > LONGEST:
        raise Unreadable("METAR too long", f"{len(text)} letters")
    start = _START.match(text)
    if start is None:
        raise Unreadable("not a METAR", shown(text[:40]))
    kind, before, station, after, day, hour, minute = start.groups()
    at = observed_at
    if at is None:
        at = dated(int(day), int(hour), int(minute), received_at)
    if at is None:
        raise Unreadable("not a time", f"{station}: {day}{hour}{minute}Z")
    report = MetarReport(
        station, at, is_special=kind == "SPECI", is_corrected=bool(before or after)
    )
    groups = text[start.end() :].split("=", maxsplit=1)[0].split()
    if "NIL" in groups[:2]:  # also behind AUTO or COR
        return report
    body, remarks = _parted(groups)
    _read_body(report, body)
    _read_remarks(report, remarks)
    report.thunderstorm = _thunderstorm(report, body, remarks)
    report.violent_wind = _violent_wind(report, body, remarks)
    return report


def dated(day: int, hour: int, minute: int, received_at: int) -> int | None:
    """Unix seconds of this day, hour and minute nearest to the receipt; None: there is none."""
    # 24:00 is written by some for the midnight that ends a day.
    is_midnight = hour == 24 and minute == 0
    received = datetime.fromtimestamp(received_at, UTC)
    found = []
    for months in (-2, -1, 0, 1):
        year, month = divmod(received.year * 12 + received.month - 1 + months, 12)
        try:
            moment = datetime(year, month + 1, day, 0 if is_midnight else hour, minute, tzinfo=UTC)
        except ValueError:
            continue
        seconds = int(moment.timestamp()) + 86_400 * is_midnight
        if seconds <= received_at + AHEAD_S:
            found.append(seconds)
    return max(found, default=None)


def _parted(groups: list[str]) -> tuple[list[str], list[str]]:
    """The report itself, and its remarks; a trend is a forecast and belongs to neither."""
    if "RMK" in groups:
        at = groups.index("RMK")
        body, remarks = groups[:at], groups[at + 1 :]
    else:
        body, remarks = groups, []
    trend = next((i for i, group in enumerate(body) if _TREND.fullmatch(group)), len(body))
    return body[:trend], remarks


# The report itself

_WIND = re.compile(r"(\d{3}|VRB|///)(P?\d{2,3}|//)(?:G(P?\d{2,3}|//))?(KT|MPS|KMH)")
_NO_WIND = re.compile(r"/{4,7}(?:KT|MPS|KMH)?")
_TURN = re.compile(r"\d{3}V\d{3}")
_METRES = re.compile(r"(\d{4})(?:NDV|N|NE|E|SE|S|SW|W|NW)?")
_MILES = re.compile(r"[PM]?(?:(\d{1,2})|(\d)/(\d{1,2}))SM")
_KILOMETRES = re.compile(r"(\d{1,2})KM")
_HEAT = re.compile(r"(M?\d\d|//|XX)/(M?\d\d|//|XX)?")
_PRESSURE = re.compile(r"([QA])(\d{4})")
_PHENOMENA = "DZ|RA|SN|SG|IC|PL|GR|GS|UP|BR|FG|FU|VA|DU|SA|HZ|PY|PO|SQ|FC|SS|DS"
_WEATHER = re.compile(
    rf"(\+|-|VC|RE)?((?:MI|PR|BC|DR|BL|SH|TS|FZ){{0,2}})((?:{_PHENOMENA}){{0,3}})"
)
_IGNORED = re.compile(
    r"(?:FEW|SCT|BKN|OVC|VV|///)(?:\d{3}|///)(?:CB|TCU|///|[A-Z]{2})?|/{6}(?:CB|TCU|///)?"  # clouds
    r"|SKC|CLR|NSC|NCD|NSW|//|////|/////|Q////|A////"  # none of them, or nothing told
    r"|R\d\d[LCR]?/\S+"  # visual range of a runway, or its state
    r"|(?:BLACK)?(?:BLU|WHT|GRN|YLO|AMB|RED)\+?|BLACK"  # colours of military airfields
    r"|WS|ALL|RWY|R\d\d[LCR]?|WS\S+|W(?:M?\d\d|//)/[SH]\S+|\d{8}|SNOCLO"
)


def _read_body(report: MetarReport, groups: list[str]) -> None:
    at = 0
    while at < len(groups):
        # Miles are written with a space between the whole ones and the rest: 1 1/2SM.
        pair = " ".join(groups[at : at + 2])
        whole = re.fullmatch(r"(\d) (\d)/(\d{1,2})SM", pair)
        if whole and int(whole[3]):
            report.visibility_m = (int(whole[1]) + int(whole[2]) / int(whole[3])) * _MILE_M
            at += 2
            continue
        if not any(read(report, groups[at]) for read in _READERS):
            report.unread.append(groups[at])
        at += 1


def _flag(report: MetarReport, group: str) -> bool:
    if group == "AUTO":
        report.is_automatic = True
    elif group == "COR" or re.fullmatch(r"CC[A-Z]", group):
        report.is_corrected = True
    elif group == "$":
        report.needs_care = True
    else:
        return False
    return True


def _wind(report: MetarReport, group: str) -> bool:
    if _NO_WIND.fullmatch(group) or _TURN.fullmatch(group):
        return True
    found = _WIND.fullmatch(group)
    if found is None or report.wind_speed_m_s is not None:
        return found is not None
    direction, speed, gust, unit = found.groups()
    factor = _WIND_UNITS[unit]
    if direction.isdigit() and int(direction) <= 360:
        report.wind_direction_deg = float(direction)
    report.wind_speed_m_s = _speed(speed, factor)
    report.wind_gust_m_s = _speed(gust, factor)
    return True


def _speed(text: str | None, factor: float) -> float | None:
    """P49: more than is measured, at least 49."""
    digits = (text or "").lstrip("P")
    return int(digits) * factor if digits.isdigit() else None


def _visibility(report: MetarReport, group: str) -> bool:
    if group == "CAVOK":
        metres: float | None = FARTHEST_M
    elif found := _METRES.fullmatch(group):
        metres = FARTHEST_M if found[1] == "9999" else float(found[1])
    elif found := _KILOMETRES.fullmatch(group):
        metres = float(found[1]) * 1000
    elif found := _MILES.fullmatch(group):
        metres = _miles(found)
    else:
        return False
    if report.visibility_m is None:  # what follows is of one direction
        report.visibility_m = metres
    return True


def _miles(found: re.Match[str]) -> float | None:
    whole, over, under = found.groups()
    if whole:
        return int(whole) * _MILE_M
    return int(over) / int(under) * _MILE_M if int(under) else None


def _present(report: MetarReport, group: str) -> bool:
    found = _WEATHER.fullmatch(group)
    if found is None or not (found[2] or found[3]):
        return False
    if found[1] not in ("VC", "RE"):
        report.weather.append(group)
    return True


def _heat(report: MetarReport, group: str) -> bool:
    found = _HEAT.fullmatch(group)
    if found is None:
        return False
    report.temperature_c, report.dew_point_c = _degrees(found[1]), _degrees(found[2])
    return True


def _degrees(text: str | None) -> float | None:
    digits = (text or "").lstrip("M")
    if not digits.isdigit():
        return None
    return 0.0 - int(digits) if text != digits else float(digits)  # M00 is no -0


def _pressure(report: MetarReport, group: str) -> bool:
    found = _PRESSURE.fullmatch(group)
    if found is None:
        return False
    if report.pressure_sea_level_hpa is None:
        told = int(found[2])
        is_inches = found[1] == "A"
        report.pressure_sea_level_hpa = (
            round(told / 100 * _HECTOPASCAL_AN_INCH, 2) if is_inches else float(told)
        )
    return True


def _ignored(_report: MetarReport, group: str) -> bool:
    return _IGNORED.fullmatch(group) is not None


_READERS: tuple[Callable[[MetarReport, str], bool], ...] = (
    _flag,
    _wind,
    _visibility,
    _ignored,
    _heat,
    _pressure,
    _present,
)


# Remarks, as the United States write them

_IS_AMERICAN = re.compile(r"AO[12]A?|A0[12]")
_TENTHS = re.compile(r"T([01])(\d{3})(?:([01])(\d{3}))?")
_HOURLY = re.compile(r"P(\d{4})")
_SIX_HOURS = re.compile(r"6(\d{4})")
_DAY = re.compile(r"7(\d{4})")
_EXTREME = re.compile(r"([12])([01])(\d{3})")


def _has_american_remarks(report: MetarReport, groups: list[str]) -> bool:
    return report.station[0] in "KP" or any(_IS_AMERICAN.fullmatch(each) for each in groups)


def _read_remarks(report: MetarReport, groups: list[str]) -> None:
    if not _has_american_remarks(report, groups):
        return
    for group in groups:
        if group == "$":
            report.needs_care = True
        elif found := _TENTHS.fullmatch(group):
            report.temperature_c = _signed(found[1], found[2])
            report.dew_point_c = _signed(found[3], found[4]) if found[3] else report.dew_point_c
        elif found := _HOURLY.fullmatch(group):
            # Else it is of the minutes since the last routine report, whenever that was.
            if not report.is_special and _is_routine(report.observed_at):
                report.rain.append((3600, _hundredths(found[1])))
        elif found := _SIX_HOURS.fullmatch(group):
            hours = {0: 6, 3: 3}.get(_nominal_hour(report.observed_at) % 6)
            if hours:
                report.rain.append((hours * 3600, _hundredths(found[1])))
        elif found := _DAY.fullmatch(group):
            report.rain.append((86_400, _hundredths(found[1])))
        elif found := _EXTREME.fullmatch(group):
            _extreme(report, found)


def _extreme(report: MetarReport, found: re.Match[str]) -> None:
    value = _signed(found[2], found[3])
    if found[1] == "1":
        report.temperature_max_c = value
    else:
        report.temperature_min_c = value


def _signed(sign: str, tenths: str) -> float:
    value = int(tenths) / 10
    return 0.0 - value if sign == "1" else value


def _hundredths(text: str) -> float:
    """Hundredths of an inch → mm. 0 is a trace: it fell, and was too little to measure."""
    return round(int(text) / 100 * _INCH_MM, 3)


def _is_routine(observed_at: int) -> bool:
    """Whether it is of the minutes in which the hour's report is made."""
    minute = observed_at // 60 % 60
    return minute >= 45 or minute == 0


def _nominal_hour(observed_at: int) -> int:
    """The hour that a routine report is for: those of minute 45 and later are of the next."""
    return (observed_at + 15 * 60) // 3600 % 24


# Present weather as one number

_SEVERITY: tuple[tuple[str, tuple[int, int, int]], ...] = (
    (r"TS.*(?:GR|GS)", (96, 96, 99)),
    (r"TS", (95, 95, 97)),
    (r"SH.*(?:GR|GS)", (89, 90, 90)),
    (r"SH.*SN", (85, 86, 86)),
    (r"SH.*(?:RA|DZ|UP)", (80, 81, 82)),
    (r"FC", (19, 19, 19)),
    (r"GR|GS", (89, 90, 90)),
    (r"PL", (79, 79, 79)),
    (r"SG", (77, 77, 77)),
    (r"IC", (76, 76, 76)),
    (r"(?<!BL)(?<!DR)SN", (71, 73, 75)),
    (r"FZ.*(?:RA|UP)", (66, 67, 67)),
    (r"RA|UP", (61, 63, 65)),
    (r"FZDZ", (56, 57, 57)),
    (r"DZ", (51, 53, 55)),
    (r"FZFG", (48, 48, 48)),
    (r"(?<!MI)(?<!BC)(?<!PR)FG", (45, 45, 45)),
    (r"(?:BC|PR)FG", (41, 41, 41)),
    (r"MIFG", (12, 12, 12)),
    (r"BLSN", (38, 38, 39)),
    (r"DRSN", (36, 36, 37)),
    (r"SS|DS", (31, 31, 34)),
    (r"SQ", (18, 18, 18)),
    (r"BR", (10, 10, 10)),
    (r"PO", (8, 8, 8)),
    (r"DU|SA", (6, 6, 6)),
    (r"HZ", (5, 5, 5)),
    (r"FU|VA", (4, 4, 4)),
)
"""Groups and their codes of WMO table 4677, light, moderate and heavy. The graver stands first."""

_GRAVITY = {code: i for i, (_, codes) in enumerate(_SEVERITY) for code in codes}


def weather_code(weather: list[str]) -> int | None:
    """The gravest of the groups as a code of WMO table 4677, as Open-Meteo's; None: none told."""
    codes = [code for group in weather if (code := _code(group)) is not None]
    return min(codes, key=lambda code: _GRAVITY[code], default=None)


_THUNDER_GROUP = re.compile(r"(?:VC|RE|\+|-)?(?:SH)?TS.*")
_THUNDER_REMARK = re.compile(r"TS[BE]\d.*|LTG.*")
"""When a storm began or ended, and lightning far off: what tells of these can hear thunder."""
_NOT_TOLD = ("//", "TSNO")
"""Present weather, and thunder, that could not be observed."""


def _thunderstorm(report: MetarReport, body: list[str], remarks: list[str]) -> int | None:
    """The class of thunderstorm that a report tells of; that of no thunder only where an observer,
    or an automatic station that hears thunder, told the weather whole."""
    here = [
        thunder.OBSERVED[code]
        for group in report.weather
        if "TS" in group and (code := _code(group)) is not None
    ]
    if here:
        return max(here)
    heard = [group for group in body if _THUNDER_GROUP.fullmatch(group)]
    if any(group.startswith("VC") for group in heard):
        return thunder.VICINITY
    has_ears = not report.is_automatic or heard or any(map(_THUNDER_REMARK.fullmatch, remarks))
    is_told = not any(group in _NOT_TOLD for group in (*body, *remarks))
    return thunder.NONE if has_ears and _is_whole(report) and is_told else None


_DIRECTION = r"(?:NE|NW|SE|SW|N|E|S|W)(?:-(?:NE|NW|SE|SW|N|E|S|W))?"
_STATUTE_MILES = r"M?\d/[1-9]\d?|\d{1,2}(?: \d/[1-9]\d?)?"
_TORNADIC = re.compile(
    r"(?<!\S)(TORNADO(?:E?S)?|FUNNEL CLOUDS?|WATERSPOUTS?)"
    r"(?: ((?:[BE](?:\d{4}|\d\d))+))?"
    rf"(?: ((?:OHD|ALQDS|(?:VC|DSNT|{_STATUTE_MILES})(?:SM)?(?: ?{_DIRECTION})?|{_DIRECTION})))?"
    r"(?!\S)"
)
"""FMH-1, tornadic activity: what it is, when it began and ended, and how many statute miles away:
``TORNADO B13 6 NE``. Without any of these it may be any words, such as of a TORNADO WARNING."""
_AT_STATION_MILES, _VICINITY_MILES = 5, 10
"""FMH-1: weather is at the station within 5 statute miles, and in its vicinity within 10."""


def _tornadic(report: MetarReport, remarks: list[str]) -> tuple[list[int], bool]:
    """Classes of the funnel clouds that American remarks tell of as going on, at the station or in
    its vicinity; and whether they tell of any at all.

    One without a distance is where the observer saw it, as one in the report itself is. What has
    ended is none, and one beyond 10 miles is nobody's here.
    """
    if not _has_american_remarks(report, remarks):
        return [], False
    found, is_told = [], False
    for kind, times, where in _TORNADIC.findall(" ".join(remarks)):
        is_told = is_told or bool(times or where)
        has_ended = re.search(r"E\d+$", times) is not None
        miles = _miles_away(where)
        if not (times or where) or has_ended or miles > _VICINITY_MILES:
            continue
        is_funnel = kind.startswith("FUNNEL")
        here = violent_wind.FUNNEL_CLOUD if is_funnel else violent_wind.TORNADO
        found.append(here if miles <= _AT_STATION_MILES else violent_wind.VICINITY)
    return found, is_told


def _miles_away(where: str) -> Fraction:
    """0: it is not said. ``DSNT`` is beyond the vicinity."""
    if where.startswith(("VC", "DSNT")):
        return Fraction(_VICINITY_MILES + where.startswith("DSNT"))
    return sum(map(Fraction, re.findall(r"\d+(?:/\d+)?", where)), Fraction(0))


def _violent_wind(report: MetarReport, body: list[str], remarks: list[str]) -> int | None:
    """The class of squall or funnel cloud that a report tells of; that of none only where an
    observer told the weather whole: a machine does not see them."""
    told, is_told = _tornadic(report, remarks)
    here = [
        violent_wind.TORNADO
        if group == "+FC"
        else violent_wind.FUNNEL_CLOUD
        if "FC" in group
        else violent_wind.SQUALL
        for group in report.weather
        if "FC" in group or "SQ" in group
    ]
    if here or told:
        return max(here + told)
    if any(group.startswith("VC") and "FC" in group for group in body):
        return violent_wind.VICINITY
    has_looked = not report.is_automatic and _is_whole(report) and "//" not in body
    return violent_wind.NONE if has_looked and not is_told else None


def _is_whole(report: MetarReport) -> bool:
    """What follows on the weather shows that the report was not cut short of it."""
    follows = (report.temperature_c, report.pressure_sea_level_hpa)
    return follows != (None, None) and not report.unread


def _code(group: str) -> int | None:
    strength = {"-": 0, "+": 2}.get(group[0], 1)
    for pattern, codes in _SEVERITY:
        if re.search(pattern, group):
            return codes[strength]
    return None
