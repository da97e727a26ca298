"""An edge is believed by its word alone, and what it says goes no further than that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from atalaia.api.edge import VIEWER, WORD, Edge

OWN, ASKS = "130.176.0.9", "198.51.100.7"
NEW, BEFORE = "n" * 64, "b" * 64


def seen(headers: list[tuple[bytes, bytes]], words: list[str], kind: str = "http") -> Any:
    """The scope that the application gets."""
    scopes: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    scope = {"type": kind, "headers": headers, "client": (OWN, 0)}
    asyncio.run(Edge(app, words)(scope, None, None))  # type: ignore[arg-type]
    return scopes[0]


def client(word: str, viewer: str, words: list[str]) -> str:
    headers = [(WORD, word.encode("latin-1")), (VIEWER, viewer.encode("latin-1"))]
    return str(seen(headers, words)["client"][0])


@pytest.mark.parametrize("viewer", [ASKS, "2001:db8::7"])
@pytest.mark.parametrize("word", [NEW, BEFORE])
def test_who_asks_is_whom_the_edge_names_by_its_word_or_the_one_before(
    word: str, viewer: str
) -> None:
    assert client(word, viewer, [NEW, BEFORE]) == viewer


@pytest.mark.parametrize(
    ("word", "words"),
    [("guessed", [NEW]), ("", [NEW]), ("", []), ("", [""]), (NEW, []), (NEW[:-1], [NEW])],
)
def test_without_its_word_the_address_is_the_connections(word: str, words: list[str]) -> None:
    assert client(word, ASKS, words) == OWN
    assert seen([(VIEWER, ASKS.encode())], words)["client"][0] == OWN


@pytest.mark.parametrize("viewer", ["", "-", f"{ASKS}:4000", f"{ASKS}, 192.0.2.1", "é", "1.2.3"])
def test_what_is_no_address_is_nobodys(viewer: str) -> None:
    assert client(NEW, viewer, [NEW]) == OWN


def test_nothing_that_an_edge_says_is_seen_behind_it() -> None:
    headers = [(WORD, NEW.encode()), (b"accept", b"*/*"), (VIEWER, ASKS.encode())]
    for words in ([NEW], []):
        assert seen(headers, words)["headers"] == [(b"accept", b"*/*")]
    assert seen(headers, [NEW], kind="lifespan")["client"] == (OWN, 0)
