"""Who is to be told, as the watch has them in memory: kept up to date while they come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from threading import Lock

import msgspec

from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import Person, can_step
from atalaia.notify.audience import Audience

Load = Callable[[int], Iterable[tuple[int, str, Person | None]]]
"""People changed after a number: each with its number; None: no more to be told."""


@dataclass
class News:
    """Who changed in a way that is not only for what comes.

    came     those who are there for the first time, or may have asked for more, as they now are
    quiet    those whose quiet hours are others than before
    """

    came: dict[str, Person] = field(default_factory=dict)
    quiet: set[str] = field(default_factory=set)


class Recipients:
    """All who are told. `get` and `audience` serve fan-out; one thread refreshes at a time.

    channels    those that are switched on; a person's others are passed over
    came_since  who asked for nothing since (Unix seconds) does not count as one who came
    """

    def __init__(self, load: Load, channels: Collection[str], came_since: int = 0) -> None:
        self._load = load
        self._channels = channels
        self._came_since = came_since
        self._changed = 0
        self._profiles: dict[str, Person] = {}
        self._lock = Lock()
        self._limits: set[str] = set()
        self._news = News()
        self.audience = Audience()

    def __len__(self) -> int:
        return len(self._profiles)

    def get(self, pseudonym: str) -> Person | None:
        """The person without subscriptions, which the audience has; None: not to be told."""
        return self._profiles.get(pseudonym)

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
            for changed, pseudonym, person in self._load(self._changed):
                self._changed = changed
                if person is None or not person.channels:
                    self._profiles.pop(pseudonym, None)
                    self._news.came.pop(pseudonym, None)
                    self._limits.discard(pseudonym)
                    self.audience.remove(pseudonym)
                    continue
                self.audience.put(person)
                if any(each.thresholds for each in person.subscriptions):
                    self._limits.add(pseudonym)
                open_ = tuple(name for name in person.channels if name in self._channels)
                known = self._profiles.get(pseudonym)
                if known is not None and known.quiet != person.quiet:
                    self._news.quiet.add(pseudonym)
                since = max((person.since, *(one.since for one in person.subscriptions)))
                if since >= self._came_since:
                    self._news.came[pseudonym] = person
                self._profiles[pseudonym] = msgspec.structs.replace(
                    person, channels=open_, subscriptions=()
                )
            return self._changed != before

    def steps(self, places: Places, rules: RuleSet) -> dict[int, dict[str, list[float]]]:
        """By subject and name of a rule: the limits of their own that people set, sorted.

        A subject is the position of a place; after the places come the areas, in their order.
        """
        if not self._limits:
            return {}
        at = [self.audience.limits_at(place.latitude, place.longitude) for place in places]
        subjects: list[tuple[int, ...]] = [(position,) for position in range(len(places))]
        subjects += places.areas.values()
        steps = {}
        for subject, members in enumerate(subjects):
            found: dict[str, set[float]] = defaultdict(set)
            for rule in rules.rules:
                if can_step(rule) and bool(rule.places) == (subject >= len(places)):
                    for member in members:
                        if not rule.judges(places[member].id):
                            continue
                        found[rule.name].update(at[member].get((rule.variable, rule.window_s), ()))
            asked = {name: sorted(limits) for name, limits in found.items() if limits}
            if asked:
                steps[subject] = asked
        return steps
