"""Where and when incidents were, as the alert log told it: columns, a row a place and spell.

Alert log → here → `linking`. A *spell* is an incident at a place from the entry that said so until
the one that said that it is over. Each entry adds rows (more places, an earlier onset, that it is
now measured) and changes none but to say when it was over: what was true at an instant stays true.

Official warnings are none of it: their areas are their issuer's, and would bridge what is apart.
Nor is what cannot be seen, nor what never came to yellow. All times are Unix seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.domain.alert import LogEntry, is_last
from atalaia.domain.hazard import CERTAINTY, LEVEL_OF, Hazard, Level
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Ints, Kind

NEVER_OVER = 2**62
"""When a spell is over that stands."""

FAMILIES: dict[str, tuple[Hazard, ...]] = {
    "storm": (
        *(Hazard.HEAVY_RAIN, Hazard.STORM, Hazard.THUNDERSTORM),
        *(Hazard.WIND, Hazard.FLOOD, Hazard.LANDSLIDE),
    ),
    "cold": (Hazard.COLD, Hazard.FROST, Hazard.TEMPERATURE_DROP, Hazard.SNOW),
    "dryness": (Hazard.DRY_AIR, Hazard.FIRE_WEATHER),
    "heat": (Hazard.HEAT,),
    "uv": (Hazard.UV,),
    "fog": (Hazard.FOG,),
    "river_flood": (Hazard.RIVER_FLOOD,),
    "sea": (Hazard.SEA,),
    "air_quality": (Hazard.AIR_QUALITY,),
}
"""Hazards that the same weather brings."""

FAMILY_OF = {str(hazard): name for name, some in FAMILIES.items() for hazard in some}
_NUMBER = {name: i for i, name in enumerate(FAMILIES)}
_FORECAST = CERTAINTY[Kind.FORECAST]


class Telling(NamedTuple):
    """What one entry of the log says of where and when, as `LogEntry` and `Alert` have it.

    is_expired    it is the last for now: it can be seen no more, and may go on within a day
    ends_at       of a forecast: until when it is known to go on
    """

    incident: str
    version: int
    hazard: str
    level: str
    sent_at: int
    is_last: bool
    is_expired: bool
    is_measured: bool
    begins_at: int
    ends_at: int
    places: Sequence[str]


def said(
    *,
    incident: str,
    version: int,
    type: str,
    reason: str,
    hazard: str,
    level: str,
    certainty: str,
    sent_at: int,
    onset_at: int | None,
    valid_at: int,
    opened_at: int,
    peak_at: int | None,
    places: Sequence[str],
) -> Telling:
    """The same from an entry's own fields."""
    begins_at = opened_at if onset_at is None else onset_at
    return Telling(
        incident=incident,
        version=version,
        hazard=hazard,
        level=level,
        sent_at=sent_at,
        is_last=is_last(type),
        is_expired=reason == "expired",
        is_measured=certainty != _FORECAST,
        begins_at=begins_at,
        ends_at=max(begins_at, valid_at, peak_at or 0),
        places=places,
    )


OF_ALERT = (
    *("incident", "version", "type", "reason", "hazard", "level", "certainty"),
    *("sent_at", "onset_at", "valid_at"),
)
OF_ENTRY = ("opened_at", "peak_at", "places")
"""The fields that `said` is made of."""


def said_by(entry: LogEntry) -> Telling | None:
    """What an entry says; None: it is official."""
    if entry.official is not None:
        return None
    alert = {name: getattr(entry.alert, name) for name in OF_ALERT}
    return said(**alert, **{name: getattr(entry, name) for name in OF_ENTRY})


class Life(msgspec.Struct):
    """One incident as far as it was told.

    number       position in `SpellLog.born`; -1: it never came to yellow
    born_at      when it first did
    last_at      when it was told of last
    level, peak_level    as last told, and the highest told
    standing     rows of the spell that goes on
    """

    key: str
    hazard: str
    version: int = 0
    number: int = -1
    born_at: int = 0
    begins_at: int = NEVER_OVER
    ends_at: int = 0
    is_measured: bool = False
    is_over: bool = False
    last_at: int = 0
    level: int = 0
    peak_level: int = 0
    standing: list[int] = []


