from __future__ import annotations

import asyncio
from typing import Any

import pytest

from atalaia.channels.outcomes import retry_after_s, wait_s
from atalaia.channels.telegram import OUTCOMES, Telegram, body_of
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Outcome
from patience import LIMIT_S, brief

from . import servers
from .servers import CHAT, TOKEN, Answer, Provider, content, letter, says

ME = Contact("telegram", CHAT)
GROUP = Contact("telegram", "-100200")
SENT = says({"ok": True, "result": {"message_id": 4711, "chat": {"id": 1}}})


def refused(code: int, description: str, **parameters: Any) -> Answer:
    body = {"ok": False, "error_code": code, "description": description}
    return says(body | ({"parameters": parameters} if parameters else {}), status=code)


def sending(
    *answers: Answer, to: Letter | None = None, timeout_s: float = LIMIT_S
) -> tuple[Outcome, Provider]:
    """Send once to a provider that answers so; nothing may leak by it."""

    async def story() -> tuple[Outcome, Provider]:
        async with servers.serving(SENT) as provider:
            provider.answers += answers
            channel = Telegram(provider.session, TOKEN, base_url=provider.url, timeout_s=timeout_s)
            with servers.nothing_leaks(channel) as shown:
                outcome = await channel.send(to or letter(ME))
                shown.append(outcome)
            return outcome, provider

    return asyncio.run(story())


def test_a_message_is_sent_as_plain_text_and_says_how_to_stop() -> None:
    outcome, provider = sending()
    assert outcome == Outcome("sent", provider_id="4711")
    [(path, body)] = provider.asked
    assert path == f"/bot{TOKEN}/sendMessage"
    assert body["chat_id"] == CHAT
    assert "44 mm" in body["text"]
    assert body["text"].endswith("Este não é um aviso oficial. Para não receber mais: /stop.")
    assert "parse_mode" not in body
    assert "reply_parameters" not in body
    assert "reply_markup" not in body


def test_the_next_message_of_a_thread_is_a_reply_and_goes_also_if_the_first_is_gone() -> None:
    _, provider = sending(to=letter(ME, reply_to="4710"))
    wanted = {"message_id": 4710, "allow_sending_without_reply": True}
    assert provider.asked[0][1]["reply_parameters"] == wanted


@pytest.mark.parametrize(
    ("language", "label"), [("pt-BR", "Recebi"), ("en", "Received"), ("es", "Recibido")]
)
def test_who_is_asked_acknowledges_by_a_button(language: str, label: str) -> None:
    body = body_of(letter(ME, content=content(language), asks=True))
    [[button]] = body["reply_markup"]["inline_keyboard"]
    assert button == {"text": label, "callback_data": "ack:msg_abcdefghijklmnopqrstuvwx"}
    assert len(button["callback_data"].encode()) <= 64


def test_a_confirmation_is_one_press() -> None:
    body = body_of(servers.confirm(ME))
    [[button]] = body["reply_markup"]["inline_keyboard"]
    assert button == {"text": "I want them", "callback_data": "confirm:K7QX2M"}
    assert "/stop" not in body["text"]
    assert "K7QX2M" in body["text"]


def test_a_long_message_is_cut_between_alerts_and_fits_in_utf16() -> None:
    text = body_of(letter(ME, content=content(n=60)))["text"]
    assert len(text.encode("utf-16-le")) // 2 <= 4096
    assert "e mais " in text


