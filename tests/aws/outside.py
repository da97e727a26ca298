"""What is outside of AWS, on loopback: Telegram, somebody's webhook, Open-Meteo."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from run.world import Clock, Providers

TOKEN = "123456:of-the-bot"


class Outside:
    """Servers in a thread of their own.

    hooks         what the webhook's target was sent: id and body, each as often as it came
    chats         what Telegram was sent: chat and text
    on_hook       called before the target answers
    """

    def __init__(self) -> None:
        self.hooks: list[tuple[str, dict[str, Any]]] = []
        self.chats: list[tuple[str, str]] = []
        self.forecasts: list[bytes] = []
        self.on_hook: Callable[[], None] = lambda: None
        self.clock = Clock()
        self.weather = Providers(self.clock)
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()

    def __enter__(self) -> Outside:
        threading.Thread(target=self._run, daemon=True).start()
        assert self._is_up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def hook(self) -> str:
        """The address of the webhook's target."""
        return f"{self.url}/hook"

    def times(self) -> Counter[str]:
        """How often each message came to the webhook."""
        return Counter(id_ for id_, _ in self.hooks)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application()
        application.router.add_post("/hook", self._hook)
        application.router.add_post(f"/bot{TOKEN}/sendMessage", self._chat)
        application.router.add_get("/v1/forecast", self._forecast)
        server = TestServer(application)
        self._loop.run_until_complete(server.start_server())
        self.url = str(server.make_url("")).rstrip("/")
        self._is_up.set()
        self._loop.run_forever()

    async def _hook(self, request: web.Request) -> web.Response:
        self.hooks.append((request.headers["webhook-id"], await request.json()))
        self.on_hook()
        return web.Response()

    async def _chat(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.chats.append((str(said["chat_id"]), said["text"]))
        sent = {"message_id": len(self.chats), "chat": {"id": said["chat_id"]}}
        return web.json_response({"ok": True, "result": sent})

    async def _forecast(self, request: web.Request) -> web.Response:
        answer = await self.weather._open_meteo(request)
        assert isinstance(answer.body, bytes)
        self.forecasts.append(answer.body)
        return answer


def code_in(text: Any) -> str:
    """The code that a message asks to be given back."""
    [code] = re.findall(r"(?<!\d)\d{6}(?!\d)|\d{3} \d{3}(?!\d)", json.dumps(text))[:1]
    return str(code)
