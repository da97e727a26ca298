"""One incident as a report shows it: what its rule judged, the limits, what was told."""

# The SQL here is put together from the home's own words, which are quoted.

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from atalaia.batch.told import Stretches
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.words import LANGUAGES
from atalaia.lake.places import places_of
from atalaia.ports import Home
from atalaia.report.measured import measured
from atalaia.report.reported import (
    AlertEntry,
    IncidentReport,
    LevelTrack,
    Limit,
    Line,
    Stretch,
)

_MARGIN_S = 6 * 3600
_LONGEST_S = 30 * 86_400
"""Of a longer incident the timeline shows so much, from its onset."""

_LANES = 10


def storm_of(
    home: Home, rules: RuleSet, told: Sequence[LogEntry], held: Stretches
) -> IncidentReport | None:
    """The incident of these entries, by version; None where there are none. `held` is what was
    warned of, of all."""
    if not told:
        return None
    places = places_of(home.state)
    last = told[-1]
    incident = last.alert.incident
    # An entry of another rule may come in between: the worst one says what the storm was.
    worst = max(told, key=lambda one: (LEVEL_OF[one.alert.level], -one.alert.version))
    opened_at = last.opened_at
    is_over = last.alert.is_over
    ended_at = last.alert.sent_at if is_over else None
    first, until = _shown(told, opened_at)
    members = _members(places, last.alert.place_id)
    rule = next(
        (r for r in rules.rules if (r.name, r.digest) == (worst.alert.rule, worst.rule_hash)), None
    )
    lines, limits, bars = measured(home, rule, worst, places, members, first, until)
    peak, peak_at = _peak(lines, rule, told, worst, opened_at, ended_at or until)
    return IncidentReport(
        incident=incident,
        hazard=last.alert.hazard,
        place=_name(places, last.alert.place_id),
        zone=places[members[0]].timezone if members else "UTC",
        status=last.alert.status,
        level=max(LEVEL_OF[one.peak_level or one.alert.level] for one in told),
        begins=first,
        ends=until,
        opened_at=opened_at,
        ended_at=ended_at,
        peak=peak,
        peak_at=peak_at,
        variable=worst.alert.variable,
        measure=rule.measure if rule else worst.measure,
        is_below=worst.is_below,
        window_s=worst.alert.window_s or 0,
        unit=worst.alert.unit or "",
        lines=tuple(lines),
        limits=tuple(limits or _limits_told(told, _measure(worst), first, until)),
        bars=tuple(bars),
        is_same_rule=rule is not None,
        entries=tuple(_entry(one, _measure(worst)) for one in told),
        lanes=tuple(_lanes(held, places, incident, members, first, until)),
    )


def _shown(told: Sequence[LogEntry], opened_at: int) -> tuple[int, int]:
    """From a while before anything was said of it to a while after the last word."""
    said = [one.alert.sent_at for one in told]
    first = min(opened_at, *said)
    last = max(*said, *(one.alert.valid_at for one in told))
    margin = max(_MARGIN_S, (last - first) // 5)
    return first - margin, min(last + margin, first + _LONGEST_S)


def _members(places: Places, subject: str) -> tuple[int, ...]:
    """Positions of the place, or of an area's places; none that are known: empty."""
    position = places.position.get(subject)
    return places.areas.get(subject, ()) if position is None else (position,)


def _name(places: Places, subject: str) -> str:
    place = places.get(subject)
    return place.name if place else subject


def _measure(row: LogEntry) -> tuple[str | None, int]:
    return row.alert.variable, row.alert.window_s or 0


def _peak(
    lines: Sequence[Line],
    rule: Rule | None,
    told: Sequence[LogEntry],
    worst: LogEntry,
    opened_at: int,
    closed_at: int,
) -> tuple[float | None, int | None]:
    """The worst value of what the storm shows, and when. (The log's own may be another rule's.)"""
    sign = -1 if worst.is_below else 1
    both = [pair for line in lines for pair in zip(line.value, line.at, strict=True)]
    found = [(value, at) for value, at in both if opened_at <= at <= closed_at] if rule else []
    if not found:
        found = [
            (one.alert.value, one.alert.valid_at)
            for one in told
            if _measure(one) == _measure(worst) and one.alert.value is not None
        ]
    if not found:
        return None, None
    return max(found, key=lambda pair: (sign * pair[0], -pair[1]))


def _entry(row: LogEntry, measure: tuple[str | None, int]) -> AlertEntry:
    # Of another measure than the storm's its value says nothing on the same scale.
    is_same = _measure(row) == measure
    return AlertEntry(
        version=row.alert.version,
        type=row.alert.type,
        reason=row.alert.reason,
        level=LEVEL_OF[row.alert.level],
        sent_at=row.alert.sent_at,
        valid_at=row.alert.valid_at,
        value=row.alert.value if is_same else None,
        limit=row.alert.limit if is_same else None,
        is_forecast=row.alert.evidence == Kind.FORECAST.word,
        source=row.alert.source,
        text=tuple(row.alert.text[language] for language in LANGUAGES),
        measure=row.measure,
    )


def _limits_told(
    told: Sequence[LogEntry], measure: tuple[str | None, int], first: int, until: int
) -> list[Limit]:
    """The limits that the alerts said they had passed, where the rule itself is gone."""
    limits = {
        LEVEL_OF[one.alert.level]: one.alert.limit
        for one in told
        if one.alert.reason in ("onset", "escalated") and _measure(one) == measure
    }
    return [
        Limit(level, Line("", (first, until), (limit, limit)))
        for level, limit in sorted(limits.items())
        if limit is not None
    ]


# What else was open


def _lanes(
    held: Stretches,
    places: Places,
    incident: str,
    members: tuple[int, ...],
    first: int,
    until: int,
) -> Iterable[LevelTrack]:
    """This incident, then those at its place, then those elsewhere in its area."""
    here = {places[i].id for i in members}
    areas = {area for i in members if (area := places[i].area)}
    near = here | areas | {place.id for place in places if place.area in areas}
    shown = (held.ends >= first) & (held.begins <= until)
    shown &= np.isin(held.place, list(near)) & (held.hazard != Hazard.CANNOT_SEE)
    some = held.take(shown)
    keys = dict.fromkeys(some.incident)

    def turn(key: str) -> tuple[bool, bool, int, int]:
        mine = some.incident == key
        is_here = some.place[mine][0] in here
        return (
            key != incident,
            not is_here,
            -int(some.level[mine].max()),
            int(some.begins[mine].min()),
        )

    for key in sorted(keys, key=turn)[:_LANES]:
        mine = some.take(np.asarray(some.incident == key, bool))
        yield LevelTrack(
            incident=key,
            hazard=mine.hazard[0],
            place=_name(places, mine.place[0]),
            stretches=tuple(
                Stretch(max(begins, first), min(ends, until), level)
                for begins, ends, level in sorted(
                    zip(mine.begins.tolist(), mine.ends.tolist(), mine.level.tolist(), strict=True)
                )
            ),
        )
