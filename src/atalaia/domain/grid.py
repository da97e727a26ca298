"""Circles and points on the globe, sorted into cells: which reach a point, which lie in an outline.

Cells are bands of latitude cut into columns of about the same width. Rows are sorted by cell, so
what lies in neighbouring cells of a band lies side by side. Most cells are wholly in or wholly
out, and only the rows of those at the edge are looked at one by one. Many points or outlines are
asked about at once: of a few rows each, the calls would take longer than the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.geo import EARTH_KM, KM_A_DEGREE, chord, unit
from atalaia.domain.outline import TURNS, Outline, crossed, lies_on
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.runs import RowRuns, once, spans

FINEST = 0.01
"""Degrees: cells are not smaller, which is about a kilometre."""

_CELLS_A_RADIUS = (8, 5)
"""The first of them where cells have as many rows in the mean as `_ROWS_A_CELL`, else the next: of
few rows, looking up a cell takes longer than looking at its rows."""

_ROWS_A_CELL = 8

_AT_ONCE = 256
"""Points or outlines whose cells are looked up together."""

_ROWS_AT_ONCE = 65536
"""So many rows, or those of one outline, are looked at together: they lie in the cache."""

_ROWS_OF_POINTS = 1 << 18
"""The same of points, of which few rows are at the edge: there calls would take longer."""

_WORDS_A_CELL = 4
"""Where there are more words of keys than these an occupied cell, cells are searched for."""

_CELLS_AT_ONCE = 1 << 20
"""Outlines whose boxes have so many cells are looked up together."""

_PAIRS_AT_ONCE = 1 << 18
"""So many pairs of a row and an edge that may pass it are."""

_EDGE_DEGREES = 1e-6
"""Outlines are taken as so much wider (10 cm) when cells are told from the edge."""

_LEVEL_DEGREES = 1e-4
"""An edge that climbs less counts as level: its cells are all along it."""

Real = TypeVar("Real", np.float32, np.float64)

_ROUNDING = 2e-6
"""13 m: what single precision makes of the ways between cells and points, and more."""


class Hits(NamedTuple):
    """Rows of several points or outlines, of one after the other.

    first   the number of the first of them
    rows    what may be theirs
    is_in   which of these are; None: all
    n       how many of `rows` each has, from the first on
    """

    first: int
    rows: RowRuns
    is_in: Bools | None
    n: Ints

    def each(self) -> Iterator[Ints]:
        """The rows that are each one's."""
        bounds = np.concatenate([[0], np.cumsum(self.n)]).tolist()
        for a, b in pairwise(bounds):
            rows = self.rows.at[a:b]
            yield rows if self.is_in is None else rows[self.is_in[a:b]]


class _Ranks(NamedTuple):
    """Where keys lie among those of occupied cells, by a bit a key: all over the world it is two
    misses of the cache, which do not wait for each other, where a search is several that do.

    word     uint64, of 64 keys each: which of them are occupied
    before   int32, how many are in the words before
    """

    word: NDArray[np.uint64]
    n_before: Ints

    @classmethod
    def of(cls, key: Ints, n_keys: int) -> _Ranks | None:
        """Of ascending keys below `n_keys`; None where they are too few for so many."""
        n_words = n_keys // 64 + 1
        if n_words > _WORDS_A_CELL * len(key):
            return None
        word = np.zeros(n_words, np.uint64)
        np.bitwise_or.at(word, key >> 6, np.uint64(1) << (key & 63).astype(np.uint64))
        n = np.bitwise_count(word)
        return cls(word, np.cumsum(n, dtype=np.int32) - n.astype(np.int32))

    def before(self, keys: Ints) -> Ints:
        """How many lie before each of these keys, none of which lies beyond `n_keys`."""
        at = keys >> 6
        lower = (np.uint64(1) << (keys & 63).astype(np.uint64)) - np.uint64(1)
        before: Ints = self.n_before.take(at) + np.bitwise_count(self.word.take(at) & lower)
        return before


