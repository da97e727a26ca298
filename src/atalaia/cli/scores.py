"""Scores as people read them: one table a question."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from atalaia.domain.words import HAZARDS, LANGUAGES
from atalaia.translated import figures, spoken, translated

if TYPE_CHECKING:
    from atalaia.batch.backtest import Backtested
    from atalaia.batch.calibrate import Calibration
    from atalaia.batch.raised import Candidate
    from atalaia.batch.record import ForecastRecord
    from atalaia.batch.score import Interval, Score
    from atalaia.batch.verify import Verified

GROUPS = ("hazard", "level", "place", "rule", "month", "year")


def wide() -> Console:
    """Stdout; where it is no terminal, wide enough that no table is cut. Names are only text."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=160)


def show_verified(verified: Verified, console: Console) -> None:
    """The contingency, the scores with their intervals, the lead times, and each group."""
    unit = translated("day") if verified.by == "day" else translated("episode")
    least = _count(verified.min_events, _OCCURRENCES)
    said = (
        f"{verified.first_day} to {verified.last_day} ({verified.timezone}), by {unit}; "
        f"an event is {least} or more"
    )
    console.print(translated(said))
    counts = _count(verified.occurrences, _OCCURRENCES), _count(verified.incidents, _INCIDENTS)
    console.print(", ".join(counts))
    console.print()
    _show_score(verified.score, console, with_strict=verified.min_events > 1)
    for name in GROUPS:
        group = verified.groups[name]
        if len(group) > 1:
            console.print()
            console.print(_table(name, group, with_strict=verified.min_events > 1))


def _show_score(score: Score, console: Console, *, with_strict: bool) -> None:
    quiet = "not counted" if score.correct_quiet is None else str(score.correct_quiet)
    said = (
        f"hits {score.hits}   misses {score.misses}   false alarms {score.false_alarms}   "
        f"correct quiet {quiet}"
    )
    console.print(translated(said))
    if with_strict:
        warned, unwarned = score.partial
        said = (
            f"less than an event: {warned} warned of, {unwarned} not "
            "(neither way above; strict: false alarms and quiet)"
        )
        console.print(translated(said))
    for name, value, interval in (
        ("POD", score.pod, score.intervals["pod"]),
        ("FAR", score.far, score.intervals["far"]),
        ("CSI", score.csi, score.intervals["csi"]),
        ("frequency bias", score.frequency_bias, score.intervals["frequency_bias"]),
    ):
        console.print(f"{translated(name):22} {figures(number(value))}  {_between(interval)}")
    if with_strict:
        strict = score.strict
        for name, value, interval in (
            ("strict FAR", strict.far, strict.intervals["far"]),
            ("strict CSI", strict.csi, strict.intervals["csi"]),
            ("strict frequency bias", strict.frequency_bias, strict.intervals["frequency_bias"]),
        ):
            console.print(f"{translated(name):22} {figures(number(value))}  {_between(interval)}")
    lead = score.lead_h
    if lead:
        hits = _count(lead.hits, _HITS)
        said = (
            f"lead of {hits}, hours: median {lead.median:z.1f}, middle half "
            f"{lead.p25:z.1f} to {lead.p75:z.1f}, from {lead.minimum:z.1f} to {lead.maximum:z.1f}; "
            f"1 h or more: {lead.share_of_an_hour_or_more:.0%}"
        )
        console.print(figures(translated(said)))


def _table(title: str, group: dict[str, Score], *, with_strict: bool) -> Table:
    columns = ["hits", "misses", "false", "POD", "FAR", "CSI", "bias", "median lead"]
    columns[7:7] = ["strict CSI"] if with_strict else []
    table = numbers(title, *columns)
    for name, score in group.items():
        cells = [
            str(score.hits),
            str(score.misses),
            str(score.false_alarms),
            *map(number, (score.pod, score.far, score.csi, score.frequency_bias)),
            *([number(score.strict.csi)] if with_strict else []),
            f"{score.lead_h.median:z.1f} h" if score.lead_h else "–",
        ]
        table.add_row(_name(title, name), *cells)
    return table


def _name(of: str, name: str) -> str:
    """Of a hazard or a level its words; of all else the name is what people call it."""
    if of == "hazard" and spoken() != "en":
        return HAZARDS[name][LANGUAGES.index(spoken())]
    return translated(name) if of == "level" else name


_OCCURRENCES = ("{n} occurrence", "{n} occurrences")
_INCIDENTS = ("{n} incident", "{n} incidents")
_HITS = ("{n} hit", "{n} hits")
"""Of one, and of many."""


def _count(number: int, what: tuple[str, str]) -> str:
    return translated(what[number != 1].replace("{n}", str(number)))


def number(value: float | None) -> str:
    """A score with two decimals; a dash where there was nothing to score."""
    return "–" if value is None else f"{value:.2f}"


def _between(interval: Interval) -> str:
    """A score's 95 % interval in words."""
    if not interval:
        return translated("no interval")
    return figures(translated(f"95 %: {interval[0]:.2f} to {interval[1]:.2f}"))


def show_record(record: ForecastRecord, console: Console) -> None:
    """One line a source, and one a source and class of lead time."""
    if not record.sources:
        console.print(translated("No forecast was ever told, and no model's values are kept."))
        return
    table = numbers(
        "source", "told", "came true", "false", "not verifiable", "missed", "POD", "FAR", "CSI"
    )
    for total in record.sources:
        counts = (total.told, total.came_true, total.false_alarms, total.not_verifiable)
        table.add_row(
            total.source,
            *map(str, (*counts, total.misses)),
            *map(number, (total.pod, total.far, total.csi)),
        )
    console.print(table)
    console.print()
    table = numbers(
        "source, lead", "told", "came true", "false", "not verifiable", "success ratio", "95 %"
    )
    for row in record.rows:
        table.add_row(
            f"{row.source}, {row.lead}",
            *map(str, (row.told, row.came_true, row.false_alarms, row.not_verifiable)),
            number(row.success_ratio),
            _range(row.interval),
        )
    console.print(table)
    said = (
        "A forecast is scored against what an instrument observed at its place, and never "
        "against a model."
    )
    console.print(translated(said))


