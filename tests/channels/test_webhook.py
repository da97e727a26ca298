"""Webhooks: Standard Webhooks 1.0 over real sockets, and what each answer means."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from atalaia.channels.guard import Rules, networks
from atalaia.channels.webhook import Webhook, signed
from atalaia.domain.delivery import Letter, Message, Outcome, Status, settled
from patience import LIMIT_S, brief

from .letters import NOON, alert, confirm, content, letter
from .servers_webhook import Names, rude_target, target, unused_port

SECRET = "whsec_" + base64.b64encode(b"c4nary-c4nary-c4nary-c4nary").decode()
OPEN = Rules(allow=networks(["127.0.0.0/8"]))


def to(url: str, **changes: object) -> Letter:
    return letter("webhook", url, secret=SECRET, **changes)


def sent_once(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], **changes: object
) -> Outcome:
    async def run() -> Outcome:
        webhook = Webhook(rules=OPEN, timeout_s=LIMIT_S)
        async with target(answer) as server:
            outcome = await webhook.send(to(str(server.make_url("/hook")), **changes))
            await webhook.close()
        return outcome

    return asyncio.run(run())


def received(*letters: Letter) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bodies as they arrived."""
    seen = []

    async def keep(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response()

    async def run() -> None:
        webhook = Webhook(rules=OPEN)
        async with target(keep) as server:
            for each in letters:
                contact = type(each.contact)("webhook", str(server.make_url("/hook")), SECRET)
                outcome = await webhook.send(
                    type(each)(
                        id=each.id,
                        contact=contact,
                        content=each.content,
                        sent_at=each.sent_at,
                        thread=each.thread,
                    )
                )
                assert outcome == Outcome("sent")
            await webhook.close()

    asyncio.run(run())
    return seen


def answers(status: int, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


def test_a_receiver_with_the_standard_library_verifies_what_we_sign() -> None:
    [(headers, body)] = received(to("http://x.example/"))
    verified = Verifier(SECRET).verify(body, headers)
    assert verified["type"] == "alert"
    assert verified["timestamp"] == "2026-01-10T12:00:00+00:00"
    assert headers["webhook-id"] == "msg_abcdefghijklmnop"
    assert headers["Content-Type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body.replace(b"71.2", b"11.2"), headers)
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + base64.b64encode(b"another").decode()).verify(body, headers)


def test_our_signature_is_the_one_of_the_specification() -> None:
    # The example of Standard Webhooks 1.0, "Signature scheme".
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("size", [0, 1, 1_900, 1_999, 2_000, 2_001, 4_000, 10_007])
def test_a_body_of_any_length_is_signed_as_a_whole(size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    headers = signed("msg_a", 1_768_046_400, body, SECRET)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mac = hmac.digest(key, b"msg_a.1768046400." + body, "sha256")
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_the_body_has_the_alerts_as_in_the_log_and_the_text_for_people() -> None:
    two = content(alert(), alert("olinda", "orange"), language="en")
    [(_, body)] = received(to("http://x.example/", said=two, thread=("msg_a", "msg_b")))
    data = json.loads(body)["data"]
    assert data["language"] == "en"
    assert data["level"] == "red"
    assert data["thread"] == ["msg_a", "msg_b"]
    assert [one["place_id"] for one in data["alerts"]] == ["recife", "olinda"]
    assert data["alerts"][0]["value"] == 71.2
    assert data["alerts"][0]["limit"] == 60.0
    for words in ("heavy rain at Recife", "heavy rain at Olinda", "not an official warning"):
        assert words in data["text"]


def test_a_confirmation_has_the_code_and_no_alerts() -> None:
    [(_, body)] = received(confirm("webhook", "http://x.example/"))
    event = json.loads(body)
    assert event["type"] == "confirm"
    assert event["data"]["code"] == "482913"
    assert "alerts" not in event["data"]


def test_a_message_tried_again_has_the_same_id_and_body_and_a_new_time() -> None:
    times = iter((NOON, NOON + 300))
    seen = []

    async def keep(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response(status=500 if len(seen) == 1 else 204)

    async def run() -> list[Outcome]:
        webhook = Webhook(rules=OPEN, now=lambda: next(times))
        async with target(keep) as server:
            one = to(str(server.make_url("/hook")))
            outcomes = [await webhook.send(one), await webhook.send(one)]
            await webhook.close()
        return outcomes

    first, second = asyncio.run(run())
    assert (first.verdict, second.verdict) == ("again", "sent")
    assert seen[0][1] == seen[1][1]
    assert seen[0][0]["webhook-id"] == seen[1][0]["webhook-id"]
    assert seen[0][0]["webhook-timestamp"] == str(NOON)
    assert seen[1][0]["webhook-timestamp"] == str(NOON + 300)
    assert seen[0][0]["webhook-signature"] != seen[1][0]["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Outcome("sent")),
        (202, {}, Outcome("sent")),
        (204, {}, Outcome("sent")),
        (410, {}, Outcome("never", "HTTP 410: gone", is_gone=True)),
        (301, {"Location": "/hook"}, Outcome("again", "HTTP 301")),
        (307, {"Location": "/hook"}, Outcome("again", "HTTP 307")),
        (400, {}, Outcome("again", "HTTP 400")),
        (401, {}, Outcome("again", "HTTP 401")),
        (404, {}, Outcome("again", "HTTP 404")),
        (500, {}, Outcome("again", "HTTP 500")),
        (500, {"Retry-After": "7"}, Outcome("again", "HTTP 500")),
        (429, {"Retry-After": "7"}, Outcome("again", "HTTP 429", after_s=7)),
        (503, {"Retry-After": "120"}, Outcome("again", "HTTP 503", after_s=120)),
        (503, {"Retry-After": "99999999"}, Outcome("again", "HTTP 503", after_s=86400)),
        (503, {"Retry-After": "-5"}, Outcome("again", "HTTP 503")),
        (503, {"Retry-After": "nan"}, Outcome("again", "HTTP 503")),
        (503, {"Retry-After": "soon"}, Outcome("again", "HTTP 503")),
        (
            429,
            {"Retry-After": formatdate(NOON + 90, usegmt=True), "Date": formatdate(NOON)},
            Outcome("again", "HTTP 429", after_s=90),
        ),
    ],
)
def test_a_status_means(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    assert sent_once(answers(status, **headers)) == outcome


def test_the_waits_are_those_of_the_standard_and_then_it_is_dead() -> None:
    message = Message(id="msg_a", person="p", channel="webhook", order_key="l", expires_at=NOON * 2)
    schedule = Webhook().limits.schedule
    waits = []
    while message.status == Status.DUE:
        message = settled(message, Outcome("again", "HTTP 500"), schedule, NOON)
        waits.append(message.due_at - NOON)
    hours = [h * 3600 for h in (2, 5, 10, 14, 20, 24)]
    assert waits[:-1] == [5, 300, 1800, *hours]
    assert message.status == Status.DEAD


def test_no_redirection_is_followed() -> None:
    came = []

    async def lead_on(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    assert sent_once(lead_on).verdict == "again"
    assert came == ["/hook"]


def test_a_target_that_never_answers_is_unknown() -> None:
    async def run() -> Outcome:
        webhook = Webhook(rules=OPEN, timeout_s=brief())
        async with rude_target(resets=False) as url:
            outcome = await webhook.send(to(url))
            await webhook.close()
        return outcome

    assert asyncio.run(run()) == Outcome("unknown", "no answer in time")


def test_a_connection_that_is_reset_after_the_request_is_unknown() -> None:
    async def run() -> Outcome:
        webhook = Webhook(rules=OPEN)
        async with rude_target(resets=True) as url:
            outcome = await webhook.send(to(url))
            await webhook.close()
        return outcome

    outcome = asyncio.run(run())
    assert outcome.verdict == "unknown"
    assert outcome.reason in ("connection reset", "connection closed without an answer")


class Silent(Names):
    async def resolve(self, *args: object, **kwargs: object) -> list[object]:  # type: ignore[override]
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("url", "resolver", "reason"),
    [
        ("http://127.0.0.1:{unused}/", None, "connection refused"),
        ("https://hook.example.com/", Names({}), "host name not resolved"),
        ("https://hook.example.com/", Silent({}), "no connection in time"),
    ],
)
def test_what_surely_did_not_go_out_is_tried_again(
    url: str, resolver: Names | None, reason: str
) -> None:
    async def run() -> Outcome:
        webhook = Webhook(rules=OPEN, resolver=resolver, timeout_s=brief())
        outcome = await webhook.send(to(url.format(unused=unused_port())))
        await webhook.close()
        return outcome

    assert asyncio.run(run()) == Outcome("again", reason)


@pytest.mark.parametrize("secret", ["", "whsec_", "c4nary", "whsec_c4nary-not-base64!", "whsec_a"])
def test_without_a_secret_nothing_goes_out_unsigned(secret: str) -> None:
    came = []

    async def run() -> Outcome:
        async def keep(request: web.Request) -> web.Response:
            came.append(1)
            return web.Response()

        webhook = Webhook(rules=OPEN)
        async with target(keep) as server:
            url = str(server.make_url("/hook"))
            outcome = await webhook.send(letter("webhook", url, secret=secret))
            await webhook.close()
        return outcome

    assert asyncio.run(run()) == Outcome("never", "no valid secret to sign with")
    assert came == []


def test_an_answer_that_never_ends_is_read_no_further_than_a_few_kilobytes() -> None:
    written = []

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while len(written) < 100_000:
                await response.write(b"x" * 65536)
                written.append(1)
        except (ConnectionError, asyncio.CancelledError):
            pass
        return response

    assert sent_once(flood) == Outcome("sent")
    # What the kernel's buffers hold is written; of 6 GB no more.
    assert len(written) < 500


def test_messages_to_one_target_share_a_connection_and_no_cookie() -> None:
    peers, cookies = set(), []

    async def keep(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        cookies.append(request.headers.get("Cookie"))
        return web.Response(text="thanks", headers={"Set-Cookie": "who=you"})

    async def run() -> None:
        webhook = Webhook(rules=OPEN)
        async with target(keep) as server:
            for _ in range(5):
                await webhook.send(to(str(server.make_url("/hook"))))
            await webhook.close()

    asyncio.run(run())
    assert len(peers) == 1
    assert cookies == [None] * 5


def test_no_reason_holds_the_url_or_the_secret() -> None:
    async def run() -> list[Outcome]:
        webhook = Webhook(rules=OPEN, timeout_s=brief(), resolver=Names({}))
        addresses = [
            f"http://127.0.0.1:{unused_port()}/c4nary",
            "https://c4nary.example.com/c4nary",
            "https://u:c4nary@example.com/",
            "http://10.0.0.1/c4nary",
            "http://[c4nary]/",
            "c4nary",
        ]
        outcomes = [await webhook.send(to(address)) for address in addresses]
        async with rude_target(resets=False) as url:
            outcomes.append(await webhook.send(to(f"{url}/c4nary")))
        await webhook.close()
        return outcomes

    for outcome in asyncio.run(run()):
        assert outcome.verdict != "sent"
        assert "c4nary" not in outcome.reason
        assert SECRET[6:] not in outcome.reason
