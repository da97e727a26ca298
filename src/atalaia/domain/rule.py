"""Rules: a hazard's criteria as data. They are TOML, checked when loaded, and never code.

A rule says what is measured (a variable or an index, over which window), the entry limit of
each level, the exit limit, how long it must hold before it fires and before it ends, and what
may count as evidence. `docs/rules.md` explains every key to those who write rules.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from atalaia.domain.geo import distance_km
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.norm import check_norm
from atalaia.domain.reading import KIND_OF, Kind
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import SettingsInvalid

Measure = Literal["value", "sum", "mean", "change", "day_change", "days_in_a_row"]

INDICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "heat_index_c": ("°C", ("temperature_c", "relative_humidity_pct")),
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


# The fields with a default came later: left out of the hash, they leave older rules' as it was.
class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One criterion of one hazard.

    name      unique in its set
    hazard    what it warns of; all rules of a hazard feed the same incident
    variable  of the catalogue, or an index
    measure   value (an instant), sum, mean or change over window_s; day_change (a local day's
              minimum less the day before's); days_in_a_row (local days, ending with today, whose
              extreme passes day_limit)
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
              rule for each place alone
    stand_in, stand_in_margin    judged where the variable is missing: it raises by its value,
              and ends only where value + margin is past the exit (a gust that a station does
              not report is under 10 kt above the mean wind)
    day_limit, day_is_below    days_in_a_row: the limit that a day's extreme must pass, and whether
              it passes by being below it
    near      area rule: only the area's places in this circle are counted; None: all
    given     a second window that must have reached its limit for it to raise; it holds without
    norm      limits are relative to this norm of the place (`domain.norm`), and of
              days_in_a_row day_limit is; None: fixed. A place without it is not judged
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

    @property
    def sign(self) -> int:
        """+1 where large values are dangerous, -1 where small ones are."""
        return -1 if self.is_below else 1

    @property
    def unit(self) -> str:
        """Of value and limits, as people read it."""
        if self.measure == "days_in_a_row":
            return "d"
        index = INDICES.get(self.variable)
        return index[0] if index else CATALOGUE[self.variable].unit

    @property
    def inputs(self) -> tuple[str, ...]:
        """Variables of the catalogue that it is computed from, the stand-in included."""
        return (*self.made_of, self.stand_in) if self.stand_in else self.made_of

    @property
    def made_of(self) -> tuple[str, ...]:
        """The variables that are all needed for a value: the variable itself, or an index's."""
        index = INDICES.get(self.variable)
        return index[1] if index else (self.variable,)

    def limit(self, level: Level) -> float | None:
        """The entry limit of a level."""
        return self.enter[level - 1] if level else None

    def in_words(self) -> str:
        """``sum of rain_mm in 1 h ≥ 20 yellow, 30 orange, 60 red``"""
        what = self.variable if self.measure == "value" else f"{self.measure} of {self.variable}"
        over = f" over {_in_words(self.window_s)}" if self.window_s else ""
        norm = self.norm
        if self.measure == "days_in_a_row":
            sign = "≤" if self.day_is_below else "≥"
            over = f" {sign} {_relative(self.norm, self.day_limit or 0.0)}"
            norm = None
        limits = ", ".join(
            f"{_relative(norm, limit)} {level.word}"
            for level in LEVELS
            if (limit := self.limit(level)) is not None
        )
        where = f", at {self.places} places of an area" if self.places else ""
        if self.near:
            where += (
                f" within {self.near.km:g} km of {self.near.latitude:g}, {self.near.longitude:g}"
            )
        if self.given:
            at = f" at {self.given.places} of its places" if self.given.places else ""
            over_given = _in_words(self.given.window_s)
            where += f", given {self.given.limit:g} {self.unit} over {over_given}{at}"
        return f"{what}{over} {'≤' if self.is_below else '≥'} {limits} {self.unit}{where}"

    def exit_limit(self, level: Level) -> float | None:
        """The exit limit of a level."""
        return self.leave[level - 1] if level else None

    @property
    def lowest(self) -> Level:
        """The lowest level that it has a limit for."""
        return next(level for level in LEVELS if self.enter[level - 1] is not None)

    @property
    def reach_s(self) -> int:
        """How far back its variable must be remembered; 0: not at all."""
        if self.measure == "value":
            return 0
        if self.measure == "day_change":
            return 2 * 86400
        if self.measure == "days_in_a_row":
            return int(max(limit for limit in self.enter if limit is not None) + 1) * 86400
        # A change looks back further than its window, by the coverage that it allows to lack.
        return max(self.window_s, self.given.window_s if self.given else 0) * 4 // 3 + 3600

    @property
    def outermost(self) -> float:
        """The exit limit of the lowest level: past it, nothing holds."""
        return next(limit for limit in self.leave if limit is not None)

    def up_to(self, level: int) -> Level:
        """The highest level up to `level` that it has a limit for; NONE where it has none."""
        has = (one for one in LEVELS if one <= level and self.enter[one - 1] is not None)
        return max(has, default=Level.NONE)

    @property
    def digest(self) -> str:
        """A hash of all that it says: an edited rule has another."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]


class RuleSet(msgspec.Struct, frozen=True):
    """Rules that are used together. Names are unique; the order decides between equals."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def variables(self) -> frozenset[str]:
        """What the speed layer must decode: the rules' inputs and what checks them."""
        inputs = {name for rule in self.rules for name in rule.inputs}
        return frozenset(inputs | {w for name in inputs for w in WITNESSES.get(name, ())})

    @property
    def digest(self) -> str:
        """A hash of all rules."""
        return hashlib.sha256(" ".join(rule.digest for rule in self.rules).encode()).hexdigest()[
            :12
        ]


