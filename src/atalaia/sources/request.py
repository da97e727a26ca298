"""One question to a provider: what `fetch` sends, and what its answer will be called."""

from __future__ import annotations

import msgspec


class SourceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of one source.

    source, content, places   go into the answer's `Payload` unchanged
    url          without a query
    params       the query, without credentials
    credentials  headers that hold secrets. Kept apart so that everything else can be logged;
                 they are left out of `repr` too
    cost         how many calls the provider counts for it
    """

    source: str
    content: str
    places: tuple[str, ...]
    url: str
    params: dict[str, str]
    credentials: dict[str, str] = {}
    cost: int = 1

    def __repr__(self) -> str:
        """Without the credentials: a request may end up in a log or a traceback."""
        return (
            f"Request(source={self.source!r}, content={self.content!r}, "
            f"places={len(self.places)}, url={self.url!r}, cost={self.cost})"
        )

    __str__ = __repr__
