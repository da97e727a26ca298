"""Requests that need a token: it is got first, is used until it is old, and is kept by nobody.

    request ─► token, of before or by a sign-in ─► `fetch` with the token ─► payload

A token is a secret, and so is what a sign-in answers: neither becomes a payload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from msgspec.structs import replace

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.sources.fetch import failed, fetch
from atalaia.sources.request import SignIn, SourceRequest

_REFUSED = (401, 403)


class SignedFetch:
    """Asks with a token where one is needed; of one source, in one process."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock, timeout_s: float) -> None:
        self._session = session
        self._clock = clock
        self._timeout_s = timeout_s
        self._tokens: dict[str, tuple[str, float]] = {}
        self._turn = asyncio.Lock()

    async def ask(self, request: SourceRequest) -> tuple[Payload, Mapping[str, str]]:
        """As `fetch`; where no token is given, a failure that says so, and the headers of that
        answer. A token that is refused is not used again.
        """
        sign_in = request.sign_in
        if sign_in is None:
            return await fetch(self._session, request, self._clock.second, self._timeout_s)
        async with self._turn:  # those that wait for the same token use the first one's
            found = self._tokens.get(sign_in.url)
            if found is None or found[1] <= self._clock.now():
                reason, headers = await self._sign_in(sign_in, request)
                if reason is not None:
                    return failed(request, self._clock.second(), reason), headers
            token, until = self._tokens[sign_in.url]
        signed = replace(
            request, credentials={**request.credentials, "Authorization": f"Bearer {token}"}
        )
        answer = await fetch(self._session, signed, self._clock.second, self._timeout_s)
        if answer[0].status in _REFUSED and self._tokens.get(sign_in.url) == (token, until):
            del self._tokens[sign_in.url]
        return answer

    async def _sign_in(
        self, sign_in: SignIn, request: SourceRequest
    ) -> tuple[str | None, Mapping[str, str]]:
        """Get a token; return why there is none, and the answer's headers."""
        asked = replace(
            request, url=sign_in.url, params={}, credentials=sign_in.credentials, sign_in=None
        )
        payload, headers = await fetch(self._session, asked, self._clock.second, self._timeout_s)
        if payload.failure is not None:
            return f"sign-in: {payload.failure}", headers
        if payload.status in _REFUSED:
            return "sign-in: user or password not accepted", headers
        token = sign_in.token_of(payload.body) if payload.status < 300 else None
        if token is None:
            return f"sign-in: HTTP {payload.status}, no token", headers
        self._tokens[sign_in.url] = token, self._clock.now() + sign_in.lasts_s
        return None, headers