WITNESSES: dict[str, tuple[str, ...]] = {
    "temperature_c": ("relative_humidity_pct", "pressure_hpa"),
    "relative_humidity_pct": ("temperature_c",),
    "pressure_hpa": ("temperature_c", "wind_speed_m_s"),
    "wind_gust_m_s": ("wind_speed_m_s",),
}
"""Variables that bear a jump out (the second must have moved with the first), or bound a gust."""


_Limits = dict[str, float]


class _NearTable(msgspec.Struct, forbid_unknown_fields=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    km: Annotated[float, Meta(gt=0)]


class _Area(msgspec.Struct, forbid_unknown_fields=True):
    places: Annotated[int, Meta(ge=1)]
    within: str = "1h"
    near: _NearTable | None = None


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    window: str
    limit: Annotated[float, Meta(gt=0)]
    places: Annotated[int, Meta(ge=1)] = 1


class _StandIn(msgspec.Struct, forbid_unknown_fields=True):
    variable: str
    margin: float = 0.0


class _RuleText(msgspec.Struct, forbid_unknown_fields=True, rename={"for_": "for"}):
    """A `[[rule]]` table as it is written."""

    name: Annotated[str, Meta(min_length=1)]
    hazard: Hazard
    variable: str
    limits: _Limits
    measure: Measure = "value"
    window: str = "0s"
    when: Literal["above", "below"] = "above"
    exit: float | _Limits = 0.8
    for_: str = "0s"
    for_readings: Annotated[int, Meta(ge=0)] = 0
    keep_firing_for: str = "3h"
    evidence: list[Literal["observed", "analysis", "forecast"]] = msgspec.field(
        default_factory=lambda: ["observed", "analysis", "forecast"]
    )
    forecast_within: str = "48h"
    expires_after: str = "24h"
    area: _Area | None = None
    given: _Given | None = None
    stand_in: _StandIn | None = None
    day_limit: float | None = None
    norm: str | None = None
    enabled: bool = True
    origin: str = ""


def seconds(text: str) -> int:
    """``15min``, ``3h``, ``2d``, ``90s`` as seconds; ValueError with the next step otherwise."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write for example 15min, 3h or 2d")
    return int(match[1]) * _SECONDS[match[2]]


def _in_words(window_s: int) -> str:
    return f"{window_s // 3600} h" if window_s % 3600 == 0 else f"{window_s // 60} min"


def _relative(norm: str | None, limit: float) -> str:
    """A limit as it is written in words: ``5``, ``percentile(1)``, ``monthly_mean + 5``."""
    if norm is None:
        return f"{limit:g}"
    return f"{norm} {'-' if limit < 0 else '+'} {abs(limit):g}" if limit else norm


def parse(text: str, origin: str) -> RuleSet:
    """A rule file's text as a set; SettingsInvalid names every faulty rule with its line."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid([f"{origin}: not valid TOML: {error}"]) from error
    lines = [i for i, line in enumerate(text.splitlines(), 1) if line.strip() == "[[rule]]"]
    problems: list[str] = []
    rules: list[Rule] = []
    for extra in sorted(document.keys() - {"name", "description", "rule"}):
        problems.append(f"{origin}: unknown key {extra!r}; a rule file has name, description, rule")
    tables: list[dict[str, Any]] = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsInvalid(
            [f"{origin}: rules are written as [[rule]] tables; see docs/rules.md"]
        )
    for number, table in enumerate(tables):
        where = f"{origin}:{lines[number] if number < len(lines) else '?'}"
        label = f"rule {table.get('name', number + 1)!r}"
        try:
            written = msgspec.convert(table, _RuleText)
            rule = _rule(written)
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(f"{where}: {label}: {error}")
            continue
        if rule.name in {other.name for other in rules}:
            problems.append(f"{where}: {label}: there is another rule of this name")
        if written.enabled:
            rules.append(rule)
    if not tables:
        problems.append(f"{origin}: no [[rule]] in it; see docs/rules.md")
    elif not rules and not problems:
        problems.append(f"{origin}: every rule in it is switched off (enabled = false)")
    if problems:
        raise SettingsInvalid(problems)
    return RuleSet(str(document.get("name", origin)), tuple(rules))


def _check_sense(text: _RuleText, window_s: int) -> None:
    """ValueError for what fits the schema and cannot be."""
    _check_limits(text)
    _check_given(text)
    for name in (text.variable, *((text.stand_in.variable,) if text.stand_in else ())):
        if name not in CATALOGUE and name not in INDICES:
            raise ValueError(f"unknown variable {name!r}; `atalaia variables` lists them")
    if text.measure in ("sum", "mean", "change") and window_s == 0:
        raise ValueError(f'measure {text.measure!r} needs a window, for example window = "1h"')
    if text.measure == "value" and window_s:
        raise ValueError('a window needs measure = "sum", "mean" or "change"')
    if text.measure == "sum" and not getattr(CATALOGUE.get(text.variable), "is_sum", False):
        raise ValueError(f"{text.variable} cannot be added up; only sums over a period can")
    if text.measure == "days_in_a_row" and text.day_limit is None:
        raise ValueError("days_in_a_row needs day_limit, the limit of each day's extreme")
    if text.measure != "value" and text.variable in INDICES:
        raise ValueError(f"{text.variable} is an index and is judged as it stands (measure value)")
    if text.norm is not None:
        is_below = text.when == "below"
        check_norm(text.norm, text.variable, text.measure, window_s, is_below=is_below)
        if text.area is not None:
            raise ValueError("an area has no climate of its own; leave out area or norm")
    if text.for_readings and not seconds(text.for_):
        raise ValueError("for_readings is the other way to fulfil `for`; give `for` as well")
    if seconds(text.expires_after) < seconds(text.keep_firing_for):
        raise ValueError(
            "expires_after is shorter than keep_firing_for: what is calm would be told as unseen "
            "before it may end"
        )
    if text.hazard is Hazard.CANNOT_SEE:
        raise ValueError("cannot_see is judged by the watch itself and takes no rule")


def _rule(text: _RuleText) -> Rule:
    """A checked rule; ValueError says what cannot be."""
    window_s = seconds(text.window)
    _check_sense(text, window_s)
    # Of days in a row the number is judged, and more are always worse.
    is_below = text.when == "below" and text.measure != "days_in_a_row"
    enter = tuple(text.limits.get(level.word) for level in LEVELS)
    leave = tuple(_leave(text, level, is_below) for level in LEVELS)
    _check_order(enter, leave, is_below)
    return Rule(
        name=text.name,
        hazard=text.hazard,
        variable=text.variable,
        measure=text.measure,
        window_s=86400 if text.measure == "day_change" else window_s,
        is_below=is_below,
        enter=enter,  # type: ignore[arg-type]
        leave=leave,  # type: ignore[arg-type]
        for_s=seconds(text.for_),
        for_readings=text.for_readings,
        keep_s=seconds(text.keep_firing_for),
        kinds=tuple(sorted({KIND_OF[word] for word in text.evidence})),
        forecast_within_s=seconds(text.forecast_within),
        expires_after_s=seconds(text.expires_after),
        places=text.area.places if text.area else 0,
        within_s=seconds(text.area.within) if text.area else 0,
        stand_in=text.stand_in.variable if text.stand_in else None,
        stand_in_margin=text.stand_in.margin if text.stand_in else 0.0,
        day_limit=text.day_limit,
        day_is_below=text.when == "below",
        norm=text.norm,
        origin=text.origin,
        near=Near(*msgspec.structs.astuple(text.area.near))
        if text.area and text.area.near
        else None,
        given=_given(text),
    )


def _given(text: _RuleText) -> Given | None:
    if text.given is None:
        return None
    places = text.given.places if text.area else 0
    return Given(seconds(text.given.window), text.given.limit, places)


def _leave(text: _RuleText, level: Level, is_below: bool) -> float | None:
    """The exit limit of a level: as written, or a share of the entry limit."""
    enter = text.limits.get(level.word)
    if enter is None:
        return None
    if isinstance(text.exit, dict):
        given = text.exit.get(level.word)
        if given is None:
            raise ValueError(f"exit has no limit for {level.word}")
        return float(given)
    if not 0 < text.exit <= 1:
        raise ValueError("exit is a share of the entry limit between 0 and 1, or a limit a level")
    # A share of a limit at or below zero would lie on the wrong side of it.
    if enter <= 0:
        raise ValueError("limits of 0 or less need exit = { yellow = …, … } in the same unit")
    return round(enter / text.exit if is_below else enter * text.exit, 6)


def _check_limits(text: _RuleText) -> None:
    for written in (text.limits, text.exit if isinstance(text.exit, dict) else {}):
        for word in written.keys() - {level.word for level in LEVELS}:
            raise ValueError(f"there is no level {word!r}; levels are watch, yellow, orange, red")
        if not all(map(isfinite, written.values())):
            raise ValueError("a limit must be a finite number; leave out a level that has none")
    if not text.limits:
        raise ValueError("limits is empty; give at least one of watch, yellow, orange, red")


def _check_given(text: _RuleText) -> None:
    if text.given and (text.measure != "sum" or text.when == "below"):
        raise ValueError('given goes with measure = "sum" and when = "above"')
    if text.given and not seconds(text.given.window):
        raise ValueError('given needs a window, for example window = "24h"')


def _check_order(
    enter: Iterable[float | None], leave: Iterable[float | None], is_below: bool
) -> None:
    sign = -1 if is_below else 1
    limits = [sign * limit for limit in enter if limit is not None]
    if any(later <= earlier for earlier, later in pairwise(limits)):
        raise ValueError("limits must get more extreme from watch to red")
    for entry, exit_ in zip(enter, leave, strict=True):
        if entry is not None and exit_ is not None and sign * exit_ > sign * entry:
            raise ValueError(f"exit limit {exit_} is beyond the entry limit {entry}")
