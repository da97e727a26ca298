"""Which incidents are of one system: near in space and time, of one family of hazards.

`spells` → here → `systems`. Two spells are *linked* if, when the later one of them was told, the
other stood or was over `GAP_S` ago at most; if so much lies at most between the hours that they are
of, too (the rain of now is not that of tomorrow's forecast, until tomorrow comes); and if their
places lie within `NEAR_KM`. What is linked stays so. A *system* is all that is linked, directly or
through others. Its id is its oldest incident; where two meet, the older one goes on, and the
younger one has joined it.

It is a function of the spells and of nothing else: no order of entries, no cut into batches, no
repetition changes it. And what it says of an instant is the same whatever comes after that, so that
an id that was given stays.

NEAR_KM: a mesoscale convective system is "on the order of 100 km or more in horizontal scale in at
least one direction" (American Meteorological Society, Glossary of Meteorology); two neighbouring
municipalities of Brazil lie some 40 km apart. GAP_S: what reports every three hours leaves one in
the dark for so long.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from atalaia.domain.grid import Grid
from atalaia.domain.link import Spots
from atalaia.domain.place import Places
from atalaia.domain.reading import Ints
from atalaia.domain.runs import spans
from atalaia.domain.spells import FAMILIES, Spells

NEAR_KM = 75.0
GAP_S = 3 * 3600

_AT_ONCE = 128
"""New rows that are held against others at once. What was over too long before the first of them
is left out, so that of a past of years only what was near in time is paired."""


class Neighbours:
    """Which places lie within NEAR_KM of each other. It is looked up where something is told, and
    kept: who watches all towns of the world has more pairs than memory has room for."""

    def __init__(self, places: Places) -> None:
        self._spots = Spots.of(places)
        within = np.full(len(places), NEAR_KM)
        self._grid = Grid(self._spots.latitude, self._spots.longitude, within)
        self._known: dict[int, Ints] = {}

    def __len__(self) -> int:
        """Places."""
        return len(self._spots)

    def of(self, places: Ints) -> tuple[Ints, Ints]:
        """How many are near each of these places, itself among them; and these, one place after the
        other."""
        new = [place for place in np.unique(places).tolist() if place not in self._known]
        around = self._grid.around(self._spots.latitude[new], self._spots.longitude[new])
        for place, rows in zip(new, around, strict=True):
            self._known[place] = self._grid.order[rows]
        near = [self._known[place] for place in places.tolist()]
        return np.array([len(some) for some in near]), np.concatenate(near)


class Edges(NamedTuple):
    """Pairs of incidents that are linked, and since when (Unix seconds)."""

    a: Ints
    b: Ints
    at: Ints

    @staticmethod
    def none() -> Edges:
        """No pairs."""
        return Edges(*(np.zeros(0, np.int64) for _ in Edges._fields))

    def take(self, rows: Ints) -> Edges:
        """Some of them."""
        return Edges(*(column[rows] for column in self))

    def sorted(self) -> Edges:
        """By time."""
        return self.take(np.argsort(self.at, kind="stable"))

    def and_also(self, others: Edges) -> Edges:
        """Both, one after the other."""
        return Edges(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))


class Meeting(NamedTuple):
    """Two systems met: the younger one, with all incidents that were of it, joined the older."""

    younger: int
    older: int
    at: int
    members: tuple[int, ...]


class Linked(NamedTuple):
    """The systems. Incidents are their positions in `SpellLog.born`.

    system    of each incident, shape (incidents,): the oldest incident of its system
    joined    in the order of time
    """

    system: Ints
    joined: list[Meeting]


def edges(spells: Spells, first: int, near: Neighbours) -> Edges:
    """Pairs of incidents of which a spell is linked, with one at least from row `first` on."""
    found, n = Edges.none(), len(spells.place)
    for start in range(first, n, _AT_ONCE):
        some = Spells(*(column[: start + _AT_ONCE] for column in spells))
        found = found.and_also(_edges(some, start, near))
    return found


def _edges(spells: Spells, first: int, near: Neighbours) -> Edges:
    new, other = _beside(spells, first, near)
    is_later = spells.from_at[new] >= spells.from_at[other]
    later = spells.take(np.where(is_later, new, other))
    earlier = spells.take(np.where(is_later, other, new))
    at = later.from_at
    is_linked = (later.incident != earlier.incident) & (at <= earlier.over_at + GAP_S)
    for one, another in ((earlier, later), (later, earlier)):
        # What is measured goes on: so far until now.
        ends_at = np.where(one.is_measured == 1, at, one.ends_at)
        is_linked &= another.begins_at <= ends_at + GAP_S
    rows = np.flatnonzero(is_linked)
    return Edges(earlier.incident[rows], later.incident[rows], at[rows])


def _beside(spells: Spells, first: int, near: Neighbours) -> tuple[Ints, Ints]:
    """Pairs of rows of one family at places that are near: a new row, and one before it that was
    not over too long ago for the first of the new ones."""
    n_places = len(near)
    since = spells.from_at[first:].min() - GAP_S
    block = spells.family * n_places + spells.place
    order = np.flatnonzero(spells.over_at >= since)
    order = order[np.argsort(block[order], kind="stable")]
    begins = np.zeros(len(FAMILIES) * n_places + 1, np.int64)
    np.cumsum(np.bincount(block[order], minlength=len(begins) - 1), out=begins[1:])
    many, places = near.of(spells.place[first:])
    new = np.repeat(np.arange(first, len(block)), many)
    there = spells.family[new] * n_places + places
    begin, end = begins[there], begins[there + 1]
    new, other = np.repeat(new, end - begin), order[spans(begin, end)]
    is_once = other < new
    return new[is_once], other[is_once]


def forest(edges: Edges, n: int) -> Edges:
    """Of edges sorted by time the fewest that link the same of n incidents at the same instants: a
    minimum spanning forest (Borůvka 1926), still sorted by time."""
    tree = np.arange(n)
    left, kept = np.arange(len(edges.at)), [np.zeros(0, np.int64)]
    while True:
        a, b = tree[edges.a[left]], tree[edges.b[left]]
        is_open = a != b
        left, a, b = left[is_open], a[is_open], b[is_open]
        if not len(left):
            break
        # The first edge out of each tree: of what is written to one position, the last stays.
        best = np.full(n, -1)
        best[np.stack([a, b], axis=1).ravel()[::-1]] = np.repeat(left, 2)[::-1]
        has = np.flatnonzero(best >= 0)
        chosen = best[has]
        kept.append(np.unique(chosen))
        ends = tree[edges.a[chosen]], tree[edges.b[chosen]]
        onto = np.where(ends[0] == has, ends[1], ends[0])
        goes = np.arange(n)
        goes[has] = onto
        # Two that chose the same edge: the smaller one stays where it is.
        is_pair = (goes[goes] == np.arange(n)) & (np.arange(n) < goes)
        goes[is_pair] = np.flatnonzero(is_pair)
        while (goes != (further := goes[goes])).any():
            goes = further
        tree = goes[tree]
    return edges.take(np.sort(np.concatenate(kept)))


def united(edges: Edges, age: Ints, born_at: Ints) -> Linked:
    """The systems, and how they came about, of edges sorted by time.

    age    of each incident, its number when all are sorted by age: 0 is the oldest
    """
    system = np.arange(len(age)).tolist()
    members = [[i] for i in system]
    ages, born = age.tolist(), born_at.tolist()
    joined = []
    rows = zip(*(column.tolist() for column in edges), strict=True)
    for at, some in groupby(rows, key=itemgetter(2)):
        had: dict[int, int] = {}  # the systems that meet at this instant: incidents so far
        for a, b, _ in some:
            older, younger = sorted((system[a], system[b]), key=ages.__getitem__)
            for each in (older, younger):
                had.setdefault(each, len(members[each]))
            for each in members[younger]:
                system[each] = older
            members[older] += members[younger]
        for each, n in had.items():
            if system[each] != each and born[each] < at:  # until then it was one of its own
                joined.append(Meeting(each, system[each], at, tuple(members[each][:n])))
    joined.sort(key=lambda one: (one.at, ages[one.younger]))
    return Linked(np.array(system, np.int64), joined)
