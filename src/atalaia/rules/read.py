"""Rule files: one extends others, says anew what it would have otherwise, and gives single places
limits of their own. Files → tables by name → rules.

Every problem of every file is told at once, each with the line of its key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from atalaia.domain.rule import Rule, RuleSet
from atalaia.errors import SettingsInvalid
from atalaia.given import line_of, lines_of, meant
from atalaia.rules.written import FaultyRule, rule_of

Extended = Callable[[str], tuple[str, str]]
"""The name of a file that another one extends → its text and origin. Raises SettingsInvalid."""

EVERYWHERE = "*"
_KEYS = ("name", "description", "extends", "rule", "limits")


class _File:
    """One file's TOML, and on which line each of its keys stands."""

    def __init__(self, text: str, origin: str) -> None:
        self.origin = origin
        try:
            self.document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsInvalid([f"{origin}: not valid TOML: {error}"]) from error
        self._lines = lines_of(text)

    def where(self, *path: str | int) -> str:
        """``file:line`` of a key, or of what it stands in."""
        return f"{self.origin}:{line_of(self._lines, path)}"

    @property
    def extends(self) -> list[str]:
        """The files that it extends, in their order."""
        named = self.document.get("extends", [])
        named = [named] if isinstance(named, str) else named
        if not isinstance(named, list) or not all(isinstance(one, str) and one for one in named):
            problem = 'extends: not a name; write for example extends = "inmet"'
            raise SettingsInvalid([f"{self.where('extends')}: {problem}"])
        return named


class _Table:
    """A rule's keys as they stand once every file has spoken, and where each was said last."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.said: dict[str, str] = {}
        self.where = ""

    def say(self, table: dict[str, Any], file: _File, number: int) -> None:
        self.where = file.where("rule", number)
        for key, value in table.items():
            self.keys[key] = value
            self.said[key] = file.where("rule", number, key)

    def problems(self, faulty: FaultyRule) -> Iterator[str]:
        for key, fault in faulty.faults:
            where = self.said.get(key, self.where)
            yield f"{where}: rule {self.keys.get('name')!r}: {key}: {fault}"


def parse(text: str, origin: str, extended: Extended | None = None) -> RuleSet:
    """A rule file's text as a set; SettingsInvalid names every fault with its line.

    Without `extended` it may extend no other.
    """
    top = _File(text, origin)
    files = [*_chain(top, extended, [])]
    problems: list[str] = []
    tables: dict[str, _Table] = {}
    for file in files:
        problems += _said(file, tables)
    rules: dict[str, Rule] = {}
    off: set[str] = set()
    for name, table in tables.items():
        try:
            rule = rule_of(table.keys)
        except FaultyRule as faulty:
            problems += table.problems(faulty)
            continue
        if rule is None:
            off.add(name)
        else:
            rules[name] = rule
    found = list(rules.values())
    for file in files:
        problems += _place_limits(file, tables, found, off)
    if not tables and not problems:
        problems.append(f"{origin}: no [[rule]] in it; see docs/rules.md")
    elif not found and not problems:
        problems.append(f"{origin}: every rule in it is switched off (enabled = false)")
    if problems:
        raise SettingsInvalid(problems)
    return RuleSet(str(top.document.get("name", origin)), tuple(found))


def _chain(file: _File, extended: Extended | None, above: Sequence[str]) -> Iterator[_File]:
    """The files that speak, the extended ones first."""
    way = (*above, file.origin)
    for name in file.extends:
        if extended is None:
            raise SettingsInvalid([f"{file.where('extends')}: extends: not possible here"])
        try:
            text, origin = extended(name)
        except SettingsInvalid as error:
            where = file.where("extends")
            raise SettingsInvalid([f"{where}: extends: {one}" for one in error.problems]) from error
        if origin in way:
            round_ = " → ".join((*way[way.index(origin) :], origin))
            raise SettingsInvalid([f"{file.where('extends')}: files extend each other: {round_}"])
        yield from _chain(_File(text, origin), extended, way)
    yield file


def _said(file: _File, tables: dict[str, _Table]) -> Iterator[str]:
    """Take up what a file says of rules; yield what cannot be taken."""
    for key in file.document.keys() - set(_KEYS):
        yield (
            f"{file.where(key)}: unknown key {key!r}{meant(key, _KEYS)}; "
            f"a rule file has {', '.join(_KEYS)}"
        )
    written = file.document.get("rule", [])
    if not isinstance(written, list) or not all(isinstance(table, dict) for table in written):
        yield f"{file.where('rule')}: rules are written as [[rule]] tables; see docs/rules.md"
        return
    here: set[str] = set()
    for number, table in enumerate(written):
        name = table.get("name")
        where = file.where("rule", number, "name")
        if not isinstance(name, str) or not name:
            yield f"{where}: rule {number + 1}: name: not a text; give it one, in quotes"
            continue
        if "@" in name:
            yield f"{where}: rule {name!r}: name: @ is for a place's own limits; leave it out"
            continue
        if name in here:
            yield f"{where}: rule {name!r}: name: there is another rule of this name"
            continue
        here.add(name)
        tables.setdefault(name, _Table()).say(table, file, number)


def _place_limits(
    file: _File, tables: dict[str, _Table], found: list[Rule], off: set[str]
) -> Iterator[str]:
    """``[limits.PLACE.RULE]``: beside each rule that it names, one of that place's own limits."""
    written = file.document.get("limits", {})
    for place, named in written.items() if isinstance(written, dict) else [("PLACE", None)]:
        for what, limits in named.items() if isinstance(named, dict) else [("RULE", None)]:
            for fault in _own_limits(place, what, limits, tables, found, off):
                yield f"{file.where('limits', place, what)}: limits.{place}.{what}: {fault}"


