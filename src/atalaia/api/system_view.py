"""The systems that are going on, as the alert log tells them.

Alert log → here → /feeds/systems.geojson. What is new is only noted when it comes, by the event
loop, and linked when somebody asks, in their thread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock

import msgspec

from atalaia.api.incidents import Numbered
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Places
from atalaia.domain.spells import said_by
from atalaia.domain.systems import SystemLog, WeatherSystem
from atalaia.domain.whereabouts import named
from atalaia.sources.regions import Regions


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
            found = [one for one in self._taken().systems() if one.status == "open"]
            where = (self._regions.of(self._places.of(one.places)) for one in found)
            return [
                NamedSystem(one, named(one.hazards, there))
                for one, there in zip(found, where, strict=True)
            ]

    def older(self, after: int) -> set[int]:
        """Numbers, up to `after`, of the entries that one has to have heard to know the same
        systems after that: those of all their incidents."""
        with self._lock:
            self._taken()
            return {seq for seqs in self._seqs.values() for seq in seqs if seq <= after}

    def _taken(self) -> SystemLog:
        """What is known when all that is new was taken up."""
        if self._log is None:
            self._log = SystemLog(self._places, Neighbours(self._places))
        news, self._news = self._news, []
        if news:
            self._log.take(one for _, entry in news if (one := said_by(entry)) is not None)
            self._log.forget()
            for seq, entry in news:
                self._seqs[entry.alert.incident].append(seq)
            for key in self._seqs.keys() - self._log.incidents():
                del self._seqs[key]
        return self._log
