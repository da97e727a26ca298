"""An address that was confirmed brings its own wish, and nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Message, Outcome, settled
from atalaia.notify.compose import Composer
from atalaia.people import manage
from atalaia.people.service import PeopleService
from atalaia.settings import load
from people.world import NOW, OLINDA, World, request

ANA, HOOK, PHONE = "whatsapp:+5581999990000", "webhook:https://evil.org/h", "sms:+5581999990000"


def people(w: World) -> PeopleService:
    settings = load(None, {"ATALAIA_HOME": str(w.path), "ATALAIA_PEOPLE_CONTACT": "x@y.z"})
    return PeopleService(w.registry, w.home, settings)


def went_out(w: World, asks: Sequence[Message]) -> dict[str, str]:
    """What asks for codes was sent: the code by channel."""
    codes = {ask.channel: w.code(ask) for ask in asks}
    for before in w.home.outbox.claim(NOW, NOW + 90, dict.fromkeys(codes, 9)):
        w.home.outbox.settle([(before, settled(before, Outcome("sent"), (5,), NOW))])
    return codes


def test_who_gets_a_stranger_to_confirm_gets_nothing_of_theirs(w: World) -> None:
    """WhatsApp's button on a request that also named an attacker's webhook."""
    p = people(w)
    victim = p.subscribe(request(ANA, PHONE, proof="form 12"), NOW).pseudonym
    asked = p.subscribe(request(ANA, HOOK, where=(OLINDA,), is_operators=False), NOW)
    codes = went_out(w, asked.asks)
    attackers = p.confirm(asked.pseudonym, codes["webhook"], NOW)
    assert attackers is not None
    token = p.manage(w.link(attackers.pseudonym, "webhook"), NOW)
    done = p.confirm(read_contact(ANA), codes["whatsapp"], NOW)
    assert done is not None
    assert done.pseudonym == victim
    assert w.places(victim) == ["Recife", "Olinda"]  # the wish is all that came
    assert w.person(victim).channels == ("whatsapp", "sms")
    assert w.registry.find(read_contact(HOOK)) == attackers.pseudonym != victim
    for key in (token, p.manage(w.link(attackers.pseudonym, "webhook"), NOW)):
        found = p.whose(key, NOW)
        assert found is None or found == w.link(attackers.pseudonym, "webhook")
    held = p.export(w.link(attackers.pseudonym, "webhook"))
    assert held is not None
    assert b"+5581999990000" not in held


def test_an_early_link_does_not_open_what_was_added_later(w: World) -> None:
    p = people(w)
    asked = p.subscribe(request(HOOK, ANA, is_operators=False), NOW)
    early = p.manage(w.link(asked.pseudonym), NOW)
    codes = went_out(w, asked.asks)
    attackers = p.confirm(asked.pseudonym, codes["webhook"], NOW)
    assert attackers is not None
    earned = p.manage(w.link(attackers.pseudonym, "webhook"), NOW)
    done = p.confirm(read_contact(ANA), codes["whatsapp"], NOW)  # the button, pressed in a chat
    assert done is not None
    assert done.pseudonym != attackers.pseudonym
    assert w.person(done.pseudonym).channels == ("whatsapp",)
    for token in (early, earned):
        assert p.whose(token, NOW) is None


def test_what_its_owner_wished_later_does_not_come_with_a_late_code(w: World) -> None:
    p = people(w)
    asked = p.subscribe(request(ANA, HOOK, is_operators=False), NOW)
    codes = went_out(w, asked.asks)
    victim = p.confirm(read_contact(ANA), codes["whatsapp"], NOW)
    assert victim is not None
    again = p.subscribe(request(ANA, where=(OLINDA,), is_operators=False), NOW)
    more = went_out(w, again.asks)
    p.confirm(read_contact(ANA), more["whatsapp"], NOW)
    assert w.places(victim.pseudonym) == ["Recife", "Olinda"]
    late = p.confirm(asked.pseudonym, codes["webhook"], NOW)
    assert late is not None
    assert w.places(late.pseudonym) == ["Recife"]


def test_who_proves_both_addresses_is_one_person_and_the_first_is_told(w: World) -> None:
    p = people(w)
    asked = p.subscribe(request(ANA, PHONE, is_operators=False), NOW)
    codes = went_out(w, asked.asks)
    first = p.confirm(asked.pseudonym, codes["whatsapp"], NOW)
    second = p.confirm(asked.pseudonym, codes["sms"], NOW, is_theirs=True)
    assert first is not None
    assert second is not None
    assert first.pseudonym == second.pseudonym == asked.pseudonym
    assert w.person(asked.pseudonym).channels == ("whatsapp", "sms")
    assert [(m.channel, m.kind) for m in second.notices] == [("whatsapp", "added:sms")]
    kept = w.home.outbox.message(second.notices[0].id)
    assert kept is not None


@pytest.mark.parametrize("is_operators", [True, False])
def test_a_contact_that_is_added_is_told_of_in_the_words_of_each_language(
    w: World, is_operators: bool
) -> None:
    p = people(w)
    known = p.subscribe(request(ANA, proof="form 12", language="en"), NOW).pseudonym
    added = request(ANA, PHONE, proof="form 13", is_operators=is_operators, language="en")
    done = p.subscribe(added, NOW)
    if not is_operators:
        assert done.notices == ()
        return
    [notice] = done.notices
    assert (notice.person, notice.channel) == (known, "whatsapp")

    class Clock:
        def second(self) -> int:
            return NOW

    class Profiles:
        def get(self, pseudonym: str) -> object:
            return w.registry.person(pseudonym)

    composer = Composer(w.home.state, w.home.outbox, [], Profiles(), w.registry, Clock())  # type: ignore[arg-type]
    [letter] = composer.write([notice])
    assert "SMS" in letter.content.text(500)  # type: ignore[union-attr]


def test_a_registrar_adds_nothing_to_somebody_without_their_code(w: World) -> None:
    p = people(w)
    known = p.subscribe(request(ANA, proof="form 12"), NOW).pseudonym
    paper = request(ANA, HOOK, proof="form 99", where=(OLINDA,), is_operators=False)
    done = p.subscribe(paper, NOW)
    assert done.pseudonym != known
    assert done.confirmed == ("webhook",)
    assert w.places(known) == ["Recife"]
    assert w.person(known).channels == ("whatsapp",)
    assert w.registry.find(read_contact(HOOK)) == done.pseudonym


@pytest.mark.parametrize("change", ["confirm", "stop", "erase", "merge"])
def test_each_of_these_revokes_the_links_of_before(w: World, change: str) -> None:
    p = people(w)
    person = p.subscribe(request(ANA, PHONE, proof="form 12"), NOW).pseudonym
    token = p.manage(w.link(person, "whatsapp"), NOW)
    assert p.whose(token, NOW) == w.link(person, "whatsapp")
    if change == "stop":
        p.stop(person, NOW, "sms")
    elif change == "erase":
        p.erase(person, NOW)
    elif change == "merge":
        asked = p.subscribe(request(ANA, where=(OLINDA,), is_operators=False), NOW)
        p.confirm(asked.pseudonym, went_out(w, asked.asks)["whatsapp"], NOW)
    else:
        p.subscribe(request(ANA, "email:ana@example.org", proof="form 12"), NOW)
    assert p.whose(token, NOW) is None


def test_a_link_shows_and_speaks_for_the_contact_that_earned_it_alone(w: World) -> None:
    p = people(w)
    person = p.subscribe(request(ANA, "email:ana@example.org", proof="form 12"), NOW).pseudonym
    held = p.export(w.link(person, "email"))
    assert held is not None
    shown = {c["channel"]: c["address"] for c in json.loads(held)["contacts"]}
    assert shown["email"] == "ana@example.org"
    assert "+55" not in shown["whatsapp"]
    assert not p.is_whole(person, ("email",))
    assert p.is_whole(person, ("email", "whatsapp"))
    whole = w.registry.held(person)
    assert whole is not None
    assert manage.is_whole(whole, ("email", "whatsapp"))


def test_a_chat_that_waits_beside_somebody_elses_address_cannot_see_or_forget_them(
    w: World,
) -> None:
    p = people(w)
    chat = "telegram:1001"
    asked = p.subscribe(request(ANA, chat, is_operators=False), NOW)
    victim = p.confirm(read_contact(ANA), went_out(w, asked.asks)["whatsapp"], NOW)
    assert victim is not None
    assert p.export(read_contact(chat)) is None
    p.erase(read_contact(chat), NOW)
    assert p.is_kept(victim.pseudonym)
    assert w.person(victim.pseudonym).channels == ("whatsapp",)
