from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest

from atalaia.channels.whatsapp import OUTCOMES, WhatsApp, body_of, outcome_of, parameters
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Outcome
from atalaia.domain.message import confirmation
from patience import LIMIT_S, brief

from . import servers
from .servers import NUMBER, TITLE, TOKEN, Answer, Provider, content, letter, part, says

ME = Contact("whatsapp", NUMBER)
SENT = says({"messaging_product": "whatsapp", "messages": [{"id": "wamid.HBgM"}]})


def refused(code: int, status: int = 400, **error: Any) -> Answer:
    text = f"(#{code}) canary {NUMBER}"
    body = {"message": text, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return says({"error": body | error}, status=status)


def sending(
    *answers: Answer, to: Letter | None = None, timeout_s: float = LIMIT_S
) -> tuple[Outcome, Provider]:
    async def story() -> tuple[Outcome, Provider]:
        async with servers.serving(SENT) as provider:
            provider.answers += answers
            channel = WhatsApp(
                provider.session, TOKEN, "1055", base_url=provider.url, timeout_s=timeout_s
            )
            with servers.nothing_leaks(channel) as shown:
                outcome = await channel.send(to or letter(ME))
                shown.append(outcome)
            return outcome, provider

    return asyncio.run(story())


def test_a_message_is_an_approved_template_with_a_button_that_acknowledges() -> None:
    outcome, provider = sending(to=letter(ME, reply_to="wamid.before"))
    assert outcome == Outcome("sent")  # Meta's id has the phone number in it
    [(path, body)] = provider.asked
    assert path == "/v23.0/1055/messages"
    assert provider.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert (body["messaging_product"], body["type"], body["to"]) == ("whatsapp", "template", NUMBER)
    assert "context" not in body
    assert body["biz_opaque_callback_data"] == "msg_abcdefghijklmnopqrstuvwx"
    template = body["template"]
    assert (template["name"], template["language"]) == ("atalaia_alert", {"code": "pt_BR"})
    words, button = template["components"]
    assert words["parameters"][0] == {"type": "text", "text": TITLE}
    assert (button["sub_type"], button["index"]) == ("quick_reply", "0")
    assert button["parameters"] == [
        {"type": "payload", "payload": "ack:msg_abcdefghijklmnopqrstuvwx"}
    ]


def test_a_confirmation_has_a_template_and_a_button_of_its_own() -> None:
    body = body_of(servers.confirm(ME, "es"), "atalaia_confirm")
    assert body["template"]["language"] == {"code": "es"}
    words, button = body["template"]["components"]
    assert [one["text"] for one in words["parameters"]] == ["K7QX2M"]
    assert button["parameters"][0]["payload"] == "confirm:K7QX2M"


@pytest.mark.parametrize(
    "said",
    [content(), content("en", 3), content("es", 40), confirmation("K7QX2M", "en")],
    ids=["one", "three", "forty", "confirmation"],
)
def test_parameters_hold_no_newline_tab_or_run_of_spaces_and_fit(said: Any) -> None:
    texts = parameters(said)
    assert all(text and not re.search(r"[\n\t]| {4}", text) for text in texts)
    assert sum(map(len, texts)) <= 820  # of 1,024: the rest is the template's own


def test_hostile_words_cannot_break_a_parameter() -> None:
    hostile = content(n=2)
    wild = part(title="a\n\t    b" * 300)
    texts = parameters(msgspec.structs.replace(hostile, subject=wild.title, parts=(wild, wild)))
    assert all(not re.search(r"[\n\t]| {4}", text) for text in texts)
    assert sum(map(len, texts)) <= 820


def test_one_alerts_title_is_said_once() -> None:
    head, rest = parameters(content())
    assert head == TITLE
    assert rest.startswith("Desde 14:00.")
    assert "44 mm" in rest
    assert "Não atravesse" in rest
    assert rest.endswith("Este não é um aviso oficial.")


ANSWERS: list[tuple[Answer, str, bool, float]] = [
    (refused(190, 401), "again", True, 300),
    (refused(10, 403), "again", True, 300),
    (refused(200, 403), "again", True, 300),
    (refused(100, error_subcode=33), "again", True, 300),
    (refused(131042), "again", True, 300),
    (refused(130429, 429), "again", True, 0),
    (refused(80007, 429), "again", True, 0),
    (refused(131048), "again", True, 3600),
    (refused(131056), "again", False, 6),
    (refused(131016, 503), "again", False, 0),
    (refused(131000, 500), "again", False, 0),
    (refused(100), "never", False, 0),
    (refused(131026), "never", False, 0),
    (refused(131047), "never", False, 0),
    (refused(131049), "never", False, 0),
    (refused(132000), "never", False, 0),
    (refused(132001, 404), "never", False, 0),
    (refused(132005), "never", False, 0),
    (refused(132015), "never", False, 0),
    (refused(132016), "never", False, 0),
    (refused(999999, 500), "again", False, 0),
    (refused(999999, 400), "never", False, 0),
    (says("slow down", 429, Retry_After="7"), "again", True, 7),
    (says("<html>", 401), "again", True, 300),
    (says("<html>", 502), "again", False, 0),
    (says("<html>hello</html>"), "unknown", False, 0),
    (says({"messages": []}), "unknown", False, 0),
    (says('{"messages": [{"id"'), "unknown", False, 0),
    (servers.hangs, "unknown", False, 0),
    (servers.resets, "unknown", False, 0),
    (servers.breaks_off, "unknown", False, 0),
]


@pytest.mark.parametrize(("answer", "verdict", "pauses", "after_s"), ANSWERS)
def test_each_answer_has_one_outcome(
    answer: Answer, verdict: str, pauses: bool, after_s: float
) -> None:
    outcome, _ = sending(answer, timeout_s=brief() if answer is servers.hangs else LIMIT_S)
    assert (outcome.verdict, outcome.pauses, outcome.after_s) == (verdict, pauses, after_s)
    assert outcome.reason


def test_who_wants_none_from_this_sender_is_not_written_to_again() -> None:
    outcome, _ = sending(refused(131050))
    assert (outcome.verdict, outcome.is_gone) == ("never", True)


@pytest.mark.parametrize("code", range(132000, 132017))
def test_a_template_that_does_not_fit_ends_the_try_and_pauses_nothing(code: int) -> None:
    found = outcome_of(code)
    assert found is None or (found.verdict, found.pauses) == ("never", False)


def test_no_outcome_is_sent_or_unknown_by_a_code() -> None:
    assert {outcome.verdict for outcome in OUTCOMES.values()} == {"again", "never"}


def test_the_tier_is_a_setting() -> None:
    async def limits() -> int:
        async with servers.serving(SENT) as provider:
            return WhatsApp(provider.session, TOKEN, "1", a_day=10_000).limits.a_day

    assert asyncio.run(limits()) == 10_000


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def story() -> Outcome:
        async with servers.serving(SENT) as provider:
            channel = WhatsApp(provider.session, TOKEN, "1", base_url=servers.nowhere())
            return await channel.send(letter(ME))

    assert asyncio.run(story()) == Outcome("again", "connection refused")
