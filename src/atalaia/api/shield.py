"""What comes before all routes: which host is asked for, how long a body may take, what is logged.

    connection ─► (api.connections) ─► (api.consoles) ─► Shield ─► limits ─► body ─► routes

Logged are who was refused, who changed something of people or of the watch, by whatever key, link
or code, and who read what is kept of a person: role or kind of the key, route, outcome, and whether
the address is of this machine, of a private network or of neither; never the address, no pseudonym,
and no token of a link. What is done by talking to a bot passes no route: `people.service` logs it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable, Collection
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atalaia.api.access import Caller, Gate, bearer
from atalaia.api.problem import Problem, route_of
from atalaia.logs import Logger
from atalaia.people import answering, leave

BODY_S = 30.0
"""A body that is not all there by then is not waited for."""

LINES_A_MINUTE = 60
"""Of the log of refusals: the rest is counted in one line."""

_REFUSED = (400, 401, 403, 408, 413, 429)
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")
_READS = ("GET", "HEAD")
_PERSON = "/v1/people/"
_LINKS = (answering.PATH, leave.PATH)
_GUARDED = (
    *(_PERSON, "/v1/subscriptions", "/v1/subscribe", "/v1/silences", "/v1/drills"),
    *("/v1/deliveries", "/v1/links", *_LINKS),
)
_HARMLESS = "/received"
"""What is said by a message's link so often as messages are got."""

_NUMBER = re.compile(rb"[0-9]{1,15}")

log = Logger(about="security")


class Shield:
    """ASGI middleware, before all that answer.

    hosts    names that a request's Host may have; none: any
    now      Unix seconds, or any clock that only grows
    """

    def __init__(
        self, app: ASGIApp, gate: Gate, hosts: Collection[str], now: Callable[[], float]
    ) -> None:
        self._app = app
        self._gate = gate
        self._hosts = frozenset(host.lower() for host in hosts)
        self._now = now
        self._minute, self._lines = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may go, and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = MutableHeaders(scope=message)
                said["X-Content-Type-Options"] = "nosniff"
                said.setdefault("Cache-Control", "no-store")  # what may be kept says so itself
            await send(message)

        headers = dict(scope["headers"])
        try:
            self._check(headers)
            await self._app(scope, _in_time(receive), send_safely)
        except Problem as problem:
            if status:  # it began to answer: there is nothing more to say
                raise
            await problem.response()(scope, receive, send_safely)
        self._note(scope, headers, status)

    def _check(self, headers: dict[bytes, bytes]) -> None:
        if self._hosts and _name(headers.get(b"host", b"")) not in self._hosts:
            raise Problem(400, "this host is not served here; see api.hosts in the settings")
        if not _NUMBER.fullmatch(headers.get(b"content-length", b"0")):
            raise Problem(400, "Content-Length is no number that a body can have")

    def _note(self, scope: Scope, headers: dict[bytes, bytes], status: int) -> None:
        given = bearer(headers.get(b"authorization", b"").decode("latin-1"))
        method, path = scope["method"], scope["path"]
        told = {"status": status, **_told(scope, given, self._gate.known(given) if given else None)}
        is_guarded = path.startswith(_GUARDED)
        # What is somebody else's is not there, and nor is what a link that is none leads to.
        if status in _REFUSED or (status == 404 and is_guarded):
            self._refused(**told)
        elif status < 400 and is_guarded and method in _CHANGES and not path.endswith(_HARMLESS):
            log.info("changed", **told)
        elif status < 400 and method in _READS and f"{path}/".startswith(_PERSON):
            log.info("read", **told)

    def _refused(self, **told: Any) -> None:
        minute = int(self._now() // 60)
        if minute != self._minute:
            if self._lines > LINES_A_MINUTE:
                log.warning("more were refused", number=self._lines - LINES_A_MINUTE)
            self._minute, self._lines = minute, 0
        self._lines += 1
        if self._lines <= LINES_A_MINUTE:
            log.warning("refused", **told)


def _told(scope: Scope, given: str, caller: Caller | None) -> dict[str, str]:
    path = scope["path"]
    return {
        "method": scope["method"],
        "route": route_of(path),
        "key": "a link" if path.startswith(_LINKS) else _key_of(given, caller),
        "scopes": ",".join(sorted(caller.scopes)) if caller else "",
        "from_": _class_of(scope.get("client")),
    }


def _key_of(given: str, caller: Caller | None) -> str:
    """Which key, in words that name no person."""
    if not given:
        return "none"
    if caller is None:
        return "unknown"
    if caller.person is None:
        return caller.name
    return "a person's" if caller.link is None else "a link"


def _class_of(client: tuple[str, int] | None) -> str:
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0]) if client else None
    except ValueError:
        address = None
    if address is None:
        return "unknown"
    return "loopback" if address.is_loopback else "private" if address.is_private else "public"


def _name(host: bytes) -> str:
    """The name in a Host header, without its port."""
    text = host.decode("latin-1").lower()
    return text.rpartition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]


def _in_time(receive: Receive) -> Receive:
    """The same, until the body is there; it raises a Problem (408) where that takes too long."""
    is_whole = False
    until = asyncio.get_running_loop().time() + BODY_S

    async def received() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise Problem(
                408, f"the body was not there after {BODY_S:g} s; send it again"
            ) from None
        is_whole = not message.get("more_body", False)
        return message

    return received
