"""What `SystemLog` says of the alert log, against the plain version, over random logs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import groupby
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain import linking
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Place, Places
from atalaia.domain.spells import Telling
from atalaia.domain.systems import SystemLog, WeatherSystem

from . import cases
from .storms import Plain, plain_systems

HOUR = 3600
START = 1_700_000_000
WHERE = Places(
    # Some 50 km apart: what is two steps apart is not near.
    Place(id=f"p{x}{y}", name=f"{x}, {y}", latitude=-8 + 0.45 * y, longitude=179 + 0.45 * x)
    for x in range(6)
    for y in range(2)
)
NEAR = Neighbours(WHERE)
IDS = [place.id for place in WHERE]


@st.composite
def lives(draw: st.DrawFn) -> list[Telling]:
    """The entries of one incident, each an hour or more after the one before."""
    key = draw(st.text("abcdef", min_size=4, max_size=4))
    hazard = draw(st.sampled_from(["heavy_rain", "heavy_rain", "wind", "heat", "cannot_see"]))
    at = START + draw(st.integers(0, 14)) * HOUR
    entries = []
    for version in range(1, draw(st.integers(1, 4)) + 1):
        begins_at = at + draw(st.integers(-4, 8)) * HOUR
        is_last = version > 1 and draw(st.integers(0, 2)) == 0
        is_expired = is_last and draw(st.booleans())
        entries.append(
            Telling(
                incident=key,
                version=version,
                hazard=hazard,
                level=draw(st.sampled_from(["watch", "yellow", "orange", "red"])),
                sent_at=at,
                is_last=is_last,
                is_expired=is_expired,
                is_measured=draw(st.booleans()),
                begins_at=begins_at,
                ends_at=begins_at + draw(st.integers(0, 4)) * HOUR,
                places=tuple(draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))),
            )
        )
        if is_last and not is_expired:
            break
        at += draw(st.integers(0, 6)) * HOUR
    return entries


LOGS = st.lists(lives(), max_size=9, unique_by=lambda life: life[0].incident).map(
    lambda some: sorted((one for life in some for one in life), key=lambda one: one.sent_at)
)


def log_of(told: Sequence[Telling], cuts: Sequence[int] = ()) -> SystemLog:
    log = SystemLog(WHERE, NEAR)
    for start, stop in zip([0, *cuts], [*cuts, len(told)], strict=True):
        log.take(told[start:stop])
    return log


def as_plain(systems: Sequence[WeatherSystem]) -> Plain:
    return Plain(
        {one.system: frozenset(one.incidents) for one in systems if one.status != "joined"},
        {
            one.system: (one.joined or "", one.ended_at or 0, frozenset(one.incidents))
            for one in systems
            if one.status == "joined"
        },
    )


@settings(max_examples=cases(20))
@given(LOGS)
def test_systems_are_what_the_plain_version_makes_of_the_same_log(told: list[Telling]) -> None:
    assert as_plain(log_of(told).systems()) == plain_systems(told, WHERE)


@settings(max_examples=cases(10))
@given(LOGS, st.randoms(use_true_random=False))
def test_neither_order_nor_cuts_nor_repetition_change_a_system(
    told: list[Telling], chance: random.Random
) -> None:
    whole = log_of(told).systems()
    again = [*told, *chance.sample(told, len(told) // 2)]
    # Within an instant any order; an incident's own entries keep theirs.
    again.sort(key=lambda one: (one.sent_at, chance.random()))
    cuts = sorted(chance.randint(0, len(again)) for _ in range(4))
    kept = [one.incident for one in again]
    in_order = all(
        [one.version for one in again if one.incident == key]
        == sorted(one.version for one in again if one.incident == key)
        for key in kept
    )
    assert log_of(again, cuts if in_order else ()).systems() == whole


@settings(max_examples=cases(10))
@given(LOGS)
def test_an_id_that_was_given_stays_or_says_which_it_joined(told: list[Telling]) -> None:
    log = SystemLog(WHERE, NEAR)
    known: dict[str, WeatherSystem] = {}
    for instant in sorted({one.sent_at for one in told}):
        log.take([one for one in told if one.sent_at == instant])
        now = {one.system: one for one in log.systems()}
        for id_, before in known.items():
            assert id_ in now
            after = now[id_]
            if before.status == "joined":
                # The older one may join yet another; that it joined, and when, stays.
                assert after.joined == before.joined
                assert after.ended_at == before.ended_at
            else:
                assert set(before.incidents) <= set(after.incidents)
            if after.status == "joined":
                into = now[after.joined or ""]
                assert (into.started_at, into.system) < (after.started_at, after.system)
        members = [key for one in now.values() if one.status != "joined" for key in one.incidents]
        assert len(members) == len(set(members)), "an incident is of one system"
        known = now


def test_what_is_forgotten_changes_nothing_of_what_is_left() -> None:
    chance = random.Random(1)
    told = [
        Telling(
            incident=f"{n:04}",
            version=version,
            hazard="heavy_rain",
            level="orange",
            sent_at=START + (n // 3 * 5 + 4 * (version - 1)) * HOUR,
            is_last=version == 2,
            is_expired=False,
            is_measured=True,
            begins_at=START + n // 3 * 5 * HOUR,
            ends_at=0,
            places=(chance.choice(IDS),),
        )
        for n in range(90)
        for version in (1, 2)
    ]
    told.sort(key=lambda one: one.sent_at)
    whole = {one.system: one for one in log_of(told).systems()}
    log, seen = SystemLog(WHERE, NEAR), {}
    for _, instant in groupby(told, key=lambda one: one.sent_at):
        log.take(instant)
        seen.update({one.system: one for one in log.systems()})
        log.forget()
    assert seen == whole
    assert len(log.incidents()) < len(told) // 3


@settings(max_examples=cases(60))
@given(LOGS, st.integers(1, 5))
def test_spells_are_linked_alike_however_many_are_held_against_others_at_once(
    told: list[Telling], at_once: int
) -> None:
    whole = log_of(told).systems()
    with patch.object(linking, "_AT_ONCE", at_once):
        assert log_of(told).systems() == whole
