"""The last days of some places from GOLD: the files of these days, and of them the places' rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Any

import numpy as np

from atalaia.domain.alert import instant
from atalaia.domain.reading import KIND_OF, NO_TIME, Bools, Ints, Readings
from atalaia.lake import gold
from atalaia.lake.seen import HOUR_S, MOST_REACH, seen_at, seen_sql
from atalaia.logs import Logger
from atalaia.ports import Lake, Sql

log = Logger()

_WHEN = re.compile(r"/(?:date|month)=(\d{4}-\d\d(?:-\d\d)?)/")


def past_readings(
    lake: Lake,
    sql: Sql,
    places: Mapping[str, int],
    variables: Sequence[str],
    since: int,
    until: int,
) -> Readings:
    """Rows of places (position by id) with a valid time in (since, until].

    Forecasts are left out: GOLD has each issue of them, and a chart wants the newest. It blocks,
    and reads a few files at most. Raises QueryInvalid.
    """
    files = _files(lake, since, until)
    if not files or not variables:
        return Readings.empty()
    ids = ", ".join("'" + id_.replace("'", "''") + "'" for id_ in places)
    names = ", ".join(f'"{name}"' for name in variables)
    # Of names of the catalogue, quoted ids and instants alone.
    found = sql.run(
        "SELECT place_id, source, kind, epoch(valid_at), epoch(received_at), "  # noqa: S608
        f"coalesce(period_s, 0), {names} FROM readings "
        f"WHERE place_id IN ({ids}) AND kind <> 'forecast' "
        f"AND valid_at > TIMESTAMPTZ '{instant(since)}' "
        f"AND valid_at <= TIMESTAMPTZ '{instant(until)}'",
        {"readings": [lake.path(key) for key in files]},
    )
    rows = list(found.rows)
    if not rows:
        return Readings.empty()
    place = np.array([places[row[0]] for row in rows], np.int32)
    return readings_of(place, [row[1:] for row in rows], variables)


def seen_hours(
    lake: Lake,
    sql: Sql,
    places: Mapping[str, int],
    reach: Mapping[str, int],
    since: int,
    hours: int,
) -> Bools:
    """Shape (places, hours): whether each was seen at the full hours from `since` on, as `seen.py`
    has it. It blocks. Raises QueryInvalid."""
    until = since + hours * HOUR_S
    files = _files(lake, since - MOST_REACH * HOUR_S, until)
    if not files:
        return np.zeros((len(places), hours), bool)
    question = seen_sql("readings", "epoch", since, hours)
    found = sql.run(question, {"readings": [lake.path(key) for key in files]})
    return seen_at(found.rows, places, reach, hours)


def readings_of(
    place: Ints,
    rows: Sequence[Sequence[Any]],
    variables: Sequence[str],
    second: Callable[[Any], int] = int,
) -> Readings:
    """Rows of GOLD that are no forecasts: (source, kind, valid_at, known_at, period_s, a value for
    each variable); `second` makes Unix seconds of their times. Those of a kind that is none are
    left out, as if they were not there, and the log says so."""
    is_known = [row[1] in KIND_OF for row in rows]
    if not all(is_known):
        strange = {str(row[1])[:40] for row, known in zip(rows, is_known, strict=True) if not known}
        log.warning(
            "rows of GOLD are of a kind that is none, and are left out; `atalaia refine --rebuild`",
            kinds=sorted(strange)[:5],
            rows=is_known.count(False),
        )
        place, rows = place[is_known], list(compress(rows, is_known))
    if not rows:
        return Readings.empty()
    source, kind, valid_at, known_at, period_s, *columns = zip(*rows, strict=True)
    sources = tuple(dict.fromkeys(source))
    return Readings(
        place=place,
        source=np.array([sources.index(name) for name in source], np.int16),
        kind=np.array([KIND_OF[word] for word in kind], np.int8),
        valid_at=np.array([second(at) for at in valid_at], np.int64),
        issued_at=np.full(len(rows), NO_TIME),
        known_at=np.array([second(at) for at in known_at], np.int64),
        period_s=np.array(period_s, np.int32),
        values={
            name: np.array(column, float) for name, column in zip(variables, columns, strict=True)
        },
        sources=sources,
    )


def _files(lake: Lake, since: int, until: int) -> list[str]:
    """Keys of GOLD's files of the days, or of their months."""
    day = datetime.fromtimestamp(since, UTC).date()
    last = datetime.fromtimestamp(until, UTC).date()
    wanted = set()
    while day <= last:
        wanted |= {f"{day:%Y-%m-%d}", f"{day:%Y-%m}"}
        day += timedelta(days=1)
    keys = gold.partition_files(lake, ("readings",))["readings"]
    return [key for key in keys if (match := _WHEN.search(key)) and match[1] in wanted]
