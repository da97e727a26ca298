"""Seals open for one person and one purpose."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Person
from atalaia.errors import StateConflict
from atalaia.homes.embedded.keys import FolderKeys, open_keys
from atalaia.people.consent import (
    UNNAMED,
    VERSION,
    Controller,
    agreed,
    consent_words,
    shown_words,
)
from atalaia.people.lookups import Lookup
from atalaia.people.retention import DAY_S, RETENTION, Retention
from atalaia.people.rows import (
    STOPPED,
    Address,
    Kept,
    contact_row,
    new_pseudonym,
    open_contact,
    open_person,
    seal_person,
    stopped,
)
from atalaia.people.vault import Vault

ANA, BIA = "p_ana", "p_bia"
NOW = 1_700_000_000
FOUND = Lookup(b"found by", 3)


@pytest.fixture
def keys(tmp_path: Path) -> FolderKeys:
    keys = open_keys(tmp_path / "home")
    for name in (ANA, BIA):
        keys.make(name)
    return keys


@pytest.fixture
def vault(keys: FolderKeys) -> Vault:
    return Vault(keys)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_is_sealed_opens_and_nothing_of_it_shows(
    vault: Vault, plain: bytes, purpose: str
) -> None:
    sealed = vault.seal(ANA, purpose, plain)
    assert vault.open(ANA, purpose, sealed) == plain
    assert len(plain) < 4 or plain not in sealed


def test_the_same_sealed_twice_looks_different(vault: Vault) -> None:
    assert len({vault.seal(ANA, "x", b"the same") for _ in range(50)}) == 50


@pytest.mark.parametrize(("who", "purpose"), [(BIA, "contact email"), (ANA, "contact sms")])
def test_moved_to_another_person_or_use_a_seal_does_not_open(
    vault: Vault, who: str, purpose: str
) -> None:
    sealed = vault.seal(ANA, "contact email", b"ana@example.org")
    with pytest.raises(StateConflict, match="restore both from backups of the same day") as caught:
        vault.open(who, purpose, sealed)
    assert "example.org" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_seal_damaged_anywhere_is_told_and_never_opens_as_something_else(
    vault: Vault, data: st.DataObject
) -> None:
    sealed = bytearray(vault.seal(ANA, "x", b"what was kept"))
    at = data.draw(st.integers(1, len(sealed) - 1))
    if data.draw(st.booleans()):
        sealed[at] ^= data.draw(st.integers(1, 255))
    else:
        del sealed[at:]
    with pytest.raises(StateConflict, match="does not open"):
        vault.open(ANA, "x", bytes(sealed))


def test_with_its_key_gone_a_seal_is_gone_and_nothing_more_can_be_sealed(
    keys: FolderKeys, vault: Vault
) -> None:
    sealed = vault.seal(ANA, "x", b"what was kept")
    keys.destroy(ANA, NOW)
    vault.forget(ANA)
    assert vault.open(ANA, "x", sealed) is None
    with pytest.raises(StateConflict, match="they were erased"):
        vault.seal(ANA, "x", b"more")
    assert Vault(keys).open(ANA, "x", sealed) is None, "nor in another process"


def test_more_people_than_keys_at_hand_are_served_all_the_same(keys: FolderKeys) -> None:
    people = [new_pseudonym() for _ in range(8)]
    for name in people:
        keys.make(name)
    small = Vault(keys, cached=2)
    sealed = {name: small.seal(name, "x", name.encode()) for name in people}
    for name in [*people, *reversed(people)]:
        assert small.open(name, "x", sealed[name]) == name.encode()


def test_many_threads_may_seal_and_open_at_once(keys: FolderKeys) -> None:
    vault = Vault(keys, cached=1)
    wrong: list[object] = []

    def work(name: str) -> None:
        for i in range(100):
            plain = f"{name} {i}".encode()
            if vault.open(name, "x", vault.seal(name, "x", plain)) != plain:
                wrong.append(plain)

    threads = [threading.Thread(target=work, args=(name,)) for name in (ANA, BIA) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Rows


def test_pseudonyms_say_nothing_and_do_not_repeat() -> None:
    names = {new_pseudonym() for _ in range(2000)}
    assert len(names) == 2000
    assert all(name[:2] == "p_" and name[2:].isalnum() and len(name) == 18 for name in names)


def test_a_person_and_their_contact_come_back_as_they_were(vault: Vault) -> None:
    kept = Kept(Person(pseudonym=ANA, language="es", channels=("email",)), ("email", "sms"))
    assert open_person(vault, ANA, seal_person(vault, kept)) == kept
    contact = Contact("email", "ana@example.org")
    address = Address(contact=contact, how="cli")
    row = contact_row(vault, ANA, "email", FOUND, address, "pending", NOW)
    assert open_contact(vault, row) == msgspec.structs.replace(address, lookup=FOUND.digest)
    assert (row.lookup, row.key, row.status, row.since) == (FOUND.digest, 3, "pending", NOW)
    assert b"ana@example.org" not in row.sealed


def test_a_stopped_contact_is_found_and_has_no_address(vault: Vault) -> None:
    address = Address(contact=Contact("email", "ana@example.org"), how="cli")
    row = contact_row(vault, ANA, "email", FOUND, address, "confirmed", NOW)
    row = stopped(vault, row, NOW + 5)
    assert (row.status, row.since, row.lookup, row.key) == (STOPPED, NOW + 5, FOUND.digest, 3)
    opened = open_contact(vault, row)
    assert opened is not None
    assert (opened.contact, opened.how) == (None, "")


# What is agreed to


@pytest.mark.parametrize("language", ["pt-BR", "en", "es"])
def test_the_words_say_who_answers_and_how_long_what_is_kept(language: str) -> None:
    who = Controller("Defesa Civil de Recife", "dados@example.org")
    keep = Retention(pending_s=11 * DAY_S, messages_s=22 * DAY_S, consents_s=3 * 365 * DAY_S)
    words = consent_words(language, who, keep)
    for said in ("Defesa Civil de Recife, dados@example.org", " 11 ", " 22 ", " 3 "):
        assert said in words.text
    assert words.version == VERSION
    assert len(words.digest) == 64


def test_another_controller_language_or_retention_is_another_consent() -> None:
    one = Controller("Defesa Civil")
    digests = {
        consent_words("en", one).digest,
        consent_words("es", one).digest,
        consent_words("en", UNNAMED).digest,
        consent_words(
            "en", one, Retention(pending_s=DAY_S, messages_s=DAY_S, consents_s=RETENTION.consents_s)
        ).digest,
    }
    assert len(digests) == 4
    assert consent_words("en", one).digest == consent_words("en", one, RETENTION).digest


def test_words_that_were_shown_by_another_are_kept_as_their_own() -> None:
    ours = consent_words("en", UNNAMED)
    assert shown_words("", ours) == ours
    assert shown_words(ours.text, ours) == ours
    other = shown_words("I agree to all of it", ours)
    assert (other.text, other.version) == ("I agree to all of it", "as shown")
    assert other.digest != ours.digest


def test_a_consent_proves_the_words_and_holds_none_of_them() -> None:
    words = consent_words("en", UNNAMED)
    consent = agreed(ANA, "email", words, "paper form 12", NOW)
    assert (consent.text_hash, consent.version, consent.how) == (words.digest, "1", "paper form 12")
    assert (consent.given_at, consent.withdrawn_at, consent.channel) == (NOW, 0, "email")
