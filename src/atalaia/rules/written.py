"""A ``[[rule]]`` table as people write it: its keys read one by one, then held against each other.

Every problem names its key, so that whoever reads a file can say the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from atalaia.domain.ensemble import STEP_S, TOLD_OF
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.norm import check_norm
from atalaia.domain.reading import KIND_OF
from atalaia.domain.rule import INDICES, LEVELS, Given, Measure, Near, Region, Rule, seconds
from atalaia.domain.variable import CATALOGUE
from atalaia.given import meant
from atalaia.rules.written_score import WrittenScore, faults_of_score, score_of

Fault = tuple[str, str]
"""A key of a table, and what is wrong with it and what to do."""

_Limits = dict[str, float]
_AT_ONE_PLACE_S = 3600
"""At one place a value counts in a score for so long: what is told by the hour goes with what is
told every minute."""

_DURATIONS = ("window", "for", "keep_firing_for", "forecast_within", "expires_after")


class _NearTable(msgspec.Struct, forbid_unknown_fields=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    km: Annotated[float, Meta(gt=0)]


class _Area(msgspec.Struct, forbid_unknown_fields=True):
    places: Annotated[int, Meta(ge=1)]
    within: str = "1h"
    near: _NearTable | None = None


class _Region(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]
    south: Annotated[float, Meta(ge=-90, le=90)]
    west: Annotated[float, Meta(ge=-180, le=180)]
    north: Annotated[float, Meta(ge=-90, le=90)]
    east: Annotated[float, Meta(ge=-180, le=180)]


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    window: str
    limit: Annotated[float, Meta(gt=0)]
    places: Annotated[int, Meta(ge=1)] = 1


class _StandIn(msgspec.Struct, forbid_unknown_fields=True):
    variable: str
    margin: float = 0.0


class Written(msgspec.Struct, rename={"for_": "for"}):
    """A `[[rule]]` table as it is written; docs/rules.md explains each key."""

    name: Annotated[str, Meta(min_length=1)]
    hazard: Hazard
    limits: _Limits
    variable: str | None = None
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
    places: list[Annotated[str, Meta(min_length=1)]] = []
    area: _Area | None = None
    given: _Given | None = None
    stand_in: _StandIn | None = None
    day_limit: float | None = None
    norm: str | None = None
    score: WrittenScore | None = None
    station: Annotated[str, Meta(min_length=1)] | None = None
    chance: float | _Limits | None = None
    region: _Region | None = None
    enabled: bool = True
    origin: str = ""


_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Written)}


class FaultyRule(Exception):
    """A table that is no rule: `faults` has every key's."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__("a faulty rule")
        self.faults = list(faults)


def rule_of(table: Mapping[str, Any]) -> Rule | None:
    """The rule that a table says; None: it is switched off. FaultyRule has all that is wrong."""
    faults = [*_faults_of_keys(table)]
    if faults:
        raise FaultyRule(faults)
    text = msgspec.convert(table, Written)
    faults = [*_faults_of_durations(text)] or [*_faults_of_sense(text)]
    if faults:
        raise FaultyRule(faults)
    rule = _rule(text)
    if faults := [*_faults_of_order(rule)]:
        raise FaultyRule(faults)
    return rule if text.enabled else None


# Keys, each alone


def _faults_of_keys(table: Mapping[str, Any]) -> Iterator[Fault]:
    for key in table:
        if key not in _FIELDS:
            yield (
                key,
                f"unknown key {key!r}{meant(key, _FIELDS)}; here go {', '.join(sorted(_FIELDS))}",
            )
    for key, field in _FIELDS.items():
        if key not in table:
            if field.required:
                yield key, "is missing; add it"
            continue
        try:
            msgspec.convert(table[key], field.type)
        except msgspec.ValidationError as error:
            yield key, _in_words(table[key], field.type, str(error))


_SHAPES = {
    "float": "a number; write one without quotes",
    "int": "a whole number; write one without quotes",
    "str": "a text; put it in quotes",
    "bool": "true or false; write one of them, without quotes",
    "array": 'a list; write for example ["one", "two"]',
    "object": "a table; write it in braces, { … }",
}


