"""What was learned of a record, on the terminal: terms, what is to be expected, and how right the
chances are."""

from __future__ import annotations

from rich.console import Console

from atalaia.batch.adding_up import AddingUp, in_words
from atalaia.batch.rule_file import duration
from atalaia.cli.scores import numbers, show_expected
from atalaia.cli.scores_chances import show_reliability
from atalaia.translated import translated


def show_learned(found: AddingUp, console: Console) -> None:
    """The rule, its scores, each year as the others told it, and the reliability diagram."""
    table = numbers("term", "weight")
    for term in found.terms:
        table.add_row(in_words(term.amount, duration), f"{term.weight:g}")
    console.print(table)
    console.print(translated(f"warns from a chance of {found.limit:g} % on"))
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
    said = f"chances of {found.chances.cases} days of years that did not choose them"
    console.print(translated(said))
    show_reliability(found.chances, console)
