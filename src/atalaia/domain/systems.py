"""One storm is one thing: the systems that the alert log tells of, followed as it grows.

Alert log → `spells` → `linking` → here → feeds, GOLD. An id is that of the oldest incident, and
names the same system for ever. Of two that meet the older one goes on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from atalaia.domain.alert import Instant
from atalaia.domain.geo import bearing_deg, distance_km
from atalaia.domain.hazard import Level
from atalaia.domain.hull import middle_of
from atalaia.domain.link import Spots
from atalaia.domain.linking import Edges, Linked, Neighbours, edges, forest, united
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Ints
from atalaia.domain.spells import FAMILY_OF, Life, SpellLog, Spells, Telling

FORGET_AFTER_S = 2 * 86_400
"""How long a system is known after its last incident was over: one that expired may go on for a day
after that, and what is cut into lanes is told in the order of each."""

MOVED_OVER_S = 3 * 3600
"""Growth and movement are since then."""

_AT_ONCE = 1_000
"""Entries that are linked together: of a place's years each is held against all others of them."""

Status = Literal["open", "over", "joined"]


class WeatherSystem(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents that are one weather.

    system        key of its oldest incident: its id
    family        of hazards, as in `spells.FAMILIES`
    hazards       those of its incidents, the most frequent first
    status        open; over; joined: it met an older one, in which it goes on
    joined        the older one that it joined
    joined_by     younger ones that joined it, also by way of others
    started_at    when the first of it was told
    last_sent_at, ended_at    when the newest of it was, and when it was over or joined
    level, peak_level    the highest that stands (at last stood), and that any incident came to
    incidents, places    all of it, the oldest and the first in the settings first
    standing      places at which it stands, or at last stood; `standing_before`: how many that were
                  `MOVED_OVER_S` before
    latitude, longitude    the middle of those at which it stands
    moved_km, bearing_deg    of that middle, since then; None: it did not stand yet
    """

    system: str
    family: str
    hazards: tuple[str, ...]
    status: Status
    joined: str | None
    joined_by: tuple[str, ...]
    started_at: Instant
    last_sent_at: Instant
    ended_at: Instant | None
    level: str
    peak_level: str
    incidents: tuple[str, ...]
    places: tuple[str, ...]
    standing: tuple[str, ...]
    standing_before: int
    latitude: float
    longitude: float
    moved_km: float | None
    bearing_deg: float | None


class SystemStep(msgspec.Struct, frozen=True, kw_only=True):
    """Where a system stood at an instant: the places, the first in the settings first."""

    at: Instant
    standing: tuple[str, ...]


class SystemLog:
    """Takes up the alert log. What it says depends on what it took, and not on how."""

    def __init__(self, places: Places, near: Neighbours) -> None:
        self._places = places
        self._near = near
        self._log = SpellLog(places)
        self._edges = Edges.none()

    def take(self, told: Iterable[Telling]) -> None:
        """Take up entries, of whichever incidents. Those of one incident come by their versions, or
        with no more than `_AT_ONCE` others."""
        some = list(told)
        for i in range(0, len(some), _AT_ONCE):
            first = len(self._log)
            self._log.take(some[i : i + _AT_ONCE])
            if len(self._log) > first:
                new = edges(self._log.spells(), first, self._near)
                self._edges = forest(self._edges.and_also(new).sorted(), len(self._log.born))

    def forget(self) -> None:
        """Let go of systems that can change no more."""
        is_kept = self._may_change(self._linked().system)
        if not is_kept.all():
            number: Ints = np.cumsum(is_kept) - 1
            left = self._edges.take(np.flatnonzero(is_kept[self._edges.a]))
            self._edges = Edges(number[left.a], number[left.b], left.at)
            self._log.keep(is_kept, self._since)

    def incidents(self) -> set[str]:
        """Those that it knows: all of each system that may change, and what may yet be of one."""
        return set(self._log.lives)

    def systems(self) -> list[WeatherSystem]:
        """All that are known, the oldest first; then those that joined, in the order of time."""
        linked = self._linked()
        told = _Told(self._places, self._log.spells(), self._log.born)
        members = _grouped(linked.system)
        met = defaultdict(list)
        for each in linked.joined:
            met[int(linked.system[each.younger])].append(self._log.born[each.younger].key)
        whole = [told.whole(some, met[oldest]) for oldest, some in members.items()]
        parts = [
            told.part(each.members, self._log.born[each.older].key, each.at)
            for each in linked.joined
        ]
        whole.sort(key=lambda one: (one.started_at, one.system))
        return whole + parts

    def history(self, system: str, most: int) -> list[SystemStep]:
        """How a system that did not join another went, in at most so many steps, the oldest first:
        all changes where they are that few, or else instants that lie evenly. Empty: it is none."""
        members = _grouped(self._linked().system)
        born = self._log.born
        found = next((some for some in members.values() if _oldest(born, some) == system), [])
        if not found:
            return []
        told = _Told(self._places, self._log.spells(), born)
        return told.steps(found, most)

    @property
    def _since(self) -> int:
        return self._log.now - FORGET_AFTER_S

    def _linked(self) -> Linked:
        born = self._log.born
        age = np.empty(len(born), np.int64)
        age[sorted(range(len(born)), key=lambda i: by_age(born[i]))] = np.arange(len(born))
        return united(self._edges, age, np.array([life.born_at for life in born], np.int64))

    def _may_change(self, system: Ints) -> Bools:
        """Of each incident, whether its system may still change."""
        is_fresh = [not life.is_over or life.last_at >= self._since for life in self._log.born]
        may_change = np.zeros(len(system), bool)
        may_change[system[is_fresh]] = True
        return may_change[system]


def _grouped(system: Ints) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for incident, oldest in enumerate(system.tolist()):
        members.setdefault(oldest, []).append(incident)
    return members


class _Told:
    """What was told of incidents, to say it of systems."""

    def __init__(self, places: Places, spells: Spells, born: Sequence[Life]) -> None:
        self._places = places
        self._born = born
        self._spells = spells
        order = np.argsort(spells.incident, kind="stable")
        bounds = np.searchsorted(spells.incident[order], np.arange(1, len(born)))
        self._rows = np.split(order, bounds)

    def whole(self, members: Sequence[int], joined_by: Sequence[str]) -> WeatherSystem:
        """A system that has not joined another."""
        lives = self._by_age(members)
        last_at = max(life.last_at for life in lives)
        standing = [life for life in lives if not life.is_over]
        last = standing or [life for life in lives if life.last_at == last_at]
        ended_at = None if standing else last_at
        # In the last second before its end, for after that it stands nowhere.
        at = last_at if standing else last_at - 1
        said = self._said(lives, self._spells_of(members), at)
        return WeatherSystem(
            **said,
            status="open" if standing else "over",
            joined=None,
            joined_by=tuple(joined_by),
            last_sent_at=last_at,
            ended_at=ended_at,
            level=_word(life.level for life in last),
        )

    def part(self, members: Sequence[int], older: str, at: int) -> WeatherSystem:
        """A system that joined an older one then."""
        lives = self._by_age(members)
        spells = self._spells_of(members)
        spells = spells.take(spells.from_at <= at)
        return WeatherSystem(
            **self._said(lives, spells, at - 1),
            status="joined",
            joined=older,
            joined_by=(),
            last_sent_at=at,
            ended_at=at,
            level=_word(life.level for life in lives),
        )

    def steps(self, members: Sequence[int], most: int) -> list[SystemStep]:
        """See `SystemLog.history`."""
        spells = self._spells_of(members)
        last_at = max(self._born[i].last_at for i in members)
        changes = np.unique(np.concatenate([spells.from_at, spells.over_at]))
        changes = changes[changes <= last_at]
        if len(changes) > most:
            changes = np.linspace(changes[0], changes[-1], most).astype(np.int64)
        stood = [(at, self._ids(_standing(spells, at))) for at in changes.tolist()]
        return [SystemStep(at=at, standing=ids) for at, ids in stood if ids]

    def _by_age(self, members: Sequence[int]) -> list[Life]:
        return sorted((self._born[i] for i in members), key=by_age)

    def _spells_of(self, members: Sequence[int]) -> Spells:
        return self._spells.take(np.concatenate([self._rows[i] for i in members]))

    def _said(self, lives: Sequence[Life], spells: Spells, at: int) -> dict[str, Any]:
        """What is the same of whole systems and of those that joined: as of an instant."""
        now, before = (_standing(spells, then) for then in (at, at - MOVED_OVER_S))
        everywhere = np.unique(spells.place)
        here = self._middle(now if len(now) else everywhere)
        moved_km = bearing = None
        if len(now) and len(before):
            there = self._middle(before)
            moved_km = round(distance_km(*there, *here), 1)
            bearing = round(bearing_deg(*there, *here), 0)
        hazards = Counter(life.hazard for life in lives)
        return {
            "system": lives[0].key,
            "family": FAMILY_OF[lives[0].hazard],
            "hazards": tuple(sorted(hazards, key=lambda name: (-hazards[name], name))),
            "started_at": lives[0].born_at,
            "peak_level": _word(life.peak_level for life in lives),
            "incidents": tuple(life.key for life in lives),
            "places": self._ids(everywhere),
            "standing": self._ids(now),
            "standing_before": len(before),
            "latitude": round(here[0], 4),
            "longitude": round(here[1], 4),
            "moved_km": moved_km,
            "bearing_deg": bearing,
        }

    def _ids(self, places: Ints) -> tuple[str, ...]:
        return tuple(self._places[i].id for i in places.tolist())

    def _middle(self, places: Ints) -> tuple[float, float]:
        return middle_of(Spots.of(self._places[i] for i in places.tolist()))


def _oldest(born: Sequence[Life], members: Sequence[int]) -> str:
    return min((born[i] for i in members), key=by_age).key


def by_age(life: Life) -> tuple[int, str]:
    """What the oldest incident has least of."""
    return life.born_at, life.key


def _standing(spells: Spells, at: int) -> Ints:
    """The places at which something stands then."""
    return np.unique(spells.place[(spells.from_at <= at) & (at < spells.over_at)])


def _word(levels: Iterable[int]) -> str:
    return Level(max(levels)).word
