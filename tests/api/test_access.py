"""Keys of programs, and the gate that asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from atalaia.api.access import OWN_KEY, SCOPES, Caller, Gate, Role, Scope, bearer
from atalaia.api.keys import add_key, caller_of, keys_of, remove_key
from atalaia.api.problem import Problem, errors, title
from atalaia.homes.embedded import EmbeddedHome, open_home

NOW = 1_700_000_000


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


@pytest.mark.parametrize("role", list(Role))
def test_a_key_opens_what_its_role_does_and_nothing_more(home: EmbeddedHome, role: Role) -> None:
    key, text = add_key(home.state, role, "a station", NOW)
    source = "a station" if role == Role.STATION else ""
    assert caller_of(home.state, text) == Caller(key.id, SCOPES[role], source=source)


def test_of_a_key_only_a_hash_is_kept(home: EmbeddedHome) -> None:
    key, text = add_key(home.state, Role.READER, "x", NOW)
    assert text not in repr(keys_of(home.state))
    assert text.removeprefix("atp_") not in (home.state.note("api-keys") or "")
    assert key.digest not in text


def test_keys_are_listed_the_oldest_first_and_differ(home: EmbeddedHome) -> None:
    made = [add_key(home.state, Role.READER, f"n{i}", NOW + i) for i in range(20)]
    assert [key.label for key in keys_of(home.state)] == [f"n{i}" for i in range(20)]
    assert len({text for _, text in made}) == len({key.id for key, _ in made}) == 20


def test_a_key_that_was_ended_opens_nothing_and_the_others_go_on(home: EmbeddedHome) -> None:
    (one, text), (_, other) = (add_key(home.state, Role.STATION, n, NOW) for n in "ab")
    assert remove_key(home.state, one.id)
    assert caller_of(home.state, text) is None
    assert caller_of(home.state, other) is not None
    assert not remove_key(home.state, one.id), "nor twice"
    assert not remove_key(home.state, "k_nobody")


@pytest.mark.parametrize("text", ["", "atp_", "atp_wrong", "atk_x", "push-key", "atp_é\ud800"])
def test_what_is_no_key_opens_nothing(home: EmbeddedHome, text: str) -> None:
    add_key(home.state, Role.OPERATOR, "x", NOW)
    assert caller_of(home.state, text) is None


def test_a_key_of_another_case_or_with_more_letters_is_another(home: EmbeddedHome) -> None:
    _, text = add_key(home.state, Role.OPERATOR, "x", NOW)
    for other in (text.upper(), text + "x", text[:-1], " " + text):
        assert caller_of(home.state, other) is None


@pytest.mark.parametrize("label", ["x" * 61, "two\nlines", "\x1b[31mred", "tab\t"])
def test_a_label_that_does_not_fit_a_line_is_refused(home: EmbeddedHome, label: str) -> None:
    with pytest.raises(ValueError, match="at most 60 printable letters"):
        add_key(home.state, Role.READER, label, NOW)
    assert keys_of(home.state) == []


def test_keys_outlive_the_process(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        _, text = add_key(home.state, Role.READER, "Estação São José", NOW)
    with open_home(tmp_path / "home") as home:
        assert caller_of(home.state, text) is not None
        assert keys_of(home.state)[0].label == "Estação São José"


# The gate

KNOWN = {
    "reader": Caller("k_1", SCOPES[Role.READER]),
    "ana": Caller("p_ana", OWN_KEY, person="p_ana"),
    "operator": Caller("operator", SCOPES[Role.OPERATOR]),
}


def asks(authorization: str) -> Request:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer reader", "reader"),
        ("bearer reader", "reader"),
        ("BEARER   reader ", "reader"),
        ("Basic reader", ""),
        ("reader", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("", ""),
    ],
)
def test_a_key_is_read_from_its_header(header: str, key: str) -> None:
    assert bearer(header) == key


@given(st.text())
def test_any_header_is_read_without_a_fault(header: str) -> None:
    assert isinstance(bearer(header), str)


@pytest.mark.parametrize("header", ["", "Bearer nobody", "Basic reader", "Bearer reader2"])
def test_who_sends_no_known_key_is_told_how_to_send_one(header: str) -> None:
    with pytest.raises(Problem, match="Authorization: Bearer") as caught:
        Gate(KNOWN.get, is_public=False).caller(asks(header))
    assert caught.value.status == 401
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
    assert "nobody" not in caught.value.detail


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("key", sorted(KNOWN))
def test_a_route_opens_to_the_scopes_of_a_key_and_to_no_other(scope: Scope, key: str) -> None:
    allowed = Gate(KNOWN.get, is_public=False).needs(scope)
    if scope in KNOWN[key].scopes:
        assert allowed(asks(f"Bearer {key}")) == KNOWN[key]
        return
    with pytest.raises(Problem, match=f"a key with the scope {scope}") as caught:
        allowed(asks(f"Bearer {key}"))
    assert caught.value.status == 403


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("key", [*sorted(KNOWN), "nobody", ""])
def test_who_is_known_at_once_is_let_in_to_the_same_and_nobody_is_asked_for_it(
    scope: Scope, key: str
) -> None:
    def let_in(gate: Gate) -> Caller | int:
        try:
            return asyncio.run(gate.admit(scope, asks(f"Bearer {key}")))
        except Problem as problem:
            return problem.status

    asked: list[str] = []

    def who(given: str) -> Caller | None:
        asked.append(given)
        return KNOWN.get(given)

    gate = Gate(who, is_public=False, at_once=KNOWN.get)
    assert let_in(gate) == let_in(Gate(KNOWN.get, is_public=False))
    assert asked == ([key] if key == "nobody" else [])
    assert gate.known(key) == KNOWN.get(key), "limits and the log know whose it is"


def test_reading_needs_no_key_where_it_is_public_and_one_where_it_is_not() -> None:
    assert Gate(KNOWN.get, is_public=True).readers == []
    (needed,) = Gate(KNOWN.get, is_public=False).readers
    assert needed(asks("Bearer ana")).person == "p_ana"


def test_who_owns_what() -> None:
    assert KNOWN["ana"].owns("p_ana")
    assert not KNOWN["ana"].owns("p_bia")
    assert not KNOWN["reader"].owns("k_1")
    assert KNOWN["operator"].owns("p_bia")


def test_what_was_known_is_known_without_asking_until_it_is_no_more() -> None:
    keys = dict(KNOWN)
    gate = Gate(keys.get, is_public=False)
    assert gate.known("reader") is None, "nobody was asked yet"
    gate.caller(asks("Bearer reader"))
    assert gate.known("reader") == KNOWN["reader"]
    del keys["reader"]
    with pytest.raises(Problem):
        gate.caller(asks("Bearer reader"))
    assert gate.known("reader") is None


# Problems


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "Bad Request"), (413, "Request Entity Too Large"), (422, "Unprocessable Entity"),
     (429, "Too Many Requests"), (503, "Service Unavailable")],
)  # fmt: skip
def test_a_status_has_one_name_in_every_version_of_python(status: int, name: str) -> None:
    assert title(status) == name
    assert errors(status)[status]["description"] == name
    response = Problem(status, "what is wrong", headers={"Retry-After": "1"}, index=3).response()
    assert response.media_type == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    assert f'"title":"{name}"' in bytes(response.body).decode()
    assert '"index":3' in bytes(response.body).decode()
