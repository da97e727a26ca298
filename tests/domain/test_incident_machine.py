"""The life of an incident, lived at random: whatever comes, what is told must hold together.

The machine is told of values, doubts, gaps, late news and forecasts, one instant after the
other, and checks each change. At the end the same history is lived again in batches cut
elsewhere, and with the incident packed and unpacked in between: it must tell the same.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition
from hypothesis.stateful import rule as step

from atalaia.detect import items
from atalaia.detect.findings import levels
from atalaia.domain.hazard import Hazard
from atalaia.domain.incident import (
    CONTINUES_WITHIN_S,
    Change,
    Incident,
)
from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.track import BLIND_AFTER, WITHDRAWN_AFTER_S, Evidence
from stories import HOUR, T0, rule_set

RULES = {
    rule.name: rule
    for rule in rule_set(
        {"name": "gust"},
        {"name": "day", "limits": {"orange": 15, "red": 40}, "keep_firing_for": "6h"},
        {
            "name": "held",
            "limits": {"watch": 5, "yellow": 12, "red": 25},
            "for": "1h",
            "for_readings": 2,
            "keep_firing_for": "1h",
            "expires_after": "12h",
        },
    ).rules
}
ORDER = {name: i for i, name in enumerate(RULES)}
SOURCES = ("airport", "model", "roof")
VALUES = (0.0, 4.0, 6.0, 9.0, 11.0, 14.0, 17.0, 21.0, 26.0, 31.0, 45.0)


def judged(rule: Rule, value: float, ceiling: float, is_suspect: bool) -> tuple[int, int, int]:
    entered, holding, held = (
        int(column[0]) for column in levels(rule, np.array([value]), np.array([ceiling]))
    )
    if is_suspect:
        lowest = next(level for level in (1, 2, 3, 4) if rule.enter[level - 1] is not None)
        return (min(entered, 2) if lowest <= 2 else 0), 0, 4
    return entered, holding, held


class IncidentLife(RuleBasedStateMachine):
    """`history` has each instant with what became known at it; nothing may be known."""

    @initialize()
    def begin(self) -> None:
        self.now = T0
        self.incident = Incident(Hazard.WIND, "p0")
        self.history: list[tuple[int, list[Evidence]]] = []
        self.instant: list[Evidence] = []
        self.said_at: dict[tuple[str, str, bool], int] = {}
        self.changes: list[Change] = []

    def say(
        self, name: str, source: str, value: float, *, kind: Kind, ceiling: float, doubt: bool
    ) -> None:
        key = (name, source, kind == Kind.FORECAST)
        if self.said_at.get(key, 0) >= self.now:
            return
        self.said_at[key] = self.now
        entered, holding, held = judged(RULES[name], value, ceiling, doubt)
        self.instant.append(
            Evidence(
                known_at=self.now,
                order=ORDER[name],
                rule=name,
                source=source,
                kind=kind,
                at=self.now,
                valid_at=self.now,
                value=value,
                entered=entered,
                holding=holding,
                held=held,
                onset_at=self.now,
                until=self.now,
                expected_s=HOUR,
            )
        )

    @step(
        name=st.sampled_from(list(RULES)),
        source=st.sampled_from(SOURCES),
        value=st.sampled_from(VALUES),
        kind=st.sampled_from([Kind.OBSERVED, Kind.ANALYSIS]),
        is_partial=st.integers(0, 5).map(lambda n: n == 0),
        doubt=st.integers(0, 7).map(lambda n: n == 0),
    )
    def a_value_comes(
        self, name: str, source: str, value: float, kind: Kind, is_partial: bool, doubt: bool
    ) -> None:
        ceiling = float("inf") if is_partial else value
        self.say(name, source, value, kind=kind, ceiling=ceiling, doubt=doubt)

    @step(value=st.sampled_from(VALUES), hours=st.integers(1, 60), first=st.integers(1, 12))
    def a_forecast_is_revised(self, value: float, hours: int, first: int) -> None:
        key = ("gust", "outlook", True)
        if self.said_at.get(key, 0) >= self.now:
            return
        self.said_at[key] = self.now
        entered, holding, held = judged(RULES["gust"], value, value, False)
        valid_at = self.now + first * HOUR
        self.instant.append(
            Evidence(
                known_at=self.now,
                order=ORDER["gust"],
                rule="gust",
                source="outlook",
                kind=Kind.FORECAST,
                at=self.now,
                valid_at=valid_at,
                value=value,
                entered=entered,
                holding=holding,
                held=held,
                onset_at=valid_at,
                until=valid_at + hours * HOUR,
                expected_s=HOUR,
                spans=[
                    (valid_at, valid_at + hours * HOUR) if level <= holding else (0, 0)
                    for level in LEVELS
                ],
            )
        )

    @step(
        source=st.sampled_from(SOURCES), value=st.sampled_from(VALUES), age_s=st.integers(1, 10_800)
    )
    def a_value_comes_late(self, source: str, value: float, age_s: int) -> None:
        newest = self.said_at.get(("gust", source, False))
        if newest is None or newest < self.now - 10_800:
            return
        at = min(newest, self.now - age_s)
        entered, holding, held = judged(RULES["gust"], value, value, False)
        self.instant.append(
            Evidence(
                known_at=self.now,
                order=ORDER["gust"],
                rule="gust",
                source=source,
                kind=Kind.OBSERVED,
                at=at,
                valid_at=at,
                value=value,
                entered=entered,
                holding=holding,
                held=held,
                onset_at=at,
                until=at,
                expected_s=HOUR,
                is_late=True,
            )
        )

    @step(name=st.sampled_from(list(RULES)), hours=st.integers(2, 12))
    def it_blows_for_hours(self, name: str, hours: int) -> None:
        for _ in range(hours):
            self.say(name, "airport", 26.0, kind=Kind.OBSERVED, ceiling=26.0, doubt=False)
            self.pass_time(HOUR)

    @step(hours=st.integers(1, 12))
    def it_is_calm_for_hours(self, hours: int) -> None:
        for _ in range(hours):
            for name in RULES:
                for source in SOURCES:
                    self.say(name, source, 0.0, kind=Kind.OBSERVED, ceiling=0.0, doubt=False)
            self.pass_time(HOUR)

    @step(seconds=st.sampled_from([600, 900, HOUR, HOUR, HOUR, 2 * HOUR, 3 * HOUR]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @step(hours=st.integers(4, 80))
    def nothing_is_heard(self, hours: int) -> None:
        self.pass_time(HOUR)
        for _ in range(hours):
            self.pass_time(HOUR)

    def pass_time(self, seconds: int) -> None:
        """Live through the instant, and check what it came to."""
        said = sorted(self.instant, key=lambda e: (e.known_at, e.at, e.source, e.order, e.kind))
        before = (self.incident.status, self.incident.key, self.incident.opened_at)
        news = self.incident.advance(said, [self.now], RULES)
        self.history.append((self.now, said))
        assert len(news) <= 1, "one entry an instant at most"
        for change in news:
            self.check(change, said, before)
        self.changes += news
        self.instant = []
        self.now += seconds

    def check(self, change: Change, said: Sequence[Evidence], before: tuple[str, str, int]) -> None:
        status, key, opened_at = before
        assert change.sent_at == self.now
        assert change.level > 0
        assert change.peak_level >= change.level or change.reason == "certainty"
        assert change.track.rule in RULES
        if change.type == "alert":
            self.check_alert(change, status)
        else:
            assert (change.incident, change.opened_at) == (key, opened_at), "identity is fixed"
            assert change.version == self.changes[-1].version + 1
            assert change.incident == self.changes[-1].incident
            self.check_update(change)
        if change.type == "update":
            assert status == "active" or (status == "expired" and said)
        if change.type in ("end", "cancel"):
            assert status == "active"
            self.check_ending(change, said)
        else:
            assert change.expires_at > self.now
            assert change.limit is not None
        if change.reason in ("onset", "escalated", "eased"):
            self.check_level(change, said)

    def check_alert(self, change: Change, status: str) -> None:
        if status == "expired":
            assert self.now > self.changes[-1].expires_at + CONTINUES_WITHIN_S
        else:
            assert status in ("pending", "closed")
        assert change.version == 1
        assert change.reason == "onset"
        assert change.opened_at <= self.now
        assert change.incident not in {c.incident for c in self.changes}, "a key is used once"

    def check_ending(self, change: Change, said: Sequence[Evidence]) -> None:
        if change.reason == "ended":
            assert said, "an outage never ends an incident"
            assert not any(t.level for t in self.incident.tracks)
        if change.reason == "withdrawn":
            of_it = [c for c in self.changes if c.incident == change.incident]
            assert all(c.kind == Kind.FORECAST for c in of_it)
            calm = [at for at, _ in self.history if at <= self.now - WITHDRAWN_AFTER_S]
            assert calm, "two revisions an hour apart"
        if not said:
            assert change.reason == "expired"

    def check_level(self, change: Change, said: Sequence[Evidence]) -> None:
        holding = [t for t in self.incident.tracks if t.level]
        seeing = [t for t in holding if t.can_see(self.now)]
        assert change.level in {t.level for t in seeing or holding}
        higher = [t for t in seeing if t.level > change.level]
        assert all(t.holding < t.level for t in higher), "back, and calm or doubted"
        if change.reason == "escalated":
            assert change.level > self.changes[-1].level
            holds = max(max(one.holding, one.entered) for one in said)
            assert holds >= change.level, "nothing calm raises"
        if change.reason == "eased":
            assert change.level < self.changes[-1].level

    def check_update(self, change: Change) -> None:
        earlier = [c for c in self.changes if c.incident == change.incident]
        if change.level == earlier[-1].level:
            assert change.kind <= earlier[-1].kind, "certainty never falls at one level"
        assert change.peak_level >= max(c.peak_level for c in earlier), "a peak stays"

    @invariant()
    def nothing_follows_an_end(self) -> None:
        for a, b in zip(self.changes, self.changes[1:], strict=False):
            assert b.sent_at > a.sent_at
            if a.type in ("end", "cancel"):
                goes_on = b.incident == a.incident
                assert not goes_on or (
                    a.reason == "expired" and b.sent_at <= a.expires_at + CONTINUES_WITHIN_S
                )

    @precondition(lambda self: self.history)
    @invariant()
    def status_agrees_with_the_log(self) -> None:
        if self.incident.status == "active":
            assert self.changes[-1].type in ("alert", "update")
            assert any(t.level for t in self.incident.tracks)
        elif self.incident.status == "expired":
            assert self.changes[-1].reason == "expired"
        elif self.changes:
            assert self.changes[-1].type in ("end", "cancel")

    def teardown(self) -> None:
        if not self.history:
            return
        lived = [told(change) for change in self.changes]
        assert self.lived_in([]) == lived, "all at once"
        chance = random.Random(len(self.history))
        for share in (0.1, 0.5):
            cuts = [i for i in range(1, len(self.history)) if chance.random() < share]
            assert self.lived_in(cuts) == lived, "in batches"
        every = range(1, len(self.history))
        assert self.lived_in(every, is_packed=True) == lived, "restarted at each instant"

    def lived_in(self, cuts: Sequence[int], *, is_packed: bool = False) -> list[dict[str, Any]]:
        """The changes of the same history in batches."""
        incident = Incident(Hazard.WIND, "p0")
        changes: list[Change] = []
        edges = [0, *cuts, len(self.history)]
        for start, stop in itertools.pairwise(edges):
            batch = self.history[start:stop]
            evidence = [one for _, said in batch for one in said]
            changes += incident.advance(evidence, [at for at, _ in batch], RULES)
            if is_packed:
                (incident,) = items.unpack(items.pack([], [incident])).incidents
        return [told(change) for change in changes]


def told(change: Change) -> dict[str, Any]:
    """All that a change says. The clocks of its track go on running, and are not told."""
    track = change.track
    said = (track.rule, track.source, track.kind, track.value, track.valid_at, track.is_late)
    return msgspec.structs.asdict(change) | {"track": said}


IncidentLife.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestIncidentLife = IncidentLife.TestCase


def test_the_machine_knows_the_blind_time_that_it_plays_with() -> None:
    # The waits above are chosen around these.
    assert (BLIND_AFTER, CONTINUES_WITHIN_S, WITHDRAWN_AFTER_S) == (3, 24 * HOUR, HOUR)