def show_backtest(compared: list[Backtested], console: Console) -> None:
    """One line a rule set, and what changed against the first."""
    table = numbers(
        *("rules", "incidents", "messages a month", "warned days"),
        *("POD", "FAR", "CSI", "strict CSI", "median lead"),
    )
    for one in compared:
        score = one.verified.score if one.verified else None
        lead = score.lead_h if score else None
        table.add_row(
            one.rules,
            str(one.incidents),
            f"{one.messages_a_month:.1f}",
            str(one.warned_days),
            *(
                map(number, (score.pod, score.far, score.csi, score.strict.csi))
                if score
                else ("–",) * 4
            ),
            f"{lead.median:z.1f} h" if lead else "–",
        )
    console.print(table)
    first = compared[0].rules
    for one in compared[1:]:
        if days := one.days_gained:
            said = (
                f"{one.rules} does warn on {len(days)} days on which {first} does not: "
                f"{_some(days)}"
            )
            console.print(translated(said))
        if days := one.days_lost:
            said = (
                f"{one.rules} does not warn on {len(days)} days on which {first} does: "
                f"{_some(days)}"
            )
            console.print(translated(said))


def _some(days: Sequence[str]) -> str:
    more = translated(f" … and {len(days) - 8} more") if len(days) > 8 else ""
    return f"{', '.join(days[:8])}{more}"


def show_expected(expected: Score, fitted: Score, console: Console) -> None:
    """What is to be expected of a rule beside what it earned where it was chosen."""
    table = numbers("score", "POD", "FAR", "CSI", "strict CSI", "median lead")
    for label, score in (
        ("expected (years that did not choose)", expected),
        ("fitted (too good to be expected)", fitted),
    ):
        table.add_row(translated(label), *_five(score))
    console.print(table)
    interval = _between(expected.strict.intervals["csi"])
    console.print(translated(f"expected strict CSI: {interval}"))


def show_calibration(found: Calibration, console: Console) -> None:
    """What was chosen, what is to be expected of it, and the trade-off."""
    console.print(translated(f"chosen of {found.tried}: {_chosen(found.chosen)}"))
    console.print()
    show_expected(found.cross_validated, found.fitted, console)
    if found.splits:
        said = f"by {len(found.splits)} other splits of the days: {_spread(found.splits)}"
        console.print(translated(said))
    console.print()
    table = numbers("year", "hits", "misses", "strict false alarms", "chosen by the others")
    for fold in found.folds:
        counts = map(str, (fold.hits, fold.misses, fold.false_alarms))
        table.add_row(str(fold.year), *counts, _chosen(fold.chosen))
    console.print(table)
    console.print()
    table = numbers("POD asked for", "POD", "FAR", "CSI", "strict CSI", "median lead", "fitted")
    for point in found.curve:
        table.add_row(
            f"{point.wanted_pod:.2f}",
            *_five(point.cross_validated),
            translated(
                f"POD {number(point.fitted.pod)}, strict CSI {number(point.fitted.strict.csi)}"
            ),
        )
    console.print(table)


def _spread(splits: Sequence[Score]) -> str:
    """Means and ranges over the splits."""
    leads = [score.lead_h.median if score.lead_h else None for score in splits]
    known_as: dict[str, list[float | None]] = {
        "POD": [score.pod for score in splits],
        "strict CSI": [score.strict.csi for score in splits],
        "median lead in h": leads,
    }
    return ", ".join(
        f"{translated(name)} {figures(f'{fmean(known):.2f}')} "
        f"({figures(f'{min(known):.2f}')} {translated('to')} {figures(f'{max(known):.2f}')})"
        for name, values in known_as.items()
        if (known := [value for value in values if value is not None])
    )


def _chosen(one: Candidate) -> str:
    within = translated("in")
    where = f"1 place in {len(one.circles)} circle(s)" if one.circles else "1 place"
    said = f"{translated(where)} {one.limit:g} {within} {_span(one.window_s)}"
    if one.given_window_s:
        said += f" {translated('given')} {one.given_limit:g} {within} {_span(one.given_window_s)}"
    wider = [
        f"{wide.places} {translated('places')} {wide.limit:g} {within} {_span(wide.window_s)}"
        for wide in one.wide
    ]
    return translated(", or ").join([said, *wider])


def _span(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def _five(score: Score) -> list[str]:
    """POD, FAR, CSI, strict CSI and median lead, as cells."""
    lead = f"{score.lead_h.median:z.1f} h" if score.lead_h else "–"
    return [*map(number, (score.pod, score.far, score.csi, score.strict.csi)), lead]


class _Figures(Table):
    """Its rows' cells but the first are figures, in the signs of the language that is spoken."""

    def add_row(self, first: str, *others: str) -> None:  # type: ignore[override]
        super().add_row(first, *map(figures, others))


def numbers(first: str, *others: str) -> Table:
    """A table whose columns but the first are numbers."""
    table = _Figures(box=None, pad_edge=False)
    table.add_column(translated(first))
    for name in others:
        table.add_column(translated(name), justify="right")
    return table


def _range(interval: Interval) -> str:
    return translated(f"{interval[0]:.2f} to {interval[1]:.2f}") if interval else "–"
