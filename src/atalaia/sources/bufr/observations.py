"""Elements of a BUFR message → what each station measured: rows with the period they speak of.

WMO-No. 306, volume I.2: a time displacement (004024 hours, 004025 minutes, 004026 seconds) stands
*before* the values that it is for, and stays in force until it is given anew. One alone says how
long before the report's time a period began; two in a row say where it began and where it ended.
What 013019 to 013023 are sums of is in their names.

What is refused, with its reason: a sum or an extreme whose period is not given or lies ahead (a
sum over an unknown time says nothing); a subset without a station or a time. A gust or a mean
wind without a period is kept, and noted. Left out without a word, as they are no values of the
report's time at the station's height: series within a report (behind a time increment, 004011 to
004017 or 004065: ten 1-minute sums of what is told as one 10-minute sum too), temperatures close
to the ground, and statistics (008023) of what else is told as a value.

Sums of one report overlap (1, 3, 6, 12 and 24 hours): each is a row of its own, none is added.
Real reports tell a value twice (two equal blocks of one hour); it becomes one row. Where the two
differ, the first counts and the second is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from atalaia.sources import thunder, violent_wind
from atalaia.sources.bufr.reader import BufrMessage, Told, Value

PERIOD_NOT_GIVEN = "period not given"
TRACE = "trace"
"""Less than 0.05 mm (snow: less than half a centimetre): 0, and noted."""

_SURFACE = (0, 1)
"""Table A: surface data of land and of sea. Soundings tell temperatures too, of another height."""

_LOWEST_SENSOR_M = 0.5
"""Below, a thermometer measures the ground; WMO-No. 8 wants 1.25 to 2 m, ships have 20 and more."""


class ObservedRow(NamedTuple):
    """One value.

    variable  a name of the catalogue
    valid_at  Unix seconds: the instant, or the end of the period
    value     in the catalogue's unit
    period_s  seconds; 0 for an instant; None: a period that the report does not give
    note      what else is to be known of it
    """

    variable: str
    valid_at: int
    value: float
    period_s: int | None
    note: str | None


@dataclass(slots=True)
class Observation:
    """What one subset says.

    station      ``0-76-0-5218003000000581``, ``0-20000-0-83967``, ``ship:CALLSIGN``; None: unnamed
    aliases      further ids that the report gives for the same station
    valid_at     Unix seconds of the report; None if it has no time
    latitude, longitude   WGS 84 degrees; None if not given
    elevation_m  of the ground above sea level
    anemometer_m height of the wind's sensor above ground
    """

    station: str | None
    aliases: tuple[str, ...] = ()
    name: str = ""
    valid_at: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None
    anemometer_m: float | None = None
    rows: list[ObservedRow] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def observe(message: BufrMessage) -> list[Observation]:
    """One observation a subset, in order; none where the message is not of the surface."""
    if message.section1.category not in _SURFACE:
        return []
    return [_Reading(subset).observation() for subset in message.subsets]


def _kelvin(value: float) -> float:
    return round(value - 273.15, 2)


def _hectopascal(value: float) -> float:
    return round(value / 100, 2)


def _as_it_is(value: float) -> float:
    return value


_INSTANTS: dict[int, tuple[str, Callable[[float], float]]] = {
    10_004: ("pressure_hpa", _hectopascal),
    10_051: ("pressure_sea_level_hpa", _hectopascal),
    12_101: ("temperature_c", _kelvin),
    12_103: ("dew_point_c", _kelvin),
    13_003: ("relative_humidity_pct", _as_it_is),
    13_013: ("snow_depth_m", _as_it_is),
    20_001: ("visibility_m", _as_it_is),
}
_WINDS = {
    11_001: "wind_direction_deg",
    11_002: "wind_speed_m_s",
    11_041: "wind_gust_m_s",
    11_043: "wind_gust_direction_deg",
}
_EXTREMES = {12_111: "temperature_max_c", 12_112: "temperature_min_c"}
_RAIN = {13_011: 0, 13_019: 3600, 13_020: 10_800, 13_021: 21_600, 13_022: 43_200, 13_023: 86_400}
"""Sums, and the periods that are in the names of some."""

_THERMOMETERS = (12_101, 12_103, 12_111, 12_112)
_DISPLACEMENTS = {4024: 3600, 4025: 60, 4026: 1}
_INCREMENTS = (4011, 4012, 4013, 4014, 4015, 4016, 4017, 4065, 4066)
_TIMES = (4001, 4002, 4003, 4004, 4005, 4006)
_SIGNIFICANCE, _GROUND_M, _SENSOR_M = 8023, 7030, 7032
_STATION_TYPE, _MANNED, _PRESENT_WEATHER = 2001, 1, 20_003
_IDS = (1001, 1002, 1011, 1125, 1126, 1127, 1128)
_COUNT_WHEN_MISSING = frozenset(
    [*range(1000, 2000), *range(4000, 5000), _GROUND_M, _SENSOR_M, _SIGNIFICANCE]
)
"""Elements that change what is in force, or whose it is, also without a value."""

_MOST_SECONDS = 400 * 86_400
"""No displacement that is longer is believed."""


class _Reading:
    """Goes through one subset, with what is in force at each element."""

    def __init__(self, subset: list[Told]) -> None:
        self._subset = subset
        self._seen: dict[int, Value] = {}
        self._sensor_m: Value = None
        self._significance: Value = None
        self._is_series = False
        self._last_time = self._last_displacement = -2
        self._start: int | None = 0
        self._end: int | None = 0
        self._at: int | None = None
        self._has_new_time = False
        self._observation = Observation(None)
        self._told: dict[tuple[str, int, int | None], float] = {}

    def observation(self) -> Observation:
        found = self._observation
        for i, (code, value) in enumerate(self._subset):
            if value is None and code not in _COUNT_WHEN_MISSING:
                continue  # most of a report
            x = code // 1000
            if x == 4:
                self._time(i, code, value)
            elif x in (10, 11, 12, 13, 20):
                if isinstance(value, int | float):
                    self._measured(code, value)
            elif x == 1 or code == _STATION_TYPE:
                self._seen.setdefault(code, value)
            elif code in (5001, 5002):
                found.latitude = _degrees(value, 90, found.latitude)
            elif code in (6001, 6002):
                found.longitude = _degrees(value, 180, found.longitude)
            elif code == _GROUND_M:
                found.elevation_m = _metres(value)
            elif code == _SENSOR_M:
                self._sensor_m = value
            elif code == _SIGNIFICANCE:
                self._significance = value
        return self._finished()

    def _finished(self) -> Observation:
        found = self._observation
        self._now()
        found.name = _one_line(self._seen.get(1015) or self._seen.get(1019))
        found.station, found.aliases = _station(self._seen)
        if found.station is None:
            found.rows, found.refused = [], ["no station"]
        elif found.valid_at is None:
            found.rows, found.refused = [], ["no time"]
        return found

    # What is in force

    def _time(self, i: int, code: int, value: Value) -> None:
        """The i-th element, which is of class 4."""
        if code in _TIMES:
            for finer in _TIMES[code - 4000 :]:
                self._seen.pop(finer, None)
            self._seen[code] = value
            self._has_new_time = True
        elif code in _DISPLACEMENTS:
            self._displaced(_seconds(code, value), i)
            self._last_displacement = i
        elif code in _INCREMENTS and value:
            self._is_series = True
        self._last_time = i

    def _now(self) -> int | None:
        """The time in force, Unix seconds; the report's is the first that it gives."""
        if self._has_new_time:
            self._has_new_time = False
            self._at = _instant([self._seen.get(each) for each in _TIMES])
            if self._observation.valid_at is None:
                self._observation.valid_at = self._at
        return self._at

    def _displaced(self, seconds: int | None, i: int) -> None:
        if self._last_time != i - 1:
            self._is_series = False
        if self._last_displacement == i - 1:  # the second of two in a row: where the period ends
            self._end = seconds
        else:
            self._start, self._end = seconds, 0

    # What is measured

    def _measured(self, code: int, value: float) -> None:
        if self._is_series or (self._significance is not None and code != 11_041):
            return
        if code in _THERMOMETERS and _is_below(self._sensor_m, _LOWEST_SENSOR_M):
            return
        if code in _INSTANTS:
            variable, convert = _INSTANTS[code]
            is_trace = code == 13_013 and value < 0
            self._tell(variable, 0.0 if is_trace else convert(value), 0, 0, is_trace)
        elif code in _WINDS:
            self._wind(code, value)
        elif code in _EXTREMES:
            self._over_period(_EXTREMES[code], _kelvin(value), 0)
        elif code in _RAIN:
            self._over_period("rain_mm", value, _RAIN[code])
        elif code == _PRESENT_WEATHER:
            is_manned = self._seen.get(_STATION_TYPE) == _MANNED
            for told in (thunder, violent_wind):
                found = told.observed_class(int(value), is_manned=is_manned)
                if found is not None:
                    self._tell(told.VARIABLE, found, 0, 0)

    def _wind(self, code: int, value: float) -> None:
        if code in (11_001, 11_002) and isinstance(self._sensor_m, int | float):
            self._observation.anemometer_m = _metres(self._sensor_m)
        start, end = self._start, self._end
        if start is None or end is None or start == end:
            self._tell(_WINDS[code], value, None, 0)
        elif self._refuses(_WINDS[code], start, end):
            return
        else:
            self._tell(_WINDS[code], value, end - start, end)

    def _over_period(self, variable: str, value: float, by_name_s: int) -> None:
        start, end = (-by_name_s, 0) if by_name_s else (self._start, self._end)
        if start is None or end is None or start == end:
            self._refuse(f"{variable}: {PERIOD_NOT_GIVEN}")
        elif not self._refuses(variable, start, end):
            is_trace = variable == "rain_mm" and value < 0
            self._tell(variable, 0.0 if is_trace else value, end - start, end, is_trace)

    def _refuses(self, variable: str, start: int, end: int) -> bool:
        if start < end <= 0:
            return False
        self._refuse(f"{variable}: period of {start} to {end} s lies ahead")
        return True

    def _refuse(self, why: str) -> None:
        if why not in self._observation.refused:
            self._observation.refused.append(why)

    def _tell(
        self, variable: str, value: float, period_s: int | None, end: int, is_trace: bool = False
    ) -> None:
        at = self._now()
        if at is None:
            return
        valid_at = at + end
        key = (variable, valid_at, period_s)
        earlier = self._told.get(key)
        if earlier is None:
            self._told[key] = value
            note = TRACE if is_trace else PERIOD_NOT_GIVEN if period_s is None else None
            self._observation.rows.append(ObservedRow(variable, valid_at, value, period_s, note))
        elif earlier != value:
            self._refuse(f"{variable}: told twice, differently")


