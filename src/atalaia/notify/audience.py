"""Whom an alert concerns: everybody's subscriptions as columns, sorted by where they are.

A person is concerned where a circle or polygon of theirs holds one of the event's points, and

- the event's level is at least the one that they chose for its hazard, or
- a limit of their own lies in what the incident's peak has just come through.

A circle is concerned by an event that has a polygon where its centre lies in that; a polygon,
where the two overlap.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import RLock

import numpy as np

from atalaia.domain.alert import Moved
from atalaia.domain.grid import Grid
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.outline import TURNS, Outline, Rings, crossed, lies_on, outline, spans
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.subscription import Circle, Person, Polygon, Subscription
from atalaia.notify.names import Names, Texts

_NEVER = 127
"""Above every level: for who did not ask for the hazard."""

NO_KEY = -1

_LAYERS_KM = (30.0, 120.0, 500.0)
"""Circles up to each of these, and the larger ones, have a grid of their own."""

_YOUNG_MOST = 20_000
_YOUNG_SHARE = 32
"""What was put lately is kept apart, up to so many rows or this part of all, and sorted anew at the
next question; then it is merged with the rest."""

_HAZARDS = {str(hazard): i for i, hazard in enumerate(Hazard)}

Key = tuple[str, str, int]
"""Hazard, what (`domain.alert.limited`) and window_s of a limit of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an alert says, as far as it decides whom it concerns.

    hazard, level    of the alert; a level 0 … 4
    latitudes, longitudes    degrees: one point for a place, several for an area; an empty event
                     without a polygon concerns nobody
    polygon          rings as in `subscription.Polygon`; in place of points
    moved            how far the incident's peaks came
    is_step          it concerns those alone whose own limit it passed
    """

    hazard: str
    level: int
    latitudes: Sequence[float] | Floats = ()
    longitudes: Sequence[float] | Floats = ()
    polygon: Rings | None = None
    moved: tuple[Moved, ...] = ()
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class Concern:
    """One row an event and person, by event; within an event in no order.

    event    int32, position among the events asked about
    person   int32, number in `Audience.names`
    limit    float64, in the unit of its variable: the person's own limit that was passed (of
             several the most extreme, by the first of the event's `moved` that passed one); NaN
             where none was, and the level alone concerns them
    """

    event: Ints
    person: Ints
    limit: Floats

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circles:
    """Many subscriptions at once: one row a circle and limit. Equal-length columns.

    person      int, position in the names given with them
    latitude, longitude    degrees; radius_km
    wish        int, position in `wishes`: hazards with levels, as in `Subscription.hazards`
    key, limit  position in `keys`, and a limit of one's own; key -1: none
    """

    person: Ints
    latitude: Floats
    longitude: Floats
    radius_km: Floats
    wish: Ints
    key: Ints
    limit: Floats
    wishes: Sequence[dict[str, str]]
    keys: Sequence[Key] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """The same of polygons: one row a polygon and limit.

    which      int, position in `outlines`
    the rest   as `Circles` has it, whose wishes and keys are these, too
    """

    person: Ints
    which: Ints
    wish: Ints
    key: Ints
    limit: Floats
    outlines: Sequence[Outline]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is asked for at a circle or an outline: by whom, from which level, with which limit."""

    person: Ints
    wish: Ints
    key: Ints
    limit: Floats

    def take(self, rows: Ints | Bools) -> _Rows:
        return _Rows(self.person[rows], self.wish[rows], self.key[rows], self.limit[rows])


def _ints() -> array[int]:
    return array("i")


def _floats() -> array[float]:
    return array("d")


@dataclass(slots=True)
class _Drafts:
    """Rows that are still being added to, each with its circle or its outline."""

    person: array[int] = field(default_factory=_ints)
    wish: array[int] = field(default_factory=_ints)
    key: array[int] = field(default_factory=_ints)
    limit: array[float] = field(default_factory=_floats)
    latitude: array[float] = field(default_factory=_floats)
    longitude: array[float] = field(default_factory=_floats)
    radius_km: array[float] = field(default_factory=_floats)
    which: array[int] = field(default_factory=_ints)
    outlines: list[Outline] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.person)

    def add(self, person: int, wish: int, key: int, limit: float) -> None:
        self.person.append(person)
        self.wish.append(wish)
        self.key.append(key)
        self.limit.append(limit)

    def taken(self) -> _Rows:
        """A copy of the rows as they stand."""
        return _Rows(
            np.array(self.person, np.int32),
            np.array(self.wish, np.int32),
            np.array(self.key, np.int16),
            np.array(self.limit, np.float64),
        )


