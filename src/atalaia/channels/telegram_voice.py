"""Telegram: what the bot answers to people, however it heard them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp

from atalaia.channels.outcomes import Answer, post
from atalaia.channels.telegram import BASE_URL
from atalaia.domain.conversation import Reply
from atalaia.domain.delivery import Outcome
from atalaia.logs import Logger

log = Logger()


class Voice:
    """Says what the bot has to say. An answer that does not arrive is logged, and no more: who
    waits for it asks again."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token: str,
        *,
        base_url: str = BASE_URL,
        timeout_s: float = 12.0,
    ) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/bot{token}"
        self._timeout_s = timeout_s

    async def reply(self, chat: str, replies: Sequence[Reply], query: str = "") -> None:
        """Say it all, in order; `query` is the pressed button that it answers."""
        note = next((reply.text for reply in replies if reply.is_passing), "")
        if query:
            await self._call("answerCallbackQuery", callback_query_id=query, text=note[:200])
        for reply in replies:
            if not (query and reply.is_passing):
                await self._say(chat, reply)

    async def _say(self, chat: str, reply: Reply) -> None:
        if reply.file:
            form = aiohttp.FormData({"chat_id": chat, "caption": reply.text[:1024]})
            form.add_field("document", reply.file, filename=reply.file_name)
            await self._request("sendDocument", data=form)
            return
        await self._call("sendMessage", chat_id=chat, text=reply.text[:4000], **_markup(reply))

    async def _call(self, method: str, **parameters: Any) -> None:
        await self._request(method, json=parameters)

    async def _request(self, method: str, **request: Any) -> None:
        """Try once: an answer that does not arrive is asked for again by the person."""
        answer = await post(
            self._session, f"{self._url}/{method}", timeout_s=self._timeout_s, **request
        )
        if isinstance(answer, Outcome) or not answer.is_ok:
            reason = answer.reason if isinstance(answer, Outcome) else fault_of(answer)
            log.warning("an answer of the Telegram bot was lost", method=method, reason=reason)


def fault_of(answer: Answer) -> str:
    """What an answer that is no success means, in fixed words."""
    known = {
        401: "Telegram refuses the token; mend channels.telegram.token",
        404: "Telegram refuses the token; mend channels.telegram.token",
        409: "another program listens with the same token, or a webhook is set; stop that one",
        429: "Telegram's rate limit",
    }
    return known.get(answer.status, f"HTTP {answer.status}")


def _markup(reply: Reply) -> dict[str, Any]:
    if reply.buttons:
        rows = [[{"text": b.label, "callback_data": b.data} for b in row] for row in reply.buttons]
        return {"reply_markup": {"inline_keyboard": rows}}
    if reply.asks_position:
        key = {"text": reply.asks_position, "request_location": True}
        keyboard = {"keyboard": [[key]], "one_time_keyboard": True, "resize_keyboard": True}
        return {"reply_markup": keyboard}
    return {}
