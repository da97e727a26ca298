"""What was learned of a record, on the terminal: terms, what is to be expected, and how right the
chances are."""

from __future__ import annotations

from rich.console import Console

from atalaia.batch.adding_up import AddingUp, in_words
from atalaia.batch.chances import Interval, Reliability
from atalaia.batch.rule_file import duration
from atalaia.cli.scores import numbers, show_expected


def show_learned(found: AddingUp, console: Console) -> None:
    """The rule, its scores, each year as the others told it, and the reliability diagram."""
    table = numbers("term", "weight")
    for term in found.terms:
        table.add_row(in_words((term.window_s, term.of, term.shape), duration), f"{term.weight:g}")
    console.print(table)
    console.print(f"warns from a chance of {found.limit:g} % on")
    console.print()
    show_expected(found.cross_validated, found.fitted, console)
    console.print()
    table = numbers(
        "year", "level", "hits", "misses", "strict false alarms", "chosen by the others"
    )
    for fold in found.folds:
        counts = map(str, (fold.hits, fold.misses, fold.false_alarms))
        level = f"{found.levels[str(fold.year)]:.2f}"
        table.add_row(str(fold.year), level, *counts, fold.terms)
    console.print(table)
    console.print()
    _show_reliability(found.chances, console)


def _show_reliability(found: Reliability, console: Console) -> None:
    console.print(f"chances of {found.cases} days of years that did not choose them")
    table = numbers("figure", "value", "95 %")
    for name in ("brier", "miscalibration", "discrimination", "roc_area"):
        value: float | None = getattr(found, name)
        table.add_row(
            name.replace("_", " "),
            "–" if value is None else f"{value:.4f}",
            _range(found.intervals.get(name)),
        )
    table.add_row("uncertainty", f"{found.uncertainty:.4f}", "–")
    console.print(table)
    worth = ", ".join(f"{ratio}: {value:.2f}" for ratio, value in found.value.items())
    console.print(f"value by cost/loss: {worth}")
    console.print()
    table = numbers("chance told", "on average", "came true", "days")
    for step in found.diagram:
        table.add_row(
            f"{100 * step.low:.1f} to {100 * step.high:.1f} %",
            f"{100 * step.chance:.1f} %",
            f"{100 * step.observed:.1f} %",
            str(step.cases),
        )
    console.print(table)


def _range(interval: Interval | None) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "–"
