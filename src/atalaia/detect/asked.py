"""Limits of their own that people set: told by who knows the people, followed by who detects.

    people ─► recipients ─► fan-out ─► one note of the state ─► detect: steps

Who detects knows nobody: the note says at which place or area, by which rule and at which limits a
rising peak is told, and not for whom. It is worked out of people's subscriptions alone, so that it
may be lost or written over at any time.

Who tells compares it with what it knows when people changed, and every ten minutes; who follows
looks once a minute. In one process what is told is followed at once.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import zlib
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Protocol

import msgspec

from atalaia.clock import Clock
from atalaia.domain.incident import Asked
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.ports import Home

Steps = Mapping[int, Asked]
"""People's own limits: by subject (a place's position; after the places come the areas) and name of
a peak, ascending."""

NOTE = "asked"
LOOK_S = 60
ROOM = 380_000
"""Characters of a note: an item of DynamoDB has 400 KB."""

_FORM = "1"
_TRIES = 20
_LOOKS = 2
"""A look that fails is made once more at once: else what was set meanwhile waits for a minute."""

log = Logger()


class _Noted(msgspec.Struct, frozen=True):
    """of        the rules by which peaks are named, and the form in which it is kept
    changed   up to which change of people all is in it
    limits    `_Limits`, packed
    """

    of: str = ""
    changed: int = 0
    limits: str = ""


_ByPeak = dict[str, list[float]]


class _Limits(msgspec.Struct, frozen=True):
    """By a place's id, and by an area's name."""

    places: dict[str, _ByPeak] = {}
    areas: dict[str, _ByPeak] = {}


_NOTHING = _Noted()

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(_Noted).decode
_decode_limits = msgspec.json.Decoder(_Limits).decode


class KnowsLimits(Protocol):
    """Who knows people's subscriptions."""

    @property
    def changed(self) -> int:
        """Up to which change of people."""

    def steps(self, places: Places, rules: RuleSet) -> Steps:
        """All limits of their own that anybody set."""


class AskedLimits:
    """Those of a home, for any thread. `clock` says when it is time to look again."""

    def __init__(self, home: Home, rules: RuleSet, places: Places, clock: Clock) -> None:
        self._home, self._notes, self._clock = home, home.state, clock
        self._places, self._rules = places, rules
        self._of = hashlib.sha256(f"{_FORM} {rules.digest}".encode()).hexdigest()[:16]
        self._lock = Lock()
        self._looked_at = float("-inf")
        self._known = _NOTHING
        self._steps: Steps = {}

    def latest(self) -> Steps:
        """Those to go by; where the state cannot be read, as of the last look."""
        with self._lock:
            now = self._clock.now()
            if not 0 <= now - self._looked_at < LOOK_S:
                self._looked_at = now
                for _ in range(_LOOKS):
                    try:
                        self._take_up(_read(self._notes.note(NOTE)))
                        break
                    except StateConflict as error:
                        log.warning("people's own limits stay as last read", reason=str(error))
            return self._steps

    def tell(self, known: KnowsLimits) -> None:
        """These are all. Of several who tell at the same time the one that knows of the newest
        change is believed. Raises StateConflict."""
        changed = known.changed  # before they are gone through: more may come meanwhile
        steps = known.steps(self._places, self._rules)
        with self._lock:
            for _ in range(_TRIES):
                before = self._notes.note(NOTE)
                kept = _read(before)
                if self._is_newer(kept, changed):
                    return
                told = _Noted(self._of, changed, self._packed(steps))
                is_new = (kept.of, kept.limits) != (told.of, told.limits)
                if is_new and (steps or before is not None):
                    if not self._notes.swap_note(NOTE, before, _encode(told).decode()):
                        continue
                    kept = told
                self._steps, self._known = steps, kept
                return
        raise StateConflict("people's own limits: others tell theirs all the time")

    def _is_newer(self, kept: _Noted, changed: int) -> bool:
        """Whether another told of a later change. One that is later than all that the store knows
        was told before a backup was restored."""
        return kept.of == self._of and changed < kept.changed <= self._home.people.newest_change()

    def _take_up(self, kept: _Noted) -> None:
        """What is of other rules, or of another Atalaia, says nothing here."""
        if kept == self._known:
            return
        limits = _unpacked(kept.limits) if kept.of == self._of else _Limits()
        n = len(self._places)
        areas = {name: n + i for i, name in enumerate(self._places.areas)}
        subjects = ((self._places.position, limits.places), (areas, limits.areas))
        self._known = kept
        self._steps = {
            at[name]: asked for at, some in subjects for name, asked in some.items() if name in at
        }

    def _packed(self, steps: Steps) -> str:
        """As many as there is room for, which are nearly always all: those that are left out are
        told with the next entry of the incident."""
        n, areas = len(self._places), list(self._places.areas)
        for most in (sys.maxsize, *(1 << i for i in reversed(range(9)))):
            limits = _Limits({}, {})
            for subject, asked in steps.items():
                few = {name: _spread(some, most) for name, some in asked.items()}
                if subject < n:
                    limits.places[self._places[subject].id] = few
                else:
                    limits.areas[areas[subject - n]] = few
            packed = base64.b64encode(zlib.compress(_encode(limits))).decode()
            if len(packed) <= ROOM:
                break
            log.warning("people set more limits of their own than a note has room for", kept=most)
        return packed


def _spread(limits: Sequence[float], most: int) -> list[float]:
    """So many of these at most, from the first to the last."""
    if len(limits) <= most:
        return list(limits)
    return [limits[i * len(limits) // most] for i in range(most)]


def _unpacked(text: str) -> _Limits:
    try:
        return _decode_limits(zlib.decompress(base64.b64decode(text, validate=True)))
    except (ValueError, zlib.error) as error:
        _warn(error)
        return _Limits()


def _read(text: str | None) -> _Noted:
    """What cannot be read is not there: who knows people tells it anew."""
    try:
        return _decode(text) if text else _NOTHING
    except msgspec.MsgspecError as error:
        _warn(error)
        return _NOTHING


def _warn(error: Exception) -> None:
    log.warning("people's own limits cannot be read: fan-out tells them anew", reason=str(error))
