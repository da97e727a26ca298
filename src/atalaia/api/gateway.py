"""An ASGI application behind API Gateway's HTTP API (payload format 2.0): one call, one request.

Reference: AWS Lambda developer guide, "Create HTTP API integrations", payload format version 2.0.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

_TEXT = ("text/", "application/json", "application/problem+json", "application/xml")


async def respond(app: Any, event: dict[str, Any], left_s: float) -> dict[str, Any]:
    """The application's answer to the request in the event.

    One that takes longer than `left_s` seconds is a 503, whatever it has said by then.
    """
    said = _Gathered()
    asked = _body(event)
    is_asked = False

    async def receive() -> dict[str, Any]:
        nonlocal is_asked
        if is_asked:
            await asyncio.Event().wait()  # the client has no more to say
        is_asked = True
        return {"type": "http.request", "body": asked, "more_body": False}

    try:
        async with asyncio.timeout(left_s):
            await app(_scope(event), receive, said.send)
    except TimeoutError:
        said = _Gathered(503)
    return said.for_gateway()


class _Gathered:
    """What the application said so far."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            self._headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def for_gateway(self) -> dict[str, Any]:
        headers: dict[str, str] = {}
        cookies = [value for name, value in self._headers if name.lower() == "set-cookie"]
        for name, value in self._headers:
            if name.lower() != "set-cookie":
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        kind = headers.get("content-type", "")
        answer: dict[str, Any] = {"statusCode": self.status, "headers": headers}
        if cookies:
            answer["cookies"] = cookies
        text = self._text(kind) if "content-encoding" not in headers else None
        if text is not None:
            return answer | {"body": text, "isBase64Encoded": False}
        body = base64.b64encode(self._body).decode()
        return answer | {"body": body, "isBase64Encoded": True}

    def _text(self, kind: str) -> str | None:
        """The body as text, if it is; None: it goes as base64."""
        if not kind.startswith(_TEXT):
            return None
        try:
            return self._body.decode()
        except UnicodeDecodeError:
            return None


def _body(event: dict[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _scope(event: dict[str, Any]) -> dict[str, Any]:
    about = event["requestContext"]["http"]
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in event.get("headers", {}).items()
    ]
    if event.get("cookies"):
        headers.append((b"cookie", "; ".join(event["cookies"]).encode("latin-1")))
    # The name is what people write, decoded; the raw path is as it came.
    raw_path = str(event["rawPath"])
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": about["method"],
        "scheme": "https",
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "root_path": "",
        "query_string": str(event.get("rawQueryString", "")).encode("latin-1"),
        "headers": headers,
        "client": (about.get("sourceIp", ""), 0),
        "server": (event["requestContext"].get("domainName", ""), 443),
    }
