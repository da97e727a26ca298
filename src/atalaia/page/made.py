"""What is made for who asks next: pictures of shared links, and reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping

from fastapi import Request, Response

from atalaia.api.cached import MOST_BYTES, Versioned, tag_of


class Made:
    """Makes them in threads, `at_once` at the same time, and keeps the newest `most`, each as long
    as its version stands. On the event loop alone."""

    def __init__(self, at_once: int, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._held = Versioned[bytes](len, most, most_bytes)
        self._making = asyncio.Semaphore(at_once)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, asked: Hashable, version: Hashable) -> bytes | None:
        """What is kept of this."""
        return self._held.get(asked, version)

    async def made(self, asked: Hashable, version: Hashable, make: Callable[[], bytes]) -> bytes:
        """What is kept of this, or what `make` makes."""
        body = self.get(asked, version)
        if body is None:
            async with self._making:
                body = self.get(asked, version)  # by who came just before
                if body is None:
                    body = self._held.put(asked, version, await asyncio.to_thread(make))
        return body


def tagged(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """A body with its ETag; 304 where it is known."""
    told = {"ETag": tag_of(body), **headers, "X-Content-Type-Options": "nosniff"}
    if told["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=told)
    return Response(body, headers=told, media_type=media_type)
