"""The past as the watch would have lived it: a home's readings, or files of them, under any rules.

Nothing is kept: no home is made, and what the watch would have said is handed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.detect.values import no_norms
from atalaia.detect.watch import Watch
from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.official import RULE as OFFICIAL
from atalaia.domain.place import Places
from atalaia.domain.reading import KIND_OF, NO_TIME, Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.errors import PayloadInvalid
from atalaia.lake.logged import logged_bare
from atalaia.lake.norms import norms_of
from atalaia.lake.places import places_of
from atalaia.lake.query import query
from atalaia.ports import Home, Lake
from atalaia.sources import decode_all
from atalaia.sources.recorded import read_files, read_places

ROWS_AT_ONCE = 60_000
"""What of a past is judged at a time, so that it fits into memory."""


def recorded(files: Sequence[Path], places_file: Path) -> tuple[Readings, Places]:
    """The rows of recorded files in order, and their places. Raises PayloadInvalid without any."""
    places = Places(read_places(places_file))
    return read_files(files, places).readings.in_order(), places


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


def watched(
    rows: Readings, rules: RuleSet, places: Places, lake: Lake | None = None
) -> list[LogEntry]:
    """The whole alert log of a watch that lives through the rows.

    `lake` has the places' climate, for rules that name norms; without it they say nothing.
    """
    return lived(rows.between_instants(ROWS_AT_ONCE), [rules], places, lake)[0]


def lived(
    parts: Iterable[Readings], sets: Sequence[RuleSet], places: Places, lake: Lake | None = None
) -> list[list[LogEntry]]:
    """The same of each of several rule sets, of rows in order that come in parts, none of which
    cuts an instant: they are read once."""
    watches = [_watch(rules, places, lake) for rules in sets]
    logs: list[list[LogEntry]] = [[] for _ in sets]
    for part in parts:
        for watch, log in zip(watches, logs, strict=True):
            log.extend(watch.live(part).entries)
    for log in logs:
        log.sort(key=lambda e: (e.alert.sent_at, e.alert.incident, e.alert.version))
    return logs


def _watch(rules: RuleSet, places: Places, lake: Lake | None) -> Watch:
    norms = no_norms if lake is None else norms_of(lake, rules, places)
    return Watch(rules, places, norms=norms)


def unjudged(rules: RuleSet, places: Places, lake: Lake | None) -> list[str]:
    """A line for each rule that said nothing at some places, for want of a norm."""
    strangers = rules.strangers(places.position) + rules.nowhere(places)
    if lake is not None:
        return strangers + norms_of(lake, rules, places).in_words()
    return strangers + [
        f"rule {rule.name} says nothing: it names a norm, and files have none; learn it with "
        "`atalaia climate --import --home DIR`, replay into that home, and leave the files out"
        for rule in rules.rules
        if rule.norm is not None
    ]


def only(rows: Readings, kinds: Sequence[Kind], source: str | None = None) -> Readings:
    """The rows of some kinds, of all sources or of one."""
    chosen = np.isin(rows.kind, kinds)
    if source is not None:
        chosen &= rows.source == rows.sources.index(source)
    return rows.take(chosen)


def days_of(rows: Readings, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last local day that the rows speak of."""
    return days_between(int(rows.valid_at.min()), int(rows.valid_at.max()), zone)


def days_between(first: int, last: int, zone: ZoneInfo) -> tuple[date, date]:
    """The local days of two instants."""
    begins, ends = (datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (first, last))
    return begins.date(), ends.date()


def told_by(home: Home, hazard: str | None = None, *, has_official: bool = False) -> list[Alert]:
    """The home's alert log, as far as scoring needs it, which is without the texts.

    `has_official`: with warnings passed on.
    """
    among = [] if has_official else [f"rule <> '{OFFICIAL}'"]
    among += [f"hazard = '{hazard}'"] if hazard else []
    where = " AND ".join(among) or "true"
    places = places_of(home.state)
    return logged_bare(home, decode_all(places), places, where)
