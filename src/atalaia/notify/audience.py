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
from threading import RLock
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.domain.alert import Moved
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.outline import Outline, Rings, outline
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.subscription import Circle, Person, Polygon, Subscription
from atalaia.notify.asks import NEVER, NO_KEY, Askers, Asks, Peaks, Verdict, judged
from atalaia.notify.names import Names, Texts
from atalaia.notify.touched import Layer, Outlines, Touched, Where, layers_of, no_shapes

_YOUNG_MOST = 20_000
_YOUNG_SHARE = 32
"""What was put lately is kept apart, up to so many rows or this part of all, and sorted anew at the
next question; then it is merged with the rest."""

_HAZARDS = {str(hazard): i for i, hazard in enumerate(Hazard)}

Key = tuple[str, str, int]
"""Hazard, what (`domain.alert.limited`) and window_s of a limit of one's own."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
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

    def taken(self) -> Askers:
        """A copy of the rows as they stand."""
        asked = Asks(np.array(self.wish), np.array(self.key), np.array(self.limit))
        return Askers.of(np.array(self.person), asked)


_Said = tuple[str, int, tuple[Moved, ...]]
"""Hazard, level (0: none is enough) and how far the peaks came: all but where an event is."""


class _Told(NamedTuple):
    """Whom events concern, as `Concern` has it, but a person may stand there several times an
    event; `which` of `Event.moved` passed the limit, else `NEVER`: that of nobody where nobody can
    stand there twice."""

    event: Ints
    person: Ints
    limit: Floats
    which: Ints

    def take(self, rows: Ints) -> _Told:
        """These of them, in this order."""
        which = self.which.take(rows) if len(self.which) else self.which
        return _Told(self.event.take(rows), self.person.take(rows), self.limit.take(rows), which)


class Audience:
    """Everybody's subscriptions. Threads take turns by a lock.

    `names` has the pseudonym of each person's number, and an empty string where the person is
    known no more, or has been put again since.
    """

    def __init__(self) -> None:
        self.names = Names()
        self._has_many = bytearray()
        self._may_repeat = False
        self._lock = RLock()
        self._swept = 0  # of those who are gone no row is left
        self._keys: dict[Key, int] = {}
        self._wishes: dict[tuple[tuple[str, str], ...], int] = {(): 0}
        self._levels = np.full((len(_HAZARDS), 16), NEVER, np.int8)
        self._base: list[Layer] = []
        self._base_shapes = no_shapes()
        self._young: list[Layer] = []
        self._young_shapes = no_shapes()
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

        def rows(of: Circles | Polygons) -> Askers:
            return Askers.of(of.person, Asks(wish[of.wish], key[of.key], np.asarray(of.limit)))

        base = layers_of(rows(circles), circles.latitude, circles.longitude, circles.radius_km)
        shapes = no_shapes()
        if polygons is not None:
            counts += np.bincount(polygons.person, minlength=len(names))
            shapes = Outlines(rows(polygons), polygons.which, polygons.outlines)
        with self._lock:
            self._base, self._base_shapes = base, shapes
            self._has_many = bytearray((counts > 1).astype(np.uint8).tobytes())
            self._may_repeat = 1 in self._has_many
            self.names = Names(names)

    def taken(self) -> tuple[Ints, Texts, Circles, Polygons]:
        """All of it, as `of` takes it, and the numbers that these people have here."""
        with self._lock:
            self._settle()
            rows, *places = self._circles_known()
            shaped, which, outlines = self._shapes_known()
            numbers, names = self.names.all()
        wishes = [dict(asked) for asked in self._wishes]
        latitude, longitude, radius_km = places
        asked, asked_there = rows.asked.take(rows.ask), shaped.asked.take(shaped.ask)
        circles = Circles(
            person=np.searchsorted(numbers, rows.person),
            latitude=latitude,
            longitude=longitude,
            radius_km=radius_km,
            wish=asked.wish,
            key=asked.key,
            limit=asked.limit,
            wishes=wishes,
            keys=list(self._keys),
        )
        polygons = Polygons(
            person=np.searchsorted(numbers, shaped.person),
            which=which,
            wish=asked_there.wish,
            key=asked_there.key,
            limit=asked_there.limit,
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
            self._may_repeat |= after - before > 1
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
        has_many = np.array(self._has_many, bool) if self._may_repeat else None
        parts = list(self._touched(_where(events)))
        found = _Found(sum(len(one.at) for _, one in parts), may_repeat=has_many is not None)
        self._tell(events, parts, found)
        told = found.told()
        if has_many is not None:
            told = _one_each(events, told, has_many)
        if found.is_mixed:
            told = told.take(np.argsort(told.event, kind="stable"))
        return Concern(told.event, told.person, told.limit)

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
            for _, touched in self._touched(_where([here])):
                ask = touched.at.of(touched.rows.ask)
                asked = touched.rows.asked.take(
                    ask if touched.is_in is None else ask[touched.is_in]
                )
                for key in np.unique(asked.key[asked.key != NO_KEY]).tolist():
                    found[names[key][1:]].append(np.unique(asked.limit[asked.key == key]))
        return {key: np.unique(np.concatenate(limits)) for key, limits in found.items()}

    # Matching

    def _touched(self, where: Where) -> Iterator[tuple[Layer | Outlines, Touched]]:
        """Rows of people who are still known, where the events are: of one part of them after the
        other."""
        is_gone = self.names.gone() if self.names.n_gone > self._swept else None
        layers: list[Layer | Outlines] = [*self._base, *self._young]
        for part in (*layers, self._base_shapes, self._young_shapes):
            for touched in part.found(where):
                yield part, touched if is_gone is None else touched.without(is_gone)

    def _tell(
        self,
        events: Sequence[Event],
        parts: Sequence[tuple[Layer | Outlines, Touched]],
        found: _Found,
    ) -> None:
        alike: dict[_Said, int] = {}
        number = np.array([alike.setdefault(_said(one), len(alike)) for one in events], np.int32)
        terms = [_terms(said, self._levels, self._keys) for said in alike]
        of: Layer | Outlines | None = None
        for part, touched in parts:
            if part is not of:
                of = part
                answers = _Answers(part.rows.asked, terms, number)
            answers.tell(touched, found)

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
            more = np.full_like(self._levels, NEVER)
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
        self._young = layers_of(circles.taken(), *places)
        self._young_shapes = Outlines(polygons.taken(), np.array(polygons.which), polygons.outlines)
        if is_much:
            self._merge()

    def _merge(self) -> None:
        n_gone = self.names.n_gone
        self._base = layers_of(*self._circles_known())
        self._base_shapes = Outlines(*self._shapes_known())
        self._young, self._young_shapes = [], no_shapes()
        self._circles, self._polygons = _Drafts(), _Drafts()
        self._swept = n_gone

    def _circles_known(self) -> tuple[Askers, Floats, Floats, Floats]:
        """Rows of people who are still known, with latitude, longitude and radius."""
        is_gone, none = self.names.gone(), np.zeros(0)
        layers = [*self._base, *self._young]
        parts = [(one, ~is_gone[one.rows.person]) for one in layers]
        return (
            Askers.joined([one.rows.taken(known) for one, known in parts]),
            np.concatenate([none, *(one.grid.latitude[known] for one, known in parts)]),
            np.concatenate([none, *(one.grid.longitude[known] for one, known in parts)]),
            np.concatenate([none, *(one.radius_km[known] for one, known in parts)]),
        )

    def _shapes_known(self) -> tuple[Askers, Ints, list[Outline]]:
        """The same of polygons: which outline each row has, and these."""
        old, new = self._base_shapes, self._young_shapes
        rows = Askers.joined([old.rows, new.rows])
        which = np.concatenate([old.which, new.which + len(old.outlines)])
        outlines = [*old.outlines, *new.outlines]
        known = ~self.names.gone()[rows.person]
        kept, which = np.unique(which[known], return_inverse=True)
        return rows.taken(known), which, [outlines[i] for i in kept]


def _where(events: Sequence[Event]) -> Where:
    pointed = [(i, one) for i, one in enumerate(events) if one.polygon is None]
    shaped = [(i, one.polygon) for i, one in enumerate(events) if one.polygon is not None]
    spots = [(i, one) for i, one in pointed if len(one.latitudes) == 1]
    return Where(
        spots=np.array([i for i, _ in spots], np.int32),
        latitude=np.array([one.latitudes[0] for _, one in spots], np.float64),
        longitude=np.array([one.longitudes[0] for _, one in spots], np.float64),
        areas=[
            (i, np.asarray(one.latitudes, np.float64), np.asarray(one.longitudes, np.float64))
            for i, one in pointed
            if len(one.latitudes) > 1
        ],
        shaped=np.array([i for i, _ in shaped], np.int32),
        outlines=[outline(rings) for _, rings in shaped],
    )


def _said(event: Event) -> _Said:
    return event.hazard, 0 if event.is_step else event.level, event.moved


def _terms(said: _Said, levels: Ints, keys: dict[Key, int]) -> tuple[Bools, Peaks]:
    hazard, level, moved = said
    known = [keys.get((hazard, one.what, one.window_s)) for one in moved]
    return levels[_HAZARDS[hazard]] <= level, list(zip(known, moved, strict=True))


class _Found:
    """What `_Told` has, as it is found: in columns that are long enough for all that is touched,
    as new memory costs as much as what is written there."""

    def __init__(self, most: int, *, may_repeat: bool) -> None:
        self.is_mixed = False
        self._n = 0
        self._event: list[Ints] = [np.zeros(0, np.int32)]
        self._each: list[Ints] = [np.zeros(0, np.int64)]
        self._last = -1
        self._person = np.empty(most, np.int32)
        self._limit = np.empty(most)
        self._which = np.empty(most if may_repeat else 0, np.int8)

    def add(self, touched: Touched, verdict: Verdict, ask: Ints) -> None:
        """Those of the rows that are told; `ask`: of each row, the position in the verdict."""
        is_told = _looked_up(verdict.is_told, ask)
        if touched.is_in is not None:
            is_told = is_told & touched.is_in
        told = np.flatnonzero(is_told)
        if not len(told):
            return
        ask = ask.take(told)
        a, self._n = self._n, self._n + len(told)
        touched.at.put_some(touched.rows.person, told, self._person[a : self._n])
        verdict.limit.take(ask, out=self._limit[a : self._n], mode="clip")
        if len(self._which):
            self._which[a : self._n] = verdict.which.take(ask)
        self._event.append(touched.event)
        self._each.append(np.diff(np.searchsorted(told, np.cumsum(touched.n)), prepend=0))
        self.is_mixed |= bool(touched.event[0] < self._last)
        self._last = int(touched.event[-1])

    def told(self) -> _Told:
        """All that was found."""
        event = np.repeat(np.concatenate(self._event), np.concatenate(self._each))
        n = self._n
        return _Told(event, self._person[:n], self._limit[:n], self._which[:n])


class _Answers:
    """What events are to what is asked for in one part.

    terms    of events that say the same: `judged`
    number   of each event, the position of its terms
    """

    def __init__(self, asked: Asks, terms: Sequence[tuple[Bools, Peaks]], number: Ints) -> None:
        self._asked = asked
        self._terms = terms
        self._number = number
        self._verdicts: dict[int, Verdict] = {}

    def tell(self, touched: Touched, found: _Found) -> None:
        """Find whom the events concern."""
        numbers = self._number[touched.event]
        ask = touched.at.of(touched.rows.ask)
        n = len(self._asked.wish)
        if n <= len(ask) and (numbers == numbers[0]).all():
            found.add(touched, self._verdict(int(numbers[0])), ask)
            return
        different, which = np.unique(numbers, return_inverse=True)
        if n * len(different) <= len(ask):
            each = [self._verdict(number) for number in different.tolist()]
            verdict = Verdict(*(np.concatenate(some) for some in zip(*each, strict=True)))
            found.add(touched, verdict, np.repeat(which * n, touched.n) + ask)
            return
        # More that is asked for than rows: each of these is judged.
        for one in touched.each():
            ask = one.at.of(one.rows.ask)
            number = int(self._number[one.event[0]])
            verdict = judged(self._asked.take(ask), *self._terms[number])
            found.add(one, verdict, np.arange(len(ask)))

    def _verdict(self, number: int) -> Verdict:
        if number not in self._verdicts:
            self._verdicts[number] = judged(self._asked, *self._terms[number])
        return self._verdicts[number]


def _looked_up(table: Bools, which: Ints) -> Bools:
    """`table.take(which)`, which widens what is narrow first."""
    if which.dtype != np.uint8:
        return table.take(which)
    return np.frombuffer(which.tobytes().translate(table.tobytes().ljust(256)), bool)


def _one_each(events: Sequence[Event], told: _Told, has_many: Bools) -> _Told:
    """One row an event and person: their most extreme limit that the first of the peaks passed."""
    is_again = has_many.take(told.person)
    again = np.flatnonzero(is_again)
    event, person, limit, which = told.take(again)
    below = np.zeros((len(events), max((len(one.moved) for one in events), default=0) + 1), bool)
    for i, one in enumerate(events):
        below[i, : len(one.moved)] = [moved.is_below for moved in one.moved]
    is_below = below[event, np.minimum(which, below.shape[1] - 1)]
    order = np.lexsort((np.where(is_below, limit, -limit), which, person, event))
    is_first = (np.diff(person[order], prepend=-1) != 0) | (np.diff(event[order], prepend=-1) != 0)
    kept = np.sort(np.concatenate([np.flatnonzero(~is_again), again[order[is_first]]]))
    return told.take(kept)
