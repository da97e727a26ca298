"""The link in each mail by which one gets no more: what it does, and all that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.people.leave import PATH, leave, link_of
from atalaia.people.manage import make_key
from people.world import NOW, World, world

BASE = "https://alerts.example.org"


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "home") as found:
        yield found


def token(w: World, person: str, channel: str = "email") -> str:
    link = link_of(BASE, w.registry.vault, w.home.people.contacts(person), channel)
    assert link.startswith(BASE + PATH)
    return link.removeprefix(BASE + PATH)


def test_it_stops_e_mail_and_nothing_else_and_again_changes_nothing(w: World) -> None:
    ana = w.told("email:ana@example.org", "sms:+5551999990000")
    mine = token(w, ana)
    for _ in range(2):
        assert leave(w.registry, mine, NOW + 9)
        assert w.person(ana).channels == ("sms",)
    withdrawn = {c.channel: c.withdrawn_at for c in w.home.people.consents(ana)}
    assert withdrawn == {"email": NOW + 9, "sms": 0}
    w.registry.erase(ana, NOW)
    assert leave(w.registry, mine, NOW), "a link of somebody who was erased says nothing of that"


def test_it_holds_for_years_and_whatever_else_of_theirs_changes(w: World) -> None:
    ana = w.told("email:ana@example.org")
    mine = token(w, ana)
    make_key(w.registry, ana, NOW)
    assert leave(w.registry, mine, NOW + 400 * 86_400)
    assert w.registry.contact(ana, "email") is None


def test_who_comes_back_is_not_stopped_by_a_link_of_before(w: World) -> None:
    ana = w.told("email:ana@example.org")
    old = token(w, ana)
    assert leave(w.registry, old, NOW + 1)
    [asked] = w.subscribe("email:ana@example.org", now=NOW + 2).asks
    again = asked.person
    w.confirm(again, w.code(asked, NOW + 2), NOW + 2)
    assert leave(w.registry, old, NOW + 3)
    assert w.person(again).channels == ("email",)
    assert leave(w.registry, token(w, again), NOW + 4)
    assert w.registry.person(again) is None


def test_an_address_that_was_only_asked_is_forgotten(w: World) -> None:
    bia = w.subscribe("email:bia@example.org").pseudonym
    assert leave(w.registry, token(w, bia), NOW + 1)
    assert w.registry.question(bia, "email", NOW + 1) is None


def test_what_nobody_signed_stops_nobody(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    mine = token(w, ana)
    others = mine.replace(ana, bia)
    for wrong in ("", "atl_", mine[:-1], mine + "x", others, others[:-4] + "AAAA", "é"):
        assert not leave(w.registry, wrong, NOW)
    assert w.person(bia).channels == w.person(ana).channels == ("email",)


def test_only_mails_have_one_and_only_where_the_api_can_be_reached(w: World) -> None:
    ana = w.told("email:ana@example.org", "sms:+5551999990000")
    contacts, vault = w.home.people.contacts, w.registry.vault
    assert link_of(BASE, vault, contacts(ana), "sms") == ""
    assert link_of("", vault, contacts(ana), "email") == ""
    assert link_of(BASE, vault, contacts("p_nobody"), "email") == ""
