"""Rain of differences: what fell between two uploads, from the longest counter that both have.

"Rain of this hour" means one thing in one firmware and another in the next; a counter only grows,
and starts anew at a midnight, a new year or a new battery. A fall is taken for such a reset: what
the counter shows since then fell at least, if that can be. Where it cannot, the interval is a
hole: missing, never 0, and the sums over it know that they have one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.domain.station_reading import StationReadings, Value
from atalaia.sources.pws.fields import COUNTERS

FASTEST_MM_MIN = 31.2
"""WMO's record minute (Unionville 1956): a counter that grew faster was set, and did not count."""

RESET_MM_MIN = 3.0
"""What may have fallen since a reset, a minute of the interval: 180 mm/h. A console that goes
back to an older total (after a flat battery) shows hundreds of millimetres at once."""

LONGEST_S = 2 * 86_400
"""Longest interval whose rain is told; a sum over a week is of no use to a rule of a day."""

LONGEST_RESET_S = 3600
"""Longest interval in which a reset is believed: in a longer one it may have been anything."""

_ORDER = (*COUNTERS, *(f"piezo {each}" for each in COUNTERS))
"""The tipping bucket before the piezo sensor, which also counts what shakes the pole."""

_COLUMN_OF = {name: f"rain_counter_{name.replace(' ', '_')}_mm" for name in _ORDER}

COLUMNS = tuple(_COLUMN_OF.values())
"""What decoders tell of counters: columns beside those of variables. A decoder remembers nothing,
so that what it makes of a payload is always the same; `Gauges.rain` makes rain of them."""


def told(valid_at: int, mm: dict[str, float]) -> list[Value]:
    """Counters as values of those columns."""
    return [Value(valid_at, 0, _COLUMN_OF[name], value) for name, value in mm.items()]


class Counted(msgspec.Struct, frozen=True):
    """What a station's counters showed last: mm by name, at Unix seconds."""

    valid_at: int
    mm: dict[str, float]


class Hole(NamedTuple):
    """Rain that is missing: of which station, up to when, and why."""

    station: str
    valid_at: int
    why: str


class Gauges:
    """The last counters of each station. Who commits readings commits `known` with them."""

    def __init__(self, known: dict[str, Counted] | None = None) -> None:
        self.known: dict[str, Counted] = dict(known or {})

    def rain(self, readings: StationReadings) -> tuple[StationReadings, list[Hole]]:
        """The rows with rain in place of counters, and where there is a hole.

        Rows may come in any order within a call; later calls bring later uploads.
        """
        names = [name for name in _ORDER if _COLUMN_OF[name] in readings.values]
        values = {n: column for n, column in readings.values.items() if n not in COLUMNS}
        plain = replace(readings, values=values)
        if not names:
            return plain, []
        columns = np.stack([readings.values[_COLUMN_OF[name]] for name in names])
        rows = np.flatnonzero(~np.isnan(columns).all(axis=0))
        order = rows[np.lexsort((rows, readings.valid_at[rows], readings.station[rows]))]
        fallen: list[tuple[int, Value]] = []
        holes = []
        for row in order.tolist():
            mm = zip(names, columns[:, row].tolist(), strict=True)
            station, at = readings.stations[readings.station[row]], int(readings.valid_at[row])
            value, why = self.fallen(station, at, {n: v for n, v in mm if v == v})  # noqa: PLR0124
            if value is not None:
                fallen.append((row, value))
            if why is not None:
                holes.append(Hole(station, at, why))
        if not fallen:
            return plain, holes
        of = plain.take(np.array([row for row, _ in fallen], np.int64))
        rain = replace(
            of,
            period_s=np.array([value.period_s for _, value in fallen], np.int32),
            values={"rain_mm": np.array([value.value for _, value in fallen])},
        )
        return StationReadings.concat([plain, rain]), holes

    def fallen(
        self, station: str, valid_at: int, mm: dict[str, float]
    ) -> tuple[Value | None, str | None]:
        """Rain since the station's last upload, and why there is none where one was due.

        An upload that comes again, or late, changes nothing.
        """
        if not mm:
            return None, None
        last = self.known.get(station)
        if last is not None and valid_at <= last.valid_at:
            return None, None if valid_at == last.valid_at else "rain of a late upload"
        self.known[station] = Counted(valid_at, mm)
        return (None, None) if last is None else difference(last, self.known[station])


def difference(last: Counted, now: Counted) -> tuple[Value | None, str | None]:
    """Rain between two uploads, the later second; None and a reason for a hole."""
    interval_s = now.valid_at - last.valid_at
    name = next((each for each in _ORDER if each in last.mm and each in now.mm), None)
    if name is None:
        return None, "no counter in common"
    if interval_s > LONGEST_S:
        return None, "counter silent for days"
    minutes = interval_s / 60
    grown = round(now.mm[name] - last.mm[name], 4)
    if grown >= 0:
        if grown > FASTEST_MM_MIN * max(minutes, 1.0):
            return None, "counter faster than rain"
        return Value(now.valid_at, interval_s, "rain_mm", grown), None
    since = now.mm[name]
    if not (0 <= since <= RESET_MM_MIN * minutes and interval_s <= LONGEST_RESET_S):
        return None, "counter fell"
    return Value(now.valid_at, interval_s, "rain_mm", since), None