def _seconds(code: int, value: Value) -> int | None:
    """A displacement; None where it is missing or beyond belief."""
    if not isinstance(value, int | float):
        return None
    seconds = int(value * _DISPLACEMENTS[code])
    return seconds if abs(seconds) <= _MOST_SECONDS else None


def _instant(parts: list[Value]) -> int | None:
    """Year to second → Unix seconds; minutes and seconds that are not told are 0."""
    numbers = [*parts[:4], *(0 if each is None else each for each in parts[4:])]
    whole = [int(each) for each in numbers if isinstance(each, int | float)]
    if len(whole) < len(numbers):
        return None
    year, month, day, hour, minute, second = whole
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _station(seen: dict[int, Value]) -> tuple[str | None, tuple[str, ...]]:
    """The station's id and its further ones: WIGOS, else WMO's number, else a ship's call sign."""
    ids = []
    series, issuer, issue, local = (seen.get(code) for code in (1125, 1126, 1127, 1128))
    if isinstance(local, str) and _is_id(local) and None not in (series, issuer, issue):
        ids.append(f"{series}-{issuer}-{issue}-{local}")
    block, number = seen.get(1001), seen.get(1002)
    if isinstance(block, int) and isinstance(number, int):
        ids.append(f"0-20000-0-{block:02d}{number:03d}")
    ship = seen.get(1011)
    if isinstance(ship, str) and _is_id(ship):
        ids.append(f"ship:{ship}")
    distinct = tuple(dict.fromkeys(ids))
    return (distinct[0], distinct[1:]) if distinct else (None, ())


def _is_id(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and text != ""


def _one_line(value: Value) -> str:
    return " ".join(value.split()) if isinstance(value, str) and value.isprintable() else ""


def _degrees(value: Value, limit: int, otherwise: float | None) -> float | None:
    """A coordinate; the first of a subset counts, as later ones are of something else."""
    if otherwise is not None or not isinstance(value, int | float):
        return otherwise
    return value if -limit <= value <= limit else None


def _metres(value: Value) -> float | None:
    return value if isinstance(value, int | float) else None


def _is_below(value: Value, limit: float) -> bool:
    return isinstance(value, int | float) and value < limit
