"""The scores of a report: of a home's alerts, and of its sources' forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from atalaia.batch.occurrences import read_events
from atalaia.batch.record import ForecastRecord
from atalaia.batch.recorded import record_of
from atalaia.batch.score import Score
from atalaia.batch.verify import verify
from atalaia.domain.alert import Alert
from atalaia.domain.rule import RuleSet
from atalaia.errors import PayloadInvalid
from atalaia.ports import Home
from atalaia.report.reported import (
    LeadTimeScore,
    Scored,
    ScorePoint,
)


@dataclass(frozen=True, slots=True)
class Truth:
    """Outside events to score the home's alerts against, as `atalaia verify` does."""

    events: Path
    zone: ZoneInfo
    min_events: int = 1
    hazard: str | None = None


def forecasts_of(home: Home, rules: RuleSet, log: Sequence[Alert]) -> ForecastRecord:
    """The record of the home's forecasts, from its alert log; an empty one where it has none."""
    try:
        return record_of(home, rules, log)
    except PayloadInvalid:  # no reading of what the rules judge: nothing was forecast, either
        return ForecastRecord([], [], [])


def foretold(record: ForecastRecord) -> Iterable[LeadTimeScore]:
    """What became of each source's forecasts, by lead time."""
    for row in record.rows:
        yield LeadTimeScore(
            source=row.source,
            lead=row.lead,
            told=row.told,
            came_true=row.came_true,
            false_alarms=row.false_alarms,
            not_verifiable=row.not_verifiable,
            ratio=row.success_ratio,
            interval=row.interval,
        )


def sources_scored(record: ForecastRecord) -> Iterable[ScorePoint]:
    """The sources that can be scored, each as a point of the performance diagram."""
    for total in record.sources:
        if total.pod is not None or total.far is not None:
            warned, happened = total.hits + total.false_alarms, total.hits + total.misses
            yield ScorePoint(
                of=total.source,
                group="source",
                hits=total.hits,
                misses=total.misses,
                false_alarms=total.false_alarms,
                pod=total.pod,
                far=total.far,
                csi=total.csi,
                bias=round(warned / happened, 4) if happened else None,
            )


def scored(log: Sequence[Alert], truth: Truth) -> Scored:
    """A home's alerts, its log of them, against what happened."""
    events = read_events(truth.events, truth.zone)
    days = [
        datetime.fromtimestamp(event.started_at, UTC).astimezone(truth.zone).date()
        for event in (events[0], events[-1])
    ]
    verified = verify(
        log,
        events,
        truth.zone,
        hazard=truth.hazard,
        min_events=truth.min_events,
        first_day=days[0],
        last_day=days[1],
    )
    scores = [_point("all", "all", verified.score)]
    for group in ("hazard", "level"):
        found = verified.groups[group]
        if len(found) > 1:
            scores += [_point(name, group, score) for name, score in found.items()]
    return Scored(
        first_day=verified.first_day,
        last_day=verified.last_day,
        timezone=verified.timezone,
        occurrences=verified.occurrences,
        min_events=verified.min_events,
        scores=tuple(scores),
    )


def _point(name: str, group: str, score: Score) -> ScorePoint:
    return ScorePoint(
        of=name,
        group=group,
        hits=score.hits,
        misses=score.misses,
        false_alarms=score.false_alarms,
        pod=score.pod,
        far=score.far,
        csi=score.csi,
        bias=score.frequency_bias,
        pod_interval=score.intervals["pod"],
        far_interval=score.intervals["far"],
    )
