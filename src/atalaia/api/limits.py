"""How often one may ask, and with how long a body: what is read whole into memory is bounded.

How often: a bucket of tokens a key, or an address where there is no known key. The home has them
(`ports.Meter`), for all processes that answer. Each request takes a token, those that cost more
take more. Every answer says what is left (``RateLimit-*``), but those that caches keep for
everybody; one too many is a Problem (429) with ``Retry-After``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atalaia.api import consoles
from atalaia.api.access import Gate, bearer
from atalaia.api.problem import Problem
from atalaia.domain.rate import Allowance, Rate
from atalaia.ports import Meter

WINDOW_S = 60

HOUR_S = 3600
SUBSCRIPTIONS, CONFIRMATIONS = 30, 60
"""What one address may ask for in an hour, whatever key it shows and however the other limits are
set: each subscription, contact that is added or link that is asked for sends a message to somebody,
and each confirmation is a guess."""

SUBSCRIBING = Rate("subscribing", SUBSCRIPTIONS, HOUR_S, is_exact=True)
CONFIRMING = Rate("confirming", CONFIRMATIONS, HOUR_S, is_exact=True)

COSTS = {
    ("POST", "/v1/preview"): 20,
    ("GET", "/v1/towns"): 2,
    ("POST", "/v1/wishes"): 20,
}
"""Tokens of requests that cost more than a look into memory."""

_SENDS = (("POST", "/v1/subscribe"), ("POST", "/v1/links"))
_ADDS, _CONFIRM = "/contacts", "/confirm"
_TRYING_TIMES = 10
"""How many times its cost a request takes under a key not seen before: guessing is slow."""

_PREVIEW = ("POST", "/v1/preview")
_PREVIEWED_DAYS = 30
"""Days back that the cost of a preview is for; more cost as many times more."""

_DRAWN = {"/share/": 5, "/report/": 20}
"""Where a picture of a shared link, or a report, may have to be drawn; the tokens of each."""

_LED = ("/place/", "/system/", "/widget")
_LIMITED = ("/v1/", "/feeds/", "/readyz", "/metrics", *_DRAWN, *_LED, *consoles.LIMITED)
_FREE = ("/v1/events", "/v1/whatsapp", "/v1/telegram")
"""Events are bounded by how many may listen; bots' calls are signed, and come when they come."""

_NETWORK_BITS = 64

MOST_HELD, _SHARES = 32_000_000, 4
"""Bytes of all bodies that are under way, and what part of them one address may have: whoever sends
nearly all of many bodies takes no memory that others need."""

_AGAIN_S = 2


