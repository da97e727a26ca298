"""How long a body may be: what is read whole into memory is bounded before it is read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atalaia.api.problem import Problem


class BodyLimit:
    """ASGI middleware. A body that says, or turns out, to be longer is a Problem (413).

    most    bytes
    free    paths that have a limit of their own
    """

    def __init__(self, app: ASGIApp, most: int, free: tuple[str, ...]) -> None:
        self._app = app
        self._most = most
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is short enough, once all of it is there."""
        if scope["type"] != "http" or scope["path"] in self._free or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        body = await self._read(receive) if int(stated) <= self._most else None
        if body is None:
            problem = Problem(413, f"more than {self._most} bytes; send less")
            await problem.response()(scope, receive, send)
            return
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(parts, None) or await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)  # the client has gone; nobody reads the answer
            body += message.get("body", b"")
            if len(body) > self._most:
                return None
            if not message.get("more_body"):
                return bytes(body)
