"""The record: what was forecast, scored against what an instrument later observed there.

Truth is what the rules say of the place's observed readings alone, never of a model's: a place
without an instrument has no record, and its forecasts are "not verifiable". Nothing is told twice:
of an incident the forecast that raised it counts, and each rise after that.

A forecast came true if the observed readings reached its level within TOLERANCE_S of the hours that
it spoke of. An observed incident that no forecast of a source had announced is that source's miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from atalaia.batch.score import wilson
from atalaia.batch.told import stretches
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.reading import Ints
from atalaia.domain.rule import Rule

TOLERANCE_S = 3 * 3600
"""How far from the hour that was forecast it may come and still be what was meant."""

COVERAGE = 0.75
"""The share of the hours in question that must have been observed for calm to be known."""

LEADS = ((0, "under 3 h"), (3, "3 to 6 h"), (6, "6 to 12 h"), (12, "12 to 24 h"), (24, "24 h on"))
"""From so many hours ahead, and the name of the class."""

NEAREST_RUN = "nearest run"
"""Of a record without issue times: how far ahead its values were forecast is not known."""


class Foretold(msgspec.Struct, frozen=True):
    """One forecast that was told, and what became of it.

    lead       class of lead time, or NEAREST_RUN
    from_at, to_at   the hours that it spoke of, Unix seconds
    outcome    came_true, false_alarm or not_verifiable
    """

    incident: str
    source: str
    hazard: str
    place_id: str
    level: str
    rule: str
    sent_at: int
    from_at: int
    to_at: int
    lead: str
    outcome: str


class LeadTimeRecord(msgspec.Struct, frozen=True):
    """A source's record at one class of lead time.

    success_ratio   came true, of what could be verified (1 - FAR); None: nothing could
    interval        95 % interval of it (Wilson)
    """

    source: str
    lead: str
    told: int
    came_true: int
    false_alarms: int
    not_verifiable: int
    success_ratio: float | None
    interval: tuple[float, float] | None


class Total(msgspec.Struct, frozen=True):
    """A source's record as a whole; scores are None where there was nothing to score.

    hits, misses   observed incidents that it had announced, and that it had not
    """

    source: str
    told: int
    came_true: int
    false_alarms: int
    not_verifiable: int
    hits: int
    misses: int
    pod: float | None
    far: float | None
    csi: float | None


class ForecastRecord(msgspec.Struct, frozen=True):
    """The whole record: by source, by source and lead time, and each forecast that was told."""

    sources: list[Total]
    rows: list[LeadTimeRecord]
    forecasts: list[Foretold]


class Seen:
    """What instruments observed, and who forecasts where.

    told      the log of a watch that was given observed readings only
    hours     by place and variable: hours (Unix time // 3600, sorted, unique) that were observed:
              of an amount by three quarters, else by one value at least, and a plausible one
    rules     by name: what each judges
    speaks    by source and place: hours that it ever told a value of, as `hours`
    """

    def __init__(
        self,
        told: Sequence[Alert],
        hours: Mapping[tuple[str, str], Ints],
        rules: Mapping[str, Rule],
        speaks: Mapping[tuple[str, str], Ints],
    ) -> None:
        self.hours, self.rules, self.speaks = hours, rules, speaks
        self.onsets = [
            entry for entry in told if entry.type == "alert" and entry.hazard != Hazard.CANNOT_SEE
        ]
        by_subject: dict[tuple[str, str], list[Alert]] = {}
        for entry in told:
            by_subject.setdefault((entry.hazard, entry.place_id), []).append(entry)
        self._held = {subject: stretches(some) for subject, some in by_subject.items()}

    def reached(self, hazard: str, place_id: str, level: int, from_at: int, to_at: int) -> bool:
        """Whether the instrument's own incident held the level in these hours, or near them."""
        held = self._held.get((hazard, place_id))
        if held is None:
            return False
        near = (held.begins <= to_at + TOLERANCE_S) & (held.ends >= from_at - TOLERANCE_S)
        return bool((near & (held.level >= level)).any())

    def is_covered(self, rule: str, place_id: str, from_at: int, to_at: int) -> bool:
        """Whether an instrument was looking in these hours: what it did not see was not there.

        Of a sum, or another measure over a window, the hours that the window reaches back to count
        with them. An index is observed where all that it is made of is.
        """
        judged = self.rules.get(rule)
        if judged is None:
            return False
        none = np.empty(0, np.int64)
        made_of = judged.made_of
        observed = self.hours.get((place_id, made_of[0]), none)
        for name in made_of[1:]:
            observed = np.intersect1d(observed, self.hours.get((place_id, name), none))
        if judged.stand_in:
            observed = np.union1d(observed, self.hours.get((place_id, judged.stand_in), none))
        first = (from_at - TOLERANCE_S - judged.window_s) // 3600
        last = -(-(to_at + TOLERANCE_S) // 3600)
        known = int(((observed >= first) & (observed <= last)).sum())
        return known >= COVERAGE * (last - first + 1)


def record(
    told: Iterable[Alert], seen: Seen, alone: Mapping[str, Sequence[Alert]] | None = None
) -> ForecastRecord:
    """Score forecast entries of the alert log, and, by source, what models would say alone.

    `alone` has, for each source whose record has no issue times, the log of a watch that was given
    its readings only; it is scored as NEAREST_RUN.
    """
    forecasts = [_judged(entry, seen) for entry in told if _raises(entry, "forecast")]
    for source, log in (alone or {}).items():
        own = [msgspec.structs.replace(e, source=source) for e in log if _raises(e, e.evidence)]
        forecasts += [_judged(entry, seen, NEAREST_RUN) for entry in own]
    sources = sorted({one.source for one in forecasts} | {source for source, _ in seen.speaks})
    return ForecastRecord(
        sources=[_total(source, forecasts, seen) for source in sources],
        rows=_rows(forecasts),
        forecasts=sorted(forecasts, key=lambda one: (one.sent_at, one.incident)),
    )


def _raises(entry: Alert, evidence: str) -> bool:
    """Whether by this entry an incident began, or rose."""
    rises = entry.type == "alert" or entry.reason == "escalated"
    return entry.evidence == evidence and rises and entry.hazard != Hazard.CANNOT_SEE


def _judged(entry: Alert, seen: Seen, lead: str | None = None) -> Foretold:
    sent_at = entry.sent_at
    valid_at = entry.valid_at
    onset_at = valid_at if entry.onset_at is None else entry.onset_at
    from_at, to_at = min(onset_at, valid_at), max(onset_at, valid_at)
    outcome = "not_verifiable"
    if seen.reached(entry.hazard, entry.place_id, LEVEL_OF[entry.level], from_at, to_at):
        outcome = "came_true"
    elif seen.is_covered(entry.rule, entry.place_id, from_at, to_at):
        outcome = "false_alarm"
    return Foretold(
        incident=entry.incident,
        source=entry.source,
        hazard=entry.hazard,
        place_id=entry.place_id,
        level=entry.level,
        rule=entry.rule,
        sent_at=sent_at,
        from_at=from_at,
        to_at=to_at,
        lead=lead or _lead(onset_at - sent_at),
        outcome=outcome,
    )


def _lead(seconds: int) -> str:
    return [name for hours, name in LEADS if seconds >= hours * 3600 or hours == 0][-1]


def _rows(forecasts: Sequence[Foretold]) -> list[LeadTimeRecord]:
    order = [name for _, name in LEADS] + [NEAREST_RUN]
    groups: dict[tuple[str, str], list[Foretold]] = {}
    for one in forecasts:
        groups.setdefault((one.source, one.lead), []).append(one)
    return [
        _row(source, lead, groups[source, lead])
        for source, lead in sorted(groups, key=lambda key: (key[0], order.index(key[1])))
    ]


def _row(source: str, lead: str, some: Sequence[Foretold]) -> LeadTimeRecord:
    true, false, unknown = _counts(some)
    return LeadTimeRecord(
        source=source,
        lead=lead,
        told=len(some),
        came_true=true,
        false_alarms=false,
        not_verifiable=unknown,
        success_ratio=round(true / (true + false), 4) if true + false else None,
        interval=wilson(true, true + false) if true + false else None,
    )


def _total(source: str, forecasts: Sequence[Foretold], seen: Seen) -> Total:
    mine = [one for one in forecasts if one.source == source]
    true, false, unknown = _counts(mine)
    hits = misses = 0
    for first in seen.onsets:
        began = first.onset_at or first.sent_at
        if began // 3600 not in seen.speaks.get((source, first.place_id), ()):
            continue  # of these hours it said nothing at all
        is_announced = any(
            (one.hazard, one.place_id) == (first.hazard, first.place_id)
            and one.from_at - TOLERANCE_S <= began <= one.to_at + TOLERANCE_S
            and (one.sent_at <= began or one.lead == NEAREST_RUN)
            for one in mine
        )
        hits, misses = hits + is_announced, misses + (not is_announced)
    return Total(
        source=source,
        told=len(mine),
        came_true=true,
        false_alarms=false,
        not_verifiable=unknown,
        hits=hits,
        misses=misses,
        pod=_ratio(hits, hits + misses),
        far=_ratio(false, true + false),
        csi=_ratio(hits, hits + misses + false),
    )


def _counts(some: Sequence[Foretold]) -> tuple[int, int, int]:
    outcomes = [one.outcome for one in some]
    return (
        outcomes.count("came_true"),
        outcomes.count("false_alarm"),
        outcomes.count("not_verifiable"),
    )


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
