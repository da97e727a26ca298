"""Where people's circles and outlines are, and which of them events touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from atalaia.domain.grid import Grid
from atalaia.domain.outline import TURNS, Outline, crossed, lies_on
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.runs import RowRuns, once, spans
from atalaia.notify.asks import Askers

_LAYERS_KM = (30.0, 120.0, 500.0)
"""Circles up to each of these, and the larger ones, have a grid of their own."""


class Touched(NamedTuple):
    """Rows that events may touch, each once an event; of one event after the other.

    event    their numbers; they ascend
    n        how many of `at` each has
    rows     of the part of all that is looked at
    at       which of these
    is_in    which of `at` they do touch; None: all
    """

    event: Ints
    n: Ints
    rows: Askers
    at: RowRuns
    is_in: Bools | None

    def each(self) -> Iterator[Touched]:
        """Of one event each."""
        before = np.concatenate([[0], np.cumsum(self.n)]).tolist()
        for i, (a, b) in enumerate(pairwise(before)):
            is_in = None if self.is_in is None else self.is_in[a:b]
            at = RowRuns.of_rows(self.at.at[a:b])
            yield Touched(self.event[i : i + 1], self.n[i : i + 1], self.rows, at, is_in)

    def without(self, is_gone: Bools) -> Touched:
        """Without these people, by number."""
        is_known = ~is_gone.take(self.at.of(self.rows.person))
        return self._replace(is_in=is_known if self.is_in is None else self.is_in & is_known)


class Where(NamedTuple):
    """Where events are: at a point, in an area of several points, or in an outline.

    spots, shaped    int32, the numbers of the events that have one point, and an outline
    latitude, longitude    of each of `spots`, degrees
    areas            number, latitudes and longitudes
    outlines         of each of `shaped`
    """

    spots: Ints
    latitude: Floats
    longitude: Floats
    areas: Sequence[tuple[int, Floats, Floats]]
    shaped: Ints
    outlines: Sequence[Outline]


class Layer:
    """Circles of about the same size, in the order of their grid."""

    def __init__(self, rows: Askers, latitude: Floats, longitude: Floats, radius_km: Floats):
        self.grid = Grid(latitude, longitude, radius_km)
        self.rows = rows.taken(self.grid.order)
        self.radius_km = radius_km[self.grid.order]

    def found(self, where: Where) -> Iterator[Touched]:
        """Rows whose circle the events touch."""
        for events, some in (
            (where.spots, self.grid.around_all(where.latitude, where.longitude)),
            (where.shaped, self.grid.within_all(where.outlines)),
        ):
            for first, rows, is_in, n in some:
                yield Touched(events[first : first + len(n)], n, self.rows, rows, is_in)
        for event, latitude, longitude in where.areas:
            at = once(np.concatenate(list(self.grid.around(latitude, longitude))))
            yield _of_one(event, self.rows, RowRuns.of_rows(at))


class Outlines:
    """Polygons, which are few beside the circles: by bounding box, then edge by edge."""

    def __init__(self, rows: Askers, which: Ints, outlines: Sequence[Outline]) -> None:
        order = np.argsort(which, kind="stable")
        self.rows = rows.taken(order)
        self.which = which[order]
        self.outlines = outlines
        self.box = np.array([one.box for one in outlines]).reshape(-1, 4)
        n = np.array([len(one.x1) for one in outlines], np.int64)
        self._stop = np.cumsum(n)
        self._start = self._stop - n
        none = np.zeros(0)
        self._edges = tuple(
            np.concatenate([none, *(getattr(one, name) for one in outlines)])
            for name in ("x1", "y1", "x2", "y2")
        )

    def found(self, where: Where) -> Iterator[Touched]:
        """Rows whose polygon the events touch."""
        if not self.outlines:
            return
        for event, shape in zip(where.shaped.tolist(), where.outlines, strict=True):
            held = [i for i, one in enumerate(self.outlines) if one.overlaps(shape)]
            yield self._touched(event, held)
        points = zip(where.spots.tolist(), where.latitude, where.longitude, strict=True)
        for event, y, x in points:
            yield self._touched(event, self._holding(float(y), float(x)))
        for event, latitude, longitude in where.areas:
            pairs = zip(latitude.tolist(), longitude.tolist(), strict=True)
            yield self._touched(event, [i for y, x in pairs for i in self._holding(y, x)])

    def _touched(self, event: int, held: Sequence[int]) -> Touched:
        each = once(np.array(held, np.int64))
        rows = RowRuns(
            np.searchsorted(self.which, each), np.searchsorted(self.which, each, side="right")
        )
        return _of_one(event, self.rows, rows)

    def _holding(self, latitude: float, longitude: float) -> list[int]:
        held: set[int] = set()
        west, south, east, north = self.box.T
        for by in TURNS:
            x, y = longitude + by, latitude
            near = np.flatnonzero((west <= x) & (x <= east) & (south <= y) & (y <= north))
            edges = spans(self._start[near], self._stop[near])
            owner = np.repeat(np.arange(len(near)), (self._stop - self._start)[near])
            ends = tuple(one[edges] for one in self._edges)
            hits = crossed(x, y, *ends)
            odd = np.bincount(owner[hits], minlength=len(near)) % 2 == 1
            held.update(near[odd].tolist())
            held.update(near[owner[lies_on(x, y, *ends)]].tolist())
        return sorted(held)


def _of_one(event: int, rows: Askers, at: RowRuns) -> Touched:
    return Touched(np.array([event], np.int32), np.array([len(at)]), rows, at, None)


def no_shapes() -> Outlines:
    """Of nobody."""
    return Outlines(Askers.joined([]), np.zeros(0, np.int32), ())


def layers_of(rows: Askers, latitude: Floats, longitude: Floats, radius_km: Floats) -> list[Layer]:
    """The circles by size."""
    size = np.searchsorted(np.array(_LAYERS_KM), radius_km)
    layers = []
    for number in np.unique(size).tolist():
        mine = np.flatnonzero(size == number)
        layers.append(Layer(rows.taken(mine), latitude[mine], longitude[mine], radius_km[mine]))
    return layers
