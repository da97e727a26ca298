"""Telegram: what people write to the bot, by long polling: no public address is needed.

Updates come in order, and each is done with before the next begins. Its number is kept once it is
answered, so that after a restart none is lost and the last one at most is answered twice.
Reference: https://core.telegram.org/bots/api#getupdates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from atalaia.channels.outcomes import post, wait_s
from atalaia.channels.telegram import BASE_URL, BotAnswer
from atalaia.channels.telegram_voice import Voice, fault_of
from atalaia.domain.contact import Contact
from atalaia.domain.conversation import Incoming, Reply
from atalaia.domain.delivery import Outcome
from atalaia.logs import Logger

Handler = Callable[[Incoming], Awaitable[list[Reply]]]

KINDS = ["message", "callback_query", "my_chat_member"]
_AT_ONCE = 50
_MOST_BYTES = 16 * 2**20  # of so many updates, each of which may hold 4,096 characters
_LONGEST_TEXT = 4096
_BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
_TRIES = 3
"""How often one update is tried where the handler fails: a /stop must not be lost to a lock."""

log = Logger()


class _User(msgspec.Struct):
    is_bot: bool = False
    language_code: str = ""


class _Chat(msgspec.Struct):
    id: int
    type: str = "private"


class _Location(msgspec.Struct):
    latitude: float
    longitude: float


class _RepliedTo(msgspec.Struct):
    sender: _User = msgspec.field(name="from", default_factory=_User)


class _BotMessage(msgspec.Struct):
    chat: _Chat
    sender: _User = msgspec.field(name="from", default_factory=_User)
    text: str = ""
    location: _Location | None = None
    reply_to_message: _RepliedTo | None = None


class _Pressed(msgspec.Struct):
    id: str
    sender: _User = msgspec.field(name="from", default_factory=_User)
    message: _BotMessage | None = None
    data: str = ""


class _Membership(msgspec.Struct):
    status: str


class _Member(msgspec.Struct):
    chat: _Chat
    new_chat_member: _Membership
    sender: _User = msgspec.field(name="from", default_factory=_User)


class _Update(msgspec.Struct):
    update_id: int
    message: _BotMessage | None = None
    callback_query: _Pressed | None = None
    my_chat_member: _Member | None = None


_decode_update = msgspec.json.Decoder(_Update).decode


class _Number(msgspec.Struct):
    update_id: int


_decode_number = msgspec.json.Decoder(_Number).decode


_decode_bot_answer = msgspec.json.Decoder(BotAnswer).decode


class Updates:
    """Reads what people write, and sends what `handler` answers.

    load, keep   the number to go on from (0 at first), and where it is kept
    poll_s       how long Telegram may hold a question open
    seen, skipped, faults   how many updates came, how many were of no use or could not be dealt
                 with, and how often Telegram did not answer well
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        handler: Handler,
        *,
        load: Callable[[], Awaitable[int]],
        keep: Callable[[int], Awaitable[None]],
        base_url: str = BASE_URL,
        poll_s: int = 50,
        timeout_s: float = 12.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/bot{token}"
        self._voice = Voice(session, token, base_url=base_url, timeout_s=timeout_s)
        self._handler = handler
        self._load, self._keep = load, keep
        self._poll_s, self._timeout_s = poll_s, timeout_s
        self._sleep = sleep
        self._failed = 0  # tries of the update that is next
        self.seen = self.skipped = self.faults = 0

    async def run(self) -> None:
        """Poll until cancelled. Faults make it wait, up to a minute, and never end it."""
        offset = await self._load()
        in_a_row = 0
        while True:
            found = await self._poll(offset)
            if isinstance(found, Outcome):
                if in_a_row == 0:
                    log.warning("the Telegram bot cannot listen", reason=found.reason)
                self.faults += 1
                backoff_s = _BACKOFF_S[min(in_a_row, len(_BACKOFF_S) - 1)]
                in_a_row += 1
                await self._sleep(max(found.after_s, backoff_s))
                continue
            if in_a_row:
                log.info("the Telegram bot listens again", after_faults=in_a_row)
                in_a_row = 0
            offset = await self._deal_with(found, offset)

    async def _poll(self, offset: int) -> list[msgspec.Raw] | Outcome:
        """The updates from this number on; or why there are none."""
        question = {"timeout": self._poll_s, "limit": _AT_ONCE, "allowed_updates": KINDS}
        answer = await post(
            self._session,
            f"{self._url}/getUpdates",
            timeout_s=self._poll_s + self._timeout_s,
            most_bytes=_MOST_BYTES,
            json=question | ({"offset": offset} if offset else {}),
        )
        if isinstance(answer, Outcome):
            return answer
        try:
            said = _decode_bot_answer(answer.body)
            if said.ok and answer.is_ok:
                return msgspec.json.decode(said.result, type=list[msgspec.Raw])
            after_s = wait_s(said.parameters.retry_after) or answer.after_s
        except (msgspec.MsgspecError, RecursionError):
            after_s = answer.after_s
        return Outcome("again", fault_of(answer), after_s=after_s)

    async def _deal_with(self, updates: list[msgspec.Raw], offset: int) -> int:
        """Answer each in turn; the number to go on from, kept."""
        reached = offset
        for raw in updates:
            number, incoming, query = read_update(raw)
            self.seen += 1
            if incoming is None:
                self.skipped += 1
            elif not await self._answer(incoming, query):
                break  # it comes again with the next poll
            reached = max(reached, number + 1)
        if reached == offset and updates:
            # Nothing was got done: the same would come again at once.
            self.faults += 1
            await self._sleep(_BACKOFF_S[1])
        elif reached != offset:
            await self._note(reached)
        return reached

    async def _note(self, offset: int) -> None:
        try:
            await self._keep(offset)
        except Exception as error:  # the next poll tells Telegram the number anyway
            log.warning("the Telegram bot's place was not kept", error=type(error).__name__)

    async def _answer(self, incoming: Incoming, query: str) -> bool:
        """Whether this update is done with, be it that it was given up."""
        try:
            replies = await self._handler(incoming)
        except Exception as error:  # of ours; its text may hold what the person wrote
            self._failed += 1
            log.warning("the Telegram bot could not answer", error=type(error).__name__)
            if self._failed < _TRIES:
                return False
            self.skipped += 1
            replies = []
        self._failed = 0
        await self._voice.reply(incoming.contact.address, replies, query)
        return True


