"""How right chances are, on the terminal: Brier score and its parts, ROC, value, reliability."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from atalaia.batch.chance_scores import ChanceScore
from atalaia.batch.chances import DiagramStep, Interval, Reliability
from atalaia.cli.scores import numbers
from atalaia.translated import figures, translated

_FIGURES = ("brier", "miscalibration", "discrimination", "uncertainty", "roc_area")


def show_reliability(found: Reliability, console: Console) -> None:
    """Of one set of chances: its figures with intervals, and the reliability diagram."""
    table = numbers("figure", "value", "95 %")
    for name in _FIGURES:
        value: float | None = getattr(found, name)
        table.add_row(
            translated(name.replace("_", " ")), _figure(value), _range(found.intervals.get(name))
        )
    console.print(table)
    worth = ", ".join(f"{ratio}: {value:.2f}" for ratio, value in found.value.items())
    console.print(figures(translated(f"value by cost/loss: {worth}")))
    console.print()
    table = numbers("chance told", "on average", "came true", "days")
    for step in found.diagram:
        table.add_row(*_step(step))
    console.print(table)


def show_chances(found: Sequence[ChanceScore], console: Console) -> None:
    """Of the chances that a home told: figures, what acting on them is worth, and reliability."""
    table = numbers(
        "chances, days ahead",
        *("days", "events", "brier", "95 %"),
        *(name.replace("_", " ") for name in _FIGURES[1:]),
    )
    for one in found:
        told = one.reliability
        table.add_row(
            _name(one),
            *(str(told.cases), str(told.events), _figure(told.brier)),
            _range(told.intervals.get("brier")),
            *(_figure(getattr(told, name)) for name in _FIGURES[1:]),
        )
    console.print(table)
    console.print()
    table = numbers("value by cost/loss, days ahead", *found[0].reliability.value)
    for one in found:
        table.add_row(_name(one), *(f"{worth:.2f}" for worth in one.reliability.value.values()))
    console.print(table)
    console.print()
    table = numbers("reliability, days ahead", "chance told", "on average", "came true", "days")
    for one in found:
        for step in one.reliability.diagram:
            table.add_row(_name(one), *_step(step))
    console.print(table)


def _name(one: ChanceScore) -> str:
    return f"{one.rule}, {one.level}, {one.days_ahead}"


def _step(step: DiagramStep) -> tuple[str, str, str, str]:
    return (
        translated(f"{100 * step.low:.1f} to {100 * step.high:.1f} %"),
        f"{100 * step.chance:.1f} %",
        f"{100 * step.observed:.1f} %",
        str(step.cases),
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _range(interval: Interval | None) -> str:
    return translated(f"{interval[0]:.4f} to {interval[1]:.4f}") if interval else "–"
