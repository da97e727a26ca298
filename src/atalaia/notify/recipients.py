"""Who is to be told, as the watch has them in memory: kept up to date while they come and go."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.clock import Clock
from atalaia.domain.alert import limited
from atalaia.domain.ensemble import TENTHS
from atalaia.domain.peaks import named
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import Person, can_step, has_limits
from atalaia.metrics import Metrics
from atalaia.notify.audience import Audience
from atalaia.notify.crowd import Crowd
from atalaia.notify.snapshots import Captured, FoundCrowd, Snapshots
from atalaia.people.registry import Changed, Registry
from atalaia.ports import Home
from atalaia.settings import Settings

Load = Callable[[int], Iterable[Changed]]
"""People changed after a number."""

Read = Callable[[Sequence[str]], Iterable[Changed]]
"""These people, as they are now; who is erased does not come."""

_CAME_S = 86_400
"""Who subscribed so long before the program began may not have been told what stands."""

_AT_ONCE = 1_000

MADE = 20_000
"""People that are at hand as such, of those asked for last, and as many of before: a few MB."""

KEEP_S = 900
"""A snapshot is made anew after so long, where anybody has changed."""


class _Made(NamedTuple):
    """A person who is told, and whether they set a limit of their own."""

    person: Person
    has_limits: bool


@dataclass
class News:
    """Who changed in a way that is not only for what comes.

    came     those who are there for the first time, or may have asked for more
    quiet    those whose quiet hours are others than before
    """

    came: set[str] = field(default_factory=set)
    quiet: set[str] = field(default_factory=set)


class Recipients:
    """All who are told. `get` and `audience` serve fan-out; one thread refreshes at a time.

    Of a person some tens of bytes are held: where, what and from which level lie in the audience,
    and how, in which language and at which hours is one of the few kinds of people there are.

    channels    those that are switched on; a person's others are passed over
    came_since  who asked for nothing since (Unix seconds) does not count as one who came
    snapshots   what it begins with, and keeps for who begins after it; None: it reads everybody
    """

    def __init__(
        self,
        load: Load,
        channels: Collection[str],
        came_since: int = 0,
        *,
        read: Read = lambda _: (),
        snapshots: Snapshots | None = None,
    ) -> None:
        self._load = load
        self._read = read
        self._snapshots = snapshots
        self._is_begun = snapshots is None
        self._kept = -1  # up to which change a snapshot has all
        self._kept_at = 0
        self._to_read: list[str] = []
        self._unread: set[str] = set()
        self._channels = channels
        self._came_since = came_since
        self._changed = 0
        self._lock = Lock()
        self._news = News()
        self._kinds: dict[Person, int] = {}
        self._open: list[Person] = []  # the same by the channels that are switched on
        # By the audience's numbers.
        self._kind, self._since, self._asked = array("i"), array("q"), array("q")
        self._has_limits = bytearray()
        self.audience = Audience()
        self._making = Lock()
        self._made: dict[str, _Made] = {}
        self._made_before: dict[str, _Made] = {}

    def __len__(self) -> int:
        return len(self.audience)

    def get(self, pseudonym: str) -> Person | None:
        """The person without subscriptions, which the audience has; None: not to be told.

        Until anything of them changes it is the same object, if they were lately asked for: by that
        it is known that a letter is still as it was written.
        """
        found = self._made.get(pseudonym) or self._making_sure(pseudonym)
        return found.person if found else None

    def has_limits(self, pseudonym: str) -> bool:
        """Whether a person who is told set a limit of their own."""
        found = self._made.get(pseudonym) or self._making_sure(pseudonym)
        return found is not None and found.has_limits

    def _making_sure(self, pseudonym: str) -> _Made | None:
        with self._making:
            found = self._made_before.get(pseudonym) or self._make(pseudonym)
            if found is None:
                return None
            if len(self._made) >= MADE:
                self._made_before, self._made = self._made, {}
            return self._made.setdefault(pseudonym, found)

    def _make(self, pseudonym: str) -> _Made | None:
        number = self.audience.names.number(pseudonym)
        if number is None:
            return None
        kind, since = self._open[self._kind[number]], self._since[number]
        person = msgspec.structs.replace(kind, pseudonym=pseudonym, since=since)
        return _Made(person, bool(self._has_limits[number]))

    def _has_changed(self, pseudonym: str) -> None:
        """Once it is so: whoever made them before that is too early, and made another."""
        with self._making:
            self._made.pop(pseudonym, None)
            self._made_before.pop(pseudonym, None)

    @property
    def changed(self) -> int:
        """Grows with every change that was taken up, whoever refreshed."""
        return self._changed

    def news(self) -> News:
        """Who changed since this was last asked."""
        with self._lock:
            news, self._news = self._news, News()
            return news

    def refresh(self) -> bool:
        """Take up what has changed; whether anything had."""
        with self._lock:
            before = self._changed
            if not self._is_begun:
                self._begin()
            self._catch_up()
            return self._changed != before

    def keep(self, now: int) -> None:
        """Lay down a snapshot, where one is due; `now` in Unix seconds. From any thread: it holds
        up nobody for longer than it takes to copy the columns."""
        snapshots = self._snapshots
        if snapshots is None or not self._is_begun:
            return
        with self._lock:
            is_wanted = snapshots.has_one or len(self) >= snapshots.least
            is_rested = not self._kept_at <= now < self._kept_at + KEEP_S
            if not is_wanted or not is_rested or self._kept == self._changed:
                return
            self._kept_at = now  # also where it cannot be: it is not tried all the time
        taken = snapshots.write(self._taken, now)
        if taken is not None:
            self._kept = taken.changed

    def _begin(self) -> None:
        """With the snapshot, where there is one."""
        found = self._snapshots.read() if self._snapshots else None
        if found is not None:
            self._fill(found)
            self._changed, self._to_read = found.changed, found.unread
            if found.is_whole:  # else it is made anew at once
                self._kept, self._kept_at = found.changed, found.at
        self._is_begun = True

    def _fill(self, found: FoundCrowd) -> None:
        crowd = found.crowd
        kind = np.array([self._kind_of(one) for one in crowd.kinds], np.int32)
        self._kind.frombytes(kind[crowd.kind].tobytes())
        self._since.frombytes(crowd.since.astype(np.int64).tobytes())
        self._asked.frombytes(crowd.asked.astype(np.int64).tobytes())
        has_limits = np.zeros(len(crowd), np.uint8)
        for asked in (crowd.circles, crowd.polygons):
            has_limits[asked.person[asked.key >= 0]] = 1
        self._has_limits += has_limits.tobytes()
        came = crowd.names[crowd.asked >= self._came_since]
        self._news.came |= {name.decode() for name in came.tolist()}
        self.audience.fill(crowd.names, crowd.circles, crowd.polygons)

    def _catch_up(self) -> None:
        while self._to_read:
            for change in self._read(self._to_read[-_AT_ONCE:]):
                self._take_up(change)
            del self._to_read[-_AT_ONCE:]
        for change in self._load(self._changed):
            self._changed = change.number
            self._take_up(change)

    def _taken(self, erased: Collection[str]) -> Captured:
        """All, as they are now, but for who is erased."""
        with self._lock:
            self._catch_up()
            for pseudonym in erased:
                self.audience.remove(pseudonym)
                self._has_changed(pseudonym)
            numbers, names, circles, polygons = self.audience.taken()
            columns = self._kind, self._since, self._asked
            kind, since, asked = (np.array(one)[numbers] for one in columns)
            changed, kinds, unread = self._changed, list(self._kinds), self._unread - set(erased)
        crowd = Crowd(
            names=names,
            kind=kind,
            since=since,
            asked=asked,
            kinds=kinds,
            circles=circles,
            polygons=polygons,
        )
        return Captured(changed, crowd, unread)

    def _take_up(self, change: Changed) -> None:
        person, pseudonym = change.person, change.pseudonym
        self._unread.discard(pseudonym)
        if not change.is_known:
            self._unread.add(pseudonym)
        if person is None or not person.channels:
            self._news.came.discard(pseudonym)
            self.audience.remove(pseudonym)
            self._has_changed(pseudonym)
            return
        known = self.get(pseudonym)
        if known is not None and known.quiet != person.quiet:
            self._news.quiet.add(pseudonym)
        asked = max((person.since, *(one.since for one in person.subscriptions)))
        if asked >= self._came_since:
            self._news.came.add(pseudonym)
        # Before they have their number: from then on it is looked up.
        self._kind.append(self._kind_of(person))
        self._since.append(person.since)
        self._asked.append(asked)
        self._has_limits.append(has_limits(person))
        self.audience.put(person)
        self._has_changed(pseudonym)

    def _kind_of(self, person: Person) -> int:
        kind = msgspec.structs.replace(person, pseudonym="", subscriptions=(), since=0)
        known = self._kinds.get(kind)
        if known is not None:
            return known
        channels = tuple(name for name in person.channels if name in self._channels)
        self._open.append(msgspec.structs.replace(kind, channels=channels))
        number = self._kinds[kind] = len(self._kinds)
        return number

    def steps(self, places: Places, rules: RuleSet) -> dict[int, dict[str, list[float]]]:
        """By subject and name of a peak: the limits of their own that people set, sorted.

        A subject is the position of a place; after the places come the areas, in their order.
        """
        at = [self.audience.limits_at(place.latitude, place.longitude) for place in places]
        if not any(at):
            return {}
        subjects: list[tuple[int, ...]] = [(position,) for position in range(len(places))]
        subjects += places.areas.values()
        steps = {}
        for subject, members in enumerate(subjects):
            found: dict[str, set[float]] = defaultdict(set)
            for rule in rules.rules:
                if can_step(rule) and bool(rule.places) == (subject >= len(places)):
                    for member in members:
                        if not rule.judges_at(places[member]):
                            continue
                        for chance in (0, *TENTHS) if rule.chance else (0,):
                            what = limited(rule.variable, chance), rule.window_s
                            found[named(rule.name, chance)].update(
                                map(float, at[member].get(what, ()))
                            )
            asked = {name: sorted(limits) for name, limits in found.items() if limits}
            if asked:
                steps[subject] = asked
        return steps


def recipients_of(
    home: Home, registry: Registry, settings: Settings, metrics: Metrics, clock: Clock
) -> Recipients:
    """Those of a home."""
    return Recipients(
        registry.load,
        settings.channels.names,
        clock.second() - _CAME_S,
        read=registry.read,
        snapshots=Snapshots(home, metrics),
    )
