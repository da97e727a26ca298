"""E-mail by SES: what arrives, and what its answers mean, over HTTP against local servers."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import boto3
import pytest
from aiohttp import web
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from atalaia.channels.ses import Ses
from atalaia.domain.delivery import Letter, Outcome
from atalaia.errors import SettingsInvalid
from patience import LIMIT_S, brief

from .letters import letter
from .servers_webhook import rude_target, target, unused_port

pytestmark = pytest.mark.usefixtures("models_once")

ADDRESS = "c4nary@people.example"
SENDER = "Atalaia <avisos@watch.example>"
KEYS = {"region": "sa-east-1", "access_key": "c4nary", "secret_key": "c4nary"}
MISTAKE = {"pauses": True, "after_s": 300.0}
BUSY = {"pauses": True, "after_s": 30.0}


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    """Moto's Amazon on loopback, where the sender's domain is verified: its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client = boto3.client("sesv2", region_name="sa-east-1", endpoint_url=url, **keys)
    client.create_email_identity(EmailIdentity="watch.example")
    yield url
    server.stop()


def to(address: str = ADDRESS, **changes: Any) -> Letter:
    return letter("email", address, **changes)


def sent(url: str, one: Letter, **settings: Any) -> Outcome:
    async def run() -> Outcome:
        ses = Ses(**({"endpoint_url": url, "sender": SENDER} | KEYS | settings))
        outcome = await ses.send(one)
        await ses.close()
        return outcome

    return asyncio.run(run())


def answered(answer: Callable[[web.Request], Awaitable[web.StreamResponse]], one: Letter) -> Any:
    async def run() -> Outcome:
        async with target(answer) as server:
            ses = Ses(
                sender=SENDER, endpoint_url=str(server.make_url("")), timeout_s=LIMIT_S, **KEYS
            )
            outcome = await ses.send(one)
            await ses.close()
        return outcome

    return asyncio.run(run())


def refusing(status: int, code: str, message: str) -> Callable[[web.Request], Awaitable[Any]]:
    async def answer(_: web.Request) -> web.Response:
        headers = {"x-amzn-ErrorType": code} if code else {}
        return web.json_response({"message": message}, status=status, headers=headers)

    return answer


def test_ses_takes_the_message_and_its_id_is_the_one_that_ses_puts_into_it(amazon: str) -> None:
    outcome = sent(amazon, to())
    assert outcome.verdict == "sent"
    [held] = ses_backends["123456789012"]["sa-east-1"].sent_messages
    assert outcome.provider_id == f"<{held.id}@sa-east-1.amazonses.com>"
    assert ADDRESS in held.destinations


def test_what_arrives_is_the_mail_that_smtp_would_have_sent() -> None:
    seen: list[Any] = []

    async def keep(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, await request.json()))
        return web.json_response({"MessageId": "m-1"})

    thread = {"thread": ("msg_first",), "reply_to": "<0100-1@sa-east-1.amazonses.com>"}
    assert answered(keep, to(**thread)) == Outcome(
        "sent", provider_id="<m-1@sa-east-1.amazonses.com>"
    )
    [(method, path, asked)] = seen
    assert (method, path) == ("POST", "/v2/email/outbound-emails")
    assert asked["FromEmailAddress"] == "avisos@watch.example"
    assert asked["Destination"] == {"ToAddresses": [ADDRESS]}
    raw = base64.b64decode(asked["Content"]["Raw"]["Data"])
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["From"] == SENDER
    assert mail["To"] == ADDRESS
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.walk()][1:] == ["text/plain", "text/html"]
    # SES put another Message-ID into the message before: that one is what is referred to.
    assert mail["References"] == mail["In-Reply-To"] == "<0100-1@sa-east-1.amazonses.com>"


