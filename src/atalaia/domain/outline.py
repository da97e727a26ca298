"""Polygons on the globe as edges: who lies within one, and which of two overlap.

Rings are (longitude, latitude) pairs in degrees, closed, as in GeoJSON; edges are straight in
these. An edge longer than 180° goes the short way, over the antimeridian; a ring that goes once
round the globe holds the pole that it comes nearer to. Holes are by even-odd, and what lies on an
edge, also of a hole, lies within.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.domain.reading import Bools, Floats, Ints

Rings = Sequence[Sequence[tuple[float, float]]]

_ON_EDGE = 1e-9
"""Degrees, a tenth of a millimetre: so near to an edge is on it."""

TURNS = (0.0, -360.0, 360.0)
"""Where else on the axis of longitudes the same outline lies."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Edges from (x1, y1) to (x2, y2): longitudes, which may be beyond ±180, and latitudes."""

    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east and north."""
        return (
            float(min(self.x1.min(), self.x2.min())),
            float(min(self.y1.min(), self.y2.min())),
            float(max(self.x1.max(), self.x2.max())),
            float(max(self.y1.max(), self.y2.max())),
        )

    def turned(self, by: float) -> Outline:
        """The same outline, `by` degrees further east."""
        return Outline(self.x1 + by, self.y1, self.x2 + by, self.y2) if by else self

    def holds(self, longitude: Floats, latitude: Floats) -> Bools:
        """Whether each point lies within (even-odd), as the outline stands: not turned."""
        is_within = np.zeros(len(longitude), bool)
        # One edge after the other where these are fewer than the points, and the reverse.
        if len(self.x1) < len(longitude):
            is_on = np.zeros(len(longitude), bool)
            for one in zip(self.x1, self.y1, self.x2, self.y2, strict=True):
                is_within ^= crossed(longitude, latitude, *one)
                is_on |= lies_on(longitude, latitude, *one)
            return is_within | is_on
        edges = self.x1, self.y1, self.x2, self.y2
        for i, (x, y) in enumerate(zip(longitude, latitude, strict=True)):
            is_odd = np.count_nonzero(crossed(x, y, *edges)) & 1
            is_within[i] = is_odd or lies_on(x, y, *edges).any()
        return is_within

    def overlaps(self, other: Outline) -> bool:
        """Whether the two have anything in common."""
        for by in TURNS:
            mine = self.turned(by)
            if not _boxes_meet(mine.box, other.box):
                continue
            if mine.holds(other.x1, other.y1).any() or other.holds(mine.x1, mine.y1).any():
                return True
            if _edges_cross(mine, other):
                return True
        return False


def outline(rings: Rings) -> Outline:
    """Rings as edges, each over the antimeridian and round the poles where it goes there."""
    unrolled = [_unrolled(np.asarray(ring, np.float64)) for ring in rings]
    if any(_goes_round(x) for x, _ in unrolled):
        return _round_poles(unrolled)
    parts: list[tuple[Floats, Floats]] = []
    middle = 0.0
    for number, (x, y) in enumerate(unrolled):
        own = float(x.min() + x.max()) / 2
        # The first ring is brought near to 0°, and the others to where the first one is.
        by = 360 * round((middle - own) / 360)
        if number == 0:
            middle = own + by
        parts.append((x + by, y))
    return _edges(parts)


def wound(ring: Sequence[tuple[float, float]], *, is_hole: bool = False) -> list[Any]:
    """The ring closed and counter-clockwise, or a hole clockwise (RFC 7946, 3.1.6): issuers draw
    theirs either way, and who fills what lies to the left of a ring fills the rest of the world.
    One that goes round the globe has no such direction, and keeps its own."""
    closed = [*ring, *ring[: ring[0] != ring[-1]]]
    x, y = _unrolled(np.asarray(closed, np.float64))
    x = x - x[0]  # small numbers: of a small ring little would be left by large ones
    doubled = float((x[:-1] * np.diff(y) - np.diff(x) * (y[:-1] - y[0])).sum())
    return closed[::-1] if not _goes_round(x) and (doubled > 0) == is_hole else closed


def _edges(rings: Sequence[tuple[Floats, Floats]]) -> Outline:
    return Outline(
        np.concatenate([x[:-1] for x, _ in rings]),
        np.concatenate([y[:-1] for _, y in rings]),
        np.concatenate([x[1:] for x, _ in rings]),
        np.concatenate([y[1:] for _, y in rings]),
    )


def _goes_round(x: Floats) -> bool:
    return bool(abs(x[-1] - x[0]) > 180)


def _round_poles(rings: Sequence[tuple[Floats, Floats]]) -> Outline:
    """Rings of which some go round the globe, as one outline between -180° and 180°: cut at the
    antimeridian, and closed along it wherever it lies within."""
    whole = _edges(rings)
    turn, turn2 = (np.floor((x + 180) / 360) for x in (whole.x1, whole.x2))
    over = np.flatnonzero(turn2 != turn)
    x1, y1, x2, y2 = whole.x1 - 360 * turn, whole.y1, whole.x2 - 360 * turn, whole.y2
    is_east = turn2[over] > turn[over]
    border = np.where(is_east, 180.0, -180.0)
    way = x2[over] - x1[over]
    at = y1[over] + (border - x1[over]) / way * (y2[over] - y1[over])
    beyond_x2, beyond_y2 = x2[over] - 2 * border, y2[over]
    x2[over], y2 = border, y2.copy()
    y2[over] = at
    north = sum(_goes_round(x) and bool(y.max() + y.min() > 0) for x, y in rings)
    walls = [(x, *pair) for x in (-180.0, 180.0) for pair in _inside(at, is_held=north % 2 == 1)]
    caps = {pole for _, *pair in walls for pole in pair if abs(pole) == 90}
    wall = np.array([(x, y, x, z) for x, y, z in walls] + [(-180.0, p, 180.0, p) for p in caps])
    return Outline(
        np.concatenate([x1, -border, wall.reshape(-1, 4)[:, 0]]),
        np.concatenate([y1, at, wall.reshape(-1, 4)[:, 1]]),
        np.concatenate([x2, beyond_x2, wall.reshape(-1, 4)[:, 2]]),
        np.concatenate([y2, beyond_y2, wall.reshape(-1, 4)[:, 3]]),
    )


def _inside(at: Floats, *, is_held: bool) -> list[tuple[float, float]]:
    """From where to where a meridian lies within that is met at these latitudes, from north to
    south; `is_held`: the north pole does."""
    stops = [90.0] * is_held + sorted(at.tolist(), reverse=True)
    stops += [-90.0] * (len(stops) % 2)
    return list(zip(stops[::2], stops[1::2], strict=True))


def crossed(
    x: Floats | float,
    y: Floats | float,
    x1: Floats | float,
    y1: Floats | float,
    x2: Floats | float,
    y2: Floats | float,
) -> Bools:
    """Whether a ray from each point eastwards meets the edge from (x1, y1) to (x2, y2)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x1 + (y - y1) / np.subtract(y2, y1) * np.subtract(x2, x1)
        met: Bools = (np.greater(y1, y) != np.greater(y2, y)) & (x < at)
    return met


