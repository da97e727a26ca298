"""Stretches in which nothing happens are passed over, and nobody can tell: what an incident tells
and what it is at the end are the same as where each instant is lived through by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from atalaia.domain import incident as incidents
from atalaia.domain.hazard import Hazard
from atalaia.domain.incident import Change, Incident
from atalaia.domain.reading import Kind
from atalaia.domain.rule import Rule
from atalaia.domain.track import Evidence
from oracles import cases
from stories import T0, rule_set

QUARTER = 900
LIMITS = {"yellow": 10, "orange": 20, "red": 30}
RULES = {
    rule.name: rule
    for rule in rule_set(
        {"name": "gust", "limits": LIMITS, "keep_firing_for": "2h", "expires_after": "2h"},
        {"name": "day", "limits": LIMITS, "keep_firing_for": "0s", "expires_after": "3h"},
        {
            "name": "held",
            "limits": {"watch": 8, **LIMITS},
            "for": "1h",
            "for_readings": 3,
            "keep_firing_for": "5h",
        },
    ).rules
}
STEPS = (4.0, 8.0, 9.0, 11.0, 19.0, 21.0, 33.0)


def said(rule: Rule, source: str, now: int, value: float, **changes: Any) -> Evidence:
    """What a gauge says: exit limits are 0.8 of what enters a level."""
    entered = max((i + 1 for i, mm in enumerate(rule.enter) if mm and value >= mm), default=0)
    holding = max((i + 1 for i, mm in enumerate(rule.enter) if mm and value >= 0.8 * mm), default=0)
    told: dict[str, Any] = {
        "known_at": now,
        "order": list(RULES).index(rule.name),
        "rule": rule.name,
        "source": source,
        "kind": Kind.OBSERVED,
        "at": now,
        "valid_at": now,
        "value": value,
        "entered": entered,
        "holding": holding,
        "held": holding,
        "onset_at": now,
        "until": now,
        "expected_s": QUARTER,
    }
    return Evidence(**(told | changes))


IN_PART = {"entered": 0, "holding": 0, "held": 4}


def oddity(chance: random.Random, now: int) -> dict[str, Any]:
    """What is otherwise than usual, if anything."""
    before = now - 2 * QUARTER
    odd: list[dict[str, Any]] = [
        {"holding": 0, "held": 4},
        {"at": before, "until": before, "is_late": True},
        {"is_after_gap": True},
        {"expected_s": 4 * QUARTER},
        {"kind": Kind.ANALYSIS},
    ]
    return chance.choice(odd) if chance.random() < 0.055 else {}


def history(chance: random.Random) -> Iterator[Evidence]:
    """Some days of gauges whose values hardly move for hours, and now and then a doubt, a value of
    which little is known, a gap, one that comes late, or twice."""
    tracks = [
        (rule, source) for rule in RULES.values() for source in ("a", "b") if chance.random() < 0.5
    ] or [(RULES["day"], "a")]
    level = dict.fromkeys(range(len(tracks)), 4.0)
    habit = dict.fromkeys(level, "once")
    for step in range(chance.randint(50, 400)):
        now = T0 + step * QUARTER
        if chance.random() < 0.02:
            continue
        for i, (rule, source) in enumerate(tracks):
            if chance.random() < 0.03:
                level[i] = chance.choice(STEPS)
            if chance.random() < 0.02:
                habit[i] = chance.choice(("once", "once", "twice", "never", "in part"))
            if habit[i] == "never":
                continue
            value = round(level[i] + chance.choice((0.0, 0.0, 0.1, -0.1)), 1)
            changes = oddity(chance, now) if habit[i] != "in part" else IN_PART
            yield said(rule, source, now, value, **changes)
            if habit[i] == "twice":
                yield said(rule, source, now, value)


def lived(
    evidence: list[Evidence], instants: list[int], cuts: list[int]
) -> tuple[list[Change], bytes]:
    """What is told, and what is left, of a history in parts that end at these instants."""
    one, told = Incident(Hazard("wind"), "sbpa"), []
    begin = 0
    for end in cuts:
        times = [at for at in instants if begin < at <= end]
        part = [said for said in evidence if begin < said.known_at <= end]
        if times:
            told += one.advance(part, times, RULES)
        begin = end
    return told, msgspec.msgpack.encode(one)


@pytest.mark.parametrize("seed", range(cases(60)))
def test_what_is_passed_over_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    evidence = list(history(chance))
    evidence.sort(key=lambda e: (e.known_at, e.at, e.source, e.order, e.kind))
    instants = [T0 + i * QUARTER for i in range(410)]
    by_instant = lived(evidence, instants, instants)
    assert lived(evidence, instants, instants[-1:]) == by_instant
    assert (
        lived(evidence, instants, [*sorted(chance.sample(instants, 9)), instants[-1]]) == by_instant
    )
    monkeypatch.setattr(incidents, "rest_of", lambda *_: None)
    assert lived(evidence, instants, instants[-1:]) == by_instant


def test_most_of_a_long_storm_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    lived_through = 0
    hear = Incident._instant

    def counted(self: Incident, *given: Any) -> list[Change]:
        nonlocal lived_through
        lived_through += 1
        return hear(self, *given)

    monkeypatch.setattr(Incident, "_instant", counted)
    at = [T0 + i * QUARTER for i in range(200)]
    storm = [
        one
        for i, now in enumerate(at)
        for one in (
            said(RULES["day"], "a", now, 25 + i / 100),
            said(RULES["gust"], "a", now, 12.0 if i < 20 else 3.0),
        )
    ]
    told, left = lived(storm, at, at[-1:])
    assert [change.reason for change in told] == ["onset"]
    assert lived_through < 20
    decoded = msgspec.msgpack.decode(left)
    assert decoded["peak"] == 25 + 199 / 100
    assert decoded["expires_at"] == at[-1] + RULES["day"].expires_after_s
