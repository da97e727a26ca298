"""What was seen in some days: by which source, and of each variable its extremes and its sum."""

# The SQL here is put together from our own words, and ids are quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from atalaia.lake.views import SUMMARISED
from atalaia.report.asked import AskedHome, listed
from atalaia.report.reported import ReportScope, SeenExtreme, Source

_MOST_PLACES = 20
"""Of a larger system, or of all places, extremes would be no table that is read."""


class SeenReadings(NamedTuple):
    """Of which places there are readings of a scope, by which sources, and of which variables:
    all that `daily` can have on its days, and nothing where extremes would not be read."""

    places: frozenset[str]
    sources: tuple[Source, ...]
    variables: tuple[str, ...]


def seen_of(asked: AskedHome, scope: ReportScope, first: date, last: date) -> SeenReadings:
    """In one question. What makes the local days from `first` to `last` lies within two UTC days of
    them."""
    names = [one.name for one in SUMMARISED] if len(scope.places) <= _MOST_PLACES else []
    within = f"epoch(valid_at) >= {scope.begins} AND epoch(valid_at) < {scope.ends}"
    rows = asked(f"""
        SELECT place_id, source, count(*) FILTER ({within}),
            epoch(max(valid_at) FILTER ({within}))
            {"".join(f", count({name})" for name in names)}
        FROM readings
        WHERE place_id IN ({listed(scope.places)}) AND kind <> 'forecast'
            AND date BETWEEN DATE '{first}' - 2 AND DATE '{last}' + 2
        GROUP BY place_id, source
    """)
    there = [row for row in rows if row[2]]
    by_source: dict[str, list[tuple[int, float]]] = {}
    for _, source, count, newest, *_ in there:
        by_source.setdefault(source, []).append((count, newest))
    return SeenReadings(
        frozenset(row[0] for row in there),
        tuple(
            Source(
                source=source,
                readings=sum(count for count, _ in told),
                places=len(told),
                answers=None,
                faults=None,
                last_reading_at=int(max(newest for _, newest in told)),
            )
            for source, told in sorted(by_source.items())
        ),
        tuple(name for i, name in enumerate(names, start=4) if any(row[i] for row in rows)),
    )


def extremes_of(
    asked: AskedHome, scope: ReportScope, first: date, last: date, variables: tuple[str, ...]
) -> Iterable[SeenExtreme]:
    """From the days of the view `daily`, which are the place's own; of equals the first day. Of
    each variable that a question leaves open, the engine looks at all readings several times."""
    if not variables:
        return
    rows = asked(f"""
        SELECT place_id, source, variable, any_value(unit), count(*),
            max(maximum), arg_max(day, maximum ORDER BY day),
            min(minimum), arg_min(day, minimum ORDER BY day),
            max(sum), arg_max(day, sum ORDER BY day), sum(sum ORDER BY day)
        FROM daily
        WHERE place_id IN ({listed(scope.places)}) AND day BETWEEN '{first}' AND '{last}'
            AND variable IN ({listed(variables)})
        GROUP BY place_id, source, variable
        ORDER BY place_id, variable, source
    """)
    for id_, source, variable, unit, days, high, high_on, low, low_on, most, most_on, total in rows:
        place = asked.places.get(id_)
        yield SeenExtreme(
            place=place.name if place else id_,
            source=source,
            variable=variable,
            unit=unit,
            days=days,
            highest=None if total is not None else high,
            highest_on=str(high_on or ""),
            lowest=None if total is not None else low,
            lowest_on=str(low_on or ""),
            most=most,
            most_on=str(most_on or ""),
            total=total,
        )
