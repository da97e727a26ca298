"""What stands is told to those whom no entry of the log tells it: once, with its age.

Who subscribes while something red goes on is told of it; and when a silence ends, what goes on and
was kept from people by it is told to all whom it concerns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import cast

import msgspec
import numpy as np

from atalaia.domain.alert import LogEntry, Moved, moved_through
from atalaia.domain.delivery import Status
from atalaia.domain.hazard import Level
from atalaia.domain.in_part import Numbered, parts_after
from atalaia.domain.official import RULE
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence, is_held
from atalaia.notes import Note
from atalaia.notify.audience import Event
from atalaia.notify.fanout import (
    at_its_peak,
    by_channel,
    deliveries_of,
    event_of,
    expires_at,
    message_of,
    rank_of,
)
from atalaia.notify.recipients import Recipients
from atalaia.ports import Notice, Outbox, State

_SEEN_S = 7 * 86_400
"""What said nothing for so long is not told anew."""

_WAITING_MOST = 1_000_000

_Kept = int | tuple[str, ...] | None

_LOST = (Status.DROPPED, Status.LATE, Status.DEAD)


class Standing:
    """Tells what stands. To be asked when all of the log is fanned out. Not for two threads."""

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        recipients: Recipients,
        places: Places,
        silences: Callable[[], Iterable[Silence]],
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._recipients = recipients
        self._places = places
        self._silences = silences
        kind = cast("type[int | tuple[str, ...]]", int | tuple[str, ...])
        self._ended = Note(state, "silences:told", kind, is_spare=True)
        self._open: dict[str, tuple[Numbered, ...]] = {}
        self._moved: dict[str, tuple[Moved, ...]] = {}
        self._seq = -1

    def step(self, came: Collection[str], now: int) -> int:
        """Tell what stands to those who came, and what a silence kept back; return how many
        messages that is. Raises StateConflict: what was not told then comes at the next call."""
        silences = tuple(self._silences())
        n = self._tell_newcomers(came, silences, now) if came else 0
        ended = {one.id: one for one in silences if one.until <= now}
        kept = self._ended.get()
        told = _told_of(kept, ended)
        for silence in (one for id_, one in ended.items() if id_ not in told):
            n += self._tell_silenced(silence, silences, now)
        # One that goes on, by a clock that was set back, ends once more.
        if told != ended.keys() or not isinstance(kept, tuple):
            self._ended.put(tuple(ended))
        return n

    def rouse(self, pseudonym: str, now: int) -> None:
        """Let what waits for a person's quiet hours be looked at by those that they have now."""
        self._outbox.rouse(pseudonym, now)

    def rouse_changed(self, now: int) -> None:
        """The same for all whose hours end earlier than what waits for them: they were changed
        while nobody looked."""
        waiting = self._outbox.messages(status=Status.WAITING, limit=_WAITING_MOST)
        for pseudonym, due_at in {m.person: m.due_at for m in waiting}.items():
            person = self._recipients.get(pseudonym)
            ends_at = person.quiet.ends_at(now) if person and person.quiet else None
            if ends_at is None or ends_at < due_at:
                self._outbox.rouse(pseudonym, now)

    def _tell_newcomers(self, came: Collection[str], silences: Sequence[Silence], now: int) -> int:
        standing = [
            one
            for one in self._standing(now)
            if rank_of(one[1]) == Level.RED and not is_held(one[1], silences, now)
        ]
        if not standing:
            return 0
        concern = self._concerned(standing, came)
        told = self._told(standing, list(concern))
        n = 0
        for pseudonym, alerts in concern.items():
            mine = told[pseudonym]
            new = sorted(
                (one for one in alerts if not _was_to_have(mine, one[1])), key=lambda one: one[0]
            )
            incidents = {one[1].alert.incident for one in new}
            # They asked for something else meanwhile, and what was for them was dropped by that.
            is_again = any(one.incident in incidents for one in mine)
            n += self._tell(pseudonym, new, mine, now, f"came:{now}" if is_again else "")
        return n

    def _tell_silenced(self, silence: Silence, silences: Sequence[Silence], now: int) -> int:
        standing = [
            one
            for one in self._standing(now)
            if silence.covers(one[1]) and not is_held(one[1], silences, now)
        ]
        if not standing:
            return 0
        concern = self._concerned(standing)
        told = self._told(standing, None)
        self._rouse_red(standing, told, now)
        followed = self._concerned(standing, at=at_its_peak)
        by_incident: dict[str, list[Numbered]] = defaultdict(list)
        for numbered in standing:
            by_incident[numbered[1].alert.incident].append(numbered)
        for pseudonym, each in told.items():
            for incident in {one.incident for one in each if one.is_heard or one.is_coming}:
                # Of a warning what stands elsewhere is none of theirs.
                concern[pseudonym] += [
                    one
                    for one in by_incident[incident]
                    if one not in concern[pseudonym]
                    and (one[1].alert.rule != RULE or one in followed[pseudonym])
                ]
        n = 0
        for pseudonym, alerts in concern.items():
            mine = told.get(pseudonym, [])
            new = [one for one in alerts if not _has(mine, one[1])]
            n += self._tell(pseudonym, sorted(new, key=lambda one: one[0]), mine, now, silence.id)
        return n

    def _rouse_red(
        self, standing: Sequence[Numbered], told: Mapping[str, Sequence[Notice]], now: int
    ) -> None:
        """What is red was left out of a message by the silence, and the rest of that may wait for
        the end of quiet hours: for red it does not."""
        red = {e.alert.incident for _, e in standing if rank_of(e) == Level.RED}
        for pseudonym, each in told.items():
            if any(one.status == Status.WAITING and one.incident in red for one in each):
                self._outbox.rouse(pseudonym, now)

    def _standing(self, now: int) -> list[Numbered]:
        """What stands of each incident that goes on, own limits' steps aside: its newest entry, or
        its parts; with all that its peaks came through, by whichever entry."""
        if self._seq < 0:
            self._seq = last_before(self._state, now - _SEEN_S)
        for seq, entry in self._state.alerts(self._seq):
            self._seq = seq
            incident = entry.alert.incident
            before = self._open.pop(incident, ())
            is_step = entry.alert.type == "step"
            if parts := before if is_step else parts_after(before, (seq, entry)):
                self._open[incident] = parts
                moved = self._moved.get(incident, ())
                self._moved[incident] = moved_through(moved, entry.moved)
            else:
                self._moved.pop(incident, None)
        return [
            (seq, msgspec.structs.replace(entry, moved=self._moved[incident]))
            for incident, parts in self._open.items()
            for seq, entry in parts
            if expires_at(entry) >= now
        ]

    def _concerned(
        self,
        standing: Sequence[Numbered],
        among: Collection[str] | None = None,
        at: Callable[[LogEntry, Places], Event] = event_of,
    ) -> dict[str, list[Numbered]]:
        audience = self._recipients.audience
        events = [msgspec.structs.replace(at(e, self._places), is_step=False) for _, e in standing]
        concern, names = audience.concerned(events), audience.names
        rows = np.arange(len(concern))
        if among is not None:
            numbers = [n for name in among if (n := names.number(name)) is not None]
            rows = np.flatnonzero(np.isin(concern.person, numbers))
        found: dict[str, list[Numbered]] = defaultdict(list)
        of, who = concern.event[rows].tolist(), concern.person[rows].tolist()
        for event, person in zip(of, who, strict=True):
            found[names[person]].append(standing[event])
        return found

    def _told(
        self, standing: Sequence[Numbered], people: Sequence[str] | None
    ) -> dict[str, list[Notice]]:
        found: dict[str, list[Notice]] = defaultdict(list)
        for one in self._outbox.told([e.alert.incident for _, e in standing], people):
            found[one.person].append(one)
        return found

    def _tell(
        self,
        pseudonym: str,
        alerts: Sequence[Numbered],
        told: Sequence[Notice],
        now: int,
        why: str = "",
    ) -> int:
        person = self._recipients.get(pseudonym)
        if person is None or not person.channels or not alerts:
            return 0
        n = 0
        for channel, some in by_channel(person, alerts, told):
            message = message_of(person, channel, some, now, why)
            if message.status == Status.DUE:
                message = msgspec.structs.replace(message, due_at=now)
            n += self._outbox.put(message, deliveries_of(message, some))
        return n


