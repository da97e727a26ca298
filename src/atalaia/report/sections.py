"""What a report of a scope has besides its pictures, as words and tables: what of it could be seen,
each incident in a line, and extremes. `render` and `printed` show the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from atalaia.report.reported import Report, ReportScope
from atalaia.report.words import Say


class LevelCell(NamedTuple):
    """A cell with a level's sign and its word."""

    level: int


TableCell = str | LevelCell


class Section(NamedTuple):
    """A heading, lines beneath it, and a table; `numbers_from`: columns of numbers begin there."""

    title: str
    notes: tuple[str, ...]
    head: tuple[str, ...] = ()
    rows: tuple[tuple[TableCell, ...], ...] = ()
    numbers_from: int = 99


def title_of(report: Report, say: Say) -> str:
    """What a report is called."""
    scope = report.scope
    return say.capital(scope.name[say.i]) if scope and scope.name else say("title")


def period_of(report: Report, say: Say) -> str:
    """From when to when it is; of a scope with its zone, and that the end is left out."""
    if report.scope is None:
        return say("period", first=say.day(report.begins), last=say.day(report.ends))
    zone = report.scope.zone
    first, last = say.day(report.begins, zone), say.day(report.ends, zone)
    return say("range", first=first, last=last, zone=zone)


def about(scope: ReportScope, say: Say) -> str:
    """Which place or system it is, by its id; empty: all."""
    return "" if scope.kind == "all" else say(f"of_{scope.kind}", id=scope.id)


def sections_of(report: Report, say: Say) -> Iterator[Section]:
    """Those of a report with a scope; of one without there are none."""
    if report.scope is None:
        return
    yield _seen(report, report.scope, say)
    if report.episodes:
        yield _episodes(report, say)
    if report.extremes:
        yield _extremes(report, say)


def _seen(report: Report, scope: ReportScope, say: Say) -> Section:
    of = len(report.days)
    unknown = sum(not day.has_data for day in report.days)
    if unknown == of:
        notes = [say("nothing_known")]
    elif unknown:
        notes = [say("days_unknown", n=unknown, of=of)]
    else:
        notes = [say("days_known", of=of)]
    if not report.episodes and unknown < of:
        notes.append(say("no_incident_seen"))
    if report.unseen:
        notes.append(say("were_blind"))
    rows = tuple(
        (
            one.source,
            say.minute(one.begins, scope.zone),
            "–" if one.ends is None else say.minute(one.ends, scope.zone),
        )
        for one in report.unseen
    )
    head = (say("source"), say("from"), say("to"))
    return Section(say("seen"), tuple(notes), head if rows else (), rows)


def _episodes(report: Report, say: Say) -> Section:
    rows = []
    for one in report.episodes:
        peak = "–" if one.peak is None else say.figure(one.peak, one.unit, one.measure)
        rows.append(
            (
                say.capital(say.hazard(one.hazard)),
                one.place,
                LevelCell(one.level),
                say.minute(one.begins, one.zone),
                say("open") if one.ends is None else say.minute(one.ends, one.zone),
                say(one.status),
                peak,
            )
        )
    head = ("hazard", "place", "level", "from", "to", "how", "value")
    return Section(say.capital(say("incidents")), (), tuple(map(say, head)), tuple(rows), 6)


def _day(on: str, say: Say) -> str:
    """``8 Jun 2013``, of ``2013-06-08``."""
    day = date.fromisoformat(on)
    return f"{day.day} {say.month(day.month)} {day.year}"


def _extremes(report: Report, say: Say) -> Section:
    rows = []
    for one in report.extremes:
        pairs = (
            (one.highest, one.highest_on),
            (one.lowest, one.lowest_on),
            (one.most, one.most_on),
        )
        told = ["–" if v is None else f"{say.number(v)} ({_day(on, say)})" for v, on in pairs]
        variable = f"{say.variable(one.variable)} ({one.unit})"
        total = say.number(one.total)
        rows.append((one.place, variable, one.source, str(one.days), *told, total))
    head = (
        "place",
        "variable",
        "source",
        "days",
        "highest",
        "lowest_value",
        "most_in_day",
        "total",
    )
    notes = (say("extremes_note"),)
    return Section(say("extremes"), notes, tuple(map(say, head)), tuple(rows), 3)