class _Cells(NamedTuple):
    """Occupied cells, by key.

    key    int32
    ranks  where each key lies among these; None: it is searched for
    of     int32, of shape (cells, 8): half a line of the cache has all that is read of a cell. Six
           of them are float32: x, y, z of the middle of a ball round its rows and the radius of
           that, and between what their reaches lie. Then the rows, from and to.
    """

    key: Ints
    ranks: _Ranks | None
    of: Ints

    def before(self, keys: Ints) -> Ints:
        """How many of the cells lie before each of these keys."""
        if self.ranks is not None:
            return self.ranks.before(keys)
        at: Ints = np.searchsorted(self.key, keys.astype(np.int32))
        return at

    @property
    def start(self) -> Ints:
        """The first row of each."""
        return self.of[:, 6]

    @property
    def stop(self) -> Ints:
        """The row after its last."""
        return self.of[:, 7]


class Grid:
    """Circles of any size; best where sizes are alike. Radii in km, coordinates in degrees.

    `order` says which row of what was given each row of the grid is: who holds other columns
    sorts them by it. All methods answer with rows of the grid, each once and in no order.
    """

    def __init__(self, latitude: Floats, longitude: Floats, radius_km: Floats) -> None:
        widest = float(radius_km.max(initial=0.0))
        self.widest = min(widest / EARTH_KM, np.pi)
        longitude = (longitude + 180) % 360 - 180
        for n in _CELLS_A_RADIUS:
            key = self._cut(widest / KM_A_DEGREE / n, latitude, longitude)
            if len(key) >= _ROWS_A_CELL * np.count_nonzero(np.diff(key, prepend=-1)):
                break
        self.latitude, self.longitude = latitude[self.order], longitude[self.order]
        # A chord's square grows with the distance: no arc needs to be computed.
        reach = chord(radius_km[self.order])
        self._square = reach**2
        # Side by side, as all four are read at once, and in single precision, which is half to
        # read: what it cannot decide is looked at again.
        exact = np.column_stack([*unit(self.latitude, self.longitude), self._square])
        self._ball = exact.astype(np.float32)
        self._doubt = 1e-6 * (float(reach.max(initial=0.0)) + 1e-3)
        self._cells = _cells(key, int(self.first[-1]), exact)

    def __len__(self) -> int:
        return len(self.order)

    def around(self, latitude: Floats, longitude: Floats) -> Iterator[Ints]:
        """For each point, rows whose circle holds it: a circle's edge belongs to it."""
        return (rows for some in self.around_all(latitude, longitude) for rows in some.each())

    def around_all(self, latitude: Floats, longitude: Floats) -> Iterator[Hits]:
        """The same, of several points at once."""
        longitude = (longitude + 180) % 360 - 180
        for i in range(0, len(latitude), _AT_ONCE):
            found = self._around(latitude[i : i + _AT_ONCE], longitude[i : i + _AT_ONCE])
            yield from (one._replace(first=i + one.first) for one in found)

    def within(self, outline: Outline) -> Ints:
        """Rows whose centre lies in the outline."""
        (rows,) = (rows for found in self.within_all([outline]) for rows in found.each())
        return rows

    def within_all(self, outlines: Sequence[Outline]) -> Iterator[Hits]:
        """The same of several outlines."""
        if not len(outlines):
            return
        edges = _Edges.of(outlines)
        west, south, east, north = edges.box
        n_bands = (north - south) / self.size + 2
        n_cells = np.minimum(n_bands * ((east - west) / self.size + 2), len(self._cells.key))
        total = np.concatenate([[0], np.cumsum(n_cells + n_bands)])
        for a, b in _pieces(total, _CELLS_AT_ONCE):
            yield from (one._replace(first=a + one.first) for one in self._within(edges.part(a, b)))

    # Cells

    def _cut(self, size: float, latitude: Floats, longitude: Floats) -> Ints:
        """Sort rows into cells of about this size; return the cell's key of each in that order."""
        n_bands = int(np.ceil(180 / float(np.clip(size, FINEST, 5.0))))
        self.size = 180 / n_bands
        middle = (np.arange(n_bands) + 0.5) * self.size - 90
        self.columns = np.maximum(360 / self.size * np.cos(np.radians(middle)), 1).astype(np.int64)
        self.first = np.concatenate([[0], np.cumsum(self.columns)])
        band = self._band(latitude)
        key = (self.first[band] + self._column(longitude, band)).astype(np.int32)
        self.order: Ints = np.argsort(key, kind="stable")
        return key[self.order]

    def _band(self, latitude: Floats) -> Ints:
        band: Ints = ((latitude + 90) / self.size).astype(np.int64)
        # NumPy's `clip` asks each time what limits the type has.
        clipped: Ints = np.minimum(np.maximum(band, 0), len(self.columns) - 1)
        return clipped

    def _column(self, longitude: Floats, band: Ints) -> Ints:
        columns = self.columns[band]
        column: Ints = ((longitude + 180) / 360 * columns).astype(np.int64)
        at_most: Ints = np.minimum(column, columns - 1)
        return at_most

    def _rows(
        self,
        n: int,
        owner: Ints,
        rows: tuple[Ints, Ints],
        is_sure: Bools,
        holds: Callable[[Ints, Ints, Ints], Bools],
        at_once: int,
    ) -> Iterator[Hits]:
        """Rows of n points or outlines, cell by cell: whose each cell is (`owner` ascends), from
        and to which row it goes, and whether it is wholly in. Of others `holds` says which rows are
        in: it takes the positions of their cells among these, how many rows each has, and the rows.
        So many of them are looked at together."""
        start, stop = (one.astype(np.int64) for one in rows)
        n_rows = stop - start
        bounds = np.searchsorted(owner, np.arange(n + 1))
        total = np.concatenate([[0], np.cumsum(n_rows)])[bounds]
        for a, b in _pieces(total, at_once):
            i, j = bounds[a], bounds[b]
            is_in = None
            edge = i + np.flatnonzero(~is_sure[i:j])
            if len(edge):
                before = np.cumsum(n_rows[i:j]) - n_rows[i:j]
                begin, n_each = before[edge - i], n_rows[edge]
                is_in = np.ones(total[b] - total[a], bool)
                held = holds(edge, n_each, spans(start[edge], stop[edge]))
                is_in[spans(begin, begin + n_each)] = held
            found = _side_by_side(start[i:j], stop[i:j])
            yield Hits(a, found, is_in, np.diff(total[a : b + 1]))

    # Points

    def _around(self, latitude: Floats, longitude: Floats) -> Iterator[Hits]:
        point, cell = self._near(latitude, longitude)
        centre = np.column_stack([*unit(latitude, longitude), np.zeros(len(latitude))])
        cells = self._cells.of.take(cell, axis=0)
        ball = cells[:, :6].view(np.float32)
        about = centre.astype(np.float32)
        away = np.sqrt(_square(ball[:, :4], about.take(point, axis=0)))
        _, _, _, radius, least, most = ball.T
        touched = np.flatnonzero(away - radius <= most)
        is_sure = (away + radius < least).take(touched)
        point, cells = point.take(touched), cells.take(touched, axis=0)

        def holds(among: Ints, n_each: Ints, rows: Ints) -> Bools:
            which = point.take(among)
            ball = self._ball.take(rows, axis=0)
            beyond = _square(ball, np.repeat(about.take(which, axis=0), n_each, axis=0))
            beyond -= ball[:, 3]
            held = beyond < 0
            doubt = np.flatnonzero(np.abs(beyond) <= self._doubt)
            if len(doubt):
                of = which.take(np.searchsorted(np.cumsum(n_each), doubt, side="right"))
                held[doubt] = self._holds(rows.take(doubt), centre.take(of, axis=0))
            return held

        rows = cells[:, 6], cells[:, 7]
        yield from self._rows(len(latitude), point, rows, is_sure, holds, _ROWS_OF_POINTS)

    def _holds(self, rows: Ints, centre: Floats) -> Bools:
        """Whether the circle of each row holds its centre."""
        where = unit(self.latitude.take(rows), self.longitude.take(rows))
        square = _square(np.column_stack([*where, np.zeros(len(rows))]), centre)
        held: Bools = square <= self._square.take(rows)
        return held

    def _near(self, latitude: Floats, longitude: Floats) -> tuple[Ints, Ints]:
        """Pairs of point and cell that the widest circle round it may touch, by point."""
        wide = float(np.degrees(self.widest)) + _EDGE_DEGREES
        low, high = self._band(np.array((latitude - wide, latitude + wide)))
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
        is_over = (start < 0) | (stop > columns)
        if is_over.any():
            # What goes over the antimeridian is met at the other end of the band.
            low_key = np.stack([np.maximum(start, 0), np.minimum(start, 0) + columns, 0 * start])
            high_key = np.stack([np.minimum(stop, columns), columns, stop - columns])
            has = (low_key < high_key).T
            point = np.repeat(point, has.sum(axis=1))
            low, high = (first + low_key).T[has], (first + high_key).T[has]
        else:
            low, high = first + start, first + stop
        begin, end = self._cells.before(np.array((low, high)))
        return np.repeat(point, end - begin), spans(begin, end)

    # Outlines

    def _within(self, edges: _Edges) -> Iterator[Hits]:
        lines = _ScanLines(self, edges)
        is_edge = lines.touched()
        # Of the other cells those are within that an odd number of edges lies to the west of.
        kept = np.flatnonzero(is_edge | lines.is_odd())
        window = lines.window.take(kept)
        owner = lines.owner.take(window)

        def holds(among: Ints, n_each: Ints, rows: Ints) -> Bools:
            where = self.longitude.take(rows), self.latitude.take(rows)
            return lines.hold(*where, np.repeat(window.take(among), n_each))

        is_sure = ~is_edge.take(kept)
        cell = lines.cell.take(kept)
        rows = self._cells.start.take(cell), self._cells.stop.take(cell)
        found = self._rows(len(edges.n), owner, rows, is_sure, holds, _ROWS_AT_ONCE)
        # What lies on the antimeridian may lie on both sides of a turned outline.
        return map(_each_once, found) if lines.has_turned else found