class Spells(NamedTuple):
    """Columns of shape (n,), int64.

    incident     position in `SpellLog.born`
    family       position in FAMILIES
    place        position in the places
    from_at      when it was told
    over_at      when it was told that it is over; NEVER_OVER: it stands
    begins_at, ends_at    of the event itself, as then known; what is measured ends when it is over
    is_measured  1, or 0
    """

    incident: Ints
    family: Ints
    place: Ints
    from_at: Ints
    over_at: Ints
    begins_at: Ints
    ends_at: Ints
    is_measured: Ints

    def take(self, rows: Ints | Bools) -> Spells:
        """Some of the rows."""
        return Spells(*(column[rows] for column in self))


class SpellLog:
    """Takes entries as they come, and has what they say in columns.

    An incident whose first entry was not taken is left alone; an entry taken twice changes nothing.

    lives   what is known of each incident that is of a system, or may yet be
    born    those that came to yellow, in the order in which that was heard
    now     the newest `sent_at` of all entries
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.lives: dict[str, Life] = {}
        self.born: list[Life] = []
        self.now = 0
        self._columns = {name: array("q") for name in Spells._fields}

    def take(self, told: Iterable[Telling]) -> None:
        """Take up entries: those of one incident by their versions, whatever order they have."""
        for one in sorted(told, key=lambda each: each.version):
            self.now = max(self.now, one.sent_at)
            if one.hazard in FAMILY_OF:
                self._hear(one)

    def __len__(self) -> int:
        """Rows."""
        return len(self._columns["place"])

    def spells(self) -> Spells:
        """All rows, in the order in which they were heard."""
        return Spells(*(np.array(column, np.int64) for column in self._columns.values()))

    def keep(self, is_kept: Bools, since: int) -> None:
        """Forget the other incidents that were born, and those that never were and expired before
        then."""
        number = np.cumsum(is_kept) - 1
        spells = self.spells()
        rows = np.flatnonzero(is_kept[spells.incident])
        at = np.cumsum(is_kept[spells.incident]) - 1
        kept = spells.take(rows)
        kept = kept._replace(incident=number[kept.incident])
        self._columns = {
            name: array("q", column.tobytes()) for name, column in kept._asdict().items()
        }
        gone = {self.born[i].key for i in np.flatnonzero(~is_kept).tolist()}
        self.born = [self.born[i] for i in np.flatnonzero(is_kept).tolist()]
        for i, life in enumerate(self.born):
            life.number, life.standing = i, at[life.standing].tolist()
        for key, life in self.lives.items():
            if life.number < 0 and life.is_over and life.last_at < since:
                gone.add(key)
        for key in gone:
            del self.lives[key]

    def _hear(self, one: Telling) -> None:
        life = self.lives.get(one.incident)
        if life is None:
            if one.version != 1:
                return
            life = self.lives[one.incident] = Life(one.incident, one.hazard)
        if one.version <= life.version:
            return
        life.version, life.last_at, life.is_over = one.version, one.sent_at, one.is_last
        if one.is_last:
            for row in life.standing:
                self._columns["over_at"][row] = one.sent_at
            life.standing = []
            if life.number < 0 and not one.is_expired:
                del self.lives[life.key]  # it never came to yellow, and will not
            return
        life.level = int(LEVEL_OF[one.level])
        life.peak_level = max(life.peak_level, life.level)
        if life.level >= Level.YELLOW:
            self._grow(life, one)

    def _grow(self, life: Life, one: Telling) -> None:
        """Add a row for each place, with the hours that the incident is known to be of."""
        life.begins_at = min(life.begins_at, one.begins_at)
        life.is_measured |= one.is_measured
        life.ends_at = 0 if life.is_measured else max(life.ends_at, one.ends_at)
        hours = life.begins_at, life.ends_at, life.is_measured
        for id_ in one.places:
            place = self.places.position.get(id_)
            if place is None:
                continue
            if life.number < 0:
                life.number, life.born_at = len(self.born), one.sent_at
                self.born.append(life)
            life.standing.append(len(self._columns["place"]))
            family = _NUMBER[FAMILY_OF[life.hazard]]
            row = (life.number, family, place, one.sent_at, NEVER_OVER, *hours)
            for column, value in zip(self._columns.values(), row, strict=True):
                column.append(value)
