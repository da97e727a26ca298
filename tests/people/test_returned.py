"""Mails that came back: whose contact ends by that, and whose does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.channels.ses_returns import MailReturn, returns
from atalaia.errors import PayloadInvalid
from atalaia.people.returned import take_back
from people.world import NOW, World, world

ANA = "ana.canary@example.org"


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "home") as found:
        yield found


def bounced(kind: str = "Permanent", address: str = ANA, **more: Any) -> str:
    bounce = {
        "bounceType": kind,
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": address, "status": "5.1.1", "action": "failed"}],
        "timestamp": "2026-01-10T12:00:00.000Z",
    }
    return json.dumps({"notificationType": "Bounce", "bounce": bounce, "mail": {}} | more)


def complained(feedback: str | None = "abuse", address: str = ANA) -> str:
    complaint = {
        "complainedRecipients": [{"emailAddress": address}],
        "complaintFeedbackType": feedback,
    }
    return json.dumps({"eventType": "Complaint", "complaint": complaint, "mail": {}})


def test_a_mailbox_that_is_not_there_is_not_written_to_again(w: World) -> None:
    ana = w.told(f"email:{ANA}", "sms:+5551999990000")
    bia = w.told("email:bia@example.org")
    for _ in range(2):  # SNS tells at least once
        assert take_back(w.registry, [bounced()], NOW + 5) == {"hard": 1}
        assert w.person(ana).channels == ("sms",)
    assert w.person(bia).channels == ("email",)
    assert [c.withdrawn_at for c in w.home.people.consents(ana)] == [0, 0], "they withdrew nothing"


def test_who_calls_it_spam_gets_no_more_and_has_withdrawn_their_consent(w: World) -> None:
    ana = w.told(f"email:{ANA}")
    assert take_back(w.registry, [complained()], NOW + 5) == {"complaint": 1}
    assert w.registry.person(ana) is None
    assert [c.withdrawn_at for c in w.home.people.consents(ana)] == [NOW + 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (bounced("Transient"), {"soft": 1}),
        (bounced("Undetermined"), {"soft": 1}),
        (complained("not-spam"), {}),
        (json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "x"}), {}),
        (bounced(address="not an address"), {"hard": 1}),
        (bounced(address="nobody@example.org"), {"hard": 1}),
        (bounced(address=""), {}),
    ],
)
def test_what_is_neither_is_counted_alone(w: World, text: str, told: dict[str, int]) -> None:
    ana = w.told(f"email:{ANA}")
    assert take_back(w.registry, [text], NOW) == told
    assert w.person(ana).channels == ("email",)


def test_an_address_is_found_as_mail_writes_it(w: World) -> None:
    ana = w.told("email:ana@correio-são.example")
    sent = "ana@" + "correio-são.example".encode("idna").decode()
    take_back(w.registry, [bounced(address=f"Ana <{sent}>")], NOW)
    assert w.registry.person(ana) is None


def test_an_address_that_was_asked_for_a_code_and_is_not_there_is_forgotten(w: World) -> None:
    asked = w.subscribe(f"email:{ANA}").pseudonym
    take_back(w.registry, [bounced()], NOW + 1)
    assert w.registry.question(asked, "email", NOW + 1) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bounce": {"bounceType": 5}}'])
def test_what_is_no_message_of_ses_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(PayloadInvalid, match="no notification of SES"):
        list(returns(text))


def test_no_address_is_shown() -> None:
    assert ANA not in repr(MailReturn(ANA, "hard"))
