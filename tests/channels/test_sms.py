"""SMS: what fits a segment, and what SNS's answers mean, over HTTP against local servers."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from atalaia.channels.gsm7 import BASIC, EXTENDED, SEGMENT, cut, plain, septets
from atalaia.channels.sms import DEFAULT_PRICE_USD, Sms, text
from atalaia.domain.delivery import Letter, Outcome
from atalaia.domain.words import LANGUAGES, one_line
from patience import LIMIT_S, brief

from .letters import NOON, alert, confirm, content, letter
from .servers_webhook import rude_target, target, unused_port

pytestmark = pytest.mark.usefixtures("models_once")

NUMBER = "+5581999990000"
KEYS = {"region": "us-east-1", "access_key": "c4nary", "secret_key": "c4nary"}
BROKEN = "São Tomé\r\ndas Letras\n, Minas: a. b at c"
ENDLESS = "St. John at sea, for now: " * 8
LONG = "Vila Bela da Santíssima Trindade de Nossa Senhora do Livramento, Mato Grosso, Alto Guaporé"


@pytest.fixture(scope="module")
def sns() -> Iterator[str]:
    """Moto's Amazon on loopback: its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def to(number: str = NUMBER, **changes: Any) -> Letter:
    return letter("sms", number, **changes)


def sent(url: str, one: Letter, **settings: Any) -> Outcome:
    async def run() -> Outcome:
        sms = Sms(endpoint_url=url, **(KEYS | settings))
        outcome = await sms.send(one)
        await sms.close()
        return outcome

    return asyncio.run(run())


def answered(status: int, body: str, *, to_publish: bool = True, **settings: Any) -> Outcome:
    """What is made of this answer to the publishing (or to the question before it)."""

    async def answer(request: web.Request) -> web.Response:
        said = await request.post()
        if to_publish and said["Action"] == "CheckIfPhoneNumberIsOptedOut":
            return web.Response(text=_FREE, content_type="text/xml")
        return web.Response(status=status, text=body, content_type="text/xml")

    async def run() -> Outcome:
        async with target(answer) as server:
            sms = Sms(endpoint_url=str(server.make_url("")), **(KEYS | settings))
            outcome = await sms.send(to())
            await sms.close()
        return outcome

    return asyncio.run(run())


_FREE = (
    '<CheckIfPhoneNumberIsOptedOutResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    "<CheckIfPhoneNumberIsOptedOutResult><isOptedOut>false</isOptedOut>"
    "</CheckIfPhoneNumberIsOptedOutResult></CheckIfPhoneNumberIsOptedOutResponse>"
)

_TAKEN = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
    "<MessageId>m-1</MessageId></PublishResult></PublishResponse>"
)


def error(code: str, message: str = f"c4nary {NUMBER}") -> str:
    return (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )


def test_sns_takes_the_message_and_the_segment_is_counted(sns: str) -> None:
    outcome = sent(sns, to(), price_usd=0.07, sender_id="ATALAIA")
    assert outcome.verdict == "sent"
    assert outcome.cost_usd == 0.07
    assert re.fullmatch(r"[0-9a-f-]{36}", outcome.provider_id)
    assert sent(sns, to()).cost_usd == DEFAULT_PRICE_USD


def test_what_arrives_is_the_text_the_number_and_that_it_matters() -> None:
    seen = []

    async def keep(request: web.Request) -> web.Response:
        said = dict(await request.post())
        seen.append(said)
        if said["Action"] != "Publish":
            return web.Response(text=_FREE, content_type="text/xml")
        return web.Response(text=_TAKEN, content_type="text/xml")

    async def run() -> Outcome:
        async with target(keep) as server:
            sms = Sms(endpoint_url=str(server.make_url("")), sender_id="ATALAIA", **KEYS)
            outcome = await sms.send(to())
            await sms.close()
        return outcome

    assert asyncio.run(run()) == Outcome("sent", provider_id="m-1", cost_usd=DEFAULT_PRICE_USD)
    asked, published = seen
    assert asked["Action"] == "CheckIfPhoneNumberIsOptedOut"
    assert published["PhoneNumber"] == NUMBER
    assert published["Message"] == text(to().content, "Pare: responda STOP")
    values = {str(v) for k, v in published.items() if k.startswith("MessageAttributes")}
    assert {"Transactional", "ATALAIA"} <= values


