"""WhatsApp: an approved template to a phone number, by Meta's Cloud API.

Outside the 24 hours after a person's last message only templates may be sent, so Atalaia always
sends one. Meta takes most messages at once and says only later, by its webhook, that a number
could not be reached: `whatsapp_webhook` reads that, with this file's table.

Reference: developers.facebook.com, WhatsApp Cloud API: messages, template messages, error codes.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec

from atalaia.channels.outcomes import MISTAKE_WAIT_S, Answer, by_status, post
from atalaia.domain.delivery import HOUR, Letter, Limits, Outcome
from atalaia.domain.message import Content
from atalaia.domain.words import one_line

BASE_URL = "https://graph.facebook.com"
VERSION = "v23.0"


def _again(reason: str) -> Outcome:
    return Outcome("again", reason)


def _pause(reason: str, after_s: float = 0.0) -> Outcome:
    return Outcome("again", reason, after_s=after_s, pauses=True)


def _never(reason: str) -> Outcome:
    return Outcome("never", reason)


_TOKEN = _pause("WhatsApp refuses the token; mend channels.whatsapp.token", MISTAKE_WAIT_S)
_RIGHTS = _pause("the token may not send for this number; give it the right", MISTAKE_WAIT_S)
_ACCOUNT = _pause("the business account must be put in order at Meta", MISTAKE_WAIT_S)
_NUMBER = _pause("WhatsApp does not know channels.whatsapp.phone_number_id", MISTAKE_WAIT_S)
_TEMPLATE = "the template does not fit; compare it with Atalaia's documentation"

# By Meta's error code; 200 to 299 mean what 10 means. A code that is not here means what
# `by_status` says. A fault of all messages pauses the channel; one of the template ends the try,
# so that the next channel has its turn.
OUTCOMES: dict[int, Outcome] = {
    0: _TOKEN,
    1: _again("WhatsApp's own fault (1)"),
    2: _again("WhatsApp is down or overloaded (2)"),
    3: _RIGHTS,
    4: _pause("WhatsApp's rate limit (4)"),
    10: _RIGHTS,
    33: _NUMBER,
    100: _never("WhatsApp refuses the message (100)"),
    190: _TOKEN,
    368: _ACCOUNT,
    80007: _pause("WhatsApp's rate limit (80007)"),
    130429: _pause("WhatsApp's rate limit (130429)"),
    130472: _never("WhatsApp withholds it as an experiment (130472)"),
    130497: _never("WhatsApp does not allow it in this country (130497)"),
    131000: _again("WhatsApp's own fault (131000)"),
    131005: _RIGHTS,
    131008: _never(_TEMPLATE + " (131008)"),
    131009: _never(_TEMPLATE + " (131009)"),
    131016: _again("WhatsApp is overloaded (131016)"),
    131021: _never("sender and receiver are the same number (131021)"),
    # No WhatsApp at this number, or one that is too old: Meta does not tell which, so the address
    # stays, and each time the next channel has its turn.
    131026: _never("cannot be reached by WhatsApp (131026)"),
    131030: _never("not among the numbers allowed to a test account (131030)"),
    131031: _ACCOUNT,
    131037: _ACCOUNT,
    131042: _ACCOUNT,
    131045: _ACCOUNT,
    131047: _never("outside the 24 hours, and not sent as a template (131047)"),
    131048: _pause("too many marked our messages as spam (131048)", HOUR),
    131049: _never("WhatsApp holds it back, as this person gets many (131049)"),
    131050: Outcome("never", "wants none from this sender (131050)", is_gone=True),
    131051: _never("WhatsApp refuses the kind of message (131051)"),
    131056: Outcome("again", "too many to this number (131056)", after_s=6),
    131057: _pause("the account is being maintained (131057)", MISTAKE_WAIT_S),
    132000: _never(_TEMPLATE + ": number of parameters (132000)"),
    132001: _never(_TEMPLATE + ": no such name and language (132001)"),
    132005: _never(_TEMPLATE + ": its own text is too long (132005)"),
    132007: _never(_TEMPLATE + ": not allowed (132007)"),
    132012: _never(_TEMPLATE + ": kind of parameters (132012)"),
    132015: _never("Meta paused the template (132015)"),
    132016: _never("Meta switched the template off (132016)"),
    133010: _ACCOUNT,
}

_LANGUAGES = {"pt-BR": "pt_BR", "en": "en", "es": "es"}

# A template's body may have 1,024 characters with all its parameters. These are the parameters';
# what is left is for the template's own words.
_LONGEST_HEAD = 200
_LONGEST_TEXT = 620


class _GraphError(msgspec.Struct):
    code: int = 0
    error_subcode: int = 0


class _SentMessage(msgspec.Struct):
    id: str


class _SendAnswer(msgspec.Struct):
    messages: list[_SentMessage] = []
    error: _GraphError | None = None


_decode_send_answer = msgspec.json.Decoder(_SendAnswer).decode


class WhatsApp:
    """Sends from one business number.

    template, confirm_template   names of the approved templates, one in each language
    a_day      people a day that Meta allows this business: 250, then 2,000, 10,000, 100,000
    base_url   another address of the same API; timeout_s of one call
    """

    name = "whatsapp"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        phone_number_id: str,
        *,
        template: str = "atalaia_alert",
        confirm_template: str = "atalaia_confirm",
        a_day: int = 250,
        base_url: str = BASE_URL,
        version: str = VERSION,
        timeout_s: float = 20.0,
    ) -> None:
        self.limits = Limits(a_second=80, contact_s=6, a_day=a_day, at_once=16)
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self._url = f"{base_url.rstrip('/')}/{version}/{phone_number_id}/messages"
        self._template, self._confirm_template = template, confirm_template
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> Outcome:
        """Try once. Sent means that Meta took it."""
        answer = await post(
            self._session,
            self._url,
            timeout_s=self._timeout_s,
            headers=self._headers,
            json=body_of(letter, self.template_of(letter.content)),
        )
        return answer if isinstance(answer, Outcome) else _judged(answer)

    def template_of(self, content: Content) -> str:
        """By which template it goes: a drill as the alert that it exercises."""
        return self._confirm_template if content.kind == "confirm" else self._template


def body_of(letter: Letter, template: str) -> dict[str, Any]:
    """The message: the template's parameters and the payload of its one button.

    The id goes with it as `biz_opaque_callback_data`, which Meta gives back when it tells later
    what became of the message.
    """
    content = letter.content
    is_confirm = content.kind == "confirm"
    payload = f"confirm:{content.code}" if is_confirm else f"ack:{letter.id}"
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": letter.contact.address,
        "type": "template",
        "template": {
            "name": template,
            "language": {"code": _LANGUAGES[content.language]},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": text} for text in parameters(content)],
                },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "0",
                    "parameters": [{"type": "payload", "payload": payload}],
                },
            ],
        },
        "biz_opaque_callback_data": letter.id,
    }
    return body


def parameters(content: Content) -> tuple[str, ...]:
    """What stands in the template for {{1}} and {{2}}: the subject, and all the rest in one line.

    A confirmation has one: its code. A parameter may hold no newline, no tab and no four spaces.
    """
    if content.kind == "confirm":
        return (content.code,)
    text = content.text(_LONGEST_TEXT)
    if len(content.parts) == 1:
        # The subject is this part's title: it need not be said twice.
        text = text.removeprefix(f"{content.parts[0].icon} {content.subject}\n")
    return one_line(content.subject)[:_LONGEST_HEAD], one_line(text)


def outcome_of(code: int, subcode: int = 0) -> Outcome | None:
    """What one of Meta's error codes means; None where the table does not say."""
    if code == 100 and subcode == 33:
        code = 33  # "does not exist": the sender's number, not the receiver's
    if 200 <= code <= 299:
        code = 10
    return OUTCOMES.get(code)


def _judged(answer: Answer) -> Outcome:
    try:
        said = _decode_send_answer(answer.body)
    except (msgspec.MsgspecError, RecursionError):
        if answer.is_ok:
            return Outcome("unknown", "an answer that is not WhatsApp's")
        said = _SendAnswer()
    if said.error is not None and (found := outcome_of(said.error.code, said.error.error_subcode)):
        wish_s = max(found.after_s, answer.after_s)
        return msgspec.structs.replace(found, after_s=wish_s)
    if answer.is_ok:
        if said.messages:
            # Meta's id has the phone number in it: it is not kept, nor can a reply name it.
            return Outcome("sent")
        return Outcome("unknown", "an answer without a message's id")
    if answer.status in (401, 403):
        return _TOKEN
    found = by_status(answer)
    return msgspec.structs.replace(found, pauses=answer.status == 429)
