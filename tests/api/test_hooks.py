"""Webhooks of bots: who is believed, and what becomes of what they bring."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path

import pytest
from fastapi import Request

from atalaia.api.whatsapp_hook import whatsapp_hook
from atalaia.domain.contact import Contact
from atalaia.errors import StateConflict
from atalaia.people.service import Named, PeopleService
from atalaia.settings import Settings, load
from channels.test_whatsapp_webhook import body, text

NOW = 1_700_000_000
SECRET = "app-secret"


class Told(PeopleService):
    """Notes what is asked of it."""

    def __init__(self, known: str = "", fault: Exception | None = None) -> None:
        self.known, self.fault = known, fault
        self.asked: list[tuple[str, str]] = []

    def stop(self, who: Named, now: int, channel: str | None = None) -> bool:
        assert isinstance(who, Contact)
        if self.fault:
            raise self.fault
        self.asked.append(("stop", who.address))
        return who.address == self.known

    def undelivered(self, message: str, reason: str, now: int) -> None:
        self.asked.append((message, reason))


def settings(tmp_path: Path, **more: str) -> Settings:
    at = "ATALAIA_CHANNELS_WHATSAPP_"
    values = {"TOKEN": "t", "PHONE_NUMBER_ID": "1", "APP_SECRET": SECRET, "VERIFY_TOKEN": "word"}
    env = {f"{at}{name}": value for name, value in (values | more).items() if value}
    return load(None, {"ATALAIA_HOME": str(tmp_path), **env})


def post(set_: Settings, people: PeopleService, sent: bytes, secret: str = SECRET) -> int:
    signature = "sha256=" + hmac.new(secret.encode(), sent, hashlib.sha256).hexdigest()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def run() -> int:
        headers = [(b"x-hub-signature-256", signature.encode())]
        scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
        hook = whatsapp_hook(set_, people, lambda: NOW)
        return (await hook(Request(scope, receive)))[0]

    return asyncio.run(run())


def test_a_reply_is_tried_under_each_number_until_somebody_is_known(tmp_path: Path) -> None:
    """Brazil's older accounts lack a 9 that their owners write."""
    sent = body(messages=[text("PARAR", "558199990000")])
    with_nine, without = "+5581999990000", "+558199990000"
    first, second = Told(with_nine), Told(without)
    assert [post(settings(tmp_path), people, sent) for people in (first, second)] == [200, 200]
    assert first.asked == [("stop", with_nine)]
    assert second.asked == [("stop", with_nine), ("stop", without)]


def test_what_meta_did_not_sign_changes_nothing(tmp_path: Path) -> None:
    people = Told()
    assert post(settings(tmp_path), people, body(messages=[text("PARAR")]), "other") == 403
    assert people.asked == []


def test_what_could_not_be_delivered_is_told_with_its_reason(tmp_path: Path) -> None:
    people = Told()
    status = {
        "id": "wamid.1",
        "status": "failed",
        "biz_opaque_callback_data": "msg_1",
        "errors": [{"code": 131026}],
    }
    assert post(settings(tmp_path), people, body(statuses=[status])) == 200
    [(message, reason)] = people.asked
    assert message == "msg_1"
    assert reason


def test_what_cannot_be_kept_now_is_asked_for_again(tmp_path: Path) -> None:
    people = Told(fault=StateConflict("locked"))
    assert post(settings(tmp_path), people, body(messages=[text("PARAR")])) == 503


@pytest.mark.parametrize("lacking", ["APP_SECRET", "VERIFY_TOKEN"])
def test_without_a_secret_the_webhook_is_off(tmp_path: Path, lacking: str) -> None:
    set_ = settings(tmp_path, **{lacking: ""})
    assert post(set_, Told(), body(messages=[text("PARAR")])) == 404
