"""What somebody asked to be told: where, of which hazards from which level, how and when.

A person stands behind a pseudonym, which is all that other parts of the watch ever see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from atalaia.domain.alert import Moved, limited
from atalaia.domain.ensemble import TENTHS
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.rule import INDICES, LEVELS, Rule, RuleSet, seconds
from atalaia.domain.variable import CATALOGUE

DEFAULT_RADIUS_KM = 25.0
WEATHER = tuple(hazard for hazard in Hazard if hazard is not Hazard.CANNOT_SEE)
"""What somebody gets who names no hazard: all kinds of weather. `cannot_see` is for who asks."""

_DAY_MINUTES, _DAY_S = 1440, 86_400

_THRESHOLD = re.compile(
    r"(?P<variable>[a-z][a-z0-9_]*)(?:\s+over\s+(?P<window>\d+\s*(?:min|h|d)))?\s*(?:>=|<=|≥|≤)\s*"
    r"(?P<limit>-?\d+(?:\.\d+)?)(?:\s+chance\s+(?P<chance>\d+)\s*%)?"
)


class Circle(msgspec.Struct, frozen=True, tag="circle", kw_only=True, gc=False):
    """All within `radius_km` of a point (WGS 84 degrees). `name` is as its owner calls it."""

    name: str
    latitude: float
    longitude: float
    radius_km: float = DEFAULT_RADIUS_KM


class Polygon(msgspec.Struct, frozen=True, tag="polygon", kw_only=True, gc=False):
    """All within rings of (longitude, latitude) pairs, closed, as in GeoJSON; holes by even-odd."""

    name: str
    rings: tuple[tuple[tuple[float, float], ...], ...]


class Threshold(msgspec.Struct, frozen=True, gc=False):
    """A limit of one's own: told from there on, whatever the level.

    variable, window_s   as a rule of the set in force has them; 0: an instant
    limit                in the variable's unit
    hazard               of that rule
    chance               told where so many of 100 runs of an ensemble pass it; 0: where it is
                         passed, as the rule sees it
    """

    variable: str
    window_s: int
    limit: float
    hazard: str
    chance: int = 0

    @property
    def what(self) -> str:
        """What it is a limit of: see `domain.alert.limited`."""
        return limited(self.variable, self.chance)


class Quiet(msgspec.Struct, frozen=True, gc=False):
    """Hours in which only red is told. Minutes after local midnight; may go over midnight."""

    start: int
    end: int
    timezone: str

    def ends_at(self, now: int) -> int | None:
        """When the quiet hours that `now` lies in are over (Unix seconds); None outside them.

        It is the first instant at which the clock on the wall shows a time outside them: also
        where clocks change in between, and the hour of the end comes twice or not at all.
        """
        local = self._local(now)
        if not self._holds(local):
            return None
        minute = local.hour * 60 + local.minute
        end = now - local.second + (self.end - minute) % _DAY_MINUTES * 60
        if self._local(end).utcoffset() == local.utcoffset():
            return end
        # The clocks change meanwhile: the minutes are looked at one by one.
        first = now - local.second + 60
        return next(at for at in range(first, first + 2 * _DAY_S, 60) if not self._is_inside(at))

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.timezone))

    def _is_inside(self, at: int) -> bool:
        return self._holds(self._local(at))

    def _holds(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if self.start > self.end:
            return minute >= self.start or minute < self.end
        return self.start <= minute < self.end


class Subscription(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One wish of a person, who may have several.

    where       it concerns any of these
    hazards     by hazard: the level from which it is told
    thresholds  own limits; a hazard that has one and is not in `hazards` is told by it alone
    since       Unix seconds
    """

    id: str
    where: tuple[Circle | Polygon, ...]
    hazards: dict[str, str]
    thresholds: tuple[Threshold, ...] = ()
    since: int = 0


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who is told, or an organisation. No name: none is needed.

    pseudonym    ``p_…``: says nothing, and is all that logs, tables and files hold
    channels     confirmed ones, in order of preference
    escalate_after_s    a red alert that is not acknowledged within so long goes by the next
                 channel; 0: it does not
    since        Unix seconds: alerts sent from then on are for them
    """

    pseudonym: str
    language: str
    channels: tuple[str, ...]
    quiet: Quiet | None = None
    is_organisation: bool = False
    escalate_after_s: int = 600
    since: int = 0
    subscriptions: tuple[Subscription, ...] = ()


def read_hazards(texts: tuple[str, ...]) -> dict[str, str]:
    """``heavy_rain=orange``, ``wind`` (from yellow), ``all=red`` as levels by hazard."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, word = text.strip().partition("=")
        level = word or Level.YELLOW.word
        if level not in LEVEL_OF or not LEVEL_OF[level]:
            raise ValueError(f"there is no level {level!r}; levels are watch, yellow, orange, red")
        if name == "all":
            found = {**dict.fromkeys(WEATHER, level), **found}
        elif name in tuple(Hazard):
            found[name] = level
        else:
            known = ", ".join(("all", *Hazard))
            raise ValueError(f"there is no hazard {name!r}; hazards are {known}")
    return found


