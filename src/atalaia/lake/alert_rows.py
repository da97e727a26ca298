"""The alert log as rows of GOLD: which columns an entry has, and an entry of a row again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from atalaia.domain.alert import Alert, LogEntry, instants_of, iso_fields
from atalaia.domain.words import LANGUAGES

_MEASURED = ("measure", "is_below", "stands_for")
_AROUND = ("places", "opened_at", "rule_hash", "peak_level", "peak", "peak_at", *_MEASURED)
"""What GOLD has of an entry besides its alert; RAW has the rest, too."""

_TEXTS = {f"text_{language.lower().replace('-', '_')}": language for language in LANGUAGES}

_TYPES: dict[type[inspect.Type], str] = {
    inspect.StrType: "VARCHAR",
    inspect.LiteralType: "VARCHAR",
    inspect.IntType: "INTEGER",
    inspect.FloatType: "DOUBLE",
    inspect.BoolType: "BOOLEAN",
    inspect.VarTupleType: "VARCHAR[]",
}


def _columns(struct: type[msgspec.Struct], names: Sequence[str]) -> dict[str, str]:
    fields = {field.name: inspect.type_info(field.type) for field in msgspec.structs.fields(struct)}
    found = {}
    for name in names:
        info = fields[name]
        known = info.types[0] if isinstance(info, inspect.UnionType) else info
        found[name] = "TIMESTAMPTZ" if name in instants_of(struct) else _TYPES[type(known)]
    return found


_OF_ALERT = tuple(name for name in Alert.__struct_fields__ if name != "text")

ALERT_COLUMNS = (
    _columns(Alert, _OF_ALERT) | dict.fromkeys(_TEXTS, "VARCHAR") | _columns(LogEntry, _AROUND)
)
"""Columns of a file of alerts, in order, with DuckDB's types."""

NULLABLE = frozenset(
    field.name
    for struct, names in ((Alert, _OF_ALERT), (LogEntry, _AROUND))
    for field in msgspec.structs.fields(struct)
    if field.name in names and isinstance(inspect.type_info(field.type), inspect.UnionType)
) | {*_MEASURED}
"""Those that may be null; what was measured is in rows that an earlier Atalaia wrote."""


def flat(entry: LogEntry) -> dict[str, Any]:
    """An entry as a row: by column, instants in ISO 8601."""
    alert, around = iso_fields(entry.alert), iso_fields(entry)
    return (
        {name: alert[name] for name in _OF_ALERT}
        | {column: entry.alert.text.get(language) for column, language in _TEXTS.items()}
        | {name: around[name] for name in _AROUND}
    )


def _selected(names: Iterable[str]) -> str:
    return ", ".join(
        f"CAST(epoch({name}) AS BIGINT)" if ALERT_COLUMNS[name] == "TIMESTAMPTZ" else f'"{name}"'
        for name in names
    )


SELECTED = _selected(ALERT_COLUMNS)
"""What stands after SELECT for rows that `entry_of` takes."""

SELECTED_BARE = _selected(_OF_ALERT)
"""The same for `bare_alert_of`."""


def entry_of(values: Sequence[Any]) -> LogEntry:
    """The entry of a row, as far as GOLD has it."""
    row = dict(zip(ALERT_COLUMNS, values, strict=True))
    around = {name: row[name] for name in _AROUND}
    for name in _MEASURED:
        if around[name] is None:
            del around[name]
    around["places"] = tuple(row["places"])
    text = {language: row[column] or "" for column, language in _TEXTS.items()}
    alert = Alert(**{name: row[name] for name in _OF_ALERT}, text=text)
    return LogEntry(alert=alert, **around)


def bare_alert_of(values: Sequence[Any]) -> Alert:
    """The alert of a row, without its texts, which are most of it."""
    return Alert(**dict(zip(_OF_ALERT, values, strict=True)), text={})
