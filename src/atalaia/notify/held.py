"""What an incident is at each place, for who keeps a state of each and is told what to put there.

An official warning, and a source that cannot be seen, have a life at each of their places: an entry
speaks of some of them alone. All else is one, at its place or its area.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import HeldAlert
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.official import RULE
from atalaia.domain.place import Places
from atalaia.domain.subscription import Person
from atalaia.notify.audience import Audience
from atalaia.notify.fanout import event_of

HOLDERS = ("alertmanager",)
"""Channels to which it is told: news takes the place of what was told before, and has to say what
that was."""


def held(
    entries: Sequence[LogEntry],
    until: Callable[[LogEntry], Iterable[LogEntry]],
    person: Person,
    places: Places,
) -> tuple[HeldAlert, ...]:
    """What stands for this person by these entries, and what does so no more because of them.

    `until` gives the entries of an incident up to one, in their order.
    """
    found: dict[tuple[str, str, str], HeldAlert] = {}
    for entry in entries:
        where = _where(entry, person, places)
        version = entry.alert.version
        before = [one for one in until(entry) if one.alert.version < version] if version > 1 else []
        for one in (*before, entry):
            is_over = one is not entry or entry.alert.is_over
            for place in (place for place in _spoken_of(one) if place in where):
                key = (entry.alert.incident, place, one.alert.level)
                found[key] = HeldAlert(entry.alert, place, one.alert.level, is_over=is_over)
    return tuple(found.values())


def _spoken_of(entry: LogEntry) -> tuple[str, ...]:
    alert = entry.alert
    is_each_by_itself = alert.rule == RULE or alert.hazard == Hazard.CANNOT_SEE
    return entry.places if is_each_by_itself else (alert.place_id,)


def _where(entry: LogEntry, person: Person, places: Places) -> frozenset[str]:
    """The places of it that the person wants to hear of: of the others they hear no end."""
    spoken = _spoken_of(entry)
    if len(spoken) == 1:
        return frozenset(spoken)
    audience = Audience()
    audience.put(person)
    known = [id_ for id_ in spoken if places.get(id_) is not None]
    each = [event_of(_at(entry, id_), places) for id_ in known]
    # As if it were at its gravest: what is eased below their level is theirs still.
    gravest = [
        msgspec.structs.replace(event, level=int(Level.RED), is_step=False) for event in each
    ]
    return frozenset(known[number] for number in audience.concerned(gravest).event)


def _at(entry: LogEntry, place: str) -> LogEntry:
    return msgspec.structs.replace(entry, places=(place,))
