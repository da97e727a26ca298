"""The addresses that weather consoles push to, and their keys, which cannot travel in a header.

A console lets one type a server, a path, an id and a password, and no header. Weather
Underground's upload has the password in its query; Ecowitt's custom server has none, and what it
calls PASSKEY cannot be typed: its key is the end of the path. `ConsoleKeys` stands before
everything else and makes of either a key like all others, so that no log, limit or route after it
ever sees an address with a key in it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from atalaia.api.problem import errors
from atalaia.sources.pws.form import without_secrets

WUNDERGROUND = "/weatherstation/updateweatherstation.php"
ECOWITT = "/data/report/"

LIMITED = ("/weatherstation/", "/data/report")
"""What begins so counts as asked, whatever it asks for."""


class ConsoleKeys:
    """ASGI middleware, before all others: a console's key goes from its address into the header.

    Weather Underground's query loses its password and the station's own id; Ecowitt's path its
    end, and its query everything. A header that is there already stays where there is no other key.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on without the key in its address."""
        if scope["type"] == "http":
            # Some send the path as it was typed, without the slash it should begin with.
            path = f"/{scope['path'].strip('/')}/"
            if path == f"{WUNDERGROUND}/":
                sent = without_secrets(scope.get("query_string", b""))
                scope = _with_key(scope, WUNDERGROUND, sent.body, sent.secret)
            elif path.startswith(ECOWITT):
                scope = _with_key(scope, ECOWITT, b"", _end_of(path))
        await self._app(scope, receive, send)


def _end_of(path: str) -> str:
    # Behind a gateway a path comes as it was sent, from a socket decoded: a key has no percent.
    return unquote(path.removeprefix(ECOWITT).strip("/"))


def _with_key(scope: Scope, path: str, query: bytes, key: str) -> Scope:
    headers = scope["headers"]
    if key:
        headers = [(name, value) for name, value in headers if name != b"authorization"]
        headers.append((b"authorization", b"Bearer " + key.encode("utf-8", "replace")))
    return {
        **scope,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers,
    }


_SAID = {200: {"description": "Kept", "content": {"text/plain": {"schema": {"type": "string"}}}}}


def described(**more: Any) -> dict[str, Any]:
    """What the description of the API says of either address."""
    return {
        "tags": ["pushing"],
        "responses": {**_SAID, **errors(400, 401, 403, 404, 413, 415, 422, 429, 503)},
        "openapi_extra": {**more, "security": [{"key": []}]},
    }


OF_WUNDERGROUND = described(
    parameters=[
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": about}
        for name, about in (
            ("PASSWORD", "The station's key."),
            ("ID", "Anything: the key says which station it is."),
            ("dateutc", "`YYYY-MM-DD HH:MM:SS` in UTC, or `now`."),
            ("tempf", "°F; further values as docs/stations.md says."),
        )
    ]
)
OF_ECOWITT = described(
    requestBody={
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}}
            }
        },
    }
)