class RateLimits:
    """ASGI middleware. The operator's key is not limited: what it asks for is the watch's own work.

    Subscribing and confirming count by network address alone, and always. A signed link earns no
    bucket of its own: anybody makes as many as they like.

    limit    tokens a minute; 0: no limit on the rest
    """

    def __init__(
        self, app: ASGIApp, gate: Gate, limit: int, meter: Callable[[Rate], Meter]
    ) -> None:
        self._app = app
        self._gate = gate
        rates = [SUBSCRIBING, CONFIRMING]
        self._rest = Rate("asking", limit, WINDOW_S) if limit else None
        if self._rest is not None:
            rates.append(self._rest)
        self._meters = {rate: meter(rate) for rate in rates}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may go."""
        found = self._found(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        rate, name, cost = found
        meter = self._meters[rate]
        taken = meter.at_hand(name, cost)
        if taken is None:
            taken = await asyncio.to_thread(meter.take, name, cost)
        headers = _headers(rate, taken)
        if not taken.is_allowed:
            problem = Problem(
                429,
                f"more than {rate.limit} in {rate.window_s} s; come again after Retry-After",
                headers={**headers, "Retry-After": str(taken.retry_in)},
            )
            await problem.response()(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = MutableHeaders(scope=message)
                # What caches keep for everybody does not say what one of them has left.
                if not said.get("Cache-Control", "").startswith("public"):
                    said.update(headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _found(self, scope: Scope) -> tuple[Rate, str, int] | None:
        """At which rate, whose bucket, and how much a request takes; None: it is not limited."""
        method, path = scope["method"], scope.get("path", "").rstrip("/")
        client = scope.get("client")
        address = network(client[0] if client else "")
        if (method, path) in _SENDS or (method == "POST" and path.endswith(_ADDS)):
            return SUBSCRIBING, address, 1
        if method == "POST" and path.endswith(_CONFIRM):
            return CONFIRMING, address, 1
        is_limited = f"{path}/".startswith(_LIMITED) and not path.startswith(_FREE)
        if self._rest is None or not is_limited:
            return None
        whose = self._whose(scope, address)
        if whose is None:
            return None
        name, times = whose
        return self._rest, name, times * _cost(method, path, scope.get("query_string", b""))

    def _whose(self, scope: Scope, address: str) -> tuple[str, int] | None:
        """Whose bucket, and how many times its cost a request takes; None: the operator's, which
        has none."""
        headers = dict(scope["headers"])
        given = bearer(headers.get(b"authorization", b"").decode("latin-1"))
        caller = self._gate.known(given) if given else None
        if caller is not None and caller.link is not None:
            return f"address:{address}", 1
        if caller is not None:
            return None if caller.is_operator else (f"key:{caller.name}", 1)
        # Apart, so that who has a key gets in where others of the same address used theirs up.
        return (f"trying:{address}", _TRYING_TIMES) if given else (f"address:{address}", 1)


def _headers(rate: Rate, taken: Allowance) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(rate.limit),
        "RateLimit-Remaining": str(taken.left),
        "RateLimit-Reset": str(taken.full_in),
        "RateLimit-Policy": f"{rate.limit};w={rate.window_s}",
    }


def _cost(method: str, path: str, query: bytes) -> int:
    drawing = next((n for prefix, n in _DRAWN.items() if path.startswith(prefix)), 1)
    cost = COSTS.get((method, path), drawing)
    if (method, path) == _PREVIEW:
        days = parse_qs(query.decode("latin-1")).get("days", [""])[-1]
        wanted = int(days) if days.isascii() and days.isdecimal() and len(days) < 6 else 0
        return cost * max(1, math.ceil(wanted / _PREVIEWED_DAYS))
    return cost


def network(address: str) -> str:
    """An address; of IPv6 the network that one customer has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
    return str(found)


def is_loopback(address: str) -> bool:
    """Whether it is this machine's own, or no network address at all."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True


class BodyLimit:
    """ASGI middleware. A body that says, or turns out, to be longer is a Problem (413); one for
    which there is no room beside those of others is one, too (503).

    most    bytes
    free    paths that have a limit of their own
    held    bytes of all bodies that are under way; of these an address has its share, but for
            loopback, where a proxy speaks for all its clients
    """

    def __init__(
        self, app: ASGIApp, most: int, free: tuple[str, ...], held: int = MOST_HELD
    ) -> None:
        self._app = app
        self._most = most
        self._free = free
        self._most_held = held
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is short enough, once all of it is there."""
        if scope["type"] != "http" or scope["path"] in self._free or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        client = scope.get("client")
        held = _Held(self._held, client[0] if client else "", self._most_held)
        try:
            body = await self._read(receive, held) if int(stated) <= self._most else None
            if body is None:
                await self._refused(held).response()(scope, receive, send)
                return
            parts = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def replay() -> Message:
                return next(parts, None) or await receive()

            await self._app(scope, replay, send)
        finally:
            held.let_go()

    def _refused(self, held: _Held) -> Problem:
        if held.has_room:
            return Problem(413, f"more than {self._most} bytes; send less")
        again = {"Retry-After": str(_AGAIN_S)}
        return Problem(503, "too many bodies are under way; come again", headers=again)

    async def _read(self, receive: Receive, held: _Held) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)  # the client has gone; nobody reads the answer
            part = message.get("body", b"")
            held.take(len(part))
            if len(body) + len(part) > self._most or not held.has_room:
                return None
            body += part
            if not message.get("more_body"):
                return bytes(body)


class _Held:
    """What one request's body takes of the room for all of them."""

    def __init__(self, held: Counter[str], address: str, most: int) -> None:
        self._held = held
        self._most = most
        self._share = most if is_loopback(address) else most // _SHARES
        self._address = network(address)
        self._size = 0

    def take(self, size: int) -> None:
        """So many bytes more."""
        self._size += size
        self._held[self._address] += size

    @property
    def has_room(self) -> bool:
        """Whether no more is held than may be."""
        return self._held.total() <= self._most and self._held[self._address] <= self._share

    def let_go(self) -> None:
        """The request is over."""
        self._held[self._address] -= self._size
        if self._held[self._address] <= 0:
            del self._held[self._address]
