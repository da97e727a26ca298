"""Whom an edge speaks for: a cache in front of the API, through which all who ask seem to be one.

It proves itself by a word that nobody else knows, and then its say of who asks is believed. Without
that word the address is the connection's, whatever a request says of itself: who goes past the edge
is counted as who they are.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

WORD = b"x-atalaia-edge"
"""The header with the edge's word."""

VIEWER = b"x-atalaia-viewer"
"""The header with the address of who asks the edge. CloudFront has one of its own for that
(``CloudFront-Viewer-Address``), but none of its policies gives it beside all headers of the request
but Host, which API Gateway wants to be its own."""


class Edge:
    """ASGI middleware, before all others. What an edge says reaches nobody behind it.

    words    by which an edge is known: the one it says now, and those that it said before; none:
             there is no edge
    """

    def __init__(self, app: ASGIApp, words: Sequence[str]) -> None:
        self._app = app
        self._words = [word.encode() for word in words if word]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, as from who asked."""
        if scope["type"] == "http":
            said = dict(scope["headers"])
            headers = [one for one in scope["headers"] if one[0] not in (WORD, VIEWER)]
            scope = {**scope, "headers": headers}
            viewer = said.get(VIEWER, b"").decode("latin-1")
            if self._is_known(said.get(WORD, b"")) and _is_address(viewer):
                scope["client"] = (viewer, 0)
        await self._app(scope, receive, send)

    def _is_known(self, word: bytes) -> bool:
        return any(hmac.compare_digest(word, one) for one in self._words)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