class _Layer:
    """Circles of about the same size, in the order of their grid."""

    def __init__(self, rows: _Rows, latitude: Floats, longitude: Floats, radius_km: Floats):
        self.grid = Grid(latitude, longitude, radius_km)
        self.rows = rows.take(self.grid.order)
        self.radius_km = radius_km[self.grid.order]

    def found(self, events: Sequence[Event]) -> Iterator[Ints]:
        """For each event, rows whose circle it touches, each once."""
        spots = [event for event in events if event.polygon is None]
        none = np.zeros(0)
        around = self.grid.around(
            np.concatenate([none, *(np.asarray(event.latitudes) for event in spots)]),
            np.concatenate([none, *(np.asarray(event.longitudes) for event in spots)]),
        )
        for event in events:
            if event.polygon is not None:
                yield self.grid.within(outline(event.polygon))
                continue
            found = list(islice(around, len(event.latitudes)))
            if len(found) == 1:
                yield found[0]
            else:
                yield np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


class _Shapes:
    """Polygons, which are few beside the circles: by bounding box, then edge by edge."""

    def __init__(self, rows: _Rows, which: Ints, outlines: Sequence[Outline]) -> None:
        order = np.argsort(which, kind="stable")
        self.rows = rows.take(order)
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

    def found(self, events: Sequence[Event]) -> Iterator[Ints]:
        """For each event, rows whose polygon it touches, each once."""
        for event in events:
            yield self._found(event) if self.outlines else np.zeros(0, np.int64)

    def _found(self, event: Event) -> Ints:
        if event.polygon is not None:
            shape = outline(event.polygon)
            held = [i for i, one in enumerate(self.outlines) if one.overlaps(shape)]
        else:
            pairs = zip(event.latitudes, event.longitudes, strict=True)
            held = [i for y, x in pairs for i in self._holding(float(y), float(x))]
        each = np.unique(np.array(held, np.int64))
        return spans(
            np.searchsorted(self.which, each), np.searchsorted(self.which, each, side="right")
        )

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


def _no_shapes() -> _Shapes:
    return _Shapes(_Drafts().taken(), np.zeros(0, np.int32), ())


