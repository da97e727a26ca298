"""One weather is one thread to a person, whoever warns of it: we, or an official service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from atalaia.channels import sms
from atalaia.domain.alert import LogEntry
from atalaia.domain.official import Official, OfficialText, official_text
from telling import NOON, news, person, text_of

from .test_compose import Desk

WORDS = OfficialText(
    "pt-BR", "Chuvas Intensas", "Aviso de Chuvas Intensas", "Até 60 mm/h.", "Evite sair."
)
WARNING = Official(
    identifier="1", sender="met@example.org", issuer="INMET", type="Alert", sent_at=NOON,
    hazard="heavy_rain", severity="Severe", urgency="Immediate", certainty="Likely",
    expires_at=NOON + 7200, texts=(WORDS,),
)  # fmt: skip


def official(incident: str, *linked: str, at: int = NOON, version: int = 1) -> LogEntry:
    entry = news(
        incident, version, at=at, rule="official", source="INMET", variable=None, value=None,
        unit=None, limit=None, window_s=None, text=official_text(WARNING, "alert"),
    )  # fmt: skip
    return msgspec.structs.replace(
        entry, official=WARNING, linked=linked, peak=None, peak_level=None, peak_at=None
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.join(person("p_ana", language="pt-BR"))
    yield made
    made.home.close()


def test_an_official_warning_answers_the_message_about_our_own_incident(desk: Desk) -> None:
    (ours,) = desk.tell(news("ours"))
    desk.send_all(NOON + 1)
    desk.tell(official("theirs", "ours", at=NOON + 600))
    letter = desk.letters()["p_ana"]
    assert (letter.thread, letter.reply_to) == ((ours.id,), f"at {NOON + 1}")
    assert "Até 60 mm/h." in text_of(letter.content)
    assert "não é um aviso oficial" not in text_of(letter.content)


def test_our_own_incident_answers_the_official_warning_that_came_before(desk: Desk) -> None:
    (theirs,) = desk.tell(official("theirs"))
    desk.send_all(NOON + 1)
    desk.tell(msgspec.structs.replace(news("ours", at=NOON + 600), linked=("theirs",)))
    letter = desk.letters()["p_ana"]
    assert letter.thread == (theirs.id,)
    assert "não é um aviso oficial" in text_of(letter.content)


def test_another_weather_is_another_thread(desk: Desk) -> None:
    desk.tell(official("theirs"))
    desk.send_all(NOON + 1)
    desk.tell(news("ours", at=NOON + 600))
    assert desk.letters()["p_ana"].thread == ()


def test_a_short_message_of_an_official_warning_names_the_issuer_alone(desk: Desk) -> None:
    desk.tell(official("theirs"))
    text = sms.text(desk.letters()["p_ana"].content, "Pare: responda STOP")
    assert "INMET, aviso oficial: Aviso de Chuvas Intensas" in text
    assert "nao oficial" not in text
    assert sms.septets(text) <= sms.SEGMENT
