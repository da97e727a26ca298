"""Sudden death of functions, by SIGKILL: at a call to AWS, before it or right behind it, and, of
the one that sends, at a provider's door, between the message and the note of it."""

from __future__ import annotations

import random
from collections import Counter

from aws.runtime import Runtime

REST = 2
"""So many calls are left alone after one or two deaths in a row: a batch has only so many tries,
and each of its two deliveries is a call."""


class Reaper:
    """Ends each of these functions so many times. `arm` it before a call, `disarm` it after.

    spared    left alone for now: somebody else ends them
    """

    def __init__(self, names: tuple[str, ...], kills: int, seed: int = 7) -> None:
        self._chance = random.Random(seed)
        self.spared: set[str] = set()
        self._calls = Counter[str]()
        self._in_a_row = Counter[str]()
        self._rests = Counter[str]()
        self.left = Counter(dict.fromkeys(names, kills))
        self.deaths = Counter[str]()

    def arm(self, name: str, function: Runtime) -> None:
        """It dies at one of as many calls as it made the last time."""
        self._before = function.strings.calls
        if self._rests[name]:
            self._rests[name] -= 1
        elif self.left[name] and name not in self.spared:
            at = self._chance.randint(1, max(1, self._calls[name]))
            function.strings.fuse = at if self._chance.random() < 0.5 else -at

    def disarm(self, name: str, function: Runtime, *, is_dead: bool) -> None:
        function.strings.fuse = 0
        before = self._in_a_row[name]
        self._in_a_row[name] = (before + 1) % 2 if is_dead else 0
        if before:  # a second death, or a life after the first
            self._rests[name] = REST
        if is_dead:
            self.left[name] -= 1
            self.deaths[name] += 1
        else:
            self._calls[name] = function.strings.calls - self._before

    @property
    def is_done(self) -> bool:
        return not any(self.left.values())