class Audience:
    """Everybody's subscriptions. Threads take turns by a lock.

    `names` has the pseudonym of each person's number, and an empty string where the person is
    known no more, or has been put again since.
    """

    def __init__(self) -> None:
        self.names = Names()
        self._has_many = bytearray()
        self._lock = RLock()
        self._swept = 0  # of those who are gone no row is left
        self._keys: dict[Key, int] = {}
        self._wishes: dict[tuple[tuple[str, str], ...], int] = {(): 0}
        self._levels = np.full((len(_HAZARDS), 16), _NEVER, np.int8)
        self._base: list[_Layer] = []
        self._base_shapes = _no_shapes()
        self._young: list[_Layer] = []
        self._young_shapes = _no_shapes()
        self._circles, self._polygons = _Drafts(), _Drafts()
        self._is_stale = False

    def __len__(self) -> int:
        """How many people it knows."""
        return len(self.names) - self.names.n_gone

    @classmethod
    def of(
        cls, names: Sequence[str] | Texts, circles: Circles, polygons: Polygons | None = None
    ) -> Audience:
        """An audience of people of whom all is known at once; they are numbered as they come."""
        new = cls()
        new.fill(names, circles, polygons)
        return new

    def fill(
        self, names: Sequence[str] | Texts, circles: Circles, polygons: Polygons | None = None
    ) -> None:
        """The same for one that nobody was ever put in."""
        counts = np.bincount(circles.person, minlength=len(names))
        # The last is for who has no limit: -1 finds it.
        wish = np.array([self._wish(one) for one in circles.wishes], np.int32)
        key = np.array([*(self._key(one) for one in circles.keys), NO_KEY], np.int16)

        def rows(of: Circles | Polygons) -> _Rows:
            return _Rows(
                np.asarray(of.person, np.int32),
                wish[of.wish],
                key[of.key],
                np.asarray(of.limit, np.float64),
            )

        base = _layers(rows(circles), circles.latitude, circles.longitude, circles.radius_km)
        shapes = _no_shapes()
        if polygons is not None:
            counts += np.bincount(polygons.person, minlength=len(names))
            shapes = _Shapes(rows(polygons), polygons.which, polygons.outlines)
        with self._lock:
            self._base, self._base_shapes = base, shapes
            self._has_many = bytearray((counts > 1).astype(np.uint8).tobytes())
            self.names = Names(names)

    def taken(self) -> tuple[Ints, Texts, Circles, Polygons]:
        """All of it, as `of` takes it, and the numbers that these people have here."""
        with self._lock:
            self._settle()
            rows, *places = self._circles_known()
            shaped, which, outlines = self._shapes_known()
            numbers, names = self.names.all()
        wishes = [dict(asked) for asked in self._wishes]
        person = np.searchsorted(numbers, rows.person)
        latitude, longitude, radius_km = places
        circles = Circles(
            person=person,
            latitude=latitude,
            longitude=longitude,
            radius_km=radius_km,
            wish=rows.wish,
            key=rows.key,
            limit=rows.limit,
            wishes=wishes,
            keys=list(self._keys),
        )
        polygons = Polygons(
            person=np.searchsorted(numbers, shaped.person),
            which=which,
            wish=shaped.wish,
            key=shaped.key,
            limit=shaped.limit,
            outlines=outlines,
        )
        return numbers, names, circles, polygons

    def put(self, person: Person) -> int:
        """Know a person, or know them anew, with all their subscriptions; return their number."""
        with self._lock:
            number = self.names.add(person.pseudonym)
            self._has_many.append(0)
            before = len(self._circles) + len(self._polygons)
            for subscription in person.subscriptions:
                self._draft(number, subscription)
            after = len(self._circles) + len(self._polygons)
            self._has_many[number] = after - before > 1
            self._is_stale |= after > before
        return number

    def put_all(self, people: Iterable[Person]) -> None:
        """Know many."""
        for person in people:
            self.put(person)

    def remove(self, pseudonym: str) -> None:
        """Know a person no more; nothing happens if they are not known."""
        with self._lock:
            self.names.remove(pseudonym)

    def concerned(self, events: Sequence[Event]) -> Concern:
        """Whom the events concern, one row an event and person."""
        with self._lock:
            self._settle()
            return self._concerned(events)

    def _concerned(self, events: Sequence[Event]) -> Concern:
        people: list[Ints] = []
        limits: list[Floats] = []
        has_many = np.array(self._has_many, bool) if 1 in self._has_many else None
        for event, touched in zip(events, self._touched(events), strict=True):
            person, limit, which = self._matched(event, touched)
            if has_many is not None:
                person, limit = _one_each(event, person, limit, which, has_many.take(person))
            people.append(person)
            limits.append(limit)
        counts = [len(person) for person in people]
        return Concern(
            np.repeat(np.arange(len(events), dtype=np.int32), counts),
            np.concatenate([np.zeros(0, np.int32), *people]),
            np.concatenate([np.zeros(0), *limits]),
        )

    def limits_at(self, latitude: float, longitude: float) -> dict[tuple[str, int], Floats]:
        """Own limits of all whose circles or polygons hold the point: sorted, each once.

        By what (`domain.alert.limited`) and window_s, in the variable's unit.
        """
        if not self._keys:
            return {}
        here = Event(hazard="", level=0, latitudes=(latitude,), longitudes=(longitude,))
        found: dict[tuple[str, int], list[Floats]] = defaultdict(list)
        with self._lock:
            self._settle()
            names = list(self._keys)
            for rows, covering in next(self._touched([here])):
                mine = rows.take(covering[rows.key[covering] != NO_KEY])
                for key in np.unique(mine.key).tolist():
                    found[names[key][1:]].append(np.unique(mine.limit[mine.key == key]))
        return {key: np.unique(np.concatenate(limits)) for key, limits in found.items()}

    # Matching

    def _touched(self, events: Sequence[Event]) -> Iterator[list[tuple[_Rows, Ints]]]:
        """For each event, rows of people who are still known, where it is."""
        is_gone = self.names.gone() if self.names.n_gone > self._swept else None
        layers: list[_Layer | _Shapes] = [*self._base, *self._young]
        parts = [*layers, self._base_shapes, self._young_shapes]
        for each in zip(*(part.found(events) for part in parts), strict=True):
            touched = []
            for part, found in zip(parts, each, strict=True):
                rows = found
                if is_gone is not None:
                    rows = found[~is_gone[part.rows.person[found]]]
                if len(rows):
                    touched.append((part.rows, rows))
            yield touched

    def _matched(
        self, event: Event, touched: Sequence[tuple[_Rows, Ints]]
    ) -> tuple[Ints, Floats, Ints]:
        """Person, limit (NaN: by level), and which of `moved` passed it; each row once."""
        people, limits, whiches = [], [], []
        is_asked = self._levels[_HAZARDS[event.hazard]] <= (0 if event.is_step else event.level)
        keys = [self._keys.get((event.hazard, m.what, m.window_s)) for m in event.moved]
        for rows, found in touched:
            by_level = is_asked.take(rows.wish.take(found))
            own, key = rows.limit.take(found), rows.key.take(found)
            left = np.ones(len(found), bool)
            for i, moved in enumerate(event.moved):
                if keys[i] is None:
                    continue
                has = (key == keys[i]) & _is_passed(own, moved) & left
                left &= ~has
                passing = np.flatnonzero(has)
                people.append(rows.person.take(found.take(passing)))
                limits.append(own.take(passing))
                whiches.append(np.full(len(passing), i, np.int8))
            others = np.flatnonzero(by_level & left)
            people.append(rows.person.take(found.take(others)))
            limits.append(np.full(len(others), np.nan))
            whiches.append(np.full(len(others), _NEVER, np.int8))
        return (
            np.concatenate([np.zeros(0, np.int32), *people]),
            np.concatenate([np.zeros(0), *limits]),
            np.concatenate([np.zeros(0, np.int8), *whiches]),
        )

    # Rows

    def _draft(self, number: int, subscription: Subscription) -> None:
        wish = self._wish(subscription.hazards)
        asked = [
            (self._key((one.hazard, one.what, one.window_s)), one.limit)
            for one in subscription.thresholds
        ]
        if not wish and not asked:
            return
        asked = asked or [(NO_KEY, 0.0)]
        for shape in subscription.where:
            drafts = self._circles if isinstance(shape, Circle) else self._polygons
            if isinstance(shape, Polygon):
                drafts.outlines.append(outline(shape.rings))
            for i, (key, limit) in enumerate(asked):
                # The levels stand in the first row alone.
                drafts.add(number, 0 if i else wish, key, limit)
                if isinstance(shape, Circle):
                    drafts.latitude.append(shape.latitude)
                    drafts.longitude.append(shape.longitude)
                    drafts.radius_km.append(shape.radius_km)
                else:
                    drafts.which.append(len(drafts.outlines) - 1)

    def _key(self, key: Key) -> int:
        return self._keys.setdefault(key, len(self._keys))

    def _wish(self, hazards: dict[str, str]) -> int:
        """The number of a choice of hazards and levels; many people have the same one."""
        asked = tuple(sorted(hazards.items()))
        known = self._wishes.get(asked)
        if known is not None:
            return known
        number = self._wishes[asked] = len(self._wishes)
        if number >= self._levels.shape[1]:
            more = np.full_like(self._levels, _NEVER)
            self._levels = np.concatenate([self._levels, more], axis=1)
        for hazard, level in asked:
            self._levels[_HAZARDS[hazard], number] = LEVEL_OF[level]
        return number

    def _settle(self) -> None:
        """Sort what was put since the last question; merge it where it has become much."""
        most = max(_YOUNG_MOST, sum(len(one.grid) for one in self._base) // _YOUNG_SHARE)
        n_gone = self.names.n_gone - self._swept
        is_much = len(self._circles) + len(self._polygons) > most or n_gone > most
        if not self._is_stale and not is_much:
            return
        self._is_stale = False
        circles, polygons = self._circles, self._polygons
        places = tuple(
            np.array(one) for one in (circles.latitude, circles.longitude, circles.radius_km)
        )
        self._young = _layers(circles.taken(), *places)
        self._young_shapes = _Shapes(polygons.taken(), np.array(polygons.which), polygons.outlines)
        if is_much:
            self._merge()

    def _merge(self) -> None:
        n_gone = self.names.n_gone
        self._base = _layers(*self._circles_known())
        self._base_shapes = _Shapes(*self._shapes_known())
        self._young, self._young_shapes = [], _no_shapes()
        self._circles, self._polygons = _Drafts(), _Drafts()
        self._swept = n_gone

    def _circles_known(self) -> tuple[_Rows, Floats, Floats, Floats]:
        """Rows of people who are still known, with latitude, longitude and radius."""
        is_gone, none = self.names.gone(), np.zeros(0)
        layers = [*self._base, *self._young]
        parts = [(one, ~is_gone[one.rows.person]) for one in layers]
        return (
            _joined([one.rows.take(known) for one, known in parts]),
            np.concatenate([none, *(one.grid.latitude[known] for one, known in parts)]),
            np.concatenate([none, *(one.grid.longitude[known] for one, known in parts)]),
            np.concatenate([none, *(one.radius_km[known] for one, known in parts)]),
        )

    def _shapes_known(self) -> tuple[_Rows, Ints, list[Outline]]:
        """The same of polygons: which outline each row has, and these."""
        old, new = self._base_shapes, self._young_shapes
        rows = _joined([old.rows, new.rows])
        which = np.concatenate([old.which, new.which + len(old.outlines)])
        outlines = [*old.outlines, *new.outlines]
        known = ~self.names.gone()[rows.person]
        kept, which = np.unique(which[known], return_inverse=True)
        return rows.take(known), which, [outlines[i] for i in kept]


def _layers(rows: _Rows, latitude: Floats, longitude: Floats, radius_km: Floats) -> list[_Layer]:
    """The circles by size."""
    size = np.searchsorted(np.array(_LAYERS_KM), radius_km)
    layers = []
    for number in np.unique(size).tolist():
        mine = np.flatnonzero(size == number)
        layers.append(_Layer(rows.take(mine), latitude[mine], longitude[mine], radius_km[mine]))
    return layers


def _joined(parts: Sequence[_Rows]) -> _Rows:
    none = _Drafts().taken()
    every = [none, *parts]
    return _Rows(
        np.concatenate([one.person for one in every]),
        np.concatenate([one.wish for one in every]),
        np.concatenate([one.key for one in every]),
        np.concatenate([one.limit for one in every]),
    )


def _one_each(
    event: Event, person: Ints, limit: Floats, which: Ints, has_many: Bools
) -> tuple[Ints, Floats]:
    """One row a person: their most extreme limit that the first of the peaks passed."""
    again = np.flatnonzero(has_many)
    below = [i for i, moved in enumerate(event.moved) if moved.is_below]
    milder = np.where(np.isin(which[again], below), limit[again], -limit[again])
    order = again[np.lexsort((milder, which[again], person[again]))]
    is_first = np.diff(person[order], prepend=-1) != 0
    keep = np.concatenate([np.flatnonzero(~has_many), order[is_first]])
    return person[keep], limit[keep]


def _is_passed(limit: Floats, moved: Moved) -> Bools:
    """Whether each limit lies in what the peak came through: the new peak belongs to it."""
    if moved.is_below:
        passed: Bools = limit >= moved.high
        return passed if moved.low is None else passed & (limit < moved.low)
    passed = limit <= moved.high
    return passed if moved.low is None else passed & (limit > moved.low)
