"""Official warnings that stand over the watched places: from messages to the alert log.

What stands over a place is what a reader of all messages so far would say: of each warning the
newest message that speaks of the place decides. A message speaks of the places that it covers; an
end (Cancel, all clear, urgency Past) without an area of its own speaks of all. Which messages are
of one warning their references say. A place that an Update leaves out is let go `SPLIT_S` later: a
warning may be split, and its other part be still on its way. In whatever order messages come, the
same stands in the end.

A warning is one incident, whatever number of places it covers, told in its issuer's words, and has
a life at each of them: an entry speaks of its places alone, and says where else it goes on
(`still`). Parts of a message that differ in area, level, time or event are incidents of their own.
That a feed no longer lists a warning, or does not answer, ends nothing; that it lists it again
tells nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import msgspec
import numpy as np

from atalaia.domain.alert import Alert, AlertType, LogEntry, is_last
from atalaia.domain.geo import distances_km
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.official import Official, are_kin, official_text, told_as
from atalaia.domain.outline import outline, turns
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats, Ints

RULE = "official"
"""Stands in an alert where a rule of ours would."""

SPLIT_S = 600
"""How long a place that an Update leaves out is held, as the rest of a split may be on its way."""

FORGET_AFTER_S = 7 * 86_400
"""How long what is over is remembered, so that a feed that still lists it does not open it."""

_LONGEST_MEMORY_S = 90 * 86_400
"""The longest that a warning's own end is waited for with that."""

MOST_NAMES = 500
"""Messages that one message may refer to."""

_SHORTEST_CODE = 5
"""Letters of a geocode that may name a place by its id: ``2900207``, and not ``1``."""


Open = Callable[[frozenset[str], str, int, int], tuple[str, ...]]
"""Our own incidents at these places, of a kin hazard, between two instants."""


class Group(msgspec.Struct):
    """Places over which one part of a message stands.

    leaves_at   when they are let go, as an Update left them out; 0: they are not
    closed_at   when it ended; 0: it stands
    """

    official: Official
    places: list[str]
    leaves_at: int = 0
    closed_at: int = 0


class StandingWarning(msgspec.Struct):
    """One warning that stands.

    names   of all its messages, and of those that these refer to
    peak    the highest level that it had
    groups  no place is in two of those that stand
    """

    incident: str
    version: int
    opened_at: int
    names: list[str]
    peak: int = 0
    groups: list[Group] = []

    def live(self) -> list[Group]:
        """The groups that stand."""
        return [group for group in self.groups if not group.closed_at]


class Mention(msgspec.Struct):
    """What is known of one message, heard or only referred to.

    sent_at      as it was heard; -1: it was not
    is_end       all of it says that something is over
    references   names of the messages that it refers to
    covers       the watched places that it speaks of; None: all of what it refers to
    kin          names of the messages heard that refer to it, directly or through others
    until        how long it may still be listed
    """

    name: str
    sent_at: int = -1
    is_end: bool = False
    references: tuple[str, ...] = ()
    covers: list[str] | None = []
    kin: list[str] = []
    until: int = 0


@dataclass
class _Change:
    """What a message or the clock does to one warning: by entry, its places.

    Entries are told apart by type, reason and the part of a message that they pass on.
    """

    over: dict[tuple[AlertType, str, int], tuple[Official, list[str]]] = field(default_factory=dict)
    goes_on: dict[tuple[AlertType, str, int], tuple[Official, list[str]]] = field(
        default_factory=dict
    )

    _said: dict[tuple[int, int], Official] = field(default_factory=dict)

    def add(self, type_: AlertType, reason: str, official: Official, place: str) -> None:
        """One place more that an entry speaks of."""
        kind = self.over if is_last(type_) else self.goes_on
        kind.setdefault((type_, reason, id(official)), (official, []))[1].append(place)

    def end(self, part: Official | None, before: Official, place: str) -> None:
        """It is over at one place more: by a part that says so, by one that has run out, or as its
        successor speaks of something else there (None)."""
        if part is None:
            self.add("cancel", "withdrawn", before, place)
        elif not part.is_end:
            self.add("end", "ended", part, place)
        else:
            said = self._said.setdefault((id(part), id(before)), _with_words(part, before))
            is_cancel = part.type == "Cancel"
            self.add(
                "cancel" if is_cancel else "end", "withdrawn" if is_cancel else "ended", said, place
            )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StandingWarning).decode
