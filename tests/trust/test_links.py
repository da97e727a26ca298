"""A link that is asked for anew, and a contact that is added by one: to whom they come, what they
open, and what who asks finds out."""

from __future__ import annotations

from typing import Any

import pytest

from atalaia.api.limits import SUBSCRIBING, RateLimits
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Outcome, settled
from atalaia.notify.compose import Composer
from atalaia.people.answering import ways_of
from atalaia.people.leave import leave
from atalaia.people.registry import Registry
from atalaia.people.service import PeopleService
from atalaia.settings import load
from people.test_answering import Asked
from people.world import CONTROLLER, NOW, World

from .test_joining import went_out

ANA, PHONE = "email:ana@example.org", "sms:+5581999990000"
OTHER, NOBODYS = "email:other@example.org", "email:nobody@example.org"
BASE = "https://alerts.example.org"


def service(w: World, **env: str) -> PeopleService:
    on = {
        "ATALAIA_API_URL": BASE,
        "ATALAIA_CHANNELS_EMAIL_SENDER": "a@example.org",
        "ATALAIA_CHANNELS_EMAIL_HOST": "mail.example.org",
        "ATALAIA_CHANNELS_WEBHOOK_ENABLED": "true",
        **env,
    }
    return PeopleService(w.registry, w.home, load(None, on))


