"""WhatsApp's webhook: set up by GET, told by POSTs that Meta has signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import Request

from atalaia.api.hooks import Heard
from atalaia.channels import whatsapp_webhook
from atalaia.domain.contact import Contact
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.people.conversation import replied
from atalaia.people.service import PeopleService
from atalaia.settings import Settings

log = Logger()


def whatsapp_hook(settings: Settings, people: PeopleService, now: Callable[[], float]) -> Heard:
    """What takes the requests of Meta: each gives (status, text)."""
    chosen = settings.channels.whatsapp
    if chosen is None or chosen.app_secret is None or chosen.verify_token is None:
        return _off
    secret, token = chosen.app_secret.reveal(), chosen.verify_token.reveal()

    async def heard(request: Request) -> tuple[int, str]:
        if request.method == "GET":
            answer = whatsapp_webhook.challenge(request.query_params, token)
            return (403, "refused") if answer is None else (200, answer)
        body = await request.body()
        signature = request.headers.get("x-hub-signature-256", "")
        if not whatsapp_webhook.is_signed(body, signature, secret):
            return 403, "refused"
        try:
            await asyncio.to_thread(_take, people, whatsapp_webhook.heard(body), int(now()))
        except StateConflict as error:
            log.warning("an answer cannot be kept; Meta sends it again", reason=str(error))
            return 503, "later"
        return 200, "ok"

    return heard


def _take(people: PeopleService, news: whatsapp_webhook.WhatsAppNews, now: int) -> None:
    for said in news.heard:
        for address in said.addresses:
            if replied(people, Contact("whatsapp", address), said.pressed, said.text, now):
                break
    for failed in news.undelivered:
        people.undelivered(failed.message, failed.outcome.reason, now)


async def _off(_: Request) -> tuple[int, str]:
    return 404, "WhatsApp's webhook is off; see channels.whatsapp in the settings"