def _in_words(value: Any, kind: Any, said: str) -> str:
    """A schema's complaint, as people write: what it is not, and what there is to choose from."""
    what, _, path = said.partition(" - at `$")
    inside = f"{path.rstrip('`').lstrip('.')}: " if path.startswith(".") else ""
    choices = _choices(_kind_at(kind, path) if inside else kind)
    if choices and "enum" in what:
        if inside:
            wrong = what.removeprefix("Invalid enum value ").strip("'")
        else:
            wrong = next(one for one in (value if isinstance(value, list) else [value]))
            wrong = next((o for o in value if o not in choices), wrong) if path else value
        near = meant(str(wrong), choices)
        return f"{inside}{wrong!r} is not known{near}; give {', '.join(choices)}"
    if match := re.match(r"Expected `([^`]*)`, got `\w+`", what):
        shapes = [_SHAPES[one.strip()] for one in match[1].split("|") if one.strip() in _SHAPES]
        if shapes:
            return f"{inside}not {' or '.join(shapes)}"
    if match := re.match(r"Object contains unknown field `([^`]*)`", what):
        return f"{inside}unknown key {match[1]}; remove it"
    if match := re.match(r"Object missing required field `([^`]*)`", what):
        return f"{inside}{match[1]} is missing; add it"
    if match := re.match(r"Expected `\w+` (of length )?([<>]=?) (\S+)", what):
        return f"{inside}must be {'no empty text' if match[1] else f'{match[2]} {match[3]}'}"
    return f"{inside}{what}"


def _kind_at(kind: Any, path: str) -> Any:
    """The type of what stands at ``.terms[0].of`` in a value of this one."""
    for name in re.findall(r"\.(\w+)", path):
        structs = [kind, *get_args(kind), *(a for one in get_args(kind) for a in get_args(one))]
        struct = next((one for one in structs if hasattr(one, "__struct_fields__")), None)
        if struct is None:
            return None
        kind = next(f.type for f in msgspec.structs.fields(struct) if f.encode_name == name)
    return kind


def _choices(kind: Any) -> tuple[str, ...]:
    """The words that a key takes; none: any."""
    if kind is Hazard:
        return tuple(str(one) for one in Hazard if one is not Hazard.CANNOT_SEE)
    words = tuple(one for one in get_args(kind) if isinstance(one, str))
    return words or next((found for one in get_args(kind) if (found := _choices(one))), ())


# Keys, held against each other


def _faults_of_durations(text: Written) -> Iterator[Fault]:
    """What is no duration: afterwards they may be reckoned with."""
    said = {key: getattr(text, _FIELDS[key].name) for key in _DURATIONS}
    if text.area:
        said["area"] = text.area.within
    if text.given:
        said["given"] = text.given.window
    for key, written in said.items():
        try:
            seconds(written)
        except ValueError as error:
            yield key, str(error)


def _faults_of_sense(text: Written) -> Iterator[Fault]:
    """What fits the schema and cannot be."""
    yield from _faults_of_measure(text)
    yield from _faults_of_limits(text)
    yield from _faults_of_adding_up(text)
    if text.chance is not None:
        yield from _faults_of_chance(text)
    if text.hazard is Hazard.CANNOT_SEE:
        yield "hazard", "cannot_see is judged by the watch itself and takes no rule"
    if text.hazard is Hazard.LANDSLIDE and text.region is None:
        yield (
            "region",
            "is missing: rain that moves one region's slopes leaves another's in place; give where "
            "the limits were found: { name = …, south = …, west = …, north = …, east = … }",
        )
    if text.region and text.region.south >= text.region.north:
        yield "region", "its south lies north of its north; exchange them"
    if text.station and text.area:
        yield "station", "an area's rule counts places, and no stations; leave out station or area"
    if text.given and (text.measure != "sum" or text.when == "below"):
        yield "given", 'given goes with measure = "sum" and when = "above"'
    if text.given and not seconds(text.given.window):
        yield "given", 'given needs a window, for example window = "24h"'
    if text.for_readings and not seconds(text.for_):
        yield "for_readings", "it is the other way to fulfil `for`; give `for` as well"
    if seconds(text.expires_after) < seconds(text.keep_firing_for):
        yield (
            "expires_after",
            "shorter than keep_firing_for: what is calm would be told as unseen before it may end",
        )


