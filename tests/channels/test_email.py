"""E-mail over a real SMTP connection: what arrives, and what each refusal means."""

from __future__ import annotations

import asyncio
import re
import ssl
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.channels.email import Email
from atalaia.domain.delivery import Letter, Outcome
from atalaia.errors import SettingsInvalid
from patience import LIMIT_S, brief

from .certificates import certified
from .letters import NOON, alert, confirm, content, letter
from .servers_mail import Mailbox, drop_all, mail_server
from .servers_webhook import unused_port

ADDRESS = "c4nary@people.example"
SENDER = "Atalaia <avisos@watch.example>"


def channel(port: int, **settings: Any) -> Email:
    settings = {"tls": "none", "hello": "watch.example", "timeout_s": LIMIT_S} | settings
    return Email(host="127.0.0.1", port=port, sender=SENDER, **settings)


def sent(mailbox: Mailbox, *letters: Letter, **settings: Any) -> list[Outcome]:
    async def run() -> list[Outcome]:
        async with mail_server(mailbox) as port:
            mail = channel(port, **settings)
            outcomes = [await mail.send(each) for each in letters]
            await mail.close()
        return outcomes

    return asyncio.run(run())


def to(address: str = ADDRESS, **changes: Any) -> Letter:
    return letter("email", address, **changes)


def test_a_mail_says_all_of_it_as_text_and_as_html() -> None:
    mailbox = Mailbox()
    said = content(alert(), alert("olinda", "orange"), place="São Luís")
    [outcome] = sent(mailbox, to(said=said))
    assert outcome == Outcome("sent", provider_id="<msg_abcdefghijklmnop@watch.example>")
    [mail], [envelope] = mailbox.mails, mailbox.envelopes
    assert envelope.rcpt_tos == [ADDRESS]
    assert envelope.mail_from == "avisos@watch.example"
    assert mail["Subject"] == said.subject
    assert "São Luís" in mail["Subject"]
    assert mail["From"] == SENDER
    assert mail["To"] == ADDRESS
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    for words in (
        "Vermelho (grande perigo): chuva forte em São Luís",
        "Laranja (perigo): chuva forte em Olinda",
        "71,2 mm (medido, 10/01 08:48), limite 60 mm",
        "Fonte: station",
        "Não atravesse ruas alagadas",
        "Isto não é um aviso oficial",
        "Para não receber mais: avisos@watch.example",
    ):
        assert words in text.get_content(), words
        assert words in html.get_content(), words


def test_any_server_can_carry_it() -> None:
    mailbox = Mailbox()
    sent(mailbox, to(said=content(place="São Luís " * 20)))
    assert mailbox.raw[0].isascii()
    assert max(map(len, mailbox.raw[0].split(b"\r\n"))) <= 998


def test_the_html_loads_nothing_runs_nothing_and_escapes_all() -> None:
    mailbox = Mailbox()
    hostile = '"><script>alert(1)</script><img src=//x.example>&amp;'
    sent(mailbox, to(said=content(place=hostile)))
    body = mailbox.mails[0].get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    for word in ("src=", "href=", "url(", "@import", "http:", "https:", " on"):
        assert word not in re.sub(r"&lt;.*?&gt;", "", html).lower().replace("em on", ""), word


def test_a_level_is_a_word_and_a_shape_beside_its_colour_in_light_and_dark() -> None:
    for level, word, disc in (
        ("yellow", "Amarelo", "⚠️"),
        ("orange", "Laranja", "🔶"),
        ("red", "Vermelho", "🛑"),
    ):
        mailbox = Mailbox()
        sent(mailbox, to(said=content(alert(level=level))))
        body = mailbox.mails[0].get_body(("html",))
        assert body is not None
        html = body.get_content()
        assert word in html
        assert disc in html
        assert "prefers-color-scheme: dark" in html
        assert 'name="color-scheme" content="light dark"' in html


def test_headers_tell_machines_what_it_is_and_threads_what_it_follows() -> None:
    mailbox = Mailbox()
    thread = ("msg_first", "msg_second")
    sent(mailbox, to(thread=thread), unsubscribe="parar@watch.example")
    [mail] = mailbox.mails
    assert mail["Message-ID"] == "<msg_abcdefghijklmnop@watch.example>"
    assert mail["In-Reply-To"] == "<msg_second@watch.example>"
    assert mail["References"] == "<msg_first@watch.example> <msg_second@watch.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<mailto:parar@watch.example?subject=unsubscribe>"
    assert mail["Importance"] == "high"
    assert parsedate_to_datetime(mail["Date"]).timestamp() == NOON