def test_a_number_that_opted_out_is_gone_and_nothing_is_published(sns: str) -> None:
    # Moto holds the numbers that end in 99 to have opted out.
    outcome = sent(sns, to("+5581999990099"))
    assert outcome == Outcome("never", "the number has opted out", is_gone=True)


MISTAKE = {"pauses": True, "after_s": 300.0}
BUSY = {"pauses": True, "after_s": 30.0}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (429, error("Throttled"), Outcome("again", "SNS Throttled: AWS is busy", **BUSY)),
        (400, error("Throttling"), Outcome("again", "SNS Throttling: AWS is busy", **BUSY)),
        (
            400,
            error("ThrottlingException"),
            Outcome("again", "SNS ThrottlingException: AWS is busy", **BUSY),
        ),
        (500, error("InternalError"), Outcome("again", "SNS InternalError: AWS fails")),
        (503, error("ServiceUnavailable"), Outcome("again", "SNS ServiceUnavailable: AWS fails")),
        (400, error("InvalidParameter"), Outcome("never", "SNS InvalidParameter: refused")),
        (
            400,
            error("InvalidParameter", f"{NUMBER} is opted out"),
            Outcome("never", "SNS OptedOut: the number has opted out", is_gone=True),
        ),
        (
            403,
            error("AuthorizationError"),
            Outcome("again", "SNS AuthorizationError: AWS refuses the account", **MISTAKE),
        ),
        (
            403,
            error("InvalidClientTokenId"),
            Outcome("again", "SNS InvalidClientTokenId: AWS refuses the account", **MISTAKE),
        ),
        (
            400,
            error("MonthlySpendLimitReachedException"),
            Outcome(
                "again", "SNS MonthlySpendLimitReachedException: AWS refuses the account", **MISTAKE
            ),
        ),
        (400, error("SomethingNew"), Outcome("never", "SNS SomethingNew: refused")),
        (502, "", Outcome("again", "SNS 502: AWS fails")),
        (400, error(f"x {NUMBER}"), Outcome("never", "SNS 400: refused")),
    ],
)
def test_an_answer_means(status: int, body: str, outcome: Outcome) -> None:
    assert answered(status, body) == outcome
    # The question whether the number has opted out is answered by the same table.
    assert answered(status, body, to_publish=False) == outcome


def test_an_answer_that_is_not_amazons_is_unknown_and_to_the_question_no_harm() -> None:
    html = "<html><body>c4nary"
    assert answered(200, html).verdict == "unknown"
    assert answered(200, html, to_publish=False).verdict == "again"
    assert "c4nary" not in answered(200, html).reason


def test_nobody_there_is_tried_again() -> None:
    outcome = sent(f"http://127.0.0.1:{unused_port()}", to())
    assert outcome == Outcome("again", "cannot connect")


@pytest.mark.parametrize("resets", [False, True])
def test_a_publishing_without_an_answer_is_unknown_a_question_is_not(resets: bool) -> None:
    tries = []

    async def lose(request: web.Request) -> web.StreamResponse:
        said = await request.post()
        tries.append(said["Action"])
        if said["Action"] == "CheckIfPhoneNumberIsOptedOut":
            return web.Response(text=_FREE, content_type="text/xml")
        if not resets:
            await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=LIMIT_S)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def run() -> list[Outcome]:
        async with target(lose) as server:
            sms = Sms(endpoint_url=str(server.make_url("")), timeout_s=brief(), **KEYS)
            outcomes = [await sms.send(to())]
            await sms.close()
        async with rude_target(resets=resets) as url:
            sms = Sms(endpoint_url=url, timeout_s=brief(), **KEYS)
            outcomes.append(await sms.send(to()))
            await sms.close()
        return outcomes

    published, asked = asyncio.run(run())
    assert published.verdict == "unknown"
    assert asked.verdict == "again"
    assert tries == ["CheckIfPhoneNumberIsOptedOut", "Publish"]  # boto tried nothing twice


def test_without_keys_the_channel_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    url = f"http://127.0.0.1:{unused_port()}"
    outcome = sent(url, to(), access_key="", secret_key="")
    assert outcome == Outcome("again", "no AWS keys", **MISTAKE)


def test_without_boto3_the_next_step_is_told() -> None:
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from atalaia.channels.sms import Sms\n"
        "from atalaia.errors import SettingsInvalid\n"
        "try:\n    Sms()\nexcept SettingsInvalid as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'atalaia[aws]'" in said.stdout