def lies_on(
    x: Floats | float,
    y: Floats | float,
    x1: Floats | float,
    y1: Floats | float,
    x2: Floats | float,
    y2: Floats | float,
) -> Bools:
    """Whether each point lies on the edge from (x1, y1) to (x2, y2)."""
    is_near = (
        (x >= np.minimum(x1, x2) - _ON_EDGE)
        & (x <= np.maximum(x1, x2) + _ON_EDGE)
        & (y >= np.minimum(y1, y2) - _ON_EDGE)
        & (y <= np.maximum(y1, y2) + _ON_EDGE)
    )
    length = np.abs(np.subtract(x2, x1)) + np.abs(np.subtract(y2, y1))
    is_on: Bools = is_near & (np.abs(_side(x, y, x1, y1, x2, y2)) <= _ON_EDGE * length)
    return is_on


def turns(west: float, east: float) -> Iterator[float]:
    """By how much to turn an outline so that all of it is met between -180° and 180°."""
    return (by for by in TURNS if west + by <= 180 and east + by >= -180)


def _unrolled(points: Floats) -> tuple[Floats, Floats]:
    """Longitudes without a jump, and latitudes; closed, but for a ring that goes round the globe,
    whose last longitude is its first one 360° further."""
    x, y = points[:, 0], points[:, 1]
    if x[0] != x[-1] or y[0] != y[-1]:
        x, y = np.append(x, x[0]), np.append(y, y[0])
    way = np.diff(x)
    is_long = (np.abs(way) > 180) & (np.abs(way) < 360)
    if not is_long.any():
        return x, y
    x = np.concatenate([x[:1], x[0] + np.cumsum(np.where(is_long, way - np.sign(way) * 360, way))])
    if not _goes_round(x):
        x[-1] = x[0]
    return x, y


def _boxes_meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _edges_cross(a: Outline, b: Outline) -> bool:
    """Whether any edge of one properly crosses an edge of the other."""
    return any(
        bool(
            (
                (_side(b.x1, b.y1, *edge) * _side(b.x2, b.y2, *edge) < 0)
                & (
                    _side(edge[0], edge[1], b.x1, b.y1, b.x2, b.y2)
                    * _side(edge[2], edge[3], b.x1, b.y1, b.x2, b.y2)
                    < 0
                )
            ).any()
        )
        for edge in zip(a.x1, a.y1, a.x2, a.y2, strict=True)
    )


def _side(
    x: Floats | float,
    y: Floats | float,
    x1: Floats | float,
    y1: Floats | float,
    x2: Floats | float,
    y2: Floats | float,
) -> Floats:
    """On which side of the line from (x1, y1) to (x2, y2) a point is, by its sign."""
    side: Floats = np.asarray(
        np.subtract(x2, x1) * np.subtract(y, y1) - np.subtract(y2, y1) * np.subtract(x, x1)
    )
    return side


def spans(start: Ints, stop: Ints) -> Ints:
    """All of start … stop - 1 of each pair, one pair after the other."""
    n = stop - start
    spanned: Ints = np.repeat(start - (np.cumsum(n) - n), n)
    spanned += np.arange(len(spanned))
    return spanned