def test_a_thread_that_nobody_can_follow_is_none() -> None:
    seen: list[bytes] = []

    async def keep(request: web.Request) -> web.Response:
        seen.append(base64.b64decode((await request.json())["Content"]["Raw"]["Data"]))
        return web.json_response({"MessageId": "m-1"})

    for before in ("", "4711", "<a@b>\r\nBcc: x@y.example"):
        answered(keep, to(thread=("msg_first",), reply_to=before))
    assert len(seen) == 3
    assert all(b"References" not in raw and b"Bcc" not in raw for raw in seen)


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome"),
    [
        (
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.",
            Outcome("again", "SES TooManyRequestsException: AWS is busy", **BUSY),
        ),
        (
            429,
            "TooManyRequestsException",
            "Daily message quota exceeded.",
            Outcome("again", "SES DailyQuota: AWS refuses the account", **MISTAKE),
        ),
        (
            400,
            "ThrottlingException",
            "Rate exceeded",
            Outcome("again", "SES ThrottlingException: AWS is busy", **BUSY),
        ),
        (
            400,
            "LimitExceededException",
            "",
            Outcome("again", "SES LimitExceededException: AWS refuses the account", **MISTAKE),
        ),
        (
            400,
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region "
            "SA-EAST-1: Atalaia <avisos@watch.example>, avisos@watch.example",
            Outcome("again", "SES SenderNotVerified: AWS refuses the account", **MISTAKE),
        ),
        (
            400,
            "MessageRejected",
            "Email address is not verified. The following identities failed the check in region "
            f"SA-EAST-1: {ADDRESS}",
            Outcome(
                "never",
                "SES RecipientNotVerified: in SES's sandbox, and not a verified address",
            ),
        ),
        (400, "MessageRejected", "c4nary", Outcome("never", "SES MessageRejected: refused")),
        (
            400,
            "BadRequestException",
            f"Missing final '@domain' {ADDRESS}",
            Outcome("never", "SES BadRequestException: refused"),
        ),
        (
            400,
            "SendingPausedException",
            "",
            Outcome("again", "SES SendingPausedException: AWS refuses the account", **MISTAKE),
        ),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "",
            Outcome(
                "again",
                "SES MailFromDomainNotVerifiedException: AWS refuses the account",
                **MISTAKE,
            ),
        ),
        (
            403,
            "AccessDeniedException",
            "is not authorized to perform ses:SendRawEmail",
            Outcome("again", "SES AccessDeniedException: AWS refuses the account", **MISTAKE),
        ),
        (
            403,
            "InvalidSignatureException",
            "",
            Outcome("again", "SES InvalidSignatureException: AWS refuses the account", **MISTAKE),
        ),
        (
            500,
            "InternalServiceErrorException",
            "",
            Outcome("again", "SES InternalServiceErrorException: AWS fails"),
        ),
        (502, "", "", Outcome("again", "SES 502: AWS fails")),
        (400, "SomethingNew", "", Outcome("never", "SES SomethingNew: refused")),
    ],
)
def test_an_answer_means(status: int, code: str, message: str, outcome: Outcome) -> None:
    found = answered(refusing(status, code, message), to())
    assert found == outcome
    assert "c4nary" not in found.reason


def test_who_is_not_verified_cannot_send(amazon: str) -> None:
    outcome = sent(amazon, to(), sender="avisos@elsewhere.example")
    assert outcome == Outcome("never", "SES MessageRejected: refused")


def test_nobody_there_is_tried_again_and_no_answer_is_unknown() -> None:
    assert sent(f"http://127.0.0.1:{unused_port()}", to()) == Outcome("again", "cannot connect")

    async def rude(*, resets: bool) -> Outcome:
        async with rude_target(resets=resets) as url:
            ses = Ses(sender=SENDER, endpoint_url=url, timeout_s=brief(), **KEYS)
            outcome = await ses.send(to())
            await ses.close()
        return outcome

    for resets in (False, True):
        assert asyncio.run(rude(resets=resets)).verdict == "unknown"

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>c4nary")

    said = answered(page, to())
    assert said.verdict == "unknown"
    assert "c4nary" not in said.reason


@pytest.mark.parametrize("address", ["a b@c.example", "josé@b.example", "a@b.example\r\nx", ""])
def test_what_is_no_address_reaches_nobody(address: str) -> None:
    outcome = sent(f"http://127.0.0.1:{unused_port()}", to(address))
    assert outcome == Outcome("never", "not an address that mail can be sent to")


def test_a_sender_that_is_no_address_is_told_when_it_is_set() -> None:
    with pytest.raises(SettingsInvalid, match=r"channels\.email\.sender"):
        Ses(sender="nobody", **KEYS)


def test_address_and_text_are_in_no_log_even_for_debugging(
    amazon: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    assert sent(amazon, to()).verdict == "sent"
    assert "c4nary@" not in caplog.text
    assert "chuva" not in caplog.text
