"""A report of one place, of one system, or of a range of days: what `gather` tells, narrowed.

What is shown of it besides: each incident in a line, what was seen and told of each variable, and
when a source could not be seen. Of scores there are none: they are of all that a home told.
"""

# The SQL here is put together from our own words, and ids are quoted.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from atalaia.batch.told import Stretches, stretches
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.official import RULE as OFFICIAL
from atalaia.domain.rule import RuleSet
from atalaia.ports import Home
from atalaia.report.asked import DAY_S, AskedHome, listed
from atalaia.report.days import days_of
from atalaia.report.extremes import extremes_of, seen_of
from atalaia.report.gather import by_level, gravest, spots_of
from atalaia.report.incident import storm_of
from atalaia.report.reported import Episode, Report, ReportScope, UnseenSpell
from atalaia.report.scope import scope_of
from atalaia.report.wish import ReportWish


def ranged_report(home: Home, rules: RuleSet, wanted: ReportWish, now: int) -> Report:
    """What a page shows of a scope. Raises as `scope_of` does."""
    asked = AskedHome(home)
    scope = scope_of(asked, wanted)
    begins, ends = scope.begins, scope.ends
    log = asked.log(f"rule <> '{OFFICIAL}'")
    mine = _of_scope(log, scope)
    every = stretches(one.alert for one in mine)
    held = every.take((every.ends > begins) & (every.begins < ends))
    lived = _lived(mine, held, begins, ends)
    spells = _unseen(log, scope)
    keys = ", ".join(f"'{key}'" for key in lived)
    key = gravest(asked, 0, f"incident IN ({keys})") if keys else None
    first, last = (_day(at, scope.zone) for at in (begins, ends - 1))
    among = _among(scope)
    zone_place = scope.places[0] if scope.places else ""
    blind = [(one.begins, one.ends or ends, zone_place) for one in spells]
    seen = seen_of(asked, scope, first, last)
    return Report(
        home=Path(home.name).resolve().name,
        made_at=now,
        begins=begins,
        ends=ends,
        levels=by_level(held),
        alerts=sum(
            begins <= one.alert.sent_at < ends and one.alert.hazard != Hazard.CANNOT_SEE
            for one in mine
        ),
        storm=storm_of(home, rules, [one for one in mine if one.alert.incident == key], every),
        days=tuple(days_of(asked, held, blind, first, last, among)),
        spots=tuple(
            spot
            for spot in spots_of(asked.places, held, set(seen.places))
            if spot.place.id in scope.places or spot.incidents
        ),
        foretold=(),
        sources_scored=(),
        scored=None,
        sources=seen.sources,
        scope=scope,
        episodes=tuple(_episodes(asked, lived)),
        unseen=tuple(spells),
        extremes=tuple(extremes_of(asked, scope, first, last, seen.variables)),
    )


def _of_scope(log: Sequence[LogEntry], scope: ReportScope) -> list[LogEntry]:
    """The entries of the weather's incidents that a scope has, whole: of a place also those of its
    area that named it."""
    if scope.incidents is not None:
        keys = set(scope.incidents)
    else:
        keys = {one.alert.incident for one in log if _names(one) & set(scope.places)}
    return [
        one for one in log if one.alert.incident in keys and one.alert.hazard != Hazard.CANNOT_SEE
    ]


def _names(entry: LogEntry) -> set[str]:
    return {*entry.places, *entry.still, entry.alert.place_id}


def _lived(
    mine: Iterable[LogEntry], held: Stretches, begins: int, ends: int
) -> dict[str, list[LogEntry]]:
    """The incidents that a range has something of, by key, each with all entries of its life."""
    keys = set(held.incident)
    lives: dict[str, list[LogEntry]] = {}
    for one in mine:
        lives.setdefault(one.alert.incident, []).append(one)
    return {
        key: sorted(life, key=lambda one: one.alert.version)
        for key, life in lives.items()
        if key in keys or any(begins <= one.alert.sent_at < ends for one in life)
    }


def _episodes(asked: AskedHome, lives: dict[str, list[LogEntry]]) -> Iterable[Episode]:
    """Each in a line, the first first."""
    for key, life in sorted(lives.items(), key=lambda each: each[1][0].opened_at):
        last, subject = life[-1], life[-1].alert.place_id
        place = asked.places.get(subject)
        yield Episode(
            incident=key,
            hazard=last.alert.hazard,
            place=place.name if place else subject,
            zone=asked.zone(subject).key,
            level=max(int(LEVEL_OF[one.peak_level or one.alert.level]) for one in life),
            begins=last.opened_at,
            ends=last.alert.sent_at if last.alert.is_over else None,
            status=last.alert.status,
            peak=last.peak,
            unit=last.alert.unit or life[0].alert.unit,
            measure=last.measure,
        )


def _unseen(log: Iterable[LogEntry], scope: ReportScope) -> list[UnseenSpell]:
    """When which source could not be seen at any of the scope's places, within its range."""
    mine = set(scope.places)
    blind: dict[str, set[str]] = {}
    since: dict[str, int] = {}
    found: list[UnseenSpell] = []
    silent = [one for one in log if one.alert.hazard == Hazard.CANNOT_SEE]
    for one in sorted(silent, key=lambda each: (each.alert.sent_at, each.alert.version)):
        source, at = one.alert.source, one.alert.sent_at
        there = blind.setdefault(source, set())
        if one.alert.is_over:
            there.clear()
        elif one.alert.reason == "eased":
            there.difference_update(one.places)
        else:
            there.update(mine.intersection(_names(one)))
        if there:
            since.setdefault(source, at)
        elif source in since:
            found.append(UnseenSpell(source, since.pop(source), at))
    found += [UnseenSpell(source, at, None) for source, at in since.items()]
    found = [
        one
        for one in found
        if one.begins < scope.ends and (one.ends is None or one.ends > scope.begins)
    ]
    return sorted(found, key=lambda one: (one.begins, one.source))


def _among(scope: ReportScope) -> str:
    """The readings of a scope, as a condition; what was only foretold was not seen."""
    first, last = (
        datetime.fromtimestamp(at, UTC).date() for at in (scope.begins - DAY_S, scope.ends)
    )
    return (
        f"place_id IN ({listed(scope.places)}) AND kind <> 'forecast'"
        f" AND date BETWEEN DATE '{first}' AND DATE '{last}'"
        f" AND epoch(valid_at) >= {scope.begins} AND epoch(valid_at) < {scope.ends}"
    )


def _day(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date()