def read_update(raw: msgspec.Raw) -> tuple[int, Incoming | None, str]:
    """Its number (-1: none), what it says (None: nothing of use), and a pressed button's id."""
    try:
        update = _decode_update(raw)
    except (msgspec.MsgspecError, RecursionError):
        return _number(raw), None, ""
    if update.callback_query and update.callback_query.message:
        pressed = update.callback_query
        said = _said(update.callback_query.message.chat, pressed.sender, pressed=pressed.data)
        return update.update_id, said, pressed.id
    if update.my_chat_member:
        member = update.my_chat_member
        is_gone = member.new_chat_member.status in ("kicked", "left")
        gone = _said(member.chat, member.sender, is_gone=True) if is_gone else None
        return update.update_id, gone, ""
    return update.update_id, _written(update.message) if update.message else None, ""


def _written(message: _BotMessage) -> Incoming | None:
    """A message to the bot; None where it is of no use, or not meant for it."""
    is_to_bot = (
        message.chat.type == "private"
        or message.text.startswith("/")
        or (message.reply_to_message is not None and message.reply_to_message.sender.is_bot)
    )
    if not is_to_bot or message.sender.is_bot:
        return None
    if message.location:
        position = message.location.latitude, message.location.longitude
        return _said(message.chat, message.sender, position=position)
    text = message.text[:_LONGEST_TEXT]
    return _said(message.chat, message.sender, text=text) if text else None


def _said(chat: _Chat, sender: _User, **what: Any) -> Incoming:
    contact = Contact("telegram", str(chat.id))
    return Incoming(contact=contact, language=sender.language_code, **what)


def _number(raw: msgspec.Raw) -> int:
    try:
        return _decode_number(raw).update_id
    except (msgspec.MsgspecError, RecursionError):
        return -1
