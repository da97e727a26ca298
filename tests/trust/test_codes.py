"""Codes are counted by the address that they go to, whoever asks and however they begin anew."""

from __future__ import annotations

import pytest

from atalaia.domain.contact import read_contact
from atalaia.people.tally import CODES_A_DAY, CODES_A_MONTH, TRIES_A_CODE
from people.world import DAY, NOW, World

from .test_joining import people, request, went_out

ANA = "email:Ana@example.org"


def test_an_address_gets_three_codes_a_day_whoever_asks_and_in_whatever_case(w: World) -> None:
    for written in (ANA, "email:ana@Example.org", "email:ANA@example.org"):
        made = w.subscribe(written)
        w.registry.erase(made.pseudonym, NOW)
    with pytest.raises(ValueError, match="ask again tomorrow") as refused:
        w.subscribe("email:aNa@example.org")
    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    "ways",
    [
        ["ana@example.org", "ana+a@example.org", "Ana+B@EXAMPLE.org", "ana+a+b@example.org"],
        ["ana@gmail.com", "a.n.a@gmail.com", "an.a+x@googlemail.com", "ANA@gmail.com"],
        ["ana@bücher.example", "ana@xn--bcher-kva.example", "ana@BÜCHER.example"],
        ["ana@example.org", "ana@ｅｘａｍｐｌｅ.org", "ana@exampl\uff45.org", "ａna@example.org"],
    ],
)  # fmt: skip
def test_one_inbox_gets_three_codes_a_day_however_its_address_is_written(
    w: World, ways: list[str]
) -> None:
    for written in ways[:3]:
        w.registry.erase(w.subscribe(f"email:{written}").pseudonym, NOW)
    for written in ways:
        with pytest.raises(ValueError, match="ask again tomorrow"):
            w.subscribe(f"email:{written}")


@pytest.mark.parametrize(
    "ways",
    [
        ["sms:+5581999990000", "sms:+55 (81) 99999-0000", "sms: +55.81.99999.0000 "],
        ["telegram:77000111222", "telegram:077000111222", "telegram:0000077000111222"],
        ["email:ana@bücher.example", "email:ana@xn--bcher-kva.example", "email:ana@Bücher.EXAMPLE"],
        ["email:ana@example.org", "email:ana@EXAMPLE.org", "email:ana@ｅxample.org"],
    ],
)  # fmt: skip
def test_one_address_is_one_person_however_it_is_written(w: World, ways: list[str]) -> None:
    assert len({w.told(written) for written in ways}) == 1


@pytest.mark.parametrize(
    "written",
    [
        "sms:+55٨١999990000",
        "telegram:٧٧000111222",
        "email:ana@" + "ü" * 64 + ".org",
        "email:a@\u2024.org",
    ],
)
def test_digits_of_other_alphabets_and_names_that_cannot_be_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"write|give"):
        read_contact(written)


def test_an_address_gets_ten_codes_in_thirty_days(w: World) -> None:
    sent = 0
    for hour in range(24 * 29):
        try:
            made = w.subscribe(ANA, now=NOW + 3600 * hour)
        except ValueError:
            continue
        w.registry.erase(made.pseudonym, NOW)
        sent += 1
    assert sent == CODES_A_MONTH


def test_strangers_lock_nobody_out_of_tomorrow(w: World) -> None:
    for _ in range(CODES_A_DAY):
        stranger = w.subscribe(ANA)
        for guess in range(9):
            w.confirm(stranger.pseudonym, f"{guess:06d}")
    made = w.subscribe(ANA, now=NOW + DAY)
    code = w.code(made.asks[0], NOW + DAY)
    assert w.confirm(made.pseudonym, code, NOW + DAY) is not None


def test_guesses_survive_the_deletion_of_what_they_were_made_at(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer than all codes of a day give, so that it is the address's count that ends them.
    most = TRIES_A_CODE + 2
    monkeypatch.setattr("atalaia.people.tally.TRIES_A_DAY", most)
    looked_at = []
    monkeypatch.setattr(
        "atalaia.people.subscribe.is_code",
        lambda row, address, guess: looked_at.append(guess) is not None,
    )
    for _ in range(20):
        try:
            made = w.subscribe(ANA)
        except ValueError:
            break
        for guess in range(20):
            w.confirm(made.pseudonym, f"{guess:06d}")
        w.registry.erase(made.pseudonym, NOW)
    assert len(looked_at) == most


def test_the_same_request_made_again_has_another_code(w: World) -> None:
    codes = set()
    for n in range(3):
        made = w.subscribe(f"email:a{n}@example.org")
        [row] = w.home.people.contacts(made.pseudonym)
        address = w.registry.held(made.pseudonym)
        assert address is not None
        codes.add(address.contacts[0].address.nonce)
        assert row.status == "pending"
    assert len(codes) == 3


def test_a_code_whose_message_never_went_out_confirms_nothing(w: World) -> None:
    p = people(w)
    done = p.subscribe(request(ANA), NOW)
    code = w.code(done.asks[0])
    assert p.confirm(done.pseudonym, code, NOW) is None
    assert p.confirm(read_contact(ANA), code, NOW) is None
    went_out(w, done.asks)
    assert p.confirm(done.pseudonym, code, NOW) is not None
