"""How a place, a system, or all of it stands, for what is shown outside the page.

The alert log's view and sight → here → the widget, the picture of a link that is shared, its words.
What nobody can see is told as such, and is never calm. Nothing in it is of a person.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

import msgspec

from atalaia.api.alert_view import IncidentRow
from atalaia.api.shown import Shown
from atalaia.api.system_view import NamedSystem, SystemView
from atalaia.domain.alert import seconds_of
from atalaia.domain.hazard import Hazard
from atalaia.domain.place import Place
from atalaia.domain.reading import NO_TIME
from atalaia.domain.words import LANGUAGES

Kind = Literal["all", "place", "system"]
How = Literal["going on", "calm", "partly", "unseen", "never", "over", "lost", "joined", "unknown"]
"""going on   something stands
calm       all of it can be seen, and nothing stands
partly     nothing stands where it can be seen; some places, or some source, cannot
unseen     nothing can be seen now; never: there never was a value
over       a system that ended; lost: nobody could see it any more; joined: it goes on in another
unknown    there is none of this id (any more)"""


class _Incident(msgspec.Struct, frozen=True):
    """What is shown of an incident besides its row; as `api.incidents` has it."""

    place_id: str
    status: str
    certainty: str
    opened_at: str
    onset_at: str | None


_incident = msgspec.json.Decoder(_Incident).decode


class GoingOn(msgspec.Struct, frozen=True):
    """One incident. `at`: since when, or, where `is_ahead`, from when on it is foretold."""

    hazard: str
    level: int
    where: str
    is_ahead: bool
    at: int


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands.

    name       by language, in their order; empty: all of it, or nothing that is known
    level      the highest that stands
    goings     the gravest first
    newest_at  valid time of the newest value, Unix seconds; None: there never was one
    zone       IANA name of the zone in which instants are told
    places     how many it is about, and how many of them cannot be seen
    blind      sources that cannot be seen there
    """

    kind: Kind
    id: str
    name: tuple[str, ...]
    how: How
    level: int
    goings: tuple[GoingOn, ...]
    newest_at: int | None
    zone: str
    places: int
    unseen: int
    blind: tuple[str, ...]

    @property
    def path(self) -> str:
        """Its address on the page, as it stands in a link."""
        return "/" if self.kind == "all" else f"/{self.kind}/{quote(self.id, safe='')}"


_HELD_S = 10
"""So long all of it is not looked at again, unless the alert log has something new."""


class Glances:
    """Looks at a running watch. On the event loop alone."""

    def __init__(self, shown: Shown, systems: SystemView) -> None:
        self._shown = shown
        self._systems = systems
        self._all: tuple[tuple[int, int], Glance] | None = None

    async def of(self, kind: Kind, id_: str = "") -> Glance:
        """How one of them stands now."""
        if kind == "place":
            return self.place(id_)
        if kind == "system":
            return self._system(id_, await asyncio.to_thread(self._systems.known, id_))
        return self.all()

    def all(self) -> Glance:
        """All places."""
        at = (self._shown.view.version, int(self._shown.now()) // _HELD_S)
        if self._all is None or self._all[0] != at:
            self._all = at, self._glance("all", "", (), list(self._shown.places), self._rows())
        return self._all[1]

    def place(self, id_: str) -> Glance:
        """One place."""
        place = self._shown.places.get(id_)
        if place is None:
            return _unknown("place", id_)
        return self._glance("place", id_, (place.name,) * 3, [place], self._rows(id_))

    def _system(self, id_: str, found: NamedSystem | None) -> Glance:
        if found is None:
            return _unknown("system", id_)
        system = found.system
        name = tuple(found.name[language] for language in LANGUAGES)
        places = [p for each in system.places if (p := self._shown.places.get(each)) is not None]
        rows = [row for key in system.incidents if (row := self._shown.view.get(key))]
        still = [row for row in rows if row.is_open]
        glance = self._glance("system", id_, name, places, still)
        if system.status == "joined":
            return msgspec.structs.replace(glance, how="joined", level=0, goings=())
        if still:
            return glance
        is_lost = any(_incident(row.body).status == "expired" for row in rows)
        return msgspec.structs.replace(glance, how="lost" if is_lost else "over")

    def _rows(self, place: str | None = None) -> list[IncidentRow]:
        rows = self._shown.view.rows(is_open=True, place=place)
        return [row for row in rows if row.hazard != Hazard.CANNOT_SEE]

    def _glance(
        self,
        kind: Kind,
        id_: str,
        name: tuple[str, ...],
        places: list[Place],
        rows: Iterable[IncidentRow],
    ) -> Glance:
        shown = self._shown
        sight, now = shown.sight(), int(shown.now())
        at = [shown.places.position[place.id] for place in places]
        known, newest = sight.has_data(now)[at], sight.newest_at[at]
        latest = int(newest.max()) if at else NO_TIME
        ids = {place.id for place in places}
        blind = tuple(s for s, one in sorted(shown.view.blind.items()) if ids & one.places)
        every = sorted(map(self._going, rows), key=lambda one: (-one.level, one.is_ahead, -one.at))
        # Of one hazard at one place several rules may speak: the gravest does for all.
        goings = list({(one.hazard, one.where): one for one in reversed(every)}.values())[::-1]
        unseen = len(at) - int(known.sum())
        how: How = "partly" if unseen or blind else "calm"
        if goings:
            how = "going on"
        elif unseen == len(at):
            how = "never" if latest == NO_TIME else "unseen"
        return Glance(
            kind=kind,
            id=id_,
            name=name,
            how=how,
            level=max((one.level for one in goings), default=0),
            goings=tuple(goings),
            newest_at=None if latest == NO_TIME else latest,
            zone=_zone(places),
            places=len(at),
            unseen=unseen,
            blind=blind,
        )

    def _going(self, row: IncidentRow) -> GoingOn:
        one = _incident(row.body)
        place = self._shown.places.get(one.place_id)
        return GoingOn(
            hazard=row.hazard,
            level=row.level,
            where=place.name if place else one.place_id,
            is_ahead=one.certainty == "Possible",
            at=seconds_of(one.onset_at or one.opened_at),
        )


def _zone(places: Iterable[Place]) -> str:
    """That of most of them."""
    zones = Counter(place.timezone for place in places).most_common(1)
    return zones[0][0] if zones else "UTC"


def _unknown(kind: Kind, id_: str) -> Glance:
    return Glance(
        kind=kind,
        id=id_,
        name=(),
        how="unknown",
        level=0,
        goings=(),
        newest_at=None,
        zone="UTC",
        places=0,
        unseen=0,
        blind=(),
    )
