"""Telegram: what people write to the bot, sent to an address of ours (setWebhook).

Telegram calls it with each update, over HTTPS, and again until it is answered by 2xx. A call is
believed with the secret that was given to setWebhook, in X-Telegram-Bot-Api-Secret-Token.
Reference: https://core.telegram.org/bots/api#setwebhook.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

import msgspec

from atalaia.channels.telegram_updates import Handler, read_update
from atalaia.channels.telegram_voice import Voice
from atalaia.errors import StateConflict
from atalaia.logs import Logger

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - its name

log = Logger()


def is_ours(given: str, secret: str) -> bool:
    """Whether the header shows that a call comes from Telegram."""
    return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())


class Hook:
    """Answers one update after the other.

    load, keep   the number of the update that was answered last (-1 at first): the same one that
                 comes again, as no answer reached Telegram in time, is not answered twice
    """

    def __init__(
        self,
        voice: Voice,
        handler: Handler,
        *,
        load: Callable[[], Awaitable[int]],
        keep: Callable[[int], Awaitable[None]],
    ) -> None:
        self._voice = voice
        self._handler = handler
        self._load, self._keep = load, keep

    async def take(self, body: bytes) -> None:
        """Answer an update; one that is of no use is passed over.

        Raises StateConflict where the store cannot be used: let Telegram send it again. What
        breaks otherwise would break each time, and is given up.
        """
        number, incoming, query = read_update(msgspec.Raw(body))
        if incoming is None or number == await self._load():
            return
        try:
            replies = await self._handler(incoming)
        except StateConflict:
            raise
        except Exception as error:  # of ours; its text may hold what the person wrote
            log.warning("the Telegram bot could not answer", error=type(error).__name__)
            replies = []
        await self._voice.reply(incoming.contact.address, replies, query)
        await self._keep(number)
