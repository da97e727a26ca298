"""Findings become incidents, and their changes entries of the alert log.

Calm costs nothing here: a finding is looked at only if it enters a level, or if its place has an
incident that is open or about to open. `Incidents` holds these; all others are arrays that are
passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from atalaia.detect.findings import Findings, only
from atalaia.detect.instruments import Instruments
from atalaia.detect.series import SeriesTable
from atalaia.detect.trust import Trust
from atalaia.domain.alert import Alert, LogEntry, is_last
from atalaia.domain.hazard import CERTAINTY, Hazard, Level
from atalaia.domain.incident import (
    FORGET_AFTER_S,
    NOBODY_ASKED,
    Asked,
    Change,
    Incident,
)
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Ints, Kind
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.score import Because
from atalaia.domain.track import NO_SPANS, Evidence, Terms
from atalaia.domain.words import Said, change_text

_HAZARDS = list(Hazard)

_NEVER = 2**62
_INSTANTS = 64
"""Of a longer batch so many instants are lived through at a time: a storm of an hour then makes no
evidence of a month."""

_EVIDENCE_COLUMNS = (
    "subject",
    "source",
    "known_at",
    "kind",
    *("at", "valid_at", "value", "entered", "holding", "held", "onset_at", "until", "expected_s"),
    *("is_late", "is_after_gap"),
)
"""Columns of findings in the order in which evidence takes them."""

_IN_ORDER = attrgetter("known_at", "at", "source", "order", "kind")


class Portion(NamedTuple):
    """The rows of a finding from `start` on, up to `stop`; taken apart, a portion of each would be
    twenty slices."""

    found: Findings
    start: int
    stop: int


class Incidents:
    """All incidents that are open, about to open, or lately closed, by hazard and subject.

    `steps` has the limits that people asked for: by subject (a place's position; for an area the
    number of places plus the area's position) and name of a peak, ascending. It is replaced as a
    whole; a batch goes by one of them from its beginning to its end.
    """

    def __init__(
        self, rules: RuleSet, table: SeriesTable, instruments: Instruments | None = None
    ) -> None:
        self.rules = {rule.name: rule for rule in rules.rules}
        self.order = {rule.name: i for i, rule in enumerate(rules.rules)}
        self.table = table
        self.places: Places = table.places
        self.instruments = instruments or Instruments(Places(()))
        self.trust = Trust(self.rules, self.instruments)
        self.areas = list(self.places.areas)
        self.open: dict[tuple[int, Hazard], Incident] = {}
        self._hazards = [h for h in _HAZARDS if any(rule.hazard == h for rule in rules.rules)]
        n = len(self.places) + len(self.areas)
        self._is_watched = np.zeros((len(_HAZARDS), n), bool)
        self._next_expiry = _NEVER  # of what is open no deadline is earlier
        self.touched: set[int] = set()
        self.steps: Mapping[int, Asked] = {}

    def subject_name(self, subject: int) -> str:
        """The place's id, or the area's name."""
        n = len(self.places)
        return self.places[subject].id if subject < n else self.areas[subject - n]

    def place_ids(self, subject: int) -> tuple[str, ...]:
        """The place's id, or those of the area's places."""
        n = len(self.places)
        members = (subject,) if subject < n else self.places.areas[self.areas[subject - n]]
        return tuple(self.places[member].id for member in members)

    def put(self, subject: int, incident: Incident) -> None:
        """Take up an incident that was kept."""
        told = {*self._hazards, incident.hazard}  # a hazard may have lost all its rules
        self._hazards = [hazard for hazard in _HAZARDS if hazard in told]
        self.open[subject, incident.hazard] = incident
        self._is_watched[_HAZARDS.index(incident.hazard), subject] = not incident.is_idle
        self._next_expiry = min(self._next_expiry, _deadline(incident))

    def of(self, subject: int) -> list[Incident]:
        """The incidents of one place or area."""
        keys = [(subject, hazard) for hazard in self._hazards]
        return [self.open[key] for key in keys if key in self.open]

    def judge_again(self, now: int, edited: Collection[str]) -> list[LogEntry]:
        """These rules were edited, or others have gone: hold what is open against them as they now
        stand."""
        entries = []
        for (subject, _), incident in list(self.open.items()):
            changes = incident.judge_again(now, self.rules, edited)
            entries += [self._entry(subject, change) for change in changes]
            self.touched.add(subject)
        self._next_expiry = NO_TIME
        return entries

    def advance(self, findings: Iterable[Findings], instants: Ints) -> list[LogEntry]:
        """Live through a batch; entries by sent_at, incident, version."""
        if not len(instants):
            return []
        waiting = [Portion(found, 0, len(found.value)) for found in findings if len(found.value)]
        # A witness may come later in the batch than what waits for it: then it is one.
        if self.instruments.eyes or len(instants) <= _INSTANTS:
            return self._advance(waiting, instants, self.steps)
        entries, steps = [], self.steps
        for some, times in self._in_portions(waiting, instants):
            entries += self._advance(some, times, steps)
        return entries

    def _in_portions(
        self, waiting: list[Portion], instants: Ints
    ) -> Iterator[tuple[list[Portion], Ints]]:
        """The batch so many instants at a time, of each what may change anything then: of a hazard
        that nothing is open of, and of which no level is entered, calm says nothing."""
        starts = np.arange(0, len(instants), _INSTANTS)
        edges = np.append(instants[starts[1:]], np.iinfo(np.int64).max)
        sorted_, enters = [], np.zeros((len(_HAZARDS), len(starts)), bool)
        for found, _, _ in waiting:
            if (found.known_at[1:] < found.known_at[:-1]).any():
                found = only(found, np.argsort(found.known_at, kind="stable"))  # noqa: PLW2901
            ends = np.searchsorted(found.known_at, edges)
            hazard = _HAZARDS.index(found.rule.hazard)
            portion = np.searchsorted(edges, found.known_at[found.entered > 0], "right")
            enters[hazard, portion] = True
            sorted_.append((hazard, found, [0, *ends.tolist()]))
        for k, start in enumerate(starts.tolist()):
            may_matter = enters[:, k] | self._is_watched.any(axis=1)
            some = [
                Portion(found, ends[k], ends[k + 1])
                for hazard, found, ends in sorted_
                if may_matter[hazard] and ends[k] < ends[k + 1]
            ]
            yield some, instants[start : start + _INSTANTS]

    def _advance(
        self, waiting: list[Portion], instants: Ints, steps: Mapping[int, Asked]
    ) -> list[LogEntry]:
        gathered: dict[tuple[int, Hazard], list[Evidence]] = defaultdict(list)
        since = self._watched_since(waiting)
        for found, _, _ in waiting:
            # Of a portion it is called in vain: where there are witnesses there are none.
            self.trust.hear(found, self.table.sources)
        for found, start, stop in waiting:
            hazard = _HAZARDS.index(found.rule.hazard)
            is_watched = self._is_watched[hazard]
            if not is_watched.any():
                continue
            mine = found.subject[start:stop]
            chosen = is_watched[mine]
            if hazard in since:
                chosen &= found.known_at[start:stop] >= since[hazard][mine]
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            rows += start
            of_subject: dict[int, list[Evidence]] = defaultdict(list)
            for subject, said in self._evidence(found, rows):
                of_subject[subject].append(said)
            for subject, some in of_subject.items():
                gathered[subject, found.rule.hazard] += some
        times = instants.tolist()
        for place, rule in self.trust.woken():
            gathered[place, self.rules[rule].hazard] += []
        for key in self._due(times[-1]) - gathered.keys():
            gathered[key] = []
        entries = []
        for key, evidence in sorted(gathered.items()):
            entries += self._live(key, evidence, times, steps.get(key[0], NOBODY_ASKED))
        self.trust.settle()
        return sorted(entries, key=lambda e: (e.alert.sent_at, e.alert.incident, e.alert.version))

    def _watched_since(self, waiting: list[Portion]) -> dict[int, Ints]:
        """Watch where a level is entered. Returns, by hazard that is entered somewhere, from when
        on each subject is looked at: where nothing is open, from when a level is entered; else,
        and where witnesses may be waited for, from the beginning."""
        since: dict[int, Ints] = {}
        for found, start, stop in waiting:
            enters = found.entered[start:stop] > 0
            if not enters.any():
                continue
            hazard, subject = _HAZARDS.index(found.rule.hazard), found.subject[start:stop][enters]
            if hazard not in since and not self.instruments.eyes:
                newest = np.iinfo(np.int64).max
                since[hazard] = np.where(self._is_watched[hazard], NO_TIME, newest)
            if hazard in since:
                np.minimum.at(since[hazard], subject, found.known_at[start:stop][enters])
            self._is_watched[hazard, subject] = True
        return since

    def _due(self, now: int) -> set[tuple[int, Hazard]]:
        """Incidents that expire, or can be forgotten, by `now`."""
        if self._next_expiry > now:
            return set()
        deadlines = {key: _deadline(incident) for key, incident in self.open.items()}
        self._next_expiry = min((at for at in deadlines.values() if at > now), default=_NEVER)
        return {key for key, at in deadlines.items() if at <= now}

    def _evidence(self, found: Findings, rows: Ints) -> Iterator[tuple[int, Evidence]]:
        """The chosen rows of a finding as evidence, each with its subject."""

        lists: dict[int, list[Any]] = {}  # several columns are one array: see `findings.only`

        def told(name: str, nothing: Any = None) -> Iterable[Any]:
            column = getattr(found, name)
            if column is None:
                return repeat(nothing)
            if id(column) not in lists:
                lists[id(column)] = column[rows].tolist()
            return lists[id(column)]

        subject, source, known_at, kind, *others, is_after_gap = map(told, _EVIDENCE_COLUMNS)
        # Of a sum over a time that is not covered nobody knows how much it may be at most.
        is_sum = self.rules[found.rule.name].measure == "sum"
        evidence = map(
            Evidence,
            known_at,
            repeat(self.order[found.rule.name]),
            repeat(found.rule.name),
            [self.table.sources[code] for code in source],
            kind,
            *others,
            told("norm", 0.0),
            is_after_gap,
            told("spans", NO_SPANS),
            told("kept"),
            told("is_stand_in", False),
            np.isinf(found.ceiling[rows]).tolist() if is_sum else repeat(False),
            repeat(False),
            repeat(())
            if found.because is None
            else ([term for term in terms if term[0] >= 0] for terms in told("because")),
            told("reached", ()),
        )
        return zip(subject, evidence, strict=True)

    def _live(
        self, key: tuple[int, Hazard], evidence: list[Evidence], times: list[int], asked: Asked
    ) -> list[LogEntry]:
        subject, hazard = key
        incident = self.open.get(key)
        if incident is None:
            incident = self.open[key] = Incident(hazard, self.subject_name(subject))
        evidence = self._weighed(subject, hazard, evidence)
        evidence.sort(key=_IN_ORDER)
        changes = incident.advance(evidence, times, self.rules, asked)
        self.touched.add(subject)
        # Calm rows can change nothing where nothing is open or about to open.
        self._is_watched[_HAZARDS.index(hazard), subject] = not incident.is_idle
        deadline = _deadline(incident)
        if incident.is_idle and deadline <= times[-1]:
            del self.open[key]
        else:
            self._next_expiry = min(self._next_expiry, deadline)
        return [self._entry(subject, change) for change in changes]

    def _weighed(self, subject: int, hazard: Hazard, evidence: list[Evidence]) -> list[Evidence]:
        """What is believed of it: only what instruments say is weighed."""
        if not self.instruments.near(subject):
            return evidence
        by_rule: dict[str, list[Evidence]] = {
            name: [] for name, rule in self.rules.items() if rule.hazard == hazard
        }
        for said in evidence:
            by_rule[said.rule].append(said)
        return [
            said for name, some in by_rule.items() for said in self.trust.weigh(subject, name, some)
        ]

    def _entry(self, subject: int, change: Change) -> LogEntry:
        n = len(self.places)
        concerned: tuple[str, ...]
        if subject < n:
            place = self.places[subject]
            name, zone, concerned = place.name, place.timezone, (place.id,)
        else:
            area = self.areas[subject - n]
            members = [self.places[i] for i in self.places.areas[area]]
            name, zone = area, members[0].timezone
            concerned = tuple(member.id for member in members)
        track, rule = change.track, change.rule
        window_s = rule.window_s if rule else 0
        unit = rule.unit if rule else None
        is_stood_in = rule is not None and rule.stand_in is not None and track.is_stand_in
        variable = (rule.stand_in if is_stood_in else rule.variable) if rule else None
        stands_for = rule.variable if rule and is_stood_in else ""
        measure, is_below = (rule.measure, rule.is_below) if rule else ("value", False)
        because = self._because(rule, subject, track.because)
        # People read what the entry holds, to the same decimals.
        value, peak = round(track.value, 3), round(change.peak, 3)
        is_over = is_last(change.type)
        voice = self.instruments.voice(subject, track.source)
        station, station_km = (voice.name, round(voice.km, 1)) if voice else ("", None)
        has_holes = track.has_holes and voice is not None
        if is_over:
            urgency = "Past"
        elif track.is_forecast and change.onset_at > change.sent_at:
            urgency = "Expected" if change.onset_at - change.sent_at <= 3600 else "Future"
        else:
            urgency = "Immediate"
        alert = Alert(
            incident=change.incident,
            version=change.version,
            type=change.type,
            place_id=change.subject,
            hazard=change.hazard,
            level=Level(change.level).word,
            severity=Level(change.level).severity,
            urgency=urgency,
            certainty=CERTAINTY[Kind(change.kind)],
            sent_at=change.sent_at,
            onset_at=change.onset_at,
            expires_at=change.expires_at,
            evidence=Kind(track.kind).word,
            source=track.source,
            valid_at=track.valid_at,
            variable=variable,
            window_s=window_s if rule else None,
            value=value,
            unit=unit,
            limit=change.limit,
            rule=track.rule,
            reason=change.reason,
            text=change_text(
                Said(
                    reason=change.reason,
                    hazard=change.hazard,
                    level=change.level,
                    place=name,
                    zone=zone,
                    source=track.source,
                    kind=Kind(track.kind),
                    sent_at=change.sent_at,
                    onset_at=change.onset_at,
                    valid_at=track.valid_at,
                    variable=variable,
                    unit=unit,
                    window_s=window_s,
                    value=value,
                    limit=change.limit,
                    peak=peak,
                    peak_at=change.peak_at,
                    is_late=track.is_late,
                    measure=measure,
                    is_below=is_below,
                    stands_for=stands_for,
                    station=station,
                    station_km=station_km,
                    is_alone=track.is_alone,
                    has_holes=has_holes,
                    because=because,
                )
            ),
        )
        return LogEntry(
            alert=alert,
            places=concerned,
            opened_at=change.opened_at,
            rule_hash=rule.digest if rule else "",
            peak_level=Level(change.peak_level).word,
            peak=peak,
            peak_at=change.peak_at,
            moved=change.moved,
            is_late=track.is_late,
            measure=measure,
            is_below=is_below,
            stands_for=stands_for,
            station=station,
            station_km=station_km,
            is_alone=track.is_alone,
            has_holes=has_holes,
            because=because,
        )

    def _because(self, rule: Rule | None, subject: int, terms: Terms) -> tuple[Because, ...]:
        """The terms of a score that weighed most, or how many runs of an ensemble pass a limit, as
        people are told them."""
        if rule is not None and rule.chance:
            return _by_runs(rule, *terms) if terms else ()
        if rule is None or rule.score is None:
            return ()
        members: tuple[int, ...] = ()
        if subject >= len(self.places):
            members = self.places.areas[self.areas[subject - len(self.places)]]
        told = []
        for number, value, member in terms:
            term = rule.score.terms[int(number)]
            if term.clock:
                told.append(Because(term.clock))
                continue
            part = rule.parts[term.amount]
            place = self.places[members[int(member)]].name if members and member >= 0 else ""
            told.append(
                Because(
                    part.variable,
                    part.measure,
                    part.window_s,
                    round(value, 3),
                    part.unit,
                    term.of if members else 1,
                    place,
                )
            )
        return tuple(told)


def _by_runs(
    rule: Rule, runs: Sequence[float], record: Sequence[float] | None = None
) -> tuple[Because, ...]:
    """How many runs pass a limit, and what the home's record says of that (`detect.ensembles`)."""
    passing, limit, known = runs
    return (
        Because(
            rule.variable,
            rule.measure,
            rule.window_s,
            round(limit, 3),
            rule.unit,
            runs=int(passing),
            of_runs=int(known),
            record=None if record is None else round(record[0], 3),
        ),
    )


def _deadline(incident: Incident) -> int:
    """When something happens to an incident of which nothing more is heard."""
    if incident.status == "active":
        return incident.expires_at
    if incident.status == "expired":
        return incident.expires_at + FORGET_AFTER_S
    # What is about to open waits for what is heard, and for no time.
    return incident.forgotten_at if incident.is_idle else _NEVER
