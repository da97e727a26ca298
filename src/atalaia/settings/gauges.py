"""The settings of ANA's telemetry: the account, rivers' gauges, and what each one's level means.

A gauge has a zero of its own, so its limits are its own: each becomes a rule beside the others, of
the hazard `river_flood`, that hears this gauge alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from atalaia.domain.place import Places
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.words import duration
from atalaia.rules.written import FaultyRule, rule_of
from atalaia.settings.document import (
    Document,
    EnvText,
    Secret,
    duration_of,
    flag,
    text_of,
    url,
    whole,
)
from atalaia.sources import ana

_AT = "sources.ana"
KEYS = (
    f"{_AT}.enabled",
    f"{_AT}.user",
    f"{_AT}.password",
    f"{_AT}.password_file",
    f"{_AT}.stations",
    f"{_AT}.interval",
    f"{_AT}.utc_offset_h",
    f"{_AT}.base_url",
)

_MOST_ASKED = 200
_MARGIN_M = 0.1
"""So far below a limit its level ends: waves and the last centimetre make one flood of one."""

_EXAMPLE = '[[sources.ana.stations]] with code = "87450004", places, and a limit'


class RiverGauge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gauge, as it is written.

    code     ANA's
    places   ids of the places at its river; it stands at the first
    name     as people read it
    attention, alert, overflow   levels of its water in m above its zero: yellow, orange and red
    """

    code: Annotated[str, Meta(pattern="^[0-9]{1,12}$")]
    places: Annotated[tuple[str, ...], Meta(min_length=1)]
    name: Annotated[str, Meta(max_length=60)] = ""
    attention: float | None = None
    alert: float | None = None
    overflow: float | None = None


class Ana(msgspec.Struct, frozen=True, kw_only=True):
    """ANA's telemetry; no gauges: nothing is asked.

    user, password  of the account; None: not given, and nothing is asked
    utc_offset_h    zone of its times, which it does not say
    """

    enabled: bool
    user: Secret | None
    password: Secret | None
    stations: tuple[RiverGauge, ...]
    interval_s: int
    utc_offset_h: int
    base_url: str


def read_ana(document: Document, places: Places) -> Ana:
    """The table ``[sources.ana]``."""
    none: tuple[RiverGauge, ...] = ()
    stations = document.get(f"{_AT}.stations", _gauges(places), none)
    user = document.get(f"{_AT}.user", text_of, "")
    password = document.secret(f"{_AT}.password")
    has_account = bool(user) and password is not None
    enabled = document.get(f"{_AT}.enabled", flag, bool(stations) and has_account)
    if enabled and not stations:
        document.add(f"{_AT}.enabled", f"there are no stations; write {_EXAMPLE}")
    elif enabled and not has_account:
        document.add(f"{_AT}.enabled", "ANA wants an account; give user and password_file")
    return Ana(
        enabled=enabled,
        user=Secret(user) if user else None,
        password=password,
        stations=stations,
        interval_s=document.get(f"{_AT}.interval", duration_of(300), 900),
        utc_offset_h=document.get(
            f"{_AT}.utc_offset_h", whole(ana.ZONES_H[0], ana.ZONES_H[-1]), ana.BRASILIA_H
        ),
        base_url=document.get(f"{_AT}.base_url", url, ana.BASE_URL),
    )


def with_levels(document: Document, rule_set: RuleSet, found: Ana) -> RuleSet:
    """The rules with those of the gauges' own limits.

    Who asks needs the account; who judges what was asked needs none.
    """
    rules = [*rule_set.rules]
    is_off = not document.get(f"{_AT}.enabled", flag, True)
    for gauge in () if is_off else found.stations:
        try:
            rules += _rules(gauge)
        except FaultyRule as faulty:
            for _, fault in faulty.faults:
                document.add(f"{_AT}.stations", f"{gauge.code}: {fault}")
    names = [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        document.add(f"{_AT}.stations", f"the rules have a {name} already; give it another name")
    return RuleSet(rule_set.name, tuple(rules))


def describe(found: Ana) -> list[str]:
    """Which gauges are asked, for `config check`."""
    if not found.enabled:
        why = "" if found.password or not found.stations else ": no account; set password_file"
        return [f"ana: off{why}"]
    every = duration(found.interval_s)
    return [f"ana: {len(found.stations)} gauges of rivers, each every {every}"]


def _rules(gauge: RiverGauge) -> Iterator[Rule]:
    said = {"yellow": gauge.attention, "orange": gauge.alert, "red": gauge.overflow}
    limits = {level: limit for level, limit in said.items() if limit is not None}
    rule = rule_of(
        {
            "name": f"river-{gauge.code}",
            "hazard": "river_flood",
            "variable": "river_level_m",
            "limits": limits,
            "exit": {level: round(limit - _MARGIN_M, 4) for level, limit in limits.items()},
            "evidence": ["observed"],
            "places": [*gauge.places],
            "station": f"{ana.NAME}:{gauge.code}",
            "origin": f"{_AT}.stations in the settings: attention, alert, overflow",
        }
    )
    if rule is not None:
        yield rule


def _gauges(places: Places) -> Callable[[Any], tuple[RiverGauge, ...]]:
    def read(value: Any) -> tuple[RiverGauge, ...]:
        try:
            if isinstance(value, EnvText):
                value = msgspec.json.decode(str(value).encode())
            found = msgspec.convert(value, tuple[RiverGauge, ...])
        except msgspec.MsgspecError as error:
            raise ValueError(f"{error}; write {_EXAMPLE}") from error
        if len({gauge.code for gauge in found}) < len(found):
            raise ValueError("a gauge is there twice; keep one of them")
        if len(found) > _MOST_ASKED:
            raise ValueError(f"{len(found)} stations; at most {_MOST_ASKED} are asked")
        for gauge in found:
            for place in gauge.places:
                if places.get(place) is None:
                    raise ValueError(
                        f"{gauge.code}: no place {place!r} is watched; give the id of one"
                    )
        return found

    return read
