"""What Meta's webhook tells: replies of people, and messages that could not be delivered.

Pure functions over a request that somebody else received: the webhook needs a public address.
First `challenge`, once, when the webhook is set up; then `is_signed` for every request, and
`heard` for those that are. Reference: developers.facebook.com, Graph API: webhooks, getting
started; WhatsApp Cloud API: webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from atalaia.channels.whatsapp import outcome_of
from atalaia.domain.delivery import Outcome


class WhatsAppReply(msgspec.Struct, frozen=True, kw_only=True):
    """A person's reply: text, or the payload of the button that they pressed.

    addresses   the numbers (E.164) that their contact may be kept under, the likeliest first:
                Brazil, Mexico and Argentina have numbers that WhatsApp writes in its own way
    """

    addresses: tuple[str, ...]
    text: str = ""
    pressed: str = ""

    def __repr__(self) -> str:
        return "Heard('***')"


class Undelivered(msgspec.Struct, frozen=True):
    """A message that Meta had taken, and then could not deliver; `message` is Atalaia's own id."""

    message: str
    outcome: Outcome


class WhatsAppNews(msgspec.Struct, frozen=True):
    """What one request tells; `skipped`: how many of its parts could not be read."""

    heard: tuple[WhatsAppReply, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()
    skipped: int = 0


class _Text(msgspec.Struct):
    body: str = ""


class _Button(msgspec.Struct):
    payload: str = ""


class _Choice(msgspec.Struct):
    id: str = ""


class _Interactive(msgspec.Struct):
    button_reply: _Choice = msgspec.field(default_factory=_Choice)


class _Message(msgspec.Struct, rename={"sender": "from"}):
    sender: str
    text: _Text = msgspec.field(default_factory=_Text)
    button: _Button = msgspec.field(default_factory=_Button)
    interactive: _Interactive = msgspec.field(default_factory=_Interactive)


class _StatusError(msgspec.Struct):
    code: int = 0


class _Status(msgspec.Struct):
    status: str
    biz_opaque_callback_data: str = ""
    errors: list[_StatusError] = []


class _Value(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    statuses: list[msgspec.Raw] = []


class _Change(msgspec.Struct):
    value: _Value = msgspec.field(default_factory=_Value)


class _Entry(msgspec.Struct):
    changes: list[_Change] = []


class _Request(msgspec.Struct):
    entry: list[_Entry] = []


_decode_request = msgspec.json.Decoder(_Request).decode


_Part = TypeVar("_Part", _Message, _Status)


def challenge(query: Mapping[str, str], verify_token: str) -> str | None:
    """What to answer to Meta's GET that sets the webhook up; None: refuse it (403)."""
    given = query.get("hub.verify_token", "")
    is_ours = bool(verify_token) and hmac.compare_digest(given.encode(), verify_token.encode())
    if query.get("hub.mode") != "subscribe" or not is_ours:
        return None
    return query.get("hub.challenge", "")


def is_signed(body: bytes, signature: str, app_secret: str) -> bool:
    """Whether the header X-Hub-Signature-256 shows that this body comes from Meta."""
    digest = hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    is_ours = hmac.compare_digest(f"sha256={digest}".encode(), signature.encode())
    return bool(app_secret) and is_ours


def heard(body: bytes) -> WhatsAppNews:
    """What a signed request tells. Never raises: what cannot be read is skipped and counted."""
    try:
        request = _decode_request(body)
    except (msgspec.MsgspecError, RecursionError):
        return WhatsAppNews(skipped=1)
    values = [change.value for entry in request.entry for change in entry.changes]
    messages = [raw for value in values for raw in value.messages]
    statuses = [raw for value in values for raw in value.statuses]
    replies = list(_read(messages, _decode_message))
    news = list(_read(statuses, _decode_status))
    return WhatsAppNews(
        heard=tuple(_heard(one) for one in replies if one.sender.isdecimal()),
        undelivered=tuple(_undelivered(one) for one in news if _is_failure(one)),
        skipped=len(messages) + len(statuses) - len(replies) - len(news),
    )


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_status = msgspec.json.Decoder(_Status).decode


def _read(parts: list[msgspec.Raw], decode: Callable[[msgspec.Raw], _Part]) -> Iterator[_Part]:
    for raw in parts:
        try:
            yield decode(raw)
        except (msgspec.MsgspecError, RecursionError):
            continue


def _heard(message: _Message) -> WhatsAppReply:
    return WhatsAppReply(
        addresses=_numbers(message.sender),
        text=message.text.body,
        pressed=message.button.payload or message.interactive.button_reply.id,
    )


def _is_failure(status: _Status) -> bool:
    return status.status == "failed" and bool(status.biz_opaque_callback_data)


def _undelivered(status: _Status) -> Undelivered:
    code = status.errors[0].code if status.errors else 0
    known = outcome_of(code) if code else None
    return Undelivered(
        status.biz_opaque_callback_data,
        known or Outcome("never", f"WhatsApp could not deliver it ({code})"),
    )


def _numbers(wa_id: str) -> tuple[str, ...]:
    """The number as WhatsApp writes it, and as its owner would where that differs.

    Mobile numbers: Brazil has a 9 after the two digits of the area, which older accounts lack;
    Mexico had a 1, and Argentina has a 9, after the country's code.
    """
    country, rest = wa_id[:2], wa_id[2:]
    if country == "55" and len(rest) == 10 and rest[2] in "6789":
        return f"+55{rest[:2]}9{rest[2:]}", f"+{wa_id}"
    if country == "55" and len(rest) == 11 and rest[2] == "9":
        return f"+{wa_id}", f"+55{rest[:2]}{rest[3:]}"
    if (country, len(rest), rest[:1]) in (("52", 11, "1"), ("54", 11, "9")):
        return f"+{wa_id}", f"+{country}{rest[1:]}"
    return (f"+{wa_id}",)
