"""One question to a provider: what `fetch` sends, and what its answer will be called."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Where a token is got that goes with requests, as ``Authorization: Bearer``.

    url          asked by GET
    credentials  headers that hold the secrets; left out of `repr`
    token_of     an answer's body → the token; None: there is none in it
    lasts_s      for how long a token is used
    """

    url: str
    credentials: dict[str, str]
    token_of: Callable[[bytes], str | None]
    lasts_s: int

    def __repr__(self) -> str:
        """Without the credentials, as a request's."""
        return f"SignIn(url={self.url!r})"


class SourceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of one source.

    source, content, places   go into the answer's `Payload` unchanged
    url          without a query
    params       the query, without credentials
    credentials  headers that hold secrets. Kept apart so that everything else can be logged;
                 they are left out of `repr` too
    secret_params    what of the query holds secrets: kept apart as these
    cost         how many calls the provider counts for it
    sign_in      where the token is got that it needs; None: it needs none
    head         goes before an answer in its payload's body: how it is to be read
    """

    source: str
    content: str
    places: tuple[str, ...]
    url: str
    params: dict[str, str]
    credentials: dict[str, str] = {}
    secret_params: dict[str, str] = {}
    cost: int = 1
    sign_in: SignIn | None = None
    head: bytes = b""

    def __repr__(self) -> str:
        """Without the credentials: a request may end up in a log or a traceback."""
        return (
            f"Request(source={self.source!r}, content={self.content!r}, "
            f"places={len(self.places)}, url={self.url!r}, cost={self.cost})"
        )

    __str__ = __repr__
