"""What rules make of an ensemble's answer, as it is kept: quantiles of the runs, and their chances.

`Ensemble` ──► the windows of a rule, run by run (`detect.ensembles`) ──► `RuleCounts`
           ──► GOLD's `ensembles` (`lake.ensembles`)
"""

from __future__ import annotations

from dataclasses import dataclass

from atalaia.domain.reading import Floats, Ints

QUANTILES = (10, 25, 50, 75, 90)
"""Of the runs with a value, in %; between two runs by the straight line."""


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """What one rule makes of one answer: n rows, each of a place and an hour to come.

    source       whose answer
    received_at  Unix seconds at which it came
    rule, rule_hash   the rule's name, and the hash of all that it says
    variable, window_s   what it measures, and over how long; 0: an instant
    place        int32 (n,), position in `Places`
    valid_at     int64 (n,), Unix seconds: the instant, or the end of the window
    runs         int32 (n,), how many runs have a value
    quantiles    float64 (5, n) by `QUANTILES`: of the rule's measure, in its unit
    chances      float64 (3, n), yellow, orange, red: the share of these runs that pass the level's
                 limit; NaN: the rule has none
    """

    source: str
    received_at: int
    rule: str
    rule_hash: str
    variable: str
    window_s: int
    place: Ints
    valid_at: Ints
    runs: Ints
    quantiles: Floats
    chances: Floats

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: slice) -> RuleCounts:
        """The chosen rows."""
        return RuleCounts(
            self.source,
            self.received_at,
            self.rule,
            self.rule_hash,
            self.variable,
            self.window_s,
            self.place[rows],
            self.valid_at[rows],
            self.runs[rows],
            self.quantiles[:, rows],
            self.chances[:, rows],
        )
