"""Drills: from an operator's wish to messages in the outbox, beside the alert log."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

import numpy as np

from atalaia.clock import Clock
from atalaia.domain.delivery import notice
from atalaia.domain.drill import KIND, Drill
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Place, Places
from atalaia.domain.subscription import Person
from atalaia.notes import Note
from atalaia.notify.audience import Event
from atalaia.notify.recipients import Recipients
from atalaia.ports import Notes, Outbox

MOST_PEOPLE = 5_000
_EXPIRES_S = 3600


class Drills:
    """Starts drills, and remembers them for who writes their messages."""

    def __init__(
        self,
        notes: Notes,
        outbox: Outbox,
        recipients: Recipients,
        places: Places,
        *,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._notes = notes
        self._outbox = outbox
        self._recipients = recipients
        self._places = places
        self._clock, self._wake = clock, wake

    def start(
        self, hazard: str, level: str, place_id: str, by: str, *, is_for_everyone: bool
    ) -> tuple[Drill, int]:
        """Send a drill to the organisations (or to everyone) whom such an alert would concern;
        return it and how many people get it. Raises ValueError with the next step."""
        place, people = self._reached(hazard, level, place_id, is_for_everyone=is_for_everyone)
        now = self._clock.second()
        drill = Drill(
            id=f"drill_{secrets.token_hex(8)}",
            hazard=hazard,
            level=level,
            place_id=place_id,
            place=place.name,
            at=now,
            by=by,
        )
        _note(self._notes, drill.id).put(drill)
        for person in people:
            channel = person.channels[0]
            kind = f"{KIND}:{drill.id}"
            # Of no rank, whatever it drills: all that is real goes first.
            self._outbox.put(notice(person.pseudonym, channel, drill.id, kind, now, _EXPIRES_S))
        self._wake()
        return drill, len(people)

    def reach(
        self, hazard: str, level: str, place_id: str, *, is_for_everyone: bool
    ) -> dict[str, int]:
        """Whom such a drill would reach, by channel: how many. Nothing is sent. Raises as `start`
        does."""
        _, people = self._reached(hazard, level, place_id, is_for_everyone=is_for_everyone)
        return dict(Counter(person.channels[0] for person in people))

    def _reached(
        self, hazard: str, level: str, place_id: str, *, is_for_everyone: bool
    ) -> tuple[Place, list[Person]]:
        place = self._places.get(place_id)
        if place is None:
            raise ValueError("no such place is watched; GET /v1/places lists them")
        event = Event(
            hazard=hazard,
            level=int(LEVEL_OF[level]),
            latitudes=np.array([place.latitude]),
            longitudes=np.array([place.longitude]),
        )
        self._recipients.refresh()  # in a process that only serves nobody else does
        concern = self._recipients.audience.concerned([event])
        names = self._recipients.audience.names
        found = (self._recipients.get(names[number]) for number in concern.person.tolist())
        people = [
            person
            for person in found
            if person is not None
            and person.channels
            and (is_for_everyone or person.is_organisation)
        ]
        if len(people) > MOST_PEOPLE:
            raise ValueError(
                f"it would reach {len(people):,} people, and at most {MOST_PEOPLE:,} are drilled "
                "at once; choose a higher level, or organisations alone"
            )
        return place, people


def drill_in(notes: Notes, drill: str) -> Drill | None:
    """A drill that was started; None: there is none of this id."""
    return _note(notes, drill).get()


def _note(notes: Notes, drill: str) -> Note[Drill]:
    return Note(notes, f"drill:{drill}", Drill)
