"""Systems as plainly as they can be told: instant by instant, everything looked at anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from atalaia.domain.geo import distance_km
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.linking import GAP_S, NEAR_KM
from atalaia.domain.place import Place, Places
from atalaia.domain.spells import FAMILY_OF, Telling


class Row(NamedTuple):
    """Something that was told of an incident at a place, and is true until it is over."""

    incident: str
    family: str
    place: Place
    told_at: int
    over_at: int | None
    begins_at: int
    ends_at: int | None


class Plain(NamedTuple):
    """By id: the incidents of each system that stands for itself. By the id of each that joined
    another: which, when, and its incidents until then."""

    systems: dict[str, frozenset[str]]
    joined: dict[str, tuple[str, int, frozenset[str]]]


def plain_systems(told: Sequence[Telling], places: Places) -> Plain:
    """The systems after all of it."""
    systems: dict[str, frozenset[str]] = {}
    joined = {}
    for now in sorted({one.sent_at for one in told}):
        rows = plain_rows([one for one in told if one.sent_at <= now], places)
        before, systems = systems, united(rows)
        for id_, members in before.items():
            if id_ not in systems:
                (into,) = [key for key, some in systems.items() if id_ in some]
                joined[id_] = (into, now, members)
    return Plain(systems, joined)


def plain_rows(told: Iterable[Telling], places: Places) -> list[Row]:
    rows: list[Row] = []
    for one in sorted(set(told), key=lambda each: (each.incident, each.version)):
        mine = [row for row in rows if row.incident == one.incident]
        if one.hazard not in FAMILY_OF:
            continue
        if one.is_last:
            for row in mine:
                if row.over_at is None:
                    rows[rows.index(row)] = row._replace(over_at=one.sent_at)
            continue
        if LEVEL_OF[one.level] < Level.YELLOW:
            continue
        begins_at = min([one.begins_at, *(row.begins_at for row in mine)])
        is_measured = one.is_measured or any(row.ends_at is None for row in mine)
        ends_at = max([one.ends_at, *(row.ends_at or 0 for row in mine)])
        rows += [
            Row(
                one.incident,
                FAMILY_OF[one.hazard],
                place,
                one.sent_at,
                None,
                begins_at,
                None if is_measured else ends_at,
            )
            for place in (places.get(id_) for id_ in one.places)
            if place is not None
        ]
    return rows


def united(rows: Sequence[Row]) -> dict[str, frozenset[str]]:
    born: dict[str, int] = {}
    for row in rows:
        born[row.incident] = min(row.told_at, born.get(row.incident, row.told_at))
    group = {key: {key} for key in born}
    for a, b in combinations(sorted(rows, key=lambda row: row.told_at), 2):
        if a.incident not in group[b.incident] and are_linked(a, b):
            both = group[a.incident] | group[b.incident]
            group.update(dict.fromkeys(both, both))
    oldest = {min(some, key=lambda key: (born[key], key)): some for some in group.values()}
    return {id_: frozenset(some) for id_, some in oldest.items()}


def are_linked(earlier: Row, later: Row) -> bool:
    at = later.told_at
    if earlier.family != later.family or (earlier.over_at or at) + GAP_S < at:
        return False
    for one, other in ((earlier, later), (later, earlier)):
        until = at if one.ends_at is None else one.ends_at
        if other.begins_at > until + GAP_S:
            return False
    a, b = earlier.place, later.place
    return distance_km(a.latitude, a.longitude, b.latitude, b.longitude) <= NEAR_KM
