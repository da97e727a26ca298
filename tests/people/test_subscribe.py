"""From a request to somebody who is told, and what nobody finds out on the way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.subscription import Circle, Polygon, Quiet
from atalaia.people.subscribe import confirm_contact, subscribe
from people.world import DAY, NOW, OLINDA, World, request, world

ANA, PHONE, HOOK = "email:ana@example.org", "sms:+5581999990000", "webhook:https://x.org/h?t=s3"


def test_nobody_is_told_before_they_confirm(w: World) -> None:
    made = w.subscribe(ANA)
    (ask,) = made.asks
    assert (ask.kind, ask.channel, ask.person) == ("confirm", "email", made.pseudonym)
    assert made.confirmed == ()
    assert w.registry.person(made.pseudonym) is None
    assert w.registry.contact(made.pseudonym, "email") is None
    assert [one.person for one in w.registry.load()] == [None]
    assert w.home.people.consents(made.pseudonym) == []


def test_the_code_makes_them_told_and_records_what_they_agreed_to(w: World) -> None:
    made = w.subscribe(ANA, language="en", quiet=Quiet(1320, 420, "America/Recife"))
    done = w.confirm(made.pseudonym, w.code(made.asks[0]), NOW + 60)
    assert done is not None
    assert (done.pseudonym, done.channel) == (made.pseudonym, "email")
    person = w.person(made.pseudonym)
    assert (person.channels, person.language, person.since) == (("email",), "en", NOW + 60)
    assert person.quiet == Quiet(1320, 420, "America/Recife")
    assert w.places(made.pseudonym) == ["Recife"]
    assert w.registry.contact(made.pseudonym, "email") == read_contact(ANA)
    assert w.registry.find(read_contact(ANA)) == made.pseudonym
    (consent,) = w.home.people.consents(made.pseudonym)
    assert consent.text_hash == w.registry.words("en").digest
    assert (consent.channel, consent.version, consent.how) == ("email", "1", "cli, code")
    assert (consent.given_at, consent.withdrawn_at) == (NOW + 60, 0)


def test_the_code_is_six_digits_that_are_kept_nowhere(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    assert len(code) == 6
    assert code.isdecimal()
    for file in w.path.rglob("atalaia.sqlite3*"):
        assert code.encode() not in file.read_bytes()


def test_a_code_may_be_written_in_two_halves_and_by_who_knows_only_the_address(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    done = confirm_contact(
        w.registry, read_contact(ANA), f" {code[:3]} {code[3:]}", NOW, lambda _: True
    )
    assert done is not None
    assert done.pseudonym == made.pseudonym


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_after_five_wrong_codes_the_right_one_is_too_late(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    for _ in range(5):
        assert w.confirm(made.pseudonym, wrong(code), NOW) is None
    assert w.confirm(made.pseudonym, code, NOW) is None


def test_the_fifth_try_may_be_the_right_one(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    for _ in range(4):
        assert w.confirm(made.pseudonym, wrong(code), NOW) is None
    assert w.confirm(made.pseudonym, code, NOW) is not None


def test_many_guesses_at_once_are_no_more_than_five(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    looked_at = []
    monkeypatch.setattr(
        "atalaia.people.subscribe.is_code",
        lambda row, address, guess: looked_at.append(guess) is not None,
    )
    threads = [
        threading.Thread(target=w.confirm, args=(made.pseudonym, wrong(code), NOW))
        for _ in range(7)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked_at) == 5


def test_a_code_runs_out_after_thirty_minutes(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    assert made.asks[0].expires_at == NOW + 1800
    assert w.confirm(made.pseudonym, code, NOW + 1800) is None
    assert w.registry.question(made.pseudonym, "email", NOW + 1800) is None


def test_a_code_serves_once(w: World) -> None:
    made = w.subscribe(ANA)
    code = w.code(made.asks[0])
    assert w.confirm(made.pseudonym, code, NOW) is not None
    assert w.confirm(made.pseudonym, code, NOW) is None
    assert w.confirm("p_nobody", code, NOW) is None


def test_each_contact_is_confirmed_by_its_own_code_and_told_in_the_order_wanted(w: World) -> None:
    made = w.subscribe(PHONE, ANA)
    codes = {ask.channel: w.code(ask) for ask in made.asks}
    assert codes["sms"] != codes["email"]
    w.confirm(made.pseudonym, codes["email"], NOW)
    assert w.person(made.pseudonym).channels == ("email",)
    w.confirm(made.pseudonym, codes["sms"], NOW + 9, is_theirs=True)
    assert w.person(made.pseudonym).channels == ("sms", "email")
    assert w.person(made.pseudonym).since == NOW  # told since the first


def test_paper_that_proves_it_needs_no_code_and_stands_in_the_consent(w: World) -> None:
    made = w.subscribe(ANA, PHONE, how="import", proof="form 12")
    assert made.asks == ()
    assert w.person(made.pseudonym).channels == ("email", "sms")
    assert {c.how for c in w.home.people.consents(made.pseudonym)} == {"import: form 12"}


def test_words_of_a_bot_are_kept_as_the_words_agreed_to(w: World) -> None:
    made = w.subscribe("telegram:123456789", how="telegram", is_own=True, shown="I agree to this")
    (consent,) = w.home.people.consents(made.pseudonym)
    assert consent.version == "as shown"
    assert consent.text_hash != w.registry.words("pt-BR").digest


def test_an_inbox_needs_no_code_and_is_each_one_s_own(w: World) -> None:
    one, other = w.subscribe("inbox:"), w.subscribe("inbox:")
    assert one.confirmed == other.confirmed == ("inbox",)
    assert one.pseudonym != other.pseudonym
    assert w.registry.contact(one.pseudonym, "inbox") == Contact("inbox", "")


def test_a_webhook_gets_a_secret_that_is_shown_once(w: World) -> None:
    made = w.subscribe(HOOK, proof="form 12")
    secret = made.secrets["webhook"]
    assert secret.startswith("whsec_")
    assert secret not in repr(made)
    contact = w.registry.contact(made.pseudonym, "webhook")
    assert contact is not None
    assert contact.secret == secret


def test_asking_for_a_known_address_looks_the_same_as_for_an_unknown_one(w: World) -> None:
    known = w.told(ANA)
    asked_known = w.subscribe(ANA, where=(OLINDA,))
    asked_unknown = w.subscribe("email:bia@example.org", where=(OLINDA,))
    for made in (asked_known, asked_unknown):
        assert made.pseudonym != known
        assert made.confirmed == ()
        assert [(a.channel, a.kind, a.due_at) for a in made.asks] == [("email", "confirm", NOW)]
    assert w.places(known) == ["Recife"]  # and nothing has changed for who has the address


def test_who_has_the_address_gets_one_subscription_more_by_its_code(w: World) -> None:
    known = w.told(ANA)
    made = w.subscribe(ANA, where=(OLINDA,), language="es")
    done = w.confirm(made.pseudonym, w.code(made.asks[0]), NOW + 9)
    assert done is not None
    assert done.pseudonym == known
    assert w.places(known) == ["Recife", "Olinda"]
    assert w.person(known).language == "es"
    assert w.person(known).since == NOW
    assert w.registry.person(made.pseudonym) is None
    assert w.keys.get(made.pseudonym) is None  # what was asked for under it is gone
    assert len(w.home.people.consents(known)) == 2


def test_paper_for_a_known_address_adds_to_who_has_it(w: World) -> None:
    known = w.told(ANA)
    again = w.told(ANA, PHONE, where=(OLINDA,))
    assert again == known
    assert w.places(known) == ["Recife", "Olinda"]
    assert w.person(known).channels == ("email", "sms")


def test_the_same_wish_twice_is_one(w: World) -> None:
    known = w.told(ANA)
    assert w.told(ANA) == known
    assert w.places(known) == ["Recife"]


def test_a_new_address_of_a_channel_takes_the_place_of_the_old_one(w: World) -> None:
    known = w.told(ANA, PHONE)
    assert w.told("sms:+5581999990001", ANA) == known
    contact = w.registry.contact(known, "sms")
    assert contact is not None
    assert contact.address == "+5581999990001"
    assert w.registry.find(read_contact(PHONE)) is None


def test_an_address_cannot_be_flooded_with_codes(w: World) -> None:
    for _ in range(3):
        w.subscribe(ANA)
    with pytest.raises(ValueError, match="ask again tomorrow") as refused:
        w.subscribe(ANA)
    assert "ana@" not in str(refused.value)
    w.subscribe("email:bia@example.org")


def test_a_request_whose_code_ran_out_gives_way_to_a_newer_one(w: World) -> None:
    first = w.subscribe(ANA)
    code = w.code(first.asks[0])
    for _ in range(2):
        w.subscribe(ANA, now=NOW + DAY)
    newest = w.subscribe(ANA, now=NOW + DAY)
    assert w.confirm(first.pseudonym, code, NOW + DAY) is None
    newest_code = w.code(newest.asks[0], NOW + DAY)
    assert w.confirm(newest.pseudonym, newest_code, NOW + DAY) is not None


def test_paper_does_not_wake_who_has_stopped_and_their_own_code_does(w: World) -> None:
    known = w.told(ANA)
    w.registry.stop(known, None, NOW)
    made = w.subscribe(ANA, proof="form 12", how="import")
    assert made.confirmed == ()
    assert w.registry.find(read_contact(ANA)) is None
    assert w.confirm(made.pseudonym, w.code(made.asks[0]), NOW) is not None
    assert w.registry.find(read_contact(ANA)) == made.pseudonym


def test_who_stopped_starts_anew_from_their_chat_without_the_old_wishes(w: World) -> None:
    chat = "telegram:123456789"
    old = w.told(chat)
    w.registry.stop(old, None, NOW)
    new = w.subscribe(chat, is_own=True, how="telegram", where=(OLINDA,))
    assert new.confirmed == ("telegram",)
    assert w.places(new.pseudonym) == ["Olinda"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"where": ()}, "say where"),
        ({"where": (Circle(name="x", latitude=91, longitude=0),)}, "latitude"),
        ({"where": (Circle(name="x", latitude=float("nan"), longitude=0),)}, "not a number"),
        ({"where": (Circle(name="x", latitude=0, longitude=0, radius_km=0),)}, "radius"),
        ({"where": (Polygon(name="x", rings=(((0, 0), (1, 1), (0, 0)),)),)}, "four points"),
        ({"language": "fr"}, "languages are pt-BR"),
        ({"quiet": Quiet(60, 60, "UTC")}, "two different times"),
        ({"quiet": Quiet(60, 90, "Mars/Base")}, "IANA"),
        ({"escalate_after_s": -1}, "between 0"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(
    w: World, wishes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        w.subscribe(ANA, **wishes)
    assert w.home.people.changes(0, 10) == []


def test_two_contacts_of_one_channel_are_refused(w: World) -> None:
    with pytest.raises(ValueError, match="one address a channel"):
        w.subscribe(ANA, "email:bia@example.org")


def test_two_processes_that_subscribe_one_address_do_not_lose_either(tmp_path: Path) -> None:
    with world(tmp_path / "home") as one, world(tmp_path / "home") as other:
        with ThreadPoolExecutor(3) as at_once:
            made = [
                at_once.submit(subscribe, each.registry, request(ANA), NOW, each.admit)
                for each in (one, other, one)
            ]
        holders = one.registry.holders(read_contact(ANA))
        assert sorted(each.result().pseudonym for each in made) == sorted(holders)
        assert len(holders) == 3