_decode_mention = msgspec.msgpack.Decoder(Mention).decode
_MENTION = "name:"


class Officials:
    """All warnings that stand, or ended within the last batch, by the key of their incident, and
    what is known of messages."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._latitude = np.array([place.latitude for place in places], np.float64)
        self._longitude = np.array([place.longitude for place in places], np.float64)
        self.standing: dict[str, StandingWarning] = {}
        self.mentions: dict[str, Mention] = {}
        self._by_name: dict[str, dict[str, None]] = {}
        self._touched: set[str] = set()

    # State

    def load(self, items: Mapping[str, bytes]) -> None:
        """Take up what was kept: state items ``official:…``. What an older version kept in another
        form is passed over: its warnings are told again."""
        for key, body in items.items():
            name = key.removeprefix("official:")
            try:
                if name.startswith(_MENTION):
                    self.mentions[name] = _decode_mention(body)
                else:
                    self._put(_decode(body))
            except msgspec.ValidationError:
                continue
        self._touched.clear()

    def changed_items(self) -> dict[str, bytes | None]:
        """State items that are new since this was asked last."""
        kept: Mapping[str, StandingWarning | Mention] = {**self.standing, **self.mentions}
        items = {
            f"official:{key}": _encode(kept[key]) if key in kept else None
            for key in sorted(self._touched)
        }
        self._touched.clear()
        return items

    # Life

    def advance(
        self, heard: Sequence[tuple[int, Official]], instants: Ints, own: Open
    ) -> list[LogEntry]:
        """Live through messages, each part with when it became known, and through all instants of
        a batch (sorted, unique): what has run out is noticed at the first that is late enough."""
        if not len(instants):
            return []
        self._drop_closed()
        entries: list[LogEntry] = []
        # A feed lists its messages in any order: of one instant, the older goes first.
        ordered = sorted(heard, key=lambda one: (one[0], _age(one[1])))
        for (now, (sent_at, *_)), parts in groupby(
            ordered, key=lambda one: (one[0], (*_age(one[1]), one[1].name))
        ):
            entries += self._expire(instants, now, own)
            once = {part.part: part for _, part in parts}  # an answer may list it twice
            entries += self._hear(list(once.values()), sent_at, now, own)
        last = int(instants[-1])
        entries += self._expire(instants, last, own)
        self._forget(last)
        return entries

    def linked(self, entry: LogEntry) -> LogEntry:
        """An entry of our own with the warnings about the same weather that stood over one of its
        places when it was decided."""
        alert = entry.alert
        if not self.standing or alert.hazard == Hazard.CANNOT_SEE:
            return entry
        places = frozenset(entry.places)
        keys = tuple(
            key
            for key, one in self.standing.items()
            if one.opened_at <= alert.sent_at
            and any(
                not (group.closed_at and group.closed_at <= alert.sent_at)
                and group.official.hazard
                and are_kin(group.official.hazard, alert.hazard)
                and not places.isdisjoint(group.places)
                for group in one.groups
            )
        )
        return msgspec.structs.replace(entry, linked=keys) if keys else entry

    # A message

    def _hear(self, parts: list[Official], sent_at: int, now: int, own: Open) -> Iterator[LogEntry]:
        message = parts[0]
        if self._mention(message.name).sent_at >= sent_at:
            return  # it is listed again
        covers = [self._covered(part) for part in parts]
        mention = self._note(parts, covers, now)
        line = self._line(message.name)
        keys = dict.fromkeys(key for name in line for key in self._by_name.get(name, ()))
        before = [self.standing[key] for key in keys]
        is_past = self._is_past(mention, line)
        changes = {one.incident: _Change() for one in before}
        decided = self._go_on(parts, covers, line, before, is_past, now, changes)
        if mention.kin != [message.name]:
            self._join(before, changes)
        if not mention.is_end:
            self._leave(message, covers, before, now)
        opened = self._begin(parts, covers, decided, is_past, now, changes)
        for one in (*before, *opened):
            one.names = list(dict.fromkeys((*one.names, *line)))
            self._put(one)
            yield from self._tell(one, changes[one.incident], now, own)

    def _note(
        self, parts: Sequence[Official], covers: Sequence[dict[str, None]], now: int
    ) -> Mention:
        """The message, for those that come after it and are older."""
        message = parts[0]
        mention = self._mention(message.name)
        mention.sent_at = message.sent_at
        mention.references = message.references[:MOST_NAMES]
        mention.is_end = all(part.is_end for part in parts)
        is_whole = any(part.is_end and _is_of_all(part) for part in parts)
        mention.covers = None if is_whole else [place for cover in covers for place in cover]
        until = max(now, *(min(part.ends_at, now + _LONGEST_MEMORY_S) for part in parts))
        for name in self._line(message.name):
            other = self._mention(name)
            other.until = max(other.until, until)
            other.kin = list(dict.fromkeys((*other.kin, message.name, *mention.kin)))
        return mention

    def _line(self, name: str) -> dict[str, None]:
        """The name of a message, and of all that it refers to, directly or through others."""
        line, ahead = {name: None}, [name]
        while ahead and len(line) < MOST_NAMES:
            new = [each for each in self._mention(ahead.pop()).references if each not in line]
            line.update(dict.fromkeys(new))
            ahead += new
        return line

    def _is_past(self, mention: Mention, line: Iterable[str]) -> Callable[[str], bool]:
        """Whether something newer of the same warning was heard before that speaks of a place, or
        took its place everywhere."""
        newer = self._newer(mention, line)
        if any(mention.name in one.references and not one.is_end for one in newer):
            return lambda _place: True
        return _spoken_by(newer)

    def _newer(self, mention: Mention, line: Iterable[str]) -> list[Mention]:
        names = dict.fromkeys(name for each in line for name in self._mention(each).kin)
        return [one for name in names if _is_newer(one := self._mention(name), mention)]

    def _join(self, before: Sequence[StandingWarning], changes: Mapping[str, _Change]) -> None:
        """A message that came late may join what stands to newer ones that were heard before it."""
        for one in before:
            for group in one.live():
                mention = self._mention(group.official.name)
                is_past = _spoken_by(self._newer(mention, self._line(mention.name)))
                for place in filter(is_past, group.places):
                    changes[one.incident].end(None, group.official, place)
                group.places = [place for place in group.places if not is_past(place)]
            one.groups = [group for group in one.groups if group.places]

    def _go_on(
        self,
        parts: Sequence[Official],
        covers: Sequence[dict[str, None]],
        line: Mapping[str, None],
        before: Sequence[StandingWarning],
        is_past: Callable[[str], bool],
        now: int,
        changes: Mapping[str, _Change],
    ) -> dict[tuple[str, int], str | None]:
        """Let the message decide at the places where its warnings stand. Returns, by place and
        part, the incident that goes on with it; None: nothing more is to come of it there."""
        decided: dict[tuple[str, int], str | None] = {}
        for one in before:
            moved: dict[int, Group] = {}
            for group in one.live():
                if line.keys().isdisjoint(self._line(group.official.name)):
                    continue  # the incident was joined to another warning elsewhere
                stays = []
                for place in group.places:
                    said = _spoken(parts, covers, place, group.official)
                    if not said:
                        stays.append(place)
                        continue
                    if not _is_newer(parts[0], group.official):
                        decided.update({(place, number): None for number in said})
                        stays.append(place)
                        continue
                    number = None if is_past(place) else _successor(parts, said, group.official)
                    part = None if number is None else parts[number]
                    if number is None or part is None or part.is_end or part.ends_at <= now:
                        changes[one.incident].end(part, group.official, place)
                        continue
                    decided[place, number] = one.incident
                    reason = _reason(group.official, part)
                    if reason:
                        changes[one.incident].add("update", reason, part, place)
                    moved.setdefault(number, Group(part, [])).places.append(place)
                group.places = stays
            one.groups = [g for g in one.groups if g.places] + list(moved.values())
        return decided

    def _leave(
        self,
        message: Official,
        covers: Sequence[dict[str, None]],
        before: Sequence[StandingWarning],
        now: int,
    ) -> None:
        """What an Update refers to and does not cover any more is let go in a while."""
        for one in before:
            left = []
            for group in one.live():
                is_meant = group.official.name in (message.name, *message.references)
                if not is_meant or group.leaves_at or not _is_newer(message, group.official):
                    continue
                leaves = [p for p in group.places if not any(p in cover for cover in covers)]
                if leaves:
                    gone = set(leaves)
                    group.places = [place for place in group.places if place not in gone]
                    left.append(Group(group.official, leaves, leaves_at=now + SPLIT_S))
            one.groups = [group for group in one.groups if group.places] + left

    def _begin(
        self,
        parts: Sequence[Official],
        covers: Sequence[dict[str, None]],
        decided: Mapping[tuple[str, int], str | None],
        is_past: Callable[[str], bool],
        now: int,
        changes: dict[str, _Change],
    ) -> list[StandingWarning]:
        """Where nothing went on: a warning that goes on elsewhere widens, else one begins."""
        opened = []
        for number, (part, cover) in enumerate(zip(parts, covers, strict=True)):
            if part.is_end or part.ends_at <= now:
                continue
            new = [p for p in cover if (p, number) not in decided and not is_past(p)]
            if not new:
                continue
            going = sorted({k for (_, n), k in decided.items() if n == number and k is not None})
            one = self.standing[going[0]] if going else None
            if one is None:
                one = StandingWarning(_key(part), 0, now, [])
                changes[one.incident] = _Change()
                opened.append(one)
            type_, reason = ("alert", "onset") if one in opened else ("update", "escalated")
            for place in new:
                changes[one.incident].add(type_, reason, part, place)  # type: ignore[arg-type]
            same = next((g for g in one.live() if g.official is part), None)
            if same is None:
                one.groups = [*one.groups, Group(part, new)]
            else:
                same.places = self._in_order([*same.places, *new])
        return opened

    # Time

    def _expire(self, instants: Ints, until: int, own: Open) -> Iterator[LogEntry]:
        """What runs out, and what is let go, instant by instant."""
        due = sorted(
            (at, one.incident)
            for one in self.standing.values()
            for group in one.live()
            if (at := _due_at(group)) <= until
        )
        for at, key in dict.fromkeys(due):
            one, change = self.standing[key], _Change()
            slot = min(int(np.searchsorted(instants, at)), len(instants) - 1)
            now = min(int(instants[slot]), until)
            for group in one.live():
                if _due_at(group) > at:
                    continue
                has_run_out = group.official.ends_at <= at
                type_, reason = ("end", "ended") if has_run_out else ("cancel", "withdrawn")
                for place in group.places:
                    change.add(type_, reason, group.official, place)  # type: ignore[arg-type]
                group.closed_at = now
            yield from self._tell(one, change, now, own)

    def _drop_closed(self) -> None:
        for key, one in list(self.standing.items()):
            one.groups = one.live()
            if not one.groups:
                del self.standing[key]
                self._touched.add(key)
                for name in one.names:
                    self._by_name.get(name, {}).pop(key, None)
                    if not self._by_name.get(name, True):
                        del self._by_name[name]

    def _forget(self, now: int) -> None:
        for key, mention in list(self.mentions.items()):
            if mention.until + FORGET_AFTER_S < now and mention.name not in self._by_name:
                del self.mentions[key]
                self._touched.add(key)

    def _mention(self, name: str) -> Mention:
        key = _MENTION + hashlib.sha256(name.encode()).hexdigest()[:24]
        self._touched.add(key)
        return self.mentions.setdefault(key, Mention(name))

    def _put(self, one: StandingWarning) -> None:
        self.standing[one.incident] = one
        self._touched.add(one.incident)
        for name in one.names:
            self._by_name.setdefault(name, {})[one.incident] = None

    # Where

    def _covered(self, official: Official) -> dict[str, None]:
        """Ids of the watched places that it covers, in their order."""
        is_in = np.zeros(len(self._places), bool)
        codes = set()
        for area in official.areas:
            is_here = np.zeros(len(self._places), bool)
            for ring in area.polygons:
                is_here |= _within(ring, self._longitude, self._latitude)
            for longitude, latitude, radius_km in area.circles:
                away = distances_km(latitude, longitude, self._latitude, self._longitude)
                is_here |= away <= radius_km
            for ring in area.excluded if is_here.any() else ():
                is_here &= ~_within(ring, self._longitude, self._latitude)
            is_in |= is_here
            codes |= {code for _, code in area.geocodes if len(code) >= _SHORTEST_CODE}
        return {
            place.id: None
            for place, is_covered in zip(self._places, is_in.tolist(), strict=True)
            if is_covered or place.id in codes
        }

    def _in_order(self, places: Iterable[str]) -> list[str]:
        order = self._places.position
        return sorted(places, key=lambda place: order.get(place, len(order)))

    # Words

    def _tell(
        self, one: StandingWarning, change: _Change, now: int, own: Open
    ) -> Iterator[LogEntry]:
        """The entries of one change. What is over comes first: the newest entry of an incident
        says that it goes on, where it does."""
        left = dict.fromkeys(place for group in one.live() for place in group.places)
        for _, places in change.over.values():
            left |= dict.fromkeys(places)
        for kind in (change.over, change.goes_on):
            for (type_, reason, _), (official, places) in kind.items():
                spoken = set(places)
                still = self._in_order(place for place in left if place not in spoken)
                told = self._in_order(places)
                yield self._entry(one, type_, reason, official, told, still, now, own)
                if is_last(type_):
                    left = dict.fromkeys(still)
        self._put(one)

    def _entry(
        self,
        one: StandingWarning,
        type_: AlertType,
        reason: str,
        official: Official,
        places: list[str],
        still: list[str],
        now: int,
        own: Open,
    ) -> LogEntry:
        is_over = is_last(type_)
        one.version += 1
        level = official.level
        one.peak = max(one.peak, int(level))
        linked: tuple[str, ...] = ()
        if official.hazard:
            begins_at, ends_at = official.begins_at, official.ends_at
            linked = own(frozenset(places), official.hazard, begins_at, ends_at)
        known = ((id_, self._places.get(id_)) for id_ in places)
        names = [place.name if place else id_ for id_, place in known]
        alert = Alert(
            incident=one.incident,
            version=one.version,
            type=type_,
            place_id=places[0] if len(places) == 1 else official.issuer,
            hazard=told_as(official),
            level=level.word,
            severity=level.severity,
            urgency="Past" if is_over else official.urgency,
            certainty=official.certainty,
            sent_at=now,
            onset_at=official.begins_at,
            expires_at=official.ends_at,
            evidence="observed" if official.certainty == "Observed" else "forecast",
            source=official.issuer,
            valid_at=official.sent_at,
            variable=None,
            window_s=None,
            value=None,
            unit=None,
            limit=None,
            rule=RULE,
            reason=reason,
            text=official_text(official, type_, names),
        )
        return LogEntry(
            alert=alert,
            places=tuple(places),
            opened_at=one.opened_at,
            peak_level=Level(one.peak).word,
            official=official,
            linked=linked,
            still=tuple(still),
        )


def _spoken(
    parts: Sequence[Official], covers: Sequence[dict[str, None]], place: str, stands: Official
) -> list[int]:
    """The numbers of the parts that speak of a place over which another message stands."""
    return [
        number
        for number, (part, cover) in enumerate(zip(parts, covers, strict=True))
        if place in cover or (part.is_end and _is_of_all_of(part, stands))
    ]


def _spoken_by(messages: Sequence[Mention]) -> Callable[[str], bool]:
    """Whether one of these speaks of a place."""
    if any(one.covers is None for one in messages):
        return lambda _place: True
    over = {place for one in messages for place in one.covers or ()}
    return lambda place: place in over


def _successor(parts: Sequence[Official], said: Sequence[int], stands: Official) -> int | None:
    """Which of the parts that speak of a place goes on with what stands there: of the same hazard,
    or the only one. None: no part does."""
    same = [number for number in said if parts[number].hazard == stands.hazard]
    going = [number for number in same if not parts[number].is_end]
    if stands.part in (going or same):
        return stands.part
    return next(iter(going or same), said[0] if len(said) == 1 else None)


def _is_of_all(end: Official) -> bool:
    """Whether an end names no area, and so speaks of all that it refers to."""
    return not any(area.polygons or area.circles or area.geocodes for area in end.areas)


def _is_of_all_of(end: Official, stands: Official) -> bool:
    """Whether an end without an outline speaks of all of what stands: it names no codes either, or
    all of its codes."""
    if any(area.polygons or area.circles for area in end.areas):
        return False
    codes, others = _codes(end), _codes(stands)
    return not codes or (bool(others) and others <= codes)


def _codes(official: Official) -> set[tuple[str, str]]:
    return {code for area in official.areas for code in area.geocodes}


class _Message(Protocol):
    """What decides which of two messages is newer."""

    @property
    def name(self) -> str: ...
    @property
    def sent_at(self) -> int: ...
    @property
    def is_end(self) -> bool: ...
    @property
    def references(self) -> tuple[str, ...]: ...


def _age(message: _Message) -> tuple[int, bool, str]:
    """Sorts messages: the older first, and of one second the end before what goes on."""
    return message.sent_at, not message.is_end, message.name


def _is_newer(one: _Message, other: _Message) -> bool:
    """Whether one message is newer than another. Of one second, that which refers to the other;
    else what goes on is newer than an end: a warning was split."""
    if one.sent_at == other.sent_at:
        if other.name in one.references:
            return True
        if one.name in other.references:
            return False
    return _age(one) > _age(other)


def _due_at(group: Group) -> int:
    """When it ends by itself."""
    ends_at = group.official.ends_at
    return min(ends_at, group.leaves_at) if group.leaves_at else ends_at


def _key(official: Official) -> str:
    name = f"{RULE}|{official.name}|{official.sent_at}|{official.part}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _reason(before: Official, after: Official) -> str:
    """Why people are told of a successor; empty: it says the same."""
    if after.level != before.level:
        return "escalated" if after.level > before.level else "eased"
    return "" if _said(before) == _said(after) else "revised"


def _said(official: Official) -> tuple[object, ...]:
    """What would be news if it were another. Where lines break is none."""
    texts = [
        (text.language, *(" ".join(each.split()) for each in msgspec.structs.astuple(text)[1:]))
        for text in official.texts
    ]
    heights = {(area.altitude_ft, area.ceiling_ft) for area in official.areas}
    return texts, heights, official.begins_at, official.ends_at, official.urgency


def _with_words(end: Official, before: Official) -> Official:
    """An end may say no more than what it ends: then that is what it is about."""
    is_bare = not end.texts
    return msgspec.structs.replace(
        end,
        texts=before.texts if is_bare else end.texts,
        areas=end.areas or before.areas,
        issuer=before.issuer if is_bare else end.issuer,
        hazard=end.hazard or before.hazard,
        severity=before.severity if is_bare else end.severity,
        urgency=before.urgency if is_bare else end.urgency,
        certainty=before.certainty if is_bare else end.certainty,
        onset_at=end.onset_at or before.begins_at,
        expires_at=end.expires_at or before.ends_at,
    )


def _within(ring: Sequence[tuple[float, float]], longitude: Floats, latitude: Floats) -> Bools:
    shape = outline([ring])
    west, south, east, north = shape.box
    is_in = np.zeros(len(longitude), bool)
    for by in turns(west, east):
        near = np.flatnonzero(
            (longitude >= west + by)
            & (longitude <= east + by)
            & (latitude >= south)
            & (latitude <= north)
        )
        if len(near):
            is_in[near] |= shape.turned(by).holds(longitude[near], latitude[near])
    return is_in
