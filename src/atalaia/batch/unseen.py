"""What a past does not hold of what rules go by: where nothing was measured, nothing was calm."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from atalaia.domain.reading import Readings
from atalaia.domain.rule import RuleSet


def seen_in(rows: Readings) -> set[str]:
    """The variables of which there is a value."""
    return {name for name, column in rows.values.items() if not np.isnan(column).all()}


def unseen(rules: RuleSet, seen: Collection[str]) -> list[str]:
    """What rules go by and of which there is no value, by name. Chances are told of no rows."""
    inputs = {name for rule in rules.rules if not rule.chance for name in rule.inputs}
    return sorted(inputs.difference(seen))


def in_words(missing: Collection[str]) -> str:
    """What it means that there is no value of these."""
    return f"no value at all of {', '.join(missing)}: what rules judge by them is not known"
