"""Whose a key is: each kind opens what is its own, and one that has ended opens nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fastapi import Request

from atalaia.api.access import OPERATOR, OWN_KEY, SIGNED_LINK, Caller, Role, Scope
from atalaia.api.keys import add_key, gate_of, operator_has, remove_key, who_has
from atalaia.errors import StateConflict
from atalaia.people.manage import LASTS_S
from atalaia.people.service import PeopleService
from atalaia.settings import load
from people.world import NOW, world


def test_every_kind_of_key_is_told_from_the_others(tmp_path: Path) -> None:
    with world(tmp_path / "home") as w:
        settings = load(
            None, {"ATALAIA_HOME": str(w.path), "ATALAIA_API_KEY": "the-operators-own-key"}
        )
        people = PeopleService(w.registry, w.home, settings)
        ana = w.told("email:ana@example.org")
        link = w.link(ana, "email")
        token, own = people.manage(link, NOW), people.make_key(ana, NOW)
        station, text = add_key(w.home.state, Role.STATION, "garden", NOW)
        at = [NOW]
        who = who_has(settings, w.home.state, people, lambda: at[0])
        assert who("the-operators-own-key") == Caller(OPERATOR, frozenset(Scope))
        assert who(text) == Caller(station.id, frozenset({Scope.READ, Scope.PUSH}), source="garden")
        of_ana = who(own)
        assert of_ana is not None
        assert of_ana.source.startswith("own-")
        assert of_ana == Caller(ana, OWN_KEY, ana, source=of_ana.source)
        assert who(token) == Caller(ana, SIGNED_LINK, ana, link)
        assert [who(key) for key in ("", "atk_x", "atp_x", "atm_x", text[:-1])] == [None] * 5
        at[0] += LASTS_S
        assert who(token) is None
        assert who(own) is not None
        remove_key(w.home.state, station.id)
        assert who(text) is None


def test_the_operators_key_is_known_without_reading_anything_and_others_are_looked_up(
    tmp_path: Path,
) -> None:
    with world(tmp_path / "home") as w:
        settings = load(
            None, {"ATALAIA_HOME": str(w.path), "ATALAIA_API_KEY": "the-operators-own-key"}
        )
        people = PeopleService(w.registry, w.home, settings)
        station, text = add_key(w.home.state, Role.STATION, "garden", NOW)
        at_once = operator_has(settings)
        assert at_once("the-operators-own-key") == Caller(OPERATOR, frozenset(Scope))
        assert [at_once(key) for key in ("", text, "the-operators-own-ke")] == [None] * 3
        gate = gate_of(settings, w.home.state, people, lambda: NOW)

        def pushes(key: str) -> str:
            given = Request({"type": "http", "headers": [(b"authorization", key.encode())]})
            return asyncio.run(gate.admit(Scope.PUSH, given)).name

        assert pushes(f"Bearer {text}") == station.id
    # What is kept is closed by now.
    assert pushes("Bearer the-operators-own-key") == OPERATOR
    with pytest.raises(StateConflict):
        pushes(f"Bearer {text}")


def test_without_an_operators_key_no_text_is_one(tmp_path: Path) -> None:
    with world(tmp_path / "home") as w:
        settings = load(None, {"ATALAIA_HOME": str(w.path)})
        people = PeopleService(w.registry, w.home, settings)
        who = who_has(settings, w.home.state, people, lambda: NOW)
        for known in (who, operator_has(settings)):
            assert [known(key) for key in ("", "operator", "None")] == [None] * 3