@pytest.mark.parametrize("kind", ["alert", "confirm"])
def test_each_mail_can_be_left_with_one_click(kind: str) -> None:
    mailbox = Mailbox()
    link = f"https://{'very-long.' * 20}watch.example/v1/leave/atl_p_ana.email.6553f100.{'m' * 43}"
    one = to() if kind == "alert" else confirm("email", ADDRESS)
    sent(mailbox, msgspec.structs.replace(one, leave=link), unsubscribe="parar@watch.example")
    [mail] = mailbox.mails
    ways = f"<{link}>, <mailto:parar@watch.example?subject=unsubscribe>"
    assert mail["List-Unsubscribe"] == ways
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    body = mail.get_body(("plain",))
    assert body is not None
    assert (link in body.get_content()) is (kind == "alert")


def test_one_click_is_offered_over_https_alone() -> None:
    mailbox = Mailbox()
    sent(mailbox, msgspec.structs.replace(to(), leave="http://127.0.0.1:8420/v1/leave/x"))
    assert mailbox.mails[0]["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("where", "header"),
    [
        ("https://watch.example/stop", "<https://watch.example/stop>"),
        ("Rua da Aurora, 1", None),
        ("https://x.example/>\r\nBcc: x@y.example", None),
        ("", None),
    ],
)
def test_what_no_machine_can_follow_is_no_list_unsubscribe(where: str, header: str | None) -> None:
    mailbox = Mailbox()
    sent(mailbox, to(), unsubscribe=where)
    assert mailbox.mails[0]["List-Unsubscribe"] == header
    assert mailbox.mails[0]["Bcc"] is None


def test_the_same_message_tried_again_has_the_same_message_id() -> None:
    mailbox = Mailbox(data=["451 4.3.0 later"])
    first, second = sent(mailbox, to(), to())
    assert first == Outcome("again", "SMTP 451 4.3.0: not now")
    assert second.provider_id == "<msg_abcdefghijklmnop@watch.example>"


def test_no_line_end_in_a_name_becomes_a_header() -> None:
    mailbox = Mailbox()
    hostile = "Recife\r\nBcc: x@y.example\r\n\r\nbody\n.\nMAIL FROM:<a@b.example>"
    sent(mailbox, to(said=content(place=hostile)))
    [mail], [envelope] = mailbox.mails, mailbox.envelopes
    assert mail["Bcc"] is None
    assert "Bcc: x@y.example" in mail["Subject"]
    assert envelope.rcpt_tos == [ADDRESS]
    assert len(mail.get_payload()) == 2


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nRCPT TO:<x@y.example>",
        "a b@c.example",
        "a@b@c.example",
        "<a@b.example>",
        "josé@b.example",
        '"a"@b.example',
        "a@",
        "@b.example",
        "a@" + "b" * 64 + ".example",
        "a@b..example",
        "",
    ],
)
def test_what_is_no_address_reaches_no_server(address: str) -> None:
    mailbox = Mailbox()
    [outcome] = sent(mailbox, to(address))
    assert outcome == Outcome("never", "not an address that mail can be sent to")
    assert mailbox.connections == 0


def test_a_domain_of_other_letters_goes_in_its_ascii_form() -> None:
    mailbox = Mailbox()
    [outcome] = sent(mailbox, to("ana@são.example"))
    assert outcome.verdict == "sent"
    assert mailbox.envelopes[0].rcpt_tos == ["ana@xn--so-sia.example"]


def test_a_confirmation_has_the_code_and_does_not_speak_of_stopping() -> None:
    mailbox = Mailbox()
    sent(mailbox, confirm("email", ADDRESS, "en"))
    for kind in ("plain", "html"):
        body = mailbox.mails[0].get_body((kind,))
        assert body is not None
        assert "482913" in body.get_content()
        assert "no more" not in body.get_content()


GONE = {"is_gone": True}
MISTAKE = {"pauses": True, "after_s": 300.0}
BUSY = {"pauses": True, "after_s": 60.0}


