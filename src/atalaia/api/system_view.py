"""The systems that are going on, as the alert log tells them.

Alert log → here → /feeds/systems.geojson. What is new is only noted when it comes, by the event
loop, and linked when somebody asks, in their thread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock

import msgspec

from atalaia.domain.in_part import Numbered
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Places
from atalaia.domain.spells import said_by
from atalaia.domain.systems import SystemLog, SystemStep, WeatherSystem
from atalaia.domain.whereabouts import named
from atalaia.sources.regions import Regions

MOST_STEPS = 48
"""Of a system's history."""


class NamedSystem(msgspec.Struct, frozen=True):
    """A system, and what it is called, by language."""

    system: WeatherSystem
    name: dict[str, str]


class SystemView:
    """Follows the alert log by `hear`. Any thread may ask it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._regions = Regions()
        self._log: SystemLog | None = None
        self._systems: list[WeatherSystem] = []
        self._news: list[Numbered] = []
        self._seqs: defaultdict[str, list[int]] = defaultdict(list)
        self._lock = Lock()

    def hear(self, entries: Iterable[Numbered]) -> None:
        """Note new entries, in order."""
        with self._lock:
            self._news += entries

    def open(self) -> list[NamedSystem]:
        """Those that go on, the oldest first."""
        with self._lock:
            self._taken()
            return [self._named(one) for one in self._systems if one.status == "open"]

    def known(self, system: str) -> NamedSystem | None:
        """One by its id, also when it is over, or has joined another; None: none of this id is
        known, or not any more."""
        with self._lock:
            self._taken()
            found = next((one for one in self._systems if one.system == system), None)
            return None if found is None else self._named(found)

    def system_of(self, incident: str, at: int) -> str:
        """The id of the system that an incident was of at an instant; its own key where it is of no
        other, or that is no longer known: two days after all of it was over."""
        with self._lock:
            self._taken()
            known = [one for one in self._systems if incident in one.incidents]
        # Of those that joined others the first to do so after that.
        known.sort(key=lambda one: (one.status != "joined", one.ended_at or 0))
        then = (one for one in known if one.status != "joined" or (one.ended_at or 0) > at)
        return next((one.system for one in then), incident)

    def history(self, system: str) -> list[SystemStep]:
        """How a system went; empty: there is none of this id (any more), or it joined another."""
        with self._lock:
            return self._taken().history(system, MOST_STEPS)

    def older(self, after: int) -> set[int]:
        """Numbers, up to `after`, of the entries that one has to have heard to know the same
        systems after that: those of all their incidents."""
        with self._lock:
            self._taken()
            return {seq for seqs in self._seqs.values() for seq in seqs if seq <= after}

    def _named(self, one: WeatherSystem) -> NamedSystem:
        there = self._regions.of(self._places.of(one.places))
        return NamedSystem(one, named(one.hazards, there))

    def _taken(self) -> SystemLog:
        """What is known when all that is new was taken up."""
        if self._log is None:
            self._log = SystemLog(self._places, Neighbours(self._places))
        news, self._news = self._news, []
        if news:
            self._log.take(one for _, entry in news if (one := said_by(entry)) is not None)
            self._log.forget()
            self._systems = self._log.systems()
            for seq, entry in news:
                self._seqs[entry.alert.incident].append(seq)
            for key in self._seqs.keys() - self._log.incidents():
                del self._seqs[key]
        return self._log