def test_number_and_text_are_in_no_log_even_for_debugging(
    sns: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    assert sent(sns, to()).verdict == "sent"
    assert NUMBER not in caplog.text
    assert NUMBER[1:] not in caplog.text
    assert "chuva" not in caplog.text


# What a segment says.


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", ["Recife", "São Luís", LONG, BROKEN, ENDLESS])
@pytest.mark.parametrize("others", [0, 3])
def test_a_segment_says_level_hazard_place_value_time_and_that_it_is_not_official(
    language: str, place: str, others: int
) -> None:
    alerts = [alert(), *(alert("olinda", "orange") for _ in range(others))]
    said = text(content(*alerts, language=language, place=place), "Stop: STOP")
    i = LANGUAGES.index(language)
    assert septets(said) <= SEGMENT
    assert set(said) <= BASIC
    for words in (
        ("VERMELHO", "RED", "ROJO")[i],
        ("chuva forte", "heavy rain", "lluvia fuerte")[i],
        plain(one_line(place))[:18],
        ("71,2 mm", "71.2 mm", "71,2 mm")[i],
        ("10/01 08:48", "10 Jan 08:48", "10/01 08:48")[i],
        ("Aviso nao oficial", "Not official", "Aviso no oficial")[i],
        "Stop: STOP",
    ):
        assert words in said, (words, said)
    assert ("mais 3" in said or "3 more" in said or "3 mas" in said) == bool(others)


@pytest.mark.parametrize("reason", ["ended", "expired", "withdrawn"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", ["Recife", LONG, BROKEN, ENDLESS])
def test_an_end_says_which_level_and_value_too(reason: str, language: str, place: str) -> None:
    end = alert(type="cancel" if reason == "withdrawn" else "end", reason=reason, value=3.0)
    said = text(content(end, language=language, place=place), "Stop: STOP")
    i = LANGUAGES.index(language)
    assert septets(said) <= SEGMENT
    for words in (
        ("vermelho", "red", "rojo")[i],
        ("chuva forte", "heavy rain", "lluvia fuerte")[i],
        plain(one_line(place))[:18],
        "3 mm",
        "08:48",
    ):
        assert words in said, (words, said)
    if reason == "expired":  # never taken for an end
        assert ("Sem dados", "No data", "Ningun dato")[i] in said


def test_advice_fills_what_is_left_clause_by_clause() -> None:
    said = text(content(language="en"))
    assert "Do not cross flooded roads; keep away from slopes and riverbanks." in said
    assert "Do not cross flooded roads." in text(content(language="en", place="A" * 40))
    assert "flooded" not in text(content(language="en", place="A" * 80))


def test_a_silent_source_is_told_with_its_time_and_that_it_is_not_calm() -> None:
    one = alert(
        level="yellow",
        variable=None,
        hazard="cannot_see",
        source="open-meteo",
        valid_at=NOON - 3600,
    )
    for language in LANGUAGES:
        said = text(content(one, language=language, place=", ".join("abcdefg")))
        assert septets(said) <= SEGMENT
        assert "open-meteo" in said
        assert "08:00" in said
        assert re.search("calmo|calm|calma", said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_confirmation_fits_with_its_code(language: str) -> None:
    said = text(confirm("sms", NUMBER, language).content)
    assert septets(said) <= SEGMENT
    assert "482913" in said
    assert set(said) <= BASIC


@given(
    place=st.text(max_size=200),
    stop=st.text(max_size=200),
    language=st.sampled_from(LANGUAGES),
    is_over=st.booleans(),
)
def test_whatever_the_name_it_is_one_segment_of_gsm7(
    place: str, stop: str, language: str, is_over: bool
) -> None:
    one = alert(type="end", reason="ended") if is_over else alert()
    said = text(content(one, alert("olinda"), language=language, place=place), stop)
    assert septets(said) <= SEGMENT
    assert set(said) <= BASIC | EXTENDED
    assert "08:48" in said
    assert "71" in said


def test_gsm7_counts_and_writes_as_the_standard() -> None:
    assert (
        plain("São João d’Oeste – 39 °C, 5 µg/m³ “já” …")
        == 'Sao Joao d\'Oeste - 39 C, 5 ug/m3 "ja" ...'
    )
    assert plain("Łódź, Straße, København") == "Lodz, Strasse, Kobenhavn"
    assert plain("🔶⚠️ 東京") == " ??"
    assert septets("a[b]€".replace("€", "")) == 6
    assert septets(cut("[" * 200, SEGMENT)) <= SEGMENT
    assert cut("Recife", 6) == "Recife"
    assert cut("Recife antigo", 10) == "Recife a.."
