"""The life of an incident, lived at random: whatever comes, what is told must hold together.

The incident is told of values, doubts, gaps, late news and forecasts, one instant after the
other, and each change is checked. At the end the same history is lived again in batches cut
elsewhere, and with the incident packed and unpacked in between: it must tell the same.

Each life is made from the number of its seed and nothing else, so what is found once is found
again. One that does not hold is shown as the shortest list of steps that still does not.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest

from atalaia.detect import items
from atalaia.detect.findings import levels
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.incident import (
    CONTINUES_WITHIN_S,
    Change,
    Incident,
)
from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.track import BLIND_AFTER, WITHDRAWN_AFTER_S, Evidence, Track
from oracles import cases
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


ASKED = {"gust": (12.0, 28.0), "day": (20.0,)}
"""Limits that people set for themselves."""

Step = tuple[str, dict[str, Any]]
"""The name of a method of `Life`, and what it is given."""

STEPS: dict[str, dict[str, Sequence[Any]]] = {
    "a_value_comes": {
        "name": tuple(RULES),
        "source": SOURCES,
        "value": VALUES,
        "kind": (Kind.OBSERVED, Kind.ANALYSIS),
        "is_partial": (True, *[False] * 5),
        "doubt": (True, *[False] * 7),
    },
    "a_forecast_is_revised": {
        "name": ("gust", "gust", "day"),
        "value": VALUES,
        "hours": range(1, 61),
        "first": range(1, 13),
    },
    "a_value_comes_late": {
        "name": tuple(RULES),
        "source": SOURCES,
        "value": VALUES,
        "age_s": range(300, 10_801, 300),
    },
    "it_blows_for_hours": {"name": tuple(RULES), "hours": range(2, 13)},
    "it_is_calm_for_hours": {"hours": range(1, 13)},
    "time_passes": {"seconds": (600, 900, HOUR, HOUR, HOUR, 2 * HOUR, 3 * HOUR)},
    "nothing_is_heard": {"hours": range(4, 81)},
}
"""What may happen, and what each argument is chosen from."""


def at_random(seed: int) -> list[Step]:
    """A life of up to 40 steps. Some lives know a few kinds of steps only: what is rare beside
    others is common there."""
    chance = random.Random(seed)
    kinds = chance.sample(list(STEPS), chance.randint(3, len(STEPS)))
    return [
        (kind, {name: chance.choice(choices) for name, choices in STEPS[kind].items()})
        for kind in chance.choices(kinds, k=chance.randint(4, 40))
    ]


class Life:
    """`history` has each instant with what became known at it; nothing may be known."""

    def __init__(self) -> None:
        self.now = T0
        self.incident = Incident(Hazard.WIND, "p0")
        self.history: list[tuple[int, list[Evidence]]] = []
        self.instant: list[Evidence] = []
        self.said_at: dict[tuple[str, str, bool], int] = {}
        self.changes: list[Change] = []

    def live(self, steps: Sequence[Step]) -> None:
        """Live through the steps, then once more in other batches."""
        for name, given in steps:
            getattr(self, name)(**given)
            self.nothing_follows_an_end()
            self.status_agrees_with_the_log()
        self.tells_the_same_in_other_batches()
        self.comes_to_the_same_the_long_way()

    def say(
        self,
        name: str,
        source: str,
        value: float,
        *,
        kind: Kind = Kind.OBSERVED,
        ceiling: float | None = None,
        doubt: bool = False,
    ) -> None:
        key = (name, source, False)
        before = self.said_at.get(key)
        if before == self.now:
            return
        self.said_at[key] = self.now
        entered, holding, held = judged(
            RULES[name], value, value if ceiling is None else ceiling, doubt
        )
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
                is_after_gap=before is not None and self.now - before >= BLIND_AFTER * HOUR,
            )
        )

    def a_value_comes(
        self, name: str, source: str, value: float, kind: Kind, is_partial: bool, doubt: bool
    ) -> None:
        ceiling = float("inf") if is_partial else value
        self.say(name, source, value, kind=kind, ceiling=ceiling, doubt=doubt)

    def a_forecast_is_revised(self, name: str, value: float, hours: int, first: int) -> None:
        """Its higher levels are held for fewer hours than its lower ones."""
        key = (name, "outlook", True)
        if self.said_at.get(key, 0) >= self.now:
            return
        self.said_at[key] = self.now
        entered, holding, held = judged(RULES[name], value, value, False)
        valid_at = self.now + first * HOUR
        self.instant.append(
            Evidence(
                known_at=self.now,
                order=ORDER[name],
                rule=name,
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
                    (valid_at, valid_at + hours // level * HOUR) if level <= holding else (0, 0)
                    for level in LEVELS
                ],
            )
        )

    def a_value_comes_late(self, name: str, source: str, value: float, age_s: int) -> None:
        newest = self.said_at.get((name, source, False))
        if newest is None or newest < self.now - 10_800:
            return
        at = min(newest, self.now - age_s)
        entered, holding, held = judged(RULES[name], value, value, False)
        self.instant.append(
            Evidence(
                known_at=self.now,
                order=ORDER[name],
                rule=name,
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

    def it_blows_for_hours(self, name: str, hours: int) -> None:
        for _ in range(hours):
            self.say(name, "airport", 26.0)
            self.pass_time(HOUR)

    def it_is_calm_for_hours(self, hours: int) -> None:
        for _ in range(hours):
            for name in RULES:
                for source in SOURCES:
                    self.say(name, source, 0.0)
            self.pass_time(HOUR)

    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    def nothing_is_heard(self, hours: int) -> None:
        self.pass_time(HOUR)
        for _ in range(hours):
            self.pass_time(HOUR)

    def pass_time(self, seconds: int) -> None:
        """Live through the instant, and check what it came to."""
        said = sorted(self.instant, key=lambda e: (e.known_at, e.at, e.source, e.order, e.kind))
        before = (self.incident.status, self.incident.key, self.incident.opened_at)
        news = self.incident.advance(said, [self.now], RULES, ASKED)
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

    def nothing_follows_an_end(self) -> None:
        for a, b in zip(self.changes, self.changes[1:], strict=False):
            assert b.sent_at > a.sent_at
            if a.type in ("end", "cancel"):
                goes_on = b.incident == a.incident
                assert not goes_on or (
                    a.reason == "expired" and b.sent_at <= a.expires_at + CONTINUES_WITHIN_S
                )

    def status_agrees_with_the_log(self) -> None:
        if self.incident.status == "active":
            assert self.changes[-1].type in ("alert", "update", "step")
            assert any(t.level for t in self.incident.tracks)
        elif self.incident.status == "expired":
            assert self.changes[-1].reason == "expired"
        elif self.changes:
            assert self.changes[-1].type in ("end", "cancel")

    def tells_the_same_in_other_batches(self) -> None:
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

    def comes_to_the_same_the_long_way(self) -> None:
        """What nothing is told of is passed in a short way: it leaves no other trace."""
        short = list(self.states())
        with the_long_way():
            assert list(self.states()) == short

    def states(self) -> Iterator[bytes]:
        """All that is known of the incident after each instant."""
        incident = Incident(Hazard.WIND, "p0")
        for at, said in self.history:
            changes = incident.advance(said, [at], RULES, ASKED)
            yield msgspec.msgpack.encode([incident, [told(change) for change in changes]])

    def lived_in(self, cuts: Sequence[int], *, is_packed: bool = False) -> list[dict[str, Any]]:
        """The changes of the same history in batches."""
        incident = Incident(Hazard.WIND, "p0")
        changes: list[Change] = []
        edges = [0, *cuts, len(self.history)]
        for start, stop in itertools.pairwise(edges):
            batch = self.history[start:stop]
            evidence = [one for _, said in batch for one in said]
            changes += incident.advance(evidence, [at for at, _ in batch], RULES, ASKED)
            if is_packed and not incident.tracks:
                incident = Incident(Hazard.WIND, "p0")
            elif is_packed:
                (incident,) = items.unpack(items.pack([], [incident])).incidents
        return [told(change) for change in changes]


@contextmanager
def the_long_way() -> Iterator[None]:
    """Tracks and incidents that never see at a glance that nothing is new."""
    with (
        patch.object(Track, "_goes_on", lambda *_: False),
        patch("atalaia.domain.incident.as_told", lambda *_: None),
    ):
        yield


def told(change: Change) -> dict[str, Any]:
    """All that a change says. The clocks of its track go on running, and are not told."""
    track = change.track
    said = (track.rule, track.source, track.kind, track.value, track.valid_at, track.is_late)
    return msgspec.structs.asdict(change) | {"track": said}


def fault_of(steps: Sequence[Step]) -> str:
    """What does not hold in a life; empty if all does."""
    try:
        Life().live(steps)
    except AssertionError as error:
        return str(error)
    return ""


def shortest(steps: list[Step]) -> list[Step]:
    """What is left of a life that does not hold, without the steps that are not needed for it."""
    size = len(steps)
    while size:
        for start in range(len(steps) - size, -1, -1):
            fewer = steps[:start] + steps[start + size :]
            if fault_of(fewer):
                steps = fewer
        size = min(size // 2, len(steps))
    return steps


FOUND: dict[str, tuple[list[Step], list[str]]] = {
    "what was calm before it began was forgotten at the end of a batch, and not within one": (
        [
            (
                "a_value_comes",
                {
                    "name": "held",
                    "source": "airport",
                    "value": 6.0,
                    "kind": Kind.OBSERVED,
                    "is_partial": True,
                    "doubt": True,
                },
            ),
            *[("it_is_calm_for_hours", {"hours": 1})] * 3,
            ("a_forecast_is_revised", {"name": "gust", "value": 11.0, "hours": 1, "first": 1}),
            ("nothing_is_heard", {"hours": 4}),
            ("it_is_calm_for_hours", {"hours": 4}),
            ("it_is_calm_for_hours", {"hours": 1}),
        ],
        ["onset yellow FORECAST", "ended yellow FORECAST"],
    ),
    "red is unseen, a watch is measured and orange forecast: eased to orange, not to the watch": (
        [
            ("it_blows_for_hours", {"name": "held", "hours": 4}),
            (
                "a_value_comes",
                {
                    "name": "held",
                    "source": "roof",
                    "value": 6.0,
                    "kind": Kind.OBSERVED,
                    "is_partial": False,
                    "doubt": True,
                },
            ),
            ("time_passes", {"seconds": 2 * HOUR}),
            (
                "a_value_comes",
                {
                    "name": "held",
                    "source": "roof",
                    "value": 14.0,
                    "kind": Kind.ANALYSIS,
                    "is_partial": False,
                    "doubt": False,
                },
            ),
            ("a_forecast_is_revised", {"name": "gust", "value": 26.0, "hours": 50, "first": 6}),
            ("time_passes", {"seconds": 600}),
            ("time_passes", {"seconds": 600}),
        ],
        ["onset red OBSERVED", "eased orange FORECAST"],
    ),
}
"""Lives that did not hold, by what was wrong, and what they tell now."""


@pytest.mark.parametrize("wrong", FOUND)
def test_a_life_that_did_not_hold_once_holds(wrong: str) -> None:
    steps, expected = FOUND[wrong]
    life = Life()
    life.live(steps)
    assert [
        f"{change.reason} {Level(change.level).word} {Kind(change.kind).name}"
        for change in life.changes
    ] == expected


@pytest.mark.parametrize("seed", range(cases(80)))
def test_a_life_tells_the_same_however_it_is_cut(seed: int) -> None:
    steps = at_random(seed)
    if fault_of(steps):
        steps = shortest(steps)
        pytest.fail(f"{fault_of(steps)}\nof the steps {steps}")


@pytest.mark.parametrize("value", [0.0, 26.0])
def test_hours_of_the_same_are_passed_in_the_short_way(value: float) -> None:
    life = Life()
    for _ in range(2):
        life.it_blows_for_hours("gust", 3)
    evaded = AssertionError("looked for what is not there")
    with (
        patch("atalaia.domain.incident.deciding_of", side_effect=evaded),
        patch.object(Track, "_rise", side_effect=evaded),
    ):
        life.it_blows_for_hours("gust", 12)
    life.say("day", "roof", value)
    life.it_blows_for_hours("gust", 2)
    life.comes_to_the_same_the_long_way()


def test_the_machine_knows_the_blind_time_that_it_plays_with() -> None:
    # The waits above are chosen around these.
    assert (BLIND_AFTER, CONTINUES_WITHIN_S, WITHDRAWN_AFTER_S) == (3, 24 * HOUR, HOUR)