class Noted:
    """A store whose calls are noted, by name."""

    def __init__(self, store: Any, calls: list[str]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found
        self._calls.append(name)
        return found


def calls_of(w: World, contact: str) -> list[str]:
    """What is asked of the store, and written to it, where a link is asked for."""
    calls: list[str] = []
    registry = Registry(Noted(w.home.people, calls), w.keys, CONTROLLER)

    class Home:
        outbox = Noted(w.home.outbox, calls)

        def wake(self, _: str) -> None:
            calls.append("wake")

    settings = service(w)._settings
    PeopleService(registry, Home(), settings).addresses.ask_link(read_contact(contact), NOW)  # type: ignore[arg-type]
    return calls


def letters(w: World) -> dict[str, Any]:
    """What is written for each message that waits, by whom it is for."""

    class Clock:
        def second(self) -> int:
            return NOW

    class Profiles:
        def get(self, pseudonym: str) -> object:
            return w.registry.person(pseudonym)

    ways = ways_of(BASE, w.registry, w.home.people.contacts)
    args: Any = (w.home.state, w.home.outbox, [], Profiles(), w.registry, Clock())
    composer = Composer(*args, ways=ways)
    waiting = w.home.outbox.claim(NOW, NOW + 90, {"email": 9, "sms": 9, "telegram": 9})
    found = {m.person: one for m, one in zip(waiting, composer.write(waiting), strict=True)}
    sent = Outcome("sent")
    w.home.outbox.settle([(m, settled(m, sent, (5,), NOW)) for m in waiting])
    return found


def test_a_link_comes_to_the_address_that_somebody_has_and_opens_what_it_earned(w: World) -> None:
    ana = w.told(ANA, PHONE)
    service(w).addresses.ask_link(read_contact("email:ana@EXAMPLE.org"), NOW)
    [(person, letter)] = letters(w).items()
    assert (person, letter.contact.address) == (ana, "ana@example.org")
    status, place = Asked(w).press(letter.answer, "change")
    assert (status, place.partition("#")[0]) == (303, "/manage")
    signed = service(w).whose(place.partition("#")[2], NOW)
    assert signed == w.link(ana, "email"), "not what the phone earned"


def test_for_an_address_that_nobody_has_nothing_goes_out(w: World) -> None:
    ana = w.told(ANA)
    service(w).addresses.ask_link(read_contact(NOBODYS), NOW)
    [(person, told)] = letters(w).items()
    assert person != ana
    assert told == Outcome("dropped", "nobody is told at this address")


def test_who_asks_for_a_link_finds_out_nothing_by_what_the_store_does(w: World) -> None:
    w.told(ANA)
    w.subscribe(OTHER)  # waits for its code
    known = calls_of(w, ANA)
    assert known.count("put") == 1
    assert calls_of(w, NOBODYS) == known
    assert calls_of(w, OTHER) == known


@pytest.mark.parametrize("contact", [ANA, NOBODYS])
def test_links_and_codes_to_one_address_are_three_a_day_in_all(w: World, contact: str) -> None:
    """Whether somebody has it makes no difference, nor whether it is a code or a link."""
    w.told(ANA)
    people = service(w)
    w.subscribe(contact, is_operators=False)
    for _ in range(2):
        people.addresses.ask_link(read_contact(contact), NOW)
    with pytest.raises(ValueError, match="3 codes in a day") as refused:
        people.addresses.ask_link(read_contact(contact), NOW)
    assert "example" not in str(refused.value)
    people.addresses.ask_link(read_contact(contact), NOW + 86_400)


def test_all_links_that_are_asked_for_share_the_days_codes(w: World) -> None:
    people = service(w, ATALAIA_PEOPLE_CODES_A_DAY="2")
    for i in range(2):
        people.addresses.ask_link(read_contact(f"email:a{i}@example.org"), NOW)
    with pytest.raises(ValueError, match="too many asked"):
        people.addresses.ask_link(read_contact(ANA), NOW)


def test_without_an_address_of_its_own_or_the_channel_it_says_what_to_do(w: World) -> None:
    with pytest.raises(ValueError, match=r"api\.url"):
        service(w, ATALAIA_API_URL="").addresses.ask_link(read_contact(ANA), NOW)
    for contact in (PHONE, "webhook:https://example.org/x"):
        with pytest.raises(ValueError, match="give an address of webpush, email"):
            service(w).addresses.ask_link(read_contact(contact), NOW)


def test_a_contact_is_added_by_its_code_with_the_link_and_the_others_are_told(w: World) -> None:
    ana, people = w.told(ANA), service(w)
    hook = read_contact("webhook:https://example.org/hook")
    link = w.link(ana, "email")
    done = people.addresses.add(link, hook, NOW, "page")
    assert done is not None
    assert link.is_good(w.held(ana)), "to ask ends no link"
    assert w.person(ana).channels == ("email",), "it waits"
    code = went_out(w, done.asks)["webhook"]
    confirmed = people.confirm(ana, code, NOW, is_theirs=link)
    assert confirmed is not None
    assert confirmed.pseudonym == ana
    assert w.person(ana).channels == ("email", "webhook")
    assert w.places(ana) == ["Recife"], "and nothing else changed"
    assert [(m.channel, m.kind) for m in confirmed.notices] == [("email", "added:webhook")]
    assert not link.is_good(w.held(ana)), "links of before end"


def test_a_code_for_what_was_to_be_added_comes_to_nothing_without_the_link(w: World) -> None:
    """Whoever got a stranger to confirm has nothing of them, and the stranger nothing of theirs."""
    mallory, people = w.told(ANA), service(w)
    hook = read_contact("webhook:https://example.org/hook")
    done = people.addresses.add(w.link(mallory, "email"), hook, NOW, "page")
    assert done is not None
    code = went_out(w, done.asks)["webhook"]
    before = {one.pseudonym for one in w.registry.load()}
    assert people.confirm(hook, code, NOW) is None
    assert people.confirm(mallory, code, NOW) is None
    assert {one.pseudonym for one in w.registry.load()} == before
    assert w.registry.find(hook) is None
    assert people.confirm(mallory, code, NOW, is_theirs=True) is not None, "its owner's own key"


def test_an_address_that_somebody_has_stays_theirs_whoever_adds_it(w: World) -> None:
    hook = "webhook:https://example.org/hook"
    bia, mallory, people = w.told(hook), w.told(ANA), service(w)
    link = w.link(mallory, "email")
    done = people.addresses.add(link, read_contact(hook), NOW, "page")
    assert done is not None
    code = went_out(w, done.asks)["webhook"]
    confirmed = people.confirm(mallory, code, NOW, is_theirs=link)
    assert confirmed is not None
    assert confirmed.pseudonym == bia
    assert w.person(mallory).channels == ("email",)
    assert w.places(bia) == ["Recife"]


def test_a_link_puts_nothing_in_the_place_of_what_did_not_earn_it(w: World) -> None:
    ana, people = w.told(ANA, "webhook:https://example.org/hook"), service(w)
    by_mail = w.link(ana, "email")
    with pytest.raises(ValueError, match="did not earn this link"):
        people.addresses.add(by_mail, read_contact("webhook:https://evil.example/x"), NOW, "page")
    done = people.addresses.add(by_mail, read_contact(OTHER), NOW, "page")
    assert done is not None
    code = went_out(w, done.asks)["email"]
    confirmed = people.confirm(ana, code, NOW, is_theirs=by_mail)
    assert confirmed is not None
    assert w.registry.find(read_contact(OTHER)) == ana
    assert w.registry.find(read_contact(ANA)) is None
    assert [(m.channel, m.kind) for m in confirmed.notices] == [("webhook", "added:email")]


def test_who_stopped_meanwhile_is_not_woken_by_what_was_to_be_added(w: World) -> None:
    ana, people = w.told(ANA), service(w)
    link = w.link(ana, "email")
    done = people.addresses.add(link, read_contact("webhook:https://example.org/hook"), NOW, "page")
    assert done is not None
    code = went_out(w, done.asks)["webhook"]
    assert people.stop(ana, NOW, "email")
    assert people.confirm(ana, code, NOW, is_theirs=link) is None
    assert people.confirm(ana, code, NOW, is_theirs=True) is None
    assert w.registry.person(ana) is None


def test_what_asks_a_new_address_for_its_code_does_not_stop_the_old_one(w: World) -> None:
    """The code goes to a stranger, if somebody mistyped: with their own link to leave."""
    ana, people = w.told(ANA), service(w)
    done = people.addresses.add(w.link(ana, "email"), read_contact(OTHER), NOW, "page")
    assert done is not None
    letter = letters(w)[ana]
    assert letter.contact.address == "other@example.org"
    assert letter.content.code in letter.content.closing
    assert leave(w.registry, letter.leave.rpartition("/")[2], NOW)
    assert w.person(ana).channels == ("email",)
    assert w.registry.find(read_contact(ANA)) == ana
    assert people.confirm(ana, letter.content.code, NOW, is_theirs=True) is None


def test_asking_for_links_counts_by_network_address_and_so_does_adding() -> None:
    class Gate:
        def known(self, _: str) -> None:
            return None

    async def nothing(*_: object) -> None:
        pass

    limits = RateLimits(nothing, Gate(), 0, lambda _: None)  # type: ignore[arg-type, return-value]
    for path in ("/v1/links", "/v1/people/p_x/contacts", "/v1/links/"):
        scope = {"type": "http", "method": "POST", "path": path, "client": ("192.0.2.1", 1)}
        found = limits._found({**scope, "headers": []})
        assert found == (SUBSCRIBING, "192.0.2.1", 1)
