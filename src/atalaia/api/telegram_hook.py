"""Telegram's bot: talked to by webhook (the request, its secret, who answers), or by polling."""

from __future__ import annotations

import asyncio

import aiohttp
from fastapi import Request

from atalaia.api.hooks import Heard
from atalaia.channels.telegram_updates import Handler, Updates
from atalaia.channels.telegram_voice import Voice
from atalaia.channels.telegram_webhook import SECRET_HEADER, Hook, is_ours
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Notes
from atalaia.settings import Settings

ANSWERED = "telegram-answered"
"""The note of the update that was answered last."""

log = Logger()


def telegram_polling(
    settings: Settings, session: aiohttp.ClientSession, talk: Handler, notes: Notes
) -> Updates | None:
    """Asks Telegram for what people say, so that no public address is needed; None: no bot is on.

    With a secret for its webhook Telegram calls us instead, and would refuse to be asked.
    """
    chosen = settings.channels.telegram
    if chosen is None or not chosen.is_bot or chosen.webhook_secret is not None:
        return None
    offset = Note(notes, "telegram-offset", int)

    async def load() -> int:
        return await asyncio.to_thread(offset.get) or 0

    async def keep(reached: int) -> None:
        await asyncio.to_thread(offset.put, reached)

    token = chosen.token.reveal()
    return Updates(session, token, talk, load=load, keep=keep, base_url=chosen.base_url)


def telegram_hook(
    settings: Settings, session: aiohttp.ClientSession, talk: Handler, notes: Notes
) -> Heard:
    """What takes the requests of Telegram: each gives (status, text)."""
    chosen = settings.channels.telegram
    if chosen is None or chosen.webhook_secret is None or not chosen.is_bot:
        return _off

    answered = Note(notes, ANSWERED, int)

    async def load() -> int:
        number = await asyncio.to_thread(answered.get)
        return -1 if number is None else number

    async def keep(number: int) -> None:
        await asyncio.to_thread(answered.put, number)

    voice = Voice(session, chosen.token.reveal(), base_url=chosen.base_url)
    hook, secret = Hook(voice, talk, load=load, keep=keep), chosen.webhook_secret.reveal()

    async def heard(request: Request) -> tuple[int, str]:
        if not is_ours(request.headers.get(SECRET_HEADER, ""), secret):
            return 403, "refused"
        body = await request.body()
        try:
            await hook.take(body)
        except StateConflict as error:
            log.warning("an update cannot be answered; Telegram sends it again", reason=str(error))
            return 503, "later"
        return 200, "ok"

    return heard


async def _off(_: Request) -> tuple[int, str]:
    return 404, "Telegram's webhook is off; see channels.telegram in the settings"
