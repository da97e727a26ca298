"""Rules: a hazard's criteria as data, and never code. `rules` reads them from TOML.

A rule says what is measured (a variable or an index, over which window), the entry limit of
each level, the exit limit, how long it must hold before it fires and before it ends, and what
may count as evidence. `docs/rules.md` explains every key to those who write rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import cached_property
from math import inf
from typing import Literal

import msgspec

from atalaia.domain.geo import Box, distance_km
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.place import Place
from atalaia.domain.reading import Kind
from atalaia.domain.score import UNITS, AddedUp
from atalaia.domain.variable import CATALOGUE

Measure = Literal["value", "sum", "mean", "change", "day_change", "days_in_a_row", "score"]

INDICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "heat_index_c": ("°C", ("temperature_c", "relative_humidity_pct")),
    "wave_power_kw_m": ("kW/m", ("wave_height_m", "wave_period_s")),
}
"""Indices by name: their unit, and the variables that they are made of."""

LEVELS = (Level.WATCH, Level.YELLOW, Level.ORANGE, Level.RED)

_DURATION = re.compile(r"(\d+)\s*(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


class Given(msgspec.Struct, frozen=True):
    """A second window of a sum, which must have reached a limit for the rule to raise.

    window_s   how long it reaches back
    limit      what must have fallen in it, in the variable's unit
    places     area rules: at so many places of the area, near or not; else at the same place: 0
    """

    window_s: int
    limit: float
    places: int


class Near(msgspec.Struct, frozen=True):
    """A circle on the map: latitude and longitude in degrees (WGS 84), radius in km."""

    latitude: float
    longitude: float
    km: float

    def has(self, latitude: float, longitude: float) -> bool:
        """Whether a point lies in it."""
        return distance_km(self.latitude, self.longitude, latitude, longitude) <= self.km


class Region(msgspec.Struct, frozen=True):
    """Where limits were found, and hold: a box in degrees (WGS 84), by the name that people know.

    west lies east of `east` where it goes across the antimeridian
    """

    name: str
    south: float
    west: float
    north: float
    east: float

    def has(self, latitude: float, longitude: float) -> bool:
        """Whether a point lies in it."""
        return Box(self.west, self.south, self.east, self.north).holds(latitude, longitude)


# The fields with a default came later: left out of the hash, they leave older rules' as it was.
class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """One criterion of one hazard.

    name      unique in its set
    hazard    what it warns of; all rules of a hazard feed the same incident
    variable  of the catalogue, or an index; of a score what it is judged by (`domain.score`)
    measure   value (an instant), sum, mean or change over window_s; day_change (a local day's
              minimum less the day before's); days_in_a_row (local days, ending with today, whose
              extreme passes day_limit); score (amounts that add up)
    window_s  0 for an instant
    is_below  True: small values are dangerous
    enter     limit by level, None where the level has none; in the variable's unit
    leave     exit limit by level
    for_s, for_readings    it fires once it has held for for_s, or in for_readings readings in a
              row (0: time alone counts)
    keep_s    it ends, or eases, once it has been past the exit limit for so long
    kinds     which kinds of reading count
    forecast_within_s      how far ahead a forecast counts
    expires_after_s        after the last value that held it, the incident turns expired
    places, within_s       area rule: so many places of an area must pass within so long; 0: a
              rule for each place alone. Of a score: so many must be heard for their mean to be
              known, and a value counts for so long, also at one place
    stand_in, stand_in_margin    judged where the variable is missing: it raises by its value,
              and ends only where value + margin is past the exit (a gust that a station does
              not report is under 10 kt above the mean wind)
    day_limit, day_is_below    days_in_a_row: the limit that a day's extreme must pass, and whether
              it passes by being below it
    near      area rule: only the area's places in this circle are counted; None: all
    given     a second window that must have reached its limit for it to raise; it holds without
    only, without    ids of places, or patterns of them (``26*``), where it is judged, and where
              not; `only` empty: everywhere. An area rule counts no other places
    norm      limits are relative to this norm of the place (`domain.norm`), and of
              days_in_a_row day_limit is; None: fixed. A place without it is not judged
    score     of the measure score: what adds up
    station   id of the only station whose word it judges (``ana:87450004``): limits of a river's
              level are of one gauge, whose zero is its own; empty: of every source
    region    where its limits hold: it is judged at places in it; None: anywhere
    chance    by level the share of an ensemble's runs, above 0 and up to 1, that must pass its
              limit; None where the level has none. Without it no ensemble is heard
    origin    where the limits come from
    """

    name: str
    hazard: Hazard
    variable: str
    measure: Measure
    window_s: int
    is_below: bool
    enter: tuple[float | None, float | None, float | None, float | None]
    leave: tuple[float | None, float | None, float | None, float | None]
    for_s: int
    for_readings: int
    keep_s: int
    kinds: tuple[Kind, ...]
    forecast_within_s: int
    expires_after_s: int
    places: int
    within_s: int
    stand_in: str | None
    stand_in_margin: float
    day_limit: float | None
    day_is_below: bool
    norm: str | None
    origin: str
    near: Near | None = None
    given: Given | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    score: AddedUp | None = None
    station: str = ""
    chance: tuple[float | None, float | None, float | None, float | None] | None = None
    region: Region | None = None

    def judges(self, place_id: str) -> bool:
        """Whether it is judged at a place, by its id."""
        is_in = not self.only or matches(place_id, self.only)
        return is_in and not matches(place_id, self.without)

    def judges_at(self, place: Place) -> bool:
        """Whether it is judged at a place, by its id and by where it lies."""
        is_there = self.region is None or self.region.has(place.latitude, place.longitude)
        return is_there and self.judges(place.id)

    @cached_property
    def sign(self) -> int:
        """+1 where large values are dangerous, -1 where small ones are."""
        return -1 if self.is_below else 1

    @property
    def unit(self) -> str:
        """Of value and limits, as people read it."""
        if self.measure == "days_in_a_row":
            return "d"
        if self.score:
            return UNITS[self.variable]
        index = INDICES.get(self.variable)
        return index[0] if index else CATALOGUE[self.variable].unit

    @cached_property
    def is_of_days(self) -> bool:
        """Whether its variable is told once a day."""
        variable = CATALOGUE.get(self.variable)
        return variable is not None and variable.is_daily

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Variables of the catalogue that it is computed from, the stand-in included."""
        return (*self.made_of, self.stand_in) if self.stand_in else self.made_of

    @cached_property
    def made_of(self) -> tuple[str, ...]:
        """The variables that are all needed for a value: the variable itself, or an index's."""
        if self.score:
            return tuple(dict.fromkeys(amount.variable for amount in self.score.amounts))
        index = INDICES.get(self.variable)
        return index[1] if index else (self.variable,)

    @cached_property
    def parts(self) -> tuple[Rule, ...]:
        """What is measured at each place: of a score its amounts, each as a rule that never raises;
        else the rule itself."""
        if self.score is None:
            return (self,)
        never = (None, inf, None, None)
        return tuple(
            msgspec.structs.replace(
                self,
                name=f"{self.name}#{number}",
                variable=amount.variable,
                measure=amount.measure,
                window_s=amount.window_s,
                enter=never,
                leave=never,
                places=0,
                within_s=0,
                near=None,
                score=None,
            )
            for number, amount in enumerate(self.score.amounts, 1)
        )

    def limit(self, level: Level) -> float | None:
        """The entry limit of a level."""
        return self.enter[level - 1] if level else None

    def exit_limit(self, level: Level) -> float | None:
        """The exit limit of a level."""
        return self.leave[level - 1] if level else None

    @cached_property
    def lowest(self) -> Level:
        """The lowest level that it has a limit for."""
        return next(level for level in LEVELS if self.enter[level - 1] is not None)

    @cached_property
    def reach_s(self) -> int:
        """How far back its variable must be remembered; 0: not at all."""
        if self.measure == "value":
            return 0
        if self.score:
            return max(part.reach_s for part in self.parts)
        if self.measure == "day_change":
            return 2 * 86400
        if self.measure == "days_in_a_row":
            return int(max(limit for limit in self.enter if limit is not None) + 1) * 86400
        # A change looks back further than its window, by the coverage that it allows to lack.
        return max(self.window_s, self.given.window_s if self.given else 0) * 4 // 3 + 3600

    @cached_property
    def outermost(self) -> float:
        """The exit limit of the lowest level: past it, nothing holds."""
        return next(limit for limit in self.leave if limit is not None)

    def up_to(self, level: int) -> Level:
        """The highest level up to `level` that it has a limit for; NONE where it has none."""
        has = (one for one in LEVELS if one <= level and self.enter[one - 1] is not None)
        return max(has, default=Level.NONE)

    @cached_property
    def digest(self) -> str:
        """A hash of all that it says: an edited rule has another."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]


class RuleSet(msgspec.Struct, frozen=True, dict=True):
    """Rules that are used together. Names are unique; the order decides between equals."""

    name: str
    rules: tuple[Rule, ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        """What the speed layer must decode: the rules' inputs and what checks them."""
        inputs = {name for rule in self.rules for name in rule.inputs}
        return frozenset(inputs | {w for name in inputs for w in WITNESSES.get(name, ())})

    @cached_property
    def by_chance(self) -> frozenset[str]:
        """The variables of which an ensemble is heard."""
        return frozenset(name for rule in self.rules if rule.chance for name in rule.inputs)

    def unseen(self, seen: Collection[str]) -> list[str]:
        """What the rules go by and of which there is no value, by name; chances are told apart."""
        inputs = {name for rule in self.rules if not rule.chance for name in rule.inputs}
        return sorted(inputs.difference(seen))

    @cached_property
    def measured(self) -> RuleSet:
        """What is measured at each place for its rules: see `Rule.parts`."""
        return RuleSet(self.name, tuple(part for rule in self.rules for part in rule.parts))

    def strangers(self, place_ids: Collection[str]) -> list[str]:
        """A line for each place that a rule names and that is none of these."""
        return [
            f"rule {rule.name} is for place {named!r}, which is not watched"
            for rule in self.rules
            for named in rule.only
            if not any(fnmatchcase(one, named) for one in place_ids)
        ]

    def nowhere(self, places: Iterable[Place]) -> list[str]:
        """A line for each region that rules are for and in which none of these places lies."""
        regions = dict.fromkeys(rule.region for rule in self.rules if rule.region)
        every = [(place.latitude, place.longitude) for place in places]
        return [
            f"rules are for {region.name}, where no place is watched"
            for region in regions
            if not any(region.has(*where) for where in every)
        ]

    @cached_property
    def digest(self) -> str:
        """A hash of all rules."""
        return hashlib.sha256(" ".join(rule.digest for rule in self.rules).encode()).hexdigest()[
            :12
        ]


def unseen_in_words(missing: Collection[str]) -> str:
    """What it means that there is no value of these: where nothing is measured, nothing is calm."""
    return f"no value at all of {', '.join(missing)}: what rules judge by them is not known"


WITNESSES: dict[str, tuple[str, ...]] = {
    "temperature_c": ("relative_humidity_pct", "pressure_hpa"),
    "relative_humidity_pct": ("temperature_c",),
    "pressure_hpa": ("temperature_c", "wind_speed_m_s"),
    "wind_gust_m_s": ("wind_speed_m_s",),
}
"""Variables that bear a jump out (the second must have moved with the first), or bound a gust."""


def seconds(text: str) -> int:
    """``15min``, ``3h``, ``2d``, ``90s`` as seconds; ValueError with the next step otherwise."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write for example 15min, 3h or 2d")
    return int(match[1]) * _SECONDS[match[2]]


def matches(place_id: str, patterns: Iterable[str]) -> bool:
    """Whether a place is among these ids and patterns of them."""
    return any(fnmatchcase(place_id, pattern) for pattern in patterns)
