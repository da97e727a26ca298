from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.channels.whatsapp_webhook import WhatsAppNews, challenge, heard, is_signed

SECRET = "app-secret"


def body(*, messages: list[Any] | None = None, statuses: list[Any] | None = None) -> bytes:
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}}
    value |= {"messages": messages} if messages is not None else {}
    value |= {"statuses": statuses} if statuses is not None else {}
    change = {"field": "messages", "value": value}
    entry = {"id": "1", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def text(words: str, sender: str = "5581999990000") -> dict[str, Any]:
    return {"from": sender, "id": "wamid.1", "type": "text", "text": {"body": words}}


def test_the_challenge_is_given_back_to_who_knows_the_token() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "1158201444"}
    assert challenge(query, "ours") == "1158201444"
    assert challenge(query, "other") is None
    assert challenge(query | {"hub.mode": "unsubscribe"}, "ours") is None
    assert challenge({"hub.mode": "subscribe", "hub.verify_token": ""}, "") is None
    assert challenge({}, "ours") is None


def test_only_what_meta_signed_is_believed() -> None:
    raw = body(messages=[text("oi")])
    signature = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert is_signed(raw, signature, SECRET)
    assert not is_signed(raw + b" ", signature, SECRET)
    assert not is_signed(raw, signature, "other")
    for wrong in ("", "sha256=", signature[7:], "sha1=" + signature[7:], "sha256=é"):
        assert not is_signed(raw, wrong, SECRET)
    empty = "sha256=" + hmac.new(b"", raw, hashlib.sha256).hexdigest()
    assert not is_signed(raw, empty, "")  # a secret that was never set opens nothing


def test_text_and_buttons_are_heard() -> None:
    pressed = {
        "from": "5581999990000",
        "type": "button",
        "context": {"id": "wamid.0"},
        "button": {"payload": "ack:msg_abc", "text": "Recebi"},
    }
    chosen = {
        "from": "5581999990000",
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": "agree", "title": "x"}},
    }
    news = heard(body(messages=[text("PARAR"), pressed, chosen]))
    assert [(one.text, one.pressed) for one in news.heard] == [
        ("PARAR", ""),
        ("", "ack:msg_abc"),
        ("", "agree"),
    ]
    assert news.skipped == 0
    assert "PARAR" not in repr(news)
    assert "999990000" not in repr(news)


@pytest.mark.parametrize(
    ("wa_id", "addresses"),
    [
        ("558199990000", ("+5581999990000", "+558199990000")),  # Recife, an older account
        ("5581999990000", ("+5581999990000", "+558199990000")),
        ("558133330000", ("+558133330000",)),  # a landline has no 9
        ("5215512345678", ("+5215512345678", "+525512345678")),
        ("5491112345678", ("+5491112345678", "+541112345678")),
        ("16505551234", ("+16505551234",)),
    ],
)
def test_a_number_is_found_in_all_forms_that_it_may_be_kept_in(
    wa_id: str, addresses: tuple[str, ...]
) -> None:
    [one] = heard(body(messages=[text("oi", wa_id)])).heard
    assert one.addresses == addresses


def test_what_could_not_be_delivered_is_told_by_our_own_id() -> None:
    failed = {
        "id": "wamid.1",
        "status": "failed",
        "recipient_id": "5581999990000",
        "biz_opaque_callback_data": "msg_abc",
        "errors": [{"code": 131026, "title": "canary 5581999990000"}],
    }
    delivered = failed | {"status": "delivered", "errors": []}
    unexplained = failed | {"biz_opaque_callback_data": "msg_def", "errors": []}
    not_ours = {"id": "wamid.2", "status": "failed", "errors": [{"code": 131026}]}
    news = heard(body(statuses=[failed, delivered, unexplained, not_ours]))
    assert [(one.message, one.outcome.verdict) for one in news.undelivered] == [
        ("msg_abc", "never"),
        ("msg_def", "never"),
    ]
    assert "131026" in news.undelivered[0].outcome.reason
    assert "canary" not in repr(news)


def test_one_bad_part_costs_no_other() -> None:
    news = heard(body(messages=[{"from": 5}, text("oi"), None, [], {"type": "text"}]))
    assert [one.text for one in news.heard] == ["oi"]
    assert news.skipped == 4


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 50_000])
def test_what_is_no_webhook_tells_nothing(raw: bytes) -> None:
    assert heard(raw).heard == ()


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists) | st.binary())
def test_nothing_raises(anything: Any) -> None:
    raw = anything if isinstance(anything, bytes) else body(messages=[anything])
    assert isinstance(heard(raw), WhatsAppNews)
