"""What a home has of the past: readings of some variables, and what it told.

What brings DuckDB is here, apart from `history`, which lives through files as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from atalaia.batch.history import ROWS_AT_ONCE
from atalaia.domain.alert import Alert
from atalaia.domain.official import RULE as OFFICIAL
from atalaia.domain.place import Places
from atalaia.domain.reading import KIND_OF, NO_TIME, Kind, Readings
from atalaia.errors import PayloadInvalid
from atalaia.lake.logged import logged_bare
from atalaia.lake.places import places_of
from atalaia.lake.query import query
from atalaia.ports import Home
from atalaia.sources import decode_all


def kept(
    home: Home,
    variables: frozenset[str],
    kinds: Sequence[Kind] = tuple(Kind),
    among: str = "true",
) -> tuple[Readings, Places]:
    """What a home has of some variables, in event time: each row known at its own valid time.

    A forecast is known when it was issued. `among` is a condition on the rows, as SQL. Raises
    PayloadInvalid where there is nothing.
    """
    places = places_of(home.state)
    return Readings.concat(kept_parts(home, places, variables, kinds, among)).in_order(), places


def kept_parts(
    home: Home,
    places: Places,
    variables: frozenset[str],
    kinds: Sequence[Kind] = tuple(Kind),
    among: str = "true",
) -> Iterator[Readings]:
    """The same in no order, some rows at a time, of the places that are the home's."""
    names = sorted(variables)
    words = _listed(kinds)
    has = " OR ".join(f"{name} IS NOT NULL" for name in names)
    keys = ", ".join(["place_id", "source", "kind", "epoch(valid_at)", "epoch(issued_at)"])
    sql = (
        f"SELECT {keys}, period_s, {', '.join(names)} FROM readings "  # noqa: S608 - own words
        f"WHERE kind IN ({words}) AND ({has}) AND ({among})"
    )
    rows = query(home, decode_all(places), places, sql).rows
    has_any = False
    while some := list(islice(rows, ROWS_AT_ONCE)):
        has_any = True
        yield _readings_of(some, names, places)
    if not has_any:
        raise _has_none(home, names, words)


def _readings_of(rows: Sequence[tuple[Any, ...]], names: Sequence[str], places: Places) -> Readings:
    columns = list(zip(*rows, strict=True))
    sources = sorted(set(columns[1]))
    issued_at = np.array([NO_TIME if at is None else int(at) for at in columns[4]], np.int64)
    valid_at = np.array(columns[3], np.float64).astype(np.int64)
    kind = np.array([KIND_OF[word] for word in columns[2]], np.int8)
    return Readings(
        place=np.array([places.position[name] for name in columns[0]], np.int32),
        source=np.array([sources.index(name) for name in columns[1]], np.int16),
        kind=kind,
        valid_at=valid_at,
        issued_at=np.where(kind == Kind.FORECAST, issued_at, NO_TIME),
        known_at=np.where((kind == Kind.FORECAST) & (issued_at != NO_TIME), issued_at, valid_at),
        period_s=np.array([period or 0 for period in columns[5]], np.int32),
        values={
            name: np.array([np.nan if v is None else v for v in columns[6 + i]], np.float64)
            for i, name in enumerate(names)
        },
        sources=tuple(sources),
    )


def kinds_kept(home: Home, variables: frozenset[str]) -> set[Kind]:
    """Of which kinds a home has readings of some variables. Raises as `kept` does."""
    places, names = places_of(home.state), sorted(variables)
    has = " OR ".join(f"{name} IS NOT NULL" for name in names)
    sql = f"SELECT DISTINCT kind FROM readings WHERE {has}"  # noqa: S608 - own words
    kinds = {KIND_OF[word] for (word,) in query(home, decode_all(places), places, sql).rows}
    if not kinds:
        raise _has_none(home, names, _listed(tuple(Kind)))
    return kinds


def _listed(kinds: Sequence[Kind]) -> str:
    return ", ".join(f"'{kind.word}'" for kind in kinds)


def _has_none(home: Home, names: Sequence[str], words: str) -> PayloadInvalid:
    return PayloadInvalid(
        f"home {home.name} has no {' or '.join(names)} ({words}); "
        "give another --home, or files to replay"
    )


def told_by(home: Home, hazard: str | None = None, *, has_official: bool = False) -> list[Alert]:
    """The home's alert log, as far as scoring needs it, which is without the texts.

    `has_official`: with warnings passed on.
    """
    among = [] if has_official else [f"rule <> '{OFFICIAL}'"]
    among += [f"hazard = '{hazard}'"] if hazard else []
    where = " AND ".join(among) or "true"
    places = places_of(home.state)
    return logged_bare(home, decode_all(places), places, where)
