"""Circles and points on the globe, sorted into cells: which reach a point, which lie in an outline.

Cells are bands of latitude cut into columns of about the same width. Rows are sorted by cell, so
what lies in neighbouring cells of a band lies side by side. Most cells are wholly in or wholly
out, and only the rows of those at the edge are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from atalaia.domain.geo import EARTH_KM, KM_A_DEGREE, chord, unit
from atalaia.domain.outline import Outline, crossed, lies_on, spans, turns
from atalaia.domain.reading import Bools, Floats, Ints

FINEST = 0.01
"""Degrees: cells are not smaller, which is about a kilometre."""

_CELLS_A_RADIUS = 24

_AT_ONCE = 64
"""Points whose cells are looked up together."""

_EDGE_DEGREES = 1e-6
"""Outlines are taken as so much wider (10 cm) when cells are told from the edge."""

_LEVEL_DEGREES = 1e-4
"""An edge that climbs less counts as level: its cells are all along it."""

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class _Cells:
    """Occupied cells, by key: rows from `start` to `stop`, and a ball round their unit vectors.

    `least` and `most` are the squares' roots of the smallest and the largest reach in the cell.
    """

    key: Ints
    band: Ints
    start: Ints
    stop: Ints
    x: Floats
    y: Floats
    z: Floats
    ball: Floats
    least: Floats
    most: Floats


class Grid:
    """Circles of any size; best where sizes are alike. Radii in km, coordinates in degrees.

    `order` says which row of what was given each row of the grid is: who holds other columns
    sorts them by it. All methods answer with rows of the grid, each once and in no order.
    """

    def __init__(self, latitude: Floats, longitude: Floats, radius_km: Floats) -> None:
        widest = float(radius_km.max(initial=0.0))
        self.widest = min(widest / EARTH_KM, np.pi)
        size = float(np.clip(widest / KM_A_DEGREE / _CELLS_A_RADIUS, FINEST, 5.0))
        n_bands = int(np.ceil(180 / size))
        self.size = 180 / n_bands
        middle = (np.arange(n_bands) + 0.5) * self.size - 90
        self.columns = np.maximum(360 / self.size * np.cos(np.radians(middle)), 1).astype(np.int64)
        self.first = np.concatenate([[0], np.cumsum(self.columns)])
        longitude = (longitude + 180) % 360 - 180
        band = self._band(latitude)
        key = self.first[band] + self._column(longitude, band)
        self.order: Ints = np.argsort(key, kind="stable")
        self.latitude, self.longitude = latitude[self.order], longitude[self.order]
        self.x, self.y, self.z = unit(self.latitude, self.longitude)
        # A chord's square grows with the distance: no arc needs to be computed.
        self.reach = chord(radius_km[self.order]) ** 2
        self._cells = self._gathered(key[self.order])

    def __len__(self) -> int:
        return len(self.order)

    def around(self, latitude: Floats, longitude: Floats) -> Iterator[Ints]:
        """For each point, rows whose circle holds it: a circle's edge belongs to it."""
        longitude = (longitude + 180) % 360 - 180
        for i in range(0, len(latitude), _AT_ONCE):
            yield from self._around(latitude[i : i + _AT_ONCE], longitude[i : i + _AT_ONCE])

    def within(self, outline: Outline) -> Ints:
        """Rows whose centre lies in the outline."""
        west, _, east, _ = outline.box
        found = [self._within(outline.turned(by)) for by in turns(west, east)]
        # What lies on the antimeridian may lie on both sides of a turned outline.
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))

    # Cells

    def _band(self, latitude: Floats) -> Ints:
        band: Ints = ((latitude + 90) / self.size).astype(np.int64)
        clipped: Ints = np.clip(band, 0, len(self.columns) - 1)
        return clipped

    def _column(self, longitude: Floats, band: Ints) -> Ints:
        columns = self.columns[band]
        column: Ints = ((longitude + 180) / 360 * columns).astype(np.int64)
        at_most: Ints = np.minimum(column, columns - 1)
        return at_most

    def _gathered(self, key: Ints) -> _Cells:
        start = np.flatnonzero(np.diff(key, prepend=-1))
        stop = np.append(start[1:], len(key))
        n = stop - start
        if not len(start):
            none = np.zeros(0)
            return _Cells(start, start, start, stop[:0], none, none, none, none, none, none)
        x, y, z = (np.add.reduceat(one, start) / n for one in (self.x, self.y, self.z))
        square = (
            (self.x - np.repeat(x, n)) ** 2
            + (self.y - np.repeat(y, n)) ** 2
            + (self.z - np.repeat(z, n)) ** 2
        )
        band = np.searchsorted(self.first, key[start], side="right") - 1
        return _Cells(
            key=key[start],
            band=band,
            start=start,
            stop=stop,
            x=x,
            y=y,
            z=z,
            ball=np.sqrt(np.maximum.reduceat(square, start)) + _ROUNDING,
            least=np.sqrt(np.minimum.reduceat(self.reach, start)),
            most=np.sqrt(np.maximum.reduceat(self.reach, start)) + _ROUNDING,
        )

    def _around(self, latitude: Floats, longitude: Floats) -> Iterator[Ints]:
        point, cell = self._near(latitude, longitude)
        x, y, z = unit(latitude, longitude)
        each = self._cells
        away = np.sqrt(
            (each.x[cell] - x[point]) ** 2
            + (each.y[cell] - y[point]) ** 2
            + (each.z[cell] - z[point]) ** 2
        )
        ball = each.ball[cell]
        is_in = away + ball < each.least[cell]
        is_edge = ~is_in & (away - ball <= each.most[cell])
        sure = self._spans_of(point[is_in], cell[is_in], len(x))
        edge = self._spans_of(point[is_edge], cell[is_edge], len(x))
        for i in range(len(x)):
            rows = spans(*edge[i])
            square = (self.x[rows] - x[i]) ** 2 + (self.y[rows] - y[i]) ** 2
            square += (self.z[rows] - z[i]) ** 2
            yield np.concatenate([spans(*sure[i]), rows[square <= self.reach[rows]]])

    def _spans_of(self, point: Ints, cell: Ints, n: int) -> list[tuple[Ints, Ints]]:
        """The cells' rows, from and to, by point; points ascend."""
        start, stop = self._cells.start[cell], self._cells.stop[cell]
        bounds = np.searchsorted(point, np.arange(n + 1)).tolist()
        return [(start[a:b], stop[a:b]) for a, b in pairwise(bounds)]

    def _near(self, latitude: Floats, longitude: Floats) -> tuple[Ints, Ints]:
        """Pairs of point and cell that the widest circle round it may touch, by point."""
        wide = float(np.degrees(self.widest)) + _EDGE_DEGREES
        low, high = self._band(latitude - wide), self._band(latitude + wide)
        point = np.repeat(np.arange(len(low)), high - low + 1)
        band = spans(low, high + 1)
        columns, first = self.columns[band], self.first[band]
        with np.errstate(divide="ignore"):
            sine = np.sin(np.radians(wide)) / np.cos(np.radians(latitude))
        # A circle that holds a pole goes all the way round.
        span = np.degrees(np.arcsin(np.clip(sine, 0, 1))) + _EDGE_DEGREES
        span = np.where(np.abs(latitude) + wide < 90, span, 180.0)
        west = (longitude - span + 180)[point] / 360
        east = (longitude + span + 180)[point] / 360
        start = np.floor(west * columns).astype(np.int64)
        stop = np.floor(east * columns).astype(np.int64) + 1
        is_round = stop - start >= columns
        start, stop = np.where(is_round, 0, start), np.where(is_round, columns, stop)
        # What goes over the antimeridian is met at the other end of the band.
        low_key = np.stack([np.maximum(start, 0), np.minimum(start, 0) + columns, 0 * start])
        high_key = np.stack([np.minimum(stop, columns), columns, stop - columns])
        has = (low_key < high_key).T
        cells = self._cells.key
        begin = np.searchsorted(cells, (first + low_key).T[has])
        end = np.searchsorted(cells, (first + high_key).T[has])
        owner = np.repeat(point, has.sum(axis=1))
        return np.repeat(owner, end - begin), spans(begin, end)

    def _within(self, outline: Outline) -> Ints:
        """Rows within an outline as it stands, by scan lines: one a band of cells."""
        _, south, _, north = outline.box
        low, high = self._band(np.array([south - _EDGE_DEGREES, north + _EDGE_DEGREES]))
        begin, end = np.searchsorted(self._cells.key, self.first[[low, high + 1]])
        if begin == end:
            return np.zeros(0, np.int64)
        lines = _Edges(self, outline)
        key = self._cells.key[begin:end]
        is_edge = _covered(key, *lines.touched())
        # Of the other cells those are within that an odd number of edges lies to the west of.
        west = np.searchsorted(key, lines.crossings(), side="right")
        is_odd = np.cumsum(np.bincount(west, minlength=len(key) + 1))[:-1] % 2 == 1
        sure = begin + np.flatnonzero(is_odd & ~is_edge)
        edge = begin + np.flatnonzero(is_edge)
        start, stop = self._cells.start, self._cells.stop
        rows = spans(start[edge], stop[edge])
        band = np.repeat(self._cells.band[edge], stop[edge] - start[edge])
        is_within = lines.hold(self.longitude[rows], self.latitude[rows], band)
        return np.concatenate([spans(start[sure], stop[sure]), rows[is_within]])


