"""The past as the watch would have lived it: a home's readings, or files of them, under any rules.

Nothing is kept: no home is made, and what the watch would have said is handed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from atalaia.detect.values import no_norms
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.lake.norms import norms_of
from atalaia.ports import Lake
from atalaia.sources.recorded import read_files, read_places

ROWS_AT_ONCE = 60_000
"""What of a past is judged at a time, so that it fits into memory."""


def recorded(files: Sequence[Path], places_file: Path) -> tuple[Readings, Places]:
    """The rows of recorded files in order, and their places. Raises PayloadInvalid without any."""
    places = Places(read_places(places_file))
    return read_files(files, places).readings.in_order(), places


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
