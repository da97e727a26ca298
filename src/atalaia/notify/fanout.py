"""From the alert log to the outbox: who is told what, each once, in bounded steps.

Alerts of one `sent_at` are one group: whoever several of them concern gets one message. What comes
to the log later than the first of them joins what nobody has taken yet. Who is concerned:

alert, escalated, certainty, step    those whose places and levels (or own limits) match, and those
                                     who were already told of the incident
eased, end, cancel                   those who were told of the incident; and who has a limit of
                                     their own that was passed at the very instant of an easing

An official warning lives at each place by itself: what is told of some of its places is for those
alone who follow one of these.

Other than red waits for the end of a person's quiet hours. What waits is dropped when its
incident ends first, or when something newer takes its place.

A step repeated adds nothing: where fan-out stands is kept with what it made, and a group that is
taken up in its middle passes over those who have their delivery of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import PROGRAMS
from atalaia.domain.delivery import GROUP_MOST, Delivery, Message, Status, message_id
from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.official import RULE
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence, is_muted
from atalaia.domain.subscription import Person
from atalaia.notify.audience import Audience, Event
from atalaia.notify.still import EXPIRED, NEWER, OVER
from atalaia.ports import FanOut, Notice

STEP_PEOPLE = 500

OVER_EXPIRES_S = 86400
"""News that something is over are of use for so long."""

_RED = int(Level.RED)


class Profiles(Protocol):
    """Who stands behind a pseudonym, without their subscriptions."""

    def get(self, pseudonym: str) -> Person | None:
        """None: erased, stopped, or with no confirmed contact."""
        ...


class Position(msgspec.Struct, frozen=True):
    """Where fan-out stands: all up to `done` is out, and of the group that ends at `until` a part;
    0: no group is under way."""

    done: int = 0
    until: int = 0


_decode_position = msgspec.json.Decoder(Position).decode


class Fanned(msgspec.Struct, frozen=True):
    """What a step came to: new messages by channel, and how grave they are."""

    messages: dict[str, int]
    ranks: frozenset[int]


class _Plan(msgspec.Struct):
    """A group with all whom it still has to reach, in the order in which they are told."""

    until: int
    entries: list[tuple[int, LogEntry]]
    people: list[str]  # those whom the gravest concerns first
    alerts: dict[str, tuple[int, ...]]  # by pseudonym: positions in entries
    told: dict[str, list[Notice]]
    sent_at: int
    joins_from: int  # see `FanOut`
    is_followed: bool  # by what the log holds after it


class _Instant(NamedTuple):
    """The instant of the last group that this process fanned out, and its first entry; `done` -1:
    it has fanned out none."""

    done: int = -1
    sent_at: int = 0
    began: int = 0


class Ledger(Protocol):
    """What fan-out needs of an outbox."""

    def position(self) -> str:
        """See `ports.Outbox.position`."""
        ...

    def fan_out(self, step: FanOut) -> int:
        """See `ports.Outbox.fan_out`."""
        ...

    def told(self, incidents: Sequence[str]) -> list[Notice]:
        """See `ports.Outbox.told`."""
        ...


class Log(Protocol):
    """What fan-out needs of a state."""

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        """See `ports.State.alerts`."""
        ...


class Fan:
    """Takes the alert log forward, group by group.

    audience, profiles    who asked for what; kept up to date by their owner between steps
    silences    what is told to nobody, as it stands at each group
    """

    def __init__(
        self,
        state: Log,
        outbox: Ledger,
        audience: Audience,
        profiles: Profiles,
        places: Places,
        *,
        step_people: int = STEP_PEOPLE,
        silences: Callable[[], Iterable[Silence]] = tuple,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._audience = audience
        self._profiles = profiles
        self._places = places
        self._step_people = step_people
        self._silences = silences
        self._plan: _Plan | None = None
        self._last = _Instant()
        self.reached = 0
        """As `done`, when a step was last begun: to be read without asking the store."""
        self.has_more = True
        """Whether the last step left anything of what the log held when its group was looked up."""

    @property
    def done(self) -> int:
        """The number of the last entry that everybody concerned has a message of."""
        return position(self._outbox).done

    def step(self, now: int | None) -> Fanned | None:
        """Fan out the next people of the next group; None if the log has nothing new.

        `now` None: the group's own instant, as if it had been fanned out then. Raises
        StateConflict where the outbox cannot be written, or another process fans out.
        """
        before = self._outbox.position()
        position = _read(before)
        self.reached = position.done
        plan, self._plan = self._plan, None  # where the step fails, the group is looked up anew
        if plan is None or plan.until != position.until:
            plan = self._next_plan(position, now)
        if plan is None:
            return None
        now = plan.sent_at if now is None else now
        turn, left = plan.people[: self._step_people], plan.people[self._step_people :]
        messages, deliveries, dropped = self._messages(plan, turn, now)
        after = Position(position.done, plan.until) if left else Position(plan.until)
        step = FanOut(
            before=before,
            position=written(after),
            now=now,
            messages=messages,
            deliveries=deliveries,
            dropped=dropped,
            joins_from=plan.joins_from,
        )
        self._outbox.fan_out(step)
        self.has_more = bool(left) or plan.is_followed
        if left:
            plan.people = left
            self._plan = plan
        else:
            began = plan.joins_from or plan.entries[0][0]
            self._last = _Instant(plan.until, plan.sent_at, began)
        made: dict[str, int] = defaultdict(int)
        for message in messages:
            made[message.channel] += 1
        return Fanned(dict(made), frozenset(message.rank for message in messages))

    def _next_plan(self, position: Position, now: int | None) -> _Plan | None:
        """The next group; the one that is under way ends where it ended before, and leaves out
        those whom it has reached."""
        log = self._state.alerts(position.done, limit=GROUP_MOST)
        entries: list[tuple[int, LogEntry]] = []
        is_followed = False
        for seq, entry in islice(log, GROUP_MOST):
            is_other = entries and entry.alert.sent_at != entries[0][1].alert.sent_at
            if is_other or (position.until and seq > position.until):
                is_followed = True
                break
            entries.append((seq, entry))
        is_followed = is_followed or len(entries) == GROUP_MOST
        if not entries:
            return None
        alerts, told = self._concerned([entry for _, entry in entries], now)
        if position.until:
            versions = {(entry.alert.incident, entry.alert.version) for _, entry in entries}
            for person, each in told.items():
                if any((one.incident, one.version) in versions for one in each):
                    alerts.pop(person, None)
        ranks = [rank_of(entry) for _, entry in entries]
        # Most share their alerts with many: the gravest is looked for once.
        gravest = {some: max(ranks[i] for i in some) for some in set(alerts.values())}
        people = sorted(alerts, key=lambda one: (-gravest[alerts[one]], one))
        sent_at = entries[0][1].alert.sent_at
        joins_from = self._began_at(position.done, sent_at)
        return _Plan(
            entries[-1][0], entries, people, alerts, told, sent_at, joins_from, is_followed
        )

    def _began_at(self, done: int, sent_at: int) -> int:
        """The number of the first entry of this instant that is fanned out; 0: none is."""
        if done == self._last.done:
            return self._last.began if sent_at == self._last.sent_at else 0
        found = 0
        for n in (1, GROUP_MOST):  # nearly always it is a new instant
            some = self._state.alerts(max(0, done - n), limit=n)
            same = [seq for seq, e in some if e.alert.sent_at == sent_at and seq <= done]
            if not same:
                break
            found = same[0]
        return found

    def _concerned(
        self, entries: Sequence[LogEntry], now: int | None
    ) -> tuple[dict[str, tuple[int, ...]], dict[str, list[Notice]]]:
        """By pseudonym: the alerts of the group that are for them, and what they were told."""
        found: dict[str, tuple[int, ...]] = {}
        told: dict[str, list[Notice]] = defaultdict(list)
        by_incident: dict[str, list[int]] = defaultdict(list)
        # One that has ended holds nothing back: what comes to the log after that, and was sent
        # before, is not told by `Standing`, which told what stood by then.
        silences = [one for one in self._silences() if now is None or now < one.until]
        heard = [i for i, entry in enumerate(entries) if not is_muted(entry, silences)]
        for i in heard:
            by_incident[entries[i].alert.incident].append(i)
        local = self._who_follow(entries, [i for i in heard if entries[i].official])
        for one in self._outbox.told(list(by_incident)):
            told[one.person].append(one)
            for i in by_incident[one.incident]:
                # A step is for those whose limit it passed; all else is news to who was told.
                is_theirs = i not in local or one.person in local[i]
                is_step = entries[i].alert.type == "step"
                if one.version < entries[i].alert.version and is_theirs and not is_step:
                    found[one.person] = (*found.get(one.person, ()), i)
        news = [i for i in heard if _is_news(entries[i]) or entries[i].moved]
        concern = self._audience.concerned([event_of(entries[i], self._places) for i in news])
        names = self._audience.names.of(concern.person)
        alone = [(i,) for i in news]
        for event, person in zip(concern.event.tolist(), names, strict=True):
            # Of nothing and one tuple nothing new is made.
            found[person] = found.get(person, ()) + alone[event]
        several = {person: some for person, some in found.items() if len(some) > 1}
        found.update((person, tuple(sorted({*some}))) for person, some in several.items())
        return found, told

    def _who_follow(self, entries: Sequence[LogEntry], some: Sequence[int]) -> dict[int, set[str]]:
        """By alert: who would be told of it, had it just begun at its places, at its peak."""
        found: dict[int, set[str]] = {i: set() for i in some}
        if not some:
            return found
        concern = self._audience.concerned([at_its_peak(entries[i], self._places) for i in some])
        names = self._audience.names.of(concern.person)
        for event, person in zip(concern.event.tolist(), names, strict=True):
            found[some[event]].add(person)
        return found

    def _messages(
        self, plan: _Plan, turn: Sequence[str], now: int
    ) -> tuple[list[Message], list[Delivery], dict[str, str]]:
        messages: list[Message] = []
        deliveries: list[Delivery] = []
        dropped: dict[str, str] = {}
        for person in turn:
            profile = self._profiles.get(person)
            if profile is None or not profile.channels:
                continue
            alerts = [plan.entries[i] for i in plan.alerts[person]]
            told = plan.told.get(person)
            if plan.sent_at < profile.since:
                alerts = _late_for_newcomers(alerts, told or ())
            if told:
                alerts = [one for one in alerts if not _was_never_heard(one[1], told)]
                dropped.update(_overtaken(plan, person, told))
            if not alerts:
                continue
            for channel, some in by_channel(profile, alerts, told or ()):
                message = message_of(profile, channel, some, now)
                messages.append(message)
                deliveries += deliveries_of(message, some)
        return messages, deliveries, dropped


def order_key_of(person: str, channel: str, incident: str) -> str:
    """What goes one after the other: all of a person; to a program, all of an incident."""
    return f"{person}/{incident}" if channel in PROGRAMS else person


def deliveries_of(message: Message, alerts: Iterable[tuple[int, LogEntry]]) -> list[Delivery]:
    """One row an alert that the message carries."""
    return [
        Delivery(
            message.person,
            entry.alert.incident,
            entry.alert.version,
            message.channel,
            message.id,
        )
        for _, entry in alerts
    ]


def by_channel(
    profile: Person, alerts: Sequence[tuple[int, LogEntry]], told: Sequence[Notice]
) -> list[tuple[str, list[tuple[int, LogEntry]]]]:
    """The alerts by the channels that are to carry them, a message each.

    News goes where the person heard of the incident, or is about to; what is new to them by the
    first channel. To a program each incident goes by itself, so that it has an order of its own.
    """
    if not told and len(alerts) == 1:  # as most are, on the night when all are told
        return [(name, [*alerts]) for name in profile.channels[:1]]
    heard: dict[str, set[str]] = defaultdict(set)
    for one in told:
        if one.is_heard or one.is_coming:
            heard[one.incident].add(one.channel)
    found: dict[tuple[str, str], list[tuple[int, LogEntry]]] = defaultdict(list)
    for seq, entry in alerts:
        incident = entry.alert.incident
        names = [name for name in profile.channels if name in heard[incident]]
        for name in names or profile.channels[:1]:
            found[name, incident if name in PROGRAMS else ""].append((seq, entry))
    return [(channel, some) for (channel, _), some in found.items()]


def message_of(
    profile: Person, channel: str, alerts: Sequence[tuple[int, LogEntry]], now: int, why: str = ""
) -> Message:
    """A message of these alerts. Its id is made of the first of them and of `why`, where that is
    told besides what fan-out tells of it."""
    first = alerts[0][1]
    rank, until = rank_of(first), expires_at(first)
    for _, entry in alerts[1:]:
        rank, until = max(rank, rank_of(entry)), max(until, expires_at(entry))
    sent_at = first.alert.sent_at
    quiet_until = profile.quiet.ends_at(now) if profile.quiet and rank < _RED else None
    is_late = until < now
    is_first = channel == profile.channels[0]
    escalates = rank == _RED and profile.escalate_after_s and is_first and profile.channels[1:]
    status = Status.WAITING if quiet_until else Status.DUE
    return Message(
        id=message_id(profile.pseudonym, channel, _about(first, why)),
        person=profile.pseudonym,
        channel=channel,
        order_key=order_key_of(profile.pseudonym, channel, first.alert.incident),
        seqs=tuple([seq for seq, _ in alerts]),
        rank=rank,
        status=Status.LATE if is_late else status,
        due_at=quiet_until or min(sent_at, now),  # the clock was wrong, or is another machine's
        expires_at=until,
        settled_at=now if is_late else 0,
        reason=EXPIRED if is_late else "",
        escalate_at=now + profile.escalate_after_s if escalates else 0,
    )


def _about(first: LogEntry, why: str) -> str:
    """What stands for an alert in ids, which others keep longer than a home does. Not its number:
    once a backup is restored, another alert has that, and who was told of the first by a webhook
    or an e-mail would throw away what goes by the same id."""
    alert = first.alert
    about = f"{alert.incident}/{alert.version}@{alert.sent_at}"
    return f"{about} {why}" if why else about


def _late_for_newcomers(
    alerts: Sequence[tuple[int, LogEntry]], told: Sequence[Notice]
) -> list[tuple[int, LogEntry]]:
    """What is for who came after it was sent, and before it was in the log: what is red, which they
    would have been told as they came, and how that went on of which they were told."""
    known = {one.incident for one in told}
    return [one for one in alerts if rank_of(one[1]) == _RED or one[1].alert.incident in known]


def _was_never_heard(entry: LogEntry, told: Sequence[Notice]) -> bool:
    """Whether it ends what the person has not heard of: that waits, and is dropped."""
    if not entry.alert.is_over:
        return False
    before = [one for one in told if one.incident == entry.alert.incident]
    silent = (Status.WAITING, Status.DROPPED, Status.LATE)
    return all(one.status in silent and not one.is_heard for one in before)


def _overtaken(plan: _Plan, person: str, told: Sequence[Notice]) -> dict[str, str]:
    """Messages to the person that need not go any more, as this group says it all anew."""
    ended: set[str] = set()
    newer: set[str] = set()
    for i in plan.alerts[person]:
        entry = plan.entries[i][1]
        # Of a warning what waits may speak of other places, too.
        if not entry.still and entry.alert.rule != RULE:
            (ended if entry.is_over else newer).add(entry.alert.incident)
    covered: dict[str, list[Notice]] = defaultdict(list)
    for one in told:
        is_put_off = one.status == Status.WAITING or (one.status == Status.DUE and one.attempts)
        if is_put_off and one.incident in ended | newer:
            covered[one.message].append(one)
    return {
        message: (OVER if all(one.incident in ended for one in each) else NEWER)
        for message, each in covered.items()
        if len(each) == each[0].size
    }


def _is_news(entry: LogEntry) -> bool:
    """Whether it concerns people who were not told of the incident before."""
    alert = entry.alert
    return alert.type in ("alert", "step") or (alert.type == "update" and alert.reason != "eased")


def concerns(person: Person, entry: LogEntry, places: Places) -> bool:
    """Whether the incident, as it stands with this entry, would be news to the person."""
    return _is_told(person, msgspec.structs.replace(event_of(entry, places), is_step=False))


def follows(person: Person, entry: LogEntry, places: Places) -> bool:
    """Whether the person would be told of it, had it just begun at its places, at its peak."""
    return _is_told(person, at_its_peak(entry, places))


def _is_told(person: Person, event: Event) -> bool:
    audience = Audience()
    audience.put(person)
    return len(audience.concerned([event])) > 0


def at_its_peak(entry: LogEntry, places: Places) -> Event:
    """What decides who follows it there, however it has eased, or is over."""
    level = int(LEVEL_OF[entry.peak_level or entry.alert.level])
    return msgspec.structs.replace(event_of(entry, places), level=level, is_step=False)


def event_of(entry: LogEntry, places: Places) -> Event:
    """What decides whom it concerns."""
    alert = entry.alert
    known = [place for id_ in entry.places if (place := places.get(id_)) is not None]
    return Event(
        hazard=alert.hazard,
        level=int(LEVEL_OF[alert.level]),
        latitudes=np.array([place.latitude for place in known]),
        longitudes=np.array([place.longitude for place in known]),
        moved=entry.moved,
        is_step=alert.type == "step" or not _is_news(entry),
    )


def rank_of(entry: LogEntry) -> int:
    """How grave it is, as `Message.rank`."""
    is_over = entry.alert.is_over
    return 0 if is_over else int(LEVEL_OF[entry.alert.level])


def expires_at(entry: LogEntry) -> int:
    """Until when it is of use to anybody."""
    alert = entry.alert
    if alert.expires_at is None or alert.is_over:
        return alert.sent_at + OVER_EXPIRES_S
    return alert.expires_at


def position(outbox: Ledger) -> Position:
    """Where fan-out stands."""
    return _read(outbox.position())


def _read(text: str) -> Position:
    return _decode_position(text) if text else Position()


def written(position: Position) -> str:
    """A position in the words of the outbox."""
    return msgspec.json.encode(position).decode()
