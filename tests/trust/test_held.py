"""What is held of a person: each place where something is kept has a decision, a new one too."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from atalaia.homes.aws.tables import TABLES
from atalaia.people.bodies import seal_body
from atalaia.people.export import export
from atalaia.sources.readings_csv import STATION
from people.test_erase import full_person, pushed
from people.world import NOW, World

SOURCE = Path(__file__).resolve().parents[2] / "src/atalaia"

TOLD = {
    "people": "person",
    "contacts": "contacts",
    "consents": "consents",
    "messages": "messages",
    "deliveries": "deliveries",
    "payloads": "pushed",
}
"""Tables with rows under a pseudonym: the part of an export that tells them."""

OF_NOBODY = {
    "alerts": "the weather",
    "items": "the weather, by place",
    "lookup_keys": "numbers of keys",
    "notes": "`NOTES`",
    "offsets": "how far a consumer is",
    "rejects": "why something was not read: nothing of a sealed body",
    "tallies": "HMACs of addresses with counts of codes, for 30 days: they survive an erasure",
    "words": "what anybody agreed to, by its hash; an export has it in the consents",
}

AFTER_AN_ERASURE = {
    "people": "that the pseudonym is erased",
    "consents": "that somebody agreed once",
    "payloads": "sealed by the key that is gone, until the stream lets go of it",
}

ON_AWS = {
    **dict.fromkeys(("people", "contacts", "consents", "outbox", "deliveries"), "told"),
    "state": "items, offsets, notes",
    "log": "alerts, rejects",
    "keys": "wrapped keys: not to be given away",
}

NOTES = {
    *(
        "api-keys",
        "api/beginning",
        "archive-marks",
        "began",
        "climate",
        "gold-refused",
        "norms",
        "places",
        "ready",
    ),
    *("silences", "silences:told", "sources", "starts", "swept", "telegram-offset", "wishes"),
    *("wis2 archives", "wis2 owed"),
    *("budget:", "drill:", "feed ", "pace:", "polls:", "subscriber:", "terms:"),
}
"""Notes of a home, or what they begin with: of nobody who is told. Wishes are counts by town."""


def mentions(w: World, pseudonym: str) -> dict[str, bool]:
    """Of each table, whether a row names them."""
    rows = w.home.state._database.rows  # type: ignore[attr-defined]
    tables = rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = [str(name) for (name,) in tables if not str(name).startswith("sqlite_")]
    sought = pseudonym.encode()
    return {
        name: any(sought in _bytes(cell) for row in rows(f"SELECT * FROM {name}") for cell in row)
        for name in names
    }


def _bytes(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


def test_every_table_of_the_store_is_in_an_export_or_of_nobody(w: World) -> None:
    person, _ = full_person(w)
    mine = msgspec.structs.replace(
        pushed(w, person), source=STATION, body=seal_body(w.registry.vault, person, b"[1]")
    )
    w.home.stream.append([mine])
    before = mentions(w, person)
    assert set(before) == {*TOLD, *OF_NOBODY}
    assert {name for name, is_so in before.items() if is_so} == set(TOLD)
    told = json.loads(export(w.registry, w.home, w.held(person)))
    assert set(told) == set(TOLD.values())
    assert all(told.values())
    w.registry.erase(person, NOW)
    after = {name for name, is_so in mentions(w, person).items() if is_so}
    assert after == set(AFTER_AN_ERASURE)


def test_every_table_of_the_aws_home_has_a_decision() -> None:
    assert set(TABLES) == set(ON_AWS)


def test_every_note_of_a_home_is_of_nobody() -> None:
    assert {key for file in SOURCE.rglob("*.py") for key in noted(file)} == NOTES


def noted(file: Path) -> Iterator[str]:
    """Keys of notes that this module keeps; of one with a name in it, how it begins."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        is_note = isinstance(node.func, ast.Name) and node.func.id == "Note"
        is_put = isinstance(node.func, ast.Attribute) and node.func.attr in (
            "set_note",
            "swap_note",
        )
        keys = node.args[1:2] if is_note else node.args[:1] if is_put else []
        for key in keys:
            part = key.values[0] if isinstance(key, ast.JoinedStr) else key
            if isinstance(part, ast.Constant):
                yield str(part.value)