def read_threshold(text: str, rules: RuleSet) -> Threshold:
    """``rain_mm over 1h >= 35`` as a limit of one's own, which a rule in force must be able to see.

    It may lie at the rule's lowest limit (`watch` where it has one) or beyond it. With a chance
    (``rain_mm over 24h >= 50 chance 30 %``) at the lowest that the rule names a chance of, as in
    the share that this asks for. Raises ValueError that names what is possible.
    """
    match = _THRESHOLD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a limit; write for example 'rain_mm over 1h >= 35'")
    variable, window, limit = match["variable"], match["window"], float(match["limit"])
    if variable not in CATALOGUE and variable not in INDICES:
        raise ValueError(f"unknown variable {variable!r}; `atalaia variables` lists them")
    window_s = seconds(window) if window else 0
    chance = _read_chance(match["chance"], text)
    for rule in rules.rules:
        if not can_step(rule) or (chance and not rule.chance):
            continue
        if (rule.variable, rule.window_s) == (variable, window_s):
            level, least = least_chance(rule) if chance else (rule.lowest, 0)
            lowest = rule.limit(level)
            if chance < least:
                raise ValueError(
                    f"{text!r}: the rule {rule.name} asks for a chance of {least} % itself; give "
                    "that or more"
                )
            if lowest is not None and rule.sign * limit < rule.sign * lowest:
                raise ValueError(
                    f"{text!r} is milder than {lowest:g} {rule.unit}, from where the rule "
                    f"{rule.name} watches; give that or something more extreme"
                )
            return Threshold(variable, window_s, limit, str(rule.hazard), chance)
    if chance:
        known = "; ".join(_as_threshold(rule) for rule in rules.rules if rule.chance) or "none"
        raise ValueError(
            f"no rule of {rules.name} hears an ensemble of {text!r}; of those it does: {known}"
        )
    known = "; ".join(_as_threshold(rule) for rule in rules.rules if can_step(rule))
    raise ValueError(f"no rule of {rules.name} watches {text!r}; it watches: {known}")


def _read_chance(percent: str | None, text: str) -> int:
    if percent is None:
        return 0
    if int(percent) not in TENTHS:
        raise ValueError(
            f"{text!r}: a chance of {percent} % is not told; give 10 %, 20 %, … or 90 %, as a few "
            "dozen runs tell no more"
        )
    return int(percent)


def least_chance(rule: Rule) -> tuple[Level, int]:
    """The lowest level that a rule with a chance names one of, and the first tenth, in %, that is
    as large: from there on people can ask for a chance of their own."""
    shares = zip(LEVELS, rule.chance or (), strict=True)
    level, share = next((level, share) for level, share in shares if share is not None)
    return level, next((tenth for tenth in TENTHS if tenth >= 100 * share - 1e-9), 100)


def can_step(rule: Rule) -> bool:
    """Whether limits of one's own can be set on what this rule measures."""
    return rule.measure in ("value", "sum", "mean", "change") and rule.norm is None


def _as_threshold(rule: Rule) -> str:
    over = f" over {rule.window_s // 60}min" if rule.window_s % 3600 else ""
    over = f" over {rule.window_s // 3600}h" if rule.window_s and not over else over
    return f"{rule.variable}{over} {'<=' if rule.is_below else '>='} …"


def has_limits(person: Person) -> bool:
    """Whether they set a limit of their own."""
    return any(subscription.thresholds for subscription in person.subscriptions)


def passed_limit(person: Person, hazard: str, moved: Sequence[Moved]) -> Threshold | None:
    """The most extreme of the person's own limits that an incident's peaks came through."""
    found: list[tuple[float, Threshold]] = []
    for subscription in person.subscriptions:
        for own in subscription.thresholds:
            for peak in moved:
                if (own.hazard, own.what, own.window_s) != (hazard, peak.what, peak.window_s):
                    continue
                sign = -1 if peak.is_below else 1
                is_new = peak.low is None or sign * own.limit > sign * peak.low
                if is_new and sign * own.limit <= sign * peak.high:
                    found.append((sign * own.limit, own))
    return max(found, key=lambda one: one[0], default=(0.0, None))[1]
