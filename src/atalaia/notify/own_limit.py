"""A limit that somebody set for themselves, in words, where it is why they are told."""

from __future__ import annotations

from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.rule import INDICES
from atalaia.domain.subscription import Person, passed_limit
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import LANGUAGES, amount


def own_limit(person: Person, entry: LogEntry) -> str:
    """The person's own limit that the alert passed, as ``35 mm``, or ``50 mm, chance of 30 %``,
    where that is why they are told.

    Empty where they chose a level for the hazard that the alert reaches: that says enough.
    """
    alert = entry.alert
    if not entry.moved or alert.is_over:
        return ""
    chosen = [
        LEVEL_OF[s.hazards[alert.hazard]] for s in person.subscriptions if alert.hazard in s.hazards
    ]
    if alert.type != "step" and any(LEVEL_OF[alert.level] >= level for level in chosen):
        return ""
    own = passed_limit(person, alert.hazard, entry.moved)
    if own is None:
        return ""
    index = INDICES.get(own.variable)
    unit = index[0] if index else CATALOGUE[own.variable].unit
    i = LANGUAGES.index(person.language)
    limit = amount(own.limit, unit, i)
    return f"{limit}, {_CHANCE[i].format(n=own.chance)}" if own.chance else limit


_CHANCE = ("chance de {n} %", "chance of {n} %", "probabilidad de {n} %")
