"""Addresses: one form for all ways of writing one, and never shown, not even where it is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.contact import CHANNELS, Contact, contact_of, read_contact
from atalaia.domain.conversation import Button, Incoming, Reply
from atalaia.domain.drill import KIND, Drill, drill_of, exercise
from atalaia.domain.hazard import CERTAINTY, LEVEL_OF, Hazard, Level
from atalaia.domain.reading import Kind
from atalaia.domain.words import LANGUAGES
from stories import T0


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("telegram:123456789", "123456789"),
        ("telegram: -1001234567890 ", "-1001234567890"),  # a group
        ("SMS:+55 81 99999-0000", "+5581999990000"),
        ("whatsapp:+1 (202) 555.0143", "+12025550143"),
        ("email:Ana.Silva+avisos@Example.ORG", "Ana.Silva+avisos@example.org"),
        ("email:a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("webhook:https://example.org/hook?a=1:2", "https://example.org/hook?a=1:2"),
        ("webhook:http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("inbox", ""),
        ("inbox:", ""),
        ("apprise:ntfy://topic", "ntfy://topic"),
        ("alertmanager:http://alertmanager:9093/", "http://alertmanager:9093"),
        ("alertmanager:https://am.example.org/x/api/v2/alerts", "https://am.example.org/x"),
    ],
)
def test_an_address_is_kept_in_one_form(written: str, kept: str) -> None:
    contact = read_contact(written)
    assert contact.address == kept
    assert contact.channel == written.partition(":")[0].lower()
    assert read_contact(f"{contact.channel}:{contact.address}") == contact


@pytest.mark.parametrize(
    ("written", "next_step"),
    [
        ("pigeon:secret", "write channel:address with one of webpush, telegram"),
        ("secret@example.org", "write channel:address with one of"),
        ("telegram:@secret", "write /start to the bot"),
        ("telegram:12secret", "write /start to the bot"),
        ("telegram:" + "1" * 21, "write /start to the bot"),
        ("sms:81 99999-secret", "give the number with + and the country's code"),
        ("sms:81999990000", "with + and the country's code"),
        ("sms:+0123456789", "country's code"),
        ("sms:+1234567", "country's code"),
        ("sms:+1234567890123456", "country's code"),
        ("whatsapp:+55٨١٩٩٩٩٩٠٠٠٠", "country's code"),  # digits, and no number that is dialled
        ("telegram:١٢٣", "write /start to the bot"),
        ("email:secret", "write for example name@example.org"),
        ("email:secret@localhost", "name@example.org"),
        ("email:a secret@example.org", "name@example.org"),
        ("email:<secret@example.org>", "name@example.org"),
        ("email:secret@example.org, b@example.org", "name@example.org"),
        ("webhook:ftp://secret.example", "begins with https://"),
        ("webhook:secret", "begins with https://"),
        ("webhook:https:///secret", "begins with https://"),
        ("webhook:http://[secret", "begins with https://"),
        ("webhook:http://secret℀.example/", "begins with https://"),
        ("webhook:https://user:secret@example.org/", "leave user and password out"),
        ("inbox:secret", "write inbox alone"),
        ("apprise:secret", "for example ntfy://topic"),
        ("alertmanager:secret:9093", "begins with https://"),
        ("alertmanager:http://example.org/?secret", "give its base URL"),
        ("alertmanager:http://u:secret@", "begins with https://"),
        ("email:secret@example.org\nBcc: x@y.org", "control characters"),
        ("webhook:https://example.org/secret\x00", "control characters"),
        ("webhook:https://example.org/" + "secret" * 400, "too long"),
    ],
)
def test_what_is_no_address_is_told_with_the_next_step_and_never_repeated(
    written: str, next_step: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(next_step)) as caught:
        read_contact(written)
    assert "secret" not in str(caught.value)
    assert "٨" not in str(caught.value)


def test_a_login_to_an_alertmanager_is_no_part_of_its_address() -> None:
    contact = read_contact("alertmanager:https://ana:p%40ss%2Fword@am.example.org/")
    assert contact == Contact("alertmanager", "https://am.example.org", "ana:p@ss/word")


@settings(max_examples=80)
@given(st.sampled_from(CHANNELS), st.text(max_size=40))
def test_any_text_is_an_address_in_its_one_form_or_is_refused(channel: str, text: str) -> None:
    kept, refused = "", ""
    try:
        kept = contact_of(channel, text).address
    except ValueError as error:
        refused = str(error)
    assert len(text) < 6 or text not in refused
    assert refused or contact_of(channel, kept).address == kept
    assert not any(ord(c) < 32 for c in kept)


def test_nothing_that_is_personal_is_shown_where_it_is_printed() -> None:
    contact = Contact("email", "secret@example.org", secret="whsec_secret")
    for said in (
        contact,
        Incoming(contact=contact, text="secret", position=(1.0, 2.0)),
        Reply(text="secret", buttons=((Button("a", "b"),),), file=b"secret"),
        [contact],
        {"a": contact},
    ):
        assert "secret" not in f"{said!r} {said}"


# Drills


def drill(**changes: str) -> Drill:
    fields = {"id": "d1", "hazard": "wind", "level": "red", "place_id": "recife",
              "place": "Recife", "by": "operator"}  # fmt: skip
    return Drill(at=T0, **(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hazard", [h for h in Hazard if h is not Hazard.CANNOT_SEE])
def test_a_drill_says_in_every_part_that_it_is_one(language: str, hazard: str) -> None:
    content = exercise(drill(hazard=hazard), language)
    word = {"pt-BR": "EXERCÍCIO", "en": "EXERCISE", "es": "SIMULACRO"}[language]
    calm = {"pt-BR": "não há perigo", "en": "there is no danger", "es": "no hay peligro"}[language]
    (part,) = content.parts
    assert all(word in said for said in (content.subject, part.title, part.head, part.brief))
    assert calm in content.closing
    assert "Recife" in part.title
    assert (content.kind, content.level, part.is_over) == (KIND, "red", False)


def test_a_place_cannot_add_lines_to_a_drill() -> None:
    content = exercise(drill(place="Recife\nBcc: all"), "en")
    assert "\n" not in content.subject + content.parts[0].title


@pytest.mark.parametrize(
    ("kind", "of"),
    [("exercise:d1", "d1"), ("exercise", ""), ("alert", ""), ("alert:d1", ""), ("", "")],
)
def test_a_message_belongs_to_a_drill_or_to_none(kind: str, of: str) -> None:
    assert drill_of(kind) == of


# The words of CAP


def test_levels_are_words_and_severities_of_cap_in_their_order() -> None:
    assert [(level.word, level.severity) for level in Level] == [
        ("none", "Unknown"),
        ("watch", "Minor"),
        ("yellow", "Moderate"),
        ("orange", "Severe"),
        ("red", "Extreme"),
    ]
    assert {LEVEL_OF[level.word] for level in Level} == set(Level)
    assert Level.WATCH < Level.YELLOW < Level.ORANGE < Level.RED


def test_what_is_measured_is_surer_than_what_is_computed_and_that_than_what_is_foretold() -> None:
    order = sorted(Kind)
    assert [CERTAINTY[kind] for kind in order] == ["Observed", "Likely", "Possible"]