@pytest.mark.parametrize(
    ("stage", "says", "outcome"),
    [
        ("recipient", "450 4.2.0 greylisted", Outcome("again", "SMTP 450 4.2.0: not now")),
        ("recipient", "451 try later", Outcome("again", "SMTP 451: not now")),
        ("recipient", "452 4.2.2 full", Outcome("again", "SMTP 452 4.2.2: not now")),
        ("recipient", "421 4.3.2 bye", Outcome("again", "SMTP 421 4.3.2: server is busy", **BUSY)),
        (
            "recipient",
            "550 5.1.1 no c4nary",
            Outcome("never", "SMTP 550 5.1.1: no such mailbox", **GONE),
        ),
        ("recipient", "551 5.1.6 x", Outcome("never", "SMTP 551 5.1.6: no such mailbox", **GONE)),
        ("recipient", "553 5.1.3 x", Outcome("never", "SMTP 553 5.1.3: no such mailbox", **GONE)),
        ("recipient", "550 5.1.10 x", Outcome("never", "SMTP 550 5.1.10: no such mailbox", **GONE)),
        ("recipient", "550 5.1.8 x", Outcome("never", "SMTP 550 5.1.8: sender's address refused")),
        ("recipient", "550 5.7.1 spam", Outcome("never", "SMTP 550 5.7.1: recipient refused")),
        ("recipient", "550 no c4nary", Outcome("never", "SMTP 550: recipient refused")),
        ("recipient", "554 x", Outcome("never", "SMTP 554: recipient refused")),
        ("sender", "451 4.7.1 x", Outcome("again", "SMTP 451 4.7.1: not now")),
        ("sender", "530 5.7.0 x", Outcome("again", "SMTP 530 5.7.0: sender refused", **MISTAKE)),
        ("sender", "553 5.1.8 x", Outcome("again", "SMTP 553 5.1.8: sender refused", **MISTAKE)),
        ("sender", "552 5.3.4 x", Outcome("never", "SMTP 552 5.3.4: message too large")),
        ("data", "452 4.3.1 x", Outcome("again", "SMTP 452 4.3.1: not now")),
        ("data", "550 5.7.1 spam", Outcome("never", "SMTP 550 5.7.1: message refused")),
        ("data", "550 5.1.1 x", Outcome("never", "SMTP 550 5.1.1: no such mailbox", **GONE)),
        ("data", "554 x", Outcome("never", "SMTP 554: message refused")),
        ("data", "hang", Outcome("unknown", "no answer in time")),
        ("data", "reset", Outcome("unknown", "connection lost")),
        ("recipient", "hang", Outcome("again", "no answer in time")),
        ("recipient", "reset", Outcome("again", "connection lost")),
        ("sender", "reset", Outcome("again", "connection lost")),
    ],
)
def test_an_answer_means(stage: str, says: str, outcome: Outcome) -> None:
    mailbox = Mailbox(**{stage: [says]})
    timeout_s = brief() if says == "hang" else LIMIT_S
    assert sent(mailbox, to(), timeout_s=timeout_s) == [outcome]
    assert mailbox.mails == []


def test_a_greylisted_message_goes_when_the_server_has_waited() -> None:
    mailbox = Mailbox(recipient=["451 4.7.1 greylisted, c4nary"])
    first, second = sent(mailbox, to(), to())
    assert (first.verdict, second.verdict) == ("again", "sent")
    assert channel(1).limits.schedule[1] >= 300


def test_one_connection_carries_many_messages() -> None:
    mailbox = Mailbox()
    outcomes = sent(mailbox, *(to() for _ in range(20)))
    assert {outcome.verdict for outcome in outcomes} == {"sent"}
    assert len(mailbox.mails) == 20
    assert mailbox.connections == 1


def test_messages_at_once_have_connections_of_their_own_and_lose_nothing() -> None:
    mailbox = Mailbox()

    async def run() -> list[Outcome]:
        async with mail_server(mailbox) as port:
            mail = channel(port)
            outcomes = []
            for _ in range(5):
                tries = (mail.send(to(f"p{i}@people.example")) for i in range(4))
                outcomes += await asyncio.gather(*tries)
            await mail.close()
        return outcomes

    assert {outcome.verdict for outcome in asyncio.run(run())} == {"sent"}
    assert len(mailbox.mails) == 20
    assert mailbox.connections == 4