def _faults_of_adding_up(text: Written) -> Iterator[Fault]:
    if text.measure != "score":
        if text.score is not None:
            yield "score", 'score needs measure = "score"'
        return
    if text.score is None:
        yield "score", "is missing; add [rule.score] with its terms"
        return
    for fault in faults_of_score(text.score, is_area=text.area is not None):
        yield "score", fault
    for key in ("variable", "window", "given", "stand_in", "day_limit", "norm"):
        if getattr(text, key) not in (None, "0s"):
            yield key, "a score has none of its own; its terms say what is measured"
    if text.when == "below":
        yield "when", "more of a score is always worse; turn the signs of its weights"
    if text.score.chance_of and any(not 0 < limit <= 100 for limit in text.limits.values()):
        yield "limits", "a chance is in %, above 0 and up to 100"


def _faults_of_chance(text: Written) -> Iterator[Fault]:
    shares = _by_level(text.chance, text.limits)
    for word in shares.keys() - text.limits.keys():
        yield "chance", f"there is no limit {word}; give one, or leave its chance out"
    if not shares or any(not 0 < share <= 1 for share in shares.values()):
        yield "chance", "a share of model runs, above 0 and up to 1, for example 0.3"
    if text.measure not in ("value", "sum", "mean") or text.area or text.given or text.station:
        with_ = 'goes with measure = "value", "sum" or "mean"'
        yield "chance", f"{with_}, without area, given and station"
    if "forecast" not in text.evidence:
        yield "chance", 'is of hours to come; add "forecast" to evidence'
    variable = CATALOGUE.get(text.variable or "")
    made_of = INDICES[text.variable][1] if text.variable in INDICES else (text.variable,)
    if unknown := [name for name in made_of if name not in TOLD_OF]:
        yield "chance", f"no ensemble tells {_list(map(str, unknown))}; leave chance out"
    elif variable and variable.is_sum and text.measure == "value":
        yield "chance", f'{text.variable} is told by steps of hours; use measure = "sum"'
    elif text.measure != "value" and seconds(text.window) < STEP_S:
        step = f"{STEP_S // 3600}h"
        yield "chance", f"models step by {step}; use a window of {step} or longer, or leave it out"


def _faults_of_measure(text: Written) -> Iterator[Fault]:
    if text.measure == "score":
        return
    if text.variable is None:
        yield "variable", "is missing; add it"
        return
    window_s = seconds(text.window)
    for key, name in (
        ("variable", text.variable),
        *((("stand_in", text.stand_in.variable),) if text.stand_in else ()),
    ):
        if name not in CATALOGUE and name not in INDICES:
            near = meant(name, [*CATALOGUE, *INDICES])
            yield key, f"unknown variable {name!r}{near}; `atalaia variables` lists them"
            return
    if text.measure == "sum" and not getattr(CATALOGUE.get(text.variable), "is_sum", False):
        yield "measure", f"{text.variable} cannot be added up; only sums over a period can"
    elif text.measure != "value" and text.variable in INDICES:
        yield "measure", f"{text.variable} is an index and is judged as it stands (measure value)"
    elif text.measure in ("sum", "mean", "change") and window_s == 0:
        yield "window", f'measure {text.measure!r} needs a window, for example window = "1h"'
    if text.measure == "value" and window_s:
        yield "window", 'a window needs measure = "sum", "mean" or "change"'
    if text.measure == "days_in_a_row" and text.day_limit is None:
        yield "day_limit", "days_in_a_row needs day_limit, the limit of each day's extreme"
    if text.norm is not None:
        try:
            is_below = text.when == "below"
            check_norm(text.norm, text.variable, text.measure, window_s, is_below=is_below)
        except ValueError as error:
            yield "norm", str(error)
        if text.area is not None:
            yield "norm", "an area has no climate of its own; leave out area or norm"


