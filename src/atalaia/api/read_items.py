"""A rule, a series and a town, each as the models say it is answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from atalaia.api import read_models as models
from atalaia.api.recent import Series
from atalaia.detect.course import Course
from atalaia.detect.eyes_of import KnownStation, PlaceEye
from atalaia.domain.alert import instant
from atalaia.domain.geo import Box
from atalaia.domain.place import Places
from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule, RuleSet
from atalaia.domain.rule_counts import QUANTILES, RuleCounts
from atalaia.domain.rule_words import by_language
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.fan import LEVELS as CHANCE_LEVELS
from atalaia.people.coverage import REACH_KM, nearest
from atalaia.sources import gazetteer

MOST_STATIONS = 1_000
"""In a box: more marks than that are no map."""


def _judged(rule: Rule) -> dict[str, Any]:
    """What the rule holds against its limits, as `RuleItem` and `MeasureItem` say it."""
    return {
        "hazard": rule.hazard,
        "variable": rule.variable,
        "measure": rule.measure,
        "window_s": rule.window_s,
        "unit": rule.unit,
        "is_below": rule.is_below,
    }


def _by_level(limits: Sequence[float | None]) -> dict[str, float]:
    pairs = zip(LEVELS, limits, strict=True)
    return {level.word: limit for level, limit in pairs if limit is not None}


def rule_item(rule: Rule) -> dict[str, Any]:
    """As `RuleItem` has it."""
    return {
        "name": rule.name,
        **_judged(rule),
        "limits": _by_level(rule.enter),
        "exits": _by_level(rule.leave),
        "norm": rule.norm,
        "in_words": by_language(rule),
    }


def station_item(station: KnownStation | PlaceEye) -> dict[str, Any]:
    """As `KnownStationItem` has it, and `StationItem`."""
    at = station.last_valid_at
    return msgspec.structs.asdict(station) | {"last_valid_at": None if at is None else instant(at)}


def stations_in_box(known: Sequence[KnownStation], bbox: str) -> dict[str, Any]:
    """As `KnownStationsItem` has it. Raises ValueError where that is no box."""
    box = Box.of(bbox)
    found = [each for each in known if box.holds(each.latitude, each.longitude)]
    items = [station_item(each) for each in found[:MOST_STATIONS]]
    return {"items": items, "is_cut": len(found) > MOST_STATIONS}


def wanted_variables(asked: str | None, rules: RuleSet) -> list[str]:
    """Those that are asked for, separated by commas; without a wish those that the rules judge.
    Raises ValueError where the catalogue has no such."""
    if asked is None:
        return sorted(rules.variables, key=list(CATALOGUE).index)
    names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown or not names:
        raise ValueError("unknown variable; docs/data.md lists them")
    return names


def series_item(series: Series) -> dict[str, Any]:
    """As `SeriesItem` has it."""
    return {
        "source": series.source,
        "kind": series.kind.word,
        "variable": series.variable,
        "unit": CATALOGUE[series.variable].unit,
        "period_s": series.period_s,
        "times": [instant(at) for at in series.valid_at.tolist()],
        "values": [
            None if math.isnan(value) else round(value, 3) for value in series.values.tolist()
        ],
    }


def measure_item(course: Course, since: int) -> dict[str, Any]:
    """As `MeasureItem` has it, from an instant on."""
    rule, shown = course.rule, course.valid_at > since
    kind, norm = course.kind[shown], 0.0 if math.isnan(course.norm) else course.norm
    seen = kind[kind != Kind.FORECAST]
    limits = [None if limit is None else round(limit + norm, 3) for limit in rule.enter]
    return {
        "rule": rule.name,
        **_judged(rule),
        "limits": _by_level(limits),
        "source": course.source,
        "kind": Kind(int(seen[-1])).word if len(seen) else Kind.FORECAST.word,
        "times": [instant(at) for at in course.valid_at[shown].tolist()],
        "values": [round(value, 3) for value in course.value[shown].tolist()],
        "ahead": len(seen),
    }


def runs_item(rule: Rule, told: RuleCounts) -> dict[str, Any]:
    """As `RunsItem` has it."""
    quantiles, chances = told.quantiles.tolist(), told.chances.tolist()
    return {
        "rule": rule.name,
        **_judged(rule),
        "limits": {} if rule.norm else _by_level(rule.enter),
        "source": told.source,
        "received_at": instant(told.received_at),
        "times": [instant(at) for at in told.valid_at.tolist()],
        "runs": told.runs.tolist(),
        "quantiles": {
            str(percent): [round(value, 3) for value in values]
            for percent, values in zip(QUANTILES, quantiles, strict=True)
        },
        "chances": {
            level: [round(value, 3) for value in values]
            for level, values in zip(CHANCE_LEVELS, chances, strict=True)
            if not any(map(math.isnan, values))
        },
    }


def town_items(wanted: str, limit: int, places: Places) -> list[dict[str, Any]]:
    """Towns by name, each as `TownItem` has it."""
    found = gazetteer.search(wanted, limit=limit)
    return [_town(town, places).model_dump() for town in found]


def _town(town: gazetteer.Town, places: Places) -> models.TownItem:
    place, km = nearest(town.latitude, town.longitude, places)
    near = None
    if place is not None:
        near = models.NearestItem(place_id=place.id, name=place.name, km=round(km, 1))
    return models.TownItem(
        id=town.id,
        label=town.label,
        latitude=town.latitude,
        longitude=town.longitude,
        timezone=town.timezone,
        nearest=near,
        within_reach=km <= REACH_KM,
    )