class _Edges(NamedTuple):
    """Of several outlines: edges from (x1, y1) to (x2, y2), of one outline after the other.

    n     how many each has
    box   west, south, east and north of each, of shape (4, outlines)
    """

    ends: Floats
    n: Ints
    box: Floats

    @classmethod
    def of(cls, outlines: Sequence[Outline]) -> _Edges:
        ends = [(one.x1, one.y1, one.x2, one.y2) for one in outlines]
        x1, y1, x2, y2 = (np.concatenate(some) for some in zip(*ends, strict=True))
        n = np.array([len(one.x1) for one in outlines])
        begin = np.cumsum(n) - n
        box = np.stack([
            np.minimum.reduceat(np.minimum(x1, x2), begin),
            np.minimum.reduceat(np.minimum(y1, y2), begin),
            np.maximum.reduceat(np.maximum(x1, x2), begin),
            np.maximum.reduceat(np.maximum(y1, y2), begin),
        ])  # fmt: skip
        return cls(np.column_stack([x1, y1, x2, y2]), n, box)

    def part(self, a: int, b: int) -> _Edges:
        """Of the outlines from a to b."""
        begin, n = int(self.n[:a].sum()), self.n[a:b]
        return _Edges(self.ends[begin : begin + int(n.sum())], n, self.box[:, a:b])


