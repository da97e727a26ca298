"""How far an incident's worst value came through what people asked for; lanes; norms."""

from __future__ import annotations

import hashlib
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.decoded import Decoded
from atalaia.domain.lanes import Lane, lane_of, lanes_of
from atalaia.domain.norm_tables import Norms
from atalaia.domain.peaks import Peak, new_highs, passed, told_peaks
from atalaia.domain.place import Place, Places
from oracles import cases
from stories import DAY, HOUR, T0, rows, rule, series

VALUES = st.integers(-20, 20).map(float)
FEW = settings(max_examples=cases(20))


@FEW
@given(st.lists(VALUES, unique=True), VALUES, st.none() | VALUES, st.booleans())
def test_the_most_extreme_limit_between_what_was_told_and_the_peak_was_passed(
    asked: list[float], value: float, told: float | None, is_below: bool
) -> None:
    """The plainest way: of all limits the peak is through, those it was not through before."""
    sign = -1 if is_below else 1
    through = [one for one in asked if sign * value >= sign * one]
    new = [one for one in through if told is None or sign * told < sign * one]
    worst = max(through, key=lambda one: sign * one, default=None)
    wanted = worst if worst in new else None
    assert passed(sorted(asked), Peak(value, told), is_below=is_below) == wanted


def said(value: float) -> Any:
    return SimpleNamespace(value=value, reached=())


@FEW
@given(st.lists(st.tuples(VALUES, st.booleans()), max_size=20), st.booleans())
def test_peaks_are_the_worst_so_far_and_each_move_is_told_once(
    story: list[tuple[float, bool]], is_below: bool
) -> None:
    one = rule(**({"when": "below", "limits": {"yellow": 9}} if is_below else {}))
    sign = -1 if is_below else 1
    peaks: dict[str, Peak] = {}
    seen: list[float] = []
    moves: list[tuple[float | None, float]] = []
    for value, is_told in story:
        is_new = bool(list(new_highs(peaks, said(value), one)))
        assert is_new == (not seen or sign * value > max(sign * v for v in seen))
        seen.append(value)
        if is_told:
            told = list(told_peaks(peaks, {one.name: one}))
            moves += [(move.low, move.high) for move in told]
            assert all(move.is_below == is_below and move.variable == one.variable for move in told)
            assert list(told_peaks(peaks, {one.name: one})) == []
    for (_, high), (low, _) in itertools.pairwise(moves):
        assert low == high, "each goes on where the last one ended"
    assert not moves or moves[0][0] is None
    assert [sign * high for _, high in moves] == sorted(sign * high for _, high in moves)


def test_a_rule_that_is_gone_tells_nothing() -> None:
    assert list(told_peaks({"gone": Peak(5.0)}, {})) == []


# Lanes


@FEW
@given(st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=12), st.integers(1, 7))
def test_every_place_has_one_lane_and_all_of_an_area_the_same(ids: list[str], lanes: int) -> None:
    where = Places(
        Place(id=name, name=name, latitude=0, longitude=0, area="A" if i % 3 else None)
        for i, name in enumerate(ids)
    )
    of = lanes_of(where, lanes)
    assert set(of) == set(ids)
    assert all(0 <= lane < lanes for lane in of.values())
    assert len({of[place.id] for place in where if place.area}) <= 1
    every = [Lane(where, number, lanes) for number in range(lanes)]
    for place in where:
        assert [lane.number for lane in every if lane.has_place(place.id)] == [of[place.id]]
    assert not any(lane.has_place("nowhere \x00") for lane in every)
    if where.areas:
        assert [lane.number for lane in every if lane.has_area("A")] == [lane_of("A", lanes)]
    assert [lane.tells_official for lane in every].count(True) == 1


@pytest.mark.parametrize("name", ["recife", "natal", "", "são paulo"])
def test_a_lane_is_the_first_eight_bytes_of_a_hash_in_every_process_and_release(name: str) -> None:
    """A place that changed its lane would be lived through by two consumers, or by none."""
    first = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
    assert [lane_of(name, lanes) for lanes in (1, 3, 7)] == [0, first % 3, first % 7]


def test_lanes_together_tell_all_readings_once() -> None:
    where = Places(Place(id=f"p{i}", name="", latitude=0, longitude=0) for i in range(20))
    every = rows(*(series([1.0, 2.0], place=i) for i in range(20)))
    parts = [Lane(where, n, 4).narrowed(Decoded(every)).readings for n in range(4)]
    assert sum(map(len, parts)) == len(every)
    assert sorted(np.concatenate([part.place for part in parts])) == sorted(every.place)
    decoded = Decoded(every)
    assert Lane(where).narrowed(decoded) is decoded


# Norms in memory


def test_a_norm_is_looked_up_by_the_month_and_hour_of_each_places_own_clock() -> None:
    zones = ("UTC", "America/Recife", "Pacific/Auckland", "Asia/Kathmandu")
    where = Places(
        Place(id=zone, name=zone, latitude=0, longitude=0, timezone=zone) for zone in zones
    )
    table = np.arange(4 * 12 * 24, dtype=float).reshape(4, 12, 24)
    norms = Norms(where, {"rule-0": table})
    chance = np.random.default_rng(3)
    place = chance.integers(0, 4, 200)
    at = T0 + chance.integers(0, 366 * DAY, 200)
    found = norms(rule(), place, at)
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    for i, one, value in zip(place.tolist(), at.tolist(), found.tolist(), strict=True):
        local = datetime.fromtimestamp(one, UTC).astimezone(ZoneInfo(zones[i]))
        assert value == table[i, local.month - 1, local.hour]
    assert norms.in_words() == []


def test_where_a_norm_is_missing_that_is_said_and_nothing_is_judged() -> None:
    where = Places(Place(id=f"p{i}", name="", latitude=0, longitude=0) for i in range(13))
    table = np.full((13, 12, 24), np.nan)
    table[0] = 5.0
    table[1, 0, 0] = 5.0  # known in one hour of the year: it says something
    norms = Norms(where, {"rule-0": table})
    assert norms.missing["rule-0"] == tuple(f"p{i}" for i in range(2, 13))
    (line,) = norms.in_words()
    assert line.startswith("rule rule-0 says nothing at p2, p3")
    assert "p11 and 1 more: no norm of it is known there; see `atalaia climate`" in line
    found = norms(rule(), np.array([0, 1, 2]), np.array([T0 + 3 * HOUR] * 3))
    assert found[0] == 5.0
    assert np.isnan(found[1:]).all()
