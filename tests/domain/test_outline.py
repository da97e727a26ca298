"""Who lies within an area, and which areas have something in common, against the plainest ways."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from atalaia.domain.outline import Rings, outline, turns, wound
from oracles import cases

Point = tuple[float, float]


def box(west: float, south: float, east: float, north: float) -> list[Point]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def holds(rings: Rings, *points: Point) -> list[bool]:
    """Whether each point lies within, wherever on the axis of longitudes the outline stands."""
    shape = outline(rings)
    x, y = (np.array(each, float) for each in zip(*points, strict=True))
    found = np.zeros(len(points), bool)
    for by in (0.0, -360.0, 360.0):
        found |= shape.turned(by).holds(x, y)
    return found.tolist()


COORDINATE = st.integers(-80, 80).map(float)
# A tenth of a millimetre from a side is beside it; 1e-244 degrees are lost among the digits.
ANYWHERE = st.floats(-85, 85).map(lambda degrees: round(degrees, 9))
POINTS = st.lists(st.tuples(ANYWHERE, ANYWHERE), min_size=1, max_size=12)
SIDES = st.sets(COORDINATE, min_size=2, max_size=2).map(sorted)
BOX = st.tuples(SIDES, SIDES).map(lambda b: (b[0][0], b[1][0], b[0][1], b[1][1]))


@given(BOX, POINTS)
def test_a_box_holds_what_lies_between_its_sides(
    sides: tuple[float, float, float, float], points: list[Point]
) -> None:
    west, south, east, north = sides
    assume(all(x not in (west, east) and y not in (south, north) for x, y in points))
    expected = [west < x < east and south < y < north for x, y in points]
    assert holds([box(*sides)], *points) == expected


@given(BOX, POINTS)
def test_few_points_and_many_are_judged_alike(
    sides: tuple[float, float, float, float], points: list[Point]
) -> None:
    many = [*points, *[(0.5, 0.5)] * 20]
    assert holds([box(*sides)], *many)[: len(points)] == [
        holds([box(*sides)], point)[0] for point in points
    ]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_what_lies_in_a_hole_is_not_in_the_area(is_reversed: bool) -> None:
    hole = box(4, 4, 6, 6)
    rings = [box(0, 0, 10, 10), hole[::-1] if is_reversed else hole]
    assert holds(rings, (5, 5), (1, 1), (9.9, 9.9), (11, 5)) == [False, True, True, False]


def test_two_rings_apart_are_one_area() -> None:
    rings = [box(0, 0, 1, 1), box(20, 20, 21, 21)]
    assert holds(rings, (0.5, 0.5), (20.5, 20.5), (10, 10)) == [True, True, False]


@pytest.mark.parametrize(
    "ring",
    [box(170, -20, 190, -10), box(-190, -20, -170, -10),
     [(170, -20), (-170, -20), (-170, -10), (170, -10), (170, -20)]],
)  # fmt: skip
def test_an_area_over_the_antimeridian_holds_both_of_its_sides(ring: list[Point]) -> None:
    inside = ((175, -15), (-175, -15), (179.9, -12), (-179.9, -12))
    outside = ((165, -15), (-165, -15), (0, -15), (175, -25))
    assert holds([ring], *inside, *outside) == [True] * 4 + [False] * 4


def test_a_ring_round_the_globe_holds_the_pole_that_is_nearer() -> None:
    found = holds([[(float(x), 60.0) for x in (-135, -45, 45, 135, -135)]],
                  (10, 80), (-170, 70), (100, 89), (10, 50), (10, -80))  # fmt: skip
    assert found == [True, True, True, False, False]
    south = [[(float(x), -70.0) for x in (135, 45, -45, -135, 135)]]
    assert holds(south, (10, -80), (10, -60), (10, 80)) == [True, False, False]


def test_a_ring_that_is_not_closed_is_closed() -> None:
    assert holds([box(0, 0, 2, 2)[:-1]], (1, 1), (3, 1)) == [True, False]


@given(BOX, BOX)
def test_boxes_overlap_when_their_insides_meet(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> None:
    assume(not set(a[::2]) & set(b[::2]) and not set(a[1::2]) & set(b[1::2]))
    meets = a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    one, other = outline([box(*a)]), outline([box(*b)])
    assert one.overlaps(other) == meets
    assert other.overlaps(one) == meets


def test_two_that_cross_without_a_corner_in_each_other_overlap() -> None:
    assert outline([box(-10, -1, 10, 1)]).overlaps(outline([box(-1, -10, 1, 10)]))


def test_one_within_the_other_overlaps_it_and_one_in_its_hole_does_not() -> None:
    ring = outline([box(0, 0, 10, 10), box(2, 2, 8, 8)])
    assert outline([box(0, 0, 10, 10)]).overlaps(outline([box(4, 4, 5, 5)]))
    assert not ring.overlaps(outline([box(4, 4, 5, 5)]))
    assert ring.overlaps(outline([box(7, 7, 9, 9)]))


def test_areas_on_both_sides_of_the_antimeridian_overlap_however_they_are_written() -> None:
    fiji = outline([box(177, -20, 183, -15)])
    for other in (box(-179, -18, -178, -17), box(181, -18, 182, -17), box(178, -18, 179, -17)):
        assert fiji.overlaps(outline([other]))
        assert outline([other]).overlaps(fiji)
    assert not fiji.overlaps(outline([box(-170, -18, -160, -17)]))


@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [(-10, 10, {0.0}), (170, 190, {0.0, -360.0}), (-190, -170, {0.0, 360.0}),
     (350, 370, {-360.0})],
)  # fmt: skip
def test_an_outline_is_turned_to_where_the_map_is(
    west: float, east: float, expected: set[float]
) -> None:
    assert set(turns(west, east)) == expected


# Against the plainest way: on a globe, how many edges lie between a point and the north pole


def short(ring: list[Point]) -> Iterator[tuple[Fraction, Fraction, Fraction, Fraction]]:
    """Edges, each the short way: where it begins, and how far it goes."""
    for (x1, y1), (x2, y2) in itertools.pairwise([*ring, ring[0]]):
        way = Fraction(x2) - Fraction(x1)
        if 180 < abs(way) < 360:
            way -= 360 if way > 0 else -360
        yield Fraction(x1), Fraction(y1), way, Fraction(y2) - Fraction(y1)


def is_held(rings: Sequence[list[Point]], x: Fraction, y: Fraction) -> bool:
    odd = False
    for ring in rings:
        edges = list(short(ring))
        heights = [y1 for _, y1, _, _ in edges]
        if sum(way for _, _, way, _ in edges) and max(heights) + min(heights) > 0:
            odd ^= True  # the north pole lies within
        for (x1, y1, way, climb), turn in itertools.product(edges, (-360, 0, 360)):
            far = x + turn - x1
            is_between = min(way, 0) <= far <= max(way, 0)
            if not way:
                if not far and min(climb, 0) <= y - y1 <= max(climb, 0):
                    return True
                continue
            at = y1 + climb * far / way
            if is_between and at == y:
                return True
            odd ^= (x1 < x + turn) != (x1 + way < x + turn) and at > y
    return odd


WHOLE = st.integers(-89, 89)


@st.composite
def shapes(draw: st.DrawFn) -> list[list[Point]]:
    """A ring round a point or round a pole, and perhaps others, anywhere on the globe."""
    rings = []
    for _ in range(draw(st.integers(1, 3))):
        start, n = draw(st.integers(-180, 179)), draw(st.integers(3, 9))
        if draw(st.booleans()):  # round the globe
            turns_at = sorted(draw(st.sets(st.integers(0, 35), min_size=n, max_size=n)))
            assume(max(b - a for a, b in itertools.pairwise([*turns_at, turns_at[0] + 36])) < 18)
            ring = [(start + 10 * at, draw(WHOLE)) for at in turns_at]
            heights = [y for _, y in ring]
            assume(max(heights) + min(heights))
        else:
            ring = [(start + draw(st.integers(-40, 40)), draw(WHOLE)) for _ in range(n)]
        ring = [(float((x + 180) % 360 - 180), float(y)) for x, y in ring]
        assume(all(abs(b[0] - a[0]) not in (180, 360) for a, b in itertools.combinations(ring, 2)))
        rings.append([*ring, ring[0]])
    return rings


@settings(max_examples=cases(100), deadline=None, derandomize=True)
@given(shapes(), st.lists(st.tuples(st.integers(-180, 180), WHOLE), max_size=6), st.data())
def test_who_lies_within_or_on_an_edge_is_held_and_nobody_else(
    rings: list[list[Point]], points: list[tuple[int, int]], data: st.DataObject
) -> None:
    edges = [edge for ring in rings for edge in short(ring)]
    where = [(Fraction(x), Fraction(y)) for x, y in points]
    for x1, y1, way, climb in data.draw(st.lists(st.sampled_from(edges), max_size=4)):
        share = Fraction(data.draw(st.integers(0, 7)), 7)
        where.append(((x1 + share * way + 180) % 360 - 180, y1 + share * climb))
    expected = [is_held(rings, x, y) for x, y in where]
    assume(where)
    asked = [(float(x), float(y)) for x, y in where]
    assert holds(rings, *asked) == expected
    assert holds(rings, *asked, *[(0.5, 0.5)] * 90)[: len(asked)] == expected


@pytest.mark.parametrize("ring", [box(0, 0, 10, 10), box(-180, -10, 180, 10)])
def test_what_lies_on_an_edge_or_a_corner_lies_within_also_of_a_hole(ring: list[Point]) -> None:
    rings = [ring, box(2, 2, 8, 8)]
    on = ((ring[0][0], 5), (5, ring[2][1]), ring[0], ring[2], (2, 5), (8, 8))
    assert holds(rings, *on, (5, 5)) == [True] * 6 + [False]


def test_areas_that_share_an_edge_or_a_corner_have_it_in_common() -> None:
    mine = outline([box(0, 0, 10, 10)])
    for other in (box(10, 2, 20, 8), box(10, 10, 12, 12), box(-5, -5, 0, 20)):
        assert mine.overlaps(outline([other]))
        assert outline([other]).overlaps(mine)
    assert not mine.overlaps(outline([box(10.001, 2, 20, 8)]))


def test_a_hole_over_the_seam_of_a_ring_round_the_pole_is_no_part_of_it() -> None:
    cap = [(float(x), 60.0) for x in (0, 90, 180, -90, 0)]
    for at in (-180, -90, 0, 90):
        rings = [cap, box(at - 10, 70, at + 10, 80)]
        assert holds(rings, (at - 5, 75), (at + 5, 75), (at, 65), (at, 85), (at, 90)) == [
            False, False, True, True, True,
        ]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.integers(0, 359), st.integers(1, 9)), min_size=3, unique_by=lambda c: c[0]
    ),
    st.sampled_from([-179.5, -60.0, 0.0, 179.5]),
    st.booleans(),
    st.booleans(),
)
def test_a_ring_goes_the_way_that_geojson_wants_wherever_it_lies_and_however_it_was_drawn(
    corners: list[tuple[int, int]], east: float, is_hole: bool, is_turned: bool
) -> None:
    """Corners round a middle, by angle: counter-clockwise as they are drawn."""
    drawn = [
        (
            (east + r * math.cos(math.radians(a)) + 180) % 360 - 180,
            r * math.sin(math.radians(a)),
        )
        for a, r in sorted(corners)
    ]
    angles = sorted(a for a, _ in corners)
    gaps = np.diff([*angles, angles[0] + 360])
    assume(gaps.max() < 180)  # else the middle lies outside, and the order says nothing
    given_ring = drawn[::-1] if is_turned else drawn
    ring = wound(given_ring, is_hole=is_hole)
    assert ring[0] == ring[-1]
    assert sorted(ring[:-1]) == sorted(drawn)
    turn = ring.index(drawn[0]), ring[:-1].index(drawn[1])
    follows = (turn[1] - turn[0]) % len(drawn) == 1
    assert follows != is_hole


def test_a_ring_round_the_globe_keeps_its_way() -> None:
    ring = [(-120.0, 60.0), (0.0, 60.0), (120.0, 60.0)]
    assert wound(ring) == [*ring, ring[0]]
    assert wound(ring, is_hole=True) == [*ring, ring[0]]
