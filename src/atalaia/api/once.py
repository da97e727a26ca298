"""``Idempotency-Key``: a POST that makes something, sent again, makes nothing more.

The answer of the first is given again, for a day. It is held in memory alone, for it may hold a
secret that is shown once: after a restart a repeated request is a new one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Generic, TypeVar, cast

from fastapi import Header, Request, Response
from pydantic import BaseModel

from atalaia.api.access import bearer
from atalaia.api.problem import Problem

KEPT_S = 86_400
MOST_KEPT = 5_000

REPLAYED = "Idempotency-Replayed"

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$"),
]

T = TypeVar("T")


@dataclass(slots=True)
class _First(Generic[T]):
    """The first request under a key. `answer` is None while it is under way."""

    at: float
    what: bytes
    answer: T | None = None


class Once:
    """Remembers what was made under which key. May be used from any thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = Lock()
        self._held: OrderedDict[bytes, _First[object]] = OrderedDict()

    def do(
        self,
        key: str | None,
        request: Request,
        response: Response,
        body: BaseModel,
        make: Callable[[], T],
    ) -> T:
        """What `make` makes, or made under this key for this caller and path.

        Problems: 409 while the first is under way, 422 where it asked for something else. A
        request that fails leaves its key free.
        """
        if key is None:
            return make()
        name = _digest(_caller(request), request.url.path, key)
        what = _digest(str(request.url.query), body.model_dump_json())
        held = self._begin(name, what)
        if held is not None:
            response.headers[REPLAYED] = "true"
            return cast(T, held)
        try:
            made = make()
        except BaseException:
            with self._lock:
                self._held.pop(name, None)
            raise
        with self._lock:
            self._held[name] = _First(self._now(), what, made)
        return made

    def _begin(self, name: bytes, what: bytes) -> object | None:
        """The answer of the first request; None: this is the first."""
        now = self._now()
        with self._lock:
            self._forget(now)
            first = self._held.get(name)
            if first is None:
                self._held[name] = _First(now, what)
                return None
        if first.what != what:
            raise Problem(422, "this Idempotency-Key came with another request; make a new one")
        if first.answer is None:
            raise Problem(409, "the first request under this Idempotency-Key is under way")
        return first.answer

    def _forget(self, now: float) -> None:
        while self._held:
            oldest = next(iter(self._held.values()))
            if len(self._held) < MOST_KEPT and now - oldest.at <= KEPT_S:
                return
            self._held.popitem(last=False)


def _caller(request: Request) -> str:
    """Whose keys these are: nobody meets another's."""
    given = bearer(request.headers.get("authorization", ""))
    client = request.client
    return f"key:{given}" if given else f"address:{client.host if client else ''}"


def _digest(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part.encode("utf-8", "replace"))
    return digest.digest()
