"""Web Push over real sockets, to a push service that verifies who sends and opens what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from atalaia.channels.guard import STRICT, Rules, TargetRefused, networks
from atalaia.channels.sealed import base64url, read_keys, seal, unbase64
from atalaia.channels.vapid import Vapid
from atalaia.channels.webpush import MOST_BYTES, WebPush, check, encode
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Letter, Outcome
from atalaia.domain.words import LANGUAGES, one_line
from atalaia.errors import StateConflict
from patience import LIMIT_S, brief
from pushing import Browser, PushService, verified

from .letters import NOON, alert, confirm, content, letter
from .servers_webhook import rude_target

SEED = b"a seed of thirty-two bytes, all."
OPEN = Rules(allow=networks(["127.0.0.0/8"]))


@pytest.fixture
def service() -> Iterator[PushService]:
    service = PushService()
    yield service
    service.close()


def to(browser: Browser, base: Letter | None = None, **changes: object) -> Letter:
    contact = read_contact(browser.contact)
    made = base or letter("webpush", "", **changes)
    return msgspec.structs.replace(made, contact=contact)


def sent(*letters: Letter, seed: bytes = SEED, rules: Rules = OPEN) -> list[Outcome]:
    async def run() -> list[Outcome]:
        channel = WebPush(lambda: seed, "mailto:dados@example.org", rules=rules, timeout_s=LIMIT_S)
        found = [await channel.send(one) for one in letters]
        await channel.close()
        return found

    return asyncio.run(run())


def test_what_is_sealed_is_the_published_example() -> None:
    # RFC 8291, section 5 and appendix A.
    private = int.from_bytes(unbase64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    keys = read_keys(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ".BTBZMqHH6r4Tts7J_aSIgg"
    )
    body = seal(
        b"When I grow up, I want to be a watermelon",
        keys,
        ec.derive_private_key(private, ec.SECP256R1()),
        unbase64("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )


def test_a_push_service_verifies_who_sends_and_the_browser_alone_opens_it(
    service: PushService,
) -> None:
    browser = service.browser()
    assert sent(to(browser)) == [Outcome("sent")]
    [came] = browser.came
    assert (came.body["kind"], came.body["level"]) == ("alert", "red")
    assert "Recife" in came.body["title"]
    assert "71,2 mm" in came.body["body"]
    assert came.body["title"] not in came.body["body"], "said once"
    assert came.body["incident"] == "inc-recife-red"
    assert came.claims["sub"] == "mailto:dados@example.org"
    stranger = service.browser()
    service.browsers[browser.endpoint.removeprefix(service.origin)] = replace(
        browser, key=stranger.key
    )
    assert sent(to(browser))[0].verdict == "again", "sealed for another browser: it opens nothing"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", ["Recife", "São José do Vale do Rio Preto e Arredores " * 3])
@pytest.mark.parametrize(
    "changes",
    [
        {"type": "end", "reason": "expired"},
        {"type": "end", "reason": "ended"},
        {"hazard": "cannot_see", "level": "watch", "source": "tomorrow-io"},
    ],
    ids=["expired", "ended", "cannot_see"],
)
def test_what_a_title_has_no_room_for_is_said_beneath_it(
    service: PushService, language: str, place: str, changes: dict[str, str]
) -> None:
    browser = service.browser()
    said = content(alert(**changes), language=language, place=place)
    assert sent(to(browser, said=said)) == [Outcome("sent")]
    body = browser.came[0].body
    whole = one_line(said.parts[0].title)
    assert whole in (body["title"], *body["body"].partition("\n")[0].split(" ", 1))
    assert (body["title"] == whole) == (whole not in body["body"]), "and is said once"


def test_who_has_another_key_is_not_believed_and_the_address_is_kept(service: PushService) -> None:
    browser = service.browser(push_key=Vapid(SEED, "").public)
    outcome = sent(to(browser), seed=bytes(32))[0]
    assert (outcome.verdict, outcome.is_gone) == ("again", False)
    assert "another sender's key" in service.refused[0]
    assert sent(to(browser)) == [Outcome("sent")]


def test_a_token_is_for_one_service_and_signed_anew_twice_a_day() -> None:
    vapid = Vapid(SEED, "https://example.org/contact")
    now = 1_768_046_400.0
    first = vapid.authorization("https://push.example", now)
    assert vapid.authorization("https://push.example", now + 60) == first
    later = vapid.authorization("https://push.example", now + 7 * 3600)
    assert later != first
    for header in (first, later, vapid.authorization("https://other.example", now)):
        token, key = header.removeprefix("vapid t=").split(", k=")
        assert key == Vapid(SEED, "").public
        claims = verified(token, key)
        assert claims["aud"] in ("https://push.example", "https://other.example")
        assert 6 * 3600 <= claims["exp"] - now <= 24 * 3600


@pytest.mark.parametrize(
    ("level", "kind", "urgency"),
    [
        ("red", "alert", "high"),
        ("orange", "alert", "high"),
        ("yellow", "alert", "normal"),
        ("watch", "alert", "low"),
        ("red", "end", "normal"),
    ],
)
def test_a_phone_that_saves_power_is_woken_by_what_is_grave(
    service: PushService, level: str, kind: str, urgency: str
) -> None:
    browser = service.browser()
    said = content(alert(level=level, type=kind, reason="ended" if kind == "end" else "onset"))
    assert sent(to(browser, said=said)) == [Outcome("sent")]
    assert browser.came[0].urgency == urgency


def test_nothing_waits_at_the_push_service_for_longer_than_it_is_of_use() -> None:
    service = PushService(lambda: NOON)
    browser = service.browser()

    async def run() -> None:
        channel = WebPush(lambda: SEED, "https://example.org", rules=OPEN, now=lambda: NOON)
        for expires_at in (NOON + 3600, NOON + 5, NOON + 90 * 86_400, 0):
            assert await channel.send(to(browser, expires_at=expires_at)) == Outcome("sent")
        await channel.close()

    asyncio.run(run())
    service.close()
    assert [one.ttl_s for one in browser.came] == [3600, 60, 28 * 86_400, 86_400]


def test_an_update_takes_the_place_of_what_was_not_fetched_and_nothing_else_does(
    service: PushService,
) -> None:
    browser, other = service.browser(), service.browser()
    first, worse = content(alert(level="yellow")), content(alert(level="yellow", version=2))
    both = content(alert(level="yellow"), alert("olinda", "yellow"))
    letters = [to(browser, said=one) for one in (first, both, worse)]
    assert {one.verdict for one in sent(*letters, to(other, said=first))} == {"sent"}
    assert len(browser.came) == 3
    assert [len(one.body["body"]) > 0 for one in browser.waits] == [True, True]
    topics = [one.topic for one in browser.came]
    assert topics[0] == topics[2] != topics[1]
    assert other.came[0].topic != topics[0], "nobody can tell that two are told of the same"
    assert "recife" not in topics[0]
    assert [one.body["tag"] for one in browser.came] == topics


@pytest.mark.parametrize("type_", ["end", "cancel", "update"])
def test_what_is_of_a_part_of_a_warning_leaves_what_stands_elsewhere(
    service: PushService, type_: str
) -> None:
    browser = service.browser()
    whole = content(alert(level="red", incident="w"))
    eased = content(alert(level="yellow", incident="w", version=2, type=type_))
    part = msgspec.structs.replace(eased, is_in_part=True)
    over = content(alert(level="red", incident="w", version=3, type="end"))
    said = [to(browser, said=one) for one in (whole, part, over)]
    assert sent(*said[:2]) == [Outcome("sent")] * 2
    assert "red" in [one.body.get("level") for one in browser.waits]
    assert (len(browser.waits), browser.came[1].body.get("tag", "")) == (2, "")
    assert sent(said[2]) == [Outcome("sent")]
    assert browser.came[2].topic == browser.came[0].topic != ""
    assert "red" not in [one.body.get("level") for one in browser.waits]


def test_a_code_goes_at_once_and_takes_no_others_place(service: PushService) -> None:
    browser = service.browser()
    assert sent(to(browser, confirm("webpush", "", "en"))) == [Outcome("sent")]
    [came] = browser.came
    assert (came.body["kind"], came.body["code"], came.topic) == ("confirm", "482913", "")
    assert came.urgency == "high"


@pytest.mark.parametrize("n", [1, 40, 400])
def test_however_much_there_is_to_tell_it_fits(service: PushService, n: int) -> None:
    browser = service.browser()
    said = content(*(alert(f"place-{i}", "red") for i in range(n)), language="es", place="Ñ" * 90)
    body = encode(to(browser, said=said))
    assert len(body) <= MOST_BYTES
    assert sent(to(browser, said=said)) == [Outcome("sent")]
    assert browser.came[0].body["title"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome("sent")),
        (201, Outcome("sent")),
        (202, Outcome("sent")),
        (400, Outcome("never", "HTTP 400: the push service does not understand it")),
        (401, Outcome("again", "HTTP 401")),
        (403, Outcome("again", "HTTP 403")),
        (404, Outcome("never", "HTTP 404: the subscription is gone", is_gone=True)),
        (410, Outcome("never", "HTTP 410: the subscription is gone", is_gone=True)),
        (413, Outcome("never", "HTTP 413: too large")),
        (429, Outcome("again", "HTTP 429")),
        (500, Outcome("again", "HTTP 500")),
        (503, Outcome("again", "HTTP 503")),
        (301, Outcome("again", "HTTP 301")),
    ],
)
def test_an_answer_means(service: PushService, status: int, outcome: Outcome) -> None:
    service.answers.append(status)
    assert sent(to(service.browser())) == [outcome]


def test_a_service_that_hangs_is_unknown_and_one_that_is_not_there_is_tried_again() -> None:
    async def run() -> tuple[Outcome, Outcome]:
        channel = WebPush(lambda: SEED, "https://example.org", rules=OPEN, timeout_s=brief())
        async with rude_target(resets=False) as url:
            hangs = await channel.send(to(Browser(url)))
        refused = await channel.send(to(Browser(url)))
        await channel.close()
        return hangs, refused

    hangs, refused = asyncio.run(run())
    assert hangs == Outcome("unknown", "no answer in time")
    assert refused == Outcome("again", "connection refused")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://[fd00::1]/x",
        "https://push.internal/x",
        "https://push.example.com:22/x",
        "https://metadata/x",
    ],
)
def test_an_endpoint_inside_or_without_tls_is_refused_before_anything_is_sent(
    endpoint: str,
) -> None:
    given = to(Browser(endpoint))
    with pytest.raises(TargetRefused, match="webpush"):
        check(given.contact, STRICT)
    assert sent(given, rules=STRICT) == [Outcome("never", "the target is not allowed")]


def test_keys_that_are_none_are_refused_and_never_repeated() -> None:
    good = Browser("https://push.example.com/secret")
    for broken in (
        good.subscription.replace("p256dh", "p256"),
        good.subscription.replace('"auth": "', '"auth": "AA'),
        "https://push.example.com/secret",
        "{",
        "[]",
        "{}",
    ):
        with pytest.raises(ValueError, match="webpush: ") as caught:
            read_contact(f"webpush:{broken}")
        assert "secret" not in str(caught.value)
    contact = read_contact(good.contact)
    no_point = type(contact)(
        "webpush", contact.address, f"{base64url(bytes(65))}.{base64url(bytes(16))}"
    )
    with pytest.raises(ValueError, match="no keys of a browser"):
        check(no_point)


def test_a_home_whose_key_cannot_be_read_loses_no_message(service: PushService) -> None:
    def gone() -> bytes:
        raise StateConflict("the keys' folder is not there")

    async def run() -> Outcome:
        channel = WebPush(gone, "https://example.org", rules=OPEN)
        return await channel.send(to(service.browser()))

    assert asyncio.run(run()).verdict == "again"
