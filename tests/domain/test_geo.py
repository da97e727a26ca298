"""Distances on the globe, against the law of cosines and known ways."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atalaia.domain.geo import EARTH_KM, KM_A_DEGREE, Box, chord, distance_km, distances_km, unit


def test_a_degree_of_the_equator_and_half_the_way_round_are_what_they_are() -> None:
    assert distance_km(0, 0, 0, 1) == pytest.approx(KM_A_DEGREE)
    assert distance_km(0, 0, 0, 180) == pytest.approx(math.pi * EARTH_KM)
    assert distance_km(90, 0, -90, 77) == pytest.approx(math.pi * EARTH_KM)
    assert distance_km(-30.0, 179.9, -30.0, -179.9) == pytest.approx(distance_km(-30, 0, -30, 0.2))


def test_one_point_and_many_chords_and_arcs_agree_wherever_they_lie() -> None:
    chance = np.random.default_rng(6)
    a, b = (np.degrees(np.arcsin(chance.uniform(-1, 1, 500))) for _ in range(2))
    x, y = chance.uniform(-180, 180, (2, 500))
    told = distances_km(float(a[0]), float(x[0]), b, y)
    assert told == pytest.approx(
        [
            distance_km(float(a[0]), float(x[0]), *to)
            for to in zip(b.tolist(), y.tolist(), strict=True)
        ]
    )
    here, there = unit(a[:1], x[:1]), unit(b, y)
    cosine = sum(one * other for one, other in zip(here, there, strict=True))
    assert told == pytest.approx(EARTH_KM * np.arccos(np.clip(cosine, -1, 1)), abs=1e-3)
    straight = np.sqrt(sum((one - other) ** 2 for one, other in zip(here, there, strict=True)))
    assert chord(told) == pytest.approx(straight)


def test_a_point_is_no_way_from_itself() -> None:
    assert distance_km(-22.9, -43.2, -22.9, -43.2) == 0


def test_a_box_goes_across_the_antimeridian_where_its_west_lies_east_of_its_east() -> None:
    fiji = Box.of("177,-20,-178,-12")
    assert fiji.holds(-17, 179.5)
    assert fiji.holds(-17, -179)
    assert not fiji.holds(-17, 0)
    assert not fiji.holds(-21, 179.5)
    recife = Box.of("-35,-9,-34,-8")
    assert recife.holds(-8, -35), "its edges are within"
    assert not recife.holds(-8, 179.5)
