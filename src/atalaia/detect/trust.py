"""Trust before speed: what one live instrument alone says is told a level lower.

Sensors fail in ways that look like storms: a mean wind of 41.2 m/s in calm weather was live on
WIS2. So what a station says raises red with a witness only: somebody else, at the same place and
within an hour, who says half of that limit at least; another station within its reach, a model, or
any other source. A station that a person owns needs one at every level. What has no witness yet is
kept for the hour, and judged again when one comes.

Of a gauge that a rule names (a river's) no other station has the same zero. Its witness is whoever
passes, within a day, the lowest exit limit of another rule of the same hazard at the place: a gauge
of that river, or a model of what it carries.

This holds for stations that were linked (`instruments`). Recorded files and pushes with a trusted
key are judged by their word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from atalaia.detect.findings import Findings
from atalaia.detect.instruments import Instruments
from atalaia.domain.hazard import Level
from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.track import Evidence

WITNESS_S = 3600
"""So far apart, at most, two sources speak of the same weather."""

_RIVER_S = 86_400
"""... and of the same flood of a river, which models tell by the day."""

_HALF = ("mm", "mm/h", "m/s", "cm")
"""Units of what begins at nothing: half of a limit is half of the weather. Of all else (degrees,
hectopascals) the lowest level's exit limit is what a witness must say."""

Told = tuple[int, int, str, int]
"""What a possible witness said: when it became known, of when, who, and the highest level of which
it says half."""


class WitnessNotes(msgspec.Struct):
    """What is kept of one rule at one place: who said half of which level, newest of each level,
    and what waits for a witness."""

    rule: str
    said: dict[str, list[int]] = {}
    waiting: dict[str, Evidence] = {}


class Trust:
    """Weighs evidence of instruments, place by place, in the order in which it became known."""

    def __init__(self, rules: Mapping[str, Rule], instruments: Instruments) -> None:
        self._rules = rules
        self._instruments = instruments
        self._borne_out = {
            name: [
                other.name
                for other in rules.values()
                if other is rule or (other.station and other.hazard is rule.hazard)
            ]
            for name, rule in rules.items()
        }
        self.kept: dict[tuple[int, str], WitnessNotes] = {}
        self._told: dict[tuple[int, str], list[Told]] = {}

    def hear(self, found: Findings, sources: Sequence[str]) -> None:
        """Note what may be a witness's word: findings of places that an instrument is near to."""
        rule = found.rule
        if rule.places or not self._instruments.eyes:
            return
        value = found.value if found.norm is None else found.value - found.norm
        lowest = witness_limit(rule, rule.lowest)
        says = rule.sign * value >= rule.sign * lowest
        if found.is_doubted is not None:
            says &= ~found.is_doubted
        for i in np.flatnonzero(says).tolist():
            place = int(found.subject[i])
            if not self._instruments.near(place):
                continue
            level = max(
                level
                for level in LEVELS
                if rule.limit(level) is not None
                and rule.sign * value[i] >= rule.sign * witness_limit(rule, level)
            )
            told = (int(found.known_at[i]), int(found.valid_at[i]), sources[found.source[i]], level)
            for name in self._borne_out[rule.name]:
                self._told.setdefault((place, name), []).append(told)

    def woken(self) -> Iterable[tuple[int, str]]:
        """(place, rule) of which something waits, and of which something was heard."""
        return [key for key in self._told if key in self.kept and self.kept[key].waiting]

    def settle(self) -> None:
        """Remember what was heard of places of which nothing was to be weighed."""
        for place, rule in list(self._told):
            self.weigh(place, rule, ())

    def weigh(self, place: int, rule: str, evidence: Sequence[Evidence]) -> list[Evidence]:
        """A rule's evidence at a place, each as far as it is believed, and again what waited and
        now has a witness; in the order in which it became known."""
        kept = self.kept.get((place, rule))
        if kept is None:
            kept = WitnessNotes(rule)
        told = sorted(self._told.pop((place, rule), ()))
        weighed: list[Evidence] = []
        i = 0
        for said in sorted(evidence, key=lambda e: (e.known_at, e.at, e.source)):
            while i < len(told) and told[i][0] <= said.known_at:
                weighed += self._note(kept, told[i])
                i += 1
            weighed.append(self._weighed(kept, said))
        for one in told[i:]:
            weighed += self._note(kept, one)
        if kept.said or kept.waiting:
            self.kept[place, rule] = kept
        return weighed

    def _note(self, kept: WitnessNotes, told: Told) -> list[Evidence]:
        """Remember what a possible witness said; what it bears out is judged again."""
        known_at, at, source, level = told
        newest = kept.said.setdefault(source, [0] * len(LEVELS))
        for i in range(level):
            newest[i] = max(newest[i], at)
        borne_out = []
        for accused, said in list(kept.waiting.items()):
            if known_at - said.valid_at > 2 * self._together_s(kept.rule):
                del kept.waiting[accused]
                continue
            believed = self._believed(kept, said)
            if believed > self._alone(said, kept.rule):
                del kept.waiting[accused]
                borne_out.append(msgspec.structs.replace(said, known_at=known_at))
        return borne_out

    def _weighed(self, kept: WitnessNotes, said: Evidence) -> Evidence:
        alone = self._alone(said, kept.rule)
        if said.entered <= alone:
            kept.waiting.pop(said.source, None)
            return said
        if self._believed(kept, said) > alone:
            kept.waiting.pop(said.source, None)
            return said
        kept.waiting[said.source] = said
        return msgspec.structs.replace(said, entered=alone, is_alone=True)

    def _alone(self, said: Evidence, rule: str) -> int:
        """The highest level that this source raises without a witness."""
        eye = self._instruments.eyes.get(said.source)
        if eye is None:
            return said.entered
        needs_one = eye.station.kind == "private" or said.entered >= Level.RED
        return self._rules[rule].up_to(said.entered - 1) if needs_one else said.entered

    def _believed(self, kept: WitnessNotes, said: Evidence) -> int:
        """The level that it raises with the witnesses that there are."""
        i, together_s = said.entered - 1, self._together_s(kept.rule)
        has_witness = any(
            newest[i]
            and abs(newest[i] - said.valid_at) <= together_s
            and not self._instruments.are_one(source, said.source)
            for source, newest in kept.said.items()
        )
        return said.entered if has_witness else self._alone(said, kept.rule)

    def _together_s(self, rule: str) -> int:
        """So far apart, at most, a rule's evidence and a witness speak of the same."""
        return _RIVER_S if self._rules[rule].station else WITNESS_S

    # State

    def of(self, place: int, now: int) -> list[WitnessNotes]:
        """What is to be kept of a place: what may still be a witness, or find one."""
        return [
            WitnessNotes(
                name,
                {s: n for s, n in kept.said.items() if max(n) >= since},
                {s: e for s, e in kept.waiting.items() if e.valid_at >= since},
            )
            for name in self._rules
            if (kept := self.kept.get((place, name))) is not None
            for since in (now - 2 * self._together_s(name),)
        ]

    def load(self, place: int, kept: Iterable[WitnessNotes]) -> None:
        """Take up what was kept of a place."""
        for one in kept:
            if one.rule in self._rules:
                self.kept[place, one.rule] = one


def witness_limit(rule: Rule, level: int) -> float:
    """What a witness must say at least for this level: relative to the norm where the rule is."""
    limit = rule.limit(Level(level))
    assert limit is not None  # noqa: S101 - asked for levels that the rule has
    if rule.unit in _HALF and not rule.is_below and rule.norm is None:
        return limit / 2
    return rule.outermost