REFUSALS: list[tuple[Answer, str, bool, bool, float]] = [
    (refused(403, "Forbidden: bot was blocked by the user"), "never", True, False, 0),
    (refused(403, "Forbidden: user is deactivated"), "never", True, False, 0),
    (refused(403, "Forbidden: bot was kicked from the group chat"), "never", True, False, 0),
    (refused(400, "Bad Request: chat not found"), "never", True, False, 0),
    (refused(400, "Bad Request: PEER_ID_INVALID"), "never", True, False, 0),
    (refused(400, "Bad Request: user is deactivated"), "never", True, False, 0),
    (refused(400, "Bad Request: message is too long"), "never", False, False, 0),
    (refused(400, "Bad Request: not enough rights to send text"), "never", False, False, 0),
    (refused(400, f"Bad Request: something with {CHAT} canary"), "never", False, False, 0),
    (refused(401, "Unauthorized"), "again", False, True, 300),
    (refused(404, "Not Found"), "again", False, True, 300),
    (refused(429, "Too Many Requests: retry after 17", retry_after=17), "again", False, True, 17),
    (says("slow down", 429, Retry_After="9"), "again", False, True, 9),
    (refused(500, "Internal Server Error"), "again", False, False, 0),
    (says("<html>Bad Gateway</html>", 502), "again", False, False, 0),
    (says("", 503, Retry_After="30"), "again", False, False, 30),
    (says("moved", 302, Location="http://127.0.0.1:9/"), "never", False, False, 0),
    (says("<html>hello</html>"), "unknown", False, False, 0),
    (says('{"ok": true, "result": {'), "unknown", False, False, 0),
    (says({"ok": True, "result": {"message_id": "x"}}), "unknown", False, False, 0),
    (says(b"[" * 60_000), "unknown", False, False, 0),
    (servers.hangs, "unknown", False, False, 0),
    (servers.resets, "unknown", False, False, 0),
    (servers.breaks_off, "unknown", False, False, 0),
]


@pytest.mark.parametrize(("answer", "verdict", "is_gone", "pauses", "after_s"), REFUSALS)
def test_each_answer_has_one_outcome(
    answer: Answer, verdict: str, is_gone: bool, pauses: bool, after_s: float
) -> None:
    outcome, provider = sending(answer, timeout_s=brief() if answer is servers.hangs else LIMIT_S)
    found = (outcome.verdict, outcome.is_gone, outcome.pauses, outcome.after_s)
    assert found == (verdict, is_gone, pauses, after_s)
    assert outcome.reason
    assert len(provider.asked) == 1


def test_all_outcomes_of_the_table_are_reached_by_an_answer() -> None:
    answers = [answer for answer, *_ in REFUSALS if answer is not servers.hangs]
    reasons = {sending(answer)[0].reason for answer in answers}
    assert {outcome.reason for outcome in OUTCOMES.values()} <= reasons


def test_a_groups_rate_limit_holds_up_nobody_else() -> None:
    limited = refused(429, "Too Many Requests: retry after 40", retry_after=40)
    outcome, _ = sending(limited, to=letter(GROUP))
    assert (outcome.verdict, outcome.after_s, outcome.pauses) == ("again", 40, False)


def test_a_group_that_became_a_supergroup_is_told_under_its_new_number() -> None:
    moved = refused(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        migrate_to_chat_id=-1009,
    )
    outcome, provider = sending(moved, to=letter(GROUP))
    assert outcome.verdict == "sent"
    assert [body["chat_id"] for _, body in provider.asked] == ["-100200", "-1009"]


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def story(url: str) -> Outcome:
        async with servers.serving(SENT) as provider:
            return await Telegram(provider.session, TOKEN, base_url=url).send(letter(ME))

    refused_ = asyncio.run(story(servers.nowhere()))
    assert refused_ == Outcome("again", "connection refused")
    unresolved = asyncio.run(story("http://no-such-host.invalid"))
    assert unresolved.verdict == "again"
    assert asyncio.run(story("nonsense")).verdict == "never"


def test_a_wish_is_taken_in_seconds_or_as_a_date_and_never_beyond_a_day() -> None:
    assert retry_after_s({"Retry-After": "12"}) == 12
    date = {"Date": "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2026 07:29:30 GMT"}
    assert retry_after_s(date) == 90
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2026 07:29:30 GMT"}) == 0
    assert [retry_after_s({"Retry-After": x}) for x in ("", "-3", "nan", "soon")] == [0] * 4
    assert [wait_s(x) for x in (1e12, float("inf"), None, "5", True)] == [86400, 0, 0, 0, 1]
