"""Every message says how to get no more of these, by each channel and in each language.

A channel that is not in the tables here fails: whoever adds one says what its messages carry.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from atalaia.channels import apprise, sms, telegram, webhook, webpush, whatsapp
from atalaia.channels.gsm7 import SEGMENT, plain, septets
from atalaia.channels.mail import MailWriter
from atalaia.domain.contact import CHANNELS
from atalaia.domain.delivery import Letter
from atalaia.domain.drill import Drill, exercise
from atalaia.domain.message import NOTICES, notice
from atalaia.domain.words import LANGUAGES

from .letters import NOON, content, letter

ANSWER = "https://alerts.example.org/v1/m/" + "x" * 32
DOCS = Path(__file__).resolve().parents[2] / "docs/channels.md"


def by_sms(one: Letter) -> str:
    said = sms.text(
        one.content, sms.STOP[LANGUAGES.index(one.content.language)], sms.answer_of(one)
    )
    assert septets(said) <= SEGMENT
    return said


def by_whatsapp(one: Letter) -> str:
    """The template's own words are approved beforehand: they stand in the documentation."""
    channel = whatsapp.WhatsApp(None, "t", "1")  # type: ignore[arg-type]  nothing is sent
    body = whatsapp.body_of(one, channel.template_of(one.content))
    assert body["template"]["name"] == "atalaia_alert"
    rows = DOCS.read_text("utf-8").partition("| `atalaia_alert` |")[2].splitlines()
    return rows[LANGUAGES.index(one.content.language)]


READ: dict[str, tuple[Callable[[Letter], str], tuple[str, ...]]] = {
    "telegram": (lambda one: telegram.body_of(one)["text"], ("/stop",) * 3),
    "whatsapp": (by_whatsapp, ("PARAR", "STOP", "PARAR")),
    "sms": (by_sms, ("STOP",) * 3),
    "email": (
        lambda one: MailWriter("a@b.example").compose(one, "b@c.example", ()).decode(),
        (ANSWER,) * 3,
    ),
    "webpush": (lambda one: json.loads(webpush.encode(one))["answer"], (ANSWER,) * 3),
    "apprise": (lambda one: apprise.text_of(one.content, 4000), ("Para parar", "To stop", "Para")),
}
"""By channel what is read, and the word or link in each language."""

UNREAD = {
    "inbox": "nothing goes out",
    "webhook": "a program: it answers 410, and gets no more",
    "alertmanager": "a program, subscribed by who runs it: its address takes a registrar's key",
}


def test_each_channel_says_how_its_messages_are_stopped() -> None:
    assert {*READ, *UNREAD} == set(CHANNELS)
    [gone] = [outcome for of, outcome in webhook.OUTCOMES if list(of) == [410]]
    assert gone.is_gone


@pytest.mark.parametrize("channel", READ)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_carries_its_word_or_link(channel: str, language: str) -> None:
    read, words = READ[channel]
    drill = Drill(
        id="d", hazard="wind", level="red", place_id="recife", place="Recife", at=NOON, by="me"
    )
    said = [
        content(language=language),
        exercise(drill, language),
        *(notice(kind, "sms", language) for kind in NOTICES),
    ]
    for one in said:
        text = read(letter(channel, "x", one, answer=ANSWER))
        assert words[LANGUAGES.index(language)] in text, (one.kind, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_by_sms_carries_its_link_whole_and_begins_with_what_happened(
    language: str,
) -> None:
    for kind in NOTICES:
        one = notice(kind, "email", language)
        text = by_sms(letter("sms", "+5581999990000", one, answer=ANSWER))
        assert ANSWER in text
        assert text.startswith(plain(one.closing).partition(". ")[0][:40])
