"""Answers that are made once for all who ask: with an ETag, packed, and bounded in memory."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request, Response

T = TypeVar("T")

MOST_ANSWERS = 512
MOST_BYTES = 32_000_000

_PACKED_FROM = 1_400
"""Bytes: what fits into one packet anyway is not packed."""

_LEVEL = 1


def tag_of(body: bytes) -> str:
    """The ETag of these contents."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A body of JSON. `packed` is empty where that is not worth it."""

    body: bytes
    tag: str
    packed: bytes

    @staticmethod
    def of(body: bytes) -> JsonAnswer:
        """With its tag, which is that of the contents."""
        is_long = len(body) > _PACKED_FROM
        return JsonAnswer(
            body, tag_of(body), gzip.compress(body, _LEVEL, mtime=0) if is_long else b""
        )

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.body) + len(self.packed)


class Versioned(Generic[T]):
    """Things by what was asked, each as long as its version stands; those asked for longest ago go.

    size    bytes that one takes
    """

    def __init__(self, size: Callable[[T], int], most: int, most_bytes: int) -> None:
        self._size, self._most, self._most_bytes = size, most, most_bytes
        self._held: OrderedDict[Hashable, tuple[Hashable, T]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, asked: Hashable, version: Hashable) -> T | None:
        """What is held for this at this version."""
        found = self._held.get(asked)
        if found is None or found[0] != version:
            return None
        self._held.move_to_end(asked)
        return found[1]

    def put(self, asked: Hashable, version: Hashable, thing: T) -> T:
        """Keep it, in place of what was held for this."""
        before = self._held.pop(asked, None)
        self._bytes += self._size(thing) - (self._size(before[1]) if before else 0)
        self._held[asked] = (version, thing)
        while len(self._held) > self._most or (self._bytes > self._most_bytes and self._held):
            _, (_, gone) = self._held.popitem(last=False)
            self._bytes -= self._size(gone)
        return thing


class AnswerCache:
    """The last answers.

    For one thread, the event loop's; what is made here is made from memory, and once.
    """

    def __init__(self, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._held = Versioned[JsonAnswer](lambda answer: answer.size, most, most_bytes)

    def get(self, asked: Hashable, version: Hashable) -> JsonAnswer | None:
        """What was answered to this at this version."""
        return self._held.get(asked, version)

    def put(self, asked: Hashable, version: Hashable, body: bytes) -> JsonAnswer:
        """Keep an answer."""
        return self._held.put(asked, version, JsonAnswer.of(body))

    def made(self, asked: Hashable, version: Hashable, make: Callable[[], bytes]) -> JsonAnswer:
        """The answer held, or a new one."""
        return self.get(asked, version) or self.put(asked, version, make())


def sent(request: Request, answer: JsonAnswer, *, tag: str | None = None) -> Response:
    """The answer, packed where that is understood; 304 where it is known.

    `tag` is one of its own for what changes with every look, such as the time.
    """
    tag = tag or answer.tag
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding, Authorization"}
    if _is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    if answer.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.packed, headers=headers, media_type="application/json")
    return Response(answer.body, headers=headers, media_type="application/json")


def _is_known(given: str | None, tag: str) -> bool:
    if given is None:
        return False
    known = [each.strip().removeprefix("W/") for each in given.split(",")]
    return given.strip() == "*" or tag.removeprefix("W/") in known
