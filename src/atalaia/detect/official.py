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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby

import msgspec
import numpy as np

from atalaia.detect.covered import Covered
from atalaia.detect.mentions import MENTION, Mentions, age_of, is_newer
from atalaia.detect.official_entries import Open, WarningChange, WarningTeller
from atalaia.detect.standing_warnings import Group, StandingWarning
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import Hazard
from atalaia.domain.official import RULE, Official, are_kin
from atalaia.domain.place import Places
from atalaia.domain.reading import Ints

SPLIT_S = 600
"""How long a place that an Update leaves out is held, as the rest of a split may be on its way."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StandingWarning).decode


class Officials:
    """All warnings that stand, or ended within the last batch, by the key of their incident, and
    what is known of messages."""

    def __init__(self, places: Places) -> None:
        self._covered = Covered(places)
        self._teller = WarningTeller(places, self._covered)
        self._mentions = Mentions()
        self.standing: dict[str, StandingWarning] = {}
        self._by_name: dict[str, dict[str, None]] = {}
        self._touched: set[str] = set()

    # State

    def load(self, items: Mapping[str, bytes]) -> None:
        """Take up what was kept: state items ``official:…``. What an older version kept in another
        form is passed over: its warnings are told again."""
        mentions = {}
        for key, body in items.items():
            name = key.removeprefix("official:")
            if name.startswith(MENTION):
                mentions[name] = body
            else:
                with suppress(msgspec.ValidationError):
                    self._put(_decode(body))
        self._mentions.load(mentions)
        self._touched.clear()

    def changed_items(self) -> dict[str, bytes | None]:
        """State items that are new since this was asked last."""
        kept = self.standing
        items = {key: _encode(kept[key]) if key in kept else None for key in self._touched}
        items |= self._mentions.changed_items()
        self._touched.clear()
        return {f"official:{key}": items[key] for key in sorted(items)}

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
        ordered = sorted(heard, key=lambda one: (one[0], age_of(one[1])))
        for (now, (sent_at, *_)), parts in groupby(
            ordered, key=lambda one: (one[0], (*age_of(one[1]), one[1].name))
        ):
            entries += self._expire(instants, now, own)
            once = {part.part: part for _, part in parts}  # an answer may list it twice
            entries += self._hear(list(once.values()), sent_at, now, own)
        last = int(instants[-1])
        entries += self._expire(instants, last, own)
        self._mentions.forget(last, self._by_name.__contains__)
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
        if self._mentions.of(message.name).sent_at >= sent_at:
            return  # it is listed again
        covers = [self._covered.by(part) for part in parts]
        mention = self._mentions.note(parts, covers, now)
        line = self._mentions.line(message.name)
        keys = dict.fromkeys(key for name in line for key in self._by_name.get(name, ()))
        before = [self.standing[key] for key in keys]
        is_past = self._mentions.is_past(mention, line)
        changes = {one.incident: WarningChange() for one in before}
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

    def _join(
        self, before: Sequence[StandingWarning], changes: Mapping[str, WarningChange]
    ) -> None:
        """A message that came late may join what stands to newer ones that were heard before it."""
        for one in before:
            for group in one.live():
                is_past = self._mentions.spoken_since(group.official.name)
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
        changes: Mapping[str, WarningChange],
    ) -> dict[tuple[str, int], str | None]:
        """Let the message decide at the places where its warnings stand. Returns, by place and
        part, the incident that goes on with it; None: nothing more is to come of it there."""
        decided: dict[tuple[str, int], str | None] = {}
        for one in before:
            moved: dict[int, Group] = {}
            for group in one.live():
                if line.keys().isdisjoint(self._mentions.line(group.official.name)):
                    continue  # the incident was joined to another warning elsewhere
                stays = []
                for place in group.places:
                    said = _spoken(parts, covers, place, group.official)
                    if not said:
                        stays.append(place)
                        continue
                    if not is_newer(parts[0], group.official):
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
                if not is_meant or group.leaves_at or not is_newer(message, group.official):
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
        changes: dict[str, WarningChange],
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
                changes[one.incident] = WarningChange()
                opened.append(one)
            type_, reason = ("alert", "onset") if one in opened else ("update", "escalated")
            for place in new:
                changes[one.incident].add(type_, reason, part, place)  # type: ignore[arg-type]
            same = next((g for g in one.live() if g.official is part), None)
            if same is None:
                one.groups = [*one.groups, Group(part, new)]
            else:
                same.places = self._covered.in_order([*same.places, *new])
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
            one, change = self.standing[key], WarningChange()
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

    def _tell(
        self, one: StandingWarning, change: WarningChange, now: int, own: Open
    ) -> Iterator[LogEntry]:
        yield from self._teller.tell(one, change, now, own)
        self._put(one)

    def _put(self, one: StandingWarning) -> None:
        self.standing[one.incident] = one
        self._touched.add(one.incident)
        for name in one.names:
            self._by_name.setdefault(name, {})[one.incident] = None

    # Where

    # Words


def _spoken(
    parts: Sequence[Official], covers: Sequence[dict[str, None]], place: str, stands: Official
) -> list[int]:
    """The numbers of the parts that speak of a place over which another message stands."""
    return [
        number
        for number, (part, cover) in enumerate(zip(parts, covers, strict=True))
        if place in cover or (part.is_end and _is_of_all_of(part, stands))
    ]


def _successor(parts: Sequence[Official], said: Sequence[int], stands: Official) -> int | None:
    """Which of the parts that speak of a place goes on with what stands there: of the same hazard,
    or the only one. None: no part does."""
    same = [number for number in said if parts[number].hazard == stands.hazard]
    going = [number for number in same if not parts[number].is_end]
    if stands.part in (going or same):
        return stands.part
    return next(iter(going or same), said[0] if len(said) == 1 else None)


def _is_of_all_of(end: Official, stands: Official) -> bool:
    """Whether an end without an outline speaks of all of what stands: it names no codes either, or
    all of its codes."""
    if any(area.polygons or area.circles for area in end.areas):
        return False
    codes, others = _codes(end), _codes(stands)
    return not codes or (bool(others) and others <= codes)


def _codes(official: Official) -> set[tuple[str, str]]:
    return {code for area in official.areas for code in area.geocodes}


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