class _ScanLines:
    """Outlines by the bands that they go through: a window is what one may hold of a band.

    owner        of each window, which outline's it is; an outline that is met in several turns
                 has windows of each
    cell         the windows' cells, of one window after the other, and `window` whose each is
    has_turned   whether any outline is met in several turns
    """

    def __init__(self, grid: Grid, edges: _Edges) -> None:
        self._grid = grid
        west, south, east, north = edges.box
        turn = np.array(TURNS)[:, None]
        by, which = np.nonzero((west + turn <= 180) & (east + turn >= -180))
        order = np.argsort(which, kind="stable")
        which, shift = which[order], turn[by[order], 0]
        self.has_turned = len(which) > len(edges.n)
        low = grid._band(south[which] - _EDGE_DEGREES)
        high = grid._band(north[which] + _EDGE_DEGREES)
        self.owner = np.repeat(which, high - low + 1)
        self._open(low, high, west[which] + shift, east[which] + shift)
        self._sort(edges, which, shift, low, high)

    def _sort(self, edges: _Edges, which: Ints, shift: Floats, low: Ints, high: Ints) -> None:
        """Edges by window: one row a pair of these."""
        begin, n = (np.cumsum(edges.n) - edges.n)[which], edges.n[which]
        turned = np.repeat(np.arange(len(which)), n)
        ends = edges.ends[spans(begin, begin + n)]
        ends[:, ::2] += shift[turned][:, None]
        first = self._grid._band(ends[:, 1::2].min(axis=1) - _EDGE_DEGREES)
        last = self._grid._band(ends[:, 1::2].max(axis=1) + _EDGE_DEGREES)
        n_bands = high - low + 1
        base = (np.cumsum(n_bands) - n_bands - low)[turned]
        pair = np.repeat(np.arange(len(ends)), last - first + 1)
        of = spans(base + first, base + last + 1)
        order = np.argsort(of, kind="stable")
        self._of = of[order]
        self._ends = ends.take(pair[order], axis=0)
        self._bounds = np.searchsorted(self._of, np.arange(len(self.owner) + 1))

    def _open(self, low: Ints, high: Ints, west: Floats, east: Floats) -> None:
        grid = self._grid
        turned = np.repeat(np.arange(len(low)), high - low + 1)
        self._band = band = spans(low, high + 1)
        columns, first = grid.columns[band], grid.first[band]
        start = np.clip(self._column(west[turned] - _EDGE_DEGREES, band), 0, columns)
        stop = np.clip(self._column(east[turned] + _EDGE_DEGREES, band) + 1, start, columns)
        self._begin, end = grid._cells.before(np.array((first + start, first + stop)))
        self._n = end - self._begin
        self._before = np.cumsum(self._n) - self._n
        self.cell = spans(self._begin, end)
        self.window = np.repeat(np.arange(len(band)), self._n)

    def touched(self) -> Bools:
        """Which of the cells edges go through."""
        x1, y1, x2, y2 = self._ends.T
        band = self._band[self._of]
        south = band * self._grid.size - 90
        low, high = np.minimum(y1, y2), np.maximum(y1, y2)
        enters = self._at(np.clip(south - _EDGE_DEGREES, low, high))
        leaves = self._at(np.clip(south + self._grid.size + _EDGE_DEGREES, low, high))
        west, east = np.minimum(x1, x2), np.maximum(x1, x2)
        is_level = high - low < _LEVEL_DEGREES
        low_x = np.where(is_level, west, np.maximum(np.minimum(enters, leaves), west))
        high_x = np.where(is_level, east, np.minimum(np.maximum(enters, leaves), east))
        columns = self._grid.columns[band]
        start = np.clip(self._column(low_x - _EDGE_DEGREES, band), 0, columns)
        stop = np.clip(self._column(high_x + _EDGE_DEGREES, band) + 1, start, columns)
        first = self._grid.first[band]
        opened = self._counted(self._of, first + start)
        closed = self._counted(self._of, first + stop)
        touched: Bools = np.cumsum(opened - closed)[:-1] > 0
        return touched

    def is_odd(self) -> Bools:
        """To the west of which of the cells an odd number of edges crosses the band's middle."""
        _, y1, _, y2 = self._ends.T
        middle = np.asarray((self._band[self._of] + 0.5) * self._grid.size - 90, np.float64)
        crossing = np.flatnonzero((y1 <= middle) != (y2 <= middle))
        window = self._of[crossing]
        band = self._band[window]
        column = self._column(self._at(middle, crossing), band)
        # Beyond the antimeridian: before the band's first cell, or with its last.
        column = np.clip(column, -1, self._grid.columns[band] - 1)
        crossed = self._counted(window, self._grid.first[band] + column + 1)
        # All that open a window close it: the next one begins even.
        is_odd: Bools = np.cumsum(crossed)[:-1] % 2 == 1
        return is_odd

    def hold(self, longitude: Floats, latitude: Floats, window: Ints) -> Bools:
        """Whether points, each with its window, lie within (even-odd)."""
        start, stop = self._bounds.take(window), self._bounds.take(window + 1)
        held = np.zeros(len(window), bool)
        total = np.concatenate([[0], np.cumsum(stop - start)])
        for a, b in _pieces(total, _PAIRS_AT_ONCE):
            edge = spans(start[a:b], stop[a:b])
            point = np.repeat(np.arange(a, b), stop[a:b] - start[a:b])
            ends = self._ends.take(edge, axis=0)
            # The others neither pass to the east of the point nor go through it.
            y = latitude.take(point)
            low, high = np.minimum(ends[:, 1], ends[:, 3]), np.maximum(ends[:, 1], ends[:, 3])
            beside = np.flatnonzero((low - _EDGE_DEGREES <= y) & (y <= high + _EDGE_DEGREES))
            point, y = point.take(beside), y.take(beside)
            sides = ends.take(beside, axis=0).T
            x = longitude.take(point)
            passed = np.bincount(point[crossed(x, y, *sides)] - a, minlength=b - a)
            held[a:b] = passed % 2 == 1
            held[point[lies_on(x, y, *sides)]] = True
        return held

    def _counted(self, window: Ints, key: Ints) -> Ints:
        """How often each of the cells, and the end of all, is the first of its window that does
        not lie before the key."""
        at = self._grid._cells.before(key) - self._begin[window]
        at = self._before[window] + np.clip(at, 0, self._n[window])
        return np.bincount(at, minlength=len(self.cell) + 1)

    def _at(self, latitude: Floats, edge: Ints | slice = slice(None)) -> Floats:
        """Where the chosen edges have these latitudes, which they have somewhere."""
        x1, y1, x2, y2 = self._ends[edge].T
        climb = y2 - y1
        share = (latitude[edge] - y1) / np.where(climb == 0, 1.0, climb)
        at: Floats = x1 + share * (x2 - x1)
        return at

    def _column(self, longitude: Floats, band: Ints) -> Ints:
        column: Ints = np.floor((longitude + 180) / 360 * self._grid.columns[band]).astype(np.int64)
        return column