def _told_of(kept: _Kept, ended: Mapping[str, Silence]) -> Collection[str]:
    """Of which of these it was told that they have ended. It is kept by their names, not by the
    last moment: of several that end at one moment some may be seen later, and a clock that was
    ahead would pass over all until then."""
    if kept is None:  # nobody was told of anything before
        return ended.keys()
    if isinstance(kept, int):  # by an older Atalaia: until then
        return {id_ for id_, one in ended.items() if one.until <= kept}
    return set(kept)


def _has(told: Sequence[Notice], entry: LogEntry) -> bool:
    """Whether the person has, or is about to have, this entry or what took its place."""
    return any(one.status not in _LOST or one.is_heard for one in _since(told, entry))


def _was_to_have(told: Sequence[Notice], entry: LogEntry) -> bool:
    """Whether this entry or what took its place was, or is, for the person, and was not dropped."""
    return any(one.status != Status.DROPPED or one.is_heard for one in _since(told, entry))


def _since(told: Sequence[Notice], entry: LogEntry) -> list[Notice]:
    """What was told of what stands: it, or something newer, which of a warning speaks of other
    places."""
    alert = entry.alert
    return [
        one
        for one in told
        if one.incident == alert.incident
        and (one.version == alert.version or (one.version > alert.version and alert.rule != RULE))
    ]


def last_before(state: State, since: int) -> int:
    """Number of the last entry that was sent before. The log is in the order of sending, so it is
    halved and not read."""
    newest = state.latest(1)
    before, first = 0, newest[0][0] + 1 if newest else 1
    while first - before > 1:
        middle = (before + first) // 2
        seq, entry = next(state.alerts(middle - 1, limit=1))
        if entry.alert.sent_at < since:
            before = seq
        else:
            first = middle
    return before