def _faults_of_limits(text: Written) -> Iterator[Fault]:
    words = [level.word for level in LEVELS]
    for key, written in (("limits", text.limits), ("exit", text.exit)):
        if not isinstance(written, dict):
            continue
        for word in written.keys() - set(words):
            yield key, f"there is no level {word!r}{meant(word, words)}; levels are {_list(words)}"
        if not all(map(isfinite, written.values())):
            yield key, "a limit must be a finite number; leave out a level that has none"
    if not text.limits:
        yield "limits", f"limits is empty; give at least one of {_list(words)}"
    if isinstance(text.exit, dict):
        if lacking := [word for word in words if word in text.limits and word not in text.exit]:
            yield "exit", f"no limit for {_list(lacking)}; add it"
    elif not 0 < text.exit <= 1:
        yield "exit", "a share of the entry limit between 0 and 1, or a limit a level"
    # A share of a limit at or below zero would lie on the wrong side of it.
    elif any(limit <= 0 for limit in text.limits.values()):
        yield "exit", "limits of 0 or less need exit = { yellow = …, … } in the same unit"


def _faults_of_order(rule: Rule) -> Iterator[Fault]:
    limits = [rule.sign * limit for limit in rule.enter if limit is not None]
    if any(later <= earlier for earlier, later in pairwise(limits)):
        yield "limits", "limits must get more extreme from watch to red"
    for entry, leave in zip(rule.enter, rule.leave, strict=True):
        if entry is not None and leave is not None and rule.sign * leave > rule.sign * entry:
            yield "exit", f"exit limit {leave:g} is beyond the entry limit {entry:g}"


def _by_level(written: float | _Limits | None, limits: Iterable[str]) -> _Limits:
    """By level what was said of each, or of all at once."""
    return dict.fromkeys(limits, written) if isinstance(written, float) else written or {}


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


# The rule


def _rule(text: Written) -> Rule:
    # Of days in a row the number is judged, and more are always worse.
    is_below = text.when == "below" and text.measure != "days_in_a_row"
    area = text.area
    score = score_of(text.score) if text.score else None
    chance = _by_level(text.chance, text.limits)
    return Rule(
        name=text.name,
        hazard=text.hazard,
        variable=score.variable if score else text.variable or "",
        measure=text.measure,
        window_s=86400 if text.measure == "day_change" else seconds(text.window),
        is_below=is_below,
        enter=tuple(text.limits.get(level.word) for level in LEVELS),  # type: ignore[arg-type]
        leave=tuple(_leave(text, level, is_below) for level in LEVELS),  # type: ignore[arg-type]
        for_s=seconds(text.for_),
        for_readings=text.for_readings,
        keep_s=seconds(text.keep_firing_for),
        kinds=tuple(sorted({KIND_OF[word] for word in text.evidence})),
        forecast_within_s=seconds(text.forecast_within),
        expires_after_s=seconds(text.expires_after),
        places=area.places if area else 0,
        within_s=seconds(area.within) if area else _AT_ONE_PLACE_S if score else 0,
        stand_in=text.stand_in.variable if text.stand_in else None,
        stand_in_margin=text.stand_in.margin if text.stand_in else 0.0,
        day_limit=text.day_limit,
        day_is_below=text.when == "below",
        norm=text.norm,
        origin=text.origin,
        near=Near(*msgspec.structs.astuple(area.near)) if area and area.near else None,
        given=_given(text),
        only=tuple(dict.fromkeys(text.places)),
        score=score,
        station=text.station or "",
        region=Region(*msgspec.structs.astuple(text.region)) if text.region else None,
        chance=tuple(chance.get(level.word) for level in LEVELS) if chance else None,  # type: ignore[arg-type]
    )


def _given(text: Written) -> Given | None:
    if text.given is None:
        return None
    places = text.given.places if text.area else 0
    return Given(seconds(text.given.window), text.given.limit, places)


def _leave(text: Written, level: Level, is_below: bool) -> float | None:
    """The exit limit of a level: as written, or a share of the entry limit."""
    enter = text.limits.get(level.word)
    if enter is None:
        return None
    if isinstance(text.exit, dict):
        return float(text.exit[level.word])
    return round(enter / text.exit if is_below else enter * text.exit, 6)