def _square(balls: NDArray[Real], centre: NDArray[Real]) -> NDArray[Real]:
    """Squares of the ways between middles, straight through the globe."""
    way = balls - centre
    way *= way
    square: NDArray[Real] = way[:, 0] + way[:, 1] + way[:, 2]
    return square


def _cells(key: Ints, n_keys: int, balls: Floats) -> _Cells:
    """The cells, of so many that may be occupied, that rows in this order lie in: unit vectors, and
    the squares of their reaches."""
    start = np.flatnonzero(np.diff(key, prepend=-1))
    n = np.diff(start, append=len(key))
    mine = key[start]
    cells = _Cells(mine, _Ranks.of(mine, n_keys), np.zeros((len(start), 8), np.int32))
    if not len(start):
        return cells
    cells.of[:, 6], cells.of[:, 7] = start, start + n
    ball = cells.of.view(np.float32)
    for i in range(3):
        ball[:, i] = np.add.reduceat(balls[:, i], start) / n
    square = _square(balls, np.repeat(ball[:, :4].astype(np.float64), n, axis=0))
    ball[:, 3] = np.sqrt(np.maximum.reduceat(square, start)) + _ROUNDING
    ball[:, 4] = np.sqrt(np.minimum.reduceat(balls[:, 3], start)) - _ROUNDING
    ball[:, 5] = np.sqrt(np.maximum.reduceat(balls[:, 3], start)) + _ROUNDING
    return cells


def _side_by_side(start: Ints, stop: Ints) -> RowRuns:
    """Rows of cells; those of neighbours are one run."""
    is_first = np.ones(len(start) + 1, bool)
    np.not_equal(start[1:], stop[:-1], out=is_first[1:-1])
    return RowRuns(start[is_first[:-1]], stop[is_first[1:]])


def _pieces(total: Ints, most: int) -> Iterator[tuple[int, int]]:
    """Cuts so that each piece adds up to `most`, or is one alone; `total` is that of all before
    each, and of all."""
    a, n = 0, len(total) - 1
    while a < n:
        b = int(np.searchsorted(total, total[a] + most, side="right")) - 1
        b = max(a + 1, b)
        yield a, b
        a = b


def _each_once(found: Hits) -> Hits:
    each = [once(rows) for rows in found.each()]
    n = np.array([len(rows) for rows in each])
    return Hits(found.first, RowRuns.of_rows(np.concatenate(each)), None, n)
