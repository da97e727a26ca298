"""Towns that somebody would be told of, and that have no watched place within reach: for whoever
runs the watch to see. Nothing of who asked is kept: a town, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.place import Places
from atalaia.notes import Note
from atalaia.people.coverage import is_within_reach
from atalaia.ports import Notes
from atalaia.sources import gazetteer

MOST = 500
"""Towns that are kept. Of more, those that were asked for least often, and longest ago, go."""

_DAY_S = 86_400


class TownWish(msgspec.Struct, frozen=True, kw_only=True):
    """A town that is wished for.

    town        GeoNames' number of it
    label       as people are shown it
    count       how often it was asked for
    asked_at    the UTC day on which it last was, Unix seconds: not the time, which is somebody's
    """

    town: int
    label: str
    latitude: float
    longitude: float
    count: int
    asked_at: int


class TownWishes:
    """All of a home. May be used from any thread, and blocks."""

    def __init__(self, notes: Notes, places: Places) -> None:
        self._note = Note(notes, "wishes", tuple[TownWish, ...])
        self._places = places

    def all(self) -> Sequence[TownWish]:
        """The most wished for first. Raises StateConflict."""
        wishes = self._note.get() or ()
        # What has come to be watched since is no wish any more.
        open_ = (w for w in wishes if not is_within_reach(w.latitude, w.longitude, self._places))
        return sorted(open_, key=lambda wish: (-wish.count, wish.label))

    def add(self, town: int, now: int) -> TownWish:
        """Once more. Raises ValueError, with the next step, and StateConflict."""
        found = gazetteer.by_id(town)
        if found is None:
            raise ValueError("there is no such town; GET /v1/towns finds them, with their ids")
        if is_within_reach(found.latitude, found.longitude, self._places):
            raise ValueError(f"{found.label} has a watched place within reach: subscribe to it")
        wish = TownWish(
            town=town,
            label=found.label,
            latitude=found.latitude,
            longitude=found.longitude,
            count=1,
            asked_at=now // _DAY_S * _DAY_S,
        )

        def added(known: tuple[TownWish, ...] | None) -> tuple[TownWish, ...]:
            before = next((one.count for one in known or () if one.town == town), 0)
            others = sorted(
                (one for one in known or () if one.town != town),
                key=lambda one: (one.count, one.asked_at),
            )
            return (*others[-(MOST - 1) :], msgspec.structs.replace(wish, count=before + 1))

        return self._note.change(added)[-1]
