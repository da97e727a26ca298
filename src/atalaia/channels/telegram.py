"""Telegram: a message to a chat, by the Bot API's sendMessage.

Reference: https://core.telegram.org/bots/api#sendmessage. The token is part of every URL, which is
why no URL and no error of the client's ever becomes part of a reason. What people write to the bot
comes in by `telegram_updates`.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec

from atalaia.channels.outcomes import MISTAKE_WAIT_S, Answer, by_status, post, wait_s
from atalaia.domain.delivery import Letter, Limits, Outcome
from atalaia.domain.words import LANGUAGES

BASE_URL = "https://api.telegram.org"

_WRONG_TOKEN = Outcome(
    "again",
    "Telegram refuses the token; mend channels.telegram.token",
    after_s=MISTAKE_WAIT_S,
    pauses=True,
)

# By the error code and words of its description, for 400 and 403 have many meanings; the first
# that fits counts. A code that is not here means what `by_status` says.
OUTCOMES: dict[tuple[int, str], Outcome] = {
    (400, "chat not found"): Outcome("never", "this chat does not exist", is_gone=True),
    (400, "peer_id_invalid"): Outcome("never", "this chat does not exist", is_gone=True),
    (400, "user is deactivated"): Outcome("never", "the account is deleted", is_gone=True),
    (400, "too long"): Outcome("never", "the message is too long for Telegram"),
    (400, "rights"): Outcome("never", "the bot may not write in this group"),
    (400, ""): Outcome("never", "Telegram refuses the message (400)"),
    (401, ""): _WRONG_TOKEN,
    (403, ""): Outcome("never", "blocked, or thrown out of the group", is_gone=True),
    (404, ""): _WRONG_TOKEN,
    (429, ""): Outcome("again", "Telegram's rate limit", pauses=True),
}

# Telegram takes 4,096 UTF-16 units: a coloured disc is two, and a message has fewer than 96.
_LONGEST = 4000
_STOP = (
    "Para não receber mais: /stop",
    "To get no more of these: /stop",
    "Para no recibir más: /stop",
)
_ACKNOWLEDGE = ("Recebi", "Received", "Recibido")
_CONFIRM = ("Quero receber", "I want them", "Quiero recibirlos")


class BotParameters(msgspec.Struct):
    """What an answer of the Bot API says to do: wait so many seconds, or write to another chat."""

    retry_after: float = 0
    migrate_to_chat_id: int = 0


class _Sent(msgspec.Struct):
    message_id: int


_decode_sent = msgspec.json.Decoder(_Sent).decode


class BotAnswer(msgspec.Struct):
    """What every method of the Bot API answers."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw()
    error_code: int = 0
    description: str = ""
    parameters: BotParameters = msgspec.field(default_factory=BotParameters)


_decode_bot_answer = msgspec.json.Decoder(BotAnswer).decode


class Telegram:
    """Sends by one bot. `base_url` is another address of the same API; `timeout_s` of one call."""

    name = "telegram"
    limits = Limits(a_second=30, contact_s=1, at_once=16, letter_chars=_LONGEST - 100)

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        *,
        base_url: str = BASE_URL,
        timeout_s: float = 12.0,
    ) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/bot{token}/sendMessage"
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> Outcome:
        """Try once; in a group that became a supergroup, once more under its new number."""
        body = body_of(letter)
        outcome, moved_to = await self._post(body)
        if moved_to:
            outcome, _ = await self._post(body | {"chat_id": str(moved_to)})
        return outcome

    async def _post(self, body: dict[str, Any]) -> tuple[Outcome, int]:
        answer = await post(self._session, self._url, timeout_s=self._timeout_s, json=body)
        if isinstance(answer, Outcome):
            return answer, 0
        return _judged(answer, is_group=body["chat_id"].startswith("-"))


def body_of(letter: Letter) -> dict[str, Any]:
    """The parameters of sendMessage."""
    content, i = letter.content, LANGUAGES.index(letter.content.language)
    body: dict[str, Any] = {
        "chat_id": letter.contact.address,
        "text": content.text(_LONGEST, _last(letter)),
        "link_preview_options": {"is_disabled": True},
    }
    if letter.reply_to.isdecimal():
        body["reply_parameters"] = {
            "message_id": int(letter.reply_to),
            "allow_sending_without_reply": True,
        }
    if content.kind == "confirm" and not content.is_typed:
        body["reply_markup"] = _button(_CONFIRM[i], f"confirm:{content.code}")
    elif letter.asks:
        body["reply_markup"] = _button(_ACKNOWLEDGE[i], f"ack:{letter.id}")
    return body


def _last(letter: Letter) -> str:
    """The link that was asked for, and how to stop; nothing where nothing runs yet."""
    if letter.content.kind == "confirm":
        return ""
    stop = _STOP[LANGUAGES.index(letter.content.language)] + "."
    return f"{letter.answer}\n{stop}" if letter.answer else stop


def _button(label: str, data: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": label, "callback_data": data}]]}


def _judged(answer: Answer, *, is_group: bool) -> tuple[Outcome, int]:
    """What an answer means; and where the chat has moved to, 0 if it has not."""
    try:
        said = _decode_bot_answer(answer.body)
        if said.ok and answer.is_ok:
            sent = _decode_sent(said.result)
            return Outcome("sent", provider_id=str(sent.message_id)), 0
    except (msgspec.MsgspecError, RecursionError):
        if answer.is_ok:
            return Outcome("unknown", "an answer that is not Telegram's"), 0
        said = BotAnswer(ok=False)
    code = said.error_code or answer.status
    words = said.description.lower()
    found = next(
        (out for (c, word), out in OUTCOMES.items() if c == code and word in words),
        by_status(msgspec.structs.replace(answer, status=code)),
    )
    if code == 429:
        # A group has a limit of its own (20 a minute), which is nobody else's.
        after_s = wait_s(said.parameters.retry_after) or answer.after_s
        found = msgspec.structs.replace(found, after_s=after_s, pauses=not is_group)
    return found, said.parameters.migrate_to_chat_id