def _own_limits(
    place: str,
    what: str,
    limits: Any,
    tables: dict[str, _Table],
    found: list[Rule],
    off: set[str],
) -> Iterator[str]:
    if not isinstance(limits, dict):
        yield "not a table; write for example [limits.PLACE.RULE] and below it orange = 25"
        return
    try:
        name = _named(what, tables)
    except ValueError as error:
        yield str(error)
        return
    base = tables[name].keys
    if name in off or not isinstance(base.get("limits"), dict):
        return  # not judged anywhere, or told as faulty already
    own = {**base, "limits": {**base["limits"], **limits}}
    if place != EVERYWHERE:
        own |= {"name": f"{name}@{place}", "places": [place]}
    try:
        rule = rule_of(own)
    except FaultyRule as faulty:
        yield from (f if key == "limits" else f"{key}: {f}" for key, f in faulty.faults)
        return
    if rule is not None:
        _put(found, rule, name, place)


def _named(what: str, tables: dict[str, _Table]) -> str:
    """The rule of this name, or the only one of this hazard; ValueError names the choices."""
    if what in tables:
        return what
    of_hazard = [name for name, table in tables.items() if table.keys.get("hazard") == what]
    if len(of_hazard) == 1:
        return of_hazard[0]
    if of_hazard:
        raise ValueError(f"{what} has several rules; name one: {', '.join(of_hazard)}")
    near = meant(what, tables)
    raise ValueError(f"no rule is called {what!r}{near}; rules are {', '.join(tables)}")


def _put(found: list[Rule], rule: Rule, name: str, place: str) -> None:
    """Put a place's rule beside the one that it stands in for there.

    What is said of one place goes before what is said of many, and of two that are said of many
    the one that is said last.
    """
    kin = [i for i, one in enumerate(found) if one.name.split("@")[0] == name]
    if place == EVERYWHERE:
        found[kin[0]] = msgspec.structs.replace(rule, without=found[kin[0]].without)
        return
    single = {one.only[0] for one in (found[i] for i in kin[1:]) if not _is_pattern(one.only[0])}
    if _is_pattern(place):
        rule = msgspec.structs.replace(
            rule, without=tuple(sorted(one for one in single if fnmatchcase(one, place)))
        )
    for i in kin:
        if _is_pattern(place) and i != kin[0] and found[i].only[0] in single:
            continue
        found[i] = msgspec.structs.replace(found[i], without=(*found[i].without, place))
    found[:] = [one for one in found if one.name != rule.name]
    found.insert(max(i for i, one in enumerate(found) if one.name.split("@")[0] == name) + 1, rule)


def _is_pattern(place: str) -> bool:
    return any(sign in place for sign in "*?[")
