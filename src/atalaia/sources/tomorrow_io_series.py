"""Tomorrow.io's series: a block of entries of one timestep → columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.domain.reading import NO_TIME, Floats, Ints
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.columns import numbers, present
from atalaia.sources.decoding import Wanted, is_wanted
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import fault, utc_seconds
from atalaia.sources.tomorrow_io_fields import FIELDS, System, with_codes, with_thunder

_TIMESTEP_S = {"current": 0, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600}
_DAY = "1d"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Entries of one timestep, each an object with a time and its values.

    label     what the answer calls it; for rejects
    time_key  the entries' key for their time
    entries   as they came
    step_s    seconds from one entry to the next; 0: a single instant
    """

    label: str
    time_key: str
    entries: list[Any]
    step_s: int

    @property
    def period_s(self) -> int:
        """Of the accumulations. Only those of hourly entries are of a known period."""
        return 3600 if self.step_s == 3600 else 0


def blocks_of_forecast(body: dict[str, Any]) -> list[Timeline]:
    """The blocks of a ``/weather/forecast`` answer.

    `daily` is left out: its values are means, extremes and sums of local days, under names of
    their own (temperatureAvg, windGustMax, …), and none is a value at one instant.
    """
    timelines = body.get("timelines")
    if not isinstance(timelines, dict):
        raise Unreadable("no timelines", "the answer has no object `timelines`")
    return [
        Timeline(name, "time", entries, step_s)
        for name, step_s in (("minutely", 60), ("hourly", 3600))
        if isinstance(entries := timelines.get(name), list)
    ]


def blocks_of_timelines(body: dict[str, Any], rejects: Rejects) -> list[Timeline]:
    """The blocks of a ``/timelines`` answer; days are left out as in `blocks_of_forecast`."""
    data = body.get("data")
    timelines = data.get("timelines") if isinstance(data, dict) else None
    if not isinstance(timelines, list):
        raise Unreadable("no timelines", "the answer has no list `data.timelines`")
    return list(_read_timelines(timelines, rejects))


def _read_timelines(timelines: list[Any], rejects: Rejects) -> Iterator[Timeline]:
    for timeline in timelines:
        step = timeline.get("timestep") if isinstance(timeline, dict) else None
        intervals = timeline.get("intervals") if isinstance(timeline, dict) else None
        if not isinstance(intervals, list):
            rejects.add("no intervals", f"timeline {shown(step)}")
        elif isinstance(step, str) and step in _TIMESTEP_S:
            yield Timeline(step, "startTime", intervals, _TIMESTEP_S[step])
        elif step != _DAY:
            rejects.add("unknown timestep", shown(step))


def columns(
    block: Timeline, system: System, wanted: Wanted, rejects: Rejects
) -> tuple[Ints, dict[str, Floats]]:
    """(valid_at, values): int64 Unix seconds, and float64 by variable, all of shape (rows,).

    Entries without values or without a time that can be read are left out, and rejected.
    """
    entries = [entry for entry in block.entries if _is_entry(entry)]
    if len(entries) != len(block.entries):
        rejects.add("no values", f"{len(block.entries) - len(entries)} of {block.label}")
    times = [entry.get(block.time_key) for entry in entries]
    valid_at = utc_seconds(times)
    for i, time in enumerate(times):
        if valid_at[i] == NO_TIME:
            rejects.add(fault(time), f"{block.label}: {shown(time)}")
    values: dict[str, Floats] = {}
    read = with_codes(wanted)
    for each in FIELDS:
        is_of_no_period = CATALOGUE[each.variable].is_sum and not block.period_s
        if is_of_no_period or not is_wanted(each.variable, read):
            continue
        column, faults = numbers([entry["values"].get(each.key) for entry in entries])
        for i, reason in faults:
            value = shown(entries[i]["values"][each.key])
            rejects.add(reason, f"{block.label} {shown(times[i])}: {each.key} is {value}")
        column = each.converted(column, system)
        earlier = values.get(each.variable)
        values[each.variable] = column if earlier is None else np.fmax(earlier, column)
    values = with_thunder(values, wanted)
    has_time = valid_at != NO_TIME
    return valid_at[has_time], present({name: values[name][has_time] for name in values})


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("values"), dict)