class _Edges:
    """An outline's edges by the bands that they go through: one row a pair of these."""

    def __init__(self, grid: Grid, outline: Outline) -> None:
        self.grid = grid
        low = np.minimum(outline.y1, outline.y2)
        high = np.maximum(outline.y1, outline.y2)
        first, last = grid._band(low - _EDGE_DEGREES), grid._band(high + _EDGE_DEGREES)
        edge = np.repeat(np.arange(len(low)), last - first + 1)
        band = spans(first, last + 1)
        order = np.argsort(band, kind="stable")
        self.band = band[order]
        edge = edge[order]
        self.x1, self.y1 = outline.x1[edge], outline.y1[edge]
        self.x2, self.y2 = outline.x2[edge], outline.y2[edge]

    def touched(self) -> tuple[Ints, Ints]:
        """Keys of the cells that the edges go through: from, and up to and with."""
        south = self.band * self.grid.size - 90
        low, high = np.minimum(self.y1, self.y2), np.maximum(self.y1, self.y2)
        all_ = np.arange(len(south))
        enters = self._at(np.clip(south - _EDGE_DEGREES, low, high), all_)
        leaves = self._at(np.clip(south + self.grid.size + _EDGE_DEGREES, low, high), all_)
        west, east = np.minimum(self.x1, self.x2), np.maximum(self.x1, self.x2)
        is_level = high - low < _LEVEL_DEGREES
        low_x = np.where(is_level, west, np.maximum(np.minimum(enters, leaves), west))
        high_x = np.where(is_level, east, np.minimum(np.maximum(enters, leaves), east))
        start = self._column(low_x - _EDGE_DEGREES, self.band)
        stop = self._column(high_x + _EDGE_DEGREES, self.band)
        columns, first = self.grid.columns[self.band], self.grid.first[self.band]
        is_here = (stop >= 0) & (start < columns)
        start, stop = np.maximum(start, 0), np.minimum(stop, columns - 1)
        return (first + start)[is_here], (first + stop)[is_here]

    def crossings(self) -> Ints:
        """Keys of the cells in which edges cross the middle of a band."""
        middle = np.asarray((self.band + 0.5) * self.grid.size - 90, np.float64)
        crossing = np.flatnonzero((self.y1 <= middle) != (self.y2 <= middle))
        band = self.band[crossing]
        column = self._column(self._at(middle[crossing], crossing), band)
        # Beyond the antimeridian: before the band's first cell, or with its last.
        return self.grid.first[band] + np.clip(column, -1, self.grid.columns[band] - 1)

    def hold(self, longitude: Floats, latitude: Floats, band: Ints) -> Bools:
        """Whether points, each with its band, lie within (even-odd)."""
        is_within, is_on = np.zeros(len(band), bool), np.zeros(len(band), bool)
        low = np.searchsorted(self.band, band)
        high = np.searchsorted(self.band, band, side="right")
        for i in range(int((high - low).max(initial=0))):
            has = np.flatnonzero(low + i < high)
            edge = low[has] + i
            ends = self.x1[edge], self.y1[edge], self.x2[edge], self.y2[edge]
            is_within[has] ^= crossed(longitude[has], latitude[has], *ends)
            is_on[has] |= lies_on(longitude[has], latitude[has], *ends)
        return is_within | is_on

    def _at(self, latitude: Floats, edge: Ints) -> Floats:
        """Where the chosen edges have these latitudes, which they have somewhere."""
        climb = self.y2[edge] - self.y1[edge]
        share = (latitude - self.y1[edge]) / np.where(climb == 0, 1.0, climb)
        return self.x1[edge] + share * (self.x2[edge] - self.x1[edge])

    def _column(self, longitude: Floats, band: Ints) -> Ints:
        column: Ints = np.floor((longitude + 180) / 360 * self.grid.columns[band]).astype(np.int64)
        return column


def _covered(key: Ints, low: Ints, high: Ints) -> Bools:
    """Which of the sorted keys lie in any of the ranges from `low` up to and with `high`."""
    opened = np.bincount(np.searchsorted(key, low), minlength=len(key) + 1)
    closed = np.bincount(np.searchsorted(key, high, side="right"), minlength=len(key) + 1)
    covered: Bools = np.cumsum(opened - closed)[:-1] > 0
    return covered
