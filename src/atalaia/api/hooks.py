"""The webhooks: what Meta's and Telegram's servers send when people write to the bots, and where
links in messages lead."""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from atalaia.api import answering, leaving
from atalaia.people.answering import Answering

Heard = Callable[[Request], Awaitable[tuple[int, str]]]
"""Takes what a bot's webhook sends: query or body, and what proves whose it is → (status, text)."""


def routes(whatsapp: Heard, telegram: Heard, answers: Answering, language: str) -> APIRouter:
    """The routes; all under /v1. `language`: spoken to who opens a link and names none there is."""
    router = APIRouter(prefix="/v1", include_in_schema=False)
    router.include_router(leaving.routes(answers.leave, language))
    router.include_router(answering.routes(answers, language))

    @router.api_route("/whatsapp", methods=["GET", "POST"])
    async def take_whatsapp(request: Request) -> Response:
        """Meta's webhook: answers of people, and messages that did not arrive."""
        return _answer(*await whatsapp(request))

    @router.post("/telegram")
    async def take_telegram(request: Request) -> Response:
        """Telegram's webhook: what people write to the bot."""
        return _answer(*await telegram(request))

    return router


def _answer(status: int, text: str) -> Response:
    return Response(text, status, media_type="text/plain")