def test_a_connection_that_was_dropped_is_replaced_and_nothing_is_lost() -> None:
    mailbox = Mailbox()

    async def run() -> list[Outcome]:
        async with mail_server(mailbox) as port:
            mail = channel(port)
            first = await mail.send(to())
            drop_all(mailbox)
            second = await mail.send(to())
            await mail.close()
        return [first, second]

    assert [outcome.verdict for outcome in asyncio.run(run())] == ["sent", "sent"]
    assert mailbox.connections == 2


def test_a_connection_that_lay_idle_for_long_is_not_trusted() -> None:
    mailbox, times = Mailbox(), [0.0]

    async def run() -> None:
        async with mail_server(mailbox) as port:
            mail = channel(port, now=lambda: times[0])
            await mail.send(to())
            times[0] = 29.0
            await mail.send(to())
            assert mailbox.connections == 1
            times[0] = 60.0
            await mail.send(to())
            await mail.close()

    asyncio.run(run())
    assert mailbox.connections == 2


def test_no_server_is_tried_again() -> None:
    outcome = asyncio.run(channel(unused_port()).send(to()))
    assert outcome == Outcome("again", "connection refused")


def test_a_server_that_greets_nobody_is_tried_again() -> None:
    async def run(greeting: bytes) -> Outcome:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(greeting)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        outcome = await channel(
            server.sockets[0].getsockname()[1], timeout_s=LIMIT_S if greeting else brief()
        ).send(to())
        server.close()
        return outcome

    assert asyncio.run(run(b"")) == Outcome("again", "no connection in time")
    refused = asyncio.run(run(b"554 5.7.1 c4nary\r\n"))
    assert refused == Outcome("again", "SMTP 554 5.7.1: server refuses us", **MISTAKE)
    busy = asyncio.run(run(b"421 too many\r\n"))
    assert busy == Outcome("again", "SMTP 421: server is busy", **BUSY)
    assert asyncio.run(run(b"HTTP/1.1 400 Bad Request\r\n\r\n")).verdict == "again"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_holds_the_channel_and_a_right_one_sends() -> None:
    mailbox = Mailbox()

    async def run(password: str) -> Outcome:
        async with mail_server(mailbox, user="watch", password="r1ght") as port:
            mail = channel(port, user="watch", password=password)
            outcome = await mail.send(to())
            await mail.close()
        return outcome

    refused = asyncio.run(run("c4nary"))
    assert refused == Outcome("again", "SMTP 535 5.7.8: user or password refused", **MISTAKE)
    assert mailbox.mails == []
    assert asyncio.run(run("r1ght")).verdict == "sent"


def test_starttls_is_used_and_never_done_without(tmp_path: Path) -> None:
    server, trust = certified(tmp_path, "localhost")
    mailbox = Mailbox()

    async def run(offered: ssl.SSLContext | None, trusted: ssl.SSLContext | None) -> Outcome:
        async with mail_server(mailbox, tls=offered) as port:
            mail = Email(
                host="localhost",
                port=port,
                sender=SENDER,
                hello="watch.example",
                trust=trusted,
                timeout_s=LIMIT_S,
            )
            outcome = await mail.send(to())
            await mail.close()
        return outcome

    assert asyncio.run(run(server, trust)).verdict == "sent"
    assert mailbox.tls == [True]
    without = asyncio.run(run(None, trust))
    assert without == Outcome(
        "again", "the server has no STARTTLS or no login that we know", **MISTAKE
    )
    untrusted = asyncio.run(run(server, None))
    assert untrusted == Outcome("again", "TLS failed", **MISTAKE)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("sender", ["", "nobody", "a@b@c", "x@y.example\r\nBcc: z@y.example"])
def test_a_sender_that_is_no_address_is_told_when_it_is_set(sender: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"channels\.email\.sender"):
        Email(host="127.0.0.1", sender=sender)


def test_no_reason_holds_the_address_or_what_the_server_wrote() -> None:
    for stage in ("sender", "recipient", "data"):
        for code in ("450", "550", "550 5.1.1", "421"):
            [outcome] = sent(Mailbox(**{stage: [f"{code} <{ADDRESS}> says c4nary"]}), to())
            assert outcome.verdict != "sent"
            assert "c4nary" not in outcome.reason
